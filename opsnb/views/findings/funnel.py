"""Findings about the path: where users are lost, what broke and since when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.errors import NotMeasured
from opsnb.views.findings.finding import Confidence, Finding, day_of
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd


FEWEST = 50  # users at the first step of a slice that is compared
WHICH = ("step", "slice_column", "slice_value")  # what names a break
MONEY = {"money": "lost_revenue", "money_low": "revenue_low", "money_high": "revenue_high"}  # with its 90% interval


def _precise(low: float, high: float) -> Confidence:
    """How far an interval of a rate can be trusted: within 5 points high, within 15 medium, else low."""
    width = (high - low) / 2
    return "high" if width <= 0.05 else "medium" if width <= 0.15 else "low"


def whole_path(conversion: pd.DataFrame, *, proposed: bool = False) -> Finding:
    """How many of those who enter reach the end; ``proposed``: nobody named the steps, which the sentence says.

    Needs :func:`opsnb.measures.funnel.step_conversion` without ``by``.

    >>> import pandas as pd
    >>> steps = pd.DataFrame({"step": ["cart", "payment"], "users": [100, 40], "step_conversion": [1.0, 0.4], "conversion": [1.0, 0.4],
    ...                       "low": [float("nan"), 0.31], "high": [float("nan"), 0.5]})
    >>> whole_path(steps).sentence
    '40 of 100 who enter at cart reach payment: 40% (cart 100, payment 40).'
    """
    first, last = _ends(conversion)
    counts = ", ".join(f"{step} {users:,.0f}" for step, users in zip(conversion["step"], conversion["users"], strict=True))
    return Finding(
        "whole_path",
        "path",
        N_(
            "{reached:count} of {entered:count} who enter at {first} reach {last}: {conversion:percent} ({counts}). The steps were proposed from the "
            "data."
        )
        if proposed
        else N_("{reached:count} of {entered:count} who enter at {first} reach {last}: {conversion:percent} ({counts})."),
        {"entered": first["users"], "reached": last["users"], "conversion": last["conversion"], "first": first["step"], "last": last["step"], "counts": counts},
        severity=0.45,
    )


def biggest_drop(conversion: pd.DataFrame) -> Finding:
    """The step that loses most users, with the share that goes on and its interval. Needs ``step_conversion`` without ``by``.

    >>> import pandas as pd
    >>> steps = pd.DataFrame({"step": ["home", "cart", "payment"], "users": [100, 50, 40], "step_conversion": [1.0, 0.5, 0.8],
    ...                       "conversion": [1.0, 0.5, 0.4], "low": [float("nan"), 0.4, 0.67], "high": [float("nan"), 0.6, 0.89]})
    >>> biggest_drop(steps).sentence
    'Most are lost between home and cart: 50 of 100 go on (50%, 95% sure of 40% to 60%), 50 do not.'
    """
    _ends(conversion)
    lost = conversion["lost"] if "lost" in conversion else conversion["users"].shift(1) - conversion["users"]  # optional steps hold nobody up
    at = int(lost.iloc[1:].to_numpy().argmax()) + 1
    step = conversion.iloc[at]
    before = next(row for _, row in conversion.iloc[at - 1 :: -1].iterrows() if row["users"] == step["users"] + lost.iloc[at])
    return Finding(
        "biggest_drop",
        "path",
        N_(
            "Most are lost between {before} and {step}: {users:count} of {entered:count} go on ({rate:percent}, 95% sure of {low:percent} to "
            "{high:percent}), {lost:count} do not."
        ),
        {
            "before": before["step"],
            "step": step["step"],
            "entered": before["users"],
            "users": step["users"],
            "lost": lost.iloc[at],
            "rate": step["step_conversion"],
            "low": step["low"],
            "high": step["high"],
        },
        severity=0.3,
        confidence=_precise(step["low"], step["high"]),
    )


def _ends(conversion: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    if len(conversion) < 2:
        raise NotMeasured("a path needs at least two steps; name them with the parameter steps")
    if not conversion["users"].iloc[0] and conversion.get("still_open", conversion["users"]).iloc[0]:
        raise NotMeasured(f"of those who did the first step, {conversion['step'].iloc[0]}, in this period all still have time to go on: their window is open")
    if not conversion["users"].iloc[0]:
        raise NotMeasured(f"nobody did the first step, {conversion['step'].iloc[0]}, in this period")
    return conversion.iloc[0], conversion.iloc[-1]


def slice_gap(conversion: pd.DataFrame) -> Finding:
    """The slice that converts worst and the one that converts best, when the gap is more than chance. Needs ``step_conversion`` with one ``by``.

    Slices with fewer than 50 users at the first step are left out. Of kind ``no_gap`` when fewer than two are left or their intervals overlap.
    Raises NotMeasured for a frame that is not sliced.

    >>> import pandas as pd
    >>> sliced = pd.DataFrame({"device": ["ios", "ios", "web", "web"], "step": ["home", "pay"] * 2, "users": [1000, 100, 500, 25],
    ...                        "step_conversion": [1, .1, 1, .05], "conversion": [1, .1, 1, .05]})
    >>> slice_gap(sliced).sentence
    'From home to pay, device web converts worst: 5.0% (25 of 500), against 10% for ios.'
    """
    from opsnb.measures.intervals import wilson

    by = next(iter(conversion.columns[: conversion.columns.get_loc("step")]), None)
    if by is None or conversion.empty:
        raise NotMeasured("there is no column to slice by")
    none = Finding("no_gap", "slices", N_("No {column:name} converts worse than the others by more than chance."), {"column": by}, severity=0.05)
    first, last = conversion["step"].iloc[0], conversion["step"].iloc[-1]
    entered = conversion[conversion["step"] == first].set_index(by)["users"]
    reached = conversion[conversion["step"] == last].set_index(by)["users"]
    rates = (reached / entered)[(entered >= FEWEST) & entered.index.notna()]
    if len(rates) < 2:
        return none
    worst, best = rates.idxmin(), rates.idxmax()
    low, high = wilson(reached[[worst, best]], entered[[worst, best]])
    if high[0] >= low[1]:
        return none
    return Finding(
        "slice_gap",
        "slices",
        N_(
            "From {first} to {last}, {column:name} {value} converts worst: {rate:percent} ({reached:count} of {entered:count}), against "
            "{best_rate:percent} for {best}."
        ),
        {
            "first": first,
            "last": last,
            "column": by,
            "value": worst,
            "rate": rates[worst],
            "reached": reached[worst],
            "entered": entered[worst],
            "best": best,
            "best_rate": rates[best],
        },
        slice={by: str(worst)},
        severity=0.35,
    )


def broken_step(breaks: pd.DataFrame, costs: pd.DataFrame | None = None) -> Finding:
    """What broke, for whom and since when: the first row of :func:`opsnb.measures.change.rate_breaks`; "nothing broke" when it has none.

    With ``costs``, of :func:`opsnb.measures.leaks.break_leaks`, the sentence says what it has cost.

    >>> import pandas as pd
    >>> breaks = pd.DataFrame({"step": ["cart"], "slice_column": ["device"], "slice_value": ["ios"], "since": [pd.Timestamp("2025-03-02")],
    ...                        "since_low": [pd.Timestamp("2025-03-01")], "since_high": [pd.Timestamp("2025-03-03")], "rate_before": [.5],
    ...                        "rate_after": [.35], "entered": [8000], "relative_change": [-.3], "relative_low": [-.33],
    ...                        "relative_high": [-.27], "users_lost": [1200.0], "p": [1e-9]})
    >>> print(broken_step(breaks))
    Since 2025-03-02 (2025-03-01 to 2025-03-03), step cart is broken for device ios: 35% go on instead of 50% (30% fewer), 1,200 visits lost so far.
    >>> cost = breaks[["step", "slice_column", "slice_value"]].assign(users_lost=1250., lost_revenue=20000., revenue_low=18000., revenue_high=22000.)
    >>> print(broken_step(breaks, cost))
    Since 2025-03-02 (2025-03-01 to 2025-03-03), step cart is broken for device ios: 35% go on instead of 50% (30% fewer), 1,250 visits lost so far, about 20K of sales.
    """  # noqa: E501
    if breaks.empty:
        return no_break()
    first = breaks.iloc[0]
    cost = None if costs is None else next((row for row in costs.to_dict("records") if all(row[of] == first[of] for of in WHICH)), None)
    lost = float(first["users_lost"] if cost is None else cost["users_lost"])
    money = {name: None if cost is None else cost[column] for name, column in MONEY.items()}
    slices = {str(first["slice_column"]): str(first["slice_value"])} if first["slice_column"] else {}
    numbers = {
        "step": first["step"],
        "column": first["slice_column"],
        "value": first["slice_value"],
        "before": first["rate_before"],
        "after": first["rate_after"],
        "change": first["relative_change"],
        "fewer": -first["relative_change"],
        "change_low": first["relative_low"],
        "change_high": first["relative_high"],
        "lost": lost,
        "users_lost": lost,
        "when": [day_of(first[column]) for column in ("since", "since_low", "since_high")],
        "entered": first["entered"],
        "p": first["p"],
        "sales": money["money"],
        **money,
    }
    whom = (
        N_(
            "Since {when:dated}, step {step} is broken for {column:name} {value}: {after:percent} go on "
            "instead of {before:percent} ({fewer:percent} fewer), {lost:count} visits lost so far, about {sales:money} of sales."
        )
        if slices
        else N_(
            "Since {when:dated}, step {step} is broken for everyone: {after:percent} go on instead of "
            "{before:percent} ({fewer:percent} fewer), {lost:count} visits lost so far, about {sales:money} of sales."
        )
    )
    free = (
        N_(
            "Since {when:dated}, step {step} is broken for {column:name} {value}: {after:percent} go on "
            "instead of {before:percent} ({fewer:percent} fewer), {lost:count} visits lost so far."
        )
        if slices
        else N_(
            "Since {when:dated}, step {step} is broken for everyone: {after:percent} go on instead of "
            "{before:percent} ({fewer:percent} fewer), {lost:count} visits lost so far."
        )
    )
    return Finding(
        "funnel_break",
        "breaks",
        free if money["money"] is None or money["money"] != money["money"] else whom,
        numbers,
        slice=slices,
        since=f"{first['since']:%Y-%m-%d}",
        severity=0.95,
        confidence="high" if first["p"] < 0.001 else "medium",
    )


def no_break() -> Finding:
    """No step dropped for good in any slice."""
    return Finding("no_break", "breaks", N_("No step has dropped for good in any slice: what moved is no more than chance."), severity=0.1)
