"""Matrices and loops by hand, and against plain Python over one unit's list."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import flows
from tests.measures.logs import in_blocks, units_of

DAY = pd.Timestamp("2025-06-18")
MINUTE = 60_000_000
EVENTS = ["home", "cart", "help", "pay"]
LINES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0, 1, 10 * MINUTE, 40 * MINUTE, 41 * MINUTE, 100 * MINUTE]),
                           st.sampled_from([*EVENTS, None]), st.sampled_from(["s1", "s2", None])), max_size=30)


def histories_of(frame, unit):
    """Lists of (ts, event), one a user or visit with an event."""
    named = ([(row.ts, row.event) for row in rows if not pd.isna(row.event)] for rows in units_of(frame, unit).values())
    return [history for history in named if history]


def rows(*lines):
    """("user", minute, "event")"""
    frame = pd.DataFrame(lines, columns=["user_id", "minute", "event"])
    return frame.assign(ts=DAY + pd.to_timedelta(frame.pop("minute"), unit="min"))


def frame_of(lines, named):
    frame = pd.DataFrame(lines, columns=["user_id", "ts", "event", "session_id"]).astype({"event": object, "session_id": object})
    extra = pd.DataFrame({"user_id": "z", "ts": range(4), "event": EVENTS, "session_id": "s9"})  # all events occur
    frame = pd.concat([frame, extra], ignore_index=True)
    frame["ts"] = DAY + pd.to_timedelta(frame["ts"], unit="us")
    return frame if named else frame.drop(columns="session_id")


@settings(max_examples=150, deadline=None)
@given(LINES, st.sampled_from(["user", "session"]), st.booleans(), st.sampled_from([None, "cart"]), st.integers(1, 5))
def test_step_matrix_is_what_the_slow_way_counts(lines, unit, named, around, block_rows):
    frame = frame_of(lines, named)
    expected, total = Counter(), 0
    for history in histories_of(frame, unit):
        names = [event for _, event in history]
        if around is not None and around not in names:
            continue
        total += 1
        for position in range(1, 4) if around is None else range(-2, 4):
            place = position - 1 if around is None else names.index(around) + position
            expected[position, "(start)" if place < 0 else "(end)" if place >= len(names) else names[place]] += 1
    for events in (frame, in_blocks(frame, block_rows)):
        found = flows.step_matrix(events, around=around, before=2, after=3, unit=unit)
        assert dict(zip(zip(found["position"], found["event"], strict=True), found["users"], strict=True)) == expected
        np.testing.assert_allclose(found["share"], found["users"] / total)
        np.testing.assert_allclose(found.groupby("position")["share"].sum(), 1)


@settings(max_examples=150, deadline=None)
@given(LINES, st.sampled_from(["user", "session"]), st.booleans(), st.integers(1, 5))
def test_transitions_are_what_the_slow_way_counts(lines, unit, named, block_rows):
    frame = frame_of(lines, named)
    expected = Counter()
    for history in histories_of(frame, unit):
        names = ["(start)", *(event for _, event in history), "(end)"]
        expected.update(pairwise(names))
    for events in (frame, in_blocks(frame, block_rows)):
        found = flows.transitions(events, unit=unit)
        assert dict(zip(zip(found["event"], found["next_event"], strict=True), found["times"], strict=True)) == expected
        np.testing.assert_allclose(found.groupby("event")["share"].sum(), 1)


@settings(max_examples=40, deadline=None)
@given(LINES, st.sampled_from(["user", "session"]), st.integers(1, 5))
def test_removal_is_what_iterating_the_chain_loses(lines, unit, block_rows):
    frame = frame_of(lines, named=False)
    paths = [[event for _, event in history] for history in histories_of(frame, unit)]
    cut = [path[:path.index("pay") + 1] if "pay" in path else path for path in paths]
    steps = Counter(pair for path in cut for pair in zip(["start", *path], [*path, "end"], strict=True) if pair[0] != "pay")
    leaving = Counter()
    for (source, _), times in steps.items():
        leaving[source] += times

    def reaches(without):
        chance = dict.fromkeys([*leaving], 0.0) | {"pay": 1.0, "end": 0.0}
        for _ in range(3000):
            for source in leaving:
                chance[source] = 0.0 if source == without else sum(
                    times / leaving[source] * chance[target] for (origin, target), times in steps.items() if origin == source)
        return chance["start"]

    found = flows.removal_effects(in_blocks(frame, block_rows), goal="pay", unit=unit)
    pd.testing.assert_frame_equal(found, flows.removal_effects(frame, goal="pay", unit=unit))
    np.testing.assert_allclose(found["conversion"], sum("pay" in path for path in paths) / len(paths))  # the chain keeps the true rate
    assert dict(zip(found["event"], found["times"], strict=True)) == {event: n for event, n in leaving.items() if event != "start"}
    for row in found.itertuples():
        assert row.conversion_without == pytest.approx(reaches(row.event), abs=1e-6)
        assert row.removal_effect == pytest.approx(1 - reaches(row.event) / row.conversion, abs=1e-6)


@settings(max_examples=150, deadline=None)
@given(LINES, st.booleans(), st.integers(1, 5))
def test_loop_time_is_what_the_slow_way_sums(lines, named, block_rows):
    frame = frame_of(lines, named)
    minutes, times, visits, whole = Counter(), Counter(), Counter(), 0.0
    for history in histories_of(frame, "session"):
        done, here = set(), set()
        for place, (ts, event) in enumerate(history):
            if place:
                spent = (ts - history[place - 1][0]) / pd.Timedelta("1min")
                whole += spent
                if event in done:
                    pair = event, history[place - 1][1]
                    minutes[pair] += spent
                    times[pair] += 1
                    here.add(pair)
            done.add(event)
        visits.update(here)
    for events in (frame, in_blocks(frame, block_rows)):
        found = flows.loop_time(events)
        keys = list(zip(found["event"], found["came_from"], strict=True))
        assert dict(zip(keys, found["times"], strict=True)) == times
        assert dict(zip(keys, found["visits"], strict=True)) == visits
        np.testing.assert_allclose(found["minutes"], [minutes[key] for key in keys])
        np.testing.assert_allclose(found["share"], [minutes[key] / whole if whole else np.nan for key in keys])


# By hand ---------------------------------------------------------------------------------------------------------------------

def test_removal_by_hand():
    # start -> home 3 of 4, help 1 of 4; home -> pay 2 of 3; help -> pay: 3 of 4 reach pay
    events = rows(("a", 0, "home"), ("a", 1, "pay"), ("b", 0, "home"), ("b", 1, "pay"), ("c", 0, "home"), ("d", 0, "help"), ("d", 1, "pay"),
                  ("d", 2, "home"))
    found = flows.removal_effects(events, goal="pay").set_index("event")
    assert found["conversion"].tolist() == pytest.approx([3 / 4, 3 / 4])
    assert found["conversion_without"].to_dict() == pytest.approx({"home": 1 / 4, "help": 2 / 4})
    assert found["removal_effect"].to_dict() == pytest.approx({"home": 2 / 3, "help": 1 / 3})
    assert found["times"].to_dict() == {"home": 3, "help": 1}  # d came home after paying


def test_before_and_after_an_event_by_hand():
    events = rows(("a", 0, "home"), ("a", 1, "cart"), ("a", 2, "help"), ("b", 0, "cart"), ("b", 1, "cart"), ("c", 0, "home"))
    found = flows.step_matrix(events, around="cart", before=1, after=1)  # c never saw the cart
    assert found[["position", "event", "users", "share"]].values.tolist() == [
        [-1, "(start)", 1, 0.5], [-1, "home", 1, 0.5], [0, "cart", 2, 1.0], [1, "cart", 1, 0.5], [1, "help", 1, 0.5]]


def test_circles_by_hand():
    # cart 0 -> help 2 -> cart 5 (3 min back) -> cart 6 (1 min on the spot) -> pay 10: 4 of 10 minutes
    found = flows.loop_time(rows(("a", 0, "cart"), ("a", 2, "help"), ("a", 5, "cart"), ("a", 6, "cart"), ("a", 10, "pay")))
    assert found.values.tolist() == [["cart", "help", 1, 1, 3.0, 0.3], ["cart", "cart", 1, 1, 1.0, 0.1]]


def test_a_period_keeps_its_days():
    events = rows(("a", 0, "home"), ("b", 1440, "cart"), ("c", 2880, "pay"))
    found = flows.transitions(events, start="2025-06-19", as_of="2025-06-19")
    assert found[["event", "next_event"]].values.tolist() == [["(start)", "cart"], ["cart", "(end)"]]


def test_nobody_goes_nowhere():
    nobody = pd.DataFrame({"user_id": [], "ts": pd.to_datetime([]), "event": []})
    assert flows.step_matrix(nobody).empty
    assert flows.transitions(nobody).empty
    assert flows.loop_time(nobody).empty
    somebody = rows(("a", 0, "home"), ("a", 1, "pay"))
    assert flows.transitions(somebody, as_of="2025-01-01").empty
    assert flows.loop_time(somebody, as_of="2025-01-01").empty
    assert flows.step_matrix(somebody, as_of="2025-01-01").empty
    with pytest.raises(NotMeasured, match="nobody reached the goal pay"):
        flows.removal_effects(somebody, goal="pay", as_of="2025-01-01")


def test_what_cannot_be_asked():
    events = rows(("a", 0, "home"), ("a", 1, "pay"))
    with pytest.raises(InputError, match=r"event 'hom' does not occur.*did you mean 'home'"):
        flows.step_matrix(events, around="hom")
    with pytest.raises(ParameterError, match="numbers of positions"):
        flows.step_matrix(events, after=0)
    with pytest.raises(ParameterError, match="unit 'visit' is not one"):
        flows.transitions(events, unit="visit")
    many = pd.DataFrame({"user_id": "a", "event": [f"e{number}" for number in range(2001)], "ts": DAY})
    with pytest.raises(ParameterError, match="up to 2,000 events, there are 2,001"):
        flows.removal_effects(many, goal="e1")
    assert len(flows.transitions(many)) == 2002
