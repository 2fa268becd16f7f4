"""What a funnel can be asked besides the plain question: against plain Python over one unit's list, and against hand counts."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, ParameterError
from opsnb.measures import funnel
from tests.measures.logs import in_blocks

DAY = pd.Timestamp("2025-06-18")
EVENTS, PAGES = ["home", "cart", "payment", "help"], ["p1", "p2", None]
MINUTE = pd.Timedelta("1min")


# The slow and obvious way ----------------------------------------------------------------------------------------------------

def is_step(row, step):
    """row: dict of ts, event, page, amount; missing values are None."""
    if isinstance(step, str):
        return row["event"] == step
    if isinstance(step, list):
        return any(is_step(row, one) for one in step)
    allowed = {column: value if isinstance(value, list) else [value] for column, value in step.get("where", {}).items()}
    return is_step(row, step["event"]) and all(row[column] in values for column, values in allowed.items())


def is_optional(step):
    return isinstance(step, dict) and step.get("optional", False)


def attempt_from(history, start, steps, ask):
    """Indexes at which an attempt from this row does each step (None: it does not), or None where no attempt starts."""
    window, hold = ask["window"], ask["holding"]

    def usable(i, step):
        row = history[i]
        return (row["inside"] and is_step(row, steps[step]) and (window is None or row["ts"] - history[start]["ts"] <= window)
                and (hold is None or (row[hold] is not None and row[hold] == history[start][hold])))

    def banned(low, high, i, j):
        """Is there, strictly between the rows i and j, one that may not lie between the steps low and high?"""
        return any(first <= low and high <= last and any(is_step(history[k], event) for k in range(i + 1, j))
                   for event, first, last in ask["without"])

    required = [step for step in range(len(steps)) if not is_optional(steps[step])]
    at = [None] * len(steps)
    if ask["order"] == "any":
        if not any(usable(start, step) for step in required):
            return None
        so_far, end, used = True, start, set()
        for step in range(len(steps)):
            found = next((i for i in range(start, len(history)) if usable(i, step) and (i, bare(steps[step])) not in used), None)
            if found is not None:
                used.add((found, bare(steps[step])))
            fine = so_far and found is not None and not banned(0, len(steps) - 1, start, max(end, found))
            if fine:
                at[step] = found
            if step in required:
                so_far, end = fine, max(end, found) if fine else end
        return None if at[0] is None else at
    if not usable(start, 0):
        return None
    at[0], before = start, 0
    for step in required[1:]:
        def following(pos, wanted, low=before, high=step):
            places = range(pos + 1, pos + 2) if ask["order"] == "direct" else range(pos + 1, len(history))
            found = next((i for i in places if i < len(history) and usable(i, wanted)), None)
            return None if found is None or banned(low, high, at[low], found) else found

        pos = at[before]
        found = following(pos, step)
        for between in range(before + 1, step):
            aside = following(pos, between)
            if aside is not None and (found is None or (ask["order"] == "sequence" and aside < found)):
                at[between] = pos = aside
                if ask["order"] == "direct":
                    found = following(pos, step)
        if found is None:
            break
        at[step], before = found, step
    return at


def bare(step):
    """The step without its being optional: which rows it asks for."""
    return str((step["event"], step.get("where")) if isinstance(step, dict) and "where" in step else step["event"] if isinstance(step, dict) else step)


def lists(frame, in_visits):
    """(user, list of rows) per unit: the file's order decides ties; a visit is a session_id, or cut at 30 minutes without one."""
    out = {}
    for user, own in frame.sort_values("ts", kind="stable").groupby("user_id", sort=True):
        number, last = 0, None
        for place, row in enumerate(own.to_dict("records")):
            row = {key: None if pd.isna(value) else value for key, value in row.items()} | {"place": place}
            key = (user,)
            if in_visits and row.get("session_id") is not None:
                key = (user, "named", row["session_id"])
            elif in_visits:
                number += last is not None and row["ts"] - last > 30 * MINUTE
                last = row["ts"]
                key = (user, "cut", number)
            out.setdefault(key, []).append(row)
    return [(key[0], history) for key, history in out.items()]


def slow_entries(frame, steps, ask):
    """What is counted: (user, value, open, minutes to each step or None)."""
    required = [step for step in range(len(steps)) if not is_optional(steps[step])]
    found = []
    for number, (user, history) in enumerate(lists(frame, ask["within_session"] or ask["unit"] == "session")):
        tries = {}
        for start in range(len(history)):
            at = attempt_from(history, start, steps, ask)
            if at is not None:
                tries.setdefault(history[start][ask["holding"]] if ask["holding"] else None, []).append((start, at))
        for own in tries.values():
            allowed_from, allowed_after = -1, None
            for start, at in own:
                began = history[start]["ts"]
                depth = sum(at[step] is not None for step in required)
                still_open = ask["open_from"] is not None and began >= ask["open_from"]
                if ask["unit"] == "attempt":
                    if start <= allowed_from or (allowed_after is not None and began <= allowed_after):
                        continue
                    if depth == len(required):
                        allowed_from, allowed_after = max(at[step] for step in required), None
                    elif ask["window"] is None:
                        allowed_from = len(history)
                    else:
                        allowed_from, allowed_after = start, began + ask["window"]
                done = [i for i in at if i is not None]
                seen = {"first": at[0], "last": max(done)}.get(ask["by_at"], at[ask["by_at"] - 1] if isinstance(ask["by_at"], int) else None)
                value = "all" if ask["by"] is None else None if seen is None else history[seen][ask["by"]]
                minutes = [None if i is None else (history[i]["ts"] - began) / MINUTE for i in at]
                unit = {"user": user, "session": number, "attempt": (number, start)}[ask["unit"]]
                found.append((unit, not still_open, depth, history[start]["place"], user, value, minutes))
    best = {}
    for unit, closed, depth, _place, *rest in sorted(found, key=lambda one: one[3]):
        if unit not in best or (closed, depth) > best[unit][0]:
            best[unit] = (closed, depth), rest
    return [(user, value, not closed, minutes) for (closed, _), (user, value, minutes) in best.values()]


# Random histories: few users and few distinct times, so that ties, repeats and window edges are common --------------------------

MOMENTS = [0, 1, 10 * 60_000_000, 29 * 60_000_000, 30 * 60_000_000, 30 * 60_000_000 + 1, 60 * 60_000_000, 23 * 3600_000_000,
           24 * 3600_000_000 - 1, 24 * 3600_000_000, 24 * 3600_000_000 + 1, 48 * 3600_000_000, 49 * 3600_000_000]
LINES = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(MOMENTS), st.sampled_from(EVENTS), st.sampled_from(PAGES),
                           st.sampled_from([5.0, 7.0, None]), st.sampled_from(["s1", "s2", None])), max_size=25)
ONE = st.sampled_from(["home", "cart", "payment", "help", ["home", "cart"], ["payment", {"event": "cart", "where": {"page": "p1"}}],
                       {"event": "cart", "where": {"page": "p1"}}, {"event": "cart", "where": {"page": ["p2", None]}},
                       {"event": ["home", "help"], "where": {"amount": 5}}, {"event": "home", "where": {"amount": None, "page": "p1"}}])
BETWEEN = st.sampled_from(["home", "cart", "help", {"event": "payment", "optional": True}, {"event": "help", "optional": True},
                           {"event": "cart", "where": {"page": "p1"}, "optional": True}])
STEPS = st.tuples(ONE, st.lists(BETWEEN, max_size=3), ONE).map(lambda found: [found[0], *found[1], found[2]])
ASKED = st.fixed_dictionaries({
    "order": st.sampled_from(["sequence", "sequence", "any", "direct"]), "unit": st.sampled_from(["user", "session", "attempt"]),
    "within_session": st.booleans(), "window_minutes": st.sampled_from([None, 1440, 30, 2880]),
    "holding": st.sampled_from([None, None, "page", "amount"]), "by": st.sampled_from([None, "page", "amount"]),
    "by_at": st.sampled_from(["first", "last", 1, 2]), "as_of": st.sampled_from([None, "2025-06-18", "2025-06-19", "2025-06-20"]),
    "start": st.sampled_from([None, None, "2025-06-18"])})
WITHOUT = st.sampled_from([None, None, "help", ["help", "payment"], {"event": "cart", "where": {"page": "p1"}}, "between"])


def frame_of(lines, named_sessions):
    # every event, page and amount occurs, with users who do nothing else
    extra = [(f"z{i}", 0, event, page, 5.0, "s9") for i, (event, page) in enumerate(zip(EVENTS, ["p1", "p2", None, "p1"], strict=True))]
    frame = pd.DataFrame([*lines, *extra], columns=["user_id", "ts", "event", "page", "amount", "session_id"])
    frame = frame.astype({"page": object, "session_id": object, "amount": float})
    frame["ts"] = DAY + pd.to_timedelta(frame["ts"], unit="us")
    return frame if named_sessions else frame.drop(columns="session_id")


def clashes(frame, steps, holding):
    """Is there a row that could be two different steps? One without the property held matches none."""
    rows = [row for _, history in lists(frame, False) for row in history if row["inside"] and (holding is None or row[holding] is not None)]
    return any(len({bare(step) for step in steps if is_step(row, step)}) > 1 for row in rows)


@settings(max_examples=600, deadline=None)
@given(LINES, STEPS, ASKED, WITHOUT, st.booleans())
def test_every_question_is_answered_as_the_slow_way_does(lines, steps, options, without, named_sessions):
    frame = frame_of(lines, named_sessions)
    last = len(steps) - 1
    if without == "between":
        required = [step + 1 for step in range(len(steps)) if not is_optional(steps[step])]
        without = {"event": "help", "between": required[-2:]}
    if options["order"] == "direct" or (options["order"] == "any" and isinstance(without, dict) and "between" in without):
        without = None
    one_list = [without] if isinstance(without, (str, dict)) else without or []
    bans = [(event, *([place - 1 for place in event["between"]] if isinstance(event, dict) and "between" in event else [0, last]))
            for event in one_list]
    end = None if options["as_of"] is None else pd.Timestamp(options["as_of"]) + pd.Timedelta("1D")
    window = None if options["window_minutes"] is None else options["window_minutes"] * MINUTE
    ask = options | {"window": window, "without": bans, "open_from": None if end is None or window is None else end - window}
    frame["inside"] = True if end is None else frame["ts"] < end
    given_frame = frame.drop(columns="inside")
    if options["order"] == "any" and clashes(frame, steps, options["holding"]):
        with pytest.raises(ParameterError, match="order 'any' needs steps"):
            funnel.step_conversion(given_frame, steps, without=without, **options)
        return
    entries = slow_entries(frame, steps, ask)
    found = funnel.step_conversion(given_frame, steps, without=without, **options)
    values = [None if pd.isna(value) else value for value in found[options["by"]]] if options["by"] else ["all"] * len(found)
    names = list(dict.fromkeys(found["step"]))
    assert sorted(set(map(str, values))) == sorted({str(value) for _, value, *_ in entries} or ([] if options["by"] else ["all"]))
    before = [max((place for place in range(step) if not is_optional(steps[place])), default=0) for step in range(len(steps))]
    for place, (value, row) in enumerate(zip(values, found.itertuples(), strict=True)):
        step = place % len(steps)
        own = [(state, minutes) for _, shown, state, minutes in entries if shown == value]
        took = [minutes[step] for state, minutes in own if not state and minutes[step] is not None]
        entered = sum(not state and minutes[before[step]] is not None for state, minutes in own)
        assert (row.users, row.still_open, row.lost) == (
            len(took), sum(state and minutes[step] is not None for state, minutes in own), entered - len(took))
        np.testing.assert_allclose([row.median_minutes, row.p90_minutes], np.quantile(took, [0.5, 0.9]) if took else [np.nan] * 2)
        np.testing.assert_allclose(row.step_conversion, len(took) / entered if entered else np.nan)
    for step, name in enumerate(names):
        reached = [user for user, _, state, minutes in entries if not state and minutes[step] is not None]
        lost = [user for user, _, state, minutes in entries if not state and minutes[step] is None and minutes[before[step]] is not None]
        waiting = [user for user, _, state, minutes in entries if state and minutes[step] is not None]
        for which, users in (("reached", reached), ("lost", lost), ("still open", waiting)):
            got = funnel.users_at(given_frame, steps, name, which=which, without=without, **options)
            assert got["user_id"].tolist() == sorted(users)


@settings(max_examples=60, deadline=None)
@given(LINES, STEPS, ASKED, st.integers(1, 3))
def test_small_blocks_give_what_the_frame_gives(lines, steps, options, block_rows):
    frame = frame_of(lines, named_sessions=True)
    if options["order"] == "any" and clashes(frame.assign(inside=True), steps, None):
        return
    table = in_blocks(frame, block_rows)
    assert len(list(table.blocks())) > 1
    pd.testing.assert_frame_equal(funnel.step_conversion(table, steps, **options), funnel.step_conversion(frame, steps, **options))


def test_a_stored_table_gives_what_its_frame_gives(tmp_path):
    from opsnb.tables.data import open_data

    random = np.random.default_rng(3)
    lines = [(f"u{random.integers(9)}", int(random.choice(MOMENTS)), str(random.choice(EVENTS)), random.choice(PAGES), float(random.integers(3)),
              f"s{random.integers(4)}") for _ in range(300)]
    frame = frame_of(lines, named_sessions=True)
    frame.to_csv(tmp_path / "events.csv", index=False)
    stored = open_data(tmp_path).events
    steps = ["home", {"event": "cart", "where": {"page": ["p1", None]}}, {"event": "help", "optional": True}, {"event": "payment", "where": {"amount": 2}}]
    for options in ({}, {"by": "page", "unit": "attempt", "window_minutes": 60}, {"order": "any", "holding": "amount", "by": "amount", "top": 1},
                    {"within_session": True, "without": "payment"}, {"order": "direct", "unit": "session", "as_of": "2025-06-20", "window_days": 1}):
        pd.testing.assert_frame_equal(funnel.step_conversion(stored, steps, **options), funnel.step_conversion(frame, steps, **options))
        pd.testing.assert_frame_equal(funnel.users_at(stored, steps, 2, **options), funnel.users_at(frame, steps, 2, **options))


# By hand ---------------------------------------------------------------------------------------------------------------------

def rows(*lines):
    """("user", minutes after DAY, "event", page)"""
    frame = pd.DataFrame([(*line, None)[:4] for line in lines], columns=["user_id", "ts", "event", "page"])
    return frame.assign(ts=[DAY + minutes * MINUTE for minutes in frame["ts"]])


def users(*asked, **options):
    return funnel.step_conversion(*asked, **options)["users"].tolist()


def test_steps_may_be_any_of_several_and_have_conditions():
    events = rows(("a", 0, "view", "home"), ("a", 1, "view", "product"), ("a", 2, "pay", None), ("b", 0, "app", None), ("b", 1, "pay", None))
    found = funnel.step_conversion(events, [["view", "app"], {"event": "view", "where": {"page": "product"}}, "pay"])
    assert found["step"].tolist() == ["view or app", "view (page=product)", "pay"]
    assert found["users"].tolist() == [2, 1, 1]
    product = {"event": "view", "where": {"page": ["product", None]}, "name": "product page"}
    assert funnel.step_conversion(events, [product, "pay"])["step"].tolist() == ["product page", "pay"]
    assert users(events, [{"event": ["view", "app"], "where": {"page": None}}, "pay"]) == [1, 1]  # b's app has no page


def test_an_optional_step_holds_nobody_up_and_is_counted_between_its_neighbours():
    events = rows(("a", 0, "cart"), ("a", 1, "coupon"), ("a", 2, "pay"), ("b", 0, "cart"), ("b", 1, "pay"), ("b", 2, "coupon"),
                  ("c", 0, "cart"), ("c", 1, "coupon"))
    found = funnel.step_conversion(events, ["cart", {"event": "coupon", "optional": True}, "pay"])
    assert found["users"].tolist() == [3, 2, 2]  # b's coupon came after the payment
    assert found["lost"].tolist() == [0, 1, 1]  # of the 3 with a cart: c did not pay
    np.testing.assert_allclose(found["step_conversion"], [1, 2 / 3, 2 / 3])


def test_the_three_orders():
    events = rows(("a", 0, "home"), ("a", 1, "cart"), ("a", 2, "pay"),  # in order, nothing between
                  ("b", 0, "home"), ("b", 1, "help"), ("b", 2, "cart"), ("b", 3, "pay"),  # something between
                  ("c", 0, "pay"), ("c", 1, "home"), ("c", 2, "cart"))  # another order
    steps = ["home", "cart", "pay"]
    assert users(events, steps) == [3, 3, 2]
    assert users(events, steps, order="direct") == [3, 2, 1]
    assert users(events, steps, order="any") == [3, 3, 3]
    assert users(events, steps, order="any", window_minutes=1) == [3, 2, 0]  # a: home, cart; b: home; c: home, cart from its home on
    assert users(events, ["pay", "help"], order="any") == [3, 1]  # no help, no second step; b did both
    twice = rows(("a", 0, "cart"), ("b", 0, "cart"), ("b", 1, "cart"))
    assert users(twice, ["cart", "cart"], order="any") == [2, 1]  # the same step twice asks for two rows


def test_attempts_start_anew_after_completing_or_after_the_window():
    events = rows(("a", 0, "home"), ("a", 1, "home"), ("a", 2, "pay"), ("a", 3, "home"), ("a", 8, "home"), ("a", 9, "home"), ("a", 10, "pay"))
    # 0 completes at 2; 3 has until 8 and covers the home at 8; 9 completes at 10
    assert users(events, ["home", "pay"], window_minutes=5, unit="attempt") == [3, 2]
    assert users(events, ["home", "pay"], unit="attempt") == [2, 2]  # without a window 3 completes at 10
    found = funnel.users_at(events, ["home", "pay"], "pay", window_minutes=5, unit="attempt")
    assert found["minutes"].tolist() == [2.0, 1.0]
    assert found["user_id"].tolist() == ["a", "a"]


def test_users_are_counted_once_though_their_funnel_must_end_within_a_visit():
    events = rows(("a", 0, "home"), ("a", 60, "pay"), ("b", 0, "home"), ("b", 60, "home"), ("b", 61, "pay"))
    assert users(events, ["home", "pay"]) == [2, 2]
    assert users(events, ["home", "pay"], within_session=True) == [2, 1]
    assert users(events, ["home", "pay"], unit="session") == [3, 1]


def test_an_event_between_two_steps_keeps_the_attempt_before_it():
    events = rows(("a", 0, "home"), ("a", 1, "help"), ("a", 2, "cart"), ("a", 3, "pay"),
                  ("b", 0, "home"), ("b", 1, "cart"), ("b", 2, "help"), ("b", 3, "pay"), ("c", 0, "home"), ("c", 1, "cart"), ("c", 2, "pay"))
    steps = ["home", "cart", "pay"]
    assert users(events, steps, without="help") == [3, 2, 1]
    assert users(events, steps, without=[{"event": "help", "between": ["cart", "pay"]}]) == [3, 3, 2]
    assert users(events, steps, without={"event": "help", "between": [1, 2]}) == [3, 2, 2]
    # a later start without help between succeeds
    assert users(rows(("a", 0, "home"), ("a", 1, "help"), ("a", 2, "home"), ("a", 3, "pay")), ["home", "pay"], without="help") == [1, 1]


def test_a_property_held_constant():
    events = rows(("a", 0, "view", "p1"), ("a", 1, "view", "p2"), ("a", 2, "cart", "p2"), ("b", 0, "view", "p1"), ("b", 1, "cart", "p2"),
                  ("c", 0, "view", None), ("c", 1, "cart", None))
    assert users(events, ["view", "cart"]) == [3, 3]
    assert users(events, ["view", "cart"], holding="page") == [2, 1]  # nothing is known of c's page
    found = funnel.step_conversion(events, ["view", "cart"], holding="page", by="page")
    assert found[["page", "users"]].values.tolist() == [["p1", 1], ["p1", 0], ["p2", 1], ["p2", 1]]  # a is counted with p2, the best


def test_the_breakdown_takes_the_value_at_the_step_asked_for():
    events = rows(("a", 0, "home", "p1"), ("a", 1, "cart", "p2"), ("a", 2, "pay", "p3"), ("b", 0, "home", "p1"), ("b", 1, "cart", None))

    def by(at):
        found = funnel.step_conversion(events, ["home", "cart", "pay"], by="page", by_at=at)
        return {page: rows["users"].tolist() for page, rows in found.groupby("page", dropna=False)}

    assert by("first") == {"p1": [2, 2, 1]}
    assert {str(key): value for key, value in by("last").items()} == {"p3": [1, 1, 1], "nan": [1, 1, 0]}
    assert {str(key): value for key, value in by("cart").items()} == {"p2": [1, 1, 1], "nan": [1, 1, 0]}
    assert {str(key): value for key, value in by(3).items()} == {"p3": [1, 1, 1], "nan": [1, 1, 0]}  # b has no value at pay


def test_top_values_the_rest_and_the_missing_one():
    lines = [(f"u{i}", 0, "home", page) for i, page in enumerate(["d", "d", "d", "b", "b", "c", "a", None])]
    found = funnel.step_conversion(rows(*lines), ["home"], by="page", top=2)
    assert found["page"].tolist()[:3] == ["b", "d", "other"]
    assert pd.isna(found["page"].iloc[3])
    assert found["users"].tolist() == [2, 3, 2, 1]
    assert funnel.step_conversion(rows(*lines), ["home"], by="page", top=4)["page"].dropna().tolist() == ["a", "b", "c", "d"]
    named = funnel.step_conversion(rows(*lines).replace("b", "other"), ["home"], by="page", top=1)
    assert named["page"].dropna().tolist() == ["d", "other (2)"]  # a value of that name is not mistaken for the rest
    numbers = rows(*lines).assign(price=[1.5, 1.5, 2, 2, 2, 10, None, None])
    assert funnel.step_conversion(numbers, ["home"], by="price", top=2)["price"].tolist() == [1.5, 2.0, "other", None]
    assert funnel.users_at(numbers, ["home"], 1, by="price", top=2)["price"].tolist() == [1.5, 1.5, 2.0, 2.0, 2.0, "other", None, None]


def test_windows_that_have_not_closed_are_shown_apart():
    day = 24 * 60
    events = rows(("a", 0, "home"), ("a", 1, "pay"), ("b", 0, "home"), ("c", 2 * day, "home"), ("c", 2 * day + 1, "pay"),
                  ("d", 2 * day, "home"), ("b", 2 * day, "home"), ("b", 2 * day + 1, "pay"))
    found = funnel.step_conversion(events, ["home", "pay"], window_days=2, as_of=DAY + 2 * pd.Timedelta("1D"))
    # counted: a and b with what began on the first day; c and d, who began on the last one, are open, c having paid so far
    assert found["users"].tolist() == [2, 1]
    assert found["still_open"].tolist() == [2, 1]
    assert found["conversion"].tolist() == [1, 0.5]
    # the window of a start at 0h ends with the last microsecond of the day before as_of's end: closed; one minute later: open
    just = rows(("a", 0, "home"), ("b", 1, "home"))
    assert funnel.step_conversion(just, ["home"], window_days=1, as_of=DAY)[["users", "still_open"]].values.tolist() == [[0, 2]]
    two = funnel.step_conversion(just, ["home"], window_minutes=day - 1, as_of=DAY)
    assert two[["users", "still_open"]].values.tolist() == [[1, 1]]  # a's ends at 23:59, b's at 24:00
    assert funnel.step_conversion(just, ["home"], window_days=1)["still_open"].tolist() == [0]  # no as_of: nothing is open


def test_times_to_convert():
    lines = [line for user, minutes in enumerate([1, 2, 3, 4, 10]) for line in ((f"u{user}", 0, "home"), (f"u{user}", minutes, "pay"))]
    found = funnel.step_conversion(rows(*lines, ("x", 0, "home")), ["home", "pay"])
    assert found["median_minutes"].tolist() == [0, 3]
    np.testing.assert_allclose(found["p90_minutes"], [0, 7.6])  # between the 4th and the 5th: 4 + .6 x 6


def test_ids_or_their_hash_go_to_a_file(tmp_path):
    events = rows(("a", 0, "home"), ("a", 1, "pay"), ("b", 0, "home"), ("c", 0, "home"))
    lost = funnel.users_at(events, ["home", "pay"], "pay", which="lost")
    lost.to_csv(tmp_path / "lost.csv", index=False)
    assert (tmp_path / "lost.csv").read_text().splitlines()[1].startswith("b,2025-06-18")
    assert lost["minutes"].isna().all()
    hashed = funnel.users_at(events, ["home", "pay"], 2, which="lost", show="hash", salt="s")["user_id"]
    assert hashed.tolist() == [hashlib.sha256(f"s{user}".encode()).hexdigest() for user in "bc"]


def test_many_groups_and_a_user_with_many_events():
    many = pd.DataFrame({"user_id": np.arange(500) // 2, "event": ["home", "pay"] * 250, "page": np.repeat([f"p{i}" for i in range(250)], 2),
                         "ts": DAY + np.arange(500) * MINUTE})
    found = funnel.step_conversion(many, ["home", "pay"], by="page")
    assert found["median_minutes"].tolist() == [0, 1] * 250  # more groups than are picked out one by one
    rounds = 100_000
    one = pd.DataFrame({"user_id": "a", "event": ["home", "pay"] * rounds, "ts": DAY + np.arange(2 * rounds) * pd.Timedelta("1s")})
    assert users(one, ["home", "pay"], unit="attempt", window_minutes=1) == [rounds, rounds]
    assert users(one, ["home", "pay"], window_minutes=1) == [1, 1]


def test_what_cannot_be_asked_is_a_sentence():
    events = rows(("a", 0, "home", "p1"), ("a", 1, "cart", "p2")).assign(amount=[1.0, 2.0])
    steps = ["home", "cart"]
    for asked, options, sentence in (
            (steps, {"order": "sequenze"}, "did you mean 'sequence'"), (steps, {"unit": "attempts"}, "did you mean 'attempt'"),
            (steps, {"window_days": 1, "window_minutes": 5}, "not both"), (steps, {"window_minutes": -1}, "window_minutes must be more than 0"),
            (steps, {"window_days": float("inf")}, "leave it out for no limit"), (steps, {"window_days": float("nan")}, "more than 0"),
            (steps, {"top": 2}, "needs 'by'"), (steps, {"by": "page", "top": 0}, "at least 1"),
            (steps, {"by_at": "kart"}, "did you mean 'cart'"), (steps, {"by_at": 3}, "number from 1 to 2"),
            (steps, {"without": {"event": "home", "between": ["cart", "home"]}}, "an earlier and a later step"),
            (steps, {"without": {"event": "home", "between": "cart"}}, "list of two steps"),
            (steps, {"without": {"event": "home", "betwen": [1, 2]}}, "did you mean 'between'"),
            (steps, {"without": "home", "order": "direct"}, "nothing to exclude"),
            (["home", "cart", "home"], {"without": {"event": "home", "between": [1, 2]}, "order": "any"}, "leave out 'between'"),
            (["home", ["home", "cart"]], {"order": "any"}, "needs steps of which a row can be only one"),
            ([{"event": "home", "optional": True}, "cart"], {}, "cannot be optional"), ([{"wher": {}}], {}, "did you mean 'where'"),
            ([{"where": {"page": "p1"}}], {}, "has no 'event'"), ([{"event": "home", "where": "p1"}], {}, "which column has which value"),
            ([{"event": "home", "where": {"amount": "much"}}], {}, "holds numbers"), ([{"event": "home", "where": {"ts": 1}}], {}, "not a property"),
            ([[]], {}, "is not one"), ({"event": "home"}, {}, "must be a list")):
        with pytest.raises(ParameterError, match=sentence):
            funnel.step_conversion(events, asked, **options)
    for asked, options, sentence in (
            ([["home", "kart"]], {}, "did you mean 'cart'"), ([{"event": "home", "where": {"pag": "p1"}}], {}, "did you mean 'page'"),
            ([{"event": "home", "where": {"page": "q1"}}], {}, "page 'q1' does not occur"), (steps, {"holding": "pages"}, "did you mean 'page'"),
            (steps, {"by": "ts"}, "holds numbers, not labels")):
        with pytest.raises(InputError, match=sentence):
            funnel.step_conversion(events, asked, **options)
    for options, sentence in (({"which": "dropped"}, "which 'dropped' is not one"), ({"show": "md5"}, "allowed: id, hash"),
                              ({"windw_days": 1}, "did you mean 'window_days'")):
        with pytest.raises(ParameterError, match=sentence):
            funnel.users_at(events, steps, "cart", **options)
    with pytest.raises(ParameterError, match="step 'kart' is not one of the funnel's"):
        funnel.users_at(events, steps, "kart")


def test_nobody_and_nothing():
    events = rows(("a", 0, "home", "p1"), ("b", 0, "cart", "p1"))
    nobody = funnel.step_conversion(events, ["home", "cart"], by="page", as_of="2025-06-17")
    assert list(nobody.columns) == ["page", *funnel.MEASURED]
    assert len(nobody) == 0
    alone = funnel.step_conversion(events, ["home", "cart"], as_of="2025-06-17", window_days=1)
    assert alone[["users", "lost", "still_open"]].values.tolist() == [[0, 0, 0]] * 2
    assert alone[["median_minutes", "p90_minutes"]].isna().all(axis=None)
    assert len(funnel.users_at(events, ["home", "cart"], "cart")) == 0


def test_a_trend_takes_the_same_steps():
    events = rows(("a", 0, "home", "p1"), ("a", 1, "help", None), ("a", 2, "cart", "p1"), ("b", 0, "home", "p2"))
    trend = funnel.step_trend(events, [{"event": "home", "where": {"page": ["p1", "p2"]}}, {"event": "help", "optional": True}, "cart"])
    assert trend[["step", "entered", "converted"]].values.tolist() == [["help", 2, 1], ["cart", 2, 1]]
