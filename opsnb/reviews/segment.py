"""A page about some of the visits: those with a property, as ``segment`` names it; and which properties and values a reader may choose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from opsnb.errors import InputError, ParameterError, nearest
from opsnb.measures import blocks, subset
from opsnb.reviews.once import once

if TYPE_CHECKING:
    from opsnb.tables.data import Data

NO_SLICES = ("user_id", "ts", "event", "session_id")
MOST_VALUES = 2000  # of a column in which slices are looked for
MOST_OFFERED = 50  # values of a column that a control offers


def read_segment(text: str) -> tuple[str, str]:
    """(column, value) of a segment written as "device=ios"; a missing value is "(missing)".

    >>> read_segment("device = ios"), read_segment("page=a=b")
    (('device', 'ios'), ('page', 'a=b'))
    """
    column, sign, value = (part.strip() for part in str(text).partition("="))
    if not (sign and column and value):
        raise ParameterError(f"'{text}' is no segment; allowed: column=value, e.g. device=ios")
    return column, value


def only(data: Data, segment: Sequence[str] = ()) -> Data:
    """The data as if there were only the visits of a segment, ["device=ios"]; without one, the data itself.

    Several values of one column are any of them; several columns must all apply, each at some event of the visit. Of the other tables the orders and
    users of those who have such a visit are left, and nothing that belongs to no user: what was spent for all is not set against the customers of some.

    Raises ParameterError for a column or value that the events do not have, MissingTable without events.
    """
    if not segment:
        return data
    where: dict[str, list[str]] = {}
    for text in segment:
        column, value = read_segment(text)
        if column not in (allowed := columns_of(data)):
            raise ParameterError(f"segment: '{column}' is no property by which visits can be chosen; {nearest(column, allowed)}")
        where.setdefault(column, []).append(value)
    try:
        events = subset.visits_with(data.events, where)
    except InputError as error:
        raise ParameterError(f"segment: {error}") from None
    users = subset.users_in(events)
    parts = {"events": events}
    if data.has("orders"):
        parts["orders"] = subset.of_users(data.orders, users)
    if data.has("users"):
        everyone = data.users
        mine = everyone[everyone["user_id"].isin(users)].reset_index(drop=True)
        parts["users"] = mine.copy
    return data.only(**parts)


def columns_of(data: Data) -> list[str]:
    """The columns of events by which visits can be chosen: names, at most 2,000 different ones."""
    if not data.has("events"):
        return []
    return [column for column in data.events.columns if column not in NO_SLICES and not data.events.is_number(column)
            and 0 < len(data.events.labels(column)) <= MOST_VALUES]


def offered(data: Data) -> dict[str, list[str]]:
    """The columns by which visits can be chosen, and the values of each, the most frequent first; at most 50."""
    return {column: [value for value in often(data, column=column) if value is not None][:MOST_OFFERED] for column in columns_of(data)}


@once
def often(data: Data, *, column: str) -> dict[str | None, int]:
    """How many events have each value of a column of names, the most frequent first; None: a missing one."""
    labels = data.events.labels(column)
    codes, found = blocks.counts((block[column] + np.int32(1) for block in data.events.blocks(column)), len(labels) + 1)
    return {None if codes[place] == 0 else str(labels[codes[place] - 1]): int(found[place]) for place in np.argsort(-found, kind="stable")}
