"""Funnels: how many users go from one step to the next, for whom, and since when.

One definition throughout. A funnel is **closed and ordered**: a step counts only on a row later than the row that matched the step
before it (rows with the same time stamp keep the file's order); other events may lie between. An **attempt** starts at an
occurrence of the first step and must match the others within ``window_days`` of it, the last microsecond included; each step is
matched by its first possible row. A user is counted with the **best attempt**, the first of those that get furthest, so
a later start may succeed where an earlier one failed. A breakdown takes the value on the row where that attempt starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures import blocks
from opsnb.measures.intervals import wilson
from opsnb.tables.histories import Histories, histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.blocks import Period
    from opsnb.measures.intervals import Day
    from opsnb.tables.histories import Block

Unit = Literal["user", "session"]

MOST_STEPS = 7  # proposed
MOST_EVENTS = 30  # looked at for a proposal
GOALS = ("purchase", "payment", "pay", "paid", "order", "buy", "checkout", "subscribe", "conversion",
         "支付", "付款", "下单", "购买", "成交", "订阅")


def step_conversion(events: Any, steps: Sequence[str], *, window_days: float | None = None, unit: Unit = "user", by: str | None = None,
                    as_of: Day | None = None, start: Day | None = None) -> pd.DataFrame:
    """How many users reach each step of a funnel, and what share goes on from each step to the next.

    Input columns: user_id, ts, event; for ``unit="session"`` session_id where there is one (else visits are cut at 30 idle minutes);
    the column named by ``by``.

    One row per step, in order; with ``by``, per value of it (missing: None, last) and step.

    Output columns: ``[by]``; ``step``; ``users`` who reached it (sessions, for ``unit="session"``); ``step_conversion`` of the step
    before, 0 to 1; ``conversion`` of step 1, 0 to 1; ``low``, ``high``: 95% interval of step_conversion. Rates without a
    denominator are null.

    Formula: step_conversion = users of the step / users of the step before; the definition of a match is the module's. Wilson's interval.

    Raises InputError for a step or column that does not occur, ParameterError for an option that makes no sense.

    >>> import pandas as pd
    >>> day = pd.Timestamp("2025-06-18")
    >>> events = pd.DataFrame({"user_id": ["a", "a", "a", "b", "b"], "event": ["home", "home", "cart", "home", "home"],
    ...                        "ts": [day, day + pd.Timedelta("9D"), day + pd.Timedelta("10D"), day, day + pd.Timedelta("1D")]})
    >>> step_conversion(events, ["home", "cart"], window_days=7).round(3)
       step  users  step_conversion  conversion    low   high
    0  home      2              1.0         1.0  1.000  1.000
    1  cart      1              0.5         0.5  0.095  0.905
    """
    import pandas as pd

    table = histories(events)
    columns = _columns(table, by, ("step", "users", "step_conversion", "conversion", "low", "high"))
    codes, names = _steps(table, steps)
    width = _width(table, columns)
    keys = (values * len(codes) + depth - 1 for _, values, depth in _chosen(table, codes, columns, unit, window_days, start, as_of))
    groups, users = _reached(*blocks.counts(keys, width * len(codes)), len(codes))
    if not columns and not len(groups):
        groups, users = np.zeros(1, np.int64), np.zeros((1, len(codes)), np.int64)
    before = np.column_stack([users[:, 0], users[:, :-1]])
    low, high = wilson(users, before)
    low[:, 0] = high[:, 0] = np.where(users[:, 0] > 0, 1.0, np.nan)  # step 1 is the denominator: nothing uncertain
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = users / before, users / users[:, :1]
    frame = {column: np.repeat(values, len(codes)) for column, values in _labels(table, columns, groups).items()}
    return pd.DataFrame({**frame, "step": names * len(groups), "users": users.ravel(), "step_conversion": rates[0].ravel(),
                         "conversion": rates[1].ravel(), "low": low.ravel(), "high": high.ravel()})


def step_trend(events: Any, steps: Sequence[str], *, by: str | Sequence[str] | None = None, period: Period = "day",
               unit: Unit = "session", window_days: float | None = None, start: Day | None = None,
               as_of: Day | None = None) -> pd.DataFrame:
    """How each step converts over time, by the day, week or month in which the funnel was entered.

    Input columns: as :func:`step_conversion`; ``by`` may name several columns.

    One row per period of entry, value of ``by`` (each combination of values, for several) and step from the second on.

    Output columns: ``period_start``; the columns of ``by`` (missing: None); ``step``; ``entered``: reached the step before;
    ``converted``: of them, reached this step. Sessions, or users. Periods and values without an entry have no row.

    Formula: as :func:`step_conversion`, one best attempt per session; a user counts once in every period in which they entered,
    with the best attempt begun in it, which may end after it. An attempt whose window is still open at ``as_of`` is left out, as its
    outcome is not known yet; so users need ``window_days``, a session ends by itself.

    Raises as :func:`step_conversion`; ParameterError for ``unit="user"`` without ``window_days``, NotMeasured for a single step.

    >>> import pandas as pd
    >>> day = pd.Timestamp("2025-06-18 10:00")
    >>> events = pd.DataFrame({"user_id": list("aabb"), "event": ["home", "cart", "home", "home"], "device": list("xxyy"),
    ...                        "ts": [day, day + pd.Timedelta("5min"), day, day + pd.Timedelta("1D")]})
    >>> step_trend(events, ["home", "cart"], by="device")
      period_start device  step  entered  converted
    0   2025-06-18      x  cart        1          1
    1   2025-06-18      y  cart        1          0
    2   2025-06-19      y  cart        1          0
    """
    import pandas as pd

    if unit == "user" and window_days is None:
        raise ParameterError("step_trend of users needs window_days: without it those who came early have had more time than the others")
    table = histories(events)
    columns = _columns(table, by, ("period_start", "step", "entered", "converted"))
    codes, names = _steps(table, steps)
    if len(codes) < 2:
        raise NotMeasured("a path needs at least two steps; name them with the parameter steps")
    width, span = _width(table, columns), table.span() or (0, 0)
    first = int(blocks.periods(np.array(span[:1]), period)[0])
    last = blocks.span_us(start, as_of)[1] if as_of is not None else (span[1] // blocks.DAY_US + 1) * blocks.DAY_US
    open_from = last if window_days is None else last - _window_us(window_days)
    keys = (((blocks.periods(ts, period) - first) * width + values) * len(codes) + depth - 1
            for ts, values, depth in _chosen(table, codes, columns, unit, window_days, start, as_of, period, open_from))
    days = span[1] // blocks.DAY_US + 1 - first
    groups, reached = _reached(*blocks.counts(keys, days * width * len(codes)), len(codes))
    dates = ((groups // width + first).astype("datetime64[D]")).astype("datetime64[us]")
    frame = {column: np.repeat(values, len(codes) - 1) for column, values in _labels(table, columns, groups % width).items()}
    trend = pd.DataFrame({"period_start": np.repeat(dates, len(codes) - 1), **frame, "step": names[1:] * len(groups),
                          "entered": reached[:, :-1].ravel(), "converted": reached[:, 1:].ravel()})
    return trend


def proposed_steps(events: Any, *, last: str | None = None) -> list[str]:
    """The steps to look at when nobody named them: what most often leads, in which order, to the last one. At most seven.

    Input columns: user_id, ts, event. Returns event names, in order, ``last`` at the end.

    Formula: of the users who did ``last``, what came before their first time; events that at least half of them did; of
    those the six after which most of their users went on to do ``last``; in the order in which most users first did them (pairwise
    majorities, Copeland's count). Without ``last``, the event named
    most like a purchase, else the one that comes last on average among users' first times. Looks at the 30 most frequent events.

    Raises InputError when there are no events or ``last`` does not occur.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aaaabbb"), "ts": pd.date_range("2025-01-01", periods=7),
    ...                        "event": ["home", "cart", "help", "purchase", "home", "cart", "purchase"]})
    >>> proposed_steps(events, last="purchase")
    ['home', 'cart', 'help', 'purchase']
    """
    table = histories(events)
    labels = table.labels("event")
    found, often = blocks.counts((block["event"][block["event"] >= 0] for block in table.blocks("event")), len(labels))
    if not len(found):
        raise InputError("events: no rows, so there is nothing to propose steps from")
    if last is not None:
        table.codes("event", [last])
    shown = found[np.argsort(-often, kind="stable")[:MOST_EVENTS]]
    goal = int(table.codes("event", [last or _goal(table, shown)])[0])
    others = shown[shown != goal]
    did, led, users = np.zeros(len(others), np.int64), np.zeros(len(others), np.int64), 0
    for firsts, limit, never in _firsts(table, others, goal):
        did += (firsts < never).sum(0)
        led += ((firsts < limit) & (limit < never)).sum(0)
        users += int((limit < never).sum())
    common = np.flatnonzero(2 * led >= max(users, 1))
    common = common[np.argsort(-led[common] / did[common], kind="stable")[:MOST_STEPS - 1]]
    wins = np.zeros((len(common), len(common)), np.int64)
    for firsts, limit, never in _firsts(table, others[common], goal):
        for step in range(len(common)):
            wins[step] += ((firsts[:, [step]] < firsts) & (firsts < limit) & (limit < never)).sum(0)
    order = np.argsort(-(wins > wins.T).sum(1), kind="stable")
    return [str(labels[code]) for code in [*others[common][order], goal]]


# The kernel ------------------------------------------------------------------------------------------------------------------

def _chosen(table: Histories, codes: np.ndarray, columns: Sequence[str], unit: Unit, window_days: float | None, start: Day | None,
            as_of: Day | None, period: Period | None = None, open_from: int | None = None) -> Iterator[tuple[np.ndarray, ...]]:
    """Per block, of every unit's best attempt (with ``period``: of every user and period): ts and value at its start, steps reached."""
    if unit not in ("user", "session"):
        raise ParameterError(f"unit '{unit}' is not one; {nearest(unit, ('user', 'session'))}")
    window = None if window_days is None else _window_us(window_days)
    span = None if start is None and as_of is None else blocks.span_us(start, as_of)
    visits = ("session_id",) if unit == "session" and "session_id" in table else ()
    for block in table.blocks(*dict.fromkeys(("event", *columns, *visits))):
        order, units = blocks.visits(block) if unit == "session" else (None, block.user)
        event, ts = (block["event"], block.ts) if order is None else (block["event"][order], block.ts[order])
        row, depth = attempts(event, ts, units, codes, window, span)
        if open_from is not None:
            closed = ts[row] < open_from
            row, depth = row[closed], depth[closed]
        group = units[row]
        if period is not None and unit == "user":
            entry = blocks.periods(ts[row], period)
            group = group.astype(np.int64) * (1 << 31) + (entry + (1 << 30))
        best = blocks.first_best(group, depth)
        row, depth = row[best], depth[best].astype(np.int64)
        yield ts[row], _values(table, columns, block, row if order is None else order[row]), depth


def attempts(event: np.ndarray, ts: np.ndarray, unit: np.ndarray, codes: Sequence[int], window_us: int | None = None,
             span: tuple[int, int] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Every attempt at the funnel: (row of its start, number of steps it reaches). Units stand together, rows in order of time.

    >>> attempts(np.array([0, 1, 0, 1, 2]), np.arange(5), np.zeros(5, int), [0, 1, 2], window_us=2)
    (array([0, 2]), array([2, 3], dtype=int8))
    """
    which = {int(code): place for place, code in enumerate(dict.fromkeys(codes))}
    none = len(which)
    of_code = np.full(max(int(event.max(initial=0)), *which) + 2, none, np.min_scalar_type(none))
    of_code[list(which)] = range(none)
    step = of_code.take(event, mode="wrap")  # -1, a missing event, takes the last one: none
    if span is not None:
        step[(ts < span[0]) | (ts >= span[1])] = none
    anchor = np.flatnonzero(step == 0)
    if window_us is None:  # what a later start reaches, the unit's first one reaches too
        anchor = anchor[blocks.starts(unit[anchor])]
    depth = np.ones(len(anchor), np.int8)
    alive, row, whose, start = np.arange(len(anchor)), anchor, unit[anchor], ts[anchor]
    for code in codes[1:]:
        matches = step == which[int(code)]
        seen = np.cumsum(matches, dtype=np.int32)  # matching rows up to and including each row: the next one has this number
        row = np.append(np.flatnonzero(matches), -1)[seen[row]]
        goes_on = (row >= 0) & (unit[row] == whose)
        if window_us is not None:
            goes_on &= ts[row] <= start + window_us
        kept = np.flatnonzero(goes_on)
        alive, row, whose, start = alive[kept], row[kept], whose[kept], start[kept]
        depth[alive] += 1
    return anchor, depth


def _reached(keys: np.ndarray, found: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Keys group * steps + (depth - 1) and their counts made into (groups, matrix of who reached each step or a later one)."""
    groups, where = np.unique(keys // steps, return_inverse=True)
    exactly = np.zeros((len(groups), steps), np.int64)
    exactly[where, keys % steps] = found
    return groups, np.ascontiguousarray(exactly[:, ::-1].cumsum(1)[:, ::-1])


def _firsts(table: Histories, codes: np.ndarray, goal: int) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Per block: every user's first row of each event (users x events), that of the goal (a column), and the number that says never."""
    for block in table.blocks("event"):
        user, never = blocks.numbered(block.starts, len(block)), len(block)
        firsts = np.full((int(user[-1]) + 1 if never else 0, len(codes) + 1), never, np.int32)
        for column, code in enumerate([*codes, goal]):
            rows = np.flatnonzero(block["event"] == code)
            rows = rows[blocks.starts(user[rows])]
            firsts[user[rows], column] = rows
        yield firsts[:, :-1], firsts[:, -1:], never


# Options ---------------------------------------------------------------------------------------------------------------------

def _steps(table: Histories, steps: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Codes of the steps, and names to show: the second "cart" of a funnel is shown as "cart (2)"."""
    if isinstance(steps, str) or not len(steps):
        raise ParameterError(f"steps must be a list of at least one event name, got {steps!r}; {nearest(steps, table.labels('event'))}")
    names = [str(step) for step in steps]
    again = [names[:place + 1].count(name) for place, name in enumerate(names)]
    return table.codes("event", names), [name if time == 1 else f"{name} ({time})" for name, time in zip(names, again, strict=True)]


def _window_us(window_days: float) -> int:
    if not window_days > 0:
        raise ParameterError(f"window_days must be more than 0, got {window_days}")
    return round(window_days * blocks.DAY_US)


def _columns(table: Histories, by: str | Sequence[str] | None, taken: Sequence[str]) -> tuple[str, ...]:
    columns = () if by is None else (by,) if isinstance(by, str) else tuple(by)
    for column in columns:
        table.labels(column)
        if column in taken:
            raise ParameterError(f"by '{column}' is also the name of a column of the result; rename the property")
    return columns


def _width(table: Histories, columns: Sequence[str]) -> int:
    """Number of combinations of values, missing counted as one more value."""
    return int(np.prod([len(table.labels(column)) + 1 for column in columns], dtype=np.int64)) if columns else 1


def _values(table: Histories, columns: Sequence[str], block: Block, rows: np.ndarray) -> np.ndarray:
    """One code for the combination of the columns' values; a missing value comes last."""
    combined = np.zeros(len(rows), np.int64)
    for column in columns:
        size = len(table.labels(column)) + 1
        value = block[column][rows].astype(np.int64)
        combined = combined * size + np.where(value < 0, size - 1, value)
    return combined


def _labels(table: Histories, columns: Sequence[str], combined: np.ndarray) -> dict[str, np.ndarray]:
    """The other way round: column -> its values."""
    out = {}
    for column in reversed(columns):
        texts = np.append(np.asarray(table.labels(column), dtype=object), None)
        out[column], combined = texts[combined % len(texts)], combined // len(texts)
    return {column: out[column] for column in columns}


def _goal(table: Histories, codes: np.ndarray) -> str:
    """The event most like a purchase: named so, else the one whose first time comes last among users' first times."""
    names = [str(table.labels("event")[code]) for code in codes]
    for word in GOALS:
        for name in names:
            if name.casefold() == word:
                return name
    for word in GOALS:
        for name in names:
            if word in name.casefold().replace("_", " ").replace("-", " ").split() or (not word.isascii() and word in name):
                return name
    place, users = np.zeros(len(codes)), np.zeros(len(codes))
    for firsts, _, never in _firsts(table, codes, int(codes[0])):
        did = firsts < never
        rank = np.argsort(np.argsort(firsts, axis=1), axis=1) / np.maximum(did.sum(1, keepdims=True) - 1, 1)
        place, users = place + np.where(did, rank, 0).sum(0), users + did.sum(0)
    often = users >= 0.01 * users.max()
    return names[int(np.argmax(np.where(often, place / np.maximum(users, 1), -1)))]
