"""Whether the plan is kept: targets, money, milestones, experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.measures import budget, experiments, kpis, milestones, scorecard
from opsnb.reviews.asked import answered, nothing_measured, optional
from opsnb.views import findings

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day
    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding

MAIN_KPIS = ("gmv", "orders", "visitors", "conversion_rate", "new_customers", "spend")
KPI_TABLES = ("events", "orders", "users", "spend", "surveys", "mentions", "service", "posts")


CARD = ["kpi", "status", "actual", "expected_by_now", "target", "due", "owner"]  # the columns of the scorecard that a page shows


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
    totals = answered(lambda: budget.budget_variance(data.budget, **data.period(days), tolerance=tolerance, period="total"))
    found.append(None if totals is None else findings.budget_total(totals))
    splits = answered(lambda: experiments.sample_ratio(data.exposures, as_of=data.as_of))
    found.append(None if splits is None else findings.broken_split(splits))
    plan = answered(lambda: milestones.milestone_status(data.milestones, as_of=data.as_of))
    found.append(None if plan is None else findings.late_milestones(plan))
    daily = answered(lambda: daily_kpis(data, days=2 * days))
    found.append(None if daily is None else findings.daily_kpis(daily))
    return nothing_measured(findings.ranked(found), "none of the tables targets, budget, milestones, exposures, events and orders answers this")


def targets_card(data: Data, *, as_of: Day | None = None) -> pd.DataFrame:
    """The scorecard of all targets, as it stood on ``as_of``: :func:`opsnb.measures.scorecard.scorecard` over the KPIs that the tables give."""
    as_of = as_of or data.as_of
    days = scorecard.days_of_judgement(data.targets, as_of=as_of)
    actual = kpis.actuals(**{name: optional(data, name) for name in KPI_TABLES}, as_of=days)
    return scorecard.scorecard(data.targets, actual, as_of=as_of)


def daily_kpis(data: Data, *, days: int) -> pd.DataFrame:
    """The business by the day: :func:`opsnb.measures.kpis.daily_kpis` over the tables there are."""
    return kpis.daily_kpis(**{name: optional(data, name) for name in ("events", "orders", "users", "spend")}, **data.period(days))


def measured(daily: pd.DataFrame) -> list[str]:
    """Those of the page's main figures that the data gives."""
    return [kpi for kpi in MAIN_KPIS if daily[kpi].notna().any()]


def main_figures(data: Data, *, days: int = 365) -> list[Finding]:
    """The main figures of the last four weeks against a year before, else against the weeks before, the largest fall first: what a notebook of
    one's own starts with. Raises NotMeasured where no table gives any of them."""
    daily = answered(lambda: daily_kpis(data, days=2 * days))
    told = [] if daily is None else [findings.daily_kpis(daily, kpi=kpi) for kpi in ("gmv", "orders", "visitors", "new_customers", "spend")]
    return nothing_measured(findings.ranked(told), "eight weeks of events, orders or spend are needed to compare the last four with")


def kpi_title(data: Data) -> Finding | str:
    """The finding that heads the section on the business by the day: sales, else visitors."""
    daily = daily_kpis(data, days=2 * 365)
    return findings.daily_kpis(daily) or findings.daily_kpis(daily, kpi="visitors") or ""


def dates_title(plan: pd.DataFrame) -> Finding:
    """The finding that heads the section on milestones."""
    return findings.late_milestones(plan) or findings.dates_kept(plan)


def targets_title(card: pd.DataFrame) -> Finding:
    """The finding that heads the scorecard: the target that is missed most, else how many are on track."""
    missed = scorecard.target_misses(card)
    return findings.target_miss(missed.iloc[0]) if len(missed) else findings.scorecard(card)


def budget_title(data: Data, totals: pd.DataFrame) -> Finding | str:
    """The finding that heads the section on money: the line that runs over, else the total."""
    over = budget.overruns(data.budget, as_of=data.as_of)
    return findings.budget_overrun(over.iloc[0]) if len(over) else findings.budget_total(totals) or ""


def split_title(ratios: pd.DataFrame) -> Finding:
    """The finding that heads the section on experiments: the split that is broken, or that all are sound."""
    return findings.broken_split(ratios) or findings.sound_splits(ratios)
