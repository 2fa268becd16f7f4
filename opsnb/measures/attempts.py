"""Attempts at a funnel, the kernel of every measure that asks how far users get. No topic of its own, and no file and no global.

An **attempt** starts at a row of the first step (in any order: of any step) and takes the others from later rows of its unit, each by its
first possible row, within a window that starts with it, last microsecond included. Rows with the same time stamp keep the file's order.

- ``sequence``: each step after the one before; other rows may lie between.
- ``direct``: each step on the very next row; where that row is the next step that is asked for, no optional one is looked for.
- ``any``: a row for every step, whatever their order; the attempt is as deep as the steps that are done without a gap from the first on.

An optional step counts when it lies between the rows of the steps around it (before the next one was reached: after the one before), and
holds nobody up. A row that must not be, strictly between the rows of two steps that follow each other, keeps the attempt at the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from opsnb.errors import ParameterError
from opsnb.measures import blocks

if TYPE_CHECKING:
    from opsnb.measures.steps import Order

FEW = 64  # units that are still walked through together; fewer go one by one


class Done(NamedTuple):
    """A step: which attempts did it, at which row, and that row's time where it has been looked up on the way."""

    which: np.ndarray
    row: np.ndarray
    ts: np.ndarray | None = None


NOBODY = Done(np.empty(0, np.int64), np.empty(0, np.int64))


class Attempts(NamedTuple):
    """Attempts by unit and time: row of the start, steps done that are not optional, and per step who did it where."""

    start: np.ndarray
    depth: np.ndarray
    at: list[Done]

    def rows(self, step: int, which: np.ndarray) -> np.ndarray:
        """The row at which these attempts did a step; -1: they did not."""
        rows = np.full(len(self.start), -1, np.int64)
        rows[self.at[step].which] = self.at[step].row
        return rows[which]


class Rows(NamedTuple):
    """Rows by unit and time. ``place`` of each among all its units' rows (None: these are all); ``barriers``: (for each place how many
    rows up to it must not be, and the two steps between which that holds)."""

    ts: np.ndarray
    unit: np.ndarray
    place: np.ndarray | None = None
    barriers: Sequence[tuple[np.ndarray, int, int]] = ()

    def places(self, rows: np.ndarray) -> np.ndarray:
        return rows if self.place is None else self.place[rows]

    def free(self, start: np.ndarray, end: np.ndarray, low: int, high: int) -> np.ndarray:
        """Per pair of rows: is nothing strictly between them that must not be between these two steps?"""
        fine = np.ones(len(start), bool)
        for count, first, last in self.barriers:
            if first <= low and high <= last:
                fine &= count[np.maximum(self.places(end) - 1, 0)] <= count[self.places(start)]
        return fine


Follow = Callable[[int], Callable[[np.ndarray], np.ndarray]]  # for a step: for rows, the next row of that step or the unit's end


def attempts(matches: Callable[[int], np.ndarray], optional: Sequence[bool], rows: Rows, *, window_us: int | None = None,
             order: Order = "sequence", every: bool = False, same: Sequence[int] | None = None,
             best_of: Callable[[np.ndarray], np.ndarray] | None = None) -> Attempts:
    """Every attempt; without a window only each unit's first, if later ones cannot get further and ``every`` does not ask for them.

    ``same``: for each step the first one that asks for the same rows, needed in any order. ``best_of``: of attempts that follow each
    other in a unit and to whose first rows it gives the same number, only the best may be asked for; in sequence no other is returned.

    >>> event = np.array([0, 1, 0, 1, 2])
    >>> found = attempts(lambda step: event == step, [False] * 3, Rows(np.arange(5), np.zeros(5, int)), window_us=2)
    >>> found.start, found.depth
    (array([0, 2]), array([2, 3], dtype=int8))
    """
    alone = window_us is None and not every and not rows.barriers and order != "direct"
    if order == "any":
        return _any_order([matches(step) for step in range(len(optional))], optional, rows, window_us, alone, same or range(len(optional)))
    anchor = np.flatnonzero(matches(0))
    over = np.append(blocks.changes(rows.unit), True)  # from here on the rows are another unit's
    follow: Follow = cache(lambda step: blocks.following(matches(step) | over[:-1]))
    if alone:  # what a later start reaches, the unit's first one reaches too
        anchor = anchor[blocks.starts(rows.unit[anchor])]
    elif best_of is not None and order == "sequence":
        best = _best(anchor, best_of(anchor), follow, over, [step for step in range(len(optional)) if not optional[step]], rows,
                     window_us)
        if not any(optional):
            return best
        anchor = best.start
    depth = np.ones(len(anchor), np.int8)
    at = [NOBODY] * len(optional)
    at[0] = Done(np.arange(len(anchor)), anchor)
    alive, row, began = *at[0][:2], rows.ts[anchor]
    before = 0

    def reached(found: np.ndarray, since: np.ndarray, step: int) -> np.ndarray:
        """Of the attempts alive, whose next row may be taken: after ``since``, on the way from the step before to this one."""
        fine = ~over.take(found)
        if window_us is not None:
            fine &= rows.ts.take(found, mode="clip") - began <= window_us
        found = np.minimum(found, len(rows.unit) - 1)
        if order == "direct":
            fine &= rows.places(found) == rows.places(since) + 1
        return fine & rows.free(row, found, before, step) if rows.barriers else fine

    for step in range(1, len(optional)):
        if optional[step]:
            continue
        found = follow(step)(row)
        goes_on = reached(found, row, step)
        since = row
        for between in range(before + 1, step):
            aside = follow(between)(since)
            taken = reached(aside, since, step) & (~goes_on | (aside < found) if order == "sequence" else ~goes_on)
            at[between] = Done(alive[taken], aside[taken])
            since = np.where(taken, aside, since)
            if order == "direct":
                again = follow(step)(since)
                late = taken & reached(again, since, step)
                found, goes_on = np.where(late, again, found), goes_on | late
        kept = np.flatnonzero(goes_on)
        alive, row, began = alive[kept], found[kept], began[kept]
        depth[alive] += 1
        at[step] = Done(alive, row)
        before = step
    return Attempts(anchor, depth, at)


def _best(anchor: np.ndarray, key: np.ndarray, follow: Follow, over: np.ndarray, steps: Sequence[int], rows: Rows,
          window_us: int | None) -> Attempts:
    """Of the attempts from these starts, the best one of each key in a unit: the first of those that get furthest.

    Attempts that come to the same row go the same way from there, and the latest start among them has the most time left: they are
    followed as one, a **strand**, and only the best strand of each key is unravelled again, from its end to its beginning.
    """
    row, began = anchor, rows.ts[anchor]
    new = blocks.changes(key) | blocks.changes(rows.unit[anchor])
    group = np.cumsum(new, dtype=np.int32) - np.int32(1)
    strand = np.flatnonzero(new)  # of each key, the first strand of those that get furthest,
    depth, ended = np.ones(len(strand), np.int8), began[strand]  # how far that is, and when it is there
    start, levels = began, []
    for level, (before, step) in enumerate(pairwise(steps), start=1):
        found = follow(step)(row)
        joins = None  # which of the strands so far, if not all, may go on
        if rows.barriers:
            joins = np.flatnonzero(rows.free(row, np.minimum(found, len(rows.unit) - 1), before, step))
            found, start, group = found[joins], start[joins], group[joins]
        closes = np.ones(len(found), bool)
        np.not_equal(found[1:], found[:-1], out=closes[:-1])
        closes[:-1] |= group[1:] != group[:-1]
        fine, ts = ~over.take(found), rows.ts.take(found, mode="clip")
        if window_us is not None:
            fine &= ts - start <= window_us
        last = np.flatnonzero(closes)
        number = np.flatnonzero(fine[last])
        kept = last[number]
        row, ts = found[kept], ts[kept]
        levels.append((row, ts, last, number, start, joins))
        start, group = start[kept], group[kept]
        opens = blocks.starts(group)
        deeper = group[opens]
        depth[deeper], strand[deeper], ended[deeper] = level + 1, opens, ts[opens]
    at = [NOBODY] * (steps[-1] + 1)
    for level in range(len(levels), 0, -1):
        row, ts, last, number, start, joins = levels[level - 1]
        here = np.flatnonzero(depth > level)
        one = strand[here]
        at[steps[level]] = Done(here, row[one], ts[one])
        place = number[one]
        low = np.where(place > 0, last[place - 1] + 1, 0)
        if window_us is not None:
            least, high = ended[here] - window_us, last[place]
            late = np.flatnonzero(start[low] < least)
            while len(late):  # halves what is left: starts ascend, and the last one is in time
                middle = (low[late] + high[late]) // 2
                in_time = start[middle] >= least[late]
                high[late[in_time]], low[late[~in_time]] = middle[in_time], middle[~in_time] + 1
                late = late[low[late] < high[late]]
        strand[here] = low if joins is None else joins[low]
    at[0] = Done(np.arange(len(strand)), anchor[strand], began[strand])
    return Attempts(at[0].row, depth, at)


def _any_order(matched: Sequence[np.ndarray], optional: Sequence[bool], rows: Rows, window_us: int | None, alone: bool,
               same: Sequence[int]) -> Attempts:
    if np.sum([matched[step] for step in set(same)], axis=0, dtype=np.int16).max(initial=0) > 1:
        raise ParameterError("order 'any' needs steps of which a row can be only one, or that are the same step twice; name them apart")
    asked_for = [step for step in range(len(optional)) if not optional[step]]
    anchor = np.flatnonzero(np.logical_or.reduce([matched[step] for step in asked_for]))
    if alone:
        anchor = anchor[blocks.starts(rows.unit[anchor])]
    whose, began, end = rows.unit[anchor], rows.ts[anchor], anchor
    depth, so_far = np.zeros(len(anchor), np.int8), np.ones(len(anchor), bool)
    at = []
    for step in range(len(optional)):
        time = list(same[:step]).count(same[step])  # the same step once more is the next of its rows
        found = np.append(np.flatnonzero(matched[step]), np.full(time + 1, -1))
        found = found[np.cumsum(matched[step], dtype=np.int32)[anchor] - matched[step][anchor] + time]
        fine = so_far & (found >= 0) & (rows.unit[found] == whose)
        if window_us is not None:
            fine &= rows.ts[found] <= began + window_us
        last = np.where(fine, np.maximum(end, found), end)
        if rows.barriers:
            fine &= rows.free(anchor, last, 0, len(optional) - 1)
        if not optional[step]:
            so_far, end = fine, np.where(fine, last, end)
            depth += fine
        at.append((np.flatnonzero(fine), found[fine]))
    some = np.flatnonzero(depth)
    number = np.full(len(anchor), -1)
    number[some] = np.arange(len(some))
    return Attempts(anchor[some], depth[some], [Done(number[which], row) for which, row in at])


def in_turn(found: Attempts, optional: Sequence[bool], rows: Rows, window_us: int | None) -> np.ndarray:
    """Which attempts count when each unit may begin anew once it has completed, or once the window of an attempt has closed.

    >>> event, rows = np.array([0, 0, 1, 0, 0]), Rows(np.array([0, 1, 2, 3, 9]), np.zeros(5, int))
    >>> found = attempts(lambda step: event == step, [False] * 2, rows, window_us=5)
    >>> found.start[in_turn(found, [False] * 2, rows, window_us=5)]  # completed at row 2; the attempt of row 3 is open until time 8
    array([0, 3, 4])
    """
    count = len(found.start)
    unit, ts = rows.unit[found.start], rows.ts[found.start]
    everyone = np.arange(count)
    after = np.full(count, count)
    if window_us is not None and count:
        # by time, a start before the end of a window at the same time: the starts before it are those the attempt covers
        order = np.lexsort((np.repeat([0, 1], count), np.concatenate([ts, ts + window_us]), np.concatenate([unit, unit])))
        ends = np.flatnonzero(order >= count)
        after[order[ends] - count] = ends - np.arange(len(ends))
    done = found.depth == len(optional) - sum(optional)
    end = np.max([found.rows(step, everyone) for step in range(len(optional)) if not optional[step]], axis=0)
    after[done] = np.searchsorted(found.start, end[done], side="right")
    after[(after < count) & (unit[np.minimum(after, count - 1)] != unit)] = count
    counts = np.zeros(count + 1, bool)
    current = blocks.starts(unit)
    while len(current) > FEW:
        counts[current] = True
        current = after[current]
        current = current[current < count]
    if len(current):
        following = after.tolist()
        for one in current.tolist():
            while one < count:
                counts[one] = True
                one = following[one]
    return np.flatnonzero(counts[:count])
