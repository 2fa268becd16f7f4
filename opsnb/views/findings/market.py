"""Findings about the market: its growth, who gains on us, what channels bring and cost, what moves outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsnb.views.findings.finding import Finding, day_of
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

MONTHS = 12


def market_growth(growth: pd.DataFrame, *, months: int = MONTHS) -> Finding | None:
    """The segment that adds most to the market: the last ``months`` periods against the same a year before. Needs :func:`opsnb.measures.market.market_growth`.

    None when no segment has a year before to be compared with.

    >>> import pandas as pd
    >>> growth = pd.DataFrame({"segment": ["tea", "tea", "coffee", "coffee"], "period": pd.to_datetime(["2024-01-01", "2025-01-01"] * 2),
    ...                        "size": [100.0, 150.0, 400.0, 420.0], "growth_rate": [None, .5, None, .05], "share": [.2, .26, .8, .74]})
    >>> print(market_growth(growth))
    The market changed by +14% in a year, to 570; tea added most, +50% to 150 (26% of the market).
    """
    known = growth[growth["growth_rate"].notna()]
    if known.empty:
        return None
    recent = known[known["period"].isin(sorted(known["period"].unique())[-months:])]
    sums = recent.assign(before=recent["size"] / (1 + recent["growth_rate"])).groupby("segment")[["size", "before"]].sum()
    added = sums["size"] - sums["before"]
    segment, total = added.idxmax(), sums.sum()
    return Finding(
        "market_growth",
        "growth",
        N_(
            "The market changed by {growth:signed} in a year, to {size:money}; {segment} added most, {segment_growth:signed} to {segment_size:money} "
            "({segment_share:percent} of the market)."
        ),
        {
            "growth": total["size"] / total["before"] - 1,
            "size": total["size"],
            "segment_size": sums.loc[segment, "size"],
            "segment_growth": sums.loc[segment, "size"] / sums.loc[segment, "before"] - 1,
            "segment_share": sums.loc[segment, "size"] / total["size"],
        },
        slice={"segment": str(segment)},
        severity=0.4,
    )


def competitor_share(shares: pd.DataFrame, *, own: str | None = None) -> Finding:
    """Where the shares stand now: ours, or the largest. Needs :func:`opsnb.measures.market.competitor_share`.

    >>> import pandas as pd
    >>> shares = pd.DataFrame({"period": pd.to_datetime(["2024-06-01", "2024-06-01", "2025-06-01", "2025-06-01"]), "competitor": ["us", "them"] * 2,
    ...                        "share": [.3, .7, .25, .75]})
    >>> print(competitor_share(shares, own="us"))
    We hold 25% of the sales of those compared in 2025-06, 5.0 points less than in 2024-06; the largest is them with 75%.
    """
    periods = sorted(shares["period"].unique())
    last, first = periods[-1], periods[max(-MONTHS - 1, -len(periods))]
    now = shares[shares["period"] == last].set_index("competitor")["share"]
    then = shares[shares["period"] == first].set_index("competitor")["share"]
    whose = own if own in now.index else now.idxmax()
    change = now[whose] - then.get(whose, float("nan"))
    ours = whose == own
    template = (
        N_(
            "We hold {share:percent} of the sales of those compared in {last:month}, {change:points} points more than in {first:month}; "
            "the largest is {largest} with {largest_share:percent}."
        )
        if ours and not change < 0
        else N_(
            "We hold {share:percent} of the sales of those compared in {last:month}, {change:points} points less than in {first:month}; "
            "the largest is {largest} with {largest_share:percent}."
        )
        if ours
        else N_(
            "{whose} holds {share:percent} of the sales of those compared in {last:month}, {change:points} points more than in {first:month}; "
            "the largest is {largest} with {largest_share:percent}."
        )
        if not change < 0
        else N_(
            "{whose} holds {share:percent} of the sales of those compared in {last:month}, {change:points} points less than in {first:month}; "
            "the largest is {largest} with {largest_share:percent}."
        )
    )
    return Finding(
        "competitor_share",
        "competition",
        template,
        {
            "whose": str(whose),
            "share": now[whose],
            "change": change,
            "last": day_of(last),
            "first": day_of(first),
            "largest": str(now.idxmax()),
            "largest_share": now.max(),
        },
        severity=0.45 if change < 0 else 0.3,
    )


def competitor_surge(shift: Any) -> Finding:
    """A competitor whose share rose for good: one row of :func:`opsnb.measures.market.share_shifts`."""
    return Finding(
        "competitor_surge",
        "competition",
        N_(
            "{competitor} has gained on the others since {since:month}: {after:percent} of the sales of those compared, after {before:percent} "
            "({points:points} points)."
        ),
        {"before": shift["share_before"], "after": shift["share_after"], "points": shift["share_after"] - shift["share_before"]},
        slice={"competitor": str(shift["competitor"])},
        since=day_of(shift["since"]),
        severity=0.9,
    )


def channel_mix(mix: pd.DataFrame) -> Finding | None:
    """The channel that brings most new customers, with what each costs. Needs :func:`opsnb.measures.channels.channel_mix`."""
    known = mix[mix["new_customers"] > 0]
    if known.empty:
        return None
    first = known.sort_values("new_customers", ascending=False, kind="stable").iloc[0]
    share = first["new_customers"] / mix["new_customers"].sum()
    paid = "cac" in mix and first["cac"] == first["cac"]
    template = (
        N_("{channel} brings most new customers: {customers:count} ({share:percent}) at {cac:money} each.")
        if paid
        else N_("{channel} brings most new customers: {customers:count} ({share:percent}).")
    )
    return Finding(
        "channel_mix",
        "mix",
        template,
        {"customers": first["new_customers"], "share": share, "cac": first["cac"] if paid else None},
        slice={"channel": str(first["channel"])},
        severity=0.5 if share > 0.5 else 0.3,
    )


def costly_channel(broken: Any) -> Finding:
    """A channel that became dearer for good: one row of :func:`opsnb.measures.channels.cost_breaks`."""
    return Finding(
        "channel_cost",
        "costs",
        N_(
            "A {unit:name} from {channel} costs {after:money} since {since:date}, after {before:money} ({change:signed} against the other "
            "channels): {extra:money} more spent so far."
        ),
        {
            "before": broken["price_before"],
            "after": broken["price_after"],
            "change": broken["relative_change"],
            "unit": broken["unit"],
            "extra": broken["extra_cost"],
            "p": broken["p_value"],
        },
        slice={"channel": str(broken["channel"])},
        since=day_of(broken["since"]),
        severity=0.85,
    )


def steady_costs() -> Finding:
    """No channel became dearer for good."""
    return Finding("steady_costs", "costs", N_("No channel has become dearer for good: what moved is no more than chance."), severity=0.05)


def biggest_trends(trends: pd.DataFrame) -> Finding | str:
    """The heaviest trend of either side, to head the section."""
    known = trends[trends["side"].notna()]
    return biggest_trend(trends, side=str(known["side"].iloc[0])) or "" if len(known) else ""


def biggest_trend(trends: pd.DataFrame, *, side: str) -> Finding | None:
    """The heaviest ``opportunity`` or ``threat``. Needs :func:`opsnb.measures.trends.weighed_trends`."""
    known = trends[trends["side"] == side]
    if known.empty:
        return None
    first = known.iloc[0]
    template = (
        N_("The largest opportunity outside is {trend} (weight {weight:number} of 1).")
        if side == "opportunity"
        else N_("The largest threat outside is {trend} (weight {weight:number} of -1).")
    )
    return Finding(f"trend_{side}", "outside", template, {"weight": first["weight"]}, slice={"trend": str(first["trend"])}, severity=0.2)
