"""Targets by hand: what is on track, at risk, missed, not begun, not measured."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import scorecard


def target(kpi="gmv", baseline=100.0, goal=200.0, start="2025-01-01", due="2025-04-11", **more):
    """100 days from start to due."""
    return {"kpi": kpi, "baseline": baseline, "target": goal, "start": start, "due": due, **more}


def card(*targets, actual, as_of):
    return scorecard.scorecard(pd.DataFrame(targets), actual, as_of=as_of)


@pytest.mark.parametrize(("as_of", "actual", "status"), [
    ("2025-02-20", 150.0, "on-track"),  # day 50 of 100: 150 expected
    ("2025-02-20", 140.0, "on-track"),  # behind by 10% of the way: just tolerated
    ("2025-02-20", 139.0, "at-risk"), ("2025-02-20", 90.0, "at-risk"), ("2025-02-20", 250.0, "on-track"),
    ("2025-04-11", 199.0, "missed"), ("2025-04-11", 200.0, "on-track"), ("2025-04-10", 199.0, "on-track"),
    ("2024-12-31", 90.0, "not started"), ("2025-02-20", np.nan, "not measured")])
def test_status(as_of, actual, status):
    assert card(target(), actual={"gmv": actual}, as_of=as_of)["status"].tolist() == [status]


def test_numbers_of_a_target_that_is_to_fall():
    row = card(target("cac", 50.0, 40.0), actual={"cac": 49.0}, as_of="2025-02-20").iloc[0]
    assert row["expected_by_now"] == 45.0
    assert row["progress"] == pytest.approx(0.1)
    assert row["elapsed"] == 0.5
    assert row["gap"] == 4.0
    assert row["shortfall"] == pytest.approx(0.4)  # of the way of 10 there lack 4
    assert row["status"] == "at-risk"


def test_a_level_to_be_kept():
    keep = target("response_minutes", 10.0, 10.0)
    actual = pd.DataFrame({"kpi": ["response_minutes"], "value": [13.0], "better": ["down"]})
    row = card(keep, actual=actual, as_of="2025-02-20").iloc[0]
    assert row["status"] == "at-risk"
    assert row["shortfall"] == pytest.approx(0.3)
    assert np.isnan(row["progress"])
    assert card(keep, actual=actual.assign(value=8.0), as_of="2025-02-20")["status"].tolist() == ["on-track"]


def test_a_target_is_judged_on_its_due_day():
    actual = pd.DataFrame({"kpi": "gmv", "as_of": pd.to_datetime(["2025-04-11", "2025-12-31"]), "value": [205.0, 150.0]})
    row = card(target(), actual=actual, as_of="2025-12-31").iloc[0]
    assert (row["actual"], row["status"]) == (205.0, "on-track")  # reached in time; what came later is another matter
    early = card(target(due="2025-03-31"), actual=actual, as_of="2025-12-31").iloc[0]
    assert (early["status"], early["reason"]) == ("not measured", "no value up to 2025-03-31")
    days = scorecard.days_of_judgement(pd.DataFrame([target(), target(due="2026-04-11")]), as_of="2025-12-31")
    assert [str(day) for day in days] == ["2025-04-11", "2025-12-31"]


def test_the_worst_comes_first_and_weight_counts():
    found = card(target("a"), target("b", weight=1.0), target("c", weight=3.0), target("d", due="2025-02-01"), target("e"),
                 actual={"a": 150.0, "b": 100.0, "c": 130.0, "d": 199.0}, as_of="2025-02-20")
    # c lacks .2 of the way, weight 3: .6; b lacks .5, weight 1
    assert found["kpi"].tolist() == ["d", "c", "b", "a", "e"]
    assert found["status"].tolist() == ["missed", "at-risk", "at-risk", "on-track", "not measured"]
    assert found["reason"].iloc[-1] == "no measure is named e"
    assert scorecard.target_misses(found)["kpi"].tolist() == ["c", "b", "d"]


def test_few_answers_are_said_to_be_few():
    actual = pd.DataFrame({"kpi": ["nps"], "value": [20.0], "low": [-5.0], "high": [45.0]})
    row = card(target("nps", 20.0, 40.0), actual=actual, as_of="2025-02-20").iloc[0]
    assert (row["status"], row["within_chance"]) == ("at-risk", True)  # 30 expected, up to 45 possible
    assert not card(target("nps", 20.0, 40.0), actual=actual.assign(high=25.0), as_of="2025-02-20")["within_chance"].iloc[0]


def test_one_row_a_kpi_among_the_misses():
    found = card(target(horizon="short"), target(goal=400.0, horizon="long"), actual={"gmv": 100.0}, as_of="2025-02-20")
    assert len(scorecard.target_misses(found)) == 1


def test_errors_say_what_is_wrong():
    with pytest.raises(ParameterError, match="due 2025-01-01 lies before its start 2025-02-01"):
        card(target(start="2025-02-01", due="2025-01-01"), actual={}, as_of="2025-02-20")
    with pytest.raises(InputError, match="no column 'due'"):
        scorecard.scorecard(pd.DataFrame([target()]).drop(columns="due"), {}, as_of="2025-02-20")
    with pytest.raises(NotMeasured, match="no rows"):
        scorecard.scorecard(pd.DataFrame([target()]).iloc[:0], {}, as_of="2025-02-20")


@settings(max_examples=150, deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(-2e3, 2e3), st.integers(0, 150))
def test_a_mirror_image_has_the_same_status(baseline, goal, actual, day):
    as_of = str(np.datetime64("2025-01-01") + np.timedelta64(day, "D"))
    up = card(target(baseline=baseline, goal=goal), actual={"gmv": actual}, as_of=as_of).iloc[0]
    assert up["status"] in scorecard.STATUSES
    if baseline != goal:
        down = card(target(baseline=-baseline, goal=-goal), actual={"gmv": -actual}, as_of=as_of).iloc[0]
        assert (up["status"], up["shortfall"]) == (down["status"], down["shortfall"])
