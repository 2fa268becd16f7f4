"""The best attempt of every user or visit at a funnel, row by row, for measures that ask what lies along one. No topic of its own.

Steps are read by :mod:`opsnb.measures.steps` and matched by :mod:`opsnb.measures.attempts`, as the funnel's are; every step is required.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from opsnb.errors import ParameterError, nearest
from opsnb.measures import blocks
from opsnb.measures import steps as asked
from opsnb.measures.attempts import Rows, attempts

if TYPE_CHECKING:
    from opsnb.measures.blocks import Unit
    from opsnb.measures.intervals import Day
    from opsnb.measures.steps import Event, Step
    from opsnb.tables.histories import Block, Histories


class Walk(NamedTuple):
    """One block: its rows by unit, the unit of each; ``rows[k, i]``: the row at which attempt i did step k, -1 if it did not; how many
    steps it did; and for the place of a step, which rows match it. Units without the first step have no attempt."""

    block: Block
    unit: np.ndarray
    rows: np.ndarray
    depth: np.ndarray
    match: Callable[[int], np.ndarray]


def required_steps(table: Histories, steps: Sequence[Event]) -> list[Step]:
    """The steps of a funnel none of which may be left out."""
    read = asked.funnel_steps(table, steps)
    for step in read:
        if step.optional:
            raise ParameterError(f"step '{step.name}' is optional: what lies along a funnel is asked of required steps only; leave it out")
    return read


def step_before(after: str, names: Sequence[str]) -> int:
    """The place of the step called ``after``, which may be any but the last one.

    >>> step_before("cart", ["home", "cart", "payment"])
    1
    """
    if after not in names[:-1]:
        raise ParameterError(f"after '{after}' is not a step that another one follows; {nearest(after, names[:-1])}")
    return list(names).index(after)


def walks(table: Histories, steps: Sequence[Step], unit: Unit, window_us: int | None, *columns: str, start: Day | None = None,
          as_of: Day | None = None) -> Iterator[Walk]:
    """Per block every unit's best attempt, the first of those that get furthest.

    >>> import pandas as pd
    >>> from opsnb.tables.histories import histories
    >>> table = histories(pd.DataFrame({"user_id": list("aaab"), "event": ["home", "home", "cart", "cart"],
    ...                                 "ts": pd.Timestamp("2025-06-18") + pd.to_timedelta([0, 1, 2, 0], unit="min")}))
    >>> walk, = walks(table, required_steps(table, ["home", "cart"]), "user", blocks.MINUTE_US)
    >>> walk.rows.tolist(), walk.depth.tolist()
    ([[1], [2]], [2])
    """
    size, conditions = len(table.labels("event")), sorted(set().union(*(step.columns for step in steps)))
    for block, number in blocks.in_units(table, unit, *dict.fromkeys(("event", *columns, *conditions)), start=start, as_of=as_of):
        match = asked.matches(steps, block.columns, size)
        found = attempts(match, [False] * len(steps), Rows(block.ts, number), window_us=window_us, best_of=lambda row: np.zeros(len(row), bool))
        rows = np.full((len(steps), len(found.start)), -1, np.int64)
        for step, (which, row, _) in enumerate(found.at):
            rows[step, which] = row
        yield Walk(block, number, rows, found.depth, match)
