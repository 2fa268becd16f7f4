"""Which texts a reader sees, and which of them a language still lacks.

    python -m opsnb.views.translations        prints the missing entries in the catalogue's own form, ready to be translated

Texts are the strings marked ``_("...")`` or ``N_("...")`` in the package's views, reviews and apps, the paragraphs of the notebooks, the reasons why
something is not measured and the check's warnings, and the names of :mod:`opsnb.views.names`.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from opsnb.views import language, markdown, names
from opsnb.views.jupyter import notebooks_folder

ROOMS = ("views", "reviews", "apps")
SAYING_WHY = {"NotMeasured": 0, "_unmeasured": 0, "NoPersonas": 0, "Warning": 1}  # calls whose argument a page shows -> which argument


def texts() -> dict[str, str]:
    """Every text that needs a translation -> where it is first found."""
    found: dict[str, str] = {}
    for text, place in [*_marked(), *_on_pages(), *_paragraphs(), *_reasons(), *names.written_elsewhere()]:
        found.setdefault(text, place)
    return found


def untranslated(lang: str = "zh") -> dict[str, str]:
    """The texts without an entry in ``lang`` -> where they are found."""
    known = language.catalogue(lang)
    return {text: place for text, place in texts().items() if text not in known}


def misplaced(lang: str = "zh") -> dict[str, str]:
    """Translations whose ``{places}`` are not those of the English text -> what differs."""
    wrong = {}
    for text, translation in language.catalogue(lang).items():
        ours, theirs = _places(text), _places(translation)
        if ours != theirs:
            wrong[text] = f"{sorted(ours)} became {sorted(theirs)}"
    return wrong


def _marked() -> Iterator[tuple[str, str]]:
    """The strings marked in the sources, inside f-strings too."""
    package = Path(__file__).parents[1]
    for room in ROOMS:
        for path in sorted((package / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _name(node.func) in ("_", "N_") and node.args and isinstance(node.args[0], ast.Constant):
                    yield str(node.args[0].value), f"{path.relative_to(package.parent).as_posix()}:{node.lineno}"


def _on_pages() -> Iterator[tuple[str, str]]:
    """The strings marked in the templates of the apps' pages."""
    pages = Path(__file__).parents[1] / "apps" / "pages"
    for path in sorted(pages.glob("*.html")):
        for found in re.finditer(r"""_\((["'])(.+?)\1\)""", path.read_text(encoding="utf-8")):
            yield found[2], f"opsnb/apps/pages/{path.name}"


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""


def _paragraphs() -> Iterator[tuple[str, str]]:
    """The paragraphs of the notebooks' markdown; an analyst's own notebook, which says itself what it is for, speaks one language."""
    for path in sorted(notebooks_folder().glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in [] if "opsnb" in notebook["metadata"] else notebook["cells"]:
            if cell["cell_type"] == "markdown":
                yield from ((text, path.name) for text in markdown.paragraphs("".join(cell["source"])))


def _reasons() -> Iterator[tuple[str, str]]:
    """Why something is not measured, and the check's warnings, wherever they are made; a filled-in text with numbered places."""
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and len(node.args) > SAYING_WHY.get(_name(node.func), 99):
                for text in _written(node.args[SAYING_WHY[_name(node.func)]]):
                    number = iter(range(99))
                    yield (
                        "".join(f"{{{next(number)}}}" if piece is None else piece for piece in text),
                        f"{path.relative_to(package.parent).as_posix()}:{node.lineno}",
                    )


def _written(node: ast.expr) -> list[list[str | None]]:
    """What an expression of texts can say, as pieces; None is a place to be filled. Nothing for other expressions."""
    if isinstance(node, ast.Constant):
        return [[node.value]] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return [[piece.value if isinstance(piece, ast.Constant) else None for piece in node.values]]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [[*left, *right] for left in _written(node.left) for right in _written(node.right)]
    if isinstance(node, ast.IfExp):
        return [*_written(node.body), *_written(node.orelse)]
    return []


def _places(text: str) -> set[tuple[str, str]]:
    """The ``{name:format}`` places of a text; none where braces are no places."""
    try:
        return {(name, form or "") for _literal, name, form, _conversion in Formatter().parse(text) if name is not None}
    except ValueError:
        return set()


def _entry(text: str, place: str) -> str:
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import generate_po

    catalogue = Catalog()
    catalogue.add(text)
    written = [str(part) for part in generate_po(catalogue, width=0, omit_header=True)]
    return f"#: {place}\n" + "".join(written).strip() + "\n"


if __name__ == "__main__":
    missing = untranslated()
    sys.stdout.write("\n".join(_entry(text, place) for text, place in missing.items()))
    print(f"{len(missing)} of {len(texts())} texts have no translation", file=sys.stderr)
    for text, difference in misplaced().items():
        print(f"places differ in {text!r}: {difference}", file=sys.stderr)
