"""The check: every row of every table is kept, or set aside with a reason; nothing is lost and nothing is changed in silence.

A row is set aside for the first of these that holds, column by column in the codebook's order: malformed row (another number of fields
than the header, bad quoting, no JSON object), missing id, missing timestamp, unreadable timestamp, epoch seconds in a column of dates
(unless the map declares a unit), date before 1990, date after ``as_of`` (if the map or the caller says one; plans may lie ahead), missing
event name, missing value, id too long (over 1,000 characters; other texts are cut there), number that is no number, number out of range,
negative amount not declared a refund. Then, over all files of a
table: exact duplicate (same text in all columns of the file; the first is kept), restated by a later row
(same natural key in a later file; the last file's rows are kept).
A key that points nowhere is counted and kept.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from opsnb.errors import InputError, ParameterError, nearest
from opsnb.tables import alarms
from opsnb.tables.columns import Columns, read_columns
from opsnb.tables.matching import resolved
from opsnb.tables.places import place
from opsnb.tables.reading import chunk_sql, columns_of
from opsnb.tables.rules import DUPLICATE, MALFORMED, REASONS, RESTATED, literal, quoted
from opsnb.tables.sources import Claim, Claims, Source, claim, open_source
from opsnb.tables.verdicts import Example, Quality, TableQuality, Warning
from opsnb.tables.workspace import workspace

if TYPE_CHECKING:
    import duckdb

__all__ = ["Example", "Quality", "Staged", "TableQuality", "Warning", "check", "stage"]

Progress = Callable[[str, int, float], None]  # table, rows read so far, share of its bytes read (0 to 1)
_EXAMPLES = 3
_RAW = 10_000  # characters of a row that was set aside
_HASH_ROWS = 20_000_000  # duplicates are searched among so many rows at a time


@dataclass(frozen=True)
class Staged:
    """What :func:`stage` made: ``columns`` per table, name -> kind of the codebook ("property" or "quantity" for further columns), as they
    stand in ``kept_<table>`` beside ``_file`` and ``_line``; ``files`` per table, in the order that ``_file`` counts."""

    quality: Quality
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)


def check(folder: str | Path, *, columns: str | Path | None = None, as_of: str | dt.date | None = None,
          progress: Progress | None = None) -> Quality:
    """Is this data fit to be reported on: every table read and checked, nothing stored but ``rejected/<table>.csv``.

    Returns a Quality; for a folder in which no table is found its ``proposed`` holds a ``columns.yml`` to start from. Raises InputError,
    with file, line, what was found, what is allowed and the nearest match, for what cannot be read at all.
    """
    mapping = read_columns(folder, columns)
    if not claim(folder, mapping).tables:
        from opsnb.tables.propose import propose

        return Quality(str(folder), unclaimed=claim(folder, mapping).unclaimed, proposed=propose(folder))
    import duckdb

    try:
        with workspace() as con:
            return stage(con, folder, mapping, as_of=as_of, progress=progress).quality
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise InputError(f"{folder}: not enough memory or disk space to check the tables ({str(error).splitlines()[0]})") from error


def stage(con: duckdb.DuckDBPyConnection, folder: str | Path, mapping: Columns, *, tables: Iterable[str] | None = None,
          as_of: str | dt.date | None = None, progress: Progress | None = None, rejected: Path | None = None) -> Staged:
    """Reads and checks the tables of a folder into ``con``, see :func:`opsnb.tables.workspace.workspace`.

    Per table a DuckDB table ``kept_<name>``: the codebook's columns that were found and the file's further ones (ids, labels and texts
    VARCHAR, times TIMESTAMP on the business's wall clock, dates DATE, numbers DOUBLE), ``_file`` INTEGER (0: first of the claim's
    files) and ``_line`` BIGINT (physical line, the header counted; Parquet: row). Rows set aside go to ``rejected/<name>.csv`` (file,
    line, raw, reason).
    ``tables``: only these. ``as_of``: overrides the map's. Raises InputError; then no rejected file of that table is touched.
    """
    claims = claim(folder, mapping)
    wanted = list(claims.tables if tables is None else tables)
    for name in wanted:
        if name not in claims.tables:
            raise InputError(f"{folder}: no table '{name}'; {nearest(name, claims.tables)}")
    day = _day(as_of) if as_of is not None else mapping.as_of
    rejected = rejected or place(folder) / "rejected"
    work = {name: _Table(con, name, claims, claims.tables[name], mapping, day) for name in wanted}
    for table in work.values():
        table.read(progress)
    qualities = {name: table.finish(rejected) for name, table in work.items()}
    quality = Quality(str(folder), qualities, claims.unclaimed, str(rejected))
    return Staged(quality, {name: table.reading.kinds for name, table in work.items()}, {name: table.paths for name, table in work.items()})


def _day(value: str | dt.date) -> dt.date:
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value)[:10])
    except ValueError:
        raise ParameterError(f"as_of is '{value}'; allowed: a day as YYYY-MM-DD") from None


def _as_text(expression: str) -> str:
    """A text for a CSV that a spreadsheet opens: what looks like a formula gets a quote before it, as in :func:`opsnb.views.shown.excel_csv`."""
    return f"CASE WHEN regexp_matches({expression}, '^[-=+@＝＋－＠\\t\\r\\n]') THEN {literal(chr(39))} || {expression} ELSE {expression} END"


class _Table:
    """One table on its way from its files to ``kept_<name>``."""

    def __init__(self, con: duckdb.DuckDBPyConnection, name: str, claims: Claims, claimed: Claim, mapping: Columns, as_of: dt.date | None):
        self.con, self.name, self.kept, self.aside = con, name, f"kept_{name}", f"aside_{name}"
        self.paths, self.names = claimed.files, [claims.name(file) for file in claimed.files]
        self.shape, self.table = claimed.shape, claimed.shape.table
        self.sources: list[Source] = [open_source(file, label, claimed.shape) for file, label in zip(self.paths, self.names, strict=True)]
        self.found = [resolved(self.shape, source.columns, label, source.header_line)
                      for source, label in zip(self.sources, self.names, strict=True)]
        self.reading = columns_of(self.shape, self.found, mapping, as_of)
        self._try_format()
        self.rows = 0
        self.tally = alarms.Tally()

    def _try_format(self) -> None:
        import duckdb

        try:
            self.con.execute("SELECT try_strptime('', ?)", [self.shape.timestamp.format or "%Y"])
        except duckdb.Error as error:
            raise InputError(f"{self.shape.where}: timestamp format '{self.shape.timestamp.format}' is not understood "
                             f"({str(error).splitlines()[0]}); allowed: %Y %m %d %H %M %S %f %p %I %b %B %y %z and plain text") from error

    def read(self, progress: Progress | None) -> None:
        """All files into ``kept_`` and ``aside_``, chunk by chunk."""
        columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in self.reading.types.items())
        self.con.execute(f"CREATE OR REPLACE TABLE {self.kept} ({columns}, _file INTEGER, _line BIGINT, _hash UBIGINT)")
        self.con.execute(f"CREATE OR REPLACE TABLE {self.aside} (_file INTEGER, _line BIGINT, raw VARCHAR, reason VARCHAR, detail VARCHAR)")
        total, before = max(sum(path.stat().st_size for path in self.paths), 1), 0
        for number, source in enumerate(self.sources):
            done, first = [0], self.rows
            for chunk in source.chunks(lambda n, done=done: done.__setitem__(0, n)):
                self._take(number, chunk, source)
                if progress:
                    progress(self.name, self.rows, min((before + done[0]) / total, 1.0))
            if self.rows == first:
                raise InputError(f"{self.names[number]} line {source.header_line + 1}: no rows, only a header; expected at least one row "
                                 f"({', '.join(source.columns)})")
            before += self.paths[number].stat().st_size

    def _take(self, number: int, chunk, source: Source) -> None:
        import pyarrow as pa

        self.rows += len(chunk.lines) + len(chunk.malformed)
        if chunk.malformed:
            lines, raws, details = zip(*chunk.malformed, strict=True)
            self._set_aside(number, np.array(lines), list(raws), [MALFORMED] * len(lines), list(details))
        if not len(chunk.lines):
            return
        table = chunk.table()
        arrow = pa.Table.from_arrays([*table.columns, pa.array(np.arange(len(chunk.lines))), pa.array(chunk.lines)],
                                     [*(f"c{i}" for i in range(table.num_columns)), "_row", "_line"])
        self.con.register("chunk", arrow)
        try:
            sql = chunk_sql(self.reading, self.shape, self.found[number], source.columns, table)
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE chunk_read AS {sql}")
        finally:
            self.con.unregister("chunk")
        names = ", ".join(map(quoted, self.reading.types))
        self.con.execute(f"INSERT INTO {self.kept} SELECT {names}, {number}, _line, _hash FROM chunk_read WHERE _reason IS NULL")
        self.tally.add(self.con)
        bad = self.con.execute("SELECT _row, _line, split_part(_reason, '|', 1), split_part(_reason, '|', 2) FROM chunk_read "
                               "WHERE _reason IS NOT NULL ORDER BY _row").fetchall()
        if bad:
            rows, lines, reasons, details = zip(*bad, strict=True)
            self._set_aside(number, np.array(lines), chunk.raw(np.array(rows)), list(reasons), list(details))

    def _set_aside(self, number: int, lines: np.ndarray, raws: Sequence[str], reasons: Sequence[str], details: Sequence[str]) -> None:
        import pyarrow as pa

        columns = {"raw": raws, "reason": reasons, "detail": details}
        self.con.register("bad", pa.table({"line": lines, **{name: pa.array(texts, pa.large_string()) for name, texts in columns.items()}}))
        self.con.execute(f"INSERT INTO {self.aside} SELECT {number}, line, raw, reason, detail FROM bad")
        self.con.unregister("bad")

    def finish(self, rejected: Path) -> TableQuality:
        """What only the whole table can tell: duplicates, restated rows, keys, warnings; writes the rejected rows."""
        self._drop(self._duplicates(), DUPLICATE, "")
        if self.table.key:
            self._drop(self._restated(), RESTATED, ", ".join(key for key in self.table.key if key in self.reading.types))
        self.con.execute(f"ALTER TABLE {self.kept} DROP COLUMN _hash")
        self.reading.settle(self.con, self.kept, self.table)
        kept = self._value(f"SELECT count(*) FROM {self.kept}")
        counts = dict(self.con.execute(f"SELECT reason, count(*) FROM {self.aside} GROUP BY reason").fetchall())
        set_aside = {reason: counts[reason] for reason in REASONS if reason in counts}
        self._write(rejected, bool(set_aside))
        lost = Counter({"complete": 0, "valid": 0, "unique": 0, "in_time": 0})
        for reason, n in set_aside.items():
            lost[REASONS[reason]] += n
        share = {part: 1 - n / self.rows for part, n in lost.items()}
        days = alarms.days(self.con, self.name, self.reading.day_column)
        quality = TableQuality(
            tuple(self.names), self.rows, kept, set_aside, self._examples(), self._pointing_nowhere(),
            alarms.warnings(self.con, self.name, self.reading, self.tally, days),
            share["complete"], share["valid"], share["unique"], share["in_time"] * days.covered,
            days.first, days.last, {ours: theirs for ours, theirs in self.found[0].items() if self.table.column(ours)},
        )
        self.con.execute(f"DROP TABLE {self.aside}")
        return quality

    def _value(self, sql: str) -> int:
        return self.con.execute(sql).fetchone()[0]

    def _duplicates(self) -> str | None:
        """A query for the rowids of all but the first of identical rows, or None. Candidates by hash, then compared in full."""
        parts = -(-self._value(f"SELECT count(*) FROM {self.kept}") // _HASH_ROWS)
        self.con.execute("CREATE OR REPLACE TEMP TABLE twice (h UBIGINT)")
        for part in range(parts):
            where = f"WHERE _hash % {parts} = {part}" if parts > 1 else ""
            self.con.execute(f"INSERT INTO twice SELECT _hash FROM {self.kept} {where} GROUP BY _hash HAVING count(*) > 1")
        if not self._value("SELECT count(*) FROM twice"):
            return None
        same = ", ".join(["_hash", *map(quoted, self.reading.types)])
        return (f"SELECT rid FROM (SELECT rowid AS rid, row_number() OVER (PARTITION BY {same} ORDER BY _file, _line) AS n "
                f"FROM {self.kept} WHERE _hash IN (SELECT h FROM twice)) WHERE n > 1")

    def _restated(self) -> str:
        key = ", ".join(quoted(column) for column in self.table.key if column in self.reading.types)
        return (f"SELECT rid FROM (SELECT rowid AS rid, _file, max(_file) OVER (PARTITION BY {key}) AS newest FROM {self.kept}) "
                "WHERE _file < newest")

    def _drop(self, rows: str | None, reason: str, detail: str) -> None:
        """Moves rows from ``kept_`` to ``aside_``; their raw text is read from the file again."""
        if rows is None:
            return
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE moved AS SELECT rowid AS rid, _file, _line FROM {self.kept} "
                         f"WHERE rowid IN ({rows})")
        for (number,) in self.con.execute("SELECT DISTINCT _file FROM moved ORDER BY _file").fetchall():
            found = self.con.execute(f"SELECT _line FROM moved WHERE _file = {number} ORDER BY _line").fetchnumpy()["_line"]
            lines = np.asarray(found, np.int64)
            for chunk in self.sources[number].chunks():
                at = np.flatnonzero(np.isin(chunk.lines, lines, assume_unique=True)) if len(chunk.lines) else np.empty(0, int)
                if len(at):
                    self._set_aside(number, chunk.lines[at], chunk.raw(at), [reason] * len(at), [detail] * len(at))
                if len(chunk.lines) and chunk.lines[-1] >= lines[-1]:
                    break
        self.con.execute(f"DELETE FROM {self.kept} WHERE rowid IN (SELECT rid FROM moved)")

    def _names_sql(self, number: str) -> str:
        return f"list_extract([{', '.join(map(literal, self.names))}], {number} + 1)"

    def _examples(self) -> tuple[Example, ...]:
        rows = self.con.execute(
            f"SELECT reason, {self._names_sql('_file')}, _line, left(raw, 300) FROM (SELECT *, row_number() OVER (PARTITION BY reason "
            f"ORDER BY _file, _line) AS n FROM {self.aside}) WHERE n <= {_EXAMPLES} ORDER BY reason, _file, _line").fetchall()
        return tuple(Example(*row) for row in rows)

    def _pointing_nowhere(self) -> dict[str, int]:
        here = {row[0] for row in self.con.execute("SELECT table_name FROM information_schema.tables").fetchall()}
        out = {}
        for column in self.table:
            table, _, key = column.refers_to.partition(".")
            if column.name in self.reading.types and f"kept_{table}" in here and (table, key) != (self.name, column.name):
                mine, theirs = quoted(column.name), quoted(key)
                there = f"SELECT 1 FROM kept_{table} AS t WHERE t.{theirs} = {self.kept}.{mine}"
                lost = self._value(f"SELECT count(*) FROM {self.kept} WHERE {mine} IS NOT NULL AND NOT EXISTS ({there})")
                if lost:
                    out[column.name] = lost
        return out

    def _write(self, rejected: Path, some: bool) -> None:
        target = rejected / f"{self.name}.csv"
        if not some:
            target.unlink(missing_ok=True)
            return
        rejected.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{self.name}.{os.getpid()}.tmp")
        try:
            self.con.execute(
                f"COPY (SELECT {_as_text(self._names_sql('_file'))} AS file, _line AS line, {_as_text(f'left(raw, {_RAW})')} AS raw, "
                "reason || CASE WHEN detail = '' THEN '' ELSE ': ' || detail END AS reason "
                f"FROM {self.aside} ORDER BY _file, _line) TO {literal(aside)} (FORMAT csv, HEADER)")
            os.replace(aside, target)
        finally:
            aside.unlink(missing_ok=True)
