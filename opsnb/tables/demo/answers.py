"""What people say and ask, and which variant they were shown: experiments, surveys, service tickets."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsnb.tables.demo.causes import EXPERIMENTS, Causes
from opsnb.tables.demo.people import Users, Visits
from opsnb.tables.demo.season import Season
from opsnb.tables.demo.selling import Orders

PAIN_POINTS = ("delivery", "price", "search", "returns", "packaging", "app_speed")
CATEGORIES = ("delivery", "returns", "product", "payment", "account")


def exposures(visits: Visits, users: Users, season: Season, causes: Causes, random: np.random.Generator) -> dict[str, Any]:
    """First exposure of each visitor in an experiment's weeks; half and half, but for the planted one, whose variant loses visitors."""
    broken, parts = causes.get("split_broken"), []
    for number, experiment in enumerate(EXPERIMENTS):
        day = visits.second // 86400
        inside = np.flatnonzero((day >= len(season.days) - experiment.since) & (day < len(season.days) - experiment.until))
        user, at = np.unique(visits.user[inside], return_index=True)
        variant, kept = users.variants[user, number], np.ones(len(user), bool)
        if broken and broken.slice["experiment"] == experiment.name:
            kept = ~variant | (random.random(len(user)) >= -broken.size)
        name, shown = np.repeat(experiment.name, kept.sum()), np.where(variant, "new", "control")[kept]
        parts.append((user[kept], name, shown, visits.second[inside][at][kept]))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((columns[0], columns[3]))
    return {name: column[order] for name, column in zip(("user", "experiment", "variant", "second"), columns, strict=True)}


def surveys(orders: Orders, season: Season, random: np.random.Generator) -> dict[str, Any]:
    """One buyer in twelve answers some days after an order; NPS near 30."""
    chosen = np.flatnonzero(random.random(len(orders.user)) < 1 / 12)
    day = orders.second[chosen] // 86400 + random.integers(2, 9, len(chosen))
    chosen, day = chosen[day < len(season.days)], day[day < len(season.days)]
    _, single = np.unique(orders.user[chosen] * np.int64(len(season.days)) + day, return_index=True)  # nobody answers twice a day
    chosen, day = chosen[single], day[single]
    order = np.argsort(day, kind="stable")
    score = random.choice(11, len(chosen), p=[.01, .01, .01, .02, .02, .04, .07, .14, .20, .24, .24])
    pain = np.where(score <= 7, random.choice(PAIN_POINTS, len(chosen), p=[.3, .22, .12, .16, .1, .1]), "")
    return {"user": orders.user[chosen][order], "date": season.days[day[order]], "score": score[order], "pain_point": pain[order]}


def service(orders: Orders, season: Season, random: np.random.Generator) -> dict[str, Any]:
    """Tickets, some one to seven orders; first answer after 12 minutes (median), later at night."""
    chosen = np.flatnonzero(random.random(len(orders.user)) < 0.15)
    second = orders.second[chosen] + random.integers(1800, 5 * 86400, len(chosen))
    kept = second < len(season.days) * 86400
    user, second = orders.user[chosen][kept], second[kept]
    order = np.argsort(second, kind="stable")
    user, second = user[order], second[order]
    night = (second // 3600 % 24 < 8) | (second // 3600 % 24 >= 22)
    rush = np.where(season.peak[second // 86400], 1.7, 1.0)
    wait = (12 * 60 * np.exp(random.normal(0, 0.8, len(second))) * np.where(night, 1.9, 0.65) * rush).astype(int) + 5
    settle = wait + random.exponential(9 * 3600, len(second)).astype(int) + 60
    category = random.choice(CATEGORIES, len(second), p=[.38, .24, .2, .11, .07])
    return {"user": user, "second": second, "wait": wait, "settle": settle, "category": category, "minutes": wait / 60, "day": second // 86400}
