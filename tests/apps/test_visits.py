"""A place is free again when its page is closed, also when the page's farewell has been lost."""

import re
import socket
import sys
import time
from pathlib import Path

import nbformat
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "views")]
from make_notebook import notebook  # noqa: E402
from served import served  # noqa: E402

from opsnb.runs import visits  # noqa: E402

APP = "/app/funnel_diagnosis?lang=en"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("visits")
    nbformat.write(notebook(Path(__file__).parents[1] / "views"), made / "funnel_diagnosis.ipynb")
    return made


@pytest.fixture
def server(folder, monkeypatch):
    async def run(self, kernel):
        return

    monkeypatch.setattr(visits.Visit, "run", run)
    with served(folder, places=1) as running:
        yield running


def opened(server):
    """The visit of a page that has been opened, as the server knows it; no place is free then."""
    status, _headers, text = server.ask(APP)
    assert status == 200
    server.kernels.taken = 1
    return server.settings["visits"][re.search(r'data-kernel="([^"]+)"', text)[1]]


def listens(server, visit):
    from websockets.sync.client import connect

    return connect(f"ws://127.0.0.1:{server.port}/voila/execution/{visit.kernel_id}")


def until(true):
    """Waits for what the server does in its own time."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def waits(server):
    """Is the next visitor told to wait; a page that was ended gives its place."""
    server.kernels.taken = len(server.kernels)
    status, _headers, _text = server.ask(APP)
    if status == 503:
        server.kernels.taken = len(server.kernels)
        status, _headers, _text = server.ask(APP)
    return status == 503


def test_a_page_is_open_as_long_as_it_has_a_connection(server):
    visit = opened(server)
    with listens(server, visit):
        until(lambda: visit.heard and visit.sockets)
        visit.seen -= 100
        assert waits(server)
        assert list(server.kernels) == [visit.kernel_id]
    until(lambda: not visit.sockets)
    assert waits(server)  # a connection may be lost for a moment
    visit.seen -= 20
    server.ask(APP)
    assert visit.kernel_id not in server.kernels


def test_a_page_that_never_asked_for_anything_keeps_nobody_waiting_for_long(server):
    visit = opened(server)
    visit.seen -= 20
    assert waits(server)
    visit.seen -= 20
    server.ask(APP)
    assert visit.kernel_id not in server.kernels


def test_who_has_gone_before_the_kernel_was_there_keeps_no_place(server):
    server.loop.call_soon_threadsafe(server.kernels.may_start.clear)
    with socket.create_connection(("127.0.0.1", server.port)) as visitor:
        visitor.sendall(f"GET {APP} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        until(lambda: server.settings["visits"])
    server.ask("/nothing")  # what came before has been seen
    server.loop.call_soon_threadsafe(server.kernels.may_start.set)
    until(lambda: not server.settings["visits"])
    assert server.kernels == {}
