"""The plan's life cycle: awareness, interest, purchase, loyalty; who stands where, and who has moved since.

A stage is what a user did in the last ``window_days`` days, the furthest thing of all:

- **loyalty**: ordered, and had ordered on an earlier day before;
- **purchase**: ordered for the first time;
- **interest**: did one of the ``interest`` events; by default any event but the one with which most users' histories begin;
- **awareness**: was seen, or signed up;
- **asleep**: none of it, but known from before.

So users move forward and back: a customer of last year who only looks around is interested, again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, MissingTable, NotMeasured, ParameterError, nearest
from opsnb.measures.blocks import DAY_US, starts
from opsnb.measures.intervals import as_day, wilson
from opsnb.measures.purchases import last_day, sales
from opsnb.tables.histories import Histories, histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

STAGES = ("awareness", "interest", "purchase", "loyalty", "asleep")
NEWCOMER = "newcomer"  # in place of a stage for those whom nobody knew yet
WINDOW_DAYS = 90


def stages(events: Any = None, orders: Any = None, users: Any = None, *, interest: Sequence[str] | None = None,
           window_days: int = WINDOW_DAYS, as_of: Day | None = None) -> pd.DataFrame:
    """In which stage of the plan's life cycle is each user?

    Input columns, of the tables that there are: events: user_id, ts, event; orders: user_id, ts, amount; users: user_id, signup_ts.

    One row per user known at ``as_of`` (default: the last day of events, else of orders, else of the signups), by user_id; so users who
    signed up and never came are counted, too.

    Output columns: ``user_id``; ``stage``, as the module says. Without events there is no interest, without orders neither purchase nor
    loyalty.

    Raises MissingTable without any table, InputError for an event that does not occur, ParameterError for window_days below 1,
    NotMeasured where nobody is known yet, or where only one kind of event exists, which cannot tell interest from awareness.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aabc"), "event": ["home", "product", "home", "home"], "ts": pd.to_datetime(["2025-06-01"] * 4)})
    >>> orders = pd.DataFrame({"user_id": ["c"], "amount": [9.0], "ts": pd.to_datetime(["2025-06-01"])})
    >>> stages(events, orders)["stage"].tolist()
    ['interest', 'awareness', 'purchase']
    """
    import pandas as pd

    if window_days < 1:
        raise ParameterError(f"window_days = {window_days}; allowed: 1 or more")
    if events is None and orders is None and users is None:
        raise MissingTable("events", ("user_id", "ts", "event"))
    events = None if events is None else histories(events)
    orders = None if orders is None else histories(orders, "orders")
    for column in ("user_id", "signup_ts") if users is not None else ():
        if column not in users.columns:
            raise InputError(f"users: no column '{column}'; {nearest(column, users.columns)}")
    last = _last(events, orders, users, as_of)
    seen = {"seen": [], "looked": [], "ordered": [], "again": []}  # pairs of user ids and days
    if events is not None and len(events):
        codes = _interest(events, interest)
        for name, wanted in (("seen", None), ("looked", codes)):
            seen[name].append(_last_days(events, wanted, last))
    if orders is not None and len(orders):
        ids, day, again = _orders(orders, last)
        seen["ordered"].append((ids, day))
        seen["again"].append((ids[again], day[again]))
        seen["seen"].append((ids, day))
    if users is not None:
        seen["seen"].append(_signups(users, last))
    known = pd.Index(np.concatenate([ids for ids, _ in seen["seen"]] or [np.empty(0, object)]), dtype=object).unique().sort_values()
    if not len(known):
        raise NotMeasured("no user is known yet on this day")
    since = last - window_days + 1
    recent = {name: _is_recent(known, pairs, since) for name, pairs in seen.items()}
    stage = np.select([recent["again"], recent["ordered"], recent["looked"], recent["seen"]], ["loyalty", "purchase", "interest", "awareness"],
                      "asleep").astype(object)
    return pd.DataFrame({"user_id": known.to_numpy(), "stage": stage})


def stage_flows(events: Any = None, orders: Any = None, users: Any = None, *, start: Day, interest: Sequence[str] | None = None,
                window_days: int = WINDOW_DAYS, as_of: Day | None = None) -> pd.DataFrame:
    """How many users have moved into and out of each stage between two days, and how many have gone further?

    Input: as :func:`stages`; ``start``: the day that is compared with ``as_of``. One row per stage.

    Output columns: ``stage``; ``users_before``, on the day ``start``; ``came_in`` by as_of, of whom ``newcomers`` whom nobody knew at start;
    ``went_out``, of whom ``fell_asleep``; ``net`` = came_in - went_out; ``users`` at as_of = users_before + net; ``advanced``: of users_before
    those in a later stage at as_of (from asleep: in any), null for loyalty; ``advance_rate``, 0 to 1; ``low``, ``high``: 95% interval.

    Formula: advance_rate = advanced / users_before; Wilson. Both days are judged by the same window.

    Raises ParameterError where start is not before as_of; else as :func:`stages`.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("abb"), "event": ["home", "home", "product"],
    ...                        "ts": pd.to_datetime(["2025-05-01", "2025-05-02", "2025-06-01"])})
    >>> stage_flows(events, start="2025-05-31")[["stage", "users_before", "came_in", "went_out", "users", "advanced"]]
           stage  users_before  came_in  went_out  users  advanced
    0  awareness             2        0         1      1       1.0
    1   interest             0        1         0      1       0.0
    2     asleep             0        0         0      0       0.0
    """
    import pandas as pd

    moves = stage_moves(events, orders, users, start=start, interest=interest, window_days=window_days, as_of=as_of)
    shown = [stage for stage in STAGES if not (stage == "interest" and events is None) and not (stage in ("purchase", "loyalty") and orders is None)]
    place = {stage: number for number, stage in enumerate(STAGES)}
    rows = []
    for stage in shown:
        before, now = moves[moves["stage_before"] == stage], moves[moves["stage"] == stage]
        left, came = before[before["stage"] != stage], now[now["stage_before"] != stage]
        further = left["stage"].map(place) > (-1 if stage == "asleep" else place[stage])
        rows.append({"stage": stage, "users_before": before["users"].sum(), "came_in": came["users"].sum(),
                     "newcomers": came.loc[came["stage_before"] == NEWCOMER, "users"].sum(), "went_out": left["users"].sum(),
                     "fell_asleep": left.loc[left["stage"] == "asleep", "users"].sum(), "users": now["users"].sum(),
                     "advanced": np.nan if stage == "loyalty" else left.loc[further & (left["stage"] != "asleep"), "users"].sum()})
    frame = pd.DataFrame(rows).astype({"advanced": float})
    frame.insert(6, "net", frame["came_in"] - frame["went_out"])
    people = frame["users_before"].where(frame["users_before"] > 0)
    frame["advance_rate"] = frame["advanced"] / people
    frame["low"], frame["high"] = wilson(frame["advanced"].where(people.notna()), frame["users_before"])
    return frame


def stage_moves(events: Any = None, orders: Any = None, users: Any = None, *, start: Day, interest: Sequence[str] | None = None,
                window_days: int = WINDOW_DAYS, as_of: Day | None = None) -> pd.DataFrame:
    """From which stage to which have users moved between two days?

    Input: as :func:`stage_flows`. One row per pair of stages that occurs, those who stayed included.

    Output columns: ``stage_before`` on the day ``start`` ("newcomer": not known yet); ``stage`` at ``as_of``; ``users``.

    Raises as :func:`stage_flows`.
    """

    events = None if events is None else histories(events)
    orders = None if orders is None else histories(orders, "orders")
    if events is None and orders is None and users is None:
        raise MissingTable("events", ("user_id", "ts", "event"))
    last = _last(events, orders, users, as_of)
    day = as_day(start)
    if day.astype(np.int64) >= last:
        raise ParameterError(f"start {start} is not before as_of {np.datetime64(last, 'D')}")
    if interest is None and events is not None and len(events):
        interest = [events.labels("event")[code] for code in _interest(events, None)]
    asked = {"interest": interest, "window_days": window_days}
    now = stages(events, orders, users, as_of=np.datetime64(last, "D"), **asked)
    try:
        before = stages(events, orders, users, as_of=day, **asked)
    except NotMeasured:  # nobody was known on that day
        before = now.head(0)
    both = now.merge(before, on="user_id", how="left", suffixes=("", "_before"))
    both["stage_before"] = both["stage_before"].astype(object).where(both["stage_before"].notna(), NEWCOMER)
    found = both.groupby(["stage_before", "stage"], as_index=False).size().rename(columns={"size": "users"})
    order = {stage: number for number, stage in enumerate((NEWCOMER, *STAGES))}
    return found.sort_values(["stage_before", "stage"], key=lambda column: column.map(order), ignore_index=True)


def _last(events: Histories | None, orders: Histories | None, users: pd.DataFrame | None, as_of: Day | None) -> int:
    """``as_of``, else the last day of the first table that has rows."""
    import pandas as pd

    if as_of is not None:
        return int(as_day(as_of).astype(np.int64))
    for table in (events, orders):
        if table is not None and len(table):
            return last_day(table)
    signups = pd.to_datetime(users["signup_ts"]).dropna() if users is not None else ()
    if not len(signups):
        raise NotMeasured("no user is known yet on this day")
    return int(signups.max().to_datetime64().astype("datetime64[D]").astype(np.int64))


def _interest(events: Histories, interest: Sequence[str] | None) -> np.ndarray:
    """Codes of the events that show interest."""
    if interest is not None:
        return events.codes("event", interest)
    labels = events.labels("event")
    begun = np.zeros(len(labels) + 1, np.int64)
    for block in events.blocks("event"):
        begun += np.bincount(block["event"][block.starts] % len(begun), minlength=len(begun))  # the last: missing
    if len(labels) < 2:
        raise NotMeasured("the events are of one kind: they cannot tell interest from awareness")
    return np.delete(np.arange(len(labels)), begun[:-1].argmax())


def _last_days(events: Histories, codes: np.ndarray | None, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids and last day, up to ``last``, of the users with one of these events."""
    users, days = [], []
    wanted = np.zeros(len(events.labels("event")) + 1, bool) if codes is not None else None
    if wanted is not None:
        wanted[codes] = True
    for block in events.blocks(*(() if wanted is None else ("event",))):
        kept = block.ts < (last + 1) * DAY_US
        if wanted is not None:
            kept &= wanted[block["event"]]
        row = np.flatnonzero(kept)
        if len(row):
            row = row[np.append(starts(block.user[row])[1:], len(row)) - 1]
            users.append(block.user[row])
            days.append(block.ts[row] // DAY_US)
    if not users:
        return np.empty(0, object), np.empty(0, np.int64)
    return np.asarray(events.users, object)[np.concatenate(users)], np.concatenate(days)


def _orders(orders: Histories, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids, last day with an order up to ``last``, and whether there was an earlier one."""
    users, days, again = [np.empty(0, np.int32)], [np.empty(0, np.int64)], [np.empty(0, bool)]
    for found in sales(orders, as_of=np.datetime64(last, "D")):
        first, day = starts(found.user), found.ts // DAY_US
        final = np.append(first[1:], len(day)) - 1 if len(first) else first
        users.append(found.user[first])
        days.append(day[final])
        again.append(day[final] > day[first])
    return np.asarray(orders.users, object)[np.concatenate(users)], np.concatenate(days), np.concatenate(again)


def _signups(users: pd.DataFrame, last: int) -> tuple[np.ndarray, np.ndarray]:
    import pandas as pd

    signed = pd.to_datetime(users["signup_ts"])
    day = signed.to_numpy().astype("datetime64[D]").astype(np.int64)
    kept = (signed.notna() & users["user_id"].notna()).to_numpy() & (day <= last)
    return users["user_id"][kept].astype(str).to_numpy(object), day[kept]


def _is_recent(known: pd.Index, pairs: Sequence[tuple[np.ndarray, np.ndarray]], since: int) -> np.ndarray:
    """Per known user: is one of the days not before ``since``."""
    recent = np.zeros(len(known), bool)
    for ids, day in pairs:
        recent[known.get_indexer(ids[day >= since])] = True
    return recent
