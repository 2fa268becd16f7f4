"""How a page looks: fonts, colours that colour-blind readers can tell apart, in light and in dark, and the one style sheet of all hosts.

:func:`stylesheet` is written to ``opsnb.css`` beside the bundle that draws charts (``python -m opsnb.views.jupyter.bundle``): JupyterLab and the
apps link it, an exported report holds it. Charts carry the light colours; in the dark the style sheet puts others in their place, so that a
chart need not be drawn again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

# The first font that the reader's machine has. Chinese ones are named because a browser's own choice differs from machine to machine.
FONT = ("system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'Noto Sans CJK SC', 'Noto Sans SC', 'Microsoft YaHei', "
        "'PingFang SC', 'WenQuanYi Micro Hei', 'WenQuanYi Zen Hei', sans-serif")

INK, MUTED, FAINT, LINE, PAPER = "#1f2933", "#5f6b7a", "#a3adb8", "#e3e7ec", "#ffffff"
TRACK = "#edf0f3"  # the way that a bar could have gone
MAIN, ALERT, WARN, GOOD, QUIET = "#0072b2", "#c4500a", "#d98f00", "#00825f", "#b7c0ca"

# Okabe and Ito (2008), "Color Universal Design", darkened where a thin line on white needs it.
CATEGORIES = ("#0072b2", "#d98f00", "#00825f", "#b5588f", "#3fa0d8", "#c4500a", "#6b7280", "#8a7a1f")
# Fields with a text in them: one hue from little to much, readable in grey, too; and from less to more than usual on both sides of grey. In the
# dark little is dark and much is bright, and the texts turn with them: those from RAMP_TURNS on, and the last of SIDES, are of ON_DARK.
ON_LIGHT, ON_DARK = "#1e2832", "#fefefe"
RAMP, RAMP_TURNS = ("#eef4fa", "#c6dcee", "#8fbcdc", "#4f95c5", "#1b6ea8", "#0a4a7d", "#062f54"), 4
_RAMP_DARK = ("#1a2530", "#1b3a52", "#1f5577", "#24709e", "#559fd0", "#8cc6ec", "#c8e4f8")
SIDES = ("#d98f01", "#e7b861", "#f3dcb2", "#eceff2", "#b9d6ea", "#5ba3d0", "#0072b3")
_SIDES_DARK = ("#86620f", "#66501c", "#45391f", "#222b34", "#1d4257", "#22658e", "#4aa8e1")

STATUS = {"on-track": GOOD, "at-risk": WARN, "missed": ALERT, "not started": QUIET, "not measured": FAINT}
STATUS_SHAPES = {"on-track": "circle", "at-risk": "triangle-up", "missed": "diamond", "not started": "square", "not measured": "cross"}
TIERS = {"high-value": "#0a4a7c", "potential": "#4f95c4", "low-activity": "#d98f00", "lost": "#a3adb8"}

# What stands for a colour of ours on a dark page: text turns light, lines turn dark, hues turn lighter so that they keep their contrast.
DARK = {INK: "#e6ebf0", MUTED: "#a3aebb", FAINT: "#6b7785", LINE: "#323c47", PAPER: "#14191f",
        MAIN: "#4aa8e0", ALERT: "#f0853f", WARN: "#e8ab35", GOOD: "#35b38d", QUIET: "#55606c",
        TRACK: "#242d36", "#b5588f": "#d687b5", "#6b7280": "#9aa3af", "#8a7a1f": "#bfae4d", "#0a4a7c": "#2f86c4", "#3fa0d8": "#9fd6f5",
        ON_LIGHT: "#e7ecf1", ON_DARK: "#0b1218", **dict(zip(RAMP, _RAMP_DARK, strict=True)), **dict(zip(SIDES, _SIDES_DARK, strict=True))}
# Names of the style sheet for colours that pages use beside those of charts: light, dark.
_NAMES = {"ink": INK, "muted": MUTED, "faint": FAINT, "line": LINE, "paper": PAPER, "main": MAIN, "alert": ALERT, "warn": WARN, "good": GOOD,
          "quiet": QUIET}
_GROUNDS = {"ground": ("#f6f8fa", "#0e1216"), "alarm": ("#fdf1ea", "#34210f"), "still": ("#f3f5f8", "#1d242c"),
            "chosen": ("#e6f1f8", "#10303f")}


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
        # what an axis at the left measures is written above it: Chinese is not read sideways, and a phone has no room for it
        "axisY": {"domain": False, "grid": True, "gridColor": LINE, "ticks": False, "titleAngle": 0, "titleAlign": "left", "titleAnchor": "end",
                  "titleBaseline": "bottom", "titleX": 0, "titleY": -7},
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


def stylesheet() -> str:
    """The text of ``opsnb.css``: colours by name, light and dark, then the rules of ``theme.css``, then what is different in the dark."""
    light = "".join(f"--opsnb-{name}: {color}; " for name, color in _NAMES.items()) + "".join(
        f"--opsnb-{name}: {pair[0]}; " for name, pair in _GROUNDS.items())
    dark = "".join(f"--opsnb-{name}: {DARK[color]}; " for name, color in _NAMES.items()) + "".join(
        f"--opsnb-{name}: {pair[1]}; " for name, pair in _GROUNDS.items())
    rules = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
    by_system, by_lab = ":root:has(.opsnb-page)", "body[data-jp-theme-light='false']"
    return (f":root {{ {light}--opsnb-font: {FONT}; }}\n{rules}"
            f"@media screen and (prefers-color-scheme: dark) {{\n{by_system} {{ color-scheme: dark; {dark}{_JUPYTER} }}\n{_in_the_dark(by_system)}}}\n"
            f"@media screen {{\n{by_lab} {{ {dark}}}\n{_in_the_dark(by_lab)}}}\n")


def _in_the_dark(scope: str) -> str:
    """Other colours for the marks of a chart: rules go before a drawing's own fill and stroke."""
    return f"{scope} .opsnb-figure svg {{ background-color: transparent !important; }}\n" + "".join(
        f"{scope} .opsnb-figure svg [{paint}='{color}'] {{ {paint}: {other}; }}\n" for color, other in DARK.items() for paint in ("fill", "stroke"))


# What Jupyter's own style sheet takes its colours from, in the dark.
_JUPYTER = "".join(f"--jp-{name}: var(--opsnb-{color}); " for name, color in {
    "ui-font-color0": "ink", "ui-font-color1": "ink", "ui-font-color2": "muted", "ui-font-color3": "faint", "content-font-color0": "ink",
    "content-font-color1": "ink", "content-font-color2": "muted", "layout-color0": "paper", "layout-color1": "paper", "layout-color2": "still",
    "layout-color3": "line", "border-color0": "faint", "border-color1": "faint", "border-color2": "line", "border-color3": "line",
    "content-link-color": "main", "brand-color1": "main", "widgets-color": "ink", "widgets-label-color": "ink", "widgets-readout-color": "ink",
    "widgets-input-color": "ink", "widgets-input-background-color": "still", "widgets-input-border-color": "faint", "cell-editor-background": "paper",
    "input-background": "still"}.items())
