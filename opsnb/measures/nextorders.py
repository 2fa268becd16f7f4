"""Who will order next: the chance of an order in the next days, per user, checked on days that the model has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures.backtest import Model, Window, checked
from opsnb.measures.habits import Ledger, as_points, habits, ledger, seen_within, snapshots

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

HORIZON_DAYS = 30
SEEN_HORIZONS = 3  # users not seen for so many horizons are counted together
MOST_WINDOWS = 7


class OrderChances(NamedTuple):
    """What :func:`order_chances` returns.

    ``frame``: the users seen lately. ``quality``, ``deciles``, ``calibration``: of the check window, see :func:`opsnb.measures.backtest.checked`.
    ``used``: the score that is used. ``checked_from``: the last day known to the check, ``as_of``: today; ``horizon_days``. ``away``: users not seen
    for three horizons, ``away_rate``: of those who were that when the check window began, the share that ordered in it (null: there were
    none).
    """

    frame: pd.DataFrame
    quality: pd.DataFrame
    deciles: pd.DataFrame
    calibration: pd.DataFrame
    used: str
    checked_from: np.datetime64
    as_of: np.datetime64
    horizon_days: int
    away: int
    away_rate: float


def order_chances(orders: Any, events: Any = None, *, as_of: Day | None = None, horizon_days: int = HORIZON_DAYS, model: Model = "logistic",
                  level: float = 0.95, random_state: int = 0) -> OrderChances:
    """How likely is each user to order in the next ``horizon_days``, and how good is that foresight?

    Input columns: orders: user_id, ts, amount; order_id and refund where there are; ``events``: user_id, ts: with them users who have not ordered
    yet are scored, too. Rows after ``as_of`` (default: the last day of the tables) are not looked at.

    Output: :class:`OrderChances`. ``frame``, one row per user seen (an event or an order) in the last three horizons, the likeliest first:
    ``user_id``; ``silent_days`` since; ``orders`` so far; ``revenue``, currency, refunds deducted; ``score``: chance of at least one order in the next
    ``horizon_days``, 0 to 1.

    Formula: the rule says that who came last orders next (fewest silent days); the model sees :data:`opsnb.measures.habits.FEATURES`, on the
    log scale. Both learn in up to six windows of ``horizon_days`` and are checked in the last one that is over:
    :func:`opsnb.measures.backtest.checked`, which says when the model is used.

    Raises NotMeasured without an order, where the history is too short, where nobody was seen lately, and where fewer than 10 users ordered, or
    did not, in the earlier windows or the last; ParameterError for an option that makes no sense.
    """
    import pandas as pd

    if not horizon_days > 0:
        raise ParameterError(f"horizon_days = {horizon_days}; allowed: more than 0")
    book = ledger(orders, events, as_of=as_of)
    days = snapshots(book, horizon_days, most=MOST_WINDOWS)
    longest = SEEN_HORIZONS * horizon_days
    windows = [_window(book, habits(book, as_of=day), day, longest, horizon_days) for day in days]
    everyone = habits(book)
    today = everyone[everyone["silent_days"] < longest].reset_index(drop=True)
    if not len(today) or not len(windows[0].happened):
        raise NotMeasured(f"nobody was seen in the last {longest} days")
    if not windows[0].happened.any():
        raise NotMeasured(f"none of the {len(windows[0].happened)} users seen before {np.datetime64(days[0], 'D')} ordered in the {horizon_days} days after")
    found = checked(windows, _window(book, everyone, book.last, longest, horizon_days), model=model, level=level, random_state=random_state)
    then = habits(book, as_of=days[0])
    away = then.loc[then["silent_days"] >= longest, "user"].to_numpy()
    ordered = seen_within(book, away, days[0], days[0] + horizon_days, ordered=True)
    frame = pd.DataFrame({"user_id": book.users[today["user"]], "silent_days": today["silent_days"], "orders": today["orders"].astype(np.int64),
                          "revenue": today["revenue"], "score": found.now})
    return OrderChances(frame.sort_values("score", ascending=False, kind="stable", ignore_index=True), found.quality, found.deciles, found.calibration,
                        found.used, np.datetime64(days[0], "D"), np.datetime64(book.last, "D"), horizon_days, len(everyone) - len(today),
                        float(ordered.mean()) if len(away) else np.nan)


def _window(book: Ledger, known: pd.DataFrame, day: int, longest: int, horizon: int) -> Window:
    rows = known[known["silent_days"] < longest]
    return Window(as_points(rows), -rows["silent_days"].to_numpy(float), seen_within(book, rows["user"].to_numpy(), day, day + horizon, ordered=True))
