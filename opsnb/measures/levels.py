"""A level that changed once and stayed: where in a series of numbers, by how much, and whether chance does the like. No topic of its
own."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

SHUFFLES = 999
MOST = 3  # breaks taken out of one series
SEED = 0  # of the shuffles: equal series give equal answers


class Break(NamedTuple):
    """``at``: index of the first changed value, ``low`` to ``high`` its 95% range; ``before``, ``after``: levels (of a slope: first and
    last fitted value); ``now``: median of the last values; ``statistic``: likelihood ratio against no change; ``p_value`` against
    shuffled series; ``shape``: a step, or a slope that begins."""

    at: int
    low: int
    high: int
    before: float
    after: float
    now: float
    statistic: float
    p_value: float
    shape: Literal["step", "slope"]

    @property
    def lasts(self) -> bool:
        """Is at least half of the change still there at the end?"""
        return (self.now - self.before) * np.sign(self.after - self.before) >= abs(self.after - self.before) / 2


def lasting_break(values: np.ndarray, *, least: int, block: int = 1, slope: bool = False) -> Break | None:
    """The most likely point from which a series lies on another level up to its end; None where it is too short or constant.

    ``least``: fewest values on either side; ``block``: values shuffled together (7 for days, so that weeks stay whole); ``slope``: also
    try a slope that begins at the point. Nulls are left out. Values further than 4 robust standard deviations from their running median
    count as that far.

    Formula: n log(rss without a change / rss with it), largest over all points; p_value = share of 999 series, the same residuals in
    shuffled blocks, that reach it; where none does, the tail of the extreme value (Gumbel) distribution with their mean and deviation.

    >>> found = lasting_break(np.r_[np.tile([1.0, 1.2, 0.9], 10), np.tile([2.0, 2.2, 1.9], 10)], least=5)
    >>> found.at, round(found.before, 2), round(found.after, 2), found.p_value < 0.001
    (30, 1.03, 2.03, True)
    """
    scan = _scanned(values, least, slope)
    return None if scan is None else _judged(scan, least, block)


def breaks_apart(table: np.ndarray, *, least: int, certain: float, block: int = 1, slope: bool = False) -> dict[int, Break]:
    """The columns of a table that left the course of the others for good, by their number; the clearest break first.

    ``table``: one row per time, one column per series. ``certain``: p below which a column has broken; further options:
    :func:`lasting_break`.

    Formula: each column around its own median, less the median of the other columns, so that what moves all of them is no break. Once a
    column has broken, its break is taken out of it before the table is looked at again (three times a column at most): where one falls, the
    others did not rise. Of several breaks of a column the clearest that lasts counts. A single column has no others and stands for itself.

    >>> random = np.random.default_rng(0)
    >>> table = random.normal(0, 0.1, (60, 4)) + np.sin(np.arange(60))[:, None]
    >>> table[40:, 2] += 1
    >>> {column: found.at for column, found in breaks_apart(table, least=5, certain=0.01).items()}
    {2: 40}
    """
    course = table - np.nanmedian(table, axis=0)
    broken: dict[int, list[Break]] = {}
    while True:
        scans = {}
        for column in range(table.shape[1]):
            others = np.delete(course, column, axis=1)
            scan = _scanned(course[:, column] - (np.nanmedian(others, axis=1) if others.shape[1] else 0.0), least, slope)
            if scan is not None and len(broken.get(column, ())) < MOST:
                scans[column] = scan
        clearest = max(scans, key=lambda column: scans[column].statistic, default=None)
        found = None if clearest is None else _judged(scans[clearest], least, block)
        if found is None or found.p_value >= certain:
            return {column: next((one for one in several if one.lasts), several[0]) for column, several in broken.items()}
        broken.setdefault(clearest, []).append(found)
        course[scans[clearest].known, clearest] -= scans[clearest].fitted - found.before


class _Scan(NamedTuple):
    """The best break of one series; ``known``: places that are not null; ``gain``: share of the variance each point would take away."""

    known: np.ndarray
    series: np.ndarray
    shapes: list[tuple[Literal["step", "slope"], np.ndarray]]
    shape: Literal["step", "slope"]
    gain: np.ndarray
    fitted: np.ndarray
    statistic: float


def _scanned(values: np.ndarray, least: int, slope: bool) -> _Scan | None:
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 2 * least + 1 or np.ptp(values[known]) == 0:
        return None
    series = _calmed(values[known])
    shapes = _shapes(len(known), least, slope)
    gains = [_gain(series[None], basis)[0] for _, basis in shapes]
    best = int(np.argmax([gain.max() for gain in gains]))
    shape, basis = shapes[best]
    return _Scan(known, series, shapes, shape, gains[best], _fitted(series, basis[int(gains[best].argmax())]),
                 float(_ratio(gains[best].max(), len(known))))


def _judged(scan: _Scan, least: int, block: int) -> Break:
    random = np.random.default_rng(SEED)
    residual = scan.series - scan.fitted
    shuffled = np.stack([_shuffled(residual, block, random) for _ in range(SHUFFLES)])
    reached = _ratio(np.max([_gain(shuffled, basis).max(axis=1) for _, basis in scan.shapes], axis=0), len(scan.known))
    likely = np.flatnonzero(_ratio(scan.gain, len(scan.known)) >= scan.statistic - 3.84)
    point, best = scan.known[least:], int(scan.gain.argmax())
    return Break(int(point[best]), int(point[likely[0]]), int(point[likely[-1]]), float(scan.fitted[0]), float(scan.fitted[-1]),
                 float(np.median(scan.series[-least:])), scan.statistic, _chance(scan.statistic, reached), scan.shape)


def _chance(statistic: float, reached: np.ndarray) -> float:
    as_high = int((reached >= statistic).sum())
    if as_high:
        return (1 + as_high) / (1 + len(reached))
    scale = reached.std() * np.sqrt(6) / np.pi
    tail = -np.expm1(-np.exp(-(statistic - reached.mean()) / max(scale, 1e-12) - np.euler_gamma))
    return float(min(tail, 1 / (1 + len(reached))))


def _ratio(gain: np.ndarray, count: int) -> np.ndarray:
    return -count * np.log1p(-np.minimum(gain, 1 - 1e-12))


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


def _calmed(series: np.ndarray, *, clip: float = 4.0, width: int = 15) -> np.ndarray:
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
