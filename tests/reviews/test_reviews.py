"""Each report names the planted fault, stays silent where nothing was planted, and goes on where a table is absent."""

import json
import shutil

import pandas as pd
import pytest

from opsnb import reviews
from opsnb.errors import MissingTable, NotMeasured
from opsnb.reviews.truth import REPORT_OF
from opsnb.tables.data import open_data
from opsnb.tables.demo import demo


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return demo(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def found(folder):
    data = open_data(folder)
    return {name: review(data) for name, review in reviews.ALL.items()}


def test_each_report_names_what_was_planted_in_the_default_world(folder, found):
    for cause in json.loads((folder / "truth.json").read_text(encoding="utf-8"))["causes"]:
        named = [finding for finding in found[REPORT_OF[cause["kind"]]] if finding.kind == cause["kind"]]
        assert [finding.slice for finding in named] == [cause["slice"]], cause
        if cause["since"] and named[0].numbers.get("when"):  # few customers a day: the report gives the range in which the day lies
            assert named[0].numbers["when"][1] <= cause["since"] <= named[0].numbers["when"][2], cause
        elif cause["since"]:
            assert abs(pd.Timestamp(named[0].since) - pd.Timestamp(cause["since"])) <= pd.Timedelta(days=3), cause


def test_the_first_finding_is_a_fault_that_was_planted(found):
    for findings in found.values():
        assert findings[0].kind in REPORT_OF


def test_a_short_version_has_at_most_five_findings_the_most_urgent_first(found):
    for findings in found.values():
        severities = [finding.severity for finding in findings]
        assert 1 <= len(findings) <= 5
        assert severities == sorted(severities, reverse=True)


def test_findings_are_plain_json_and_the_same_each_time(folder, found):
    again = reviews.funnel_diagnosis(open_data(folder))
    first, second = (
        json.dumps([finding.to_dict() for finding in findings], sort_keys=True, allow_nan=False) for findings in (found["funnel_diagnosis"], again)
    )
    assert first == second


@pytest.mark.parametrize("seed", [8], ids=["quiet world"])
def test_nothing_is_named_in_a_quiet_world(tmp_path, seed):
    demo(tmp_path, seed=seed)
    assert json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))["quiet"]
    data = open_data(tmp_path)
    kinds = {finding.kind for review in reviews.ALL.values() for finding in review(data)}
    assert not kinds & set(REPORT_OF)


def test_reports_go_on_where_tables_are_absent(folder, tmp_path):
    shutil.copy(folder / "orders.csv", tmp_path)
    data = open_data(tmp_path)
    kinds = [finding.kind for finding in reviews.user_profiling(data)]
    assert "tiers" in kinds
    assert "cohort_retention" not in kinds
    assert [finding.kind for finding in reviews.market_analysis(data)] == ["channel_mix"]
    with pytest.raises(MissingTable, match="no events table"):
        reviews.funnel_diagnosis(data)


def test_competitors_are_compared_by_the_metric_that_there_is(folder, tmp_path):
    assert reviews.metrics(open_data(folder))[0] == "gmv"
    (tmp_path / "competitors.csv").write_text("period,competitor,metric,value\n2025-01-01,x,fans,5\n2025-01-01,y,fans,6\n"
                                              "2025-01-01,y,downloads,6\n", encoding="utf-8")
    assert reviews.metrics(open_data(tmp_path)) == ["fans", "downloads"]
    (tmp_path / "competitors.csv").unlink()
    shutil.copy(folder / "orders.csv", tmp_path)
    assert reviews.metrics(open_data(tmp_path)) == ["gmv"]


def test_a_report_that_can_find_nothing_says_so(tmp_path):
    (tmp_path / "risks.csv").write_text("risk,probability\nfire,0.1\n", encoding="utf-8")
    (tmp_path / "columns.yml").write_text("as_of: 2025-12-31\n", encoding="utf-8")
    with pytest.raises(NotMeasured, match="none of the tables"):
        reviews.evaluation_report(open_data(tmp_path))
