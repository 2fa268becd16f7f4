"""The few verbs that kernels over users' histories share. All work on one block of whole users and know no file and no global.

Rows are given by their index in the block. Rows of one user stand together, in order of time; ties keep the file's order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import numpy as np

from opsnb.errors import ParameterError, nearest
from opsnb.measures.intervals import as_day

if TYPE_CHECKING:
    from opsnb.measures.intervals import Day
    from opsnb.tables.histories import Block

MINUTE_US = 60_000_000
DAY_US = 24 * 60 * MINUTE_US
SESSION_GAP_MINUTES = 30

Period = Literal["day", "week", "month"]


def span_us(start: Day | None, as_of: Day | None) -> tuple[int, int]:
    """First microsecond of the day ``start`` and first one after the day ``as_of``; without them, all of time.

    >>> span_us("1970-01-02", "1970-01-02")
    (86400000000, 172800000000)
    """
    low = -(1 << 62) if start is None else int(as_day(start).astype(np.int64)) * DAY_US
    high = (1 << 62) if as_of is None else (int(as_day(as_of).astype(np.int64)) + 1) * DAY_US
    if low >= high:
        raise ParameterError(f"start {start} lies after as_of {as_of}")
    return low, high


def starts(group: np.ndarray) -> np.ndarray:
    """Index of the first row of every run of equal values.

    >>> starts(np.array([4, 4, 7, 4]))
    array([0, 2, 3])
    """
    return np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if len(group) else np.empty(0, np.int64)


def first_best(group: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Of every run of equal ``group`` values, the index of the first row with the run's highest score.

    >>> first_best(np.array([1, 1, 1, 2, 2]), np.array([0, 3, 3, 1, 0]))
    array([1, 3])
    """
    if not len(group):
        return np.empty(0, np.int64)
    first = starts(group)
    if len(first) == len(group):
        return first
    best = np.maximum.reduceat(score, first)
    rows = np.flatnonzero(score == np.repeat(best, np.diff(np.append(first, len(group)))))
    return rows[starts(group[rows])]


def gap_starts(user: np.ndarray, ts: np.ndarray, gap_minutes: float = SESSION_GAP_MINUTES) -> np.ndarray:
    """Index of every row that opens a session: a user's first row, or one more than ``gap_minutes`` after the row before."""
    if not len(user):
        return np.empty(0, np.int64)
    opens = np.ones(len(user), bool)
    np.greater(ts[1:] - ts[:-1], round(gap_minutes * MINUTE_US), out=opens[1:])
    opens[1:] |= user[1:] != user[:-1]
    return np.flatnonzero(opens)


def numbered(first: np.ndarray, rows: int) -> np.ndarray:
    """Group number of every row, given the index of each group's first row.

    >>> numbered(np.array([0, 2]), 5)
    array([0, 0, 1, 1, 1], dtype=int32)
    """
    return np.repeat(np.arange(len(first), dtype=np.int32), np.diff(np.append(first, rows)))


def visits(block: Block) -> tuple[np.ndarray | None, np.ndarray]:
    """The visit of every row: (order, visit). A visit is a ``session_id`` of one user; rows without one, and all rows of a table
    without that column, are cut where more than 30 minutes pass.

    ``visit[i]`` is the number of the visit of row ``order[i]``; visits stand together and ascend; inside one, rows keep their order.
    ``order`` is None when the block's own order already has each visit together, as it has unless a user's visits overlap.
    """
    if "session_id" not in block.columns:
        return None, numbered(gap_starts(block.user, block.ts), len(block))
    session = block["session_id"]
    if len(session) and session.min() < 0:
        missing = np.flatnonzero(session < 0)
        cut = numbered(gap_starts(block.user[missing], block.ts[missing]), len(missing))
        session = session.astype(np.int64)
        session[missing] = cut + session.max() + 1
    changes = np.ones(len(session), bool)
    changes[1:] = (session[1:] != session[:-1]) | (block.user[1:] != block.user[:-1])
    first = np.flatnonzero(changes)
    key = block.user[first].astype(np.int64) << 32 | session[first]
    if len(np.unique(key)) == len(key):
        return None, numbered(first, len(session))
    key = block.user.astype(np.int64) << 32 | session
    order = np.argsort(key, kind="stable")
    return order, numbered(starts(key[order]), len(order))


def periods(ts: np.ndarray, period: Period) -> np.ndarray:
    """The first day of the day, ISO week or month of each time stamp, as days since 1970-01-01.

    >>> periods(np.array([0, 40 * DAY_US]), "month"), periods(np.array([0, 5 * DAY_US]), "week")
    (array([ 0, 31]), array([-3,  4]))
    """
    days = ts // DAY_US
    if period == "day":
        return days
    if period == "week":
        return days - (days + 3) % 7  # 1970-01-01 was a Thursday
    if period == "month":
        return days.view("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    raise ParameterError(f"period '{period}' is not one; {nearest(period, ('day', 'week', 'month'))}")


def counts(blocks: Iterable[np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each key from 0 to ``size - 1`` occurs over all blocks: (keys that occur, their counts).

    >>> counts([np.array([1, 1]), np.array([4, 1])], 5)
    (array([1, 4]), array([3, 1]))
    """
    if size <= 1 << 22:
        total = np.zeros(size, np.int64)
        for keys in blocks:
            total += np.bincount(keys, minlength=size)
        found = np.flatnonzero(total)
        return found, total[found]
    parts = [np.unique(keys, return_counts=True) for keys in blocks]
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    found, where = np.unique(np.concatenate([keys for keys, _ in parts]), return_inverse=True)
    return found, np.bincount(where, np.concatenate([count for _, count in parts])).astype(np.int64)
