"""A log of an online shop as Parquet, in order of time, as logs are: user_id (text), ts, event, device and five more properties."""

from __future__ import annotations

from pathlib import Path

import numpy as np

STEPS = ["home", "search", "product", "reviews", "promotion", "cart", "payment"]
OTHERS = ["help", "account", "coupon", "share", "logout"]
DEVICES = ["android", "desktop", "ios", "miniprogram"]
PROPERTIES = {"channel": 5, "region": 8, "plan": 3, "browser": 4, "campaign": 6}  # and how many values
COLUMNS = ["user_id", "ts", "event", "device"]
ROWS_A_USER = 20


def make(rows: int, path: Path, seed: int = 7, *, numbers: bool = False) -> None:
    """Visits of about six events that go down the funnel and leave it at any step; half a year; some other events between."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(seed)
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
    opened = np.datetime64("2025-01-01", "us").astype(np.int64) + random.integers(0, 180 * 86_400_000_000, visits)
    ts = opened[visit] + spent - spent[first][visit]
    user = (random.random(visits) ** 2 * (rows // ROWS_A_USER)).astype(np.int32)[visit]
    device = random.integers(0, len(DEVICES), visits).astype(np.int8)[visit]
    properties = {name: random.integers(0, values, visits).astype(np.int8)[visit] for name, values in PROPERTIES.items()}
    order = np.argsort(ts, kind="stable")
    names = pa.array([f"u{number:08d}" for number in range(rows // ROWS_A_USER)])
    users = pa.array(user[order])
    users = users.cast(pa.int64()) if numbers else pa.DictionaryArray.from_arrays(users, names).cast(pa.string())
    table = pa.table({
        "user_id": users,
        "ts": pa.array(ts[order]).cast(pa.timestamp("us")),
        "event": pa.DictionaryArray.from_arrays(pa.array(code[order]), pa.array([*STEPS, *OTHERS])).cast(pa.string()),
        "device": pa.DictionaryArray.from_arrays(pa.array(device[order]), pa.array(DEVICES)).cast(pa.string()),
        **{name: pa.DictionaryArray.from_arrays(pa.array(code[order]), pa.array([f"{name[0]}{value}" for value in range(PROPERTIES[name])]))
           .cast(pa.string()) for name, code in properties.items()}})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=1 << 20)
