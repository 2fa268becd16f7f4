"""What charts share: their title, texts for labels and tooltips, axes, emphasis, and the last step to a displayable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from opsnb.errors import InputError, NotMeasured, nearest
from opsnb.views import columns, language, shown, theme
from opsnb.views.language import _, name
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd


NARROW = "narrow"  # a parameter of every chart, which draw.js sets on a phone
LEGEND_ABOVE = 24  # pixels between a chart and its legend where the axis has its title there
MOST_LINES = 8  # no more lines or slices than the palette can tell apart


def said(title: Any) -> str:
    """The text of a title: a finding's sentence, or the text itself."""
    return str(getattr(title, "sentence", title))


def concerned(title: Any, column: str) -> str | None:
    """The value of ``column`` that a finding is about; None for a text."""
    return getattr(title, "slice", {}).get(column) or (getattr(title, "numbers", {}) or {}).get(column)


def since(title: Any) -> str | None:
    """The day from which a finding holds; None for a text."""
    return getattr(title, "since", None)


def require(frame: pd.DataFrame, chart: str, *needed: str) -> None:
    """Raises InputError for a frame that lacks a column, NotMeasured for one without rows."""
    for column in needed:
        if column not in frame.columns:
            raise InputError(f"charts.{chart}: no column '{column}'; {nearest(column, frame.columns)}")
    if not len(frame):
        raise NotMeasured(_("there is nothing to draw: no rows are left"))


def texts(values: Iterable[Any], form: str) -> list[str]:
    """Values as a reader sees them, for labels and tooltips."""
    return [columns.shown(value, form) for value in values]


def tooltips(*fields: str | tuple[str, str]) -> list[alt.Tooltip]:
    """Tooltips over text columns; a field is headed as its column is, or as the pair's second part says."""
    import altair as alt

    pairs = [field if isinstance(field, tuple) else (field, columns.heading(field.removesuffix("_text"))) for field in fields]
    return [alt.Tooltip(f"{field}:N", title=heading) for field, heading in pairs]


def ratio(part: Any, whole: Any, rate: Any) -> str:
    """A rate with what it is a rate of: ``48% = 1,234 / 2,571``."""
    return f"{language.percent(rate)} = {language.count(part)} / {language.count(whole)}"


def percent_axis(title: str = "", **more: Any) -> alt.Axis:
    """An axis of rates."""
    import altair as alt

    return alt.Axis(format="~%", title=title or None, tickCount=5, **more)


def amount_axis(title: str = "", **more: Any) -> alt.Axis:
    """An axis of amounts or counts: 20K, 3M in English; 2万, 300万 in Chinese."""
    import altair as alt

    steps = ((1e8, "亿"), (1e4, "万")) if language.current() == "zh" else ((1e9, "B"), (1e6, "M"), (1e3, "K"))
    written = "format(datum.value, ',~r')"
    for size, unit in reversed(steps):
        written = f"abs(datum.value) >= {size:.0f} ? format(datum.value / {size:.0f}, ',~r') + '{unit}' : {written}"
    return alt.Axis(labelExpr=written, title=title or None, tickCount=5, **more)


def day_axis(**more: Any) -> alt.Axis:
    """An axis of days or months, in figures."""
    import altair as alt

    return alt.Axis(
        title=None,
        tickCount=8,
        labelExpr="timeFormat(datum.value, date(datum.value) == 1 ? '%Y-%m' : '%Y-%m-%d')",
        labelOverlap=True,
        **more,
    )


def days(frame: pd.DataFrame, column: str) -> list[str]:
    """A time column as ISO days, which charts read alike in every time zone."""
    import pandas as pd

    return list(pd.to_datetime(frame[column]).dt.strftime("%Y-%m-%dT00:00:00"))


def period_of(moments: Iterable[Any]) -> str:
    """Whether these first days are those of months, weeks or days; a single one is taken for the longest that it can be.

    >>> import pandas as pd
    >>> period_of(pd.to_datetime(["2025-01-01", "2025-02-01"])), period_of(pd.to_datetime(["2025-01-06"])), period_of(pd.to_datetime(["2025-01-07"]))
    ('month', 'week', 'day')
    """
    found = list(moments)
    return "month" if all(one.day == 1 for one in found) else "week" if all(one.weekday() == 0 for one in found) else "day"


def colors(values: Sequence[str], marked: str | None = None, own: str | None = None) -> alt.Scale:
    """A colour per value: alarm for the one a finding is about, main for our own, quiet for others; without either, the palette."""
    import altair as alt

    values = list(values)
    if marked in values or own in values:
        quiet = iter(("#8d99a6", "#b7c0ca", "#a6a08f", "#9fb4ad", "#b3a3b5", "#7e8fa3", "#c2b8a3", "#94a3a8") * (len(values) // 8 + 1))
        found = [theme.ALERT if value == marked else theme.MAIN if value == own else next(quiet) for value in values]
    else:
        found = [theme.CATEGORIES[place % len(theme.CATEGORIES)] for place in range(len(values))]
    return alt.Scale(domain=values, range=found)


def shades(top: float) -> alt.Scale:
    """The colours of fields from none to ``top``."""
    import altair as alt

    return alt.Scale(type="quantize", domain=[0, float(top) or 1.0], range=list(theme.RAMP))


def on_shades(field: str, top: float) -> Any:
    """The colour of a text on a field of :func:`shades`."""
    import altair as alt

    strong = f"datum.{field} >= {float(top) * theme.RAMP_TURNS / len(theme.RAMP)}"
    return alt.condition(strong, alt.value(theme.ON_DARK), alt.value(theme.ON_LIGHT))


def largest(frame: pd.DataFrame, column: str, weight: str, *, keep: str | None = None) -> list[str]:
    """At most eight values of ``column``, the heaviest by the sum of ``weight`` first; ``keep`` is among them if it occurs."""
    order = [value for value in frame.groupby(column, observed=True)[weight].sum().sort_values(ascending=False, kind="stable").index]
    chosen = order[:MOST_LINES]
    if keep in order and keep not in chosen:
        chosen[-1] = keep
    return chosen


def marked_day(day: str | None) -> list[alt.Chart]:
    """A vertical line on the day since which something holds, with the date on it; nothing for None."""
    import altair as alt
    import pandas as pd

    if not day:
        return []
    frame = pd.DataFrame({"since": [f"{day[:10]}T00:00:00"], "text": [_("since {day}").format(day=language.date(day))]})
    base = alt.Chart(frame).encode(x=alt.X("since:T"))
    late = "scale('x', datum.since) > width * 0.55"  # there is no room to the right of a late day
    look = {"align": alt.ExprRef(f"{late} ? 'right' : 'left'"), "dx": alt.ExprRef(f"{late} ? -5 : 5"), "baseline": "top", "color": theme.ALERT, "fontSize": 12}
    text, over = base.mark_text(**look, stroke=theme.PAPER, strokeWidth=4), base.mark_text(**look)  # readable also over a line
    return [base.mark_rule(color=theme.ALERT, strokeDash=[4, 3], strokeWidth=1.5),
            *(one.encode(text="text:N", y=alt.value(0)) for one in (text, over))]


def beside(low: float, high: float, texts: Iterable[str], *, before: float = 0, narrow: float | None = None) -> alt.Scale:
    """A scale whose marks end where the longest of ``texts`` begins, which stand at the right, whatever the width of the chart; ``before``: how
    many pixels stand between a mark and its text. On a phone the marks leave ``narrow`` pixels, where that is given."""
    import altair as alt

    taken = before + 14 + 6.9 * max((shown.text_width(str(text)) for text in texts), default=0)
    wide = f"max(width * 0.3, width - {taken:.0f})"
    return alt.Scale(domain=[low, high if high > low else low + 1.0], nice=False, zero=False,
                     rangeMax=alt.ExprRef(wide if narrow is None else f"{NARROW} ? width - {narrow:.0f} : {wide}"))


def at_the_right(base: alt.Chart, **encodings: Any) -> list[alt.Chart]:
    """The texts ``note`` at the right edge, readable also where they lie over a mark; on a phone above the row, which :func:`finished` is told
    of by ``notes``."""
    import altair as alt

    at = {"x": alt.value("width"), "text": "note:N"}
    look = {"align": "right", "yOffset": alt.ExprRef(f"{NARROW} ? -15 : 0")}
    return [base.mark_text(stroke=theme.PAPER, strokeWidth=4, **look).encode(**at, color=alt.value(theme.PAPER)),
            base.mark_text(**look).encode(**at, **encodings)]


def finished(made: alt.TopLevelMixin, frame: pd.DataFrame, table: str, title: Any, *, subtitle: str = "", height: Any = None,
             notes: bool = False) -> Shown:
    """The chart as wide as its place, with its title and the frame it draws; with ``notes`` its rows are higher on a phone, where the texts of
    :func:`at_the_right` stand above the marks."""
    sizes = {"width": "container"} | ({"height": height} if height is not None else {})
    result = shown.chart(made.properties(**sizes), frame, table, said(title), subtitle)
    if _titled_left(result.spec):
        result.spec["config"]["legend"]["offset"] = LEGEND_ABOVE
    result.spec["params"] = [*result.spec.get("params", []), {"name": NARROW, "value": False}]
    result.spec["usermeta"]["opsnb"]["notes"] = notes
    return result


def _titled_left(spec: dict[str, Any]) -> bool:
    """Does an axis at the left say above itself what it measures."""
    upright = (one.get("encoding", {}).get("y", {}) for one in (spec, *spec.get("layer", [])))
    return any(one.get("title") or (one.get("axis") or {}).get("title") for one in upright)


def told(frame: pd.DataFrame, table: str, title: Any) -> Shown:
    """An answer that needs no chart: its sentence, with the empty table for the run."""
    from opsnb.views import page

    return Shown({"text/html": page.boxed(f'<p class="quiet">{page.flowing(said(title))}</p>'), "text/plain": said(title),
                  shown.TABLE: shown.as_table(frame, table)})


def named(values: Iterable[Any]) -> list[str]:
    """Names of our own, such as tiers and statuses, in the reader's language; a missing one is "none"."""
    return [_("none") if value is None or value != value else name(value) for value in values]


def labels(values: Iterable[Any]) -> list[str]:
    """Names in the data, which stay as they are; a missing one is "none"."""
    return [_("none") if value is None or value != value else str(value) for value in values]


def coarser(
    frame: pd.DataFrame, time: str, by: Sequence[str], sums: Sequence[str], *, most: int = 200, least: float = 0
) -> tuple[pd.DataFrame, str]:
    """Daily sums added up to weeks when there are more than ``most`` days, or half of the points rest on less than ``least`` of the first sum.

    Also the word for what a point is. Whole weeks only; up to three weeks stay days.
    """
    import pandas as pd

    moments = pd.to_datetime(frame[time])
    thin = frame.groupby([time, *by], observed=True)[sums[0]].sum().median() < least and moments.nunique() > 21
    if moments.nunique() <= most and not thin:
        return frame.assign(**{time: moments}), ""
    weeks = moments.dt.to_period("W-SUN").dt.start_time
    whole = (weeks >= moments.min()) & (weeks + pd.Timedelta(days=6) <= moments.max())
    summed = (
        frame.assign(**{time: weeks})[whole].groupby([time, *by], as_index=False, observed=True, dropna=False)[list(sums)].sum(min_count=1)
    )
    return summed, _("by week")


def panels(made: alt.TopLevelMixin, frame: pd.DataFrame, table: str, title: Any, *, subtitle: str = "") -> Shown:
    """Small panels side by side, each as wide as its part of the place."""
    result = shown.chart(made, frame, table, said(title), subtitle)
    result.spec["config"]["autosize"] = {"type": "pad"}  # several panels cannot be fitted, so draw.js sets each one's width
    result.spec["usermeta"]["opsnb"]["axis"] = 68  # room that a panel needs beside its drawing
    return result
