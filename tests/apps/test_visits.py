"""A place is free again when its page is closed, also when the page's farewell has been lost; a page's kernel is its visitor's alone; and no
visitor has all places.
"""

import re
import socket
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from served import served

from opsnb.apps import door, messages, visitors
from opsnb.runs import visits

APP = "/app/funnel_diagnosis?lang=en"


@pytest.fixture(autouse=True)
def _no_kernel_runs(monkeypatch):
    async def run(self, kernel):
        return

    monkeypatch.setattr(visits.Visit, "run", run)


@pytest.fixture
def server(folder):
    with served(folder, places=1) as running:
        yield running


def opened(server, mark=""):
    """The visit of a page that has been opened, as the server knows it; None if there is none. All kernels there are count."""
    server.kernels.taken = len(server.kernels)
    status, _headers, text = server.ask(APP, **cookie(mark))
    assert status in (200, 503)
    server.kernels.taken = len(server.kernels)
    return server.settings["visits"][re.search(r'data-kernel="([^"]+)"', text)[1]] if status == 200 else None


def cookie(mark):
    return {"Cookie": f"{visitors.COOKIE}={mark}"} if mark else {}


@contextmanager
def connected(server, path, mark, **more):
    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{server.port}{server.base}{path}", additional_headers=cookie(mark), **more) as connection:
        yield connection


def until(true):
    """Waits for what the server does in its own time."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def waits(server):
    """Is the next visitor told to wait."""
    return opened(server) is None and opened(server) is None  # the first may have ended a page: the stand-in counts before and after only


def test_a_page_is_open_as_long_as_it_has_a_connection(server):
    visit = opened(server)
    with connected(server, f"voila/execution/{visit.kernel_id}", visit.owner):
        until(lambda: visit.heard and visit.sockets)
        visit.seen -= 100
        assert waits(server)
        assert list(server.kernels) == [visit.kernel_id]
    until(lambda: not visit.sockets)
    assert waits(server)  # a connection may be lost for a moment
    visit.seen -= 20
    opened(server)
    assert visit.kernel_id not in server.kernels


def test_a_page_that_never_asked_for_anything_keeps_nobody_waiting_for_long(server):
    visit = opened(server)
    visit.seen -= 20
    assert waits(server)
    visit.seen -= 20
    opened(server)
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


OTHERS = ["", "x" * 22, "another", '"', "\u00e9".encode().decode("latin-1") * 22]


@pytest.mark.parametrize("other", OTHERS, ids=["none", "another", "too short", "odd", "not ASCII"])
def test_who_learns_a_kernels_id_has_nothing_of_it_without_its_visitors_cookie(server, other):
    from websockets.exceptions import InvalidStatus

    visit = opened(server)
    for path, more in ((f"voila/execution/{visit.kernel_id}", {}),
                       (f"api/kernels/{visit.kernel_id}/channels?session_id=s", {"subprotocols": [messages.PROTOCOL]})):
        with pytest.raises(InvalidStatus) as refused, connected(server, path, other, **more):
            pass
        assert refused.value.response.status_code == 404  # as for a kernel that there is not
    assert server.ask(f"/app/alive/{visit.kernel_id}", **cookie(other))[0] == 410
    assert server.ask(f"/voila/api/shutdown/{visit.kernel_id}", "POST", **cookie(other))[0] == 404
    assert (visit.heard, visit.sockets, list(server.kernels)) == (False, set(), [visit.kernel_id])
    with connected(server, f"voila/execution/{visit.kernel_id}", visit.owner):
        until(lambda: visit.heard)
    assert server.ask(f"/app/alive/{visit.kernel_id}", **cookie(visit.owner))[0] == 204
    assert server.ask(f"/voila/api/shutdown/{visit.kernel_id}", "POST", **cookie(visit.owner))[0] == 204
    assert server.kernels == {}


def browser(running):
    """A browser of its own, which keeps its cookies: asks as ``running.ask`` does, with (status, text) as the answer."""
    jar = {}

    def ask(path, method="GET", body=None):
        status, headers, text = running.ask(path, method, body, Cookie="; ".join(f"{name}={value}" for name, value in jar.items()),
                                            Content_Type="application/x-www-form-urlencoded")
        for said in headers.get_all("Set-Cookie") or ():
            assert f"Path={running.base}" in said.split("; ")
            name, _is, value = said.partition(";")[0].partition("=")
            jar[name] = value
        return status, text

    ask.jar = jar
    return ask


@pytest.mark.parametrize(("password", "base"), [("", "/"), ("correct horse", "/ops/")])
def test_the_tabs_of_one_browser_are_one_visitors(folder, password, base):
    with served(folder, password=password, base=base, places=9) as running:
        ask = browser(running)
        if password:
            assert ask(f"{base}login", "POST", b"password=correct+horse")[0] == 303
        assert ask(base)[0] == 200  # the list gives the mark, so that pages opened at once from it have the same
        kernels = [re.search(r'data-kernel="([^"]+)"', ask(f"{base}app/funnel_diagnosis")[1])[1] for _ in range(2)]
        assert [ask(f"{base}app/alive/{kernel}")[0] for kernel in kernels] == [204, 204]
        assert len({visit.owner for visit in running.settings["visits"].values()}) == 1


@pytest.mark.parametrize(("lang", "said"), [("en", "You have 2 pages open here already"), ("zh", "您已经打开了 2 个页面")])
def test_one_visitor_has_a_third_of_the_places_and_is_told_which_pages_they_are(folder, lang, said):
    with served(folder, places=6) as running:  # a third of six
        first = opened(running)
        assert opened(running, first.owner) is not None
        for _ in range(2):  # others'
            assert opened(running) is not None
        status, headers, text = running.ask(f"/app/funnel_diagnosis?lang={lang}", **cookie(first.owner))
        assert (status, headers["Refresh"]) == (503, str(2))
        assert said in text
        assert text.count("<li>Funnel diagnosis</li>") == 2  # as their tabs say
        assert len(running.kernels) == 4
        assert opened(running) is not None  # others come in
        assert running.ask(f"/voila/api/shutdown/{first.kernel_id}", "POST", **cookie(first.owner))[0] == 204
        assert opened(running, first.owner) is not None


def test_one_visitor_has_more_while_a_third_is_free(folder):
    with served(folder, places=6) as running:
        first = opened(running)
        for _ in range(3):
            assert opened(running, first.owner) is not None
        assert running.ask("/app/funnel_diagnosis", **cookie(first.owner))[0] == 503  # the fifth of six


def test_a_visitors_own_closed_page_is_none_that_is_open(folder):
    with served(folder, places=6) as running:
        first, other = opened(running), opened(running)
        for _ in range(2):
            assert opened(running, first.owner) is not None  # three of six, while two are free
        first.heard, other.heard = True, True
        first.seen -= 20
        other.seen -= 20
        assert opened(running, first.owner) is not None
        assert first.kernel_id not in running.kernels
        assert other.kernel_id in running.kernels  # nobody waits for its place


def test_who_logs_out_has_no_pass_and_no_page_open_and_others_keep_theirs(folder):
    with served(folder, password="correct horse", base="/ops/", places=9) as running:
        anna, ben = browser(running), browser(running)
        for ask, lang, said in ((anna, "en", "Log out"), (ben, "zh", "退出登录")):
            assert ask("/ops/login", "POST", b"password=correct+horse")[0] == 303
            assert said in ask(f"/ops/?lang={lang}")[1]
            assert [ask("/ops/app/funnel_diagnosis")[0] for _ in range(2)] == [200, 200]
        copied = dict(anna.jar)
        assert running.ask("/ops/logout", "POST", Origin="http://evil.example", Cookie=f"{door.COOKIE}={anna.jar[door.COOKIE]}")[0] == 403
        assert len(running.kernels) == 4
        assert anna("/ops/logout", "POST")[0] == 303
        assert {visit.owner for visit in running.settings["visits"].values()} == {ben.jar[visitors.COOKIE]}
        assert len(running.kernels) == 2
        assert anna("/ops/")[0] == 302
        anna.jar.update(copied)
        assert anna("/ops/")[0] == 302  # a copy lets nobody in
        assert anna("/ops/logout", "POST")[0] == 303  # another tab, later
        assert ben("/ops/")[0] == 200
        assert ben("/ops/logout")[0] == 405  # no link does it


def test_without_a_password_nobody_is_asked_to_log_out(server):
    assert "Log out" not in server.ask("/?lang=en")[2]
