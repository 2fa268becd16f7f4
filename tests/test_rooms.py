"""The house holds together: imports go one way, modules stay small, notebooks stay thin."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "opsnb"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "etc" not in path.relative_to(PACKAGE).parts)  # Voila's configuration joins the rooms
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# What each room may import of the others. `runs` executes notebooks and knows no measure.
MAY_IMPORT = {
    "tables": {"tables"},
    "measures": {"measures", "tables"},
    "views": {"views", "measures", "tables"},
    "reviews": {"reviews", "views", "measures", "tables"},
    "runs": {"runs", "views", "tables"},
    "apps": {"apps", "runs", "views", "tables"},
}
# the only modules that a measure may share with another topic; steps, attempts and entries: what a funnel is, for all who ask what happens along one
SHARED_ARITHMETIC = {"intervals", "blocks", "levels", "lengths", "purchases", "steps", "attempts", "entries", "walks", "activity", "survival",
                     "habits", "backtest"}
# a topic in several files: (the one that hands out, the part)
TOPIC_PARTS = {("segments", "personas"), ("segments", "persona_changes"), ("persona_changes", "personas"), ("persona_changes", "persona_names"),
               ("personas", "kmeans"), ("personas", "kmeans_panel"), ("kmeans_panel", "kmeans"), ("personas", "persona_names"), ("paths", "ways"),
               ("funnel", "proposals"), ("retention", "repeats"), ("retention", "curves")}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Every opsnb module a file imports, at whatever depth it does so."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "opsnb"}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "opsnb":
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path):
    rooms = name_of(path).split(".")
    if len(rooms) < 3 and not (len(rooms) == 2 and rooms[1] in MAY_IMPORT):
        return  # opsnb/__init__, cli, errors: not in a room
    room = rooms[1]
    for imported in imports(path):
        target = imported.split(".")
        if len(target) > 1 and target[1] in MAY_IMPORT:
            assert target[1] in MAY_IMPORT[room], f"{name_of(path)} imports {imported}: {room} may not know {target[1]}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "measures").rglob("*.py")), ids=name_of)
def test_a_measure_imports_no_other_topic(path):
    own = [*name_of(path).split("."), ""][2]  # a topic of several modules is a folder
    for imported in imports(path):
        target = imported.split(".")
        if target[:2] == ["opsnb", "measures"]:
            topic = target[2]
            assert topic in SHARED_ARITHMETIC | {own} or (own, topic) in TOPIC_PARTS, f"{name_of(path)} imports {imported}"


def test_only_controls_imports_ipywidgets_and_only_runs_executes_notebooks():
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        widgets = re.search(r"^\s*(import|from) (ipywidgets|anywidget)", text, re.M)
        executes = re.search(r"^\s*(import|from) (papermill|nbclient)", text, re.M)
        assert not widgets or path.stem == "controls", path
        assert not executes or path.parent.name == "runs", path


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_one_thing(path):
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 420, f"{name_of(path)} has {lines} lines: it is two modules"
    assert path.stem not in {"utils", "helpers", "manager", "processor", "base", "common", "misc"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_thin(path):
    """At most 6 lines a cell, no reading or grouping, no def but a section function of one statement, no stored output but the short version's."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] == "markdown":
            assert not re.search(r"\d+(\.\d+)?\s?%", source), f"a number typed by hand: {source}"
            continue
        lines = [line for line in source.splitlines() if line.strip()]
        assert len(lines) <= 6 or "parameters" in tags, source
        assert not re.search(r"groupby|read_csv|read_parquet|\.merge\(|lambda", source), source
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                assert len(node.body) == 1, source
                assert isinstance(node.body[0], ast.Return), source
            assert not isinstance(node, (ast.For, ast.While, ast.ClassDef)), source
        if "short-version" not in tags:
            assert cell["outputs"] == [], f"stored output in: {source}"
            assert cell["execution_count"] is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_control_has_a_headless_twin(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    tagged = [("app" in cell["metadata"].get("tags", []), "report" in cell["metadata"].get("tags", []), "".join(cell["source"]))
              for cell in cells]
    apps = {re.search(r"controls\.panel\((\w+)", source)[1] for app, _, source in tagged if app}
    reports = {re.search(r"page\.show\((\w+)", source)[1] for _, report, source in tagged if report}
    assert apps
    assert apps == reports
