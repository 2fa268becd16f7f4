"""Whole runs, with a kernel, of a small notebook that needs no data."""

import json
import os
import re
import sys

import nbformat
import pytest

import opsnb
from opsnb.errors import InputError, ParameterError
from opsnb.runs import ledger, runner
from opsnb.runs.params import Given
from tests.runs import small


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a {folder} with 数据")  # braces, spaces and Chinese in paths are nothing special
    told = []
    evil = "'); import os; os._exit(1) #"
    connection = ("code", "from ipykernel.connect import get_connection_info\nprint(get_connection_info())", [])
    path = small.write(folder, "small", connection)
    result = runner.run(path, out=folder / "out", params={"word": evil, "days": 30}, progress=told.append)
    return folder, result, told


def test_a_run_leaves_its_files_and_nothing_else(good):
    folder, result, _ = good
    assert sorted(path.relative_to(folder / "out").as_posix() for path in (folder / "out").rglob("*")) == [
        "runs.jsonl", "small", "small/findings.json", "small/report.html", "small/report.ipynb", "small/run.json", "small/tables",
        "small/tables/by_device.csv"]
    assert (result.status, result.exit_status, result.report) == ("good", 0, folder / "out" / "small" / "report.html")
    assert result.first_finding == "Android loses half."
    assert result.warnings == ["library says so"]


def test_progress_is_told_cell_by_cell(good):
    assert good[2] == [f"small: cell {number} of 9" for number in range(1, 10)]


def test_parameters_arrive_as_data(good):
    folder, _, _ = good
    notebook = nbformat.read(folder / "out" / "small" / "report.ipynb", as_version=4)
    outputs = ["".join(output["data"]["text/plain"]) for cell in notebook.cells for output in cell.get("outputs", ())
               if output.output_type == "execute_result"]
    assert outputs == ['("\'); import os; os._exit(1) #", \'none\')']
    assert json.loads((folder / "out" / "small" / "run.json").read_text("utf-8"))["parameters"] == {
        "lang": "en", "word": "'); import os; os._exit(1) #", "days": 30}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no ipc sockets: its kernels use TCP")
def test_the_kernel_is_reached_over_private_sockets(good):
    notebook = nbformat.read(good[0] / "out" / "small" / "report.ipynb", as_version=4)
    assert '"transport": "ipc"' in notebook.cells[-1].outputs[0].text


def test_the_page_has_no_code_no_controls_no_stderr_and_asks_nothing_of_the_network(good):
    page = (good[0] / "out" / "small" / "report.html").read_text("utf-8")
    assert "<b>short</b>" in page
    assert "<b>table of 30</b>" in page
    assert "<title>Small page</title>" in page
    for absent in ("import os, sys", "AssertionError", "library says so", "In&nbsp;["):
        assert absent not in page
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//|@import|url\(["']?(https?:)?//""", page)


def test_findings_are_plain_and_rounded(good):
    found = json.loads((good[0] / "out" / "small" / "findings.json").read_text("utf-8"))
    assert found == [{**small.FINDING, "numbers": {"rate": 0.3}}]


def test_a_table_opens_in_excel_and_runs_nothing(good):
    assert (good[0] / "out" / "small" / "tables" / "by_device.csv").read_bytes() == "\ufeffdevice,rate\n'=cmd(),-0.5\n安卓,0.25\n".encode()


def test_a_second_run_gives_the_same_findings_and_a_section_not_measured_is_a_warning(good):
    folder, _, _ = good
    first = (folder / "out" / "small" / "findings.json").read_bytes()
    result = runner.run(small.write(folder, "small", small.NOT_MEASURED), out=folder / "out")
    assert (folder / "out" / "small" / "findings.json").read_bytes() == first
    assert (result.status, result.exit_status) == ("warnings", 1)
    assert result.not_measured == [{"reason": "no spend table", "table": "spend"}]


def test_a_run_reads_its_data_and_says_what_it_was(tmp_path, monkeypatch):
    shop, path = small.shop(tmp_path / "shop", ",2025-01-02 11:00:00,home"), small.write(tmp_path, "small", small.DATA)
    result = runner.run(path, data=shop, out=tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "small" / "run.json").read_text("utf-8"))
    assert (result.status, result.rows_set_aside) == ("warnings", 1)
    assert facts["parameters"]["data_folder"] == str(shop.resolve())
    assert facts["rows"] == {"events": {"read": 4, "kept": 3, "set_aside": {"missing id": 1}, "score": 0.75}}
    assert facts["trusted"] is False
    assert (len(facts["data_sha256"]), len(facts["code_sha256"]), facts["opsnb"]) == (64, 64, opsnb.__version__)
    assert f"3 rows of None {shop.resolve()}" in (tmp_path / "out" / "small" / "report.ipynb").read_text("utf-8")


def test_a_map_that_lives_elsewhere_is_the_kernels_map_too(tmp_path):
    shop, path = small.shop(tmp_path / "shop"), small.write(tmp_path, "small", small.DATA)
    (tmp_path / "map.yml").write_text("currency: CNY\nevents:\n  files: events.csv\n", encoding="utf-8")
    result = runner.run(path, data=shop, out=tmp_path / "out", columns=tmp_path / "map.yml")
    assert f"3 rows of CNY {shop.resolve()}" in (tmp_path / "out" / "small" / "report.ipynb").read_text("utf-8")
    assert (result.status, result.rows_set_aside) == ("good", 0)


def test_a_failing_cell_keeps_the_notebook_and_the_report_before_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "out" / "small"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("the report before", encoding="utf-8")
    path = small.write(tmp_path, "small", ("code", "step = 'chekout'\nint(step)", []))
    result = runner.run(path, out="out")
    assert (result.status, result.exit_status, result.report) == ("failed", 2, None)
    assert result.error == ("small failed in cell 9: int(step)", "ValueError: invalid literal for int() with base 10: 'chekout'",
                            f"kept: {folder.relative_to(tmp_path) / 'failed.ipynb'}. The report before it is untouched.")
    assert (folder / "report.html").read_text("utf-8") == "the report before"
    assert "ValueError" in (folder / "failed.ipynb").read_text("utf-8")
    assert sorted(path.name for path in folder.iterdir()) == ["failed.ipynb", "report.html"]
    assert [entry.status for entry in ledger.entries("out")] == ["failed"]

    assert runner.run(small.write(tmp_path), out="out").status == "good"
    assert not (folder / "failed.ipynb").exists()
    assert (folder / "report.html").read_text("utf-8") != "the report before"
    assert [entry.status for entry in ledger.entries("out")] == ["failed", "good"]


@pytest.mark.parametrize(("source", "what"), [("while True: pass", "the cell took more than 1 seconds"),
                                              ("os._exit(3)", "the kernel died; is there enough memory?")])
def test_a_run_never_waits_for_ever(tmp_path, source, what):
    result = runner.run(small.write(tmp_path, "small", ("code", source, [])), out=tmp_path / "out", cell_seconds=1)
    assert result.error[:2] == (f"small stopped in cell 9: {source}", what)
    assert (tmp_path / "out" / "small" / "failed.ipynb").exists()


def test_markdown_is_translated_before_the_run_and_the_page_says_its_language(tmp_path, monkeypatch):
    from opsnb.views import language

    monkeypatch.setattr(language, "catalogue", lambda lang: {"Small page": "小页面"} if lang == "zh" else {})
    result = runner.run(small.write(tmp_path), out=tmp_path / "out", lang="zh")
    page = result.report.read_text("utf-8")
    assert "<title>小页面</title>" in page
    assert '<html lang="zh' in page
    assert result.parameters["lang"] == "zh"
    assert language.current() == "en"


# What is refused before anything starts ------------------------------------------------------------------------------------

def test_notebooks_that_run_together_take_the_parameters_they_declare(tmp_path):
    other = small.write(tmp_path, "one").read_text("utf-8").replace("days: int = 7", "weeks: int = 7")
    (two := tmp_path / "two.ipynb").write_text(other, "utf-8")
    plans = runner.plan([tmp_path / "one.ipynb", two], given={"days": Given(9), "weeks": Given(8), "word": Given("w")})
    assert [dict(plan.values) for plan in plans] == [{"lang": "en", "word": "w", "days": 9}, {"lang": "en", "word": "w", "weeks": 8}]
    with pytest.raises(InputError, match="two notebooks are called 'one'"):
        runner.plan([tmp_path / "one.ipynb", tmp_path / "one.ipynb"])
    with pytest.raises(ParameterError, match=r"no parameter 'dais' in one, two; allowed: .*did you mean 'days'"):
        runner.plan([tmp_path / "one.ipynb", two], given={"dais": Given(9)})


def test_a_day_that_is_none_is_refused_before_a_kernel_starts(tmp_path):
    path = small.write(tmp_path, "small")
    path.write_text(path.read_text("utf-8").replace("days: int = 7", "as_of: str = ''\\ndays: int = 7"), encoding="utf-8")
    with pytest.raises(ParameterError, match=r"as_of is '2024-13-01'; allowed: a day as YYYY-MM-DD"):
        runner.plan([path], given={"as_of": Given("2024-13-01")})


def test_a_language_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="--lang fr: lang is 'fr'; allowed: en, zh"):
        runner.run(small.write(tmp_path), out=tmp_path / "out", lang="fr")
    assert not (tmp_path / "out").exists()


def test_the_data_folder_is_found_or_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner.notebooks, "PACKAGE", tmp_path / "site" / "opsnb")
    monkeypatch.delenv("OPSNB_DATA", raising=False)
    with pytest.raises(InputError, match="`opsnb demo data/demo` makes a demo business"):
        runner.data_folder()
    (tmp_path / "data" / "demo").mkdir(parents=True)
    (tmp_path / "data" / "shop").mkdir()
    assert runner.data_folder() == tmp_path / "data" / "demo"
    monkeypatch.setenv("OPSNB_DATA", str(tmp_path / "data" / "shop"))
    assert runner.data_folder() == tmp_path / "data" / "shop"
    assert runner.data_folder("data/demo") == tmp_path / "data" / "demo"
    with pytest.raises(InputError, match=r"no such data folder; allowed: demo, shop \(did you mean 'shop'\?\)"):
        runner.data_folder("data/shopp")


def test_what_a_killed_run_left_a_day_ago_is_swept_and_a_run_under_way_is_not(tmp_path):
    old, new, other = tmp_path / "small.tmp-a", tmp_path / "small.tmp-b", tmp_path / "smaller.tmp-c"
    for folder in (old, new, other):
        (folder / "new").mkdir(parents=True)
    for folder in (old, other):
        os.utime(folder, (0, 0))
    runner._sweep(tmp_path, "small")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.tmp-b", "smaller.tmp-c"]


def test_a_run_whose_files_cannot_be_put_in_place_is_a_failed_run_in_the_ledger(tmp_path, monkeypatch):
    def held(new, folder):
        raise InputError("a.csv cannot be replaced")

    monkeypatch.setattr(runner.export, "swap", held)
    with pytest.raises(InputError):
        runner.run(small.write(tmp_path), out=tmp_path / "out")
    assert [(entry.status, entry.first) for entry in ledger.entries(tmp_path / "out")] == [("failed", "a.csv cannot be replaced")]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["runs.jsonl"]
