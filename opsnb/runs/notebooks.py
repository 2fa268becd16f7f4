"""Where notebooks are found, and how one is made ready for a run: language, parameters, no controls."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import opsnb
from opsnb.errors import InputError, nearest
from opsnb.runs import params

if TYPE_CHECKING:
    from nbformat import NotebookNode

PACKAGE = Path(opsnb.__file__).parent
PARAMETERS, INJECTED = "parameters", "injected-parameters"


def here() -> Path:
    """./notebooks, or this folder itself if it is called so (a terminal in JupyterLab stands in it)."""
    return Path.cwd() if Path.cwd().name == "notebooks" else Path.cwd() / "notebooks"


def folders() -> list[Path]:
    """The folders that are searched, in this order: ./notebooks, a checkout's beside the package, the installed package's own."""
    found = [here(), PACKAGE / "notebooks"]
    if (PACKAGE.parent / "pyproject.toml").exists():
        found.insert(1, PACKAGE.parent / "notebooks")
    return [folder for number, folder in enumerate(found) if folder.is_dir() and folder not in found[:number]]


def names() -> list[str]:
    """The notebooks that can be run by name."""
    return sorted({path.stem for folder in folders() for path in folder.glob("*.ipynb")})


def find(notebook: str | Path) -> Path:
    """The file of a notebook given by name or by path. Raises InputError with the nearest name if there is none."""
    path = Path(notebook)
    if path.suffix == ".ipynb" or len(path.parts) > 1:
        path = path if path.suffix == ".ipynb" else path.with_name(path.name + ".ipynb")
        if path.is_file():
            return path.resolve()
        if len(path.parts) > 1:
            raise InputError(f"{path}: no such notebook; {nearest(path.stem, names())}")
    for folder in folders():
        if (found := folder / f"{path.stem if path.suffix == '.ipynb' else path.name}.ipynb").is_file():
            return found.resolve()
    raise InputError(f"no notebook '{notebook}'; {nearest(path.stem, names())}")


def read(path: Path) -> NotebookNode:
    """The notebook as nbformat reads it. Raises InputError if the file is no notebook."""
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no notebook: {str(error).splitlines()[0][:120]}") from None


def schema(notebook: NotebookNode, name: str) -> dict[str, params.Parameter]:
    """The parameters that the notebook's cell tagged ``parameters`` declares; none without such a cell."""
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code" and PARAMETERS in tags(cell):
            return params.schema(cell.source, where=f"{name}.ipynb cell {number}")
    return {}


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return list(cell.metadata.get("tags", []))


def ready(notebook: NotebookNode, values: Mapping[str, Any], lang: str) -> NotebookNode:
    """A copy to be run: without controls and old outputs, markdown in language ``lang``, with the values after the parameters cell."""
    import nbformat

    from opsnb.views import language, markdown
    from opsnb.views.tags import select

    copy = nbformat.from_dict(select(notebook, "report"))
    cells = []
    for cell in copy.cells:
        if INJECTED in tags(cell):
            continue
        if cell.cell_type == "markdown":
            with language.using(lang):
                cell.source = markdown.translated(cell.source)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        cells.append(cell)
        if cell.cell_type == "code" and PARAMETERS in tags(cell):
            injected = nbformat.v4.new_code_cell("# the parameters of this run\n" + params.assignments(values))
            injected["id"], injected.metadata["tags"] = INJECTED, [INJECTED]
            cells.append(injected)
    copy.cells = cells
    copy.metadata["title"], copy.metadata["opsnb"] = title(copy), {"lang": lang}
    return nbformat.v4.upgrade(copy)


def title(notebook: NotebookNode) -> str:
    """The first heading."""
    for cell in notebook.cells:
        for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
            if line.startswith("#"):
                return line.lstrip("# ").strip()
    return "opsnb"


def code_hash(notebook: NotebookNode) -> str:
    """A hash of the notebook's cells and of the package's sources: equal hashes mean that the same code ran."""
    total = hashlib.sha256()
    for cell in notebook.cells:
        total.update(f"{cell.cell_type}\0{','.join(tags(cell))}\0{cell.source}\0".encode())
    for path in sorted(PACKAGE.rglob("*"), key=lambda path: path.relative_to(PACKAGE).as_posix()):
        if path.suffix in {".py", ".po", ".js", ".j2", ".css"} and "__pycache__" not in path.parts:
            total.update(f"\0{path.relative_to(PACKAGE).as_posix()}\0".encode())
            total.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return total.hexdigest()
