"""Who orders again: the repeat purchase rate, and the channel whose customers stopped coming back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures.blocks import DAY_US, starts
from opsnb.measures.intervals import benjamini_hochberg, wilson
from opsnb.measures.purchases import last_day, sales
from opsnb.tables.histories import Histories, histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

REPEAT_DAYS = 60
CERTAIN = 0.001  # corrected p below which a break is named
FAR_LESS = -0.25  # relative change from which "far less" is said
FEWEST = 30  # customers on either side of a break
NEARBY = 30  # days over which the others' level is averaged
SEEN_DAYS = 14  # a customer younger than this has had no time to come back
LEVELS = np.exp(np.linspace(np.log(0.05), np.log(4), 80))  # of a channel against the others


class _Firsts(NamedTuple):
    """One entry per customer: code in orders, value of ``by`` (index; the last one: missing), days of acquisition and first order, days
    from that to the next day with an order (-1: none), number of such later days."""

    user: np.ndarray
    group: np.ndarray
    acquired: np.ndarray
    first: np.ndarray
    again: np.ndarray
    later: np.ndarray


def _firsts(orders: Histories, users: Any, by: str | None, last: int) -> tuple[_Firsts, np.ndarray]:
    """First orders up to day ``last``, and the values of ``by``: of the users table where it has that column, else of the first order."""
    from_users = users is not None and by is not None and by in users.columns
    if by is not None and not from_users:
        orders.require(by)
    parts: list[tuple[np.ndarray, ...]] = []
    for found in sales(orders, *(() if by is None or from_users else (by,)), as_of=np.datetime64(last, "D")):
        first, day = starts(found.user), found.ts // DAY_US
        who = np.cumsum(np.diff(found.user, prepend=-1) != 0) - 1
        later = starts(who << 20 | day)
        later = later[day[later] > day[first][who[later]]]
        again, count = np.full(len(first), -1), np.bincount(who[later], minlength=len(first))
        soonest = later[starts(who[later])]
        again[who[soonest]] = day[soonest] - day[first[who[soonest]]]
        group = np.zeros(len(first), np.int64) if by is None or from_users else found.block[by][found.row[first]].astype(np.int64)
        parts.append((found.user[first], group, day[first], again, count))
    if not parts or not sum(len(part[0]) for part in parts):
        raise NotMeasured("there are no orders in this period")
    user, group, day, again, count = (np.concatenate(column) for column in zip(*parts, strict=True))
    values = np.array([None], object) if by is None or from_users else np.append(orders.labels(by), None)
    acquired = day
    if users is not None:
        import pandas as pd

        known = users.drop_duplicates("user_id").set_index(users.drop_duplicates("user_id")["user_id"].astype(str))
        signup = pd.to_datetime(known["signup_ts"]).reindex(orders.users[user]).to_numpy().astype("datetime64[D]").astype(np.int64)
        acquired = np.where((signup > 0) & (signup <= day), signup, day)
        if from_users:
            codes, labels = pd.factorize(known[by].reindex(orders.users[user]), sort=True)
            group, values = codes.astype(np.int64), np.append(np.asarray(labels, object), None)
    return _Firsts(user, np.where(group < 0, len(values) - 1, group), acquired, day, again, count), values


def repeat_rate(orders: Any, *, within_days: int = REPEAT_DAYS, by: str | None = None, users: Any = None,
                as_of: Day | None = None) -> pd.DataFrame:
    """What share of customers orders again in time, by the month of their first order.

    Input columns: user_id, ts, amount; order_id and refund where there are; ``by``, e.g. channel, of the ``users`` frame (user_id,
    signup_ts, channel) if one is given that has it, else of the first order.

    One row per [value of by and] month of the first order.

    Output columns: ``[by]`` (missing: None); ``cohort``, first day of the month; ``customers`` whose first order is at least
    ``within_days`` days old at ``as_of``; ``waiting``, those whose time is not up; ``repeated``; ``repeat_rate``, 0 to 1; ``low``,
    ``high``: 95% interval. Null where nobody's time is up.

    Formula: repeat_rate = repeated / customers; repeated: another order on a later day, at most within_days after the first. Refunds
    do not undo an order. Wilson's interval.

    Raises NotMeasured without an order, InputError for a missing column, ParameterError for within_days below 1.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user_id": list("aabc"), "amount": 9.0,
    ...                        "ts": pd.to_datetime(["2025-01-05", "2025-02-01", "2025-01-09", "2025-03-01"])})
    >>> repeat_rate(orders, as_of="2025-03-31")[["cohort", "customers", "waiting", "repeated", "repeat_rate"]]
          cohort  customers  waiting  repeated  repeat_rate
    0 2025-01-01          2        0       1.0          0.5
    1 2025-03-01          0        1       NaN          NaN
    """
    import pandas as pd

    if within_days < 1:
        raise ParameterError(f"within_days = {within_days}; allowed: 1 or more")
    table = histories(orders, "orders")
    last = last_day(table, as_of)
    firsts, values = _firsts(table, users, by, last)
    month = firsts.first.view("datetime64[D]").astype("datetime64[M]").astype("datetime64[us]")
    frame = pd.DataFrame({"group": firsts.group, "cohort": month, "customers": firsts.first + within_days <= last})
    frame["waiting"] = ~frame["customers"]
    frame["repeated"] = frame["customers"] & (firsts.again >= 0) & (firsts.again <= within_days)
    rates = frame.groupby(["group", "cohort"], as_index=False).sum()
    rates["repeated"] = rates["repeated"].where(rates["customers"] > 0)
    rates["repeat_rate"] = rates["repeated"] / rates["customers"].where(rates["customers"] > 0)
    rates["low"], rates["high"] = wilson(rates["repeated"], rates["customers"])
    group = rates.pop("group").to_numpy()
    if by is not None:
        rates.insert(0, by, pd.Series(values[group], dtype=object))
    return rates


def repeat_breaks(orders: Any, users: Any = None, *, events: Any = None, by: str = "channel", within_days: int = REPEAT_DAYS,
                  as_of: Day | None = None) -> pd.DataFrame:
    """Whose new customers stopped coming back, and from which day of acquisition on?

    Input columns: orders: user_id, ts, amount; ``users``: user_id, signup_ts and ``by`` (acquisition channel), without it the day and the
    channel are those of the first order; ``events``: user_id, ts, where there are: visits date a break closer than orders do.

    One row per value of ``by`` whose customers acquired from some day on come back far less, most customers lost first; none where there
    is no such day.

    Output columns: ``by``'s own name; ``since``, first day of acquisition concerned; ``since_low``, ``since_high``, its 95% range;
    ``customers_before``, ``rate_before``, ``customers_after``, ``rate_after``: acquired before and since, and their repeat rate; ``low``,
    ``high``: 95% interval of rate_after; ``expected_rate``; ``relative_change`` of the repeat rate; ``level_change`` of the response;
    ``lost``, customers who should have ordered again; ``statistic``; ``p_value``, corrected for the number of values.

    Formula: a customer's response is the number of later days with a visit (an order, without events) up to ``as_of``, negative binomial
    around the mean of the other values' customers who first ordered within 30 days of the same day, so that neither a weak season nor a
    short time to come back is a break. Statistic: twice the log-likelihood ratio of "a lower level for those acquired since that day"
    against "one level", the largest over all days with 30 customers on both sides; its p-value after Miller and Siegmund, Biometrics 38
    (1982) 1011. The rates are :func:`repeat_rate`'s; expected_rate = rate_before x the others' rate since / their rate before;
    relative_change = rate_after / expected_rate - 1. Named where p < .001, the level fell by 25% or more, and the repeat rate fell, too.

    Raises NotMeasured with fewer than 60 customers whose time is up, else as :func:`repeat_rate`.
    """
    import pandas as pd

    table = histories(orders, "orders")
    last = last_day(table, as_of)
    firsts, values = _firsts(table, users, by, last)
    ripe = firsts.first + within_days <= last
    if ripe.sum() < 2 * FEWEST:
        raise NotMeasured(f"{int(ripe.sum())} customers have had {within_days} days to order again; at least {2 * FEWEST} are needed")
    response = firsts.later if events is None else _visits_after(histories(events), table, firsts, last)
    new = firsts.acquired >= table.span()[0] // DAY_US  # of those acquired before the table begins, it may not have the first order
    ripe, seen = ripe & new, new & (firsts.first + SEEN_DAYS <= last)
    again = (firsts.again >= 0) & (firsts.again <= within_days)
    found = []
    for number, value in enumerate(values[:-1]):
        own = firsts.group == number
        drop = _drop(firsts.acquired[seen & own], *_against(response[seen], firsts.first[seen], own[seen]))
        if drop is None:
            continue
        before = firsts.acquired < drop["since"]
        counts = [(int(part.sum()), float(again[part].mean()) if part.any() else np.nan)
                  for part in (ripe & own & before, ripe & own & ~before, ripe & ~own & before, ripe & ~own & ~before)]
        (was, rate_before), (came, rate_after), (_, others_before), (_, others_after) = counts
        expected = min(rate_before * others_after / others_before, 1.0) if others_before > 0 else np.nan
        found.append({by: value, **drop, "customers_before": was, "rate_before": rate_before, "customers_after": came,
                      "rate_after": rate_after, "expected_rate": expected,
                      "relative_change": rate_after / expected - 1 if expected > 0 else np.nan,
                      "lost": came * (expected - rate_after)})
    columns = [by, "since", "since_low", "since_high", "customers_before", "rate_before", "customers_after", "rate_after", "low", "high",
               "expected_rate", "relative_change", "level_change", "lost", "statistic", "p_value"]
    if not found:
        return pd.DataFrame(columns=columns)
    frame = pd.DataFrame(found)
    frame["p_value"] = benjamini_hochberg(frame["p_value"])
    frame["low"], frame["high"] = wilson(frame["rate_after"] * frame["customers_after"], frame["customers_after"])
    for column in ("since", "since_low", "since_high"):
        frame[column] = frame[column].to_numpy().astype("datetime64[D]").astype("datetime64[us]")
    less = (frame["level_change"] <= FAR_LESS) & (frame["relative_change"] < 0)
    named = frame[(frame["p_value"] < CERTAIN) & less & (frame["customers_after"] >= FEWEST)]
    return named.sort_values("lost", ascending=False, kind="stable", ignore_index=True)[columns]


def _visits_after(events: Histories, orders: Histories, firsts: _Firsts, last: int) -> np.ndarray:
    """Per customer, the days with an event after the day of the first order, up to day ``last``."""
    import pandas as pd

    customer = pd.Index(orders.users[firsts.user], dtype=object).get_indexer(pd.Index(events.users, dtype=object))  # -1: a user who never ordered
    since = np.append(firsts.first, 1 << 40)
    days = np.zeros(len(firsts.user), np.int64)
    for block in events.blocks():
        day = block.ts // DAY_US
        rows = starts(block.user.astype(np.int64) << 20 | day)
        who = customer[block.user[rows]]
        later = (day[rows] > since[who]) & (day[rows] <= last)
        days += np.bincount(who[later], minlength=len(days))
    return days


def _against(response: np.ndarray, day: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Responses of one channel's customers, what the others' of those days lead to expect, and the negative binomial's size."""
    start, size = day.min(), int(day.max() - day.min()) + 1
    near, others = np.ones(2 * NEARBY + 1), day[~own] - start
    people = np.convolve(np.bincount(others, minlength=size), near)[NEARBY:-NEARBY]
    total = np.convolve(np.bincount(others, response[~own], minlength=size), near)[NEARBY:-NEARBY]
    usual = response[~own].mean() if len(others) else 1.0
    mean = np.maximum((total + usual) / (people + 1), 0.01)
    spread = response[~own] - mean[others]
    excess = (spread**2 - mean[others]).sum() / max((mean[others] ** 2).sum(), 1e-9)
    return response[own], mean[day[own] - start], 1 / max(float(excess), 0.01)


def _drop(acquired: np.ndarray, response: np.ndarray, expected: np.ndarray, size: float) -> dict[str, Any] | None:
    """The likeliest day since which the customers acquired come back less; None where there are too few."""
    if len(acquired) < 2 * FEWEST or not response.any():
        return None
    order = np.argsort(acquired, kind="stable")
    acquired, response, expected = acquired[order], response[order], expected[order]
    mean = expected * LEVELS[:, None]
    likely = np.cumsum(response * np.log(mean / (mean + size)) - size * np.log1p(mean / size), axis=1)
    first = starts(acquired)
    first = first[(first >= FEWEST) & (first <= len(acquired) - FEWEST)]
    if not len(first):
        return None
    before = likely[:, first - 1]
    after = likely[:, -1:] - before
    lower = np.maximum.accumulate(after, axis=0)  # the best level up to each one
    gain = 2 * ((before + lower).max(axis=0) - likely[:, -1].max())
    best = int(gain.argmax())
    inside = first[gain >= gain[best] - 3.84]
    own, rest = int((before + lower)[:, best].argmax()), after[:, best]
    change = LEVELS[int(rest[:own + 1].argmax())] / LEVELS[own] - 1
    return {"level_change": float(change), "since": int(acquired[first[best]]), "since_low": int(acquired[inside[0]]), "since_high": int(acquired[inside[-1]]),
            "statistic": float(gain[best]), "p_value": _chance(float(gain[best]), FEWEST / len(acquired))}


def _chance(statistic: float, edge: float) -> float:
    """Chance of a largest likelihood ratio this high for a drop anywhere but at the ``edge`` (share) of a series that has none."""
    height = np.sqrt(max(statistic, 1.0))
    density = np.exp(-statistic / 2) / np.sqrt(2 * np.pi)
    return float(min(density * ((height - 1 / height) * np.log((1 - edge) / edge) + 2 / height), 1.0))
