"""What each user did on which day, and what that says of them as of any day. No topic of its own.

One pass over the blocks gathers a ledger: an entry for each user and day on which they were active (an event or an order) or got money back.
Everything about a user as of a day is then read off the entries up to that day, so a model can be trained as of many days and nothing that
happened later can leak into what was known then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from opsnb.errors import NotMeasured
from opsnb.measures.blocks import DAY_US, span_us, starts
from opsnb.measures.purchases import last_day, sales
from opsnb.tables.histories import Histories, histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

RECENT, YEAR = 30, 365  # days over which lately and in the last year are counted


class Ledger(NamedTuple):
    """One entry per user and day with an event, an order or a refund, by user and day.

    ``users``: ids, sorted; ``user``: index into them; ``day`` since 1970-01-01; ``events``, ``orders`` of that day; ``revenue``,
    refunds deducted; ``first``, ``last``: the days from and up to which the tables look.
    """

    users: np.ndarray
    user: np.ndarray
    day: np.ndarray
    events: np.ndarray
    orders: np.ndarray
    revenue: np.ndarray
    first: int
    last: int

    def active(self) -> np.ndarray:
        """Which entries are days on which the user did something: getting money back is nothing that they do."""
        return (self.events > 0) | (self.orders > 0)


def ledger(orders: Any, events: Any = None, *, as_of: Day | None = None) -> Ledger:
    """What each user did on which day up to ``as_of``, by default the last day of both tables. One pass over each.

    Input columns: orders: user_id, ts, amount; order_id and refund where there are; events: user_id, ts. One row per order row or event.

    Raises NotMeasured where there is no order up to then, InputError for a missing column.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user_id": ["a", "a", "b"], "amount": [30.0, -30.0, 5.0],
    ...                        "ts": pd.to_datetime(["1970-01-02", "1970-01-04", "1970-01-03"])})
    >>> found = ledger(orders)
    >>> found.users[found.user].tolist(), found.day.tolist(), found.orders.tolist(), found.revenue.tolist()
    (['a', 'a', 'b'], [1, 3, 2], [1, 0, 1], [30.0, -30.0, 5.0])
    """
    bought = histories(orders, "orders")
    visited = None if events is None else histories(events)
    tables = [bought] + ([visited] if visited is not None and len(visited) else [])
    last = max(last_day(table) for table in tables) if as_of is None else int(span_us(None, as_of)[1] // DAY_US) - 1
    until = np.datetime64(last, "D")
    users, of_orders, of_events = _together(bought, visited)
    parts = [_sold(found, of_orders) for found in sales(bought, as_of=until)]
    if not sum(int(part[3].sum()) for part in parts):
        raise NotMeasured("there are no orders in this period")
    if visited is not None:
        for block in visited.blocks():
            alive = block.ts < (last + 1) * DAY_US
            key = of_events[block.user[alive]] << 20 | block.ts[alive] // DAY_US
            row = starts(key)
            count = np.diff(np.append(row, len(key)))
            parts.append((key[row] >> 20, key[row] & (1 << 20) - 1, count, np.zeros(len(row)), np.zeros(len(row))))
    user, day, *sums = (np.concatenate(column) for column in zip(*parts, strict=True))
    key = user.astype(np.int64) << 20 | day
    order = np.argsort(key, kind="stable")
    row = starts(key[order])
    seen, sold, revenue = (np.add.reduceat(values[order], row) for values in sums)
    first = min(int(table.span()[0] // DAY_US) for table in tables)
    return Ledger(users, key[order][row] >> 20, key[order][row] & (1 << 20) - 1, seen.astype(np.int64), sold.astype(np.int64), revenue,
                  first, last)


def _together(bought: Histories, visited: Histories | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ids of both tables, and the place of each table's users among them."""
    import pandas as pd

    if visited is None:
        return bought.users, np.arange(len(bought.users)), np.empty(0, np.int64)
    one, other = (pd.Index(np.asarray(table.users, object), dtype=object) for table in (bought, visited))
    both = one.union(other)
    return both.to_numpy(), both.get_indexer(one).astype(np.int64), both.get_indexer(other).astype(np.int64)


def _sold(found: Any, place: np.ndarray) -> tuple[np.ndarray, ...]:
    """User, day, events, orders and revenue of a block's orders and refunds, an entry for each."""
    user = place[np.concatenate([found.user, found.refund_user])]
    day = np.concatenate([found.ts, found.refund_ts]) // DAY_US
    sold = np.repeat([1.0, 0.0], [len(found.user), len(found.refund_user)])
    return user, day, np.zeros(len(user)), sold, np.concatenate([found.amount, -found.refund_amount])


def habits(book: Ledger, *, as_of: int | None = None) -> pd.DataFrame:
    """What is known of each user as of a day: how often they came, how long they have been silent, what they bought.

    Input: a :func:`ledger`; ``as_of``: day since 1970-01-01, default the ledger's last one. One row per user active by then, by user.

    Output columns: ``user``, index into the ledger's users; ``silent_days`` since the last active day; ``age_days`` since the first;
    ``active_days``; ``recent_days``: those of the last 30 days; ``usual_gap_days``; ``silence`` = silent_days / usual_gap_days;
    ``last_gap_days``, between the last two active days (null with one); ``depth``, events an active day; ``orders``;
    ``order_recency_days`` (null without an order); ``revenue``; ``revenue_365d``, of the last 365 days; ``orders_365d``. Money with refunds
    deducted.

    Formula: usual_gap_days = (sum of the user's own gaps + G) / (number of own gaps + 1), G the mean gap of all users, at least one day: a
    user seen once has everybody's gap, and each gap of their own counts as much as that one. Without a single gap in the data, G is 30.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user_id": list("aab"), "amount": [30.0, 10.0, 5.0],
    ...                        "ts": pd.to_datetime(["1970-01-02", "1970-01-12", "1970-01-03"])})
    >>> habits(ledger(orders, as_of="1970-02-11"))[["user", "silent_days", "active_days", "usual_gap_days", "silence", "revenue"]]
       user  silent_days  active_days  usual_gap_days  silence  revenue
    0     0           30            2            10.0      3.0     40.0
    1     1           39            1            10.0      3.9      5.0
    """
    import pandas as pd

    day = book.last if as_of is None else as_of
    kept = np.flatnonzero(book.day <= day)
    active = kept[book.active()[kept]]
    if not len(active):
        raise NotMeasured("there are no orders in this period")
    first = starts(book.user[active])
    end = np.append(first[1:], len(active)) - 1
    user, came, many = book.user[active[first]], book.day[active], end - first + 1
    sole = many < 2
    gaps, spell = many - 1, came[end] - came[first]
    mean = spell.sum() / gaps.sum() if gaps.sum() else float(RECENT)
    usual = np.maximum((spell + mean) / (gaps + 1), 1.0)
    silent = day - came[end]

    place = np.full(len(book.users), len(user))  # the last place is for who has only ever got money back
    place[user] = np.arange(len(user))

    def summed(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return np.bincount(place[book.user[rows]], values[rows], minlength=len(user) + 1)[:-1]

    year, lately = kept[book.day[kept] > day - YEAR], active[came > day - RECENT]
    bought = active[book.orders[active] > 0]
    ordered = np.full(len(user), np.nan)
    ordered[place[book.user[bought]]] = day - book.day[bought]  # by day, so that the last one stays
    return pd.DataFrame({
        "user": user, "silent_days": silent, "age_days": day - came[first], "active_days": many,
        "recent_days": np.bincount(place[book.user[lately]], minlength=len(user)).astype(float), "usual_gap_days": usual, "silence": silent / usual,
        "last_gap_days": np.where(sole, np.nan, came[end] - came[np.maximum(end - 1, 0)]), "depth": summed(book.events, active) / many,
        "orders": summed(book.orders, kept), "order_recency_days": ordered, "revenue": summed(book.revenue, kept),
        "revenue_365d": summed(book.revenue, year), "orders_365d": summed(book.orders, year)})


def seen_within(book: Ledger, user: np.ndarray, low: int, high: int, *, ordered: bool = False) -> np.ndarray:
    """Which of these users were active (``ordered``: ordered) on a day after ``low`` and up to ``high``."""
    inside = (book.day > low) & (book.day <= high) & ((book.orders > 0) if ordered else book.active())
    back = np.zeros(len(book.users), bool)
    back[book.user[inside]] = True
    return back[user]


def snapshots(book: Ledger, horizon: int, *, most: int) -> list[int]:
    """The days as of which a model is tried: the last one whose ``horizon`` days are over, then every ``horizon`` days before it, newest
    first, each with at least ``horizon`` days of history; at most ``most``.

    Raises NotMeasured where there are not two of them.
    """
    found = [day for day in range(book.last - horizon, book.first + horizon - 2, -horizon)][:most]
    if len(found) < 2:
        raise NotMeasured(f"the data covers {book.last - book.first + 1} days; to learn in one window of {horizon} days, be checked in the next and know "
                          f"what went before takes {3 * horizon}: ask for a shorter horizon")
    return found


FEATURES = ("silent_days", "silence", "usual_gap_days", "last_gap_days", "age_days", "active_days", "recent_days", "depth", "orders",
            "order_recency_days", "revenue", "revenue_365d", "orders_365d")  # what a model looks at


def as_points(known: pd.DataFrame) -> np.ndarray:
    """Habits as numbers for a model: log(1 + value), and for what may be missing a column that says so (and 0 in its place)."""
    parts = []
    for column in FEATURES:
        values = known[column].to_numpy(float)
        missing = np.isnan(values)
        parts.append(np.log1p(np.maximum(np.where(missing, 0.0, values), 0)))
        if column in ("last_gap_days", "order_recency_days"):
            parts.append(missing.astype(float))
    return np.column_stack(parts)
