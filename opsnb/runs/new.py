"""A notebook of one's own in the form of the house: it runs, is served as an app and passes the tests from its first minute."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from opsnb.errors import InputError, ParameterError
from opsnb.runs import notebooks

if TYPE_CHECKING:
    from nbformat import NotebookNode

NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")  # what stands in an address and in a file's name

# (tags, source) of each cell; a cell without tags is text. A section is a question, a function, its default view and its controls.
_CELLS: tuple[tuple[str, str], ...] = (
    ("", "# {title}\n\nWrite for whom this page is, and the one decision that it serves."),
    ("parameters", '''from typing import Literal

data_folder: str = ""  # folder with the tables; empty: the demo business
lang: Literal["en", "zh"] = "en"  # language of the page
as_of: str = ""  # last day looked at, YYYY-MM-DD; empty: last day in the data
days: int = 365  # length of the period that ends on as_of, in days [30..3660]'''),
    ("setup", '''import opsnb
from opsnb import charts, page, reviews
page.setup(lang)
data = opsnb.open_data(data_folder, as_of=as_of)
page.header(data, days=days, shortest=30)'''),
    ("", "## The short version\n\nAt most five findings, the most urgent first. Each sentence is computed from the tables; nothing is typed by hand."),
    ("short-version", "page.short_version(reviews.main_figures, data, days=days)"),
    ("", "## How does the business run?\n\nWrite why this matters. A section is one function; below it stand what a report shows and what an app "
         "lets its reader choose."),
    ("section", '''def daily(days=days):
    return charts.kpi_lines(kpis := reviews.daily_kpis(data, days=days), title=reviews.kpi_title(data), kpis=reviews.measured(kpis))'''),
    ("report", "page.show(daily)"),
    ("app", "opsnb.controls.panel(daily, days=sorted({days, 30, 90, 365}))"),
    ("", "## What are the figures of each day?\n\nA table keeps all its rows and digits in the run's tables folder, whatever the page shows."),
    ("section", '''def figures(days=28):
    return page.table(reviews.daily_kpis(data, days=days), "figures", title=reviews.kpi_title(data))'''),
    ("report", "page.show(figures)"),
    ("app", "opsnb.controls.panel(figures, days=[7, 28, 90])"),
    ("", "## Limits\n\nWhat was read, what was set aside and why, and what could not be measured. Write here what a reader must not conclude from this page."),
    ("limits", "page.show(page.limits, data=data)"),
)


def new(name: str, *, title: str = "", purpose: str = "") -> Path:
    """Writes ``notebooks/<name>.ipynb`` and returns its path; see :func:`folder` for where.

    ``title`` is its first heading (else made of the name), ``purpose`` what the list of apps says of it.
    Raises ParameterError for a name that cannot stand in an address, InputError if there is such a notebook.
    """
    import nbformat

    if not NAME.fullmatch(name):
        raise ParameterError(f"'{name}' cannot be a notebook's name; allowed: a small letter, then small letters, digits and _, at most 61")
    if name in notebooks.names():
        raise InputError(f"there is a notebook '{name}' already ({notebooks.find(name)}); choose another name")
    path = folder() / f"{name}.ipynb"
    title = " ".join(title.split()) or name.replace("_", " ").capitalize()
    nbformat.write(made(name, title, " ".join(purpose.split()) or title), path)
    return path


def folder() -> Path:
    """Where one's own notebooks lie: ./notebooks; inside a checkout the checkout's. Where there is neither, ./notebooks is made with a copy
    of all the package's, so that `opsnb lab` and `opsnb apps` show them beside one's own."""
    here, checkout = notebooks.here(), notebooks.PACKAGE.parent
    if here.is_dir():
        return here
    if (checkout / "pyproject.toml").exists() and Path.cwd().is_relative_to(checkout) and (checkout / "notebooks").is_dir():
        return checkout / "notebooks"
    found = notebooks.folders()
    if not found:
        raise InputError("no notebooks here and none in the package")
    return Path(shutil.copytree(found[0], here, ignore=shutil.ignore_patterns(".*", "__pycache__")))


def made(name: str, title: str, purpose: str) -> NotebookNode:
    """The notebook itself; ``purpose`` in its metadata makes it an app."""
    import nbformat

    v4 = nbformat.v4
    cells = []
    for number, (tag, source) in enumerate(_CELLS):
        cell = v4.new_code_cell(source, metadata={"tags": [tag]}) if tag else v4.new_markdown_cell(source.replace("{title}", title))
        cell["id"] = f"{name[:40]}-{number:02}"
        cells.append(cell)
    metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"},
                "opsnb": {"app": purpose}}
    return v4.new_notebook(cells=cells, metadata=metadata)
