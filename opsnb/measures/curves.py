"""Curves of time: how long users stay, and how long it takes until they are back, with those counted in who were not seen long enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures.activity import Joining, joining, table_of, visits
from opsnb.measures.blocks import DAY_US, starts
from opsnb.measures.purchases import last_day
from opsnb.measures.survival import kaplan_meier

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day
    from opsnb.tables.histories import Histories

GAP_DAYS = 30


def retention_curve(events: Any, *, gap_days: int = GAP_DAYS, by: str | None = None, first: str | None = None, as_of: Day | None = None,
                    level: float = 0.95) -> pd.DataFrame:
    """What share of users is still there so many days after their first day?

    Input columns: user_id, ts (events, or orders); the column named by ``by``, read on the user's first row. ``first``: the event with
    which a user begins, in place of the first of all.

    One row per [value of by and] day, from 0 to the longest that anyone was followed.

    Output columns: ``[by]``; ``day`` since the first; ``at_risk``, users still there and still followed; ``left`` with that day as their last
    one before a silence; ``censored``, followed no longer; ``retention_rate``, still there after that day, 0 to 1; ``low``, ``high``: its
    interval of this ``level``. Nobody is left where it is 0: no interval.

    Formula: a user leaves on the last active day before ``gap_days`` days without any activity. Whether someone has left is known up to
    gap_days before ``as_of`` (default: the last day of the table), so everyone is followed until then, and users who came later are not
    in the curve yet. Kaplan and Meier's curve, Greenwood's variance: :func:`opsnb.measures.survival.kaplan_meier`. Who comes back after a
    silence that long is a new story: resurrected, in the life cycle.

    Raises InputError for a missing column or event, ParameterError for gap_days below 1, NotMeasured where nobody came early enough.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aab"), "event": "home", "ts": pd.to_datetime(["2025-01-01", "2025-01-04", "2025-01-02"])})
    >>> retention_curve(events, gap_days=7, as_of="2025-01-31")[["day", "at_risk", "left", "retention_rate"]]
       day  at_risk  left  retention_rate
    0    0        2     1             0.5
    1    1        1     0             0.5
    2    2        1     0             0.5
    3    3        1     1             0.0
    """
    if gap_days < 1:
        raise ParameterError(f"gap_days = {gap_days}; allowed: 1 or more")
    table = table_of(events)
    how, (opening, size) = joining(table, by, first), _days(table, as_of)
    until, parts = size - 1 - gap_days, []
    for found in visits(table, how, np.arange(size), opening):
        following = np.append(found.back[1:], size + gap_days)
        following[np.append(found.who[1:] != found.who[:-1], True)[:len(following)]] = size + gap_days
        silent = np.flatnonzero((following - found.back > gap_days) & (found.back <= until))
        silent = silent[starts(found.who[silent])]
        left = np.zeros(len(found.start), bool)
        left[found.who[silent]] = True
        lasted = until - found.start
        lasted[found.who[silent]] = found.back[silent] - found.start[found.who[silent]]
        parts.append((lasted, left, found.group))
    lasted, left, group = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    ripe = lasted >= 0
    if not ripe.any():
        raise NotMeasured(f"nobody came {gap_days} days or more before the end of the data")
    return _curves(lasted[ripe], left[ripe], group[ripe], how, level, {"ended": "left", "survival": "retention_rate"})


def return_curve(rows: Any, *, by: str | None = None, first: str | None = None, then: str | None = None, as_of: Day | None = None,
                 level: float = 0.95) -> pd.DataFrame:
    """How long until users are back: the share that has returned within so many days, e.g. from the first order to the second.

    Input columns: user_id, ts, of events or of orders; the column named by ``by``, read on the user's first row; event, where ``first``
    (with which the time begins) or ``then`` (which ends it) name one.

    One row per [value of by and] day, from 0 to the longest that anyone was followed.

    Output columns: ``[by]``; ``day`` since the first; ``at_risk``, users not back and still followed; ``returned`` on that day;
    ``censored``, followed no longer; ``return_rate``, back by then, 0 to 1; ``low``, ``high``: its interval of this ``level``.

    Formula: back is another activity on a later day; a refund is none. Users who have not come back are followed up to ``as_of``
    (default: the last day of the table). 1 - Kaplan and Meier's curve: :func:`opsnb.measures.survival.kaplan_meier`.

    Raises InputError for a missing column or event, NotMeasured where nobody began.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user_id": list("aab"), "amount": 9.0, "ts": pd.to_datetime(["2025-01-01", "2025-01-04", "2025-01-02"])})
    >>> return_curve(orders, as_of="2025-01-03")[["day", "at_risk", "returned", "censored", "return_rate"]]
       day  at_risk  returned  censored  return_rate
    0    0        2         0         0          0.0
    1    1        2         0         1          0.0
    2    2        1         0         1          0.0
    """
    table = table_of(rows)
    how, (opening, size) = joining(table, by, first, then), _days(table, as_of)
    parts = []
    for found in visits(table, how, np.arange(size), opening):
        later = np.flatnonzero(found.back > found.start[found.who])
        later = later[starts(found.who[later])]
        waited, back = size - 1 - found.start, np.zeros(len(found.start), bool)
        waited[found.who[later]] = found.back[later] - found.start[found.who[later]]
        back[found.who[later]] = True
        parts.append((waited, back, found.group))
    waited, back, group = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    if not len(waited):
        raise NotMeasured(f"nobody did '{first}' in this period")
    found = _curves(waited, back, group, how, level, {"ended": "returned", "survival": "return_rate"})
    low, high = 1 - found["high"], 1 - found["low"]
    return found.assign(return_rate=1 - found["return_rate"], low=low, high=high)


def _days(table: Histories, as_of: Day | None) -> tuple[int, int]:
    """The first day of the table, and how many there are up to ``as_of``."""
    last = last_day(table, as_of)
    opening = int(table.span()[0] // DAY_US)
    return opening, last - opening + 1


def _curves(days: np.ndarray, ended: np.ndarray, group: np.ndarray, how: Joining, level: float, names: dict[str, str]) -> pd.DataFrame:
    import pandas as pd

    curves = []
    for one in np.unique(group):
        curve = kaplan_meier(days[group == one], ended[group == one], level=level).rename(columns=names)
        if how.by is not None:
            curve.insert(0, how.by, pd.Series([how.values[one]] * len(curve), dtype=object))
        curves.append(curve)
    return pd.concat(curves, ignore_index=True)
