"""The command line: what it prints, its exit status, and that its last line says what to do next."""

import json
import subprocess
import sys
import types
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import opsnb
from opsnb import cli
from opsnb.tables.quality import Quality
from tests.runs import small

COMMANDS = ["demo", "check", "ingest", "run", "runs", "apps", "lab", "truth"]


@pytest.fixture
def opsnb_command(tmp_path, monkeypatch):
    """Runs a command in an empty folder; returns its exit status and its lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.delenv("OPSNB_DATA", raising=False)

    def command(*words):
        result = CliRunner().invoke(cli.app, [str(word) for word in words], catch_exceptions=False)
        lines = [line.rstrip() for line in result.output.splitlines() if line.strip()]
        if words[-1] not in ("--help", "--version"):
            assert lines[-1].startswith("next: "), lines
        return result.exit_code, lines

    return command


def outside(*words, code="from opsnb.cli import main; main()"):
    """The same in a process of its own, as it is installed."""
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, encoding="utf-8", timeout=120)
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def test_help_names_every_command_and_how_to_begin(opsnb_command):
    status, lines = opsnb_command("--help")
    text = "\n".join(lines)
    assert status == 0
    assert all(f" {name} " in text for name in COMMANDS)
    assert "Begin with: opsnb demo data/demo" in text
    for name in COMMANDS:
        assert opsnb_command(name, "--help")[0] == 0


def test_version(opsnb_command):
    assert opsnb_command("--version") == (0, [f"opsnb {opsnb.__version__}"])


def test_help_costs_no_heavy_import():
    heavy = "pandas duckdb altair scipy sklearn papermill nbconvert pyarrow"
    status, lines, _ = outside(code=f"import sys, opsnb.cli; print([name for name in '{heavy}'.split() if name in sys.modules])")
    assert (status, lines) == (0, ["[]"])


@pytest.mark.parametrize("words", [["bogus"], ["run"], ["run", "x", "--bad"], ["check", "nowhere"], ["run", "nosuch"],
                                   ["truth", "--worlds", "0"]])
def test_what_cannot_run_exits_with_2_and_no_traceback(words):
    status, _, errors = outside(*words)
    assert status == 2
    assert errors[-1].startswith("next: ")
    assert not any("Traceback" in line for line in errors)


def test_a_fault_of_the_program_exits_with_2_and_shows_where():
    fault = "import opsnb.cli as cli; cli.app = lambda: 1 / 0; cli.main()"
    status, _, errors = outside(code=fault)
    assert status == 2
    assert "Traceback" in errors[0]
    assert errors[-2:] == ["error: this is a fault of opsnb, not of your data", "next: report it with the lines above"]


# Tables ------------------------------------------------------------------------------------------------------------------

def test_check_counts_and_explains(opsnb_command, tmp_path):
    folder = small.shop(tmp_path / "my shop", ",2025-01-02 11:00:00,home", "c,soon,home")
    (folder / "notes [draft].txt").write_text("x", encoding="utf-8")
    status, lines = opsnb_command("check", folder)
    assert status == 1
    assert any(line.split() == ["events", "5", "3", "2", "0.64", "events.csv"] for line in lines)
    assert any(line.startswith("set aside: events: 1 row: missing id  e.g. events.csv line 5: ,2025-01-02") for line in lines)
    assert "left alone: notes [draft].txt" in lines
    assert any("events scores 0.64 and is not to be trusted" in line for line in lines)
    assert lines[-1] == f'next: opsnb run funnel_diagnosis --data "{folder}"'
    assert not (folder / ".opsnb").exists()


def test_ingest_of_good_data_is_0_and_makes_the_store(opsnb_command, tmp_path):
    folder = small.shop(tmp_path / "shop")
    assert opsnb_command("ingest", folder)[0] == 0
    assert (folder / ".opsnb").is_dir()
    assert opsnb_command("ingest", folder, "--force")[0] == 0


def test_check_proposes_a_map_and_writes_it_when_asked(opsnb_command, tmp_path, monkeypatch):
    from opsnb.tables import quality

    proposed = "orders:  # guessed from 订单.csv\n  files: 订单.csv\n"
    monkeypatch.setattr(quality, "check", lambda folder, **options: Quality(str(folder), unclaimed=("订单.csv",), proposed=proposed))
    (folder := tmp_path / "shop").mkdir()
    status, lines = opsnb_command("check", folder)
    assert status == 1
    assert "orders:  # guessed from 订单.csv" in lines
    assert "--write" in lines[-1]
    assert not (folder / "columns.yml").exists()
    assert opsnb_command("check", folder, "--write")[0] == 0
    assert (folder / "columns.yml").read_text("utf-8") == proposed
    assert opsnb_command("check", folder, "--write")[0] == 2  # never over what a person has written


@pytest.fixture
def demo_made(monkeypatch):
    """The simulator replaced by one that writes down how it was called."""
    calls = []
    made = types.SimpleNamespace(demo=lambda folder, **options: (calls.append(options), folder)[1])
    monkeypatch.setitem(sys.modules, "opsnb.tables.demo", made)
    return calls


def test_demo_hands_on_what_was_asked_and_spares_other_peoples_files(opsnb_command, tmp_path, demo_made):
    assert opsnb_command("demo", "new", "--users", "500", "--seed", "3")[0] == 0
    assert demo_made == [{"users": 500, "seed": 3}]
    small.shop(tmp_path / "mine")
    status, lines = opsnb_command("demo", "mine")
    assert status == 2
    assert "mine holds files that `opsnb demo` did not make" in lines[0]
    (tmp_path / "mine" / "truth.json").touch()
    assert opsnb_command("demo", "mine")[0] == 0
    assert len(demo_made) == 2


def test_files_of_which_no_table_can_be_told_exit_with_2_and_save_nothing(opsnb_command, tmp_path):
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "x.csv").write_text("visitor,what\n1,a\n", encoding="utf-8")
    for words in (["check", "odd"], ["check", "odd", "--write"]):
        status, lines = opsnb_command(*words)
        assert status == 2
        assert any("no table could be told" in line for line in lines)
    assert not (tmp_path / "odd" / "columns.yml").exists()


# Runs --------------------------------------------------------------------------------------------------------------------

def test_a_run_on_data_of_low_quality_says_so(opsnb_command, tmp_path):
    (tmp_path / "bad").mkdir()
    rows = "".join(f"u{n},2025-01-01 10:00,home\nu{n},garbage,cart\n" for n in range(9))  # half of the rows have no time: valid .5
    (tmp_path / "bad" / "events.csv").write_text(f"user_id,ts,event\n{rows}", encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    small.write(tmp_path / "notebooks", "one", small.DATA)
    status, lines = opsnb_command("run", "one", "--data", "bad")
    assert status == 1
    assert lines[-2].startswith("do not trust these findings: the quality of events is under 0.8; 9 rows were set aside")


def test_run_prints_path_seconds_and_first_finding_and_runs_lists_it(opsnb_command, tmp_path):
    small.shop(tmp_path / "shop")
    (tmp_path / "notebooks").mkdir()
    small.write(tmp_path / "notebooks", "one", small.DATA)
    small.write(tmp_path / "notebooks", "two", ("code", "int('x')", []))
    status, lines = opsnb_command("run", "one", "--data", "shop", "--set", "days=9")
    assert status == 0
    assert lines[-3].startswith("one  out/one/report.html  ")
    assert lines[-3].endswith(" s")
    assert lines[-2:] == ["  Android loses half.", "next: open out/one/report.html"]
    assert json.loads((tmp_path / "out" / "one" / "run.json").read_text("utf-8"))["parameters"]["days"] == 9

    status, lines = opsnb_command("run", "two")
    assert status == 2
    assert lines[-5:-2] == ["two failed in cell 9: int('x')", "ValueError: invalid literal for int() with base 10: 'x'",
                            "kept: out/two/failed.ipynb."]
    status, lines = opsnb_command("runs")
    assert status == 0
    assert [line.split()[2:4] for line in lines[1:3]] == [["one", "good"], ["two", "failed"]]


def test_runs_of_an_empty_folder(opsnb_command):
    assert opsnb_command("runs") == (0, ["nothing has run into out yet", "next: opsnb run funnel_diagnosis"])


def test_explain_lists_the_parameters(opsnb_command, tmp_path):
    status, lines = opsnb_command("run", small.write(tmp_path), "--explain")
    assert status == 0
    assert lines[:4] == ["small", "  lang: en | zh = 'en'", "  word: str = 'plain'  # any text", "  days: int = 7  # [1..30]"]


@pytest.mark.parametrize(("words", "message"), [
    (["--set", "dayz=9"], "no parameter 'dayz' in small; allowed: lang, word, days, data_folder (did you mean 'days'?)"),
    (["--set", "days=31"], "--set days=31: days is 31; allowed: [1..30]"), (["--lang", "fr"], "allowed: en, zh"),
    (["--params", "weekly"], "weekly: no such params file"),
    (["--params", "weekly.yml"], "weekly.yml: days is 'x'; allowed: a whole number"),
])
def test_what_the_notebook_does_not_take_is_refused_before_anything_starts(opsnb_command, tmp_path, words, message):
    if "weekly.yml" in words:
        (tmp_path / "weekly.yml").write_text("days: x\n", encoding="utf-8")
    status, lines = opsnb_command("run", small.write(tmp_path), *words)
    assert status == 2
    assert message in lines[0]
    assert not (tmp_path / "out").exists()


def test_a_params_file_is_found_by_its_name_and_the_shell_overrides_it(tmp_path, monkeypatch, opsnb_command):
    from opsnb.runs import runner

    (tmp_path / "params" / "small").mkdir(parents=True)
    (tmp_path / "params" / "small" / "weekly.yml").write_text("days: 14\nword: week\n", encoding="utf-8")
    seen = []

    def execute(plan, **options):
        seen.append(dict(plan.values))
        return runner.RunResult(plan.name, "good", tmp_path, tmp_path / "report.html")

    monkeypatch.setattr(runner, "execute", execute)
    assert opsnb_command("run", small.write(tmp_path), "--params", "weekly", "--set", "word=mine")[0] == 0
    assert seen == [{"lang": "en", "word": "mine", "days": 14}]


# Served, and the truth ---------------------------------------------------------------------------------------------------

def test_apps_and_lab_serve_on_this_machine_with_the_data(opsnb_command, tmp_path, monkeypatch):
    import os

    from opsnb import apps
    from opsnb.runs import lab

    small.shop(tmp_path / "shop")
    (tmp_path / "notebooks").mkdir()
    calls = []
    monkeypatch.setattr(apps, "apps", lambda data, **options: (calls.append((data, options)), 0)[1])
    monkeypatch.setattr(lab.subprocess, "call", lambda words: (calls.append((os.environ["OPSNB_DATA"], words)), 0)[1])
    assert opsnb_command("apps", "--data", "shop", "--port", "9000", "--no-browser")[0] == 0
    assert opsnb_command("lab", "--data", "shop", "--no-browser")[0] == 0
    assert calls[0] == (tmp_path / "shop", {
        "port": 9000, "open_browser": False, "lang": None, "out": Path("out"), "places": 10, "ip": "127.0.0.1", "hosts": [], "base_url": "/", "header": ""})
    data, words = calls[1]
    assert data == str(tmp_path / "shop")
    assert {"--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={tmp_path / 'notebooks'}", "--no-browser"} <= set(words)


def test_truth_as_a_table_and_as_json(opsnb_command, monkeypatch):
    from opsnb.reviews import truth

    asked = []
    rows = [(7, "market_analysis", "channel_cost", question, right, None, False, 2.0)
            for question, right in (("named", True), ("slice", True), ("date", False))]
    rows += [(8, "funnel_diagnosis", "funnel_break", "silent", True, None, True, 4.0)]
    verdicts = pd.DataFrame(rows, columns=["seed", "report", "kind", "question", "right", "value", "quiet", "cpu_seconds"])
    monkeypatch.setattr(truth, "world_verdicts", lambda worlds, first_seed, **options: (asked.append((worlds, first_seed, options)), verdicts)[1])
    status, lines = opsnb_command("truth", "--worlds", "2", "--first-seed", "7", "--reports", "market_analysis, funnel_diagnosis", "--processes", "2")
    assert status == 0
    assert asked[0][:2] == (2, 7)
    assert {"reports": ["market_analysis", "funnel_diagnosis"], "processes": 2}.items() <= asked[0][2].items()
    printed = "\n".join(" ".join(line.split()) for line in lines)
    assert "channel_cost market_analysis 1 1 1 0 0 0 0 0" in printed
    assert "no step is called broken where none is 1 1 100% (21% to 100%) from 95%" in printed
    assert "3.0 CPU seconds each" in printed  # (2 + 4) / 2
    status, lines = opsnb_command("truth", "--json")
    assert status == 0
    said = json.loads("".join(lines[1:-2]))
    assert [row["kind"] for row in said["causes"]] == ["funnel_break", "channel_cost"]
    assert said["goals"][0]["share"] == 1
