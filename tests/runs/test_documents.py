"""Workbooks and printouts of reports: what a cell holds, what is left out, and that none outlives its report."""

import io
import json
import os
import shutil

import openpyxl
import pytest

from opsnb.errors import InputError
from opsnb.runs import documents, export

ROWS = "device,users,repeat_rate,since,broken\n=cmd|'/c calc'!A1,1200,0.25,2025-11-03,True\n\x07+49 30,,,,False\n"


def outputs(name, text, title="Said of it."):
    return {"data": {export.TABLE: {"name": name, "csv": text}, "text/plain": title}}


def notebook(*cells, lang="en"):
    finding = {"id": "x", "sentence": "Payment fell by 39% for =android"}
    said = {"data": {export.FINDINGS: {"findings": [finding]}, "text/plain": "1. Payment fell"}}
    return {"metadata": {"title": "Funnel", "opsnb": {"lang": lang}}, "cells": [{"outputs": [said]}, {"outputs": list(cells)}, {}]}


def opened(book):
    written = io.BytesIO()
    book.save(written)
    return openpyxl.load_workbook(written)


def test_numbers_are_numbers_days_are_days_and_no_text_is_a_formula():
    book = opened(documents.workbook(notebook(outputs("slices", ROWS))))
    assert book.sheetnames == ["The short version", "slices"]
    head, first, second = book["slices"].iter_rows()
    assert [cell.value for cell in head] == ["device", "users", "repeat rate", "since", "broken"]
    assert [cell.value for cell in first][1:3] == [1200, 0.25]
    assert [cell.number_format for cell in first][1:4] == ["#,##0", "0.0%", "yyyy-mm-dd"]
    assert f"{first[3].value:%Y-%m-%d}" == "2025-11-03"
    assert first[4].value == "yes"
    assert (first[0].value, first[0].data_type, first[0].quotePrefix) == ("=cmd|'/c calc'!A1", "s", True)
    assert second[0].value == "+49 30"  # without the bell, which the format cannot hold
    assert [cell.value for cell in second][1:4] == [None, None, None]


def test_the_first_sheet_has_the_findings_and_says_what_is_left_out():
    book = opened(documents.workbook(notebook(outputs("slices", ROWS), outputs("slices", ROWS, ""), outputs("who", "user_id,step\nu1,cart\n"))))
    assert book.sheetnames == ["The short version", "slices", "slices 2"]
    said = [row[0] for row in book.worksheets[0].iter_rows(values_only=True)]
    assert said == ["Funnel", "Payment fell by 39% for =android", None, "Sheets", "slices: Said of it.", "slices 2",
                    "Tables with users' ids that are not in this file: 1."]
    written = json.dumps([[cell for row in sheet.iter_rows(values_only=True) for cell in row if isinstance(cell, str)] for sheet in book])
    assert "u1" not in written


def test_headings_are_in_the_reports_language():
    book = opened(documents.workbook(notebook(outputs("slices", ROWS), lang="zh")))
    assert book.sheetnames[0] == "要点"
    assert [cell.value for cell in next(book["slices"].iter_rows())][1] == "用户数"
    assert book["slices"]["E2"].value == "是"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "funnel"
    made.mkdir()
    (made / "report.ipynb").write_text(json.dumps(notebook(outputs("slices", ROWS))), encoding="utf-8")
    (made / "report.html").write_text("<h1>Funnel</h1>", encoding="utf-8")
    return made


def test_a_document_is_kept_until_a_later_run_replaces_the_report(folder, tmp_path):
    assert documents.kept(folder, documents.WORKBOOK) is None
    path = documents.make(folder, documents.WORKBOOK)
    assert documents.kept(folder, documents.WORKBOOK) == path
    assert sorted(one.name for one in folder.iterdir()) == ["report.html", "report.ipynb", "report.xlsx"]
    later = path.stat().st_mtime_ns + 1
    os.utime(folder / "report.html", ns=(later, later))
    assert documents.kept(folder, documents.WORKBOOK) is None
    new = shutil.copytree(folder, tmp_path / "new", ignore=shutil.ignore_patterns("*.xlsx"))
    export.swap(new, folder)
    assert not path.exists()


def test_without_a_browser_no_printout_is_offered(folder, monkeypatch):
    monkeypatch.setattr(documents, "browser", lambda: None)
    assert documents.offered(folder) == [documents.WORKBOOK]
    with pytest.raises(InputError, match="no browser on this machine that can print; install chromium"):
        documents.make(folder, documents.PRINTOUT)
    with pytest.raises(InputError, match="there is no report"):
        documents.make(folder.parent, documents.WORKBOOK)


@pytest.mark.skipif(documents.browser() is None, reason="no chromium on this machine")
def test_a_printout_is_a_pdf(folder):
    assert documents.make(folder, documents.PRINTOUT).read_bytes().startswith(b"%PDF-")
