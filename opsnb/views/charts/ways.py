"""Charts of ways: the paths that most visits take, and what lies on the way to the goal."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from opsnb.views import columns, language, theme
from opsnb.views.charts import parts
from opsnb.views.charts.dots import bars
from opsnb.views.charts.funnels import interval
from opsnb.views.language import _
from opsnb.views.shown import Shown, wrapped

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings.finding import Finding

MOST = 12
LINE = 46  # columns of a line of a narrow chart


def frequent_paths(ways: pd.DataFrame, *, title: Finding | str) -> Shown:
    """The paths that most visits take, loops folded: each written above its bar, the most frequent first.

    Takes the frame of ``paths.frequent_paths``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(ways, "frequent_paths", "path", "events", "users", "paths", "share", "low", "high")
    frame = ways.head(MOST)
    two = [wrapped(path.replace(" > ", " → "), LINE)[:2] for path in frame["path"]]  # on a phone
    drawn = frame.assign(
        place=range(len(frame)),
        way=[path.replace(" > ", " → ") for path in frame["path"]],
        upper=[lines[0] if len(lines) > 1 else "" for lines in two],
        lower=[lines[-1] for lines in two],
        note=[language.percent(share) for share in frame["share"]],
        share_text=[parts.ratio(*row) for row in zip(frame["users"], frame["paths"], frame["share"], strict=True)],
        interval=[interval(low, high) for low, high in zip(frame["low"], frame["high"], strict=True)],
        formula=_("visits with exactly this path / all visits shown; a stretch that repeats the one directly before it is left out"),
    )
    scale = alt.Scale(domain=[0, float(drawn["share"].max()) * 1.15 or 1.0], nice=False)
    base = alt.Chart(drawn).encode(
        y=alt.Y("place:O", title=None, axis=None),
        tooltip=parts.tooltips(("way", _("path")), ("share_text", columns.heading("share")), ("interval", _("95% interval")), ("formula", _("formula"))),
    )
    x = alt.X("share:Q", scale=scale, axis=parts.percent_axis(_("share of visits")))
    bar = base.mark_bar(height=12, yOffset=12, color=theme.MAIN).encode(x=x)
    note = base.mark_text(align="left", dx=6, yOffset=12, clip=True).encode(x=x, text="note:N")
    above = {"align": "left", "baseline": "bottom", "limit": {"expr": "width"}}
    wide = base.mark_text(yOffset=4, **above).encode(x=alt.value(0), text=alt.condition(parts.NARROW, alt.value(""), "way:N"))
    lines = [base.mark_text(yOffset=offset, **above).encode(x=alt.value(0), text=alt.condition(parts.NARROW, field, alt.value("")))
             for offset, field in ((-9, "upper:N"), (4, "lower:N"))]
    return parts.finished(alt.layer(bar, note, wide, *lines), ways, "frequent_paths", title, height=alt.Step(52))


def removal_effects(effects: pd.DataFrame, *, title: Finding | str, steps: Collection[str] = ()) -> Shown:
    """What would be lost if an event led nowhere, the largest loss first; ``steps``: the path's own, which are pale.

    Takes the frame of ``flows.removal_effects``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    parts.require(effects, "removal_effects", "event", "times", "conversion", "conversion_without", "removal_effect")
    frame = effects.head(MOST)
    own = frame["event"].isin(list(steps))
    drawn = frame.assign(
        label=parts.labels(frame["event"]),
        value=frame["removal_effect"],
        color=[theme.QUIET if one else theme.MAIN for one in own],
        note=[language.percent(effect) for effect in frame["removal_effect"]],
        rates=[
            _("{without} of visits would still come, instead of {conversion}").format(without=language.percent(without), conversion=language.percent(rate))
            for without, rate in zip(frame["conversion_without"], frame["conversion"], strict=True)
        ],
        times_text=parts.texts(frame["times"], "count"),
        formula=_("1 − chance to come to the goal in the chain of events without this one / with it"),
    )
    tooltips = parts.tooltips(
        ("label", columns.heading("event")), ("note", _("lost without it")), ("rates", columns.heading("conversion")),
        ("times_text", _("times before the goal")), ("formula", _("formula")),
    )
    note = _("what lies on the way, not what causes it")
    if own.any() and not own.all():
        note = _("what lies on the way, not what causes it; pale: the path's own steps")
    axis = parts.percent_axis(_("share of the visits that come to the goal"), values=[0, 0.25, 0.5, 0.75, 1])
    return bars(drawn, effects, "removal_effects", title, axis=axis, tooltips=tooltips, subtitle=note)
