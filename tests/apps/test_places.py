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


@pytest.mark.parametrize(("seen", "alive", "ends"), [(None, True, True), ("long ago", True, True), ("now", False, True), ("now", True, False)])
def test_a_kernel_ends_with_its_page(manager, seen, alive, ends):
    manager._kernels["k"] = Kernel(alive)
    if seen is not None:
        manager.visits["k"] = SimpleNamespace(seen=time.monotonic() - (0 if seen == "now" else places.LEFT_SECONDS + 1))
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
    manager.visits["k"] = SimpleNamespace(seen=time.monotonic())
    back = []
    monkeypatch.setattr(places, "cpu_seconds", lambda kernel: used)
    monkeypatch.setattr(places, "step_back", lambda kernel: back.append("k"))
    asyncio.run(manager.cull_kernel_if_idle("k"))
    assert back == stepped
    assert manager.ended == []
