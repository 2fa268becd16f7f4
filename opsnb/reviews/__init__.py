"""Reviews: what each notebook finds, without the notebook. Data and parameters in, the short version out.

A notebook's second code cell calls its review; apps, the schedule and the referee of ``opsnb truth`` call the same function, so what is
tested is what is shown.
"""

from opsnb.reviews.asked import optional
from opsnb.reviews.evaluation_report import (
    CARD,
    budget_title,
    daily_kpis,
    dates_title,
    evaluation_report,
    kpi_title,
    measured,
    split_title,
    targets_card,
    targets_title,
)
from opsnb.reviews.funnel_costs import break_costs, leak_table
from opsnb.reviews.funnel_diagnosis import funnel_diagnosis, step_levers
from opsnb.reviews.funnel_path import asked_for, break_title, daily_trend, slices_of, step_breaks, steps_of
from opsnb.reviews.market_analysis import channel_mix, competition_title, cost_title, market_analysis, metrics, own_row
from opsnb.reviews.user_profiling import user_profiling
from opsnb.reviews.user_sides import cohorts, leaving, next_orders, personas, recall, repeat_rates, repeat_title, rfm

ALL = {"market_analysis": market_analysis, "user_profiling": user_profiling, "funnel_diagnosis": funnel_diagnosis, "evaluation_report": evaluation_report}

__all__ = [
    "ALL",
    "CARD",
    "asked_for",
    "break_costs",
    "break_title",
    "budget_title",
    "channel_mix",
    "cohorts",
    "competition_title",
    "cost_title",
    "daily_kpis",
    "daily_trend",
    "dates_title",
    "evaluation_report",
    "funnel_diagnosis",
    "kpi_title",
    "leak_table",
    "leaving",
    "market_analysis",
    "measured",
    "metrics",
    "next_orders",
    "optional",
    "own_row",
    "personas",
    "recall",
    "repeat_rates",
    "repeat_title",
    "rfm",
    "slices_of",
    "split_title",
    "step_breaks",
    "step_levers",
    "steps_of",
    "targets_card",
    "targets_title",
    "user_profiling",
]
