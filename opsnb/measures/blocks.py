"""The few verbs that kernels over users' histories share. All work on one block of whole users and know no file and no global.

Rows are given by their index in the block. Rows of one user stand together, in order of time; ties keep the file's order.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from opsnb.errors import ParameterError, nearest
from opsnb.measures.intervals import as_day
from opsnb.tables.histories import Block

if TYPE_CHECKING:
    from opsnb.measures.intervals import Day
    from opsnb.tables.histories import Histories

MINUTE_US = 60_000_000
DAY_US = 24 * 60 * MINUTE_US
SESSION_GAP_MINUTES = 30
PIECE_ROWS = 1 << 15

Period = Literal["day", "week", "month"]
Unit = Literal["user", "session"]


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
    return np.flatnonzero(changes(group))


def changes(group: np.ndarray) -> np.ndarray:
    """Per row: is it the first one of a run of equal values.

    >>> changes(np.array([4, 4, 7, 4]))
    array([ True, False,  True,  True])
    """
    begins = np.ones(len(group), bool)
    np.not_equal(group[1:], group[:-1], out=begins[1:])
    return begins


def distinct(values: np.ndarray) -> np.ndarray:
    """The distinct ones of some whole numbers, in order; by sorting, as ``np.unique`` takes twenty times as long where most of them differ.

    >>> distinct(np.array([7, 2, 7]))
    array([2, 7])
    """
    ordered = np.sort(values, kind="stable")  # which knows what is in order already
    return ordered[starts(ordered)]


def active_days(user: np.ndarray, ts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The days on which users were active: (index of a user's first row of each day, that day since 1970-01-01).

    >>> active_days(np.array([4, 4, 4, 7]), np.array([0, 1, DAY_US, DAY_US]))
    (array([0, 2, 3]), array([0, 1, 1]))
    """
    rows, days, before, last = [np.empty(0, np.int64)], [np.empty(0, np.int64)], -1, -1
    for low in range(0, len(ts), PIECE_ROWS):  # pieces that the processor's cache holds: a third of the time
        piece, day = user[low:low + PIECE_ROWS], ts[low:low + PIECE_ROWS] // DAY_US
        changes = np.empty(len(day), bool)
        changes[0] = piece[0] != before or day[0] != last
        np.not_equal(day[1:], day[:-1], out=changes[1:])
        changes[1:] |= piece[1:] != piece[:-1]
        found = np.flatnonzero(changes)
        rows.append(found + low)
        days.append(day[found])
        before, last = piece[-1], day[-1]
    return np.concatenate(rows), np.concatenate(days)


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
    if len(distinct(key)) == len(key):
        return None, numbered(first, len(session))
    key = block.user.astype(np.int64) << 32 | session
    order = np.argsort(key, kind="stable")
    return order, numbered(starts(key[order]), len(order))


def in_units(table: Histories, unit: Unit, *columns: str, start: Day | None = None,
             as_of: Day | None = None) -> Iterator[tuple[Block, np.ndarray]]:
    """Per block, its rows with each user's or each visit's together, and the number of the user or visit that each row belongs to.

    Rows before ``start``, after ``as_of`` and, if "event" is asked for, without an event are left out; visits are cut before that.
    """
    if unit not in ("user", "session"):
        raise ParameterError(f"unit '{unit}' is not one; {nearest(unit, ('user', 'session'))}")
    low, high = span_us(start, as_of)
    named = ("session_id",) if unit == "session" and "session_id" in table else ()
    for block in table.blocks(*dict.fromkeys((*columns, *named))):
        order, number = visits(block) if unit == "session" else (None, block.user)
        if order is not None:
            block = _taken(block, order)
        kept = np.ones(len(block), bool) if start is None and as_of is None else (block.ts >= low) & (block.ts < high)
        if "event" in columns and block["event"].min(initial=0) < 0:
            kept &= block["event"] >= 0
        rows = None if kept.all() else np.flatnonzero(kept)
        yield (block, number) if rows is None else (_taken(block, rows), number[rows])


def _taken(block: Block, rows: np.ndarray) -> Block:
    return Block(block.user[rows], block.ts[rows], {name: values[rows] for name, values in block.columns.items()})


def ranges(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows from each ``low`` up to its ``high``, not included, one after the other; and which range each belongs to.

    >>> ranges(np.array([3, 7, 7]), np.array([5, 7, 9]))
    (array([3, 4, 7, 8]), array([0, 0, 2, 2]))
    """
    length = high - low
    before = np.cumsum(length) - length
    return np.arange(int(length.sum())) + np.repeat(low - before, length), np.repeat(np.arange(len(low)), length)


def following(matched: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A function that gives, for rows, the next row that matches after each of them; the number of rows where there is none.

    Rows are kept as bits of words, so that most are found in the word of the row asked for.

    >>> following(np.array([True, False, True]))(np.array([0, 1, 2]))
    array([2, 2, 3])
    """
    words = np.zeros(len(matched) // 64 + 2, np.uint64)
    packed = np.packbits(matched[1:], bitorder="little")  # the bit of a row: does the one after it match
    words.view(np.uint8)[:len(packed)] = packed
    if sys.byteorder == "big":
        words.byteswap(inplace=True)
    filled = words != 0
    place = np.append(np.flatnonzero(filled), len(words) - 1)[np.cumsum(filled) - filled]  # the first word with a bit, from each on

    def after(row: np.ndarray) -> np.ndarray:
        word = row >> 6
        bits = words.take(word)
        bits >>= (row & 63).view(np.uint64)
        beyond = np.flatnonzero(bits == 0)
        found = row + _up_to_lowest(bits)
        word = place.take(word.take(beyond) + 1)
        found[beyond] = np.where(word < len(words) - 1, (word << 6) + _up_to_lowest(words.take(word)), len(matched))
        return found

    return after


def _up_to_lowest(words: np.ndarray) -> np.ndarray:
    """How many bits from the end up to the lowest one that is set, itself included."""
    return np.bitwise_count(words ^ (words - np.uint64(1)))


def seen(key: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The keys that occur, in order; the number among them of each row's key; and how often each occurs. Keys run from 0 to ``size`` - 1.

    >>> seen(np.array([4, 1, 4]), 5)
    (array([1, 4]), array([1, 0, 1], dtype=uint8), array([1, 2]))
    """
    if size > 4 * len(key) + 1000:
        return np.unique(key, return_inverse=True, return_counts=True)
    often = np.bincount(key, minlength=size)
    found = np.flatnonzero(often)
    return found, (np.cumsum(often > 0) - 1).astype(np.min_scalar_type(len(found))).take(key), often[found]


def first_seen(key: np.ndarray, size: int) -> np.ndarray:
    """Per row: is it the first one with its key. Keys run from 0 to ``size`` - 1.

    >>> first_seen(np.array([2, 0, 2, 0, 1]), 3)
    array([ True,  True, False, False,  True])
    """
    first = np.zeros(len(key), bool)
    if size > max(1 << 25, 8 * len(key)):
        first[np.unique(key, return_index=True)[1]] = True
        return first
    place = np.empty(size, np.int32)  # of equal keys the one written last stays: written from behind, the first
    place[key[::-1]] = np.arange(len(key) - 1, -1, -1, dtype=np.int32)
    return np.equal(place[key], np.arange(len(key), dtype=np.int32), out=first)


def ends(unit: np.ndarray) -> np.ndarray:
    """Per row, the index after the last row of its unit.

    >>> ends(np.array([4, 4, 7]))
    array([2, 2, 3])
    """
    first = starts(unit)
    after = np.append(first, len(unit))[1:]
    return np.repeat(after, after - first)


def window_us(window_days: float | None) -> int | None:
    """A window in microseconds; None is no window."""
    if window_days is not None and not window_days > 0:
        raise ParameterError(f"window_days must be more than 0, got {window_days}")
    return None if window_days is None else round(window_days * DAY_US)


def closed_before(table: Histories, window: int | None, as_of: Day | None) -> int:
    """The first microsecond of which an attempt begun then is still open at ``as_of``, or at the end of the table's last day."""
    if window is None:
        return 1 << 62
    span = table.span() or (0, 0)
    return (span_us(None, as_of)[1] if as_of is not None else (span[1] // DAY_US + 1) * DAY_US) - window


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
