"""A notebook as an app or as a report, and the files that Jupyter reads."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

from opsnb.apps import shelf
from opsnb.views import language, page, tags, visit
from opsnb.views.jupyter import BUNDLE, SHARE, notebooks_folder

NOTEBOOKS = sorted(notebooks_folder().glob("*.ipynb"))
FINDINGS = Path(page.__file__).parent / "findings"


def cell(kind, source, *found):
    return {"cell_type": kind, "source": source, "metadata": {"tags": list(found)} if found else {}}


def book():
    cells = [cell("markdown", "# Funnel diagnosis"), cell("code", "x = 1", "report"), cell("code", "y = 'Funnel diagnosis'", "app"), cell("code", "z")]
    return {"cells": cells, "metadata": {"kernelspec": {}}}


def test_an_app_and_a_report_leave_out_each_others_cells():
    given = book()
    assert [one["source"] for one in tags.select(given, "app")["cells"]] == ["# Funnel diagnosis", "y = 'Funnel diagnosis'", "z"]
    assert [one["source"] for one in tags.select(given, "report")["cells"]] == ["# Funnel diagnosis", "x = 1", "z"]
    assert given == book()


def nb():
    made = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_markdown_cell("# Funnel diagnosis"), nbformat.v4.new_code_cell("days: int = 3", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("y = 'Funnel diagnosis'", metadata={"tags": ["app"]}), nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["report"]})])
    return made


def test_an_app_is_translated_but_for_its_code_and_takes_the_visitors_parameters():
    with language.using("en"):
        made = shelf.app(nb(), "zh")
        assert language.current() == "en"
    assert [one.source for one in made.cells] == ["# 漏斗诊断", "days: int = 3", visit.CELL, "y = 'Funnel diagnosis'"]
    assert made.metadata["title"] == "漏斗诊断"


def test_only_notebooks_named_as_apps_are_on_the_shelf(tmp_path):
    nbformat.write(nb(), tmp_path / "funnel_diagnosis.ipynb")
    nbformat.write(nb(), tmp_path / "draft.ipynb")
    own = nb()
    own.metadata["opsnb"] = {"app": "what it is for"}
    nbformat.write(own, tmp_path / "own.ipynb")
    assert shelf.names(tmp_path) == {"funnel_diagnosis": shelf.APPS["funnel_diagnosis"], "own": ("Funnel diagnosis", "what it is for")}
    assert shelf.path(tmp_path, "own") == tmp_path / "own.ipynb"
    assert [shelf.path(tmp_path, name) for name in ("draft", "nothing", "../own", "own.ipynb")] == [None] * 4


def test_every_notebook_but_the_first_one_to_read_is_an_app_with_words_in_both_languages():
    shelved = shelf.names(notebooks_folder())
    assert {path.stem for path in NOTEBOOKS} == {*shelved, "start_here"}
    for texts in shelf.APPS.values():
        with language.using("zh"):
            assert all(language._(text) != text for text in texts)


def test_every_finding_points_at_a_section_of_a_notebook():
    sections = {node.args[1].value for path in FINDINGS.glob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding" and len(node.args) > 1
                and isinstance(node.args[1], ast.Constant)}  # fmt: skip
    functions = set()
    for path in NOTEBOOKS:
        for one in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            functions |= set(re.findall(r"^def (\w+)", "".join(one["source"]), re.MULTILINE))
    assert sections <= functions


def test_the_bundle_is_what_the_script_makes():
    pytest.importorskip("vl_convert")
    from opsnb.views.jupyter.bundle import bundle

    assert BUNDLE.read_text(encoding="utf-8") == bundle()


def test_the_style_sheet_is_what_the_script_makes():
    from opsnb.views import theme
    from opsnb.views.jupyter import STYLE

    assert STYLE.read_text(encoding="utf-8") == theme.stylesheet()


def test_no_rule_for_the_screen_looks_for_just_any_element():
    """With a rule such as ``:has(.output *)`` whatever is added has the browser style every drawing anew: 1 of the 4 seconds of a page."""
    from opsnb.apps.files import HERE
    from opsnb.views import theme

    for sheet in (theme.stylesheet(), (HERE / "pages.css").read_text(encoding="utf-8")):
        screen = re.sub(r"@media print \{.*?\n\}", "", sheet, flags=re.DOTALL)
        assert set(re.findall(r":has\(([^)]*)", screen)) <= {".opsnb-page"}


def test_the_bundle_draws_the_version_that_altair_writes():
    import altair

    first_line = BUNDLE.read_text(encoding="utf-8").splitlines()[0]
    ours = re.search(r"vega-lite (\d+)", first_line)[1]
    assert ours == re.match(r"v?(\d+)", altair.SCHEMA_VERSION)[1]


def test_our_pages_name_no_other_host():
    for path in [*SHARE.rglob("*"), *(Path(shelf.__file__).parent / "pages").iterdir()]:
        if path.is_file() and path != BUNDLE:
            assert not re.search(r"https?://(?!127\.0\.0\.1)", path.read_text(encoding="utf-8")), path
