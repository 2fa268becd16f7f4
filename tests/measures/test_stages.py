"""The plan's life cycle: by hand, its flows balance, and the edge cases."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, MissingTable, NotMeasured, ParameterError
from opsnb.measures import stages

START = pd.Timestamp("2025-01-01")


def table(*rows, **more):
    frame = pd.DataFrame(rows, columns=["user_id", "day", *more][:len(rows[0])])
    return frame.assign(ts=START + pd.to_timedelta(frame.pop("day"), unit="D"))


EVENTS = table(("a", 0, "home"), ("b", 0, "home"), ("b", 1, "product"), ("c", 0, "home"), ("d", 0, "home"), ("e", 90, "home"), event=0)
ORDERS = table(("c", 2, 9.0), ("d", 3, 9.0), ("d", 40, 9.0), ("d", 41, -9.0), amount=0)
USERS = pd.DataFrame({"user_id": ["a", "f", "g"], "signup_ts": [START, START + pd.Timedelta(days=5), START + pd.Timedelta(days=80)]})


def stage_at(day, **more):
    found = stages.stages(EVENTS, ORDERS, USERS, as_of=START + pd.Timedelta(days=day), **more)
    return found.set_index("user_id")["stage"].to_dict()


def test_stages_by_hand():
    assert stage_at(50) == {"a": "awareness", "b": "interest", "c": "purchase", "d": "loyalty", "f": "awareness"}  # f never came
    # 60 days back from day 100: only d's second order on day 40 is too old (days 41 to 100 count), e and g are new
    assert stage_at(100, window_days=60) == {"a": "asleep", "b": "asleep", "c": "asleep", "d": "asleep", "e": "awareness", "f": "asleep",
                                             "g": "awareness"}
    assert stage_at(99, window_days=60)["d"] == "loyalty"
    assert stage_at(50, interest=["home"])["a"] == "interest"


def test_flows_by_hand():
    found = stages.stage_flows(EVENTS, ORDERS, USERS, start="2025-01-02", as_of="2025-02-20").set_index("stage")
    # on 2025-01-02 a, c, d are aware and b interested; by 2025-02-20 c has bought, d twice, f has signed up
    assert found["users_before"].tolist() == [3, 1, 0, 0, 0]
    assert found["users"].tolist() == [2, 1, 1, 1, 0]
    assert found["newcomers"].tolist() == [1, 0, 0, 0, 0]
    assert found.loc["awareness", ["came_in", "went_out", "net"]].tolist() == [1, 2, -1]
    assert found.loc["awareness", "advance_rate"] == pytest.approx(2 / 3)
    assert pd.isna(found.loc["loyalty", "advance_rate"])
    assert pd.isna(found.loc["purchase", "advance_rate"])  # nobody was there


def test_edge_cases_are_sentences():
    alone = stages.stage_flows(EVENTS, start="2025-01-02", as_of="2025-02-20")
    assert alone["stage"].tolist() == ["awareness", "interest", "asleep"]  # no orders: purchase and loyalty are not known
    assert stages.stages(users=USERS)["stage"].tolist() == ["awareness"] * 3  # signups without events
    assert stages.stages(EVENTS, ORDERS.head(0), as_of="2025-02-20")["stage"].isin(["purchase", "loyalty"]).sum() == 0
    with pytest.raises(MissingTable, match="no events table"):
        stages.stages()
    with pytest.raises(NotMeasured, match="of one kind"):
        stages.stages(EVENTS[EVENTS["event"] == "home"])
    with pytest.raises(NotMeasured, match="no user is known yet"):
        stages.stages(EVENTS, as_of="2024-01-01")
    with pytest.raises(ParameterError, match="is not before as_of"):
        stages.stage_flows(EVENTS, start="2025-06-01", as_of="2025-05-01")
    with pytest.raises(ParameterError, match="window_days = 0"):
        stages.stages(EVENTS, window_days=0)
    with pytest.raises(InputError, match="users: no column 'signup_ts'"):
        stages.stages(users=USERS[["user_id"]])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 200), st.sampled_from(["home", "product", "order"])), min_size=1, max_size=40),
       st.integers(1, 120), st.integers(1, 90), st.integers(0, 90))
def test_flows_balance_and_stages_are_what_the_slow_way_says(rows, window, before, more):
    events = table(("z", 0, "home"), ("z", 0, "home"), *(row for row in rows if row[2] != "order"), ("y", 0, "product"), event=0)
    orders = pd.DataFrame({"user_id": [row[0] for row in rows if row[2] == "order"], "amount": 1.0,
                           "ts": [START + pd.Timedelta(days=row[1]) for row in rows if row[2] == "order"]})
    orders["ts"] = pd.to_datetime(orders["ts"])
    start, as_of = START + pd.Timedelta(days=before), START + pd.Timedelta(days=before + more + 1)
    asked = {"interest": ["product"], "window_days": window}
    found = stages.stages(events, orders, as_of=as_of, **asked)
    until = before + more + 1
    for row in found.itertuples():
        own = [(day, what) for user, day, what in [*rows, ("z", 0, "home"), ("y", 0, "product")] if user == row.user_id and day <= until]
        recent = [(day, what) for day, what in own if day > until - window]
        bought = sorted({day for day, what in own if what == "order"})
        expected = ("loyalty" if len(bought) > 1 and bought[-1] > until - window else "purchase" if any(what == "order" for _, what in recent)
                    else "interest" if any(what == "product" for _, what in recent) else "awareness" if recent else "asleep")
        assert row.stage == expected
    flows = stages.stage_flows(events, orders, start=start, as_of=as_of, **asked)
    assert (flows["users"] == flows["users_before"] + flows["came_in"] - flows["went_out"]).all()
    assert flows["users"].sum() == len(found)
    assert flows["newcomers"].sum() == len(found) - flows["users_before"].sum()
    assert (flows["came_in"] - flows["newcomers"]).sum() == flows["went_out"].sum()
