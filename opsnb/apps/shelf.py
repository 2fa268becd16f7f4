"""The notebooks that are apps, and what an app makes of one: no report cells, the visitor's language, the visitor's parameters."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsnb.runs import notebooks
from opsnb.runs.params import Parameter
from opsnb.views import language, markdown, tags, visit
from opsnb.views.language import N_

if TYPE_CHECKING:
    from nbformat import NotebookNode

# Title and purpose of each app that comes with the package. A notebook of one's own is an app if its metadata says so.
APPS: dict[str, tuple[str, str]] = {
    "market_analysis": (N_("Market analysis"), N_("Where we stand in the market, and what the channels bring")),
    "user_profiling": (N_("User profiling"), N_("Who our users are, what they are worth, and who comes back")),
    "funnel_diagnosis": (N_("Funnel diagnosis"), N_("Where we lose users, since when, and which of them")),
    "evaluation_report": (N_("Evaluation report"), N_("Whether we kept the plan: targets, budget, experiments")),
}


def names(folder: str | Path) -> dict[str, tuple[str, str]]:
    """The apps of a folder with title and purpose, in English: those of the package first, then notebooks that call themselves apps.

    A notebook does so by ``{"opsnb": {"app": "what it is for"}}`` in its metadata; its title is its first heading.
    """
    found = {name: said for name, said in APPS.items() if Path(folder, f"{name}.ipynb").is_file()}
    for path in sorted(Path(folder).glob("*.ipynb")):
        if path.stem not in found and (purpose := _purpose(path)) is not None:
            found[path.stem] = (notebooks.title(read(path)[0]), purpose)
    return found


def path(folder: str | Path, name: str) -> Path | None:
    """The file of an app; None for whatever is none."""
    file = Path(folder, f"{name}.ipynb")
    return file if file.is_file() and name.isidentifier() and (name in APPS or _purpose(file) is not None) else None


def _purpose(path: Path) -> str | None:
    said = read(path)[0].metadata.get("opsnb")
    return str(said["app"]) if isinstance(said, dict) and "app" in said else None


def read(path: Path) -> tuple[NotebookNode, dict[str, Parameter]]:
    """A notebook and the parameters it declares; read again when the file has changed."""
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> tuple[NotebookNode, dict[str, Parameter]]:
    notebook = notebooks.read(path)
    return notebook, notebooks.schema(notebook, path.stem)


def app(notebook: Any, lang: str) -> Any:
    """A copy without report cells and old outputs, its markdown in ``lang``, and the visitor's parameters after the parameters cell.

    What a visitor asks for is no part of it: the added cell is the same for everybody.
    """
    import nbformat

    with language.using(lang):
        made = nbformat.from_dict(tags.select(notebook, "app"))
        cells = []
        for cell in made.cells:
            if cell.cell_type == "markdown":
                cell.source = markdown.translated(cell.source)
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
            cells.append(cell)
            if notebooks.PARAMETERS in notebooks.tags(cell):
                cells.append(nbformat.v4.new_code_cell(visit.CELL, metadata={"tags": ["visit"]}))
        made.cells = cells
        made.metadata["title"] = notebooks.title(made)
    return made
