"""What a stranger tries on the server's addresses: odd paths, methods, hosts and bodies, the door, and where links lead."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from served import raw, served

from opsnb.apps import door, visitors
from opsnb.runs import visits

FORM = {"Content_Type": "application/x-www-form-urlencoded"}
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def server(folder):
    with served(folder) as running:
        yield running


@pytest.fixture
def closed(folder):
    with served(folder, password=PASSWORD, base="/ops/") as running:
        yield running


@pytest.fixture(autouse=True)
def _no_kernel_runs(monkeypatch):
    async def run(self, kernel):
        self.ended = True

    monkeypatch.setattr(visits.Visit, "run", run)


@pytest.mark.parametrize("path", [
    "/?lang=%ff", "/?lang=%00", "/?%ff=%ff", "/app/nothing?x=%ff", "//evil.example/", "//evil.example/%2e%2e", "/\\evil.example/", "http://evil.example/x",
    "/%2e%2e/x", "/%252e%252e/x", "/%c0%ae%c0%ae/x", "/..%5c..%5cx", "/app/funnel_diagnosis%00", "/app/funnel_diagnosis/", "/app/funnel_diagnosis/../x",
    "/a%0d%0aSet-Cookie:x=1", "/voila/static/nothing.js", "/pages/%2e%2e/door.py", "/voila/labextensions/opsnb-vega/static/..%2fx.js", "/APP/funnel_diagnosis"])
def test_an_odd_path_is_a_page_that_leads_nowhere_else(server, path):
    status, headers, text = server.ask(path)
    assert status == (200 if path.startswith("/?") else 404)
    assert "<h1>" in text
    assert not [link for link in re.findall(r'(?:href|action|src)="([^"]*)"', text) if not re.match(r"/(?![/\\])|data:,$", link)]
    assert all(re.match(rf"{visitors.COOKIE}=[\w-]{{22}}; ", said) for said in headers.get_all("Set-Cookie", ()))
    assert server.kernels == {}
    for name, value in door.HEADERS.items():  # on the pages of errors, too
        assert headers[name] == value
    assert "Server" not in headers


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "HEAD", "PROPFIND", "POST"])
def test_other_methods_do_nothing(server, method):
    for path in ("/", "/app/funnel_diagnosis", "/app/alive/00000000-0000-0000-0000-000000000000", "/report/abcdef/report.html"):
        status, headers, _text = server.ask(path, method)
        assert status == 405
        assert "Access-Control-Allow-Origin" not in headers
    assert server.kernels == {}


@pytest.mark.parametrize(("host", "status"), [
    ("localhost:8866", 200), ("LOCALHOST", 200), ("[::1]:8866", 200), ("[::1]", 200), ("127.0.0.1", 200), ("127.0.0.1.", 404), ("[::2]", 404), ("evil", 404),
    ("127.0.0.1:80.evil.example", 404), ("127.0.0.1@evil.example", 400), ("127.0.0.1, evil.example", 400), ("evil.example:127.0.0.1", 404), ("", 400)])
def test_hosts_with_ports_and_brackets_are_told_apart(server, host, status):
    found, _headers, text = server.ask("/", Host=host)
    assert found in ((status,) if status != 400 else (400, 404))
    assert ("Operations review" in text) == (status == 200)


@pytest.mark.parametrize("head", [
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 6\r\nContent-Length: 5\r\n\r\nabcdef",
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: +6\r\n\r\nabcdef",
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0x6\r\n\r\nabcdef",
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_request_that_two_servers_would_read_in_two_ways_is_refused_with_all_that_follows(server, head):
    heard = raw(server.port, head + b"GET /app/funnel_diagnosis HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 400")
    assert heard.count(b"HTTP/1.1") == 1
    assert server.kernels == {}


@pytest.mark.parametrize("sent", [b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000,
                                  b"Transfer-Encoding: chunked\r\n\r\n" + 2 * (b"88b8\r\n" + b"x" * 35_000 + b"\r\n") + b"0\r\n\r\n"], ids=["whole", "chunked"])
def test_a_long_body_is_not_read(server, sent):
    head = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    assert raw(server.port, head + b"Content-Length: 1000\r\n\r\n" + b"x" * 1_000).startswith(b"HTTP/1.1 403")  # no password, but read
    assert raw(server.port, head + sent)[:12] in (b"", b"HTTP/1.1 400")


def test_a_script_of_another_port_or_subdomain_starts_no_page(server):
    for site in ("cross-site", "same-site"):
        assert server.ask("/app/funnel_diagnosis", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="image")[0] == 403
    assert server.kernels == {}
    status, headers, _text = server.ask("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")  # a link may be followed
    assert (status, headers["Cache-Control"]) == (200, "no-store")


def test_who_follows_a_link_is_asked_for_the_password_in_its_language_and_then_gets_that_page(closed):
    status, headers, _text = closed.ask("/ops/app/funnel_diagnosis?lang=zh&path.days=30")
    assert (status, headers["Location"]) == (302, "/ops/login?next=%2Fops%2Fapp%2Ffunnel_diagnosis%3Flang%3Dzh%26path.days%3D30&lang=zh")
    text = closed.ask(headers["Location"])[2]
    assert '<html lang="zh">' in text
    action = re.search(r'action="([^"]+)"', text)[1].replace("&amp;", "&")
    text = closed.ask(action, "POST", b"password=wrong", **FORM)[2]
    assert re.search(r'action="([^"]+)"', text)[1].replace("&amp;", "&") == action  # the page is still known after a wrong one
    status, headers, _text = closed.ask(action, "POST", b"password=correct+horse", **FORM)
    assert (status, headers["Location"]) == (303, "/ops/app/funnel_diagnosis?lang=zh&path.days=30")
    cookie = next(said for said in headers.get_all("Set-Cookie") if said.startswith(door.COOKIE))
    assert {"HttpOnly", "SameSite=Lax", "Path=/ops/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie  # plain HTTP, on this machine
    let_in = {"Cookie": cookie.partition(";")[0]}
    assert closed.ask("/ops/login", **let_in)[1]["Location"] == "/ops/"
    status, headers, _text = closed.ask("/ops/", **let_in)
    assert (status, headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("wanted", ["//evil.example/app/x", "https://evil.example/ops/app/x", "/ops//evil.example", "/ops/app/x%5c%5cevil",
                                    "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere_after_the_password(closed, wanted):
    status, headers, _text = closed.ask(f"/ops/login?next={wanted}", "POST", b"password=correct+horse", **FORM)
    assert (status, headers["Location"]) == (303, "/ops/")


def test_behind_https_the_cookie_is_for_https_only_and_one_that_was_changed_lets_nobody_in(closed):
    headers = closed.ask("/ops/login", "POST", b"password=correct+horse", X_Forwarded_Proto="https", **FORM)[1]
    cookie = next(said for said in headers.get_all("Set-Cookie") if said.startswith(door.COOKIE))
    assert "Secure" in cookie.split("; ")
    name, _sign, value = cookie.partition(";")[0].partition("=")
    for other in (value[:-2] + "xx", "in", '"in"', "", value.replace("|", "")):
        assert closed.ask("/ops/app/funnel_diagnosis", Cookie=f"{name}={other}")[0] == 302
    assert closed.kernels == {}


def test_after_five_wrong_passwords_the_right_one_is_not_heard(closed):
    for _ in range(5):
        assert closed.ask("/ops/login", "POST", b"password=wrong", **FORM)[0] == 403
    assert closed.ask("/ops/login", "POST", b"password=correct+horse", **FORM)[0] == 403
    assert closed.ask("/ops/login", "POST", b"password=correct+horse", X_Forwarded_For="10.0.0.8", **FORM)[0] == 303


def test_a_foreign_page_cannot_send_the_form(closed):
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}):
        status, answered, _text = closed.ask("/ops/login", "POST", b"password=correct+horse", **FORM, **headers)
        if "Origin" in headers:
            assert status == 403
            assert not answered.get_all("Set-Cookie")


def test_a_server_behind_a_proxy_that_names_its_people_has_no_password_to_try(folder):
    with served(folder, header="X-Remote-User") as running:
        assert running.ask("/login")[0] == 403
        assert running.ask("/login", "POST", b"password=", **FORM)[0] == 403
        assert running.ask("/", X_Remote_User=" ")[0] == 403
        assert running.ask("/", X_Remote_User="anna")[0] == 200


def test_a_visitors_mark_is_a_word_of_ours(folder):
    with served(folder, places=0) as running:
        status, headers, text = running.ask("/app/funnel_diagnosis?lang=en")
        assert status == 503
        cookie = next(said for said in headers.get_all("Set-Cookie") if said.startswith(visitors.COOKIE))
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        mark = re.search(r"=([\w-]{22});", cookie)[1]
        assert "1 before you" in text
        status, headers, text = running.ask("/app/funnel_diagnosis?lang=en", Cookie=f"{visitors.COOKIE}={mark}", X_Forwarded_Proto="https")
        assert "1 before you" in text  # in the queue, too, it is the same visitor
        assert (f"={mark};" in headers["Set-Cookie"], "Secure" in headers["Set-Cookie"].split("; ")) == (True, True)
        for odd in (r'"a\012b"', r'"x\073 Path=/"', "y" * 500, "<b>", mark[:-1] + " "):
            status, headers, _text = running.ask("/app/funnel_diagnosis", Cookie=f"{visitors.COOKIE}={odd}")
            assert status == 503
            assert re.search(rf"{visitors.COOKIE}=[\w-]{{22}};", headers["Set-Cookie"])
            assert mark not in headers["Set-Cookie"]
