"""Funnels against hand counts, and against a second implementation: plain Python over one user's list."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import funnel
from opsnb.tables.histories import histories
from tests.measures.logs import in_blocks, units_of

DAY = pd.Timestamp("2025-06-18")
EVENTS, DEVICES = ["home", "cart", "payment", "help"], ["ios", "web", None]


def rows(*lines):
    """("user", "2D 3:00" after DAY, "event", further columns...)"""
    frame = pd.DataFrame(lines, columns=["user_id", "ts", "event", "device", "session_id"][:len(lines[0])])
    return frame.assign(ts=[DAY + pd.Timedelta(ts) for ts in frame["ts"]])


# The slow and obvious way ----------------------------------------------------------------------------------------------------

def reached_from(history, start, steps, window):
    """How many steps an attempt from this index of one unit's list of (ts, event, device) reaches."""
    place = start
    for number, step in enumerate(steps[1:], start=1):
        later = [i for i in range(place + 1, len(history)) if history[i][1] == step]
        if not later or (window is not None and history[later[0]][0] - history[start][0] > window):
            return number
        place = later[0]
    return len(steps)


def histories_of(frame, unit):
    """One list a unit, of (ts, event, device)."""
    return [[(row.ts, row.event, None if pd.isna(row.device) else row.device) for row in rows] for rows in units_of(frame, unit).values()]


def attempts_of(history, steps, window):
    return [(i, reached_from(history, i, steps, window)) for i, row in enumerate(history) if row[1] == steps[0]]


def slow_conversion(frame, steps, window_days, unit, by):
    window = None if window_days is None else pd.Timedelta(days=window_days)
    users = {}
    for history in histories_of(frame, unit):
        found = attempts_of(history, steps, window)
        if found:
            start, depth = max(found, key=lambda attempt: attempt[1])  # the first of the best
            reached = users.setdefault(history[start][2] if by else "all", [0] * len(steps))
            for step in range(depth):
                reached[step] += 1
    return users if by or users else {"all": [0] * len(steps)}


def slow_trend(frame, steps, window_days, unit, as_of):
    window, end = pd.Timedelta(days=window_days), pd.Timestamp(as_of) + pd.Timedelta(days=1)
    counted = {}
    for history in histories_of(frame, unit):
        entries = {}
        for start, depth in attempts_of(history, steps, window):
            day = history[start][0].normalize()
            key = day if unit == "user" else "once"
            if history[start][0] + window < end and (key not in entries or depth > entries[key][1]):
                entries[key] = (day, depth)
        for day, depth in entries.values():
            for step in range(1, len(steps)):
                entered, converted = counted.get((day, step), (0, 0))
                counted[day, step] = (entered + (depth >= step), converted + (depth > step))
    return counted


# Random histories: few users and few distinct times, so that ties, repeats and window edges are common --------------------------

MOMENTS = [0, 1, 29 * 60_000_000, 30 * 60_000_000, 30 * 60_000_000 + 1, 60 * 60_000_000, 23 * 3600_000_000,
           24 * 3600_000_000 - 1, 24 * 3600_000_000, 24 * 3600_000_000 + 1, 48 * 3600_000_000, 49 * 3600_000_000]
LINES = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(MOMENTS), st.sampled_from(EVENTS),
                           st.sampled_from(DEVICES), st.sampled_from(["s1", "s2", None])), max_size=25)
STEPS = st.lists(st.sampled_from(EVENTS), min_size=1, max_size=4)


def frame_of(lines, named_sessions):
    frame = pd.DataFrame(lines, columns=["user_id", "ts", "event", "device", "session_id"]).astype({"device": object, "session_id": object})
    # every event and a silent user, so that all steps occur and someone never starts
    extra = pd.DataFrame({"user_id": [f"z{i}" for i in range(4)], "ts": [0] * 4, "event": EVENTS, "device": "ios", "session_id": "s9"})
    frame = pd.concat([frame, extra], ignore_index=True)
    frame["ts"] = DAY + pd.to_timedelta(frame["ts"], unit="us")
    return frame if named_sessions else frame.drop(columns="session_id")


@settings(max_examples=200, deadline=None)
@given(LINES, STEPS, st.sampled_from([None, 1, 1 / 48, 2]), st.sampled_from(["user", "session"]), st.booleans(), st.booleans())
def test_conversion_is_what_the_slow_way_counts(lines, steps, window_days, unit, by, named_sessions):
    frame = frame_of(lines, named_sessions)
    found = funnel.step_conversion(frame, steps, window_days=window_days, unit=unit, by="device" if by else None)
    expected = slow_conversion(frame, steps, window_days, unit, by)
    keys = [None if pd.isna(value) else value for value in found["device"]] if by else ["all"] * len(found)
    counted = {}
    for key, users in zip(keys, found["users"], strict=True):
        counted.setdefault(key, []).append(users)
    assert counted == expected


@settings(max_examples=100, deadline=None)
@given(LINES, STEPS.filter(lambda steps: len(steps) > 1), st.sampled_from([1, 1 / 48]), st.sampled_from(["user", "session"]),
       st.sampled_from(["2025-06-18", "2025-06-19", "2025-06-20"]))
def test_trend_is_what_the_slow_way_counts(lines, steps, window_days, unit, as_of):
    frame = frame_of(lines, named_sessions=False)
    found = funnel.step_trend(frame, steps, window_days=window_days, unit=unit, as_of=as_of)
    kept = frame[frame["ts"] < pd.Timestamp(as_of) + pd.Timedelta(days=1)]
    expected = slow_trend(kept, steps, window_days, unit, as_of)
    places = found.groupby("period_start").cumcount() + 1
    keys = zip(found["period_start"], places, strict=True)
    assert dict(zip(keys, zip(found["entered"], found["converted"], strict=True), strict=True)) == expected


@settings(max_examples=40, deadline=None)
@given(LINES, STEPS, st.sampled_from([None, 1]), st.sampled_from(["user", "session"]), st.integers(1, 3))
def test_small_blocks_and_an_arrow_table_give_what_the_frame_gives(lines, steps, window_days, unit, block_rows):
    import pyarrow as pa

    frame = frame_of(lines, named_sessions=True)
    whole = funnel.step_conversion(frame, steps, window_days=window_days, unit=unit, by="device")
    table = in_blocks(frame, block_rows)
    assert len(list(table.blocks())) > 1
    pd.testing.assert_frame_equal(funnel.step_conversion(table, steps, window_days=window_days, unit=unit, by="device"), whole)
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    pd.testing.assert_frame_equal(funnel.step_conversion(arrow, steps, window_days=window_days, unit=unit, by="device"), whole)
    assert funnel.proposed_steps(table) == funnel.proposed_steps(frame)


# By hand ---------------------------------------------------------------------------------------------------------------------

def test_counts_and_rates_by_hand():
    events = rows(("a", "0h", "home"), ("a", "1h", "cart"), ("a", "2h", "payment"), ("b", "0h", "home"), ("b", "1h", "cart"),
                  ("c", "0h", "home"), ("c", "1h", "payment"), ("d", "0h", "cart"))
    found = funnel.step_conversion(events, ["home", "cart", "payment"])
    assert found["users"].tolist() == [3, 2, 1]  # d never came home; c skipped the cart
    np.testing.assert_allclose(found["step_conversion"], [1, 2 / 3, 1 / 2])
    np.testing.assert_allclose(found["conversion"], [1, 2 / 3, 1 / 3])
    assert (found["low"][1:] < found["step_conversion"][1:]).all()
    assert (found["high"][1:] > found["step_conversion"][1:]).all()


def test_the_window_ends_after_its_last_microsecond():
    events = rows(("a", "0h", "home"), ("a", "24h", "cart"), ("b", "0h", "home"), ("b", "24h 0.000001s", "cart"))
    assert funnel.step_conversion(events, ["home", "cart"], window_days=1)["users"].tolist() == [2, 1]


def test_a_later_start_succeeds_where_the_first_one_ran_out_of_time_and_gives_the_breakdown():
    events = rows(("a", "0D", "home", "ios"), ("a", "9D", "home", "web"), ("a", "10D", "cart", "ios"))
    found = funnel.step_conversion(events, ["home", "cart"], window_days=7, by="device")
    assert found[["device", "step", "users"]].values.tolist() == [["web", "home", 1], ["web", "cart", 1]]
    # without a window both starts reach the cart: the first one counts
    assert funnel.step_conversion(events, ["home", "cart"], by="device")["device"].tolist() == ["ios", "ios"]


def test_ties_keep_the_files_order():
    later_in_file = rows(("a", "0h", "home"), ("a", "0h", "cart"))
    assert funnel.step_conversion(later_in_file, ["home", "cart"])["users"].tolist() == [1, 1]
    assert funnel.step_conversion(later_in_file[::-1], ["home", "cart"])["users"].tolist() == [1, 0]


@pytest.mark.parametrize(("lines", "steps", "ours", "theirs"), [
    ([("a", "10h", "home"), ("a", "11h 30min", "home"), ("a", "12h", "cart")], ["home", "cart"], 1, ("Mixpanel", 0)),  # from 11:30, not 10:00
    ([("a", "0.2s", "cart"), ("a", "0.8s", "home")], ["home", "cart"], 0, ("Amplitude", 1)),  # either order within a second
    ([("a", "0.2s", "home"), ("a", "0.8s", "home")], ["home", "home"], 1, ("Amplitude", 0)),  # one event of a kind in a second
    ([("a", "0s", "cart"), ("a", "0s", "home")], ["home", "cart"], 0, ("ClickHouse", 1)),  # ties in the order of the steps
    ([("a", "0s", "home")], ["home", "home"], 0, ("ClickHouse", 1)),  # one row for two steps
])
def test_where_other_tools_count_otherwise_ours_is_as_documented(lines, steps, ours, theirs):
    window_days = 1 / 24
    found = funnel.step_conversion(rows(*lines), steps, window_days=window_days)["users"].tolist()
    assert found == [1, ours]
    assert ours != theirs[1]
    if theirs[0] == "ClickHouse":  # as run, where chDB is installed
        chdb = pytest.importorskip("chdb", reason="chDB is not installed: its number is the one that it once gave")
        matches = ", ".join(f"event = '{step}'" for step in steps)
        values = ", ".join(f"({int(pd.Timedelta(ts) / pd.Timedelta('1us'))}, '{event}')" for _, ts, event in lines)
        query = f"SELECT windowFunnel(3600000000)(ts, {matches}) FROM values('ts UInt64, event String', {values})"
        assert int(str(chdb.query(query, "CSV"))) == 1 + theirs[1]


def test_a_repeated_step_needs_a_row_of_its_own_and_gets_a_name_of_its_own():
    events = rows(("a", "0h", "home"), ("a", "1h", "cart"), ("a", "2h", "home"), ("b", "0h", "home"), ("b", "1h", "cart"))
    found = funnel.step_conversion(events, ["home", "cart", "home"])
    assert found["step"].tolist() == ["home", "cart", "home (2)"]
    assert found["users"].tolist() == [2, 2, 1]


def test_sessions_run_over_midnight_and_belong_to_the_day_of_their_first_step():
    events = rows(("a", "23h 50min", "home"), ("a", "24h 10min", "cart"), ("a", "24h 41min", "payment"))
    steps = ["home", "cart", "payment"]
    assert funnel.step_conversion(events, steps, unit="session")["users"].tolist() == [1, 1, 0]  # 31 minutes on: another visit
    trend = funnel.step_trend(events, steps)
    assert trend.values.tolist() == [[DAY, "cart", 1, 1], [DAY, "payment", 1, 0]]


def test_interleaved_named_sessions_are_told_apart():
    events = rows(("a", "0min", "home", "ios", "s1"), ("a", "1min", "home", "web", "s2"), ("a", "2min", "cart", "ios", "s1"),
                  ("a", "3min", "help", "web", "s2"))
    found = funnel.step_conversion(events, ["home", "cart"], unit="session", by="device")
    assert found[["device", "users"]].values.tolist() == [["ios", 1], ["ios", 1], ["web", 1], ["web", 0]]


def test_start_and_as_of_are_the_first_and_last_day_included():
    events = rows(("a", "0D", "home"), ("a", "1D 23:59:59.999999", "cart"), ("b", "1D", "home"), ("b", "2D", "cart"))
    assert funnel.step_conversion(events, ["home", "cart"], as_of="2025-06-19")["users"].tolist() == [2, 1]
    assert funnel.step_conversion(events, ["home", "cart"], start=pd.Timestamp("2025-06-19"))["users"].tolist() == [1, 1]
    nothing = funnel.step_conversion(events, ["home", "cart"], as_of="2025-06-17")
    assert nothing["users"].tolist() == [0, 0]
    assert nothing[["step_conversion", "conversion", "low", "high"]].isna().all(axis=None)  # 0 of 0 is null, not 0


def test_trend_leaves_out_attempts_whose_window_is_still_open():
    events = rows(("a", "0D", "home"), ("a", "1D", "cart"), ("b", "6D", "home"))
    trend = funnel.step_trend(events, ["home", "cart"], unit="user", window_days=3)
    assert trend[["period_start", "entered", "converted"]].values.tolist() == [[DAY, 1, 1]]


def test_trend_by_week_month_and_two_columns():
    events = rows(("a", "0D", "home", "ios"), ("a", "0D 0:01:00", "cart", "ios"), ("b", "20D", "home", None))
    weekly = funnel.step_trend(events, ["home", "cart"], period="week", by=["device", "event"])
    assert weekly["period_start"].dt.strftime("%F %a").tolist() == ["2025-06-16 Mon", "2025-07-07 Mon"]
    assert weekly["device"].tolist()[0] == "ios"
    assert pd.isna(weekly["device"].tolist()[1])
    assert weekly["event"].tolist() == ["home", "home"]
    monthly = funnel.step_trend(events, ["home", "cart"], period="month")
    assert monthly["period_start"].dt.strftime("%F").tolist() == ["2025-06-01", "2025-07-01"]


def test_what_cannot_be_asked_is_a_sentence():
    events = rows(("a", "0h", "home", "ios"), ("a", "1h", "checkout", "ios"))
    with pytest.raises(InputError, match=r"event 'chekout' does not occur; allowed: checkout, home .did you mean 'checkout'"):
        funnel.step_conversion(events, ["home", "chekout"])
    with pytest.raises(InputError, match=r"no column 'devise'.*did you mean 'device'"):
        funnel.step_conversion(events, ["home"], by="devise")
    with pytest.raises(InputError, match="event 'home' does not occur"):
        funnel.step_conversion(events[:0], ["home"])
    with pytest.raises(InputError, match="no rows"):
        funnel.proposed_steps(events[:0])
    for options, sentence in (({"window_days": 0}, "window_days must be more than 0"), ({"unit": "users"}, "did you mean 'user'"),
                              ({"start": "2025-06-20", "as_of": "2025-06-18"}, "lies after"), ({"as_of": "18/6/2025"}, "is not a day")):
        with pytest.raises(ParameterError, match=sentence):
            funnel.step_conversion(events, ["home"], **options)
    for steps in ([], "home"):
        with pytest.raises(ParameterError, match="steps must be a list"):
            funnel.step_conversion(events, steps)
    with pytest.raises(ParameterError, match="needs window_days"):
        funnel.step_trend(events, ["home", "checkout"], unit="user")
    with pytest.raises(NotMeasured, match="at least two steps"):  # a page says so and goes on
        funnel.step_trend(events, ["home"])
    with pytest.raises(ParameterError, match="also the name of a column"):
        funnel.step_conversion(events.rename(columns={"device": "step"}), ["home"], by="step")


def test_an_empty_table_and_one_without_anybody_at_the_first_step():
    events = rows(("a", "0h", "home"), ("b", "0h", "cart"))
    none = histories(events[:0])
    assert len(none) == 0
    with pytest.raises(InputError, match="event 'home' does not occur"):
        funnel.step_conversion(none, ["home", "cart"])
    for options in ({}, {"window_days": 1}, {"unit": "session"}, {"order": "any", "window_days": 1}, {"without": "cart", "window_days": 1}):
        found = funnel.step_conversion(events, ["home", "cart"], start="2025-06-19", **options)
        assert found["users"].tolist() == [0, 0]
    assert funnel.step_trend(events, ["home", "cart"], start="2025-06-19").empty


def test_one_user_with_a_million_events():
    """home 999,998 times, a second apart, then cart, then pay an hour later: the attempt that is followed is the first still in time."""
    count = 1_000_000
    seconds = np.r_[np.arange(count - 1), count - 2 + 3600]
    events = pd.DataFrame({"user_id": "a", "event": pd.Categorical(["home"] * (count - 2) + ["cart", "pay"]),
                           "ts": DAY + pd.to_timedelta(seconds, unit="s")})
    table = histories(events)
    found = funnel.step_conversion(table, ["home", "cart", "pay"], window_days=1 / 24 + 10 / 86_400)
    assert found["users"].tolist() == [1, 1, 1]
    # the window is 3,610 s; pay comes at 1,003,598 s, so the first start in time is at 999,988 s, 10 s before the cart
    np.testing.assert_allclose(found["median_minutes"] * 60, [0, 10, 3610])
    assert funnel.step_conversion(table, ["home", "cart", "pay"], window_days=1 / 24)["users"].tolist() == [1, 1, 0]
    started = funnel.users_at(table, ["home", "cart"], "cart", window_minutes=1)["start"]
    assert started.tolist() == [DAY + pd.Timedelta(seconds=count - 2 - 60)]


def test_proposed_steps_are_the_order_that_leads_to_the_goal():
    good = [("home", "search", "cart", "pay_now")] * 4 + [("search", "home", "cart", "help", "pay_now"), ("home", "help")]
    events = rows(*[(f"u{user}", f"{place}min", event) for user, visit in enumerate(good) for place, event in enumerate(visit)])
    assert funnel.proposed_steps(events) == ["home", "search", "cart", "pay_now"]  # help came before 1 of 5
    assert funnel.proposed_steps(events, last="cart") == ["home", "search", "cart"]
    assert funnel.proposed_steps(events.replace("pay_now", "fin"))[-1] == "fin"  # no name gives it away: the last of all
    many = rows(*[("u", f"{place}min", f"page {place}") for place in range(12)], ("u", "13min", "purchase"))
    assert len(funnel.proposed_steps(many)) == 7


def test_a_step_that_many_buyers_skip_is_not_proposed():
    full, short = ("home", "reviews", "cart", "payment"), ("home", "cart", "payment")

    def world(*visits):
        return rows(*[(f"u{user}", f"{place}min", event) for user, visit in enumerate(visits) for place, event in enumerate(visit)])

    assert funnel.proposed_steps(world(*[full] * 6, *[short] * 4)) == ["home", "cart", "payment"]  # 6 of 10 buyers saw reviews
    assert funnel.proposed_steps(world(*[full] * 7, *[short] * 3)) == list(full)  # 7 of 10
    none_common = world(("a", "payment"), ("a", "payment"), ("b", "payment"))  # 2 of 3 did a: under 70%, yet a path needs two steps
    assert funnel.proposed_steps(none_common) == ["a", "payment"]


def test_proposals_that_cannot_be_made_say_why():
    events = rows(("u", "0min", "home"))
    with pytest.raises(InputError, match="does not occur"):
        funnel.proposed_steps(events, last="refund")
