"""Some visits as if there were no others, against a slow way that asks one visit after the other."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsnb.errors import InputError
from opsnb.measures import funnel, subset
from opsnb.tables.histories import histories

DAY = pd.Timestamp("2025-06-18")


def log(rows, **more):
    """(user, minute, event, device) each."""
    frame = pd.DataFrame(rows, columns=["user_id", "minute", "event", "device"])
    return frame.assign(ts=DAY + pd.to_timedelta(frame.pop("minute"), unit="min"), **more)


def kept(table):
    return [(row.user_id, int((row.ts - DAY).total_seconds() // 60), row.event) for row in table.to_pandas().itertuples()]


def test_a_visit_stays_whole_if_one_of_its_events_has_the_value():
    # a: one visit that ends on ios (kept whole), one 31 minutes later on web (not); b: no device is known
    events = log([("a", 0, "home", None), ("a", 5, "cart", "ios"), ("a", 36, "home", "web"), ("b", 0, "home", None)])
    assert kept(subset.visits_with(events, {"device": ["ios"]})) == [("a", 0, "home"), ("a", 5, "cart")]
    assert kept(subset.visits_with(events, {"device": ["ios", "web"]})) == [("a", 0, "home"), ("a", 5, "cart"), ("a", 36, "home")]
    assert kept(subset.visits_with(events, {"device": ["(missing)"]})) == [("a", 0, "home"), ("a", 5, "cart"), ("b", 0, "home")]
    assert kept(subset.visits_with(events, {"device": ["ios"], "event": ["pay"]} | {"event": ["cart"]})) == [("a", 0, "home"), ("a", 5, "cart")]
    assert kept(subset.visits_with(events, {"device": ["web"], "event": ["cart"]})) == []


def test_a_session_id_says_what_a_visit_is_even_where_visits_overlap():
    events = log([("a", 0, "home", "ios"), ("a", 1, "home", "web"), ("a", 90, "cart", None)]).assign(session_id=["s", "t", "s"])
    assert kept(subset.visits_with(events, {"device": ["ios"]})) == [("a", 0, "home"), ("a", 90, "cart")]


@pytest.mark.parametrize(("where", "said"), [({"device": ["tv"]}, "device is never 'tv'; allowed: ios, web"), ({"shop": ["x"]}, "no column 'shop'"),
                                             ({"price": ["1"]}, "holds numbers, not labels")])
def test_what_the_events_do_not_have_is_named(where, said):
    events = log([("a", 0, "home", "ios"), ("a", 1, "home", "web")], price=1.5)
    with pytest.raises(InputError, match=said):
        subset.visits_with(events, where)


rows = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 200), st.sampled_from(["home", "cart", "pay"]), st.sampled_from(["ios", "web", None])),
                min_size=1, max_size=25)


def slow(events, values):
    found = []
    for _user, own in events.sort_values("ts", kind="stable").groupby("user_id"):
        visit, last = [], None
        for row in [*own.itertuples(), None]:
            if row is None or (last is not None and row.ts - last > pd.Timedelta(minutes=30)):
                if any(one.device in values for one in visit):
                    found += [(one.user_id, int((one.ts - DAY).total_seconds() // 60), one.event) for one in visit]
                visit = []
            if row is not None:
                visit.append(row)
                last = row.ts
    return found


@given(rows)
def test_the_visits_are_those_that_the_slow_way_keeps_and_measures_take_them(lines):
    lines = [*lines, ("z", 0, "home", "ios")]  # so that the value is known
    events = log(lines)
    part = subset.visits_with(events, {"device": ["ios"]})
    expected = slow(events.assign(device=events["device"].where(events["device"].notna(), None)), {"ios"})
    assert sorted(kept(part)) == sorted(expected)
    again = pd.DataFrame(expected, columns=["user_id", "minute", "event"])
    again = again.assign(ts=DAY + pd.to_timedelta(again.pop("minute"), unit="min"), device="x")
    steps = [step for step in ("home", "cart", "pay") if (again["event"] == step).any()]
    pd.testing.assert_frame_equal(funnel.step_conversion(part, steps), funnel.step_conversion(again, steps))


def test_the_rows_of_some_users():
    table = histories(log([("a", 0, "home", "ios"), ("b", 0, "home", "ios"), ("b", 1, "cart", None), ("c", 0, "pay", "ios")]))
    part = subset.of_users(table, np.array(["b", "x"], object))
    assert kept(part) == [("b", 0, "home"), ("b", 1, "cart")]
    assert subset.users_in(part).tolist() == ["b"]
    assert kept(subset.of_users(table, np.empty(0, object))) == []
