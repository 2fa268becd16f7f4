"""Judges what a report found in a demo business against what was planted there: plain findings and frames in, verdicts out.

A verdict is one question asked of one world and whether the answer was right. Questions of the short versions look at nothing but the
findings that a reader sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from opsnb.measures.backtest import auc
from opsnb.measures.personas import SMALLEST

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings import Finding

DAYS_OFF = 3
ALIKE = 0.7  # adjusted Rand index from which groups are the planted ones
TELLS, OFF = 0.8, 0.25  # AUC that tells who orders next, and by how much of those who order the number foretold may miss them
LIFT, NEAR = 2.5, 0.9  # that a recall list must reach, where it can be reached; and of the highest that can be, everywhere


class Verdict(NamedTuple):
    """``kind`` of cause, or what is measured; ``question``; ``right``: the answer; ``value``: the number behind it, null without one."""

    kind: str
    question: str
    right: bool
    value: float = float("nan")


def of_causes(found: Sequence[Finding], causes: Sequence[Mapping[str, Any]], kinds: Sequence[str]) -> Iterator[Verdict]:
    """What the short version of one report says of these kinds of cause.

    Where it was planted: ``named``: there is a finding of the kind; ``slice``: and one of the planted slice; ``date``: and dated within 3
    days (asked only of causes with a date). Where it was not: ``silent``.

    >>> from opsnb.views.findings import Finding
    >>> said = [Finding("repeat_drop", "", "", slice={"channel": "direct"}, since="2025-05-14")]
    >>> planted = [{"kind": "repeat_drop", "slice": {"channel": "direct"}, "since": "2025-05-12"}]
    >>> [(verdict.question, verdict.right) for verdict in of_causes(said, planted, ["repeat_drop", "channel_cost"])]
    [('named', True), ('slice', True), ('date', True), ('silent', True)]
    """
    planted = {cause["kind"]: cause for cause in causes}
    for kind in kinds:
        named, cause = [finding for finding in found if finding.kind == kind], planted.get(kind)
        if cause is None:
            yield Verdict(kind, "silent", not named)
            continue
        hits = [finding for finding in named if finding.slice == cause["slice"]]
        yield Verdict(kind, "named", bool(named))
        yield Verdict(kind, "slice", bool(hits))
        if cause["since"] is not None:
            off = [abs(days) for days in (_days_off(finding.since, cause["since"]) for finding in hits) if days is not None]
            yield Verdict(kind, "date", bool(off) and min(off) <= DAYS_OFF, float(min(off, default=np.nan)))


def of_the_funnel(found: Sequence[Finding], causes: Sequence[Mapping[str, Any]]) -> Iterator[Verdict]:
    """What only a funnel can be asked.

    Where a step broke: ``first``: the first finding of all names the planted step and slice; ``first_date``: and its day within 3 days;
    ``money``: the planted loss lies in the interval given for that step and slice (asked only where one is given: a finding with the numbers
    ``money_low`` and ``money_high``). Where the mix shifted: ``not_a_break``: no finding calls anything but the planted break broken.
    """
    planted = {cause["kind"]: cause for cause in causes}
    broken, shift = planted.get("funnel_break"), planted.get("mix_shift")
    breaks = [finding for finding in found if finding.kind == "funnel_break"]
    if broken is not None:
        first = bool(found) and found[0].kind == "funnel_break" and _names(found[0], broken)
        off = _days_off(found[0].since, broken["since"]) if first else None
        yield Verdict("funnel_break", "first", first)
        yield Verdict("funnel_break", "first_date", off is not None and abs(off) <= DAYS_OFF, float("nan") if off is None else float(off))
        claims = [finding.numbers for finding in found if _names(finding, broken) and finding.numbers.get("money_low") is not None]
        if claims:
            lost = broken["detail"]["money_lost"]
            yield Verdict("funnel_break", "money", claims[0]["money_low"] <= lost <= claims[0]["money_high"], claims[0]["money"] / max(lost, 1))
    if shift is not None:
        yield Verdict("mix_shift", "not_a_break", all(broken is not None and _names(finding, broken) for finding in breaks))


def _names(finding: Finding, cause: Mapping[str, Any]) -> bool:
    """Does the finding concern the cause's step and slice?"""
    return finding.slice == cause["slice"] and finding.numbers.get("step") == cause["detail"]["step"]


def _days_off(found: str | None, planted: str) -> int | None:
    return None if found is None else (date.fromisoformat(found[:10]) - date.fromisoformat(planted)).days


def of_personas(found: pd.DataFrame | None, planted: pd.DataFrame, *, groups: bool) -> Iterator[Verdict]:
    """Whether customers were put into the planted groups. ``found``: user_id, persona of the customers; None: refused. ``planted``: the
    same of all users; ``groups``: whether there are any.

    With groups: ``alike``: adjusted Rand index over the customers of at least .7, where refused 0; ``number``: as many groups as planted
    among them, one more or one less, where planted groups count that hold as many of the customers as a group must (2%). Without: ``refused``.
    """
    if not groups:
        yield Verdict("personas", "refused", found is None)
        return
    if found is None:
        yield Verdict("personas", "alike", False, 0.0)
        yield Verdict("personas", "number", False, 0.0)
        return
    both = found.astype({"user_id": str})[["user_id", "persona"]].merge(planted.astype({"user_id": str}), on="user_id", suffixes=("", "_planted"))
    index = adjusted_rand(both["persona"].to_numpy(), both["persona_planted"].to_numpy())
    number = both["persona"].nunique() - int((both["persona_planted"].value_counts(normalize=True) >= SMALLEST).sum())
    yield Verdict("personas", "alike", index >= ALIKE, index)
    yield Verdict("personas", "number", abs(number) <= 1, float(both["persona"].nunique()))


def adjusted_rand(one: Any, other: Any) -> float:
    """How far two groupings of the same things agree: 1 fully, 0 as chance does (Hubert and Arabie, Journal of Classification 2 (1985) 193).

    >>> adjusted_rand([0, 0, 1, 1], ["b", "b", "a", "a"]), round(adjusted_rand([0, 0, 1, 2], [0, 0, 1, 1]), 4)
    (1.0, 0.5714)
    """
    (_, one), (_, other) = (np.unique(np.asarray(values, dtype=object).astype(str), return_inverse=True) for values in (one, other))
    if not len(one):
        return float("nan")
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    rows, columns, both = pairs(table.sum(axis=1)), pairs(table.sum(axis=0)), pairs(table)
    expected = rows * columns / max(len(one) * (len(one) - 1) / 2, 1)
    most = (rows + columns) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def of_value(found: pd.DataFrame, after: pd.DataFrame, *, amount: str = "amount_180d") -> Iterator[Verdict]:
    """Whether what customers bring later lies in the 90% interval said before. ``found``: user_id, low, high; ``after``: user_id and the
    column named by ``amount``.

    ``interval``: for at least 90% of those whose interval is not 0 alone. One that begins at 0 misses above only, so that 95% are meant to
    lie in it.
    """
    both = found[["user_id", "low", "high"]].astype({"user_id": str}).merge(after.astype({"user_id": str})[["user_id", amount]], on="user_id")
    both = both[both["high"] > 0]
    covered = float(((both["low"] <= both[amount]) & (both[amount] <= both["high"])).mean())
    yield Verdict("value", "interval", covered >= 0.9, covered)


def of_recall(found: pd.DataFrame, gone: pd.Series, called: Sequence[Any] | None = None, *, score: str = "churn_probability") -> Iterator[Verdict]:
    """Whether those thought most likely to leave do leave. ``found``: user_id and a score of everyone who may be recalled, higher: likelier
    to leave; ``gone``: by user_id, whether they stay away; ``called``: ids of the recall list, first to be called first.

    Lift is a rate among some against the rate among all that are scored. Where nearly half leave, no tenth can have 2.5 times as many: the highest
    lift that any order could reach is that of a top tenth made up of leavers. ``share``: lift of the top tenth by score / that highest one;
    right from .9. Where the highest one is 2.5 or more, also ``lift`` of that tenth, and ``listed``, of as many from the head of the
    recall list, which goes by money at stake, too; right from 2.5. Nothing is asked where all leave, or nobody.

    >>> import pandas as pd
    >>> scores = pd.DataFrame({"user_id": range(20), "churn_probability": np.linspace(1, 0, 20)})
    >>> [(verdict.question, round(verdict.value, 2)) for verdict in of_recall(scores, pd.Series([True] * 6 + [False] * 14, map(str, range(20))))]
    [('share', 1.0), ('lift', 3.33)]
    """
    both = found.astype({"user_id": str}).set_index("user_id")[score].to_frame("score").join(gone.rename("gone"), how="inner")
    both = both.sort_values("score", ascending=False, kind="stable")
    left, users, top = int(both["gone"].sum()), len(both), max(len(both) // 10, 1)
    if left in (0, users):
        return

    def lift(part: pd.Series) -> float:
        return float(part.mean() / (left / users))

    reached, highest = lift(both["gone"].head(top)), min(left, top) / top / (left / users)
    yield Verdict("churn", "share", reached / highest >= NEAR, reached / highest)
    if highest >= LIFT:
        yield Verdict("churn", "lift", reached >= LIFT, reached)
        if called is not None and len(called):
            listed = lift(both["gone"].reindex([str(one) for one in called[:top]]))
            yield Verdict("churn", "listed", listed >= LIFT, listed)


def of_next_orders(found: pd.DataFrame, ordered: pd.Series, low: float, high: float) -> Iterator[Verdict]:
    """Whether those thought likely to order do. ``found``: user_id and ``score``, the chance said of each; ``ordered``: by user_id, whether they
    order in the time asked about; ``low``, ``high``: interval of the AUC in the report's own check.

    ``order``: AUC of at least .8; ``as_said``: it is not surely less than the check had it; ``total``: the chances add up to as many as order,
    a quarter more or less, the value being their ratio. Nothing is asked where all order, or nobody.

    >>> import pandas as pd
    >>> said = pd.DataFrame({"user_id": ["a", "b", "c", "d"], "score": [.9, .6, .3, .2]})
    >>> [(verdict.question, verdict.right) for verdict in of_next_orders(said, pd.Series([True, True, False, False], list("abcd")), .9, 1.0)]
    [('order', True), ('as_said', True), ('total', True)]
    """
    both = found.astype({"user_id": str}).set_index("user_id")["score"].to_frame().join(ordered.rename("ordered").rename(index=str), how="inner")
    came = int(both["ordered"].sum())
    if came in (0, len(both)):
        return
    area, _least, most = auc(both["ordered"].to_numpy(bool), both["score"].to_numpy(float))
    yield Verdict("next_orders", "order", area >= TELLS, area)
    yield Verdict("next_orders", "as_said", bool(most >= low), area - (low + high) / 2)
    ratio = float(both["score"].sum()) / came
    yield Verdict("next_orders", "total", abs(ratio - 1) <= OFF, ratio)
