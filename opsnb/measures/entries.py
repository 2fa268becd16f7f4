"""From a table to what a funnel counts: of every unit its best attempt, or all attempts in turn. No topic of its own.

What is asked is read and checked once (:class:`Question`) and then asked of every block of whole users (:func:`entries`); what counts as
an attempt is said in :mod:`opsnb.measures.attempts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from opsnb.errors import ParameterError, nearest
from opsnb.measures import blocks
from opsnb.measures import steps as asked
from opsnb.measures.attempts import Rows, attempts, in_turn

if TYPE_CHECKING:
    from opsnb.measures.blocks import Period
    from opsnb.measures.intervals import Day
    from opsnb.measures.steps import Breakdown, Event, Exclusion, Order, Step, Unit
    from opsnb.tables.histories import Block, Histories


class Question(NamedTuple):
    """What is asked of every block."""

    steps: list[Step]
    exclusions: list[Exclusion]
    by: Breakdown
    by_at: int | str  # place of a step from 0, or "last": the last one done
    order: Order
    unit: Unit
    within_session: bool
    window_us: int | None
    holding: str | None
    span: tuple[int, int] | None
    open_from: int | None  # attempts that start here or later have their window open
    size: int  # number of event labels
    period: Period | None = None  # one attempt per user and period of entry, not only per user
    times: bool = True  # are times to the steps asked for?

    @property
    def optional(self) -> list[bool]:
        return [step.optional for step in self.steps]

    @property
    def columns(self) -> tuple[str, ...]:
        conditions = {column for one in (*self.steps, *self.exclusions) for part in one.any_of for column, _ in part.where}
        return tuple(dict.fromkeys(("event", *self.by.columns, *sorted(conditions), *((self.holding,) if self.holding else ()))))

    @property
    def same(self) -> list[int]:
        """For each step, the first one that asks for the same rows."""
        any_of = [step.any_of for step in self.steps]
        return [any_of.index(one) for one in any_of]


class Entries(NamedTuple):
    """The attempts that are counted, by unit: ``user`` code, ``start`` in microseconds, ``value`` of the breakdown, ``open``: is its
    window? Per step ``done``, which of them did it, and ``took``, the microseconds from their start to it, if times are asked for."""

    user: np.ndarray
    start: np.ndarray
    value: np.ndarray
    open: np.ndarray
    done: list[np.ndarray]
    took: list[np.ndarray]


def question(table: Histories, steps: Sequence[Event], by: Breakdown, *, by_at: str | int = "first", order: Order = "sequence",
             unit: Unit = "user", within_session: bool = False, window_us: int | None = None, without: Event | None = None,
             holding: str | None = None, start: Day | None = None, as_of: Day | None = None) -> Question:
    """Reads and checks what is asked. Windows are open only when both a window and ``as_of`` are given."""
    for name, value, allowed in (("unit", unit, ("user", "session", "attempt")), ("order", order, ("sequence", "any", "direct"))):
        if value not in allowed:
            raise ParameterError(f"{name} '{value}' is not one; {nearest(value, allowed)}")
    read = asked.funnel_steps(table, steps)
    banned = asked.exclusions(table, without, read)
    if banned and order == "direct":
        raise ParameterError("order 'direct' lets nothing lie between two steps, so there is nothing to exclude: leave out 'without'")
    if order == "any" and any((one.low, one.high) != (0, len(read) - 1) for one in banned):
        raise ParameterError("order 'any' has no two steps to exclude an event between: leave out 'between'")
    if holding is not None and not table.is_number(holding):
        table.labels(holding)
    at = {"first": 0, "last": "last"}.get(by_at) if isinstance(by_at, str) and by_at in ("first", "last") else asked.place_of(by_at, read)
    span = None if start is None and as_of is None else blocks.span_us(start, as_of)
    return Question(read, banned, by, at, order, unit, within_session or unit == "session", window_us, holding, span,
                    span[1] - window_us if as_of is not None and window_us is not None else None, len(table.labels("event")))


def entries(table: Histories, q: Question) -> Iterator[Entries]:
    """Per block, what is counted: each unit's best attempt, the first of those that get furthest; for ``unit="attempt"`` all in turn.

    Attempts whose window is open count only for units that have no other.
    """
    visits = ("session_id",) if q.within_session and "session_id" in table else ()
    for block in table.blocks(*dict.fromkeys((*q.columns, *visits))):
        for piece in block.pieces():
            yield _entries(piece, q)


def _entries(block: Block, q: Question) -> Entries:
    order, unit = blocks.visits(block) if q.within_session else (None, block.user)
    columns = {column: block[column] if order is None else block[column][order] for column in q.columns}
    ts = block.ts if order is None else block.ts[order]
    inside = None if q.span is None else (ts >= q.span[0]) & (ts < q.span[1])
    match = asked.matches(q.steps, columns, q.size, inside)
    barriers = [(np.cumsum(asked.matching(one.any_of, columns), dtype=np.int32), one.low, one.high) for one in q.exclusions]
    if q.holding is None:
        rows = Rows(ts, unit, None, barriers)
    else:
        matched = [match(step) for step in range(len(q.steps))]
        rows = _held(Rows(ts, unit, None, barriers), columns[q.holding], np.logical_or.reduce(matched))
        match = [one[rows.place] for one in matched].__getitem__
    found = attempts(match, q.optional, rows, window_us=q.window_us, order=q.order, every=q.unit == "attempt",
                     same=q.same, best_of=None if q.unit == "attempt" else lambda row: _key(rows.ts[row], q))
    chosen = in_turn(found, q.optional, rows, q.window_us) if q.unit == "attempt" else np.arange(len(found.start))
    start = rows.places(found.start[chosen])  # from here on, rows of the unit's order
    if q.holding is not None or (order is not None and q.unit == "user"):  # by user and time again
        in_time = np.argsort(start if order is None or q.unit == "session" else order[start], kind="stable")
        chosen, start = chosen[in_time], start[in_time]
    began = ts[start]
    still_open = np.zeros(len(start), bool) if q.open_from is None else began >= q.open_from
    if q.unit != "attempt":
        group = unit if q.unit == "session" or not q.within_session else block.user if order is None else block.user[order]
        group = group[start]
        if q.period is not None and q.unit == "user":
            group = group.astype(np.int64) * (1 << 31) + (blocks.periods(began, q.period) + (1 << 30))
        score = found.depth[chosen].astype(np.int16)
        if q.open_from is not None:
            score = np.where(still_open, score, score + len(q.steps))
        best = blocks.first_best(group, score)
        if len(best) < len(chosen):
            chosen, start, began, still_open = chosen[best], start[best], began[best], still_open[best]
    done, took, seen = [], [], start if q.by_at == 0 and q.order != "any" else np.full(len(start), -1)
    number = None  # of each attempt among those chosen, unless these are all, as they come
    if len(chosen) < len(found.start) or (chosen[1:] < chosen[:-1]).any():
        number = np.full(len(found.start), -1, np.int32)
        number[chosen] = np.arange(len(chosen), dtype=np.int32)
    for step, (which, row, then) in enumerate(found.at):
        if number is not None:
            which = number.take(which)
            kept = np.flatnonzero(which >= 0)
            which, row, then = which.take(kept), row.take(kept), None if then is None else then.take(kept)
        done.append(which.astype(np.int32))
        if q.times:
            took.append((rows.ts.take(row) if then is None else then) - began.take(which))
        row = rows.places(row)
        if seen is not start and q.by_at in (step, "last"):
            seen[which] = np.maximum(seen[which], row)
    source = seen if order is None else np.where(seen >= 0, order[seen], -1)
    whose = start if order is None else order[start]
    return Entries(block.user[whose], began, q.by.codes(block, source), still_open, done, took)


def _key(began: np.ndarray, q: Question) -> np.ndarray:
    """What tells attempts of one unit apart that do not stand for each other: whether their window is open, and their period."""
    still_open = np.zeros(len(began), bool) if q.open_from is None else began >= q.open_from
    return still_open if q.period is None or q.unit != "user" else blocks.periods(began, q.period) * 2 + still_open


def _held(rows: Rows, value: np.ndarray, matched: np.ndarray) -> Rows:
    """The rows that match a step and have a value, by unit and value: each value's rows are as if they were a unit of their own."""
    kept = np.flatnonzero(matched & (~np.isnan(value) if value.dtype.kind == "f" else value >= 0))
    code = np.unique(value[kept], return_inverse=True)[1] if value.dtype.kind == "f" else value[kept]
    key = rows.unit[kept].astype(np.int64) << 32 | code.astype(np.int64)
    order = np.argsort(key, kind="stable")
    kept = kept[order]
    return Rows(rows.ts[kept], blocks.numbered(blocks.starts(key[order]), len(kept)), kept, rows.barriers)


def joined(found: Sequence[Entries], steps: int) -> Entries:
    """The entries of all blocks as one."""
    if not found:
        none = np.empty(0, np.int64)
        return Entries(none, none, none, np.empty(0, bool), [none] * steps, [none] * steps)
    before = np.cumsum([0, *(len(part.user) for part in found[:-1])])
    whole = [np.concatenate(values) for values in zip(*(part[:4] for part in found), strict=True)]
    done = [np.concatenate([low + which for low, which in zip(before, one, strict=True)]) for one in zip(*(part.done for part in found), strict=True)]
    took = [np.concatenate(one) for one in zip(*(part.took for part in found), strict=True)]
    return Entries(*whole, done, took)
