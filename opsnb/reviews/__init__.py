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
from opsnb.reviews.funnel_diagnosis import break_title, funnel_diagnosis, slices_of, steps_of
from opsnb.reviews.market_analysis import channel_mix, competition_title, cost_title, market_analysis, metrics, own_row
from opsnb.reviews.user_profiling import repeat_rates, repeat_title, user_profiling

ALL = {"market_analysis": market_analysis, "user_profiling": user_profiling, "funnel_diagnosis": funnel_diagnosis, "evaluation_report": evaluation_report}

__all__ = [
    "ALL",
    "CARD",
    "break_title",
    "budget_title",
    "channel_mix",
    "competition_title",
    "cost_title",
    "daily_kpis",
    "dates_title",
    "evaluation_report",
    "funnel_diagnosis",
    "kpi_title",
    "market_analysis",
    "measured",
    "metrics",
    "optional",
    "own_row",
    "repeat_rates",
    "repeat_title",
    "slices_of",
    "split_title",
    "steps_of",
    "targets_card",
    "targets_title",
    "user_profiling",
]
