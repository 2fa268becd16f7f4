"""The path that a funnel page is about: its steps, how it is counted, its days, and where a step broke."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opsnb.measures import change, funnel
from opsnb.reviews.asked import answered
from opsnb.reviews.once import once
from opsnb.views import findings

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding


def steps_of(data: Data, steps: Sequence[str] = ()) -> list[str]:
    """The steps asked for, else those proposed from the data; none where there are no events."""
    return list(steps) or answered(lambda: funnel.proposed_steps(data.events)) or []


def slices_of(data: Data, by: Sequence[str]) -> list[str]:
    """Those of the columns ``by`` that the events have."""
    return [column for column in by if data.has("events") and column in data.events.columns]


def asked_for(
    *, window_days: float = 0, unit: funnel.Unit = "user", order: funnel.Order = "sequence", within_session: bool = False
) -> dict[str, Any]:
    """How the funnel is counted, as :func:`opsnb.measures.funnel.step_conversion` takes it; a window of 0 days is no limit.

    >>> asked_for(window_days=0, unit="session")
    {'window_days': None, 'unit': 'session', 'order': 'sequence', 'within_session': False}
    """
    return {"window_days": window_days or None, "unit": unit, "order": order, "within_session": within_session}


@once
def daily_trend(data: Data, *, steps: Sequence[str], by: Sequence[str], days: int = 365) -> pd.DataFrame:
    """How each step converted by day and combination of slices, by visits: the frame of :func:`opsnb.measures.funnel.step_trend`."""
    return funnel.step_trend(data.events, steps, by=list(by) or None, **data.period(days))


@once
def step_breaks(data: Data, *, steps: Sequence[str], by: Sequence[str], days: int = 365) -> pd.DataFrame:
    """The lasting drops of any step's conversion, by visits: the frame of :func:`opsnb.measures.change.rate_breaks`."""
    return change.rate_breaks(daily_trend(data, steps=steps, by=by, days=days), by=list(by) or None)


def break_title(data: Data, *, steps: Sequence[str], by: Sequence[str], days: int = 365) -> Finding:
    """What broke first and foremost, or that nothing did."""
    return findings.broken_step(step_breaks(data, steps=steps, by=by, days=days))
