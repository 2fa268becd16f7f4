"""How far a number of groups can be trusted: elbow, silhouette, gap, stability and the smallest group, for each number that is tried."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from opsnb.measures.kmeans import Groups, assigned, fits, grouped, seeds

if TYPE_CHECKING:
    import pandas as pd

TRIES = 5  # fits of each number of groups
RESAMPLES, RESAMPLE_TRIES = 20, 2
CLOUDS, CLOUD, CLOUD_TRIES = 10, 2000, 3  # clouds, their most points, fits of each


class Panel(NamedTuple):
    """``frame``: one row per number of groups. By that number: ``groups``, and the ``stability`` of each of them."""

    frame: pd.DataFrame
    groups: dict[int, Groups]
    stability: dict[int, np.ndarray]


def panel_of(points: np.ndarray, ks: Sequence[int], random: np.random.Generator) -> Panel:
    """One row per number of groups: ``k``; ``inertia``; ``elbow``, distance of log(inertia) below the line from one group to the last k;
    ``silhouette``, Rousseeuw 1987; ``gap``, log(inertia) of :func:`clouds` of the same columns less that of the points (Tibshirani 2001, with
    another reference), ``gap_error``; ``stability``, mean Jaccard likeness of the least stable group over 20 bootstrap
    samples, Hennig 2007; ``smallest``, share of the smallest group."""
    import pandas as pd

    starts = seeds(points, max(ks), random, tries=TRIES)[0]
    groups = [grouped(points, starts[:, :k]) for k in ks]
    inertia = [found.inertia for found in groups]
    logs = np.log(np.maximum([((points - points.mean(axis=0)) ** 2).sum(), *inertia], 1e-12))
    line = logs[0] + (logs[-1] - logs[0]) * (np.array(ks) - 1) / (ks[-1] - 1)
    gap, error = _gaps(points, inertia, ks, random)
    stable = stability(points, groups, random)
    frame = pd.DataFrame({
        "k": ks, "inertia": inertia, "elbow": line - logs[1:], "silhouette": silhouettes(points, [found.group for found in groups]), "gap": gap,
        "gap_error": error, "stability": [float(each.min()) for each in stable],
        "smallest": [np.bincount(found.group, minlength=k).min() / len(points) for k, found in zip(ks, groups, strict=True)]})
    return Panel(frame, dict(zip(ks, groups, strict=True)), dict(zip(ks, stable, strict=True)))


def silhouettes(points: np.ndarray, groupings: list[np.ndarray]) -> list[float]:
    """Mean silhouette of each grouping; the distances are computed once for all."""
    each = [np.eye(group.max() + 1)[group] for group in groupings]
    sizes, ends = [one.sum(axis=0) for one in each], np.cumsum([one.shape[1] for one in each])
    ones = np.hstack(each)  # one pass over the distances serves all groupings
    totals = np.zeros(len(groupings))
    squares = (points**2).sum(axis=1)
    for low in range(0, len(points), 128):  # so many rows of distances stay in the processor's cache
        part = slice(low, low + 128)
        distance = (-2 * points[part]) @ points.T
        distance += squares[part, None]
        distance += squares
        np.sqrt(np.maximum(distance, 0, out=distance), out=distance)
        parts = np.split(distance @ ones, ends[:-1], axis=1)
        for index, (group, size, sums) in enumerate(zip(groupings, sizes, parts, strict=True)):
            own = group[part]
            rows = np.arange(len(own))
            inside = sums[rows, own] / np.maximum(size[own] - 1, 1)
            means = np.where(size > 0, sums / np.maximum(size, 1), np.inf)
            means[rows, own] = np.inf
            outside = means.min(axis=1)
            value = (outside - inside) / np.maximum(np.maximum(inside, outside), 1e-12)
            totals[index] += value[size[own] > 1].sum()  # a point alone in its group counts 0
    return list(totals / len(points))


def _gaps(points: np.ndarray, inertia: Sequence[float], ks: Sequence[int], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Per k, how much tighter the groups are than those cut out of clouds, and what chance makes of that."""
    size = min(len(points), CLOUD)
    logs = np.empty((CLOUDS, len(ks)))
    for world, drawn in enumerate(clouds(points, size, random, number=CLOUDS)):
        starts = seeds(drawn, max(ks), random, tries=CLOUD_TRIES)[0]
        logs[world] = [math.log(max(grouped(drawn, starts[:, :k]).inertia, 1e-12) / size) for k in ks]
    return logs.mean(axis=0) - np.log(np.maximum(inertia, 1e-12) / len(points)), logs.std(axis=0, ddof=1) * math.sqrt(1 + 1 / CLOUDS)


def clouds(points: np.ndarray, size: int, random: np.random.Generator, *, number: int) -> Iterator[np.ndarray]:
    """Points whose columns are each distributed as the given ones and are as correlated, by rank, but hang together no further than that (a
    Gaussian copula): skew, ties and a lump in one feature make no groups.

    >>> next(clouds(np.array([[1.0, 5.0], [2.0, 5.0], [9.0, 5.0]]), 500, np.random.default_rng(0), number=1)).mean(axis=0).round(0)
    array([4., 5.])
    """
    from scipy.special import ndtr, ndtri

    count = len(points)
    place = np.empty_like(points)
    for column in range(points.shape[1]):
        _, where, ties = np.unique(points[:, column], return_inverse=True, return_counts=True)
        place[:, column] = (np.cumsum(ties) - (ties + 1) / 2)[where] + 0.5  # the middle of equal ones
    normal = ndtri(place / count)
    spread = normal.std(axis=0)
    related = np.atleast_2d(np.cov(normal / np.where(spread > 1e-9, spread, np.inf), rowvar=False))
    weight, axes = np.linalg.eigh(related)
    mixing, ordered = (axes * np.sqrt(np.maximum(weight, 0))).T, np.sort(points, axis=0)
    for _ in range(number):
        rank = (ndtr(random.standard_normal((size, points.shape[1])) @ mixing) * count).astype(int).clip(0, count - 1)
        yield np.take_along_axis(ordered, rank, axis=0)


def stability(points: np.ndarray, groupings: Sequence[Groups], random: np.random.Generator) -> list[np.ndarray]:
    """For each grouping the stability of its groups: mean Jaccard likeness to the most alike group of bootstrap samples."""
    count = len(points)
    often = np.array([np.bincount(random.integers(count, size=count), minlength=count) for _ in range(RESAMPLES)])
    starts = seeds(points, max(len(found.centres) for found in groupings), random, tries=RESAMPLE_TRIES, often=often)
    every = []
    for group, k in ((found.group, len(found.centres)) for found in groupings):
        likeness = np.zeros(k)
        for centres in fits(points, starts[:, :, :k], often):
            both = np.bincount(group * k + assigned(points, centres), minlength=k * k).reshape(k, k)
            either = both.sum(axis=1)[:, None] + both.sum(axis=0) - both
            likeness += (both / np.maximum(either, 1)).max(axis=1)
        every.append(likeness / RESAMPLES)
    return every
