"""Writes a world's tables as the CSV files of a data folder. Equal worlds give equal bytes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from opsnb.tables.demo.people import CHANNELS, DEVICES, STEPS, Visits
from opsnb.tables.demo.season import Season

VISITS_AT_ONCE = 400_000
PAGES = ("skincare", "makeup", "haircare", "fragrance", "men_grooming")


def table(folder: Path, name: str, columns: Mapping[str, Any], *, compress: bool = False) -> None:
    """One table as ``name.csv``, or ``name.csv.gz``."""
    with _opened(folder / f"{name}.csv{'.gz' if compress else ''}") as file:
        _rows(file, columns, header=True)


def events(folder: Path, visits: Visits, season: Season, random: np.random.Generator) -> None:
    """The events of all visits as ``events.csv.gz``, visit by visit, a few hundred thousand visits in memory at once."""
    with _opened(folder / "events.csv.gz") as file:
        for low in range(0, len(visits.user), VISITS_AT_ONCE):
            part = Visits(*(values[low : low + VISITS_AT_ONCE] for values in visits))
            _rows(file, _events(part, low, season, random), header=low == 0)


def _events(visits: Visits, number: int, season: Season, random: np.random.Generator) -> dict[str, Any]:
    """One row per touchpoint passed; some look at a second product, which is one more row."""
    depth = visits.depth.astype(np.int64)
    again = (depth >= 3) & (random.random(len(depth)) < 0.3)
    rows = depth + again
    visit = np.repeat(np.arange(len(rows)), rows)
    place = np.arange(len(visit)) - np.repeat(np.cumsum(rows) - rows, rows)
    step = place - (again[visit] & (place >= 3))
    wait = np.where(place == 0, 0, 4 + random.exponential(38, len(visit)).astype(np.int64))
    since = np.cumsum(wait)
    second = visits.second[visit] + since - np.repeat(since[np.cumsum(rows) - rows], rows)
    inside = second < len(season.days) * 86400  # what a visit of the last midnight does after it belongs to the next day
    visit, step, second = visit[inside], step[inside], second[inside]
    page = np.where(step == 2, np.array(PAGES)[random.integers(0, 5, len(visit))], "")
    return {
        "user_id": ids("u", visits.user[visit], 6),
        "ts": times(season.days[0], second),
        "event": _chosen(STEPS, step),
        "session_id": ids("s", visit + number + 1, 7),
        "channel": _chosen(CHANNELS, visits.channel[visit]),
        "device": _chosen(DEVICES, visits.device[visit]),
        "page": page,
    }


def ids(letter: str, numbers: np.ndarray, width: int) -> Any:
    """u000123 and the like, as an Arrow array."""
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(letter, digits, "")


def times(first_day: np.datetime64, seconds: np.ndarray, end: int | None = None) -> Any:
    """Seconds since the first midnight as ``2025-06-18 20:15:03``; empty for what happens at ``end`` or later, nobody knows it yet."""
    import pyarrow as pa

    return pa.array(first_day.astype("datetime64[s]") + seconds, mask=None if end is None else seconds >= end).cast(pa.string())


def truth(folder: Path, content: Mapping[str, Any]) -> None:
    """What was planted, as ``truth.json``."""
    (folder / "truth.json").write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8", newline="\n")


def _chosen(names: tuple[str, ...], codes: np.ndarray) -> Any:
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(codes.astype(np.int32), pa.array(names)).cast(pa.string())


def _rows(file: Any, columns: Mapping[str, Any], *, header: bool) -> None:
    import pyarrow as pa
    from pyarrow import csv

    arrays = {name: _array(values) for name, values in columns.items()}
    csv.write_csv(pa.table(arrays), file, csv.WriteOptions(include_header=header, quoting_style="none"))


def _array(values: Any) -> Any:
    import pyarrow as pa

    array = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values)
    return array.cast(pa.string()) if pa.types.is_temporal(array.type) else array


class _opened:
    """A file to write bytes to, gzipped without a time stamp where its name says so."""

    def __init__(self, path: Path):
        self._file = path.open("wb")
        self._zip = gzip.GzipFile(fileobj=self._file, mode="wb", filename="", mtime=0, compresslevel=6) if path.suffix == ".gz" else None

    def __enter__(self) -> Any:
        return self._zip or self._file

    def __exit__(self, *_: object) -> None:
        if self._zip:
            self._zip.close()
        self._file.close()
