"""How the text of one table's files becomes typed values and reasons: one SQL statement per chunk."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsnb.tables import rules
from opsnb.tables.codebook import Column, Table
from opsnb.tables.columns import Columns, TableMap
from opsnb.tables.rules import Clock, literal, quoted

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

NUMBERS = ("money", "number", "count", "probability")
_TYPES = {"time": "TIMESTAMP", "date": "DATE", **dict.fromkeys(NUMBERS, "DOUBLE")}
_NOT_REFUND = "'0', '0.0', 'false', 'f', 'no', 'n', 'none', '否', '无', '未退款', '-'"


@dataclass
class Reading:
    """``types``: column -> SQL type in ``kept_``; ``kinds``: column -> codebook kind, "property" (label) or "quantity" (number)."""

    table: Table
    types: dict[str, str]
    kinds: dict[str, str]
    clock: Clock
    as_of: dt.date | None

    @property
    def day_column(self) -> str | None:
        """The column that says when a row happened."""
        times = [column for column in self.table if column.kind in ("time", "date") and column.required
                 and (self.table.name, column.name) not in rules.PLANNED]
        return times[0].name if times else None

    def settle(self, con: duckdb.DuckDBPyConnection, kept: str, table: Table) -> None:
        """Further columns that hold quantities become numbers.

        In tables of histories: all values are numbers and some have a decimal point. In other tables: all values are numbers, none
        begins with a zero that means something, and the name is not an id's. All else stays a label.
        """
        for column, kind in self.kinds.items():
            if kind != "property" or re.search(r"(^|_)(id|code|zip|phone)$|编号|编码|号$|id$", column.casefold()):
                continue
            value = quoted(column)
            pattern = "'[-+]?(0|[1-9]\\d{0,14})(\\.\\d+)?([eE][-+]?\\d+)?'"
            is_number, decimals = con.execute(
                f"SELECT bool_and(regexp_full_match({value}, {pattern})), bool_or(contains({value}, '.')) "
                f"FROM (SELECT {value} FROM {kept} WHERE {value} IS NOT NULL LIMIT 20000)").fetchone()
            if not is_number or (table.histories and not decimals):
                continue
            if con.execute(f"SELECT bool_and(regexp_full_match({value}, {pattern})) FROM {kept} WHERE {value} IS NOT NULL").fetchone()[0]:
                con.execute(f"ALTER TABLE {kept} ALTER {value} TYPE DOUBLE")
                self.types[column], self.kinds[column] = "DOUBLE", "quantity"


def columns_of(shape: TableMap, found: Sequence[Mapping[str, str]], mapping: Columns, as_of: dt.date | None) -> Reading:
    """The columns of ``kept_<table>``: the codebook's in its order, then the files' further ones in theirs."""
    table = shape.table
    present = dict.fromkeys([*(ours for one in found for ours in one), *shape.constants])
    ordered = [column.name for column in table if column.name in present]
    ordered += [ours for ours in present if table.column(ours) is None]
    kinds = {name: column.kind if (column := table.column(name)) else "property" for name in _distinct(ordered)}
    stamp = shape.timestamp
    clock = Clock(mapping.time_zone or "UTC", stamp.format, stamp.unit, stamp.zone)
    return Reading(table, {name: _TYPES.get(kind, "VARCHAR") for name, kind in kinds.items()}, kinds, clock, as_of)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names without those that differ from an earlier one by case alone: files of one table may spell a header differently."""
    seen: set[str] = set()
    return [name for name in names if not (name.casefold() in seen or seen.add(name.casefold()))]


def chunk_sql(reading: Reading, shape: TableMap, found: Mapping[str, str], columns: Sequence[str], table: pa.Table) -> str:
    """The statement that reads the chunk (its columns are called c0, c1, …): values, ``_hash`` of the raw row, ``_reason``, and what
    :class:`opsnb.tables.alarms.Tally` counts. ``table`` is looked at to leave out steps that its texts do not need."""
    place = {column: i for i, column in enumerate(columns)}
    by_case = {ours.casefold(): theirs for ours, theirs in found.items()}
    fields = []
    for name, kind in reading.kinds.items():
        theirs = by_case.get(name.casefold())
        column = reading.table.column(name) or Column(name, "label", "")
        if theirs is not None:
            data = table.column(place[theirs])
            fields.append(_Field(name, column, kind, f"c{place[theirs]}", _stored(data.type), _marks(data)))
        else:
            constant = shape.constants.get(name)
            fields.append(_Field(name, column, kind, *(("NULL", "absent") if constant is None else (literal(constant), "text"))))
    steps = {
        "s": ", ".join(f"{field.trimmed()} AS {field.at('s')}" for field in fields),
        "t": ", ".join(f"{field.text()} AS {field.at('t')}" for field in fields),
        "n": ", ".join(f"{field.tidied(reading.clock)} AS {field.at('n')}" for field in fields if field.read),
        "v": ", ".join(f"{field.value(reading, shape)} AS {field.at('v')}" for field in fields),
    }
    reasons = [reason for field in fields if field.stored != "absent" for reason in _reasons(field, reading)]
    hashed = ", ".join(f"c{place[column]}" for column in sorted(columns))
    chosen = ", ".join(f"{field.at('v')} AS {quoted(field.name)}" for field in fields)
    reason = f"CASE {' '.join(reasons)} END" if reasons else "NULL"
    inner = f"SELECT *, hash({hashed}) AS _hash, {steps['s']} FROM chunk"
    for step in ("t", "n", "v"):
        inner = f"SELECT *, {steps[step]} FROM ({inner})" if steps[step] else inner
    return f"SELECT {chosen}, _row, _line, _hash, {reason} AS _reason, {_counted(fields, reading)} FROM ({inner})"


def _stored(kind: pa.DataType) -> str:
    from pyarrow import types

    if types.is_timestamp(kind):
        return "instant" if kind.tz else "time"
    if types.is_date(kind):
        return "date"
    if types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    return "integer" if types.is_integer(kind) else "text"


_EVERYTHING = frozenset({"blank", "float", "long"})


def _marks(data: pa.ChunkedArray) -> frozenset[str]:
    """What may occur in a column's texts, judged from their bytes: blanks, a decimal number, or a text that is too long."""
    from pyarrow import compute, types

    if not (types.is_string(data.type) or types.is_large_string(data.type)):
        return _EVERYTHING
    out: set[str] = set()
    for chunk in data.chunks:
        buffer = chunk.buffers()[2]
        text = buffer.to_pybytes() if buffer is not None else b""
        if any(byte in text for byte in (b" ", b"\t", b"\r", b"\n")) or not text.isascii():
            out.add("blank")
        if b"." in text or b"+" in text:
            out.add("float")
    if (compute.max(compute.binary_length(data)).as_py() or 0) > rules.LONGEST_TEXT:
        out.add("long")
    return frozenset(out)


@dataclass(frozen=True)
class _Field:
    """One column of ``kept_`` on its way through a chunk: s (trimmed), t (null where it says nothing), n (tidied where a number or a
    time is not written in the usual way), v (typed)."""

    name: str
    column: Column
    kind: str
    source: str
    stored: str  # text, integer, number, time, instant, date, or absent from this file
    marks: frozenset[str] = _EVERYTHING

    def at(self, step: str) -> str:
        return quoted(f"{step}_{self.name}")

    @property
    def typed(self) -> bool:
        """The file stores a time or a number where one is wanted."""
        if self.kind in ("time", "date"):
            return self.stored in ("time", "instant", "date")
        return self.kind in NUMBERS and self.stored in ("number", "integer")

    @property
    def read(self) -> bool:
        """A time or number that is to be read from text."""
        return not self.typed and (self.kind in ("time", "date") or self.kind in NUMBERS)

    def tidied(self, clock: Clock) -> str:
        return rules.tidied(self.at("t"), self.kind, clock)

    def trimmed(self) -> str:
        if self.typed:
            return self.source
        if self.kind == "id" and self.stored == "number":
            return rules.numeric_id(self.source)
        text = f"CAST({self.source} AS VARCHAR)"
        return rules.trimmed(text) if self.stored == "text" and "blank" in self.marks else text

    def text(self) -> str:
        here = self.at("s")
        if self.typed:
            return f"CASE WHEN isnan({here}) THEN NULL ELSE {here} END" if self.stored == "number" and self.kind in NUMBERS else here
        if self.kind in ("time", "date") or self.kind in NUMBERS:
            return rules.present_value(here)
        if self.kind == "id" and "float" in self.marks:
            here = rules.whole_id(here)
        return rules.present(here)

    def value(self, reading: Reading, shape: TableMap) -> str:
        here, clock = self.at("t"), reading.clock
        if self.kind in ("time", "date"):
            date = self.kind == "date"
            moment = (rules.native_moment(here, self.stored, clock, date=date) if self.typed
                      else rules.moment(here, self.at("n"), clock, date=date))
            return f"CAST({moment} AS DATE)" if date else moment
        if self.kind in NUMBERS:
            stored = f"CASE WHEN isfinite(CAST({here} AS DOUBLE)) THEN CAST({here} AS DOUBLE) END"
            return stored if self.typed else rules.number(here, self.at("n"))
        if self.column.name == "event" and shape.events:
            cases = " ".join(f"WHEN {literal(theirs.strip())} THEN {literal(ours)}" for theirs, ours in shape.events.items())
            return f"CASE {here} {cases} ELSE {here} END"
        if self.column.name == "refund" and reading.table.name == "orders":
            return f"CASE WHEN lower({here}) IN ({_NOT_REFUND}) THEN NULL ELSE {here} END"
        return f"left({here}, {rules.LONGEST_TEXT})" if self.cut else here

    @property
    def cut(self) -> bool:
        """Texts of this column may be too long, and are cut. An id cannot be: two could become one."""
        return self.stored == "text" and "long" in self.marks and self.kind not in ("id", "time", "date", *NUMBERS)


def _reasons(field: _Field, reading: Reading) -> list[str]:
    """The WHEN clauses against a row that this column gives."""
    table, name = reading.table.name, field.name
    text, value = field.at("t"), field.at("v")
    out = []

    def against(condition: str, reason: str) -> None:
        out.append(f"WHEN {condition} THEN {literal(f'{reason}|{name}')}")

    if field.column.required:
        against(f"{text} IS NULL", rules.missing_reason(field.column))
    if field.kind == "id" and field.stored == "text" and "long" in field.marks:
        against(f"length({text}) > {rules.LONGEST_TEXT}", rules.TOO_LONG)
    unread = f"{value} IS NULL AND {text} IS NOT NULL"
    if field.kind in ("time", "date"):
        if not reading.clock.unit and not reading.clock.format and not field.typed:
            against(f"{unread} AND {rules.is_epoch(text)}", rules.EPOCH)
        against(unread, rules.UNREADABLE_TIME)
        against(f"{value} < TIMESTAMP '{rules.EARLIEST}'", rules.TOO_EARLY)
        if reading.as_of is not None and (table, name) not in rules.PLANNED:
            against(f"{value} >= TIMESTAMP '{reading.as_of + dt.timedelta(days=1)}'", rules.TOO_LATE)
    elif field.kind in NUMBERS:
        against(unread, rules.NO_NUMBER)
        low, high = rules.RANGES.get((table, name), {"probability": (0, 1), "count": (0, None)}.get(field.kind, (None, None)))
        if low is not None:
            against(f"{value} < {low}" + (f" OR {value} > {high}" if high is not None else ""), rules.OUT_OF_RANGE)
        if (table, name) in rules.POSITIVE:
            declared = ' AND "v_refund" IS NULL' if table == "orders" and "refund" in reading.types else ""
            against(f"{value} < 0{declared}", rules.NEGATIVE)
    return out


def _counted(fields: Sequence[_Field], reading: Reading) -> str:
    """Marks per row for the tally: blanks around an event name, an id read as a float, the offset of a time, texts that were cut."""
    marks = {"_spaced": "false", "_float_ids": "NULL", "_offset": "NULL", "_cut": "NULL"}
    floats = []
    for field in fields:
        source = field.source
        if field.name == "event" and field.stored == "text" and "blank" in field.marks and field.kind == "label":
            marks["_spaced"] = f"strlen(CAST({source} AS VARCHAR)) <> strlen({field.at('s')})"
        if field.kind == "id" and field.stored == "number":
            floats.append(f"CASE WHEN {source} IS NOT NULL THEN {literal(field.name)} END")
        elif field.kind == "id" and field.stored == "text" and "float" in field.marks:
            floats.append(f"CASE WHEN (suffix({source}, '.0') OR contains({source}, 'E+')) "
                          f"AND regexp_full_match({source}, '\\d+\\.0|\\d(\\.\\d+)?E\\+\\d+') THEN {literal(field.name)} END")
        declared = reading.clock.unit or reading.clock.format
        if field.name == reading.day_column and field.stored == "text" and field.kind == "time" and not declared:
            text = field.at("t")
            marks["_offset"] = (f"CASE WHEN {text} LIKE {rules.USUAL_TIME} THEN '' WHEN {rules.has_offset(text)} "
                                f"THEN regexp_extract({text}, '(UTC|Z|[-+]\\d{{2}}:?(\\d{{2}})?)$') ELSE '' END")
    if cut := [f"CASE WHEN length({field.at('t')}) > {rules.LONGEST_TEXT} THEN {literal(field.name)} END" for field in fields if field.cut]:
        marks["_cut"] = f"concat_ws(chr(31), {', '.join(cut)})"
    if floats:
        marks["_float_ids"] = f"concat_ws(' ', {', '.join(floats)})"
    return ", ".join(f"{sql} AS {mark}" for mark, sql in marks.items())
