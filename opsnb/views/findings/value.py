"""Findings about what customers are worth: how far the forecast can be trusted, what it says, and whether winning customers pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.views.findings.finding import Confidence, Finding
from opsnb.views.findings.users import REPEAT_GOAL
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.value import Chosen, Worth

CLOSE, FAR = 0.1, 0.25  # error of a total up to which it is close, and from which it is far


def value_holdout(chosen: Chosen) -> Finding:
    """How well past orders told later ones, or that no model may be used. Needs :func:`opsnb.measures.value.chosen_model`."""
    score, naive, days = chosen.score, chosen.naive, chosen.holdout.days
    name = {"bg_nbd": "BG/NBD", "pareto_nbd": "Pareto/NBD"}[score["method"]]
    numbers = {"model": name, "days": days, "customers": chosen.holdout.customers, "expected": score["expected"], "low": score["low"],
               "high": score["high"], "actual": score["actual"], "error": score["total_error"], "naive": naive["expected"],
               "naive_error": naive["total_error"], "rmse": score["rmse"], "naive_rmse": naive["rmse"], "reason": chosen.reason}
    if chosen.model is None:
        return Finding(
            "value_refused",
            "bring",
            N_(
                "No lifetime value is given: {reason:sentence}. For the last {days:count} days {model} would have forecast {expected:count} "
                "repeat orders, last year's average {naive:count}; {actual:count} came."
            ),
            numbers,
            severity=0.5,
        )
    inside = score["low"] <= score["actual"] <= score["high"]
    error = abs(score["total_error"])
    template = (
        N_(
            "The forecast of orders held: {days:count} days ago {model} would have forecast {expected:count} repeat orders ({low:count} to "
            "{high:count}); {actual:count} came, so it was {error:signed} off. Last year's average was {naive_error:signed} off."
        )
        if inside and error < FAR
        else N_(
            "The forecast of orders was {error:signed} off: {days:count} days ago {model} would have forecast {expected:count} repeat orders "
            "({low:count} to {high:count}); {actual:count} came. It beats last year's average customer by customer ({naive_error:signed} off in "
            "total), so rank customers by it, but do not plan sums with it."
        )
    )
    return Finding("value_holdout", "forecast", template, numbers, severity=0.2 if inside and error < FAR else 0.45, confidence=_trust(chosen))


def _trust(chosen: Chosen) -> Confidence:
    error = abs(chosen.score["total_error"])
    return "high" if error < CLOSE else "medium" if error < FAR else "low"


def lifetime_value(total: pd.DataFrame, deciles: pd.DataFrame, worth: Worth, chosen: Chosen | None = None) -> Finding:
    """What today's customers will bring. Needs ``value.ltv_total`` and ``value.deciles`` of one ``value.ltv``; ``chosen`` for how sure it is."""
    last, best = total.iloc[-1], deciles.iloc[0]
    template = (
        N_(
            "Today's {customers:count} customers will bring {ltv:money} of gross margin in the next {days:count} days ({low:money} to "
            "{high:money} if the model holds); the best tenth of them bring {share:percent} of it, {mean:money} each."
        )
        if worth.basis == "gross margin"
        else N_(
            "Today's {customers:count} customers will bring {ltv:money} of revenue in the next {days:count} days ({low:money} to {high:money} "
            "if the model holds; orders have no cost, so this is no margin); the best tenth of them bring {share:percent} of it, {mean:money} each."
        )
    )
    return Finding(
        "lifetime_value",
        "bring",
        template,
        {"customers": last["customers"], "ltv": last["ltv"], "days": last["days"], "low": last["low"], "high": last["high"],
         "share": best["value_share"], "mean": best["mean"], "best": best["customers"], "orders": last["orders"], "model": worth.model.name},
        severity=0.35,
        confidence="medium" if chosen is None else _trust(chosen),
    )


def value_assumption(worth: Worth) -> Finding | None:
    """That frequent customers spend more, or less, an order, which Gamma-Gamma takes not to be so. None where they do not."""
    if worth.spending is None or worth.spending.independent:
        return None
    return Finding(
        "value_assumption",
        "bring",
        N_(
            "Customers who order often spend more an order (correlation {correlation:number}); lifetime value leaves that out and is too low for them."
        )
        if worth.spending.correlation > 0
        else N_(
            "Customers who order often spend less an order (correlation {correlation:number}); lifetime value leaves that out and is too high for them."
        ),
        {"correlation": worth.spending.correlation, "customers": worth.spending.customers},
        severity=0.3,
        confidence="medium",
    )


def payback(by_channel: pd.DataFrame, worth: Worth) -> Finding | None:
    """The channel whose customers cost most against what they bring. Needs ``value.ltv_by`` of channels with spend; None without any."""
    paid = by_channel[by_channel["cac"] > 0]
    if paid.empty:
        return None
    column = next(name for name in paid.columns if name.startswith("ltv_") and name != "ltv_to_cac")
    row = paid.sort_values("ltv_to_cac", kind="stable").iloc[0]
    best = paid.sort_values("ltv_to_cac", kind="stable").iloc[-1]
    numbers = {"cac": row["cac"], "ltv": row[column], "low": row["low"], "high": row["high"], "customers": row["customers"],
               "ratio": row["ltv_to_cac"], "months": row["payback_months"], "seen": row["months_seen"], "lost": row["cac"] - row[column],
               "days": int(column.removeprefix("ltv_").removesuffix("d")), "best": best["channel"], "best_ratio": best["ltv_to_cac"],
               "best_months": best["payback_months"], "basis": worth.basis}
    if row["high"] < row["cac"]:
        template = N_(
            "A customer won through {channel} costs {cac:money} and brings {ltv:money} in the first {days:count} days ({low:money} to {high:money}): "
            "{lost:money} lost on each of {customers:count}. {best} brings {best_ratio:number} times its cost."
        )
    elif row["low"] <= row["cac"]:
        template = N_(
            "Whether {channel} pays is open: a customer costs {cac:money} and brings {ltv:money} in the first {days:count} days ({low:money} to "
            "{high:money}, {customers:count} customers). {best} brings {best_ratio:number} times its cost."
        )
    elif row["payback_months"] == row["payback_months"]:
        template = N_(
            "Every paid channel earns its cost back in the first {days:count} days; {channel} is closest to the line: {cac:money} a customer, back "
            "after {months:count} months, {ltv:money} in all ({low:money} to {high:money}). {best} brings {best_ratio:number} times its cost."
        )
    else:
        template = N_(
            "Every paid channel should earn its cost back in the first {days:count} days, but {channel} has not yet in the {seen:count} months seen: "
            "{cac:money} a customer against {ltv:money} expected ({low:money} to {high:money}). {best} brings {best_ratio:number} times its cost."
        )
    return Finding(
        "payback",
        "bring",
        template,
        numbers,
        slice={"channel": str(row["channel"])},
        severity=0.75 if row["high"] < row["cac"] else 0.5 if row["low"] <= row["cac"] else 0.3,
        confidence="high" if row["customers"] >= 100 else "medium" if row["customers"] >= 30 else "low",
    )


def order_habits(habits: pd.DataFrame) -> Finding:
    """How many customers come back and how soon, against the plan's 35%. Needs ``value.order_habits``."""
    row = habits.iloc[0]
    days = (row["as_of"] - row["start"]).days + 1
    known = row["median_days"] == row["median_days"]
    return Finding(
        "order_habits",
        "bring",
        N_(
            "{repeated:count} of {customers:count} customers of the last {days:count} days ({rate:percent}, {low:percent} to {high:percent}) ordered on "
            "two days or more; the plan's goal is {goal:percent}. Half of all customers are back {median:count} days after their first order."
        )
        if known
        else N_(
            "{repeated:count} of {customers:count} customers of the last {days:count} days ({rate:percent}, {low:percent} to {high:percent}) ordered on "
            "two days or more; the plan's goal is {goal:percent}. Fewer than half of all customers have been seen to come back."
        ),
        {"repeated": row["repeat_customers"], "customers": row["customers"], "days": days, "rate": row["repeat_rate"], "low": row["low"],
         "high": row["high"], "goal": REPEAT_GOAL, "median": row["median_days"], "arpu": row["arpu"], "aov": row["aov"]},
        severity=0.45 if row["high"] < REPEAT_GOAL else 0.35 if row["low"] < REPEAT_GOAL else 0.2,
    )
