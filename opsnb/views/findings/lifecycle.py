"""Findings about how users live: who stays, who falls silent, how often they come, and who moves from stage to stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.views.findings.finding import Finding, day_of, sure_of
from opsnb.views.findings.users import RETENTION_GOAL
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 30  # users still followed, below which a curve is not read
CALM = 0.03  # change of the living users that is no news


def day_retention(rolling: pd.DataFrame, on: pd.DataFrame | None = None, *, day: int = 30) -> Finding | None:
    """Share of users who are back after 30 days, against the plan's anchor. Needs :func:`opsnb.measures.retention.day_retention` without
    ``by``, of ``kind="on_or_after"`` and, to say both, of ``kind="on"``. None where nobody's day has come."""
    row = _of_day(rolling, day)
    if row is None:
        return None
    exact = None if on is None else _of_day(on, day)
    numbers = {"rate": row["retention_rate"], "low": row["low"], "high": row["high"], "retained": row["retained"], "users": row["users"],
               "day": day, "goal": RETENTION_GOAL}
    if exact is None:
        template = N_("{rate:percent} of users ({retained:count} of {users:count}; 95% interval {low:percent} to {high:percent}) were seen "
                      "again {day:count} days after their first day or later; the plan's anchor is {goal:percent}.")
    else:
        numbers["exact"] = exact["retention_rate"]
        template = N_("{rate:percent} of users ({retained:count} of {users:count}; 95% interval {low:percent} to {high:percent}) were seen "
                      "again {day:count} days after their first day or later, {exact:percent} on that very day; the plan's anchor is "
                      "{goal:percent} and does not say which is meant.")
    return Finding("day_retention", "retained", template, numbers, severity=0.45 if row["high"] < RETENTION_GOAL else 0.2, confidence=sure_of(row["users"]))


def _of_day(retention: pd.DataFrame, day: int) -> pd.Series | None:
    found = retention[(retention["day"] == day) & retention["retention_rate"].notna()]
    return None if found.empty else found.iloc[0]


def retention_curve(curve: pd.DataFrame, *, gap_days: int = 30, day: int = 90) -> Finding | None:
    """How many go at once, and how many are there after a season. Needs :func:`opsnb.measures.retention.retention_curve` without ``by``."""
    seen = curve[curve["at_risk"] >= FEWEST]
    if seen.empty:
        return None
    first, later = seen.iloc[0], seen[seen["day"] <= day].iloc[-1]
    template = (
        N_("{gone:percent} of {users:count} new users are not seen again in the {gap_days:count} days after their first day; "
           "{rate:percent} ({low:percent} to {high:percent}) come for {day:count} days without so long a silence.")
        if later["day"] > 0 and later["low"] == later["low"]
        else N_("{gone:percent} of {users:count} new users are not seen again in the {gap_days:count} days after their first day; too few were followed for "
                "longer to say how many go on."))
    return Finding(
        "retention_curve",
        "retained",
        template,
        {"gone": 1 - first["retention_rate"], "users": first["at_risk"], "gap_days": gap_days, "rate": later["retention_rate"],
         "low": later["low"], "high": later["high"], "day": later["day"]},
        severity=0.35,
    )


def return_curve(curve: pd.DataFrame, *, day: int = 60) -> Finding | None:
    """How many buy again, and how soon. Needs :func:`opsnb.measures.retention.return_curve` of orders, without ``by``."""
    seen = curve[(curve["at_risk"] >= FEWEST) & (curve["day"] <= day)]
    if seen.empty or seen["day"].iloc[-1] < 1:
        return None
    last = seen.iloc[-1]
    return Finding(
        "return_curve",
        "repeat",
        N_("{rate:percent} of {users:count} first-time customers ({low:percent} to {high:percent}) have ordered again after {day:count} days, "
           "those counted in who have not had the time yet."),
        {"rate": last["return_rate"], "low": last["low"], "high": last["high"], "users": curve["at_risk"].iloc[0], "day": last["day"]},
        severity=0.3,
    )


def daily_states(states: pd.DataFrame, *, days: int = 30) -> Finding | None:
    """Do more users wake up and arrive than fall silent? Needs :func:`opsnb.measures.lifecycle.daily_states`; None for a single day."""
    if len(states) < 2:
        return None
    before, now = states.iloc[max(len(states) - 1 - days, 0)], states.iloc[-1]
    span = states.iloc[max(len(states) - days, 1):]
    change = now["living"] / before["living"] - 1 if before["living"] else None
    return Finding(
        "daily_states",
        "living",
        N_("{living:count} users are with us, {before:count} were {days:count} days ago: {new:count} came new, {back:count} came back from a long "
           "silence, {gone:count} have been silent for so long that they count as gone."),
        {"living": now["living"], "before": before["living"], "days": len(span), "new": span["new"].sum(), "back": span["resurrected"].sum(),
         "gone": span["fell_asleep"].sum(), "dormant": now["dormant"], "change": change},
        since=day_of(span["date"].iloc[0]),
        severity=0.45 if change is not None and change < -CALM else 0.25,
        confidence=sure_of(before["living"]),
    )


def stickiness(frame: pd.DataFrame, *, days: int = 90) -> Finding | None:
    """How many of a month's users come on a usual day, and did that change? Needs :func:`opsnb.measures.lifecycle.stickiness`; None
    where there are fewer than 30."""
    seen = frame.dropna(subset=["stickiness_rate"])
    if seen.empty or seen["mau"].iloc[-1] < FEWEST:
        return None
    now = seen.iloc[-1]
    numbers = {"mau": now["mau"], "rate": now["stickiness_rate"], "low": now["low"], "high": now["high"], "dau": now["dau_average"]}
    if len(seen) <= days:
        return Finding("stickiness", "living", N_("Of the {mau:count} users of the last 30 days {rate:percent} come on a usual day "
                       "(95% interval {low:percent} to {high:percent})."), numbers, severity=0.2)
    before = seen.iloc[-1 - days]
    fell, rose = now["high"] < before["low"], now["low"] > before["high"]
    template = (
        N_("Of the {mau:count} users of the last 30 days {rate:percent} come on a usual day (95% interval {low:percent} to {high:percent}), "
           "fewer than the {before:percent} of {days:count} days before.") if fell else
        N_("Of the {mau:count} users of the last 30 days {rate:percent} come on a usual day (95% interval {low:percent} to {high:percent}), "
           "more than the {before:percent} of {days:count} days before.") if rose else
        N_("Of the {mau:count} users of the last 30 days {rate:percent} come on a usual day (95% interval {low:percent} to {high:percent}); "
           "{days:count} days before it was {before:percent}, no difference beyond chance."))
    return Finding("stickiness", "living", template, {**numbers, "before": before["stickiness_rate"], "days": days},
                   severity=0.45 if fell else 0.2)


def stage_flows(flows: pd.DataFrame, *, start: object) -> Finding | None:
    """What became of the interested, and of the loyal. Needs :func:`opsnb.measures.stages.stage_flows` with orders, and its ``start``."""
    stage = flows.set_index("stage")
    if not {"interest", "loyalty"} <= set(stage.index) or not stage.loc["interest", "users_before"]:
        return None
    interest, loyal = stage.loc["interest"], stage.loc["loyalty"]
    return Finding(
        "stage_flows",
        "stages",
        N_("Of {users:count} interested users on {start:date}, {advanced:count} ({rate:percent}; {low:percent} to {high:percent}) have bought "
           "since and {asleep:count} have fallen silent; loyal customers went from {before:count} to {now:count}."),
        {"users": interest["users_before"], "start": str(start)[:10], "advanced": interest["advanced"], "rate": interest["advance_rate"],
         "low": interest["low"], "high": interest["high"], "asleep": interest["fell_asleep"], "before": loyal["users_before"], "now": loyal["users"]},
        since=str(start)[:10],
        severity=0.4 if loyal["users"] < loyal["users_before"] else 0.25,
    )
