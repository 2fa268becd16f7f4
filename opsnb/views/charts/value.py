"""Charts of what customers are worth: was the forecast right, what does a channel's customer bring, and how is value spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.views import columns, language, theme
from opsnb.views.charts import parts
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings.finding import Finding

LEAST_SAID = 0.01  # share of value, below which a bar has no number above it: on a phone they would lie over each other
METHODS = {"actual": theme.INK, "pareto_nbd": theme.MAIN, "bg_nbd": theme.GOOD, "average": theme.WARN}


def _named() -> dict[str, str]:
    return {"actual": _("what happened"), "pareto_nbd": "Pareto/NBD", "bg_nbd": "BG/NBD", "average": _("last year's average")}


def _long(frame: pd.DataFrame, kept: list[str]) -> pd.DataFrame:
    names, drawn = _named(), [name for name in METHODS if name in frame.columns]
    long = frame.melt(kept, drawn, "method", "value").dropna(subset=["value"])
    return long.assign(of=long["method"].map(names), value_text=[language.number(value) for value in long["value"]])


def value_calibration(weeks: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Repeat orders by week, added up: what happened, what the models say and what last year's average says, from what lies left of the line.

    Takes ``value.chosen_model(...).holdout.weeks``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt
    import pandas as pd

    parts.require(weeks, "value_calibration", "period_end", "part", "actual")
    known = weeks[weeks["part"] == "calibration"].tail(1)
    begin = known.assign(part="holdout", **{name: known["actual"] for name in METHODS if name in weeks.columns})  # forecasts begin at what was known
    drawn = _long(pd.concat([weeks, begin], ignore_index=True), ["period_end", "part"])
    drawn = drawn.assign(day=parts.days(drawn, "period_end"), day_text=parts.texts(drawn["period_end"], "date"))
    names = [name for method, name in _named().items() if method in weeks.columns]
    base = alt.Chart(drawn).encode(
        x=alt.X("day:T", axis=parts.day_axis()),
        y=alt.Y("value:Q", axis=parts.amount_axis(_("repeat orders, added up"))),
        color=alt.Color("of:N", scale=alt.Scale(domain=names, range=[color for method, color in METHODS.items() if method in weeks.columns])),
        detail="part:N",
        strokeWidth=alt.condition("datum.method == 'actual'", alt.value(3), alt.value(1.8)),
        tooltip=parts.tooltips(("of", columns.heading("method")), ("day_text", columns.heading("period_end")), 
                               ("value_text", columns.heading("repeat_orders"))),
    )
    line = []
    if len(known):
        end = pd.DataFrame({"day": parts.days(known, "period_end"), "text": [_("forecast from here")]})
        mark = alt.Chart(end).encode(x="day:T")
        line = [mark.mark_rule(color=theme.FAINT, strokeDash=[4, 3]),
                mark.mark_text(align="left", dx=5, baseline="top", color=theme.MUTED).encode(text="text:N", y=alt.value(0))]
    return parts.finished(alt.layer(base.mark_line(), *line), weeks, "value_calibration", title, height=280)


def value_by_frequency(frequency: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Orders a customer in the time held out, by how often they had come back before: what happened against the forecasts.

    Takes ``value.chosen_model(...).holdout.frequency``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(frequency, "value_by_frequency", "repeat_orders", "customers", "actual")
    last = frequency["repeat_orders"].max()
    label = [language.count(many) + ("+" if many == last and len(frequency) > 1 else "") for many in frequency["repeat_orders"]]
    drawn = _long(frequency.assign(label=label, customers_text=parts.texts(frequency["customers"], "count")), ["label", "customers_text"])
    names = [name for method, name in _named().items() if method in frequency.columns]
    base = alt.Chart(drawn).encode(
        x=alt.X("label:N", sort=label, title=_("repeat orders before"), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value:Q", axis=parts.amount_axis(_("orders a customer, after"))),
        color=alt.Color("of:N", scale=alt.Scale(domain=names, range=[color for method, color in METHODS.items() if method in frequency.columns]),
                        legend=alt.Legend(symbolOpacity=1)),
        tooltip=parts.tooltips(("of", columns.heading("method")), ("label", columns.heading("repeat_orders")), ("value_text", columns.heading("orders")),
                               ("customers_text", columns.heading("customers"))),
    )
    bars = base.transform_filter("datum.method == 'actual'").mark_bar(opacity=0.25, size=34)
    ticks = base.transform_filter("datum.method != 'actual'").mark_point(size=90, filled=True, opacity=0.95)
    return parts.finished(alt.layer(bars, ticks), frequency, "value_by_frequency", title, height=260)


def ltv_by_channel(by_channel: pd.DataFrame, *, title: Finding | str) -> Shown:
    """What a new customer of each channel brings in the first year, with its interval, and what winning them cost (upright line).

    Takes the frame of ``value.ltv_by``, by channel or by cohort. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    by = "cohort" if "cohort" in by_channel.columns else "channel"
    parts.require(by_channel, "ltv_by_channel", by, "customers", "low", "high", "cac")
    column = next(name for name in by_channel.columns if name.startswith("ltv_") and name != "ltv_to_cac")
    frame = by_channel[by_channel[column].notna()].tail(24)
    parts.require(frame, "ltv_by_channel")
    names = parts.texts(frame[by], "month") if by == "cohort" else parts.labels(frame[by])
    labels = [f"{name} | {paid}" if paid else name for name, paid in zip(names, _paid_back(frame), strict=True)]
    drawn = frame.assign(
        label=labels,
        name=names,
        value=frame[column],
        losing=frame["high"] < frame["cac"],
        value_text=[f"{language.money(row[column])} ({language.money(row['low'])} – {language.money(row['high'])})" for _place, row in frame.iterrows()],
        cac_text=parts.texts(frame["cac"], "money"),
        back_text=parts.texts(frame["payback_months"], "count") if "payback_months" in frame else language.NONE,
        customers_text=parts.texts(frame["customers"], "count"),
    )
    base = alt.Chart(drawn).encode(
        y=alt.Y("label:N", sort=None, title=None, axis=alt.Axis(
            labelLimit=300, labelLineHeight=15, labelExpr="split(datum.label, ' | ')" if by == "channel" else "replace(datum.label, ' | ', ' · ')")),
        tooltip=parts.tooltips(("name", columns.heading(by)), ("value_text", columns.heading(column)), ("cac_text", columns.heading("cac")),
                               ("back_text", columns.heading("payback_months")), ("customers_text", columns.heading("customers"))),
    )
    color = alt.condition("datum.losing", alt.value(theme.ALERT), alt.value(theme.MAIN))
    x = alt.X("value:Q", axis=parts.amount_axis(_("currency a new customer")), scale=alt.Scale(zero=True))
    spans = base.mark_rule(strokeWidth=3, opacity=0.45).encode(x=alt.X("low:Q"), x2="high:Q", color=color)
    dots = base.mark_point(size=110, filled=True, opacity=1).encode(x=x, color=color)
    costs = base.transform_filter("isValid(datum.cac)").mark_tick(color=theme.INK, thickness=3, size=20).encode(x=alt.X("cac:Q"))
    note = _("dot and bar: value in the first {days} days with its interval; upright line: cost of winning a customer").format(
        days=language.count(int(column.removeprefix("ltv_").removesuffix("d"))))
    return parts.finished(alt.layer(spans, dots, costs), by_channel, f"ltv_by_{by}", title, subtitle=note, height=alt.Step(38 if by == "channel" else 22))


def _paid_back(frame: pd.DataFrame) -> list[str]:
    """How often each row's value covers its cost and after how many months it did; empty where nothing was spent."""
    if not {"ltv_to_cac", "payback_months"} <= set(frame.columns):
        return [""] * len(frame)
    return ["" if not cac > 0 else _("{ratio}× its cost, not back yet").format(ratio=language.number(ratio)) if months != months else
            _("{ratio}× its cost, back with the first order").format(ratio=language.number(ratio)) if months == 0 else
            _("{ratio}× its cost, back in month {months}").format(ratio=language.number(ratio), months=language.count(months))
            for cac, ratio, months in zip(frame["cac"], frame["ltv_to_cac"], frame["payback_months"], strict=True)]


def value_deciles(deciles: pd.DataFrame, *, title: Finding | str) -> Shown:
    """What each tenth of the customers brings of all value to come, the most valuable tenth first.

    Takes the frame of ``value.deciles``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(deciles, "value_deciles", "decile", "customers", "mean", "value_share")
    drawn = deciles.assign(
        label=[f"{(decile - 1) * 10}–{decile * 10}%" for decile in deciles["decile"]],
        share_text=parts.texts(deciles["value_share"], "percent"), short=[language.percent(share) if share >= LEAST_SAID else "" for share in
                                                                          deciles["value_share"]],
        mean_text=parts.texts(deciles["mean"], "money"),
        customers_text=parts.texts(deciles["customers"], "count"),
    )
    base = alt.Chart(drawn).encode(
        x=alt.X("label:N", sort=list(drawn["label"]), title=_("customers, the most valuable first"), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value_share:Q", axis=parts.percent_axis(_("share of the value to come")), scale=alt.Scale(padding=18, domainMin=0)),
        tooltip=parts.tooltips(("label", columns.heading("decile")), ("share_text", columns.heading("value_share")), ("mean_text", columns.heading("mean")),
                               ("customers_text", columns.heading("customers"))),
    )
    words = base.mark_text(dy=-8).encode(text="short:N")
    return parts.finished(alt.layer(base.mark_bar(), words), deciles, "value_deciles", title, height=240)
