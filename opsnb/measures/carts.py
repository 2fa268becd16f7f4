"""Carts: which were left without an order, when, where and with what in them.

**A cart** is a run of a user's cart events with no order between them and no pause longer than ``hours``. It is **ordered** if an order
follows within ``hours`` of its last cart event, the last microsecond included; **abandoned** if that time has passed without one; open,
and in no rate, while it has not passed at ``as_of``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from opsnb.errors import InputError, ParameterError, nearest
from opsnb.measures import blocks
from opsnb.measures.intervals import wilson
from opsnb.measures.purchases import sales
from opsnb.measures.steps import matches
from opsnb.measures.walks import required_steps
from opsnb.tables.histories import Histories, histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day
    from opsnb.measures.steps import Event
    from opsnb.tables.histories import Block

ValueOf = Literal["item", "cart"]

HOURS = 24.0
HOUR_US = 60 * blocks.MINUTE_US
ORDERED, ABANDONED, OPEN = 1, 0, -1
COLUMNS = ("carts", "open", "abandoned", "abandonment_rate", "low", "high", "value_left", "valued")


def carts(events: Any, *, cart: Event = "cart", order: Event | None = None, orders: Any = None, hours: float = HOURS,
          value: str | None = None, value_of: ValueOf = "item", start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """Which carts were filled, and did an order follow?

    Input columns: user_id, ts, event, the column named by ``value``; of ``orders``: user_id, ts, amount. ``cart``: the event, or any of
    several, that fills a cart; ``order``: the event that orders, or else ``orders``: the table of orders (refunds are none).
    ``value``: a number on each cart event: the price of the ``"item"`` put in, or what the whole ``"cart"`` is worth.

    One row per cart, by user and time.

    Output columns: ``user_id``; ``filled``: first cart event, ``left``: the last; ``additions``: cart events; ``value``, in the column's
    unit: sum of the items' known values, or the last known value of the cart, null where none is known; ``state``: "ordered",
    "abandoned" or, before the time is over, "open"; ``minutes_to_order`` from ``left``, null without an order.

    Formula: the definition is the module's; carts left from ``start`` to ``as_of``, of which nothing later is known.

    Raises InputError for an event or column that does not occur, ParameterError for hours that are not positive or without order and
    orders.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aab"), "event": ["cart", "pay", "cart"], "price": [5.0, None, 8.0],
    ...                        "ts": pd.to_datetime(["2025-06-18 10:00", "2025-06-18 11:00", "2025-06-18 12:00"])})
    >>> carts(events, order="pay", value="price", as_of="2025-06-20")[["user_id", "value", "state", "minutes_to_order"]]
      user_id  value      state  minutes_to_order
    0       a    5.0    ordered              60.0
    1       b    8.0  abandoned               NaN
    """
    import pandas as pd

    table = histories(events)
    parts = [(np.empty(0, np.int32), *(np.empty(0, np.int64),) * 4, np.empty(0), np.empty(0, np.int64))]
    for block, found in _found(table, cart, order, orders, hours, value, value_of, start, as_of):
        parts.append((block.user[found.last], block.ts[found.first], block.ts[found.last], found.additions, found.state, found.value,
                      found.wait))
    user, filled, left, additions, state, worth, wait = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return pd.DataFrame({
        "user_id": pd.Categorical.from_codes(user, categories=pd.Index(table.users, dtype=object)), "filled": filled.view("datetime64[us]"),
        "left": left.view("datetime64[us]"), "additions": additions, "value": worth,
        "state": pd.Series(np.array(["abandoned", "ordered", "open"], object)[state], dtype=object),
        "minutes_to_order": np.where(state == ORDERED, wait / blocks.MINUTE_US, np.nan)})


def cart_abandonment(events: Any, *, by: str | None = None, cart: Event = "cart", order: Event | None = None, orders: Any = None,
                     hours: float = HOURS, value: str | None = None, value_of: ValueOf = "item", start: Day | None = None,
                     as_of: Day | None = None) -> pd.DataFrame:
    """What share of carts is left without an order, and what are they worth: in all, by hour of the day, or by device?

    Input columns: as :func:`carts`; the column named by ``by`` ("hour": of the day; no column).

    One row; with ``by``, one per hour or value on the cart's last event (missing: None, last), values by abandoned carts, most first.

    Output columns: ``[by]``; ``carts`` whose time is over; ``open``: carts whose time is not; ``abandoned``; ``abandonment_rate`` of
    ``carts``, with ``low``, ``high``: its 95% interval; ``value_left`` in abandoned carts of known value, null where none is known;
    ``valued``: how many of the abandoned those are.

    Formula: abandonment_rate = abandoned / carts, the definition of a cart is the module's; Wilson's interval.

    Raises as :func:`carts`.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aab"), "event": ["cart", "pay", "cart"], "price": [5.0, None, 8.0],
    ...                        "ts": pd.to_datetime(["2025-06-18 10:00", "2025-06-18 11:00", "2025-06-18 12:00"])})
    >>> cart_abandonment(events, order="pay", value="price", as_of="2025-06-20")[["carts", "abandoned", "abandonment_rate", "value_left"]]
       carts  abandoned  abandonment_rate  value_left
    0      2          1               0.5         8.0
    """
    table = histories(events)
    labels = None if by is None else np.arange(24) if by == "hour" else _labels(table, by)
    columns = () if by in (None, "hour") else (by,)
    parts = []
    for block, found in _found(table, cart, order, orders, hours, value, value_of, start, as_of, *columns):
        if by == "hour":
            group = block.ts[found.last] // HOUR_US % 24
        else:
            group = np.zeros(len(found.last), np.int64) if by is None else block[by][found.last].astype(np.int64)
        parts.append((group, found.state, found.value))
    return _rates(parts, by, labels)


def cart_contents(events: Any, *, item: str, cart: Event = "cart", order: Event | None = None, orders: Any = None, hours: float = HOURS,
                  value: str | None = None, start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """What was in the carts that were left, and which things are left more often than others?

    Input columns: as :func:`carts`; the column named by ``item``, e.g. product or category, on each cart event. ``value``: its price.

    One row per thing (unknown: None, last), the one in most abandoned carts first. A cart counts once for each thing in it.

    Output columns: as :func:`cart_abandonment`, of the carts with the thing in it; ``value_left``: of this thing alone.

    Formula: as :func:`cart_abandonment`. A thing put in twice is worth both prices.

    Raises as :func:`carts`.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aabb"), "event": ["cart", "pay", "cart", "cart"], "product": ["tea", None, "tea", "cup"],
    ...                        "ts": pd.to_datetime(["2025-06-18 10:00", "2025-06-18 11:00", "2025-06-18 12:00", "2025-06-18 12:01"])})
    >>> cart_contents(events, item="product", order="pay", as_of="2025-06-20")[["product", "carts", "abandoned"]]
      product  carts  abandoned
    0     cup      1          1
    1     tea      2          1
    """
    table = histories(events)
    labels, parts = _labels(table, item), []
    for block, found in _found(table, cart, order, orders, hours, value, "item", start, as_of, item):
        thing = block[item][found.rows].astype(np.int64)
        keys, where = np.unique(found.cart * (len(labels) + 1) + thing + 1, return_inverse=True)
        price = np.full(len(found.rows), np.nan) if value is None else block[value][found.rows]
        known = np.bincount(where, ~np.isnan(price), minlength=len(keys)) > 0
        worth = np.where(known, np.bincount(where, np.nan_to_num(price), minlength=len(keys)), np.nan)
        parts.append((keys % (len(labels) + 1) - 1, found.state[keys // (len(labels) + 1)], worth))
    return _rates(parts, item, labels)


class _Carts(NamedTuple):
    """The carts of a block: first and last row, cart events, state, value, microseconds to the order; cart rows, and whose cart each is."""

    first: np.ndarray
    last: np.ndarray
    additions: np.ndarray
    state: np.ndarray
    value: np.ndarray
    wait: np.ndarray
    rows: np.ndarray
    cart: np.ndarray


def _found(table: Histories, cart: Event, order: Event | None, orders: Any, hours: float, value: str | None, value_of: ValueOf,
           start: Day | None, as_of: Day | None, *columns: str) -> Iterator[tuple[Block, _Carts]]:
    """Per block its carts; rows after ``as_of`` are not there."""
    if not hours > 0:
        raise ParameterError(f"hours must be more than 0, got {hours}")
    if (order is None) == (orders is None):
        raise ParameterError("name either the event that orders (order) or the table of orders (orders)")
    if value_of not in ("item", "cart"):
        raise ParameterError(f"value_of '{value_of}' is not one; {nearest(value_of, ('item', 'cart'))}")
    low, high = blocks.span_us(start, as_of)
    if as_of is None:
        high = ((table.span() or (0, 0))[1] // blocks.DAY_US + 1) * blocks.DAY_US
    limit = round(hours * HOUR_US)
    read = required_steps(table, [cart] if order is None else [cart, order])
    conditions = set().union(*(step.columns for step in read))
    bought = None if orders is None else _bought(table, orders, as_of)
    for block, _number in blocks.in_units(table, "user", *dict.fromkeys(("event", *columns, *([] if value is None else [value]), *sorted(conditions))),
                                          as_of=as_of):
        if value is not None and block[value].dtype.kind != "f":
            raise InputError(f"{table.name}: column '{value}' holds labels, not numbers")
        match = matches(read, block.columns, len(table.labels("event")))
        rows = np.flatnonzero(match(0))
        if bought is None:
            paid = np.flatnonzero(match(1))
            following, paid_user, paid_ts = np.searchsorted(paid, rows, side="right"), block.user[paid], block.ts[paid]
        else:
            paid_user, paid_ts = bought
            following = _after(block.user[rows], block.ts[rows], paid_user, paid_ts)
        found = _runs(block, rows, following, paid_user, paid_ts, limit, high, None if value is None else block[value], value_of)
        kept = block.ts[found.last] >= low
        if not kept.all():
            mine = kept[found.cart]
            found = _Carts(*(field[kept] for field in found[:6]), found.rows[mine], (np.cumsum(kept) - 1)[found.cart[mine]])
        yield block, found


def _runs(block: Block, rows: np.ndarray, following: np.ndarray, paid_user: np.ndarray, paid_ts: np.ndarray, limit: int, high: int,
          price: np.ndarray | None, value_of: ValueOf) -> _Carts:
    """Cart rows made into carts; ``following``: how many orders, of all, lie before each row, which is the number of the next one."""
    user, ts = block.user[rows], block.ts[rows]
    begins = np.ones(len(rows), bool)
    begins[1:] = (user[1:] != user[:-1]) | (following[1:] != following[:-1]) | (ts[1:] - ts[:-1] > limit)
    first = np.flatnonzero(begins)
    additions = np.diff(np.append(first, len(rows)))
    last = first + additions - 1
    cart = np.repeat(np.arange(len(first)), additions)
    at = following[last]
    there = np.minimum(at, max(len(paid_user) - 1, 0))
    wait = np.full(len(first), np.iinfo(np.int64).max)
    if len(paid_user):
        mine = (at < len(paid_user)) & (paid_user[there] == user[last])
        wait[mine] = paid_ts[there[mine]] - ts[last[mine]]
    state = np.where(wait <= limit, ORDERED, np.where(ts[last] + limit < high, ABANDONED, OPEN))
    worth = np.full(len(first), np.nan)
    if price is not None:
        price = price[rows]
        known = np.flatnonzero(~np.isnan(price))
        if value_of == "cart":
            worth[cart[known]] = price[known]  # the one written last stays
        else:
            valued = np.bincount(cart[known], minlength=len(first)) > 0
            worth = np.where(valued, np.bincount(cart[known], price[known], minlength=len(first)), np.nan)
    return _Carts(rows[first], rows[last], additions, state, worth, wait, rows, cart)


def _bought(table: Histories, orders: Any, as_of: Day | None) -> tuple[np.ndarray, np.ndarray]:
    """User, as this table numbers them, and time of each order, sorted; orders of users without events are left out."""
    sold = histories(orders, "orders")
    place = np.searchsorted(table.users, sold.users) if len(table.users) else np.zeros(len(sold.users), np.int64)
    same = place < len(table.users)
    same[same] = table.users[place[same]] == sold.users[same]
    place = np.where(same, place, -1)
    found = [(place[part.user], part.ts) for part in sales(sold, as_of=as_of)]
    user, ts = (np.concatenate([part[field] for part in found] or [np.empty(0, np.int64)]) for field in (0, 1))
    order = np.lexsort((ts, user))
    order = order[user[order] >= 0]
    return user[order], ts[order]


def _after(user: np.ndarray, ts: np.ndarray, paid_user: np.ndarray, paid_ts: np.ndarray) -> np.ndarray:
    """How many of the sorted orders lie before each of the sorted rows; an order at the very time of a row comes after it."""
    low, high = np.searchsorted(paid_user, user), np.searchsorted(paid_user, user, side="right")
    while (open_ := low < high).any():  # a binary search in each user's own orders
        middle = (low + high) // 2
        before = np.zeros(len(user), bool)
        before[open_] = paid_ts[middle[open_]] < ts[open_]
        low, high = np.where(open_ & before, middle + 1, low), np.where(open_ & ~before, middle, high)
    return low


def _rates(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]], by: str | None, labels: np.ndarray | None) -> pd.DataFrame:
    """(group, state, value) of each cart made into one row a group; group -1 is a missing value."""
    import pandas as pd

    group, state, worth = (np.concatenate([part[field] for part in parts] or [np.empty(0)]) for field in range(3))
    groups, where = np.unique(group.astype(np.int64), return_inverse=True)
    if by is None:
        groups, where = np.zeros(1, np.int64), np.zeros(len(group), np.int64)
    abandoned, still_open, over = (np.bincount(where, mask, minlength=len(groups)).astype(np.int64) for mask in (
        state == ABANDONED, state == OPEN, state != OPEN))
    left = (state == ABANDONED) & ~np.isnan(worth)
    valued = np.bincount(where, left, minlength=len(groups)).astype(np.int64)
    low, high = wilson(abandoned, over)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = abandoned / over
    value_left = np.where(valued > 0, np.bincount(where, np.where(left, worth, 0), minlength=len(groups)), np.nan)
    frame = pd.DataFrame(dict(zip(COLUMNS, (over, still_open, abandoned, rate, low, high, value_left, valued), strict=True)))
    if by is None:
        return frame
    frame.insert(0, by, groups if by == "hour" else pd.Series(np.append(labels, None)[groups], dtype=object))
    order = np.arange(len(groups)) if by == "hour" else np.lexsort((groups, -abandoned, groups < 0))
    return frame.iloc[order].reset_index(drop=True)


def _labels(table: Histories, column: str) -> np.ndarray:
    if column in COLUMNS:
        raise ParameterError(f"'{column}' is also the name of a column of the result; rename the property")
    return np.asarray(table.labels(column), dtype=object)
