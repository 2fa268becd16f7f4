"""Names at the ends of lines, in place of a legend: lines of one colour cannot be told apart by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsnb.views import shown, theme
from opsnb.views.charts import parts

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

GAP = 15  # pixels from one name to the next
DOT = 16  # pixels that the dot before a name takes
ON_A_PHONE = 96  # pixels for the names there


def spread(values: Sequence[float], gap: float) -> list[float]:
    """The values moved apart as little as keeps ``gap`` between them, in their order.

    >>> spread([.30, .10, .31], .04), spread([1, 5], 2)
    ([0.285, 0.1, 0.325], [1.0, 5.0])
    """
    order = sorted(range(len(values)), key=lambda place: values[place])
    groups: list[tuple[float, list[int]]] = []  # centre, places
    for place in order:
        groups.append((float(values[place]), [place]))
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < gap * (len(groups[-1][1]) + len(groups[-2][1])) / 2 - 1e-12:
            (low, below), (high, above) = groups[-2:]
            groups[-2:] = [((low * len(below) + high * len(above)) / (len(below) + len(above)), below + above)]
    found = [0.0] * len(values)
    for centre, places in groups:
        for number, place in enumerate(places):
            found[place] = round(centre + (number - (len(places) - 1) / 2) * gap, 9)
    return found


def room(names: Sequence[str]) -> str:
    """How many pixels the names take, as an expression of the chart: fewer on a phone."""
    taken = DOT + 14 + 7.8 * max((shown.text_width(name) for name in names), default=0)
    return f"({parts.NARROW} ? {min(taken, ON_A_PHONE):.0f} : {min(taken, 220):.0f})" if len(names) > 1 else "0"


def before(names: Sequence[str]) -> alt.Scale:
    """The scale along which the lines run: it ends where :func:`named` begins."""
    import altair as alt

    return alt.Scale(rangeMax=alt.ExprRef(f"width - {room(names)}"))


def named(drawn: pd.DataFrame, names: Sequence[str], scale: alt.Scale, *, x: str, y: str, height: float, zero: bool = True,
          strong: Sequence[str | None] = ()) -> list[alt.Chart]:
    """A dot in its line's colour and its name for each value of ``of`` beside its last value of ``y``; nothing for a single line.

    ``height`` of the chart in pixels, ``zero``: does its scale begin there; ``strong``: the names that the title is about.
    """
    import altair as alt

    if len(names) < 2:
        return []
    last = drawn.sort_values(x, kind="stable").groupby("of", sort=False).tail(1).reset_index(drop=True)
    reach = float(drawn[y].max()) - (min(0.0, float(drawn[y].min())) if zero else float(drawn[y].min())) or 1.0
    ends = last[["of"]].assign(at=spread(list(last[y]), GAP * reach / height), weight=["bold" if name in strong else "normal" for name in last["of"]])
    base = alt.Chart(ends).encode(y=alt.Y("at:Q"), x=alt.value(alt.ExprRef(f"width - {room(names)} + 12")))
    texts = [base.transform_filter(alt.datum.weight == weight).mark_text(
        align="left", dx=8, fontWeight=weight, limit=alt.ExprRef(f"{room(names)} - {DOT + 6}"), color=theme.INK if weight == "bold" else theme.MUTED)
        .encode(text="of:N") for weight in sorted(set(ends["weight"]))]
    return [base.mark_point(size=55).encode(color=alt.Color("of:N", scale=scale, legend=None)), *texts]
