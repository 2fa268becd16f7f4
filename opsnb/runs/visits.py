"""One visit of an app: its kernel runs the notebook cell by cell from the moment the page is asked for, and the page is told as it goes."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opsnb.runs import kernels
from opsnb.runs.notebooks import tags
from opsnb.views import language, page, visit
from opsnb.views.shown import CHART

if TYPE_CHECKING:
    from nbformat import NotebookNode

CELL_SECONDS = 600
SHOWN = (CHART, "application/vnd.jupyter.widget-view+json", "text/html", "text/markdown", "text/plain", "image/svg+xml", "image/png")
ENDS = '<span class="opsnb-ends"></span>'  # after what went wrong: nothing of the page is computed any more
GOES_ON = {"app", "report", "short-version", "limits"}  # a page whose cell of this kind fails has more to say
KINDS = {"parameters": "data", "visit": "data", "setup": "data", "short-version": "findings", "limits": "limits"}  # of cells; the others are sections
log = logging.getLogger("opsnb.apps")


class Visit:
    """A page that is being computed, for the visitor ``owner``. ``told`` are the messages that it gets, in order; ``ended`` when there will be no more."""

    def __init__(self, name: str, notebook: NotebookNode, lang: str, *, kernel_id: str = "", owner: str = ""):
        self.name, self.notebook, self.lang, self.kernel_id, self.owner = name, notebook, lang, kernel_id, owner
        self.told: list[dict[str, Any]] = []
        self.ended = False
        self.sockets: set[Any] = set()  # by which it is listened to
        self._changed = asyncio.Condition()
        self.seen = self.asked = time.monotonic()  # when there was last a sign of the page, and when it was asked for
        self.heard = False  # has its script asked for anything
        self.took: dict[str, float] = {}  # seconds of the kernel's start and of each kind of cell
        self.task: asyncio.Task[None] | None = None

    def hear(self) -> None:
        """There is a sign that the page is open."""
        self.seen, self.heard = time.monotonic(), True

    async def tell(self, index: int, outputs: list[dict[str, Any]]) -> None:
        cell = {"cell_type": "code", "metadata": {}, "outputs": outputs}
        self.told.append({"action": "execution_result",
                          "payload": {"output_cell": cell, "cell_index": index, "total_cell": len(self.notebook.cells) + 1}})
        async with self._changed:
            self._changed.notify_all()

    async def news(self) -> AsyncIterator[dict[str, Any]]:
        """All that the page is told, from the first message on, each as soon as it is there."""
        told = 0
        while True:
            while told < len(self.told):
                yield self.told[told]
                told += 1
            if self.ended:
                return
            async with self._changed:
                if told == len(self.told) and not self.ended:
                    await self._changed.wait()

    async def run(self, kernel: Any) -> None:
        """Runs every code cell; what fails is a sentence on the page and a traceback in the log."""
        indexes = [index for index, cell in enumerate(self.notebook.cells) if cell.cell_type == "code"]
        client = None
        try:
            executor = _executor(self.notebook, kernel)
            client = executor.kc = await _client(kernel)
            self._mark("kernel", self.asked)
            while indexes:
                index, begun = indexes.pop(0), time.monotonic()
                outputs, failed = await self._cell(executor, index)
                ends = failed is not None and (_stopped(failed) or not GOES_ON & set(tags(self.notebook.cells[index])))
                await self.tell(index, [*outputs, _html({"text/html": ENDS})] if ends else outputs)
                self._mark(KINDS.get((tags(self.notebook.cells[index]) or [""])[0], "sections"), begun)
                if ends:
                    break
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the edge of a visit: whatever has happened, the page says so
            await self.tell(indexes.pop(0) if indexes else 0, [self._sorry(error), _html({"text/html": ENDS})])
        finally:
            if client is not None:
                client.stop_channels()
            for index in indexes:
                await self.tell(index, [])
            log.info("took %s", json.dumps({
                "page": self.name, "lang": self.lang, "rehearsal": not self.kernel_id, **self.took, "cpu": cpu_seconds(kernel)}))
            async with self._changed:
                self.ended = True
                self._changed.notify_all()

    def _mark(self, kind: str, begun: float) -> None:
        self.took[kind] = round(self.took.get(kind, 0.0) + time.monotonic() - begun, 3)

    async def _cell(self, executor: Any, index: int) -> tuple[list[dict[str, Any]], Exception | None]:
        """What a cell puts out, and why it failed if it did."""
        from nbclient.exceptions import CellExecutionError, DeadKernelError

        cell, failed = self.notebook.cells[index], None
        try:
            await executor.async_execute_cell(cell, index, store_history=False)
        except (CellExecutionError, DeadKernelError, TimeoutError) as error:
            if (here := asyncio.current_task()) is not None and here.cancelling():  # nbclient takes the end of a visit for a dead kernel
                raise asyncio.CancelledError from error
            failed = error
        outputs = [made for made in map(_for_page, cell.outputs) if made]
        if failed is not None and (_stopped(failed) or not outputs):
            outputs.append(self._sorry(failed))
        return outputs, failed

    def _sorry(self, error: BaseException) -> dict[str, Any]:
        number = page.error_id(error)
        log.error("error %s on a page of %s", number, self.name, exc_info=error)
        with language.using(self.lang):
            return _html(page.failed(error, again=True, stopped=_stopped(error)).bundle)


def cpu_seconds(kernel: Any) -> float | None:
    """What a kernel has worked so far; None for one that has ended."""
    import psutil

    try:
        used = psutil.Process(kernel.provisioner.pid).cpu_times()
    except (psutil.Error, AttributeError, TypeError):
        return None
    return round(used.user + used.system, 2)


async def _client(kernel: Any) -> Any:
    """A client that hears the kernel. jupyter_client's own check, that nothing more is to be heard, costs a page .4 seconds.

    Raises DeadKernelError for a kernel that ends, TimeoutError for one that does not answer in time.
    """
    from queue import Empty

    from nbclient.exceptions import DeadKernelError

    client = kernel.client()
    client.start_channels()
    until = time.monotonic() + kernels.START_SECONDS
    try:
        while time.monotonic() < until:
            client.kernel_info()
            try:
                await client.iopub_channel.get_msg(timeout=0.1)
            except Empty:
                if not await kernel.is_alive():
                    raise DeadKernelError("the kernel ended before it answered") from None
            else:
                client.allow_stdin = False
                return client
        raise TimeoutError("the kernel does not answer")
    except BaseException:
        client.stop_channels()
        raise


def _executor(notebook: NotebookNode, manager: Any) -> Any:
    from nbclient import NotebookClient

    return NotebookClient(notebook, km=manager, timeout=CELL_SECONDS)


def _stopped(error: BaseException) -> bool:
    """Has the kernel ended, or has it worked for longer than it may."""
    from nbclient.exceptions import DeadKernelError

    return isinstance(error, (DeadKernelError, TimeoutError))


def _html(bundle: Mapping[str, Any]) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": {"text/html": bundle["text/html"]}}


def _for_page(output: Mapping[str, Any]) -> dict[str, Any] | None:
    """An output without what only runs need; what a cell prints and an error's traceback are not for pages."""
    if output.get("output_type") not in ("display_data", "execute_result"):
        return None
    data = {mime: content for mime, content in output["data"].items() if mime in SHOWN}
    if len(data) > 1:
        data.pop("text/plain", None)
    return {"output_type": "display_data", "metadata": {}, "data": data} if data else None


def write_asked(folder: str, kernel_id: str, parameters: Mapping[str, Any], controls: Mapping[str, str],
                kept: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Puts down what the visitor asked for, and where the page's parts are kept, for the kernel to read; returns the variable that says where."""
    path = Path(folder) / f"visit-{kernel_id}.json"
    path.write_text(json.dumps({"parameters": dict(parameters), "controls": dict(controls), "kept": dict(kept)}), encoding="utf-8")
    return {visit.FILE: str(path)}
