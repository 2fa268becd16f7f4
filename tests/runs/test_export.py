import csv
import io
import os

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsnb.errors import InputError
from opsnb.runs import export


def notebook(*bundles):
    outputs = [nbformat.v4.new_output("display_data", data=bundle) for bundle in bundles]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=outputs)])


@pytest.fixture
def folders(tmp_path):
    """A new set of files and an old one that is to be replaced."""
    new, old = tmp_path / "new", tmp_path / "small"
    for folder, text in ((new, "new"), (old, "old")):
        (folder / "tables").mkdir(parents=True)
        for name in ("report.html", "run.json", "findings.json", "report.ipynb", "tables/a.csv"):
            (folder / name).write_text(text, encoding="utf-8")
    (old / "tables" / "stale.csv").write_text("old", encoding="utf-8")
    (old / "failed.ipynb").write_text("old", encoding="utf-8")
    return new, old


def test_the_report_is_put_in_place_last_and_what_is_out_of_date_goes(folders, monkeypatch):
    new, old = folders
    order, replace = [], os.replace
    monkeypatch.setattr(os, "replace", lambda source, target: (order.append(target.name), replace(source, target)))
    export.swap(new, old)
    assert order[-3:] == ["report.ipynb", "run.json", "report.html"]
    assert {path.relative_to(old).as_posix(): path.read_text("utf-8") for path in old.rglob("*") if path.is_file()} == dict.fromkeys(
        ["report.html", "run.json", "findings.json", "report.ipynb", "tables/a.csv"], "new")


def test_a_file_held_open_elsewhere_leaves_the_report_as_it_was(folders, monkeypatch):
    new, old = folders
    replace = os.replace

    def held(source, target):
        if target.name == "a.csv":
            raise PermissionError(13, "in use")
        replace(source, target)

    monkeypatch.setattr(os, "replace", held)
    with pytest.raises(InputError, match=r"a\.csv cannot be replaced; is it open in another program"):
        export.swap(new, old)
    assert (old / "report.html").read_text("utf-8") == "old"


def test_findings_shown_twice_count_once_and_keep_their_order():
    one, two = {"id": "one", "severity": 0.25}, {"id": "two", "severity": float("nan")}
    shown = [{export.FINDINGS: {"findings": [one, two]}}, {"text/plain": "x"}, {export.FINDINGS: {"findings": [two]}}]
    found = export.findings(notebook(*shown))
    assert found == [one, {"id": "two", "severity": None}]
    assert list(found[0]) == ["id", "severity"]


def test_a_table_name_is_safe_as_a_file_name_and_never_lost():
    names = ["../../etc/passwd", "by device", "by device", "渠道", "", "..."]
    found = export.tables(notebook(*({export.TABLE: {"name": name, "csv": f"n\n{number}\n"}} for number, name in enumerate(names))))
    assert list(found) == ["etc_passwd", "by_device", "by_device_2", "渠道", "table", "table_2"]
    assert found["by_device_2"] == "n\n2\n"


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


@given(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1))
def test_no_text_of_a_table_starts_a_formula_and_nothing_else_changes(rows):
    raw = io.StringIO(newline="")
    csv.writer(raw, lineterminator="\n").writerows(rows)
    read = list(csv.reader(io.StringIO(export.excel_csv(raw.getvalue()), newline="")))
    assert len(read) == len(rows)
    for before, after in zip(rows, read, strict=True):
        for was, cell in zip(before, after, strict=True):
            assert cell in (was, f"'{was}")
            assert cell[:1] not in tuple("=+-@") or float(cell) is not None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
def test_rounding_twice_is_rounding_once_and_always_gives_json(value):
    once = export.rounded(value)
    assert export.rounded(once) == once
    assert export.to_json(once)
