"""Charts of the reasons: what goes with going on, where most is to be had, where users go, and where they go in circles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.views import columns, language, theme
from opsnb.views.charts import parts
from opsnb.views.charts.dots import bars, dots
from opsnb.views.charts.funnels import interval
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings.finding import Finding

MOST = 12
START, END = "(start)", "(end)"


def levers(ranked: pd.DataFrame, *, title: Finding | str) -> Shown:
    """How many more would reach the last step if a touchpoint converted like its best comparable slice, the largest first.

    Takes the frame of ``drivers.levers``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    parts.require(ranked, "levers", "touchpoint", "next_step", "slice_column", "slice_value", "slice_rate", "rest_rate", "more_orders", "low", "high")
    known = ranked["slice_value"].notna()
    drawn = ranked.assign(
        label=[f"{touchpoint} → {following}" for touchpoint, following in zip(ranked["touchpoint"], ranked["next_step"], strict=True)],
        value=ranked["more_orders"],
        low=ranked["low"].fillna(ranked["more_orders"]),
        high=ranked["high"].fillna(ranked["more_orders"]),
        color=[theme.MAIN if place < 2 and found else theme.QUIET for place, found in enumerate(known)],
        note=[_lever(*row) for row in zip(known, ranked["slice_column"], ranked["slice_value"], ranked["slice_rate"], ranked["rest_rate"], strict=True)],
        more=[language.count(more) for more in ranked["more_orders"]],
        interval=[f"{language.count(low)} – {language.count(high)}" for low, high in zip(ranked["low"], ranked["high"], strict=True)],
        rate_text=[parts.ratio(*row) for row in zip(ranked["converted"], ranked["entered"], ranked["rate"], strict=True)],
        formula=_("rest who entered × (rate of the best slice − rate of the rest) × share of them that reaches the last step"),
    )
    tooltips = parts.tooltips(
        ("label", _("touchpoint")), ("rate_text", columns.heading("step_conversion")), ("note", _("best slice")), ("more", _("more orders")),
        ("interval", _("95% interval")), ("formula", _("formula")),
    )
    return dots(
        drawn, ranked, "levers", title, axis=parts.amount_axis(_("more who would reach the last step")), tooltips=tooltips, bars=True,
        subtitle=_("an upper mark, not a forecast: slices differ in more than the step"),
    )


def _lever(known: bool, column: object, value: object, rate: float, rest: float) -> str:
    if not known:
        return _("no slice is better by more than chance")
    return _("{slice}: {rate} instead of {rest}").format(
        slice=f"{columns.heading(column)} {value}", rate=language.percent(rate), rest=language.percent(rest)
    )


def drivers(found: pd.DataFrame, *, title: Finding | str) -> Shown:
    """What those who went on did more (or less) often than the others in the same time: two dots an event, with a line between them.

    Takes the frame of ``drivers.drivers``; without a row the title says all. Raises InputError for a missing column.
    """
    import altair as alt

    if found.empty:
        return parts.told(found, "drivers", title)
    what = next((column for column in found.columns), "event")
    parts.require(found, "drivers", "converters", "converters_did", "converters_rate", "others_rate", "q_value")
    frame = found.head(MOST)
    gap = frame["converters_rate"] - frame["others_rate"]
    frame = frame.loc[gap.sort_values(ascending=False, kind="stable").index]
    sure = frame["q_value"] < 0.05
    drawn = frame.assign(
        label=parts.labels(frame[what]),
        color=[theme.FAINT if not known else theme.GOOD if more > 0 else theme.ALERT for known, more in zip(sure, gap.loc[frame.index], strict=True)],
        did=[parts.ratio(*row) for row in zip(frame["converters_did"], frame["converters"], frame["converters_rate"], strict=True)],
        others_text=[
            _("{rate} with as much time ({did} of {others} did it)").format(rate=language.percent(rate), did=language.count(did), others=language.count(others))
            for rate, did, others in zip(frame["others_rate"], frame["others_did"], frame["others"], strict=True)
        ],
        odds=[_odds(*row) for row in zip(frame["log_odds"], frame["low"], frame["high"], strict=True)],
        chance=[language.number(q) for q in frame["q_value"]],
    )
    base = alt.Chart(drawn).encode(
        y=alt.Y("label:N", sort=list(drawn["label"]), title=None, axis=alt.Axis(labelLimit=260)),
        color=alt.Color("color:N", scale=None),
        tooltip=parts.tooltips(
            ("label", columns.heading(what)), ("did", _("of those who went on")), ("others_text", _("of the others")), ("odds", _("odds, 95% interval")),
            ("chance", _("q, corrected for all rows")),
        ),
    )
    axis = parts.percent_axis(_("share that did it after the step"))
    made = alt.layer(
        base.mark_rule(strokeWidth=3, opacity=0.45).encode(x=alt.X("others_rate:Q", axis=axis), x2="converters_rate:Q"),
        base.mark_point(filled=False, size=70, strokeWidth=2, fill=theme.PAPER, opacity=1).encode(x="others_rate:Q"),
        base.mark_point(filled=True, size=90, opacity=1).encode(x="converters_rate:Q"),
    )
    note = _("goes with, not causes; dot: those who went on, ring: the others with as much time; grey: within chance")
    return parts.finished(made, found, "drivers", title, subtitle=note, height=alt.Step(30))


def _odds(log_odds: float, low: float, high: float) -> str:
    import math

    if log_odds != log_odds:
        return _("not measured: one side always or never did it")
    return f"× {language.number(math.exp(log_odds))} ({language.number(math.exp(low))} – {language.number(math.exp(high))})"


def next_after_drop(following: pd.DataFrame, *, title: Finding | str) -> Shown:
    """What those who got as far as a step and no further did next, the most frequent first.

    Takes the frame of ``paths.next_after_drop``; without a row the title says all. Raises InputError for a missing column.
    """
    if following.empty:
        return parts.told(following, "next_after_drop", title)
    parts.require(following, "next_after_drop", "next_event", "users", "dropped", "share", "low", "high", "minutes")
    frame = following.sort_values("share", ascending=False, kind="stable").head(MOST)
    nothing = frame["next_event"].isna()
    drawn = frame.assign(
        label=[_("nothing more") if none else str(event) for none, event in zip(nothing, frame["next_event"], strict=True)],
        value=frame["share"],
        color=[theme.QUIET if none else theme.MAIN for none in nothing],
        note=[language.percent(share) for share in frame["share"]],
        share_text=[parts.ratio(*row) for row in zip(frame["users"], frame["dropped"], frame["share"], strict=True)],
        interval=[interval(low, high) for low, high in zip(frame["low"], frame["high"], strict=True)],
        minutes_text=[language.number(minutes) for minutes in frame["minutes"]],
    )
    tooltips = parts.tooltips(
        ("label", _("next")), ("share_text", columns.heading("share")), ("interval", _("95% interval")), ("minutes_text", _("median minutes until then"))
    )
    return bars(drawn, following, "next_after_drop", title, axis=parts.percent_axis(_("share of those who dropped out")), tooltips=tooltips)


def step_matrix(positions: pd.DataFrame, *, title: Finding | str) -> Shown:
    """What users do first, second, third: one bar a position, its parts the events; who has left is pale.

    Takes the frame of ``flows.step_matrix``; at most seven events keep a colour. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(positions, "step_matrix", "position", "event", "users", "share", "low", "high")
    inside = positions[~positions["event"].isin([START, END])]
    shown = parts.largest(inside, "event", "users")[:7] if len(inside) else []
    kept = [*shown, START, END]
    of = positions["event"].where(positions["event"].isin(kept), _("other events"))
    texts = {START: _("not begun"), END: _("has left")}
    grouped = positions.assign(of=[texts.get(event, event) for event in of]).groupby(["position", "of"], as_index=False, sort=False)[["users", "share"]].sum()
    whole = positions["users"].sum() / positions["position"].nunique() if len(positions) else 0
    events = [*shown, *([_("other events")] if (of == _("other events")).any() else []), texts[START], texts[END]]
    names = [name for name in events if name in set(grouped["of"])]
    hues = [theme.TRACK if name in texts.values() else theme.QUIET if name == _("other events") else theme.CATEGORIES[place % len(theme.CATEGORIES)]
            for place, name in enumerate(names)]
    drawn = grouped.assign(
        order=[names.index(name) for name in grouped["of"]],
        share_text=[parts.ratio(*row) for row in zip(grouped["users"], [whole] * len(grouped), grouped["share"], strict=True)],
        place=[str(place) for place in grouped["position"]],
        text=[language.percent(share) if share >= 0.08 else "" for share in grouped["share"]],
    )
    base = alt.Chart(drawn).encode(
        x=alt.X("place:N", sort=[str(place) for place in sorted(grouped["position"].unique())], title=_("event of the visit, in order"),
                axis=alt.Axis(labelAngle=0)),
        y=alt.Y("share:Q", stack="zero", scale=alt.Scale(domain=[0, 1]), axis=parts.percent_axis(columns.heading("share"))),
        order=alt.Order("order:Q"),
        tooltip=parts.tooltips(("place", _("event of the visit, in order")), ("of", columns.heading("event")), "share_text"),
    )
    made = base.mark_bar(stroke=theme.PAPER, strokeWidth=1).encode(color=alt.Color("of:N", scale=alt.Scale(domain=names, range=hues), title=None, sort=names))
    return parts.finished(made, positions, "step_matrix", title, height=300)


def loop_time(loops: pd.DataFrame, *, title: Finding | str) -> Shown:
    """The share of all visits' time that goes by in coming back to what was done already, by event and the one that led back.

    Takes the frame of ``flows.loop_time``; without a row the title says all. Raises InputError for a missing column.
    """
    if loops.empty:
        return parts.told(loops, "loop_time", title)
    parts.require(loops, "loop_time", "event", "came_from", "times", "visits", "minutes", "share")
    frame = loops.head(MOST)
    same = frame["event"] == frame["came_from"]
    drawn = frame.assign(
        label=[
            _("{event}, again and again").format(event=event) if one else _("back to {event} from {other}").format(event=event, other=other)
            for one, event, other in zip(same, frame["event"], frame["came_from"], strict=True)
        ],
        value=frame["share"],
        color=theme.MAIN,
        note=[language.percent(share) for share in frame["share"]],
        share_text=[
            _("{share} = {minutes} minutes of all visits' time").format(share=language.percent(share), minutes=language.number(minutes))
            for share, minutes in zip(frame["share"], frame["minutes"], strict=True)
        ],
        counted=[
            _("{times} times in {visits} visits").format(times=language.count(times), visits=language.count(visits))
            for times, visits in zip(frame["times"], frame["visits"], strict=True)
        ],
    )
    tooltips = parts.tooltips(("label", _("circle")), ("share_text", columns.heading("share")), ("counted", _("counted")))
    return bars(drawn, loops, "loop_time", title, axis=parts.percent_axis(_("share of the time of all visits")), tooltips=tooltips)
