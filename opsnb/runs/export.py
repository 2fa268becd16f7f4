"""What a run leaves behind: report.html, report.ipynb, findings.json, tables/*.csv, run.json; each put in place whole, the report last."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsnb.errors import InputError
from opsnb.views.jupyter import SHARE, TEMPLATES
from opsnb.views.shown import excel_csv
from opsnb.views.tags import select

if TYPE_CHECKING:
    from nbformat import NotebookNode

FINDINGS = "application/vnd.opsnb.findings+json"
TABLE = "application/vnd.opsnb.table+json"
NOT_MEASURED = "application/vnd.opsnb.notmeasured+json"
DOCUMENTS = ("report.xlsx", "report.pdf")  # made of the report when they are asked for (opsnb.runs.documents)
LAST = ("report.ipynb", "run.json", "report.html")  # put in place in this order, after everything else


def outputs(notebook: NotebookNode, mime: str) -> Iterator[Any]:
    """The contents of one mime type that the cells have put out, in order."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if mime in output.get("data", {}):
                content = output["data"][mime]
                yield json.loads(content) if isinstance(content, str) else content


def findings(notebook: NotebookNode) -> list[dict[str, Any]]:
    """The findings of the run, first one first; one that is shown twice counts once."""
    found: dict[str, dict[str, Any]] = {}
    for content in outputs(notebook, FINDINGS):
        for finding in content["findings"]:
            found.setdefault(str(finding.get("id", len(found))), rounded(finding))
    return list(found.values())


def not_measured(notebook: NotebookNode) -> list[dict[str, Any]]:
    """The sections that the data could not answer, as their boxes say it."""
    return [rounded(content) for content in outputs(notebook, NOT_MEASURED)]


def spoken(notebook: NotebookNode) -> list[str]:
    """What the cells wrote to stderr: warnings of libraries, one line each."""
    texts = ["".join(output.get("text", "")) for cell in notebook.cells for output in cell.get("outputs", ())
             if output.get("output_type") == "stream" and output.get("name") == "stderr"]
    return [line.strip()[:300] for text in texts for line in text.splitlines() if line.strip()]


def rounded(value: Any) -> Any:
    """Numbers to ten significant digits, so that equal runs write equal bytes; what is not finite becomes null.

    >>> rounded({"rate": 0.1 + 0.2, "n": 3, "none": float("nan")})
    {'rate': 0.3, 'n': 3, 'none': None}
    """
    if isinstance(value, bool) or value is None or isinstance(value, (int, str)):
        return value
    if isinstance(value, float):
        short = float(f"{value:.10g}")
        return short if math.isfinite(short) else None
    if isinstance(value, Mapping):
        return {str(name): rounded(item) for name, item in value.items()}
    return [rounded(item) for item in value]


def to_json(value: Any) -> str:
    """JSON with sorted names, the same bytes for the same value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n"


def write(folder: Path, notebook: NotebookNode, *, facts: Mapping[str, Any]) -> None:
    """Writes all files of a run into ``folder``; ``facts`` is what run.json says."""
    import nbformat

    (folder / "tables").mkdir(parents=True)
    for name, text in tables(notebook).items():
        (folder / "tables" / f"{name}.csv").write_text(text, encoding="utf-8-sig", newline="")
    (folder / "findings.json").write_text(to_json(findings(notebook)), encoding="utf-8", newline="\n")
    (folder / "run.json").write_text(to_json(rounded(facts)), encoding="utf-8", newline="\n")
    (folder / "report.ipynb").write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
    (folder / "report.html").write_text(html(notebook), encoding="utf-8", newline="\n")


def tables(notebook: NotebookNode) -> dict[str, str]:
    """The tables that the page shows, as CSV texts by a name that is safe as a file name; a name used twice gets a number."""
    found: dict[str, str] = {}
    for content in outputs(notebook, TABLE):
        name = base = re.sub(r"[^\w-]+", "_", str(content["name"])).strip("_")[:80] or "table"
        number = 1
        while name in found:
            number += 1
            name = f"{base}_{number}"
        found[name] = excel_csv(content["csv"])
    return found


def html(notebook: NotebookNode) -> str:
    """The page by itself: no code, no controls, no outside request. The template is ``opsnb`` of this package."""
    import nbformat
    from nbconvert import HTMLExporter

    page = nbformat.from_dict(select(notebook, "report"))
    for cell in page.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    exporter = HTMLExporter(template_name="opsnb", extra_template_basedirs=[str(TEMPLATES)], extra_template_paths=[str(SHARE)],
                            exclude_input=True, exclude_input_prompt=True, exclude_output_prompt=True)
    text, _ = exporter.from_notebook_node(page, resources={"metadata": {"name": str(page.metadata.get("title", "opsnb"))}})
    return text


def swap(new: Path, folder: Path) -> None:
    """Puts the files of folder ``new`` into ``folder`` one by one, each in one step, the report last; then removes what is out of date.

    Raises InputError if a file cannot be replaced because another program holds it open.
    """
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    files = sorted(path.relative_to(new) for path in new.rglob("*") if path.is_file())
    files.sort(key=lambda path: LAST.index(path.name) if path.name in LAST else -1)
    for path in files:
        put(new / path, folder / path)
    for old in (folder / "tables").glob("*.csv"):
        if old.relative_to(folder) not in files:
            old.unlink()
    for gone in ("failed.ipynb", *DOCUMENTS):
        (folder / gone).unlink(missing_ok=True)


def put(new: Path, path: Path) -> None:
    """Replaces one file in one step."""
    try:
        os.replace(new, path)
    except PermissionError:
        raise InputError(f"{path} cannot be replaced; is it open in another program?") from None
