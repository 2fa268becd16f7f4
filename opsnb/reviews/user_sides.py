"""What several parts of the page on users ask, each computed once: tiers, personas, who comes back, who leaves, who orders next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.measures import churn, nextorders, retention, segments
from opsnb.reviews.asked import answered, optional
from opsnb.reviews.once import once
from opsnb.views import findings

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding


@once
def rfm(data: Data, *, as_of: str = "") -> pd.DataFrame:
    """Every customer's recency, frequency, value and tier: the frame of :func:`opsnb.measures.segments.rfm`, on ``as_of`` or the page's day."""
    return segments.rfm(data.orders, as_of=as_of or data.as_of)


@once
def personas(data: Data, *, k: int = 0, random_state: int = 0) -> segments.Personas:
    """The customers' groups: :func:`opsnb.measures.segments.personas`; raises NoPersonas where other samples do not confirm any."""
    return segments.personas(rfm(data), k=k or None, random_state=random_state)


def persona_finding(data: Data, *, k: int = 0, random_state: int = 0) -> Finding:
    """The personas in a sentence, or why there are none."""
    try:
        return findings.personas(personas(data, k=k, random_state=random_state))
    except segments.NoPersonas as error:
        return findings.no_personas(str(error))


@once
def repeat_breaks(data: Data, *, repeat_days: int = 60) -> pd.DataFrame:
    """Channels whose customers stopped coming back: the frame of :func:`opsnb.measures.retention.repeat_breaks`; no row where it cannot be told."""
    import pandas as pd

    users = optional(data, "users")
    if "channel" not in data.orders.columns and (users is None or "channel" not in users.columns):
        return pd.DataFrame()
    found = answered(lambda: retention.repeat_breaks(data.orders, users, events=optional(data, "events"), within_days=repeat_days, as_of=data.as_of))
    return pd.DataFrame() if found is None else found


@once
def repeat_rates(data: Data, *, repeat_days: int = 60) -> pd.DataFrame:
    """Who orders again in time, by channel where one is known: the frame of :func:`opsnb.measures.retention.repeat_rate`."""
    users = optional(data, "users")
    by = "channel" if "channel" in data.orders.columns or (users is not None and "channel" in users.columns) else None
    return retention.repeat_rate(data.orders, within_days=repeat_days, by=by, users=users, as_of=data.as_of)


def repeat_title(data: Data, *, repeat_days: int = 60) -> Finding | None:
    """The finding that heads the section on who comes back: the channel that broke, else the rate of all."""
    breaks = repeat_breaks(data, repeat_days=repeat_days)
    if len(breaks):
        return findings.repeat_drop(breaks.iloc[0], within_days=repeat_days)
    return findings.repeat_rate(retention.repeat_rate(data.orders, within_days=repeat_days, as_of=data.as_of), within_days=repeat_days)


@once
def cohorts(data: Data, *, period: retention.Period = "month") -> pd.DataFrame:
    """The frame of :func:`opsnb.measures.retention.cohort_retention`, of all visitors."""
    return retention.cohort_retention(data.events, period=period, as_of=data.as_of)


@once
def leaving(data: Data, *, horizon_days: int = 60) -> churn.Churn:
    """Who is likely to stay away for the next ``horizon_days``: :func:`opsnb.measures.churn.churn`, with visits where there are events."""
    return churn.churn(data.orders, optional(data, "events"), as_of=data.as_of, horizon_days=horizon_days)


def recall(data: Data, *, horizon_days: int = 60, contact_cost: float = 5.0, recall_budget: float = 0.0, win_back_rate: float = 0.1) -> churn.Recall:
    """Whom to call first: :func:`opsnb.measures.churn.recall_list`; ``recall_budget`` 0: everybody who is worth a call."""
    return churn.recall_list(leaving(data, horizon_days=horizon_days), budget=recall_budget or None, cost_per_contact=contact_cost,
                             win_back_rate=win_back_rate)


@once
def next_orders(data: Data, *, horizon_days: int = 30) -> nextorders.OrderChances:
    """Who will order in the next ``horizon_days``: :func:`opsnb.measures.nextorders.order_chances`, with visits where there are events."""
    return nextorders.order_chances(data.orders, optional(data, "events"), as_of=data.as_of, horizon_days=horizon_days)
