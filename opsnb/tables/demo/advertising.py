"""Where visitors come from: channels, the money spent on them, and how many it brings. More money brings more, but ever less more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from opsnb.tables.demo.causes import Causes
from opsnb.tables.demo.season import BEFORE, OPENING, Season

if TYPE_CHECKING:
    from opsnb.tables.demo.people import Visits


class Channel(NamedTuple):
    """``share`` of the sign-ups on the world's last day, which grows by ``drift`` a year; ``buys``, willingness to buy of those who come
    through it; ``landing``, share of visits that begin on a product's page. For channels that cost money: ``price`` of a click;
    ``response``, the power of the money to which clicks grow."""

    name: str
    share: float
    drift: float
    buys: float
    refunds: float
    landing: float
    price: float = 0.0
    response: float = 1.0


CHANNELS = (
    Channel("direct", 0.18, -0.05, 1.12, 0.025, 0.02), Channel("wechat", 0.17, 0.0, 1.1, 0.025, 0.03),
    Channel("douyin", 0.24, 0.18, 0.88, 0.06, 0.14, 1.3, 0.62), Channel("xiaohongshu", 0.16, 0.12, 1.0, 0.035, 0.1, 1.8, 0.7),
    Channel("baidu", 0.14, -0.12, 1.02, 0.03, 0.05, 2.4, 0.76), Channel("tmall", 0.11, 0.0, 1.15, 0.03, 0.08, 2.1, 0.68))
NAMES = tuple(channel.name for channel in CHANNELS)
PAID = tuple(channel.name for channel in CHANNELS if channel.price)
CLICKS_A_VISIT = 4.0  # most who click leave before they are counted as visitors
CAMPAIGNS = 0.2  # how far, in logs, a channel's week may be from its usual money


def pushes_of(season: Season, random: np.random.Generator) -> np.ndarray:
    """Money of each channel and day against what is usual for it: decided week by week, channel by channel, whatever the season does."""
    week = (season.days.astype(int) + 3) // 7
    week -= week[0]
    push = np.exp(random.normal(0, CAMPAIGNS, (len(CHANNELS), week[-1] + 1)))[:, week]
    push[[not channel.price for channel in CHANNELS]] = 1.0
    return push


def arrivals_of(season: Season, pushes: np.ndarray, causes: Causes) -> np.ndarray:
    """Weight of each channel and day among all sign-ups."""
    years = (season.days - season.days[-1]).astype(int) / 365
    arrivals = np.array([channel.share * np.exp(channel.drift * years) * push ** channel.response
                         for channel, push in zip(CHANNELS, pushes, strict=True)])
    arrivals = arrivals * season.visits / _dearer(season, causes)
    arrivals[:, :BEFORE] *= OPENING
    arrivals *= times_as_many(causes, "channel", NAMES)[:, None]
    return arrivals / arrivals.sum()


def times_as_many(causes: Causes, column: str, values: tuple[str, ...]) -> np.ndarray:
    """How many times as frequent each value of a column is made, because of a planted shift of the mix: it is thinned out again before its
    day (see ``people``)."""
    shift, times = causes.get("mix_shift"), np.ones(len(values))
    if shift and column in shift.slice:
        times[values.index(shift.slice[column])] += shift.size
    return times


def _dearer(season: Season, causes: Causes) -> np.ndarray:
    """By how much each channel and day is dearer than it should be."""
    times, dear = np.ones((len(CHANNELS), len(season.days))), causes.get("channel_cost")
    if dear:
        times[NAMES.index(dear.slice["channel"]), season.days >= dear.day] += dear.size
    return times


def spend(visits: Visits, season: Season, pushes: np.ndarray, causes: Causes, random: np.random.Generator) -> dict[str, Any]:
    """Money, impressions and clicks by day and paid channel.

    Clicks follow the money to the channel's power, so that a click costs more in a week of more money. Where a channel became dearer the
    money stays and the clicks go.
    """
    dearer, size, day = _dearer(season, causes), len(season.days), visits.second // 86400
    rows: dict[str, list] = {"date": [], "channel": [], "cost": [], "impressions": [], "clicks": []}
    for place, one in enumerate(CHANNELS):
        if not one.price:
            continue
        came = np.bincount(day[visits.channel == place], minlength=size)
        usual = _smooth(came) * season.visits / _smooth(season.visits) * CLICKS_A_VISIT + 3
        clicks = usual * pushes[place] ** one.response / dearer[place] * np.exp(random.normal(0, 0.06, size))
        clicks = np.maximum(clicks.round(), 1).astype(int)
        cost = usual * pushes[place] * one.price * np.exp(random.normal(0, 0.04, size))
        for column, values in (("date", season.days), ("channel", np.repeat(one.name, size)), ("cost", cost.round(2)),
                               ("impressions", (clicks / random.uniform(0.015, 0.025, size)).astype(int)), ("clicks", clicks)):
            rows[column].append(values)
    return {column: np.concatenate(parts) for column, parts in rows.items()}


def _smooth(daily: np.ndarray, days: int = 57) -> np.ndarray:
    """Mean over eight weeks around each day."""
    padded = np.pad(daily.astype(float), days // 2, mode="reflect")
    return np.convolve(padded, np.full(days, 1 / days), mode="valid")


def restated(spent: dict[str, Any], season: Season, random: np.random.Generator) -> dict[str, Any]:
    """One day of the last quarter, as the platforms billed it later: 8 to 20% more than first reported."""
    day = season.days[-1] - random.integers(30, 90)
    rows = {column: values[spent["date"] == day] for column, values in spent.items()}
    return {**rows, "cost": (rows["cost"] * random.uniform(1.08, 1.2)).round(2)}
