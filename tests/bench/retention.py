"""How much work cohort retention costs: python -m tests.bench.retention [--rows 5000000] [--folder DIR]

Monthly cohorts of all events, from the store and from Parquet, beside reading the two columns once, DuckDB and pandas; each in a
process of its own, CPU seconds the best of ``--times`` calls, imports not counted. All answers are compared. ``tests.bench.run`` asks it, too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import data
from tests.bench.engines import NO_DOWNLOADS

ENGINES = {"scan": "raw scan of user and time, Parquet", "scan_store": "raw scan of user and time, store", "opsnb": "opsnb, store",
           "opsnb_parquet": "opsnb, Parquet", "duckdb": "DuckDB SQL, Parquet", "pandas": "pandas, Parquet"}
IMPORTS = ("pandas", "pyarrow.parquet", "duckdb", "opsnb.tables.data", "opsnb.tables.parquet", "opsnb.measures.retention")


def scan(folder: Path) -> None:
    import pyarrow.parquet as pq

    pq.read_table(folder / "events.parquet", columns=["user_id", "ts"])


def scan_store(folder: Path) -> None:
    from opsnb.tables.data import open_data

    for block in open_data(folder).events.blocks():
        block.user.sum(), block.ts.sum()


def opsnb(folder: Path) -> dict:
    from opsnb.measures.retention import cohort_retention
    from opsnb.tables.data import open_data

    return _counts(cohort_retention(open_data(folder).events))


def opsnb_parquet(folder: Path) -> dict:
    from opsnb.measures.retention import cohort_retention
    from opsnb.tables.parquet import open_parquet

    return _counts(cohort_retention(open_parquet(folder / "events.parquet")))


def _counts(found) -> dict:
    found = found.dropna()
    return {f"{row.cohort:%Y-%m} {row.period_index}": int(row.users) for row in found.itertuples() if row.users}


def duckdb(folder: Path) -> dict:
    import duckdb

    query = f"""
        WITH seen AS (SELECT DISTINCT user_id, date_trunc('month', ts) AS month FROM '{(folder / 'events.parquet').as_posix()}'),
             came AS (SELECT user_id, min(month) AS cohort FROM seen GROUP BY user_id),
             ended AS (SELECT date_trunc('month', max(ts)::DATE + 1) AS open FROM '{(folder / 'events.parquet').as_posix()}')
        SELECT strftime(cohort, '%Y-%m'), date_diff('month', cohort, month), count(*)
        FROM seen JOIN came USING (user_id), ended WHERE month < open GROUP BY ALL"""
    con = duckdb.connect(config=NO_DOWNLOADS)
    con.execute("SET enable_progress_bar = false")
    return {f"{cohort} {age}": users for cohort, age, users in con.execute(query).fetchall()}


def pandas(folder: Path) -> dict:
    import pandas as pd

    rows = pd.read_parquet(folder / "events.parquet", columns=["user_id", "ts"])
    open_ = (rows["ts"].max().normalize() + pd.Timedelta(days=1)).to_period("M")
    month = rows["ts"].dt.year * 12 + rows["ts"].dt.month
    seen = pd.DataFrame({"user_id": rows["user_id"], "month": month}).drop_duplicates()
    cohort = seen.groupby("user_id")["month"].transform("min")
    found = seen.assign(cohort=cohort, age=seen["month"] - cohort)
    found = found[found["month"] < open_.year * 12 + open_.month].groupby(["cohort", "age"]).size()
    return {f"{(cohort - 1) // 12}-{(cohort - 1) % 12 + 1:02d} {age}": int(users) for (cohort, age), users in found.items()}


def measured(engine: str, folder: Path) -> None:
    from importlib import import_module

    for module in IMPORTS:
        import_module(module)
    cpu, wall = time.process_time(), time.perf_counter()
    answer = globals()[engine](folder)
    print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "answer": answer}))


def bench(rows: int, folder: Path, times: int) -> bool:
    """Prints the table; says whether all answers agreed."""
    from opsnb.tables.store import ingest

    if not (folder / "events.parquet").exists():
        data.make(rows, folder / "events.parquet")
    ingest(folder)
    print(f"\ncohort retention by month, {rows:,} events\n  {'':36} {'CPU s':>8} {'of scan':>8} {'wall s':>8}")
    best: dict[str, dict] = {}
    for engine, name in ENGINES.items():
        for _ in range(times):
            done = subprocess.run([sys.executable, "-m", "tests.bench.retention", "--one", engine, "--folder", str(folder)],
                                  capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
            if done.returncode:
                raise SystemExit(f"{engine} failed:\n{done.stderr[-2000:]}")
            found = json.loads(done.stdout)
            if engine not in best or found["cpu"] < best[engine]["cpu"]:
                best[engine] = found
        print(f"  {name:36} {best[engine]['cpu']:8.3f} {best[engine]['cpu'] / best['scan']['cpu']:8.2f} {best[engine]['wall']:8.3f}", flush=True)
    answers = {engine: found["answer"] for engine, found in best.items() if found["answer"] is not None}
    differ = [engine for engine, answer in answers.items() if answer != answers["opsnb"]]
    print(f"  answers: {'all the same' if not differ else 'DIFFERENT from opsnb: ' + ', '.join(differ)}")
    return not differ


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, help="where to keep the log; without it it is made anew and deleted")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--one", choices=list(ENGINES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measured(options.one, options.folder)
        return
    with tempfile.TemporaryDirectory(prefix="opsnb-bench-") as scratch:
        raise SystemExit(0 if bench(options.rows, options.folder or Path(scratch), options.times) else 1)


if __name__ == "__main__":
    main()
