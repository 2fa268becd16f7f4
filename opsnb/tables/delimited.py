"""Delimited text (CSV, TSV, columns of blanks) as chunks of Arrow text columns with the line number of every row."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from opsnb.errors import InputError
from opsnb.tables.columns import TableMap
from opsnb.tables.encodings import utf8_chunks
from opsnb.tables.records import BLANK, CONTINUED, GOOD, LONGEST, QUOTING, Records, records

if TYPE_CHECKING:
    import pyarrow as pa

MALFORMED = "malformed row"
_SAMPLE = 1 << 18


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file. ``lines``: physical line per row of ``table()``. ``raw(rows)``: those rows as they stand in the file.
    ``malformed``: lines, raw texts and details of the rows that could not be split into columns."""

    table: Callable[[], pa.Table]
    lines: np.ndarray
    raw: Callable[[np.ndarray], list[str]]
    malformed: tuple[tuple[int, str, str], ...] = ()


class Delimited:
    """One delimited file: ``columns`` are the header's names (or "1", "2", … without a header); ``chunks()`` reads it."""

    def __init__(self, path: Path, name: str, shape: TableMap):
        self.path, self.name, self.shape = path, name, shape
        sample = _sample(path, name, shape.encoding)
        if not sample.strip():
            raise InputError(f"{name} line 1: the file is empty; expected a header and rows")
        self.delimiter = shape.delimiter or found_delimiter(sample)
        self.blank_separated = self.delimiter == "whitespace"
        if self.blank_separated:
            self.delimiter, sample = "\t", _collapsed(sample)
        self.header_line, cells, counts = self._first(sample)
        if shape.header:
            self.columns = _unique([cell.strip() or f"column {i}" for i, cell in enumerate(cells, 1)])
        else:
            width = Counter(counts[:200]).most_common(1)[0][0]
            self.columns = [str(i) for i in range(1, width + 1)]

    def _first(self, sample: bytes) -> tuple[int, list[str], list[int]]:
        found, _ = records(sample, self.delimiter, None, quoted=not self.blank_separated)
        rows = np.flatnonzero((found.kind != BLANK) & (found.kind != CONTINUED))
        first = int(rows[0])
        if found.kind[first] == QUOTING:
            raise InputError(f"{self.name} line {first + 1}: a quote is not closed in the first line; expected a header")
        end = rows[1] if len(rows) > 1 else len(found)
        text = found.text[found.starts[first]: found.starts[end]].decode("utf-8", "replace")
        if len(text) > LONGEST:
            raise InputError(f"{self.name} line {first + 1}: the first line has {len(text):,} characters; expected a header")
        cells = _split(text, self.delimiter, quoted=not self.blank_separated)
        return first + 1, cells, found.fields[rows[found.kind[rows] == GOOD]].tolist()

    def chunks(self, on_bytes: Callable[[int], None] | None = None) -> Iterator[Chunk]:
        """The rows, some hundred thousand at a time."""
        rest, line, header = b"", 1, self.shape.header
        for last, part in _with_end(utf8_chunks(self.path, self.shape.encoding, name=self.name, on_bytes=on_bytes)):
            text = rest + part
            source = _collapsed(text) if self.blank_separated else text
            found, taken = records(source, self.delimiter, len(self.columns), quoted=not self.blank_separated, last=last)
            if self.blank_separated:
                taken = text.rfind(b"\n") + 1 if not last else len(text)
            if header and (firsts := np.flatnonzero((found.kind != BLANK) & (found.kind != CONTINUED))).size:
                end = firsts[1] if len(firsts) > 1 else len(found)
                found.kind[firsts[0]: end] = BLANK
                header = False
            yield self._chunk(found, text[:taken] if self.blank_separated else found.text, line)
            rest, line = text[taken:], line + len(found)

    def _chunk(self, found: Records, original: bytes, first_line: int) -> Chunk:
        firsts = found.firsts
        kinds = found.kind[firsts]
        good = firsts[kinds == GOOD]
        def raw(lines: np.ndarray) -> list[str]:
            starts = found.starts if original is found.text else _line_starts(original, len(found))
            bounds = np.r_[starts[firsts], starts[len(found)]]
            where = np.searchsorted(firsts, lines)
            return [original[bounds[i]: bounds[i + 1]].decode("utf-8", "replace").rstrip("\r\n") for i in where.tolist()]

        bad = firsts[(kinds != GOOD) & (kinds != BLANK)]
        details = ["bad quoting" if found.kind[i] == QUOTING else f"{found.fields[i]} fields instead of {len(self.columns)}"
                   for i in bad.tolist()]
        malformed = tuple(zip((bad + first_line).tolist(), raw(bad), details, strict=True))
        return Chunk(lambda: self._table(found, good + first_line), good + first_line, lambda rows: raw(good[rows]), malformed)

    def _table(self, found: Records, lines: np.ndarray) -> pa.Table:
        longest = int(np.diff(np.r_[found.starts[found.firsts], found.starts[-1]]).max(initial=0))
        table = self._parse(found.good() if len(lines) else b"", longest, bool((found.kind == CONTINUED).any()))
        if table.num_rows != len(lines):
            raise InputError(f"{self.name} from line {lines[0]}: the rows cannot be told apart ({table.num_rows} instead of {len(lines)}); "
                             "check the quotes, or declare the delimiter in columns.yml")
        return table

    def _parse(self, text: bytes, longest: int, several_lines: bool) -> pa.Table:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        if not text:
            return pa.table({column: pa.array([], pa.string()) for column in self.columns})
        return arrow_csv.read_csv(
            pa.BufferReader(text),
            read_options=arrow_csv.ReadOptions(column_names=self.columns, block_size=max(1 << 22, longest + 1)),
            parse_options=arrow_csv.ParseOptions(delimiter=self.delimiter, quote_char=False if self.blank_separated else '"',
                                                 newlines_in_values=several_lines, ignore_empty_lines=False),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(self.columns, pa.string()), null_values=[""],
                                                     strings_can_be_null=True, check_utf8=False),
        )


def found_delimiter(sample: bytes) -> str:
    """The delimiter that cuts most lines into the same number of fields, two or more; "whitespace" if only blanks do.

    >>> found_delimiter(b"a;b\\n1,5;2\\n"), found_delimiter(b" 1 19970101  29.33\\n 2 19970102   9.10\\n")
    (';', 'whitespace')
    """
    best, choice = (0.0, 0), None
    for delimiter in (",", "\t", ";", "|"):
        found, _ = records(sample, delimiter, None)
        fields = found.fields[found.kind == GOOD][:500]
        if not len(fields):
            continue
        usual, times = Counter(fields.tolist()).most_common(1)[0]
        rank = (round(times / len(fields), 1) if usual > 1 else 0.0, usual)
        if usual > 1 and rank > best:
            best, choice = rank, delimiter
    if choice and best[0] >= 0.5:
        return choice
    widths = [len(line.split()) for line in sample.splitlines()[:500] if line.strip()]
    if not widths or choice:
        return choice or ","
    usual, times = Counter(widths).most_common(1)[0]
    return "whitespace" if usual > 1 and times >= 0.8 * len(widths) and widths[0] == usual else ","


def _sample(path: Path, name: str, encoding: str | None) -> bytes:
    """The first whole lines of the file."""
    text = b""
    for part in utf8_chunks(path, encoding, size=_SAMPLE, name=name):
        text += part
        if len(text) >= _SAMPLE and b"\n" in text:
            return text[: text.rfind(b"\n") + 1]
    return text


def _with_end(parts: Iterator[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Every part with a mark whether it is the last."""
    previous = None
    for part in parts:
        if previous is not None:
            yield False, previous
        previous = part
    if previous is not None:
        yield True, previous


def _collapsed(text: bytes) -> bytes:
    """Runs of blanks as one tab, none at the ends of lines; the lines stay."""
    return re.sub(rb"[ \t]+", b"\t", re.sub(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)", b"", text))


def _line_starts(text: bytes, lines: int) -> np.ndarray:
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == 10) + 1
    return np.r_[0, ends, len(text)][: lines + 1]


def _split(text: str, delimiter: str, *, quoted: bool) -> list[str]:
    return next(csv.reader([text], delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE), [])


def _unique(names: list[str]) -> list[str]:
    """Names that differ even without regard to case: a second 'x' becomes 'x_2'.

    >>> _unique(["x", "y", "X"])
    ['x', 'y', 'X_2']
    """
    taken: set[str] = set()
    out = []
    for name in names:
        free, number = name, 2
        while free.casefold() in taken:
            free, number = f"{name}_{number}", number + 1
        taken.add(free.casefold())
        out.append(free)
    return out
