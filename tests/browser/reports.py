"""Helpers of the browser tests: a page of outputs exported as a report, and Chromium that sees only this machine."""

import os
import random
import shutil
from contextlib import contextmanager
from types import MappingProxyType

import nbformat
import pytest

from opsnb import apps

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def report(*parts, lang="en", title="Test"):
    """The HTML of a notebook whose cells have put out ``parts`` (a text is a markdown cell)."""
    from nbconvert import HTMLExporter

    from opsnb.views.jupyter import SHARE, TEMPLATES

    notebook = nbformat.v4.new_notebook(metadata={"opsnb": {"lang": lang}, "title": title})
    for part in parts:
        if isinstance(part, str):
            notebook.cells.append(nbformat.v4.new_markdown_cell(part))
        else:
            notebook.cells.append(nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("display_data", data=part.bundle)]))
    exporter = HTMLExporter(
        template_name="opsnb",
        extra_template_basedirs=[str(TEMPLATES)],
        extra_template_paths=[str(SHARE)],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    return exporter.from_notebook_node(notebook)[0]


def own_port():
    """A free port that no other test's server has: the first free one would be found by two at once, and one above 32768 the system may give to
    somebody else's connection before the server has begun to listen."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        if apps._is_free(port):
            return port


@contextmanager
def browser():
    """Chromium through Playwright; the test is skipped by name where there is none."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Visit:
    """A page in which every request to the outside is refused and counted, every error and warning kept, and what websockets say."""

    def __init__(self, chromium, *, width=1100, height=900):
        self.outside, self.errors, self.warnings, self.heard = [], [], [], []
        self.page = chromium.new_page(viewport={"width": width, "height": height})
        self.page.route("**/*", self._pass_or_refuse)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._said)
        self.page.on("websocket", lambda socket: socket.on("framereceived", self._hear))

    def _said(self, message):
        if message.type in ("error", "warning"):
            (self.errors if message.type == "error" else self.warnings).append(message.text)

    def _hear(self, message):
        self.heard.append(message if isinstance(message, str) else message.decode("utf-8", "replace"))

    def _pass_or_refuse(self, route):
        url = route.request.url
        if url.startswith(("file:", "data:", "blob:", "about:", "http://127.0.0.1:", "ws://127.0.0.1:")):
            route.continue_()
        else:
            self.outside.append(url)
            route.abort()

    def open(self, address, charts=None, timeout=60_000):
        """Opens ``address`` and waits until ``charts`` charts are drawn."""
        self.page.goto(address, timeout=timeout)
        if charts:
            self.page.wait_for_function("n => document.querySelectorAll('[data-drawn]').length >= n", arg=charts, timeout=timeout)
        return self.page

    def leave(self):
        """Closes the page, so that its place is free for the next. A farewell that a handler of ours held up as the page goes would be lost."""
        self.page.unroute_all()
        self.page.goto("about:blank")
        self.page.close()


@contextmanager
def running(log, *, environment=MappingProxyType({}), **options):
    """The server of the apps, once it answers; what it says is in the file ``log``. ``options`` are those of :func:`opsnb.apps.start`."""
    with log.open("wb") as file:
        server = apps.start({**os.environ, **environment}, port=own_port(), log=file, **options)
        server.log = log
        try:
            up(server)
            yield server
        finally:
            server.stop()


def up(server):
    """Waits until the server of the apps answers; fails with its log if it has ended."""
    import http.client
    from urllib.parse import urlsplit

    address = urlsplit(server.address)
    while server.process.poll() is None:
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
        try:
            connection.request("GET", address.path + "pages/app.js")
            connection.getresponse().read()
        except ConnectionRefusedError:
            server.process.poll()
        else:
            return
        finally:
            connection.close()
    pytest.fail(server.log.read_text(encoding="utf-8"))


def answering(page, address, process, log):
    """Goes to ``address`` as soon as the server answers; fails with its log if it has ended."""
    from playwright.sync_api import Error

    for _ in range(600):  # each refused try is followed by a tenth of a second in the browser
        if process.poll() is not None:
            pytest.fail(log.read_text(encoding="utf-8"))
        try:
            page.goto(address)
        except Error as error:
            if "ERR_CONNECTION_REFUSED" not in str(error):
                raise
            page.wait_for_timeout(100)
        else:
            return
    pytest.fail(f"{address} does not answer")
