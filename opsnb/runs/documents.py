"""A report as a workbook (XLSX) and as a printout (PDF): made when first asked for, kept beside the report until a later run replaces it.

``python -m opsnb.runs.documents FOLDER NAME`` makes one in a process of its own, so that a server that asks for it goes on answering.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsnb.errors import InputError
from opsnb.runs import export
from opsnb.views import columns, language, shown
from opsnb.views.language import _

if TYPE_CHECKING:
    from openpyxl import Workbook

WORKBOOK, PRINTOUT = export.DOCUMENTS
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PRINT_SECONDS = 120
MOST_ROWS, LONGEST_TEXT, LONGEST_NAME = 100_000, 32_767, 31  # of a sheet, of a cell, of a sheet's name
_FORMATS = {"percent": "0.0%", "signed": "+0.0%;-0.0%;0.0%", "shift": "+0.0%;-0.0%;0.0%", "count": "#,##0", "money": "#,##0.00",
            "date": "yyyy-mm-dd", "month": "yyyy-mm"}
_NO_CELL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # what the format cannot hold


def browser() -> str | None:
    """The program that prints: the first browser of Chromium's kind on this machine; None without one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def kept(folder: Path, name: str) -> Path | None:
    """The document of a report, if it has been made of the report that lies there now."""
    path, report = folder / name, folder / "report.html"
    try:
        return path if path.stat().st_mtime_ns >= report.stat().st_mtime_ns else None
    except OSError:
        return None


def offered(folder: Path) -> list[str]:
    """The documents that a report has or can be made into here."""
    return [name for name, can in ((WORKBOOK, (folder / "report.ipynb").is_file()), (PRINTOUT, browser() is not None)) if can or kept(folder, name)]


def make(folder: Path, name: str) -> Path:
    """Makes the document and puts it in place in one step; while another run replaces the report, it is made again of the new one.

    Raises InputError where there is no report, or no browser to print with.
    """
    for _again in range(3):
        before = _state(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".opsnb-") as place:
            made = Path(place) / name
            if name == PRINTOUT:
                printed(folder / "report.html", made)
            else:
                workbook(json.loads((folder / "report.ipynb").read_text(encoding="utf-8"))).save(made)
            if _state(folder) == before:
                export.put(made, folder / name)
                return folder / name
    raise InputError(f"{folder}: its report is being replaced; try again")


def _state(folder: Path) -> tuple[int, int]:
    try:
        found = (folder / "report.html").stat()
    except OSError:
        raise InputError(f"{folder}: there is no report") from None
    return found.st_mtime_ns, found.st_size


# The printout ------------------------------------------------------------------------------------------------------------

def printed(report: Path, path: Path) -> None:
    """Prints a report as PDF, by a browser that reaches no network. Raises InputError if there is none, or if it fails."""
    program = browser()
    if program is None:
        raise InputError("no browser on this machine that can print; install chromium")
    with tempfile.TemporaryDirectory(prefix="opsnb-print-") as profile:
        command = [program, "--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking",
                   "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={profile}", "--no-pdf-header-footer",
                   "--virtual-time-budget=20000", f"--print-to-pdf={path}", report.resolve().as_uri()]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # it does not start otherwise for this user
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PRINT_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise InputError(f"{report}: not printed within {PRINT_SECONDS} seconds") from None
    if not path.is_file() or not path.stat().st_size:
        raise InputError(f"{report}: {Path(program).name} printed nothing")


# The workbook ------------------------------------------------------------------------------------------------------------

def workbook(notebook: Mapping[str, Any]) -> Workbook:
    """The findings on the first sheet, then each table of the report on one of its own: numbers as numbers, days as days, texts never as
    formulas. A table with users' ids is left out, and the first sheet says so."""
    from openpyxl import Workbook as Book

    book = Book(write_only=True)
    with language.using((notebook["metadata"].get("opsnb") or {}).get("lang", "en")):
        outputs = [output.get("data", {}) for cell in notebook["cells"] for output in cell.get("outputs", ())]
        found = [finding for data in outputs for finding in _content(data, export.FINDINGS).get("findings", ())]
        tables = [(table, _title(data)) for data in outputs if (table := _content(data, export.TABLE)) and table["csv"].strip()]
        open_to_all = [(table, title) for table, title in tables if not shown.names_people(table["csv"])]
        names = list(_sheet_names(table["name"] for table, _title in open_to_all))
        first = book.create_sheet(_("The short version"))
        first.column_dimensions["A"].width = 120
        title = str(notebook["metadata"].get("title", "opsnb"))
        for text, bold in _cover(title, found, [(name, said) for name, (_table, said) in zip(names, open_to_all, strict=True)],
                                 left_out=len(tables) - len(open_to_all)):
            first.append([_text(first, text, bold=bold)])
        for name, (table, _said) in zip(names, open_to_all, strict=True):
            _write(book.create_sheet(name), table["csv"])
    return book


def _cover(title: str, found: list[Mapping[str, Any]], sheets: list[tuple[str, str]], *, left_out: int) -> Iterator[tuple[str, bool]]:
    yield title, True
    for finding in found:
        yield str(finding["sentence"]), False
    if sheets:
        yield "", False
        yield _("Sheets"), True
    for name, said in sheets:
        yield f"{name}: {said}" if said else name, False
    if left_out:
        yield _("Tables with users' ids that are not in this file: {tables}.").format(tables=language.count(left_out)), False


def _content(data: Mapping[str, Any], mime: str) -> Any:
    content = data.get(mime, {})
    return json.loads(content) if isinstance(content, str) else content


def _title(data: Mapping[str, Any]) -> str:
    said = data.get("text/plain", "")
    return "".join(said).strip().split("\n")[0] if isinstance(said, (str, list)) else ""


def _sheet_names(wanted: Iterable[str]) -> Iterator[str]:
    """Names that a workbook takes: short, without the signs it reserves, none twice.

    >>> list(_sheet_names(["a/b", "A b", "cohort_retention_by_channel_and_month", "cohort_retention_by_channel_and_week"]))
    ['a b', 'A b 2', 'cohort_retention_by_channel_and', 'cohort_retention_by_channel_a 2']
    """
    taken: set[str] = set()
    for text in wanted:
        plain = re.sub(r"[\[\]:*?/\\'\x00-\x1f]+", " ", str(text)).strip()[:LONGEST_NAME].strip() or "table"
        name, number = plain, 1
        while name.casefold() in taken:
            number += 1
            name = plain[: LONGEST_NAME - len(str(number)) - 1].rstrip() + f" {number}"
        taken.add(name.casefold())
        yield name


def _write(sheet: Any, text: str) -> None:
    import pandas as pd
    from openpyxl.cell import WriteOnlyCell

    rows = csv.reader(io.StringIO(text, newline=""))
    head = next(rows)
    formats = columns.formats(pd.read_csv(io.StringIO(text), nrows=MOST_ROWS))
    headings = [columns.heading(name, formats.get(name, "")) for name in head]
    sheet.freeze_panes = "A2"
    for number, heading in enumerate(headings):
        sheet.column_dimensions[_letter(number)].width = min(40, max(12, 2 + shown.text_width(heading)))
    sheet.append([_text(sheet, heading, bold=True) for heading in headings])
    for written, row in enumerate(rows):
        if written == MOST_ROWS:
            sheet.append([_text(sheet, _("The report's tables folder has the other rows."))])
            break
        cells = []
        for value, form in zip(row, columns.formats_of_row(formats, row) if len(formats) == len(row) else [""] * len(row), strict=True):
            made = value_of(value, form)
            if isinstance(made, str):
                cells.append(_text(sheet, columns.shown(made, form) if form == "name" and made else made))
            else:
                cell = WriteOnlyCell(sheet, value=made)
                cell.number_format = _FORMATS.get(form) or ("General" if made is None else "#,##0" if isinstance(made, int) else "#,##0.00##")
                cells.append(cell)
        sheet.append(cells)


def value_of(text: str, form: str) -> Any:
    """A value of a CSV as a workbook holds it: a number, a day, a text, or nothing.

    >>> value_of("0.25", "percent"), value_of("2025-11-03", "date"), value_of("=1+1", ""), value_of("", "count"), value_of("007", "")
    (0.25, datetime.date(2025, 11, 3), '=1+1', None, '007')
    """
    if not text:
        return None
    if text in ("True", "False"):
        return _("yes") if text == "True" else _("no")
    if form in ("date", "month"):
        try:
            return dt.date.fromisoformat(text[:10] if form == "date" else f"{text[:7]}-01")
        except ValueError:
            return text
    if form in columns.RIGHT:
        try:
            return float(text) if not re.fullmatch(r"[+-]?\d{1,15}", text) else int(text)
        except ValueError:
            return text
    return text


def _text(sheet: Any, text: str, *, bold: bool = False) -> Any:
    """A cell that stays a text, also where it begins like a formula and when it is edited."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font

    cell = WriteOnlyCell(sheet)
    cell.value = _NO_CELL.sub("", text)[:LONGEST_TEXT]
    if cell.data_type in ("f", "e"):
        cell.data_type = "s"
    if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        cell.quotePrefix = True
    if bold:
        cell.font = Font(bold=True)
        cell.alignment = Alignment(wrap_text=False)
    return cell


def _letter(number: int) -> str:
    from openpyxl.utils import get_column_letter

    return get_column_letter(number + 1)


if __name__ == "__main__":
    try:
        make(Path(sys.argv[1]), sys.argv[2])
    except InputError as fault:
        sys.exit(str(fault))
