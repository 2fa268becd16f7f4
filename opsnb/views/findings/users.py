"""Findings about customers: tiers, personas, who comes back and who does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsnb.views.findings.finding import Finding, day_of
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

REPEAT_GOAL = 0.35  # the plan's mid-term goal for the repeat purchase rate
RETENTION_GOAL = 0.18  # the plan's anchor for 30-day retention


def tiers(summary: pd.DataFrame) -> Finding:
    """What the high-value tier brings. Needs :func:`opsnb.measures.segments.tier_summary`."""
    high = summary.set_index("tier").loc["high-value"]
    kept = high["revenue_share"] >= 0.5
    template = N_("{users:count} high-value customers ({share:percent} of {customers:count}) bring {revenue_share:percent} of revenue; the plan "
                  "expects 10% to 20% of users to bring over 50%.")
    return Finding("tiers", "tiers", template,
                   {"users": high["users"], "share": high["share"], "customers": summary["users"].sum(), "revenue_share": high["revenue_share"]},
                   severity=0.4 if kept else 0.6)


def lost_customers(summary: pd.DataFrame) -> Finding:
    """How many customers are lost, and what they were worth. Needs ``tier_summary``."""
    lost = summary.set_index("tier").loc["lost"]
    return Finding("lost_customers", "tiers",
                   N_("{users:count} customers ({share:percent}) are lost: last seen {recency:count} days ago (median), {revenue:money} spent before "
                      "that. Recall the ones who spent most first."),
                   {"users": lost["users"], "share": lost["share"], "recency": lost["recency_days"], "revenue": lost["revenue"]}, severity=0.35)


def repeat_rate(rates: pd.DataFrame, *, within_days: int) -> Finding | None:
    """Share of customers who order again. Needs :func:`opsnb.measures.retention.repeat_rate` without ``by``."""
    seen = rates.dropna(subset=["repeat_rate"])
    if seen.empty:
        return None
    customers, repeated = seen["customers"].sum(), seen["repeated"].sum()
    rate = repeated / customers
    return Finding("repeat_rate", "repeat",
                   N_("{repeated:count} of {customers:count} customers ({rate:percent}) ordered again within {within_days:count} days of their first "
                      "order; the plan's goal is {goal:percent}."),
                   {"repeated": repeated, "customers": customers, "rate": rate, "within_days": within_days, "goal": REPEAT_GOAL},
                   severity=0.45 if rate < REPEAT_GOAL else 0.25)


def repeat_drop(broken: pd.Series | Any, *, within_days: int) -> Finding:
    """An acquisition channel whose customers stopped coming back: one row of :func:`opsnb.measures.retention.repeat_breaks`."""
    return Finding("repeat_drop", "repeat",
                   N_("Customers won through {channel} since {since:date} come back far less: {rate_after:percent} of {customers_after:count} ordered "
                      "again within {within_days:count} days, against {rate_before:percent} before."),
                   {"rate_before": broken["rate_before"], "rate_after": broken["rate_after"], "customers_after": broken["customers_after"],
                    "within_days": within_days, "relative_change": broken["relative_change"]},
                   slice={"channel": broken["channel"]}, since=day_of(broken["since"]), severity=0.9)


def cohort_retention(retention: pd.DataFrame, *, period_index: int = 1) -> Finding | None:
    """Share of a cohort that is back one period later, all complete cohorts together."""
    later = retention[(retention["period_index"] == period_index)].dropna(subset=["retained"])
    if later.empty:
        return None
    retained, users = later["retained"].sum(), later["cohort_users"].sum()
    return Finding("cohort_retention", "retention",
                   N_("{rate:percent} of new users ({retained:count} of {users:count}) are back in the month after they first came; the plan's anchor "
                      "is {goal:percent}."),
                   {"rate": retained / users, "retained": retained, "users": users, "goal": RETENTION_GOAL},
                   severity=0.4 if retained / users < RETENTION_GOAL else 0.2)


