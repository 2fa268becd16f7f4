"""When users were active, counted from the day they came: what retention, its curves and the life cycle share. No topic of its own.

**Active** is a user with an event, or of the orders table with an order (a refund is none), in a day, week or month.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from opsnb.measures.blocks import DAY_US, active_days, changes, starts
from opsnb.measures.purchases import sales
from opsnb.tables.histories import Block, Histories, histories

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_CELLS = 1 << 28  # users x periods, up to which rows need not be sorted


def table_of(rows: Any) -> Histories:
    """Events, or orders where the frame looks like them."""
    return histories(rows, "orders" if "amount" in getattr(rows, "columns", ()) else "events")


class Joining(NamedTuple):
    """How a user joins and comes back. ``values`` of the breakdown (the last: missing) and its column; codes of the events, None: any."""

    values: np.ndarray
    by: str | None
    first: int | None
    then: int | None

    @property
    def columns(self) -> Sequence[str]:
        """What has to be read beside user and time."""
        return tuple(dict.fromkeys((*(() if self.by is None else (self.by,)),
                                    *(() if self.first is None and self.then is None else ("event",)))))


def joining(table: Histories, by: str | None = None, first: str | None = None, then: str | None = None) -> Joining:
    """Raises InputError for a column or an event that does not occur."""
    values = np.array([None], object) if by is None else np.append(table.labels(by), None)  # -1, missing, finds the last
    return Joining(values, by, *(None if event is None else int(table.codes("event", [event])[0]) for event in (first, then)))


class Visits(NamedTuple):
    """Of the users of some blocks who joined, one entry each: ``user``, code; ``start``, period; ``group``, value of the breakdown.

    And one entry per user and period of activity, in order of both: ``who``, number of the user here; ``back``, period. The one in which
    the user joined is among them, unless a ``then`` says what counts.
    """

    user: np.ndarray
    start: np.ndarray
    group: np.ndarray
    who: np.ndarray
    back: np.ndarray


def visits(table: Histories, how: Joining, index: np.ndarray, opening: int) -> Iterator[Visits]:
    """Who joined, and in which periods each was active. ``index``: period of each day from ``opening`` on; later days do not count.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": ["a", "a", "b"], "event": "home", "ts": pd.to_datetime(["1970-01-01", "1970-01-03", "1970-01-02"])})
    >>> table = histories(events)
    >>> for found in visits(table, joining(table), np.arange(3), 0):
    ...     print(found.start, found.who, found.back)
    [0 1] [0 0 1] [0 2 1]
    """
    size = int(index[-1]) + 1
    if how.columns or table.name == "orders":
        yield from (_chosen(block, how, index, opening) for block in _acting(table, how.columns))
    elif table.any_order and table.user_count * size <= MOST_CELLS:
        yield _seen(table, index, opening)
    else:
        for block in (piece for whole in table.blocks() for piece in whole.pieces()):
            row, day = active_days(block.user, block.ts)
            user, day = block.user[row], day - opening
            if len(day) and day.max() >= len(index):
                user, day = user[day < len(index)], day[day < len(index)]
            at = index[day]
            kept = np.flatnonzero(changes(user) | changes(at))
            yield _whole(user[kept], at[kept])


def _acting(table: Histories, columns: Sequence[str]) -> Iterator[Block]:
    """Blocks of rows that are an activity: events, or orders without refunds."""
    if table.name != "orders":
        yield from table.blocks(*columns)
        return
    for found in sales(table, *columns):
        yield Block(found.user, found.ts, {column: found.block[column][found.row] for column in columns})


def _seen(table: Histories, index: np.ndarray, opening: int) -> Visits:
    """From rows in any order: a table of users and periods, ticked where a row is."""
    size = int(index[-1]) + 1
    ticked = np.zeros(table.user_count * size, bool)
    for user, ts in table.moments():
        day = ts // DAY_US - opening
        if day.max(initial=0) >= len(index):
            user, day = user[day < len(index)], day[day < len(index)]
        ticked[user.astype(np.int64) * size + index[day]] = True
    found = np.flatnonzero(ticked)
    return _whole(found // size, found % size)


def _whole(user: np.ndarray, at: np.ndarray) -> Visits:
    """From each user's periods of activity, of which the first one is when they joined."""
    first = starts(user)
    who = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(user))))
    return Visits(user[first], at[first], np.zeros(len(first), np.int64), who, at)


def _chosen(block: Block, how: Joining, index: np.ndarray, opening: int) -> Visits:
    """The same where some events only count, or users are broken down."""
    size = int(index[-1]) + 1
    alive = block.ts < (opening + len(index)) * DAY_US
    row = np.flatnonzero(alive if how.first is None else alive & (block["event"] == how.first))
    row = row[starts(block.user[row])]
    group = np.zeros(len(row), np.int64) if how.by is None else block[how.by][row] % len(how.values)
    back = np.flatnonzero(alive if how.then is None else alive & (block["event"] == how.then))
    joined = np.append(row, len(block))  # the last for rows of users who come before all that joined
    who = np.searchsorted(block.user[row], block.user[back], side="right") - 1
    own = (who >= 0) & (block.user[joined[who] % max(len(block), 1)] == block.user[back])
    own &= (back >= joined[who]) if how.then is None else (back > joined[who])
    back, who = back[own], who[own]
    at = index[block.ts[back] // DAY_US - opening]
    once = starts(who.astype(np.int64) * size + at)
    return Visits(block.user[row], index[block.ts[row] // DAY_US - opening], group, who[once], at[once])
