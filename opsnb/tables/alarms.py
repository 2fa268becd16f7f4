"""Warnings: what looks wrong in rows that were kept. Each says what, how much, and shows examples."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from opsnb.tables.rules import LONGEST_TEXT, quoted
from opsnb.tables.verdicts import Warning

if TYPE_CHECKING:
    import duckdb

    from opsnb.tables.reading import Reading

EVERY_DAY = 10  # a table whose median day has so many rows is expected to have some every day
SPIKE_ROWS = 5  # below so many rows on the median day, three times as many mean nothing
SPIKE = 3.0
ROBOT = 100
_EXAMPLES = 5
_LABELS = 5000  # a column with more different texts is no set of names


@dataclass(frozen=True)
class Days:
    """Rows per day of a table: first and last day, share of days between them that have rows, and the days without."""

    first: str | None = None
    last: str | None = None
    covered: float = 1.0
    missing: tuple[dt.date, ...] = ()
    counts: tuple[tuple[dt.date, int], ...] = ()


class Tally:
    """What must be counted while the raw text is at hand, chunk by chunk."""

    def __init__(self) -> None:
        self.spaced: Counter[str] = Counter()
        self.float_ids: Counter[str] = Counter()
        self.offsets: Counter[str] = Counter()
        self.cut: Counter[str] = Counter()

    def add(self, con: duckdb.DuckDBPyConnection) -> None:
        """Adds the chunk in the temporary table ``chunk_read``."""
        rows = con.execute("SELECT _float_ids, _offset, _cut, count(*) FROM chunk_read WHERE _reason IS NULL GROUP BY ALL").fetchall()
        for float_ids, offset, cut, n in rows:
            for column in filter(None, (cut or "").split("\x1f")):
                self.cut[column] += n
            for column in (float_ids or "").split():
                self.float_ids[column] += n
            if offset is not None:
                self.offsets[offset] += n
        columns = {row[0] for row in con.execute("DESCRIBE chunk_read").fetchall()}
        if "event" in columns:
            self.spaced.update(dict(con.execute("SELECT event, count(*) FROM chunk_read WHERE _spaced AND _reason IS NULL "
                                                "GROUP BY event LIMIT 1000").fetchall()))


def days(con: duckdb.DuckDBPyConnection, name: str, column: str | None) -> Days:
    """Rows per day of ``kept_<name>``; ``covered`` is 1 for tables that need not have rows every day.

    Rows are expected every day if the median day that has any has 10, or if it has 2 and at most 2% of the days (or one) have none; but not
    if more than half of the days have none: then the table is written by the week or month.
    """
    if column is None:
        return Days()
    counts = con.execute(f"SELECT CAST({quoted(column)} AS DATE) AS d, count(*) FROM kept_{name} WHERE {quoted(column)} IS NOT NULL "
                         "GROUP BY d ORDER BY d").fetchall()
    if not counts:
        return Days()
    first, last = counts[0][0], counts[-1][0]
    usual = sorted(n for _, n in counts)[len(counts) // 2]
    there = {day for day, _ in counts}
    span = (last - first).days + 1
    missing = tuple(day for day in (first + dt.timedelta(days=i) for i in range(span)) if day not in there) if usual > 1 else ()
    if (usual < EVERY_DAY and len(missing) > max(1, 0.02 * span)) or len(missing) > span / 2:
        missing = ()  # written by the week or month, or now and then
    return Days(first.isoformat(), last.isoformat(), 1 - len(missing) / span, missing, tuple(counts))


def warnings(con: duckdb.DuckDBPyConnection, name: str, reading: Reading, tally: Tally, found: Days) -> tuple[Warning, ...]:
    """All warnings about one table, see the functions below."""
    out = [*missing_days(found), *spikes(found, _calendar(con)), *strays(found), *float_ids(tally), *zones(tally, reading), *spaces(tally), *long_texts(tally)]
    for column, kind in reading.kinds.items():
        if kind == "label":
            out += spellings(con, name, column)
    if reading.table.histories:
        out += robots(con, name)
        out += midnight(con, name) if name == "events" else ()
    key = [column for column in reading.table.key if column in reading.kinds]
    if key:
        out += repeated_keys(con, name, key)
    if name == "orders" and "order_id" in reading.kinds:
        out += repeated_orders(con)
    return tuple(out)


def missing_days(found: Days) -> list[Warning]:
    """Days without any row in a table that is expected to have some every day."""
    if not found.missing:
        return []
    return [Warning("missing day", "no rows on {days} of the days between {first} and {last}",
                    {"days": len(found.missing), "first": found.first, "last": found.last},
                    tuple(day.isoformat() for day in found.missing[:_EXAMPLES]))]


def spikes(found: Days, known: set[dt.date]) -> list[Warning]:
    """Days with 3 times the rows of their neighbours (mean of the day before and the day after), unless the calendar names them."""
    by_day = dict(found.counts)
    usual = sorted(by_day.values())[len(by_day) // 2] if by_day else 0
    if usual < SPIKE_ROWS:
        return []
    high = []
    for day, n in by_day.items():
        around = [by_day[other] for other in (day - dt.timedelta(days=1), day + dt.timedelta(days=1)) if other in by_day]
        if around and day not in known and n >= usual and n >= SPIKE * sum(around) / len(around):
            high.append((n, day, sum(around) / len(around)))
    if not high:
        return []
    examples = tuple(f"{day.isoformat()}: {n} rows, neighbours {mean:.0f}" for n, day, mean in sorted(high, reverse=True)[:_EXAMPLES])
    return [Warning("spike", "{days} days have at least 3 times the rows of their neighbours: a sale, or rows loaded twice?",
                    {"days": len(high)}, examples)]


def last_day(counts: Sequence[tuple[dt.date, int]]) -> dt.date | None:
    """The last of some days in order, each with its rows; a few rows (1%) more than a year after all others count as a slip of the pen."""
    rows, seen = sum(n for _, n in counts), 0
    for (day, n), (after, _) in pairwise(counts):
        seen += n
        if (after - day).days > 366 and rows - seen <= 0.01 * rows:
            return day
    return counts[-1][0] if counts else None


def strays(found: Days) -> list[Warning]:
    """A few rows more than a year away from all the others."""
    rows, counts = sum(n for _, n in found.counts), found.counts
    out, seen = [], 0
    for i in range(len(counts) - 1):
        seen += counts[i][1]
        if (counts[i + 1][0] - counts[i][0]).days > 366 and min(seen, rows - seen) <= 0.01 * rows:
            lone = counts[: i + 1] if seen <= rows - seen else counts[i + 1:]
            out.append(Warning("stray dates", "{rows} rows lie more than a year away from all others", {"rows": min(seen, rows - seen)},
                               tuple(day.isoformat() for day, _ in lone[:_EXAMPLES])))
    return out


def float_ids(tally: Tally) -> list[Warning]:
    """Ids that some program read as decimal numbers: 1001.0 (read as 1001), 1.23457E+15 (digits are lost)."""
    return [Warning("float id", "{column}: {rows} ids look like decimal numbers; a program read them as numbers, long ones lose digits",
                    {"column": column, "rows": rows}) for column, rows in sorted(tally.float_ids.items())]


def zones(tally: Tally, reading: Reading) -> list[Warning]:
    """Times with different offsets, or some with and some without."""
    if len(tally.offsets) < 2:
        return []
    marks = {"Z": "+00:00", "UTC": "+00:00"}
    merged: Counter[str] = Counter()
    for offset, n in tally.offsets.items():
        merged[marks.get(offset, offset)] += n
    if len(merged) < 2:
        return []
    return [Warning("mixed time zones", "{column} is written with {kinds} different offsets; all were turned into {zone}, times without an "
                    "offset were taken as they stand", {"column": reading.day_column, "kinds": len(merged), "zone": reading.clock.zone},
                    tuple(f"{offset or 'none'}: {n} rows" for offset, n in merged.most_common(_EXAMPLES)))]


def spaces(tally: Tally) -> list[Warning]:
    """Event names with blanks around them."""
    if not tally.spaced:
        return []
    return [Warning("spaces", "{rows} event names have blanks around them; they were read without", {"rows": tally.spaced.total()},
                    tuple(f"'{event}': {n} rows" for event, n in tally.spaced.most_common(_EXAMPLES)))]


def long_texts(tally: Tally) -> list[Warning]:
    """Texts that no page could show."""
    return [Warning("long text", "{column}: {rows} texts are longer than {most} characters and were cut",
                    {"column": column, "rows": rows, "most": LONGEST_TEXT}) for column, rows in sorted(tally.cut.items())]


def spellings(con: duckdb.DuckDBPyConnection, name: str, column: str) -> list[Warning]:
    """Names that differ by case, blanks, hyphens or underscores alone."""
    value = quoted(column)
    names = con.execute(f"SELECT {value}, count(*) FROM kept_{name} WHERE {value} IS NOT NULL GROUP BY {value} "
                        f"LIMIT {_LABELS + 1}").fetchall()
    if len(names) > _LABELS:
        return []
    groups: dict[str, list[tuple[int, str]]] = {}
    for label, n in names:
        groups.setdefault("".join(ch for ch in label.casefold() if ch not in " _-\u3000\t"), []).append((n, label))
    alike = sorted((sorted(group, reverse=True) for group in groups.values() if len(group) > 1), reverse=True)
    if not alike:
        return []
    examples = tuple(", ".join(f"'{label}' ({n})" for n, label in group[:4]) for group in alike[:_EXAMPLES])
    kind, template = "spelling", "{column}: {groups} names are written in several ways, which differ by case or space"
    return [Warning(kind, template, {"column": column, "groups": len(alike)}, examples)]


def robots(con: duckdb.DuckDBPyConnection, name: str) -> list[Warning]:
    """Users with at least 100 times the median user's rows."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE per_user AS SELECT user_id, count(*) AS n FROM kept_{name} GROUP BY user_id")
    median = con.execute("SELECT quantile_disc(n, 0.5) FROM per_user").fetchone()[0]
    if median is None:
        return []
    found = con.execute(f"SELECT user_id, n, count(*) OVER () FROM per_user WHERE n >= {ROBOT} * {median} ORDER BY n DESC, user_id "
                        f"LIMIT {_EXAMPLES}").fetchall()
    con.execute("DROP TABLE per_user")
    if not found:
        return []
    return [Warning("robots", "{users} users have at least 100 times the median user's {median} rows: robots, or one id for many?",
                    {"users": found[0][2], "median": median}, tuple(f"{user}: {n} rows" for user, n, _ in found))]


def midnight(con: duckdb.DuckDBPyConnection, name: str) -> list[Warning]:
    """Events without a time of day: the order within a day is the file's."""
    rows, with_clock = con.execute(f"SELECT count(*), count(*) FILTER (WHERE ts <> date_trunc('day', ts)) FROM kept_{name}").fetchone()
    if with_clock or rows < 2:
        return []
    return [Warning("no time of day", "every ts is at midnight; within a day the rows' order in the file counts")]


def repeated_keys(con: duckdb.DuckDBPyConnection, name: str, key: Sequence[str]) -> list[Warning]:
    """Rows of one file that share what should tell them apart: finer rows, which add up (campaigns of a channel), or a mistake."""
    columns = ", ".join(map(quoted, key))
    found = con.execute(f"SELECT {columns}, count(*) AS n, sum(count(*)) OVER () FROM kept_{name} GROUP BY {columns} HAVING count(*) > 1 "
                        f"ORDER BY n DESC, {columns} LIMIT {_EXAMPLES}").fetchall()
    if not found:
        return []
    return [Warning("repeated key", "{rows} rows share their {key} with another row; all are kept, and sums add them up",
                    {"rows": int(found[0][-1]), "key": ", ".join(key)},
                    tuple(f"{', '.join(map(str, row[:-2]))}: {row[-2]} rows" for row in found))]


def repeated_orders(con: duckdb.DuckDBPyConnection) -> list[Warning]:
    """Order numbers on several rows (refunds aside): lines of one order, or one order exported twice with a change."""
    sale = "amount >= 0 AND order_id IS NOT NULL"
    found = con.execute(f"SELECT order_id, count(*) AS n, count(*) OVER () FROM kept_orders WHERE {sale} GROUP BY order_id "
                        f"HAVING count(*) > 1 ORDER BY n DESC, order_id LIMIT {_EXAMPLES}").fetchall()
    if not found:
        return []
    return [Warning("repeated order", "{orders} order numbers stand on several rows; each row counts as an order", {"orders": found[0][2]},
                    tuple(f"{order}: {n} rows" for order, n, _ in found))]


def _calendar(con: duckdb.DuckDBPyConnection) -> set[dt.date]:
    here = con.execute("SELECT count(*) FROM information_schema.tables WHERE table_name = 'kept_calendar'").fetchone()[0]
    if not here:
        return set()
    spans = con.execute('SELECT "start", "end" FROM kept_calendar WHERE "end" >= "start"').fetchall()
    return {first + dt.timedelta(days=i) for first, last in spans for i in range(min((last - first).days, 60) + 1)}
