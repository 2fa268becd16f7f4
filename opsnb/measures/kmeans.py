"""k-means, and how far a number of groups can be trusted. Three to twenty columns need no library, and equal input gives equal bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

RESTARTS, FITS = 5, 3  # of the groups kept, of those of the panel
RESAMPLES = 20
CLOUDS, CLOUD = 10, 2000


class Groups(NamedTuple):
    """``inertia``: sum of squared distances to the own centre."""

    centres: np.ndarray
    group: np.ndarray
    inertia: float


def kmeans(points: np.ndarray, k: int, random: np.random.Generator, *, restarts: int = RESTARTS) -> Groups:
    """The best of some k-means fits: seeds far apart (k-means++, Arthur and Vassilvitskii 2007), then Lloyd's steps until nothing moves.

    >>> kmeans(np.array([[0.0], [0.2], [5.0], [5.2]]), 2, np.random.default_rng(0)).centres.round(1).ravel().tolist()
    [0.1, 5.1]
    """
    found = min((_lloyd(points, _seeds(points, k, random)) for _ in range(restarts)), key=lambda groups: groups.inertia)
    order = np.lexsort(found.centres.T[::-1])
    return Groups(found.centres[order], np.argsort(order)[found.group], found.inertia)


def _seeds(points: np.ndarray, k: int, random: np.random.Generator) -> np.ndarray:
    chosen = [points[random.integers(len(points))]]
    far = np.full(len(points), np.inf)
    for _ in range(k - 1):
        far = np.minimum(far, ((points - chosen[-1]) ** 2).sum(axis=1))
        total = np.cumsum(far)
        chosen.append(points[min(np.searchsorted(total, random.random() * total[-1], side="right"), len(points) - 1)])
    return np.array(chosen)


def _lloyd(points: np.ndarray, centres: np.ndarray, steps: int = 100) -> Groups:
    own = np.zeros((len(centres), len(points)), bool)
    for _ in range(steps):
        before, own = own, _nearest(points, centres)
        if (own == before).all():
            break
        weight = own.astype(points.dtype)
        size = weight.sum(axis=1)[:, None]
        centres = np.where(size > 0, weight @ points / np.maximum(size, 1), centres)
    group = own.argmax(axis=0)
    return Groups(centres, group, float(((points - centres[group]) ** 2).sum()))


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """A row per centre, a column per point: is it the nearest. Minimum and comparison cost half of what argmin does."""
    distance = (centres**2).sum(axis=1)[:, None] - 2 * centres @ points.T
    own = distance == distance.min(axis=0)
    return own if np.count_nonzero(own) == len(points) else distance.argmin(axis=0) == np.arange(len(centres))[:, None]  # some are as near to two


def assigned(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The nearest centre of every point; in slices, so that millions of points cost little memory."""
    constant = (centres**2).sum(axis=1)[:, None]
    return np.concatenate([(constant - 2 * centres @ points[low:low + 65536].T).argmin(axis=0) for low in range(0, len(points), 65536)])


def panel_of(points: np.ndarray, ks: Sequence[int], random: np.random.Generator) -> pd.DataFrame:
    """One row per number of groups: ``k``; ``inertia``; ``elbow``, distance of log(inertia) below the line from one group to the last k;
    ``silhouette``, Rousseeuw 1987; ``gap``, log(inertia) of a :func:`cloud` of the same columns less that of the points (Tibshirani 2001, with
    another reference), ``gap_error``; ``stability``, mean Jaccard likeness of the least stable group over 20 bootstrap
    samples, Hennig 2007; ``smallest``, share of the smallest group."""
    import pandas as pd

    fits = [kmeans(points, k, random, restarts=FITS) for k in ks]
    inertia = [fit.inertia for fit in fits]
    logs = np.log(np.maximum([((points - points.mean(axis=0)) ** 2).sum(), *inertia], 1e-12))
    line = logs[0] + (logs[-1] - logs[0]) * (np.array(ks) - 1) / (ks[-1] - 1)
    gap, error = _gaps(points, inertia, ks, random)
    return pd.DataFrame({
        "k": ks, "inertia": inertia, "elbow": line - logs[1:],
        "silhouette": silhouettes(points, [fit.group for fit in fits]), "gap": gap, "gap_error": error,
        "stability": [float(stability(points, fit.centres, random).min()) for fit in fits],
        "smallest": [np.bincount(fit.group, minlength=len(fit.centres)).min() / len(points) for fit in fits]})


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
    for world in range(CLOUDS):
        drawn = cloud(points, size, random)
        logs[world] = [math.log(max(kmeans(drawn, k, random, restarts=FITS).inertia, 1e-12) / size) for k in ks]
    return logs.mean(axis=0) - np.log(np.maximum(inertia, 1e-12) / len(points)), logs.std(axis=0, ddof=1) * math.sqrt(1 + 1 / CLOUDS)


def cloud(points: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    """Points whose columns are each distributed as the given ones and are as correlated, by rank, but hang together no further than that (a
    Gaussian copula): skew, ties and a lump in one feature make no groups.

    >>> cloud(np.array([[1.0, 5.0], [2.0, 5.0], [9.0, 5.0]]), 500, np.random.default_rng(0)).mean(axis=0).round(0)
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
    drawn = random.standard_normal((size, points.shape[1])) @ (axes * np.sqrt(np.maximum(weight, 0))).T
    rank = (ndtr(drawn) * count).astype(int).clip(0, count - 1)
    return np.take_along_axis(np.sort(points, axis=0), rank, axis=0)


def stability(points: np.ndarray, centres: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Per group, its mean Jaccard likeness to the most alike group of bootstrap samples."""
    group, k = assigned(points, centres), len(centres)
    likeness = np.zeros(k)
    for _ in range(RESAMPLES):
        drawn = points[random.integers(len(points), size=len(points))]
        other = assigned(points, kmeans(drawn, k, random, restarts=2).centres)
        both = np.bincount(group * k + other, minlength=k * k).reshape(k, k)
        either = both.sum(axis=1)[:, None] + both.sum(axis=0) - both
        likeness += (both / np.maximum(either, 1)).max(axis=1)
    return likeness / RESAMPLES
