"""Rows of dots with their intervals, and rows of bars: the two forms that charts of rates, differences and amounts share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opsnb.views import theme
from opsnb.views.charts import parts
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd


def dots(
    drawn: pd.DataFrame,
    frame: pd.DataFrame,
    table: str,
    title: Any,
    *,
    axis: alt.Axis,
    tooltips: Sequence[Any],
    subtitle: str = "",
    zero: bool = False,
    bars: bool = False,
) -> Shown:
    """One row per ``label``, in order: a dot (or bar from zero) at ``value``, a rule from ``low`` to ``high``, ``color`` of its own, and
    ``note`` at the right, if there is one. ``zero``: zero is marked."""
    import altair as alt
    import pandas as pd

    ends = drawn[["value", "low", "high"]].astype(float).stack()
    least, most = min(float(ends.min()), 0.0 if zero or bars else float(ends.min())), max(float(ends.max()), 0.0 if zero or bars else float(ends.max()))
    room = (most - least) or abs(most) or 1.0
    notes = list(drawn["note"]) if "note" in drawn else []
    scale = parts.beside(least - 0.04 * room * (least < 0 or not bars), most + 0.06 * room, notes, narrow=8)
    base = alt.Chart(drawn).encode(
        y=alt.Y("label:N", sort=list(drawn["label"]), title=None, axis=alt.Axis(labelLimit=260)),
        color=alt.Color("color:N", scale=None),
        tooltip=list(tooltips),
    )
    place = alt.X("value:Q", scale=scale, axis=axis)
    layers = [alt.Chart(pd.DataFrame({"zero": [0]})).mark_rule(color=theme.FAINT).encode(x=alt.X("zero:Q", scale=scale, axis=axis))] if zero else []
    layers += [base.mark_bar(height={"band": 0.62}, opacity=0.85).encode(x=place)] if bars else []
    rule = base.mark_rule(strokeWidth=2, opacity=0.75).encode(x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q")
    layers += [rule.encode(color=alt.value(theme.INK)) if bars else rule]
    layers += [] if bars else [base.mark_point(filled=True, size=90, opacity=1).encode(x=place)]
    layers += parts.at_the_right(base, color=alt.value(theme.MUTED)) if any(notes) else []
    return parts.finished(alt.layer(*layers), frame, table, title, subtitle=subtitle, height=alt.Step(30), notes=any(notes))


def bars(
    drawn: pd.DataFrame, frame: pd.DataFrame, table: str, title: Any, *, axis: alt.Axis, tooltips: Sequence[Any], subtitle: str = ""
) -> Shown:
    """One bar from zero per ``label``, in order, to ``value``, in its ``color``, with ``note`` behind it."""
    import altair as alt

    scale = parts.beside(0, float(drawn["value"].max()), drawn["note"])
    base = alt.Chart(drawn).encode(
        y=alt.Y("label:N", sort=list(drawn["label"]), title=None, axis=alt.Axis(labelLimit=260)),
        x=alt.X("value:Q", scale=scale, axis=axis),
        tooltip=list(tooltips),
    )
    made = base.mark_bar(height={"band": 0.66}).encode(color=alt.Color("color:N", scale=None)) + base.mark_text(align="left", dx=6, clip=True).encode(
        text="note:N"
    )
    return parts.finished(made, frame, table, title, subtitle=subtitle, height=alt.Step(30))
