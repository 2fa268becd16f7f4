"""Leaks: what each step of a funnel costs in orders and in money, against a benchmark that has a name.

A leak is what is missing at a step against a rate that was or is reached somewhere: the own best month, the best slice, or a target. Its
money is a chain of factors that stand side by side in the result, so that a reader can do the sum:

    lost orders = entered x (benchmark rate - rate) x later conversion;   lost revenue = lost orders x AOV

Each leak is closed alone, the others left as they are: the leaks of one funnel do not add up to what closing all of them would bring.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures.blocks import span_us, starts
from opsnb.measures.intervals import z_of
from opsnb.measures.purchases import sales
from opsnb.tables.histories import histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

DRAWS = 2000
LEAST_ENTERED = 30  # of a period or slice that may be a benchmark
MOST_SLICES = 200
WHOLE_SAMPLE = 4000  # buyers that are resampled one by one; of more the mean order value is as good as normal
OF_LEAK = ("step", "entered", "converted", "rate", "benchmark", "benchmark_rate", "users_lost", "later_conversion", "lost_orders",
           "orders_low", "orders_high", "aov", "lost_revenue", "revenue_low", "revenue_high")
OF_BREAK = ("step", "slice_column", "slice_value", "since", "entered", "converted", "expected", "users_lost", "later_conversion",
            "lost_orders", "orders_low", "orders_high", "aov", "lost_revenue", "revenue_low", "revenue_high")
CHANGE_LEVEL = 0.95  # of the intervals that change.rate_breaks gives


def best_rates(reference: pd.DataFrame, *, of: str = "period_start", least_entered: int = LEAST_ENTERED) -> pd.DataFrame:
    """The best that each step has reached, in a month or in a slice, without the luck of the best draw.

    Input columns: ``of``, what the best is chosen from (period_start of a ``funnel.step_trend``; or the slice of a
    ``funnel.step_conversion``); step; users in the funnel's order, or entered and converted. Further columns are added over. Hand over
    complete periods only.

    One row per step from the second on that has a period or slice of at least ``least_entered`` who entered.

    Output columns: ``step``; ``benchmark``: the best period (YYYY-MM-DD) or slice; ``rate``, 0 to 1: what to expect of it; ``error``: its
    standard deviation; ``seen_rate`` = converted / entered of it; ``entered``, ``converted``; ``candidates``: chosen from so many.

    Formula: the best of many rates is too good by luck, so each is drawn in to their mean by the share of their scatter that chance
    explains: rate = mean + w (seen_rate - mean), w = T / (T + v), v = mean (1 - mean) / entered its binomial variance, T the variance
    between the true rates by DerSimonian and Laird (Controlled Clinical Trials 7 (1986) 177); error² = w v + (1 - w)² x the variance of
    the mean. Efron and Morris, JASA 70 (1975) 311. The best is the largest rate so drawn in. Of candidates that differ by chance
    alone the best is their mean; a single candidate stands for itself.

    Raises InputError for a missing column, NotMeasured where no step has a candidate.

    >>> import pandas as pd
    >>> trend = pd.DataFrame({"period_start": pd.to_datetime(["2025-04-01", "2025-05-01", "2025-06-01"]), "step": "cart",
    ...                       "entered": 1000, "converted": [300, 400, 310]})
    >>> best_rates(trend)[["step", "benchmark", "rate", "seen_rate", "candidates"]].round(3)
       step   benchmark   rate  seen_rate  candidates
    0  cart  2025-05-01  0.395        0.4           3
    """
    import pandas as pd

    steps, reached, groups = _reached(reference, of, "reference")
    rows = []
    for place, step in enumerate(steps):
        enough = np.flatnonzero(reached[:, place, 0] >= max(least_entered, 1))
        if not len(enough):
            continue
        n, hits = reached[enough, place].T
        rate, error = _drawn_in(hits, n)
        best = int(np.lexsort((hits / n, rate))[-1])
        rows.append((step, _text(groups[enough[best]]), rate[best], error[best], hits[best] / n[best], int(n[best]), int(hits[best]),
                     len(n)))
    if not rows:
        raise NotMeasured(f"no {of} has {least_entered} who entered a step, so none can be a benchmark")
    return pd.DataFrame(rows, columns=["step", "benchmark", "rate", "error", "seen_rate", "entered", "converted", "candidates"])


def leaks(conversion: pd.DataFrame, benchmarks: pd.DataFrame | Mapping[str, float], orders: Any = None, *, by: str | None = None,
          start: Day | None = None, as_of: Day | None = None, level: float = 0.9, draws: int = DRAWS,
          random_state: int = 0) -> pd.DataFrame:
    """How many orders and how much money does each step lose against its benchmark, the dearest leak first?

    Input columns: ``conversion``: step, users in the funnel's order (``funnel.step_conversion``) or entered and converted
    (``funnel.step_trend``, added up), and ``by``; its last step is an order. ``benchmarks``: what :func:`best_rates` returns, or
    step -> target rate, 0 to 1. ``orders``: user_id, ts, amount, order_id and refund where there are, of the days from ``start`` to
    ``as_of``, both included, for the mean order value; without them leaks are counted in orders only.

    One row per [value of ``by`` and] step with a benchmark; the largest lost_revenue, else lost_orders, first.

    Output columns: ``[by]`` (missing: None); ``step``; ``entered`` (reached the step before), ``converted``, ``rate``, 0 to 1;
    ``benchmark``: its name, "target" for a target; ``benchmark_rate``; ``users_lost``; ``later_conversion``: share of those who reached
    this step that reached the last one; ``lost_orders``, with ``orders_low``, ``orders_high``; ``aov``, currency an order;
    ``lost_revenue``, currency, with ``revenue_low``, ``revenue_high``: intervals at ``level``. Below 0 where the step is better than its
    benchmark. Null: nobody entered or nobody reached the step, or there are no orders.

    Formula: users_lost = entered x (benchmark_rate - rate); lost_orders = users_lost x later_conversion; lost_revenue = lost_orders x aov;
    aov = sum of amounts / orders, refunds not deducted. Intervals: percentile bootstrap over users (Efron 1979): of the funnel, a user
    being one draw of the step where they stopped, the number of those who entered it given; of the orders, a buyer with all of their
    orders (above 4000 buyers the normal limit of that, by linearisation); a benchmark is drawn with its own error, a target has none.
    The three are drawn independently.

    Raises InputError for a missing column or a benchmark for a step that is not in the funnel, ParameterError for a rate that is not
    between 0 and 1 or more than 200 slices, NotMeasured when there are no orders in the period or no step has a benchmark.

    >>> import pandas as pd
    >>> june = pd.DataFrame({"step": ["home", "cart", "payment"], "users": [1000, 300, 150]})
    >>> orders = pd.DataFrame({"user_id": list("abc"), "ts": pd.Timestamp("2025-06-18"), "amount": [10.0, 20.0, 30.0]})
    >>> found = leaks(june, {"cart": .4, "payment": .5}, orders)
    >>> found[["step", "users_lost", "later_conversion", "lost_orders", "aov", "lost_revenue"]].round(6)
          step  users_lost  later_conversion  lost_orders   aov  lost_revenue
    0     cart       100.0               0.5         50.0  20.0        1000.0
    1  payment         0.0               1.0          0.0  20.0           0.0
    """
    import pandas as pd

    z_of(level)
    if draws < 100:
        raise ParameterError(f"draws = {draws}; allowed: 100 or more")
    if by in OF_LEAK:
        raise ParameterError(f"by '{by}' is also the name of a column of the result; rename the property")
    steps, reached, groups = _reached(conversion, by, "conversion")
    if len(groups) > MOST_SLICES:
        raise ParameterError(f"by '{by}' has {len(groups):,} values; allowed: at most {MOST_SLICES}, so keep the largest")
    names, rates, errors = _benchmarks(benchmarks, steps)
    random = np.random.default_rng(random_state)
    aov, aovs = (np.nan, np.full(draws, np.nan)) if orders is None else _order_value(orders, start, as_of, draws, random)
    drawn_rates = np.clip(rates + errors * random.standard_normal((draws, len(steps))), 0, 1)  # one draw of a benchmark for all slices
    tails = [(1 - level) / 2, (1 + level) / 2]
    rows = []
    for group, of_steps in zip(groups, reached, strict=True):
        counts = np.append(of_steps[:1, 0], of_steps[:, 1])  # reached step 1, 2, ...
        lost, later, orders_lost = _lost(counts.astype(float), rates)
        _, _, drawn = _lost(_resampled(counts, draws, random), drawn_rates)
        for place in np.flatnonzero(~np.isnan(rates)):
            row = (steps[place], int(counts[place]), int(counts[place + 1]), counts[place + 1] / counts[place] if counts[place] else np.nan,
                   names[place], rates[place], lost[place], later[place], orders_lost[place], *_quantiles(drawn[:, place], tails),
                   aov, orders_lost[place] * aov, *_quantiles(drawn[:, place] * aovs, tails))
            rows.append((group, *row))
    frame = pd.DataFrame([row[1:] for row in rows], columns=list(OF_LEAK))
    if by is not None:
        frame.insert(0, by, pd.Series([row[0] for row in rows], dtype=object))
    largest = "lost_revenue" if orders is not None else "lost_orders"
    return frame.sort_values(largest, ascending=False, kind="stable", ignore_index=True)


def break_leaks(breaks: pd.DataFrame, trends: Mapping[str, pd.DataFrame], orders: Any = None, *,
                buyers: Mapping[tuple[str, str, str], Iterable[Any]] | None = None, start: Day | None = None, as_of: Day | None = None,
                level: float = 0.9, draws: int = DRAWS, random_state: int = 0) -> pd.DataFrame:
    """What has each lasting drop of a step cost since its first day, against the slice's own rate before it?

    Input columns: ``breaks``: what ``change.rate_breaks`` returns. ``trends``: for each broken step, the ``funnel.step_trend`` of the
    path from the step before it to the last, by the break's column: so that who skipped what lies before counts, too; the breaks must be
    counted in it. ``orders``, ``as_of``: as :func:`leaks`; without orders the loss is counted in orders only. ``buyers``: by (step,
    slice_column, slice_value) of a break, the ids of those of the slice who bought since it began. An order is worth what theirs were since
    then, or if fewer than 30 of them bought, what everyone's were in the days from ``start`` to ``as_of``.

    One row per break, the largest lost_revenue, else lost_orders, first.

    Output columns: ``step``; ``slice_column``, ``slice_value``: both "" for everyone; ``since``; ``entered``, ``converted``, since then;
    ``expected``: how many would have converted; ``users_lost``, sessions if the trends count sessions; ``later_conversion``: share of
    those who did the step that reached the last one; ``lost_orders``, with ``orders_low``, ``orders_high``; ``aov``, currency an order;
    ``lost_revenue``, currency, with ``revenue_low``, ``revenue_high``: intervals at ``level``. Null: nobody reached the step, or
    there are no orders.

    Formula: users_lost = expected x -relative_change of the break, expected = converted / (1 + relative_change), or where nobody
    converted entered x rate_before; lost_orders = users_lost x later_conversion; lost_revenue = lost_orders x aov. later_conversion and aov
    are those of the slice since the break's first day: other days have other visitors and other sales. Fewer than 30 tell too little:
    then later_conversion is the slice's of all days, or everyone's. Intervals by simulation: the loss drawn from its interval (where the
    break gives none, from that of the relative change), later_conversion binomially, aov over samples of the buyers; the three independently.

    Raises InputError for a missing column or a step without a trend, NotMeasured when there are no orders in the period.

    >>> import pandas as pd
    >>> since = pd.Timestamp("2025-06-11")
    >>> broken = pd.DataFrame({"step": ["pay"], "slice_column": "", "slice_value": "", "since": since, "since_low": since, "since_high": since,
    ...                        "rate_before": .5, "relative_change": -.4, "relative_low": -.5, "relative_high": -.3})
    >>> trend = pd.DataFrame({"period_start": pd.date_range("2025-06-01", periods=20), "step": "pay", "entered": 100,
    ...                       "converted": [50] * 10 + [30] * 10})
    >>> found = break_leaks(broken, {"pay": trend})
    >>> found[["step", "entered", "converted", "expected", "users_lost", "lost_orders"]].round(6)
      step  entered  converted  expected  users_lost  lost_orders
    0  pay     1000        300     500.0       200.0        200.0
    """
    import pandas as pd

    z_of(level)
    random = np.random.default_rng(random_state)
    nothing = np.nan, np.full(draws, np.nan)
    tails = [(1 - level) / 2, (1 + level) / 2]
    rows = []
    for broken in breaks.itertuples():
        if broken.step not in trends:
            raise InputError(f"trends: no trend of the broken step '{broken.step}'; {nearest(broken.step, map(str, trends))}")
        entered, converted, (n, hits) = _since(trends[broken.step], broken)
        own = (buyers or {}).get((broken.step, broken.slice_column, broken.slice_value))
        aov, aovs = nothing if orders is None else _order_value(orders, start, as_of, draws, random, own, broken.since)
        change = max(broken.relative_change, -1 + 1e-9)
        expected = converted / (1 + change) if converted else entered * broken.rate_before
        later = hits / n if n else np.nan
        drawn = _drawn_share(broken, change, random.standard_normal(draws))
        drawn *= expected * (random.binomial(n, later, draws) / n if n else np.nan)
        lost = -broken.relative_change * expected
        rows.append((broken.step, broken.slice_column, broken.slice_value, broken.since, entered, converted, expected, lost, later, lost * later,
                     *_quantiles(drawn, tails), aov, lost * later * aov, *_quantiles(drawn * aovs, tails)))
    frame = pd.DataFrame(rows, columns=list(OF_BREAK))
    return frame.sort_values("lost_revenue" if orders is not None else "lost_orders", ascending=False, kind="stable", ignore_index=True)


def _drawn_share(broken: Any, change: float, chance: np.ndarray) -> np.ndarray:
    """The share of the expected that is lost, as ``chance``, standard normal, lets it be: by the interval of how many are missing; by that of
    the relative change where a break has no other."""
    if hasattr(broken, "lost_low") and broken.users_lost:
        return -change * (1 + (broken.lost_high - broken.lost_low) / (2 * z_of(CHANGE_LEVEL)) / broken.users_lost * chance)
    scale = np.diff(np.log1p(np.maximum([broken.relative_low, broken.relative_high], -1 + 1e-9)))[0] / (2 * z_of(CHANGE_LEVEL))
    return -np.expm1(np.log1p(change) + scale * chance)


def _since(trend: pd.DataFrame, broken: Any) -> tuple[int, int, tuple[int, int]]:
    """Of a break's slice since its first day: entered and converted; how many did the step, and the last one (of longer, of everyone, where
    these are few)."""
    for column in ("period_start", "step", "entered", "converted", *filter(None, [broken.slice_column])):
        if column not in trend.columns:
            raise InputError(f"trends: no column '{column}'; {nearest(column, map(str, trend.columns))}")
    own = trend[trend[broken.slice_column] == broken.slice_value] if broken.slice_column else trend
    since = own[own["period_start"] >= broken.since]
    last = trend["step"].iloc[-1] if len(trend) else broken.step
    entered, converted = (int(since.loc[since["step"] == broken.step, column].sum()) for column in ("entered", "converted"))
    later = [tuple(int(of.loc[of["step"] == step, "converted"].sum()) for step in (broken.step, last)) for of in (since, own, trend)]
    return entered, converted, next((one for one in later if one[0] >= LEAST_ENTERED), later[-1])


def _lost(counts: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users lost, later conversion and orders lost of each step from the second on; counts by step on the last axis."""
    before, after = counts[..., :-1], counts[..., 1:]
    users = before * rates - after
    with np.errstate(divide="ignore", invalid="ignore"):
        later = after[..., -1:] / after
    users = np.where(before > 0, users, np.nan)
    return users, later, users * later


def _resampled(counts: np.ndarray, draws: int, random: np.random.Generator) -> np.ndarray:
    """Counts by step of so many samples of the users, with replacement; the number who entered the funnel stays."""
    stopped = counts - np.append(counts[1:], 0)  # of a funnel, never below 0
    if not counts[0]:
        return np.zeros((draws, len(counts)))
    drawn = random.multinomial(counts[0], stopped / counts[0], draws)
    return drawn[:, ::-1].cumsum(1)[:, ::-1].astype(float)


def _quantiles(drawn: np.ndarray, tails: list[float]) -> tuple[float, float]:
    known = drawn[~np.isnan(drawn)]
    return tuple(np.quantile(known, tails)) if len(known) else (np.nan, np.nan)


def _order_value(orders: Any, start: Day | None, as_of: Day | None, draws: int, random: np.random.Generator,
                 buyers: Iterable[Any] | None = None, since: Day | None = None) -> tuple[float, np.ndarray]:
    """The mean amount of an order, and so many draws of it over samples of the buyers; only of ``buyers`` and of their orders from ``since``
    on, if enough of them bought."""
    table = histories(orders, "orders")
    if buyers is not None:
        count, amount = _bought(table, since, as_of, set(map(str, buyers)))
    if buyers is None or len(count) < LEAST_ENTERED:
        count, amount = _bought(table, start, as_of)
    if not len(count):
        raise NotMeasured("there are no orders in this period, so a lost order has no value")
    aov = float(amount.sum() / count.sum())
    if len(count) > WHOLE_SAMPLE:
        return aov, aov + np.sqrt(((amount - aov * count) ** 2).sum()) / count.sum() * random.standard_normal(draws)
    samples = (random.integers(len(count), size=len(count)) for _ in range(draws))
    return aov, np.array([amount[who].sum() / count[who].sum() for who in samples])


def _bought(table: Any, start: Day | None, as_of: Day | None, buyers: set[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Of each buyer (of ``buyers``) of these days, how many orders and for how much."""
    low, _ = span_us(start, as_of)
    many, paid = [np.empty(0, np.int64)], [np.empty(0)]
    for found in sales(table, as_of=as_of):
        inside = np.flatnonzero(found.ts >= low)
        if len(inside):
            first = starts(found.user[inside])
            who = found.user[inside][first]
            wanted = slice(None) if buyers is None else np.array([str(table.users[code]) in buyers for code in who], bool)
            many.append(np.diff(np.append(first, len(inside)))[wanted])
            paid.append(np.add.reduceat(found.amount[inside], first)[wanted])
    return np.concatenate(many), np.concatenate(paid)


# Benchmarks ------------------------------------------------------------------------------------------------------------------

def _drawn_in(hits: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rates drawn in to their mean, and their errors; see best_rates."""
    seen, mean = hits / n, hits.sum() / n.sum()
    v = mean * (1 - mean) / n
    if len(n) == 1 or not mean * (1 - mean) > 0:
        return seen, np.sqrt(v)
    weight = 1 / v
    scatter = (weight * (seen - mean) ** 2).sum() - (len(n) - 1)
    between = max(0.0, scatter / (weight.sum() - (weight ** 2).sum() / weight.sum()))
    w = between / (between + v)
    of_mean = (n ** 2 * (between + v)).sum() / n.sum() ** 2
    return mean + w * (seen - mean), np.sqrt(w * v + (1 - w) ** 2 * of_mean)


def _benchmarks(benchmarks: pd.DataFrame | Mapping[str, float], steps: list[str]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """By step from the second on: name, rate and error of the benchmark; rate null where there is none."""
    if isinstance(benchmarks, Mapping):
        found = {str(step): ("target", rate, 0.0) for step, rate in benchmarks.items()}
    else:
        for column in ("step", "benchmark", "rate", "error"):
            if column not in benchmarks.columns:
                raise InputError(f"benchmarks: no column '{column}'; {nearest(column, map(str, benchmarks.columns))}")
        found = {row.step: (row.benchmark, row.rate, row.error) for row in benchmarks.itertuples()}
    for step, (_, rate, _) in found.items():
        if step not in steps:
            raise InputError(f"benchmarks: '{step}' is no step of the funnel that has one before it; {nearest(step, steps)}")
        if not 0 <= rate <= 1:
            raise ParameterError(f"benchmarks: the rate {rate} of '{step}' is not a share; allowed: 0 to 1")
    if not found:
        raise NotMeasured("no step has a benchmark, so there is nothing to lose against")
    names, rates, errors = zip(*(found.get(step, ("", np.nan, 0.0)) for step in steps), strict=True)
    return list(names), np.array(rates, float), np.array(errors, float)


def _reached(frame: pd.DataFrame, of: str | None, name: str) -> tuple[list[str], np.ndarray, list[Any]]:
    """(steps from the second on; entered and converted of each, by group x step x 2; the groups)."""
    import pandas as pd

    trend = "entered" in frame.columns and "users" not in frame.columns
    counted = ["entered", "converted"] if trend else ["users"]
    for column in (*(() if of is None else (of,)), "step", *counted):
        if column not in frame.columns:
            raise InputError(f"{name}: no column '{column}'; {nearest(column, map(str, frame.columns))}")
    steps = [str(step) for step in dict.fromkeys(frame["step"])]
    if len(steps) < 2 - trend:
        raise NotMeasured(f"{name}: no rows, so nothing can be lost on the way" if frame.empty
                          else f"{name}: one step only, so nothing can be lost on the way")
    code, groups = (np.zeros(len(frame), int), [None]) if of is None else pd.factorize(frame[of], use_na_sentinel=False)
    place = frame["step"].astype(str).map({step: at for at, step in enumerate(steps)}).to_numpy()
    counts = np.zeros((len(groups), len(steps), len(counted)), np.int64)
    np.add.at(counts, (code, place), frame[counted].to_numpy(np.int64))
    groups = [None if pd.isna(group) else group for group in groups]
    return (steps, counts, groups) if trend else (steps[1:], np.concatenate([counts[:, :-1], counts[:, 1:]], axis=2), groups)


def _text(group: Any) -> str:
    import pandas as pd

    return f"{group:%Y-%m-%d}" if isinstance(group, pd.Timestamp) else "" if group is None else str(group)
