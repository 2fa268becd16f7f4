"""Charts of the plan: KPIs by the day, the scorecard, the budget, and whether an experiment was split as planned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsnb.errors import InputError, nearest
from opsnb.views import columns, language, theme
from opsnb.views.charts import parts
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from opsnb.views.findings.finding import Finding

LATE = 1.3  # the scorecard's axis ends a little after the target
FIRST_KPIS = ("visitors", "orders", "conversion_rate", "gmv", "aov", "new_customers", "spend", "cac", "roas", "sessions", "new_users")


def kpi_lines(daily: pd.DataFrame, *, title: Finding | str, kpis: Sequence[str] | None = None) -> Shown:
    """One small panel per KPI, by the day, or by the week as a mean of its days where there are more than 200 days.

    Takes the frame of ``kpis.daily_kpis``: ``date`` and a column per KPI; ``kpis`` which ones (else the first eight measured).
    Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt
    import pandas as pd

    parts.require(daily, "kpi_lines", "date")
    measured = [
        column
        for column in daily.columns
        if column != "date" and pd.api.types.is_numeric_dtype(daily[column]) and daily[column].notna().any()
    ]
    wanted = list(kpis) if kpis is not None else ([kpi for kpi in FIRST_KPIS if kpi in measured] or measured)[:8]
    for kpi in wanted:
        if kpi not in daily.columns:
            raise InputError(f"charts.kpi_lines: no column '{kpi}'; {nearest(kpi, daily.columns)}")
    wanted = [kpi for kpi in wanted if kpi in measured]
    parts.require(daily[wanted], "kpi_lines")
    frame = daily.assign(date=pd.to_datetime(daily["date"])).set_index("date")[wanted]
    by_week = len(frame) > 200
    if by_week:
        weeks = frame.resample("W-MON", label="left", closed="left")
        frame = weeks.mean()[weeks.size() == 7]
    panels = [_panel(frame[kpi].rename("value"), kpi) for kpi in wanted]
    made = alt.concat(*panels, columns=2, spacing={"row": 22, "column": 26})
    return parts.panels(made, daily, "daily_kpis", title, subtitle=_("mean of the days of a week") if by_week else _("by day"))


def _panel(values: pd.Series, kpi: str) -> alt.Chart:
    import altair as alt

    frame = values.dropna().reset_index()
    form = columns.kpi_format(kpi)
    frame = frame.assign(
        day=parts.days(frame, "date"), date_text=parts.texts(frame["date"], "date"), value_text=parts.texts(frame["value"], form)
    )
    axis = parts.percent_axis() if form in ("percent", "signed") else parts.amount_axis()
    axis.tickCount, axis.minExtent, axis.maxExtent = 3, 44, 44
    return (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.5)
        .encode(
            x=alt.X("day:T", axis=alt.Axis(title=None, tickCount=4, format="%Y-%m", labelOverlap=True)),
            y=alt.Y("value:Q", scale=alt.Scale(zero=False), axis=axis),
            tooltip=parts.tooltips(("date_text", columns.heading("date")), ("value_text", columns.heading(kpi))),
        )
        .properties(
            width=320, height=110, title=alt.TitleParams(columns.heading(kpi), fontSize=12, fontWeight=600, offset=4, frame="bounds")
        )
    )


def scorecard(card: pd.DataFrame, *, title: Finding | str) -> Shown:
    """How far each KPI has come from its baseline (left line) to its target (right line), where it should be by now, and its status.

    Takes the frame of ``scorecard.scorecard``. Status is told by colour, shape and word.
    Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(card, "scorecard", "kpi", "baseline", "target", "actual", "progress", "status")
    frame = card.reset_index(drop=True)
    labels = [columns.heading(kpi) for kpi in frame["kpi"]]
    if "horizon" in frame and frame["kpi"].duplicated().any():
        labels = [f"{label} ({language.name(horizon)})" for label, horizon in zip(labels, frame["horizon"], strict=True)]
    expected = (
        (frame["expected_by_now"] - frame["baseline"]) / (frame["target"] - frame["baseline"]) if "expected_by_now" in frame else None
    )
    forms = [columns.kpi_format(kpi) for kpi in frame["kpi"]]
    drawn = frame.assign(
        label=labels,
        nothing=0.0,
        all=1.0,
        at=frame["progress"].clip(-0.3, LATE),
        status_text=parts.named(frame["status"]),
        **{
            f"{column}_text": [columns.shown(value, form) for value, form in zip(frame[column], forms, strict=True)]
            for column in ("baseline", "target", "actual")
        },
        progress_text=parts.texts(frame["progress"], "percent"),
        expected=expected.clip(-0.3, LATE) if expected is not None else None,
        expected_text=[
            columns.shown(value, form) for value, form in zip(frame.get("expected_by_now", frame["target"]), forms, strict=True)
        ],
    )
    drawn["note"] = [
        _("{status}: {actual} of {target}").format(status=status, actual=actual, target=target)
        for status, actual, target in zip(drawn["status_text"], drawn["actual_text"], drawn["target_text"], strict=True)
    ]
    order = list(drawn["label"])
    statuses = {status: parts.named([status])[0] for status in theme.STATUS if status in set(frame["status"])}
    look = {"domain": list(statuses.values())}
    y = alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=260))
    room = parts.beside(-0.35, max(1.0, LATE) + 0.1, drawn["note"], narrow=8)
    x = alt.X(
        "at:Q", scale=room, axis=alt.Axis(values=[0, 0.5, 1], format="~%", title=_("way from baseline to target"), titleAnchor="start")
    )
    color = alt.Color("status_text:N", scale=alt.Scale(**look, range=[theme.STATUS[status] for status in statuses]), legend=alt.Legend())
    tips = parts.tooltips(
        ("label", columns.heading("kpi")),
        "status_text",
        "baseline_text",
        "target_text",
        "actual_text",
        ("expected_text", columns.heading("expected_by_now")),
        "progress_text",
    )
    base = alt.Chart(drawn).encode(y=y, tooltip=tips)
    layers = [
        base.mark_rule(color=theme.LINE, strokeWidth=6).encode(x=alt.X("nothing:Q", scale=room), x2="all:Q"),
        base.mark_rule(strokeWidth=4).encode(x="nothing:Q", x2="at:Q", color=color),
        base.mark_tick(color=theme.INK, thickness=2, size=16).encode(x=alt.X("expected:Q")),
        base.mark_point(filled=True, size=130, opacity=1).encode(
            x=x,
            color=color,
            shape=alt.Shape("status_text:N", scale=alt.Scale(**look, range=[theme.STATUS_SHAPES[status] for status in statuses])),
        ),
        *parts.at_the_right(base),
    ]
    return parts.finished(
        alt.layer(*layers), card, "scorecard", title, subtitle=_("upright line: where it should be by now"), height=alt.Step(28), notes=True
    )


def budget_variance(variance: pd.DataFrame, *, title: Finding | str, tolerance: float = 0.05) -> Shown:
    """How far each budget line is over (right) or under (left) its plan, and the band within which that is in order.

    Takes the frame of ``budget.budget_variance``, of one month or of a total per line; several months of a line are added up.
    Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt
    import pandas as pd

    parts.require(variance, "budget_variance", "line", "planned", "actual")
    spent = variance[variance["actual"].notna()]
    parts.require(spent, "budget_variance")
    if "month" in spent and "total" in set(spent["month"].astype(str)):
        spent = spent[spent["month"].astype(str) == "total"]
    frame = spent.groupby("line", sort=False, as_index=False)[["planned", "actual"]].sum()
    rate = (frame["actual"] - frame["planned"]) / frame["planned"].where(frame["planned"] > 0)
    over, under = _("over plan"), _("under plan")
    within = _("within {tolerance}").format(tolerance=language.percent(tolerance))
    drawn = frame.assign(
        label=parts.labels(frame["line"]),
        rate=rate,
        state=[within if not abs(value) > tolerance else over if value > 0 else under for value in rate.fillna(0)],
        note=[
            f"{columns.shown(value, 'signed')} · {language.money(actual)} / {language.money(planned)}"
            for value, actual, planned in zip(rate, frame["actual"], frame["planned"], strict=True)
        ],
        planned_text=parts.texts(frame["planned"], "money"),
        actual_text=parts.texts(frame["actual"], "money"),
        rate_text=parts.texts(rate, "signed"),
    ).sort_values("rate", ascending=False, kind="stable")
    reach = max(float(rate.abs().max(skipna=True) or 0), tolerance) * 1.1
    room = parts.beside(-reach, reach, drawn["note"], narrow=8)
    x = alt.X(
        "rate:Q", scale=room, axis=alt.Axis(format="~%", title=columns.heading("variance_rate"), titleAnchor="start", values=_ticks(reach))
    )
    base = alt.Chart(drawn).encode(
        y=alt.Y("label:N", sort=list(drawn["label"]), title=None, axis=alt.Axis(labelLimit=260)),
        tooltip=parts.tooltips(
            ("label", columns.heading("line")), "planned_text", "actual_text", ("rate_text", columns.heading("variance_rate"))
        ),
    )
    band = (
        alt.Chart(pd.DataFrame({"low": [-tolerance], "high": [tolerance]}))
        .mark_rect(color="#edf0f3")
        .encode(x=alt.X("low:Q", scale=room), x2="high:Q")
    )
    states = [state for state in (over, within, under) if state in set(drawn["state"])]
    bars = base.mark_bar(height={"band": 0.6}).encode(
        x=x,
        color=alt.Color(
            "state:N",
            scale=alt.Scale(domain=states, range=[{over: theme.ALERT, within: theme.QUIET, under: theme.WARN}[state] for state in states]),
            legend=alt.Legend(),
        ),
    )
    zero = alt.Chart(pd.DataFrame({"at": [0.0]})).mark_rule(color=theme.MUTED).encode(x=alt.X("at:Q", scale=room))
    return parts.finished(alt.layer(band, bars, zero, *parts.at_the_right(base)), variance, "budget_variance", title, height=alt.Step(26),
                          notes=True)


def _ticks(reach: float) -> list[float]:
    step = next((step for step in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100) if reach / step <= 3), 1000)
    return [step * count for count in range(-3, 4) if abs(step * count) <= reach]


def sample_ratio(ratios: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Per experiment and variant the share of the users it got (bar) and should have got (upright line); broken splits stand out.

    Takes the frame of ``experiments.sample_ratio``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(ratios, "sample_ratio", "experiment", "variant", "users", "expected", "p_value", "broken")
    totals = ratios.groupby("experiment")["users"].transform("sum")
    expected = ratios["expected"] / ratios.groupby("experiment")["expected"].transform("sum")
    share = ratios["users"] / totals
    broken, fine = _("broken split"), _("as planned")
    drawn = ratios.assign(
        label=[
            f"{test} · {variant}" for test, variant in zip(ratios["experiment"], ratios["variant"], strict=True)
        ],
        share=share,
        due=expected,
        state=[broken if bad else fine for bad in ratios["broken"]],
        share_text=[parts.ratio(*row) for row in zip(ratios["users"], totals, share, strict=True)],
        expected_text=parts.texts(expected, "percent"),
        p_text=["< 0.001" if p < 0.001 else f"{p:.3f}" for p in ratios["p_value"]],
    )
    drawn["note"] = [_("{share}, expected {expected}").format(share=f"{one * 100:.1f}%", expected=f"{two * 100:.1f}%")
                     for one, two in zip(share, expected, strict=True)]
    states = [state for state in (broken, fine) if state in set(drawn["state"])]
    room = parts.beside(0, float(max(share.max(), expected.max())), drawn["note"], narrow=8)
    base = alt.Chart(drawn).encode(
        y=alt.Y("label:N", sort=list(drawn["label"]), title=None, axis=alt.Axis(labelLimit=300)),
        tooltip=parts.tooltips(
            ("label", columns.heading("variant")),
            ("share_text", columns.heading("users")),
            ("expected_text", columns.heading("expected")),
            ("p_text", columns.heading("p_value")),
        ),
    )
    made = alt.layer(
        base.mark_bar(height={"band": 0.6}).encode(
            x=alt.X("share:Q", scale=room, axis=None),
            color=alt.Color(
                "state:N",
                scale=alt.Scale(domain=states, range=[{broken: theme.ALERT, fine: theme.MAIN}[state] for state in states]),
                legend=alt.Legend(),
            ),
        ),
        base.mark_tick(color=theme.INK, thickness=2, size=22).encode(x=alt.X("due:Q", scale=room)),
        *parts.at_the_right(base),
    )
    return parts.finished(made, ratios, "sample_ratio", title, height=alt.Step(28), notes=True)
