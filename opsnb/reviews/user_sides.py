"""What several parts of the page on users ask, each computed once: tiers, personas, who comes back, what
they will bring, who leaves, who orders next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opsnb.measures import churn, nextorders, retention, segments, value
from opsnb.measures.behaviour import behaviour
from opsnb.measures.personas import usual_features
from opsnb.reviews.asked import answered, optional
from opsnb.reviews.once import once
from opsnb.views import findings, language, lists
from opsnb.views.language import _

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding
    from opsnb.views.shown import Shown


@once
def rfm(data: Data, *, as_of: str = "") -> pd.DataFrame:
    """Every customer's recency, frequency, value and tier: the frame of :func:`opsnb.measures.segments.rfm`, on ``as_of`` or the page's day."""
    return segments.rfm(data.orders, as_of=as_of or data.as_of)


@once
def habits(data: Data) -> pd.DataFrame | None:
    """What is typical of each visitor: :func:`opsnb.measures.behaviour.behaviour`; None without events."""
    return behaviour(data.events, data.orders, as_of=data.as_of) if data.has("events") else None


def persona_features(data: Data, features: Sequence[str] = ()) -> list[str]:
    """The habits by which personas are told apart: those asked for, else the usual ones; none without events."""
    known = answered(lambda: habits(data))
    return [] if known is None else list(features) or usual_features(known)


def persona_choices(data: Data) -> list[str]:
    """The habits that a control may offer."""
    known = answered(lambda: habits(data))
    return [] if known is None else [str(column) for column in known.columns if column not in ("user_id", "orders")]


def personas(data: Data, *, k: int = 0, features: Sequence[str] = (), random_state: int = 0) -> segments.Personas:
    """The customers' groups: :func:`opsnb.measures.segments.personas`; raises NoPersonas where other samples do not confirm any."""
    found = _personas(data, k=k, features=list(features), random_state=random_state)
    if isinstance(found, segments.NoPersonas):
        raise found
    return found


@once
def _personas(data: Data, *, k: int, features: list[str], random_state: int) -> segments.Personas | segments.NoPersonas:
    """The groups, or why there are none: a refusal costs as much as an answer."""
    try:
        return segments.personas(rfm(data), habits(data), k=k or None, features=features or None, random_state=random_state)
    except segments.NoPersonas as error:
        return error


def members(data: Data, *, allowed: bool, **asked: Any) -> list[Shown]:
    """A list of ids for each persona, or one sentence that lists are closed."""
    made = personas(data, **asked)
    of = {persona: made.frame.loc[made.frame["persona"] == persona, "user_id"] for persona in made.summary["persona"]}
    if not lists.are_open(allowed):
        every = made.frame.loc[made.frame["persona"].notna(), "user_id"]
        return [lists.members(every, "personas", allowed=False, said=_("Members of the personas"))]
    return [lists.members(ids, f"persona_{place}", allowed=True, said=language.persona(parts))
            for place, (ids, parts) in enumerate(zip(of.values(), made.summary["parts"], strict=True), start=1)]


@once
def migration(data: Data) -> pd.DataFrame:
    """Who went from tier to tier in the last 90 days: the frame of :func:`opsnb.measures.segments.tier_migration`."""
    return segments.tier_migration(data.orders, as_of=data.as_of)


def persona_finding(data: Data, *, k: int = 0, features: Sequence[str] = (), random_state: int = 0) -> Finding:
    """The personas in a sentence, or why there are none."""
    try:
        return findings.personas(personas(data, k=k, features=list(features), random_state=random_state))
    except segments.NoPersonas as error:
        return findings.no_personas(str(error))


@once
def repeat_breaks(data: Data, *, repeat_days: int = 60) -> pd.DataFrame:
    """Channels whose customers stopped coming back: the frame of :func:`opsnb.measures.retention.repeat_breaks`; no row where it cannot be told."""
    import pandas as pd

    if not knows_channels(data):
        return pd.DataFrame()
    found = answered(lambda: retention.repeat_breaks(data.orders, optional(data, "users"), events=optional(data, "events"), within_days=repeat_days,
                                                     as_of=data.as_of))
    return pd.DataFrame() if found is None else found


@once
def repeat_rates(data: Data, *, repeat_days: int = 60) -> pd.DataFrame:
    """Who orders again in time, by channel where one is known: the frame of :func:`opsnb.measures.retention.repeat_rate`."""
    by = "channel" if knows_channels(data) else None
    return retention.repeat_rate(data.orders, within_days=repeat_days, by=by, users=optional(data, "users"), as_of=data.as_of)


def repeat_title(data: Data, *, repeat_days: int = 60) -> Finding | str:
    """The finding that heads the section on who comes back: the channel that broke, else the rate of all."""
    breaks = repeat_breaks(data, repeat_days=repeat_days)
    if len(breaks):
        return findings.repeat_drop(breaks.iloc[0], within_days=repeat_days)
    rates = retention.repeat_rate(data.orders, within_days=repeat_days, as_of=data.as_of)
    return findings.repeat_rate(rates, within_days=repeat_days) or ""


@once
def cohorts(data: Data, *, period: retention.Period = "month") -> pd.DataFrame:
    """The frame of :func:`opsnb.measures.retention.cohort_retention`, of all visitors."""
    return retention.cohort_retention(data.events, period=period, as_of=data.as_of)


@once
def value_model(data: Data) -> value.Chosen:
    """The forecast of orders and how it held on days held out: :func:`opsnb.measures.value.chosen_model`."""
    return value.chosen_model(data.orders, as_of=data.as_of)


def frequency_title() -> str:
    """What heads the second chart of the check: it has no finding of its own."""
    return _("Orders a customer in the days held out, by how often they had come back before")


@once
def worth(data: Data, *, ltv_days: int = 365) -> value.Worth:
    """What each customer will bring: :func:`opsnb.measures.value.ltv`; raises NotMeasured where the check on days held out speaks for no model."""
    return value.ltv(data.orders, value_model(data), as_of=data.as_of, horizons=[ltv_days])


def knows_channels(data: Data) -> bool:
    """Whether the data tell through which channel customers came."""
    users = optional(data, "users")
    return "channel" in data.orders.columns or (users is not None and "channel" in users.columns)


@once
def worth_by(data: Data, *, ltv_days: int = 365) -> pd.DataFrame:
    """What a new customer brings in the first days, by channel beside its cost, or by month where no channel is known: ``value.ltv_by``."""
    spend = optional(data, "spend")
    if not knows_channels(data):
        return value.ltv_by(worth(data, ltv_days=ltv_days), by="cohort", users=optional(data, "users"), spend=spend, days=ltv_days)
    spend = spend if spend is None or "channel" in spend.columns else None
    return value.ltv_by(worth(data, ltv_days=ltv_days), by="channel", users=optional(data, "users"), spend=spend, days=ltv_days)


def worth_title(data: Data, *, ltv_days: int = 365) -> Finding:
    """What today's customers will bring in the next days, with its interval and who brings most of it."""
    found = worth(data, ltv_days=ltv_days)
    return findings.lifetime_value(value.ltv_total(found), value.deciles(found), found, value_model(data))


def payback_title(data: Data, *, ltv_days: int = 365) -> Finding | str:
    """The channel that costs most against what its customers bring; without spend, what the chart shows."""
    found = worth_by(data, ltv_days=ltv_days)
    paid = findings.payback(found, worth(data, ltv_days=ltv_days)) if "channel" in found.columns else None
    return paid or _("What a new customer brings in the first {days} days, so far and expected").format(days=ltv_days)


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
