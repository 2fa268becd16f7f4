"""Who comes, how often, and through which touchpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from opsnb.tables.demo import habits
from opsnb.tables.demo.advertising import CHANNELS, NAMES, times_as_many
from opsnb.tables.demo.causes import EXPERIMENTS, Cause, Causes, Experiment
from opsnb.tables.demo.season import Season

STEPS = ("home", "search", "product", "reviews", "promotion", "cart", "payment")
GO_ON = np.array([0.49, 0.74, 0.57, 0.63, 0.43, 0.47])  # from each touchpoint to the next, on a usual day
DEVICES = ("ios", "android", "miniprogram", "desktop")
CITY_TIERS = ("tier1", "new_tier1", "tier2", "tier3", "tier4")
AGES = ("18-24", "25-30", "31-35", "36-45", "46+")
USERS_AT_ONCE = 100_000
FIRST, CURIOUS = 1.2, 2.5  # newcomers get a coupon and look around: willingness to buy, odds of going on, against later visits
MOST = 620  # days that anybody stays
NEVER = np.iinfo(np.int32).max  # second of a first visit that there was not
APART = 2 * 3600  # seconds between two visits of a user
ALIKE = 9.0  # users of a world without groups: the larger, the closer each is to the mean of all personas

# One row per channel, in their order.
_PERSONA = np.array([[1.5, 1.4, .8, 1.1, 1.0, .85], [1.5, .9, 1.0, 1.2, 1.0, .9], [.6, .6, 1.3, .8, .9, 1.2], [.9, 1.3, .9, 1.2, 1.0, 1.0],
                     [.9, 1.0, .9, 1.0, 1.2, .95], [1.2, 1.3, 1.2, 1.0, 1.0, .85]])
_DEVICE = np.array([[.42, .4, .06, .12], [.3, .28, .4, .02], [.38, .5, .1, .02], [.46, .42, .1, .02], [.28, .34, .06, .32],
                    [.4, .46, .04, .1]])
_AGE = np.array([[.15, .27, .26, .22, .1], [.12, .25, .27, .25, .11], [.27, .3, .21, .16, .06], [.34, .35, .2, .09, .02],
                 [.1, .22, .26, .27, .15], [.18, .3, .26, .19, .07]])
_CITY = np.array([[.26, .26, .22, .17, .09], [.2, .23, .23, .21, .13], [.13, .19, .23, .26, .19], [.3, .28, .22, .14, .06],
                  [.22, .24, .23, .2, .11], [.2, .24, .24, .2, .12]])
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
    """One entry per user, by day of signup. ``pages``: a column per category, how much of what they look at is of it;
    ``taste``: own willingness to buy; ``variants``: a column per experiment, whether in its new variant; ``blend``: a column
    per persona, how much of it is in the user, in a world without groups; else none."""

    signup: np.ndarray
    channel: np.ndarray
    device: np.ndarray
    persona: np.ndarray
    city: np.ndarray
    age: np.ndarray
    pages: np.ndarray
    taste: np.ndarray
    variants: np.ndarray
    blend: np.ndarray


class Lives(NamedTuple):
    """One entry per user. ``end``: the moment, in days since the start of the world, after which they stay away for good, which may lie
    after its last day; ``pace``: visits against their persona's."""

    end: np.ndarray
    pace: np.ndarray


class Missed(NamedTuple):
    """One entry per visit that came to a broken step while it was broken: ``share`` of a visit, and of an order, that the break cost on
    average."""

    user: np.ndarray
    second: np.ndarray
    share: np.ndarray
    order: np.ndarray


class Visits(NamedTuple):
    """One entry per visit, by time. ``second``: since the start of the world; ``start``: index of its first touchpoint; ``depth``: of the
    one after its last."""

    user: np.ndarray
    second: np.ndarray
    channel: np.ndarray
    device: np.ndarray
    start: np.ndarray
    depth: np.ndarray


def users_of(count: int, arrivals: np.ndarray, causes: Causes, random: np.random.Generator, blends: np.random.Generator | None = None) -> Users:
    """So many users, by day of signup; ``arrivals``: weight of each channel and day; ``blends``: draws a continuum of users, each a blend
    of all personas, in place of groups."""
    came = np.sort(random.choice(arrivals.size, count, p=arrivals.T.ravel())).astype(np.int32)
    signup, channel = came // len(CHANNELS), (came % len(CHANNELS)).astype(np.int8)
    shares = _PERSONA * [persona.share for persona in PERSONAS]
    blend = np.zeros((count, 0)) if blends is None else blends.standard_gamma(ALIKE * (shares / shares.sum(axis=1, keepdims=True))[channel])
    blend /= np.maximum(blend.sum(axis=1, keepdims=True), 1e-12)
    device, persona = habits.drawn(_devices(causes), channel, random), habits.drawn(shares, channel, random)
    return Users(signup, channel, device, persona, habits.drawn(_CITY, channel, random),
                 habits.drawn(_AGE, channel, random),
                 habits.tastes_of(blended(blend, persona, habits.TASTES), random), np.exp(random.normal(0, 0.35, count)).astype(np.float32),
                 random.random((count, len(EXPERIMENTS))) < 0.5, blend)


def _devices(causes: Causes) -> np.ndarray:
    return _DEVICE * times_as_many(causes, "device", DEVICES)


def trait(users: Users, name: str) -> np.ndarray:
    """A number that belongs to each user's persona; in a world without groups, to their blend of all personas."""
    return blended(users.blend, users.persona, np.array([getattr(persona, name) for persona in PERSONAS]))


def blended(blend: np.ndarray, persona: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What is given per persona, per user: their persona's, or their blend of all."""
    return blend @ values if blend.shape[1] else values[persona]


def mood(users: Users, user: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The persona that each visit is of: the user's; in a world without groups, now this and now that of their blend."""
    return habits.drawn(users.blend, user, random) if users.blend.shape[1] else users.persona[user]


def _stays(users: Users) -> tuple[np.ndarray, np.ndarray]:
    """Mean months that each user stays, and the chance that they never come again. Without groups nobody belongs to those who never do:
    they stay the shorter."""
    if not users.blend.shape[1]:
        return trait(users, "months"), trait(users, "once")
    return users.blend @ np.array([persona.months * (1 - persona.once) for persona in PERSONAS]), np.zeros(len(users.signup))


def attributes(users: Users) -> dict[str, np.ndarray]:
    """What the users table says of each user."""
    return {"channel": np.array(NAMES)[users.channel], "city_tier": np.array(CITY_TIERS)[users.city], "age": np.array(AGES)[users.age]}


def persona_names(users: Users) -> np.ndarray:
    """Each user's persona by name; empty in a world without groups."""
    return np.full(len(users.signup), "") if users.blend.shape[1] else np.array([persona.name for persona in PERSONAS])[users.persona]


def first_seconds(visits: Visits, users: int) -> np.ndarray:
    """When each user came first."""
    first = np.full(users, NEVER)
    np.minimum.at(first, visits.user, visits.second)
    return first


def since(visits: Visits, day: int) -> Visits:
    """The visits from a day on, their seconds counted from it."""
    kept = visits.second >= day * 86400
    return Visits(*(values[kept] for values in visits))._replace(second=visits.second[kept] - day * 86400)


def visits_of(users: Users, season: Season, causes: Causes, seed: int) -> tuple[Visits, Lives, Missed]:
    """All visits by time, made some users after the other so that memory holds little more than the result; how long each user stays; and
    what a broken step costs."""
    made = [_visits(low, some, season, causes, np.random.default_rng([seed, 3, low])) for low, some in _rounds(users)]
    visits, lives, missed = zip(*made, strict=True)
    return _by_time(visits), _joined(Lives, lives), _joined(Missed, missed)


def later_visits(users: Users, lives: Lives, ordered: np.ndarray, season: Season, now: int, causes: Causes, seed: int) -> Visits:
    """The visits of the same users from day ``now`` of a season that goes on after it, were things to stay as they are; ``ordered``: who
    has ordered before."""
    made = []
    for low, some in _rounds(users):
        random, part = np.random.default_rng([seed, 6, low]), slice(low, low + len(some.signup))
        busy = _busy(season, now)
        closes = np.interp(np.minimum(lives.end[part], len(season.days)), np.arange(len(busy)), busy)
        more = random.poisson(trait(some, "visits") / 30 * lives.pace[part] * np.maximum(closes - busy[now], 0))
        user = np.repeat(np.arange(len(some.signup)), more)
        day = _days(busy[now] + random.random(len(user)) * np.repeat(np.maximum(closes - busy[now], 0), more), busy)
        made.append(_happened(low, some, user, day, season, causes, random, opening=False, ordered=ordered[part])[0])
    return _by_time(made)


def _rounds(users: Users) -> Iterator[tuple[int, Users]]:
    for low in range(0, len(users.signup), USERS_AT_ONCE):
        yield low, Users(*(values[low:low + USERS_AT_ONCE] for values in users))


def _joined(kind: type, parts: Sequence[tuple]) -> Any:
    return kind(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _by_time(parts: Sequence[Visits]) -> Visits:
    visits = _joined(Visits, parts)
    order = np.argsort(visits.second, kind="stable")
    return Visits(*(values[order] for values in visits))


def _busy(season: Season, days: int) -> np.ndarray:
    """Visits up to each midnight, in days of usual business during the first ``days``."""
    return np.concatenate([[0], np.cumsum(season.visits / season.visits[:days].mean())])


def _days(spot: np.ndarray, busy: np.ndarray) -> np.ndarray:
    """The day on which so many visits are reached."""
    return np.minimum(np.interp(spot, busy, np.arange(len(busy))).astype(np.int64), len(busy) - 2)


def _visits(low: int, users: Users, season: Season, causes: Causes, random: np.random.Generator) -> tuple[Visits, Lives, Missed]:
    """A first visit on the day of signup, then visits at the user's own rate until they stay away for good; by user and time."""
    count, days = len(users.signup), len(season.days)
    months, once = _stays(users)
    life = random.exponential(months * 30) * random.gamma(4, 1 / 4, count)
    life[random.random(count) < once] = 0
    stays = np.minimum(life, MOST)
    life = np.minimum(stays, days - users.signup)
    busy = _busy(season, days)
    opens, closes = busy[users.signup], np.interp(users.signup + life, np.arange(days + 1), busy)
    pace = np.minimum(random.gamma(10, 1 / 10, count), 1.3)
    more = random.poisson(trait(users, "visits") / 30 * pace * (closes - opens))
    user = np.concatenate([np.arange(count), np.repeat(np.arange(count), more)])
    spot = np.repeat(opens, more) + random.random(more.sum()) * np.repeat(closes - opens, more)
    day = np.concatenate([users.signup, _days(spot, busy)])
    visits, missed = _happened(low, users, user, day, season, causes, random)
    return visits, Lives(users.signup + stays, pace), missed


def _happened(low: int, users: Users, user: np.ndarray, day: np.ndarray, season: Season, causes: Causes, random: np.random.Generator, *,
              opening: bool = True, ordered: np.ndarray | None = None) -> tuple[Visits, Missed]:
    """Visits of these users on these days: hour, channel, device and how far each comes. ``opening``: the first of a user is the first of
    their life; then experiments run, and visits of a slice that will be more frequent are still few."""
    hour = habits.hours_of(mood(users, user, random), season.peak[day], random)
    second = (day * 24 + hour) * 3600 + random.integers(0, 3600, len(day))
    order = np.lexsort((second, user))
    user, second = user[order], second[order]
    apart = np.ones(len(user), bool)
    apart[1:] = (user[1:] != user[:-1]) | (second[1:] - second[:-1] >= APART)
    user, second = user[apart], second[apart]
    first = np.full(len(user), opening)
    first[1:] &= user[1:] != user[:-1]
    same = first | (random.random(len(user)) < 0.6)
    returns = _RETURNS * times_as_many(causes, "channel", NAMES)
    channel = np.where(same, users.channel[user], random.choice(len(CHANNELS), len(user), p=returns / returns.sum())).astype(np.int8)
    device = np.where(first | (random.random(len(user)) < 0.9), users.device[user], habits.drawn(_devices(causes), channel, random))
    lands = random.random(len(user)) < np.array([channel.landing for channel in CHANNELS])[channel]
    start = np.where(lands, STEPS.index("product"), 0).astype(np.int8)
    visits = Visits((user + low).astype(np.int32), second.astype(np.int32), channel, device, start, np.zeros_like(start))
    depth, share, order = _depths(users, user, visits, first, season, causes, EXPERIMENTS if opening else (), random)
    visits = visits._replace(depth=depth)
    kept = ~_stopped(visits, low, users, season, causes, random, ordered)
    shift = causes.get("mix_shift")
    if shift and opening:
        early = season.days[visits.second // 86400] < shift.day
        kept &= ~(early & of_slice(shift, channel, device) & (random.random(len(user)) < shift.size / (1 + shift.size)))
    lost = kept & (share > 0)
    missed = Missed(visits.user[lost], visits.second[lost], share[lost], order[lost])
    return Visits(*(values[kept] for values in visits)), missed


def of_slice(cause: Cause, channel: np.ndarray, device: np.ndarray) -> np.ndarray:
    """Which visits are of a cause's slice."""
    (column, value), = cause.slice.items()
    return (device == DEVICES.index(value)) if column == "device" else (channel == NAMES.index(value))


def _depths(users: Users, user: np.ndarray, visits: Visits, first: np.ndarray, season: Season, causes: Causes,
            experiments: Sequence[Experiment], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far each visit comes: 1 (only home) to 7 (payment). And the share of a visit, and of an order, that a broken step costs it on
    average: the fall of the chance to pass it, times the chances to pass the later ones."""
    _, second, channel, device, start, _ = visits
    day, willing, stirred = second // 86400, trait(users, "buys")[user], trait(users, "sales")[user]
    buys = willing * season.buys[day] ** stirred
    buys *= np.array([channel.buys for channel in CHANNELS])[channel] * users.taste[user] * np.where(first, FIRST, 1.0)
    shift, broken = causes.get("mix_shift"), causes.get("funnel_break")
    if shift:
        buys *= np.where(of_slice(shift, channel, device), shift.detail["buys"], 1.0)
    share = order = np.zeros(len(user))
    depth = start + np.int8(1)
    for place, usual in enumerate(GO_ON):
        odds = usual / (1 - usual) * (buys if place >= 4 else buys ** 0.25 * np.where(first, CURIOUS, 1.0))
        for number, experiment in enumerate(experiments):
            if experiment.step == STEPS[place + 1]:
                running = (day >= len(season.days) - experiment.since) & (day < len(season.days) - experiment.until)
                odds = np.where(running & users.variants[user, number], odds * (1 + experiment.effect), odds)
        chance = odds / (1 + odds)
        order = order * chance
        if broken and broken.detail["step"] == STEPS[place + 1]:
            hit = of_slice(broken, channel, device) & (season.days[day] >= broken.day)
            share = order = np.where(hit & (depth == place + 1), chance * -broken.size, 0.0)
            chance = np.where(hit, chance * (1 + broken.size), chance)
        depth += (depth == place + 1) & (random.random(len(user)) < chance)
    return depth, share, order


def _stopped(visits: Visits, low: int, users: Users, season: Season, causes: Causes, random: np.random.Generator,
             ordered: np.ndarray | None) -> np.ndarray:
    """The visits that never happened: customers won through the channel of a planted drop stay away after their first order."""
    drop = causes.get("repeat_drop")
    if drop is None:
        return np.zeros(len(visits.user), bool)
    user = visits.user - low
    paid = visits.depth == len(STEPS)
    first_order = first_seconds(Visits(*(values[paid] for values in visits))._replace(user=user[paid]), len(users.signup))
    hit = (users.channel == NAMES.index(drop.slice["channel"])) & (season.days[users.signup] >= drop.day)
    if ordered is not None:
        first_order[ordered] = 0
    return hit[user] & (visits.second > first_order[user]) & (random.random(len(user)) < -drop.size)
