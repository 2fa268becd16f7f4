"""Users' histories: rows sorted by (user, ts, file order), handed over in blocks of whole users.

Everything about users is a sum over users' whole histories, so a measure is one linear pass over blocks, and the
results of blocks add up, distinct users included, because a user lives in one block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, nearest
from opsnb.tables.codebook import TABLES

if TYPE_CHECKING:
    import pandas as pd

BLOCK_ROWS = 1 << 20


@dataclass(frozen=True)
class Block:
    """Whole histories of some users.

    ``user`` int32 codes, never decreasing, as indexes into ``Histories.users``; ``ts`` int64 microseconds since 1970-01-01 of the
    business's local clock; ``columns`` by name: labels and ids as int32 codes into ``Histories.labels(name)`` (-1: missing),
    numbers as float64 (nan: missing).
    """

    user: np.ndarray
    ts: np.ndarray
    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.user)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    @property
    def starts(self) -> np.ndarray:
        """Index of every user's first row."""
        if not len(self.user):
            return np.empty(0, np.int64)
        return np.flatnonzero(np.r_[True, self.user[1:] != self.user[:-1]])

    @property
    def first_rows(self) -> np.ndarray:
        """Per row: is it its user's first one."""
        first = np.ones(len(self.user), bool)
        np.not_equal(self.user[1:], self.user[:-1], out=first[1:])
        return first


class Histories:
    """A table of users' histories, in memory or memory-mapped; see :func:`histories` for how to make one from a frame.

    ``name``: codebook name. ``users``: array of user ids, whose index is the code. ``labels(column)``: array of the texts that
    the codes of that column stand for. ``batches``: list of mappings column -> array, each of whole users.
    """

    def __init__(self, name: str, users: np.ndarray, labels: Mapping[str, np.ndarray], batches: Sequence[Mapping[str, np.ndarray]],
                 numbers: Sequence[str] = ()):
        self.name, self.users, self._labels, self._batches = name, users, dict(labels), list(batches)
        self.columns: tuple[str, ...] = ("user_id", "ts", *self._labels, *numbers)

    def __len__(self) -> int:
        return sum(len(batch["ts"]) for batch in self._batches)

    def __contains__(self, column: str) -> bool:
        return column in self.columns

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self):,} rows of {len(self.users):,} users; {', '.join(self.columns)}>"

    def labels(self, column: str) -> np.ndarray:
        """The texts that the codes of ``column`` stand for."""
        self.require(column)
        if column not in self._labels:
            raise InputError(f"{self.name}: column '{column}' holds numbers, not labels; {nearest(column, self._labels)}")
        return self._labels[column]

    def require(self, *columns: str) -> None:
        """Raises InputError for a column that is not there."""
        for column in columns:
            if column not in self.columns:
                raise InputError(f"{self.name}: no column '{column}'; {nearest(column, self.columns)}")

    def codes(self, column: str, values: Sequence[str]) -> np.ndarray:
        """The codes of some labels; raises InputError for one that does not occur."""
        index = {label: code for code, label in enumerate(self.labels(column))}
        for value in values:
            if value not in index:
                raise InputError(f"{self.name}: {column} '{value}' does not occur; {nearest(value, index)}")
        return np.array([index[value] for value in values], np.int32)

    def blocks(self, *columns: str) -> Iterator[Block]:
        """Blocks of whole users with ``user``, ``ts`` and the columns asked for; arrays are views, not copies."""
        self.require(*columns)
        for batch in self._batches:
            yield Block(batch["user_id"], batch["ts"], {column: batch[column] for column in columns})

    def span(self) -> tuple[int, int] | None:
        """First and last ts in microseconds, or None when there are no rows."""
        found = [(int(batch["ts"].min()), int(batch["ts"].max())) for batch in self._batches if len(batch["ts"])]
        return (min(low for low, _ in found), max(high for _, high in found)) if found else None

    def to_pandas(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The rows as a pandas frame: ``user_id`` and labels as categoricals, ``ts`` as datetime64[us]."""
        import pandas as pd

        wanted = list(columns if columns is not None else self.columns)
        self.require(*wanted)
        out: dict[str, Any] = {}
        for column in wanted:
            parts = [batch[column] for batch in self._batches]
            whole = np.concatenate(parts) if parts else np.empty(0, np.float64)
            if column == "user_id":
                out[column] = pd.Categorical.from_codes(whole.astype(np.int32), categories=pd.Index(self.users, dtype=object))
            elif column == "ts":
                out[column] = whole.astype(np.int64).view("datetime64[us]")
            elif column in self._labels:
                out[column] = pd.Categorical.from_codes(whole.astype(np.int32), categories=pd.Index(self._labels[column], dtype=object))
            else:
                out[column] = whole
        return pd.DataFrame(out)


def histories(table: Any, name: str = "events") -> Histories:
    """A stored table as it is, or a plain pandas or Arrow frame with the codebook's columns made into histories.

    The frame needs the required columns of the codebook's table ``name``; further columns are kept: texts as labels, numbers as
    numbers. Rows are sorted by (user, ts), ties keep the frame's order. Raises InputError for a missing column, a missing
    user id or a missing time stamp, saying which row.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"user_id": ["b", "a", "a"], "ts": pd.to_datetime(["2025-01-01", "2025-01-03", "2025-01-02"]),
    ...                       "event": ["home", "cart", "home"]})
    >>> h = histories(frame)
    >>> h
    <events: 3 rows of 2 users; user_id, ts, event>
    >>> h.to_pandas().astype(str).values.tolist()
    [['a', '2025-01-02', 'home'], ['a', '2025-01-03', 'cart'], ['b', '2025-01-01', 'home']]
    """
    if isinstance(table, Histories):
        return table
    import pandas as pd

    frame = table.to_pandas() if hasattr(table, "to_pandas") else table
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"{name}: expected a stored table, a pandas frame or an Arrow table, got {type(table).__name__}")
    for column in TABLES[name].required:
        if column not in frame.columns:
            raise InputError(f"{name}: no column '{column}'; {nearest(column, map(str, frame.columns))}")
    return _from_frame(frame, name)


def _from_frame(frame: pd.DataFrame, name: str) -> Histories:
    import pandas as pd

    def missing(column: str, rows: np.ndarray) -> None:
        if rows.any():
            raise InputError(f"{name} row {int(np.flatnonzero(rows)[0])}: {column} is missing; every row needs one")

    def coded(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        codes, uniques = pd.factorize(values, sort=False)
        texts = np.array([str(u) for u in uniques], dtype=object)
        order = np.argsort(texts, kind="stable")  # labels sorted as text, as in the store
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        codes = codes.astype(np.int32)
        return np.where(codes >= 0, rank[codes] if len(rank) else codes, np.int32(-1)).astype(np.int32), texts[order]

    ts = pd.to_datetime(frame["ts"])
    missing("user_id", frame["user_id"].isna().to_numpy())
    missing("ts", ts.isna().to_numpy())
    if ts.dt.tz is not None:
        ts = ts.dt.tz_localize(None)
    user, users = coded(frame["user_id"])
    stamps = ts.to_numpy().astype("datetime64[us]").astype(np.int64)
    order = np.lexsort((stamps, user))  # stable: ties keep the frame's order
    labels: dict[str, np.ndarray] = {}
    arrays: dict[str, np.ndarray] = {"user_id": user[order], "ts": stamps[order]}
    numbers: list[str] = []
    for column in map(str, frame.columns):
        if column in arrays:
            continue
        spec = TABLES[name].column(column)
        is_number = spec.kind in ("money", "number", "count", "probability") if spec else (
            pd.api.types.is_numeric_dtype(frame[column]) and not pd.api.types.is_bool_dtype(frame[column]))
        if is_number:
            arrays[column] = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)[order]
            numbers.append(column)
        else:
            codes, labels[column] = coded(frame[column])
            arrays[column] = codes[order]
    ends = np.flatnonzero(np.r_[arrays["user_id"][1:] != arrays["user_id"][:-1], True]) + 1 if len(frame) else np.empty(0, int)
    return Histories(name, users, labels, _cut(arrays, ends), numbers)


def _cut(arrays: Mapping[str, np.ndarray], ends: np.ndarray) -> list[dict[str, np.ndarray]]:
    """Cuts sorted arrays after whole users, at about BLOCK_ROWS rows; ``ends`` are the indexes after each user's last row."""
    batches, low = [], 0
    while low < (ends[-1] if len(ends) else 0):
        high = int(ends[min(np.searchsorted(ends, low + BLOCK_ROWS), len(ends) - 1)])
        batches.append({column: values[low:high] for column, values in arrays.items()})
        low = high
    return batches
