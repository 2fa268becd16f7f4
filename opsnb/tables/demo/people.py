"""Who comes, how often, and through which touchpoints."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opsnb.tables.demo.advertising import CHANNELS, NAMES
from opsnb.tables.demo.causes import EXPERIMENTS, Causes
from opsnb.tables.demo.season import HOURS, PEAK_HOURS, Season

STEPS = ("home", "search", "product", "reviews", "promotion", "cart", "payment")
GO_ON = np.array([0.49, 0.74, 0.57, 0.63, 0.43, 0.47])  # from each touchpoint to the next, on a usual day
DEVICES = ("ios", "android", "miniprogram", "desktop")
CITY_TIERS = ("tier1", "new_tier1", "tier2", "tier3", "tier4")
AGES = ("18-24", "25-30", "31-35", "36-45", "46+")
PAGES = ("skincare", "makeup", "haircare", "fragrance", "men_grooming")
USERS_AT_ONCE = 100_000
FIRST, CURIOUS = 1.2, 2.5  # newcomers get a coupon and look around: willingness to buy, odds of going on, against later visits
MOST = 620  # days that anybody stays
APART = 2 * 3600  # seconds between two visits of a user

# One row per channel, in their order.
_PERSONA = np.array([[1.5, 1.4, .8, 1.1, 1.0, .85], [1.5, .9, 1.0, 1.2, 1.0, .9], [.6, .6, 1.3, .8, .9, 1.2], [.9, 1.3, .9, 1.2, 1.0, 1.0],
                     [.9, 1.0, .9, 1.0, 1.2, .95], [1.2, 1.3, 1.2, 1.0, 1.0, .85]])
_DEVICE = np.array([[.42, .4, .06, .12], [.3, .28, .4, .02], [.38, .5, .1, .02], [.46, .42, .1, .02], [.28, .34, .06, .32],
                    [.4, .46, .04, .1]])
_AGE = np.array([[.15, .27, .26, .22, .1], [.12, .25, .27, .25, .11], [.27, .3, .21, .16, .06], [.34, .35, .2, .09, .02],
                 [.1, .22, .26, .27, .15], [.18, .3, .26, .19, .07]])
_CITY = np.array([[.26, .26, .22, .17, .09], [.2, .23, .23, .21, .13], [.13, .19, .23, .26, .19], [.3, .28, .22, .14, .06],
                  [.22, .24, .23, .2, .11], [.2, .24, .24, .2, .12]])
_PAGE = np.array([[.36, .26, .19, .11, .08]])  # one row for all
_RETURNS = np.array([.62, .16, .08, .06, .04, .04])  # how those come back who do not take the way on which they came first


class Persona(NamedTuple):
    """``share`` of the users; ``once``, of them, never come a second time; the others' visits a month and mean months that they stay;
    willingness to buy, and how much more sales days stir it; median order value."""

    name: str
    share: float
    once: float
    visits: float
    months: float
    buys: float
    sales: float
    amount: float


PERSONAS = (
    Persona("loyal_regular", 0.075, 0.05, 5.0, 14, 1.8, 0.7, 250), Persona("big_spender", 0.055, 0.15, 4.2, 14, 1.8, 0.8, 660),
    Persona("bargain_hunter", 0.16, 0.82, 6.0, 6, 0.8, 1.7, 95), Persona("new_parent", 0.10, 0.72, 5.8, 5, 1.1, 1.0, 240),
    Persona("occasional", 0.29, 0.88, 3.8, 7, 0.75, 1.0, 160), Persona("window_shopper", 0.32, 0.96, 5.2, 4, 0.3, 1.2, 120))


class Users(NamedTuple):
    """One entry per user, by day of signup. ``page``: favourite; ``taste``: own willingness to buy; ``variants``: a column per experiment,
    whether in its new variant."""

    signup: np.ndarray
    channel: np.ndarray
    device: np.ndarray
    persona: np.ndarray
    city: np.ndarray
    age: np.ndarray
    page: np.ndarray
    taste: np.ndarray
    variants: np.ndarray


class Visits(NamedTuple):
    """One entry per visit, by time. ``second``: since the start of the world; ``start``: index of its first touchpoint; ``depth``: of the
    one after its last."""

    user: np.ndarray
    second: np.ndarray
    channel: np.ndarray
    device: np.ndarray
    start: np.ndarray
    depth: np.ndarray


def users_of(count: int, arrivals: np.ndarray, random: np.random.Generator) -> Users:
    """So many users, by day of signup; ``arrivals``: weight of each channel and day."""
    came = np.sort(random.choice(arrivals.size, count, p=arrivals.T.ravel())).astype(np.int32)
    signup, channel = came // len(CHANNELS), (came % len(CHANNELS)).astype(np.int8)
    persona = _PERSONA * [persona.share for persona in PERSONAS]
    return Users(signup, channel, _drawn(_DEVICE, channel, random), _drawn(persona, channel, random), _drawn(_CITY, channel, random),
                 _drawn(_AGE, channel, random), _drawn(_PAGE, np.zeros_like(channel), random),
                 np.exp(random.normal(0, 0.35, count)).astype(np.float32), random.random((count, len(EXPERIMENTS))) < 0.5)


def _drawn(weights: np.ndarray, row: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One column each, by the weights of the given row."""
    limits = (weights / weights.sum(axis=1, keepdims=True)).cumsum(axis=1)[:, :-1]
    spot, column = random.random(len(row)), np.zeros(len(row), np.int8)
    for place in range(limits.shape[1]):
        column += spot > limits[row, place]
    return column


def attributes(users: Users) -> dict[str, np.ndarray]:
    """What the users table says of each user."""
    return {"channel": np.array(NAMES)[users.channel], "city_tier": np.array(CITY_TIERS)[users.city], "age": np.array(AGES)[users.age]}


def persona_names(users: Users) -> np.ndarray:
    """Each user's persona by name."""
    return np.array([persona.name for persona in PERSONAS])[users.persona]


def first_seconds(visits: Visits, users: int) -> np.ndarray:
    """When each user came first."""
    first = np.full(users, np.iinfo(np.int32).max)
    np.minimum.at(first, visits.user, visits.second)
    return first


def since(visits: Visits, day: int) -> Visits:
    """The visits from a day on, their seconds counted from it."""
    kept = visits.second >= day * 86400
    return Visits(*(values[kept] for values in visits))._replace(second=visits.second[kept] - day * 86400)


def visits_of(users: Users, season: Season, causes: Causes, seed: int) -> Visits:
    """All visits by time, made some users after the other so that memory holds little more than the result."""
    parts = []
    for low in range(0, len(users.signup), USERS_AT_ONCE):
        some = Users(*(values[low:low + USERS_AT_ONCE] for values in users))
        parts.append(_visits(low, some, season, causes, np.random.default_rng([seed, 3, low])))
    visits = Visits(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    order = np.argsort(visits.second, kind="stable")
    return Visits(*(values[order] for values in visits))


def _visits(low: int, users: Users, season: Season, causes: Causes, random: np.random.Generator) -> Visits:
    """A first visit on the day of signup, then visits at the user's own rate until they stay away for good; by user and time."""
    count, days = len(users.signup), len(season.days)
    of = {name: np.array([getattr(persona, name) for persona in PERSONAS])[users.persona] for name in ("visits", "months", "once")}
    life = random.exponential(of["months"] * 30) * random.gamma(4, 1 / 4, count)
    life[random.random(count) < of["once"]] = 0
    life = np.minimum(np.minimum(life, MOST), days - users.signup)
    busy = np.concatenate([[0], np.cumsum(season.visits / season.visits.mean())])
    opens, closes = busy[users.signup], np.interp(users.signup + life, np.arange(days + 1), busy)
    more = random.poisson(of["visits"] / 30 * np.minimum(random.gamma(10, 1 / 10, count), 1.3) * (closes - opens))
    user = np.concatenate([np.arange(count), np.repeat(np.arange(count), more)])
    spot = np.repeat(opens, more) + random.random(more.sum()) * np.repeat(closes - opens, more)
    day = np.concatenate([users.signup, np.minimum(np.interp(spot, busy, np.arange(days + 1)).astype(np.int64), days - 1)])
    hour, at_peak = (random.choice(24, len(day), p=weight / weight.sum()) for weight in (HOURS, PEAK_HOURS))
    hour = np.where(season.peak[day], at_peak, hour)
    second = (day * 24 + hour) * 3600 + random.integers(0, 3600, len(day))
    order = np.lexsort((second, user))
    user, second = user[order], second[order]
    apart = np.ones(len(user), bool)
    apart[1:] = (user[1:] != user[:-1]) | (second[1:] - second[:-1] >= APART)
    user, second = user[apart], second[apart]
    first = np.ones(len(user), bool)
    first[1:] = user[1:] != user[:-1]
    same = first | (random.random(len(user)) < 0.6)
    channel = np.where(same, users.channel[user], random.choice(len(CHANNELS), len(user), p=_RETURNS)).astype(np.int8)
    device = np.where(first | (random.random(len(user)) < 0.9), users.device[user], _drawn(_DEVICE, channel, random))
    lands = random.random(len(user)) < np.array([channel.landing for channel in CHANNELS])[channel]
    start = np.where(lands, STEPS.index("product"), 0).astype(np.int8)
    depth = _depths(users, user, second // 86400, channel, device, start, first, season, causes, random)
    visits = Visits((user + low).astype(np.int32), second.astype(np.int32), channel, device, start, depth)
    return _stopped(visits, low, users, season, causes, random)


def _depths(users: Users, user: np.ndarray, day: np.ndarray, channel: np.ndarray, device: np.ndarray, start: np.ndarray, first: np.ndarray,
            season: Season, causes: Causes, random: np.random.Generator) -> np.ndarray:
    """How far each visit comes: 1 (only home) to 7 (payment)."""
    persona = users.persona[user]
    willing, stirred = (np.array([getattr(one, name) for one in PERSONAS])[persona] for name in ("buys", "sales"))
    buys = willing * season.buys[day] ** stirred
    buys *= np.array([channel.buys for channel in CHANNELS])[channel] * users.taste[user] * np.where(first, FIRST, 1.0)
    broken = causes.get("funnel_break")
    depth = start + np.int8(1)
    for place, usual in enumerate(GO_ON):
        odds = usual / (1 - usual) * (buys if place >= 4 else buys ** 0.25 * np.where(first, CURIOUS, 1.0))
        for number, experiment in enumerate(EXPERIMENTS):
            if experiment.step == STEPS[place + 1]:
                running = (day >= len(season.days) - experiment.since) & (day < len(season.days) - experiment.until)
                odds = np.where(running & users.variants[user, number], odds * (1 + experiment.effect), odds)
        chance = odds / (1 + odds)
        if broken and broken.detail["step"] == STEPS[place + 1]:
            (column, value), = broken.slice.items()
            hit = (device == DEVICES.index(value)) if column == "device" else (channel == NAMES.index(value))
            chance = np.where(hit & (season.days[day] >= broken.day), chance * (1 + broken.size), chance)
        depth += (depth == place + 1) & (random.random(len(user)) < chance)
    return depth


def _stopped(visits: Visits, low: int, users: Users, season: Season, causes: Causes, random: np.random.Generator) -> Visits:
    """Without the visits that never happened: customers won through the channel of a planted drop stay away after their first order."""
    drop = causes.get("repeat_drop")
    if drop is None:
        return visits
    user = visits.user - low
    paid = visits.depth == len(STEPS)
    first_order = first_seconds(Visits(*(values[paid] for values in visits))._replace(user=user[paid]), len(users.signup))
    hit = (users.channel == NAMES.index(drop.slice["channel"])) & (season.days[users.signup] >= drop.day)
    gone = hit[user] & (visits.second > first_order[user]) & (random.random(len(user)) < -drop.size)
    return Visits(*(values[~gone] for values in visits))
