"""Personas: CPU seconds.

    python -m tests.bench.personas --users 5000000

RFM, panel, fit and assignment for many customers; the panel of 2,000 customers with twelve features, which a control of the app waits for; and
fits of those and of bootstrap samples of them by scikit-learn, the peer, with as many starts: seconds and inertia as shares of ours.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from opsnb.measures import kmeans, kmeans_panel, segments
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


def page() -> None:
    """The panel of a page of the demo's size, and its fits by ours and by the peer."""
    from sklearn.cluster import KMeans

    random = np.random.default_rng(0)
    points = random.normal(size=(2000, 12)) + 1.5 * random.normal(size=(5, 12))[random.integers(0, 5, 2000)]
    points = (points - points.mean(axis=0)) / points.std(axis=0)
    begun = time.process_time()
    kmeans_panel.panel_of(points, range(2, 9), np.random.default_rng(0))
    paneled = time.process_time()
    ours, theirs = [], []
    often = np.array([np.bincount(random.integers(2000, size=2000), minlength=2000) for _ in range(20)])
    KMeans(2, n_init=1).fit(points)  # what is loaded late
    fitting = time.process_time()
    starts = kmeans.seeds(points, 8, np.random.default_rng(0), tries=2, often=often)
    for k in range(2, 9):
        ours += [(((points[:, None] - centres) ** 2).sum(axis=2).min(axis=1) * weight).sum()
                 for centres, weight in zip(kmeans.fits(points, starts[:, :, :k], often), often, strict=True)]
    fitted = time.process_time()
    for k in range(2, 9):
        theirs += [KMeans(k, n_init=2, random_state=0).fit(np.repeat(points, weight, axis=0)).inertia_ for weight in often]
    done = time.process_time()
    ratio, inertia = (done - fitted) / (fitted - fitting), np.mean(np.array(theirs) / ours)
    print(f"panel of 2,000: {paneled - begun:.2f} CPU s; 280 fits of samples: ours {fitted - fitting:.2f}, scikit-learn {ratio:.1f} times that, "
          f"with {inertia:.4f} of our inertia")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=5_000_000)
    page()
    orders = orders_of(parser.parse_args().users)
    begun = time.process_time()
    rfm = segments.rfm(orders, as_of="1972-12-31")
    scored = time.process_time()
    made = segments.personas(rfm)
    done = time.process_time()
    print(f"{len(rfm):,} customers, {len(orders):,} orders: RFM {scored - begun:.1f} CPU s, personas {done - scored:.1f} CPU s, k {made.k}")


if __name__ == "__main__":
    main()
