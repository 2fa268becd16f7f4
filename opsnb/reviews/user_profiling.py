"""Who the users are, what they are worth, who comes back, who is leaving and whom to call first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opsnb.errors import MissingTable
from opsnb.measures import retention, segments
from opsnb.reviews import user_lives as lives
from opsnb.reviews import user_personas
from opsnb.reviews import user_sides as sides
from opsnb.reviews.asked import answered
from opsnb.tables.codebook import TABLES
from opsnb.views import findings

if TYPE_CHECKING:
    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding


def user_profiling(
    data: Data,
    *,
    k: int = 0,
    features: Sequence[str] = (),
    days: int = 365,
    repeat_days: int = 60,
    horizon_days: int = 60,
    ltv_days: int = 365,
    contact_cost: float = 5.0,
    recall_budget: float = 0.0,
    win_back_rate: float = 0.1,
    random_state: int = 0,
    compare_days: int = user_personas.COMPARED_DAYS,
) -> list[Finding]:
    """The short version of user_profiling.ipynb: at most five findings, the most urgent first.

    Needs orders, or events, service or surveys for what they tell alone; events and users sharpen what is said about coming back and leaving.
    ``k``: number of personas, 0: chosen from the data;
    ``features``: habits by which they are told apart, empty: the usual ones; ``days``: the period over which life, pains and service are looked at;
    ``horizon_days``: who is not seen for so long has left; ``ltv_days`` over which lifetime value is told; ``contact_cost``, ``recall_budget``
    (0: no limit), ``win_back_rate``: of the recall list; ``compare_days``: personas bear the names that they had so many days before.
    """
    groups: dict[str, Any] = dict(k=k, features=list(features), random_state=random_state, compare_days=compare_days)
    found = customers(data, repeat_days=repeat_days, **groups) if data.has("orders") else []
    found += lives.lives(data, days=days) + lives.hurts(data, days=days)
    if data.has("orders"):
        found += leaving(data, horizon_days=horizon_days, contact_cost=contact_cost, recall_budget=recall_budget, win_back_rate=win_back_rate)
        found += worth(data, ltv_days=ltv_days)
    if not any(found):
        raise MissingTable("orders", TABLES["orders"].required)
    return findings.ranked(found)


def customers(data: Data, *, repeat_days: int, **groups: Any) -> list[Finding | None]:
    """What the tiers bring and who is lost, which kinds of customers there are, and who comes back."""
    tiers = segments.tier_summary(sides.rfm(data))
    found = [findings.concentration(segments.concentration(sides.rfm(data))),
             findings.tiers(tiers), findings.lost_customers(tiers), user_personas.persona_finding(data, **groups)]
    rates = answered(lambda: retention.repeat_rate(data.orders, within_days=repeat_days, as_of=data.as_of))
    found.append(None if rates is None else findings.repeat_rate(rates, within_days=repeat_days))
    breaks = sides.repeat_breaks(data, repeat_days=repeat_days)
    return [*found, *(findings.repeat_drop(row, within_days=repeat_days) for _, row in breaks.head(2).iterrows())]


def worth(data: Data, *, ltv_days: int) -> list[Finding | None]:
    """How the forecast held on days held out; where it may be used, what customers will bring and whether winning them pays."""
    chosen = answered(lambda: sides.value_model(data))
    if chosen is None:
        return []
    told = [answered(lambda: sides.worth_title(data, ltv_days=ltv_days))]
    paid = answered(lambda: sides.payback_title(data, ltv_days=ltv_days))
    return [findings.value_holdout(chosen), *told, paid if isinstance(paid, findings.Finding) else None]


def leaving(data: Data, *, horizon_days: int, contact_cost: float, recall_budget: float, win_back_rate: float) -> list[Finding]:
    """Whom to call first, or how many are leaving where nobody is worth a call; nothing where that cannot be told."""
    found = answered(lambda: sides.leaving(data, horizon_days=horizon_days))
    if found is None:
        return []
    listed = answered(lambda: sides.recall(data, horizon_days=horizon_days, contact_cost=contact_cost, recall_budget=recall_budget,
                                           win_back_rate=win_back_rate))
    return [findings.churn(found) if listed is None or not len(listed.frame) else findings.recall(listed, found)]
