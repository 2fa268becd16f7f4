"""One pass over Parquet files without a store: histories that are sorted block by block while a measure goes over them.

For a question asked once of a large file. Whoever asks twice ingests: the store's histories are checked and sorted already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, nearest
from opsnb.tables.histories import Histories

if TYPE_CHECKING:
    import pyarrow as pa


def open_parquet(path: str | Path, *columns: str, user_id: str = "user_id", ts: str = "ts", name: str = "events") -> Histories:
    """The histories in a Parquet file, or in all ``*.parquet`` of a folder, with the label columns named: for every measure over events.

    ``user_id`` and ``ts`` are the file's names of those columns. Users stand in the order in which they first occur; rows of one
    user and time keep the files' order. Nothing is checked but that each row has a user and a time, and nothing is stored: every
    pass sorts anew.

    Raises InputError for a file that cannot be read, a column that is missing or of a wrong type, a missing user id or time.

    >>> import tempfile
    >>> import pandas as pd
    >>> from opsnb.measures import funnel
    >>> log = pd.DataFrame({"uid": ["b", "a", "a"], "at": pd.to_datetime(["2025-06-18"] * 3), "event": ["home", "home", "cart"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log.to_parquet(f"{folder}/log.parquet")
    ...     events = open_parquet(f"{folder}/log.parquet", "event", user_id="uid", ts="at")
    >>> events, funnel.step_conversion(events, ["home", "cart"])["users"].tolist()
    (<events: 3 rows of 2 users; user_id, ts, event>, [2, 1])
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    paths = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    wanted = list(dict.fromkeys((user_id, ts, *columns)))
    if not paths:
        raise InputError(f"{path}: no *.parquet file in this folder")
    for one in paths:
        try:
            schema = pq.read_schema(one)
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(f"{one}: cannot be read as Parquet: {error}") from error
        for column in wanted:
            if column not in schema.names:
                raise InputError(f"{one}: no column '{column}'; {nearest(column, schema.names)}")
        if not pa.types.is_timestamp(schema.field(ts).type):
            raise InputError(f"{one}: {ts} is {schema.field(ts).type}, not a timestamp; ingest the file, which reads other kinds of time")
    files = [pq.ParquetFile(one, read_dictionary=[column for column in wanted if column != ts]) for one in paths]
    rows = sum(file.metadata.num_rows for file in files)
    times, codes = np.empty(rows, np.int64), {column: _Codes() for column in dict.fromkeys((user_id, *columns))}
    low = 0
    for one, file in zip(paths, files, strict=True):
        for group in range(file.num_row_groups):
            read = file.read_row_group(group, columns=wanted)
            for column in (user_id, ts):
                if read[column].null_count:
                    raise InputError(f"{one}: {column} is missing in {read[column].null_count:,} rows; every row needs one")
            times[low:low + len(read)] = _microseconds(read[ts])
            for column, coded in codes.items():
                coded.add(read[column])
            low += len(read)
            del read
            pa.default_memory_pool().release_unused()  # else the peak is that of all row groups together
    found = {column: coded.finish(ordered=column != user_id) for column, coded in codes.items()}
    labels = {column: found[column][1] for column in columns}
    return Histories(name, found[user_id][1], labels, _Buckets(found[user_id][0], times, {column: found[column][0] for column in columns}))


PIECE_ROWS = 1 << 18


class _Codes:
    """A column's values as codes, gathered row group by row group: each group has a dictionary of its own until the end."""

    def __init__(self) -> None:
        self._parts: list[tuple[np.ndarray, pa.Array]] = []

    def add(self, column: pa.ChunkedArray) -> None:
        import pyarrow as pa

        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        for chunk in column.unify_dictionaries().chunks:
            codes = chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            self._parts.append((codes.astype(_smallest(len(chunk.dictionary))), chunk.dictionary.cast(pa.string())))

    def finish(self, ordered: bool) -> tuple[np.ndarray, _Texts]:
        """Codes that hold for all rows, in the smallest type that takes them, -1 for missing; and the texts they stand for."""
        import pyarrow as pa

        whole = pa.concat_arrays([texts for _, texts in self._parts] or [pa.array([], pa.string())]).dictionary_encode()
        texts, code_of = whole.dictionary, whole.indices.to_numpy(zero_copy_only=False)
        if ordered:  # labels are sorted as text, as in the store
            order = np.argsort(texts.to_numpy(zero_copy_only=False), kind="stable")
            rank = np.empty(len(texts), np.int32)
            rank[order] = np.arange(len(texts))
            texts, code_of = texts.take(pa.array(order)), rank[code_of]
        codes = np.empty(sum(len(part) for part, _ in self._parts), _smallest(len(texts)))
        row = value = 0
        for number, (part, own) in enumerate(self._parts):
            codes[row:row + len(part)] = np.append(code_of[value:value + len(own)], -1).take(part, mode="wrap")
            self._parts[number] = (part[:0], own[:0])  # each is let go as soon as it is copied
            row, value = row + len(part), value + len(own)
        return codes, _Texts(texts)


def _smallest(values: int) -> type[np.signedinteger]:
    """The smallest type for codes of so many values, and -1."""
    return np.int8 if values < 1 << 7 else np.int16 if values < 1 << 15 else np.int32


class _Texts:
    """Texts that become a numpy array when they are asked for."""

    def __init__(self, texts: pa.Array):
        self._texts = texts

    def __len__(self) -> int:
        return len(self._texts)

    def __call__(self) -> np.ndarray:
        return self._texts.to_numpy(zero_copy_only=False)


class _Buckets(Sequence[Mapping[str, np.ndarray]]):
    """Blocks of 65,536 users each, sorted by (user, ts, file order) when asked for, and not kept.

    Inside a block a user is then a 16-bit number, which numpy sorts in linear time.
    """

    def __init__(self, user: np.ndarray, ts: np.ndarray, columns: Mapping[str, np.ndarray]):
        self._user, self._ts, self._columns = user, ts, columns
        self._bucket = (user.astype(np.int32, copy=False) >> 16).astype(np.uint8 if not len(user) or user.max() < 1 << 24 else np.uint16)
        self._in_order = bool((ts[1:] >= ts[:-1]).all())  # as logs are

    def __len__(self) -> int:
        return int(self._bucket.max()) + 1 if len(self._bucket) else 0

    def moments(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """User and time of all rows in the file's order: nothing is sorted."""
        for low in range(0, len(self._ts), PIECE_ROWS):
            yield self._user[low:low + PIECE_ROWS], self._ts[low:low + PIECE_ROWS]

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        rows = np.flatnonzero(self._bucket == index)
        user, ts = self._user[rows], self._ts[rows]
        order = np.argsort(user.astype(np.uint16), kind="stable") if self._in_order else np.lexsort((ts, user))
        return {"user_id": user[order].astype(np.int32), "ts": ts[order],
                **{column: values[rows][order].astype(np.int32) for column, values in self._columns.items()}}


def _microseconds(column: pa.ChunkedArray) -> np.ndarray:
    """Microseconds of the local clock."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type.tz is not None:
        column = pc.local_timestamp(column)
    return column.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_numpy()
