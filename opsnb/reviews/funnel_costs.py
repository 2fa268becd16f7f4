"""What the path's leaks cost: each lasting break against its own rate before, each step against a benchmark that has a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures import funnel, kpis, leaks
from opsnb.reviews.asked import answered, optional
from opsnb.reviews.funnel_path import step_breaks, trend_from_before
from opsnb.reviews.once import once

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding
    from opsnb.views.shown import Shown

Benchmark = Literal["best month", "best slice", "target"]

OF_BREAK = ("step", "slice_column", "slice_value", "since", "entered", "converted", "expected", "users_lost", "lost_revenue", "revenue_low", "revenue_high")
SALES_DAYS = 90  # over which the mean order value is taken; that of a lasting break since its first day
LEAK_WINDOW_DAYS = 30.0  # of users' attempts where no window is asked for: without one those of earlier months would have had more time


@once
def break_costs(data: Data, *, steps: Sequence[str], by: Sequence[str], days: int = 365) -> pd.DataFrame:
    """What each lasting break has cost so far, by visits: the frame of :func:`opsnb.measures.leaks.break_leaks`."""
    breaks, trends, buyers = step_breaks(data, steps=steps, by=by, days=days), {}, {}
    last = list(steps)[-1:]
    for step, column, value, since in breaks[["step", "slice_column", "slice_value", "since"]].itertuples(index=False):
        trends[step] = trend_from_before(data, step=step, steps=steps, by=by, days=days)
        if column:
            bought = funnel.users_at(data.events, last, 1, by=column, unit="session", start=since, as_of=data.as_of)
            buyers[step, column, value] = bought.loc[bought[column] == value, "user_id"]
    return leaks.break_leaks(breaks, trends, _orders(data), buyers=buyers, **data.period(SALES_DAYS))


def break_title(data: Data, *, steps: Sequence[Any], by: Sequence[str], days: int = 365) -> Finding:
    """What broke first and foremost, and what it has cost; or that nothing did."""
    from opsnb.views import findings

    return findings.broken_step(step_breaks(data, steps=steps, by=by, days=days), break_costs(data, steps=steps, by=by, days=days))


def leak_table(
    data: Data,
    *,
    steps: Sequence[str],
    window_days: float = 7,
    unit: funnel.Unit = "user",
    by: Sequence[str] = (),
    days: int = 365,
    recent_days: int = 90,
    benchmark: Benchmark = "best month",
    target_rates: Sequence[str] = (),
) -> pd.DataFrame:
    """What each step loses against its benchmark, in the last complete months: the frame of :func:`opsnb.measures.leaks.leaks`,
    with ``since`` and ``until``, the first and last day counted.

    A user counts in each month in which they entered the path. ``target_rates``: "payment=0.7". Raises NotMeasured where the data holds
    no complete month (a best month needs two), ParameterError for a target that is none.
    """
    import pandas as pd

    monthly = _monthly(data, steps=list(steps), window_days=window_days, unit=unit, by=list(by) if benchmark == "best slice" else [], days=days)
    months = sorted(monthly["period_start"].unique())[-max(1, round(recent_days / 30)) :]
    now = monthly[monthly["period_start"].isin(months)]
    if benchmark == "target":
        against: Any = targets(target_rates)
    elif benchmark == "best month":
        if monthly["period_start"].nunique() < 2:
            raise NotMeasured("a best month needs at least two complete months, so there is no benchmark")
        against = leaks.best_rates(monthly)
    else:
        if not by:
            raise NotMeasured("there is no column to slice by")
        named = [now.assign(slice=column + "=" + now[column].astype(str)) for column in by]
        against = leaks.best_rates(pd.concat(named, ignore_index=True), of="slice")
    found = leaks.leaks(now, against, _orders(data), **data.period(SALES_DAYS))
    return found.assign(since=months[0], until=pd.Timestamp(months[-1]) + pd.offsets.MonthEnd(0))


def costs(data: Data, *, steps: Sequence[Any], by: Sequence[str], days: int = 365, **options: Any) -> list[Shown]:
    """The section about money: each step's leak against its benchmark, and what each lasting break has cost; ``options``: as
    :func:`leak_table`."""
    from opsnb.views import charts, findings, page
    from opsnb.views.language import _

    found = leak_table(data, steps=steps, by=by, days=days, **options)
    broken = break_costs(data, steps=steps, by=by, days=days)
    table = [page.table(broken[list(OF_BREAK)], "break_costs", title=_("What each lasting break has cost since its first day"))] if len(broken) else []
    return [charts.leaks(found, title=findings.dearest_leak(found)), *table]


@once
def _monthly(data: Data, *, steps: Sequence[str], window_days: float, unit: funnel.Unit, by: Sequence[str], days: int) -> pd.DataFrame:
    """The path by month of entry, complete months only."""
    import pandas as pd

    window = window_days or (None if unit == "session" else LEAK_WINDOW_DAYS)
    found = funnel.step_trend(data.events, steps, by=list(by) or None, period="month", unit=unit, window_days=window, **data.period(days))
    first = max(data.start(days), pd.Timestamp(data.events.span()[0], unit="us").normalize()) if len(found) else None
    months = found["period_start"]
    whole = found[(months >= first) & (months + pd.offsets.MonthEnd(0) <= data.as_of)] if len(found) else found
    if whole.empty:
        raise NotMeasured("the period holds no complete month in which somebody entered the path")
    return whole


def targets(texts: Sequence[str]) -> dict[str, float]:
    """Target rates by step out of "step=rate" texts; a rate may be written as a percentage.

    >>> targets(["payment=0.7", "cart = 60%"])
    {'payment': 0.7, 'cart': 0.6}
    """
    found = {}
    for text in texts:
        step, sign, rate = text.rpartition("=")
        number = rate.strip()
        try:
            found[step.strip()] = float(number[:-1]) / 100 if number.endswith("%") else float(number)
        except ValueError:
            sign = ""
        if not sign:
            raise ParameterError(f"target_rates: '{text}' is not one; allowed: step=rate, e.g. payment=0.7")
    if not found:
        raise NotMeasured("no target is named; name one with the parameter target_rates, e.g. payment=0.7")
    return found


@once
def order_value(data: Data) -> float | None:
    """The mean order value of the last 90 days; None: not known."""
    daily: Any = answered(lambda: kpis.daily_kpis(orders=optional(data, "orders"), **data.period(SALES_DAYS))) if data.has("orders") else None
    return float(daily["gmv"].sum() / daily["orders"].sum()) if daily is not None and daily["orders"].sum() else None


def _orders(data: Data) -> Any:
    """The orders, where there is one in the last 90 days that has a value."""
    return data.orders if order_value(data) is not None else None
