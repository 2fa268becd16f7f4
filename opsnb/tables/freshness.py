"""Are the data up to date: how far the newest row lies behind the day it should be of, and which tables have stayed behind the others."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass

# Tables that go on for as long as the business does; of others (plans, experiments, surveys) an end says nothing.
GOING_ON = ("events", "orders", "users", "spend", "posts", "service", "mentions", "keywords")
SELDOM_DAYS = 8  # a table that is filled by the week


@dataclass(frozen=True)
class Freshness:
    """``newest``: day of the newest event or order. ``day``: the one that it should be of. ``allowed``: how many days it may lie behind.
    ``behind``: (table, its last day, days behind ``newest``) of tables that end earlier than their usual pauses explain, worst first."""

    newest: dt.date
    day: dt.date
    allowed: int = 2
    behind: tuple[tuple[str, dt.date, int], ...] = ()

    @property
    def days(self) -> int:
        """How many days the newest row lies behind the day that it should be of."""
        return (self.day - self.newest).days

    @property
    def stale(self) -> bool:
        return self.days > self.allowed


def freshness(spans: Mapping[str, tuple[dt.date, dt.date, int]], *, day: dt.date, every_days: int = 1) -> Freshness | None:
    """How far the data lie behind ``day``; None where no event and no order says when it was.

    ``spans``: table -> (first day, last day, rows). New rows come every ``every_days`` days, and may come a day late. A table stays
    behind the newest event or order when its last row is older than that, than eight days (events and orders: not), and than three of its
    usual pauses (days from first to last / rows).

    >>> day = dt.date
    >>> found = freshness({"events": (day(2025, 1, 1), day(2025, 3, 1), 900), "spend": (day(2025, 1, 1), day(2025, 2, 1), 62)}, day=day(2025, 3, 4))
    >>> found.days, found.stale, [(table, days) for table, last, days in found.behind]
    (3, True, [('spend', 28)])
    """
    newest = max((spans[name][1] for name in ("events", "orders") if name in spans), default=None)
    if newest is None:
        return None
    behind = []
    for name, (first, last, rows) in spans.items():
        usual = math.ceil(3 * ((last - first).days + 1) / max(rows, 1))
        allowed = max(every_days + 1, usual, 0 if name in ("events", "orders") else SELDOM_DAYS)
        days = (min(newest, day) - last).days
        if name in GOING_ON and days > allowed:
            behind.append((name, last, days))
    return Freshness(newest, day, every_days + 1, tuple(sorted(behind, key=lambda one: -one[2])))
