"""How a page looks: fonts, colours that colour-blind readers can tell apart, and the one style sheet of cards and tables."""

from __future__ import annotations

from typing import Any

# The first font that the reader's machine has. Chinese ones are named because a browser's own choice differs from machine to machine.
FONT = ("system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'Noto Sans CJK SC', 'Noto Sans SC', 'Microsoft YaHei', "
        "'PingFang SC', 'WenQuanYi Micro Hei', 'WenQuanYi Zen Hei', sans-serif")

INK, MUTED, FAINT, LINE, PAPER = "#1f2933", "#5f6b7a", "#a3adb8", "#e3e7ec", "#ffffff"
MAIN, ALERT, WARN, GOOD, QUIET = "#0072b2", "#c4500a", "#d98f00", "#00825f", "#b7c0ca"

# Okabe and Ito (2008), "Color Universal Design", darkened where a thin line on white needs it.
CATEGORIES = ("#0072b2", "#d98f00", "#00825f", "#b5588f", "#3fa0d8", "#c4500a", "#6b7280", "#8a7a1f")
# One hue from light to dark: readable in grey, too.
RAMP = ("#eef4fa", "#c6dcee", "#8fbcdc", "#4f95c4", "#1b6ea8", "#0a4a7c", "#062f54")

STATUS = {"on-track": GOOD, "at-risk": WARN, "missed": ALERT, "not started": QUIET, "not measured": FAINT}
STATUS_SHAPES = {"on-track": "circle", "at-risk": "triangle-up", "missed": "diamond", "not started": "square", "not measured": "cross"}
TIERS = {"high-value": "#0a4a7c", "potential": "#4f95c4", "low-activity": "#d98f00", "lost": "#a3adb8"}


def vega_config() -> dict[str, Any]:
    """The ``config`` of every Vega-Lite chart: no frame, few grid lines, text as large as the page's."""
    return {
        "background": PAPER,
        "font": FONT,
        "padding": {"left": 4, "right": 12, "top": 6, "bottom": 4},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "view": {"stroke": None, "continuousWidth": 720, "continuousHeight": 260},
        "title": {"anchor": "start", "color": INK, "fontSize": 15, "fontWeight": 600, "subtitleColor": MUTED,
                  "subtitleFontSize": 12, "offset": 10},
        "axis": {"domainColor": FAINT, "grid": False, "labelColor": MUTED, "labelFontSize": 12, "labelLimit": 220, "tickColor": LINE,
                 "tickSize": 4, "titleColor": MUTED, "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 8},
        "axisY": {"domain": False, "grid": True, "gridColor": LINE, "ticks": False},
        "axisBand": {"grid": False, "domain": False, "ticks": False, "labelColor": INK},
        "header": {"labelColor": INK, "labelFontSize": 12, "labelFontWeight": 600, "title": None, "labelAnchor": "start"},
        "legend": {"orient": "top", "direction": "horizontal", "labelColor": INK, "labelFontSize": 12, "labelLimit": 200, "symbolSize": 90,
                   "title": None, "offset": 6, "padding": 0},
        "range": {"category": list(CATEGORIES), "heatmap": list(RAMP), "ramp": list(RAMP)},
        "bar": {"color": MAIN},
        "line": {"color": MAIN, "strokeWidth": 2},
        "point": {"color": MAIN, "filled": True, "size": 60},
        "rule": {"color": FAINT},
        "text": {"color": INK, "fontSize": 12},
    }


STYLE = f"""<style>
.opsnb {{ font-family: {FONT}; color: {INK}; font-size: 14px; line-height: 1.5; overflow-wrap: anywhere; }}
.opsnb .card p {{ margin: 0; }}
.opsnb .note {{ color: {MUTED}; font-size: 13px; }}
.opsnb .warn, .opsnb .quiet {{ padding: 10px 14px; margin: 8px 0; border-left: 4px solid {ALERT}; background: #fdf1ea; }}
.opsnb .quiet {{ border-color: {QUIET}; background: #f5f7f9; color: {MUTED}; }}
.opsnb .cards {{ margin: 8px 0 4px; display: grid; gap: 8px; }}
.opsnb .card {{ border: 1px solid {LINE}; border-left: 5px solid var(--card); border-radius: 4px; padding: 10px 14px; }}
.opsnb .card:first-child .says {{ font-size: 17px; }}
.opsnb .says {{ font-size: 15px; font-weight: 600; }}
.opsnb .card .note a {{ color: {MAIN}; text-decoration: none; }}
.opsnb .card .note a:hover {{ text-decoration: underline; }}
.opsnb .scroll {{ overflow-x: auto; }}
.opsnb .scroll.tall {{ max-height: 480px; overflow-y: auto; }}
.opsnb .scroll table {{ border: 0; border-collapse: collapse; margin: 4px 0; table-layout: auto;
  font-size: 13px; font-variant-numeric: tabular-nums; }}
.opsnb .scroll caption {{ text-align: left; caption-side: top; font-weight: 600; font-size: 15px; color: {INK}; padding: 4px 0 6px; }}
.opsnb .scroll thead tr {{ border-bottom: 1px solid {FAINT}; }}
.opsnb .scroll th, .opsnb .scroll td {{ text-align: left; padding: 4px 14px 4px 0; background: {PAPER}; }}
.opsnb .scroll th {{ color: {MUTED}; font-weight: 600; vertical-align: bottom; white-space: nowrap; }}
.opsnb .scroll td {{ border-bottom: 1px solid {LINE}; min-width: 4em; max-width: 34em; overflow-wrap: break-word; }}
.opsnb .scroll th.n, .opsnb .scroll td.n {{ text-align: right; white-space: nowrap; }}
.opsnb .scroll tbody tr:nth-child(odd), .opsnb .scroll tbody tr:hover {{ background: {PAPER}; }}
</style>"""
