"""The path that a funnel page is about: its steps, how it is counted, its days, and where a step broke."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from opsnb.errors import NotMeasured, OpsnbError
from opsnb.measures import blocks, change, funnel
from opsnb.measures.steps import funnel_steps
from opsnb.reviews.asked import answered
from opsnb.reviews.once import once
from opsnb.reviews.segment import MOST_VALUES, NO_SLICES, often
from opsnb.views import findings, kept
from opsnb.views.language import _, count

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.shown import Shown

Every = Literal["auto", "day", "week", "month"]
MOST_OFFERED = 40  # events that a control offers
MOST_SHOWN = 12  # slices of a column that a chart shows; the rest is one


def steps_of(data: Data, steps: Sequence[str] = ()) -> list[Any]:
    """The steps asked for, read as :func:`read_step` says, else those proposed from the data; none where there are no events. An event
    that does not occur is found out by the first question about it."""
    if not steps:
        return answered(lambda: funnel.proposed_steps(data.events)) or []
    return [read_step(step, data.events.labels("event")) for step in steps] if data.has("events") else list(steps)


def read_step(text: str, events: Iterable[str]) -> Any:
    """A step as a text: an event; "view|browse", any of several; "view[page=product]", on a condition; "reviews?", optional.

    >>> read_step("view|buy?", ["view", "buy"]), read_step("view[page=product]", ["view"])
    ({'event': ['view', 'buy'], 'optional': True}, {'event': 'view', 'where': {'page': 'product'}})
    >>> read_step("really?", ["really?"])
    'really?'
    """
    if text in set(events):
        return text
    body, optional = (text[:-1], True) if text.endswith("?") else (text, False)
    body, _sign, inside = body.strip().partition("[")
    where = dict((name.strip(), value.strip()) for name, _sign, value in (part.partition("=") for part in inside.rstrip("]").split(",")) if value)
    names = [name.strip() for name in body.split("|")]
    event: Any = names[0] if len(names) == 1 else names
    if not optional and not where:
        return event
    return {"event": event, **({"where": where} if where else {}), **({"optional": True} if optional else {})}


def plain_steps(data: Data, steps: Sequence[Any]) -> list[Any]:
    """The steps as measures of single events take them: names, or lists of names; optional ones are left out.

    Raises NotMeasured where a step has a condition, or a single one is left.
    """
    read = []
    for step, one in zip(steps, funnel_steps(data.events, steps), strict=True):
        if one.columns:
            raise NotMeasured(f"step {one.name} has a condition, which this question cannot ask")
        if not one.optional:
            read.append(step["event"] if isinstance(step, Mapping) else step)
    if len(read) < 2:
        raise NotMeasured("a path needs at least two steps; name them with the parameter steps")
    return read


def names_of(data: Data, steps: Sequence[Any]) -> list[str]:
    """What the steps are called; none where there are no events: then a control has no choice of them, and its section says why."""
    return [step.name for step in funnel_steps(data.events, steps)] if data.has("events") else []


def choices(data: Data, steps: Sequence[Any]) -> dict[str, Any]:
    """What a reader may pick as steps, by name: these, then the other events of the data, the most frequent first."""
    if not data.has("events"):
        return {}
    labels = data.events.labels("event")
    _, often = blocks.counts((block["event"][block["event"] >= 0] for block in data.events.blocks("event")), len(labels))
    offered = dict(zip(names_of(data, steps), steps, strict=True)) if steps else {}
    place = sorted(range(len(often)), key=lambda one: -often[one])[:MOST_OFFERED]
    return offered | {str(labels[one]): str(labels[one]) for one in place if str(labels[one]) not in offered}


def slices_of(data: Data, by: Sequence[str]) -> list[str]:
    """Those of the columns ``by`` that the events have, of texts, with two to 2,000 different ones: see :func:`left_out`."""
    return [column for column in by if data.has("events") and not _why_not(data, column)]


def left_out(data: Data, by: Sequence[str]) -> list[Shown]:
    """The columns asked for in which no slice is looked for, with the reason; nothing where there are none."""
    from opsnb.views import page, shown

    told = [f"{column}: {why}" for column in by if data.has("events") and (why := _why_not(data, column))]
    items = "".join(f"<li>{page.escape(one)}</li>" for one in told)
    return [shown.Shown({"text/html": page.boxed(f"<ul>{items}</ul>"), "text/plain": "\n".join(told)})] if told else []


def _why_not(data: Data, column: str) -> str:
    if column not in data.events.columns:
        return _("the events have no such column, so no slice is looked for in it")
    if column in NO_SLICES or data.events.is_number(column):
        return _("it holds no names of slices")
    if (values := len(data.events.labels(column))) > MOST_VALUES:
        return _("it has {values} different values; slices are looked for in columns of at most {most}").format(values=count(values), most=count(MOST_VALUES))
    if len(often(data, column=column)) < 2:
        return _("it has one value only, so there is nothing to compare")
    return ""


def asked_for(
    *, window_days: float = 0, unit: funnel.Unit = "user", order: funnel.Order = "sequence", within_session: bool = False
) -> dict[str, Any]:
    """How the funnel is counted, as :func:`opsnb.measures.funnel.step_conversion` takes it; a window of 0 days is no limit.

    >>> asked_for(window_days=0, unit="session")
    {'window_days': None, 'unit': 'session', 'order': 'sequence', 'within_session': False}
    """
    return {"window_days": window_days or None, "unit": unit, "order": order, "within_session": within_session}


@once
def daily_trend(data: Data, *, steps: Sequence[str], by: Sequence[str], days: int = 365) -> pd.DataFrame:
    """How each step converted by day and combination of slices, by visits: the frame of :func:`opsnb.measures.funnel.step_trend`."""
    return funnel.step_trend(data.events, steps, by=list(by) or None, **data.period(days))


@once
def trend_from_before(data: Data, *, step: str, steps: Sequence[Any], by: Sequence[str], days: int = 365) -> pd.DataFrame:
    """As :func:`daily_trend`, of the path from the step before this one on: with those who skipped what lies before."""
    asked = funnel_steps(data.events, steps)
    named = [{**(step if isinstance(step, Mapping) else {"event": step}), "name": one.name} for step, one in zip(steps, asked, strict=True)]
    place = [one.name for one in asked].index(step)
    before = max(one for one in range(place) if not asked[one].optional)
    return daily_trend(data, steps=named[before:], by=by, days=days)


@once
def step_breaks(data: Data, *, steps: Sequence[str], by: Sequence[str], days: int = 365) -> pd.DataFrame:
    """The lasting drops of any step's conversion, by visits: the frame of :func:`opsnb.measures.change.rate_breaks`, in which all visits that
    came to the step are counted, whatever they had skipped before. Raises NotMeasured where there are no visits."""
    asked = {"steps": steps, "by": by, "days": days}
    trend = daily_trend(data, **asked)
    if trend.empty:
        raise NotMeasured("no visit of this period entered the path")
    return change.rate_breaks(trend, by=list(by) or None, counted=lambda step: trend_from_before(data, step=step, **asked))


def sliced(data: Data, *, steps: Sequence[Any], by: Sequence[str], days: int = 365, **how: Any) -> list[Shown]:
    """The section that shows the path slice by slice, of the 12 largest of each column. ``how``: as :func:`asked_for` takes it."""
    from opsnb.views import charts

    if not by:
        raise NotMeasured("there is no column to slice by")
    frames = [funnel.step_conversion(data.events, steps, by=column, top=MOST_SHOWN, **asked_for(**how), **data.period(days)) for column in by]
    return [charts.funnel(one, title=findings.slice_gap(one)) for one in frames]


@kept.remembered
def focus(data: Data, *, steps: Sequence[Any], by: Sequence[str], days: int = 365) -> tuple[str, str]:
    """The step that the page looks into, and the one before it: the surest break, else where most users are lost.

    Where the data cannot tell, the last two steps; where there is one only, it is both. An event that does not occur is no error here: each
    section says so.
    """
    try:
        return _focus(data, steps=steps, by=by, days=days)
    except OpsnbError:
        named = [step if isinstance(step, str) else str(step) for step in steps] or [""]
        return named[-1], named[-2:][0]


def _focus(data: Data, *, steps: Sequence[Any], by: Sequence[str], days: int) -> tuple[str, str]:
    breaks, asked = step_breaks(data, steps=steps, by=by, days=days), funnel_steps(data.events, steps)
    names = [step.name for step in asked]
    if len(breaks):
        step = str(breaks["step"].iloc[0])
    else:
        sums = daily_trend(data, steps=steps, by=by, days=days).groupby("step", sort=False)[["entered", "converted"]].sum()
        if sums.empty:
            raise NotMeasured("nobody entered the path in this period")
        step = str((sums["entered"] - sums["converted"]).drop(index=[one.name for one in asked if one.optional], errors="ignore").idxmax())
    return step, names[max(place for place in range(names.index(step)) if not asked[place].optional)]


@once
def entry_trend(
    data: Data, *, steps: Sequence[Any], by: str | None = None, every: Every = "auto", days: int = 365, unit: funnel.Unit = "session", window_days: float = 0
) -> pd.DataFrame:
    """How each step converted by day, week or month of entry: the frame of :func:`opsnb.measures.funnel.step_trend`, with ``complete``:
    whether the period lies within the days looked at. ``every="auto"``: the finest of the three of which half of the points rest on 30 or more
    at the last step, else months."""
    import pandas as pd

    if every == "auto":
        asked = {"steps": steps, "by": by, "days": days, "unit": unit, "window_days": window_days}
        for finer in ("day", "week", "month"):
            found = entry_trend(data, every=finer, **asked)
            if finer == "month" or found.loc[found["step"] == names_of(data, steps)[-1], "entered"].median() >= 30:
                return found

    window = window_days or (None if unit == "session" else 30.0)
    found = funnel.step_trend(data.events, steps, by=by, period=every, unit=unit, window_days=window, **data.period(days))
    starts = found["period_start"]
    ends = {"day": starts, "week": starts + pd.Timedelta(days=6), "month": starts + pd.offsets.MonthEnd(0)}[every]
    return found.assign(complete=(starts >= data.start(days)) & (ends <= data.as_of))
