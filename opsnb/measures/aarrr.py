"""AARRR: acquisition, activation, retention, revenue, referral: one KPI for each stage of a user's life, and the strategy it serves.

McClure, "Startup Metrics for Pirates" (2007). Every KPI is of one period of ``days`` days and of the period just before it. Those that need
people to have had time look at the users who came so much earlier, all of whom have had that time at the period's end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures.blocks import DAY_US, starts
from opsnb.measures.intervals import as_day, wilson, z_of
from opsnb.measures.purchases import sales
from opsnb.tables.histories import Histories, histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

DAYS = 30
KEY_EVENT = "cart"
KEY_DAYS = 7
RETENTION_DAYS = 30
SLACK_DAYS = 3  # by which a table may begin later or end earlier than a period that it covers


class Stage(NamedTuple):
    """How a stage is measured: its KPI, the plan's strategy for it (a key), the KPI's unit, the direction that is good, formula."""

    kpi: str
    strategy: Literal["lower_cac", "first_key_action", "retention_30d", "arpu", "referral"]
    unit: str
    better: Literal["up", "down"]
    formula: str


STAGES: dict[str, Stage] = {
    "acquisition": Stage("cac", "lower_cac", "currency a customer", "down",
                         "marketing spend of the period / customers whose first order lies in it"),
    "activation": Stage("activation_rate", "first_key_action", "share", "up",
                        "users who did the key event at most 7 days after their first event / users whose first event lies in the period, "
                        "moved back by 7 days"),
    "retention": Stage("retention_rate", "retention_30d", "share", "up",
                       "users seen again 1 to 30 days after the day of their first event / users whose first event lies in the period, "
                       "moved back by 30 days"),
    "revenue": Stage("arpu", "arpu", "currency a visitor", "up",
                     "amounts of the orders of the period, refunds not deducted / users with an event in it"),
    "referral": Stage("referral_rate", "referral", "share", "up",
                      "users who signed up in the period and were referred by another / users who signed up in it"),
}


def stages(*, events: Any = None, orders: Any = None, users: Any = None, spend: Any = None, as_of: Day, days: int = DAYS,
           key_event: str | None = None, key_days: int = KEY_DAYS, referral_channel: str | None = None,
           level: float = 0.95) -> pd.DataFrame:
    """How is each stage of AARRR doing, against the period before? Only the stages that the data can measure.

    Input columns, each table optional: events: user_id, ts, event; orders: user_id, ts, amount, order_id, refund; users: signup_ts and
    referred_by (empty: nobody) or channel; spend: date, cost. ``as_of``: last day of the period; ``key_event``: the first key action,
    without one "cart" where that occurs, to be done in ``key_days`` days; ``referral_channel``: the value of users' channel that
    stands for referred by another user.

    One row per stage that can be measured, in AARRR's order.

    Output columns: ``stage``; ``kpi``; ``strategy``, the key of the plan's strategy; ``unit``; ``better``, up or down; ``numerator``,
    ``denominator``, ``value``; the same of the period before with ``previous_``; ``change`` = value - previous_value, in the KPI's unit,
    with ``low``, ``high``, its interval at ``level``. The period before and the change are null where a table does not cover it.

    Formula: value = numerator / denominator, as ``STAGES`` says in words. A table covers a period if it begins at most 3 days after its
    first day and ends at most 3 days before its last. The change's interval is put together from those of both values: Newcombe's method 10
    for shares, its generalisation (Zou and Donner, Statistics in Medicine 27 (2008) 1693) for the others; a value's own interval:
    Wilson's for shares, the normal one of the mean over visitors for arpu, for cac Byar's of the number of new customers
    (Rothman and Boice 1979), the spend being known. The first period of the data holds everyone who came before it, too.

    Raises NotMeasured when no stage can be measured, InputError for a missing column or a key_event or referral_channel that does not
    occur, ParameterError for days below 1.

    >>> import pandas as pd
    >>> spend = pd.DataFrame({"date": pd.date_range("2025-01-01", periods=60), "cost": [10.0] * 30 + [15.0] * 30})
    >>> orders = pd.DataFrame({"user_id": [f"u{i}" for i in range(60)], "ts": spend["date"], "amount": 20.0})
    >>> found = stages(orders=orders, spend=spend, as_of="2025-03-01")
    >>> found[["stage", "kpi", "numerator", "denominator", "value", "change"]]
             stage  kpi  numerator  denominator  value  change
    0  acquisition  cac      450.0         30.0   15.0     5.0
    """
    import pandas as pd

    if days < 1 or key_days < 1:
        raise ParameterError(f"days = {days}, key_days = {key_days}; allowed: 1 or more")
    z, last = z_of(level), int(as_day(as_of).astype(np.int64))
    found: dict[str, list[_Value | None]] = {}
    events, orders = (None if table is None else histories(table, name) for table, name in ((events, "events"), (orders, "orders")))
    if events is not None:
        found |= _of_events(events, last, days, key_event, key_days, level)
    if orders is not None:
        sold = [_sold(orders, one - days + 1, one) for one in (last, last - days)]
        if spend is not None:
            found["acquisition"] = [_cost(spend, one - days + 1, one, bought, z)
                                    for one, bought in zip((last, last - days), sold, strict=True)]
        if events is not None:
            found["revenue"] = [_arpu(bought, seen, z) for bought, seen in zip(sold, _visitors(events, last, days), strict=True)]
    if users is not None:
        found["referral"] = _referred(users, last, days, referral_channel, level)
    rows = [{"stage": stage, "kpi": how.kpi, "strategy": how.strategy, "unit": how.unit, "better": how.better,
             **_compared(found[stage][0], found[stage][1])} for stage, how in STAGES.items() if found.get(stage, [None])[0] is not None]
    if not rows:
        raise NotMeasured(f"no stage can be measured in the {days} days up to {as_day(as_of)}; acquisition needs spend and orders; "
                          "activation needs events with the key event; retention needs events; revenue needs events and orders; "
                          "referral needs users with a column referred_by, or the name of the channel of referrals")
    return pd.DataFrame(rows)


class _Value(NamedTuple):
    numerator: float
    denominator: float
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.numerator / self.denominator


def _compared(now: _Value, before: _Value | None) -> dict[str, float]:
    row = {"numerator": now.numerator, "denominator": now.denominator, "value": now.value}
    if before is None:
        names = ("previous_numerator", "previous_denominator", "previous_value", "change", "low", "high")
        return row | dict.fromkeys(names, np.nan)
    change = now.value - before.value
    return row | {"previous_numerator": before.numerator, "previous_denominator": before.denominator, "previous_value": before.value,
                  "change": change, "low": change - float(np.hypot(now.value - now.low, before.high - before.value)),
                  "high": change + float(np.hypot(now.high - now.value, before.value - before.low))}


def _share(part: int, whole: int, level: float) -> _Value | None:
    low, high = wilson(part, whole, level)
    return _Value(float(part), float(whole), float(low), float(high)) if whole > 0 else None


def _covers(span: tuple[int, int] | None, first: int, last: int) -> bool:
    """Does a table with rows from and to these days cover the period?"""
    return span is not None and span[0] <= first + SLACK_DAYS and span[1] >= last - SLACK_DAYS


def _span(table: Histories) -> tuple[int, int] | None:
    span = table.span()
    return None if span is None else (span[0] // DAY_US, span[1] // DAY_US)


# Events ----------------------------------------------------------------------------------------------------------------------

def _of_events(events: Histories, last: int, days: int, key_event: str | None, key_days: int,
               level: float) -> dict[str, list[_Value | None]]:
    """Activation and retention, of this period and of the one before."""
    usual = np.append(np.flatnonzero(events.labels("event") == KEY_EVENT), -2)  # -2: no row has it
    key = int(usual[0] if key_event is None else events.codes("event", [key_event])[0])
    acted, stayed = np.zeros((2, 2), np.int64), np.zeros((2, 2), np.int64)  # period x (did, came)
    for block, begins, first in _users(events, "event"):
        age = block.ts - np.repeat(block.ts[begins], np.diff(np.append(begins, len(block))))
        did = np.logical_or.reduceat((block["event"] == key) & (age <= key_days * DAY_US), begins)
        later = block.ts // DAY_US - np.repeat(first, np.diff(np.append(begins, len(block))))
        back = np.logical_or.reduceat((later >= 1) & (later <= RETENTION_DAYS), begins)
        for period, end in enumerate((last, last - days)):
            for counted, which, wait in ((acted, did, key_days), (stayed, back, RETENTION_DAYS)):
                came = (first > end - wait - days) & (first <= end - wait)
                counted[period] += int((which & came).sum()), int(came.sum())
    span = _span(events)

    def of_periods(counted: np.ndarray, wait: int) -> list[_Value | None]:
        return [_share(*counts, level) if _covers(span, end - wait - days + 1, end) else None
                for counts, end in zip(counted.tolist(), (last, last - days), strict=True)]

    return {"retention": of_periods(stayed, RETENTION_DAYS)} | ({"activation": of_periods(acted, key_days)} if key >= 0 else {})


def _users(events: Histories, *columns: str) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
    """Per block with rows: the block, index of each user's first row, its day."""
    for block in events.blocks(*columns):
        if len(block):
            begins = starts(block.user)
            yield block, begins, block.ts[begins] // DAY_US


def _visitors(events: Histories, last: int, days: int) -> list[int | None]:
    """Different users with an event in this period and in the one before; None where the table does not cover it."""
    counts, ends = [0, 0], (last, last - days)
    for block in events.blocks():
        day = block.ts // DAY_US
        for period, end in enumerate(ends):
            counts[period] += len(starts(block.user[(day > end - days) & (day <= end)]))
    return [count if _covers(_span(events), end - days + 1, end) else None for count, end in zip(counts, ends, strict=True)]


# Orders, spend, users --------------------------------------------------------------------------------------------------------

class _Sold(NamedTuple):
    new_customers: int
    gmv: float
    squares: float  # of each buyer's gmv, added up


def _sold(orders: Histories, first: int, last: int) -> _Sold | None:
    """What was sold from one day to another; None where the table does not cover them."""
    if not _covers(_span(orders), first, last):
        return None
    new, gmv, squares = 0, 0.0, 0.0
    for found in sales(orders, as_of=np.datetime64(last, "D")):
        day = found.ts // DAY_US
        new += int((day[starts(found.user)] >= first).sum())
        inside = np.flatnonzero(day >= first)
        if len(inside):
            of_buyer = np.add.reduceat(found.amount[inside], starts(found.user[inside]))
            gmv += float(of_buyer.sum())
            squares += float((of_buyer ** 2).sum())
    return _Sold(new, gmv, squares)


def _cost(spend: pd.DataFrame, first: int, last: int, sold: _Sold | None, z: float) -> _Value | None:
    day = _days(spend, "date", "spend")
    _require(spend, "cost", "spend")
    if sold is None or not sold.new_customers or not _covers(_ends(day), first, last):
        return None
    cost, n = float(np.nansum(spend["cost"].to_numpy(float)[(day >= first) & (day <= last)])), sold.new_customers
    fewest = n * max(1 - 1 / (9 * n) - z / (3 * n ** .5), 0.0) ** 3
    most = (n + 1) * (1 - 1 / (9 * (n + 1)) + z / (3 * (n + 1) ** .5)) ** 3
    return _Value(cost, float(n), cost / most, cost / fewest if fewest else np.inf)


def _arpu(sold: _Sold | None, visitors: int | None, z: float) -> _Value | None:
    if sold is None or not visitors:
        return None
    mean = sold.gmv / visitors
    half = z * float(np.sqrt(max(sold.squares / visitors - mean ** 2, 0) / visitors))
    return _Value(sold.gmv, float(visitors), mean - half, mean + half)


def _referred(users: pd.DataFrame, last: int, days: int, channel: str | None, level: float) -> list[_Value | None]:
    if channel is not None:
        _require(users, "channel", "users")
        referred = (users["channel"].astype(object) == channel).to_numpy()
        if not referred.any():
            raise InputError(f"users: channel '{channel}' does not occur; {nearest(channel, users['channel'].dropna().unique())}")
    elif "referred_by" in users.columns:
        given = users["referred_by"]
        referred = (given.notna() & (given.astype(str).str.strip() != "")).to_numpy()
    else:
        return [None, None]
    day = _days(users, "signup_ts", "users")
    found = []
    for end in (last, last - days):
        came = (day > end - days) & (day <= end)
        known = _covers(_ends(day), end - days + 1, end)
        found.append(_share(int((referred & came).sum()), int(came.sum()), level) if known else None)
    return found


def _ends(days: np.ndarray) -> tuple[int, int] | None:
    """First and last of some days; a missing one is far in the past and none of them."""
    known = days[days > -(1 << 40)]
    return (int(known.min()), int(known.max())) if len(known) else None


def _require(frame: pd.DataFrame, column: str, name: str) -> None:
    if column not in frame.columns:
        raise InputError(f"{name}: no column '{column}'; {nearest(column, map(str, frame.columns))}")


def _days(frame: pd.DataFrame, column: str, name: str) -> np.ndarray:
    """Days since 1970-01-01 of a column of times."""
    import pandas as pd

    _require(frame, column, name)
    return pd.to_datetime(frame[column]).to_numpy().astype("datetime64[D]").astype(np.int64)
