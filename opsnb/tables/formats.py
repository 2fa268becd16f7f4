"""Parquet and JSON lines as chunks, like delimited text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from opsnb.errors import InputError
from opsnb.tables.columns import TableMap
from opsnb.tables.delimited import Chunk, _unique
from opsnb.tables.encodings import utf8_chunks

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

_ROWS = 1 << 18


class ParquetFile:
    """One Parquet file; its rows count from 1 and keep their types. A raw row is written as JSON."""

    def __init__(self, path: Path, name: str, shape: TableMap):
        self.path, self.name, self.header_line, self.shape = path, name, 0, shape
        with self._open() as file:
            names = file.schema_arrow.names
        self.columns = [column for column in names if not column.startswith("__index_level_")]
        if _unique(self.columns) != self.columns:
            raise InputError(f"{name}: two columns have the same name; found: {', '.join(self.columns)}")

    def _open(self) -> parquet.ParquetFile:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            return parquet.ParquetFile(self.path)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.name}: not a whole Parquet file ({str(error).splitlines()[0]}); copy it again") from error

    def chunks(self, on_bytes: Callable[[int], None] | None = None) -> Iterator[Chunk]:
        import pyarrow as pa

        size, done = self.path.stat().st_size, 0
        with self._open() as file:
            rows = file.metadata.num_rows
            try:
                for batch in file.iter_batches(batch_size=_ROWS, columns=self.columns):
                    table = pa.Table.from_batches([batch])
                    lines = np.arange(done + 1, done + 1 + batch.num_rows)
                    done += batch.num_rows
                    if on_bytes:
                        on_bytes(size * done // max(rows, 1))
                    yield Chunk(lambda table=table: table, lines, lambda at, table=table: _as_json(table, at))
            except (pa.ArrowException, OSError) as error:
                raise InputError(f"{self.name} after row {done}: damaged ({str(error).splitlines()[0]}); copy it again") from error


def _as_json(table: pa.Table, at: np.ndarray) -> list[str]:
    import pyarrow as pa

    return [json.dumps(row, ensure_ascii=False, default=str) for row in table.take(pa.array(at, pa.int64())).to_pylist()]


class JsonLines:
    """One object per line, gzipped or not. Columns are the keys of the first lines (a quarter million bytes of them and more)."""

    def __init__(self, path: Path, name: str, shape: TableMap):
        self.path, self.name, self.shape, self.header_line = path, name, shape, 0
        text = b""
        for part in utf8_chunks(path, shape.encoding, size=1 << 22, name=name):
            text += part
            if len(text) >= 1 << 22 and b"\n" in text:
                text = text[: text.rfind(b"\n")]
                break
        if text.lstrip()[:1] == b"[":
            raise InputError(f"{name} line 1: one long list; expected one JSON object a line (JSON lines)")
        keys: dict[str, None] = {}
        for line in text.split(b"\n"):
            row = _object(line)
            if isinstance(row, dict):
                keys.update(dict.fromkeys(row))
        if not keys:
            raise InputError(f"{name} line 1: no JSON object; expected one a line, found '{text[:40].decode('utf-8', 'replace').strip()}'")
        self._keys = [key for key in keys if '"' not in key and "\\" not in key]
        self.columns = _unique(self._keys)

    def chunks(self, on_bytes: Callable[[int], None] | None = None) -> Iterator[Chunk]:
        import duckdb

        con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False, "threads": 2})
        rest, line = b"", 1
        try:
            for part in utf8_chunks(self.path, self.shape.encoding, name=self.name, on_bytes=on_bytes):
                cut = part.rfind(b"\n") + 1
                if cut:
                    yield (chunk := self._chunk(con, rest + part[:cut], line))[0]
                    line, rest = line + chunk[1], part[cut:]
                else:
                    rest += part
            if rest:
                yield self._chunk(con, rest + b"\n", line)[0]
        finally:
            con.close()

    def _chunk(self, con, text: bytes, first_line: int) -> tuple[Chunk, int]:
        import pyarrow as pa

        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == 10)
        starts = np.r_[0, ends + 1]
        lines = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(starts.astype(np.int64)), pa.py_buffer(text))
        con.register("lines", pa.table({"i": np.arange(len(ends)), "j": lines}))
        con.execute("CREATE OR REPLACE TEMP TABLE parsed AS SELECT i, j, CASE WHEN trim(j, E' \\t\\r\\n') = '' THEN 'blank' "
                    "WHEN NOT json_valid(j) THEN 'not JSON' WHEN json_type(j) <> 'OBJECT' THEN 'not a JSON object' END AS fault FROM lines")
        con.unregister("lines")
        paths = ", ".join("'$.\"" + key.replace("'", "''") + "\"'" for key in self._keys)
        picked = ", ".join(f'nullif(v[{n}], \'\') AS "{column}"' for n, column in enumerate(self.columns, 1))
        table = con.sql(f"SELECT {picked}, i AS __i FROM (SELECT i, json_extract_string(j, [{paths}]) AS v FROM parsed "
                            "WHERE fault IS NULL) ORDER BY i").to_arrow_table()
        good = table["__i"].to_numpy()
        bad = con.execute("SELECT i, fault FROM parsed WHERE fault <> 'blank' ORDER BY i").fetchall()

        def raw(at: np.ndarray) -> list[str]:
            return [text[starts[i]: ends[i]].decode("utf-8", "replace").rstrip("\r") for i in at.tolist()]

        malformed = tuple((first_line + i, raw(np.array([i]))[0], fault) for i, fault in bad)
        table = table.drop_columns(["__i"])
        return Chunk(lambda: table, good + first_line, lambda at: raw(good[at]), malformed), len(ends)


def _object(line: bytes) -> object:
    try:
        return json.loads(line)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return None
