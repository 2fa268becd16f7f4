"""Who may come in: this server's own pages only, and, where a password or a proxy's header is asked for, whoever has it."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from tornado.web import HTTPError, RequestHandler

from opsnb.errors import InputError

HERE = ("127.0.0.1", "localhost", "[::1]")
COOKIE, DAYS = "opsnb_in", 30
SHORTEST = 10  # characters of a password
WRONG, MINUTE = 5, 60.0  # wrong passwords in a minute, then nobody is heard until it has passed

CONTENT_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:", "font-src 'self' data:",
    "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'self'"))


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


class Door:
    """Whether a request comes from somebody known. Without a password and a header everybody is: the server listens here only."""

    def __init__(self, password: str = "", header: str = ""):
        self.password, self.header = password, header
        self._wrong: list[float] = []

    def knows(self, handler: RequestHandler) -> bool:
        """Has the visitor entered the password, or has the proxy in front of us let the visitor through."""
        if self.header and handler.request.headers.get(self.header, "").strip():
            return True
        if self.password:
            return handler.get_signed_cookie(COOKIE, max_age_days=DAYS) is not None
        return not self.header

    def enter(self, handler: RequestHandler, password: str, now: float) -> bool:
        """Lets the visitor in if the password is right; after five wrong ones in a minute nobody is heard."""
        self._wrong = [then for then in self._wrong if now - then < MINUTE]
        if len(self._wrong) >= WRONG:
            return False
        if not self.password or not hmac.compare_digest(password.encode(), self.password.encode()):
            self._wrong.append(now)
            return False
        handler.set_signed_cookie(COOKIE, "in", expires_days=DAYS, httponly=True, samesite="Lax", path=handler.settings["base_url"],
                                  secure=handler.request.headers.get("X-Forwarded-Proto") == "https")
        return True


class Guarded:
    """What every handler of this server asks first, also those that are Voila's."""

    open_to_all = False  # the page that asks for the password

    async def prepare(self: Any) -> None:
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            self.set_header("Content-Security-Policy", CONTENT_POLICY)
        if foreign(self.request.headers, self.request.host):
            raise HTTPError(403, "asked for by a foreign page")
        if not self.open_to_all and not self.settings["door"].knows(self):
            if self.settings["door"].password and self.request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate" \
                    and self.request.method == "GET" and self.request.headers.get("Upgrade", "") == "":
                return self.redirect(self.settings["base_url"] + "login")
            raise HTTPError(403, "not let in")
        made = super().prepare()
        if made is not None:
            await made

    def check_origin(self: Any, origin: Any = None) -> bool:
        """For websockets, which Tornado asks again."""
        return not foreign(self.request.headers, self.request.host)


def foreign(headers: Any, host: str) -> bool:
    """Does another site's page ask. A link on it may be followed; what its scripts, forms and frames ask for is refused.

    >>> foreign({"Origin": "http://evil.example"}, "127.0.0.1:8866"), foreign({"Origin": "http://127.0.0.1:8866"}, "127.0.0.1:8866")
    (True, False)
    >>> [foreign({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}, "127.0.0.1:8866") for mode in ("no-cors", "navigate")]
    [True, False]
    """
    origin = headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return True
    return headers.get("Sec-Fetch-Site") == "cross-site" and not (
        headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest", "document") == "document")


def now() -> float:
    return time.monotonic()
