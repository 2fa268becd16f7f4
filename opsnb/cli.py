"""The command ``opsnb``. Exit status: 0 good; 1 it ran, but rows were set aside or something could not be measured; 2 it could not run.

Results go to standard output, progress and errors to standard error. The last line always says what to do next.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

import opsnb
from opsnb.apps import options
from opsnb.console import done, error, grid, printer, progress, quoted, told
from opsnb.errors import InputError, OpsnbError

if TYPE_CHECKING:
    from opsnb.runs.runner import RunResult
    from opsnb.tables.quality import Quality

GOOD, WARNINGS, COULD_NOT = 0, 1, 2
app = typer.Typer(
    name="opsnb", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="An operations review that runs itself: put a business's tables in, get the pages out.",
    epilog="Begin with: opsnb demo data/demo, then opsnb run funnel_diagnosis --data data/demo\n\n"
           "Your own files: opsnb check FOLDER says what it sees in them.\n\n"
           "Exit status: 0 good; 1 it ran, but rows were set aside or something was not measured; 2 it could not run.")

Folder = Annotated[Path, typer.Argument(help="Folder of tables: CSV, Parquet, JSON lines, Excel.", metavar="FOLDER", show_default=False)]
Columns = Annotated[Path | None, typer.Option("--columns", help="A columns.yml that lies elsewhere.", metavar="FILE", show_default=False)]
DataFolder = Annotated[str, typer.Option("--data", help="Folder of tables; else OPSNB_DATA, else data/demo.", metavar="FOLDER",
                                         show_default=False)]
Out = Annotated[Path, typer.Option("--out", help="Where reports and the ledger of runs lie.", metavar="FOLDER")]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")]
Lang = Annotated[str, typer.Option("--lang", help="Language of the page: en or zh.", metavar="LANG", show_default=False)]


def main() -> None:
    """The entry point. A fault of the program shows its traceback and exits with 2: to a schedule, 1 would mean that it ran."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill ends kernels and servers as Ctrl+C does
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that lacks a character shows a question mark
    try:
        app()
    except SystemExit as end:
        if end.code == COULD_NOT and not told():  # a command that was typed wrong
            error("", "opsnb --help  lists the commands, opsnb COMMAND --help  its options")
        raise
    except Exception:
        traceback.print_exc()
        error("this is a fault of opsnb, not of your data", "report it with the lines above")
        sys.exit(COULD_NOT)


def command(then: str) -> Callable[[Callable[..., int]], Callable[..., None]]:
    """Makes a function a command: what it returns is the exit status; an input's fault is one line, followed by ``then``."""

    def wrap(function: Callable[..., int]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*args: Any, **options: Any) -> None:
            try:
                status = function(*args, **options)
            except OpsnbError as fault:
                error(str(fault), then)
                raise typer.Exit(COULD_NOT) from None
            except OSError as fault:
                error(f"{fault.filename or ''}: {fault.strerror or fault}".lstrip(": "), then)
                raise typer.Exit(COULD_NOT) from None
            except KeyboardInterrupt:
                error("interrupted", "run the same command again; what was there before is untouched")
                raise typer.Exit(COULD_NOT) from None
            raise typer.Exit(status)

        return app.command()(run)

    return wrap


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Show the version.", is_eager=True)] = False) -> None:
    if version:
        print(f"opsnb {opsnb.__version__}")
        raise typer.Exit


# Tables ------------------------------------------------------------------------------------------------------------------

@command("choose an empty folder, or one that `opsnb demo` made")
def demo(folder: Annotated[Path, typer.Argument(help="Folder to write to.", metavar="FOLDER", show_default=False)],
         users: Annotated[int | None, typer.Option(help="How many users.", min=1, show_default=False)] = None,
         days: Annotated[int | None, typer.Option(help="How many days.", min=1, show_default=False)] = None,
         seed: Annotated[int | None, typer.Option(help="Same seed, same business.", show_default=False)] = None,
         groups: Annotated[bool, typer.Option("--groups/--no-groups", help="Customers of six kinds, or no two alike.")] = True) -> int:
    """Make a demo business: two years of an online shop whose faults are planted."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "truth.json").exists():
        raise InputError(f"{folder} holds files that `opsnb demo` did not make")
    asked = {"users": users, "days": days, "seed": seed, "groups": None if groups else False}
    with progress(f"making {folder}"):
        made = opsnb.demo(folder, **{name: value for name, value in asked.items() if value is not None})
    return done(GOOD, f"{made} is made", f"opsnb run funnel_diagnosis --data {quoted(made)}")


@command("mend the file or the columns.yml that it names, then check again")
def check(folder: Folder, columns: Columns = None,
          write: Annotated[bool, typer.Option("--write", help="Save the proposed columns.yml into the folder.")] = False) -> int:
    """Say what a folder's files hold: rows kept, rows set aside and why, and what looks odd. Nothing is changed."""
    with progress(f"checking {folder}") as tell:
        quality = opsnb.check(folder, columns=columns, progress=tell.table)
    if not quality.tables:
        return _unmapped(folder, quality, write)
    show_quality(quality)
    status = WARNINGS if quality.rows_set_aside or not quality.trusted else GOOD
    return done(status, _verdict(quality), f"opsnb run {_fitting(quality)} --data {quoted(folder)}{_columns(columns)}")


@command("mend the file or the columns.yml that it names, then ingest again")
def ingest(folder: Folder, columns: Columns = None,
           force: Annotated[bool, typer.Option("--force", help="Read everything again, changed or not.")] = False) -> int:
    """Read a folder's files into its store; only files that changed are read. `run` does this by itself."""
    with progress(f"reading {folder}") as tell:
        quality = opsnb.ingest(folder, columns=columns, progress=tell.table, force=force)
    show_quality(quality)
    status = WARNINGS if quality.rows_set_aside or not quality.trusted else GOOD
    return done(status, _verdict(quality), f"opsnb run {_fitting(quality)} --data {quoted(folder)}{_columns(columns)}")


def _fitting(quality: Quality) -> str:
    """The notebook that the tables found are for."""
    fits = {"funnel_diagnosis": ("events",), "user_profiling": ("orders",), "evaluation_report": ("targets", "budget", "milestones", "exposures")}
    return next((notebook for notebook, tables in fits.items() if set(tables) & set(quality.tables)), "market_analysis")


def show_quality(quality: Quality) -> None:
    """The check as a table, then what was set aside, what looks odd and what was left alone."""
    table = grid("table", "read", "kept", "set aside", "score", "files", right=("read", "kept", "set aside", "score"))
    for name, found in quality.tables.items():
        table.add_row(name, f"{found.rows_read:,}", f"{found.kept:,}", f"{found.rows_set_aside:,}" if found.rows_set_aside else "–",
                      Text(f"{found.score:.2f}", "" if found.trusted else "bold red"), Text(", ".join(found.files)))
    console = printer()
    console.print(table)
    for name, found in quality.tables.items():
        for reason, rows in found.set_aside.items():
            example = next((example for example in found.examples if example.reason == reason), None)
            said = f"  e.g. {example.file} line {example.line}: {example.raw}" if example else ""
            console.print(Text(f"set aside: {name}: {rows:,} {'row' if rows == 1 else 'rows'}: {reason}{said}"))
        for column, rows in found.pointing_nowhere.items():
            console.print(Text(f"kept: {name}: {rows:,} {'row' if rows == 1 else 'rows'} whose {column} points nowhere"))
        for warning in found.warnings:
            examples = f" (e.g. {', '.join(warning.examples[:3])})" if warning.examples else ""
            console.print(Text.assemble(("warning: ", "yellow"), f"{name}: {warning.sentence}{examples}"))
    if quality.unclaimed:
        console.print(Text(f"left alone: {', '.join(quality.unclaimed)}"))


def _verdict(quality: Quality) -> str:
    parts = [f"{len(quality.tables)} {'table' if len(quality.tables) == 1 else 'tables'}"]
    if quality.rows_set_aside:
        parts.append(f"{quality.rows_set_aside:,} rows set aside, listed in {quality.rejected or 'rejected'}")
    parts += [f"{name} scores {score:.2f} and is not to be trusted ({part.replace('_', ' ')})" for name, score, part in quality.distrust]
    return "; ".join(parts)


def _unmapped(folder: Path, quality: Quality, write: bool) -> int:
    console, path = printer(), folder / "columns.yml"
    if not quality.proposed:
        raise InputError(f"{folder}: no file that opsnb can read ({', '.join(quality.unclaimed) or 'it is empty'})")
    console.print(Text(f"No file of {folder} is mapped to a table. Proposed columns.yml:\n"))
    console.print(Text(quality.proposed))
    if not _proposes_a_table(quality.proposed):
        raise InputError(f"{folder}: no table could be told from its files; write {path} by hand, the lines above and data/README.md say what can stand in it")
    if not write:
        return done(WARNINGS, "nothing was written", f"opsnb check {quoted(folder)} --write  saves this as {path}; then read it through")
    if path.exists():
        raise InputError(f"{path} is there already; rename it first")
    path.write_text(quality.proposed, encoding="utf-8", newline="\n")
    return done(GOOD, f"{path} is written", f"read it through, mend what is guessed wrong, then: opsnb check {quoted(folder)}")


def _proposes_a_table(proposed: str) -> bool:
    import yaml

    from opsnb.tables.codebook import TABLES

    return bool(set(yaml.safe_load(proposed) or {}) & set(TABLES))


# Runs --------------------------------------------------------------------------------------------------------------------

@command("mend that and run the same command again; `opsnb run NOTEBOOK --explain` lists the parameters")
def run(notebooks: Annotated[list[str], typer.Argument(help="Names or paths of notebooks.", metavar="NOTEBOOK...", show_default=False)],
        data: DataFolder = "",
        params: Annotated[str, typer.Option("--params", help="YAML file of parameters, or the name of one in params/NOTEBOOK/.",
                                            metavar="FILE", show_default=False)] = "",
        assign: Annotated[list[str] | None, typer.Option("--set", help="One parameter; may be repeated.", metavar="NAME=VALUE",
                                                         show_default=False)] = None,
        out: Out = Path("out"), lang: Lang = "", columns: Columns = None,
        cell_seconds: Annotated[int, typer.Option(help="Longest time for one cell.", min=1)] = 1800,
        explain: Annotated[bool, typer.Option("--explain", help="Only list the parameters of the notebooks.")] = False) -> int:
    """Run notebooks on a folder of tables; each leaves OUT/NOTEBOOK/report.html and what it is made of."""
    from opsnb.runs import params as parameters
    from opsnb.runs import runner

    if explain:
        return _explain(notebooks)
    given = parameters.from_file(_params_file(params, notebooks)) if params else {}
    given.update(parameters.from_shell(assign or []))
    plans = runner.plan(notebooks, data=data, given=given, lang=lang)
    results = []
    for plan in plans:
        with progress(f"running {plan.name}") as tell:
            results.append(runner.execute(plan, out=out, columns=columns, cell_seconds=cell_seconds, progress=tell))
        show_result(results[-1], every=len(plans) == 1)
    failed = [result for result in results if result.status == "failed"]
    status = max(result.exit_status for result in results)
    if failed:
        kept = quoted(runner.shown(failed[0].folder / "failed.ipynb"))
        return done(status, f"{len(failed)} of {len(results)} failed", f"look into {kept}, mend the cause, run the same command again")
    reports = " ".join(quoted(runner.shown(result.report)) for result in results if result.report)
    return done(status, _what_is_lacking(results), f"open {reports}")


def show_result(result: RunResult, *, every: bool = False) -> None:
    """One run: path, seconds, first finding (or every one); or the three lines of its error."""
    from opsnb.runs.runner import shown

    console = printer()
    if result.error:
        for line in result.error:
            console.print(Text(line))
        return
    console.print(Text.assemble((result.notebook, "bold"), f"  {shown(result.report)}  {result.seconds:.1f} s"))
    sentences = [str(finding["sentence"]) for finding in result.findings] if every else [result.first_finding]
    for sentence in sentences or ["no finding"]:
        console.print(Text(f"  {sentence or 'no finding'}"))


def _what_is_lacking(results: list[RunResult]) -> str:
    rows = max(result.rows_set_aside for result in results)
    reasons = dict.fromkeys(str(box.get("reason", box)).rstrip(".") for result in results for box in result.not_measured)
    parts = [f"{rows:,} {'row was' if rows == 1 else 'rows were'} set aside (`opsnb check` says which)"] if rows else []
    if distrusted := sorted({name for result in results for name in result.distrusted}):
        parts.insert(0, f"do not trust these findings: the quality of {', '.join(distrusted)} is under 0.8")
    return "; ".join([*parts, *(f"not measured: {reason}" for reason in reasons)])


def _columns(columns: Path | None) -> str:
    return f" --columns {quoted(columns)}" if columns else ""


def _params_file(name: str, notebooks: list[str]) -> Path:
    """A file by its path, or by its name among the notebooks' own: params/<notebook>/<name>.yml."""
    if not Path(name).exists() and Path(name).suffix not in (".yml", ".yaml"):
        for notebook in notebooks:
            if (own := Path("params") / Path(notebook).stem / f"{name}.yml").exists():
                return own
    return Path(name)


def _explain(wanted: list[str]) -> int:
    from opsnb.runs import notebooks

    for path in map(notebooks.find, wanted):
        print(path.stem)
        for parameter in notebooks.schema(notebooks.read(path), path.stem).values():
            print(f"  {parameter}")
    return done(GOOD, "", f"opsnb run {' '.join(wanted)} --set name=value")


@command("give the folder in which runs were made with --out")
def runs(out: Out = Path("out"), last: Annotated[int, typer.Option(help="How many, newest last.", min=1)] = 20) -> int:
    """List what ran: when, how it ended, how long it took, where it lies."""
    from datetime import datetime

    from opsnb.runs import ledger
    from opsnb.runs.runner import shown

    entries = ledger.entries(out)
    if not entries:
        return done(GOOD, f"nothing has run into {out} yet", "opsnb run funnel_diagnosis")
    table = grid("started", "notebook", "ended", "seconds", "where", "first finding or error", right=("seconds",))
    for entry in entries[-last:]:
        table.add_row(f"{datetime.fromisoformat(entry.started).astimezone():%Y-%m-%d %H:%M:%S}", Text(entry.notebook), entry.status,
                      "–" if entry.seconds is None else f"{entry.seconds:.1f}", Text(shown(Path(entry.out))), Text(entry.first))
    printer().print(table)
    newest = Path(entries[-1].out) / ("failed.ipynb" if entries[-1].status == "failed" else "report.html")
    return done(GOOD, f"{len(entries)} runs", f"open {quoted(shown(newest))}" if newest.exists() else f"opsnb run {entries[-1].notebook}")


# Served ------------------------------------------------------------------------------------------------------------------

def _map_of_kernels(folder: Path, columns: Path | None) -> None:
    """The map with which the kernels of apps and Lab read the data folder."""
    if columns is not None:
        os.environ.update(OPSNB_DATA=str(Path(folder).resolve()), OPSNB_COLUMNS=str(Path(columns).resolve()))


@command("name a folder with --data (opsnb demo data/demo makes one), or another --port")
def apps(data: DataFolder = "", port: options.Port = None, browser: Browser = True, lang: Lang = "", columns: Columns = None, out: Out = Path("out"),
         places: options.Places = 10, ip: options.Ip = "127.0.0.1", hosts: options.Hosts = None, base_url: options.BaseUrl = "/",
         proxy_header: options.ProxyHeader = "") -> int:
    """Serve the notebooks as apps, on this machine only unless told otherwise, until Ctrl+C."""
    from opsnb import apps as served
    from opsnb.runs.runner import data_folder
    _map_of_kernels(data_folder(data), columns)
    status = served.apps(data_folder(data), port=port, open_browser=browser, lang=lang or None, out=out, places=places, ip=ip,
                         hosts=hosts or [], base_url=base_url, header=proxy_header)
    return done(COULD_NOT if status > 0 else GOOD, "the apps have ended", "opsnb apps  serves them again")


@command("opsnb new my_question  makes notebooks/my_question.ipynb")
def new(name: Annotated[str, typer.Argument(help="Its name: small letters, digits and _.", metavar="NAME", show_default=False)],
        title: Annotated[str, typer.Option(help="Its heading; else made of the name.", show_default=False)] = "",
        purpose: Annotated[str, typer.Option(help="What the list of apps says of it.", show_default=False)] = "") -> int:
    """Make a notebook of your own in the form of the others: it runs and is served as an app at once."""
    from opsnb.runs.new import new as make
    from opsnb.runs.runner import shown
    path = make(name, title=title, purpose=purpose)
    return done(GOOD, f"{shown(path)} is made", f"opsnb lab  to write it, opsnb run {name} --data FOLDER  for its report, opsnb apps  to show it")


@command("name a folder with --data (opsnb demo data/demo makes one), or another --port")
def lab(data: DataFolder = "", port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 8888,
        browser: Browser = True, columns: Columns = None) -> int:
    """Open JupyterLab in the notebooks' folder, until Ctrl+C."""
    from opsnb.runs import lab as laboratory
    from opsnb.runs.runner import data_folder

    _map_of_kernels(data_folder(data), columns)
    status = laboratory.lab(data, port=port, open_browser=browser)
    return done(COULD_NOT if status > 0 else GOOD, "JupyterLab has ended", "opsnb lab  opens it again")


@command("run the same command again with fewer worlds")
def truth(worlds: Annotated[int, typer.Option(help="How many demo businesses to make.", min=1)] = 20,
          first_seed: Annotated[int, typer.Option(help="Seed of the first one; the others follow.")] = 1000,
          reports: Annotated[str, typer.Option(help="Reports to measure, with commas between them; all if not given.")] = "",
          processes: Annotated[int, typer.Option(help="Worlds at once, each on a core of its own.", min=1)] = 1,
          as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> int:
    """Measure the reviews: how often they name what was planted, and how often they cry wolf."""
    from opsnb.reviews import truth as judged

    with progress("making worlds") as tell:
        verdicts = judged.world_verdicts(worlds, first_seed, reports=[name.strip() for name in reports.split(",") if name.strip()],
                                         processes=processes, progress=tell)
    if as_json:
        print(judged.as_json(verdicts), flush=True)
    for frame in () if as_json else (judged.truth_table(verdicts), judged.goals_in_words(judged.goals_table(verdicts))):
        words = {"kind", "report", "asked", "missed in seeds"}
        table = grid(*(names := [str(column).replace("_", " ") for column in frame.columns]), right=set(names) - words)
        for row in json.loads(frame.to_json(orient="values")):
            table.add_row(*("–" if value is None else str(value) for value in row))
        printer().print(table)
    return done(GOOD, f"{worlds} worlds, seeds {first_seed} to {first_seed + worlds - 1}, {judged.cpu_seconds(verdicts):.1f} CPU seconds each",
                f"opsnb demo data/world --seed {first_seed}  makes the first of them", stderr=as_json)
