"""Paths as rows of whole numbers: loops folded, several events in one number, equal rows counted, and written out again."""

from __future__ import annotations

import numpy as np

from opsnb.measures import blocks

ARROW, MORE = " > ", "…"
LONGEST_LOOP = 3  # events of a loop that is folded


def folded(event: np.ndarray, path: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Without the stretches of ``size`` events that repeat the one directly before.

    >>> folded(np.array([1, 2, 1, 2, 1, 3]), np.zeros(6, int), 2)
    (array([1, 2, 1, 3]), array([0, 0, 0, 0]))
    """
    if len(event) <= size:
        return event, path
    repeats = np.zeros(len(event) + 2, np.int8)
    repeats[1 + size:-1] = (event[size:] == event[:-size]) & (path[size:] == path[:-size])
    change = np.diff(repeats)
    low, high = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    row, _ = blocks.ranges(low, low + (high - low) // size * size)
    kept = np.ones(len(event), bool)
    kept[row] = False
    return event[kept], path[kept]


def packed_ways(event: np.ndarray, path: np.ndarray, paths: int, longest: int, labels: int, from_end: bool) -> tuple[np.ndarray, np.ndarray]:
    """Each path as a row of whole numbers, several places in one (0: nothing there, labels + 1: cut here), and its number of events."""
    length = np.bincount(path, minlength=paths)
    place = np.arange(len(path)) - np.repeat(np.cumsum(length) - length, length)
    if from_end:
        place = length[path] - 1 - place
    bits, width = (labels + 1).bit_length(), longest + 1
    room = 63 // bits
    packed = np.zeros((paths, -(-width // room)), np.int64)
    for at in range(width):
        rows = np.flatnonzero(place == at)
        value = event[rows].astype(np.int64) + 1 if at < longest else labels + 1
        packed[path[rows], at // room] |= value << (at % room * bits)
    return packed, length


def distinct(packed: np.ndarray, length: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different rows, in order, the least length of each, and its count."""
    order = np.argsort(packed[:, 0], kind="stable") if packed.shape[1] == 1 else np.lexsort(packed.T[::-1])
    packed = packed[order]
    first = np.ones(len(packed), bool)
    first[1:] = (packed[1:] != packed[:-1]).any(1)
    begins = np.flatnonzero(first)
    if not len(begins):
        return packed, length, count
    return packed[begins], np.minimum.reduceat(length[order], begins), np.add.reduceat(count[order], begins)


def written(packed: np.ndarray, longest: int, labels: np.ndarray, from_end: bool) -> str:
    bits = (len(labels) + 1).bit_length()
    room = 63 // bits
    places = [int(packed[at // room]) >> (at % room * bits) & ((1 << bits) - 1) for at in range(longest + 1)]
    names = [MORE if place == len(labels) + 1 else str(labels[place - 1]) for place in places if place]
    return ARROW.join(reversed(names) if from_end else names)
