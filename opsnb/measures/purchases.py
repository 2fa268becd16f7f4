"""Orders as every measure counts them: rows made into orders, refunds kept apart. No topic of its own.

**An order** is the rows of one user that share an ``order_id``, placed when its first row was; a row without one is an order of its own,
so two rows of the same user on the same day are two orders. **A refund** is a row with a refund mark, or of negative amount: it is no
order, and what it gives back is its amount without the sign. Rows after ``as_of`` have not happened yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from opsnb.errors import NotMeasured
from opsnb.measures.blocks import DAY_US, span_us, starts
from opsnb.tables.histories import Histories, histories

if TYPE_CHECKING:
    from opsnb.measures.intervals import Day
    from opsnb.tables.histories import Block

NO_REFUND = frozenset({"", "0", "0.0", "no", "n", "false", "none", "nan", "否", "无"})


class Sales(NamedTuple):
    """The orders of one block, by user and time, and its refunds.

    ``row``: each order's first row in the block; ``user`` codes never decrease; ``ts`` microseconds. Refund amounts are positive;
    ``sold_row``, ``refund_row``: every row of an order, and of a refund.
    """

    block: Block
    row: np.ndarray
    user: np.ndarray
    ts: np.ndarray
    amount: np.ndarray
    refund_user: np.ndarray
    refund_ts: np.ndarray
    refund_amount: np.ndarray
    sold_row: np.ndarray
    refund_row: np.ndarray


def sales(orders: Any, *columns: str, as_of: Day | None = None) -> Iterator[Sales]:
    """The orders and refunds of each block of whole users; ``columns`` are handed over with the block.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user_id": list("aaab"), "order_id": ["1", "1", "2", "3"], "amount": [10.0, 5.0, 8.0, -3.0],
    ...                        "ts": pd.to_datetime(["2025-01-01", "2025-01-01", "2025-01-02", "2025-01-05"])})
    >>> for found in sales(orders):
    ...     print(found.user, found.amount, found.refund_user, found.refund_amount)
    [0 0] [15.  8.] [1] [3.]
    """
    table = histories(orders, "orders")
    end = span_us(None, as_of)[1]
    extra = tuple(column for column in ("order_id", "refund") if column in table)
    marks = None
    if "refund" in extra:
        marks = np.array([str(label).strip().casefold() not in NO_REFUND for label in table.labels("refund")] + [False])  # -1: missing
    for block in table.blocks(*{"amount", *extra, *columns}):
        amount = np.nan_to_num(block["amount"])
        back = amount < 0
        if marks is not None:
            back |= marks[block["refund"]]
        alive = block.ts < end
        sold, refunded = np.flatnonzero(alive & ~back), np.flatnonzero(alive & back)
        row, paid = _orders(block, sold, amount[sold])
        yield Sales(block, row, block.user[row], block.ts[row], paid, block.user[refunded], block.ts[refunded], np.abs(amount[refunded]), sold, refunded)


def _orders(block: Block, sold: np.ndarray, amount: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First row and amount of each order among the rows sold."""
    if "order_id" not in block.columns:
        return sold, amount
    order = block["order_id"][sold].astype(np.int64)
    known = order[order >= 0]
    if not len(known) or np.bincount(known - known.min()).max() == 1:  # as a rule an order is one row
        return sold, amount
    order = np.where(order >= 0, order, -1 - np.arange(len(order)))  # a row without a number stands alone
    by_order = np.lexsort((order, block.user[sold]))
    user, order = block.user[sold][by_order], order[by_order]
    first = np.flatnonzero(np.r_[True, (user[1:] != user[:-1]) | (order[1:] != order[:-1])])
    rows = np.minimum.reduceat(sold[by_order], first)
    paid = np.add.reduceat(amount[by_order], first)
    back = np.argsort(rows, kind="stable")
    return rows[back], paid[back]


class Customers(NamedTuple):
    """One entry per user with an order, in the order of user codes; ``revenue`` has refunds deducted."""

    user: np.ndarray
    first: np.ndarray  # ts of the first and last order
    last: np.ndarray
    orders: np.ndarray
    revenue: np.ndarray


def customers(orders: Histories, *, as_of: Day | None = None) -> Customers:
    """What each customer did up to ``as_of``, one pass. A user with refunds only is no customer."""
    parts = [_customers(found) for found in sales(orders, as_of=as_of)]
    if not parts or not sum(len(part.user) for part in parts):
        raise NotMeasured("there are no orders in this period")
    return Customers(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _customers(found: Sales) -> Customers:
    first = starts(found.user)
    user = found.user[first]
    if not len(first):
        return Customers(user, found.ts, found.ts, first, found.amount)
    last = np.append(first[1:], len(found.user)) - 1
    revenue = np.add.reduceat(found.amount, first)
    if len(found.refund_user):
        at = np.minimum(np.searchsorted(user, found.refund_user), len(user) - 1)
        known = user[at] == found.refund_user
        revenue = revenue - np.bincount(at[known], found.refund_amount[known], minlength=len(user))
    return Customers(user, found.ts[first], found.ts[last], last - first + 1, revenue)


def last_day(table: Histories, as_of: Day | None = None) -> int:
    """``as_of``, or the last day in the table, as days since 1970-01-01. Raises NotMeasured for a table without rows before it.

    >>> import pandas as pd
    >>> last_day(histories(pd.DataFrame({"user_id": ["a"], "ts": pd.to_datetime(["1970-01-03 10:00"]), "amount": [1.0]}), "orders"))
    2
    """
    span = table.span()
    if span is None:
        raise NotMeasured(f"the {table.name} table has no rows")
    end = span_us(None, as_of)[1]
    if span[0] >= end:
        raise NotMeasured(f"the {table.name} table has no rows up to {as_of}")
    return int(span[1] // DAY_US) if as_of is None else int(end // DAY_US) - 1
