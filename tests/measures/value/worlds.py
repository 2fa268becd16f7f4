"""Customers whose rates are known, for tests: the models' own stories told at random, order by order."""

import numpy as np
import pandas as pd

START = pd.Timestamp("2024-01-01")


def bg_times(random, r, alpha, a, b, came, until):
    """Times of a customer's orders in weeks, the first at ``came``: after each one they may leave."""
    rate, leaves = random.gamma(r, 1 / alpha), random.beta(a, b)
    times = [came]
    while True:
        after = times[-1] + random.exponential(1 / max(rate, 1e-12))
        if after > until:
            return times
        times.append(after)
        if random.random() < leaves:
            return times


def pareto_times(random, r, alpha, s, beta, came, until):
    """Times of a customer's orders in weeks, the first at ``came``, as long as they stay."""
    rate, stays = random.gamma(r, 1 / alpha), random.exponential(1 / max(random.gamma(s, 1 / beta), 1e-12))
    end = min(until, came + stays)
    return [came, *np.sort(random.uniform(came, end, random.poisson(rate * (end - came))))]


def orders(times_of, params, *, customers, weeks, seed, joining=0.5, amounts=(6.0, 4.0, 15.0)):
    """Orders of customers who come over the first ``joining`` of the weeks; amounts gamma-gamma p, q, v. One row an order."""
    random = np.random.default_rng(seed)
    p, q, v = amounts
    rows = []
    for number in range(customers):
        scale = random.gamma(q, 1 / v)
        rows += [(f"u{number:05d}", time, random.gamma(p, 1 / scale))
                 for time in times_of(random, *params, random.uniform(0, joining * weeks), weeks)]
    frame = pd.DataFrame(rows, columns=["user_id", "week", "amount"])
    return frame.assign(ts=START + pd.to_timedelta(frame.pop("week") * 7, unit="D"))
