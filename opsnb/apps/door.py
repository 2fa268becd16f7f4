"""Who may come in: this server's own pages only, and, where a password or a proxy's header is asked for, whoever has it."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tornado.web import HTTPError, RequestHandler

from opsnb.errors import InputError

HERE = ("127.0.0.1", "localhost", "[::1]")
COOKIE, DAYS = "opsnb_in", 30
SHORTEST = 10  # characters of a password
WRONG, WRONG_OF_ALL, MINUTE = 5, 50, 60.0  # wrong passwords of one visitor, and of all, in a minute: then they are not heard until it has passed
LEFT = "door.left"  # passes that were given back
KEY = "door.key"  # with which the cookies are signed, kept so that nobody has to come in again after a restart

CONTENT_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:", "font-src 'self' data:",
    "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'self'"))
HEADERS = {"Content-Security-Policy": CONTENT_POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
           "Cross-Origin-Resource-Policy": "same-origin"}  # of every answer, those that something went wrong included
_BACK = r"(app/[a-z]\w{0,60}|report/[0-9a-f]{6,32}/[a-z.]{1,30})(\?[!-\[\]-~]{0,8000})?"  # pages that links lead to


def may_listen(ip: str, password: str, header: str) -> None:
    """Raises InputError for an address that others can reach if nothing is asked of them."""
    if password and len(password) < SHORTEST:
        raise InputError(f"OPSNB_PASSWORD is shorter than {SHORTEST} characters")
    if ip not in ("127.0.0.1", "::1", "localhost") and not (password or header):
        raise InputError(f"listening on {ip} lets others in: set OPSNB_PASSWORD, or --proxy-header to the header that your proxy sets for known users")


def hosts_pattern(ip: str, hosts: Iterable[str]) -> str:
    """A pattern of the names by which the server may be asked for: a page of another name that points here reads nothing.

    >>> bool(re.match(hosts_pattern("127.0.0.1", ["ops.example.com"]), "ops.example.com"))
    True
    >>> bool(re.match(hosts_pattern("127.0.0.1", []), "evil.example"))
    False
    """
    own = [] if ip in ("0.0.0.0", "::", "") else [ip]
    return "^(" + "|".join(re.escape(host) for host in dict.fromkeys([*HERE, *own, *hosts])) + ")$"


def secret(folder: Path, password: str) -> bytes:
    """With what the cookies of those let in are signed: the same after a restart, another once the password is another."""
    path = folder / KEY
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    return hmac.digest(path.read_bytes(), password.encode(), "sha256")


def back(asked: str, base_url: str) -> str:
    """Where a visitor who has been let in goes: to the page that was asked for, if it is one of ours, else to the list.

    >>> back("/ops/app/funnel?days=30&lang=zh", "/ops/"), back("//evil.example/app/funnel", "/"), back("/app/funnel\\\\evil", "/")
    ('/ops/app/funnel?days=30&lang=zh', '/', '/')
    """
    return asked if re.fullmatch(re.escape(base_url) + _BACK, asked, re.ASCII) else base_url


class Door:
    """Whether a request comes from somebody known. Without a password and a header everybody is: the server listens here only."""

    def __init__(self, password: str = "", header: str = ""):
        self.password, self.header = password, header
        self._wrong: list[tuple[float, str]] = []
        self._left: set[str] = set()
        self._kept: Path | None = None

    def keep(self, folder: Path) -> None:
        """The passes that are given back are remembered in this folder, also after a restart."""
        self._kept = folder / LEFT
        if self._kept.exists():
            self._left |= set(self._kept.read_text(encoding="ascii").split())

    def knows(self, handler: RequestHandler) -> bool:
        """Has the visitor entered the password, or has the proxy in front of us let the visitor through."""
        if self.header and handler.request.headers.get(self.header, "").strip():
            return True
        if self.password:
            return bool(self.pass_of(handler))
        return not self.header

    def pass_of(self, handler: RequestHandler) -> str:
        """What the visitor was given for the password, as it is remembered here; empty without it, and for one that was given back."""
        had = handler.get_signed_cookie(COOKIE, max_age_days=DAYS) if self.password else None
        digest = hashlib.sha256(had or b"").hexdigest()
        return digest if had is not None and digest not in self._left else ""

    def leave(self, handler: RequestHandler) -> None:
        """Takes the visitor's pass back: the cookie goes, and a copy of it lets nobody in."""
        if had := self.pass_of(handler):
            self._left.add(had)
            if self._kept is not None:
                with open(os.open(self._kept, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="ascii") as file:
                    file.write(f"{had}\n")
        handler.clear_cookie(COOKIE, path=handler.settings["base_url"])

    def enter(self, handler: RequestHandler, password: str, now: float) -> bool:
        """Lets the visitor in if the password is right; who has said five wrong ones in a minute is not heard, and nobody after fifty of all."""
        who = visitor(handler.request)
        self._wrong = [(then, one) for then, one in self._wrong if now - then < MINUTE]
        if len(self._wrong) >= WRONG_OF_ALL or sum(one == who for _then, one in self._wrong) >= WRONG:
            return False
        if not self.password or not hmac.compare_digest(password.encode(), self.password.encode()):
            self._wrong.append((now, who))
            return False
        handler.set_signed_cookie(COOKIE, secrets.token_urlsafe(16), expires_days=DAYS, httponly=True, samesite="Lax",
                                  path=handler.settings["base_url"], secure=secure(handler))
        return True


def secure(handler: RequestHandler) -> bool:
    """Does the visitor's browser speak HTTPS, with the proxy before us: then a cookie is for HTTPS only."""
    return bool(handler.request.headers.get("X-Forwarded-Proto") == "https")


def visitor(request: Any) -> str:
    """The address that a request comes from: what the proxy before us says, else the other end's."""
    return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()[:60] or str(request.remote_ip)


class Guarded:
    """What every handler of this server asks first, also those that are Voila's."""

    open_to_all = False  # the page that asks for the password

    def set_default_headers(self: Any) -> None:
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    async def prepare(self: Any) -> None:
        if foreign(self.request.headers, self.request.host):
            raise HTTPError(403, "asked for by a foreign page")
        if not self.open_to_all and not self.settings["door"].knows(self):
            if self.settings["door"].password and self.request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate" \
                    and self.request.method == "GET" and self.request.headers.get("Upgrade", "") == "":
                return self.redirect(self.settings["base_url"] + "login" + _asking(self.request, self.settings["base_url"]))
            raise HTTPError(403, "not let in")
        made = super().prepare()
        if made is not None:
            await made

    def check_origin(self: Any, origin: Any = None) -> bool:
        """For websockets, which Tornado asks again."""
        return not foreign(self.request.headers, self.request.host)


def _asking(request: Any, base_url: str) -> str:
    """What the login page is told: the page that was asked for, and its language."""
    lang = [("lang", value) for name, value in parse_qsl(request.query[:1_000]) if name == "lang" and len(value) == 2][-1:]
    wanted = [("next", request.uri)] if back(request.uri, base_url) != base_url else []
    return "?" + urlencode(wanted + lang) if wanted or lang else ""


def foreign(headers: Any, host: str) -> bool:
    """Does another site's page ask, or one of another port or subdomain. A link on it may be followed; what its scripts, forms and frames
    ask for is refused.

    >>> foreign({"Origin": "http://evil.example"}, "127.0.0.1:8866"), foreign({"Origin": "http://127.0.0.1:8866"}, "127.0.0.1:8866")
    (True, False)
    >>> [foreign({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}, "127.0.0.1:8866") for mode in ("no-cors", "navigate")]
    [True, False]
    """
    origin = headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return True
    return headers.get("Sec-Fetch-Site") in ("cross-site", "same-site") and not (
        headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest", "document") == "document")


def now() -> float:
    return time.monotonic()
