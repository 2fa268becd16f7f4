"""RFM, panel, fit and assignment for many customers: CPU seconds.

    python -m tests.bench.personas --users 5000000
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from opsnb.measures import segments
from opsnb.tables.histories import Histories, histories

KINDS = ((12.0, 0, 700, 50.0), (4.0, 100, 700, 400.0), (1.5, 0, 300, 40.0), (1.0, 300, 500, 300.0))  # mean orders, from day, days, mean amount


def orders_of(users: int) -> Histories:
    """Orders of so many customers of four kinds."""
    import pyarrow as pa

    random = np.random.default_rng(0)
    rate, start, days, amount = np.array(KINDS, float)[random.integers(0, len(KINDS), users)].T
    count = np.maximum(random.poisson(rate), 1)
    user = np.repeat(np.arange(users, dtype=np.int32), count)
    day = (np.repeat(start, count) + np.repeat(days, count) * random.random(len(user))).astype(np.int64).astype("datetime64[D]").astype("datetime64[us]")
    paid = np.repeat(amount, count) * np.exp(random.normal(0, 0.3, len(user)))
    return histories(pa.table({"user_id": user, "ts": pa.array(day), "amount": paid}), "orders")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=5_000_000)
    orders = orders_of(parser.parse_args().users)
    begun = time.process_time()
    rfm = segments.rfm(orders, as_of="1972-12-31")
    scored = time.process_time()
    made = segments.personas(rfm)
    done = time.process_time()
    print(f"{len(rfm):,} customers, {len(orders):,} orders: RFM {scored - begun:.1f} CPU s, personas {done - scored:.1f} CPU s, k {made.k}")


if __name__ == "__main__":
    main()
