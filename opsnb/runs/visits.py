"""One visit of an app: its kernel runs the notebook cell by cell from the moment the page is asked for, and the page is told as it goes."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsnb.runs import kernels
from opsnb.runs.notebooks import tags
from opsnb.views import language, page, visit
from opsnb.views.shown import CHART

if TYPE_CHECKING:
    from nbformat import NotebookNode

CELL_SECONDS = 600
SHOWN = (CHART, "application/vnd.jupyter.widget-view+json", "text/html", "text/markdown", "text/plain", "image/svg+xml", "image/png")
GOES_ON = {"app", "report", "short-version", "limits"}  # a page whose cell of this kind fails has more to say
log = logging.getLogger("opsnb.apps")


class Visit:
    """A page that is being computed. ``told`` are the messages that the page gets, in order; ``ended`` when there will be no more."""

    def __init__(self, name: str, notebook: NotebookNode, lang: str, *, kernel_id: str = ""):
        self.name, self.notebook, self.lang, self.kernel_id = name, notebook, lang, kernel_id
        self.told: list[dict[str, Any]] = []
        self.ended = False
        self._changed = asyncio.Condition()
        self.seen = time.monotonic()  # when the page last asked
        self.task: asyncio.Task[None] | None = None

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

    async def run(self, manager: Any) -> None:
        """Runs every code cell; what fails is a sentence on the page and a traceback in the log."""
        indexes = [index for index, cell in enumerate(self.notebook.cells) if cell.cell_type == "code"]
        client = None
        try:
            executor = _executor(self.notebook, manager.get_kernel(self.kernel_id))
            client = executor.kc = await executor.async_start_new_kernel_client()
            while indexes:
                index = indexes.pop(0)
                outputs, failed = await self._cell(executor, index)
                await self.tell(index, outputs)
                if failed and not GOES_ON & set(tags(self.notebook.cells[index])):
                    break
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the edge of a visit: whatever has happened, the page says so
            await self.tell(indexes.pop(0) if indexes else 0, [self._sorry(error)])
        finally:
            if client is not None:
                client.stop_channels()
            for index in indexes:
                await self.tell(index, [])
            async with self._changed:
                self.ended = True
                self._changed.notify_all()

    async def _cell(self, executor: Any, index: int) -> tuple[list[dict[str, Any]], bool]:
        """What a cell puts out, and whether it failed."""
        from nbclient.exceptions import CellExecutionError, DeadKernelError

        cell, failed = self.notebook.cells[index], None
        try:
            await executor.async_execute_cell(cell, index, store_history=False)
        except (CellExecutionError, DeadKernelError, TimeoutError) as error:
            failed = error
        outputs = [made for made in map(_for_page, cell.outputs) if made]
        if failed is not None and not outputs:
            outputs = [self._sorry(failed)]
        if isinstance(failed, (DeadKernelError, TimeoutError)):
            raise failed
        return outputs, failed is not None

    def _sorry(self, error: BaseException) -> dict[str, Any]:
        number = page.error_id(error)
        log.error("error %s on a page of %s", number, self.name, exc_info=error)
        with language.using(self.lang):
            bundle = page.failed(error, again=True).bundle
        return {"output_type": "display_data", "metadata": {}, "data": dict(bundle)}


def _executor(notebook: NotebookNode, manager: Any) -> Any:
    from nbclient import NotebookClient

    return NotebookClient(notebook, km=manager, timeout=CELL_SECONDS, startup_timeout=kernels.START_SECONDS)


def _for_page(output: Mapping[str, Any]) -> dict[str, Any] | None:
    """An output without what only runs need; what a cell prints and an error's traceback are not for pages."""
    if output.get("output_type") not in ("display_data", "execute_result"):
        return None
    data = {mime: content for mime, content in output["data"].items() if mime in SHOWN}
    if len(data) > 1:
        data.pop("text/plain", None)
    return {"output_type": "display_data", "metadata": {}, "data": data} if data else None


def write_asked(folder: str, kernel_id: str, parameters: Mapping[str, Any], controls: Mapping[str, str]) -> dict[str, str]:
    """Puts down what the visitor asked for where the kernel will read it; returns the variable that says where."""
    path = Path(folder) / f"visit-{kernel_id}.json"
    path.write_text(json.dumps({"parameters": dict(parameters), "controls": dict(controls)}), encoding="utf-8")
    return {visit.FILE: str(path)}
