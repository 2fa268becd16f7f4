"""What leaks most on the path, in money, since when, for whom, how sure that is, and what to do first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from opsnb.errors import NotMeasured
from opsnb.measures import drivers, funnel
from opsnb.reviews import funnel_costs as costs
from opsnb.reviews import funnel_sides as sides
from opsnb.reviews.asked import answered
from opsnb.reviews.funnel_costs import Benchmark
from opsnb.reviews.funnel_path import asked_for, plain_steps, slices_of, step_breaks, steps_of
from opsnb.reviews.once import once
from opsnb.views import findings

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding

MOST_SLICES = 50  # of a column that are held against each other


def funnel_diagnosis(
    data: Data,
    *,
    steps: Sequence[str] = (),
    window_days: float = 7,
    unit: funnel.Unit = "user",
    order: funnel.Order = "sequence",
    within_session: bool = False,
    by: Sequence[str] = ("device", "channel"),
    days: int = 365,
    recent_days: int = 90,
    benchmark: Benchmark = "best month",
    target_rates: Sequence[str] = (),
) -> list[Finding]:
    """The short version of funnel_diagnosis.ipynb: at most five findings, the most urgent first.

    Needs events; with orders the findings say what a leak costs. ``steps``: event names in order, empty: proposed from the data;
    ``window_days``: 0 means no limit; ``by``: the columns of events in which a cause is looked for, absent ones are left out;
    ``recent_days``: what is compared with as many days before, and priced; ``benchmark``: what a leak is measured against.
    """
    proposed = not steps
    steps = steps_of(data, steps) if steps and all(isinstance(step, str) for step in steps) else list(steps) or funnel.proposed_steps(data.events)
    columns = slices_of(data, by)
    how = asked_for(window_days=window_days, unit=unit, order=order, within_session=within_session)
    conversion = funnel.step_conversion(data.events, steps, **how, **data.period(days))
    found = [findings.whole_path(conversion, proposed=proposed), findings.biggest_drop(conversion)]
    for column in columns:
        gap = findings.slice_gap(funnel.step_conversion(data.events, steps, by=column, top=MOST_SLICES, **how, **data.period(days)))
        found += [gap] if gap.kind == "slice_gap" else []
    breaks = step_breaks(data, steps=steps, by=columns, days=days)
    cost = costs.break_costs(data, steps=steps, by=columns, days=days)
    found += [findings.broken_step(breaks.iloc[[place]], cost) for place in range(min(len(breaks), 2))] or [findings.no_break()]
    found += [findings.break_leak(cost)] if len(cost) else []
    leaks = answered(lambda: costs.leak_table(data, steps=steps, window_days=window_days, unit=unit, by=columns, days=days, recent_days=recent_days,
                                              benchmark=benchmark, target_rates=list(target_rates)))
    if leaks is not None:
        standing = findings.dearest_leak(leaks[~leaks["step"].isin(breaks["step"])])
        found += [replace(standing, severity=0.5) if len(cost) and standing.kind == "leak" else standing]
    found += [answered(lambda: sides.shift(data, steps=steps, by=columns, days=days, recent_days=recent_days))] if columns else []
    lever = answered(lambda: step_levers(data, steps=steps, by=columns, window_days=window_days, unit=unit, days=days)) if columns else None
    found += [findings.first_action(breaks, lever, order_value=costs.order_value(data), days=days)]
    return findings.ranked(found)


@once
def step_levers(data: Data, *, steps: Sequence[str], by: Sequence[str], window_days: float = 7, unit: funnel.Unit = "user", days: int = 365) -> pd.DataFrame:
    """The touchpoints by how much they decide: the frame of :func:`opsnb.measures.drivers.levers`. Attempts are taken by user."""
    if not by:
        raise NotMeasured("there is no column to slice by")
    counted: Literal["user", "session"] = "session" if unit == "session" else "user"
    return drivers.levers(data.events, plain_steps(data, steps), by=list(by), window_days=window_days or None, unit=counted, **data.period(days))


__all__ = ["funnel_diagnosis", "slices_of", "step_breaks", "step_levers", "steps_of"]
