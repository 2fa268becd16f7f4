"""Sentences on the life cycle, service and portraits: their numbers, what they stress, and what they say of few answers and of chance."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from opsnb.measures import lifecycle, pains, portrait, retention, service, stages
from opsnb.views import findings, language
from opsnb.views.findings.service import _slow_hours

sys.path.insert(0, str(Path(__file__).parent))
import samples


def test_thirty_day_retention_says_both_readings_and_the_plans_anchor():
    rolling = pd.DataFrame({"day": [7, 30], "users": [900, 800], "waiting": 0, "retained": [300.0, 100.0], "retention_rate": [1 / 3, 0.125],
                            "low": [0.3, 0.104], "high": [0.36, 0.15]})
    made = findings.day_retention(rolling, rolling.assign(retention_rate=0.025))
    assert made.sentence == ("12% of users (100 of 800; 95% interval 10% to 15%) were seen again 30 days after their first day or later, 2.5% on that very "
                             "day; the plan's anchor is 18% and does not say which is meant.")
    assert made.severity == 0.45  # surely below 18%
    assert findings.day_retention(rolling.assign(high=0.2)).severity == 0.2
    assert findings.day_retention(rolling.assign(retention_rate=np.nan)) is None
    assert findings.day_retention(rolling, day=14) is None


def test_the_curve_is_read_while_thirty_are_followed():
    curve = samples.staying()
    assert findings.retention_curve(curve).numbers["day"] == 90
    curve["at_risk"] = np.maximum(100 - curve["day"], 0)
    assert findings.retention_curve(curve).numbers["day"] == 70
    assert findings.retention_curve(curve.assign(at_risk=5)) is None
    curve["at_risk"] = np.where(curve["day"] == 0, 60, 29)
    assert findings.retention_curve(curve).sentence.endswith("too few were followed for longer to say how many go on.")
    back = samples.curve_by_channel()
    assert findings.return_curve(back[back["channel"] == "douyin"]).numbers["day"] == 60
    assert findings.return_curve(back.head(1)) is None


def test_states_weigh_who_came_against_who_fell_silent():
    states = pd.DataFrame({"date": pd.date_range("2025-01-01", periods=40), "new": 2, "resurrected": 1, "fell_asleep": 4, "dormant": 0,
                           "living": 500 - np.arange(40)})
    made = findings.daily_states(states, days=30)
    assert {name: made.numbers[name] for name in ("living", "before", "new", "back", "gone")} == {"living": 461, "before": 491, "new": 60, "back": 30,
                                                                                                 "gone": 120}
    assert made.numbers["living"] == made.numbers["before"] + 60 + 30 - 120  # the sentence's own balance
    assert made.severity == 0.45
    assert findings.daily_states(states.head(1)) is None


def test_stickiness_says_whether_the_change_is_more_than_chance():
    sticky = samples.sticky().assign(stickiness_rate=0.12, low=0.11, high=0.13)
    assert "no difference beyond chance" in findings.stickiness(sticky).sentence
    fallen = sticky.assign(stickiness_rate=np.r_[np.full(350, 0.12), np.full(50, 0.08)], low=np.r_[np.full(350, 0.11), np.full(50, 0.07)],
                           high=np.r_[np.full(350, 0.13), np.full(50, 0.09)])
    assert "fewer than the 12% of 90 days before" in findings.stickiness(fallen).sentence
    assert findings.stickiness(fallen).severity > findings.stickiness(sticky).severity
    assert "before" not in findings.stickiness(sticky.tail(50)).numbers
    assert findings.stickiness(sticky.assign(stickiness_rate=np.nan)) is None
    assert findings.stickiness(sticky.assign(mau=29)) is None


def test_stages_tell_what_became_of_the_interested():
    made = findings.stage_flows(samples.stage_moves(), start="2025-10-02")
    assert made.sentence == ("Of 1,624 interested users on 2025-10-02, 187 (12%; 10% to 13%) have bought since and 1,139 have fallen silent; loyal customers "
                             "went from 387 to 372.")
    assert findings.stage_flows(samples.stage_moves().head(1), start="2025-10-02") is None


def test_few_answers_are_said_to_be_few():
    score = pd.DataFrame({"nps": [40.0], "low": [10.0], "high": [65.0], "answers": [12], "few": [True]})
    assert "only 12 answers" in findings.nps(score).sentence
    assert findings.nps(score).confidence == "low"
    assert "12 answers)" in findings.nps(score.assign(few=False)).sentence
    points = samples.pains()
    assert "may cost as much" not in findings.pain_points(points).sentence  # 12.2 lies outside 14.4 to 24.5
    assert "“price” may cost as much" in findings.pain_points(points.assign(nps_loss=[19.4, 15.2, 7.2])).sentence
    assert "only 52 of 332 answers name it" in findings.pain_points(points.assign(few=True)).sentence


def test_waiting_names_the_slow_hours_over_midnight():
    hours = samples.waits_by_hour()
    assert _slow_hours(hours, 12.0) == (22, 4, 23.0)  # hour 4 has no ticket, which breaks the run
    whole = pd.DataFrame({"tickets": [900], "median_minutes": [12.0], "low": [11.0], "high": [13.0], "p90_minutes": [40.0], "in_time_rate": [0.08],
                          "benchmark_minutes": [3.0], "few": [False]})
    assert "Slowest from 22:00 to 4:00: up to 23 minutes." in findings.response_times(whole, hours).sentence
    assert "Slowest" not in findings.response_times(whole).sentence
    assert _slow_hours(hours, 1.0) is None or _slow_hours(hours, 1.0)[0] == 5  # all but the empty hour
    assert _slow_hours(hours, 99.0) is None
    assert findings.response_times(whole.assign(median_minutes=np.nan)) is None


def test_waiting_and_repeat_purchase_is_called_an_association_or_chance():
    frame = samples.waits_and_repeat()
    made = findings.response_and_repeat(frame)
    assert "An association: who waits is not drawn by lot." in made.sentence
    assert made.numbers["slow_wait"] == "12+"  # "never" has 12 customers only
    assert "beyond chance" in findings.response_and_repeat(frame.assign(gap_high=0.1)).sentence
    assert findings.response_and_repeat(frame.assign(few=True)) is None


def test_a_portrait_names_what_is_surely_apart_or_nothing():
    made = findings.portrait(samples.indices())
    assert made.slice == {"tier": "high-value"}
    assert "more often “city tier: tier1”" in made.sentence
    assert "index 150, 135 to 165" in made.sentence
    rare = samples.indices().query("tier == 'lost'")
    assert "less often" in findings.portrait(rare).sentence
    assert "do not aim at one" in findings.portrait(samples.indices().assign(apart=False)).sentence


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_from_the_measures_to_the_sentence(lang):
    """Each finding takes its measure's frame as it comes."""
    random = np.random.default_rng(2)
    start, users = pd.Timestamp("2025-01-01"), [f"u{number}" for number in random.integers(0, 80, 900)]
    events = pd.DataFrame({"user_id": users, "event": random.choice(["home", "product"], 900),
                           "ts": start + pd.to_timedelta(random.integers(0, 200 * 1440, 900), unit="min")})
    orders = events.head(200).assign(amount=9.0)[["user_id", "ts", "amount"]]
    surveys = pd.DataFrame({"date": start, "score": random.integers(0, 11, 200), "pain_point": random.choice(["a", "b", ""], 200)})
    tickets = pd.DataFrame({"user_id": users[:200], "opened_at": events["ts"].head(200)})
    tickets["first_response_at"] = tickets["opened_at"] + pd.to_timedelta(random.exponential(9, 200), unit="min")
    people = pd.DataFrame({"user_id": [f"u{number}" for number in range(80)], "city": ["big", "small"] * 40, "tier": ["x"] * 40 + ["y"] * 40})
    with language.using(lang):
        made = [findings.day_retention(retention.day_retention(events, kind="on_or_after"), retention.day_retention(events)),
                findings.retention_curve(retention.retention_curve(events)), findings.return_curve(retention.return_curve(orders)),
                findings.daily_states(lifecycle.daily_states(events)), findings.stickiness(lifecycle.stickiness(events)),
                findings.stage_flows(stages.stage_flows(events, orders, start="2025-05-01"), start="2025-05-01"),
                findings.nps(pains.nps(surveys)), findings.pain_points(pains.pain_points(surveys)),
                findings.response_times(service.response_times(tickets), service.response_times(tickets, by="hour")),
                findings.portrait(portrait.portrait(people[["user_id", "city"]], people[["user_id", "tier"]]))]
        for finding in made:
            assert "{" not in finding.sentence
            assert language.NONE not in finding.sentence.replace("–", language.NONE) or finding.kind == "portrait"
            if lang == "zh":
                assert any("一" <= letter <= "鿿" for letter in finding.sentence)


@pytest.mark.parametrize(("period", "said"), [("month", "in the month after"), ("week", "in the week after"), ("day", "on the day after")])
def test_the_sentence_on_cohorts_says_their_period_and_compares_months_only(period, said):
    events = pd.DataFrame({"user_id": list("abab"), "event": "home", "ts": pd.to_datetime(["2025-01-07", "2025-01-14", "2025-01-08", "2025-02-20"])})
    made = findings.cohort_retention(retention.cohort_retention(events, period=period, as_of="2025-03-31"))
    assert said in made.sentence
    assert ("anchor" in made.sentence) == (period == "month")
