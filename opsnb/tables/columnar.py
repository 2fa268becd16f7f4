"""The store's files: one directory a table, of uncompressed Arrow IPC files that are memory-mapped and read without a copy.

A table of histories has ``rows.arrow`` (sorted by user, ts, file order; every record batch holds whole users), ``users.arrow`` (the
ids, sorted; a row's ``user_id`` is an index into them) and ``labels-<n>.arrow`` (the texts of the n-th column, likewise). Any
other table has ``rows.arrow`` in file order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.tables import histories
from opsnb.tables.codebook import TABLES
from opsnb.tables.histories import Histories

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

FETCH_ROWS = 1 << 17  # rows that DuckDB hands over at a time


def write(con: duckdb.DuckDBPyConnection, source: str, name: str, directory: Path) -> int:
    """Writes the rows of DuckDB's table ``source`` as the store's table ``name``; says how many."""
    con.execute("SET preserve_insertion_order = true")  # a table made with ORDER BY then holds its rows in that order
    return (write_histories if TABLES[name].histories else write_frame)(con, source, directory)


def read(name: str, directory: Path) -> Histories | Frame:
    """Opens the store's table ``name``; from then on its files stay readable even when the directory is deleted under it."""
    return read_histories(name, directory) if TABLES[name].histories else Frame(directory)


# --- histories -----------------------------------------------------------------------------------------------------------------


def write_histories(con: duckdb.DuckDBPyConnection, source: str, directory: Path) -> int:
    """Sorts ``source`` outside memory, codes its texts, and writes blocks of whole users."""
    import pyarrow as pa

    types = {column: str(kind) for column, kind, *_ in con.execute(f"DESCRIBE {_quoted(source)}").fetchall()}
    columns = [column for column in types if column not in ("user_id", "ts", "_file", "_line")]
    numbers = [column for column in columns if types[column] == "DOUBLE"]
    labels = [column for column in columns if column not in numbers]
    joins, coded = [], {}
    for number, column in enumerate(["user_id", *labels]):
        text = f"CAST({_quoted(column)} AS VARCHAR)"
        con.execute(f"CREATE OR REPLACE TABLE texts_{number} AS SELECT DISTINCT {text} AS v FROM {_quoted(source)} "
                    f"WHERE {_quoted(column)} IS NOT NULL ORDER BY v")  # rowid is then the code
        _write_texts(con, f"texts_{number}", directory / ("users.arrow" if number == 0 else f"labels-{number - 1}.arrow"))
        joins.append(f"LEFT JOIN texts_{number} t{number} ON t{number}.v = CAST(s.{_quoted(column)} AS VARCHAR)")
        coded[column] = f"coalesce(t{number}.rowid, -1)::INTEGER AS {_quoted(column)}"
    fields = [("user_id", pa.int32()), ("ts", pa.int64()), *((c, pa.int32()) for c in labels), *((c, pa.float64()) for c in numbers)]
    query = ", ".join([coded["user_id"], "epoch_us(s.ts) AS ts", *(coded[column] for column in labels),
                       *(f"coalesce(s.{_quoted(column)}::DOUBLE, 'nan'::DOUBLE) AS {_quoted(column)}" for column in numbers)])
    rows, *span = con.execute(f"SELECT count(*), epoch_us(min(ts)), epoch_us(max(ts)) FROM {_quoted(source)}").fetchall()[0]
    schema = pa.schema([pa.field(column, kind, nullable=False) for column, kind in fields],
                       metadata={"span": " ".join(map(str, span)) if rows else ""})
    relation = con.sql(f"SELECT {query} FROM {_quoted(source)} s {' '.join(joins)} "
                       "ORDER BY 1, 2, s._file, s._line")
    with _writer(directory / "rows.arrow", schema) as writer:
        for block in _whole_users(_fetched(relation), schema):
            writer.write_batch(block)
    for number in range(len(labels) + 1):
        con.execute(f"DROP TABLE texts_{number}")
    return rows


def _whole_users(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Cuts sorted batches anew: each block ends with the user of its BLOCK_ROWS-th row, as those of a frame in memory do."""
    import pyarrow as pa

    size = histories.BLOCK_ROWS
    kept: list[pa.RecordBatch] = []
    length = 0  # of kept; once it is `size`, the block is only waiting for the rest of its last user
    last = -1

    def block() -> pa.RecordBatch:
        arrays = [np.concatenate([part.column(n).to_numpy(zero_copy_only=False) for part in kept]) for n in range(len(schema))]
        return pa.record_batch([pa.array(values, type=field.type) for values, field in zip(arrays, schema, strict=True)], schema=schema)

    for batch in batches:
        user = batch.column(0).to_numpy(zero_copy_only=False)
        low = 0
        while low < len(user):
            if length < size:
                high = min(low + size - length, len(user))
                last = int(user[high - 1])
            else:
                high = low + int(np.searchsorted(user[low:], last, side="right"))
            kept.append(batch.slice(low, high - low))
            length, low = length + high - low, high
            if length >= size and low < len(user) and user[low] != last:
                yield block()
                kept, length = [], 0
    if kept:
        yield block()


def read_histories(name: str, directory: Path) -> Histories:
    """The stored table, memory-mapped: rows are read when a measure passes over them, texts when they are asked for."""
    import pyarrow as pa

    reader = _opened(directory / "rows.arrow")
    labels = [field.name for field in reader.schema if field.type == pa.int32() and field.name != "user_id"]
    numbers = [field.name for field in reader.schema if field.type == pa.float64()]
    return Histories(name, Texts(directory / "users.arrow"),
                     {column: Texts(directory / f"labels-{number}.arrow") for number, column in enumerate(labels)},
                     Batches(reader), numbers, span=tuple(map(int, reader.schema.metadata[b"span"].split())))


class Batches(Sequence[Mapping[str, np.ndarray]]):
    """The record batches of a mapped file as mappings column -> array; the arrays are views of the file."""

    def __init__(self, reader: pa.RecordBatchFileReader):
        self._reader, self._names = reader, reader.schema.names
        self._views: list[Mapping[str, np.ndarray]] | None = None

    def __len__(self) -> int:
        return self._reader.num_record_batches

    def __getitem__(self, index: Any) -> Any:
        if self._views is None:
            batches = [self._reader.get_batch(number) for number in range(len(self))]
            self._views = [{column: _view(batch.column(place)) for place, column in enumerate(self._names)} for batch in batches]
        return self._views[index]


class Texts:
    """A sorted column of texts in a mapped file: its length is known at once, the texts are read when called for."""

    def __init__(self, path: Path):
        self._reader = _opened(path)
        self._length = int(self._reader.schema.metadata[b"rows"])

    def __len__(self) -> int:
        return self._length

    def __call__(self) -> np.ndarray:
        column = self._reader.read_all().column(0)
        if len(self) < FETCH_ROWS:
            return np.array([*column.to_pylist(), None], object)[:-1]
        return column.to_numpy(zero_copy_only=False)  # faster, but imports pandas


def _write_texts(con: duckdb.DuckDBPyConnection, source: str, path: Path) -> None:
    import pyarrow as pa

    rows = con.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0]
    schema = pa.schema([pa.field("text", pa.large_string(), nullable=False)], metadata={"rows": str(rows)})
    with _writer(path, schema) as writer:
        for batch in _fetched(con.sql(f"SELECT v FROM {source} ORDER BY rowid")):
            writer.write_batch(pa.record_batch([batch.column(0).cast(pa.large_string())], schema=schema))


# --- other tables --------------------------------------------------------------------------------------------------------------


def write_frame(con: duckdb.DuckDBPyConnection, source: str, directory: Path) -> int:
    """Writes ``source`` in file order."""
    batches = _fetched(con.sql(f"SELECT * EXCLUDE (_file, _line) FROM {_quoted(source)} ORDER BY _file, _line"))
    rows = 0
    with _writer(directory / "rows.arrow", batches.schema) as writer:
        for batch in batches:
            rows += batch.num_rows
            writer.write_batch(batch)
    return rows


class Frame:
    """A stored table that makes a pandas frame of its own at each call: texts as object (None: missing), times and dates as
    datetime64[us] (NaT: missing), numbers as float64 (nan: missing)."""

    def __init__(self, directory: Path):
        self._reader = _opened(directory / "rows.arrow")

    def __call__(self) -> pd.DataFrame:
        import pandas as pd
        import pyarrow as pa

        table, columns = self._reader.read_all(), {}
        for name in table.column_names:
            column = table.column(name)
            if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
                columns[name] = pd.Series(column.cast(pa.timestamp("us")).to_numpy().astype("datetime64[us]"))
            elif pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
                columns[name] = pd.Series(column.cast(pa.float64()).to_numpy().astype(np.float64))  # a copy: the file is read-only
            else:
                columns[name] = pd.Series(column.to_numpy(), dtype=object)
        return pd.DataFrame(columns)


# --- Arrow files ---------------------------------------------------------------------------------------------------------------


@contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[Any]:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        yield writer


def _opened(path: Path) -> pa.RecordBatchFileReader:
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(str(path), "r"))


def _view(column: pa.Array) -> np.ndarray:
    """A column of numbers without gaps where it lies; ``to_numpy`` would import pandas, which costs seconds."""
    kind = np.dtype(column.type.to_pandas_dtype())
    return np.frombuffer(column.buffers()[1], kind, count=len(column), offset=column.offset * kind.itemsize)


def _fetched(relation: duckdb.DuckDBPyRelation) -> pa.RecordBatchReader:
    # the name changed in DuckDB 2; both stream, so that the result never stands in memory
    return (getattr(relation, "to_arrow_reader", None) or relation.fetch_record_batch)(FETCH_ROWS)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
