"""Quantiles of many lengths of time in groups, exact and without sorting them all. No topic of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SAME = 1 << 46  # lengths whose doubles agree down to this bit lie within 1.6% of each other
ZERO = int(np.ones(1).view(np.int64)[0]) // SAME
MOST_CELLS = 1 << 20


def quantiles(parts: Sequence[tuple[np.ndarray, np.ndarray]], count: int, shares: Sequence[float]) -> np.ndarray:
    """Shares x groups: quantiles of lengths by linear interpolation, null for a group without one.

    ``parts``: pairs of lengths, whole numbers from 0 on, and of the groups 0 to ``count`` - 1 that they belong to.

    >>> quantiles([(np.array([1, 9]), np.array([0, 0])), (np.array([5, 7]), np.array([0, 2]))], 3, (0.5, 0.9))
    array([[5. , nan, 7. ],
           [8.2, nan, 7. ]])
    """
    number = sum((np.bincount(group, minlength=count) for _, group in parts), np.zeros(count, np.int64))
    longest = max((int(length.max(initial=0)) for length, _ in parts), default=0)
    if not longest:  # the first step
        return np.broadcast_to(np.where(number > 0, 0.0, np.nan), (len(shares), count))
    some, first = (number - 1).clip(0), np.cumsum(number) - number
    place = some * np.asarray(shares)[:, None]
    low = np.floor(place).astype(np.int64)
    near, far = first + low, first + np.minimum(low + 1, some)
    near, far = _in_order(parts, count, longest, np.minimum((near, far), number.sum() - 1))  # a group without one may begin behind the last
    return np.where(number > 0, near + (far - near) * (place - low), np.nan)


def _in_order(parts: Sequence[tuple[np.ndarray, np.ndarray]], count: int, longest: int, places: np.ndarray) -> np.ndarray:
    """What stands at these places when lengths are sorted by group and length: counts cells of one group and of nearly the same length,
    and sorts only the cells in which a place lies."""
    width = int(_octave(np.array([longest]))[0]) + 1
    if count * width > MOST_CELLS:
        length, group = (np.concatenate(one) for one in zip(*parts, strict=True))
        return length[np.lexsort((length, group))][places]
    cells = [(_octave(length) + group * np.int64(width)).astype(np.int32) for length, group in parts]
    often = sum((np.bincount(cell, minlength=count * width) for cell in cells), np.zeros(count * width, np.int64))
    cell_of = np.searchsorted(np.cumsum(often), places, side="right")
    wanted = np.zeros(len(often), bool)
    wanted[cell_of] = True
    rows = [np.flatnonzero(wanted.take(cell)) for cell in cells]
    length = np.concatenate([one.take(row) for (one, _), row in zip(parts, rows, strict=True)])
    cell = np.concatenate([one.take(row) for one, row in zip(cells, rows, strict=True)])
    skipped = np.cumsum(np.where(wanted, 0, often))  # up to each cell, how many are not among those sorted
    return length[np.lexsort((length, cell))][places - skipped[cell_of]]


def _octave(length: np.ndarray) -> np.ndarray:
    """The octave of each length, in 64ths and from 0 on: what a double's leading bits say."""
    found = (length + 1).astype(np.float64).view(np.int64)
    found //= SAME
    found -= ZERO
    return found
