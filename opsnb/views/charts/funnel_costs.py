"""Charts of what the funnel's losses cost: leaks in money, and carts that were left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.views import columns, language, theme
from opsnb.views.charts import parts
from opsnb.views.charts.dots import dots
from opsnb.views.charts.funnels import interval
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings.finding import Finding

MOST = 12


def leaks(ranked: pd.DataFrame, *, title: Finding | str) -> Shown:
    """What each step loses against its benchmark, in money where orders have a value, else in orders, the dearest leak first.

    Takes the frame of ``leaks.leaks``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    from opsnb.views.findings.leaks import benchmark_text

    parts.require(ranked, "leaks", "step", "entered", "converted", "rate", "benchmark", "benchmark_rate", "users_lost", "later_conversion", "lost_orders",
                  "orders_low", "orders_high", "aov", "lost_revenue", "revenue_low", "revenue_high")
    money = bool(ranked["lost_revenue"].notna().any())
    value, low, high = ("lost_revenue", "revenue_low", "revenue_high") if money else ("lost_orders", "orders_low", "orders_high")
    frame = ranked[ranked[value].notna()]
    parts.require(frame, "leaks")
    said = language.money if money else language.count
    drawn = frame.assign(
        label=parts.labels(frame["step"]),
        value=frame[value],
        low=frame[low],
        high=frame[high],
        color=[theme.ALERT if least > 0 else theme.QUIET for least in frame[low]],
        note=[
            _("{rate} instead of {benchmark}").format(rate=language.percent(rate), benchmark=language.percent(against))
            for rate, against in zip(frame["rate"], frame["benchmark_rate"], strict=True)
        ],
        against=[language.sentence(benchmark_text(benchmark)) for benchmark in frame["benchmark"]],
        rate_text=[parts.ratio(*row) for row in zip(frame["converted"], frame["entered"], frame["rate"], strict=True)],
        chain=[
            _("{users} lost × {later} of them to order × {aov} an order = {value}").format(
                users=language.number(users), later=language.percent(later), aov=language.money(aov), value=said(lost)
            )
            if money
            else _("{users} lost × {later} of them to order = {value}").format(users=language.number(users), later=language.percent(later), value=said(lost))
            for users, later, aov, lost in zip(frame["users_lost"], frame["later_conversion"], frame["aov"], frame[value], strict=True)
        ],
        interval=[f"{said(least)} – {said(most)}" for least, most in zip(frame[low], frame[high], strict=True)],
    )
    tooltips = parts.tooltips(
        ("label", columns.heading("step")), ("rate_text", columns.heading("step_conversion")), ("against", _("benchmark")), ("chain", _("formula")),
        ("interval", _("90% interval")),
    )
    axis = parts.amount_axis(_("lost revenue") if money else _("lost orders"))
    note = _("each leak closed alone, so they do not add up; below zero: better than the benchmark")
    return dots(drawn, ranked, "leaks", title, axis=axis, tooltips=tooltips, subtitle=note, zero=True, bars=True)


def cart_abandonment(carts: pd.DataFrame, *, title: Finding | str, by: str | None = None) -> Shown:
    """The share of carts that were left without an order, with its interval: along the hours of the day, or by slice, the worst on top.

    Takes the frame of ``carts.cart_abandonment`` with ``by`` (found if left out). Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(carts, "cart_abandonment", "carts", "abandoned", "abandonment_rate", "low", "high", "value_left", "valued")
    column = by or next((name for name in carts.columns[: carts.columns.get_loc("carts")]), None)
    frame = carts[carts["carts"] > 0]
    parts.require(frame, "cart_abandonment")
    if column != "hour":
        frame = frame.sort_values("carts", ascending=False, kind="stable").head(MOST).sort_values("abandonment_rate", ascending=False, kind="stable")
    drawn = frame.assign(
        label=[_("all carts")] * len(frame) if column is None else [f"{value}" for value in frame["hour"]] if column == "hour" else parts.labels(frame[column]),
        value=frame["abandonment_rate"],
        color=theme.MAIN,
        note=[_("{abandoned} carts left").format(abandoned=language.count(abandoned)) for abandoned in frame["abandoned"]],
        rate_text=[parts.ratio(*row) for row in zip(frame["abandoned"], frame["carts"], frame["abandonment_rate"], strict=True)],
        interval=[interval(low, high) for low, high in zip(frame["low"], frame["high"], strict=True)],
        left_text=[
            _("{value} in {carts} carts of known value").format(value=language.money(value), carts=language.count(known)) if known else _("not known")
            for value, known in zip(frame["value_left"], frame["valued"], strict=True)
        ],
    )
    tooltips = parts.tooltips(
        ("label", columns.heading(column or "cart")), ("rate_text", _("left without an order")), ("interval", _("95% interval")), ("left_text", _("value left"))
    )
    if column != "hour":
        axis = parts.percent_axis(_("share of carts left without an order"))
        return dots(drawn, carts, f"carts_by_{column}" if column else "carts", title, axis=axis, tooltips=tooltips)
    base = alt.Chart(drawn).encode(
        x=alt.X("hour:O", title=_("hour of the day in which the cart was left"), axis=alt.Axis(labelAngle=0)),
        tooltip=tooltips,
    )
    axis = parts.percent_axis(_("share of carts left without an order"))
    made = base.mark_rule(strokeWidth=2, color=theme.FAINT).encode(y=alt.Y("low:Q", axis=axis, scale=alt.Scale(zero=True)), y2="high:Q") + base.mark_point(
        filled=True, size=80, opacity=1, color=theme.MAIN
    ).encode(y=alt.Y("value:Q", axis=axis))
    return parts.finished(made, carts, "carts_by_hour", title, height=240)
