"""The business's calendar: how busy each day is, and which days are not like others."""

from __future__ import annotations

from copy import copy

import numpy as np

# Name, first day, last day, visits against a usual day, willingness to buy against a usual day. Spring Festival by the lunar calendar.
EVENTS = (
    ("Spring Festival", "2023-01-21", "2023-01-27", 0.62, 0.7),
    ("Spring Festival", "2024-02-09", "2024-02-17", 0.62, 0.7),
    ("Spring Festival", "2025-01-28", "2025-02-04", 0.62, 0.7),
    ("Spring Festival", "2026-02-16", "2026-02-23", 0.62, 0.7),
    *(
        (name, f"{year}-{start}", f"{year}-{end}", visits, buys)
        for year in (2022, 2023, 2024, 2025, 2026)
        for name, start, end, visits, buys in (
            ("618", "06-01", "06-15", 1.12, 1.06),
            ("618", "06-16", "06-20", 1.7, 1.35),
            ("Double 11", "10-24", "11-08", 1.15, 1.06),
            ("Double 11", "11-09", "11-11", 2.1, 1.45),
            ("Double 12", "12-10", "12-12", 1.35, 1.15),
            ("National Day", "10-01", "10-07", 0.85, 0.92),
        )
    ),
)
WEEKDAY = np.array([0.96, 0.95, 0.95, 0.97, 1.02, 1.1, 1.05])  # Monday first
HOURS = np.array([1.6, 0.8, 0.5, 0.3, 0.3, 0.5, 1.2, 2.4, 3.6, 4.4, 5.0, 5.2, 5.6, 5.0, 4.6, 4.6, 4.8, 5.0, 5.4, 6.6, 8.2, 8.8, 7.4, 4.2])
GROWTH = 0.35  # a year


class Season:
    """Per day of the world: ``days``, ``visits`` and ``buys`` against a usual day of the first one, events and growth included."""

    def __init__(self, last: np.datetime64, days: int, random: np.random.Generator):
        self.days = np.arange(last - days + 1, last + 1)
        age = np.arange(days)
        weekday = (self.days.astype(int) + 3) % 7
        self.visits = (1 + GROWTH) ** (age / 365) * WEEKDAY[weekday] * np.exp(random.normal(0, 0.03, days))
        self.buys = np.ones(days)
        for _, first, until, visits, buys in EVENTS:
            inside = (self.days >= np.datetime64(first)) & (self.days <= np.datetime64(until))
            self.visits[inside] *= visits
            self.buys[inside] *= buys

    def since(self, day: int) -> Season:
        """The same season without its first days."""
        later = copy(self)
        later.days, later.visits, later.buys = self.days[day:], self.visits[day:], self.buys[day:]
        return later

    def calendar(self) -> dict[str, list]:
        """The rows of the calendar table: one per event, its warm-up and its peak together."""
        spans: dict[tuple[str, str], list[str]] = {}
        for name, first, until, _, _ in EVENTS:
            if np.datetime64(until) >= self.days[0] and np.datetime64(first) <= self.days[-1] + 90:
                spans.setdefault((name, first[:4]), []).extend([first, until])
        rows = sorted((min(span), max(span), name) for (name, _), span in spans.items())
        return {"event": [row[2] for row in rows], "start": [row[0] for row in rows], "end": [row[1] for row in rows]}
