"""Charts of predictions: who is likely to leave or to order, whether what was foretold came, and how far down a list to go."""

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

MOST_POINTS = 200


def deciles(ranked: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Users in tenths by their score: in how many did it come true, against all of them.

    Takes ``deciles`` of ``churn.churn`` or ``nextorders.order_chances``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt
    import pandas as pd

    parts.require(ranked, "deciles", "decile", "users", "happened", "rate", "low", "high", "lift")
    base = float(ranked["happened"].sum() / max(ranked["users"].sum(), 1))
    drawn = ranked.assign(
        part=[str(number) for number in ranked["decile"]],
        rate_text=[parts.ratio(*row) for row in zip(ranked["happened"], ranked["users"], ranked["rate"], strict=True)],
        interval=[interval(low, high) for low, high in zip(ranked["low"], ranked["high"], strict=True)],
        short=parts.texts(ranked["rate"], "percent"),
        lift_text=parts.texts(ranked["lift"], "number"),
        first=ranked["decile"] == 1,
    )
    chart = alt.Chart(drawn).encode(
        x=alt.X("part:O", sort=list(drawn["part"]), title=_("tenths by score, highest first"), axis=alt.Axis(labelAngle=0)),
        tooltip=parts.tooltips(
            ("part", columns.heading("decile")), ("rate_text", _("came true")), ("interval", _("95% interval")), ("lift_text", columns.heading("lift"))
        ),
    )
    up = alt.Scale(domain=[0, min(1.0, float(ranked["high"].max())) * 1.12], nice=False)
    y = alt.Y("rate:Q", scale=up, axis=parts.percent_axis(_("share of whom it came true")))
    bars = chart.mark_bar().encode(y=y, color=alt.condition("datum.first", alt.value(theme.MAIN), alt.value(theme.QUIET)))
    whiskers = chart.mark_rule(color=theme.MUTED).encode(y=alt.Y("low:Q"), y2="high:Q")
    words = chart.mark_text(dy=-6, baseline="bottom").encode(y=alt.Y("high:Q"), text="short:N")
    line = pd.DataFrame({"base": [base], "text": [_("all: {rate}").format(rate=language.percent(base))]})
    level = alt.Chart(line).mark_rule(strokeDash=[4, 3], color=theme.INK).encode(y="base:Q", tooltip=alt.value(None))
    named = alt.Chart(line).mark_text(align="right", dx=-4, dy=-6, color=theme.INK).encode(y="base:Q", x=alt.value("width"), text="text:N")
    return parts.finished(alt.layer(bars, whiskers, level, named, words), ranked, "deciles", title, height=260)


def calibration(parts_of: pd.DataFrame, *, title: Finding | str) -> Shown:
    """What was foretold against what came, part by part of the users: on the line where the chances mean what they say.

    Takes ``calibration`` of ``churn.churn`` or ``nextorders.order_chances``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt
    import pandas as pd

    parts.require(parts_of, "calibration", "users", "expected_rate", "happened", "rate", "low", "high")
    top = min(1.0, float(parts_of[["expected_rate", "high"]].max(axis=None)) * 1.05) or 1.0
    drawn = parts_of.assign(
        expected_text=parts.texts(parts_of["expected_rate"], "percent"),
        rate_text=[parts.ratio(*row) for row in zip(parts_of["happened"], parts_of["users"], parts_of["rate"], strict=True)],
        interval=[interval(low, high) for low, high in zip(parts_of["low"], parts_of["high"], strict=True)],
    )
    scale = alt.Scale(domain=[0, top], nice=False)
    base = alt.Chart(drawn).encode(
        x=alt.X("expected_rate:Q", scale=scale, axis=parts.percent_axis(_("foretold"))),
        tooltip=parts.tooltips(("expected_text", _("foretold")), ("rate_text", _("came true")), ("interval", _("95% interval"))),
    )
    ends = pd.DataFrame({"expected_rate": [0.0, top], "rate": [0.0, top]})
    diagonal = alt.Chart(ends).mark_line(color=theme.FAINT, strokeDash=[4, 3]).encode(
        x=alt.X("expected_rate:Q", scale=scale), y=alt.Y("rate:Q", scale=scale), tooltip=alt.value(None))
    whiskers = base.mark_rule(color=theme.MUTED).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    points = base.mark_point(size=60, filled=True, color=theme.MAIN, opacity=1).encode(
        y=alt.Y("rate:Q", scale=scale, axis=parts.percent_axis(_("came true"))))
    return parts.finished(alt.layer(diagonal, whiskers, points), parts_of, "calibration", title,
                          subtitle=_("a point is about a tenth of the users; on the dashed line, what was foretold came"), height=260)


def recall(listed: pd.DataFrame, *, title: Finding | str) -> Shown:
    """How far down the list to go: what the calls are expected to save and what they cost, added up call by call.

    Takes ``frame`` of ``churn.recall_list``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt
    import pandas as pd

    parts.require(listed, "recall", "score", "revenue_365d", "expected_value", "cumulative_cost", "cumulative_value")
    step = max(1, -(-len(listed) // MOST_POINTS))
    rows = listed.assign(calls=range(1, len(listed) + 1))
    rows = rows[(rows["calls"] % step == 0) | (rows["calls"] == len(rows)) | (rows["calls"] == 1)]
    kinds = [_("expected to be saved"), _("cost of the calls")]
    long = pd.DataFrame([
        {"calls": row.calls, "kind": kind, "amount": amount, "calls_text": language.count(row.calls), "saved_text": language.money(row.cumulative_value),
         "cost_text": language.money(row.cumulative_cost), "score_text": language.percent(row.score)}
        for row in rows.itertuples() for kind, amount in zip(kinds, (row.cumulative_value, row.cumulative_cost), strict=True)
    ])
    made = alt.Chart(long).mark_line(point=alt.OverlayMarkDef(size=1, opacity=0) if len(rows) > 40 else alt.OverlayMarkDef(size=24)).encode(
        x=alt.X("calls:Q", axis=parts.amount_axis(_("calls, the most valuable first")), scale=alt.Scale(nice=False, domain=[0, len(listed)])),
        y=alt.Y("amount:Q", axis=parts.amount_axis()),
        color=alt.Color("kind:N", sort=kinds, scale=alt.Scale(domain=kinds, range=[theme.MAIN, theme.ALERT]), title=None),
        tooltip=parts.tooltips(("calls_text", _("calls")), ("saved_text", kinds[0]), ("cost_text", kinds[1]),
                               ("score_text", _("chance that the last one stays away"))),
    )
    return parts.finished(made, listed.drop(columns="user_id", errors="ignore"), "recall", title, height=260)
