"""Paths: what users do in one go, and in which order; what leads from one event to another, and where those go who drop out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, ParameterError, nearest
from opsnb.measures import blocks
from opsnb.measures.intervals import wilson
from opsnb.measures.walks import required_steps, step_before, walks
from opsnb.measures.ways import LONGEST_LOOP, distinct, folded, packed_ways, written
from opsnb.tables.histories import histories

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from opsnb.measures.blocks import Unit
    from opsnb.measures.intervals import Day
    from opsnb.measures.steps import Event

OFTEN, SURE = 30, 0.999  # visits of a group from which a path may be its own, and how sure it must be


def sessions(events: Any, *, gap_minutes: float = blocks.SESSION_GAP_MINUTES) -> pd.DataFrame:
    """Users' visits, cut where more than ``gap_minutes`` pass between two events of one user. A visit may cross midnight.

    Input columns: user_id, ts. A session_id is not used: the cut is the same for every source of data.

    One row per visit, by user and time.

    Output columns: ``user_id``; ``session``: 1 for the user's first visit; ``start``, ``end``: time of its first and last event;
    ``events``: how many; ``minutes`` from start to end.

    Formula: the gap rule of web analytics, 30 minutes by convention (Catledge and Pitkow 1995 measured 25.5).

    Raises InputError for a missing column, ParameterError for a gap that is not positive.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": "a", "event": "home", "ts": pd.to_datetime(
    ...     ["2025-06-18 23:50", "2025-06-19 00:20", "2025-06-19 00:51"])})
    >>> sessions(events)[["session", "events", "minutes"]]
       session  events  minutes
    0        1       2     30.0
    1        2       1      0.0
    """
    import pandas as pd

    _positive(gap_minutes)
    table = histories(events)
    user, opened, closed, rows, number = ([np.empty(0, kind)] for kind in (np.int32, np.int64, np.int64, np.int64, np.int64))
    for block in table.blocks():
        first = blocks.gap_starts(block.user, block.ts, gap_minutes)
        ends = np.append(first[1:], len(block))
        whose = block.user[first]
        own = blocks.starts(whose)
        user.append(whose)
        opened.append(block.ts[first])
        closed.append(block.ts[ends - 1])
        rows.append(ends - first)
        number.append(np.arange(len(first)) - np.repeat(own, np.diff(np.append(own, len(first)))) + 1)
    start, end = np.concatenate(opened), np.concatenate(closed)
    return pd.DataFrame({"user_id": pd.Categorical.from_codes(np.concatenate(user), categories=pd.Index(table.users, dtype=object)),
                         "session": np.concatenate(number), "start": start.view("datetime64[us]"), "end": end.view("datetime64[us]"),
                         "events": np.concatenate(rows), "minutes": (end - start) / blocks.MINUTE_US})


def session_count(events: Any, *, gap_minutes: float = blocks.SESSION_GAP_MINUTES) -> int:
    """How many visits :func:`sessions` finds, without listing them.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2025-06-18", "2025-06-19", "2025-06-18"])
    >>> session_count(pd.DataFrame({"user_id": list("aab"), "event": "home", "ts": days}))
    3
    """
    _positive(gap_minutes)
    return sum(len(blocks.gap_starts(block.user, block.ts, gap_minutes)) for block in histories(events).blocks())


def session_summary(events: Any, *, by: str | None = None, gap_minutes: float = blocks.SESSION_GAP_MINUTES, start: Day | None = None,
                    as_of: Day | None = None) -> pd.DataFrame:
    """How many visits are there, how long are they, and how many end with the first event?

    Input columns: user_id, ts, the column named by ``by``. A session_id is not used, see :func:`sessions`.

    One row, or one per value of ``by`` on the visit's first event (missing: None, last), the one with most visits first.

    Output columns: ``[by]``; ``sessions``; ``users``; ``sessions_per_user``; ``events_per_session``, mean; ``minutes``, median from
    first to last event, and ``minutes_p90``, which nine in ten stay below; ``bounces``: visits of one event; ``bounce_rate`` of all, with
    ``low``, ``high``: its 95% interval. Null where there is no visit.

    Formula: as :func:`sessions`; visits that began from ``start`` to ``as_of``. A user counts in each value they had. Wilson's interval.

    Raises InputError for a missing column, ParameterError for a gap that is not positive.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aab"), "event": "home", "ts": pd.to_datetime(
    ...     ["2025-06-18 10:00", "2025-06-18 10:06", "2025-06-18 12:00"])})
    >>> session_summary(events)[["sessions", "users", "events_per_session", "minutes", "bounces", "bounce_rate"]]
       sessions  users  events_per_session  minutes  bounces  bounce_rate
    0         2      2                 1.5      3.0        1          0.5
    """
    import pandas as pd

    _positive(gap_minutes)
    if by in ("sessions", "users", "minutes", "bounces", "low", "high"):
        raise ParameterError(f"by '{by}' is also the name of a column of the result; rename the property")
    table, (low, high) = histories(events), blocks.span_us(start, as_of)
    texts = np.array([None], object) if by is None else np.append(np.asarray(table.labels(by), dtype=object), None)
    parts: list[tuple[np.ndarray, ...]] = [(np.empty(0, np.int64),) * 4]
    for block in table.blocks(*() if by is None else (by,)):
        first = blocks.gap_starts(block.user, block.ts, gap_minutes)
        last = np.append(first[1:], len(block)) - 1
        kept = (block.ts[first] >= low) & (block.ts[first] < high)
        first, last = first[kept], last[kept]
        value = np.zeros(len(first), np.int64) if by is None else block[by][first].astype(np.int64) % len(texts)  # missing comes last
        key = block.user[first].astype(np.int64) * len(texts) + value
        new = np.zeros(len(first), np.int64)
        new[np.unique(key, return_index=True)[1]] = 1
        parts.append((value, last - first + 1, block.ts[last] - block.ts[first], new))
    value, rows, spent, new = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    groups, where = (np.zeros(1, np.int64), value) if by is None else np.unique(value, return_inverse=True)
    order, count = np.argsort(where, kind="stable"), np.bincount(where, minlength=len(groups))
    minutes = [np.percentile(own, [50, 90]) if len(own) else (np.nan, np.nan)
               for own in np.split(spent[order] / blocks.MINUTE_US, np.cumsum(count)[:-1])]
    users, bounces = (np.bincount(where, weights, minlength=len(groups)).astype(np.int64) for weights in (new, rows == 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        frame = pd.DataFrame({"sessions": count, "users": users, "sessions_per_user": count / users,
                              "events_per_session": np.bincount(where, rows, minlength=len(groups)) / count,
                              "minutes": [pair[0] for pair in minutes], "minutes_p90": [pair[1] for pair in minutes],
                              "bounces": bounces, "bounce_rate": bounces / count})
    frame["low"], frame["high"] = wilson(bounces, count)
    if by is None:
        return frame
    frame.insert(0, by, pd.Series(texts[groups], dtype=object))
    return frame.iloc[np.lexsort((-count, groups == len(texts) - 1))].reset_index(drop=True)


def frequent_paths(events: Any, *, first: str | None = None, last: str | None = None, unit: Unit = "session", longest: int = 8,
                   most: int = 20, fold: bool = True, start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """Which ways do most users take: through a visit, after an event, up to one, or between two?

    Input columns: user_id, ts, event; for ``unit="session"`` session_id where there is one (else visits are cut at 30 idle minutes).
    ``first``: begin at the first time of this event; ``last``: end at its first time (after ``first``, if given). Without them, at the
    beginning and end of the visit, or of the user's history.

    One row per path, the ``most`` frequent ones.

    Output columns: ``path``: events with " > " between, "…" where it is longer than ``longest`` events (then its beginning is shown;
    with ``last`` alone its end); ``events`` in it (of paths that are cut: the fewest); ``users`` who took it (sessions, for
    ``unit="session"``); ``paths``: all that have the two ends; ``share`` of the two; ``low``, ``high``: its 95% interval.

    Formula: loops are folded first: one event after the other, a stretch of 1 (then 2, then 3) events that repeats the stretch
    directly before it is left out; ``fold=False`` leaves them. Wilson's interval.

    Raises InputError for an event that does not occur, ParameterError for an option that makes no sense.

    >>> import pandas as pd
    >>> path = ["home", "cart", "help", "cart", "help", "pay", "home"]
    >>> events = pd.DataFrame({"user_id": "a", "event": path, "ts": pd.Timestamp("2025-06-18")})
    >>> frequent_paths(events, last="pay")[["path", "events", "users", "share"]]
                           path  events  users  share
    0  home > cart > help > pay       4      1    1.0
    """
    import pandas as pd

    if longest < 1 or most < 1:
        raise ParameterError(f"longest and most are numbers of at least 1, got {longest} and {most}")
    table = histories(events)
    opening, closing = (None if event is None else int(table.codes("event", [event])[0]) for event in (first, last))
    labels = np.asarray(table.labels("event"), dtype=object)
    from_end = last is not None and first is None
    parts: list[tuple[np.ndarray, ...]] = []
    for block, number in blocks.in_units(table, unit, "event", start=start, as_of=as_of):
        low, high = _stretches(block["event"], number, opening, closing)
        row, path = blocks.ranges(low, high)
        event = block["event"][row]
        for size in range(1, LONGEST_LOOP + 1 if fold else 1):
            event, path = folded(event, path, size)
        packed, length = packed_ways(event, path, len(low), longest, len(labels), from_end)
        parts.append(distinct(packed, length, np.ones(len(packed), np.int64)))
    if not parts:
        parts.append((np.empty((0, 1), np.int64), np.empty(0, np.int64), np.empty(0, np.int64)))
    ways, length, users = distinct(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    order, total = np.argsort(-users, kind="stable")[:most], int(users.sum())
    texts = pd.Series([written(way, longest, labels, from_end) for way in ways[order]], dtype=object)
    low_share, high_share = wilson(users[order], total)
    frame = pd.DataFrame({"path": texts, "events": length[order], "users": users[order], "paths": total,
                          "share": users[order] / max(total, 1), "low": low_share, "high": high_share})
    return frame


def typical_paths(events: Any, groups: pd.DataFrame, *, group: str = "persona", longest: int = 8, start: Day | None = None,
                  as_of: Day | None = None) -> pd.DataFrame:
    """Which way do the visits of each group of users most often take?

    Input columns: ``events``: user_id, ts, event, session_id where there is one; ``groups``: user_id and ``group``, one row per user; who is
    in no group is left out.

    One row per group with visits, in the order in which groups first appear.

    Output columns: the group's own name; ``path``, as :func:`frequent_paths` writes it: the most frequent one of at least two events, null
    where every visit ends with its first event; ``visits`` that took it; ``group_visits``: all of the group; ``share`` of the two; ``low``,
    ``high``: its 95% interval; ``all_share``: the path's share in the visits of all groups; ``bounce_rate``: share of visits of one event; ``own_path``, the
    path by which the group stands out, with ``own_share`` and ``own_all_share``: null where none does.

    Formula: loops folded, as :func:`frequent_paths`. Wilson's interval, which takes the visits of one user for independent. Groups often share
    their most frequent path; the own one is that of at least two events and 30 visits of the group whose share lies furthest above its share in
    all visits: by the lower end of its 99.9% interval, as many paths are compared, over the share in all; above 1.

    Raises InputError for a missing column.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aaabb"), "event": ["home", "cart", "cart", "home", "help"], "ts": pd.Timestamp("2025-06-18")})
    >>> typical_paths(events, pd.DataFrame({"user_id": ["a", "b"], "persona": ["new", "old"]}))[["persona", "path", "visits", "share", "all_share"]]
      persona         path  visits  share  all_share
    0     new  home > cart       1    1.0        0.5
    1     old  home > help       1    1.0        0.5
    """
    import pandas as pd

    table, labels = histories(events), np.asarray(histories(events).labels("event"), dtype=object)
    of_user, names = _group_of(table.users, groups, group)
    parts: list[tuple[np.ndarray, ...]] = [(np.empty((0, 1), np.int64), np.empty(0, np.int64), np.empty(0, np.int64))]
    for block, number in blocks.in_units(table, "session", "event", start=start, as_of=as_of):
        row = np.flatnonzero(of_user[block.user] >= 0)
        if not len(row):
            continue
        first = blocks.starts(number[row])
        event, path = block["event"][row], blocks.numbered(first, len(row))
        for size in range(1, LONGEST_LOOP + 1):
            event, path = folded(event, path, size)
        packed, length = packed_ways(event, path, len(first), longest, len(labels), False)
        packed = np.column_stack([packed, of_user[block.user[row[first]]]])
        parts.append(distinct(packed, length, np.ones(len(packed), np.int64)))
    ways, length, visits = distinct(*(np.concatenate(columns) for columns in zip(*parts[min(1, len(parts) - 1):], strict=True)))
    which = np.unique(ways[:, :-1], axis=0, return_inverse=True)[1].ravel()
    of_all = np.bincount(which, visits)[which] / max(visits.sum(), 1)  # each path's share in all visits
    rows = []
    for code, name in enumerate(names):
        own = np.flatnonzero(ways[:, -1] == code)
        if not len(own):
            continue
        longer, total = own[length[own] > 1], int(visits[own].sum())
        best = longer[np.argmax(visits[longer])] if len(longer) else None
        took = 0 if best is None else int(visits[best])
        low, high = wilson(took, total)
        rows.append({group: name, "path": None if best is None else written(ways[best, :-1], longest, labels, False), "visits": took, "group_visits": total,
                     "share": took / total, "low": float(low), "high": float(high), "all_share": 0.0 if best is None else of_all[best],
                     "bounce_rate": visits[own[length[own] == 1]].sum() / total, **_standing_out(longer, ways, visits, total, of_all, longest, labels)})
    return pd.DataFrame(rows, columns=[group, "path", "visits", "group_visits", "share", "low", "high", "all_share", "bounce_rate", "own_path", "own_share",
                                       "own_all_share"])


def _standing_out(longer: np.ndarray, ways: np.ndarray, visits: np.ndarray, total: int, of_all: np.ndarray, longest: int,
                  labels: np.ndarray) -> dict[str, object]:
    """The path that a group surely takes more often than all do, by the largest factor."""
    often = longer[visits[longer] >= OFTEN]
    sure = wilson(visits[often], np.full(len(often), total), SURE)[0] / of_all[often]
    if not len(often) or sure.max() <= 1:
        return {"own_path": None, "own_share": np.nan, "own_all_share": np.nan}
    best = often[np.argmax(sure)]
    return {"own_path": written(ways[best, :-1], longest, labels, False), "own_share": visits[best] / total, "own_all_share": of_all[best]}


def _group_of(users: np.ndarray, groups: pd.DataFrame, group: str) -> tuple[np.ndarray, np.ndarray]:
    """The group of each of these users as a number, -1: none; and the groups' names."""
    import pandas as pd

    for column in ("user_id", group):
        if column not in groups.columns:
            raise InputError(f"groups: no column '{column}'; {nearest(column, groups.columns)}")
    known = groups.dropna(subset=[group])
    code, names = pd.factorize(known[group])
    at = pd.Index(known["user_id"].to_numpy(), dtype=object).get_indexer(pd.Index(users, dtype=object))
    return np.append(code, -1)[at].astype(np.int64), np.asarray(names, dtype=object)  # -1: the last place


def dropped_users(events: Any, steps: Sequence[Event], *, after: str, window_days: float | None = None, unit: Unit = "user",
                  start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """Who got as far as a step and no further, and what did they do next?

    Input columns: user_id, ts, event; for ``unit="session"`` session_id where there is one. ``after``: the step (of ``steps``, as shown:
    "cart (2)") that they reached.

    One row per user (visit, for ``unit="session"``) whose best attempt ends at the step, by user.

    Output columns: ``user_id``; ``ts`` of the step; ``next_event``: the first other event after it, None if there is none within the
    window (or visit); ``minutes`` until then.

    Formula: the best attempt as in ``funnel``; attempts whose window is still open at ``as_of`` are left out. Another event is one that is
    not the step's own, so that a reload is no departure.

    Raises InputError for a step that does not occur, ParameterError for an option that makes no sense.

    >>> import pandas as pd
    >>> minutes = pd.to_timedelta([0, 2, 3, 0], unit="min")
    >>> events = pd.DataFrame({"user_id": list("aaab"), "event": ["cart", "cart", "help", "pay"],
    ...                        "ts": pd.Timestamp("2025-06-18") + minutes})
    >>> dropped_users(events, ["cart", "pay"], after="cart")
      user_id         ts next_event  minutes
    0       a 2025-06-18       help      3.0
    """
    import pandas as pd

    table = histories(events)
    read = required_steps(table, steps)
    place, window = step_before(after, [step.name for step in read]), blocks.window_us(window_days)
    closed, labels = blocks.closed_before(table, window, as_of), np.asarray(table.labels("event"), dtype=object)
    parts = [(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))]
    for block, number, rows, depth, match in walks(table, read[:place + 2], unit, window, start=start, as_of=as_of):
        there = np.flatnonzero((depth == place + 1) & (block.ts[rows[0]] < closed))
        here = rows[place, there]
        following = blocks.following(~match(place))(here)
        known = number.take(following, mode="clip") == number[here]
        known &= following < len(number)
        following = np.minimum(following, len(number) - 1)
        if window is not None:
            known &= block.ts[following] - block.ts[rows[0, there]] <= window
        parts.append((block.user[here], block.ts[here], np.where(known, block["event"][following], -1).astype(np.int64),
                      np.where(known, block.ts[following] - block.ts[here], -1)))
    user, ts, event, spent = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return pd.DataFrame({"user_id": pd.Categorical.from_codes(user, categories=pd.Index(table.users, dtype=object)),
                         "ts": ts.view("datetime64[us]"), "next_event": pd.Series(np.append(labels, None)[event], dtype=object),
                         "minutes": np.where(event < 0, np.nan, spent / blocks.MINUTE_US)})


def next_after_drop(events: Any, steps: Sequence[Event], *, after: str, window_days: float | None = None, unit: Unit = "user",
                    start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """Where do those go who get as far as a step and no further?

    Input columns: as :func:`dropped_users`.

    One row per event that they did next (nothing more: None, last), the most frequent first.

    Output columns: ``next_event``; ``users`` (sessions, for ``unit="session"``); ``dropped``: all who dropped out at the step; ``share`` of
    the two; ``low``, ``high``: its 95% interval; ``minutes``: median until then.

    Formula: counts of :func:`dropped_users`; Wilson's interval.

    Raises as :func:`dropped_users`.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aabcc"), "event": ["cart", "help", "cart", "cart", "pay"]})
    >>> events["ts"] = pd.Timestamp("2025-06-18")
    >>> next_after_drop(events, ["cart", "pay"], after="cart")[["next_event", "users", "dropped", "share"]]
      next_event  users  dropped  share
    0       help      1        2    0.5
    1       None      1        2    0.5
    """
    import pandas as pd

    found = dropped_users(events, steps, after=after, window_days=window_days, unit=unit, start=start, as_of=as_of)
    code, names = pd.factorize(found["next_event"], sort=True)
    groups, users = np.unique(np.where(code < 0, len(names), code), return_counts=True)
    low, high = wilson(users, len(found))
    minutes = found.groupby(np.where(code < 0, len(names), code))["minutes"].median().to_numpy()
    frame = pd.DataFrame({"next_event": pd.Series(np.append(np.asarray(names, dtype=object), None)[groups], dtype=object), "users": users,
                          "dropped": len(found), "share": users / max(len(found), 1), "low": low, "high": high, "minutes": minutes})
    return frame.iloc[np.lexsort((-users, groups == len(names)))].reset_index(drop=True)


# Paths as numbers ------------------------------------------------------------------------------------------------------------

def _stretches(event: np.ndarray, number: np.ndarray, opening: int | None, closing: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Of each unit that has the two ends, the first row of its path and the one after the last."""
    low = blocks.starts(number)
    if opening is not None:
        low = np.flatnonzero(event == opening)
        low = low[blocks.starts(number[low])]
    if closing is None:
        return low, blocks.ends(number)[low]
    matches = event == closing
    seen = np.cumsum(matches, dtype=np.int64)
    following = seen[low] - (matches[low] if opening is None else 0)  # without a first event, the last may be the unit's first row
    high = np.append(np.flatnonzero(matches), -1)[following]
    kept = (high >= 0) & (number[high] == number[low])
    return low[kept], high[kept] + 1


def _positive(gap_minutes: float) -> None:
    if not gap_minutes > 0:
        raise ParameterError(f"gap_minutes must be more than 0, got {gap_minutes}")
