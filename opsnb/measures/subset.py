"""Some of a table's histories as if there were no others: the visits with a property, the orders of some users."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from opsnb.errors import InputError, nearest
from opsnb.measures import blocks
from opsnb.tables.histories import Block, Histories, histories

MISSING = "(missing)"  # how a missing value is written where a slice is named


def visits_with(events: Any, where: Mapping[str, Sequence[str]]) -> Histories:
    """The visits in which the properties named had one of the values named, all their events with them.

    Input columns: user_id, ts, those of ``where``, and session_id where there is one (else visits are cut at 30 idle minutes). ``where``:
    {property: values}; "(missing)" is a missing value. A visit counts if, for each property, some event of it has one of the values.

    Returns histories with the same columns; user ids and labels keep their codes. Rows are picked when a measure passes over them.

    Raises InputError for a column that is not there, holds numbers, or never has one of the values.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aab"), "event": ["home", "cart", "home"], "page": ["tea", None, None], "ts": pd.Timestamp("2025-06-18")})
    >>> visits_with(events, {"page": ["tea"]}).to_pandas().astype(str)[["user_id", "event"]].values.tolist()
    [['a', 'home'], ['a', 'cart']]
    """
    table = histories(events)
    wanted = {column: _codes(table, column, values) for column, values in where.items()}
    named = ("session_id",) if "session_id" in table else ()

    def kept(block: Block) -> np.ndarray:
        order, number = blocks.visits(block)
        if not len(number):
            return np.empty(0, np.int32)
        inside = np.ones(int(number[-1]) + 1, bool)
        for column, codes in wanted.items():
            values = block[column] if order is None else block[column][order]
            hit = np.isin(values, codes)
            found = np.zeros(len(inside), bool)
            found[number[hit]] = True
            inside &= found
        rows = np.flatnonzero(inside[number])
        return np.sort(rows if order is None else order[rows]).astype(np.int32)

    return _picked(table, kept, *dict.fromkeys((*named, *wanted)))


def of_users(table: Histories, users: np.ndarray) -> Histories:
    """The rows of ``table`` whose user is one of ``users``, ids in ascending order. Ids and labels keep their codes.

    >>> import pandas as pd
    >>> table = histories(pd.DataFrame({"user_id": list("abc"), "event": "home", "ts": pd.Timestamp("2025-06-18")}))
    >>> of_users(table, np.array(["b", "d"], object)).to_pandas()["user_id"].tolist()
    ['b']
    """
    ids = table.users
    place = np.minimum(np.searchsorted(users, ids), max(len(users) - 1, 0)) if len(users) else np.zeros(len(ids), np.int64)
    known = np.asarray(users[place] == ids, bool) if len(users) else np.zeros(len(ids), bool)
    return _picked(table, lambda block: np.flatnonzero(known[block.user]).astype(np.int32))


def users_in(table: Histories) -> np.ndarray:
    """The ids of the users who have a row, ascending."""
    found = np.zeros(len(table.users), bool)
    for user, _ts in table.moments():
        found[user] = True
    return table.users[found]


def _codes(table: Histories, column: str, values: Sequence[str]) -> np.ndarray:
    labels = table.labels(column)
    place = {str(label): code for code, label in enumerate(labels)} | {MISSING: -1}
    for value in values:
        if value not in place:
            raise InputError(f"{column} is never '{value}'; {nearest(value, labels)}")
    return np.array([place[value] for value in values], np.int32)


def _picked(table: Histories, kept: Callable[[Block], np.ndarray], *columns: str) -> Histories:
    labels = [column for column in table.columns if column not in ("user_id", "ts") and not table.is_number(column)]
    numbers = [column for column in table.columns if table.is_number(column)]
    texts = {column: _Later(table, column) for column in labels}
    return Histories(table.name, table.users, texts, _Picked(table, kept, columns), numbers)


class _Later:
    """Labels of another table, read when they are asked for."""

    def __init__(self, table: Histories, column: str):
        self._table, self._column = table, column

    def __len__(self) -> int:
        return len(self._table.labels(self._column))

    def __call__(self) -> np.ndarray:
        return self._table.labels(self._column)


class _Picked(Sequence[Mapping[str, np.ndarray]]):
    """Batches of a table with some rows of each: which ones is found out once, the rows themselves are taken at each pass."""

    def __init__(self, table: Histories, kept: Callable[[Block], np.ndarray], columns: Sequence[str]):
        whole = table.blocks(*(column for column in table.columns if column not in ("user_id", "ts")))
        found = ((block, kept(Block(block.user, block.ts, {column: block[column] for column in columns}))) for block in whole)
        self._blocks = [(block, rows) for block, rows in found if len(rows)]

    def __len__(self) -> int:
        return len(self._blocks)

    def __getitem__(self, place: Any) -> Any:
        return _Rows(*self._blocks[place])


class _Rows(Mapping[str, np.ndarray]):
    """Some rows of a block, column by column."""

    def __init__(self, block: Block, rows: np.ndarray):
        self._block, self._chosen = block, rows

    def __getitem__(self, column: str) -> np.ndarray:
        values = {"user_id": self._block.user, "ts": self._block.ts}.get(column)
        return (self._block[column] if values is None else values).take(self._chosen)

    def __iter__(self) -> Iterator[str]:
        return iter(("user_id", "ts", *self._block.columns))

    def __len__(self) -> int:
        return 2 + len(self._block.columns)
