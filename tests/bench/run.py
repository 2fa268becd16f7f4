"""How much work the same answers cost in each engine: python -m tests.bench.run [--rows 1000000,10000000] [--folder DIR]

Ingest, the 7-step funnel (with a 7-day window and a breakdown; without the breakdown; without the window), daily KPIs, and what only
opsnb answers, each engine in a process of its own, all in one run; engines that are not installed are named. CPU seconds are the best
of ``--times`` calls, imports not counted; the ratio is to reading the funnel's four columns (two for daily KPIs, all for ingest) from
Parquet once. Memory is what the process alone holds, at the peak above what it held after its imports: pages of the mapped store, which
the system can drop at any time, are not in it. All answers are compared; the exit status is 1 if any differs. Then the apps, if the demo
has been made (``tests.bench.apps``).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.bench import data, retention

ENGINES = {"ingest": ("scan", "opsnb", "duckdb", "polars", "pandas"),
           "funnel": ("scan", "scan_store", "opsnb", "opsnb_parquet", "duckdb", "polars", "pandas"),
           "plain": ("scan", "opsnb", "chdb"), "unlimited": ("scan", "opsnb", "retentioneering"),
           "paths": ("scan", "opsnb"), "drivers": ("scan", "opsnb"), "localise": ("scan", "opsnb"),
           "daily": ("scan", "scan_store", "opsnb", "duckdb", "polars", "pandas")}
NAMES = {"scan": "raw scan of the Parquet columns", "scan_store": "raw scan of the store's columns", "opsnb": "opsnb, store",
         "opsnb_parquet": "opsnb, Parquet", "duckdb": "DuckDB SQL, Parquet", "polars": "Polars, Parquet", "pandas": "pandas, Parquet",
         "chdb": "chDB windowFunnel, Parquet", "retentioneering": "retentioneering 5, Parquet"}
OPTIONAL = ("chdb", "retentioneering")  # not among the project's requirements: pip install them to see them
JOBS = {"ingest": "ingest: read and sort (opsnb checks and codes too; pandas, Polars write Arrow, DuckDB its own file)",
        "funnel": "funnel: 7 steps, 7 days, by device", "plain": "funnel: 7 steps, 7 days, all together",
        "unlimited": "funnel: 7 steps, no window", "paths": "step matrix and transition matrix, by visit",
        "drivers": "drivers: cart to payment, 7 days", "localise": "localisation: 6 steps, 6 properties, their pairs and threes",
        "daily": "daily KPIs: visitors and sessions by day"}
SCANS = ("scan", "scan_store")


def measured(job: str, engine: str, folder: Path, times: int) -> dict[str, Any]:
    """The best of some runs, each in a new process."""
    best: dict[str, Any] = {}
    for _ in range(times):
        done = subprocess.run([sys.executable, "-m", "tests.bench.engines", job, engine, str(folder)], capture_output=True, text=True,
                              cwd=Path(__file__).parents[2], check=False)
        if done.returncode:
            raise SystemExit(f"{job} with {engine} failed:\n{done.stderr[-2000:]}")
        found = json.loads(done.stdout)
        if not best or found["cpu"] < best["cpu"]:
            best = found
    return best


def bench(rows: int, folder: Path, times: int, numbers: bool, jobs: Sequence[str] = (), only: Sequence[str] = ()) -> bool:
    """Prints the table for a log of so many rows; says whether all answers agreed."""
    if not (folder / "events.parquet").exists():
        data.make(rows, folder / "events.parquet", numbers=numbers)
    size = (folder / "events.parquet").stat().st_size / 1e6
    print(f"\n{rows:,} events, {rows * 20 / 1e6:,.0f} MB as columns of numbers, {size:,.0f} MB of Parquet, user ids are "
          f"{'numbers' if numbers else 'texts'}")
    agreed = True
    for job, engines in ENGINES.items():
        if jobs and job not in jobs:
            continue
        print(f"\n  {JOBS[job]}\n  {'':34} {'CPU s':>8} {'of scan':>8} {'wall s':>8} {'peak MB':>8}")
        scan, answers = None, {}
        for engine in engines:
            if only and engine not in only:
                continue
            if engine in OPTIONAL and find_spec(engine) is None:
                print(f"  {NAMES[engine]:34} not installed")
                continue
            found = measured(job, engine, folder, 1 if job == "ingest" else times)
            scan = scan or found["cpu"]
            if engine not in SCANS:
                answers[engine] = found["answer"]
            peak = (found["peak"] - found["before"]) / 1e6
            print(f"  {NAMES[engine]:34} {found['cpu']:8.2f} {found['cpu'] / scan:8.2f} {found['wall']:8.2f} {peak:8,.0f}", flush=True)
        if len(answers) < 2:
            continue
        differ = [engine for engine, answer in answers.items() if answer != answers["opsnb"]]
        agreed = agreed and not differ
        print(f"  answers: {'all the same' if not differ else 'DIFFERENT from opsnb: ' + ', '.join(differ)}")
    return agreed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="1000000,10000000", help="sizes of the log, with commas")
    parser.add_argument("--folder", type=Path, help="where to keep the logs; without it they are made anew and deleted")
    parser.add_argument("--times", type=int, default=2, help="how often each question is asked; the best counts")
    parser.add_argument("--numbers", action="store_true", help="user ids are numbers, not texts")
    parser.add_argument("--jobs", default="", help=f"only these, with commas, of {', '.join(ENGINES)}; all but ingest need it first")
    parser.add_argument("--engines", default="", help=f"only these, with commas, of {', '.join(NAMES)}")
    options = parser.parse_args()
    jobs, only = ([one for one in text.split(",") if one] for text in (options.jobs, options.engines))
    for what, asked, known in (("a job", jobs, ENGINES), ("an engine", only, NAMES)):
        for one in asked:
            if one not in known:
                parser.error(f"'{one}' is not {what}; allowed: {', '.join(known)}")
    agreed = True
    with tempfile.TemporaryDirectory(prefix="opsnb-bench-") as scratch:
        for rows in (int(text) for text in options.rows.split(",")):
            folder = (options.folder or Path(scratch)) / f"{rows}{'-numbers' * options.numbers}"
            agreed &= bench(rows, folder, options.times, options.numbers, jobs, only)
            if not jobs and not only:  # cohort retention has a table of its own
                agreed &= retention.bench(rows, folder, options.times)
    if not jobs and Path("data/demo/truth.json").exists():
        from tests.bench import apps

        apps.bench(Path("data/demo"), apps.NAMES, options.times)
    raise SystemExit(0 if agreed else 1)


if __name__ == "__main__":
    main()
