"""Findings about ways: which paths visits take, what lies on the way to the goal, and what left carts hold."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from opsnb.errors import NotMeasured
from opsnb.views.findings.finding import Finding
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

ARROW = " > "
LEAST_EFFECT = 0.05  # of an event beside the path that is worth a sentence
LEAST_CARTS = 30


def frequent_path(ways: pd.DataFrame, *, to: str | None = None) -> Finding:
    """Which way most visits take, or most of those that reach ``to``. Needs :func:`opsnb.measures.paths.frequent_paths`.

    >>> import pandas as pd
    >>> ways = pd.DataFrame({"path": ["home", "home > search", "home > cart"], "events": [1, 2, 2], "users": [44, 15, 5], "paths": 100,
    ...                      "share": [.44, .15, .05]})
    >>> print(frequent_path(ways))
    44% of 100 visits do home and nothing else; the most frequent longer way is home > search (15%).
    >>> print(frequent_path(ways[1:], to="cart"))
    Of 100 visits that come to cart, 15% take the way home > search; the two most frequent ways make up 20%.
    """
    if ways.empty:
        raise NotMeasured("there are no visits in this period")
    first = ways.iloc[0]
    longer = ways[ways["events"] > 1]
    numbers = {"visits": first["paths"], "path": first["path"], "share": first["share"], "to": to, "two": ways["share"].head(2).sum(),
               "longer": longer["path"].iloc[0] if len(longer) else None, "longer_share": longer["share"].iloc[0] if len(longer) else None}
    if to is not None:
        template = N_("Of {visits:count} visits that come to {to}, {share:percent} take the way {path}; the two most frequent ways make up {two:percent}.") \
            if len(ways) > 1 else N_("All {visits:count} visits that come to {to} take the way {path}.")
    elif first["events"] > 1:
        template = N_("{share:percent} of {visits:count} visits take the way {path}; no other is as frequent.")
    else:
        template = N_("{share:percent} of {visits:count} visits do {path} and nothing else; the most frequent longer way is {longer} "
                      "({longer_share:percent}).") if len(longer) else N_("All {visits:count} visits hold a single event; most often it is {path}.")
    return Finding("frequent_path", "ways", template, numbers, severity=0.2)


def carrying(effects: pd.DataFrame, *, goal: str, steps: Collection[str] = ()) -> Finding:
    """What lies on the way to the goal beside the path's own steps; else which step can best be gone round. Needs
    :func:`opsnb.measures.flows.removal_effects`.

    >>> import pandas as pd
    >>> effects = pd.DataFrame({"event": ["cart", "coupon", "home"], "times": [50, 40, 90], "conversion": .2, "removal_effect": [1, .3, .87]})
    >>> print(carrying(effects, goal="pay", steps=["home", "cart", "pay"]))
    Beside the steps of the path, coupon carries most: were it to lead nowhere, 30% of the visits that come to pay would be lost.
    >>> print(carrying(effects[effects["event"] != "coupon"], goal="pay", steps=["home", "cart", "pay"]))
    Nearly every way to pay leads over the steps of the path; home can best be gone round: without it 13% would still come.
    >>> print(carrying(effects[:1], goal="pay", steps=["cart", "pay"]))
    No way to pay goes round a step of the path.
    """
    beside = effects[~effects["event"].isin(list(steps)) & (effects["removal_effect"] >= LEAST_EFFECT)]
    numbers = {"goal": goal, "event": None, "effect": None, "conversion": effects["conversion"].iloc[0] if len(effects) else None}
    if len(beside):
        row = beside.iloc[0]
        return Finding(
            "carrying", "ways",
            N_("Beside the steps of the path, {event} carries most: were it to lead nowhere, {effect:percent} of the visits that come to {goal} "
               "would be lost."),
            numbers | {"event": row["event"], "effect": row["removal_effect"]}, severity=0.2)
    own = effects[effects["event"].isin(list(steps)) & (effects["removal_effect"] < 0.995)]
    if own.empty:
        return Finding("no_way_round", "ways", N_("No way to {goal} goes round a step of the path."), numbers, severity=0.1)
    row = own.loc[own["removal_effect"].idxmin()]
    return Finding(
        "carrying", "ways",
        N_("Nearly every way to {goal} leads over the steps of the path; {event} can best be gone round: without it {round:percent} would still come.")
        if row["removal_effect"] >= 0.5
        else N_("Many ways to {goal} go round {event}: without it {round:percent} would still come, so it need not be a step of the path."),
        numbers | {"event": row["event"], "effect": row["removal_effect"], "round": 1 - row["removal_effect"]}, severity=0.2)


def left_items(found: pd.DataFrame) -> Finding:
    """What is in most of the carts that were left, and whether it is left more often than other things. Needs
    :func:`opsnb.measures.carts.cart_contents`.

    >>> import pandas as pd
    >>> rows = {"item": ["cup", "tea"], "carts": [100, 80], "abandoned": [60, 20], "abandonment_rate": [.6, .25], "low": [.5, .17], "high": [.7, .35],
    ...         "value_left": [600., None], "valued": [60, 0]}
    >>> print(left_items(pd.DataFrame(rows)))
    Carts with cup are left most: 60% of 100, against 25% of those with tea.
    >>> print(left_items(pd.DataFrame(rows)[1:]))
    tea is in most of the carts that are left: 20 of 80 with it, 25%; nothing is left more often than the rest by more than chance.
    """
    column = found.columns[0]
    known = found[found[column].notna() & (found["carts"] > 0)]
    if known.empty:
        raise NotMeasured("what was in the carts is not known")
    large = known[known["carts"] >= LEAST_CARTS]
    if len(large) > 1:
        worst, best = (large.loc[getattr(large["abandonment_rate"], of)()] for of in ("idxmax", "idxmin"))
        if worst["low"] > best["high"]:
            return Finding(
                "left_items", "contents",
                N_("Carts with {item} are left most: {rate:percent} of {carts:count}, against {best_rate:percent} of those with {best}."),
                {"item": worst[column], "rate": worst["abandonment_rate"], "carts": worst["carts"], "best": best[column],
                 "best_rate": best["abandonment_rate"]}, severity=0.3)
    most = known.loc[known["abandoned"].idxmax()]
    return Finding(
        "left_items", "contents",
        N_("{item} is in most of the carts that are left: {abandoned:count} of {carts:count} with it, {rate:percent}; nothing is left more often than the "
           "rest by more than chance."),
        {"item": most[column], "abandoned": most["abandoned"], "carts": most["carts"], "rate": most["abandonment_rate"]}, severity=0.2)
