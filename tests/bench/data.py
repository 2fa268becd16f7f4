"""A log of an online shop as Parquet, in order of time, as logs are: user_id (text), ts, event, device and five more properties."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

STEPS = ["home", "search", "product", "reviews", "promotion", "cart", "payment"]
OTHERS = ["help", "account", "coupon", "share", "logout"]
DEVICES = ["android", "desktop", "ios", "miniprogram"]
PROPERTIES = {"channel": 5, "region": 8, "plan": 3, "browser": 4, "campaign": 6}  # and how many values
COLUMNS = ["user_id", "ts", "event", "device"]
ROWS_A_USER = 20


PART_ROWS = 10_000_000
HALF_A_YEAR_US = 180 * 86_400_000_000


def make(rows: int, path: Path, seed: int = 7, *, numbers: bool = False) -> None:
    """Visits of about six events that go down the funnel and leave it at any step; half a year; some other events between.

    Of more than ten million rows, each part is a part of the half year, made and written before the next: under 2 GB at any size.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = max(-(-rows // PART_ROWS), 1)
    length = HALF_A_YEAR_US // parts
    names = None if numbers else pa.array([f"u{number:08d}" for number in range(rows // ROWS_A_USER)])
    path.parent.mkdir(parents=True, exist_ok=True)
    writer, later = None, None
    for part in range(parts):
        size = rows * (part + 1) // parts - rows * part // parts
        found = _visits(size, rows // ROWS_A_USER, np.random.default_rng(seed if parts == 1 else [seed, part]), part * length, length)
        if later is not None:
            found = {name: np.concatenate([later[name], values]) for name, values in found.items()}
        order = np.argsort(found["ts"], kind="stable")
        ends = len(order) if part == parts - 1 else np.searchsorted(found["ts"][order], _opening() + (part + 1) * length)
        later = {name: values[order[ends:]] for name, values in found.items()}  # visits that go on while the next part's begin
        table = _table({name: values[order[:ends]] for name, values in found.items()}, names)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=1 << 20)
    writer.close()


def _opening() -> int:
    return int(np.datetime64("2025-01-01", "us").astype(np.int64))


def _visits(rows: int, users: int, random: np.random.Generator, since: int, length: int) -> dict[str, np.ndarray]:
    """The rows of visits that begin in these microseconds of the half year; labels as their places."""
    visit_rows = random.geometric(1 / 6, rows // 5)
    visit = np.repeat(np.arange(len(visit_rows), dtype=np.int32), visit_rows)[:rows]
    first = np.r_[0, np.flatnonzero(visit[1:] != visit[:-1]) + 1]
    visits = len(first)
    advance = (random.random(len(visit)) < .7).astype(np.int32)
    advance[first] = 0
    walked = np.cumsum(advance)
    code = np.minimum(walked - walked[first][visit], len(STEPS) - 1).astype(np.int8)
    aside = random.random(len(visit)) < .2
    code[aside] = len(STEPS) + random.integers(0, len(OTHERS), int(aside.sum()))
    pause = random.exponential(40e6, len(visit)).astype(np.int64)
    pause[first] = 0
    spent = np.cumsum(pause)
    opened = _opening() + since + random.integers(0, length, visits)
    ts = opened[visit] + spent - spent[first][visit]
    user = (random.random(visits) ** 2 * users).astype(np.int32)[visit]
    device = random.integers(0, len(DEVICES), visits).astype(np.int8)[visit]
    return {"user_id": user, "ts": ts, "event": code, "device": device,
            **{name: random.integers(0, values, visits).astype(np.int8)[visit] for name, values in PROPERTIES.items()}}


def _table(found: dict[str, np.ndarray], names: pa.Array | None) -> pa.Table:
    import pyarrow as pa

    labels = {"event": [*STEPS, *OTHERS], "device": DEVICES,
              **{name: [f"{name[0]}{value}" for value in range(values)] for name, values in PROPERTIES.items()}}
    users = pa.array(found["user_id"])
    return pa.table({
        "user_id": users.cast(pa.int64()) if names is None else pa.DictionaryArray.from_arrays(users, names).cast(pa.string()),
        "ts": pa.array(found["ts"]).cast(pa.timestamp("us")),
        **{name: pa.DictionaryArray.from_arrays(pa.array(found[name]), pa.array(texts)).cast(pa.string()) for name, texts in labels.items()}})
