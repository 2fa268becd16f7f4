"""Visits by hand and against plain Python."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, ParameterError
from opsnb.measures import blocks, paths
from tests.measures.logs import in_blocks, units_of

DAY = pd.Timestamp("2025-06-18")
MINUTE = 60_000_000


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0, 1, 30 * MINUTE, 30 * MINUTE + 1, 60 * MINUTE, 1441 * MINUTE])),
                min_size=1, max_size=20), st.sampled_from([30, 1440]), st.integers(1, 5))
def test_sessions_are_what_the_slow_way_cuts(lines, gap, block_rows):
    frame = pd.DataFrame(lines, columns=["user_id", "ts"]).assign(event="home")
    frame["ts"] = DAY + pd.to_timedelta(frame["ts"], unit="us")
    expected = []
    for user in sorted(set(frame["user_id"])):
        visits = []
        for ts in sorted(frame.loc[frame["user_id"] == user, "ts"]):
            if visits and ts - visits[-1][-1] <= pd.Timedelta(minutes=gap):
                visits[-1].append(ts)
            else:
                visits.append([ts])
        expected += [[user, number + 1, visit[0], visit[-1], len(visit), (visit[-1] - visit[0]) / pd.Timedelta(minutes=1)]
                     for number, visit in enumerate(visits)]
    table = in_blocks(frame, block_rows)
    for events in (frame, table):
        found = paths.sessions(events, gap_minutes=gap)
        assert found.astype({"user_id": object}).values.tolist() == expected
        assert paths.session_count(events, gap_minutes=gap) == len(expected)


def test_nobody_has_no_sessions():
    nobody = pd.DataFrame({"user_id": [], "ts": pd.to_datetime([]), "event": []})
    found = paths.sessions(nobody)
    assert found.empty
    assert list(found) == ["user_id", "session", "start", "end", "events", "minutes"]
    assert paths.session_count(nobody) == 0


def test_a_gap_must_be_positive():
    with pytest.raises(ParameterError, match="gap_minutes must be more than 0"):
        paths.session_count(pd.DataFrame({"user_id": [], "ts": pd.to_datetime([]), "event": []}), gap_minutes=0)


def test_counts_over_many_keys_agree_with_counts_over_few():
    import numpy as np

    keys = [np.array([5, 5, 1]), np.array([5, 2])]
    few, many = blocks.counts(iter(keys), 6), blocks.counts(iter(keys), 1 << 40)
    assert [list(part) for part in few] == [list(part) for part in many] == [[1, 2, 5], [1, 1, 3]]
    assert [len(part) for part in blocks.counts(iter([]), 1 << 40)] == [0, 0]


# Paths against plain Python --------------------------------------------------------------------------------------------------

EVENTS = ["home", "cart", "help", "pay"]
LINES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0, 1, 10 * MINUTE, 40 * MINUTE, 41 * MINUTE, 3000 * MINUTE]),
                           st.sampled_from(EVENTS)), max_size=40)


def frame_of(lines):
    extra = [("z", place, event) for place, event in enumerate(EVENTS)]  # all events occur
    frame = pd.DataFrame([*lines, *extra], columns=["user_id", "ts", "event"])
    return frame.assign(ts=DAY + pd.to_timedelta(frame["ts"], unit="us"))


def slowly_folded(path):
    for size in (1, 2, 3):
        kept, place = [], 0
        while place < len(path):
            if len(kept) >= size and kept[-size:] == path[place:place + size]:
                place += size
            else:
                kept.append(path[place])
                place += 1
        path = kept
    return path


@settings(max_examples=250, deadline=None)
@given(LINES, st.sampled_from(["user", "session"]), st.sampled_from([None, "cart", "home"]), st.sampled_from([None, "pay", "cart"]),
       st.sampled_from([1, 3, 8, 30]), st.booleans(), st.integers(1, 5))
def test_frequent_paths_are_what_the_slow_way_counts(lines, unit, first, last, longest, fold, block_rows):
    frame, expected, lengths = frame_of(lines), {}, {}
    for rows in units_of(frame, unit).values():
        path = [row.event for row in rows]
        if first is not None:
            if first not in path:
                continue
            path = path[path.index(first):]
        if last is not None:
            later = path[1:] if first is not None else path
            if last not in later:
                continue
            path = path[:len(path) - len(later) + later.index(last) + 1]
        path = slowly_folded(path) if fold else path
        shown = path
        if len(path) > longest:
            shown = ["…", *path[-longest:]] if first is None and last is not None else [*path[:longest], "…"]
        text = " > ".join(shown)
        expected[text] = expected.get(text, 0) + 1
        lengths[text] = min(lengths.get(text, 99), len(path))
    for events in (frame, in_blocks(frame, block_rows)):
        found = paths.frequent_paths(events, first=first, last=last, unit=unit, longest=longest, most=1000, fold=fold)
        assert dict(zip(found["path"], found["users"], strict=True)) == expected
        assert dict(zip(found["path"], found["events"], strict=True)) == lengths
        assert found["users"].is_monotonic_decreasing
        assert (found["paths"] == sum(expected.values())).all()


@settings(max_examples=150, deadline=None)
@given(LINES, st.sampled_from(["user", "session"]), st.sampled_from([["home", "cart", "pay"], ["cart", "cart", "pay"], ["cart", "pay"]]),
       st.integers(0, 1), st.sampled_from([None, 1]), st.integers(1, 5))
def test_who_dropped_and_where_to_is_what_the_slow_way_finds(lines, unit, steps, place, window_days, block_rows):
    frame = pd.concat([frame_of(lines), pd.DataFrame({"user_id": ["last"], "ts": [DAY + pd.Timedelta("30D")], "event": ["help"]})])
    place = min(place, len(steps) - 2)
    after = "cart (2)" if steps[:2] == ["cart", "cart"] and place else steps[place]
    window, expected = None if window_days is None else pd.Timedelta(days=window_days), []
    for (user, *_), rows in units_of(frame, unit).items():
        best = []
        for start, row in enumerate(rows):
            if row.event != steps[0]:
                continue
            found = [start]
            for step in steps[1:]:
                later = [i for i in range(found[-1] + 1, len(rows)) if rows[i].event == step]
                if not later or (window is not None and rows[later[0]].ts - row.ts > window):
                    break
                found.append(later[0])
            best = max(best, found, key=len)
        if len(best) != place + 1:
            continue
        here = rows[best[-1]]
        others = [row for row in rows[best[-1] + 1:] if row.event != steps[place]]
        following = others[0] if others and (window is None or others[0].ts - rows[best[0]].ts <= window) else None
        expected.append([user, here.ts, following and following.event, following and (following.ts - here.ts) / pd.Timedelta("1min")])
    for events in (frame, in_blocks(frame, block_rows)):
        found = paths.dropped_users(events, steps, after=after, window_days=window_days, unit=unit)
        lists = found.astype({"user_id": object, "minutes": object}).values.tolist()
        assert [[None if value is None or value != value else value for value in row] for row in lists] == expected
        nexts = paths.next_after_drop(events, steps, after=after, window_days=window_days, unit=unit)
        assert nexts["users"].sum() == len(expected)
        assert sorted(map(str, nexts["next_event"])) == sorted({str(row[2]) for row in expected})
        assert not nexts["next_event"].isna().iloc[:-1].any()  # nothing more comes last


@settings(max_examples=60, deadline=None)
@given(LINES, st.booleans(), st.integers(1, 5))
def test_session_summary_is_what_the_list_of_sessions_says(lines, by, block_rows):
    frame = frame_of(lines).assign(device=lambda rows: rows["event"].map({"home": "ios", "cart": "web", "help": "ios"}))
    for events in (frame, in_blocks(frame, block_rows)):
        found = paths.session_summary(events, by="device" if by else None)
        listed = paths.sessions(events)
        listed["device"] = [rows[0].device if rows[0].device == rows[0].device else None for rows in units_of(frame, "session").values()]
        groups = [(None, listed)] if not by else [
            (value, listed[listed["device"].isna() if value is None else listed["device"] == value]) for value in found["device"]]
        assert found["sessions"].sum() == len(listed)
        for row, (_, own) in zip(found.itertuples(), groups, strict=True):
            assert (row.sessions, row.users, row.bounces) == (len(own), own["user_id"].nunique(), (own["events"] == 1).sum())
            assert row.events_per_session == pytest.approx(own["events"].mean())
            assert (row.minutes, row.minutes_p90) == pytest.approx(tuple(own["minutes"].quantile([0.5, 0.9])))


# Paths by hand ---------------------------------------------------------------------------------------------------------------

def test_what_happens_between_two_steps_by_hand():
    ways = [("a", ["home", "cart", "help", "pay"]), ("b", ["cart", "help", "cart", "help", "pay"]), ("c", ["cart", "pay"]), ("d", ["cart"])]
    frame = pd.DataFrame([(user, event) for user, way in ways for event in way], columns=["user_id", "event"]).assign(ts=DAY)
    found = paths.frequent_paths(frame, first="cart", last="pay", unit="user")
    assert found[["path", "events", "users", "paths"]].values.tolist() == [["cart > help > pay", 3, 2, 3], ["cart > pay", 2, 1, 3]]


def test_many_event_names_fit_into_a_path():
    frame = pd.DataFrame({"user_id": "a", "event": [f"e{number:05d}" for number in range(70_000)], "ts": DAY})
    assert paths.frequent_paths(frame, longest=12)["path"].tolist() == [" > ".join(f"e{number:05d}" for number in range(12)) + " > …"]


def test_one_user_with_many_rows_has_one_path():
    frame = pd.DataFrame({"user_id": "a", "event": ["home", "cart"] * 100_000, "ts": DAY})
    assert paths.frequent_paths(frame)["path"].tolist() == ["home > cart"]


def test_nobody_takes_no_path():
    nobody = pd.DataFrame({"user_id": [], "ts": pd.to_datetime([]), "event": []})
    assert paths.frequent_paths(nobody).empty
    somebody = frame_of([])
    assert paths.frequent_paths(somebody, as_of="2025-01-01").empty
    assert paths.next_after_drop(somebody, ["home", "cart"], after="home").empty
    found = paths.session_summary(somebody, as_of="2025-01-01").iloc[0]
    assert found["sessions"] == 0
    assert found.drop(["sessions", "users", "bounces"]).isna().all()


def test_what_cannot_be_asked_of_paths():
    with pytest.raises(ParameterError, match="longest and most are numbers of at least 1"):
        paths.frequent_paths(frame_of([]), longest=0)
    with pytest.raises(ParameterError, match="after 'pay' is not a step"):
        paths.dropped_users(frame_of([]), ["home", "pay"], after="pay")
    with pytest.raises(ParameterError, match="steps must be a list"):
        paths.dropped_users(frame_of([]), "home", after="home")


@settings(max_examples=60, deadline=None)
@given(LINES, st.sampled_from([1, 3, 8]), st.integers(1, 5))
def test_typical_paths_are_what_the_slow_way_counts(lines, longest, block_rows):
    frame, ways = frame_of(lines), {}
    users = sorted(set(frame["user_id"]))
    groups = pd.DataFrame({"user_id": [*users, "never"], "kind": [*(None if place % 3 == 2 else f"g{place % 3}" for place in range(len(users))), "g9"]})
    kind = dict(zip(groups["user_id"], groups["kind"], strict=True))
    for (user, *_), rows in units_of(frame, "session").items():
        if isinstance(kind[user], str):
            path = slowly_folded([row.event for row in rows])
            text = " > ".join(path if len(path) <= longest else [*path[:longest], "…"])
            ways.setdefault(kind[user], []).append((text, len(path)))
    every = [text for own in ways.values() for text, _length in own]
    for events in (frame, in_blocks(frame, block_rows)):
        found = paths.typical_paths(events, groups, group="kind", longest=longest).set_index("kind")
        assert set(found.index) == set(ways)  # who never came has no row
        for name, own in ways.items():
            row, longer = found.loc[name], [text for text, length in own if length > 1]
            assert row["group_visits"] == len(own)
            assert row["bounce_rate"] == pytest.approx((len(own) - len(longer)) / len(own))
            assert row["visits"] == max((longer.count(text) for text in longer), default=0)
            if longer:
                assert longer.count(row["path"]) == row["visits"]
                assert row["share"] == pytest.approx(row["visits"] / len(own))
                assert row["all_share"] == pytest.approx(every.count(row["path"]) / len(every))
            else:
                assert not isinstance(row["path"], str)


def test_typical_paths_by_hand():
    # a comes twice: home > cart > pay, and home three times, which is home alone once folded; b: home > help, twice; c is in no group
    minutes = pd.to_timedelta([0, 1, 2, 100, 101, 102, 0, 1, 100, 101, 0, 1], unit="min")
    events = pd.DataFrame({"user_id": list("aaaaaabbbbcc"), "ts": DAY + minutes,
                           "event": ["home", "cart", "pay", "home", "home", "home", "home", "help", "home", "help", "home", "help"]})
    found = paths.typical_paths(events, pd.DataFrame({"user_id": list("bac"), "persona": ["old", "new", None]}))
    assert found["persona"].tolist() == ["old", "new"]
    assert found["path"].tolist() == ["home > help", "home > cart > pay"]
    assert found[["visits", "group_visits", "share", "all_share", "bounce_rate"]].to_numpy().tolist() == [[2, 2, 1, 0.5, 0], [1, 2, 0.5, 0.25, 0.5]]
    with pytest.raises(InputError, match="no column 'persona'"):
        paths.typical_paths(events, pd.DataFrame({"user_id": ["a"]}))


def test_a_group_that_shares_everybodys_path_has_its_own_where_it_surely_stands_out():
    # A visit a user. "old": 400 times home > cart. "new": 200 times home > cart and 40 times home > help.
    def visits(group, number, second):
        return pd.DataFrame([(f"{group}{second}{user}", DAY + pd.Timedelta(minutes=minute), event) for user in range(number)
                             for minute, event in ((0, "home"), (1, second))], columns=["user_id", "ts", "event"])

    events = pd.concat([visits("old", 400, "cart"), visits("new", 200, "cart"), visits("new", 40, "help")], ignore_index=True)
    groups = pd.DataFrame({"user_id": events["user_id"].unique()}).assign(persona=lambda frame: frame["user_id"].str[:3])
    found = paths.typical_paths(events, groups).set_index("persona")
    assert set(found["path"]) == {"home > cart"}
    assert found.loc["new", ["own_path", "own_share", "own_all_share"]].tolist() == ["home > help", pytest.approx(40 / 240), pytest.approx(40 / 640)]
    # of old, 400 of 400 take the way that 600 of 640 take: the low end at 99.9% is 400 / (400 + 3.29^2) = .974, above .9375
    assert found.loc["old", "own_path"] == "home > cart"
    alike = pd.concat([visits("old", 400, "cart"), visits("new", 400, "cart"), visits("new", 29, "help")], ignore_index=True)  # 29 are too few
    groups = pd.DataFrame({"user_id": alike["user_id"].unique()}).assign(persona=lambda frame: frame["user_id"].str[:3])
    assert pd.isna(paths.typical_paths(alike, groups).set_index("persona").loc["new", "own_path"])
