"""Which pages may be kept, and what their name depends on."""

import json
from pathlib import Path

import nbformat
import pytest

from opsnb import open_data
from opsnb.apps import rehearsal, shelf
from opsnb.runs.params import schema
from opsnb.views import kept, lists

SCHEMA = schema('days: int = 365  # [1..3660]\nlang: Literal["en", "zh"] = "en"')


def book(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


OWN = book("import opsnb\nfrom opsnb import page\nfrom typing import Literal", "data = opsnb.open_data('')")


def test_a_page_is_named_by_its_cells_its_parameters_and_its_language():
    name = rehearsal.page(OWN, SCHEMA, {}, "en")
    assert len(name) == 64
    assert rehearsal.page(OWN, SCHEMA, {"days": 365}, "en") == name  # what it is anyway
    others = {rehearsal.page(OWN, SCHEMA, {"days": 30}, "en"), rehearsal.page(OWN, SCHEMA, {}, "zh"),
              rehearsal.page(book(*[cell.source for cell in OWN.cells], "1"), SCHEMA, {}, "en")}
    assert len(others | {name}) == 4


@pytest.mark.parametrize("source", [
    "import pandas as pd", "from os import environ", "import opsnb\nimport opsnb.tables, time", "def f():\n    import random", "from . import near",
    "other = opsnb.open_data('elsewhere')", "broken ("])
def test_a_page_that_may_show_more_than_its_name_says_is_not_kept(source):
    assert rehearsal.page(book(*[cell.source for cell in OWN.cells], source), SCHEMA, {}, "en") == ""


def test_a_page_without_data_or_with_lists_of_customers_is_not_kept(monkeypatch):
    assert rehearsal.page(book("import opsnb"), SCHEMA, {}, "en") == ""
    monkeypatch.setenv(lists.OPEN_IN_APPS, "1")
    assert rehearsal.page(OWN, SCHEMA, {}, "en") == ""


def test_all_apps_of_the_package_may_be_kept():
    folder = Path(__file__).parents[2] / "notebooks"
    for name in shelf.APPS:
        assert rehearsal.page(*shelf.read(folder / f"{name}.ipynb"), {}, "en"), name


def test_the_short_version_is_shown_at_once_for_what_the_data_are_now(tmp_path, monkeypatch):
    data = tmp_path / "data"
    data.mkdir()
    (data / "events.csv").write_text("user_id,ts,event\nu1,2025-01-01,home\n")
    monkeypatch.setenv("OPSNB_DATA", str(data))
    pages = kept.private(tmp_path / rehearsal.FOLDER)
    assert rehearsal.current(tmp_path, "page") == ""  # not read yet
    key = kept.name("page", open_data(data).sha256, kept.SHORT_VERSION, {})
    (pages / key).write_text(json.dumps([{"text/html": "<p>found</p>", "text/plain": "found"}]))
    assert rehearsal.current(tmp_path, "page") == "<p>found</p>"
    assert rehearsal.current(tmp_path, "") == rehearsal.current(tmp_path, "other") == ""
    (data / "events.csv").write_text("user_id,ts,event\nu1,2025-01-01,home\nu2,2025-01-02,home\n")
    assert rehearsal.current(tmp_path, "page") == ""
