"""Charts of what channels charge and of the trends outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.views import columns, language, theme
from opsnb.views.charts import ends, parts
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings.finding import Finding


def channel_prices(prices: pd.DataFrame, *, title: Finding | str) -> Shown:
    """What a click (or a new user) costs by channel and day, with the day marked since which a finding holds; by the week over 200 days.

    Takes the frame of ``channels.channel_prices``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(prices, "channel_prices", "channel", "date", "cost", "bought", "unit")
    stressed = parts.concerned(title, "channel")
    frame, point = parts.coarser(prices, "date", ["channel"], ("cost", "bought"))
    frame = frame[frame["bought"] > 0]
    parts.require(frame, "channel_prices")
    frame = frame[frame["channel"].isin(parts.largest(frame, "channel", "cost", keep=stressed))]
    unit = language.name(prices["unit"].iloc[0])
    drawn = frame.assign(
        day=parts.days(frame, "date"),
        price=frame["cost"] / frame["bought"],
        of=parts.labels(frame["channel"]),
        date_text=parts.texts(frame["date"], "date"),
        price_text=[
            f"{language.money(cost / bought)} = {language.money(cost)} / {language.count(bought)}"
            for cost, bought in zip(frame["cost"], frame["bought"], strict=True)
        ],
    )
    names = list(dict.fromkeys(drawn["of"]))
    mark = parts.labels([stressed])[0] if stressed else None
    scale = parts.colors(names, mark)
    lines = (
        alt.Chart(drawn)
        .mark_line()
        .encode(
            x=alt.X("day:T", axis=parts.day_axis(), scale=ends.before(names)),
            y=alt.Y("price:Q", axis=parts.amount_axis(_("cost of a {unit}").format(unit=unit))),
            color=alt.Color("of:N", scale=scale, legend=None),
            strokeWidth=alt.condition(alt.datum.of == (mark or ""), alt.value(2.8), alt.value(1.8)),
            tooltip=parts.tooltips(
                ("of", columns.heading("channel")), ("date_text", columns.heading("date")), ("price_text", columns.heading("cost"))
            ),
        )
    )
    beside = ends.named(drawn, names, scale, x="day", y="price", height=260, strong=[mark])
    return parts.finished(
        alt.layer(lines, *beside, *parts.marked_day(parts.since(title))), prices, "channel_prices", title, subtitle=point, height=260
    )


def weighed_trends(trends: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Trends outside by weight: opportunities to the right, threats to the left.

    Takes the frame of ``trends.weighed_trends``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(trends, "weighed_trends", "trend", "category", "strength", "impact", "probability", "weight")
    frame = trends[trends["weight"].notna()].head(12)
    parts.require(frame, "weighed_trends")
    frame = frame.sort_values("weight", ascending=False, kind="stable")
    drawn = frame.assign(
        label=parts.labels(frame["trend"]),
        kind=parts.named(frame["category"]),
        good=frame["weight"] > 0,
        weight_text=parts.texts(frame["weight"], "number"),
        made=[
            f"{language.number(row.strength)} × {language.number(row.impact)} × {language.number(row.probability)}"
            for row in frame.itertuples()
        ],
    )
    base = alt.Chart(drawn).encode(
        y=alt.Y("label:N", sort=list(drawn["label"]), title=None, axis=alt.Axis(labelLimit=alt.ExprRef(f"{parts.NARROW} ? 150 : 320"))),
        tooltip=parts.tooltips(
            ("label", columns.heading("trend")),
            ("kind", columns.heading("category")),
            ("weight_text", columns.heading("weight")),
            ("made", _("strength × impact × probability")),
        ),
    )
    bars = base.mark_bar(height={"band": 0.65}).encode(
        x=alt.X("weight:Q", title=None, axis=alt.Axis(tickCount=5), scale=alt.Scale(padding=48, nice=False)),
        color=alt.condition("datum.good", alt.value(theme.GOOD), alt.value(theme.ALERT)),
    )
    right = base.transform_filter("datum.good").mark_text(align="left", dx=5).encode(x="weight:Q", text="weight_text:N")
    left = base.transform_filter("!datum.good").mark_text(align="right", dx=-5).encode(x="weight:Q", text="weight_text:N")
    return parts.finished(alt.layer(bars, right, left), trends, "trends", title, height=alt.Step(30))
