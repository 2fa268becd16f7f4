"""A notebook as an app or as a report, and the files that Jupyter reads."""

import ast
import json
import re
from pathlib import Path

import pytest

from opsnb.views import apps, language, page, tags
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


def test_an_app_is_translated_but_for_its_code():
    with language.using("en"):
        made = apps.app_of(book(), "zh")
        assert language.current() == "en"
    assert [one["source"] for one in made["cells"]] == ["# 漏斗诊断", "y = 'Funnel diagnosis'", "z"]
    assert made["metadata"] == {"kernelspec": {}, "opsnb": {"lang": "zh"}, "title": "漏斗诊断"}


class Request:
    """What the hook sees of a visit."""

    def __init__(self, query):
        self.request = self
        self.query = query


@pytest.mark.parametrize("query", ["lang=zh", "lang=zh&lang=__import__('os')", "x=%0Aimport os", "lang=" + "A" * 10_000])
def test_nothing_of_an_address_enters_the_notebook_but_a_known_language(monkeypatch, query):
    monkeypatch.delenv("OPSNB_LANG", raising=False)
    made = apps.prepare(Request(query), book(), "")
    expected = "zh" if query == "lang=zh" else "en"
    assert made == apps.app_of(book(), expected)


def test_every_notebook_is_in_the_list_of_apps_in_both_languages():
    said = apps.words()["apps"]
    assert {path.name for path in NOTEBOOKS} == set(said)
    assert all(one["en"] != one["zh"] for one in said.values())


def test_every_finding_points_at_a_section_of_a_notebook():
    sections = {node.args[1].value for path in FINDINGS.glob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding" and len(node.args) > 1}  # fmt: skip
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


def test_the_bundle_draws_the_version_that_altair_writes():
    import altair

    first_line = BUNDLE.read_text(encoding="utf-8").splitlines()[0]
    ours = re.search(r"vega-lite (\d+)", first_line)[1]
    assert ours == re.match(r"v?(\d+)", altair.SCHEMA_VERSION)[1]


def test_our_pages_name_no_other_host():
    for path in SHARE.rglob("*"):
        if path.is_file() and path != BUNDLE:
            assert not re.search(r"https?://(?!127\.0\.0\.1)", path.read_text(encoding="utf-8")), path
