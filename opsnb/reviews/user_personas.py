"""Which kinds of customers there are, each question answered once: who they are, the way they take, and how they have changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opsnb.errors import NotMeasured
from opsnb.measures import paths, segments
from opsnb.measures.behaviour import behaviour
from opsnb.measures.personas import usual_features
from opsnb.reviews.asked import answered
from opsnb.reviews.once import once
from opsnb.reviews.user_sides import rfm
from opsnb.views import findings, kept, language, lists, people
from opsnb.views.language import _

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding
    from opsnb.views.shown import Shown

COMPARED_DAYS = 90


@once
def habits(data: Data, *, as_of: str = "") -> pd.DataFrame | None:
    """What is typical of each visitor, up to ``as_of`` or the page's day; None without events."""
    return behaviour(data.events, data.orders, as_of=as_of or data.as_of) if data.has("events") else None


@kept.remembered
def persona_features(data: Data, features: Sequence[str] = ()) -> list[str]:
    """The habits by which personas are told apart: those asked for, else the usual ones; none without events."""
    known = answered(lambda: habits(data))
    return [] if known is None else list(features) or usual_features(known)


@kept.remembered
def persona_choices(data: Data) -> list[str]:
    """The habits that a control may offer."""
    known = answered(lambda: habits(data))
    return [] if known is None else [str(column) for column in known.columns if column not in ("user_id", "orders")]


def personas(data: Data, *, k: int = 0, features: Sequence[str] = (), random_state: int = 0, compare_days: int = COMPARED_DAYS) -> segments.Personas:
    """The customers' groups: :func:`opsnb.measures.segments.personas`; raises NoPersonas where other samples do not confirm any.

    A group that was there ``compare_days`` before, in the same data as known then, bears the name that it had.
    """
    try:
        return _now_and_then(data, k=k, features=persona_features(data, features), random_state=random_state, compare_days=compare_days)[0]
    except segments.NoPersonas as error:
        raise segments.NoPersonas(_("{reason}; use the four tiers instead").format(reason=language.sentence(str(error))), error.panel) from error


@once
def _now_and_then(data: Data, *, compare_days: int, **asked: Any) -> tuple[segments.Personas, segments.Personas | None]:
    """The groups of the page's day under the names of those before, and those before; None where there were none."""
    made = _found(data, as_of="", **asked)
    before = answered(lambda: _before(data, k=made.k, compare_days=compare_days, **{name: asked[name] for name in ("features", "random_state")}))
    return (made, None) if before is None else (segments.named_like(made, before), before)


def _before(data: Data, *, compare_days: int, **asked: Any) -> segments.Personas:
    return _found(data, as_of=f"{data.start(compare_days + 1):%Y-%m-%d}", **asked)


def _found(data: Data, **asked: Any) -> segments.Personas:
    found = _tried(data, **asked)
    if isinstance(found, segments.NoPersonas):
        raise found
    return found


@once
def _tried(data: Data, *, as_of: str, k: int, features: list[str], random_state: int) -> segments.Personas | segments.NoPersonas:
    """The groups, or why there are none: a refusal costs as much as an answer."""
    try:
        return segments.personas(rfm(data, as_of=as_of), habits(data, as_of=as_of), k=k or None, features=features or None, random_state=random_state)
    except segments.NoPersonas as error:
        return error


def persona_finding(data: Data, *, k: int = 0, features: Sequence[str] = (), random_state: int = 0, compare_days: int = COMPARED_DAYS) -> Finding | None:
    """The personas in a sentence, or why there are none; None where the data cannot tell."""
    try:
        return findings.personas(_now_and_then(data, k=k, features=persona_features(data, features), random_state=random_state,
                                               compare_days=compare_days)[0])
    except segments.NoPersonas as error:
        return findings.no_personas(str(error))
    except NotMeasured:
        return None


@once
def persona_paths(data: Data, **asked: Any) -> pd.DataFrame | None:
    """The way that the visits of each persona most often take: :func:`opsnb.measures.paths.typical_paths`; None without events."""
    return paths.typical_paths(data.events, personas(data, **asked).frame, as_of=data.as_of) if data.has("events") else None


def persona_cards(data: Data, *, allowed: bool, **asked: Any) -> list[Shown]:
    """A card for each persona, and ten customers of each: with their ids only if ``allowed``, in an app not at all unless its lists are open."""
    made = personas(data, **asked)
    shown = [people.cards(made, persona_paths(data, **asked))]
    if not lists.rows_shown(allowed):
        return shown
    return [*shown, people.examples(segments.examples(made, rfm(data), ids=lists.are_open(allowed)), made)]


def members(data: Data, *, allowed: bool, **asked: Any) -> list[Shown]:
    """A list of ids for each persona, or one sentence that lists are closed."""
    made = personas(data, **asked)
    if not lists.are_open(allowed):
        every = made.frame.loc[made.frame["persona"].notna(), "user_id"]
        return [lists.members(every, "personas", allowed=False, said=_("Members of the personas"))]
    of = {persona: made.frame.loc[made.frame["persona"] == persona, "user_id"] for persona in made.summary["persona"]}
    return [lists.members(ids, f"persona_{place}", allowed=True, said=language.persona(parts))
            for place, (ids, parts) in enumerate(zip(of.values(), made.summary["parts"], strict=True), start=1)]


def persona_moves(data: Data, *, compare_days: int = COMPARED_DAYS, **asked: Any) -> list[Shown]:
    """How each persona grew or shrank and where its customers went: :func:`opsnb.measures.segments.persona_changes` since ``compare_days`` before.

    The personas of that day are found in the same data, as far as it was known then, in as many groups as now. Raises NotMeasured where there
    were none.
    """
    day = data.start(compare_days + 1)
    made = personas(data, compare_days=compare_days, **asked)
    try:
        before = _before(data, k=made.k, features=persona_features(data, asked.get("features", ())), random_state=asked.get("random_state", 0),
                         compare_days=compare_days)
    except NotMeasured as error:
        raise NotMeasured(_("on {day} there were no personas to compare with: {reason}").format(
            day=language.date(day), reason=language.sentence(str(error)))) from error
    changes = segments.persona_changes(made, before)
    return people.changes(changes, day, title=findings.persona_changes(changes) or "")
