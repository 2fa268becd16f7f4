"""One pass over Parquet files without a store: histories that are sorted block by block while a measure goes over them.

For a question asked once of a large file. Whoever asks twice ingests: the store's histories are checked and sorted already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, nearest
from opsnb.tables.histories import Histories

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


def open_parquet(path: str | Path, *columns: str, user_id: str = "user_id", ts: str = "ts", name: str = "events") -> Histories:
    """The histories in a Parquet file, or in all ``*.parquet`` of a folder, with the label columns named: for every measure over events.

    ``user_id`` and ``ts`` are the file's names of those columns. Users stand in the order in which they first occur, whole numbers by
    size; rows of one user and time keep the files' order. Nothing is checked but that each row has a user and a time, and nothing is stored: every
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
    whole = all(pa.types.is_integer(pq.read_schema(one).field(user_id).type) for one in paths)
    users, codes = _Numbers() if whole else _Codes(), {column: _Codes() for column in dict.fromkeys(columns)}
    stamps, in_order, before = [], True, -(1 << 63)
    for one in paths:
        file = pq.ParquetFile(one, read_dictionary=[column for column in wanted if column != ts and (column != user_id or not whole)])
        for groups in _row_groups(file):
            read = file.read_row_groups(groups, columns=wanted)
            for column in (user_id, ts):
                if read[column].null_count:
                    raise InputError(f"{one}: {column} is missing in {read[column].null_count:,} rows; every row needs one")
            times = _microseconds(read[ts])
            in_order = in_order and bool((times[1:] >= times[:-1]).all()) and (not len(times) or times[0] >= before)
            before = times[-1] if len(times) else before
            stamps.append(times)
            for column, coded in ((user_id, users), *codes.items()):
                coded.add(read[column])
            del read
            pa.default_memory_pool().release_unused()  # else the peak is that of all row groups together
    found, texts = users.finish()
    labels = {column: coded.finish(ordered=True) for column, coded in codes.items()}
    parts = [{"user_id": own, "ts": times, **{column: labels[column][0][number] for column in labels}}
             for number, (own, times) in enumerate(zip(found, stamps, strict=True))]
    return Histories(name, texts, {column: texts for column, (_, texts) in labels.items()}, _Buckets(parts, len(texts), in_order))


PART_ROWS, BUCKET_ROWS, BUCKET_USERS = 1 << 20, 1 << 18, 1 << 16


def _row_groups(file: pq.ParquetFile) -> Iterator[list[int]]:
    """Row groups to read together: about a million rows, so that many small ones cost no more than a few large ones."""
    together, rows = [], 0
    for number in range(file.num_row_groups):
        together.append(number)
        rows += file.metadata.row_group(number).num_rows
        if rows >= PART_ROWS:
            yield together
            together, rows = [], 0
    if together:
        yield together


class _Numbers:
    """User ids that are whole numbers, gathered part by part."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []

    def add(self, column: pa.ChunkedArray) -> None:
        values = column.to_numpy()
        small = not len(values) or -(1 << 31) <= values.min() <= values.max() < 1 << 31
        self._parts.append(values.astype(np.int32 if small else np.int64))

    def finish(self) -> tuple[list[np.ndarray], _Texts]:
        """Codes in the order of the numbers, and the numbers as texts."""
        import pandas as pd
        import pyarrow as pa

        some = [part for part in self._parts if len(part)]
        low, high = min((int(part.min()) for part in some), default=0), max((int(part.max()) for part in some), default=-1)
        if high - low < (1 << 20) + 4 * sum(map(len, some)):  # dense enough for a table of all numbers between
            there = np.zeros(high - low + 1, bool)
            for part in some:
                there[part - low] = True
            values, code_of = np.flatnonzero(there) + low, (np.cumsum(there) - 1).astype(np.int32)
        else:
            values, code_of = np.sort(pd.unique(np.concatenate([pd.unique(part) for part in some]))), None  # np.unique takes eight times as long
        for number, part in enumerate(self._parts):
            self._parts[number] = np.searchsorted(values, part).astype(np.int32) if code_of is None else code_of.take(part - low)
        return self._parts, _Texts(lambda: pa.array(values).cast(pa.string()), len(values))


class _Codes:
    """A column's values as codes, gathered row group by row group: each group has a dictionary of its own until the end."""

    def __init__(self) -> None:
        self._parts: list[tuple[np.ndarray, pa.Array]] = []

    def add(self, column: pa.ChunkedArray) -> None:
        import pyarrow as pa

        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        chunks = column.unify_dictionaries().chunks
        texts = chunks[0].dictionary if chunks else pa.array([], pa.string())
        codes = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(_smallest(len(texts))) for chunk in chunks]
        self._parts.append((np.concatenate([np.empty(0, np.int8), *codes]) if len(codes) != 1 else codes[0], texts.cast(pa.string())))

    def finish(self, ordered: bool = False) -> tuple[list[np.ndarray], _Texts]:
        """Codes that hold for all parts, in the smallest type that takes them, -1 for missing; and the texts they stand for."""
        import pyarrow as pa

        whole = pa.concat_arrays([texts for _, texts in self._parts] or [pa.array([], pa.string())]).dictionary_encode()
        texts, code_of = whole.dictionary, whole.indices.to_numpy(zero_copy_only=False)
        if ordered:  # labels are sorted as text, as in the store
            order = np.argsort(texts.to_numpy(zero_copy_only=False), kind="stable")
            rank = np.empty(len(texts), np.int32)
            rank[order] = np.arange(len(texts))
            texts, code_of = texts.take(pa.array(order)), rank[code_of]
        found, low = [], 0
        for number, (part, own) in enumerate(self._parts):
            here = np.append(code_of[low:low + len(own)], -1).astype(_smallest(len(texts)))
            found.append(here.take(part, mode="wrap"))
            self._parts[number], low = (part[:0], own[:0]), low + len(own)  # each is let go as soon as it is copied
        return found, _Texts(lambda: texts, len(texts))


def _smallest(values: int) -> type[np.signedinteger]:
    """The smallest type for codes of so many values, and -1."""
    return np.int8 if values < 1 << 7 else np.int16 if values < 1 << 15 else np.int32


class _Texts:
    """Texts that become a numpy array when they are asked for."""

    def __init__(self, texts: Callable[[], pa.Array], count: int):
        self._texts, self._count = texts, count

    def __len__(self) -> int:
        return self._count

    def __call__(self) -> np.ndarray:
        return self._texts().to_numpy(zero_copy_only=False)


class _Buckets(Sequence[Mapping[str, np.ndarray]]):
    """Blocks of some users each, sorted by (user, ts, file order) when asked for, and not kept.

    The first time a block is asked for, the rows of each part are laid by block, which needs no more room than a part. A block's users
    are then 16-bit numbers, which numpy sorts in linear time, and its rows are few enough to stay in the processor's cache.
    """

    def __init__(self, parts: list[dict[str, np.ndarray]], users: int, in_order: bool):
        self._parts, self._in_order = parts, in_order  # in order of time, as logs are
        rows = sum(len(part["ts"]) for part in parts)
        self._users = max(min(-(-users * BUCKET_ROWS // max(rows, 1)), BUCKET_USERS), 1)  # of a block
        self._blocks = -(-users // self._users)
        self._ends: list[np.ndarray] = []

    def __len__(self) -> int:
        return self._blocks

    def moments(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """User and time of all rows: nothing is sorted."""
        for part in self._parts:
            for low in range(0, len(part["ts"]), BUCKET_ROWS):
                yield part["user_id"][low:low + BUCKET_ROWS], part["ts"][low:low + BUCKET_ROWS]

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self._blocks:
            raise IndexError(index)
        if not self._ends:
            self._lay_by_block()
        rows = [slice(ends[index], ends[index + 1]) for ends in self._ends]
        block = {name: np.concatenate([part[name][own] for part, own in zip(self._parts, rows, strict=True)]) for name in self._parts[0]}
        user = (block["user_id"] - np.int32(index * self._users)).astype(np.uint16)
        order = np.argsort(user, kind="stable") if self._in_order else np.lexsort((block["ts"], user))
        return {name: values.take(order).astype(np.int64 if name == "ts" else np.int32, copy=False) for name, values in block.items()}

    def _lay_by_block(self) -> None:
        for part in self._parts:
            block = (part["user_id"] // np.int32(self._users)).astype(np.min_scalar_type(self._blocks))
            order = np.argsort(block, kind="stable")
            for name, values in part.items():
                part[name] = values.take(order)
            self._ends.append(np.cumsum([0, *np.bincount(block, minlength=self._blocks)]))


def _microseconds(column: pa.ChunkedArray) -> np.ndarray:
    """Microseconds of the local clock."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type.tz is not None:
        column = pc.local_timestamp(column)
    return column.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_numpy()
