"""Runs a notebook: parameters checked, data read in, kernel started, page written. The page before it stays whole until the new one is."""

from __future__ import annotations

import glob
import logging
import os
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import opsnb
from opsnb.errors import InputError, OpsnbError, ParameterError, nearest
from opsnb.runs import export, kernels, ledger, notebooks, params, replies
from opsnb.runs.params import Given, Parameter
from opsnb.tables.store import as_day

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from opsnb.tables.quality import Quality

DATA, LANG = "data_folder", "lang"  # parameters that the runner gives
AS_OF = "as_of"  # a day, which the types of parameters cannot say
OUT = "out"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    ``status`` ``good``; ``warnings``: it ran, but rows were set aside or a section could not be measured; ``failed``: a cell failed, then
    ``error`` has three lines: where, what, and where the notebook was kept. ``report`` is the page (None if it failed), ``folder`` holds it
    and the other files, ``findings`` are those of the short version, first one first.
    """

    notebook: str
    status: ledger.Status
    folder: Path
    report: Path | None = None
    seconds: float = 0.0
    findings: list[dict[str, Any]] = field(default_factory=list)
    not_measured: list[dict[str, Any]] = field(default_factory=list)
    rows_set_aside: int = 0
    warnings: list[str] = field(default_factory=list)
    distrusted: list[str] = field(default_factory=list)  # tables that score under 0.8
    parameters: Mapping[str, Any] = field(default_factory=dict)
    error: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """0 good, 1 it ran with warnings, 2 it failed."""
        return {"good": 0, "warnings": 1}.get(self.status, 2)

    @property
    def first_finding(self) -> str:
        """The sentence of the first finding, or why there is none."""
        return self.findings[0]["sentence"] if self.findings else self.error[1] if len(self.error) > 1 else ""


@dataclass(frozen=True)
class Plan:
    """A notebook with its parameters settled, before anything is started."""

    path: Path
    notebook: NotebookNode
    values: Mapping[str, Any]
    data: Path | None
    lang: str

    @property
    def name(self) -> str:
        return self.path.stem


def run(notebook: str | Path, *, data: str | Path = "", params: Mapping[str, Any] | str | Path | None = None, out: str | Path = OUT,
        lang: str = "", columns: str | Path | None = None, cell_seconds: int = kernels.CELL_SECONDS,
        progress: Progress | None = None) -> RunResult:
    """Runs one notebook, found by name or path, and writes OUT/<notebook>/{report.html,report.ipynb,findings.json,tables/,run.json}.

    ``data``: folder of tables (else the notebook's own default); ``params``: values by name, or a YAML file; ``lang``: en or zh;
    ``columns``: a columns.yml that lies elsewhere; ``cell_seconds``: how long one cell may take. A run whose cell fails returns too.
    Raises InputError for a notebook, parameter, data folder or map that cannot be used: nothing has been started then.
    """
    settled = plan([notebook], data=data, given=_given(params), lang=lang)[0]
    return execute(settled, out=out, columns=columns, cell_seconds=cell_seconds, progress=progress)


def _given(values: Mapping[str, Any] | str | Path | None) -> dict[str, Given]:
    if values is None:
        return {}
    if isinstance(values, (str, Path)):
        return params.from_file(values)
    return {name: value if isinstance(value, Given) else Given(value) for name, value in values.items()}


def plan(wanted: Iterable[str | Path], *, data: str | Path = "", given: Mapping[str, Given] | None = None, lang: str = "") -> list[Plan]:
    """Settles the parameters of some notebooks that run together: each takes those it declares, and one must declare each.

    Raises InputError for what cannot be used.
    """
    given = dict(given or {})
    if lang:
        given[LANG] = Given(lang, where=f"--lang {lang}")
    read = [(path, notebook := notebooks.read(path), notebooks.schema(notebook, path.stem)) for path in map(notebooks.find, wanted)]
    stems = [path.stem for path, _, _ in read]
    if twice := next((stem for number, stem in enumerate(stems) if stem in stems[:number]), None):
        raise InputError(f"two notebooks are called '{twice}'; run them one by one with different --out")
    known = dict.fromkeys([*(name for _, _, schema in read for name in schema), LANG, DATA])
    for name, value in given.items():
        if name not in known:
            where = f"{value.where}: " if value.where else ""
            raise ParameterError(f"{where}no parameter '{name}' in {', '.join(stems)}; {nearest(name, known)}")
    return [_settled(path, notebook, schema, given, data) for path, notebook, schema in read]


def _settled(path: Path, notebook: NotebookNode, schema: Mapping[str, Parameter], given: Mapping[str, Given], data: str | Path) -> Plan:
    values = params.validated(schema, {name: value for name, value in given.items() if name in schema})
    folder = None
    if DATA in schema:
        folder = data_folder(data or values[DATA])
        values[DATA] = str(folder)
    if values.get(AS_OF):
        as_day(values[AS_OF])
    return Plan(path, notebook, values, folder, values.get(LANG, given[LANG].value if LANG in given else "en"))


def data_folder(data: str | Path = "") -> Path:
    """The data folder: the one given, else OPSNB_DATA, else the demo business here or in the checkout. Raises InputError without one."""
    if not data and not (data := os.environ.get("OPSNB_DATA", "")):
        found = [folder for folder in (Path("data/demo"), notebooks.PACKAGE.parent / "data" / "demo") if folder.is_dir()]
        if not found:
            raise InputError("no data folder given and no data/demo here; `opsnb demo data/demo` makes a demo business")
        data = found[0]
    folder = Path(data).expanduser()
    if not folder.is_dir():
        beside = sorted(path.name for path in folder.parent.iterdir() if path.is_dir()) if folder.parent.is_dir() else []
        raise InputError(f"{folder}: no such data folder; {nearest(folder.name, beside)}")
    return folder.resolve()


def prepare() -> None:
    """What a process needs before it runs notebooks: the cure of the lost reply, and silence of loggers whose news the result tells."""
    replies.apply()
    if not (log := logging.getLogger("papermill")).handlers:
        log.addHandler(logging.NullHandler())


def execute(settled: Plan, *, out: str | Path = OUT, columns: str | Path | None = None, cell_seconds: int = kernels.CELL_SECONDS,
            progress: Progress | None = None) -> RunResult:
    """Runs a settled plan; see :func:`run`."""
    tell = progress or (lambda sentence: None)
    began, started = time.perf_counter(), datetime.now(UTC)
    out = Path(out).resolve()
    folder = out / settled.name
    quality, sha256 = _read_in(settled, columns, tell)
    code = notebooks.code_hash(settled.notebook)
    entry = ledger.Entry(uuid.uuid4().hex[:12], settled.name, started.isoformat(timespec="seconds"), parameters=settled.values,
                         data_sha256=sha256, out=str(folder))
    ledger.append(out, entry)
    try:
        result = _run(settled, folder, quality, columns, cell_seconds, tell,
                      {"code_sha256": code, "data_sha256": sha256, "started": entry.started, "opsnb": opsnb.__version__})
    except (OpsnbError, OSError) as error:
        ledger.append(out, replace(entry, status="failed", first=_one_line(str(error))))
        raise
    result = replace(result, seconds=round(time.perf_counter() - began, 3))
    ledger.append(out, replace(entry, status=result.status, seconds=result.seconds, first=result.first_finding))
    return result


def _run(settled: Plan, folder: Path, quality: Quality | None, columns: str | Path | None, cell_seconds: int, tell: Progress,
         facts: Mapping[str, Any]) -> RunResult:
    """Runs the notebook in a folder of its own beside ``folder`` and puts its files, or the failed notebook, in place."""
    began = time.perf_counter()
    _sweep(folder.parent, settled.name)
    with tempfile.TemporaryDirectory(prefix=f"{settled.name}.tmp-", dir=folder.parent, ignore_cleanup_errors=True) as aside:
        running = Path(aside) / "running.ipynb"
        ready = notebooks.ready(settled.notebook, settled.values, settled.lang)
        with kernels.environment(OPSNB_DATA=settled.data, OPSNB_COLUMNS=Path(columns).resolve() if columns else None):
            notebook, error = _executed(ready, settled, running, cell_seconds, tell)
        result = RunResult(settled.name, "failed", folder, seconds=round(time.perf_counter() - began, 3), parameters=settled.values)
        if not error:
            return _written(result, settled, notebook, quality, Path(aside) / "new", facts)
        folder.mkdir(parents=True, exist_ok=True)
        if running.exists():
            export.put(running, folder / "failed.ipynb")
        previous = " The report before it is untouched." if (folder / "report.html").exists() else ""
        return replace(result, error=(*error, f"kept: {shown(folder / 'failed.ipynb')}.{previous}"))


def _read_in(settled: Plan, columns: str | Path | None, tell: Progress) -> tuple[Quality | None, str]:
    if settled.data is None:
        return None, ""
    from opsnb.tables.data import open_data
    from opsnb.tables.store import ingest

    tell("reading the tables")
    quality = ingest(settled.data, columns=columns,
                     progress=lambda table, rows, share: tell(f"reading {table}: {rows:,} rows, {share:.0%}"))
    return quality, open_data(settled.data, columns=columns).sha256


def _sweep(out: Path, name: str) -> None:
    """Removes what a killed run has left a day ago."""
    for left in out.glob(f"{glob.escape(name)}.tmp-*"):
        if time.time() - left.stat().st_mtime > 86_400:
            shutil.rmtree(left, ignore_errors=True)


def _executed(ready: NotebookNode, settled: Plan, path: Path, cell_seconds: int, tell: Progress) -> tuple[NotebookNode, tuple[str, ...]]:
    """The notebook after its run, and two lines about the error if a cell failed."""
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill import execute_notebook
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    prepare()
    cells = sum(cell.cell_type == "code" for cell in ready.cells)
    done = 0

    def at_cell(cell: NotebookNode, cell_index: int) -> None:
        nonlocal done
        done += 1
        where["cell"], where["line"] = done, _first_line(cell.source)
        tell(f"{settled.name}: cell {done} of {cells}")

    where: dict[str, Any] = {"cell": 0, "line": "the kernel's start"}
    try:
        with kernels.private_channels() as channels:
            # papermill fills braces in paths as parameters of its own
            return execute_notebook(
                ready, str(path).replace("{", "{{").replace("}", "}}"), kernel_name="python3", language="python", progress_bar=False,
                start_timeout=kernels.START_SECONDS, execution_timeout=cell_seconds, iopub_timeout=60, record_timing=False,
                on_cell_execute=at_cell, extra_arguments=["--IPKernelApp.log_level=50"], config=Config(channels),
                resources={"metadata": {"path": str(settled.path.parent)}}), ()
    except PapermillExecutionError as error:
        return ready, (f"{settled.name} failed in cell {where['cell']}: {_failing_line(error.traceback, where['line'])}",
                       _one_line(f"{error.ename}: {error.evalue}"))
    except (CellTimeoutError, DeadKernelError) as error:
        died = isinstance(error, DeadKernelError)
        return ready, (f"{settled.name} stopped in cell {where['cell']}: {where['line']}",
                       "the kernel died; is there enough memory?" if died else f"the cell took more than {cell_seconds} seconds")
    except (NoSuchKernel, RuntimeError) as error:  # nbclient's word for a kernel that does not answer in time
        return ready, (f"{settled.name} did not start", _one_line(f"{type(error).__name__}: {error}"))


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ARROW = re.compile(r"^-+> *\d+ (.*)$", re.M)


def _failing_line(traceback: Iterable[str], otherwise: str) -> str:
    """The line of the cell that the traceback points at."""
    found = _ARROW.search(_COLOUR.sub("", "\n".join(traceback)))
    return _one_line(found[1]) if found else otherwise


def _first_line(source: str) -> str:
    return next((_one_line(line) for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")


def _one_line(text: str) -> str:
    line = " ".join(_COLOUR.sub("", text).split())
    return line if len(line) <= 240 else f"{line[:239]}…"


def _written(result: RunResult, settled: Plan, notebook: NotebookNode, quality: Quality | None, new: Path,
             facts: Mapping[str, Any]) -> RunResult:
    """Writes the files beside the old ones, then puts them in place."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
    not_measured, findings = export.not_measured(notebook), export.findings(notebook)
    rows = {name: {"read": table.rows_read, "kept": table.kept, "set_aside": dict(table.set_aside), "score": table.score}
            for name, table in quality.tables.items()} if quality else {}
    warnings = [warning.sentence for table in quality.tables.values() for warning in table.warnings] if quality else []
    warnings += export.spoken(notebook)
    aside_rows = quality.rows_set_aside if quality else 0
    result = replace(result, status="warnings" if aside_rows or not_measured else "good", report=result.folder / "report.html",
                     findings=findings, not_measured=not_measured, rows_set_aside=aside_rows, warnings=warnings,
                     distrusted=[name for name, *_ in quality.distrust] if quality else [])
    export.write(new, notebook, facts={
        **facts, "notebook": settled.name, "parameters": dict(settled.values), "lang": settled.lang, "rows": rows,
        "seconds": result.seconds, "status": result.status, "warnings": warnings, "not_measured": not_measured, "findings": len(findings),
        "trusted": quality.trusted if quality else None})
    export.swap(new, result.folder)
    return result


def shown(path: Path) -> str:
    """The path as a person would type it from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
