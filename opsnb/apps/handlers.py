"""The addresses of the apps: an app's page, whether it still lives, its end, the password's page, and everything that is not there."""

from __future__ import annotations

import asyncio
import logging
import os
import time
import uuid
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from tornado.web import HTTPError, RequestHandler

from opsnb.apps import asked, door, latest, rehearsal, shelf, visitors
from opsnb.apps.door import Guarded
from opsnb.errors import ParameterError
from opsnb.runs import visits
from opsnb.views import language, page
from opsnb.views.language import _

LANGUAGE_COOKIE = "opsnb_lang"
RETRY_SECONDS, SOON_SECONDS = 4, 2  # until a page asks again that waits for others, and for the visitor's own
log = logging.getLogger("opsnb.apps")


@cache
def templates() -> Environment:
    """The pages' templates; every text in them is escaped."""
    made = Environment(loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    made.globals["_"] = language._
    made.filters["markdown"] = markdown
    made.filters["flowing"] = lambda text: Markup(page.flowing(text))
    return made


@lru_cache(maxsize=500)
def markdown(source: str) -> Markup:
    """A notebook's markdown as HTML."""
    from nbconvert.filters import markdown2html

    return Markup(markdown2html(source))


class Page(Guarded, RequestHandler):
    """A page of ours: in the visitor's language, and with a sentence for every failure."""

    @property
    def lang(self) -> str:
        return asked.language_of(self.request.query, self.get_cookie(LANGUAGE_COOKIE, "") or "", self.request.headers.get("Accept-Language", ""),
                                 self.settings["apps"].lang)

    def show(self, template: str, **said: Any) -> None:
        """Writes a page; a language that the address asks for is remembered."""
        self.finish(self.text(template, **said))

    def text(self, template: str, **said: Any) -> str:
        lang, base = self.lang, self.settings["base_url"]
        self.remember(lang)
        self.set_header("Cache-Control", "no-store")
        with language.using(lang):
            return templates().get_template(template).render(base=base, lang=lang, other="en" if lang == "zh" else "zh",
                                                             switch=self.switch(), **said)

    def remember(self, lang: str) -> None:
        if ("lang", lang) in asked.pairs(self.request.query):
            self.set_cookie(LANGUAGE_COOKIE, lang, expires_days=365, samesite="Lax", httponly=True, path=self.settings["base_url"])

    def switch(self, lang: str = "") -> str:
        """This page's address in a language; else in the other one."""
        kept = [(name, value) for name, value in asked.pairs(self.request.query) if name != "lang"]
        return self.here() + "?" + urlencode([*kept, ("lang", lang or ("en" if self.lang == "zh" else "zh"))])

    def here(self) -> str:
        """This page's path; the list's for one that a browser might take for another server's."""
        path, base = self.request.path, self.settings["base_url"]
        return path if path.startswith(base) and not path.startswith(("//", "/\\")) else base

    def say(self, status: int, title: str, text: str, *, again: str = "", does: str = "", number: str = "") -> None:
        """A page of one sentence and what to do: a link to ``again``, which ``does`` that, or tries again."""
        self.set_status(status)
        self.show("message.html", title=title, text=text, again=again, does=does, number=number)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        number = ""
        if status_code >= 500 and "exc_info" in kwargs:
            number = page.error_id(kwargs["exc_info"][1])
            log.error("error %s at %s", number, self.request.path, exc_info=kwargs["exc_info"])
        with language.using(self.lang):
            title, text = _said(status_code)
        self.say(status_code, title, text, again=self.switch(self.lang) if status_code >= 500 else "", number=number)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if isinstance(value, HTTPError):
            super().log_exception(typ, value, tb)  # the others are logged with their number


def _said(status: int) -> tuple[str, str]:
    if status == 404:
        return _("There is no such page"), _("The address may have been mistyped, or the page has been removed.")
    if status == 403:
        return _("You have not been let in"), _("Open the page from the list of apps, or ask whoever runs the apps.")
    if status == 503:
        return _("All places are taken"), _("Try again in a moment.")
    if status < 500:
        return _("This address cannot be used"), _("Open the page from the list of apps.")
    return _("This page could not be made"), _("Try again. If it happens again, tell whoever runs the apps this number.")


class Nothing(Page):
    """Whatever is not on the list, also for a wrong host."""

    async def prepare(self) -> None:
        raise HTTPError(404)


class Login(Page):
    """Asks for the password."""

    open_to_all = True

    def get(self) -> None:
        if self.settings["door"].knows(self):
            self.redirect(self._back())
        elif not self.settings["door"].password:
            raise HTTPError(403)
        else:
            self.show("login.html", wrong=False, query=self.request.query)

    def post(self) -> None:
        if self.settings["door"].enter(self, self.get_body_argument("password", "")[:500], door.now()):
            self.redirect(self._back(), status=303)
        else:
            self.set_status(403)
            self.show("login.html", wrong=True, query=self.request.query)

    def _back(self) -> str:
        """The page that the visitor had asked for."""
        return door.back(dict(asked.pairs(self.request.query)).get("next", ""), self.settings["base_url"])


class Logout(Page):
    """Takes the visitor's pass back and ends the pages that the visitor has open."""

    open_to_all = True  # another tab may have done it before

    async def post(self) -> None:
        manager, base = self.settings["kernel_manager"], self.settings["base_url"]
        for visit in visitors.pages(self.settings["visits"], visitors.mark(self)):
            await manager.end(visit.kernel_id)
        self.clear_cookie(visitors.COOKIE, path=base)
        self.settings["door"].leave(self)
        self.redirect(base + "login", status=303)


class App(Page):
    """An app: the page with its headings and the last run's findings at once, while a kernel starts to compute it."""

    left = False

    def on_connection_close(self) -> None:
        """The visitor has gone before the page was there."""
        self.left = True

    async def get(self, name: str) -> None:
        apps = self.settings["apps"]
        path = shelf.path(apps.root_dir, name)
        if path is None:
            raise HTTPError(404)
        notebook, schema = shelf.read(path)
        try:
            parameters, controls = asked.asked(self.request.query, schema)
        except ParameterError as error:
            log.info("refused: %s", error)
            with language.using(self.lang):
                return self.say(400, _("This link asks for something that this page does not offer"),
                                _("Open the page as it is and choose there."), again=self.request.path, does=_("Open the page without these choices"))
        owner, lang = visitors.marked(self), self.lang
        if not await self._may_have_more(owner) or not await self._may_enter(name, owner):
            return None
        made = shelf.app(notebook, lang)
        visit = visits.Visit(name, made, lang, owner=owner)
        named = self.settings["rehearsal"].named(path, parameters, lang)
        await self._start(visit, parameters | {"lang": lang}, controls, named)
        if self.left:
            return await self.settings["kernel_manager"].end(visit.kernel_id)
        earlier = rehearsal.current(apps.out, named["page"]) or self._earlier(name, parameters, lang)
        self.write(self.text("app.html", title=made.metadata.title, cells=list(enumerate(made.cells)), kernel_id=visit.kernel_id, earlier=earlier))
        return await self.finish()

    def _earlier(self, name: str, parameters: dict[str, Any], lang: str) -> str:
        """The last run's findings, if the address asks for no other page than a run makes."""
        found = None if parameters else latest.found(self.settings["apps"].out, name)
        return latest.card(found, lang) if found else ""

    async def _may_have_more(self, owner: str) -> bool:
        """Has the visitor fewer pages open than one may have; else says which, and the page opens by itself once one of them is closed."""
        opened = self._opened(owner)
        if opened:
            await self.settings["kernel_manager"].make_room(owner)
            opened = self._opened(owner)
        if not opened:
            return True
        self._ask_again(SOON_SECONDS)  # one that is opened anew is still open when it is asked for
        self.show("enough.html", open=[visit.notebook.metadata.title for visit in opened])
        return False

    def _opened(self, owner: str) -> list[visits.Visit]:
        """The visitor's open pages, if they are as many as one may have; else none."""
        everyones = self.settings["visits"]
        opened = visitors.pages(everyones, owner)
        return opened if len(opened) >= visitors.most(self.settings["queue"].places, len(everyones) - len(opened)) else []

    async def _may_enter(self, name: str, owner: str) -> bool:
        """Is there a place; else says how many are before the visitor, and the page asks again by itself."""
        manager, queue = self.settings["kernel_manager"], self.settings["queue"]
        before = queue.ahead(owner, taken=manager.taken, now=time.monotonic())
        if before:
            await manager.make_room()
            before = queue.ahead(owner, taken=manager.taken, now=time.monotonic())
        if not before:
            return True
        self._ask_again(RETRY_SECONDS)
        self.show("busy.html", before=before, earlier=self._earlier(name, {}, self.lang))
        return False

    def _ask_again(self, seconds: int) -> None:
        self.set_status(503)
        self.set_header("Retry-After", str(seconds))
        self.set_header("Refresh", str(seconds))

    async def _start(self, visit: visits.Visit, parameters: dict[str, Any], controls: dict[str, str], named: dict[str, str]) -> None:
        manager, apps = self.settings["kernel_manager"], self.settings["apps"]
        kernel_id = str(uuid.uuid4())
        env = {**os.environ, **visits.write_asked(apps.connection_dir, kernel_id, parameters, controls, named)}
        self.settings["visits"][kernel_id] = visit
        try:
            visit.kernel_id = await manager.start_kernel(kernel_name="python3", kernel_id=kernel_id, env=env, cwd=apps.root_dir)
        except BaseException:
            self.settings["visits"].pop(kernel_id, None)
            raise
        visit.seen = time.monotonic()
        visit.task = asyncio.create_task(visit.run(manager.get_kernel(kernel_id)))


class Alive(Page):
    """Does the page's kernel still run: a page asks now and then, which also says that it is still open."""

    async def get(self, kernel_id: str) -> None:
        visit, manager = visitors.own(self, kernel_id), self.settings["kernel_manager"]
        if visit is None or kernel_id not in manager or not await manager.get_kernel(kernel_id).is_alive():
            self.set_status(410)
            return self.finish()
        visit.hear()
        self.set_status(204)
        return self.finish()


class End(Page):
    """A page that is being closed gives its place back."""

    async def post(self, kernel_id: str) -> None:
        if visitors.own(self, kernel_id) is None:
            raise HTTPError(404)
        await self.settings["kernel_manager"].end(kernel_id)
        self.set_status(204)
