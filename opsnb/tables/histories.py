"""Users' histories: rows sorted by (user, ts, file order), handed over in blocks of whole users.

Everything about users is a sum over users' whole histories, so a measure is one linear pass over blocks, and the
results of blocks add up, distinct users included, because a user lives in one block.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from opsnb.errors import InputError, nearest
from opsnb.tables.codebook import TABLES

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

BLOCK_ROWS = 1 << 20
PIECE_ROWS = 1 << 18  # what is computed of so many rows stays in the processor's cache


class LazyTexts(Protocol):
    """Texts that are read when called for; their number is known before."""

    def __len__(self) -> int: ...
    def __call__(self) -> np.ndarray: ...


Texts: TypeAlias = "np.ndarray | LazyTexts"


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

    def pieces(self, rows: int = PIECE_ROWS) -> Iterator[Block]:
        """The same histories in smaller blocks, of about so many rows; a user's stay together. Views, not copies.

        >>> day = np.arange(5)
        >>> [piece.ts.tolist() for piece in Block(np.array([3, 3, 3, 4, 7]), day, {}).pieces(2)]
        [[0, 1, 2], [3, 4]]
        """
        low = 0
        while low < len(self):
            last = self.user[min(low + rows, len(self)) - 1]
            high = int(np.searchsorted(self.user, last, side="right"))
            yield Block(self.user[low:high], self.ts[low:high], {name: values[low:high] for name, values in self.columns.items()})
            low = high

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
    the codes of that column stand for. ``batches``: mappings column -> array, each of whole users. Users and labels may be handed
    in as functions that read them; they are then called at first use. ``span``: first and last ts where it is known, () of no rows.
    """

    def __init__(self, name: str, users: Texts, labels: Mapping[str, Texts], batches: Sequence[Mapping[str, np.ndarray]],
                 numbers: Sequence[str] = (), *, span: tuple[int, ...] | None = None):
        self.name, self._users, self._labels, self._batches = name, users, dict(labels), batches
        self.columns: tuple[str, ...] = ("user_id", "ts", *self._labels, *numbers)
        self._span = span

    def __len__(self) -> int:
        return sum(len(batch["ts"]) for batch in self._batches)

    def __contains__(self, column: str) -> bool:
        return column in self.columns

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self):,} rows of {self.user_count:,} users; {', '.join(self.columns)}>"

    @property
    def users(self) -> np.ndarray:
        """The user ids, sorted; a row's ``user`` is an index into them."""
        if callable(self._users):
            self._users = self._users()
        return self._users

    @property
    def user_count(self) -> int:
        """How many users there are; does not read their ids."""
        return len(self._users)

    def labels(self, column: str) -> np.ndarray:
        """The texts that the codes of ``column`` stand for."""
        self.require(column)
        if column not in self._labels:
            raise InputError(f"{self.name}: column '{column}' holds numbers, not labels; {nearest(column, self._labels)}")
        found = self._labels[column]
        if callable(found):
            found = self._labels[column] = found()
        return found

    def is_number(self, column: str) -> bool:
        """Does this column hold numbers, not labels? User and time are neither."""
        self.require(column)
        return column not in self._labels and column not in ("user_id", "ts")

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
        _keep_memory()
        for batch in self._batches:
            yield Block(batch["user_id"], batch["ts"], {column: batch[column] for column in columns})

    @property
    def any_order(self) -> bool:
        """Are rows cheaper to have in any order, by :meth:`moments`, than sorted in blocks?"""
        return hasattr(self._batches, "moments")

    def moments(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """``user`` and ``ts`` of all rows, in pieces and in no order: for measures that only ask whether a user was there."""
        if self.any_order:
            yield from self._batches.moments()
        else:
            yield from ((batch["user_id"], batch["ts"]) for batch in self._batches)

    def span(self) -> tuple[int, int] | None:
        """First and last ts in microseconds, or None when there are no rows."""
        if self._span is None:
            ends = [end for _, ts in self.moments() if len(ts) for end in (int(ts.min()), int(ts.max()))]
            self._span = (min(ends), max(ends)) if ends else ()
        return self._span or None

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
                out[column] = pd.Categorical.from_codes(whole.astype(np.int32), categories=pd.Index(self.labels(column), dtype=object))
            else:
                out[column] = whole
        return pd.DataFrame(out)


def _keep_memory() -> None:
    """Makes the C library keep the memory that a block's arrays give back, for the next block's: glibc keeps twice the largest array
    that it has seen go, up to 32 MB. Else each array's pages are fetched and cleared anew, which is a fifth of a funnel's time."""
    np.empty((32 << 20) - (1 << 14), np.uint8)


def histories(table: Any, name: str = "events") -> Histories:
    """A stored table as it is, or a plain pandas or Arrow frame with the codebook's columns made into histories.

    The frame needs the required columns of the codebook's table ``name``; further columns are kept: texts as labels (an empty text
    is a missing one), numbers as numbers. Rows are sorted by (user, ts), ties keep the frame's order. Raises InputError for a
    missing column, a missing user id or a missing time stamp, saying which row, and for a ``ts`` that holds no times.

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
    columns = _columns(table, name)
    for column in TABLES[name].required:
        if column not in columns:
            raise InputError(f"{name}: no column '{column}'; {nearest(column, columns)}")
    stamps = _stamps(columns.pop("ts"), name)
    user, users = _coded(columns.pop("user_id"))
    if len(user) and user.min() < 0:
        raise InputError(f"{name} row {int(np.flatnonzero(user < 0)[0])}: user_id is missing; every row needs one")
    order = _stable_order(stamps, user)
    arrays: dict[str, np.ndarray] = {"user_id": _in_order(user, order), "ts": _in_order(stamps, order)}
    labels: dict[str, np.ndarray] = {}
    numbers: list[str] = []
    for column, values in columns.items():
        spec = TABLES[name].column(column)
        if spec.kind in NUMBERS if spec else _is_number(values):
            arrays[column] = _in_order(_floats(values), order)
            numbers.append(column)
        else:
            codes, labels[column] = _coded(values)
            arrays[column] = _in_order(codes, order)
    user = arrays["user_id"]
    ends = np.flatnonzero(np.r_[user[1:] != user[:-1], True]) + 1 if len(user) else np.empty(0, int)
    return Histories(name, users, labels, _cut(arrays, ends), numbers)


Values: TypeAlias = "pd.Series | pa.ChunkedArray"
NUMBERS = ("money", "number", "count", "probability")  # kinds of the codebook that are stored as float64


def _columns(table: Any, name: str) -> dict[str, Values]:
    """The columns of a pandas frame, or of anything that hands out Arrow: pyarrow, Polars, DuckDB."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(table, pandas.DataFrame):
        return {str(column): table[column] for column in table.columns}
    if not hasattr(table, "__arrow_c_stream__"):
        raise InputError(f"{name}: expected a stored table, a pandas frame or an Arrow table, got {type(table).__name__}")
    import pyarrow as pa

    found = pa.table(table)
    return {column: found.column(column) for column in found.column_names}


def _is_arrow(values: Values) -> bool:
    return hasattr(values, "chunks")


def _is_number(values: Values) -> bool:
    if _is_arrow(values):
        from pyarrow import types

        return types.is_integer(values.type) or types.is_floating(values.type) or types.is_decimal(values.type)
    import pandas as pd

    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _floats(values: Values) -> np.ndarray:
    if _is_arrow(values):
        import pyarrow as pa

        return values.cast(pa.float64()).to_numpy()  # a null becomes nan
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _stamps(values: Values, name: str) -> np.ndarray:
    """Microseconds since 1970 of the wall clock that the times show."""
    import pyarrow as pa

    if _is_arrow(values) and pa.types.is_timestamp(values.type):
        from pyarrow import compute

        values = compute.local_timestamp(values) if values.type.tz else values
        gaps = compute.is_null(values).to_numpy() if values.null_count else np.zeros(0, bool)
        stamps = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_numpy() if not gaps.any() else np.empty(0, np.int64)
    else:
        import pandas as pd

        values = values.to_pandas() if _is_arrow(values) else values
        if _is_number(values):
            raise InputError(f"{name}: ts holds numbers such as {values.iloc[0] if len(values) else ''}; make them times, "
                             "e.g. pandas.to_datetime(ts, unit='s')")
        try:
            times = pd.to_datetime(values)
        except (ValueError, TypeError) as error:
            raise InputError(f"{name}: ts holds no times ({error})") from error
        times = times if times.dt.tz is None else times.dt.tz_localize(None)
        gaps = times.isna().to_numpy()
        stamps = times.to_numpy().astype("datetime64[us]").astype(np.int64)
    if gaps.any():
        raise InputError(f"{name} row {int(np.flatnonzero(gaps)[0])}: ts is missing; every row needs one")
    return stamps


def _coded(values: Values) -> tuple[np.ndarray, np.ndarray]:
    """int32 codes (-1: missing or empty) and the texts that they stand for, sorted as the store sorts them."""
    import pyarrow as pa
    from pyarrow import compute

    if not len(values):
        return np.empty(0, np.int32), np.empty(0, object)
    if _is_arrow(values):
        values = values.cast(pa.large_string()) if pa.types.is_string_view(values.type) else values
        encoded = values.combine_chunks() if pa.types.is_dictionary(values.type) else values.dictionary_encode().combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = pa.concat_arrays(encoded.chunks)
        codes = compute.fill_null(encoded.indices.cast(pa.int32()), -1).to_numpy()
        found = encoded.dictionary
    else:
        import pandas as pd

        codes, found = pd.factorize(values, sort=False)
    if not (isinstance(found, pa.Array) and (pa.types.is_string(found.type) or pa.types.is_large_string(found.type))):
        found = pa.array([_text(value) for value in (found.to_pylist() if isinstance(found, pa.Array) else found)], pa.large_string())
    merged = found.dictionary_encode()  # 1 and "1" are one label
    order = compute.sort_indices(merged.dictionary)
    labels = merged.dictionary.take(order).to_numpy(zero_copy_only=False)
    rank = np.empty(len(order), np.int32)
    rank[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
    rank = rank[compute.fill_null(merged.indices, 0).to_numpy(zero_copy_only=False)]
    if len(labels) and labels[0] == "":
        labels, rank = labels[1:], rank - np.int32(1)
    return np.append(rank, np.int32(-1)).take(codes, mode="wrap"), labels  # the last place answers for code -1


def _text(value: Any) -> str:
    """A value as the file would have it: an id that pandas made a float, because some are missing, is whole again."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, (float, np.floating)) and float(value).is_integer() else str(value)


def _stable_order(stamps: np.ndarray, user: np.ndarray) -> np.ndarray | None:
    """The rows by (user, ts, place), None if they lie so already: sorts packed (value, place) keys, least significant first, which
    numpy does several times faster than lexsort."""
    rows = len(user)
    low_bits = max(rows - 1, 0).bit_length()
    room = 63 - low_bits
    order: np.ndarray | None = None
    for values in (stamps, user):
        values = values if order is None else values.take(order)
        if not rows or (values[1:] >= values[:-1]).all():
            continue
        values = values - values.min().astype(np.int64)
        for shift in range(0, int(values.max()).bit_length(), room):
            key = values >> shift
            key &= (1 << room) - 1
            key <<= low_bits
            key |= np.arange(rows, dtype=np.int64)
            key.sort()
            key &= (1 << low_bits) - 1
            order, values = key if order is None else order.take(key), values.take(key)
    return order


def _in_order(values: np.ndarray, order: np.ndarray | None) -> np.ndarray:
    return values if order is None else values.take(order)


def _cut(arrays: Mapping[str, np.ndarray], ends: np.ndarray) -> list[dict[str, np.ndarray]]:
    """Cuts sorted arrays after whole users, at about BLOCK_ROWS rows; ``ends`` are the indexes after each user's last row."""
    batches, low = [], 0
    while low < (ends[-1] if len(ends) else 0):
        high = int(ends[min(np.searchsorted(ends, low + BLOCK_ROWS), len(ends) - 1)])
        batches.append({column: values[low:high] for column, values in arrays.items()})
        low = high
    return batches
