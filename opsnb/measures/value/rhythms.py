"""How each customer has bought so far, in days: what the models of buying are fitted to.

A **purchase** is a day on which a customer ordered, however often: the models count in days, as their papers do. The first purchase makes
the customer; **x** counts the later ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from opsnb.errors import NotMeasured, ParameterError, nearest
from opsnb.measures.blocks import DAY_US, starts
from opsnb.measures.purchases import last_day, sales
from opsnb.tables.histories import Histories, histories

if TYPE_CHECKING:
    from opsnb.measures.intervals import Day
    from opsnb.measures.purchases import Sales

TimeUnit = Literal["day", "week", "month"]
UNIT_DAYS: dict[str, float] = {"day": 1.0, "week": 7.0, "month": 365.25 / 12}


class Rhythms(NamedTuple):
    """One entry per customer, in the order of user codes; days since 1970-01-01, money in the data's currency."""

    user: np.ndarray  # code in the orders table
    first: np.ndarray  # day of the first purchase
    x: np.ndarray  # later days with an order
    t_x: np.ndarray  # days from the first to the last purchase
    T: np.ndarray  # days from the first purchase to as_of
    first_value: np.ndarray  # amount of the first day, less what was given back before the second
    repeat_value: np.ndarray  # amount of the later days, less what was given back from the second on

    @property
    def mean_repeat(self) -> np.ndarray:
        """Mean value of a later purchase; nan where there is none."""
        return np.divide(self.repeat_value, self.x, out=np.full(len(self.x), np.nan), where=self.x > 0)


def rhythms(orders: Any, *, as_of: Day | None = None) -> tuple[Histories, Rhythms]:
    """The orders as histories, and the rhythm of every customer up to ``as_of``, included; one pass.

    Raises NotMeasured where nobody has ordered.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user_id": list("aaab"), "amount": [30.0, 10.0, 5.0, 8.0],
    ...                        "ts": pd.to_datetime(["2025-03-01 10:00", "2025-03-21 09:00", "2025-03-21 17:00", "2025-03-10 08:00"])})
    >>> found = rhythms(orders, as_of="2025-03-31")[1]
    >>> found.x, found.t_x, found.T, found.mean_repeat
    (array([1, 0]), array([20,  0]), array([30, 21]), array([15., nan]))
    """
    table = histories(orders, "orders")
    last = last_day(table, as_of)
    parts = [_rhythms(found, last) for found in sales(table, as_of=np.datetime64(last, "D"))]
    if not sum(len(part.user) for part in parts):
        raise NotMeasured("there are no orders in this period")
    return table, Rhythms(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _rhythms(found: Sales, last: int) -> Rhythms:
    first = starts(found.user)
    if not len(first):
        return Rhythms(*(np.empty(0, np.int64) for _ in range(5)), np.empty(0), np.empty(0))
    user, day = found.user[first], found.ts // DAY_US
    orders = np.diff(np.append(first, len(day)))
    who = np.repeat(np.arange(len(first)), orders)
    began, opening = day[first], day == np.repeat(day[first], orders)
    bought = starts(found.user.astype(np.int64) << 20 | day)  # the first order of each user and day
    opened = np.bincount(who, np.where(opening, found.amount, 0.0), minlength=len(first))
    later = np.bincount(who, np.where(opening, 0.0, found.amount), minlength=len(first))
    at = np.minimum(np.searchsorted(user, found.refund_user), len(user) - 1)
    known = user[at] == found.refund_user
    if known.any():
        at, back = at[known], found.refund_amount[known]
        again = np.flatnonzero(~opening)
        again = again[starts(who[again])]
        second = np.full(len(first), np.iinfo(np.int64).max)  # when the second purchase was
        second[who[again]] = found.ts[again]
        of_later = found.refund_ts[known] >= second[at]
        opened -= np.bincount(at, np.where(of_later, 0.0, back), minlength=len(first))
        later -= np.bincount(at, np.where(of_later, back, 0.0), minlength=len(first))
    return Rhythms(user, began, np.bincount(who[bought], minlength=len(first)) - 1, day[first + orders - 1] - began, last - began, opened, later)


def unit_days(time_unit: str) -> float:
    """How many days a time unit has; a month is the twelfth part of a year.

    >>> unit_days("week")
    7.0
    """
    if time_unit not in UNIT_DAYS:
        raise ParameterError(f"time_unit '{time_unit}' is not one; {nearest(time_unit, UNIT_DAYS)}")
    return UNIT_DAYS[time_unit]


class Groups(NamedTuple):
    """Customers of one rhythm together: the likelihood sees no more of them."""

    x: np.ndarray
    t_x: np.ndarray  # days
    T: np.ndarray
    customers: np.ndarray


def grouped(x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> tuple[Groups, np.ndarray]:
    """The distinct rhythms with their number of customers, and the group of each customer.

    >>> groups, of = grouped(np.array([1, 0, 1]), np.array([5, 0, 5]), np.array([9, 9, 9]))
    >>> groups.x, groups.customers, of
    (array([0, 1]), array([1, 2]), array([1, 0, 1]))
    """
    key = (np.asarray(x, np.int64) << 40) | (np.asarray(t_x, np.int64) << 20) | np.asarray(T, np.int64)
    keys, of, customers = np.unique(key, return_inverse=True, return_counts=True)
    part = (1 << 20) - 1
    return Groups(keys >> 40, keys >> 20 & part, keys & part, customers), of
