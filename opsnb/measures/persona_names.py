"""What personas are called: by what sets each apart most, in parts that views translate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RFM = ("recency_days", "frequency", "monetary_value")
CUTS = (-1, -0.35, 0.35, 1)  # standard deviations from everybody's mean: between the five levels
MARKED = 0.6  # standard deviations from which a habit gives a name
MOST_PARTS = 3

# What each feature is called from its lowest to its highest level; the middle one gives no name.
LEVELS = {
    "recency_days": ("active-now", "recent", "some-time-ago", "long-ago", "very-long-ago"),
    "frequency": ("once", "seldom", "regular", "frequent", "very-frequent"),
    "monetary_value": ("very-small-orders", "small-orders", "medium-orders", "big-orders", "very-big-orders"),
}
SPLITS = {"recency_days": ("more-recent", "less-recent"), "frequency": ("less-often", "more-often"),
          "monetary_value": ("less-money", "more-money")}
HABITS = {"night_share": "at-night", "morning_share": "in-the-morning", "afternoon_share": "in-the-afternoon", "evening_share": "in-the-evening",
          "weekend_share": "at-weekends", "discount_share": "with-discounts", "events_per_visit": "long-visits"}
NEW = "new-group"  # in place of a name that an earlier group keeps
PARTS: tuple[str, ...] = (*(part for parts in (*LEVELS.values(), *SPLITS.values(), HABITS.values()) for part in parts), NEW)


def named(effects: np.ndarray, *, once: np.ndarray, features: Sequence[str] = RFM) -> list[tuple[str, ...]]:
    """The parts of each group's name, at most three and unique among the groups.

    ``effects``: one row per group, a column per feature, in standard deviations from everybody's mean; the first three features are those of
    RFM. A habit gives a name only where there is more of it; a label such as ``page=skincare`` is its own part.

    >>> named(np.array([[-1.2, 0.9, 0.1], [0.8, -0.5, 0.0]]), once=np.array([False, True]))
    [('active-now', 'frequent'), ('long-ago', 'once')]
    >>> named(np.array([[0, 0.5, 0, 2.0], [0, -0.4, 0.1, -2.0]]), once=np.zeros(2, bool), features=[*RFM, "page=skincare"])
    [('frequent', 'page=skincare'), ('seldom',)]
    """
    level = np.searchsorted(CUTS, effects[:, :len(RFM)], side="right")
    column = RFM.index("frequency")
    level[:, column] = np.where(once, 0, np.maximum(level[:, column], 1))
    names = [_name(effects[row], level[row], features) for row in range(len(effects))]
    for name in sorted(set(names)):
        _tell_apart(names, effects[:, :len(RFM)], [row for row, other in enumerate(names) if other == name])
    return names


def _name(effects: np.ndarray, level: np.ndarray, features: Sequence[str]) -> tuple[str, ...]:
    """The strongest parts, RFM first."""
    found = [(abs(effects[at]), at, LEVELS[feature][level[at]]) for at, feature in enumerate(RFM) if level[at] != 2]
    for at, feature in enumerate(features[len(RFM):], start=len(RFM)):
        part = HABITS.get(feature, feature if "=" in feature else None)
        if part and effects[at] >= MARKED:
            found.append((effects[at], at, part))
    strongest = sorted(found, key=lambda one: (-one[0], one[1]))[:MOST_PARTS]
    return tuple(part for _, _, part in sorted(strongest, key=lambda one: one[1])) or (LEVELS["frequency"][2],)


def _tell_apart(names: list[tuple[str, ...]], effects: np.ndarray, rows: list[int]) -> None:
    """Halves groups of one name along the feature in which they differ most, until each has a name of its own."""
    if len(rows) < 2:
        return
    feature = int(np.ptp(effects[rows], axis=0).argmax())
    rows = sorted(rows, key=lambda row: effects[row, feature])
    halves = rows[:len(rows) // 2], rows[len(rows) // 2:]
    for half, part in zip(halves, SPLITS[RFM[feature]], strict=True):
        for row in half:
            names[row] = (*names[row], part)
        _tell_apart(names, effects, half)
