"""A level that changed once and stayed: where in a series of numbers, by how much, and whether chance does the like. No topic of its
own."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

SHUFFLES = 999
SEED = 0  # of the shuffles: equal series give equal answers


class Break(NamedTuple):
    """``at``: index of the first changed value, ``low`` to ``high`` its 95% range; ``before``, ``after``: levels (of a slope: first and
    last fitted value); ``statistic``: likelihood ratio against no change; ``p_value`` against shuffled series; ``shape``: a step, or a
    slope that begins."""

    at: int
    low: int
    high: int
    before: float
    after: float
    statistic: float
    p_value: float
    shape: Literal["step", "slope"]


def lasting_break(values: np.ndarray, *, least: int, block: int = 1, slope: bool = False, clip: float = 4.0) -> Break | None:
    """The most likely point from which a series lies on another level up to its end; None where it is too short or constant.

    ``least``: fewest values on either side; ``block``: values shuffled together (7 for days, so that weeks stay whole); ``slope``: also
    try a slope that begins at the point. Nulls are left out. Values further than ``clip`` robust standard deviations from their running
    median count as that far.

    Formula: n log(rss without a change / rss with it), largest over all points; p_value = share of 999 series, the same residuals in
    shuffled blocks, that reach it.

    >>> found = lasting_break(np.r_[np.tile([1.0, 1.2, 0.9], 10), np.tile([2.0, 2.2, 1.9], 10)], least=5)
    >>> found.at, round(found.before, 2), round(found.after, 2), found.p_value
    (30, 1.03, 2.03, 0.001)
    """
    known = np.flatnonzero(np.isfinite(values))
    count = len(known)
    if count < 2 * least + 1 or np.ptp(values[known]) == 0:
        return None
    series = _calmed(values[known], clip)
    shapes = _shapes(count, least, slope)
    gains = [_gain(series[None], basis)[0] for _, basis in shapes]
    best = int(np.argmax([gain.max() for gain in gains]))
    name, basis = shapes[best]
    at = int(gains[best].argmax())
    fitted = _fitted(series, basis[at])
    residual = series - fitted
    random = np.random.default_rng(SEED)
    shuffled = np.stack([_shuffled(residual, block, random) for _ in range(SHUFFLES)])
    reached = np.max([_gain(shuffled, basis).max(axis=1) for _, basis in shapes], axis=0)
    statistic = -count * np.log1p(-min(float(gains[best][at]), 1 - 1e-12))
    likely = np.flatnonzero(-count * np.log1p(-np.minimum(gains[best], 1 - 1e-12)) >= statistic - 3.84)
    point = known[least:count - least + 1]
    return Break(int(point[at]), int(point[likely[0]]), int(point[likely[-1]]), float(fitted[0]), float(fitted[-1]), statistic,
                 (1 + int((reached >= gains[best][at]).sum())) / (1 + SHUFFLES), name)


def _shapes(count: int, least: int, slope: bool) -> list[tuple[Literal["step", "slope"], np.ndarray]]:
    """Per shape, one row per point: the shape that begins there, of mean 0 and length 1."""
    points = np.arange(least, count - least + 1)
    place = np.arange(count)
    shapes: list[tuple[Literal["step", "slope"], np.ndarray]] = [("step", _unit((place >= points[:, None]).astype(float)))]
    if slope:
        shapes.append(("slope", _unit(np.maximum(place - points[:, None] + 1.0, 0))))
    return shapes


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _gain(series: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Share of each series' variance that each shape takes away."""
    centred = series - series.mean(axis=1, keepdims=True)
    return (centred @ basis.T) ** 2 / np.maximum((centred**2).sum(axis=1, keepdims=True), 1e-300)


def _fitted(series: np.ndarray, shape: np.ndarray) -> np.ndarray:
    return series.mean() + (series - series.mean()) @ shape * shape


def _calmed(series: np.ndarray, clip: float, width: int = 15) -> np.ndarray:
    """Single odd days drawn in: nobody's level changed for one day."""
    if len(series) < 2 * width:
        return series
    padded = np.pad(series, width // 2, mode="reflect")
    middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)
    away = series - middle
    limit = clip * 1.4826 * np.median(np.abs(away))
    return middle + np.clip(away, -limit, limit) if limit > 0 else series


def _shuffled(residual: np.ndarray, block: int, random: np.random.Generator) -> np.ndarray:
    if block == 1:
        return random.permutation(residual)
    turned = np.roll(residual, random.integers(len(residual)))
    blocks = [turned[low:low + block] for low in range(0, len(turned), block)]
    return np.concatenate([blocks[index] for index in random.permutation(len(blocks))])
