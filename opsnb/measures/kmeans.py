"""k-means. Three to twenty columns need no library, and equal input gives equal bits.

Fits from several starts, and of several samples of the same points, go side by side: a step of all of them is two products of matrices. They
are told apart in single precision; the best is followed to its end in double. A sample with replacement is how often it holds each point.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STEPS = 100
SETTLED = 1e-3  # squares by which all centres of a fit move together, below which it is only followed if it is the best
STRIDE = 1.4  # of a step to the middle of a centre's points: a little beyond it, where the next steps lead; a third less steps
CANDIDATES = 3  # drawn for each seed
BESIDE = 100_000  # distances that stay in the processor's cache


class Groups(NamedTuple):
    """``inertia``: sum of squared distances to the own centre."""

    centres: np.ndarray
    group: np.ndarray
    inertia: float


def grouped(points: np.ndarray, starts: np.ndarray) -> Groups:
    """The best of the k-means fits of standardised points from ``starts`` (by start, number and column): Lloyd's steps until nothing moves;
    centres in order.

    >>> points = np.array([[0.0], [0.2], [5.0], [5.2]])
    >>> grouped(points, seeds(points, 2, np.random.default_rng(0), tries=5)[0]).centres.round(1).ravel().tolist()
    [0.1, 5.1]
    """
    centres = followed(points, fits(points, starts[None])[0])
    centres = centres[np.lexsort(centres.T[::-1])]
    group = assigned(points, centres)
    return Groups(centres, group, float(((points - centres[group]) ** 2).sum()))


def seeds(points: np.ndarray, k: int, random: np.random.Generator, *, tries: int, often: np.ndarray | None = None) -> np.ndarray:
    """Points far apart by sample, try, number and column; the first of them are seeds of fewer groups. ``often``: by sample and point, how
    often it holds the point; None: one sample that holds each once.

    k-means++ (Arthur and Vassilvitskii 2007): each is drawn by the square of its distance to the nearest one before; here the best
    of three candidates, the one that leaves the least inertia."""
    weight = np.repeat(np.ones((1, len(points))) if often is None else often, tries, axis=0)
    squares, columns, every = (points**2).sum(axis=1), np.ascontiguousarray(points.T), np.arange(len(weight))
    near, total = np.full(weight.shape, np.inf), np.cumsum(weight, axis=1, dtype=float)
    chosen = np.empty((len(weight), k), int)
    for number in range(k):
        drawn = random.random((len(weight), CANDIDATES if number else 1)) * total[:, -1:]
        places = np.array([np.searchsorted(row, of_row, side="right") for row, of_row in zip(total, drawn, strict=True)]).clip(max=len(points) - 1)
        distance = np.maximum(squares[places][..., None] + squares - 2 * points[places] @ columns, 0)
        nearer = np.minimum(distance, near[:, None])
        best = (nearer @ weight[..., None])[..., 0].argmin(axis=1)
        chosen[:, number], near = places[every, best], nearer[every, best]
        total = np.cumsum(near * weight, axis=1)
    return points[chosen].reshape(-1, tries, k, points.shape[1])


def fits(points: np.ndarray, starts: np.ndarray, often: np.ndarray | None = None) -> np.ndarray:
    """For each sample the centres, by number and column, of the best of its fits from ``starts`` (by sample, start, number and column), each
    followed until it hardly moves. ``often`` as of :func:`seeds`."""
    samples, tries, k, features = starts.shape
    flat, single = starts.reshape(-1, k, features).astype(np.float32), points.astype(np.float32)
    weight = None if often is None else np.repeat(often.astype(np.float32), tries, axis=0)
    side = max(1, BESIDE // (k * len(points)))
    done = [_lloyd(single, flat[low:low + side], None if weight is None else weight[low:low + side], settled=SETTLED, stride=STRIDE)
            for low in range(0, len(flat), side)]
    centres = np.concatenate([found for found, _ in done]).reshape(starts.shape)
    best = np.concatenate([inertia for _, inertia in done]).reshape(samples, tries).argmin(axis=1)
    return centres[np.arange(samples), best]


def followed(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The same centres after Lloyd's steps until nothing moves."""
    return _lloyd(points, centres[None].astype(float), None, settled=0.0, stride=1.0)[0][0]


def _lloyd(points: np.ndarray, centres: np.ndarray, often: np.ndarray | None, *, settled: float, stride: float) -> tuple[np.ndarray, np.ndarray]:
    """The centres after Lloyd's steps, by start, number and column, and the inertia of each start less what is the same for all of a sample.
    A centre that is nearest to no point stays where it is."""
    rows = np.column_stack([points, np.ones(len(points), points.dtype)])  # sums and counts in one product
    columns = np.ascontiguousarray(rows.T)
    centres, going = centres.copy(), np.arange(len(centres))
    for _ in range(STEPS):
        old = centres[going]
        own = _nearest(columns, old)[0].astype(points.dtype)
        if often is not None:
            own *= often[going, None]
        sums = (own.reshape(-1, len(points)) @ rows).reshape(*old.shape[:2], -1)
        size = sums[..., -1:]
        step = np.where(size > 0, sums[..., :-1] / np.maximum(size, 1) - old, 0)
        centres[going] = old + points.dtype.type(stride) * step
        going = going[(step**2).sum(axis=(1, 2)) > settled]
        if not len(going):
            break
    least = _nearest(columns, centres)[1]
    return centres, (least if often is None else least * often).sum(axis=1)


def _nearest(columns: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By start, number and point: is that centre the nearest; by start and point: the square of the distance to it, less that of the point.
    ``columns``: a row per feature, and one of ones. Minimum and comparison cost half of what argmin does."""
    weight = np.concatenate([-2 * centres, (centres**2).sum(axis=2, keepdims=True)], axis=2)
    distance = (weight.reshape(-1, len(columns)) @ columns).reshape(*centres.shape[:2], -1)
    least = distance.min(axis=1)
    own = distance == least[:, None]
    if np.count_nonzero(own) != least.size:  # some are as near to two
        own = distance.argmin(axis=1)[:, None] == np.arange(centres.shape[1])[:, None]
    return own, least


def assigned(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The nearest centre of every point; in slices, so that millions of points cost little memory."""
    constant = (centres**2).sum(axis=1)[:, None]
    return np.concatenate([(constant - 2 * centres @ points[low:low + 65536].T).argmin(axis=0) for low in range(0, len(points), 65536)])
