"""Flows: from which event users go to which, place by place or as a chain, what each event carries, and what going in circles costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures import blocks
from opsnb.measures.intervals import wilson
from opsnb.tables.histories import histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.blocks import Unit
    from opsnb.measures.intervals import Day

START, END = "(start)", "(end)"
MOST_EVENTS = 2000  # of a chain that is solved: its matrix is dense


def step_matrix(events: Any, *, around: str | None = None, before: int = 5, after: int = 10, unit: Unit = "session",
                start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """What do users do first, second, third; or, with ``around``, in which places before and after an event?

    Input columns: user_id, ts, event; for ``unit="session"`` session_id where there is one (else visits are cut at 30 idle minutes).

    One row per position and event done there, by position, the most frequent event first.

    Output columns: ``position``: 1 is the first event of the visit (or of the user), up to ``after``; with ``around``, 0 is the first
    time of that event, from -``before`` to ``after``; ``event``: "(start)" before the first, "(end)" after the last; ``users``
    (sessions, for ``unit="session"``); ``share`` of all, with ``around`` of those with that event; ``low``, ``high``: its 95% interval.

    Formula: users at the position / all users; each position adds up to 1. Wilson's interval. Rows without an event are left out.

    Raises InputError for an event that does not occur, ParameterError for a number of positions that makes no sense.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aab"), "event": ["home", "cart", "home"], "ts": pd.Timestamp("2025-06-18")})
    >>> step_matrix(events, after=2)[["position", "event", "users", "share"]]
       position  event  users  share
    0         1   home      2    1.0
    1         2  (end)      1    0.5
    2         2   cart      1    0.5
    """
    import pandas as pd

    if before < 0 or after < 0 or (around is None and after < 1):
        raise ParameterError(f"before and after are numbers of positions, got {before} and {after}")
    table = histories(events)
    labels = table.labels("event")
    code = None if around is None else table.codes("event", [around])[0]
    places = np.arange(1, after + 1) if code is None else np.arange(-before, after + 1)
    width = len(labels) + 2  # first and last: (start) and (end)
    total, parts = 0, []
    for block, number in blocks.in_units(table, unit, "event", start=start, as_of=as_of):
        first, event = blocks.starts(number), block["event"]
        opens, closes = first, np.append(first, len(number))[1:]
        if code is None:
            anchor = first - 1
        else:
            anchor = np.flatnonzero(event == code)
            anchor = anchor[blocks.starts(number[anchor])]
            whose = np.searchsorted(first, anchor, side="right") - 1
            opens, closes = opens[whose], closes[whose]
        total += len(anchor)
        keys = []
        for row, place in enumerate(places):
            at = anchor + place
            shown = event.take(at, mode="clip").astype(np.int64) + 1 if len(event) else at
            shown = np.where(at < opens, 0, np.where(at >= closes, width - 1, shown))
            keys.append(row * width + shown)
        parts.append(blocks.counts(keys, len(places) * width))
    keys, users = _added(parts)
    texts = np.concatenate([[START], np.asarray(labels, dtype=object), [END]])[keys % width]
    low, high = wilson(users, total)
    frame = pd.DataFrame({"position": places[keys // width], "event": texts, "users": users, "share": users / max(total, 1), "low": low,
                          "high": high})
    return frame.sort_values(["position", "users", "event"], ascending=[True, False, True], kind="stable", ignore_index=True)


def transitions(events: Any, *, unit: Unit = "session", start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """Where do users go from each event?

    Input columns: user_id, ts, event; for ``unit="session"`` session_id where there is one (else visits are cut at 30 idle minutes).

    One row per event and event that directly follows it, events by how often they occur, the most frequent follower first.

    Output columns: ``event``, "(start)" for the beginning of a visit (or of a user); ``next_event``, "(end)" for its end; ``times``;
    ``event_times``: how often the event occurs; ``share`` of the two; ``low``, ``high``: its 95% interval.

    Formula: share = times / event_times, the transition matrix of a first-order chain; Wilson's interval, which takes each time for
    itself though one user may be behind several. Rows without an event are left out.

    Raises InputError for a missing column.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aab"), "event": ["home", "cart", "home"], "ts": pd.Timestamp("2025-06-18")})
    >>> transitions(events)[["event", "next_event", "times", "share"]]
         event next_event  times  share
    0  (start)       home      2    1.0
    1     home      (end)      1    0.5
    2     home       cart      1    0.5
    3     cart      (end)      1    1.0
    """
    import pandas as pd

    table = histories(events)
    names = np.append(np.asarray(table.labels("event"), dtype=object), [START, END])
    size = len(names)
    keys, times = blocks.counts((_steps(block["event"], number, size) for block, number in blocks.in_units(
        table, unit, "event", start=start, as_of=as_of)), size * size)
    source, target = keys // size, keys % size
    occurs = np.bincount(source, times, minlength=size).astype(np.int64)
    low, high = wilson(times, occurs[source])
    frame = pd.DataFrame({"event": names[source], "next_event": names[target], "times": times, "event_times": occurs[source],
                          "share": times / occurs[source], "low": low, "high": high})
    order = np.lexsort((names[target].astype(str), -times, source, -occurs[source], source != size - 2))
    return frame.iloc[order].reset_index(drop=True)


def removal_effects(events: Any, *, goal: str, unit: Unit = "session", start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """How much would be lost if an event led nowhere? What each event carries on the way to the goal; it says what lies on the way, not
    what causes the goal.

    Input columns: user_id, ts, event; for ``unit="session"`` session_id where there is one (else visits are cut at 30 idle minutes).

    One row per event before the goal, the largest effect first.

    Output columns: ``event``; ``times`` it was done before the goal; ``conversion``: share of visits (or users) that reach the goal;
    ``conversion_without`` the event, all that come to it taken as lost; ``removal_effect``: the share of conversion lost, 0 to 1.

    Formula: the first-order chain of what lies before each unit's first goal, solved exactly: h = (I - Q)⁻¹ r is the chance of the goal
    from each event; without event e it is h(start) - P(start comes to e) h(e), P = N(start, e) / N(e, e), N = (I - Q)⁻¹. Anderl,
    Becker, von Wangenheim and Schumann, IJRM 33 (2016) 457.

    Raises NotMeasured when nobody reached the goal, InputError for a goal that does not occur, ParameterError for more than 2,000
    different events.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aabbc"), "event": ["home", "pay", "help", "pay", "home"]})
    >>> events["ts"] = pd.Timestamp("2025-06-18")
    >>> removal_effects(events, goal="pay").round(3)
      event  times  conversion  conversion_without  removal_effect
    0  help      1       0.667               0.333             0.5
    1  home      2       0.667               0.333             0.5
    """
    import pandas as pd

    table = histories(events)
    code = int(table.codes("event", [goal])[0])
    names = np.append(np.asarray(table.labels("event"), dtype=object), [START, END])
    size = len(names)
    if size > MOST_EVENTS + 2:
        raise ParameterError(f"removal_effects solves chains of up to {MOST_EVENTS:,} events, there are {size - 2:,}")
    keys, found = blocks.counts((_to_goal(block["event"], number, code, size) for block, number in blocks.in_units(
        table, unit, "event", start=start, as_of=as_of)), size * size)
    chain = np.zeros((size, size))
    chain[keys // size, keys % size] = found
    times = chain.sum(1)
    if not chain[:, code].any():
        raise NotMeasured(f"nobody reached the goal {goal} in this period")
    moving = np.flatnonzero((times > 0) & (np.arange(size) != code))  # (start) is the last of them
    share = chain[moving] / times[moving, None]
    visited = np.linalg.inv(np.eye(len(moving)) - share[:, moving])
    chance = visited @ share[:, code]
    lost = visited[-1] / np.diag(visited) * chance
    frame = pd.DataFrame({"event": names[moving], "times": times[moving].astype(np.int64), "conversion": chance[-1],
                          "conversion_without": np.maximum(chance[-1] - lost, 0), "removal_effect": np.minimum(lost / chance[-1], 1)})
    order = np.lexsort((names[moving[:-1]].astype(str), -frame["removal_effect"].to_numpy()[:-1].round(12)))
    return frame.iloc[order].reset_index(drop=True)


def loop_time(events: Any, *, start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """How much time goes by in circles: in coming back, within a visit, to what was done already?

    Input columns: user_id, ts, event; session_id where there is one (else visits are cut at 30 idle minutes).

    One row per event come back to and event come from, the most time first.

    Output columns: ``event`` that was done before in the visit; ``came_from``: the event directly before (the same one: repeated on the
    spot); ``times``; ``visits`` with it; ``minutes`` between came_from and the return, all together; ``share`` of the minutes of all
    visits.

    Formula: a visit's time is the sum of the times between its events; each of these goes to the later event and is time in a circle if
    that event was done before in the visit. So no minute counts twice.

    Raises InputError for a missing column.

    >>> import pandas as pd
    >>> minutes = pd.to_timedelta([0, 1, 3, 7], unit="min")
    >>> events = pd.DataFrame({"user_id": "a", "event": ["cart", "help", "cart", "pay"], "ts": pd.Timestamp("2025-06-18") + minutes})
    >>> loop_time(events).round(3)
      event came_from  times  visits  minutes  share
    0  cart      help      1       1      2.0  0.286
    """
    import pandas as pd

    table = histories(events)
    names = np.asarray(table.labels("event"), dtype=object)
    size, whole, parts = max(len(names), 1), 0, []
    for block, number in blocks.in_units(table, "session", "event", start=start, as_of=as_of):
        if not len(block):
            continue
        event, same = block["event"].astype(np.int64), number[1:] == number[:-1]
        spent = (block.ts[1:] - block.ts[:-1]) * same
        whole += int(spent.sum())
        visit = number.astype(np.int64) - int(number.min())
        again = 1 + np.flatnonzero(~blocks.first_seen(visit * size + event, (int(visit.max()) + 1) * size)[1:])
        keys, where = np.unique(event[again] * size + event[again - 1], return_inverse=True)
        once = blocks.distinct(where * (int(visit.max()) + 1) + visit[again])
        parts.append((keys, np.bincount(where, minlength=len(keys)), np.bincount(once // (int(visit.max()) + 1), minlength=len(keys)),
                      np.bincount(where, spent[again - 1], minlength=len(keys)).astype(np.int64)))
    keys, *sums = _added(parts, 3)
    times, visits, spent = sums
    frame = pd.DataFrame({"event": names[keys // size], "came_from": names[keys % size], "times": times, "visits": visits,
                          "minutes": spent / blocks.MINUTE_US, "share": spent / whole if whole else np.full(len(keys), np.nan)})
    return frame.iloc[np.lexsort((keys, -times, -spent))].reset_index(drop=True)


# The kernels -----------------------------------------------------------------------------------------------------------------

def _steps(event: np.ndarray, number: np.ndarray, size: int) -> np.ndarray:
    """A key event * size + next event for each row, and for each unit's start; the last two numbers are (start) and (end)."""
    first = np.ones(len(number) + 1, bool)
    np.not_equal(number[1:], number[:-1], out=first[1:-1])
    key = event.astype(np.int32 if size * size < 1 << 31 else np.int64)
    if not len(key):
        return key
    opening = key[first[:-1]] + (size - 2) * size
    following = np.append(key[1:], key.dtype.type(size - 1))
    following[first[1:]] = size - 1
    key *= size
    key += following
    return np.concatenate([key, opening])


def _to_goal(event: np.ndarray, number: np.ndarray, goal: int, size: int) -> np.ndarray:
    """As :func:`_steps`, of the rows up to each unit's first goal; what would follow the goal is (end)."""
    reached = np.cumsum(event == goal, dtype=np.int32)
    first = blocks.starts(number)
    at_start = reached[first] - (event[first] == goal)
    before = reached - np.repeat(at_start, np.diff(np.append(first, len(number))))
    kept = np.flatnonzero((before == 0) | ((before == 1) & (event == goal)))
    return _steps(event[kept], number[kept], size)


def _added(parts: list[tuple[np.ndarray, ...]], sums: int = 1) -> list[np.ndarray]:
    """Blocks' keys and sums by key made into one: keys that occur, and their sums."""
    columns = [np.concatenate([part[field] for part in parts] or [np.empty(0, np.int64)]) for field in range(sums + 1)]
    keys, where = np.unique(columns[0], return_inverse=True)
    out = [keys]
    for values in columns[1:]:
        total = np.zeros(len(keys), np.int64)
        np.add.at(total, where, values)
        out.append(total)
    return out
