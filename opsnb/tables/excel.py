"""An Excel sheet as chunks of text columns. Excel holds a million rows at most, so a Python loop reads it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from opsnb.errors import InputError, nearest
from opsnb.tables.columns import TableMap
from opsnb.tables.delimited import Chunk, _unique

_ROWS = 100_000


class Workbook:
    """One sheet of an Excel file (.xlsx, .xlsm): the first, or the one that the map names. The first filled row is the header."""

    def __init__(self, path: Path, name: str, shape: TableMap):
        self.path, self.name, self.shape = path, name, shape
        first = next(((line, row) for line, row in self._rows() if any(cell is not None for cell in row)), None)
        if first is None:
            raise InputError(f"{name} line 1: the sheet is empty; expected a header and rows")
        self.header_line, cells = first
        while cells and cells[-1] is None:
            cells = cells[:-1]
        names = [_text(cell) for cell in cells]
        self.columns = (_unique([(cell or "").strip() or f"column {i}" for i, cell in enumerate(names, 1)]) if shape.header
                        else [str(i) for i in range(1, len(cells) + 1)])

    def _rows(self) -> Iterator[tuple[int, tuple[Any, ...]]]:
        import zlib
        from xml.etree.ElementTree import ParseError

        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException

        damage = (InvalidFileException, zipfile.BadZipFile, zlib.error, ParseError, KeyError, ValueError, TypeError, EOFError, OSError,
                  NotImplementedError)
        try:
            with zipfile.ZipFile(self.path) as packed:
                if (part := packed.testzip()) is not None:
                    raise zipfile.BadZipFile(f"its part {part} is damaged")
            book = openpyxl.load_workbook(self.path, read_only=True, data_only=True)
        except damage as error:
            raise self._damaged(error) from error
        try:
            if self.shape.sheet is not None and self.shape.sheet not in book.sheetnames:
                raise InputError(f"{self.name}: no sheet '{self.shape.sheet}'; {nearest(self.shape.sheet, book.sheetnames)}")
            sheet = book[self.shape.sheet] if self.shape.sheet is not None else book.worksheets[0]
            sheet.reset_dimensions()  # some writers state a wrong size
            rows = iter(sheet.iter_rows(values_only=True))
            for line in itertools.count(1):
                try:
                    row = next(rows, None)
                except damage as error:
                    raise self._damaged(error, line) from error
                if row is None:
                    return
                yield line, row
        finally:
            book.close()

    def _damaged(self, error: Exception, line: int = 0) -> InputError:
        where = f"{self.name} line {line}" if line else self.name
        return InputError(f"{where}: not a whole Excel file ({error}); save it again as .xlsx")

    def chunks(self, on_bytes: Callable[[int], None] | None = None) -> Iterator[Chunk]:
        """The rows, some at a time; empty rows are passed over."""
        start = self.header_line if self.shape.header else self.header_line - 1
        rows: list[list[str | None]] = []
        lines: list[int] = []
        malformed: list[tuple[int, str, str]] = []
        width = len(self.columns)
        for line, cells in self._rows():
            if line <= start or all(cell is None for cell in cells):
                continue
            texts = [_text(cell) for cell in cells]
            if any(text is not None for text in texts[width:]):
                malformed.append((line, _joined(texts), f"{len(texts)} cells instead of {width}"))
                continue
            rows.append((texts + [None] * width)[:width])
            lines.append(line)
            if len(rows) == _ROWS:
                yield self._chunk(rows, lines, malformed)
                rows, lines, malformed = [], [], []
        if rows or malformed:
            yield self._chunk(rows, lines, malformed)
        if on_bytes:
            on_bytes(self.path.stat().st_size)

    def _chunk(self, rows: list[list[str | None]], lines: list[int], malformed: list[tuple[int, str, str]]) -> Chunk:
        import pyarrow as pa

        table = pa.table({column: pa.array([row[i] for row in rows], pa.string()) for i, column in enumerate(self.columns)})
        return Chunk(lambda: table, np.array(lines, np.int64), lambda at: [_joined(rows[i]) for i in at.tolist()], tuple(malformed))


def _text(cell: Any) -> str | None:
    """A cell as text: whole numbers without a decimal point, dates as ISO."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    return str(cell)


def _joined(cells: list[str | None]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(["" if cell is None else cell for cell in cells])
    return out.getvalue()
