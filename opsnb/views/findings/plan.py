"""Findings about the plan: targets, budget, milestones, experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsnb.views.findings.finding import Finding, day_of
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

LATE = ("late", "blocked", "in buffer")


def scorecard(card: pd.DataFrame) -> Finding:
    """How many targets are on track. Needs :func:`opsnb.measures.scorecard.scorecard`.

    >>> import pandas as pd
    >>> print(scorecard(pd.DataFrame({"status": ["on-track", "missed", "at-risk", "on-track", "not measured"]})))
    2 of 4 targets measured are on track, 1 at risk, 1 missed; 1 not measured.
    """
    count = card["status"].value_counts()
    on, risk, missed, unknown = (int(count.get(status, 0)) for status in ("on-track", "at-risk", "missed", "not measured"))
    return Finding(
        "scorecard",
        "targets",
        N_("{on:count} of {measured:count} targets measured are on track, {risk:count} at risk, {missed:count} missed; {unknown:count} not measured."),
        {"on": on, "risk": risk, "missed": missed, "unknown": unknown, "measured": on + risk + missed},
        severity=0.5 if missed else 0.3,
    )


def target_miss(row: Any) -> Finding:
    """One target that is missed or in danger: a row of :func:`opsnb.measures.scorecard.target_misses`."""
    missed = row["status"] == "missed"
    template = (
        N_("Target missed: {kpi:name} reached {actual:kpi} of {target:kpi} by {due:date} (from {baseline:kpi}).")
        if missed
        else N_(
            "Target in danger: {kpi:name} is {actual:kpi} where {expected:kpi} is due by now, on the way from {baseline:kpi} to {target:kpi} by "
            "{due:date}."
        )
    )
    return Finding(
        "target_miss",
        "targets",
        template,
        {**{name: row[name] for name in ("actual", "target", "baseline", "progress", "status")}, "expected": row["expected_by_now"], "due": day_of(row["due"])},
        slice={"kpi": str(row["kpi"])},
        severity=0.86 if missed else 0.8,
    )


def budget_total(totals: pd.DataFrame) -> Finding | None:
    """What was spent of the plan, all lines together. Needs :func:`opsnb.measures.budget.budget_variance` with ``period="total"``."""
    closed = totals[totals["actual"].notna()]
    if closed.empty or not closed["planned"].sum():
        return None
    planned, actual = closed["planned"].sum(), closed["actual"].sum()
    rate = actual / planned - 1
    return Finding(
        "budget_total",
        "money",
        N_("{actual:money} of {planned:money} planned was spent in the closed months ({rate:signed}; the plan allows 5%)."),
        {"actual": actual, "planned": planned, "rate": rate},
        severity=0.6 if rate > 0.05 else 0.25,
    )


def budget_overrun(overrun: Any) -> Finding:
    """A line that runs over month after month: one row of :func:`opsnb.measures.budget.overruns`."""
    return Finding(
        "budget_overrun",
        "money",
        N_(
            "{line} runs over its budget since {since:month}: {actual:money} spent of {planned:money} planned ({rate:signed}), {variance:money} too much "
            "in {months:count} months."
        ),
        {
            "actual": overrun["actual"],
            "planned": overrun["planned"],
            "rate": overrun["variance_rate"],
            "variance": overrun["variance"],
            "months": overrun["months"],
        },
        slice={"line": str(overrun["line"])},
        since=day_of(overrun["since"]),
        severity=0.85,
    )


def sound_splits(ratios: pd.DataFrame) -> Finding:
    """All experiments are split as planned. Needs ``sample_ratio``."""
    return Finding(
        "sound_splits",
        "splits",
        N_("All {experiments:count} experiments are split as planned."),
        {"experiments": ratios["experiment"].nunique()},
        severity=0.05,
    )


def broken_split(ratios: pd.DataFrame) -> Finding | None:
    """An experiment whose users were not split as planned; None when all were. Needs :func:`opsnb.measures.experiments.sample_ratio`."""
    broken = ratios[ratios["broken"]]
    if broken.empty:
        return None
    rows = broken[broken["experiment"] == broken["experiment"].iloc[0]]
    worst = rows.loc[(rows["users"] - rows["expected"]).abs().idxmax()]
    return Finding(
        "split_broken",
        "splits",
        N_(
            "Experiment {experiment} is not split as planned: {variant} got {users:count} users where {expected:count} were due (chance of that: under "
            "1 in 1,000). Read no effect off it before the cause is found."
        ),
        {"variant": str(worst["variant"]), "users": worst["users"], "expected": worst["expected"], "p": worst["p_value"]},
        slice={"experiment": str(worst["experiment"])},
        severity=0.9,
    )


def late_milestones(milestones: pd.DataFrame) -> Finding | None:
    """The open milestone that is late and holds up most; None when none is. Needs :func:`opsnb.measures.milestones.milestone_status`."""
    late = milestones[milestones["status"].isin(LATE)]
    if late.empty:
        return None
    worst = late.sort_values(["holds_up", "days_late"], ascending=False, kind="stable").iloc[0]
    return Finding(
        "late_milestone",
        "dates",
        N_("{late:count} open milestones are late or blocked; {milestone} is {days:count} days past its date and holds up {holds_up:count} others."),
        {"late": len(late), "days": worst["days_late"], "holds_up": worst["holds_up"]},
        slice={"milestone": str(worst["milestone"])},
        severity=0.55,
    )


def dates_kept(milestones: pd.DataFrame) -> Finding:
    """No open milestone is late. Needs ``milestone_status``."""
    return Finding(
        "dates_kept",
        "dates",
        N_("No open milestone is late; {done:count} of {all:count} are done."),
        {"done": milestones["status"].isin(["done", "done late"]).sum(), "all": len(milestones)},
        severity=0.05,
    )


def daily_kpis(daily: pd.DataFrame, *, kpi: str = "gmv", days: int = 28) -> Finding | None:
    """The last ``days`` days of a KPI's daily sums against the same days a year before, else against the days before them."""
    known = daily[["date", kpi]].dropna() if kpi in daily else daily.iloc[:0]
    if len(known) < 2 * days:
        return None
    now = known[kpi].iloc[-days:].sum()
    a_year = len(known) >= 364 + days
    before = known[kpi].iloc[-days - 364 : -364].sum() if a_year else known[kpi].iloc[-2 * days : -days].sum()
    if not before:
        return None
    template = (
        N_("{kpi:name} of the last {days:count} days is {now:kpi}, {change:signed} against the same days a year before.")
        if a_year
        else N_("{kpi:name} of the last {days:count} days is {now:kpi}, {change:signed} against the days before them.")
    )
    return Finding(
        "kpi_change",
        "daily",
        template,
        {"kpi": kpi, "days": days, "now": now, "before": before, "change": now / before - 1},
        severity=0.5 if now < before * 0.9 else 0.3,
    )
