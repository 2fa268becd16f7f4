"""One pass over a Parquet file without a store: histories that are sorted block by block while a measure goes over them.

For a question asked once of a large file. Whoever asks twice ingests: the store's histories are sorted already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, nearest
from opsnb.tables.histories import Histories

if TYPE_CHECKING:
    import pyarrow as pa

USERS_A_BLOCK = 1 << 16  # so that inside a block a user is a 16-bit number, which numpy sorts in linear time


def parquet_histories(path: str | Path, *columns: str, user_id: str = "user_id", ts: str = "ts", name: str = "events") -> Histories:
    """The histories in a Parquet file (or a folder of them), with the label columns named; nothing is checked, nothing is stored.

    ``user_id`` and ``ts`` name the file's columns of those. Users stand in the order in which they first occur; rows of one
    user and time keep the file's order. Sorting happens anew in every pass.

    Raises InputError for a column that is missing or of a wrong type, and for a missing user id or time.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.ParquetDataset(path).schema
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {error}") from error
    wanted = list(dict.fromkeys((user_id, ts, *columns)))
    for column in wanted:
        if column not in schema.names:
            raise InputError(f"{path}: no column '{column}'; {nearest(column, schema.names)}")
    texts = [column for column in wanted if pa.types.is_string(schema.field(column).type)]
    table = pq.read_table(path, columns=wanted, read_dictionary=texts)
    for column in (user_id, ts):
        if table[column].null_count:
            raise InputError(f"{path}: {column} is missing in {table[column].null_count:,} rows; every row needs one")
    if not pa.types.is_timestamp(schema.field(ts).type):
        raise InputError(f"{path}: {ts} is {schema.field(ts).type}, not a timestamp; ingest the file, which reads other kinds of time")
    user, users = _coded(table[user_id])
    columns_of: dict[str, np.ndarray] = {"ts": _microseconds(table[ts])}
    labels = {}
    for column in columns:
        code, values = _coded(table[column])
        order = np.argsort(values, kind="stable")  # labels are sorted, as in the store
        rank = np.append(np.argsort(order), -1).astype(code.dtype)
        columns_of[column], labels[column] = rank[code], values[order]
    return Histories(name, users, labels, _Buckets(user, columns_of))


class _Buckets(Sequence[Mapping[str, np.ndarray]]):
    """Blocks of 65,536 users each, sorted by (user, ts, file order) when asked for, and not kept."""

    def __init__(self, user: np.ndarray, columns: Mapping[str, np.ndarray]):
        self._user, self._columns = user, columns
        self._bucket = (user >> 16).astype(np.uint16 if len(user) and user.max() >= 1 << 24 else np.uint8)
        self._in_order = bool((columns["ts"][1:] >= columns["ts"][:-1]).all())  # as logs are

    def __len__(self) -> int:
        return int(self._bucket.max()) + 1 if len(self._bucket) else 0

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        rows = np.flatnonzero(self._bucket == index).astype(np.int32 if len(self._user) < 1 << 31 else np.int64)
        if not self._in_order:
            rows = rows[np.argsort(self._columns["ts"][rows], kind="stable")]
        rows = rows[np.argsort(self._user[rows].astype(np.uint16), kind="stable")]
        return {"user_id": self._user[rows], **{column: values[rows] for column, values in self._columns.items()}}


def _coded(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Codes of a column's values, -1 for missing, and the values as texts."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.unify_dictionaries()
    if not column.num_chunks:
        return np.empty(0, np.int32), np.empty(0, object)
    codes = np.concatenate([chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in column.chunks]).astype(np.int32, copy=False)
    values = column.chunk(0).dictionary.cast(pa.string()).to_numpy(zero_copy_only=False)
    return codes, values


def _microseconds(column: pa.ChunkedArray) -> np.ndarray:
    """Microseconds of the local clock."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type.tz is not None:
        column = pc.local_timestamp(column)
    return column.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_numpy()
