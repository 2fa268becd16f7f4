"""Charts of the funnel: how far users get, how a step went over time, and where it broke."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsnb.views import columns, language, theme
from opsnb.views.charts import ends, parts
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings.finding import Finding


def funnel(conversion: pd.DataFrame, *, title: Finding | str, by: str | None = None, step: str | None = None) -> Shown:
    """Bars of the users that reach each step, with what is lost at it written on them.

    Takes the frame of ``funnel.step_conversion``; ``by`` the column it was sliced by (found if left out), ``step`` the one to stress
    (else the one of the finding, else the largest loss). Raises InputError for a missing column, NotMeasured for no rows.
    """
    parts.require(conversion, "funnel", "step", "users", "step_conversion", "conversion")
    slices = [by] if by else list(conversion.columns[: conversion.columns.get_loc("step")])
    if slices:
        return _sliced(conversion, slices[0], title)
    import altair as alt

    frame = conversion.reset_index(drop=True)
    before = frame["users"] + frame["lost"] if "lost" in frame else frame["users"].shift().fillna(frame["users"])  # optional steps hold nobody up
    worst = step or parts.concerned(title, "step")
    if worst not in set(frame["step"]) and len(frame) > 1:
        worst = frame["step"][(before - frame["users"]).fillna(0).idxmax()]
    drawn = frame.assign(
        label=parts.labels(frame["step"]),
        before=before,
        stressed=frame["step"] == worst,
        reached=[language.count(users) for users in frame["users"]],
        share=["" if place == 0 or rate != rate else _lost(1 - rate, 0, False) for place, rate in enumerate(frame["step_conversion"])],
        lost=[
            "" if place == 0 or rate != rate else _lost(1 - rate, gone, step == worst)
            for place, (step, rate, gone) in enumerate(zip(frame["step"], frame["step_conversion"], before - frame["users"], strict=True))
        ],
        step_conversion_text=[parts.ratio(*row) for row in zip(frame["users"], before, frame["step_conversion"], strict=True)],
        conversion_text=[
            parts.ratio(users, frame["users"][0], rate) for users, rate in zip(frame["users"], frame["conversion"], strict=True)
        ],
        interval=_intervals(frame),
        took=[language.duration(minutes) for minutes in frame["median_minutes"]] if "median_minutes" in frame else "",
        open=[language.count(users) for users in frame["still_open"]] if "still_open" in frame else "",
    )
    order = list(drawn["label"])
    base = alt.Chart(drawn).encode(
        y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(domain=False, ticks=False, labelPadding=8)),
        tooltip=parts.tooltips(
            ("label", columns.heading("step")),
            "step_conversion_text",
            ("interval", _("95% interval")),
            "conversion_text",
            *([("took", _("half of them within"))] if "median_minutes" in frame else []),
            *([("open", _("still open"))] if "still_open" in frame else []),
        ),
    )
    room = parts.beside(0, float(before.max()), drawn["lost"], before=66, narrow=104)
    ghost = base.mark_bar(height={"band": 0.72}, color="#edf0f3").encode(x=alt.X("before:Q", scale=room, axis=None))
    bars = base.mark_bar(height={"band": 0.72}).encode(
        x=alt.X("users:Q", scale=room, axis=None), color=alt.condition("datum.stressed", alt.value(theme.ALERT), alt.value(theme.MAIN))
    )
    counts = base.mark_text(align="left", dx=6, fontWeight=600, clip=True).encode(x=alt.X("before:Q", scale=room), text="reached:N")
    lost = base.encode(x=alt.X("before:Q", scale=room), color=alt.condition("datum.stressed", alt.value(theme.ALERT), alt.value(theme.MUTED)))
    losses = lost.mark_text(align="left", dx=66, clip=True).encode(text=alt.condition(f"!{parts.NARROW}", "lost:N", alt.value("")))
    shares = lost.mark_text(align="left", dx=52, clip=True).encode(text=alt.condition(parts.NARROW, "share:N", alt.value("")))  # the title has the number
    waiting = int(frame["still_open"].iloc[0]) if "still_open" in frame else 0
    note = _("{users} more have entered whose window is still open: they are in no rate").format(users=language.count(waiting)) if waiting else ""
    return parts.finished(alt.layer(ghost, bars, counts, losses, shares), conversion, "step_conversion", title, subtitle=note, height=alt.Step(38))


def _lost(share: float, users: float, stressed: bool) -> str:
    text = f"−{language.percent(share)}"
    return _("{share} ({users} lost)").format(share=text, users=language.count(users)) if stressed else text


def _sliced(conversion: pd.DataFrame, by: str, title: Finding | str) -> Shown:
    """Per step the share that goes on to it, one dot a slice."""
    import altair as alt

    named = conversion.assign(of=parts.labels(conversion[by])).reset_index(drop=True)
    stressed = parts.concerned(title, by)
    mark = parts.labels([stressed])[0] if stressed else None
    slices = parts.largest(named[named["step"] == named["step"].iloc[0]], "of", "users", keep=mark)
    frame = named[named["of"].isin(slices)].reset_index(drop=True)
    groups = frame.groupby("of")["users"]
    before = frame["users"] + frame["lost"] if "lost" in frame else groups.shift().fillna(frame["users"])
    drawn = frame.assign(
        label=parts.labels(frame["step"]),
        interval=_intervals(frame),
        step_conversion_text=[parts.ratio(*row) for row in zip(frame["users"], before, frame["step_conversion"], strict=True)],
        conversion_text=[parts.ratio(*row) for row in zip(frame["users"], groups.transform("first"), frame["conversion"], strict=True)],
    )
    order = list(dict.fromkeys(drawn["label"]))
    drawn, scale = drawn[drawn["label"] != order[0]], parts.colors(slices, mark)
    base = alt.Chart(drawn).encode(
        x=alt.X("label:N", sort=order, title=None, scale=ends.before(slices), axis=alt.Axis(
            labelAngle=alt.ExprRef(f"{parts.NARROW} ? -40 : 0"), labelAlign=alt.ExprRef(f"{parts.NARROW} ? 'right' : 'center'"), labelLimit=110)),
        y=alt.Y("step_conversion:Q", axis=parts.percent_axis(columns.heading("step_conversion"))),
        color=alt.Color("of:N", sort=slices, scale=scale, legend=None),
        tooltip=parts.tooltips(
            ("of", columns.heading(by)),
            ("label", columns.heading("step")),
            "step_conversion_text",
            ("interval", _("95% interval")),
            "conversion_text",
        ),
    )
    lines = base.mark_line(strokeWidth=1.2, opacity=0.6) + base.mark_point(size=90, opacity=1)
    beside = ends.named(drawn.assign(place=drawn["label"].map(order.index)), slices, scale, x="place", y="step_conversion", height=300, strong=[mark])
    made = alt.layer(lines, *beside)
    return parts.finished(made, conversion, f"step_conversion_by_{by}", title, height=300)


def funnel_trend(trend: pd.DataFrame, *, title: Finding | str, step: str | None = None, by: str | None = None) -> Shown:
    """The conversion of one step over time, per slice, with the day marked since which a finding holds.

    Takes the frame of ``funnel.step_trend``; ``step`` (else the finding's, else the last), ``by`` the column it was sliced by (found if
    left out). More than 200 days are added up to weeks. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(trend, "funnel_trend", "period_start", "step", "entered", "converted")
    shown_step = step or parts.concerned(title, "step")
    if shown_step not in set(trend["step"]):
        shown_step = trend["step"].iloc[-1]
    slices = [by] if by else [column for column in trend.columns if column not in ("period_start", "step", "entered", "converted", "complete")]
    column = next((one for one in slices if parts.concerned(title, one)), slices[0] if slices else None)
    frame = trend[trend["step"] == shown_step]
    stressed = parts.concerned(title, column) if column else None
    grain = [column] if column else []
    running = frame.loc[~frame["complete"], "period_start"] if "complete" in frame else frame["period_start"][:0]
    point = ""
    if "complete" not in frame:  # days, of which a chart may make weeks
        frame, point = parts.coarser(frame, "period_start", grain, ("entered", "converted"), least=30)
    frame = frame.groupby(["period_start", *grain], as_index=False, observed=True)[["entered", "converted"]].sum()
    frame = frame[frame["entered"] > 0]
    parts.require(frame, "funnel_trend")
    if column:
        frame = frame[frame[column].isin(parts.largest(frame, column, "entered", keep=stressed))]
    rate = frame["converted"] / frame["entered"]
    drawn = frame.assign(
        day=parts.days(frame, "period_start"),
        rate=rate,
        of=parts.labels(frame[column]) if column else parts.labels([shown_step]) * len(frame),
        whole=[int(not one) for one in frame["period_start"].isin(running)],
        ends=[int(one) for one in frame["period_start"] >= (frame.loc[~frame["period_start"].isin(running), "period_start"].max())],
        date_text=parts.texts(frame["period_start"], "date"),
        rate_text=[parts.ratio(*row) for row in zip(frame["converted"], frame["entered"], rate, strict=True)],
    )
    names = list(dict.fromkeys(drawn["of"]))
    mark = parts.labels([stressed])[0] if stressed else names[0] if len(names) == 1 and parts.since(title) else None
    scale = parts.colors(names, mark)
    base = alt.Chart(drawn).encode(
        x=alt.X("day:T", axis=parts.day_axis(), scale=ends.before(names)),
        y=alt.Y(
            "rate:Q", scale=alt.Scale(zero=False), axis=parts.percent_axis(_("conversion to {step}").format(step=shown_step))
        ),
        color=alt.Color("of:N", scale=scale, legend=None),
        tooltip=parts.tooltips(
            ("of", columns.heading(column or "step")), ("date_text", columns.heading("date")), ("rate_text", columns.heading("step_conversion"))
        ),
    )
    points = alt.OverlayMarkDef(size=1, opacity=0) if len(drawn) > 60 else True
    width = alt.condition(alt.datum.of == (mark or ""), alt.value(2.8), alt.value(1.8))
    whole = [base.transform_filter(alt.datum.whole == 1).mark_line(point=points).encode(strokeWidth=width)]
    if (drawn["whole"] == 0).any():
        running = base.transform_filter(alt.datum.ends == 1)
        whole.append(running.mark_line(strokeDash=[5, 4], point=alt.OverlayMarkDef(filled=False, fill=theme.PAPER)).encode(strokeWidth=width))
        point = _("dashed: the period is not over")
    whole += ends.named(drawn, names, scale, x="day", y="rate", height=280, zero=False, strong=[mark])
    return parts.finished(alt.layer(*whole, *parts.marked_day(parts.since(title))), trend, "step_trend", title, subtitle=point, height=280)


def breaks(ranked: pd.DataFrame, *, title: Finding | str, most: int = 10) -> Shown:
    """Where a step's conversion changed for good: from the rate before to the rate after, the weightiest change on top.

    Takes the frame of ``change.rate_breaks``. Without a row the title says all.
    Raises InputError for a missing column.
    """
    import altair as alt

    if ranked.empty:
        return parts.told(ranked, "rate_breaks", title)
    parts.require(ranked, "breaks", "step", "slice_column", "slice_value", "since", "rate_before", "rate_after")
    frame = ranked.head(most).reset_index(drop=True)
    who = [
        f"{columns.heading(column)}: {value}" if value else _("everyone")
        for column, value in zip(frame["slice_column"], frame["slice_value"], strict=True)
    ]
    change = frame["relative_change"]
    drawn = frame.assign(
        label=[f"{step} · {slice_}" for step, slice_ in zip(frame["step"], who, strict=True)],
        who=who,
        fell=change < 0,
        note=[
            _("{change} since {day}").format(change=language.signed_percent(by), day=language.date(day))
            for by, day in zip(change, frame["since"], strict=True)
        ],
        step_text=parts.labels(frame["step"]),
        rate_before_text=parts.texts(frame["rate_before"], "percent"),
        rate_after_text=parts.texts(frame["rate_after"], "percent"),
    )
    drawn = drawn.drop_duplicates("label")
    color = alt.condition("datum.fell", alt.value(theme.ALERT), alt.value(theme.GOOD))
    room = parts.beside(0, float(drawn[["rate_before", "rate_after"]].max(axis=None)) * 1.04, drawn["note"], narrow=12)
    base = alt.Chart(drawn).encode(
        y=alt.Y("label:N", sort=list(drawn["label"]), title=None, axis=alt.Axis(labelLimit=300)),
        tooltip=parts.tooltips(
            "step_text", ("who", _("of whom")), "rate_before_text", "rate_after_text", ("note", columns.heading("change"))
        ),
    )
    made = alt.layer(
        base.mark_rule(strokeWidth=3, opacity=0.55).encode(
            x=alt.X("rate_before:Q", scale=room, axis=parts.percent_axis(columns.heading("step_conversion"))), x2="rate_after:Q", color=color
        ),
        base.mark_point(filled=False, size=70, strokeWidth=2, fill=theme.PAPER, opacity=1).encode(x="rate_before:Q", color=color),
        base.mark_point(filled=True, size=90, opacity=1).encode(x="rate_after:Q", color=color),
        *parts.at_the_right(base),
    )
    return parts.finished(made, ranked, "rate_breaks", title, subtitle=_("ring: before; dot: after"), height=alt.Step(30), notes=True)


def _intervals(frame: pd.DataFrame) -> list[str]:
    if "low" not in frame or "high" not in frame:
        return [language.NONE] * len(frame)
    return [interval(low, high) for low, high in zip(frame["low"], frame["high"], strict=True)]


def interval(low: Any, high: Any) -> str:
    """An interval of a rate: ``45% – 51%``."""
    return language.NONE if low != low or high != high else f"{language.percent(low)} – {language.percent(high)}"
