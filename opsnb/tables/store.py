"""The store: a data folder's tables, checked, sorted and coded once, beside the data under ``.opsnb/``.

    .opsnb/
      manifest.json                     which directory is which table, and from what it was made; replaced in one step
      events-<key>-<random>/rows.arrow  see opsnb/tables/columnar.py; the key is a hash of the files' content and of how they are read
      lock                              held while one process ingests; the others wait and then find the work done

An ingest builds aside, syncs, renames, and last of all replaces the manifest: killed at any moment it leaves the old store whole.
Nothing but the manifest says what the store holds, so directories that it does not name are leftovers, and the next ingest deletes them.
A folder that cannot be written has its store under the user's cache directory, see opsnb/tables/places.py. A map that lives elsewhere
has a manifest of its own, so that two readings of one folder do not replace each other.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import opsnb
from opsnb.errors import InputError, ParameterError
from opsnb.tables import atomic, columnar
from opsnb.tables.codebook import TABLES
from opsnb.tables.columns import FILE_NAME, Columns, read_columns
from opsnb.tables.places import cached_place, place
from opsnb.tables.sources import Claims, claim, readable_files
from opsnb.tables.verdicts import Quality

if TYPE_CHECKING:
    import duckdb

FORMAT = 3  # of the store's files; a store of another format is built anew
DIRECTORY = ".opsnb"
_TABLE_DIRECTORY = re.compile(r"[a-z]+-[0-9a-f]{16}-[0-9a-f]{8}")
_BUILDING = "building-"

Progress = Callable[[str, int, float], None]
Manifest = dict[str, Any]


def ingest(folder: str | Path, *, columns: str | Path | None = None, as_of: str | dt.date | None = None, progress: Progress | None = None,
           force: bool = False, waiting: Callable[[], None] | None = None) -> Quality:
    """Checks the tables of a folder and brings its store up to date; only tables whose files changed are read.

    ``columns``: a map that lives elsewhere than in the folder. ``as_of``: rows dated later are set aside (default: the map's; without
    one none are). ``progress(table, rows read, share of its bytes read)`` is called now and then. ``force``: read everything anew.
    ``waiting()`` is called once if another process is ingesting the same folder; its work is then awaited and reused.

    Returns the Quality of all tables. Raises InputError for what cannot be read; the store is then as it was.
    """
    folder = Path(folder)
    mapping = read_columns(folder, columns)
    claims = claim(folder, mapping)
    if not claims.tables:
        found = ", ".join(claims.unclaimed[:5]) or "no file that can be read"
        raise InputError(f"{folder}: no table found (there is {found}); name a file events.csv or orders.csv, or write a "
                         f"{FILE_NAME} that says which file is which table: 'opsnb check {folder}' proposes one")
    home = place(folder) / DIRECTORY
    try:
        home.mkdir(parents=True, exist_ok=True)
        with atomic.lock(home / "lock", waiting) as alone:
            return _Ingest(folder, columns, mapping, claims, as_of, home, alone).run(progress, force)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise InputError(f"{home}: the disk is full; the store is as it was before") from error


def current(folder: str | Path, *, columns: str | Path | None = None) -> tuple[Path, Manifest] | None:
    """The store of a folder, as (directory, manifest), if it is there and up to date with the files; None otherwise. Reads no rows.

    A folder that was ingested and then made read-only keeps the store that it brings along.
    """
    folder = Path(folder)
    for home in (folder / DIRECTORY, cached_place(folder) / DIRECTORY):
        manifest = _read_manifest(home / _manifest_name(folder, columns))
        if manifest is not None and _is_current(folder, columns, manifest) and _is_whole(home, manifest):
            return home, manifest
    return None


class _Ingest:
    """One run of :func:`ingest`, with the lock held."""

    def __init__(self, folder: Path, columns: str | Path | None, mapping: Columns, claims: Claims, as_of: str | dt.date | None, home: Path,
                 alone: bool):
        self.folder, self.mapping, self.claims, self.home, self.alone = folder, mapping, claims, home, alone
        self.columns = columns
        self.path = home / _manifest_name(folder, columns)
        self.as_of = str(as_day(as_of)) if as_of is not None else str(mapping.as_of) if mapping.as_of else None

    def run(self, progress: Progress | None, force: bool) -> Quality:
        old = None if force else _read_manifest(self.path)
        if old is not None and not _is_whole(self.home, old):
            old = None
        inputs = self._inputs(old)
        keys = {name: self._key(name, inputs) for name in self.claims.tables}
        changed = [name for name, key in keys.items() if old is None or old["tables"].get(name, {}).get("key") != key]
        manifest = self._described(inputs, keys)
        if self.alone:
            self._clear(_BUILDING)  # what a killed ingest left would else fill the disk
        tables = {name: old["tables"][name] for name in keys if old is not None and name not in changed}
        quality = {"tables": {}} if old is None else old["quality"]
        if changed:
            with tempfile.TemporaryDirectory(prefix=_BUILDING, dir=self.home, ignore_cleanup_errors=True) as building:
                built, found = self._build(Path(building), changed, keys, progress)
                self._unchanged(inputs)
                for name, entry in built.items():
                    tables[name] = {**entry, "directory": self._publish(Path(building) / name, name, entry["key"])}
            quality = {**found, "tables": {**quality["tables"], **found["tables"]}}
        rejected = self.home.parent / "rejected"
        manifest["tables"] = {name: tables[name] for name in keys}
        manifest["quality"] = {**quality, "tables": {name: quality["tables"][name] for name in keys}, "folder": str(self.folder),
                               "unclaimed": list(self.claims.unclaimed), "rejected": str(rejected)}
        manifest["sha256"] = _digest([manifest["map"], self.as_of, {name: seen["sha256"] for name, seen in inputs.items()}])
        if manifest != old:
            self._write_manifest(manifest)
        for name in set() if old is None else set(old["tables"]) - set(keys):
            (rejected / f"{name}.csv").unlink(missing_ok=True)
        if self.alone:
            self._collect()
        return Quality.from_dict(manifest["quality"])

    def _inputs(self, old: Manifest | None) -> dict[str, dict[str, Any]]:
        """Every claimed file's size, time of change and content hash; the hash is taken over if size and time are the same."""
        known = old["inputs"] if old else {}
        out = {}
        for one in self.claims.tables.values():
            for file in one.files:
                name, seen = self.claims.name(file), _seen(file)
                same = known.get(name, {})
                out[name] = same if seen.items() <= same.items() else {**seen, "sha256": _file_digest(file)}
        return out

    def _key(self, name: str, inputs: Mapping[str, Mapping[str, Any]]) -> str:
        """Hash of all that decides what the stored table and its quality are: the files, how they are read, and what they refer to."""
        referred = {column.refers_to.partition(".")[0] for column in TABLES[name] if column.refers_to} - {name}
        parts = []
        for table in (name, *sorted(referred & set(self.claims.tables))):
            one = self.claims.tables[table]
            shape = {key: value for key, value in dataclasses.asdict(one.shape).items() if key not in ("where", "files")}
            parts.append([table, shape, [(file, inputs[file]["sha256"]) for file in map(self.claims.name, one.files)]])
        return _digest([FORMAT, opsnb.__version__, self.mapping.time_zone, self.as_of, parts])

    def _build(self, building: Path, changed: list[str], keys: Mapping[str, str],
               progress: Progress | None) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
        import duckdb

        from opsnb.tables.quality import stage
        from opsnb.tables.workspace import workspace

        referred = {column.refers_to.partition(".")[0] for name in changed for column in TABLES[name] if column.refers_to}
        wanted = [name for name in self.claims.tables if name in changed or name in referred]
        built = {}
        try:
            with workspace(building) as con:
                staged = stage(con, self.folder, self.mapping, tables=wanted, as_of=self.as_of, progress=progress,
                               rejected=self.home.parent / "rejected")
                for name in changed:
                    directory = building / name
                    directory.mkdir()
                    rows = columnar.write(con, f"kept_{name}", name, directory)
                    built[name] = {"key": keys[name], "rows": rows, "last_day": _last_day(con, name),
                                   "files": {file.name: file.stat().st_size for file in sorted(directory.iterdir())}}
                    con.execute(f"DROP TABLE kept_{name}")
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise InputError(f"{building.parent}: not enough memory or disk space to sort the tables ({str(error).splitlines()[0]}); "
                             "the store is as it was before") from error
        return built, staged.quality.to_dict()

    def _unchanged(self, inputs: Mapping[str, Mapping[str, Any]]) -> None:
        for one in self.claims.tables.values():
            for file in one.files:
                if not file.exists() or not _seen(file).items() <= inputs[self.claims.name(file)].items():
                    raise InputError(f"{self.claims.name(file)}: the file changed while it was being read; run it again")

    def _publish(self, directory: Path, name: str, key: str) -> str:
        """Puts a built table under its name in the store."""
        published = f"{name}-{key[:16]}-{os.urandom(4).hex()}"
        atomic.sync(directory)
        atomic.rename(directory, self.home / published)
        return published

    def _described(self, inputs: Mapping[str, Any], keys: Mapping[str, str]) -> Manifest:
        return {
            "format": FORMAT, "opsnb": opsnb.__version__, "columns": str(Path(self.columns).resolve()) if self.columns else None,
            "map": _map_digest(self.folder, self.columns), "as_of": self.as_of, "time_zone": self.mapping.time_zone,
            "currency": self.mapping.currency, "every_days": self.mapping.every_days,
            "listing": [file.name for file in readable_files(self.folder)], "inputs": dict(inputs),
        }

    def _write_manifest(self, manifest: Manifest) -> None:
        atomic.write_text(self.path, json.dumps(manifest, ensure_ascii=False, indent=1))

    def _collect(self) -> None:
        """Deletes what no manifest names: tables of before, and what killed ingests left. Only one process is ever here."""
        kept = set()
        for path in self.home.glob("manifest*.json"):
            manifest = _read_manifest(path)
            if manifest is None or (manifest["columns"] and not Path(manifest["columns"]).is_file()):
                if path != self.path:
                    path.unlink(missing_ok=True)
                continue
            kept |= {entry["directory"] for entry in manifest["tables"].values()}
        for entry in self.home.iterdir():
            if _TABLE_DIRECTORY.fullmatch(entry.name) and entry.name not in kept:
                shutil.rmtree(entry, ignore_errors=True)  # on Windows one that is in use stays until a later ingest
        self._clear(_BUILDING, ".manifest")

    def _clear(self, *prefixes: str) -> None:
        for entry in self.home.iterdir():
            if entry.name.startswith(prefixes):
                shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)


# --- what the manifest says ----------------------------------------------------------------------------------------------------


def _manifest_name(folder: Path, columns: str | Path | None) -> str:
    if columns is None or Path(columns).resolve() == (folder / FILE_NAME).resolve():
        return "manifest.json"
    return f"manifest-{hashlib.sha256(str(Path(columns).resolve()).encode()).hexdigest()[:12]}.json"


def _read_manifest(path: Path) -> Manifest | None:
    """The manifest, or None if there is none of this format."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    right = isinstance(manifest, dict) and manifest.get("format") == FORMAT and manifest.get("opsnb") == opsnb.__version__
    return manifest if right else None


def _is_current(folder: Path, columns: str | Path | None, manifest: Manifest) -> bool:
    """Whether a new ingest would find the same map and the same files, by their names, sizes and times of change."""
    if manifest["map"] != _map_digest(folder, columns):
        return False
    try:
        if manifest["listing"] != [file.name for file in readable_files(folder)]:
            return False
        if any(not _seen(folder / name).items() <= seen.items() for name, seen in manifest["inputs"].items()):
            return False
    except OSError:
        return False
    if all(name in manifest["listing"] for name in manifest["inputs"]):
        return True
    claims = claim(folder, read_columns(folder, columns))  # files in subfolders: only the map's globs can tell
    return {claims.name(file) for one in claims.tables.values() for file in one.files} == set(manifest["inputs"])


def _is_whole(home: Path, manifest: Manifest) -> bool:
    try:
        return all((home / entry["directory"] / name).stat().st_size == size
                   for entry in manifest["tables"].values() for name, size in entry["files"].items())
    except OSError:
        return False


def _seen(file: Path) -> dict[str, int]:
    found = file.stat()
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns}


def _map_digest(folder: Path, columns: str | Path | None) -> str | None:
    path = Path(columns) if columns is not None else folder / FILE_NAME
    return _file_digest(path) if path.is_file() else None


def _file_digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str, ensure_ascii=False).encode()).hexdigest()


def _last_day(con: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """The day of the table's last row, stray ones aside; None for tables that hold plans or no times."""
    column = next((column.name for column in TABLES[name] if column.required and column.kind in ("time", "date")), None)
    if column is None:
        return None
    from opsnb.tables import alarms

    day = alarms.last_day(con.execute(f'SELECT CAST("{column}" AS DATE) AS day, count(*) FROM kept_{name} WHERE "{column}" IS NOT NULL '
                                      "GROUP BY day ORDER BY day").fetchall())
    return day.isoformat() if day else None


def as_day(value: str | dt.date) -> dt.date:
    """A day that a caller wrote; raises ParameterError if it is none."""
    if isinstance(value, dt.date):
        return value.date() if isinstance(value, dt.datetime) else value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise ParameterError(f"as_of is '{value}'; allowed: a day as YYYY-MM-DD") from None
