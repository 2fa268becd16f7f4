"""Sentences computed from the measures' frames. One function a finding: a small frame in, a Finding (or None) out."""

from opsnb.views.findings.churn import churn, churn_foresight, foretold, next_orders, recall
from opsnb.views.findings.finding import Finding, ranked
from opsnb.views.findings.funnel import biggest_drop, broken_step, no_break, slice_gap, whole_path
from opsnb.views.findings.leaks import break_leak, dearest_leak, first_action
from opsnb.views.findings.lifecycle import daily_states, day_retention, retention_curve, return_curve, stage_flows, stickiness
from opsnb.views.findings.market import (
    biggest_trend,
    biggest_trends,
    channel_mix,
    competitor_share,
    competitor_surge,
    costly_channel,
    market_growth,
    steady_costs,
)
from opsnb.views.findings.mix import is_mix_shift, mix_shift
from opsnb.views.findings.plan import (
    broken_split,
    budget_overrun,
    budget_total,
    daily_kpis,
    dates_kept,
    late_milestones,
    scorecard,
    sound_splits,
    target_miss,
)
from opsnb.views.findings.portrait import portrait
from opsnb.views.findings.service import nps, pain_points, response_and_repeat, response_times
from opsnb.views.findings.users import cohort_retention, lost_customers, no_personas, personas, repeat_drop, repeat_rate, tiers
from opsnb.views.findings.value import lifetime_value, order_habits, payback, value_assumption, value_holdout

__all__ = [
    "Finding",
    "biggest_drop",
    "biggest_trend",
    "biggest_trends",
    "break_leak",
    "broken_split",
    "broken_step",
    "budget_overrun",
    "budget_total",
    "channel_mix",
    "churn",
    "churn_foresight",
    "cohort_retention",
    "competitor_share",
    "competitor_surge",
    "costly_channel",
    "daily_kpis",
    "daily_states",
    "dates_kept",
    "day_retention",
    "dearest_leak",
    "first_action",
    "foretold",
    "is_mix_shift",
    "late_milestones",
    "lifetime_value",
    "lost_customers",
    "market_growth",
    "mix_shift",
    "next_orders",
    "no_break",
    "no_personas",
    "nps",
    "order_habits",
    "pain_points",
    "payback",
    "personas",
    "portrait",
    "ranked",
    "recall",
    "repeat_drop",
    "repeat_rate",
    "response_and_repeat",
    "response_times",
    "retention_curve",
    "return_curve",
    "scorecard",
    "slice_gap",
    "sound_splits",
    "stage_flows",
    "steady_costs",
    "stickiness",
    "target_miss",
    "tiers",
    "value_assumption",
    "value_holdout",
    "whole_path",
]
