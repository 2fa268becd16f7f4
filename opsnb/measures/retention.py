"""Who comes back: cohorts of users, and the share that is back after so many days. Repeat purchase and curves have files of their own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from opsnb.errors import NotMeasured, ParameterError, nearest
from opsnb.measures.activity import joining, table_of, visits
from opsnb.measures.blocks import DAY_US, Period, periods, starts
from opsnb.measures.curves import retention_curve, return_curve
from opsnb.measures.intervals import wilson
from opsnb.measures.purchases import last_day
from opsnb.measures.repeats import repeat_breaks, repeat_rate

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

__all__ = ["KINDS", "cohort_retention", "day_retention", "repeat_breaks", "repeat_rate", "retention_curve", "return_curve"]

Kind = Literal["on", "on_or_after", "bracket"]
KINDS = ("on", "on_or_after", "bracket")
BRACKETS = {"day": (1, 7, 14, 30, 60, 90), "week": (1, 4, 8, 13, 26), "month": (1, 3, 6, 12, 24)}


def cohort_retention(events: Any, *, period: Period = "month", as_of: Day | None = None, kind: Kind = "on",
                     by: str | None = None, brackets: Sequence[int] | None = None, first: str | None = None,
                     then: str | None = None) -> pd.DataFrame:
    """What share of the users who came first in a period is back one, two, three periods later.

    Input columns: user_id, ts (events, or orders for retention of buyers); the column named by ``by``, e.g. channel, read on the
    user's first row; event, where ``first`` or ``then`` name one. ``first``: the event with which a user joins a cohort, in place of the
    first of all. ``then``: the event that counts as being back, after the row with which the user joined; so ``first="payment",
    then="payment"`` is who buys again. ``brackets``: last periods of the brackets.

    One row per [value of by,] cohort and period_index, from 0 to the oldest cohort's age (of ``kind="bracket"``: per bracket that fits
    in there); a cohort that nobody joined has no rows.

    Output columns: ``[by]``; ``cohort``, first day of the period of the first row; ``period_index``, periods since; ``[period_from]``, first
    period of the bracket, whose last one period_index is; ``cohort_users``; ``users`` of the cohort active in that period; ``retained``:
    the same for ``kind="on"``, active then or later for ``"on_or_after"`` (rolling retention), active at least once in the bracket for
    ``"bracket"``; ``retention_rate``, 0 to 1; ``low``, ``high``: 95% interval. The last five are null where the period has not ended at
    ``as_of`` (default: the last day of the table): nobody knows yet.

    Formula: retention_rate = retained / cohort_users; Wilson's interval. Weeks start on Monday. The first period of the data holds everyone
    who came before it, too. ``on_or_after`` of a late period has had less time to be seen later. The default brackets are 1, 2-7, 8-14,
    15-30, 31-60, 61-90 days; 1, 2-4, 5-8, 9-13, 14-26 weeks; 1, 2-3, 4-6, 7-12, 13-24 months; period 0 is always its own.

    Raises InputError for a missing column or event, ParameterError for an unknown option, NotMeasured for a table without rows.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aab"), "event": "home", "ts": pd.to_datetime(["2025-01-05", "2025-02-01", "2025-01-09"])})
    >>> cohort_retention(events, as_of="2025-02-28")[["cohort", "period_index", "cohort_users", "users", "retention_rate"]]
          cohort  period_index  cohort_users  users  retention_rate
    0 2025-01-01             0             2    2.0             1.0
    1 2025-01-01             1             2    1.0             0.5
    """
    import pandas as pd

    if kind not in KINDS:
        raise ParameterError(f"kind '{kind}' is not one; {nearest(kind, KINDS)}")
    if brackets is not None and kind != "bracket":
        raise ParameterError(f"brackets are for kind 'bracket'; kind is '{kind}'")
    table = table_of(events)
    begun = joining(table, by, first, then)
    last = last_day(table, as_of)
    opening = int(table.span()[0] // DAY_US)
    cohorts, index = np.unique(periods(np.arange(opening, last + 2) * DAY_US, period), return_inverse=True)
    size, ended = int(index[-2]) + 1, int(index[-1])  # the day after as_of tells whether the last period has ended
    ups = _brackets(brackets, period, size) if kind == "bracket" else np.arange(size)
    shape = len(begun.values), size, size
    joined, active, stayed = np.zeros(shape[:2], np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    bracket = np.searchsorted(ups, np.arange(size), side="left")  # of each age; those past the last bracket belong to none
    for found in visits(table, begun, index[:-1], opening):
        start = found.start
        joined += np.bincount(found.group * size + start, minlength=joined.size).reshape(shape[:2])
        cell = (found.group * size + start)[found.who]
        age = found.back - start[found.who]
        active += np.bincount(cell * size + age, minlength=active.size).reshape(shape)
        if kind == "on_or_after":
            final = np.append(found.who[1:] != found.who[:-1], True) if len(age) else age.astype(bool)
            stayed += np.bincount((cell * size + age)[final], minlength=active.size).reshape(shape)
        elif kind == "bracket":
            part = bracket[age]
            once = starts(found.who.astype(np.int64) * (len(ups) + 1) + part)
            once = once[part[once] < len(ups)]
            stayed += np.bincount(cell[once] * size + ups[part[once]], minlength=active.size).reshape(shape)
    if kind == "on_or_after":
        stayed = stayed[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
    group, cohort = np.nonzero(joined)
    if not len(cohort):
        raise NotMeasured(f"nobody did '{first}' in this period")
    ages = ups[ups < size - cohort.min()]
    age = np.tile(ages, len(group))
    group, cohort = np.repeat(group, len(ages)), np.repeat(cohort, len(ages))
    known = cohort + age < ended
    users, kept = (np.where(known, counted[group, cohort, age], np.nan) for counted in (active, active if kind == "on" else stayed))
    people = joined[group, cohort]
    low, high = wilson(kept, people)
    frame = pd.DataFrame({"cohort": cohorts[cohort].astype("datetime64[D]").astype("datetime64[us]"), "period_index": age,
                          "cohort_users": people, "users": users, "retained": kept, "retention_rate": kept / people,
                          "low": low, "high": high})
    if kind == "bracket":
        frame.insert(2, "period_from", np.tile(np.append(0, ups[:-1] + 1)[:len(ages)], len(age) // len(ages)))
    if by is not None:
        frame.insert(0, by, pd.Series(begun.values[group], dtype=object))  # missing stays None
    return frame


def day_retention(events: Any, *, days: Sequence[int] = (1, 7, 30), kind: Kind = "on", by: str | None = None, first: str | None = None,
                  then: str | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """What share of all users is back N days after their first day: day-1, day-7 and day-30 retention, all cohorts together.

    Input columns: as :func:`cohort_retention`, ``first`` and ``then`` too. ``kind``: ``"on"`` day N itself; ``"on_or_after"`` it, up to
    ``as_of`` (rolling); ``"bracket"``: on any of the days 1 to N, which is how shops that nobody visits daily count.

    One row per [value of by and] day N.

    Output columns: ``[by]``; ``day``, N; ``users`` whose day N has come by ``as_of`` (default: the last day of the table); ``waiting``,
    the others; ``retained``; ``retention_rate``, 0 to 1; ``low``, ``high``: 95% interval; the last four null where nobody's day has come.

    Formula: retention_rate = retained / users; Wilson's interval. Days are calendar days since the user's first one.

    Raises as :func:`cohort_retention`; ParameterError for days that are not whole numbers from 1 on.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aabc"), "event": "home",
    ...                        "ts": pd.to_datetime(["2025-01-01", "2025-01-08", "2025-01-02", "2025-01-09"])})
    >>> day_retention(events, days=[7], as_of="2025-01-10")[["day", "users", "waiting", "retained", "retention_rate"]]
       day  users  waiting  retained  retention_rate
    0    7      2        1       1.0             0.5
    """
    import pandas as pd

    if kind not in KINDS:
        raise ParameterError(f"kind '{kind}' is not one; {nearest(kind, KINDS)}")
    asked = np.asarray(list(days))
    if not len(asked) or asked.dtype.kind not in "iu" or asked.min() < 1:
        raise ParameterError(f"days = {list(days)}; allowed: whole numbers from 1 on")
    table = table_of(events)
    begun = joining(table, by, first, then)
    last = last_day(table, as_of)
    opening = int(table.span()[0] // DAY_US)
    size = last - opening + 1
    users, waiting, retained = (np.zeros((len(begun.values), len(asked)), np.int64) for _ in range(3))
    for found in visits(table, begun, np.arange(size), opening):
        start = found.start
        age = found.back - start[found.who]
        later = np.flatnonzero(age > 0)
        edge = starts(found.who[later])
        for place, day in enumerate(asked):
            if kind == "on":
                came = found.who[age == day]
            elif kind == "on_or_after":
                final = later[np.append(edge[1:], len(later)) - 1] if len(later) else later
                came = found.who[final[age[final] >= day]]
            else:
                came = found.who[later[edge][age[later[edge]] <= day]]
            ripe = start + day < size
            for counted, who in ((users, np.flatnonzero(ripe)), (waiting, np.flatnonzero(~ripe)), (retained, came[ripe[came]])):
                counted[:, place] += np.bincount(found.group[who], minlength=len(users))
    group = np.flatnonzero((users + waiting).any(axis=1))
    if not len(group):
        raise NotMeasured(f"nobody did '{first}' in this period")
    people = users[group].ravel()
    kept = np.where(people > 0, retained[group].ravel(), np.nan)
    low, high = wilson(kept, people)
    frame = pd.DataFrame({"day": np.tile(asked, len(group)), "users": people, "waiting": waiting[group].ravel(), "retained": kept,
                          "retention_rate": kept / np.where(people > 0, people, 1), "low": low, "high": high})
    if by is not None:
        frame.insert(0, by, pd.Series(begun.values[np.repeat(group, len(asked))], dtype=object))
    return frame


def _brackets(brackets: Sequence[int] | None, period: Period, size: int) -> np.ndarray:
    """Last periods of the brackets: 0, and those asked for that are not older than the data."""
    asked = BRACKETS[period] if brackets is None else tuple(brackets)
    if not asked or any(low >= high for low, high in pairwise((0, *asked))):
        raise ParameterError(f"brackets = {list(asked)}; allowed: rising whole numbers from 1 on")
    return np.array([0, *(up for up in asked if up < size)])
