"""Charts of how users live: curves of staying and coming back, states and flows by the day, stickiness, and the plan's stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.views import columns, language, shown, theme
from opsnb.views.charts import parts
from opsnb.views.charts.funnels import interval
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings.finding import Finding

FEW = 20  # users still followed, below which a curve is not drawn
MOST_BANDS = 3  # more bands hide each other
MOST_DAYS = 200  # by the day; more are drawn by the week
LIVING = {"current": theme.MAIN, "resurrected": "#d98f00", "new": "#00825f", "quiet": "#b7c0ca"}


def retention_curve(curve: pd.DataFrame, *, title: Finding | str) -> Shown:
    """The share of users who are still there, by days since the first, with its 95% band; one line a value of ``by``.

    Takes the frame of ``retention.retention_curve``. Of fewer than 20 users it is a sentence. Raises InputError for a missing column, NotMeasured for
    no rows.
    """
    parts.require(curve, "retention_curve", "day", "at_risk", "left", "retention_rate", "low", "high")
    return _curve(curve, "retention_curve", "retention_rate", _("days since the first visit"), title)


def return_curve(curve: pd.DataFrame, *, title: Finding | str) -> Shown:
    """The share that is back, e.g. has ordered again, by days since the first time, with its 95% band; one line a value of ``by``.

    Takes the frame of ``retention.return_curve``. Of fewer than 20 users it is a sentence. Raises InputError for a missing column, NotMeasured for
    no rows.
    """
    parts.require(curve, "return_curve", "day", "at_risk", "returned", "return_rate", "low", "high")
    return _curve(curve, "return_curve", "return_rate", _("days since the first time"), title)


def _curve(curve: pd.DataFrame, chart: str, rate: str, days: str, title: Finding | str) -> Shown:
    import altair as alt

    by = next((column for column in curve.columns if column not in
               ("day", "at_risk", "left", "returned", "censored", rate, "low", "high")), None)
    frame = curve.assign(of=parts.labels(curve[by]) if by else _("all users"))
    started = frame[frame["day"] == 0].set_index("of")["at_risk"]
    names = list(started.sort_values(ascending=False, kind="stable").index[:parts.MOST_LINES])
    drawn = frame[frame["of"].isin(names) & (frame["at_risk"] >= FEW)]
    if drawn.empty:
        return parts.told(curve, chart, _("Fewer than {few} users were followed: too few for a curve").format(few=FEW))
    step = -(-int(drawn["day"].max() + 1) // MOST_DAYS)
    drawn = drawn[drawn["day"] % step == 0]
    drawn = drawn.assign(
        rate_text=parts.texts(drawn[rate], "percent"), at_risk_text=parts.texts(drawn["at_risk"], "count"), day_text=parts.texts(drawn["day"], "count"),
        interval=[interval(low, high) for low, high in zip(drawn["low"], drawn["high"], strict=True)],
    )
    base = alt.Chart(drawn).encode(
        x=alt.X("day:Q", axis=alt.Axis(title=days, tickCount=8)),
        color=alt.Color("of:N", scale=parts.colors(names), legend=alt.Legend() if len(names) > 1 else None, title=None),
        tooltip=parts.tooltips(*([("of", columns.heading(by))] if by else []), ("day_text", columns.heading("day")), ("rate_text", columns.heading(rate)),
                               ("interval", _("95% interval")), ("at_risk_text", _("users still followed"))),
    )
    y = alt.Y(f"{rate}:Q", axis=parts.percent_axis(columns.heading(rate)), scale=alt.Scale(zero=True))
    banded = len(names) <= MOST_BANDS
    band = [base.mark_area(opacity=0.18, interpolate="step-after").encode(y=alt.Y("low:Q"), y2="high:Q")] if banded else []
    note = _("band: 95% interval; drawn while 20 users are still followed") if banded else _("drawn while 20 users are still followed")
    return parts.finished(alt.layer(*band, base.mark_line(interpolate="step-after").encode(y=y)), curve, chart, title, subtitle=note, height=280)


def daily_states(states: pd.DataFrame, *, title: Finding | str) -> Shown:
    """The users who are alive, day by day, as stacked areas: active ones by state, and the quiet. The dormant are in the table.

    Takes the frame of ``lifecycle.daily_states``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(states, "daily_states", "date", *LIVING, "dormant")
    frame, point = _weekly(states, list(LIVING), mean=True)
    long = frame.melt("date", list(LIVING), var_name="state", value_name="users")
    names = dict(zip(LIVING, parts.named(LIVING), strict=True))
    place = {state: number for number, state in enumerate(LIVING)}
    long = long.assign(day=parts.days(long, "date"), date_text=parts.texts(long["date"], "date"), users_text=parts.texts(long["users"], "count"),
                       place=long["state"].map(place), of=long["state"].map(names))
    made = alt.Chart(long).mark_area(opacity=0.9).encode(
        x=alt.X("day:T", axis=parts.day_axis()),
        y=alt.Y("users:Q", stack="zero", axis=parts.amount_axis(columns.heading("users"))),
        color=alt.Color("of:N", sort=list(names.values()), title=None,
                        scale=alt.Scale(domain=list(names.values()), range=list(LIVING.values()))),
        order="place:Q",
        tooltip=parts.tooltips(("of", _("state")), ("date_text", columns.heading("date")), ("users_text", columns.heading("users"))),
    )
    return parts.finished(made, states, "daily_states", title, subtitle=point, height=280)


def state_flows(states: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Who joins the living and who leaves them, by the day or week: new and resurrected upward, fallen silent downward, and the balance.

    Takes the frame of ``lifecycle.daily_states``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    flows = {"new": LIVING["new"], "resurrected": LIVING["resurrected"], "fell_asleep": theme.FAINT}
    parts.require(states, "state_flows", "date", *flows)
    frame, point = _weekly(states, list(flows), mean=False)
    frame["net"] = frame["new"] + frame["resurrected"] - frame["fell_asleep"]
    names = dict(zip(flows, [*parts.named(["new", "resurrected"]), columns.heading("fell_asleep")], strict=True))
    long = frame.melt(["date", "net"], list(flows), var_name="flow", value_name="users")
    long = long.assign(day=parts.days(long, "date"), date_text=parts.texts(long["date"], "date"), users_text=parts.texts(long["users"], "count"),
                       net_text=parts.texts(long["net"], "count"), of=long["flow"].map(names),
                       signed=long["users"].where(long["flow"] != "fell_asleep", -long["users"]))
    tips = parts.tooltips(("of", _("flow")), ("date_text", columns.heading("date")), ("users_text", columns.heading("users")),
                          ("net_text", columns.heading("net")))
    base = alt.Chart(long).encode(x=alt.X("day:T", axis=parts.day_axis()), tooltip=tips)
    bars = base.mark_bar(size=max(min(520 / max(len(frame), 1), 14), 1)).encode(
        y=alt.Y("signed:Q", stack="zero", axis=parts.amount_axis(columns.heading("users"))),
        color=alt.Color("of:N", sort=list(names.values()), title=None, scale=alt.Scale(domain=list(names.values()), range=list(flows.values()))))
    line = base.transform_filter(alt.datum.flow == "new").mark_line(color=theme.INK, strokeWidth=1.5).encode(y="net:Q")
    note = _("line: the balance") + (f" · {point}" if point else "")
    return parts.finished(bars + line, states, "state_flows", title, subtitle=note, height=240)


def _weekly(states: pd.DataFrame, wanted: list[str], *, mean: bool) -> tuple[pd.DataFrame, str]:
    """Days as they are, or whole weeks where they are many: sums, or the mean of the days."""
    import pandas as pd

    frame = states.assign(date=pd.to_datetime(states["date"]))[["date", *wanted]]
    if len(frame) <= MOST_DAYS:
        return frame, ""
    weeks = frame.set_index("date").resample("W-MON", label="left", closed="left")
    whole = weeks.size() == 7
    found = (weeks.mean() if mean else weeks.sum())[whole].reset_index()
    return found, _("mean of the days of a week") if mean else _("by week")


def stickiness(frame: pd.DataFrame, *, title: Finding | str) -> Shown:
    """The share of a month's users who come on a usual day, with its 95% band.

    Takes the frame of ``lifecycle.stickiness``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(frame, "stickiness", "date", "dau_average", "mau", "stickiness_rate", "low", "high")
    drawn = frame[frame["stickiness_rate"].notna()]
    parts.require(drawn, "stickiness")
    if len(drawn) > MOST_DAYS:
        drawn = drawn.iloc[::-7][::-1]  # a week's last day stands for its seven
    drawn = drawn.assign(
        day=parts.days(drawn, "date"), date_text=parts.texts(drawn["date"], "date"),
        rate_text=[parts.ratio(*row) for row in zip(drawn["dau_average"], drawn["mau"], drawn["stickiness_rate"], strict=True)],
        interval=[interval(low, high) for low, high in zip(drawn["low"], drawn["high"], strict=True)],
    )
    base = alt.Chart(drawn).encode(
        x=alt.X("day:T", axis=parts.day_axis()),
        tooltip=parts.tooltips(("date_text", columns.heading("date")), ("rate_text", columns.heading("stickiness_rate")), ("interval", _("95% interval"))),
    )
    band = base.mark_area(opacity=0.18, color=theme.MAIN).encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(color=theme.MAIN).encode(
        y=alt.Y("stickiness_rate:Q", axis=parts.percent_axis(columns.heading("stickiness_rate")), scale=alt.Scale(zero=True)))
    return parts.finished(band + line, frame, "stickiness", title, subtitle=_("users of a usual day / users of 30 days; band: 95% interval"), height=220)


def stage_flows(flows: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Per stage of the plan's life cycle: who came in, who went out, and how many are there now.

    Takes the frame of ``stages.stage_flows``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt
    import pandas as pd

    parts.require(flows, "stage_flows", "stage", "users_before", "came_in", "went_out", "net", "users", "advance_rate")
    frame = flows[flows["stage"] != "asleep"]
    parts.require(frame, "stage_flows")
    kinds = [_("came in"), _("went out")]
    labels = [
        stage + " | " + _("{users} now, {before} before").format(users=language.count(row.users), before=language.count(row.users_before))
        for stage, row in zip(parts.named(frame["stage"]), frame.itertuples(), strict=True)
    ]
    long = pd.DataFrame([
        {"label": label, "stage": label.split(" | ")[0], "kind": kind, "signed": sign * users, "edge": sign * users, "users_text": language.count(users),
         "net_text": language.signed(row.net, 0), "rate_text": columns.shown(row.advance_rate, "percent")}
        for label, row in zip(labels, frame.itertuples(), strict=True)
        for kind, sign, users in ((kinds[0], 1, row.came_in), (kinds[1], -1, row.went_out))
    ])
    room = float(max(frame["came_in"].max(), frame["went_out"].max(), 1))
    beside = 12 + 7 * max(shown.text_width(text) for text in long["users_text"])  # pixels that the longest number takes
    x = alt.Scale(domain=[-room, room], nice=False, rangeMin=beside, rangeMax=alt.ExprRef(f"width - {beside:.0f}"))
    base = alt.Chart(long).encode(
        y=alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(labelLimit=330, labelExpr="split(datum.label, ' | ')", labelLineHeight=15)),
        x=alt.X("signed:Q", scale=x, axis=None),
        tooltip=parts.tooltips(("stage", columns.heading("stage")), ("kind", _("flow")), ("users_text", columns.heading("users")),
                               ("net_text", columns.heading("net")), ("rate_text", columns.heading("advance_rate"))),
    )
    bars = base.mark_bar().encode(color=alt.Color("kind:N", sort=kinds, title=None, scale=alt.Scale(domain=kinds, range=[theme.MAIN, theme.QUIET])))
    right = base.transform_filter("datum.signed > 0").mark_text(align="left", dx=5).encode(text="users_text:N")
    left = base.transform_filter("datum.signed < 0").mark_text(align="right", dx=-5).encode(text="users_text:N")
    return parts.finished(bars + right + left, flows, "stage_flows", title, height=alt.Step(40))
