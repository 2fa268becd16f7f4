"""No more kernels than places; a kernel goes when its page has gone or it has died, steps back when it has had its share, and stays else."""

import asyncio
import time
from types import SimpleNamespace

import pytest
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError

from opsnb.apps import places


class Kernel:
    def __init__(self, alive=True):
        self.alive, self.provisioner = alive, SimpleNamespace(pid=None)

    async def is_alive(self):
        return self.alive


@pytest.fixture
def manager(monkeypatch):
    made = places.Places(places=2)
    made.visits = {}
    made.ended, made.asked = [], []

    async def end(kernel_id):
        made.ended.append(kernel_id)

    async def idle(self, kernel_id):
        made.asked.append(kernel_id)

    monkeypatch.setattr(made, "end", end)
    monkeypatch.setattr(AsyncMappingKernelManager, "cull_kernel_if_idle", idle)
    return made


def visit(seconds, *, heard=True, sockets=(), kernel_id="k"):
    """A visit of whose page there was a sign so many seconds ago."""
    return SimpleNamespace(seen=time.monotonic() - seconds, heard=heard, sockets=set(sockets), kernel_id=kernel_id, owner=kernel_id, task=None)


@pytest.mark.parametrize(("seconds", "told", "closed", "closed_if_wanted"), [
    (0, {}, False, False),
    (14, {}, False, False),  # a page that has lost its connection tries again after .5, 1, 2, 4 and 8 seconds
    (16, {}, False, True),
    (16, {"sockets": "s"}, False, False),
    (149, {"sockets": "s"}, False, False),
    (151, {}, True, True),
    (151, {"sockets": "s"}, True, True),
    (29, {"heard": False}, False, False),  # its script may be on its way
    (31, {"heard": False}, True, True),  # it was left before
    (200, {"heard": False, "kernel_id": ""}, False, False)])  # its kernel is being started
def test_a_page_without_a_farewell_is_closed_when_nothing_is_heard_of_it_and_sooner_if_somebody_waits(seconds, told, closed, closed_if_wanted):
    one = visit(seconds, **told)
    assert (places.gone(one, time.monotonic()), places.gone(one, time.monotonic(), wanted=True)) == (closed, closed_if_wanted)


def test_who_waits_gets_the_places_of_closed_pages_only(manager):
    manager.visits.update(open=visit(100, sockets="s", kernel_id="open"), closed=visit(100, kernel_id="closed"), new=visit(1, heard=False, kernel_id="new"))
    asyncio.run(manager.make_room("open"))  # who waits has enough pages
    assert manager.ended == []
    asyncio.run(manager.make_room())
    assert manager.ended == ["closed"]


@pytest.mark.parametrize(("seen", "alive", "running", "ends"), [
    (None, True, False, True), ("long ago", True, False, True), ("long ago", True, True, True), ("now", False, False, True), ("now", True, False, False),
    ("now", False, True, False)])  # the visit is about to say on its page that the kernel has died
def test_a_kernel_ends_with_its_page(manager, seen, alive, running, ends):
    manager._kernels["k"] = Kernel(alive)
    if seen is not None:
        manager.visits["k"] = visit(0 if seen == "now" else places.LEFT_SECONDS + 1)
        manager.visits["k"].task = SimpleNamespace(done=lambda: not running)
    asyncio.run(manager.cull_kernel_if_idle("k"))
    assert (manager.ended, manager.asked) == ((["k"], []) if ends else ([], ["k"]))  # one that stays is asked whether it has been idle for long


def test_no_more_kernels_than_places(manager):
    manager._kernels.update({"a": Kernel(), "b": Kernel()})
    assert manager.taken == 2
    with pytest.raises(HTTPError) as refused:
        asyncio.run(manager.start_kernel(kernel_id="c"))
    assert refused.value.status_code == 503
    assert "c" not in manager


@pytest.mark.parametrize(("used", "stepped"), [(places.SHARE_SECONDS - 1, []), (places.SHARE_SECONDS + 1, ["k"]), (None, [])])
def test_a_kernel_that_has_had_its_share_steps_back(manager, monkeypatch, used, stepped):
    manager._kernels["k"] = Kernel()
    manager.visits["k"] = visit(0)
    back = []
    monkeypatch.setattr(places, "cpu_seconds", lambda kernel: used)
    monkeypatch.setattr(places, "step_back", lambda kernel: back.append("k"))
    asyncio.run(manager.cull_kernel_if_idle("k"))
    assert back == stepped
    assert manager.ended == []
