"""Findings about customers: tiers, personas, who comes back and who does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsnb.views.findings.finding import Finding, day_of, sure_of
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.personas import Personas

REPEAT_GOAL = 0.35  # the plan's mid-term goal for the repeat purchase rate
RETENTION_GOAL = 0.18  # the plan's anchor for 30-day retention
FEWEST, WHALE, HANDFUL = 20, 0.2, 0.01  # customers from which, and share of one customer or of customers with half of the revenue, at which it is news


def tiers(summary: pd.DataFrame) -> Finding:
    """What the high-value tier brings. Needs :func:`opsnb.measures.segments.tier_summary`."""
    high = summary.set_index("tier").loc["high-value"]
    kept = high["revenue_share"] >= 0.5
    template = (
        N_(
            "{users:count} high-value customers ({share:percent} of {customers:count}) bring {revenue_share:percent} of revenue; the plan "
            "expects 10% to 20% of users to bring over 50%."
        )
        if high["users"] and high["revenue_share"] == high["revenue_share"]
        else N_("{users:count} high-value customers are {share:percent} of {customers:count}; refunds have eaten up all revenue, so that nobody has a "
                "share of it.")
        if high["users"]
        else N_("No one of {customers:count} customers is recent, frequent and high in value at once; the plan expects 10% to 20% to be, and to bring over "
                "50% of revenue.")
    )
    return Finding(
        "tiers",
        "tiers",
        template,
        {"users": high["users"], "share": high["share"], "customers": summary["users"].sum(), "revenue_share": high["revenue_share"]},
        severity=0.2 if not high["users"] or high["revenue_share"] != high["revenue_share"] else 0.25 if kept else 0.45,
        confidence=sure_of(summary["users"].sum()),
    )


def concentration(frame: pd.DataFrame) -> Finding | None:
    """How few customers bring half of the revenue. Needs :func:`opsnb.measures.segments.concentration`; None where it is spread as usual."""
    row = frame.iloc[0]
    if not row["customers"] >= FEWEST or not (row["largest_share"] >= WHALE or row["share"] <= HANDFUL):
        return None
    numbers = {name: row[name] for name in ("customers", "users", "share", "revenue_share", "largest_share", "largest_revenue")}
    template = (
        N_(
            "One customer brings {largest_share:percent} of all revenue ({largest_revenue:money}, out of {customers:count} customers): care for that one by "
            "name, and read averages and shares of revenue on this page with that in mind."
        )
        if row["largest_share"] >= WHALE
        else N_(
            "{users:count} of {customers:count} customers ({share:percent}) bring {revenue_share:percent} of all revenue: care for each of them by name, and "
            "read averages and shares of revenue on this page with that in mind."
        )
    )
    return Finding("concentration", "tiers", template, numbers, severity=0.65 if row["largest_share"] >= 0.5 else 0.5)


def lost_customers(summary: pd.DataFrame) -> Finding | None:
    """How many customers are lost, and what they were worth. Needs ``tier_summary``; None where nobody is."""
    lost = summary.set_index("tier").loc["lost"]
    if not lost["users"]:
        return None
    template = (
        N_(
            "{users:count} customers ({share:percent}) are lost: last seen {recency:count} days ago (median), {revenue:money} spent before "
            "that. Recall the ones who spent most first."
        )
        if lost["revenue"] > 0
        else N_(
            "{users:count} customers ({share:percent}) are lost: last seen {recency:count} days ago (median). More was refunded to them than they paid, so "
            "there is nothing to win back."
        )
    )
    return Finding(
        "lost_customers",
        "tiers",
        template,
        {"users": lost["users"], "share": lost["share"], "recency": lost["recency_days"], "revenue": lost["revenue"]},
        severity=0.35 if lost["revenue"] > 0 else 0.15,
        confidence=sure_of(summary["users"].sum()),
    )


def repeat_rate(rates: pd.DataFrame, *, within_days: int) -> Finding | None:
    """Share of customers who order again. Needs :func:`opsnb.measures.retention.repeat_rate` without ``by``."""
    seen = rates.dropna(subset=["repeat_rate"])
    if seen.empty:
        return None
    customers, repeated = seen["customers"].sum(), seen["repeated"].sum()
    rate = repeated / customers
    return Finding(
        "repeat_rate",
        "repeat",
        N_(
            "{repeated:count} of {customers:count} customers ({rate:percent}) ordered again within {within_days:count} days of their first "
            "order; the plan's goal is {goal:percent}."
        ),
        {"repeated": repeated, "customers": customers, "rate": rate, "within_days": within_days, "goal": REPEAT_GOAL},
        severity=0.45 if rate < REPEAT_GOAL else 0.25,
        confidence=sure_of(customers),
    )


def repeat_drop(broken: pd.Series | Any, *, within_days: int) -> Finding:
    """An acquisition channel whose customers stopped coming back: one row of :func:`opsnb.measures.retention.repeat_breaks`."""
    return Finding(
        "repeat_drop",
        "repeat",
        N_(
            "Customers won through {channel} since {when:dated} come back far less: "
            "{after:percent} of {customers:count} "
            "ordered again within {within_days:count} days, {expected:percent} was to be expected; {lost:count} lost."
        ),
        {
            "after": broken["rate_after"],
            "customers": broken["customers_after"],
            "expected": broken["expected_rate"],
            "before": broken["rate_before"],
            "low": broken["low"],
            "high": broken["high"],
            "change": broken["relative_change"],
            "lost": broken["lost"],
            "within_days": within_days,
            "when": [day_of(broken[column]) for column in ("since", "since_low", "since_high")],
            "p": broken["p_value"],
        },
        slice={"channel": str(broken["channel"])},
        since=day_of(broken["since"]),
        severity=0.9,
    )


def cohort_retention(retention: pd.DataFrame, *, period_index: int = 1) -> Finding | None:
    """Share of a cohort that is back one period later, all complete cohorts together."""
    later = retention[(retention["period_index"] == period_index)].dropna(subset=["retained"])
    if later.empty:
        return None
    retained, users = later["retained"].sum(), later["cohort_users"].sum()
    cohorts = list(retention["cohort"].drop_duplicates())
    if not all(day.day == 1 for day in cohorts):  # the plan's anchor is for a month
        template = (N_("{rate:percent} of new users ({retained:count} of {users:count}) are back in the week after they first came.")
                    if all(day.weekday() == 0 for day in cohorts) else
                    N_("{rate:percent} of new users ({retained:count} of {users:count}) are back on the day after they first came."))
        return Finding("cohort_retention", "retained", template, {"rate": retained / users, "retained": retained, "users": users}, severity=0.2,
                       confidence=sure_of(users))
    return Finding(
        "cohort_retention",
        "retained",
        N_("{rate:percent} of new users ({retained:count} of {users:count}) are back in the month after they first came; the plan's "
           "anchor is {goal:percent}."),
        {"rate": retained / users, "retained": retained, "users": users, "goal": RETENTION_GOAL},
        severity=0.4 if retained / users < RETENTION_GOAL else 0.2,
        confidence=sure_of(users),
    )


def personas(made: Personas) -> Finding:
    """How many kinds of customers there are and which brings most. Needs :func:`opsnb.measures.segments.personas`."""
    first = made.summary.sort_values("revenue", ascending=False, kind="stable").iloc[0]
    template = (
        N_(
            "Customers fall into {k:count} groups that other samples confirm (stability {stability:number} of 1); "
            "\u201c{persona:persona}\u201d are {share:percent} of "
            "them and bring {revenue_share:percent} of revenue."
        )
        if made.told == made.customers
        else N_(
            "Of {customers:count} customers {told:count} came often enough to be told apart: they fall into {k:count} groups that other samples confirm "
            "(stability {stability:number} of 1). \u201c{persona:persona}\u201d are {share:percent} of all and bring {revenue_share:percent} of revenue."
        )
    )
    return Finding(
        "personas",
        "personas",
        template,
        {
            "k": made.k,
            "stability": made.stability,
            "persona": list(first["parts"]),
            "share": first["share"],
            "revenue_share": first["revenue_share"],
            "users": first["users"],
            "told": made.told,
            "customers": made.customers,
        },
        severity=0.4,
        confidence="high" if made.stability >= 0.75 else "medium",
    )


def no_personas(reason: str) -> Finding:
    """The customers form no groups that would survive another sample."""
    return Finding(
        "no_personas",
        "personas",
        N_("Customers form no groups that would survive another sample ({reason:sentence}); use the four tiers."),
        {"reason": reason},
        severity=0.2,
    )
