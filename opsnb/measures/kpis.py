"""The KPIs of the scorecard: what each is, by the day and over a period.

Every KPI of ``KPIS`` is measured over the last ``days`` days (30 unless told otherwise), ``as_of`` included; the few that need people to
have had time to come back look further back, as their formula says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures.blocks import DAY_US, gap_starts, span_us, starts
from opsnb.measures.intervals import as_day, wilson
from opsnb.measures.purchases import sales
from opsnb.tables.histories import Histories, histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

DAYS = 30
REPEAT_DAYS = 60
CART = "cart"
POSITIVE = ("positive", "正面", "积极")


class Kpi(NamedTuple):
    """What a KPI measures. ``better``: the direction that is good. ``formula`` in words; "the period" is the last 30 days."""

    dimension: Literal["traffic", "conversion", "user", "brand", "finance"]
    unit: str
    better: Literal["up", "down"]
    formula: str


KPIS: dict[str, Kpi] = {
    "visitors": Kpi("traffic", "people", "up", "different users with an event in the period"),
    "daily_visitors": Kpi("traffic", "people a day", "up", "users with an event on a day, mean over the days of the period"),
    "new_users": Kpi("traffic", "people", "up", "users who signed up in the period"),
    "conversion_rate": Kpi("conversion", "share", "up", "visitors of the period who ordered in it / visitors of the period"),
    "cart_rate": Kpi("conversion", "share", "up", "visitors of the period with a cart event in it / visitors of the period"),
    "orders": Kpi("conversion", "orders", "up", "orders placed in the period"),
    "new_customers": Kpi("user", "people", "up", "customers whose first order lies in the period"),
    "repeat_rate": Kpi("user", "share", "up", "customers with another order on a later day, at most 60 days after their first / "
                       "customers whose first order lies 60 to 149 days before as_of"),
    "retention_rate": Kpi("user", "share", "up", "users seen again 1 to 30 days after their first event / "
                          "users whose first event lies 30 to 59 days before as_of"),
    "nps": Kpi("brand", "points, -100 to 100", "up", "100 x (answers of 9 and 10 - answers of 0 to 6) / answers, in the period"),
    "positive_mention_rate": Kpi("brand", "share", "up", "reach of positive mentions / reach of all mentions, in the period"),
    "response_minutes": Kpi("brand", "minutes", "down", "median minutes from a ticket to our first answer, tickets opened in the period"),
    "engagement_rate": Kpi("brand", "share", "up", "likes, comments and shares / reads, of posts published in the period"),
    "gmv": Kpi("finance", "currency", "up", "sum of the amounts of orders placed in the period, refunds not deducted"),
    "aov": Kpi("finance", "currency an order", "up", "gmv / orders of the period"),
    "arpu": Kpi("finance", "currency a visitor", "up", "gmv / visitors"),
    "refund_rate": Kpi("finance", "share", "down", "amount refunded in the period / gmv"),
    "spend": Kpi("finance", "currency", "down", "marketing spend of the period"),
    "cac": Kpi("finance", "currency a customer", "down", "spend / new customers"),
    "roas": Kpi("finance", "ratio", "up", "gmv / spend: all revenue, not only that of paid channels"),
}


def daily_kpis(*, events: Any = None, orders: Any = None, users: Any = None, spend: Any = None, start: Day | None = None,
               as_of: Day | None = None) -> pd.DataFrame:
    """How did the business do on each day?

    Input columns, each table optional, but one of them: events: user_id, ts; orders: user_id, ts, amount, order_id, refund; users: user_id,
    signup_ts; spend: date, cost.

    One row per day, from ``start`` (default: the first day of any table) to ``as_of`` (default: the last), none left out.

    Output columns: ``date``; ``visitors``, different users with an event; ``sessions``, begun that day, cut at 30 idle minutes;
    ``orders``; ``buyers``, different users who ordered; ``gmv``, currency, refunds not deducted; ``refunds``, currency given back;
    ``aov``; ``converted``, visitors who ordered; ``conversion_rate`` with ``low``, ``high``, its 95% interval; ``new_customers``, first
    orders ever; ``new_users``; ``spend``, currency; ``cac``; ``roas``. Null: not measured, i.e. no such table, or a day before its first
    or after its last.

    Formula: aov = gmv / orders; conversion_rate = converted / visitors; cac = spend / new_customers; roas = gmv / spend. Null where the
    denominator is 0.

    Raises NotMeasured when no table has a row in the period.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aab"), "event": "home", "ts": pd.to_datetime(["2025-01-01", "2025-01-01", "2025-01-02"])})
    >>> orders = pd.DataFrame({"user_id": ["a"], "ts": pd.to_datetime(["2025-01-01"]), "amount": [20.0]})
    >>> daily_kpis(events=events, orders=orders, as_of="2025-01-02")[["date", "visitors", "orders", "gmv", "conversion_rate"]]
            date  visitors  orders   gmv  conversion_rate
    0 2025-01-01       1.0     1.0  20.0              1.0
    1 2025-01-02       1.0     NaN   NaN              NaN
    """
    import pandas as pd

    tables = {"events": None if events is None else histories(events), "orders": None if orders is None else histories(orders, "orders"),
              "users": None if users is None else _days(users["signup_ts"]), "spend": None if spend is None else _days(spend["date"])}
    spans = {name: span for name, table in tables.items() if table is not None and (span := _span(table)) is not None}
    low, high = (bound // DAY_US for bound in span_us(start, as_of))
    spans = {name: (max(span[0], low), min(span[1], high - 1)) for name, span in spans.items() if span[0] < high and span[1] >= low}
    if not spans:
        raise NotMeasured("no table has a row in this period")
    first = min(span[0] for span in spans.values()) if start is None else low
    last = max(span[1] for span in spans.values()) if as_of is None else high - 1
    size = last - first + 1
    values: dict[str, np.ndarray] = {}
    if "events" in spans:
        values |= _of_events(tables["events"], tables["orders"] if "orders" in spans else None, first, size)
    if "orders" in spans:
        values |= _of_orders(tables["orders"], first, size)
    if "users" in spans:
        values["new_users"] = _count(tables["users"], first, size)
    if "spend" in spans:
        values["spend"] = _count(tables["spend"], first, size, spend["cost"].to_numpy(float))
    home = {"visitors": "events", "sessions": "events", "converted": "orders", "new_users": "users", "spend": "spend"}
    days = np.arange(first, last + 1)
    names = ("visitors", "sessions", "orders", "buyers", "gmv", "refunds", "converted", "new_customers", "new_users", "spend")
    frame = pd.DataFrame({"date": days.view("datetime64[D]").astype("datetime64[us]")})
    for name in names:
        span = spans.get(home.get(name, "orders"))
        known = (days >= span[0]) & (days <= span[1]) if span else np.zeros(size, bool)
        frame[name] = np.where(known, values.get(name, np.full(size, np.nan)), np.nan)
    frame["converted"] = frame["converted"].where(frame["visitors"].notna())
    frame["low"], frame["high"] = wilson(frame["converted"], frame["visitors"])
    for rate, top, bottom in (("aov", "gmv", "orders"), ("conversion_rate", "converted", "visitors"), ("cac", "spend", "new_customers"),
                              ("roas", "gmv", "spend")):
        frame[rate] = frame[top] / frame[bottom].where(frame[bottom] > 0)
    return frame[["date", "visitors", "sessions", "orders", "buyers", "gmv", "refunds", "aov", "converted", "conversion_rate", "low",
                  "high", "new_customers", "new_users", "spend", "cac", "roas"]]


def _days(column: pd.Series) -> np.ndarray:
    """Days since 1970-01-01 of a column of times; a missing one is far in the past."""
    import pandas as pd

    return pd.to_datetime(column).to_numpy().astype("datetime64[D]").astype(np.int64)


def _span(table: Histories | np.ndarray) -> tuple[int, int] | None:
    if isinstance(table, Histories):
        span = table.span()
        return None if span is None else (span[0] // DAY_US, span[1] // DAY_US)
    known = table[table > -(1 << 40)]
    return (int(known.min()), int(known.max())) if len(known) else None


def _count(days: np.ndarray, first: int, size: int, weights: np.ndarray | None = None) -> np.ndarray:
    inside = (days >= first) & (days < first + size)
    return np.bincount(days[inside] - first, None if weights is None else np.nan_to_num(weights[inside]), minlength=size).astype(float)


def _bought(orders: Histories, events: Histories) -> np.ndarray:
    """(user code of events, day) of every day on which a user ordered, as sorted keys; users without an event are left out."""
    import pandas as pd

    code = pd.Index(events.users, dtype=object).get_indexer(pd.Index(orders.users, dtype=object)).astype(np.int64)
    parts = [code[found.user] << 20 | found.ts // DAY_US for found in sales(orders)]
    keys = np.sort(np.concatenate([np.empty(0, np.int64), *parts]))
    keys = keys[starts(keys)]
    return keys[keys >= 0]


def _of_events(events: Histories, orders: Histories | None, first: int, size: int) -> dict[str, np.ndarray]:
    bought = None if orders is None else _bought(orders, events)
    totals = {name: np.zeros(size) for name in ("visitors", "sessions", "converted")[:2 if bought is None else 3]}
    for block in events.blocks():
        day = block.ts // DAY_US
        visits = np.ones(len(day), bool)
        np.not_equal(day[1:], day[:-1], out=visits[1:])
        visits[1:] |= block.user[1:] != block.user[:-1]
        rows = np.flatnonzero(visits)
        totals["visitors"] += _count(day[rows], first, size)
        totals["sessions"] += _count(day[gap_starts(block.user, block.ts)], first, size)
        if bought is not None and len(bought):
            key = block.user[rows].astype(np.int64) << 20 | day[rows]
            here = bought[np.searchsorted(bought, key[0]):np.searchsorted(bought, key[-1], side="right")]
            at = np.minimum(np.searchsorted(key, here), len(key) - 1)
            totals["converted"] += _count(here[key[at] == here] & ((1 << 20) - 1), first, size)
    return totals


def _of_orders(orders: Histories, first: int, size: int) -> dict[str, np.ndarray]:
    names = ("orders", "buyers", "gmv", "refunds", "new_customers")
    totals = {name: np.zeros(size) for name in names}
    for found in sales(orders):
        day = found.ts // DAY_US
        bought = starts(found.user.astype(np.int64) << 20 | day)
        totals["orders"] += _count(day, first, size)
        totals["buyers"] += _count(day[bought], first, size)
        totals["gmv"] += _count(day, first, size, found.amount)
        totals["refunds"] += _count(found.refund_ts // DAY_US, first, size, found.refund_amount)
        totals["new_customers"] += _count(day[starts(found.user)], first, size)
    return totals


def actuals(*, events: Any = None, orders: Any = None, users: Any = None, spend: Any = None, surveys: Any = None, mentions: Any = None,
            service: Any = None, posts: Any = None, as_of: Day | Iterable[Day], days: int = DAYS, cart: str = CART) -> pd.DataFrame:
    """What was each KPI of ``KPIS`` over the last 30 days, on one day or on several?

    Input columns: those of the codebook, each table optional. ``as_of``: a day or several, each included; ``days``: length of the period;
    ``cart``: name of the event that counts for cart_rate.

    One row per day of ``as_of`` and KPI, in the order of ``KPIS``.

    Output columns: ``as_of``; ``kpi``; ``dimension``; ``unit``; ``better``, up or down; ``value``, null where it is not measured; ``n``,
    the denominator of a share or mean; ``low``, ``high``, 95% interval of shares and nps; ``reason`` why it is not measured, else None.

    Formula: the ``formula`` of each KPI. A total needs a table that covers the whole period: its first row at most 3 days after the first
    day, its last at most 3 before the last; a share needs a denominator above 0. Wilson's interval for shares; nps by its normal
    approximation.

    Raises ParameterError for a period below one day or no day at all.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user_id": list("abb"), "amount": [10.0, 20.0, 30.0],
    ...                        "ts": pd.to_datetime(["2025-01-01", "2025-01-20", "2025-01-30"])})
    >>> found = actuals(orders=orders, as_of="2025-01-30")
    >>> found[found["kpi"].isin(["orders", "aov", "visitors"])][["kpi", "value", "reason"]]
             kpi  value                       reason
    0   visitors    NaN  there is no table of events
    5     orders    3.0                         None
    14       aov   20.0                         None
    """
    import pandas as pd

    several = [as_of] if isinstance(as_of, str) or not isinstance(as_of, Iterable) else list(as_of)
    if days < 1 or not several:
        raise ParameterError(f"days = {days} of {len(several)} days; allowed: 1 or more of each")
    tables = {"events": None if events is None else histories(events), "orders": None if orders is None else histories(orders, "orders"),
              "users": users, "spend": spend, "surveys": surveys, "mentions": mentions, "service": service, "posts": posts}
    rows = []
    for day in several:
        last = int(as_day(day).astype(np.int64))
        found = _measured(tables, last - days + 1, last, cart)
        rows += [{"as_of": pd.Timestamp(as_day(day)), "kpi": name, "dimension": kpi.dimension, "unit": kpi.unit, "better": kpi.better,
                  **found[name]._asdict()} for name, kpi in KPIS.items()]
    frame = pd.DataFrame(rows).astype({"as_of": "datetime64[us]", "reason": object})
    return frame.assign(reason=frame["reason"].where(frame["reason"].notna(), None))


class _Value(NamedTuple):
    value: float = np.nan
    n: float = np.nan
    low: float = np.nan
    high: float = np.nan
    reason: str | None = None


def _unmeasured(why: str) -> _Value:
    return _Value(reason=why)


def _nothing() -> _Value:
    return _unmeasured("there is nothing to divide by in the period")


def _share(part: float, whole: float) -> _Value:
    if not whole > 0:
        return _nothing()
    low, high = wilson(part, whole)
    return _Value(float(part / whole), float(whole), float(low), float(high))


def _per(total: _Value, count: _Value) -> _Value:
    if total.reason or count.reason:
        return _Value(reason=total.reason or count.reason)
    return _Value(total.value / count.value, count.value) if count.value > 0 else _nothing()


SOURCES = {
    "events": ("visitors", "daily_visitors", "cart_rate", "retention_rate", "conversion_rate"),
    "orders": ("orders", "new_customers", "repeat_rate", "gmv", "refund_rate", "conversion_rate"),
    "users": ("new_users",), "spend": ("spend",), "surveys": ("nps",), "mentions": ("positive_mention_rate",),
    "service": ("response_minutes",), "posts": ("engagement_rate",)}


def _measured(tables: dict[str, Any], first: int, last: int, cart: str) -> dict[str, _Value]:
    found: dict[str, _Value] = {}
    events, orders, users, spend = (tables[name] for name in ("events", "orders", "users", "spend"))
    if events is not None:
        counted, visited = _events_over(events, first, last, cart)
        found |= counted
    if orders is not None:
        found |= _orders_over(orders, first, last)
        if events is not None:
            found["conversion_rate"] = _converted(orders, events, visited, first, last, found["visitors"], found["orders"])
    if users is not None:
        found["new_users"] = _total("users", _days(users["signup_ts"]), first, last)
    if spend is not None:
        found["spend"] = _total("spend", _days(spend["date"]), first, last, spend["cost"].to_numpy(float))
    found |= _brand(tables, first, last)
    for table, names in SOURCES.items():
        if tables[table] is None:
            found |= {kpi: _unmeasured(f"there is no table of {table}") for kpi in names}
    found["aov"] = _per(found["gmv"], found["orders"])
    found["arpu"] = _per(found["gmv"], found["visitors"])
    found["cac"] = _per(found["spend"], found["new_customers"])
    found["roas"] = _per(found["gmv"], found["spend"])
    return found


def _covered(span: tuple[int, int] | None, first: int, last: int, name: str) -> _Value | None:
    """Why a table does not cover the period, or None where it does."""
    if span is None or span[1] < first or span[0] > last:
        return _unmeasured(f"the table of {name} has nothing in the period")
    if span[0] > first + 3 or span[1] < last - 3:
        begin, end = np.datetime64(span[0], "D"), np.datetime64(span[1], "D")
        return _unmeasured(f"the table of {name} covers {begin} to {end}, not the whole period")
    return None


def _total(name: str, days: np.ndarray, first: int, last: int, weights: np.ndarray | None = None) -> _Value:
    return _covered(_span(days), first, last, name) or _Value(float(_count(days, first, last - first + 1, weights).sum()))


def _events_over(events: Histories, first: int, last: int, cart: str) -> tuple[dict[str, _Value], np.ndarray]:
    """KPIs of events, and which users visited. Retention looks back at those who came first 30 to 59 days before the last day."""
    code = int(np.append(np.flatnonzero(events.labels("event") == cart), -2)[0])
    visited, carted = np.zeros(len(events.users), bool), np.zeros(len(events.users), bool)
    days = new = back = 0
    for block in events.blocks("event"):
        day = block.ts // DAY_US
        rows = np.flatnonzero((day >= first) & (day <= last))
        visited[block.user[rows]] = True
        carted[block.user[rows][block["event"][rows] == code]] = True
        days += len(starts(block.user[rows].astype(np.int64) << 20 | day[rows]))
        fresh, again = _returned(block.user, day, (last - 59, last - 30), 30)
        new += fresh
        back += again
    span, people = _span(events), float(visited.sum())
    gap = _covered(span, first, last, "events")
    return {
        "visitors": gap or _Value(people), "daily_visitors": gap or _Value(days / (last - first + 1)),
        "cart_rate": _unmeasured(f"no event is named {cart}") if code < 0 else _share(float(carted.sum()), people),
        "retention_rate": _covered(span, last - 59, last, "events") or _share(back, new)}, visited


def _returned(user: np.ndarray, day: np.ndarray, came: tuple[int, int], within: int) -> tuple[int, int]:
    """Users whose first day lies in ``came``, and those of them who have another day at most ``within`` later."""
    begins = starts(user)
    if not len(begins):
        return 0, 0
    age = day - np.repeat(day[begins], np.diff(np.append(begins, len(day))))
    again = np.logical_or.reduceat((age >= 1) & (age <= within), begins)
    fresh = (day[begins] >= came[0]) & (day[begins] <= came[1])
    return int(fresh.sum()), int((again & fresh).sum())


def _orders_over(orders: Histories, first: int, last: int) -> dict[str, _Value]:
    count = new = old = repeated = 0
    gmv = refunds = 0.0
    for found in sales(orders, as_of=np.datetime64(last, "D")):
        day = found.ts // DAY_US
        count += int((day >= first).sum())
        gmv += float(found.amount[day >= first].sum())
        refunds += float(found.refund_amount[found.refund_ts // DAY_US >= first].sum())
        new += int((day[starts(found.user)] >= first).sum())
        ripe, again = _returned(found.user, day, (last - 149, last - REPEAT_DAYS), REPEAT_DAYS)
        old += ripe
        repeated += again
    gap = _covered(_span(orders), first, last, "orders")
    return {"orders": gap or _Value(float(count)), "new_customers": gap or _Value(float(new)), "gmv": gap or _Value(gmv),
            "refund_rate": gap or _per(_Value(refunds), _Value(gmv)), "repeat_rate": _share(repeated, old)}


def _converted(orders: Histories, events: Histories, visited: np.ndarray, first: int, last: int, *needs: _Value) -> _Value:
    import pandas as pd

    if reason := next((need.reason for need in needs if need.reason), None):
        return _Value(reason=reason)
    bought = np.zeros(len(orders.users), bool)
    for found in sales(orders, as_of=np.datetime64(last, "D")):
        bought[found.user[found.ts // DAY_US >= first]] = True
    code = pd.Index(events.users, dtype=object).get_indexer(pd.Index(orders.users[bought], dtype=object))
    return _share(float(visited[code[code >= 0]].sum()), float(visited.sum()))


def _brand(tables: dict[str, Any], first: int, last: int) -> dict[str, _Value]:
    import pandas as pd

    def within(name: str, column: str) -> pd.DataFrame | None:
        table = tables[name]
        return None if table is None else table[(_days(table[column]) >= first) & (_days(table[column]) <= last)]

    found: dict[str, _Value] = {}
    if (surveys := within("surveys", "date")) is not None:
        score = surveys["score"].dropna()
        votes = 100.0 * ((score >= 9).astype(float) - (score <= 6))
        half = 1.96 * np.sqrt(votes.var(ddof=0) / max(len(votes), 1))
        found["nps"] = _Value(votes.mean(), float(len(votes)), votes.mean() - half, votes.mean() + half) if len(votes) else _nothing()
    if (mentions := within("mentions", "date")) is not None:
        reach = mentions["reach"].fillna(0.0) if "reach" in mentions.columns else pd.Series(1.0, mentions.index)
        good = mentions["sentiment"].astype(str).str.casefold().isin(POSITIVE)
        found["positive_mention_rate"] = _per(_Value(float(reach[good].sum())), _Value(float(reach.sum())))
    if (service := within("service", "opened_at")) is not None:
        answered = service["first_response_at"] if "first_response_at" in service.columns else pd.Series(pd.NaT, service.index)
        minutes = ((pd.to_datetime(answered) - pd.to_datetime(service["opened_at"])).dt.total_seconds() / 60).dropna()
        found["response_minutes"] = _Value(float(minutes.median()), float(len(minutes))) if len(minutes) else _nothing()
    if (posts := within("posts", "published_at")) is not None:
        acts = sum(float(posts[column].sum()) for column in ("likes", "comments", "shares") if column in posts.columns)
        reads = float(posts["reads"].sum()) if "reads" in posts.columns else 0.0
        found["engagement_rate"] = _per(_Value(acts), _Value(reads))
    return found
