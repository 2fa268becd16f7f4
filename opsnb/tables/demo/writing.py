"""Writes a world's tables as the CSV files of a data folder. Equal worlds give equal bytes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from opsnb.tables.demo import habits
from opsnb.tables.demo.advertising import NAMES
from opsnb.tables.demo.habits import PAGES
from opsnb.tables.demo.people import DEVICES, STEPS, Users, Visits, blended
from opsnb.tables.demo.season import Season

VISITS_AT_ONCE = 400_000
SECONDS = np.array([12, 22, 45, 38, 24, 55, 0])  # mean stay at each touchpoint


def table(folder: Path, name: str, columns: Mapping[str, Any], *, compress: bool = False) -> None:
    """One table as ``name.csv``, or ``name.csv.gz``."""
    with _opened(folder / f"{name}.csv{'.gz' if compress else ''}") as file:
        _rows(file, columns, header=True)


def events(folder: Path, visits: Visits, users: Users, season: Season, random: np.random.Generator) -> np.ndarray:
    """The events of all visits as ``events.csv.gz``, visit by visit, a few hundred thousand visits in memory at once.

    Returns the second of each visit's payment, -1 where there was none before the world's end.
    """
    paid = np.full(len(visits.user), -1, np.int64)
    with _opened(folder / "events.csv.gz") as file:
        for low in range(0, len(visits.user), VISITS_AT_ONCE):
            part = Visits(*(values[low:low + VISITS_AT_ONCE] for values in visits))
            rows, paid[low:low + VISITS_AT_ONCE] = _events(part, low, users, season, random)
            _rows(file, rows, header=low == 0)
    return paid


def _events(visits: Visits, number: int, users: Users, season: Season, random: np.random.Generator) -> tuple[dict[str, Any], np.ndarray]:
    """One row per touchpoint passed; some search again or look at more products. And the seconds of payments."""
    count, compares = len(visits.user), blended(users.blend, users.persona, habits.COMPARES)
    times_passed = ((np.arange(len(STEPS)) >= visits.start[:, None]) & (np.arange(len(STEPS)) < visits.depth[:, None])).astype(np.int8)
    times_passed[:, 1] += (times_passed[:, 1] > 0) & (random.random(count) < 0.15)
    times_passed[:, 2] += (times_passed[:, 2] * (random.geometric(1 - compares[visits.user]) - 1).clip(0, 6)).astype(np.int8)
    rows = times_passed.sum(axis=1)
    visit = np.repeat(np.arange(count), rows)
    step = np.repeat(np.tile(np.arange(len(STEPS), dtype=np.int8), count), times_passed.ravel())
    begins = np.cumsum(rows) - rows
    wait = 3 + random.exponential(SECONDS[np.concatenate([step[:1], step[:-1]])]).astype(np.int64)
    wait[begins] = 0
    since = np.cumsum(wait)
    second = visits.second[visit] + since - np.repeat(since[begins], rows)
    inside = second < len(season.days) * 86400  # what a visit of the last midnight does after it belongs to the next day
    paid = np.full(count, -1, np.int64)
    payment = inside & (step == len(STEPS) - 1)
    paid[visit[payment]] = second[payment]
    page = habits.drawn(users.pages, visits.user, random)
    visit, step, second = visit[inside], step[inside], second[inside]
    shown = np.where(step == 2, page[visit], len(PAGES))
    return {"user_id": ids("u", visits.user[visit], 6), "ts": times(season.days[0], second), "event": _chosen(STEPS, step),
            "session_id": ids("s", visit + number + 1, 7), "channel": _chosen(NAMES, visits.channel[visit]),
            "device": _chosen(DEVICES, visits.device[visit]), "page": _chosen((*PAGES, ""), shown)}, paid


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
    if header:
        file.write((",".join(arrays) + "\n").encode())
    csv.write_csv(pa.table(arrays), file, csv.WriteOptions(include_header=False, quoting_style="none"))


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
