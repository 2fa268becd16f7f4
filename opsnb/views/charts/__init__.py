"""Charts: each takes the small frame of one measure and a title, best a finding, and hands back what a cell shows."""

from opsnb.views.charts.funnels import breaks, funnel, funnel_trend

__all__ = ["breaks", "funnel", "funnel_trend"]
