"""Who comes, how often, through which touchpoints, and what they buy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opsnb.tables.demo.causes import Causes
from opsnb.tables.demo.season import HOURS, Season

CHANNELS = ("organic", "search_ads", "short_video", "social", "affiliate", "direct")
CHANNEL_SHARE = np.array([0.29, 0.22, 0.22, 0.12, 0.07, 0.08])
CHANNEL_BUYS = np.array([1.0, 1.08, 0.9, 0.92, 0.86, 1.15])  # willingness to buy
DEVICES = ("ios", "android", "miniprogram", "desktop")
DEVICE_SHARE = np.array([0.33, 0.37, 0.2, 0.1])
DEVICE_BUYS = np.array([1.06, 0.98, 1.0, 0.92])
STEPS = ("home", "search", "product", "reviews", "promotion", "cart", "payment")
GO_ON = np.array([0.78, 0.8, 0.74, 0.76, 0.42, 0.47])  # from each touchpoint to the next, on a usual day
CITY_TIERS = ("tier1", "new_tier1", "tier2", "tier3", "tier4")
AGES = ("18-24", "25-30", "31-35", "36-45", "46+")


class Persona(NamedTuple):
    """``share`` of the users; ``once``, of them, never come a second time; the others' visits a month and mean months that they stay; willingness
    to buy; median order value."""

    name: str
    share: float
    once: float
    visits: float
    months: float
    buys: float
    amount: float


PERSONAS = (
    Persona("loyal_regular", 0.07, 0.02, 4.2, 16, 2.0, 210),
    Persona("big_spender", 0.05, 0.05, 2.4, 14, 1.8, 620),
    Persona("bargain_hunter", 0.16, 0.35, 1.8, 8, 1.05, 95),
    Persona("new_parent", 0.10, 0.3, 1.7, 6, 1.3, 260),
    Persona("occasional", 0.30, 0.55, 0.6, 8, 0.95, 180),
    Persona("window_shopper", 0.32, 0.75, 1.0, 3, 0.35, 130),
)


class Users(NamedTuple):
    """One entry per user, by day of signup."""

    signup: np.ndarray  # day index
    channel: np.ndarray
    device: np.ndarray
    persona: np.ndarray
    city: np.ndarray
    age: np.ndarray


class Visits(NamedTuple):
    """One entry per visit, by time. ``depth``: touchpoints passed; ``second``: since the start of the world."""

    user: np.ndarray
    second: np.ndarray
    channel: np.ndarray
    device: np.ndarray
    depth: np.ndarray


class Orders(NamedTuple):
    """One entry per order, by time."""

    user: np.ndarray
    second: np.ndarray
    channel: np.ndarray
    amount: np.ndarray
    discount: np.ndarray
    cost: np.ndarray


def users_of(count: int, season: Season, random: np.random.Generator) -> Users:
    """So many users, by day of signup."""
    weight = season.visits / season.visits.sum()
    signup = np.sort(random.choice(len(weight), count, p=weight))
    channel = random.choice(len(CHANNELS), count, p=CHANNEL_SHARE)
    persona = random.choice(len(PERSONAS), count, p=[persona.share for persona in PERSONAS])
    return Users(
        signup,
        channel,
        random.choice(len(DEVICES), count, p=DEVICE_SHARE),
        persona,
        random.choice(len(CITY_TIERS), count, p=[0.22, 0.24, 0.22, 0.2, 0.12]),
        random.choice(len(AGES), count, p=[0.2, 0.29, 0.24, 0.19, 0.08]),
    )


def visits_of(users: Users, season: Season, causes: Causes, random: np.random.Generator) -> Visits:
    """A first visit on the day of signup, then visits at the user's own rate until they stay away for good."""
    count, days = len(users.signup), len(season.days)
    rate = np.array([persona.visits for persona in PERSONAS])[users.persona] * random.gamma(4, 1 / 4, count) / 30
    life = random.exponential(np.array([persona.months for persona in PERSONAS])[users.persona] * 30)
    life[random.random(count) < np.array([persona.once for persona in PERSONAS])[users.persona]] = 0
    life = np.minimum(life, days - users.signup)
    busy = np.concatenate([[0], np.cumsum(season.visits / season.visits.mean())])
    opens, closes = busy[users.signup], np.interp(users.signup + life, np.arange(days + 1), busy)
    more = random.poisson(rate * (closes - opens))
    user = np.concatenate([np.arange(count), np.repeat(np.arange(count), more)])
    spot = np.repeat(opens, more) + random.random(more.sum()) * np.repeat(closes - opens, more)
    day = np.concatenate([users.signup, np.minimum(np.interp(spot, busy, np.arange(days + 1)).astype(int), days - 1)])
    hour = random.choice(24, len(day), p=HOURS / HOURS.sum())
    second = (day * 24 + hour) * 3600 + random.integers(0, 3600, len(day))
    order = np.lexsort((user, second))
    user, second = user[order], second[order]
    first = np.zeros(len(user), bool)
    first[np.unique(user, return_index=True)[1]] = True
    same = first | (random.random(len(user)) < 0.62)  # later visits may come through another channel or device
    channel = np.where(same, users.channel[user], random.choice(len(CHANNELS), len(user), p=CHANNEL_SHARE))
    device = np.where(first | (random.random(len(user)) < 0.85), users.device[user], random.choice(len(DEVICES), len(user), p=DEVICE_SHARE))
    depth = _depths(users, user, second // 86400, channel, device, season, causes, random)
    visits = Visits(user, second, channel, device, depth)
    return _stopped(visits, users, season, causes, random)


def _depths(
    users: Users, user: np.ndarray, day: np.ndarray, channel: np.ndarray, device: np.ndarray, season: Season, causes: Causes, random: np.random.Generator
) -> np.ndarray:
    """How many touchpoints each visit passes: 1 (home) to 7 (payment)."""
    buys = np.array([persona.buys for persona in PERSONAS])[users.persona[user]] * season.buys[day] * CHANNEL_BUYS[channel] * DEVICE_BUYS[device]
    broken = causes.get("funnel_break")
    depth = np.ones(len(user), np.int8)
    for place, usual in enumerate(GO_ON):
        odds = usual / (1 - usual) * buys ** (1.0 if place >= 4 else 0.25)
        chance = odds / (1 + odds)
        if broken and broken.detail["step"] == STEPS[place + 1]:
            ((column, value),) = broken.slice.items()
            hit = (device == DEVICES.index(value)) if column == "device" else (channel == CHANNELS.index(value))
            chance = np.where(hit & (season.days[day] >= broken.day), chance * (1 + broken.size), chance)
        depth += (depth == place + 1) & (random.random(len(user)) < chance)
    return depth


def _stopped(visits: Visits, users: Users, season: Season, causes: Causes, random: np.random.Generator) -> Visits:
    """Without the visits that never happened: customers won through the channel of a planted drop stay away after their first order."""
    drop = causes.get("repeat_drop")
    if drop is None:
        return visits
    paid = visits.depth == len(STEPS)
    first_order = np.full(len(users.signup), np.iinfo(np.int64).max)
    np.minimum.at(first_order, visits.user[paid], visits.second[paid])
    hit = (users.channel == CHANNELS.index(drop.slice["channel"])) & (season.days[users.signup] >= drop.day)
    gone = hit[visits.user] & (visits.second > first_order[visits.user]) & (random.random(len(visits.user)) < -drop.size)
    return Visits(*(values[~gone] for values in visits))


def orders_of(visits: Visits, users: Users, season: Season, random: np.random.Generator) -> Orders:
    """An order for each visit that reached payment: amount by persona, discounts on sale days, cost of goods."""
    paid = visits.depth == len(STEPS)
    user, second = visits.user[paid], visits.second[paid]
    median = np.array([persona.amount for persona in PERSONAS])[users.persona[user]]
    full = median * np.exp(random.normal(0, 0.4, len(user)))
    sale = season.buys[second // 86400] > 1.1
    discount = np.where(sale, full * random.uniform(0.1, 0.25, len(user)), np.where(random.random(len(user)) < 0.15, full * 0.08, 0)).round(2)
    return Orders(user, second, visits.channel[paid], (full - discount).round(2), discount, (full * random.uniform(0.5, 0.62, len(user))).round(2))
