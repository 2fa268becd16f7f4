"""Funnels: how many users go from one step to the next, for whom, and since when.

One definition throughout. A funnel is **closed and ordered**: a step counts only on a row later than the row that matched the step
before it (rows with the same time stamp keep the file's order); other events may lie between. An **attempt** starts at an
occurrence of the first step and must match the others within ``window_days`` of it, the last microsecond included; each step is
matched by its first possible row. A user is counted with the **best attempt**, the first of those that get furthest, so
a later start may succeed where an earlier one failed. A breakdown takes the value on the row where that attempt starts.

What may be asked for instead (steps, exclusions: :mod:`opsnb.measures.steps`; how rows are matched: :mod:`opsnb.measures.attempts`):

- ``order``: "any" asks for the steps in whatever order, "direct" for each on the very next row.
- ``within_session``: an attempt ends with the visit it starts in. ``unit``: what is counted, each with its best attempt; "attempt" counts
  one attempt after another, a new one beginning once the one before has completed or its window has closed.
- ``without``: events that may not lie between two steps. An attempt gets no further than the step before them.
- ``holding``: a property with the same value at all steps. Rows with another value are as if they were somebody else's, rows without a
  value match no step. Exclusions and "direct" look at all rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

import numpy as np

from opsnb.errors import NotMeasured, ParameterError, nearest
from opsnb.measures import blocks
from opsnb.measures.entries import Entries, Question, entries, joined, question
from opsnb.measures.intervals import wilson
from opsnb.measures.lengths import quantiles
from opsnb.measures.proposals import MOST_EVENTS, MOST_STEPS, proposed_steps
from opsnb.measures.steps import Breakdown, Order, Unit, breakdown, place_of
from opsnb.tables.histories import Histories, histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.blocks import Period
    from opsnb.measures.intervals import Day
    from opsnb.measures.steps import Event

__all__ = ["MOST_EVENTS", "MOST_STEPS", "Order", "Unit", "Which", "proposed_steps", "step_conversion", "step_trend", "users_at"]

Which = Literal["reached", "lost", "still open"]
MEASURED = ("step", "users", "step_conversion", "conversion", "low", "high", "lost", "still_open", "median_minutes", "p90_minutes")
OTHER = "other"


class Options(TypedDict, total=False):
    """The options of :func:`step_conversion`."""

    window_days: float | None
    window_minutes: float | None
    within_session: bool
    unit: Unit
    order: Order
    without: Event | None
    holding: str | None
    by: str | None
    by_at: str | int
    top: int | None
    start: Day | None
    as_of: Day | None


def step_conversion(events: Any, steps: Sequence[Event], *, window_days: float | None = None, unit: Unit = "user", by: str | None = None,
                    as_of: Day | None = None, start: Day | None = None, window_minutes: float | None = None, within_session: bool = False,
                    order: Order = "sequence", without: Event | None = None, holding: str | None = None, by_at: str | int = "first",
                    top: int | None = None) -> pd.DataFrame:
    """How many users reach each step of a funnel, and what share goes on from each step to the next.

    Input columns: user_id, ts, event; for sessions session_id where there is one (else visits are cut at 30 idle minutes); the columns
    named by ``by``, ``holding`` and the conditions of steps. ``by_at``: the step whose row gives the value, "first", "last" (the last one
    done), a name or a number from 1; who did not get there has none. ``top``: the values with the most users, the rest is "other".

    One row per step, in order; with ``by``, per value of it (other: before missing; missing: None, last) and step.

    Output columns: ``[by]``; ``step``; ``users`` who reached it (sessions or attempts, if ``unit`` says so); ``step_conversion`` of the
    step before, 0 to 1; ``conversion`` of step 1, 0 to 1; ``low``, ``high``: 95% interval of step_conversion; ``lost``: of those at the
    step before, how many did not reach it; ``still_open``: how many more have reached it so far, whose window ends after ``as_of``;
    ``median_minutes``, ``p90_minutes``: time from the start of the attempt to this step, of those who reached it. The step before is the
    last one that is not optional. Rates and times without anyone to take them of are null.

    Formula: step_conversion = users of the step / users of the step before; the definition of a match is the module's. Wilson's interval.
    With a window and ``as_of``, attempts whose window has not closed by the end of that day are left out, whether they succeeded or not;
    who has only such attempts is counted in still_open and nowhere else. Percentiles by linear interpolation.

    The same question elsewhere, as documented there in 2026 (first two) or run (third), home then cart:

    - Mixpanel, uniques: the window runs from the user's first home; a later one counts only if "optimized re-entry" is switched on, and
      then the latest before the cart. Steps within two seconds of each other count in either order. home 10:00, home 11:30, cart
      12:00 with an hour: 1 of 1 here, from 11:30; 0 of 1 there.
    - Amplitude, uniques: the earliest of the furthest attempts, as here; but times are rounded to the second, steps in one second
      count in either order, and an event twice in one second is one. cart 10:00:00.2, home 10:00:00.8: 0 of 1 here, 1 of 1
      there; home, home as steps, both in one second: 1 of 1 here, 0 of 1 there.
    - ClickHouse, windowFunnel: the depth of the best attempt, window inclusive, as here; but at equal times rows are taken in the order
      of the steps, not of the file, and one row may match two steps ("strict_increase" and "strict_once" change that). cart and home
      at one time, in this order in the file: 0 of 1 here, 1 of 1 there; home, home as steps and a single home: 0 of 1 here, 1 there.

    Raises InputError for a step or column that does not occur, ParameterError for an option that makes no sense.

    >>> import pandas as pd
    >>> day = pd.Timestamp("2025-06-18")
    >>> events = pd.DataFrame({"user_id": ["a", "a", "a", "b", "b"], "event": ["home", "home", "cart", "home", "home"],
    ...                        "ts": [day, day + pd.Timedelta("9D"), day + pd.Timedelta("10D"), day, day + pd.Timedelta("1D")]})
    >>> found = step_conversion(events, ["home", "cart"], window_days=7)
    >>> found.iloc[:, :6].round(3)
       step  users  step_conversion  conversion    low   high
    0  home      2              1.0         1.0  1.000  1.000
    1  cart      1              0.5         0.5  0.095  0.905
    >>> found[["step", "lost", "still_open", "median_minutes", "p90_minutes"]]
       step  lost  still_open  median_minutes  p90_minutes
    0  home     0           0             0.0          0.0
    1  cart     1           0          1440.0       1440.0
    """
    import pandas as pd

    options = Options(window_days=window_days, window_minutes=window_minutes, within_session=within_session, unit=unit, order=order,
                      without=without, holding=holding, by=by, by_at=by_at, top=top, start=start, as_of=as_of)
    table, q, top = _asked(events, steps, options)
    parts, values = _shown(list(entries(table, q)), q.by, top)
    count = len(next(iter(values.values()))) if values else 1
    waiting = _reached([_only(part, part.open) for part in parts], count, len(q.steps))
    parts = [_only(part, ~part.open) for part in parts]
    closed = _reached(parts, count, len(q.steps))
    before = closed[:, _before(q)]
    low, high = wilson(closed, before)
    low[:, 0] = high[:, 0] = np.where(closed[:, 0] > 0, 1.0, np.nan)  # step 1 is the denominator: nothing uncertain
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = closed / before, closed / closed[:, :1]
    times = [[(part.took[step], part.value.take(part.done[step])) for part in parts] for step in range(len(q.steps))]
    minutes = np.stack([quantiles(one, count, (0.5, 0.9)) for one in times], axis=2) / blocks.MINUTE_US
    named = {column: np.repeat(shown, len(q.steps)) for column, shown in values.items()}
    measured = ([step.name for step in q.steps] * count, closed, *rates, low, high, before - closed, waiting, *minutes)
    return pd.DataFrame({**named, **{name: np.ravel(one) for name, one in zip(MEASURED, measured, strict=True)}})


def users_at(events: Any, steps: Sequence[Event], step: str | int, *, which: Which = "reached", show: Literal["id", "hash"] = "id",
             salt: str = "", **options: Unpack[Options]) -> pd.DataFrame:
    """Who is behind a number of :func:`step_conversion`: the users who reached a step, were lost at it, or have reached it with their
    window still open. To a file: ``users_at(...).to_csv(path, index=False)``.

    Input columns and ``options``: as :func:`step_conversion`. ``step``: as it shows it, or its number from 1. ``show="hash"`` gives the
    SHA-256 of salt and id, as hexadecimal text, in place of the id; without a salt, ids that can be guessed can be found again from it.

    One row per user, by user; per session or attempt, if ``unit`` says so, so that there are as many rows as the table has counted.

    Output columns: ``user_id``, id or hash; ``[by]``; ``start``: time of the attempt's first row; ``minutes`` from it to the step, null
    for who did not reach it.

    Raises as :func:`step_conversion`; ParameterError for a step that is not one of the funnel's.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": ["a", "a", "b"], "event": ["home", "cart", "home"],
    ...                        "ts": pd.to_datetime(["2025-06-18 10:00", "2025-06-18 10:05", "2025-06-18 11:00"])})
    >>> users_at(events, ["home", "cart"], "cart")
      user_id               start  minutes
    0       a 2025-06-18 10:00:00      5.0
    >>> users_at(events, ["home", "cart"], "cart", which="lost", show="hash", salt="2025")["user_id"].str[:8].tolist()
    ['5d435a72']
    """
    import pandas as pd

    for name, value, allowed in (("which", which, ("reached", "lost", "still open")), ("show", show, ("id", "hash"))):
        if value not in allowed:
            raise ParameterError(f"{name} '{value}' is not one; {nearest(value, allowed)}")
    table, q, top = _asked(events, steps, options)
    place = place_of(step, q.steps)
    parts, values = _shown(list(entries(table, q)), q.by, top)
    found = joined(parts, len(q.steps))
    minutes = np.full(len(found.user), np.nan)
    minutes[found.done[place]] = found.took[place] / blocks.MINUTE_US
    reached, came = ~np.isnan(minutes), np.zeros(len(minutes), bool)
    came[found.done[_before(q)[place]]] = True
    kept = np.flatnonzero(reached & found.open if which == "still open" else reached & ~found.open if which == "reached"
                          else ~reached & came & ~found.open)
    codes, whose = np.unique(found.user[kept], return_inverse=True)
    ids = np.array([str(user) for user in np.asarray(table.users, dtype=object)[codes]], object)
    if show == "hash":
        ids = np.array([hashlib.sha256(f"{salt}{user}".encode()).hexdigest() for user in ids], object)
    return pd.DataFrame({"user_id": ids[whose], **{column: shown[found.value[kept]] for column, shown in values.items()},
                         "start": found.start[kept].view("datetime64[us]"), "minutes": minutes[kept]})


def step_trend(events: Any, steps: Sequence[Event], *, by: str | Sequence[str] | None = None, period: Period = "day",
               unit: Unit = "session", window_days: float | None = None, start: Day | None = None,
               as_of: Day | None = None) -> pd.DataFrame:
    """How each step converts over time, by the day, week or month in which the funnel was entered.

    Input columns: as :func:`step_conversion`; ``by`` may name several columns.

    One row per period of entry, value of ``by`` (each combination of values, for several) and step from the second on.

    Output columns: ``period_start``; the columns of ``by`` (missing: None); ``step``; ``entered``: reached the step before;
    ``converted``: of them, reached this step. Sessions, or users. Periods and values without an entry have no row.

    Formula: as :func:`step_conversion`, one best attempt per session; a user counts once in every period in which they entered,
    with the best attempt begun in it, which may end after it. An attempt whose window is still open at ``as_of`` is left out, as its
    outcome is not known yet; so users need ``window_days``, a session ends by itself. The step before is the last one that is not optional.

    Raises as :func:`step_conversion`; ParameterError for users or attempts without ``window_days``, NotMeasured for a single step.

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

    if unit in ("user", "attempt") and window_days is None:
        raise ParameterError(f"step_trend of {unit}s needs window_days: without it those who came early have had more time than the others")
    table = histories(events)
    asked = breakdown(table, by, ("period_start", "step", "entered", "converted"))
    q = question(table, steps, asked, unit=unit, window_us=_window_us(window_days, None), start=start, as_of=as_of)
    if len(q.steps) < 2:
        raise NotMeasured("a path needs at least two steps; name them with the parameter steps")
    span = table.span() or (0, 0)
    first = int(blocks.periods(np.array(span[:1]), period)[0])
    last = q.span[1] if as_of is not None else (span[1] // blocks.DAY_US + 1) * blocks.DAY_US
    found = joined(list(entries(table, q._replace(period=period, open_from=last - (q.window_us or 0), times=False))), len(q.steps))
    found = _only(found, ~found.open)
    since = blocks.periods(found.start, period) - first
    days, number, _ = blocks.seen(since, int(since.max(initial=0)) + 1)
    groups, group, _ = blocks.seen(number.astype(np.int64) * asked.width + found.value, len(days) * asked.width)
    reached = _reached([found._replace(value=group)], len(groups), len(q.steps))
    dates = (days[groups // asked.width] + first).astype("datetime64[D]").astype("datetime64[us]")
    later = len(q.steps) - 1
    rows = np.repeat(np.arange(len(groups)), later)  # repeated as pandas holds them: texts need no second look
    frame = pd.DataFrame(asked.labels(groups % asked.width), index=range(len(groups))).take(rows)
    steps_of = pd.Series([step.name for step in q.steps[1:]]).take(np.tile(np.arange(later), len(groups)))
    return pd.DataFrame({"period_start": dates[rows], **{column: frame[column].array for column in frame}, "step": steps_of.array,
                         "entered": reached[:, _before(q)[1:]].ravel(), "converted": reached[:, 1:].ravel()})


# What both ask ---------------------------------------------------------------------------------------------------------------

def _asked(events: Any, steps: Sequence[Event], options: Options) -> tuple[Histories, Question, int | None]:
    """The table, the question, and how many values of the breakdown are shown."""
    table, rest = histories(events), dict(options)
    for name in options:
        if name not in Options.__annotations__:
            raise ParameterError(f"'{name}' is not an option of a funnel; {nearest(name, Options.__annotations__)}")
    by, top, window = rest.pop("by", None), rest.pop("top", None), (rest.pop("window_days", None), rest.pop("window_minutes", None))
    if top is not None and (by is None or not top >= 1):
        raise ParameterError(f"top must be at least 1 and needs 'by', got top={top}, by={by}")
    asked = breakdown(table, by, (*MEASURED, "user_id", "start", "minutes"))
    return table, question(table, steps, asked, window_us=_window_us(*window), **rest), top


def _shown(parts: list[Entries], asked: Breakdown, top: int | None) -> tuple[list[Entries], dict[str, np.ndarray]]:
    """The entries with the number of the shown value in place of its code, and the values shown."""
    if not asked.columns:
        return parts, {}
    group, values = _numbered(np.concatenate([np.empty(0, np.int64), *(part.value for part in parts)]), asked, top)
    ends = np.cumsum([len(part.value) for part in parts])
    return [part._replace(value=own) for part, own in zip(parts, np.split(group, ends[:-1]), strict=bool(parts))], values


def _numbered(value: np.ndarray, asked: Breakdown, top: int | None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Number of each value among those shown, and these: those that occur, or the most frequent ones, "other" and the missing one."""
    codes, group, often = blocks.seen(value, asked.width)
    shown = asked.labels(codes)
    if top is None:
        return group, shown
    (column, texts), = shown.items()
    known = np.flatnonzero(codes < asked.width - 1)
    if len(known) <= top:
        return group, shown
    kept = np.sort(known[np.argsort(-often[known], kind="stable")[:top]])
    number = np.full(len(codes), len(kept))
    number[kept] = np.arange(len(kept))
    missing = codes == asked.width - 1
    number[missing] = len(kept) + 1
    other = OTHER if OTHER not in asked.values[0] else f"{OTHER} (2)"
    return number[group], {column: np.array([*texts[kept], other, *texts[missing]], object)}


def _before(q: Question) -> list[int]:
    """For each step the place of the last one before it that is not optional; for the first, itself."""
    return [max((place for place in range(step) if not q.optional[place]), default=0) for step in range(len(q.steps))]


def _reached(parts: Sequence[Entries], count: int, steps: int) -> np.ndarray:
    """Groups x steps: how many did the step; ``value`` is the group's number."""
    reached = np.zeros((count, steps), np.int64)
    for part in parts:
        for step, done in enumerate(part.done):
            reached[:, step] += np.bincount(part.value.take(done), minlength=count)
    return reached


def _only(found: Entries, which: np.ndarray) -> Entries:
    """Some of the entries; all of them are not copied."""
    if which.all():
        return found
    kept = [np.flatnonzero(which.take(done)) for done in found.done]
    number = np.cumsum(which) - 1
    return Entries(*(one[which] for one in found[:4]), [number.take(done.take(rows)) for done, rows in zip(found.done, kept, strict=True)],
                   [took.take(rows) for took, rows in zip(found.took, kept, strict=False)])


def _window_us(window_days: float | None, window_minutes: float | None) -> int | None:
    if window_days is not None and window_minutes is not None:
        raise ParameterError(f"either window_days or window_minutes, not both, got {window_days} and {window_minutes}")
    for name, window, unit_us in (("window_days", window_days, blocks.DAY_US), ("window_minutes", window_minutes, blocks.MINUTE_US)):
        if window is not None:
            if not 0 < window * unit_us < 1 << 60:
                raise ParameterError(f"{name} must be more than 0 and within some 30,000 years, got {window}; leave it out for no limit")
            return round(window * unit_us)
    return None
