"""What several parts of the page on users ask, each computed once: tiers, who comes back, what they will bring, who leaves, who orders next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from opsnb.errors import NotMeasured
from opsnb.measures import churn, nextorders, retention, segments, value
from opsnb.reviews.asked import answered, optional
from opsnb.reviews.once import once
from opsnb.views import findings, language, page
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
def migration(data: Data) -> pd.DataFrame:
    """Who went from tier to tier in the last 90 days: the frame of :func:`opsnb.measures.segments.tier_migration`."""
    return segments.tier_migration(data.orders, as_of=data.as_of)


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
    """Who orders again in time, by channel where one is known: the frame of :func:`opsnb.measures.retention.repeat_rate`. Raises NotMeasured where
    nobody's time is over."""
    by = "channel" if knows_channels(data) else None
    found = retention.repeat_rate(data.orders, within_days=repeat_days, by=by, users=optional(data, "users"), as_of=data.as_of)
    if not found["repeat_rate"].notna().any():
        raise NotMeasured(_("{days} days have not passed since anybody's first order: ask for fewer").format(days=language.count(repeat_days)))
    return found


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
def worth_by(data: Data, *, by: Literal["channel", "cohort"] = "channel", ltv_days: int = 365) -> pd.DataFrame:
    """What a new customer brings in the first days beside its cost, by channel or month (always where no channel is known): ``value.ltv_by``."""
    spend, by = optional(data, "spend"), by if knows_channels(data) else "cohort"
    if by == "channel" and spend is not None and "channel" not in spend.columns:
        spend = None
    return value.ltv_by(worth(data, ltv_days=ltv_days), by=by, users=optional(data, "users"), spend=spend, days=ltv_days)


def cohort_title(*, ltv_days: int = 365) -> str:
    """What heads the value of new customers by month: it has no finding of its own."""
    return _("What a new customer of each month brings in the first {days} days, so far and expected").format(days=ltv_days)


def worth_assumes(data: Data, *, ltv_days: int = 365) -> Shown:
    """What the lifetime values take for granted, as a list."""
    found = worth(data, ltv_days=ltv_days)
    tied = findings.value_assumption(found)
    money = (_("What counts is gross margin: {margin} of revenue over all orders that have a cost.").format(margin=language.percent(found.margin_rate))
             if found.basis == "gross margin" else _("What counts is revenue: the orders have no cost, so this is no margin."))
    if found.spending is None:
        spent = _("All orders are worth about the same, so every customer gets the same value an order.")
    elif tied is not None:
        spent = tied.sentence
    else:
        spent = _("What an order is worth does not go with how often a customer orders: it holds here (correlation {correlation}, {customers} "
                  "customers).").format(correlation=language.number(found.spending.correlation), customers=language.count(found.spending.customers))
    return page.bullets(_("What these values take for granted"), [
        _("Customers go on as they have: {model} knows their past orders alone, no campaign, price or season to come.").format(model=found.model.name),
        money, _("Money of later counts less: {rate} a year are taken off.").format(rate=language.percent(found.discount_rate)), spent])


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


def rivals(found: churn.Churn | nextorders.OrderChances) -> Shown:
    """The plain rule and the model beside each other in the window of the check: AUC, by how much it is above the rule's, lift of the top tenth."""
    quality = found.quality.rename(columns={"score": "method"})
    said = quality[["method", "used"]].assign(**{name: [_within(*row) for row in quality[[name, f"{name}_low", f"{name}_high"]].to_numpy()]
                                                 for name in ("auc", "gain", "lift")}, lift_most=quality["lift_most"])
    return page.table(quality[["method", "used", "auc", "auc_low", "auc_high", "gain", "gain_low", "gain_high", "lift", "lift_low", "lift_high", "lift_most"]],
                      "rule_and_model", title=_("The plain rule and the model, on days that neither had seen"), read=said)


def _within(value: float, low: float, high: float) -> str:
    """A number and its interval in one field; the number alone where there is none."""
    return language.number(value) if low != low else _("{value} ({low} to {high})").format(
        value=language.number(value), low=language.number(low), high=language.number(high))


@once
def next_orders(data: Data, *, horizon_days: int = 30) -> nextorders.OrderChances:
    """Who will order in the next ``horizon_days``: :func:`opsnb.measures.nextorders.order_chances`, with visits where there are events."""
    return nextorders.order_chances(data.orders, optional(data, "events"), as_of=data.as_of, horizon_days=horizon_days)
