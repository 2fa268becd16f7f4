"""Waits: how long it takes from the first step of a funnel to the last, with those counted in who have not had the time yet.

A user's wait begins with their **first** row of the first step and ends where the other steps have followed in order, each matched by
its first possible row as in :mod:`opsnb.measures.funnel`. A wait that has not ended is **censored**: it is known to be longer than what was
seen of it, up to the end of the window or of the data. The funnel itself counts a user's best attempt, so with a window it may count
users whose second attempt succeeded, and whose wait here is censored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures import blocks
from opsnb.measures.intervals import z_of
from opsnb.measures.steps import matches
from opsnb.measures.walks import required_steps
from opsnb.tables.histories import Histories, histories

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from opsnb.measures.intervals import Day
    from opsnb.measures.steps import Event, Step

MOST_POINTS = 200  # of one curve
MOST_VALUES = 12  # of one breakdown; the rest is one curve
OTHER = "other"
COLUMNS = ("minutes", "waiting", "converted", "censored", "conversion", "low", "high")


def conversion_curve(events: Any, steps: Sequence[Event], *, window_days: float | None = None, by: str | None = None,
                     start: Day | None = None, as_of: Day | None = None, level: float = 0.95, points: int = MOST_POINTS) -> pd.DataFrame:
    """What share of users has converted so many minutes after the first step?

    Input columns: user_id, ts, event, those of conditions; the column named by ``by``, read on the row where the wait begins. ``steps``: as
    ``funnel.step_conversion`` takes them, none optional. Rows before the day ``start`` and
    after the day ``as_of`` do not count; without as_of the data ends with its last row.

    One row per [value of ``by`` and] time, from 0 on; see :func:`product_limit` for the times that are kept. Of a breakdown the 12 values
    with most users, all others as "other", and the missing as None, last.

    Output columns: ``[by]``; those of :func:`product_limit`.

    Formula: :func:`product_limit` of the waits as the module defines them. The last microsecond of ``window_days`` counts, as in the
    funnel.

    Raises InputError for a step or column that does not occur, ParameterError for an option that makes no sense, NotMeasured where nobody
    did the first step.

    >>> import pandas as pd
    >>> day = pd.Timestamp("2025-06-18")
    >>> events = pd.DataFrame({"user_id": list("aabbc"), "event": ["home", "cart", "home", "cart", "home"],
    ...                        "ts": day + pd.to_timedelta([0, 10, 0, 30, 5], unit="min")})
    >>> conversion_curve(events, ["home", "cart"])[["minutes", "waiting", "converted", "censored", "conversion"]].round(3)
       minutes  waiting  converted  censored  conversion
    0      0.0        3          0         0       0.000
    1     10.0        3          1         0       0.333
    2     30.0        1          2         1       1.000
    """
    import pandas as pd

    table = histories(events)
    if isinstance(steps, str) or len(steps) < 2:
        raise ParameterError(f"steps must be a list of at least two event names, got {steps!r}; {nearest(steps, table.labels('event'))}")
    if by in COLUMNS:
        raise ParameterError(f"by '{by}' is also the name of a column of the result; rename the property")
    values = np.array([None], object) if by is None else np.append(np.asarray(table.labels(by), object), None)
    read = required_steps(table, steps)
    parts = list(_waits(table, read, by, window_days, start, as_of))
    if not sum(len(part[0]) for part in parts):
        raise NotMeasured(f"nobody did '{read[0].name}' in this period")
    wait, converted, group = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    group %= len(values)  # -1, missing, is the last
    often = np.bincount(group, minlength=len(values))
    shown = np.sort(np.argsort(-often[:-1], kind="stable")[:MOST_VALUES])
    rest = np.flatnonzero((often[:-1] > 0) & ~np.isin(np.arange(len(values) - 1), shown))
    values, group = np.append(values, OTHER), np.where(np.isin(group, rest), len(values), group) if len(rest) else group
    curves = []
    for one in (*shown[often[shown] > 0], len(values) - 1, len(values) - 2):
        own = group == one
        if own.any():
            curve = product_limit(wait[own] / blocks.MINUTE_US, converted[own], level=level, points=points)
            if by is not None:
                curve.insert(0, by, pd.Series([values[one]] * len(curve), dtype=object))
            curves.append(curve)
    return pd.concat(curves, ignore_index=True)


def product_limit(minutes: ArrayLike, converted: ArrayLike, *, level: float = 0.95, points: int = MOST_POINTS) -> pd.DataFrame:
    """The cumulative curve of waits of which some were cut off: what share has converted after so many minutes.

    Input: ``minutes`` seen of each wait, ``converted``: did it end then, or was it cut off.

    One row per time at which somebody converted, of which at most ``points`` are kept, spread evenly over the curve's height; before them
    the time 0, after them the longest time seen, where it is later.

    Output columns: ``minutes``; ``waiting``: users still waiting just before, who would have been seen to convert then; ``converted``:
    so many have by then; ``censored``: so many were cut off before; ``conversion``: share that has converted by then, 0 to 1; ``low``,
    ``high``: its interval at ``level``, null before the first conversion and once everybody left has converted.

    Formula: Kaplan and Meier, JASA 53 (1958) 457: conversion = 1 - product of (1 - d / n) over the times up to then, d converted of n
    waiting; who was cut off when others converted counts as waiting. Greenwood's variance (1926), sum of d / (n (n - d)), on the scale
    of log(-log(1 - conversion)), which keeps the band between 0 and 1: Kalbfleisch and Prentice (1980).
    Right if who is cut off would have converted like the others: so of users who came late, not of users who were taken out for a reason.

    Raises InputError for minutes that are negative or missing or for lists of different length, ParameterError for fewer than 2 points.

    >>> product_limit([10, 20, 20, 30], [True, True, False, False]).round(3)
       minutes  waiting  converted  censored  conversion    low   high
    0      0.0        4          0         0        0.00    NaN    NaN
    1     10.0        4          1         0        0.25  0.039  0.872
    2     20.0        3          2         0        0.50  0.155  0.942
    3     30.0        1          2         1        0.50  0.155  0.942
    """
    import pandas as pd

    z = z_of(level)
    if points < 2:
        raise ParameterError(f"points = {points}; allowed: 2 or more")
    minutes, converted = np.asarray(minutes, float), np.asarray(converted, bool)
    if minutes.shape != converted.shape or minutes.ndim != 1:
        raise InputError(f"minutes and converted must be lists of one length, got {minutes.shape} and {converted.shape}")
    if not (minutes >= 0).all():
        raise InputError(f"minutes[{int(np.argmin(minutes >= 0))}] is {minutes[np.argmin(minutes >= 0)]}; a wait is 0 or more")
    times, ends = np.unique(minutes[converted], return_counts=True)
    every = np.sort(minutes)
    waiting = len(every) - np.searchsorted(every, times)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.exp(np.cumsum(np.log1p(-ends / waiting)))
        spread = np.sqrt(np.cumsum(ends / (waiting * (waiting - ends)))) / np.abs(np.log(left))
        low, high = 1 - left ** np.exp(-z * spread), 1 - left ** np.exp(z * spread)
    known = left > 0
    done = np.cumsum(ends)
    kept = np.arange(len(times))
    if len(times) > points:
        kept = np.unique(np.searchsorted(-left, np.linspace(-left[0], -left[-1], points)))
    before = len(every) - waiting - (done - ends)
    columns = (times, waiting, done, before, 1 - left, np.where(known, low, np.nan), np.where(known, high, np.nan))
    rows = [column[kept] for column in columns]
    if not len(rows[0]) or rows[0][0] > 0:
        rows = [np.append(first, row) for first, row in zip((0.0, len(every), 0, 0, 0.0, np.nan, np.nan), rows, strict=True)]
    if len(every) and every[-1] > rows[0][-1]:
        final, total = int((every == every[-1]).sum()), int(done[-1]) if len(done) else 0
        rows = [np.append(row, last) for row, last in
                zip(rows, (every[-1], final, total, len(every) - final - total, *(row[-1] for row in rows[4:])), strict=True)]
    frame = pd.DataFrame(dict(zip(COLUMNS, rows, strict=True)))
    return frame.astype({name: np.int64 for name in COLUMNS[1:4]})


def _waits(table: Histories, steps: Sequence[Step], by: str | None, window_days: float | None, start: Day | None,
           as_of: Day | None) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Per block and user who did the first step: microseconds seen of the wait, whether it ended, value of ``by`` at its start."""
    if window_days is not None and not window_days > 0:
        raise ParameterError(f"window_days must be more than 0, got {window_days}")
    longest = 1 << 62 if window_days is None else round(window_days * blocks.DAY_US)
    low, high = blocks.span_us(start, as_of)
    end = high if as_of is not None else (table.span() or (0, 0))[1]
    size, conditions = len(table.labels("event")), sorted(set().union(*(step.columns for step in steps)))
    for block in table.blocks(*dict.fromkeys(("event", *(() if by is None else (by,)), *conditions))):
        match = matches(steps, block.columns, size, (block.ts >= low) & (block.ts < high))
        row = np.flatnonzero(match(0))
        row = first = row[blocks.starts(block.user[row])]
        reached = np.ones(len(first), bool)
        for place in range(1, len(steps)):
            matched = match(place)
            seen = np.cumsum(matched, dtype=np.int64)  # matching rows up to and including each row: the next one has this number
            row = np.append(np.flatnonzero(matched), -1)[seen[row]]
            reached &= (row >= 0) & (block.user[row] == block.user[first])
        wait = block.ts[row] - block.ts[first]
        converted = reached & (wait <= longest)
        group = np.zeros(len(first), np.int64) if by is None else block[by][first].astype(np.int64)
        yield np.where(converted, wait, np.minimum(longest, end - block.ts[first])), converted, group
