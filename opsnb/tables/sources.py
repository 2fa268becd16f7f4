"""Which files are which table, and every kind of file opened as the same thing: columns, and chunks of rows with line numbers."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from opsnb.errors import InputError, nearest
from opsnb.tables.codebook import TABLES
from opsnb.tables.columns import FILE_NAME, Columns, TableMap
from opsnb.tables.delimited import Delimited
from opsnb.tables.excel import Workbook
from opsnb.tables.formats import JsonLines, ParquetFile

_ENDINGS = {
    ".csv": Delimited, ".tsv": Delimited, ".txt": Delimited, ".tab": Delimited, ".dat": Delimited, ".psv": Delimited,
    ".parquet": ParquetFile, ".pq": ParquetFile, ".jsonl": JsonLines, ".ndjson": JsonLines, ".json": JsonLines,
    ".xlsx": Workbook, ".xlsm": Workbook,
}
_GZ = {".csv", ".tsv", ".txt", ".tab", ".dat", ".psv", ".jsonl", ".ndjson", ".json"}
_SKIPPED = {"rejected", ".opsnb"}

Source = Delimited | ParquetFile | JsonLines | Workbook


@dataclass(frozen=True)
class Claim:
    """The files of one table, sorted by name, and how to read them."""

    shape: TableMap
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Claims:
    """``tables``: name -> Claim. ``unclaimed``: readable files that no table takes, by name relative to the folder."""

    folder: Path
    tables: Mapping[str, Claim]
    unclaimed: tuple[str, ...]

    def name(self, file: Path) -> str:
        """A file as messages and rejected rows name it."""
        return file.relative_to(self.folder).as_posix() if file.is_relative_to(self.folder) else file.as_posix()


def claim(folder: str | Path, mapping: Columns) -> Claims:
    """The tables of a folder: those that the map names, then files called like a table (``orders.csv``, ``events-2025-01.csv.gz``).

    Raises InputError for a folder that is not there, a file that the map names and that is not there, a file kind that cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        near = nearest(folder.name, [p.name for p in folder.parent.iterdir() if p.is_dir()]) if folder.parent.is_dir() else ""
        raise InputError(f"{folder}: no such folder" + (f"; {near}" if near else ""))
    files = readable_files(folder)
    by_name = {file.relative_to(folder).as_posix(): file for file in files}
    taken: dict[str, Claim] = {}
    used: set[Path] = set()
    ignored = {file for name, file in by_name.items() if any(fnmatch.fnmatch(name, pattern) for pattern in mapping.ignore)}
    for name, shape in mapping.tables.items():
        if shape.files:
            found = tuple(sorted({file for pattern in shape.files for file in _matching(folder, pattern, shape, by_name)}))
        else:
            found = tuple(file for key, file in sorted(by_name.items()) if _called(key) == name and file not in ignored)
            if not found:
                raise InputError(f"{shape.where}: table {name} names no files and none is called {name}.csv or so; "
                                 f"{nearest(name, by_name)}")
        taken[name] = Claim(shape, found)
        used.update(found)
    for key, file in sorted(by_name.items()):
        name = _called(key)
        if name and name not in mapping.tables and file not in used and file not in ignored:
            taken[name] = Claim(TableMap(name), (*(taken[name].files if name in taken else ()), file))
    used.update(file for one in taken.values() for file in one.files)
    ordered = {name: taken[name] for name in TABLES if name in taken}
    return Claims(folder, ordered, tuple(key for key, file in sorted(by_name.items()) if file not in used and file not in ignored))


def readable_files(folder: Path) -> list[Path]:
    """The files of a folder (not of its subfolders) that have an ending opsnb can read, sorted by name."""
    return sorted(file for file in folder.iterdir() if file.is_file() and _ending(file.name) and file.name[0] not in ".~"
                  and file.name != FILE_NAME and file.name != "truth.json")


def open_source(file: Path, name: str, shape: TableMap) -> Source:
    """The reader for a file, by its ending; raises InputError if its head cannot be read."""
    kind = _ENDINGS.get(_ending(file.name) or "")
    if kind is None:
        endings = [*_ENDINGS, *(f"{ending}.gz" for ending in sorted(_GZ))]
        raise InputError(f"{name}: cannot read files of this kind; {nearest(file.suffix.lower(), endings)}")
    return kind(file, name, shape)


def _ending(name: str) -> str | None:
    """The ending that decides how a file is read, without .gz; None if opsnb cannot read it."""
    path = Path(name.lower())
    if path.suffix == ".gz":
        inner = Path(path.stem).suffix
        return inner if inner in _GZ else None
    return path.suffix if path.suffix in _ENDINGS else None


def _called(name: str) -> str | None:
    """The table that a file is named for.

    >>> _called("events-2025-01.csv.gz"), _called("Orders.xlsx"), _called("notes.csv")
    ('events', 'orders', None)
    """
    match = re.match(r"([a-z]+)(?:[._-].*)?\.", name.lower())
    return match.group(1) if match and match.group(1) in TABLES else None


def _matching(folder: Path, pattern: str, shape: TableMap, by_name: Mapping[str, Path]) -> list[Path]:
    if Path(pattern).is_absolute() and Path(pattern).is_file():
        return [Path(pattern)]
    if (folder / pattern).is_file():
        return [folder / pattern]
    if re.search(r"[*?\[]", pattern) and not Path(pattern).is_absolute():
        found = [file for file in folder.glob(pattern) if file.is_file() and _SKIPPED.isdisjoint(file.relative_to(folder).parts)]
        if found:
            return found
        raise InputError(f"{shape.where}: no file matches '{pattern}' in {folder}; {nearest(pattern, by_name)}")
    raise InputError(f"{shape.where}: no file '{pattern}' in {folder}; {nearest(pattern, by_name)}")
