"""How users live and what hurts them, each computed once: states and stages, how long they stay, pain points, service, portraits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from opsnb.measures import lifecycle, pains, retention, service, stages
from opsnb.measures.portrait import portrait as portrait_of
from opsnb.reviews import user_personas, user_sides
from opsnb.reviews.asked import answered, optional
from opsnb.reviews.once import once
from opsnb.views import findings, page
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding

MOVED_DAYS = 90  # over which moves between stages are counted


@once
def states(data: Data, *, days: int = 365) -> pd.DataFrame:
    """The states of the last days' users: :func:`opsnb.measures.lifecycle.daily_states`."""
    return lifecycle.daily_states(data.events, **data.period(days))


@once
def sticky(data: Data, *, days: int = 365) -> pd.DataFrame:
    """How much of a month's users comes on a day: :func:`opsnb.measures.lifecycle.stickiness`."""
    return lifecycle.stickiness(data.events, **data.period(days))


@once
def moves(data: Data) -> pd.DataFrame:
    """Who went from stage to stage of the plan's life cycle in the last 90 days: :func:`opsnb.measures.stages.stage_flows`."""
    return stages.stage_flows(*(optional(data, name) for name in ("events", "orders", "users")), start=data.start(MOVED_DAYS + 1), as_of=data.as_of)


@once
def staying(data: Data) -> pd.DataFrame:
    """How many users are still there by days since the first: :func:`opsnb.measures.retention.retention_curve`."""
    return retention.retention_curve(data.events, as_of=data.as_of)


@once
def returning(data: Data) -> pd.DataFrame:
    """How many customers have ordered again by days since the first order: :func:`opsnb.measures.retention.return_curve`."""
    return retention.return_curve(data.orders, as_of=data.as_of)


def back_in_30_days(data: Data) -> Finding | None:
    """The plan's anchor: who is back thirty days after their first, on the day itself and on it or later."""
    rolling, on = (retention.day_retention(data.events, days=[30], kind=kind, as_of=data.as_of) for kind in ("on_or_after", "on"))
    return findings.day_retention(rolling, on)


def flows_title() -> str:
    """What heads the balance of the living users: it has no finding of its own."""
    return _("Who joins the living users, who falls silent, and the balance")


def moves_title(data: Data) -> Finding | str:
    """What became of the interested and the loyal; where that cannot be said, what the chart shows."""
    return findings.stage_flows(moves(data), start=data.start(MOVED_DAYS + 1)) or _("Who came into each stage of the life cycle and who went out")


@once
def portrait(data: Data, *, of: Literal["tier", "persona"] = "tier", **asked: Any) -> pd.DataFrame:
    """What sets each tier or persona apart among the users' attributes: :func:`opsnb.measures.portrait.portrait`; ``asked``: the personas'."""
    if of == "tier":
        return portrait_of(data.users, user_sides.rfm(data)[["user_id", "tier"]])
    made = user_personas.personas(data, **asked)
    frame = portrait_of(data.users, made.frame[["user_id", "persona"]].dropna())
    return frame.assign(parts=frame["persona"].map(dict(zip(made.summary["persona"], made.summary["parts"], strict=True))))


def surveyed(data: Data, *, days: int = 365) -> pd.DataFrame:
    """The pain points by what they cost of the NPS: :func:`opsnb.measures.pains.pain_points`."""
    return pains.pain_points(data.surveys, **data.period(days))


def score(data: Data, *, days: int = 365) -> Shown:
    """The NPS with its interval, as a line of text."""
    said = findings.nps(pains.nps(data.surveys, **data.period(days))).sentence
    return Shown({"text/html": page.boxed(f"<p>{page.escape(said)}</p>"), "text/plain": said})


def waits(data: Data, *, days: int = 365) -> pd.DataFrame:
    """By the hour, how long users wait for a first answer: :func:`opsnb.measures.service.response_times`."""
    return service.response_times(data.service, by="hour", **data.period(days))


def waits_title(data: Data, *, days: int = 365) -> Finding | str:
    """How long users wait, against the benchmark, and when longest."""
    found = findings.response_times(service.response_times(data.service, **data.period(days)), waits(data, days=days))
    return found or _("Most tickets have no answer")


def waits_and_repeat(data: Data, *, days: int = 365, repeat_days: int = 60) -> pd.DataFrame:
    """Who ordered again by how long they waited: :func:`opsnb.measures.service.response_and_repeat`. An association."""
    return service.response_and_repeat(data.service, data.orders, within_days=repeat_days, **data.period(days))


def waits_and_repeat_title(data: Data, *, days: int = 365, repeat_days: int = 60) -> Finding | str:
    """Whether those who waited longest order again less often."""
    found = findings.response_and_repeat(waits_and_repeat(data, days=days, repeat_days=repeat_days), within_days=repeat_days)
    return found or _("Too few customers with tickets to say whether waiting goes with fewer orders")


def lives(data: Data, *, days: int) -> list[Finding | None]:
    """Whether more users come than fall silent, how often they come, and who is back after thirty days; what cannot be told is left out."""
    return [answered(lambda: back_in_30_days(data)), answered(lambda: findings.daily_states(states(data, days=days))),
            answered(lambda: findings.stickiness(sticky(data, days=days)))]


def hurts(data: Data, *, days: int) -> list[Finding | None]:
    """What hurts users most and how long they wait for an answer; what cannot be told is left out."""
    told = [answered(lambda: findings.pain_points(surveyed(data, days=days))), answered(lambda: waits_title(data, days=days))]
    return [one for one in told if isinstance(one, findings.Finding)]
