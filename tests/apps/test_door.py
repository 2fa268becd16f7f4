"""Who may come in, and where the server may listen."""

import os
import re
import socket

import pytest

from opsnb import apps
from opsnb.apps import door
from opsnb.errors import InputError


@pytest.mark.parametrize("ip", ["0.0.0.0", "::", "192.168.1.4", "", "example.com"])
def test_it_refuses_to_listen_where_others_come_without_a_password(ip):
    with pytest.raises(InputError, match="set OPSNB_PASSWORD"):
        door.may_listen(ip, "", "")
    door.may_listen(ip, "a long enough one", "")
    door.may_listen(ip, "", "X-Remote-User")
    door.may_listen("127.0.0.1", "", "")


def test_a_short_password_is_refused_everywhere():
    with pytest.raises(InputError, match="shorter than 10 characters"):
        door.may_listen("127.0.0.1", "short", "")


@pytest.mark.parametrize(("host", "known"), [("127.0.0.1", True), ("localhost", True), ("ops.example.com", True), ("evil.example", False),
                                             ("127.0.0.1.evil.example", False), ("opsxexample.com", False), ("xlocalhost", False)])
def test_hosts_are_matched_whole(host, known):
    assert bool(re.match(door.hosts_pattern("127.0.0.1", ["ops.example.com"]), host)) is known


class Handler:
    """A request as the door sees it."""

    remote_ip = "127.0.0.1"

    def __init__(self, headers=None):
        self.request, self.headers, self.settings, self.cookie = self, headers or {}, {"base_url": "/"}, None

    def get_signed_cookie(self, name, max_age_days):
        return self.cookie

    def set_signed_cookie(self, name, value, **_more):
        self.cookie = value.encode()

    def clear_cookie(self, name, path):
        self.cookie = None


def test_a_password_lets_in_and_five_wrong_ones_close_the_door_for_a_minute():
    at, visitor = door.Door("correct horse"), Handler()
    assert not at.knows(visitor)
    assert [at.enter(visitor, "wrong", second) for second in range(5)] == [False] * 5
    assert not at.enter(visitor, "correct horse", 5)  # five wrong ones in the last minute
    assert not at.knows(visitor)
    assert at.enter(visitor, "correct horse", 61)  # the first of them was at 0
    assert at.knows(visitor)


def test_who_mistypes_keeps_nobody_else_out_until_fifty_have_been_tried():
    at, anna, ben = door.Door("correct horse"), Handler({"X-Forwarded-For": "10.0.0.9, 10.0.0.1"}), Handler({"X-Forwarded-For": "10.0.0.2"})
    assert [at.enter(anna, "wrong", 0) for _ in range(5)] == [False] * 5
    assert not at.enter(anna, "correct horse", 1)  # the proxy's own word counts, not what she may have written before it
    assert not at.enter(Handler({"X-Forwarded-For": "10.0.0.77, 10.0.0.1"}), "correct horse", 1)
    assert at.enter(ben, "correct horse", 1)
    for guess in range(45):  # 5 + 45 of all
        assert not at.enter(Handler({"X-Forwarded-For": f"10.0.1.{guess}"}), "wrong", 2)
    assert not at.enter(ben, "correct horse", 3)
    assert at.enter(ben, "correct horse", 61)  # anna's are a minute old


def test_a_pass_that_was_given_back_lets_nobody_in_nor_does_a_copy_also_after_a_restart(tmp_path):
    at, anna, ben = door.Door("correct horse"), Handler(), Handler()
    at.keep(tmp_path)
    assert at.enter(anna, "correct horse", 0)
    assert at.enter(ben, "correct horse", 0)
    copy = Handler()
    copy.cookie = anna.cookie
    at.leave(anna)
    at.leave(Handler())  # who is not in
    assert (anna.cookie, at.knows(anna), at.knows(copy), at.knows(ben)) == (None, False, False, True)
    assert copy.cookie.decode() not in (tmp_path / door.LEFT).read_text()
    assert (tmp_path / door.LEFT).stat().st_mode & 0o777 == 0o600 or os.name == "nt"
    again = door.Door("correct horse")
    again.keep(tmp_path)
    assert (again.knows(copy), again.knows(ben)) == (False, True)


def test_cookies_are_signed_the_same_after_a_restart_and_otherwise_for_another_password(tmp_path):
    first = door.secret(tmp_path, "correct horse")
    assert len(first) == 32
    assert door.secret(tmp_path, "correct horse") == first
    assert door.secret(tmp_path, "another horse") != first
    assert (tmp_path / door.KEY).stat().st_mode & 0o777 == 0o600 or os.name == "nt"
    (tmp_path / "elsewhere").mkdir()
    assert door.secret(tmp_path / "elsewhere", "correct horse") != first


@pytest.mark.parametrize("asked", ["//evil.example/app/x", "https://evil.example/app/x", "/\\evil.example", "/app/x\\y", "/app/x\n", "/app/x/../../y", "app/x",
                                   "/login", "/voila/static/voila.js", "/app/x?a b", "/app/x?\u202e", "/app/" + "x" * 100, "javascript:alert(1)", ""])
def test_who_comes_in_is_sent_to_a_page_of_ours_only(asked):
    assert door.back(asked, "/") == "/"
    assert door.back("/app/x?path.days=30&lang=zh", "/") == "/app/x?path.days=30&lang=zh"
    assert door.back("/app/x", "/ops/") == "/ops/"


def test_a_proxys_header_lets_in_and_its_absence_does_not():
    at = door.Door(header="X-Remote-User")
    assert at.knows(Handler({"X-Remote-User": "anna"}))
    assert not at.knows(Handler({"X-Remote-User": " "}))
    assert not at.knows(Handler())
    assert door.Door().knows(Handler())


def test_a_server_can_be_started_again_at_once():
    """A connection that the ended server closed lingers for a minute; one that listens is in the way."""
    with socket.create_server(("127.0.0.1", 0)) as ended:
        port = ended.getsockname()[1]
        assert not apps._is_free(port)
        with socket.create_connection(("127.0.0.1", port)) as visitor:
            ended.accept()[0].close()
            assert visitor.recv(1) == b""
    assert apps._is_free(port)
