"""Reviews: what each notebook finds, without the notebook. Data and parameters in, the short version out.

A notebook's second code cell calls its review; apps, the schedule and the referee of ``opsnb truth`` call the same function, so what is
tested is what is shown.
"""

from opsnb.reviews.funnel_sides import changed_slices, compared, slice_differences
from opsnb.reviews.funnel_sections import after_drop, left_carts, stage_table, stages, users_behind
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
from opsnb.reviews.funnel_costs import break_costs, costs, leak_table
from opsnb.reviews.funnel_diagnosis import funnel_diagnosis, step_levers
from opsnb.reviews.funnel_path import (
    asked_for,
    break_title,
    choices,
    daily_trend,
    entry_trend,
    focus,
    left_out,
    names_of,
    plain_steps,
    slices_of,
    step_breaks,
    steps_of,
)
from opsnb.reviews.market_analysis import channel_mix, competition_title, cost_title, market_analysis, metrics, own_row
from opsnb.reviews.user_profiling import user_profiling
from opsnb.reviews.user_sides import (
    cohorts,
    frequency_title,
    leaving,
    next_orders,
    payback_title,
    personas,
    recall,
    repeat_rates,
    repeat_title,
    rfm,
    value_model,
    worth,
    worth_by,
    worth_title,
)

ALL = {"market_analysis": market_analysis, "user_profiling": user_profiling, "funnel_diagnosis": funnel_diagnosis, "evaluation_report": evaluation_report}

__all__ = [
    "ALL",
    "CARD",
    "after_drop",
    "asked_for",
    "break_costs",
    "break_title",
    "budget_title",
    "changed_slices",
    "channel_mix",
    "choices",
    "cohorts",
    "compared",
    "competition_title",
    "cost_title",
    "costs",
    "daily_kpis",
    "daily_trend",
    "dates_title",
    "entry_trend",
    "evaluation_report",
    "focus",
    "frequency_title",
    "funnel_diagnosis",
    "kpi_title",
    "leak_table",
    "leaving",
    "left_carts",
    "left_out",
    "market_analysis",
    "measured",
    "metrics",
    "names_of",
    "next_orders",
    "optional",
    "own_row",
    "payback_title",
    "personas",
    "plain_steps",
    "recall",
    "repeat_rates",
    "repeat_title",
    "rfm",
    "slice_differences",
    "slices_of",
    "split_title",
    "stage_table",
    "stages",
    "step_breaks",
    "step_levers",
    "steps_of",
    "targets_card",
    "targets_title",
    "user_profiling",
    "users_behind",
    "value_model",
    "worth",
    "worth_by",
    "worth_title",
]
