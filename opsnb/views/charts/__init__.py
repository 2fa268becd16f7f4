"""Charts: each takes the small frame of one measure and a title, best a finding, and hands back what a cell shows."""

from opsnb.views.charts.foresight import calibration, deciles, recall
from opsnb.views.charts.funnel_costs import cart_abandonment, leaks
from opsnb.views.charts.funnel_reasons import drivers, levers, loop_time, next_after_drop, step_matrix
from opsnb.views.charts.funnel_sides import conversion_curve, mix_and_rate, step_differences
from opsnb.views.charts.funnels import breaks, funnel, funnel_trend
from opsnb.views.charts.groups import persona_apart, persona_panel, tier_migration
from opsnb.views.charts.lifecycle import daily_states, retention_curve, return_curve, stage_flows, state_flows, stickiness
from opsnb.views.charts.markets import channel_mix, competitor_share, market_growth
from opsnb.views.charts.plan import budget_variance, kpi_lines, sample_ratio, scorecard
from opsnb.views.charts.portrait import portrait
from opsnb.views.charts.prices import channel_prices, weighed_trends
from opsnb.views.charts.service import pain_points, response_and_repeat, response_times
from opsnb.views.charts.users import personas, repeat_by_channel, retention, tiers
from opsnb.views.charts.value import ltv_by_channel, value_by_frequency, value_calibration, value_deciles
from opsnb.views.charts.ways import frequent_paths, removal_effects

__all__ = [
    "breaks",
    "budget_variance",
    "calibration",
    "cart_abandonment",
    "channel_mix",
    "channel_prices",
    "competitor_share",
    "conversion_curve",
    "daily_states",
    "deciles",
    "drivers",
    "frequent_paths",
    "funnel",
    "funnel_trend",
    "kpi_lines",
    "leaks",
    "levers",
    "loop_time",
    "ltv_by_channel",
    "market_growth",
    "mix_and_rate",
    "next_after_drop",
    "pain_points",
    "persona_apart",
    "persona_panel",
    "personas",
    "portrait",
    "recall",
    "removal_effects",
    "repeat_by_channel",
    "response_and_repeat",
    "response_times",
    "retention",
    "retention_curve",
    "return_curve",
    "sample_ratio",
    "scorecard",
    "stage_flows",
    "state_flows",
    "step_differences",
    "step_matrix",
    "stickiness",
    "tier_migration",
    "tiers",
    "value_by_frequency",
    "value_calibration",
    "value_deciles",
    "weighed_trends",
]
