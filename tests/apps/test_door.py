"""Who may come in, and where the server may listen."""

import re

import pytest

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

    def __init__(self, headers=None):
        self.request, self.headers, self.settings, self.cookie = self, headers or {}, {"base_url": "/"}, None

    def get_signed_cookie(self, name, max_age_days):
        return self.cookie

    def set_signed_cookie(self, name, value, **_more):
        self.cookie = value.encode()


def test_a_password_lets_in_and_five_wrong_ones_close_the_door_for_a_minute():
    at, visitor = door.Door("correct horse"), Handler()
    assert not at.knows(visitor)
    assert [at.enter(visitor, "wrong", second) for second in range(5)] == [False] * 5
    assert not at.enter(visitor, "correct horse", 5)  # five wrong ones in the last minute
    assert not at.knows(visitor)
    assert at.enter(visitor, "correct horse", 61)  # the first of them was at 0
    assert at.knows(visitor)


def test_a_proxys_header_lets_in_and_its_absence_does_not():
    at = door.Door(header="X-Remote-User")
    assert at.knows(Handler({"X-Remote-User": "anna"}))
    assert not at.knows(Handler({"X-Remote-User": " "}))
    assert not at.knows(Handler())
    assert door.Door().knows(Handler())
