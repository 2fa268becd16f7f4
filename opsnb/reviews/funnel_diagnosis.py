"""What leaks most on the path, since when, for whom, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opsnb.measures import change, funnel, kpis
from opsnb.reviews.asked import answered, optional
from opsnb.views import findings

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding

SALES_DAYS = 90  # over which the mean order value is taken


def funnel_diagnosis(
    data: Data, *, steps: Sequence[str] = (), window_days: float = 7, unit: funnel.Unit = "user", by: Sequence[str] = ("device", "channel"), days: int = 365
) -> list[Finding]:
    """The short version of funnel_diagnosis.ipynb: at most five findings, the most urgent first.

    Needs events; with orders the findings say what a leak costs. ``steps``: event names in order, empty: proposed from the data;
    ``window_days``: 0 means no limit; ``by``: the columns of events in which a cause is looked for, absent ones are left out.
    """
    proposed = not steps
    steps = list(steps) or funnel.proposed_steps(data.events)
    columns = slices_of(data, by)
    period = data.period(days)
    conversion = funnel.step_conversion(data.events, steps, window_days=window_days or None, unit=unit, **period)
    found = [findings.whole_path(conversion, proposed=proposed), findings.biggest_drop(conversion)]
    for column in columns:
        sliced = funnel.step_conversion(data.events, steps, window_days=window_days or None, unit=unit, by=column, **period)
        gap = findings.slice_gap(sliced)
        found += [gap] if gap.kind == "slice_gap" else []
    breaks = step_breaks(data, steps=steps, by=columns, days=days)
    found += [findings.broken_step(breaks.iloc[[place]], **price(data, steps, str(breaks["step"].iloc[place]))) for place in range(min(len(breaks), 2))] or [
        findings.no_break()
    ]
    return findings.ranked(found)


def steps_of(data: Data, steps: Sequence[str] = ()) -> list[str]:
    """The steps asked for, else those proposed from the data; none where there are no events."""
    return list(steps) or answered(lambda: funnel.proposed_steps(data.events)) or []


def slices_of(data: Data, by: Sequence[str]) -> list[str]:
    """Those of the columns ``by`` that the events have."""
    return [column for column in by if data.has("events") and column in data.events.columns]


def break_title(data: Data, *, steps: Sequence[str], by: Sequence[str], days: int = 365) -> Finding:
    """What broke first and foremost, or that nothing did."""
    return findings.broken_step(step_breaks(data, steps=steps, by=by, days=days))


def step_breaks(data: Data, *, steps: Sequence[str], by: Sequence[str], days: int = 365) -> pd.DataFrame:
    """The lasting drops of any step's conversion, by visits: the frame of :func:`opsnb.measures.change.rate_breaks`."""
    trend = funnel.step_trend(data.events, steps, by=list(by) or None, **data.period(days))
    return change.rate_breaks(trend, by=list(by) or None)


def price(data: Data, steps: Sequence[str], step: str) -> dict[str, float | None]:
    """What a visit lost at ``step`` is worth: the share of those past it that reach the last step, and the mean order value; None: not known.

    Over the last 90 days. Taken over all visits, so a slice that buys more or less than others is priced like them.
    """
    daily: Any = answered(lambda: kpis.daily_kpis(orders=optional(data, "orders"), **data.period(SALES_DAYS))) if data.has("orders") else None
    if daily is None or not daily["orders"].sum():
        return {"order_value": None, "to_order": None}
    trend = funnel.step_trend(data.events, steps, **data.period(SALES_DAYS))
    sums = trend.groupby("step", sort=False)[["entered", "converted"]].sum().reindex(list(steps)[1:])
    reached, ordered = sums["converted"].get(step, 0), sums["converted"].iloc[-1]
    return {"order_value": float(daily["gmv"].sum() / daily["orders"].sum()), "to_order": float(ordered / reached) if reached else None}
