"""The same questions in each engine, as someone who knows it would ask them, one process each.

    python -m tests.bench.engines JOB ENGINE FOLDER

Every answer is plain data, so that the runner can compare them; a funnel is {device: [users per step]}, or a list where the engine
knows no breakdown; daily KPIs are {day: [visitors, sessions begun]}, an ingest is a row count.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from tests.bench.data import COLUMNS, PROPERTIES, STEPS

WINDOW_DAYS = 7
DAY_US, GAP_US = 86_400_000_000, 1_800_000_000
NO_DOWNLOADS = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


# opsnb -----------------------------------------------------------------------------------------------------------------------

def ingest_opsnb(folder: Path) -> int:
    from opsnb.tables.store import ingest

    return ingest(folder, force=True).tables["events"].kept


def funnel_opsnb(folder: Path) -> dict:
    from opsnb.tables.data import open_data

    return _funnel_of(open_data(folder).events)


def funnel_opsnb_parquet(folder: Path) -> dict:
    from opsnb.tables.parquet import open_parquet

    return _funnel_of(open_parquet(folder / "events.parquet", "event", "device"))


def _funnel_of(events: Any) -> dict:
    from opsnb.measures.funnel import step_conversion

    found = step_conversion(events, STEPS, window_days=WINDOW_DAYS, by="device")
    return {device: rows["users"].tolist() for device, rows in found.groupby("device")}


def plain_opsnb(folder: Path) -> list:
    from opsnb.measures.funnel import step_conversion
    from opsnb.tables.data import open_data

    return step_conversion(open_data(folder).events, STEPS, window_days=WINDOW_DAYS)["users"].tolist()


def unlimited_opsnb(folder: Path) -> list:
    from opsnb.measures.funnel import step_conversion
    from opsnb.tables.data import open_data

    return step_conversion(open_data(folder).events, STEPS)["users"].tolist()


def paths_opsnb(folder: Path) -> int:
    from opsnb.measures.flows import step_matrix, transitions
    from opsnb.tables.data import open_data

    events = open_data(folder).events
    return len(step_matrix(events)) + len(transitions(events))


def drivers_opsnb(folder: Path) -> int:
    from opsnb.measures.drivers import drivers
    from opsnb.tables.data import open_data

    return len(drivers(open_data(folder).events, STEPS, after="cart", window_days=WINDOW_DAYS))


def localise_opsnb(folder: Path) -> int:
    """The second quarter against the first, all steps, all properties, their pairs and threes."""
    from opsnb.measures.funnel import step_trend
    from opsnb.measures.localise import change_slices
    from opsnb.tables.data import open_data

    by = ["device", *PROPERTIES]
    trend = step_trend(open_data(folder).events, STEPS, by=by, period="month")
    late = trend["period_start"] >= "2025-04-01"
    return len(change_slices(trend[late], trend[~late], by=by))


def daily_opsnb(folder: Path) -> dict:
    from opsnb.measures.kpis import daily_kpis
    from opsnb.tables.data import open_data

    found = daily_kpis(events=open_data(folder).events)
    return {str(row.date)[:10]: [int(row.visitors), int(row.sessions)] for row in found.itertuples()}


# The raw scan: the least that anyone must do -----------------------------------------------------------------------------------

def funnel_scan(folder: Path) -> None:
    """Reads the four columns from Parquet into memory, once."""
    _read_columns(folder, COLUMNS)


def daily_scan(folder: Path) -> None:
    _read_columns(folder, COLUMNS[:2])


def ingest_scan(folder: Path) -> None:
    _read_columns(folder, [*COLUMNS, *PROPERTIES])


plain_scan = unlimited_scan = paths_scan = drivers_scan = localise_scan = funnel_scan


def _read_columns(folder: Path, columns: list[str]) -> None:
    import pyarrow.parquet as pq

    pq.read_table(folder / "events.parquet", columns=columns)


def funnel_scan_store(folder: Path) -> None:
    """Adds up the four columns of the store, once."""
    from opsnb.tables.data import open_data

    for block in open_data(folder).events.blocks("event", "device"):
        for values in (block.user, block.ts, block["event"], block["device"]):
            values.sum()


def daily_scan_store(folder: Path) -> None:
    from opsnb.tables.data import open_data

    for block in open_data(folder).events.blocks():
        for values in (block.user, block.ts):
            values.sum()


# DuckDB ----------------------------------------------------------------------------------------------------------------------

def _duckdb(folder: Path) -> Any:
    import duckdb

    con = duckdb.connect(config=NO_DOWNLOADS)
    con.execute("SET enable_progress_bar = false")
    con.execute("CREATE VIEW events AS SELECT *, file_row_number AS place "
                f"FROM read_parquet('{(folder / 'events.parquet').as_posix()}', file_row_number = true)")
    return con


def ingest_duckdb(folder: Path) -> int:
    con = _duckdb(folder)
    con.execute(f"ATTACH '{(folder / 'bench.duckdb').as_posix()}' AS stored")
    con.execute("CREATE OR REPLACE TABLE stored.events AS SELECT * FROM events ORDER BY user_id, ts, place")
    rows = con.execute("SELECT count(*) FROM stored.events").fetchone()[0]
    con.close()
    (folder / "bench.duckdb").unlink()
    return rows


def funnel_duckdb(folder: Path) -> dict:
    """For each row of step k: when step k + 1 comes next, and what follows that row, by windows that look ahead."""
    steps = ", ".join(f"'{step}'" for step in STEPS)
    queries = [f"s7 AS (SELECT user_id, ts, place, device, list_position([{steps}], event) AS k FROM events WHERE event IN ({steps}))"]
    for k in range(len(STEPS) - 1, 0, -1):
        following = [f"first_value(CASE WHEN k = {k + 1} THEN {'ts' if j == k + 1 else f't{j}'} END IGNORE NULLS) OVER ahead"
                     for j in range(k + 1, len(STEPS) + 1)]
        columns = [f"CASE WHEN k = {k} THEN {expression} {f'ELSE t{j}' if j > k + 1 else ''} END AS t{j}"
                   for j, expression in enumerate(following, start=k + 1)]
        queries.append(f"s{k} AS (SELECT user_id, ts, place, device, k, {', '.join(columns)} FROM s{k + 1} WINDOW ahead AS "
                       "(PARTITION BY user_id ORDER BY ts, place ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING))")
    depth = " + ".join(["1", *(f"coalesce((t{j} <= ts + INTERVAL {WINDOW_DAYS} DAY)::INT, 0)" for j in range(2, len(STEPS) + 1))])
    counts = ", ".join(f"count(*) FILTER (depth >= {j})" for j in range(1, len(STEPS) + 1))
    query = (f"WITH {', '.join(queries)}, attempts AS (SELECT user_id, ts, place, device, {depth} AS depth FROM s1 WHERE k = 1), "
             "best AS (SELECT user_id, max(depth) AS depth, arg_max(device, (depth, -epoch_us(ts), -place)) AS device "
             f"FROM attempts GROUP BY user_id) SELECT device, {counts} FROM best GROUP BY device")
    return {device: counted for device, *counted in _duckdb(folder).execute(query).fetchall()}


def daily_duckdb(folder: Path) -> dict:
    query = f"""
        WITH cut AS (SELECT user_id, ts::DATE AS day,
                            coalesce(epoch_us(ts) - lag(epoch_us(ts)) OVER (PARTITION BY user_id ORDER BY ts) > {GAP_US}, true) AS opens
                     FROM events),
             days AS (SELECT day, user_id, count(*) FILTER (opens) AS opened FROM cut GROUP BY day, user_id)
        SELECT day, count(*), sum(opened) FROM days GROUP BY day"""
    return {str(day): [int(visitors), int(sessions)] for day, visitors, sessions in _duckdb(folder).execute(query).fetchall()}


# chDB and retentioneering: their own funnels, which know no breakdown -------------------------------------------------------------

def plain_chdb(folder: Path) -> list:
    import chdb

    matches = ", ".join(f"event = '{step}'" for step in STEPS)
    depths = ", ".join(f"countIf(depth >= {step})" for step in range(1, len(STEPS) + 1))
    query = (f"SELECT {depths} FROM (SELECT windowFunnel({WINDOW_DAYS * DAY_US})(toUInt64(toUnixTimestamp64Micro(ts)), {matches}) AS depth "
             f"FROM file('{(folder / 'events.parquet').as_posix()}', Parquet) GROUP BY user_id)")
    return json.loads(f"[{chdb.query(query, 'CSV')}]")


def unlimited_retentioneering(folder: Path) -> list:
    import pandas as pd
    from retentioneering import Eventstream

    frame = pd.read_parquet(folder / "events.parquet", columns=COLUMNS[:3])
    stream = Eventstream(frame, {"path_cols": ["user_id"], "event_col": "event", "timestamp_col": "ts"})
    return [step["unique_paths"] for step in stream.funnel_data(STEPS)["steps"]]


# Polars ----------------------------------------------------------------------------------------------------------------------

def ingest_polars(folder: Path) -> int:
    import polars as pl

    path = folder / "bench.arrow"
    frame = pl.read_parquet(folder / "events.parquet")
    frame = frame.with_columns(pl.col(column).cast(pl.String).cast(pl.Categorical) for column in ("user_id", "event", "device", *PROPERTIES))
    frame.sort("user_id", "ts", maintain_order=True).write_ipc(path)
    path.unlink()
    return frame.height


def funnel_polars(folder: Path) -> dict:
    """Sorted once; the next row of a step is a backward fill, checked to be the same user's."""
    import polars as pl

    rows = (pl.scan_parquet(folder / "events.parquet").filter(pl.col("event").is_in(STEPS)).sort("user_id", "ts", maintain_order=True)
            .with_columns(pl.col("user_id").rle_id().alias("user")).drop("user_id").with_row_index("row").collect())
    ahead = rows.select(pl.when(pl.col("event") == step).then(pl.col("row")).shift(-1).backward_fill().alias(f"n{k}")
                        for k, step in enumerate(STEPS[1:], start=1))
    attempts = rows.filter(pl.col("event") == STEPS[0]).select("user", "ts", "device", "row").with_columns(depth=pl.lit(1, pl.Int8))
    alive = attempts.select("user", "ts", at="row", place="row")
    reached = []
    for k in range(1, len(STEPS)):
        alive = alive.with_columns(place=ahead[f"n{k}"].gather(alive["place"])).drop_nulls("place")
        there = alive.select("user", until=pl.col("ts") + pl.duration(days=WINDOW_DAYS)).with_columns(
            other=rows["user"].gather(alive["place"]), ts=rows["ts"].gather(alive["place"]))
        alive = alive.filter((there["other"] == there["user"]) & (there["ts"] <= there["until"]))
        reached.append(alive.select(row="at"))
    deeper = pl.concat(reached).group_by("row").len("more")
    best = (attempts.join(deeper, on="row", how="left").with_columns(depth=1 + pl.col("more").fill_null(0))
            .sort("user", "depth", "row", descending=[False, True, False]).unique("user", keep="first", maintain_order=True))
    found = best.group_by("device").agg((pl.col("depth") >= k).sum().alias(str(k)) for k in range(1, len(STEPS) + 1))
    return {device: list(counted) for device, *counted in found.iter_rows()}


def daily_polars(folder: Path) -> dict:
    import polars as pl

    rows = (pl.scan_parquet(folder / "events.parquet").select("user_id", "ts").sort("user_id", "ts")
            .with_columns(day=pl.col("ts").dt.date(), new=(pl.col("user_id") != pl.col("user_id").shift(1)).fill_null(True))
            .with_columns(opens=pl.col("new") | (pl.col("ts").diff() > pl.duration(microseconds=GAP_US)),
                          visits=pl.col("new") | (pl.col("day") != pl.col("day").shift(1)))
            .group_by("day").agg(pl.col("visits").sum(), pl.col("opens").sum()).collect())
    return {str(day): [visitors, sessions] for day, visitors, sessions in rows.iter_rows()}


# pandas ----------------------------------------------------------------------------------------------------------------------

def ingest_pandas(folder: Path) -> int:
    path = folder / "bench.feather"
    frame = _pandas(folder, [*COLUMNS, *PROPERTIES]).sort_values(["user_id", "ts"], kind="stable", ignore_index=True)
    frame.to_feather(path, compression="uncompressed")
    path.unlink()
    return len(frame)


def _pandas(folder: Path, columns: list[str] = COLUMNS) -> Any:
    import pandas as pd

    frame = pd.read_parquet(folder / "events.parquet", columns=columns)
    return frame.astype({column: "category" for column in columns if column != "ts"})


def funnel_pandas(folder: Path) -> dict:
    import pandas as pd

    frame = _pandas(folder)
    frame = frame[frame["event"].isin(STEPS)].sort_values(["user_id", "ts"], kind="stable", ignore_index=True)
    user, ts, row = frame["user_id"].cat.codes, frame["ts"], pd.Series(frame.index, dtype="float64")
    attempts = frame.loc[frame["event"] == STEPS[0], ["device"]].assign(user=user, ts=ts, depth=1)
    alive = attempts[["user", "ts"]].assign(place=attempts.index)
    for step in STEPS[1:]:
        ahead = row.where(frame["event"] == step).shift(-1).bfill()
        alive = alive.assign(place=ahead.to_numpy()[alive["place"]]).dropna(subset="place").astype({"place": "int64"})
        same = user.to_numpy()[alive["place"]] == alive["user"].to_numpy()
        in_time = ts.to_numpy()[alive["place"]] <= alive["ts"].to_numpy() + pd.Timedelta(days=WINDOW_DAYS).to_timedelta64()
        alive = alive[same & in_time]
        attempts.loc[alive.index, "depth"] += 1
    best = attempts.loc[attempts.groupby("user")["depth"].idxmax()]
    return {device: [int((own["depth"] >= k).sum()) for k in range(1, len(STEPS) + 1)]
            for device, own in best.groupby("device", observed=True)}


def daily_pandas(folder: Path) -> dict:
    import pandas as pd

    frame = _pandas(folder, COLUMNS[:2]).sort_values(["user_id", "ts"], ignore_index=True)
    user, day = frame["user_id"].cat.codes, frame["ts"].dt.normalize()
    new = user != user.shift()
    opens, visits = new | (frame["ts"].diff() > pd.Timedelta(microseconds=GAP_US)), new | (day != day.shift())
    found = pd.DataFrame({"day": day, "visits": visits, "opens": opens}).groupby("day").sum()
    return {str(row.Index)[:10]: [int(row.visits), int(row.opens)] for row in found.itertuples()}


# One measured call -----------------------------------------------------------------------------------------------------------

IMPORTS = {"opsnb": ("pandas", "pyarrow.parquet", "duckdb", "opsnb.tables.data", "opsnb.measures.funnel", "opsnb.measures.kpis",
                     "opsnb.measures.flows", "opsnb.measures.localise", "opsnb.measures.drivers", "scipy.special"),
           "opsnb_parquet": ("pandas", "pyarrow.parquet", "opsnb.measures.funnel"), "scan": ("pandas", "pyarrow.parquet"),
           "scan_store": ("pandas", "pyarrow", "duckdb", "opsnb.tables.data"), "duckdb": ("duckdb",), "polars": ("polars",),
           "chdb": ("chdb",), "retentioneering": ("pandas", "retentioneering"), "pandas": ("pandas", "pyarrow.parquet")}


def main(job: str, engine: str, folder: str) -> None:
    """Prints the answer with CPU and wall seconds and the memory at the peak and before; imports are not counted."""
    from importlib import import_module

    for module in IMPORTS[engine]:
        import_module(module)
    process = psutil.Process()

    def memory() -> int:
        """Bytes that the process alone holds; pages of mapped files are the system's to keep or drop."""
        info = process.memory_info()
        return info.rss - info.shared if hasattr(info, "shared") else getattr(info, "private", info.rss)

    before, peak, over = memory(), [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            peak[0] = max(peak[0], memory())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    cpu, wall = time.process_time(), time.perf_counter()
    answer = globals()[f"{job}_{engine}"](Path(folder))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    over.set()
    watcher.join()
    print(json.dumps({"answer": answer, "cpu": cpu, "wall": wall, "before": before, "peak": max(peak[0], memory())}))


if __name__ == "__main__":
    main(*sys.argv[1:])
