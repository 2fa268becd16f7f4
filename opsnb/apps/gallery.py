"""The list of apps: what each is for and what it found last; beside them the reports that the runs have made."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from markupsafe import Markup
from tornado.web import HTTPError

from opsnb.apps import latest, shelf, visitors
from opsnb.apps.handlers import Page
from opsnb.runs import documents, ledger
from opsnb.views import language, page, theme
from opsnb.views.findings.explained import explained
from opsnb.views.language import N_, _

FILES = {"report.html": "text/html; charset=utf-8", documents.WORKBOOK: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
         documents.PRINTOUT: "application/pdf"}
MAKE_SECONDS = documents.PRINT_SECONDS + 30
MOST_REPORTS = 30
STATUS = {"good": N_("good"), "warnings": N_("with warnings"), "failed": N_("failed"), "unfinished": N_("not finished")}
# A report is a page of its own with its scripts inside: it may draw, and reach nothing of ours.
REPORT_POLICY = ("sandbox allow-scripts allow-downloads allow-modals allow-popups; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
                 "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'self'")


class Gallery(Page):
    """``/``."""

    def get(self) -> None:
        apps, lang = self.settings["apps"], self.lang
        visitors.marked(self)  # before the first page: two that are opened at once are one visitor's
        with language.using(lang):
            shelved = shelf.names(apps.root_dir)
            said = [self._app(name, *texts) for name, texts in shelved.items()]
            reports = listed(apps.out, {name: title for name, (title, _purpose) in shelved.items()})
        self.show("gallery.html", apps=said, reports=reports, prints=documents.browser() is not None,
                  leaves=bool(self.settings["door"].pass_of(self)))

    def _app(self, name: str, title: str, purpose: str) -> dict[str, Any]:
        found = latest.found(self.settings["apps"].out, name)
        return {"name": name, "title": _(title), "purpose": _(purpose), "finding": latest.first(found), "thumbnail": thumbnail(found),
                "when": latest.when(found.entry.started) if found else ""}


class Report(Page):
    """A file of a run that the ledger names, in a page that can do nothing to ours."""

    async def get(self, run: str, name: str) -> None:
        out = self.settings["apps"].out
        entry = next((entry for entry in latest.runs(out) if entry.run == run), None)
        folder = latest.folder(out, entry) if entry else None
        if folder is None or latest.held_back(entry) or name not in FILES or not _inside(folder / "report.html", out):
            raise HTTPError(404)
        if name in documents.offered(folder) and not documents.kept(folder, name):
            await self.settings["documents"].make(folder, name)
        path = folder / name
        if not _inside(path, out):
            raise HTTPError(404)
        self.set_header("Content-Type", FILES[name])
        self.set_header("Content-Security-Policy", REPORT_POLICY)
        self.set_header("Cache-Control", "no-store")
        if self.get_query_argument("download", ""):
            self.set_header("Content-Disposition", f'attachment; filename="{entry.notebook}-{entry.started[:10]}{path.suffix}"')
        self.finish(path.read_bytes())


def _inside(path: Path, out: Path) -> bool:
    return path.is_file() and path.resolve().is_relative_to(Path(out).resolve())


class Documents:
    """Makes workbooks and printouts of reports, one at a time and each once, in processes of their own: the server goes on answering."""

    def __init__(self) -> None:
        self._making: dict[Path, Awaitable[None]] = {}
        self._turn = asyncio.Semaphore(1)

    async def make(self, folder: Path, name: str) -> None:
        """Comes back when the document is there. Raises RuntimeError, with what the process said, when it could not be made."""
        path = folder / name
        if path not in self._making:
            self._making[path] = asyncio.ensure_future(self._make(folder, name))
            self._making[path].add_done_callback(lambda _done: self._making.pop(path, None))
        await asyncio.shield(self._making[path])

    async def _make(self, folder: Path, name: str) -> None:
        async with self._turn:
            process = await asyncio.create_subprocess_exec(sys.executable, "-m", "opsnb.runs.documents", str(folder), name,
                                                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                _said, told = await asyncio.wait_for(process.communicate(), MAKE_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
                raise RuntimeError(f"{name} of {folder} was not made within {MAKE_SECONDS} seconds") from None
            if process.returncode:
                raise RuntimeError(f"{name} of {folder} could not be made: {told.decode('utf-8', 'replace').strip()}")


def listed(out: Path, titles: dict[str, str]) -> list[dict[str, Any]]:
    """The latest runs, newest first, with the files that can be had: a report that a later run has replaced is no longer there."""
    ready = {entry.run: entry for entry in latest.runs(out)}
    shown = []
    for entry in sorted(ledger.entries(out), key=lambda entry: entry.started, reverse=True)[:MOST_REPORTS]:
        files = ["report.html", *documents.offered(Path(entry.out))] if entry.run in ready and Path(entry.out, "report.html").is_file() else []
        held = bool(files) and latest.held_back(entry)
        if not files and entry.status in ("good", "warnings"):
            continue
        # a run that failed keeps the words of its error for the command line: they are technical
        told = latest.first(latest.found(out, entry.notebook)) if entry.run in ready else ""
        shown.append({"run": entry.run, "title": _(titles.get(entry.notebook, entry.notebook)), "when": latest.when(entry.started),
                      "status": entry.status, "said": _(STATUS[entry.status]), "finding": told, "files": [] if held else files, "held": held})
    return shown


def thumbnail(found: latest.Found | None) -> Markup:
    """A small drawing of a run: the number of its first finding over what it is compared with, two bars; else a bar for each finding, as long as
    it is urgent and in the colour of its card."""
    if found is None or not found.findings:
        bars = "".join(_bar(14 + 16 * row, width, theme.QUIET) for row, width in enumerate((60, 44, 28)))
        return _small(bars)
    first = found.findings[0]
    known = explained(first)
    if known is None or not known.figure:
        lengths = [round(10 + 62 * min(1.0, max(0.0, one.severity))) for one in found.findings[:5]]
        return _small("".join(_bar(9 + 12 * row, length, page.urgency_color(one))
                              for row, (length, one) in enumerate(zip(lengths, found.findings, strict=False))))
    pair = [abs(float(first.numbers[name])) for name, _label in known.pair]
    longest = max(pair, default=0)
    bars = "".join(_bar(46 + 11 * row, max(2, round(72 * value / longest)), page.urgency_color(first) if row else theme.QUIET)
                   for row, value in enumerate(pair)) if 0 < longest < float("inf") else ""
    return _small(f'<text x="12" y="{31 if bars else 44}">{page.escape(known.figure)}</text>{bars}')


def _bar(y: int, width: int, color: str) -> str:
    return f'<rect x="12" y="{y}" width="{width}" height="7" rx="3.5" fill="{color}"/>'


def _small(drawing: str) -> Markup:
    return Markup(f'<svg viewBox="0 0 96 72" aria-hidden="true">{drawing}</svg>')
