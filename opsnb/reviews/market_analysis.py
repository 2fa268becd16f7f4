"""How the market moves, who gains on us, and which channel is worth its money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsnb.errors import NotMeasured
from opsnb.measures import channels, market, trends
from opsnb.reviews.asked import answered, nothing_measured, optional
from opsnb.views import findings

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding


def market_analysis(data: Data, *, days: int = 365, metric: str = "gmv", own_name: str = "own") -> list[Finding]:
    """The short version of market_analysis.ipynb: at most five findings, the most urgent first.

    Uses whichever of market, competitors, spend, users, orders and trends there are; raises NotMeasured when none of them answers.
    ``own_name``: our own name in the competitors table, if we stand in it.
    """
    growth = answered(lambda: market.market_growth(data.market, as_of=data.as_of))
    found: list[Finding | None] = [None if growth is None else findings.market_growth(growth)]
    own = own_row(data, own_name)
    shares = answered(lambda: market.competitor_share(data.competitors, metric=metric, own=own, as_of=data.as_of))
    found.append(None if shares is None else findings.competitor_share(shares, own=own))
    found += [findings.competitor_surge(row) for _, row in surges(data, metric=metric, own_name=own_name).head(1).iterrows()]
    dear = answered(lambda: channels.cost_breaks(data.spend, users=optional(data, "users"), as_of=data.as_of))
    found += [] if dear is None else [findings.costly_channel(row) for _, row in dear.head(1).iterrows()]
    mix = answered(lambda: channel_mix(data, days=days))
    found.append(None if mix is None else findings.channel_mix(mix))
    outside = answered(lambda: trends.weighed_trends(data.trends, as_of=data.as_of))
    found += [] if outside is None else [findings.biggest_trend(outside, side=side) for side in ("threat", "opportunity")]
    return nothing_measured(findings.ranked(found), "none of the tables market, competitors, spend, users, orders and trends answers this")


def surges(data: Data, *, metric: str = "gmv", own_name: str = "own") -> pd.DataFrame:
    """Competitors, not ourselves, that gained for good: rows of :func:`opsnb.measures.market.share_shifts`; none where it cannot be told."""
    import pandas as pd

    shifts = answered(lambda: market.share_shifts(data.competitors, metric=metric, own=own_row(data, own_name), as_of=data.as_of))
    return pd.DataFrame() if shifts is None else shifts[(shifts["change"] > 0) & ~shifts["own"]]


def competition_title(data: Data, shares: pd.DataFrame, *, metric: str = "gmv", own_name: str = "own") -> Finding:
    """The finding that heads the section on competitors: who gains on us, else where the shares stand."""
    gained = surges(data, metric=metric, own_name=own_name)
    return findings.competitor_surge(gained.iloc[0]) if len(gained) else findings.competitor_share(shares, own=own_row(data, own_name))


def cost_title(data: Data) -> Finding:
    """The finding that heads the section on prices: the channel that became dearer, or that none did."""
    dear = channels.cost_breaks(data.spend, users=optional(data, "users"), as_of=data.as_of)
    return findings.costly_channel(dear.iloc[0]) if len(dear) else findings.steady_costs()


def metrics(data: Data) -> list[str]:
    """The competitors' metrics: gmv first where there is one, then those with most rows; ["gmv"] without a competitors table."""
    if not data.has("competitors"):
        return ["gmv"]
    found = data.competitors["metric"].dropna().value_counts()
    return sorted(found.index, key=lambda metric: (metric != "gmv", -found[metric], metric)) or ["gmv"]


def own_row(data: Data, own_name: str) -> str | None:
    """``own_name`` if it stands in the competitors table, else None."""
    return own_name if data.has("competitors") and own_name in set(data.competitors["competitor"]) else None


def channel_mix(data: Data, *, days: int = 365, by_events: bool = False) -> pd.DataFrame:
    """What each channel brought and cost in the period: :func:`opsnb.measures.channels.channel_mix` over the tables there are."""
    tables: dict[str, Any] = {name: optional(data, name) for name in ("users", "orders", "spend")}
    tables["events"] = optional(data, "events") if by_events else None
    if all(table is None for table in tables.values()):
        raise NotMeasured("no users, orders or spend table")
    return channels.channel_mix(**tables, **data.period(days))
