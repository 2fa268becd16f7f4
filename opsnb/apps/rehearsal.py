"""Pages are rehearsed: each app's own page is run once after the server has started and whenever the data have changed, then once more with
each of its controls changed, so that visitors find its parts computed (``opsnb.views.kept``). A rehearsal steps back behind every visitor's
kernel, and takes no place.

Pages of the house only: a notebook whose cells import anything else, or open data twice, might show what no name here speaks of.
"""

from __future__ import annotations

import ast
import asyncio
import hashlib
import logging
import os
import uuid
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from opsnb.apps import shelf
from opsnb.errors import OpsnbError
from opsnb.runs import kernels, notebooks, visits
from opsnb.runs.forks import ForkedKernelManager
from opsnb.runs.params import Parameter
from opsnb.tables import data
from opsnb.views import ahead, kept, lists
from opsnb.views.language import LANGUAGES

FOLDER = ".pages"  # within the folder of runs
EVERY_SECONDS = 60
STEP_BACK = 15  # of the 19 by which a process can give way
COMPUTED_BY = ("altair", "duckdb", "numpy", "pandas", "pyarrow", "scipy")
log = logging.getLogger("opsnb.apps")


def page(notebook: Any, schema: Mapping[str, Parameter], parameters: Mapping[str, Any], lang: str) -> str:
    """What a page is called among the parts kept: everything that decides what it shows but the data. Empty if nothing of it may be kept."""
    if not _of_the_house(notebook) or os.environ.get(lists.OPEN_IN_APPS):
        return ""
    asked = {name: parameters.get(name, one.default) for name, one in schema.items()} | {"lang": lang}
    cells = [(cell.cell_type, notebooks.tags(cell), cell.source) for cell in notebook.cells]
    return hashlib.sha256(repr((package(), cells, sorted(asked.items()))).encode()).hexdigest()


@cache
def package() -> str:
    """A hash of this package's sources as this process began, and the versions of what it computes with."""
    import nbformat

    return notebooks.code_hash(nbformat.v4.new_notebook()) + repr([metadata.version(name) for name in COMPUTED_BY])


def _of_the_house(notebook: Any) -> bool:
    opened = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        try:
            parts = list(ast.walk(ast.parse(cell.source)))
        except SyntaxError:
            return False
        imported = [name.name for part in parts if isinstance(part, ast.Import) for name in part.names]
        imported += [part.module or "" for part in parts if isinstance(part, ast.ImportFrom)]
        if not {name.partition(".")[0] for name in imported} <= {"opsnb", "typing", "__future__"}:
            return False
        opened += sum(isinstance(part, ast.Attribute) and part.attr == "open_data" for part in parts)
    return opened == 1


def current(out: Path, name: str) -> str:
    """The short version (HTML) of a page for what the data are now, if it is kept; empty if not, or if the data must first be read."""
    found = _kept(out, name, kept.SHORT_VERSION)
    return str(found[0].get("text/html", "")) if found else ""


def _kept(out: Path, name: str, part: str) -> list[dict[str, Any]] | None:
    """A part of a page for what the data are now; None if it is not kept, or if the data must first be read."""
    if not name:
        return None
    try:
        content = data.content()
    except OpsnbError:
        return None
    return kept.read(Path(out, FOLDER), kept.name(name, content, part, {})) if content else None


class Rehearsal:
    """The task that rehearses, as the server sees it. ``apps`` is the running application."""

    def __init__(self, apps: Any):
        self.apps, self.folder = apps, kept.private(Path(apps.out, FOLDER))
        self.done: str | None = None  # the content of the data that was rehearsed last
        self.task: asyncio.Task[None] | None = None
        package()

    def named(self, path: Path, parameters: Mapping[str, Any], lang: str) -> dict[str, str]:
        """Where a visit's parts are kept, its page's name there, and what its answers are computed by."""
        return {"folder": str(self.folder), "page": page(*shelf.read(path), parameters, lang), "package": package()}

    def begin(self) -> None:
        """Starts the task; the server's loop must be running."""
        self.task = asyncio.create_task(self.run())

    async def end(self) -> None:
        """Stops it, whatever it is at."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

    async def run(self) -> None:
        """Rehearses for ever."""
        while True:
            try:
                await self._again()
            except Exception as error:  # the edge of a task without a visitor: what is wrong with the data, each visitor's page says
                log.warning("the pages could not be rehearsed: %s", error)
            await asyncio.sleep(EVERY_SECONDS)

    async def _again(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, kept.prune, self.folder)
        content = await loop.run_in_executor(None, data.content)
        if content is not None and content == self.done:
            return
        while (nursery := ForkedKernelManager.nursery) is not None and not await nursery.warm():
            await asyncio.sleep(1)  # visitors go first
        for last, done in ((kept.SHORT_VERSION, "the pages are rehearsed"), (ahead.PART, "the controls are rehearsed")):
            for name in shelf.names(self.apps.root_dir):
                for lang in (self.apps.lang,) if self.apps.lang else LANGUAGES:
                    await self._page(Path(self.apps.root_dir, f"{name}.ipynb"), lang, last)
            log.info(done)
        self.done = await loop.run_in_executor(None, data.content)

    async def _page(self, path: Path, lang: str, last: str) -> None:
        """Runs a page unless its part ``last`` is kept: its own cells, and for that of its controls one more."""
        named = self.named(path, {}, lang)
        if not named["page"] or _kept(self.apps.out, named["page"], last) is not None:
            return
        import nbformat

        made = shelf.app(shelf.read(path)[0], lang)
        if last == ahead.PART:
            made.cells.append(nbformat.v4.new_code_cell(ahead.CELL))
        kernel_id, manager = str(uuid.uuid4()), self.apps.kernel_manager
        env = {**os.environ, **visits.write_asked(self.apps.connection_dir, kernel_id, {"lang": lang}, {}, named), kernels.NICE: str(STEP_BACK)}
        kernel = manager.kernel_manager_factory(parent=manager, log=manager.log, kernel_name="python3", config=manager.config,
                                                connection_file=str(Path(self.apps.connection_dir, f"kernel-{kernel_id}.json")))
        try:
            await kernel.start_kernel(kernel_id=kernel_id, env=env, cwd=self.apps.root_dir)
            await visits.Visit(path.stem, made, lang).run(kernel)
        finally:
            await kernel.shutdown_kernel(now=True)
