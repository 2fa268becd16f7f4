"""What lies outside the shop: the market, competitors, trends, mentions, search ranks, and the accounts' content."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsnb.tables.demo.causes import Causes
from opsnb.tables.demo.season import DAY, Season

SEGMENTS = {"skincare": (310e6, 0.11), "makeup": (190e6, 0.04), "haircare": (120e6, 0.08), "fragrance": (60e6, 0.22),
            "men_grooming": (45e6, 0.17)}  # size at first, growth a year
COMPETITORS = {"mingxuan": (5.2, 98, 4.6), "qinghe": (4.1, 88, 4.5), "baihua": (2.9, 112, 4.7),
               "yunduo": (2.1, 79, 4.3)}  # size against ours, price, rating
SENTIMENTS = ("positive", "neutral", "negative")
TRENDS = (
    ("live shopping keeps growing", "society", 0.8, 0.6, 0.85, "three platforms report more live hours"),
    ("ingredients matter to buyers", "society", 0.7, 0.5, 0.8, "searches for ingredients up"),
    ("stricter advertising claims", "politics", 0.6, -0.4, 0.7, "draft rules on cosmetic claims"),
    ("ads become dearer", "economy", 0.75, -0.5, 0.75, "auction prices of two platforms"),
    ("search by image and voice", "technology", 0.45, 0.3, 0.6, "assistants in two large apps"),
    ("cautious spending of young buyers", "economy", 0.55, -0.35, 0.6, "consumer surveys"),
)
KEYWORDS = ("face cream", "sunscreen", "vitamin c serum", "gift set", "shampoo")
PLATFORMS = ("wechat", "douyin", "xiaohongshu", "bilibili")
FORMATS = ("article", "short_video", "live", "picture")
TOPICS = ("how_to", "ingredients", "reviews", "offers", "behind_the_scenes")
MONTH = np.timedelta64(1, "M")


def months_of(season: Season) -> np.ndarray:
    """The whole months of the world, by their first days."""
    months = np.unique(season.days.astype("datetime64[M]"))
    return months[(months.astype("datetime64[D]") >= season.days[0]) & ((months + MONTH).astype("datetime64[D]") <= season.days[-1] + DAY)]


def by_month(amounts: np.ndarray, day: np.ndarray, season: Season) -> np.ndarray:
    """Sums over the whole months."""
    month = season.days[day].astype("datetime64[M]")
    return np.array([amounts[month == one].sum() for one in months_of(season)])


def market(season: Season, random: np.random.Generator) -> dict[str, Any]:
    """Size by month and segment; a year more than the world so that growth can be told."""
    months = months_of(season)
    months = np.arange(months[0] - 12 * MONTH, months[-1] + MONTH)
    rows: dict[str, list] = {"period": [], "segment": [], "size": [], "source": []}
    for segment, (size, growth) in SEGMENTS.items():
        age = (months - months[0]).astype(int) / 12
        busy = 1 + 0.12 * np.isin(months.astype(int) % 12, [5, 10]) - 0.1 * np.isin(months.astype(int) % 12, [1])
        rows["period"] += [str(month.astype("datetime64[D]")) for month in months]
        rows["segment"] += [segment] * len(months)
        rows["size"] += list((size / 12 * (1 + growth) ** age * busy * np.exp(random.normal(0, 0.015, len(months)))).round(-3))
        rows["source"] += ["industry panel"] * len(months)
    return rows


def competitors(own_gmv: np.ndarray, season: Season, causes: Causes, random: np.random.Generator) -> dict[str, Any]:
    """gmv, price_index and rating of the competitors and ourselves (``own``), by month; gmv is an estimate with its noise."""
    months, surge = months_of(season), causes.get("competitor_surge")
    busy = own_gmv / np.linspace(own_gmv[:6].mean(), own_gmv[-6:].mean(), len(own_gmv))  # sale months are sale months for all
    trend = own_gmv[:6].mean() * (1.28 ** (np.arange(len(months)) / 12))
    rows: list[tuple] = []
    for name, (size, price, rating) in {"own": (1.0, 100, 4.6), **COMPETITORS}.items():
        gmv = own_gmv if name == "own" else size * trend * np.sqrt(busy) * np.exp(random.normal(0, 0.025, len(months)))
        if surge and surge.slice["competitor"] == name:
            gmv = np.where(months.astype("datetime64[D]") >= surge.day, gmv * (1 + surge.size), gmv)
        for place, month in enumerate(months.astype("datetime64[D]")):
            rows += [(str(month), name, "gmv", round(float(gmv[place]), -2), "estimate" if name != "own" else "own books"),
                     (str(month), name, "price_index", round(price * (1 + 0.01 * random.normal()), 1), "price watch"),
                     (str(month), name, "rating", round(min(5, rating + 0.03 * random.normal()), 2), "shop pages")]
    return dict(zip(("period", "competitor", "metric", "value", "source"), map(list, zip(*rows, strict=True)), strict=True))


def trends(season: Season) -> dict[str, Any]:
    """The environment as noted in the last months."""
    columns = ("trend", "category", "strength", "impact", "probability", "evidence")
    return {**dict(zip(columns, map(list, zip(*TRENDS, strict=True)), strict=True)),
            "observed_at": [str(season.days[-1] - 20 * (1 + place) * DAY) for place in range(len(TRENDS))]}


def mentions(season: Season, random: np.random.Generator) -> dict[str, Any]:
    """Reach by day, platform and sentiment, on the days on which there was any."""
    day, platform, mood = (grid.ravel() for grid in np.meshgrid(np.arange(len(season.days)), np.arange(3), np.arange(3), indexing="ij"))
    reach = random.gamma(0.6, 1, len(day)) * season.visits[day] * np.array([900, 1500, 500])[mood]
    kept = (reach > 120) & (random.random(len(day)) < 0.35)
    return {"date": season.days[day[kept]], "platform": np.array(PLATFORMS)[platform[kept]],
            "sentiment": np.array(SENTIMENTS)[mood[kept]], "reach": reach[kept].astype(int)}


def keywords(season: Season, random: np.random.Generator) -> dict[str, Any]:
    """Ranks by week and keyword, wandering slowly."""
    weeks = season.days[::7]
    steps = random.normal(-0.02, 0.6, (len(KEYWORDS), len(weeks))).cumsum(axis=1) * 0.4
    rank = np.clip(np.array([8, 14, 22, 11, 18])[:, None] + steps, 1, 60).round(1)
    impressions = (random.gamma(8, 150, rank.shape) * np.sqrt(season.visits[::7])).astype(int)
    clicks = random.binomial(impressions, np.clip(0.3 / rank, 0.004, 0.3))
    return {"date": np.tile(weeks, len(KEYWORDS)), "keyword": np.repeat(KEYWORDS, len(weeks)), "rank": rank.ravel(),
            "impressions": impressions.ravel(), "clicks": clicks.ravel()}


def posts(season: Season, random: np.random.Generator) -> dict[str, Any]:
    """Some eight posts a week on four accounts; what a post reaches depends on platform, form and topic, and on luck."""
    count = len(season.days) * 8 // 7
    day = np.sort(random.integers(0, len(season.days), count))
    platform, form, topic = random.integers(0, 4, count), random.integers(0, 4, count), random.integers(0, 5, count)
    pull = np.array([0.8, 1.6, 1.2, 0.7])[platform] * np.array([0.7, 1.5, 1.1, 0.9])[form] * np.array([1.2, 1.0, 1.1, 0.8, 0.6])[topic]
    impressions = (3000 * pull * np.exp(random.normal(0, 0.9, count)) * np.sqrt(season.visits[day])).astype(int)
    reads = random.binomial(impressions, np.clip(0.16 * pull ** 0.2, 0, 0.5))
    taken = {"completes": 0.42, "likes": 0.06, "comments": 0.012, "shares": 0.015, "follows": 0.008}
    seconds = day * 86400 + random.choice([9, 12, 18, 20], count) * 3600 + random.integers(0, 1800, count)
    return {"post_id": [f"p{number:05d}" for number in range(count)], "account": np.char.add("shop_", np.array(PLATFORMS)[platform]),
            "platform": np.array(PLATFORMS)[platform], "format": np.array(FORMATS)[form], "topic": np.array(TOPICS)[topic],
            "published_at": season.days[0].astype("datetime64[s]") + seconds, "impressions": impressions, "reads": reads,
            **{name: random.binomial(reads, share * random.uniform(0.6, 1.4, count)) for name, share in taken.items()},
            "cost": (np.array([300, 1200, 2500, 400])[form] * random.uniform(0.7, 1.4, count)).round()}
