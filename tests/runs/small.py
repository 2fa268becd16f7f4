"""A small notebook for the tests of runs: it needs no data and shows one of everything that a page can carry."""

from pathlib import Path

import nbformat

FINDING = {"id": "drop/device=android", "kind": "drop", "section": "Where", "sentence": "Android loses half.",
           "numbers": {"rate": 0.1 + 0.2}, "slice": {"device": "android"}, "since": "2025-11-03", "severity": 0.9, "confidence": "high"}
CELLS = [
    ("markdown", "# Small page\n\nFor the tests.", []),
    ("code", "from typing import Literal\nlang: Literal['en', 'zh'] = 'en'\nword: str = 'plain'  # any text\n"
             "days: int = 7  # [1..30]", ["parameters"]),
    ("code", "import os, sys\nfrom IPython.display import display", []),
    ("code", "show = lambda **bundle: display({mime.replace('__', '/').replace('_', '.').replace('PLUS', '+'): content "
             "for mime, content in bundle.items()}, raw=True)", []),
    ("code", f"show(text__html='<b>short</b>', application__vnd_opsnb_findingsPLUSjson={{'findings': [{FINDING!r}]}})", ["short-version"]),
    ("code", "show(text__html='<b>table of ' + str(days) + '</b>', "
             "application__vnd_opsnb_tablePLUSjson={'name': '../by device', 'csv': 'device,rate\\n=cmd(),-0.5\\n安卓,0.25\\n'})",
     ["report"]),
    ("code", "raise AssertionError('a control must not run in a report')", ["app"]),
    ("code", "print('library says so', file=sys.stderr)", []),
    ("code", "word, os.environ.get('OPSNB_DATA', 'none')", []),
]
NOT_MEASURED = ("code", "show(text__html='quiet', "
                        "application__vnd_opsnb_notmeasuredPLUSjson={'reason': 'no spend table', 'table': 'spend'})", [])


DATA = ("code", "import opsnb\ndata = opsnb.open_data(data_folder)\nprint(len(data.events), 'rows of', data.currency, data.folder)", [])


def shop(folder: Path, *more: str) -> Path:
    """A data folder: three rows of events that are kept, and what is added."""
    folder.mkdir(parents=True)
    rows = ["user_id,ts,event", "a,2025-01-01 10:00:00,home", "a,2025-01-01 10:01:00,cart", "b,2025-01-02 10:00:00,home", *more]
    (folder / "events.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def write(folder: Path, name: str = "small", *more: tuple[str, str, list[str]]) -> Path:
    """The notebook as a file, with some more cells at its end."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    for number, (kind, source, tags) in enumerate([*CELLS, *more]):
        if tags == ["parameters"] and DATA in more:
            source += "\ndata_folder: str = ''  # folder with the tables"
        cell = nbformat.v4.new_markdown_cell(source) if kind == "markdown" else nbformat.v4.new_code_cell(source)
        cell["id"], cell.metadata["tags"] = f"small-{number}", tags
        notebook.cells.append(cell)
    path = folder / f"{name}.ipynb"
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    return path
