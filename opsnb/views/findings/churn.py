"""Findings about who is leaving, whom to call first, and who will order next; each says how good the foresight is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsnb.measures.backtest import no_better_than_a_coin
from opsnb.views.findings.finding import Confidence, Finding, day_of, sure_of
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.churn import Churn, Recall
    from opsnb.measures.nextorders import OrderChances

GOOD, FAIR = 0.8, 0.65  # AUC from which a score is trusted, and from which it is of use


def _trusted(quality: pd.Series) -> Confidence:
    return "high" if quality["auc_low"] >= GOOD else "medium" if quality["auc_low"] >= FAIR else "low"


def _used(quality: pd.DataFrame) -> pd.Series:
    return quality[quality["used"]].iloc[0]


def recall(listed: Recall, found: Churn) -> Finding:
    """Whom to call first, what that costs and saves, and how right the same list was a window ago. Needs
    :func:`opsnb.measures.churn.recall_list` and the :func:`opsnb.measures.churn.churn` that it was made from.
    """
    rows, check = listed.frame, listed.check
    least_right = check["low"].iloc[-1] if len(check) else 0.0
    saved = rows["expected_value"].sum()
    numbers: dict[str, Any] = {
        "users": len(rows), "with_us": len(found.frame), "days": found.horizon_days, "value": rows["revenue_365d"].clip(lower=0).sum(),
        "cost": rows["cumulative_cost"].iloc[-1] if len(rows) else 0.0, "saved": saved, "won": listed.win_back_rate,
        "left": check["churned"].iloc[-1] if len(check) else None, "listed": check["users"].iloc[-1] if len(check) else None,
        "rate": check["rate"].iloc[-1] if len(check) else None, "base": found.trial["churned"].mean(),
    }
    if len(check):
        sentence = N_(
            "Call {users:count} of {with_us:count} customers first: each is likelier than not to stay away for the next {days:count} days, and together "
            "they spent {value:money} in the last year. That costs {cost:money} and is expected to save {saved:money}, if a call keeps {won:percent} of those "
            "who would leave. Of {listed:count} on the same list {days:count} days ago, {left:count} ({rate:percent}) did stay away, against {base:percent} "
            "of all."
        )
    else:
        sentence = N_(
            "Call {users:count} of {with_us:count} customers first: each is likelier than not to stay away for the next {days:count} days, and together "
            "they spent {value:money} in the last year. That costs {cost:money} and is expected to save {saved:money}, if a call keeps {won:percent} of those "
            "who would leave. The same list would have been empty {days:count} days ago, so it is unchecked."
        )
    return Finding("recall", "leaving", sentence, numbers, severity=0.7 if len(check) and least_right > numbers["base"] else 0.45,
                   confidence=_trusted(_used(found.quality)) if len(check) else "low")


def churn(found: Churn) -> Finding:
    """How many of those who were with us stayed away, and how many are expected to. Needs :func:`opsnb.measures.churn.churn`."""
    quality = _used(found.quality)
    return Finding(
        "churn",
        "leaving",
        N_("{left:count} of {users:count} customers ({rate:percent}) who had been here in the {days:count} days up to {day:date} were not seen in the "
           "{days:count} days after. Of the {now:count} here now, {expected:count} are expected to go the same way."),
        {"left": quality["happened"], "users": quality["users"], "rate": quality["rate"], "days": found.horizon_days,
         "day": day_of(str(found.checked_from)), "now": len(found.frame), "expected": float(found.frame["score"].sum())},
        severity=0.4 if quality["rate"] < 0.5 else 0.5,
        confidence=sure_of(quality["users"]),
    )


def churn_foresight(found: Churn) -> Finding:
    """Which score is used and how good it proved. Needs :func:`opsnb.measures.churn.churn`."""
    quality = _used(found.quality)
    if no_better_than_a_coin(found.quality):
        return _coin(quality, N_(
            "Who leaves cannot be foretold here: of two customers of whom one left, the better score picks the right one in {auc:percent} of cases "
            "({low:percent} to {high:percent}), which a coin does, too; {happened:count} of {users:count} left."), "foresight")
    first = found.deciles.iloc[0]
    numbers = {"hits": first["happened"], "top": first["users"], "rate": first["rate"], "base": quality["rate"], "lift": quality["lift"],
               "lift_low": quality["lift_low"], "lift_high": quality["lift_high"], "lift_most": quality["lift_most"], "auc": quality["auc"],
               "auc_low": quality["auc_low"], "auc_high": quality["auc_high"], "rule_auc": found.quality["auc"].iloc[0], "factor": found.factor}
    if found.used == "rule":
        sentence = N_(
            "Of the tenth of customers thought likeliest to leave, {hits:count} of {top:count} did ({rate:percent}): {lift:number} times the average, where no "
            "list could have reached more than {lift_most:number}. Days of silence against the customer's own rhythm decide: a model did not beat that "
            "rule on days that it had not seen. Of two customers of whom one left, the score picks the right one in {auc:percent} of cases."
        )
    else:
        sentence = N_(
            "Of the tenth of customers thought likeliest to leave, {hits:count} of {top:count} did ({rate:percent}): {lift:number} times the average, where no "
            "list could have reached more than {lift_most:number}. A model decides, as it beat the plain silence rule on days that it had not seen: of two "
            "customers of whom one left, it picks the right one in {auc:percent} of cases, the rule in {rule_auc:percent}."
        )
    return Finding("churn_foresight", "foresight", sentence, numbers, severity=0.15, confidence=_trusted(quality))


def _coin(quality: pd.Series, template: str, section: str) -> Finding:
    numbers = {"auc": quality["auc"], "low": quality["auc_low"], "high": quality["auc_high"], "happened": quality["happened"], "users": quality["users"]}
    return Finding("not_foretold", section, template, numbers, severity=0.2, confidence="low")


def foretold(found: Churn | OrderChances) -> Finding:
    """Whether the chances mean what they say: how many were foretold and how many came. Needs ``churn.churn`` or ``nextorders.order_chances``."""
    quality = _used(found.quality)
    off = abs(quality["expected"] - quality["happened"])
    within = off <= 2 * (quality["users"] * quality["rate"] * (1 - quality["rate"])) ** 0.5
    return Finding(
        "foretold",
        "foresight",
        N_("{expected:count} of {users:count} were foretold and {happened:count} came true: no further off than chance, so in a season like that one a "
           "chance of 30% can be read as 3 in 10.")
        if within
        else N_("{expected:count} of {users:count} were foretold and {happened:count} came true: further off than chance, so read the scores as an order, not "
                "as chances."),
        {"expected": quality["expected"], "users": quality["users"], "happened": quality["happened"]},
        severity=0.1 if within else 0.3,
        confidence="high" if within else "medium",
    )


def next_orders(found: OrderChances) -> Finding:
    """How many of those seen lately will order, and how well that can be told. Needs :func:`opsnb.measures.nextorders.order_chances`."""
    quality = _used(found.quality)
    if no_better_than_a_coin(found.quality):
        return _coin(quality, N_(
            "Who orders next cannot be foretold here: of two users of whom one ordered, the better score picks the right one in {auc:percent} of cases "
            "({low:percent} to {high:percent}), which a coin does, too; {happened:count} of {users:count} ordered."), "next_orders")
    first = found.deciles.iloc[0]
    return Finding(
        "next_orders",
        "next_orders",
        N_("{expected:count} of the {users:count} users seen lately are expected to order in the next {days:count} days. When that was foretold "
           "{days:count} days ago, {hits:count} of the {top:count} ranked highest ordered ({rate:percent}), against {base:percent} of all; "
           "{foretold:count} orderers were foretold, {came:count} came."),
        {"expected": float(found.frame["score"].sum()), "users": len(found.frame), "days": found.horizon_days, "hits": first["happened"],
         "top": first["users"], "rate": first["rate"], "base": quality["rate"], "lift": quality["lift"], "auc": quality["auc"],
         "foretold": quality["expected"], "came": quality["happened"]},
        severity=0.25,
        confidence=_trusted(quality),
    )
