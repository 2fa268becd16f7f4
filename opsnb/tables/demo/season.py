"""The business's calendar: how busy each day is, and which days are not like others."""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

import numpy as np


class Phase(NamedTuple):
    """Days of an event: visits and willingness to buy against a usual day; ``coupon``: taken off each full 300; ``peak``: people stay up
    for it.

    An event without a name is what it leaves behind (people wait before, and have enough after); no calendar lists that.
    """

    event: str
    first: str
    last: str
    visits: float
    buys: float
    coupon: float = 0
    peak: bool = False


_YEARLY = (
    Phase("Women's Day", "03-05", "03-07", 1.15, 1.1, 20), Phase("Women's Day", "03-08", "03-08", 1.45, 1.3, 20, True),
    Phase("", "05-24", "05-29", 0.95, 0.9),
    Phase("618", "05-30", "06-15", 1.12, 1.05, 30), Phase("618", "06-16", "06-17", 1.5, 1.35, 50, True),
    Phase("618", "06-18", "06-18", 2.3, 1.7, 50, True), Phase("618", "06-19", "06-20", 1.2, 1.1, 50),
    Phase("", "06-21", "06-28", 0.9, 0.85),
    Phase("National Day", "10-01", "10-07", 0.85, 0.92), Phase("", "10-13", "10-19", 0.95, 0.88),
    Phase("Double 11", "10-20", "11-08", 1.15, 1.06, 30), Phase("Double 11", "11-09", "11-10", 1.7, 1.4, 50, True),
    Phase("Double 11", "11-11", "11-11", 2.9, 1.9, 50, True), Phase("", "11-12", "11-21", 0.88, 0.82),
    Phase("Double 12", "12-10", "12-11", 1.2, 1.1, 30), Phase("Double 12", "12-12", "12-12", 1.5, 1.3, 30, True))
_SPRING_FESTIVAL = (("2019-02-04", "2019-02-10"), ("2020-01-24", "2020-02-02"), ("2021-02-11", "2021-02-17"), ("2022-01-31", "2022-02-06"),
                    ("2023-01-21", "2023-01-27"), ("2024-02-09", "2024-02-17"), ("2025-01-28", "2025-02-04"), ("2026-02-15", "2026-02-23"))
PHASES = (*(Phase("Spring Festival", first, last, 0.62, 0.7) for first, last in _SPRING_FESTIVAL),
          *(phase._replace(first=f"{year}-{phase.first}", last=f"{year}-{phase.last}") for year in range(2019, 2027) for phase in _YEARLY))
WEEKDAY = np.array([0.96, 0.95, 0.95, 0.97, 1.02, 1.1, 1.05])  # Monday first
HOURS = np.array([1.6, .8, .5, .3, .3, .5, 1.2, 2.4, 3.6, 4.4, 5.0, 5.2, 5.6, 5.0, 4.6, 4.6, 4.8, 5.0, 5.4, 6.6, 8.2, 8.8, 7.4, 4.2])
PEAK_HOURS = HOURS + np.array([9, 3, 1, *[0] * 17, 6, 2, 2, 1])  # the sale opens at midnight and again at eight in the evening
DAY = np.timedelta64(1, "D")
GROWTH = 0.2  # a year
BEFORE = 365  # days that the shop has been open before the first day of the tables
OPENING = 1.3  # sign-ups of those days against what growth alone would make them


class Season:
    """Per day of the world: ``days``; ``visits`` and ``buys`` against a usual day of the first one, events and growth included; ``coupon``;
    ``peak``."""

    def __init__(self, last: np.datetime64, days: int, random: np.random.Generator):
        self.days = last + np.arange(1 - days, 1) * DAY
        weekday = (self.days.astype(int) + 3) % 7
        self.visits = (1 + GROWTH) ** (np.arange(days) / 365) * WEEKDAY[weekday] * np.exp(random.normal(0, 0.03, days))
        self.buys, self.coupon, self.peak = np.ones(days), np.zeros(days), np.zeros(days, bool)
        for phase in PHASES:
            inside = (self.days >= np.datetime64(phase.first)) & (self.days <= np.datetime64(phase.last))
            self.visits[inside] *= phase.visits
            self.buys[inside] *= phase.buys
            self.coupon[inside], self.peak[inside] = phase.coupon, phase.peak

    def since(self, day: int) -> Season:
        """The same season without its first days."""
        later = copy(self)
        for name in ("days", "visits", "buys", "coupon", "peak"):
            setattr(later, name, getattr(self, name)[day:])
        return later

    def calendar(self) -> dict[str, list]:
        """The rows of the calendar table: one per event, its warm-up and its peak together; also those of the next 90 days."""
        spans: dict[tuple[str, str], list[str]] = {}
        for phase in PHASES:
            if phase.event and np.datetime64(phase.last) >= self.days[0] and np.datetime64(phase.first) <= self.days[-1] + 90 * DAY:
                spans.setdefault((phase.event, phase.first[:4]), []).extend([phase.first, phase.last])
        rows = sorted((min(span), max(span), name) for (name, _), span in spans.items())
        return {"event": [row[2] for row in rows], "start": [row[0] for row in rows], "end": [row[1] for row in rows]}
