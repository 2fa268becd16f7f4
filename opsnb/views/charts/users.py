"""Charts of the users: what tiers and personas are worth, and who comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsnb.measures.intervals import wilson
from opsnb.views import columns, language, theme
from opsnb.views.charts import ends, parts
from opsnb.views.charts.funnels import interval
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings.finding import Finding

FEW = 50  # customers; a rate of fewer moves by chance alone


def tiers(summary: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Per tier its share of the customers beside its share of the revenue; ticks mark what the plan expects.

    Takes the frame of ``segments.tier_summary``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    parts.require(summary, "tiers", "tier", "users", "share", "revenue", "revenue_share")
    drawn = summary.assign(label=parts.named(summary["tier"]))
    marks = [
        (label, _("customers"), edge)
        for column in ("expected_low", "expected_high")
        if column in drawn
        for label, edge in zip(drawn["label"], drawn[column], strict=True)
    ]
    if "expected_revenue_share" in drawn:
        marks += [(label, _("revenue"), edge) for label, edge in zip(drawn["label"], drawn["expected_revenue_share"], strict=True)]
    return _paired(drawn, summary, marks, "tiers", title, note=_("upright lines: what the plan expects"))


def personas(summary: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Per persona its share of the customers beside its share of the revenue, with what is typical of it.

    Takes ``segments.personas(...).summary``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    parts.require(summary, "personas", "persona", "users", "share", "revenue", "revenue_share")
    typical = (
        [
            _("{recency} days ago · {frequency} orders · {money} each").format(
                recency=language.count(row.recency_days), frequency=language.number(row.frequency), money=language.money(row.monetary_value)
            )
            for row in summary.itertuples()
        ]
        if {"recency_days", "frequency", "monetary_value"} <= set(summary.columns)
        else [""] * len(summary)
    )
    given = summary["parts"] if "parts" in summary else [[persona] for persona in summary["persona"]]
    drawn = summary.assign(
        label=[" | ".join(filter(None, (language.persona(pieces), what))) for pieces, what in zip(given, typical, strict=True)],
        typical=typical,
    )
    table = summary.drop(columns="parts", errors="ignore")
    return _paired(drawn, table, [], "personas", title)


def _paired(
    drawn: pd.DataFrame, frame: pd.DataFrame, marks: Sequence[tuple[str, str, float]], table: str, title: Finding | str, *, note: str = ""
) -> Shown:
    """Two bars a row: share of the customers and share of the revenue."""
    import altair as alt
    import pandas as pd

    kinds = [_("customers"), _("revenue")]
    total = drawn["users"].sum()
    long = pd.DataFrame(
        [
            {
                "label": row.label,
                "name": row.label.split(" | ")[0],
                "kind": kind,
                "value": value,
                "value_text": language.percent(value),
                "typical": getattr(row, "typical", ""),
                "users_text": parts.ratio(row.users, total, row.share),
                "revenue_text": f"{language.money(row.revenue)} ({language.percent(row.revenue_share)})",
            }
            for row in drawn.itertuples()
            for kind, value in zip(kinds, (row.share, row.revenue_share), strict=True)
        ]
    )
    order = list(drawn["label"])
    split = alt.Axis(labelLimit=330, labelPadding=8, labelExpr="split(datum.label, ' | ')", labelLineHeight=15)
    base = alt.Chart(long).encode(
        y=alt.Y("label:N", sort=order, title=None, axis=split, scale=alt.Scale(paddingInner=0.3)),
        yOffset=alt.YOffset("kind:N", sort=kinds, scale=alt.Scale(paddingInner=0.12)),
        tooltip=parts.tooltips(
            ("name", columns.heading(drawn.columns[0])),
            ("users_text", columns.heading("customers")),
            ("revenue_text", columns.heading("revenue")),
            *([("typical", _("typical"))] if long["typical"].any() else []),
        ),
    )
    x = alt.X("value:Q", scale=parts.beside(0, float(long["value"].max(skipna=True) or 1), long["value_text"]), axis=None)
    color = alt.Color("kind:N", sort=kinds, scale=alt.Scale(domain=kinds, range=[theme.QUIET, theme.MAIN]), title=None)
    kept = [{"label": label, "kind": kind, "value": edge} for label, kind, edge in marks if edge == edge]
    expected = (
        [base.mark_tick(color=theme.INK, thickness=2, size=18).encode(x=x, tooltip=alt.value(None)).properties(data=pd.DataFrame(kept))]
        if kept
        else []
    )
    words = base.mark_text(align="left", dx=5, clip=True).encode(x=x, text="value_text:N")
    halo = base.mark_text(align="left", dx=5, clip=True, stroke=theme.PAPER, strokeWidth=4).encode(x=x, text="value_text:N")
    layers = [base.mark_bar().encode(x=x, color=color), *expected, halo, words]
    return parts.finished(alt.layer(*layers), frame, table, title, subtitle=note if kept else "", height=50 * len(order))


def retention(cohorts: pd.DataFrame, *, title: Finding | str, most: int = 18) -> Shown:
    """A heat map: of the users who came first in a period, the share that is back later. Fields nobody can know yet stay empty.

    Takes the frame of ``retention.cohort_retention`` without ``by``; the latest ``most`` cohorts are drawn.
    Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt
    import pandas as pd

    parts.require(cohorts, "retention", "cohort", "period_index", "cohort_users", "retained", "retention_rate")
    latest = sorted(pd.to_datetime(cohorts["cohort"]).unique())[-most:]
    frame = cohorts.assign(cohort=pd.to_datetime(cohorts["cohort"]))
    frame = frame[frame["cohort"].isin(latest) & frame["retention_rate"].notna() & frame["period_index"].between(1, most)]
    parts.require(frame, "retention")
    period = parts.period_of(latest)
    monthly = period == "month"
    label = language.month if monthly else language.date
    size = {moment: language.count(users) for moment, users in zip(frame["cohort"], frame["cohort_users"], strict=True)}
    drawn = frame.assign(
        cohort_text=[f"{label(moment)} ({size[moment]})" for moment in frame["cohort"]],
        rate_text=[parts.ratio(*row) for row in zip(frame["retained"], frame["cohort_users"], frame["retention_rate"], strict=True)],
        interval=[interval(low, high) for low, high in zip(frame["low"], frame["high"], strict=True)] if "low" in frame else language.NONE,
        short=[f"{rate * 100:.0f}" for rate in frame["retention_rate"]],
        age=[str(up) if low == up else f"{low}–{up}" for low, up in zip(frame.get("period_from", frame["period_index"]), frame["period_index"], strict=True)],
    )
    order = list(dict.fromkeys(drawn.sort_values("cohort")["cohort_text"]))
    ages = list(dict.fromkeys(drawn.sort_values("period_index")["age"]))
    since = {"day": _("days since the first visit"), "week": _("weeks since the first visit"), "month": _("months since the first visit")}
    top = float(drawn["retention_rate"].max())
    base = alt.Chart(drawn).encode(
        x=alt.X(
            "age:N",
            sort=ages,
            title=since[period],
            axis=alt.Axis(labelAngle=0, orient="top", domain=False, ticks=False),
        ),
        y=alt.Y("cohort_text:N", sort=order, title=None),
        tooltip=parts.tooltips(
            ("cohort_text", columns.heading("cohort")),
            ("age", columns.heading("period_index")),
            ("rate_text", columns.heading("retention_rate")),
            ("interval", _("95% interval")),
        ),
    )
    cells = base.mark_rect(stroke=theme.PAPER, strokeWidth=1).encode(
        color=alt.Color("retention_rate:Q", scale=parts.shades(top), legend=None)
    )
    words = base.mark_text(fontSize=11).encode(
        text="short:N", color=parts.on_shades("retention_rate", top)
    )
    return parts.finished(
        cells + words, cohorts, "cohort_retention", title, subtitle=_("percent of the cohort; its size in brackets"), height=alt.Step(22)
    )


def repeat_by_channel(rates: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Share of new customers who order again, by the month of their first order, one line a channel.

    Takes the frame of ``retention.repeat_rate``, with ``by="channel"`` or without.
    Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(rates, "repeat_by_channel", "cohort", "customers", "repeated", "repeat_rate")
    by = next(
        (column for column in rates.columns if column not in ("cohort", "customers", "waiting", "repeated", "repeat_rate", "low", "high")),
        None,
    )
    stressed = parts.concerned(title, by) if by else None
    frame = rates[rates["repeat_rate"].notna()]
    parts.require(frame, "repeat_by_channel")
    frame, point = _by_quarter(frame, by)
    drawn = frame.assign(
        day=parts.days(frame, "cohort"),
        of=parts.labels(frame[by]) if by else _("all customers"),
        cohort_text=parts.texts(frame["cohort"], "month"),
        rate_text=[parts.ratio(*row) for row in zip(frame["repeated"], frame["customers"], frame["repeat_rate"], strict=True)],
        interval=[interval(low, high) for low, high in zip(frame["low"], frame["high"], strict=True)] if "low" in frame else language.NONE,
    )
    mark = parts.labels([stressed])[0] if stressed else None
    names = parts.largest(drawn, "of", "customers", keep=mark)
    drawn = drawn[drawn["of"].isin(names)]
    scale = parts.colors(names, mark)
    base = alt.Chart(drawn).encode(
        x=alt.X("day:T", axis=parts.day_axis(), scale=ends.before(names)),
        y=alt.Y("repeat_rate:Q", axis=parts.percent_axis(columns.heading("repeat_rate"))),
        color=alt.Color("of:N", scale=scale, legend=None),
        tooltip=parts.tooltips(
            ("of", columns.heading(by or "customers")),
            ("cohort_text", columns.heading("cohort")),
            ("rate_text", columns.heading("repeat_rate")),
            ("interval", _("95% interval")),
        ),
    )
    lines = base.mark_line(point=alt.OverlayMarkDef(size=28)).encode(
        strokeWidth=alt.condition(alt.datum.of == (mark or ""), alt.value(3), alt.value(1.8))
    )
    beside = ends.named(drawn, names, scale, x="day", y="repeat_rate", height=280, strong=[mark])
    return parts.finished(alt.layer(lines, *beside, *parts.marked_day(parts.since(title))), rates, "repeat_rate", title, subtitle=point, height=280)


def _by_quarter(frame: pd.DataFrame, by: str | None) -> tuple[pd.DataFrame, str]:
    """Months added up to quarters where the usual point stands for too few customers to be read; also what a point is."""
    import pandas as pd

    if frame["customers"].median() >= FEW:
        return frame, ""
    quarter = pd.to_datetime(frame["cohort"]).dt.to_period("Q").dt.start_time
    keys = ["cohort", *([by] if by else [])]
    summed = frame.assign(cohort=quarter).groupby(keys, as_index=False, observed=True, dropna=False)[["customers", "repeated"]].sum()
    low, high = wilson(summed["repeated"].to_numpy(), summed["customers"].to_numpy())
    return summed.assign(repeat_rate=summed["repeated"] / summed["customers"], low=low, high=high), _("by quarter of the first order")
