"""States, their balance and stickiness: by hand, and against plain Python day by day."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures import lifecycle, retention
from tests.measures.logs import in_blocks

START = pd.Timestamp("2025-01-01")


def visits(**days):
    rows = [(user, START + pd.Timedelta(days=day)) for user, own in days.items() for day in own]
    return pd.DataFrame(rows, columns=["user_id", "ts"]).assign(event="home")


def test_states_by_hand():
    # patience 3. a: day 0, day 2 (2 days later: current), day 5 (gap 3, two silent days: current), day 9 (gap 4, three silent days, the
    # third of which is dormant: resurrected). b: day 1 only: quiet on days 2 and 3, dormant from day 4 on.
    found = lifecycle.daily_states(visits(a=[0, 2, 5, 9], b=[1]), gap_days=3)
    assert found["new"].tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert found["current"].tolist() == [0, 0, 1, 0, 0, 1, 0, 0, 0, 0]
    assert found["resurrected"].tolist() == [0] * 9 + [1]
    assert found["quiet"].tolist() == [0, 1, 1, 2, 1, 0, 1, 1, 0, 0]
    assert found["dormant"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 1]
    assert found["fell_asleep"].tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 1, 0]
    assert lifecycle.daily_states(visits(a=[0, 2, 5, 9], b=[1]), gap_days=3, start="2025-01-09")["dormant"].tolist() == [2, 1]


def test_patience_is_each_users_own():
    # a's 40 daily returns and c's two of 60 days: typical gap (40 x 1 + 2 x 60) / 42 = 3.81 days. a after 41 active days:
    # 3 x (3.81 + 40) / 41 = 3.2, but never below 7. c after three: 3 x (3.81 + 120) / 3 = 123.8. b never returned: 3 x 3.81 = 11.4
    found = lifecycle.user_states(visits(a=range(41), b=[0], c=[0, 60, 120])).set_index("user_id")
    assert found["patience_days"].to_dict() == {"a": 7, "b": 12, "c": 124}
    assert found["silent_days"].to_dict() == {"a": 80, "b": 120, "c": 0}
    # c's patience after the first return was 3 x (3.81 + 60) / 2 = 95.7: back after 60 is current; the first time it had been 11.4
    assert found["state"].to_dict() == {"a": "dormant", "b": "dormant", "c": "current"}
    daily = lifecycle.daily_states(visits(a=range(41), b=[0], c=[0, 60, 120]))
    assert daily["resurrected"].to_numpy().nonzero()[0].tolist() == [60]
    early = lifecycle.user_states(visits(c=[0, 60, 120])).set_index("user_id")  # alone: typical gap 60, patience 180 from the start
    assert early["state"].to_dict() == {"c": "current"}


def test_one_user_on_one_day():
    found = lifecycle.daily_states(visits(a=[0]))
    assert found[["new", "active", "quiet", "dormant", "users"]].to_numpy().tolist() == [[1, 1, 0, 0, 1]]
    assert np.isnan(lifecycle.stickiness(visits(a=[0]))["mau"].iloc[0])


def test_options_and_empty_tables():
    with pytest.raises(ParameterError, match="gap_days = 0; allowed: 1 or more"):
        lifecycle.daily_states(visits(a=[0]), gap_days=0)
    with pytest.raises(ParameterError, match="gap_days = 0; allowed: 1 or more"):
        lifecycle.user_states(visits(a=[0]), gap_days=0)
    with pytest.raises(ParameterError, match="rising, from 1 on"):
        lifecycle.stickiness(visits(a=[0]), week_days=30)
    with pytest.raises(NotMeasured, match="no rows"):
        lifecycle.daily_states(visits(a=[0]).head(0))
    with pytest.raises(NotMeasured, match="no day of data from 2026-01-01 on"):
        lifecycle.daily_states(visits(a=[0]), start="2026-01-01")


def test_stickiness_by_hand():
    # weeks of 2 days, months of 4. Day 3: a, b, c came on days 0 to 3: mau 3; dau 1 (c); day 2 nobody: average (0 + 1) / 2
    found = lifecycle.stickiness(visits(a=[0, 1, 4], b=[1], c=[3]), week_days=2, month_days=4)
    assert found["dau"].tolist() == [1, 2, 0, 1, 1]
    np.testing.assert_equal(found["wau"].tolist(), [np.nan, 2, 2, 1, 2])
    np.testing.assert_equal(found["mau"].tolist(), [np.nan, np.nan, np.nan, 3, 3])
    np.testing.assert_allclose(found["stickiness_rate"].tolist()[3:], [0.5 / 3, 1 / 3])
    assert (found["low"] <= found["stickiness_rate"]).tolist()[3:] == [True, True]


HISTORIES = st.dictionaries(st.sampled_from("abcde"), st.sets(st.integers(0, 80), min_size=1, max_size=12), min_size=1)


@settings(max_examples=50, deadline=None)
@given(HISTORIES, st.one_of(st.none(), st.integers(1, 40)), st.one_of(st.none(), st.integers(1, 20)), st.integers(0, 90), st.integers(1, 9))
def test_states_are_what_the_slow_way_counts_and_balance_every_day(days, gap_days, watch_days, until, block_rows):
    frame = visits(**{user: sorted(own) for user, own in days.items()})
    opening = min(min(own) for own in days.values())
    until = max(until, opening)
    as_of = START + pd.Timedelta(days=until)
    stored = in_blocks(frame, block_rows)
    asked = {"gap_days": gap_days, "watch_days": watch_days, "as_of": as_of}
    found = lifecycle.daily_states(stored, **asked)
    pd.testing.assert_frame_equal(found, lifecycle.daily_states(frame, **asked))
    seen = {user: sorted(day for day in own if day <= until) for user, own in days.items()}
    seen = {user: own for user, own in seen.items() if own}
    gaps = [later - day for own in seen.values() for day, later in pairwise(own)]
    typical = sum(gaps) / len(gaps) if gaps else until - opening + 1

    def patience(past):
        if gap_days is not None:
            return gap_days
        return min(max(math.ceil(3 * (typical + past[-1] - past[0]) / len(past)), 7), 180)

    def state(own, day):
        past = [one for one in own if one < day]
        if not past:
            return "new" if day in own else None
        dormant = day - past[-1] - (day in own) >= patience(past)  # on the day before, if the user is back today
        if day in own:
            return "resurrected" if dormant else "current"
        return "dormant" if dormant else "quiet"

    for place, row in enumerate(found.itertuples()):
        day = opening + place
        states = {user: state(own, day) for user, own in seen.items()}
        for name in lifecycle.STATES:
            assert getattr(row, name) == list(states.values()).count(name), (name, day)
        if watch_days is not None:
            silent = {user: day - max((one for one in own if one < day), default=day) for user, own in seen.items()}
            assert row.reactivated == sum(states[user] == "current" and silent[user] > watch_days for user in seen)
            assert row.at_risk == sum(states[user] == "quiet" and silent[user] >= watch_days for user in seen)
    # balance, every day and to the user
    assert (found["new"] + found["resurrected"] + found["current"] == found["active"]).all()
    assert (found["living"] + found["dormant"] == found["new"].cumsum()).all()
    living, dormant = found["living"].shift(fill_value=0), found["dormant"].shift(fill_value=0)
    assert (found["living"] == living + found["new"] + found["resurrected"] - found["fell_asleep"]).all()
    assert (found["dormant"] == dormant + found["fell_asleep"] - found["resurrected"]).all()
    last = lifecycle.user_states(stored, gap_days=gap_days, as_of=as_of)
    assert last["state"].value_counts().reindex(lifecycle.STATES, fill_value=0).tolist() == found[list(lifecycle.STATES)].iloc[-1].tolist()


@settings(max_examples=40, deadline=None)
@given(HISTORIES, st.integers(1, 5), st.integers(6, 20))
def test_stickiness_is_what_the_slow_way_counts(days, week, month):
    found = lifecycle.stickiness(visits(**days), week_days=week, month_days=month)
    opening = min(min(own) for own in days.values())
    for place, row in enumerate(found.itertuples()):
        today = opening + place
        for users, width in ((row.dau, 1), (row.wau, week), (row.mau, month)):
            if place < width - 1:
                assert np.isnan(users)
            else:
                assert users == sum(any(today - width < day <= today for day in own) for own in days.values())


def test_who_stays_beyond_the_first_day_is_who_came_back_within_the_gap():
    events = visits(a=[0, 3], b=[0], c=[2, 40], d=[5, 6, 9], e=[70])
    curve = retention.retention_curve(events, gap_days=30, as_of="2025-03-31")
    back = retention.day_retention(events, days=[30], kind="bracket", as_of="2025-03-31")
    assert curve["retention_rate"].iloc[0] == pytest.approx(back["retention_rate"].iloc[0])  # of a to d, who came 30 days ago, a and d: .5
