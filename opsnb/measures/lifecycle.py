"""How users live: the states they pass through day by day, and how often they come.

**Patience** is the number of days of silence after which a user counts as dormant. It is each user's own: three times their mean return
gap so far, so that the daily visitor is missed after days and the seasonal buyer is not declared dead in between. If gaps are
exponential, one in twenty is longer than three means (e^-3). A user's patience on a day rests on their visits up to that day, and on the
typical gap of all users for those who have hardly returned. Or it is the same for all, ``gap_days=30``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures.activity import joining, table_of, visits
from opsnb.measures.blocks import DAY_US
from opsnb.measures.intervals import as_day, wilson
from opsnb.measures.purchases import last_day

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day
    from opsnb.tables.histories import Histories

ACTIVE, SILENT = ("new", "current", "resurrected"), ("quiet", "dormant")
STATES = (*ACTIVE, *SILENT)
GAPS = 3  # own return gaps of silence that make a user dormant
LEAST_DAYS, MOST_DAYS = 7, 180  # patience is never shorter or longer
PRIOR_RETURNS = 1  # the typical gap counts as much as one own return


def daily_states(events: Any, *, gap_days: int | None = None, watch_days: int | None = None, start: Day | None = None,
                 as_of: Day | None = None) -> pd.DataFrame:
    """How many users are new, current, resurrected, quiet and dormant on each day, and how many fell asleep?

    Input columns: user_id, ts (events, or orders). ``gap_days``: patience of all users in place of each one's own. ``watch_days``: splits
    current and quiet at so many days, for those who know the growth model of seven states.

    One row per day, from the table's first day, or ``start``, to ``as_of`` (default: the last day of the table).

    Output columns: ``date``; users active on that day: ``new``, on their first; ``current``, back before they were dormant;
    ``resurrected``, back from being dormant; ``active``, the three together; users not active: ``quiet``, silent for less than their
    patience; ``dormant``, silent for their patience or longer; ``living`` = active + quiet; ``users``, all who ever came = living +
    dormant; ``fell_asleep``, became dormant on that day. With watch_days also ``reactivated``, the part of current that was away for more
    than watch_days, and ``at_risk``, the part of quiet that has been silent for watch_days or more.

    Formula: patience after the k-th active day = 3 x (typical gap + days since the first) / (1 + returns), rounded up, between 7 and 180
    days; the typical gap is the mean of all users' return gaps up to as_of. Balance, every day and to the user: living = yesterday's +
    new + resurrected - fell_asleep; dormant = yesterday's + fell_asleep - resurrected.

    Raises ParameterError for days below 1, NotMeasured for a table without rows, as :func:`opsnb.measures.retention.cohort_retention`.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aab"), "event": "home", "ts": pd.to_datetime(["2025-01-01", "2025-01-05", "2025-01-02"])})
    >>> daily_states(events, gap_days=2)[["new", "current", "resurrected", "quiet", "dormant", "fell_asleep"]].to_numpy().tolist()
    [[1, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0], [0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 2, 1], [0, 0, 1, 0, 1, 0]]
    """
    import pandas as pd

    for name, value in (("gap_days", gap_days), ("watch_days", watch_days)):
        if value is not None and value < 1:
            raise ParameterError(f"{name} = {value}; allowed: 1 or more")
    table = table_of(events)
    opening, size = _days(table, as_of)
    counted = {name: np.zeros(size + 1, np.int64) for name in (*ACTIVE, "reactivated", "quiet", "at_risk", "dormant", "fell_asleep")}
    for spell in _spells(table, opening, size, gap_days):
        back = ~spell.is_first
        was_dormant = back & (spell.gap > spell.patience_before)
        for name, rows in (("new", spell.is_first), ("resurrected", was_dormant), ("current", back & ~was_dormant)):
            counted[name] += np.bincount(spell.day[rows], minlength=size + 1)
        asleep = np.minimum(spell.day + spell.patience, spell.until)  # the day from which on this silence makes dormant
        _between(counted["quiet"], spell.day + 1, asleep)
        _between(counted["dormant"], asleep, spell.until)
        counted["fell_asleep"] += np.bincount(asleep[asleep < spell.until], minlength=size + 1)
        if watch_days is not None:
            counted["reactivated"] += np.bincount(spell.day[back & ~was_dormant & (spell.gap > watch_days)], minlength=size + 1)
            _between(counted["at_risk"], np.minimum(spell.day + watch_days, asleep), asleep)
    for name in ("quiet", "at_risk", "dormant"):
        counted[name] = np.cumsum(counted[name])
    frame = pd.DataFrame({"date": (opening + np.arange(size)).astype("datetime64[D]").astype("datetime64[us]"),
                          **{name: values[:size] for name, values in counted.items()}})
    frame["active"] = frame["new"] + frame["current"] + frame["resurrected"]
    frame["living"] = frame["active"] + frame["quiet"]
    frame["users"] = frame["living"] + frame["dormant"]
    columns = ["date", *ACTIVE, "active", *SILENT, "living", "users", "fell_asleep"]
    return _since(frame[columns + (["reactivated", "at_risk"] if watch_days is not None else [])], start)


def user_states(events: Any, *, gap_days: int | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """In which state is each user on one day, and how long can their silence last before they are missed?

    Input columns: as :func:`daily_states`. One row per user seen up to ``as_of`` (default: the last day of the table), by user_id.

    Output columns: ``user_id``; ``state``, as :func:`daily_states` counts it on that day; ``active_days``; ``silent_days`` since the last one;
    ``patience_days``, silence from which on the user is dormant.

    Raises as :func:`daily_states`.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aab"), "event": "home", "ts": pd.to_datetime(["2025-01-01", "2025-01-05", "2025-01-02"])})
    >>> user_states(events, gap_days=2)
      user_id        state  active_days  silent_days  patience_days
    0       a  resurrected            2            0              2
    1       b      dormant            1            3              2
    """
    import pandas as pd

    if gap_days is not None and gap_days < 1:
        raise ParameterError(f"gap_days = {gap_days}; allowed: 1 or more")
    table = table_of(events)
    opening, size = _days(table, as_of)
    parts = []
    for spell in _spells(table, opening, size, gap_days):
        final = np.append(spell.is_first[1:], True)[:len(spell.day)]
        silent = size - 1 - spell.day[final]
        here = np.where(spell.is_first[final], "new", np.where(spell.gap[final] > spell.patience_before[final], "resurrected", "current"))
        state = np.where(silent == 0, here, np.where(silent >= spell.patience[final], "dormant", "quiet"))
        parts.append((spell.user[final], state.astype(object), spell.returns[final] + 1, silent, spell.patience[final]))
    user, state, days, silent, patience = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    frame = pd.DataFrame({"user_id": table.users[user], "state": state, "active_days": days, "silent_days": silent, "patience_days": patience})
    return frame.sort_values("user_id", kind="stable", ignore_index=True)


def stickiness(events: Any, *, week_days: int = 7, month_days: int = 30, start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """How many users come in a day, a week, a month, and how much of the month's is here on a day?

    Input columns: user_id, ts (events, or orders). One row per day, from the table's first day, or ``start``, to ``as_of`` (default: the
    table's last day).

    Output columns: ``date``; ``dau``, users active on that day; ``wau``, ``mau``: on that day or the 6, 29 before it; ``dau_average``, mean
    dau of the 7 days that end then, so that weekends make no waves; ``stickiness_rate``, 0 to 1; ``low``, ``high``: its 95% interval; null
    where the days needed lie before the table's first one: nobody knows who came then.

    Formula: stickiness_rate = dau_average / mau, the chance that one of the month's users comes on a day. Wilson's interval with mau users,
    as if each decided once; it is a little wide.

    Raises ParameterError for week_days and month_days that do not rise from 1 on, NotMeasured for a table without rows.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aab"), "event": "home", "ts": pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-03"])})
    >>> stickiness(events, week_days=2, month_days=3)[["dau", "wau", "mau", "stickiness_rate"]]
       dau  wau  mau  stickiness_rate
    0    1  NaN  NaN              NaN
    1    1  1.0  NaN              NaN
    2    1  2.0  2.0              0.5
    """
    import pandas as pd

    if not 1 <= week_days < month_days:
        raise ParameterError(f"week_days = {week_days}, month_days = {month_days}; allowed: rising, from 1 on")
    table = table_of(events)
    opening, size = _days(table, as_of)
    counted = {days: np.zeros(size + 1, np.int64) for days in (1, week_days, month_days)}
    for spell in _spells(table, opening, size, 1):
        for days, users in counted.items():
            _between(users, spell.day, np.minimum(spell.day + days, spell.until))
    dau, wau, mau = (np.cumsum(counted[days])[:size].astype(float) for days in (1, week_days, month_days))
    day = np.arange(size)
    total = np.append(0, np.cumsum(dau))
    average = (total[day + 1] - total[np.maximum(day + 1 - week_days, 0)]) / week_days
    wau, mau = np.where(day >= week_days - 1, wau, np.nan), np.where(day >= month_days - 1, mau, np.nan)
    average = np.where(day >= week_days - 1, average, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = average / mau
    low, high = wilson(np.where(np.isnan(rate), np.nan, average), mau)
    frame = pd.DataFrame({"date": (opening + day).astype("datetime64[D]").astype("datetime64[us]"), "dau": dau.astype(np.int64), "wau": wau,
                          "mau": mau, "dau_average": average, "stickiness_rate": rate, "low": low, "high": high})
    return _since(frame, start)


class _Spells(NamedTuple):
    """One entry per user and active day, in order: ``day`` and ``until``, the next active day or the end, as days from the opening; ``gap``
    since the active day before (0: the first); ``returns`` so far; ``patience`` after it, and ``patience_before`` it."""

    user: np.ndarray
    day: np.ndarray
    until: np.ndarray
    is_first: np.ndarray
    gap: np.ndarray
    returns: np.ndarray
    patience: np.ndarray
    patience_before: np.ndarray


def _days(table: Histories, as_of: Day | None) -> tuple[int, int]:
    last = last_day(table, as_of)
    opening = int(table.span()[0] // DAY_US)
    return opening, last - opening + 1


def _spells(table: Histories, opening: int, size: int, gap_days: int | None) -> Iterator[_Spells]:
    typical = _typical_gap(table, opening, size) if gap_days is None else 0.0
    for found in visits(table, joining(table), np.arange(size), opening):
        day, who = found.back, found.who
        if not len(day):
            continue
        first = np.append(True, who[1:] != who[:-1])
        until = np.where(np.append(first[1:], True), size, np.append(day[1:], size))
        began = np.flatnonzero(first)
        returns = np.arange(len(day)) - began[who]
        if gap_days is None:
            usual = (PRIOR_RETURNS * typical + day - found.start[who]) / (PRIOR_RETURNS + returns)
            patience = np.clip(np.ceil(GAPS * usual), LEAST_DAYS, MOST_DAYS).astype(np.int64)
        else:
            patience = np.full(len(day), gap_days)
        gap = np.where(first, 0, day - np.append(0, day[:-1]))
        yield _Spells(found.user[who], day, until, first, gap, returns, patience, np.where(first, 0, np.append(0, patience[:-1])))


def _typical_gap(table: Histories, opening: int, size: int) -> float:
    """Mean days between one active day and the next, over all returns; the whole time where nobody ever returned."""
    total = returns = 0
    for found in visits(table, joining(table), np.arange(size), opening):
        if len(found.back):
            final = np.append(found.who[1:] != found.who[:-1], True)
            total += int((found.back[final] - found.start).sum())
            returns += len(found.back) - len(found.start)
    return total / returns if returns else float(size)


def _between(change: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """Adds one to every day from ``low`` to before ``high``, in an array of which the running sum is taken later."""
    low, high = low[low < high], high[low < high]
    change += np.bincount(low, minlength=len(change)) - np.bincount(high, minlength=len(change))


def _since(frame: pd.DataFrame, start: Day | None) -> pd.DataFrame:
    if start is None:
        return frame
    kept = frame[frame["date"].to_numpy() >= as_day(start)].reset_index(drop=True)
    if kept.empty:
        raise NotMeasured(f"there is no day of data from {start} on")
    return kept
