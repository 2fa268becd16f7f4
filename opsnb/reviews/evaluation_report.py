"""Whether the plan is kept: targets, money, milestones, experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.measures import budget, experiments, kpis, milestones, scorecard
from opsnb.reviews.asked import answered, nothing_measured, optional
from opsnb.views import findings

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding

KPI_TABLES = ("events", "orders", "users", "spend", "surveys", "mentions", "service", "posts")


def evaluation_report(data: Data, *, days: int = 365, tolerance: float = 0.05) -> list[Finding]:
    """The short version of evaluation_report.ipynb: at most five findings, the most urgent first.

    Uses whichever of targets, budget, milestones, exposures and the KPIs' tables there are; raises NotMeasured when none of them answers.
    ``tolerance``: how far a budget line may be off its plan.
    """
    card = answered(lambda: targets_card(data))
    found: list[Finding | None] = []
    if card is not None:
        found += [findings.scorecard(card), *(findings.target_miss(row) for _, row in scorecard.target_misses(card).head(2).iterrows())]
    over = answered(lambda: budget.overruns(data.budget, as_of=data.as_of, tolerance=tolerance))
    found += [] if over is None else [findings.budget_overrun(row) for _, row in over.head(1).iterrows()]
    totals = answered(lambda: budget.budget_variance(data.budget, as_of=data.as_of, start=data.start(days), tolerance=tolerance, period="total"))
    found.append(None if totals is None else findings.budget_total(totals))
    splits = answered(lambda: experiments.sample_ratio(data.exposures, as_of=data.as_of))
    found.append(None if splits is None else findings.broken_split(splits))
    plan = answered(lambda: milestones.milestone_status(data.milestones, as_of=data.as_of))
    found.append(None if plan is None else findings.late_milestones(plan))
    daily = answered(lambda: daily_kpis(data, days=2 * days))
    found.append(None if daily is None else findings.daily_kpis(daily))
    return nothing_measured(findings.ranked(found), "none of the tables targets, budget, milestones, exposures, events and orders answers this")


def targets_card(data: Data) -> pd.DataFrame:
    """The scorecard of all targets: :func:`opsnb.measures.scorecard.scorecard` over the KPIs that the tables give."""
    days = scorecard.days_of_judgement(data.targets, as_of=data.as_of)
    actual = kpis.actuals(**{name: optional(data, name) for name in KPI_TABLES}, as_of=days)
    return scorecard.scorecard(data.targets, actual, as_of=data.as_of)


def daily_kpis(data: Data, *, days: int) -> pd.DataFrame:
    """The business by the day: :func:`opsnb.measures.kpis.daily_kpis` over the tables there are."""
    return kpis.daily_kpis(**{name: optional(data, name) for name in ("events", "orders", "users", "spend")}, start=data.start(days), as_of=data.as_of)
