"""Charts of what hurts users: pain points, answers by the hour, and what goes with waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.views import columns, language, theme
from opsnb.views.charts import parts
from opsnb.views.charts.funnels import interval
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings.finding import Finding


def pain_points(points: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Per pain point the NPS points that it costs, with its 95% interval; hollow where fewer than 30 answers name it.

    Takes the frame of ``pains.pain_points``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(points, "pain_points", "pain_point", "answers", "share", "nps", "nps_loss", "low", "high", "few", "all_answers")
    drawn = points.assign(
        label=[_("{name} ({answers} answers)").format(name=language.name(name), answers=language.count(answers))
               for name, answers in zip(points["pain_point"], points["answers"], strict=True)],
        share_text=[parts.ratio(*row) for row in zip(points["answers"], points["all_answers"], points["share"], strict=True)],
        nps_text=parts.texts(points["nps"], "number"), loss_text=parts.texts(points["nps_loss"], "number"),
        interval=_between(points["low"], points["high"]), kind=_kinds(points["few"], _("fewer than 30 answers"), _("30 answers or more")),
    )
    tips = parts.tooltips(("label", columns.heading("pain_point")), ("loss_text", columns.heading("nps_loss")), ("interval", _("95% interval")),
                          ("share_text", columns.heading("share")), ("nps_text", columns.heading("nps")), ("kind", columns.heading("answers")))
    base = alt.Chart(drawn).encode(y=alt.Y("label:N", sort=list(drawn["label"]), title=None, axis=alt.Axis(labelLimit=260)), tooltip=tips)
    x = alt.X("low:Q", axis=alt.Axis(title=columns.heading("nps_loss"), tickCount=5), scale=alt.Scale(zero=True))
    layers = [base.mark_rule(color=theme.FAINT, strokeWidth=2).encode(x=x, x2="high:Q"),
              base.mark_point(size=90, opacity=1, filled=True, color=theme.ALERT, stroke=theme.ALERT).encode(
                  x="nps_loss:Q", fill=alt.condition("datum.few", alt.value(theme.PAPER), alt.value(theme.ALERT)))]
    note = _("at most, if those who name it answered as those who name none; hollow: fewer than 30 answers") if points["few"].any() else \
        _("at most, if those who name it answered as those who name none")
    return parts.finished(alt.layer(*layers), points, "pain_points", title, subtitle=note, height=alt.Step(30))


def response_times(times: pd.DataFrame, *, title: Finding | str) -> Shown:
    """By the hour in which users asked: the median wait for an answer with its 95% interval, what nine in ten stay within, the benchmark.

    Takes the frame of ``service.response_times(by="hour")``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt
    import pandas as pd

    parts.require(times, "response_times", "hour", "tickets", "median_minutes", "low", "high", "p90_minutes", "in_time_rate", "benchmark_minutes")
    frame = times[times["tickets"] > 0]
    parts.require(frame, "response_times")
    drawn = frame.assign(
        hour_text=[f"{hour:02d}:00" for hour in frame["hour"]], median_text=parts.texts(frame["median_minutes"], "number"),
        p90_text=parts.texts(frame["p90_minutes"], "number"), tickets_text=parts.texts(frame["tickets"], "count"),
        rate_text=parts.texts(frame["in_time_rate"], "percent"), interval=_between(frame["low"], frame["high"]),
    )
    benchmark = float(frame["benchmark_minutes"].iloc[0])
    x = alt.X("hour_text:O", axis=alt.Axis(title=_("hour in which the user asked"), labelAngle=0, labelOverlap=True))
    tips = parts.tooltips(("hour_text", columns.heading("hour")), ("median_text", columns.heading("median_minutes")), ("interval", _("95% interval")),
                          ("p90_text", columns.heading("p90_minutes")), ("rate_text", columns.heading("in_time_rate")),
                          ("tickets_text", columns.heading("tickets")))
    base = alt.Chart(drawn).encode(x=x, tooltip=tips)
    late = f"datum.median_minutes > {benchmark}"
    layers = [base.mark_rule(color=theme.FAINT, strokeWidth=2).encode(y=alt.Y("low:Q", axis=alt.Axis(title=_("minutes"), tickCount=5)), y2="high:Q"),
              base.mark_tick(color=theme.QUIET, thickness=3, size=12).encode(y="p90_minutes:Q"),
              base.mark_point(size=80, opacity=1, filled=True).encode(
                  y="median_minutes:Q", color=alt.condition(late, alt.value(theme.ALERT), alt.value(theme.GOOD)))]
    layers.append(alt.Chart(pd.DataFrame({"benchmark": [benchmark]})).mark_rule(color=theme.GOOD, strokeDash=[4, 3], strokeWidth=1.5)
                  .encode(y="benchmark:Q"))
    note = _("dot: median; line: 95% interval; dash: nine in ten are answered by then; dashed: the benchmark of {minutes} minutes").format(
        minutes=language.number(benchmark))
    return parts.finished(alt.layer(*layers), times, "response_times", title, subtitle=note, height=260)


def response_and_repeat(frame: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Per waiting time the share of customers who ordered again, with its 95% interval; hollow where there are fewer than 30.

    Takes the frame of ``service.response_and_repeat``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(frame, "response_and_repeat", "wait", "customers", "repeated", "repeat_rate", "low", "high", "few")
    drawn = frame.assign(
        label=[_("never answered") if wait == "never" else _("{minutes} minutes").format(minutes=wait) for wait in frame["wait"]],
        rate_text=[parts.ratio(*row) for row in zip(frame["repeated"], frame["customers"], frame["repeat_rate"], strict=True)],
        interval=[interval(low, high) for low, high in zip(frame["low"], frame["high"], strict=True)],
    )
    base = alt.Chart(drawn).encode(
        y=alt.Y("label:N", sort=list(drawn["label"]), title=None),
        tooltip=parts.tooltips(("label", columns.heading("wait")), ("rate_text", columns.heading("repeat_rate")), ("interval", _("95% interval"))))
    x = alt.X("low:Q", axis=parts.percent_axis(columns.heading("repeat_rate")), scale=alt.Scale(zero=True))
    late = "scale('x', datum.repeat_rate) > width * 0.55"  # there is no room to the right of it
    layers = [base.mark_rule(color=theme.FAINT, strokeWidth=2).encode(x=x, x2="high:Q"),
              base.mark_point(size=90, opacity=1, filled=True, stroke=theme.MAIN).encode(
                  x="repeat_rate:Q", fill=alt.condition("datum.few", alt.value(theme.PAPER), alt.value(theme.MAIN))),
              base.mark_text(align=alt.ExprRef(f"{late} ? 'right' : 'left'"), dx=alt.ExprRef(f"{late} ? -8 : 8"), dy=-10).encode(
                  x="repeat_rate:Q", text="rate_text:N")]
    return parts.finished(alt.layer(*layers), frame, "response_and_repeat", title, height=alt.Step(44),
                          subtitle=_("an association: who waits is not drawn by lot; line: 95% interval"))


def _between(low: pd.Series, high: pd.Series) -> list[str]:
    """Intervals of numbers that are no rates."""
    return [_("{low} to {high}").format(low=language.number(a), high=language.number(b)) for a, b in zip(low, high, strict=True)]


def _kinds(few: pd.Series, yes: str, no: str) -> list[str]:
    return [yes if one else no for one in few]
