"""Charts of the market: its size, who holds which share, what the channels bring and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.views import columns, language, theme
from opsnb.views.charts import ends, parts
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings.finding import Finding


def market_growth(growth: pd.DataFrame, *, title: Finding | str) -> Shown:
    """The size of the market by segment and period; growth on a year before and share are in the tooltips.

    Takes the frame of ``market.market_growth``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(growth, "market_growth", "segment", "period", "size", "growth_rate", "share")
    stressed = parts.concerned(title, "segment")
    mark = parts.labels([stressed])[0] if stressed else None
    drawn = growth.assign(
        of=parts.labels(growth["segment"]),
        day=parts.days(growth, "period"),
        period_text=parts.texts(growth["period"], "month"),
        size_text=parts.texts(growth["size"], "money"),
        growth_rate_text=parts.texts(growth["growth_rate"], "signed"),
        share_text=parts.texts(growth["share"], "percent"),
    )
    names = parts.largest(drawn, "of", "size", keep=mark)
    drawn = drawn[drawn["of"].isin(names)]
    scale = parts.colors(names, mark)
    base = alt.Chart(drawn).encode(
        x=alt.X("day:T", axis=parts.day_axis(), scale=ends.before(names)),
        y=alt.Y("size:Q", axis=parts.amount_axis(_("market size"))),
        color=alt.Color("of:N", sort=names, scale=scale, legend=None),
        tooltip=parts.tooltips(("of", columns.heading("segment")), "period_text", "size_text", "growth_rate_text", "share_text"),
    )
    beside = ends.named(drawn, names, scale, x="day", y="size", height=280, strong=[mark])
    return parts.finished(alt.layer(base.mark_line(point=alt.OverlayMarkDef(size=28)), *beside), growth, "market_growth", title, height=280)


def competitor_share(shares: pd.DataFrame, *, title: Finding | str, own: str | None = None) -> Shown:
    """Each competitor's share over time; ours in the main colour, the one that a finding is about in the alarm colour.

    Takes the frame of ``market.competitor_share``; ``own`` is our name (else the rows marked ``own``).
    Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(shares, "competitor_share", "period", "competitor", "value", "share")
    stressed = parts.concerned(title, "competitor")
    frame = shares[shares["share"].notna()]
    parts.require(frame, "competitor_share")
    mark = parts.labels([stressed])[0] if stressed else None
    if own is None and "own" in frame and frame["own"].any():
        own = frame.loc[frame["own"].astype(bool), "competitor"].iloc[0]
    ours = parts.labels([own])[0] if own else None
    totals = frame.groupby("period")["value"].transform("sum")
    drawn = frame.assign(
        of=parts.labels(frame["competitor"]),
        day=parts.days(frame, "period"),
        period_text=parts.texts(frame["period"], "month"),
        share_text=[
            f"{language.percent(share)} = {language.number(value)} / {language.number(total)}"
            for value, total, share in zip(frame["value"], totals, frame["share"], strict=True)
        ],
        change_text=parts.texts(frame["change"], "signed") if "change" in frame else language.NONE,
    )
    names = parts.largest(drawn, "of", "value", keep=mark)
    drawn = drawn[drawn["of"].isin(names)]
    strong = " || ".join(f"datum.of === {language_literal(one)}" for one in (mark, ours) if one) or "false"
    scale = parts.colors(names, mark, ours)
    base = alt.Chart(drawn).encode(
        x=alt.X("day:T", axis=parts.day_axis(), scale=ends.before(names)),
        y=alt.Y("share:Q", axis=parts.percent_axis(columns.heading("share"))),
        color=alt.Color("of:N", sort=names, scale=scale, legend=None),
        tooltip=parts.tooltips(("of", columns.heading("competitor")), "period_text", "share_text", "change_text"),
    )
    lines = base.mark_line(point=alt.OverlayMarkDef(size=28)).encode(strokeWidth=alt.condition(strong, alt.value(3), alt.value(1.8)))
    beside = ends.named(drawn, names, scale, x="day", y="share", height=280, strong=[mark, ours])
    return parts.finished(alt.layer(lines, *beside, *parts.marked_day(parts.since(title))), shares, "competitor_share", title, height=280)


def channel_mix(mix: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Per channel its share of the new customers beside its share of the spend, with what a customer costs.

    Takes the frame of ``channels.channel_mix``; where no spend is known only the first bar is drawn.
    Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt
    import pandas as pd

    parts.require(mix, "channel_mix", "channel")
    counts = [column for column in ("new_customers", "customers", "users", "orders") if column in mix] or ["new_customers"]
    parts.require(mix, "channel_mix", counts[0])
    counted = next((column for column in counts if mix[column].sum() > 0), counts[0])
    frame = mix.assign(of=parts.labels(mix["channel"])).sort_values(counted, ascending=False, kind="stable").head(12)
    total = mix[counted].sum()
    kinds = {columns.heading(counted): frame[counted] / total}
    if "spend" in frame and frame["spend"].sum() > 0:
        kinds[columns.heading("spend")] = frame["spend"] / mix["spend"].sum()
    cost = frame["cac"] if "cac" in frame else [float("nan")] * len(frame)
    rows = []
    for kind, shares in kinds.items():
        for label, share, count, one, spend in zip(frame["of"], shares, frame[counted], cost, frame.get("spend", cost), strict=True):
            rows.append(
                {
                    "label": label,
                    "kind": kind,
                    "value": share,
                    "value_text": language.percent(share) if share == share else "",
                    "users_text": parts.ratio(count, total, count / total if total else None),
                    "spend_text": language.money(spend),
                    "cac_text": language.money(one),
                    "note": _("{cost} a customer").format(cost=language.money(one)) if one == one else "",
                }
            )
    long = pd.DataFrame(rows)
    stressed = parts.concerned(title, "channel")
    mark = parts.labels([stressed])[0] if stressed else ""
    order, names = list(frame["of"]), list(kinds)
    y = alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=220, labelPadding=8), scale=alt.Scale(paddingInner=0.35))
    offset = alt.YOffset("kind:N", sort=names, scale=alt.Scale(paddingInner=0.15))
    x = alt.X("value:Q", scale=parts.beside(0, float(long["value"].max() or 1), long["note"], before=45), axis=None)
    base = alt.Chart(long).encode(
        y=y,
        yOffset=offset,
        tooltip=parts.tooltips(("label", columns.heading("channel")), ("users_text", columns.heading(counted)), "spend_text", "cac_text"),
    )
    color = alt.Color(
        "kind:N",
        sort=names,
        scale=alt.Scale(domain=names, range=[theme.MAIN, theme.WARN][: len(names)]),
        legend=alt.Legend() if len(names) > 1 else None,
    )
    layers = [base.mark_bar().encode(x=x, color=color), base.mark_text(align="left", dx=5, clip=True).encode(x=x, text="value_text:N")]
    if long["note"].any():
        firsts = alt.Chart(long[long["kind"] == names[0]])
        layers.append(
            firsts.mark_text(align="right", clip=True).encode(
                x=alt.value("width"),
                y=y,
                yOffset=offset,
                text="note:N",
                color=alt.condition(alt.datum.label == mark, alt.value(theme.ALERT), alt.value(theme.MUTED)),
            )
        )
    return parts.finished(alt.layer(*layers), mix, "channel_mix", title, height=44 * len(order) if len(names) > 1 else 28 * len(order))


def language_literal(text: str) -> str:
    """A text as a literal of a chart's expression, whatever is in it."""
    import json

    return json.dumps(text, ensure_ascii=True)
