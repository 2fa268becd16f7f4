"""How customers behave besides what they pay: when they come, how often, with what, what they look at, and whether they wait for coupons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures.blocks import DAY_US, in_units, starts
from opsnb.measures.purchases import sales
from opsnb.tables.histories import Block, Histories, histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

PARTS_OF_DAY = ("night_share", "morning_share", "afternoon_share", "evening_share")  # from 0, 6, 12 and 18 o'clock
PART_US = DAY_US // len(PARTS_OF_DAY)
LABELS = ("page", "device")
MOST_LABELS = 6


def behaviour(events: Any, orders: Any = None, *, as_of: Day | None = None, labels: Sequence[str] = LABELS,
              most_labels: int = MOST_LABELS) -> pd.DataFrame:
    """What is typical of each visitor: rhythm, hours, depth of visits, what they look at and with which device, discounts.

    Input columns: events: user_id, ts, event; session_id and the ``labels``, as far as they are there. ``orders``: user_id, ts, amount;
    order_id, refund and discount where there are. Of each label column the ``most_labels`` most frequent values get a column each.

    One row per user with a visit up to ``as_of`` (default: all of the table), by user_id.

    Output columns: ``user_id``; ``visits``; ``days_between_visits``, mean, null for one visit; ``events_per_visit``, mean;
    ``night_share``, ``morning_share``, ``afternoon_share``, ``evening_share``: of the visits, those begun from 0, 6, 12 and 18 o'clock on;
    ``weekend_share`` of the visits; ``page=skincare``, ``device=ios`` and the like: of the user's rows with a page or device, those with
    this one, null without any. With orders also ``orders``; ``visits_per_order``, null without an order; ``discount_share``: of the orders,
    those with a discount, null without an order, absent without a discount column. Shares are 0 to 1.

    Formula: a visit is a session_id, or, without one, rows at most 30 minutes apart; it belongs to the day and hour of its first row.

    Raises NotMeasured where nobody came, InputError for a missing column, ParameterError for ``most_labels`` below 1.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": ["a", "a", "a"], "event": "home", "page": ["shoes", "hats", None],
    ...                        "ts": pd.to_datetime(["2025-03-01 09:00", "2025-03-01 09:05", "2025-03-11 09:00"])})
    >>> behaviour(events)[["visits", "days_between_visits", "morning_share", "page=shoes"]].iloc[0].tolist()
    [2.0, 10.0, 1.0, 0.5]
    """
    import pandas as pd

    if most_labels < 1:
        raise ParameterError(f"most_labels = {most_labels}; allowed: 1 or more")
    table = histories(events, "events")
    shown = {column: _frequent(table, column, most_labels) for column in labels if column in table and not table.is_number(column)}
    parts = [_of_block(block, visit, shown) for block, visit in in_units(table, "session", "event", *shown, as_of=as_of) if len(block)]
    if not parts:
        raise NotMeasured("there are no visits in this period")
    sums = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    user, visits, rows = sums.pop("user"), sums.pop("visits"), sums.pop("rows")
    span = (sums.pop("last") - sums.pop("first")) / DAY_US
    with np.errstate(divide="ignore", invalid="ignore"):
        frame = {"user_id": table.users[user], "visits": visits, "days_between_visits": np.where(visits > 1, span / (visits - 1), np.nan),
                 "events_per_visit": rows / visits,
                 **{name: sums.pop(name) / visits for name in (*PARTS_OF_DAY, "weekend_share")}}
        for column, codes in shown.items():
            known = sums.pop(column)
            for code in codes:
                frame[f"{column}={table.labels(column)[code]}"] = sums.pop(f"{column}={code}") / known
    if orders is not None:
        frame |= _of_orders(histories(orders, "orders"), table.users[user], visits, as_of)
    return pd.DataFrame(frame)


def _frequent(table: Histories, column: str, most: int) -> np.ndarray:
    """The codes of the most frequent labels, the most frequent first."""
    count = np.zeros(len(table.labels(column)) + 1, np.int64)  # the last place is for missing ones
    for block in table.blocks(column):
        count += np.bincount(block[column].astype(np.int64) % len(count), minlength=len(count))
    codes = np.argsort(-count[:-1], kind="stable")[:most]
    return codes[count[codes] > 0]


def _of_block(block: Block, visit: np.ndarray, shown: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Sums per user of the block. ``first`` and ``last``: when the first and the last visit began, microseconds."""
    opens = starts(visit)
    begun = block.ts[opens]
    by_user = starts(block.user[opens])
    whose = np.repeat(np.arange(len(by_user)), np.diff(np.append(by_user, len(opens))))

    def count(of: np.ndarray) -> np.ndarray:
        return np.bincount(of, minlength=len(by_user))

    day, part = begun // DAY_US, begun % DAY_US // PART_US
    found = {"user": block.user[opens][by_user], "visits": count(whose), "first": np.minimum.reduceat(begun, by_user),
             "last": np.maximum.reduceat(begun, by_user), "weekend_share": count(whose[(day + 3) % 7 >= 5]),  # 1970-01-01 was a Thursday
             **{name: count(whose[part == place]) for place, name in enumerate(PARTS_OF_DAY)}}
    row_of = np.repeat(whose, np.diff(np.append(opens, len(block))))
    found["rows"] = count(row_of)
    for column, codes in shown.items():
        found[column] = count(row_of[block[column] >= 0])
        for code in codes:
            found[f"{column}={code}"] = count(row_of[block[column] == code])
    return found


def _of_orders(orders: Histories, users: np.ndarray, visits: np.ndarray, as_of: Day | None) -> dict[str, np.ndarray]:
    """Orders of each of these users, how many visits one takes them, and how often they have a discount."""
    import pandas as pd

    place = pd.Index(users, dtype=object).get_indexer(pd.Index(orders.users, dtype=object))  # -1: bought without a visit
    extra = ("discount",) if "discount" in orders and orders.is_number("discount") else ()
    count, cheaper = np.zeros(len(users) + 1), np.zeros(len(users) + 1)  # the last place is for those
    for found in sales(orders, *extra, as_of=as_of):
        at = place[found.user]
        count += np.bincount(at % len(count), minlength=len(count))
        if extra:
            cheaper += np.bincount(at[found.block["discount"][found.row] > 0] % len(count), minlength=len(count))
    bought = count[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {"orders": bought.astype(np.int64), "visits_per_order": np.where(bought > 0, visits / bought, np.nan)}
        return columns | ({"discount_share": cheaper[:-1] / bought} if extra else {})
