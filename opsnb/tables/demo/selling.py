"""What is bought and given back: one order for each visit that reaches payment."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from opsnb.tables.demo import habits
from opsnb.tables.demo.advertising import CHANNELS, NAMES
from opsnb.tables.demo.people import Users, Visits, blended, trait
from opsnb.tables.demo.season import Season

SPREAD = 0.42  # of order values around the persona's median, in logs


class Orders(NamedTuple):
    """One entry per order, by time of the visit; ``second`` is that of its payment event."""

    user: np.ndarray
    second: np.ndarray
    channel: np.ndarray
    amount: np.ndarray
    discount: np.ndarray
    cost: np.ndarray


def orders_of(visits: Visits, paid_at: np.ndarray, users: Users, season: Season, random: np.random.Generator) -> Orders:
    """An order for each visit with a payment: list price by persona, coupons on sale days, vouchers on some others, cost of goods."""
    paid = np.flatnonzero(paid_at >= 0)
    user, second = visits.user[paid], paid_at[paid]
    day = second // 86400
    usual = trait(users, "amount")[user]
    price = usual * np.exp(random.normal(0, SPREAD, len(user))) * np.where(season.peak[day], 1.15, 1.0)
    full = _list_price(price)
    coupon = season.coupon[day] * (full // 300)
    voucher = np.where(random.random(len(user)) < _vouchers(users)[user], (full * 0.1).round(), 0)
    discount = np.where(coupon > 0, coupon, voucher)
    return Orders(user, second, visits.channel[paid], full - discount, discount, (full * random.uniform(0.42, 0.52, len(user))).round(1))


def expected_amount(user: np.ndarray, day: np.ndarray, users: Users, season: Season) -> np.ndarray:
    """What an order of each of these users on that day brings on average: its list price less coupons and vouchers."""
    from scipy.special import ndtri

    luck = np.exp(SPREAD * ndtri((np.arange(40) + 0.5) / 40))
    usual = trait(users, "amount")[user] * np.where(season.peak[day], 1.15, 1.0)
    full = _list_price(usual[:, None] * luck)
    coupon = season.coupon[day][:, None] * (full // 300)
    return (full - np.where(coupon > 0, coupon, _vouchers(users)[user][:, None] * (full * 0.1).round())).mean(axis=1)


def _vouchers(users: Users) -> np.ndarray:
    return blended(users.blend, users.persona, habits.VOUCHERS)


def _list_price(price: np.ndarray) -> np.ndarray:
    return np.maximum(np.floor(price / 10) * 10 + 9, 19)


def refunded(orders: Orders, random: np.random.Generator) -> np.ndarray:
    """Which orders are given back."""
    return random.random(len(orders.user)) < np.array([channel.refunds for channel in CHANNELS])[orders.channel]


def rows_of(orders: Orders, season: Season, random: np.random.Generator) -> dict[str, Any]:
    """The rows of the orders table by time, refunds among them; ``number``, ``user`` and ``second`` are still numbers."""
    back = np.flatnonzero(refunded(orders, random))
    when = orders.second[back] + random.integers(86400, 9 * 86400, len(back))
    back, when = back[when < len(season.days) * 86400], when[when < len(season.days) * 86400]
    row = np.concatenate([np.arange(len(orders.user)), back])
    sign = np.repeat([1, -1], [len(orders.user), len(back)])
    second = np.concatenate([orders.second, when])
    by_time = np.lexsort((row, second))
    row, sign, second = row[by_time], sign[by_time], second[by_time]
    return {"number": row + 1, "user": orders.user[row], "second": second, "amount": (orders.amount[row] * sign).astype(int),
            "discount": np.where(sign > 0, orders.discount[row], 0).astype(int), "cost": (orders.cost[row] * sign).round(1),
            "channel": np.array(NAMES)[orders.channel[row]], "refund": np.where(sign < 0, "refund", "")}
