"""Findings about groups of customers over time: who moved between tiers, how many personas there are and why, and how each of them changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsnb.views.findings.finding import Finding
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.personas import Personas


def tier_migration(moved: pd.DataFrame) -> Finding | None:
    """What left the high-value tier and what came into it. Needs :func:`opsnb.measures.segments.tier_migration`; None where it was empty."""
    was = moved[(moved["from_tier"] == "high-value") & (moved["from_users"] > 0)]
    if was.empty:
        return None
    left = was[was["to_tier"] != "high-value"]
    lost = was[was["to_tier"] == "lost"]
    came = moved[(moved["to_tier"] == "high-value") & (moved["from_tier"] != "high-value")]
    worst = left.sort_values("users", ascending=False, kind="stable").iloc[0]
    share = left["users"].sum() / was["users"].sum()
    return Finding(
        "tier_migration",
        "tiers",
        N_(
            "{left:count} of {high:count} high-value customers ({share:percent}) have left the tier, most of them ({most:count}) for "
            "\u201c{to:name}\u201d; they had paid {revenue_before:money}. {came:count} came in. Speak to those who left before they are lost."
        ),
        {
            "left": left["users"].sum(), "high": was["users"].sum(), "share": share, "most": worst["users"], "to": worst["to_tier"],
            "revenue_before": left["revenue_before"].sum(), "lost": lost["users"].sum(), "came": came["users"].sum(),
            "net": int(came["users"].sum() - left["users"].sum()),
        },
        severity=0.45 if came["users"].sum() < left["users"].sum() else 0.3,
    )


def persona_choice(made: Personas) -> Finding:
    """Why so many personas: one sentence for the number chosen from the panel. Needs :func:`opsnb.measures.segments.personas`."""
    row = made.panel[made.panel["chosen"]].iloc[0]
    return Finding(
        "persona_choice",
        "personas",
        N_(
            "{k:count} groups as asked for: each keeps at least {stability:percent} of its members in other samples, together they are {tighter:percent} "
            "tighter than in customers without groups, the smallest has {smallest:percent} of {told:count} customers."
        )
        if len(made.panel) == 1
        else N_(
            "{k:count} groups out of {least:count} to {most:count} tried: each keeps at least {stability:percent} of its members in other samples, together "
            "they are {tighter:percent} tighter than in customers without groups, the smallest has {smallest:percent} of {told:count} customers."
        ),
        {
            "k": made.k, "least": made.panel["k"].min(), "most": made.panel["k"].max(), "stability": row["stability"], "silhouette": row["silhouette"],
            "tighter": 1 - _tightness(row["gap"]), "smallest": row["smallest"], "told": made.told, "customers": made.customers,
        },
        severity=0.15,
    )


def _tightness(gap: float) -> float:
    """Inertia as a share of that of a cloud."""
    import math

    return math.exp(-float(gap))


def persona_next(made: Personas, persona: str | None = None) -> Finding:
    """What sets one persona apart and what to do for it next; default: the one that brings most. Needs ``segments.personas``."""
    summary = made.summary.set_index("persona", drop=False)
    row: Any = summary.iloc[0] if persona is None else summary.loc[persona]
    apart = made.apart[made.apart["persona"] == row["persona"]].sort_values("rank")
    return Finding(
        "persona_next",
        "personas",
        N_(
            "\u201c{persona:persona}\u201d: {users:count} customers, {revenue_share:percent} of revenue, last order {recency:count} days ago (median). Apart "
            "from everybody by {apart:apart} (standard deviations). Next: {action:name}."
        ),
        {
            "persona": list(row["parts"]), "users": row["users"], "revenue_share": row["revenue_share"], "recency": row["recency_days"],
            "apart": [[feature, float(effect)] for feature, effect in zip(apart["feature"], apart["effect"], strict=True)],
            "action": row["action"],
        },
        slice={"persona_key": str(row["persona"])},
        severity=0.3,
    )


def persona_changes(changes: pd.DataFrame) -> Finding | None:
    """The persona that changed most in size, and where its customers went. Needs :func:`opsnb.measures.segments.persona_changes`."""
    there = changes[changes["users_before"] > 0]
    if there.empty:
        return None
    row = there.loc[(there["users"] - there["users_before"]).abs().idxmax()]
    to = changes.set_index("persona")["parts"].get(row["to"]) if row["to_users"] else None
    template = (
        N_(
            "\u201c{persona:persona}\u201d: {before:count} to {users:count} customers; {moved:count} moved to \u201c{to:persona}\u201d, {joined:count} came "
            "from other groups, {new:count} are new."
        )
        if to is not None
        else N_("\u201c{persona:persona}\u201d: {before:count} to {users:count} customers; nobody moved to another group, {joined:count} came from other "
                "groups, {new:count} are new.")
    )
    change = (row["users"] - row["users_before"]) / row["users_before"]
    return Finding(
        "persona_changes",
        "personas",
        template,
        {
            "persona": list(row["parts"]), "before": row["users_before"], "users": row["users"], "moved": row["to_users"], "to": list(to or ()),
            "joined": row["joined"], "new": row["new"], "unplaced": row["unplaced"], "change": change,
        },
        severity=0.4 if change < -0.1 else 0.2,
    )
