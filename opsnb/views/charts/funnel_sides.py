"""Charts of the funnel's time and of two sides of it: how long it takes, what differs, and mix against rate."""

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

CHANCE = 0.05
MOST_ROWS = 16
TICKS = (1, 10, 60, 360, 1440, 4 * 1440, 10 * 1440, 40 * 1440, 150 * 1440)  # minutes


def conversion_curve(curve: pd.DataFrame, *, title: Finding | str, by: str | None = None) -> Shown:
    """The share that has converted by so much time after the first step, with its interval, on a scale of minutes, hours and days.

    Takes the frame of ``waits.conversion_curve``; ``by`` the column it was sliced by (found if left out).
    Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(curve, "conversion_curve", "minutes", "waiting", "converted", "conversion", "low", "high")
    slices = [by] if by else list(curve.columns[: curve.columns.get_loc("minutes")])
    frame = curve[curve["minutes"] > 0]
    parts.require(frame, "conversion_curve")
    drawn = frame.assign(
        of=parts.labels(frame[slices[0]]) if slices else _("all"),
        time=[language.duration(minutes) for minutes in frame["minutes"]],
        conversion_text=parts.texts(frame["conversion"], "percent"),
        interval=[interval(low, high) for low, high in zip(frame["low"], frame["high"], strict=True)],
        counts=[
            _("{converted} converted by then, {waiting} were still waiting").format(converted=language.count(by_then), waiting=language.count(still))
            for by_then, still in zip(frame["converted"], frame["waiting"], strict=True)
        ],
    )
    names = list(dict.fromkeys(drawn["of"]))
    minutes = [tick for tick in TICKS if drawn["minutes"].min() / 2 <= tick <= drawn["minutes"].max() * 1.01]
    written = " : ".join(f"datum.value == {tick} ? '{language.duration(tick)}'" for tick in minutes) + " : ''" if minutes else "''"
    base = alt.Chart(drawn).encode(
        x=alt.X(
            "minutes:Q",
            scale=alt.Scale(type="log", nice=False),
            axis=alt.Axis(values=minutes, labelExpr=written, title=_("time since the first step"), grid=True, gridColor=theme.LINE),
        ),
        color=alt.Color("of:N", scale=parts.colors(names), legend=alt.Legend() if len(names) > 1 else None),
    )
    band = base.mark_area(opacity=0.15, interpolate="step-after").encode(y="low:Q", y2="high:Q")
    line = base.mark_line(interpolate="step-after", point=alt.OverlayMarkDef(size=12, opacity=0)).encode(
        y=alt.Y("conversion:Q", axis=parts.percent_axis(_("converted by then")), scale=alt.Scale(zero=True)),
        tooltip=parts.tooltips(
            *([("of", columns.heading(slices[0]))] if slices else []),
            ("time", _("time since the first step")),
            "conversion_text",
            ("interval", _("95% interval")),
            ("counts", _("counted")),
        ),
    )
    return parts.finished(alt.layer(*([band] if len(names) == 1 else []), line), curve, "conversion_curve", title, height=280)


def step_differences(differences: pd.DataFrame, *, title: Finding | str, sides: tuple[str, str] = ("", "")) -> Shown:
    """By how many points each step, or each slice of a step, converts better or worse than on the other side, with its interval.

    Takes the frame of ``compare.step_differences``; with a column ``slice`` rows are slices, the largest fall on top. ``sides``: what the
    two are called. Raises InputError for a missing column, NotMeasured for no rows.
    """
    parts.require(differences, "step_differences", "step", "entered", "converted", "rate", "other_rate", "difference", "low", "high", "p_adjusted")
    frame = differences[differences["difference"].notna()]
    if "slice" in frame:
        frame = frame.loc[frame["entered"].sort_values(ascending=False, kind="stable").index[:MOST_ROWS]].sort_values("difference", kind="stable")
    parts.require(frame, "step_differences")
    sure = frame["p_adjusted"] < CHANCE
    now, before = (side or other for side, other in zip(sides, (_("now"), _("before")), strict=True))
    drawn = frame.assign(
        label=parts.texts(frame["slice"], "slice") if "slice" in frame else parts.labels(frame["step"]),
        value=frame["difference"],
        color=[theme.FAINT if not known else theme.ALERT if by < 0 else theme.GOOD for known, by in zip(sure, frame["difference"], strict=True)],
        note=[language.signed_points(by) if known else _("within chance") for by, known in zip(frame["difference"], sure, strict=True)],
        now=[parts.ratio(*row) for row in zip(frame["converted"], frame["entered"], frame["rate"], strict=True)],
        then=[parts.ratio(*row) for row in zip(frame["other_converted"], frame["other_entered"], frame["other_rate"], strict=True)],
        interval=[f"{language.signed_points(low)} – {language.signed_points(high)}" for low, high in zip(frame["low"], frame["high"], strict=True)],
        chance=[language.number(p) for p in frame["p_adjusted"]],
    )
    tooltips = parts.tooltips(
        ("label", columns.heading("step")), ("now", now), ("then", before), ("interval", _("95% interval")), ("chance", _("p, corrected for all rows"))
    )
    return dots(
        drawn,
        differences,
        "slice_differences" if "slice" in frame else "step_differences",
        title,
        axis=points_axis(_("difference in percentage points")),
        tooltips=tooltips,
        zero=True,
        subtitle=" · ".join([*([_("conversion to {step}").format(step=frame["step"].iloc[0])] if "slice" in frame else []),
                             _("{now} less {before}").format(now=now, before=before)]),
    )


def mix_and_rate(effects: pd.DataFrame, *, title: Finding | str) -> Shown:
    """How much of a change of the whole path's conversion is another mix of visitors, and how much is a change of conversion.

    Takes the frame of ``compare.mix_and_rate``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    parts.require(effects, "mix_and_rate", "effect", "value", "low", "high", "p_value")
    names = {"mix": _("another mix of visitors"), "rate": _("other conversion of the same visitors"), "change": _("both together")}
    drawn = effects.assign(
        label=[names.get(effect, str(effect)) for effect in effects["effect"]],
        color=[theme.FAINT if not p < CHANCE else theme.ALERT if by < 0 else theme.GOOD for p, by in zip(effects["p_value"], effects["value"], strict=True)],
        note=[language.signed_points(by) for by in effects["value"]],
        value_text=[language.signed_points(by) for by in effects["value"]],
        interval=[f"{language.signed_points(low)} – {language.signed_points(high)}" for low, high in zip(effects["low"], effects["high"], strict=True)],
    )
    tooltips = parts.tooltips(("label", columns.heading("change")), ("value_text", _("percentage points")), ("interval", _("95% interval")))
    return dots(
        drawn, effects, "mix_and_rate", title, axis=points_axis(_("percentage points")), tooltips=tooltips, zero=True, bars=True
    )


def points_axis(title: str) -> object:
    """An axis of differences of rates, in percentage points."""
    import altair as alt

    return alt.Axis(title=title, tickCount=6, labelExpr="(datum.value > 0 ? '+' : '') + format(datum.value * 100, '.3~f')")
