"""What the planted causes did, known only once the world is made: for the referee, in the details of truth.json."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsnb.tables.demo.causes import Cause
from opsnb.tables.demo.people import NEVER, STEPS, Lives, Missed, Users, Visits, first_seconds, later_visits, of_slice
from opsnb.tables.demo.season import DAY, Season
from opsnb.tables.demo.selling import expected_amount, orders_of, refunded

AFTERWARDS = 180  # days after the last one that are made when asked for


def lost(missed: Missed, users: Users, season: Season, cause: Cause) -> dict[str, float]:
    """What a broken step cost from its day to the world's last one, on average over the luck of those who came to it.

    ``visits_lost``: sum, over the visits of the slice that came to the step, of the chance to pass it without the break less the chance
    with it. ``users_lost``: the same for people: chance that a user passed on at least one of these visits. ``orders_lost``: each visit
    lost times its chances to pass the later steps. ``money_lost``: each order lost times what an order of that user on that day brings on
    average, coupons deducted, refunds not. A visit lost is not made up for by a later one.
    """
    passed = missed.share / -cause.size
    user, code = np.unique(missed.user, return_inverse=True)
    stays = [np.bincount(code, np.log1p(-chance), len(user)) for chance in (passed - missed.share, passed)]
    money = missed.order * expected_amount(missed.user, missed.second // 86400, users, season)
    return {"visits_lost": round(float(missed.share.sum()), 1), "users_lost": round(float((np.exp(stays[0]) - np.exp(stays[1])).sum()), 1),
            "orders_lost": round(float(missed.order.sum()), 1), "money_lost": round(float(money.sum()), 0)}


def shifted(visits: Visits, season: Season, cause: Cause) -> dict[str, Any]:
    """What another mix of visitors did, since its day against as many days before.

    ``share_before``, ``share_after`` of the slice among all visits; ``conversion_change``: relative change of all visits' conversion to an
    order that the mix alone makes, each part keeping its own rate; ``step``: the step whose rate falls most by the mix alone.
    """
    since = np.searchsorted(season.days, cause.day)
    day = visits.second // 86400
    late, near = day >= since, day >= 2 * since - len(season.days)
    own = of_slice(cause, visits.channel, visits.device)

    def moved(entered: np.ndarray, passed: np.ndarray) -> tuple[float, float, float]:
        """Share of the slice before and after, and the relative change of the rate."""
        of, to = (passed[entered & near & which].mean() for which in (own, ~own))
        before, after = (own[entered & near & when].mean() for when in (~late, late))
        rate = before * of + (1 - before) * to
        return float(before), float(after), float((after - before) * (of - to) / rate)

    steps = {STEPS[place + 1]: moved((visits.start <= place) & (visits.depth > place), visits.depth > place + 1)[2]
             for place in range(len(STEPS) - 1)}
    before, after, change = moved(np.ones(len(day), bool), visits.depth == len(STEPS))
    return {"step": min(steps, key=lambda step: steps[step]), "share_before": round(before, 4), "share_after": round(after, 4),
            "conversion_change": round(change, 4)}


def afterwards(users: Users, lives: Lives, ordered: np.ndarray, season: Season, causes: Any, seed: int) -> dict[str, np.ndarray]:
    """What each user does in the 180 days after the world's last one, were things to stay as they are: ``next_seen``, the day of their next
    visit (empty: none); ``orders_90d``, ``orders_180d``, ``amount_180d``, refunds deducted. ``ordered``: who has ordered before."""
    now = len(season.days)
    later = Season(season.days[-1] + AFTERWARDS * DAY, now + AFTERWARDS, np.random.default_rng([seed, 7]))
    visits = later_visits(users, lives, ordered, later, now, causes, seed)
    random = np.random.default_rng([seed, 8])
    orders = orders_of(visits, np.where(visits.depth == len(STEPS), visits.second, -1), users, later, random)
    kept = orders.amount * ~refunded(orders, random)
    count = len(users.signup)
    seen = first_seconds(visits, count)
    day = np.where(seen < NEVER, seen // 86400, 0).astype("timedelta64[D]")
    return {"next_seen": np.where(seen < NEVER, season.days[0] + day, np.datetime64("NaT", "D")),
            "orders_90d": np.bincount(orders.user[orders.second < (now + 90) * 86400], minlength=count),
            "orders_180d": np.bincount(orders.user, minlength=count),
            "amount_180d": np.bincount(orders.user, kept, count).astype(int)}
