"""What the columns of an unknown file look like: judged from its first rows, to propose a map."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from opsnb.tables import rules
from opsnb.tables.columns import TableMap
from opsnb.tables.matching import folded
from opsnb.tables.rules import Clock, quoted
from opsnb.tables.sources import Source, open_source

_ROWS = 5000
_MOST = 0.95  # so many of the values must look alike
_DAY_FIRST = r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4}|\d{2})( \d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?)?"


@dataclass(frozen=True)
class Look:
    """One column: ``place`` from 1, share of values that are times, numbers, have decimals; how many differ; ``unit`` if epoch;
    ``format`` and ``doubt`` if days are written 31/12/2025; some example values."""

    name: str
    place: int
    filled: int = 0
    times: float = 0.0
    numbers: float = 0.0
    decimals: float = 0.0
    distinct: int = 0
    longest: int = 0
    unit: str | None = None
    format: str | None = None
    doubt: str = ""
    examples: tuple[str, ...] = ()

    @property
    def is_time(self) -> bool:
        return self.times >= _MOST or self.unit is not None or self.format is not None

    @property
    def is_number(self) -> bool:
        return self.numbers >= _MOST

    @property
    def is_id(self) -> bool:
        """Short texts or whole numbers, many of them different."""
        plain = not self.decimals and self.longest <= 64 and not (self.times >= _MOST and not self.is_number)
        return plain and self.distinct >= max(2, self.filled ** 0.5)

    @property
    def is_label(self) -> bool:
        """A few texts that come again and again."""
        return 0 < self.distinct <= max(20, self.filled ** 0.5) and self.longest <= 64 and not self.is_time

    def fits(self, kind: str) -> bool:
        """Could the values be of this codebook kind."""
        if not self.filled:
            return kind not in ("time", "date")
        if kind in ("time", "date"):
            return self.is_time
        if kind in ("money", "number", "count", "probability"):
            return self.is_number
        return True


@dataclass(frozen=True)
class Profile:
    """One file: its columns and rows looked at, whether it has a header, and how it is delimited and encoded."""

    name: str
    header: bool
    looks: tuple[Look, ...]
    rows: int


def profile(path: Path, name: str) -> Profile:
    """Looks at the head of a file. Raises InputError for one that cannot be read."""
    shape = TableMap("events")
    source = open_source(path, name, shape)
    header = not _looks_like_data(source.columns)
    if not header:
        shape = TableMap("events", header=False)
        source = open_source(path, name, shape)
    return Profile(name, header, *_looked(source))


def _looks_like_data(cells: Sequence[str]) -> bool:
    """A first line whose cells are mostly numbers and dates is no header."""
    bare = [re.sub(r"_\d+$", "", cell) for cell in cells]  # as made unique
    data = sum(bool(re.fullmatch(r"[-+￥¥$]?\d[\d\s.,:/\-TZ]*", cell)) for cell in bare)
    return data * 2 >= len(cells) > 0


def _looked(source: Source) -> tuple[tuple[Look, ...], int]:
    import duckdb
    import pyarrow as pa

    chunk = next((chunk for chunk in source.chunks() if len(chunk.lines)), None)
    if chunk is None:
        return tuple(Look(name, place) for place, name in enumerate(source.columns, 1)), 0
    table = chunk.table().slice(0, _ROWS)
    con = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.register("head", pa.Table.from_arrays(table.columns, [f"c{i}" for i in range(table.num_columns)]))
        return tuple(_look(con, name, place, f"c{place - 1}") for place, name in enumerate(source.columns, 1)), table.num_rows
    finally:
        con.close()


def _look(con, name: str, place: int, column: str) -> Look:
    text = rules.trimmed(f"CAST({quoted(column)} AS VARCHAR)")
    moment, number = rules.moment("t", "d", Clock(), date=True), rules.number("t", "n")
    con.execute(f"CREATE OR REPLACE TEMP TABLE one AS SELECT t, {moment} AS moment, {number} AS number FROM (SELECT *, "
                f"{rules.tidied('t', 'date', Clock())} AS d, {rules.tidied('t', 'number', Clock())} AS n "
                f"FROM (SELECT {rules.present_value('s')} AS t FROM (SELECT {text} AS s FROM head)))")
    filled, distinct, longest, times, numbers, decimals, epochs = con.execute(
        "SELECT count(t), count(DISTINCT t), max(length(t)), count(*) FILTER (WHERE year(moment) BETWEEN 1990 AND 2100), count(number), "
        f"count(*) FILTER (WHERE regexp_matches(t, '\\d\\.\\d')), count(*) FILTER (WHERE {rules.is_epoch('t')}) FROM one").fetchone()
    if not filled:
        return Look(name, place)
    usual = con.execute("SELECT t FROM one WHERE t IS NOT NULL GROUP BY t ORDER BY count(*) DESC, t LIMIT 5").fetchall()
    unit, (style, doubt) = None, (None, "")
    if epochs >= _MOST * filled and _named_time(name):
        unit = {13: "ms", 16: "us", 19: "ns"}.get(longest, "s")
    elif times < _MOST * filled:
        style, doubt = _day_first(con, filled)
    return Look(name, place, filled, times=times / filled, numbers=numbers / filled, decimals=decimals / filled,
                distinct=distinct, longest=longest, unit=unit, format=style, doubt=doubt, examples=tuple(row[0] for row in usual))


def _named_time(name: str) -> bool:
    return name.isdecimal() or bool(re.search(r"time|date|(^|_)(ts|at|on)$|时间|日期|stamp", folded(name)))


def _day_first(con, filled: int) -> tuple[str | None, str]:
    """The format of days written 31/12/2025 or 12/31/2025, and a doubt if both would do."""
    highest = [f"max(CAST(regexp_extract(t, '{_DAY_FIRST}', {group}) AS INTEGER))" for group in (1, 2)]
    first, second, example, n = con.execute(f"SELECT {', '.join(highest)}, any_value(t), count(*) FROM one "
                                            f"WHERE regexp_full_match(t, '{_DAY_FIRST}')").fetchone()
    if n < _MOST * filled or first > 31 or second > 31 or (first > 12 and second > 12):
        return None, ""
    days = "%d{0}%m{0}" if first > 12 or second <= 12 else "%m{0}%d{0}"
    doubt = "" if first > 12 or second > 12 else "day or month first? No value tells; taken as day first"
    mark = re.search(r"[/.\-]", example).group()
    year = "%Y" if re.match(r"\d+[/.\-]\d+[/.\-]\d{4}", example) else "%y"
    clock = re.search(r" \d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?$", example)
    hours = ""
    if clock:
        half = clock.group(2) or ""
        hours = (" %I:%M" if half else " %H:%M") + (":%S" if clock.group(1) else "") + (half[:-2] + "%p" if half else "")
    return days.format(mark) + year + hours, doubt
