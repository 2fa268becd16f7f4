"""Cohorts, repeat purchase and its breaks: by hand, and against plain Python."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import retention
from opsnb.measures.intervals import wilson
from opsnb.tables import histories as histories_module
from opsnb.tables.histories import histories

START = pd.Timestamp("2025-01-01")


def visits(*rows):
    frame = pd.DataFrame(rows, columns=["user_id", "date", "channel"][:len(rows[0])])
    return frame.assign(ts=pd.to_datetime(frame.pop("date")), event="home")


EVENTS = visits(("a", "2025-01-05", "x"), ("a", "2025-02-10", "y"), ("a", "2025-03-01", "x"), ("b", "2025-01-31", "y"),
                ("b", "2025-03-02", "y"), ("c", "2025-02-01", "x"), ("c", "2025-02-02", "y"))


def cell(found, cohort, index):
    return found[(found["cohort"] == cohort) & (found["period_index"] == index)].iloc[0]


def test_months_by_hand():
    found = retention.cohort_retention(EVENTS, as_of="2025-03-31")
    # January: a and b; February: a of them; March: both. February: c; nobody in March.
    assert found["cohort_users"].tolist() == [2, 2, 2, 1, 1, 1]
    assert found["retained"].tolist()[:5] == [2, 1, 2, 1, 0]
    assert np.isnan(found["retained"].iloc[5])  # February + 2 = April: nobody knows yet
    assert cell(found, "2025-01-01", 1)["retention_rate"] == 0.5
    low, high = wilson(1, 2)
    assert cell(found, "2025-01-01", 1)[["low", "high"]].tolist() == [float(low), float(high)]


def test_a_period_that_has_not_ended_is_null_and_not_zero():
    found = retention.cohort_retention(EVENTS, as_of="2025-03-30")
    assert np.isnan(cell(found, "2025-01-01", 2)["users"])
    assert cell(found, "2025-01-01", 2)["cohort_users"] == 2
    assert cell(found, "2025-02-01", 0)["retained"] == 1


def test_on_or_after_counts_who_is_seen_then_or_later():
    found = retention.cohort_retention(EVENTS, as_of="2025-03-31", kind="on_or_after")
    assert found["retained"].tolist()[:3] == [2, 2, 2]  # a in February and March, b in March: both still there after February
    assert found["users"].tolist()[:3] == [2, 1, 2]


def test_breakdown_is_the_first_visits():
    found = retention.cohort_retention(EVENTS, as_of="2025-03-31", by="channel")
    assert found.groupby("channel")["cohort_users"].first().to_dict() == {"x": 1, "y": 1}
    assert found[found["period_index"] == 0]["cohort_users"].sum() == 3


def test_weeks_start_on_monday():
    events = visits(("a", "2025-06-15"), ("a", "2025-06-16"), ("b", "2025-06-17"))
    found = retention.cohort_retention(events, period="week", as_of="2025-06-22")
    assert found["cohort"].astype(str).tolist() == ["2025-06-09", "2025-06-09", "2025-06-16", "2025-06-16"]
    assert found["retained"].tolist()[:3] == [1, 1, 1]  # the 15th is a Sunday, the 16th a Monday


def test_options_are_checked():
    with pytest.raises(ParameterError, match="did you mean 'on'"):
        retention.cohort_retention(EVENTS, kind="onn")
    with pytest.raises(ParameterError, match="allowed: day, week, month"):
        retention.cohort_retention(EVENTS, period="year")
    with pytest.raises(InputError, match="no column 'chanel'"):
        retention.cohort_retention(EVENTS, by="chanel")
    with pytest.raises(NotMeasured, match="no rows"):
        retention.cohort_retention(EVENTS.iloc[:0])


def test_orders_have_cohorts_of_buyers():
    found = retention.cohort_retention(EVENTS.drop(columns="event").assign(amount=1.0), as_of="2025-03-31")
    assert found["cohort_users"].tolist() == [2, 2, 2, 1, 1, 1]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 120)), min_size=1, max_size=40),
       st.sampled_from(["day", "week", "month"]), st.sampled_from(["on", "on_or_after"]), st.integers(0, 130), st.integers(1, 7))
def test_cohorts_are_what_the_slow_way_counts(rows, period, kind, until, block_rows):
    frame = visits(*((user, START + pd.Timedelta(days=day)) for user, day in rows))
    as_of = max(START + pd.Timedelta(days=until), frame["ts"].min())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histories_module, "BLOCK_ROWS", block_rows)
        stored = histories(frame)
    found = retention.cohort_retention(stored, period=period, kind=kind, as_of=as_of)
    pd.testing.assert_frame_equal(found, retention.cohort_retention(frame, period=period, kind=kind, as_of=as_of))
    code = {"day": "D", "week": "W-SUN", "month": "M"}[period]
    alive = frame[frame["ts"] <= as_of].assign(period=lambda rows: rows["ts"].dt.to_period(code))
    seen = {user: set(rows["period"]) for user, rows in alive.groupby("user_id")}
    last = as_of.to_period(code)
    for row in found.itertuples():
        cohort = row.cohort.to_period(code)
        members = [periods for periods in seen.values() if min(periods) == cohort]
        then = cohort + row.period_index
        assert row.cohort_users == len(members) > 0
        if then > last or (then == last and last.end_time.normalize() > as_of):
            assert np.isnan(row.users)
            assert np.isnan(row.retained)
        else:
            assert row.users == sum(then in periods for periods in members)
            assert row.retained == (row.users if kind == "on" else sum(max(periods) >= then for periods in members))


def bought(*rows):
    frame = pd.DataFrame(rows, columns=["user_id", "date", "amount", "channel"][:len(rows[0])])
    return frame.assign(ts=pd.to_datetime(frame.pop("date")))


def test_repeat_rate_counts_only_whose_time_is_up():
    orders = bought(("a", "2025-01-05", 9, "x"), ("a", "2025-03-06", 9, "y"),  # 60 days later: in time
                    ("b", "2025-01-05", 9, "x"), ("b", "2025-03-07", 9, "x"),  # 61 days later: too late
                    # twice on one day and a refund later: not back
                    ("c", "2025-01-31", 9, "y"), ("c", "2025-01-31", 9, "y"), ("c", "2025-02-05", -9, "y"),
                    ("d", "2025-02-20", 9, "y"))  # its 60 days end on 2025-04-21
    found = retention.repeat_rate(orders, as_of="2025-04-20")
    assert found["customers"].tolist() == [3, 0]
    assert found["waiting"].tolist() == [0, 1]
    assert found["repeated"].tolist()[0] == 1
    assert found["repeat_rate"].iloc[0] == pytest.approx(1 / 3)
    assert found[["repeated", "repeat_rate", "low", "high"]].iloc[1].isna().all()
    assert retention.repeat_rate(orders, as_of="2025-04-21")["repeat_rate"].tolist() == pytest.approx([1 / 3, 0])
    by_channel = retention.repeat_rate(orders, by="channel", as_of="2025-04-21")
    assert by_channel[["channel", "customers", "repeated"]].values.tolist() == [["x", 2, 1], ["y", 1, 0], ["y", 1, 0]]


def test_the_users_table_says_who_was_acquired_where():
    orders = bought(("a", "2025-01-05", 9, "x"), ("b", "2025-01-05", 9, "x"))
    users = pd.DataFrame({"user_id": ["a", "c"], "signup_ts": pd.to_datetime(["2025-01-01"] * 2), "channel": ["ads", "ads"]})
    found = retention.repeat_rate(orders, by="channel", users=users, as_of="2025-12-31")
    assert found["channel"].tolist() == ["ads", None]  # b is in no table of users
    with pytest.raises(ParameterError, match="1 or more"):
        retention.repeat_rate(orders, within_days=0)
    with pytest.raises(InputError, match="no column 'device'"):
        retention.repeat_rate(orders, by="device", users=users)


def shop(seed, since=None, drop=0.7, days=500, channels=("ads", "organic", "social"), daily=4):
    """Customers who order at their own rate for a year; those won by ads from day ``since`` on come back ``drop`` less."""
    random = np.random.default_rng(seed)
    users, orders, events = [], [], []
    for number, day in enumerate(np.sort(random.integers(0, days, daily * days))):
        channel = channels[random.integers(len(channels))]
        level = random.gamma(1.5, 1 / 1.5) * (1 - drop if since is not None and channel == "ads" and day >= since else 1)
        came = day + np.cumsum(random.exponential(15 / level, 40))
        came = came[came < min(days, day + 365)]
        users.append((f"u{number:05d}", day, channel))
        events += [(f"u{number:05d}", when) for when in (day, *came)]
        orders += [(f"u{number:05d}", when) for when in (day, *came[random.random(len(came)) < 0.3])]


    def frame(rows, *columns, **more):
        table = pd.DataFrame(rows, columns=columns)
        return table.assign(**{columns[1]: pd.to_datetime(table[columns[1]], origin=START, unit="D")}, **more)

    return (frame(orders, "user_id", "ts", amount=1.0), frame(users, "user_id", "signup_ts", "channel"),
            frame(events, "user_id", "ts", event="home"))


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_drop_is_named_with_its_channel_and_day(seed):
    orders, users, events = shop(seed, since=320)
    found = retention.repeat_breaks(orders, users, events=events)
    assert found["channel"].tolist() == ["ads"]
    row = found.iloc[0]
    planted = START + pd.Timedelta(days=320)
    assert abs((row["since"] - planted).days) <= 7
    assert row["since_low"] <= row["since"] <= row["since_high"]
    assert row["rate_after"] < row["expected_rate"] * 0.75
    assert row["low"] <= row["rate_after"] <= row["high"]
    assert row["lost"] == pytest.approx(row["customers_after"] * (row["expected_rate"] - row["rate_after"]))
    without = retention.repeat_breaks(orders, users)  # orders alone: the same channel, a vaguer day
    assert without["channel"].tolist() == ["ads"]
    assert abs((without["since"].iloc[0] - planted).days) <= 40


def test_no_drop_no_row():
    for seed in range(10, 16):
        orders, users, events = shop(seed)
        assert retention.repeat_breaks(orders, users, events=events).empty


def test_breaks_need_customers_whose_time_is_up():
    orders, users, _ = shop(0, daily=1)
    with pytest.raises(NotMeasured, match="at least 60 are needed"):
        retention.repeat_breaks(orders.head(40), users)


def test_chance_of_the_largest_ratio_is_the_published_one():
    # Altman et al., JNCI 86 (1994) 829, for edges of .1: p = -1.63 p0 (1 + 2.35 ln p0) two-sided, p0 the p-value of one chosen day
    for statistic, p0 in ((8.6, 0.003362), (12.0, 0.000532)):
        assert 2 * retention._chance(statistic, 0.1) == pytest.approx(-1.63 * p0 * (1 + 2.35 * np.log(p0)), rel=0.05)
    assert retention._chance(0.0, 0.1) <= 1
