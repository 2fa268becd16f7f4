"""How fast service answers, by hour and kind of question, and whether the customers who waited ordered again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures.blocks import DAY_US, MINUTE_US
from opsnb.measures.intervals import as_day, difference, wilson, z_of
from opsnb.measures.purchases import last_day, sales
from opsnb.tables.histories import histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

BENCHMARK_MINUTES = 3.0  # the plan's benchmark; it found 12
EDGES = (3.0, 12.0)  # minutes: as the benchmark, as the plan found us, slower
FEW = 30
HOURS = 24


def response_times(service: pd.DataFrame, *, by: str | None = None, benchmark_minutes: float = BENCHMARK_MINUTES, start: Day | None = None,
                   as_of: Day | None = None, level: float = 0.95) -> pd.DataFrame:
    """How long do users wait for a first answer, against the benchmark?

    Input columns: opened_at, first_response_at (empty: not answered yet). ``by``: "hour" of the day in which the ticket was opened, "month",
    or a column such as category. Tickets opened before ``start`` or after ``as_of``, or answered before they were opened, do not count.

    One row for all tickets, or one per value of by: all 24 hours, months in order, other values by tickets.

    Output columns: ``[by]``; ``tickets``; ``answered``; ``median_minutes``; ``low``, ``high``: its interval of at least this ``level``;
    ``p90_minutes``, within which nine in ten are answered; ``answered_in_time``, within the benchmark; ``in_time_rate``, 0 to 1, and
    ``in_time_low``, ``in_time_high``; ``benchmark_minutes``; ``few``: fewer than 30 tickets. Null for an hour without tickets, and where
    the ticket in the middle (or the tenth from the end) has not been answered.

    Formula: a ticket without an answer has waited longer than all that have one, so silence never looks fast; tickets opened in the last
    minutes before as_of make the times a little too long. Median and p90 are the smallest waits that half and nine tenths of the tickets
    do not exceed. Interval of the median: order statistics, binomial; Conover, Practical Nonparametric Statistics (1999), 3.2. Wilson for
    the rate.

    Raises InputError for a missing column, NotMeasured without a ticket, or without any answer.

    >>> import pandas as pd
    >>> opened = pd.to_datetime(["2025-06-01 09:00", "2025-06-01 09:30", "2025-06-01 23:00"])
    >>> service = pd.DataFrame({"opened_at": opened, "first_response_at": opened + pd.to_timedelta([2, 4, 40], unit="min")})
    >>> response_times(service)[["tickets", "median_minutes", "p90_minutes", "answered_in_time", "in_time_rate"]].round(2)
       tickets  median_minutes  p90_minutes  answered_in_time  in_time_rate
    0        3             4.0         40.0                 1          0.33
    """
    import pandas as pd

    if not benchmark_minutes > 0:
        raise ParameterError(f"benchmark_minutes = {benchmark_minutes}; allowed: more than 0")
    tickets = _tickets(service, start, as_of)
    if by is None:
        groups = [(None, tickets)]
    elif by == "hour":
        groups = [(hour, tickets[tickets["opened_at"].dt.hour == hour]) for hour in range(HOURS)]
    elif by == "month":
        groups = list(tickets.groupby(tickets["opened_at"].dt.to_period("M").dt.start_time))
    elif by in tickets.columns:
        groups = sorted(tickets.groupby(by, dropna=False, observed=True), key=lambda pair: -len(pair[1]))
    else:
        raise InputError(f"service: no column '{by}'; {nearest(by, ['hour', 'month', *service.columns])}")
    rows = [{**({} if by is None else {by: None if value != value else value}), **_times(group["minutes"].to_numpy(), benchmark_minutes, level)}
            for value, group in groups]
    return pd.DataFrame(rows)


def response_and_repeat(service: pd.DataFrame, orders: Any, *, edges: Sequence[float] = EDGES, within_days: int = 60,
                        start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """Do customers who were answered fast order again more often? An association: who waits, and why, is not drawn by lot.

    Input columns: service: user_id, opened_at, first_response_at; orders: user_id, ts, amount. ``edges``: minutes between the groups.

    One row per group of waiting time, fastest first, the never answered last; groups without customers are left out.

    Output columns: ``wait``, e.g. "0-3", "3-12", "12+" minutes, "never"; ``customers``, each by the first ticket; ``repeated``, ordered
    again within ``within_days`` days after it; ``repeat_rate``, 0 to 1; ``low``, ``high``: 95% interval; ``gap``: repeat_rate less that of
    the fastest group, and ``gap_low``, ``gap_high``; null for the fastest group itself; ``few``: fewer than 30 customers.

    Formula: only first tickets that are within_days old at ``as_of`` (default: the last day of the orders). A later order is one placed
    after the ticket was opened. Wilson for the rate, Newcombe for the gap. Customers with more orders have more tickets and more repeat
    purchases, night owls wait longer: read it as a lead, and test it.

    Raises NotMeasured where the tickets name no users, or none is old enough; InputError, ParameterError as :func:`response_times`.

    >>> import pandas as pd
    >>> opened = pd.to_datetime(["2025-01-01 09:00", "2025-01-01 10:00"])
    >>> service = pd.DataFrame({"user_id": ["a", "b"], "opened_at": opened, "first_response_at": opened + pd.to_timedelta([2, 40], unit="min")})
    >>> orders = pd.DataFrame({"user_id": ["a", "b"], "amount": 9.0, "ts": pd.to_datetime(["2025-01-20", "2024-12-30"])})
    >>> response_and_repeat(service, orders, as_of="2025-06-30")[["wait", "customers", "repeated", "repeat_rate", "gap"]]
      wait  customers  repeated  repeat_rate  gap
    0  0-3          1         1          1.0  NaN
    1  12+          1         0          0.0 -1.0
    """
    import pandas as pd

    edges = [float(edge) for edge in edges]
    if not edges or any(low >= high for low, high in pairwise((0.0, *edges))):
        raise ParameterError(f"edges = {edges}; allowed: rising minutes above 0")
    if within_days < 1:
        raise ParameterError(f"within_days = {within_days}; allowed: 1 or more")
    if "user_id" not in service.columns or not service["user_id"].notna().any():
        raise NotMeasured("the tickets do not say which user asked, so they cannot be tied to orders")
    table = histories(orders, "orders")
    end = (last_day(table, as_of) + 1) * DAY_US
    tickets = _tickets(service, start, as_of)
    tickets = tickets[tickets["user_id"].notna()].sort_values("opened_at", kind="stable").drop_duplicates("user_id")
    opened = tickets["opened_at"].to_numpy().astype("datetime64[us]").astype(np.int64)
    ripe = opened + within_days * DAY_US < end
    if not ripe.any():
        raise NotMeasured(f"no ticket is {within_days} days old yet, so nobody knows who orders again")
    tickets, opened = tickets[ripe], opened[ripe]
    asked = pd.Index(table.users, dtype=object).get_indexer(pd.Index(tickets["user_id"].astype(str), dtype=object))
    since = np.full(len(table.users) + 1, 1 << 62)  # by user code; the last for users without orders
    since[asked] = opened
    since[-1] = 1 << 62
    back = np.zeros(len(since), bool)
    for found in sales(table, as_of=as_of):
        after = found.ts - since[found.user]
        back[found.user[(after > 0) & (after <= within_days * DAY_US)]] = True
    minutes = tickets["minutes"].to_numpy()
    group = np.where(np.isinf(minutes), len(edges) + 1, np.searchsorted(edges, minutes))
    names = [*(f"{low:g}-{high:g}" for low, high in pairwise((0.0, *edges))), f"{edges[-1]:g}+", "never"]
    rows = [{"wait": names[one], "customers": int((group == one).sum()), "repeated": int(back[asked[group == one]].sum())} for one in np.unique(group)]
    frame = pd.DataFrame(rows)
    frame["repeat_rate"] = frame["repeated"] / frame["customers"]
    frame["low"], frame["high"] = wilson(frame["repeated"], frame["customers"])
    fastest = frame.iloc[0]
    frame["gap"] = frame["repeat_rate"] - fastest["repeat_rate"]
    frame["gap_low"], frame["gap_high"] = difference(frame["repeated"], frame["customers"], fastest["repeated"], fastest["customers"])
    frame.loc[0, ["gap", "gap_low", "gap_high"]] = np.nan
    frame["few"] = frame["customers"] < FEW
    return frame


def _tickets(service: pd.DataFrame, start: Day | None, as_of: Day | None) -> pd.DataFrame:
    """The tickets of the period with ``minutes`` until the first answer; without one: infinite."""
    import pandas as pd

    for column in ("opened_at", "first_response_at"):
        if column not in service.columns:
            raise InputError(f"service: no column '{column}'; {nearest(column, service.columns)}")
    tickets = service.assign(opened_at=pd.to_datetime(service["opened_at"]))
    tickets = tickets[tickets["opened_at"].notna()]
    day = tickets["opened_at"].to_numpy().astype("datetime64[D]")
    inside = np.ones(len(tickets), bool)
    if start is not None:
        inside &= day >= as_day(start)
    if as_of is not None:
        inside &= day <= as_day(as_of)
    if not inside.any():
        raise NotMeasured("there are no service tickets in this period")
    tickets = tickets[inside]
    answered = pd.to_datetime(tickets["first_response_at"]).to_numpy().astype("datetime64[us]")
    if as_of is not None:  # what was answered later was open on that day
        answered = np.where(answered.astype("datetime64[D]") > as_day(as_of), np.datetime64("NaT", "us"), answered)
    wait = (answered - tickets["opened_at"].to_numpy().astype("datetime64[us]")) / np.timedelta64(MINUTE_US, "us")
    possible = ~(wait < 0)
    tickets, wait = tickets[possible], wait[possible]
    if np.isnan(wait).all():
        raise NotMeasured("no service ticket of this period has a first answer")
    return tickets.assign(minutes=np.where(np.isnan(wait), np.inf, wait))


def _times(minutes: np.ndarray, benchmark: float, level: float) -> dict[str, float]:
    n, every = len(minutes), np.sort(minutes)
    in_time = int((minutes <= benchmark).sum())
    found = {"tickets": n, "answered": int(np.isfinite(minutes).sum())}
    low, high = _median_interval(every, level)
    rate_low, rate_high = (float(edge) for edge in wilson(in_time, n))
    return {**found, "median_minutes": _quantile(every, 0.5), "low": low, "high": high, "p90_minutes": _quantile(every, 0.9), "answered_in_time": in_time,
            "in_time_rate": in_time / n if n else np.nan, "in_time_low": rate_low, "in_time_high": rate_high,
            "benchmark_minutes": benchmark, "few": n < FEW}


def _quantile(every: np.ndarray, share: float) -> float:
    """The smallest value that this share does not exceed; null where it is not known."""
    if not len(every):
        return np.nan
    value = every[max(int(np.ceil(share * len(every) - 1e-9)) - 1, 0)]
    return float(value) if np.isfinite(value) else np.nan


def _median_interval(every: np.ndarray, level: float) -> tuple[float, float]:
    """Order statistics between which the median lies; null on a side where too few values bound it.

    The k-th smallest and k-th largest value, k the largest number with P(Binomial(n, 1/2) < k) of at most (1 - level) / 2: exact up to
    1,000 values, above by the normal approximation.
    """
    n = len(every)
    if n > 1000:
        k = int(np.floor((n - z_of(level) * np.sqrt(n)) / 2))
    else:
        logs = np.cumsum(np.log(np.arange(1, n + 1))) if n else np.zeros(0)
        log_factorial = np.append(0.0, logs)
        pick = np.exp(log_factorial[n] - log_factorial - log_factorial[::-1] - n * np.log(2))
        k = int(np.searchsorted(np.cumsum(pick), (1 - level) / 2, side="right"))
    if k < 1:
        return np.nan, np.nan
    low, high = float(every[k - 1]), float(every[n - k])
    return low if np.isfinite(low) else np.nan, high if np.isfinite(high) else np.nan
