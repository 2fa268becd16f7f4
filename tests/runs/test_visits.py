"""A visit that is ended while a cell runs."""

import asyncio

import nbformat
from nbclient.exceptions import DeadKernelError

from opsnb.runs import visits


class Endless:
    """A client whose cells never end; as nbclient's, it calls its own cancellation a dead kernel."""

    def __init__(self, begun):
        self.begun = begun

    async def async_execute_cell(self, cell, index, store_history):
        self.begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            raise DeadKernelError("Kernel died") from None


class Channels:
    def stop_channels(self):
        pass


def test_a_visit_that_is_ended_is_over_and_whoever_waits_for_it_goes_no_further(monkeypatch):
    """The rehearsal's next page would begin else, and the server would not stop until all are done."""

    async def client(_kernel):
        return Channels()

    async def ended():
        begun = asyncio.Event()
        monkeypatch.setattr(visits, "_client", client)
        monkeypatch.setattr(visits, "_executor", lambda _notebook, _kernel: Endless(begun))
        monkeypatch.setattr(visits, "cpu_seconds", lambda _kernel: None)
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1"), nbformat.v4.new_code_cell("2")])
        visit = visits.Visit("page", book, "en")
        task = asyncio.create_task(visit.run(None))
        await begun.wait()
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled(), visit.ended, [one["payload"]["output_cell"]["outputs"] for one in visit.told]

    assert asyncio.run(ended()) == (True, True, [[]])
