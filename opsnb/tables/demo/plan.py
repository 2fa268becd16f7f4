"""The plan and the money: spend, targets, budget, milestones, risks, actions, service, surveys, experiments."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsnb.tables.demo.causes import Causes
from opsnb.tables.demo.outside import months_of
from opsnb.tables.demo.people import CHANNELS, Orders, Users, Visits
from opsnb.tables.demo.season import Season

CLICK_PRICE = {"search_ads": 2.4, "short_video": 1.5, "social": 1.1, "affiliate": 0.9}
CLICKS_PER_VISIT = 1.6
LINES = {"search_ads": 0.3, "short_video": 0.24, "content": 0.14, "events": 0.1, "crm": 0.07, "platform_fees": 0.05, "reserve": 0.1}
PAIN_POINTS = ("delivery", "price", "search", "returns", "packaging", "app_speed")
EXPERIMENTS = {"one_page_checkout": (200, 110), "free_shipping_bar": (130, 40)}  # days before the last one
LATE_WEEKS = 16  # of the second experiment's visitors, when a world is long enough


def spend(visits: Visits, season: Season, causes: Causes, random: np.random.Generator) -> dict[str, Any]:
    """Clicks and cost by day and paid channel. A channel's clicks get dearer as more are bought: price x volume to the .15."""
    dear = causes.get("channel_cost")
    day = visits.second // 86400
    rows: dict[str, list] = {"date": [], "channel": [], "cost": [], "impressions": [], "clicks": []}
    for channel, price in CLICK_PRICE.items():
        came = np.bincount(day[visits.channel == CHANNELS.index(channel)], minlength=len(season.days))
        clicks = np.maximum(random.poisson(came * CLICKS_PER_VISIT + 2), 1)
        each = price * (clicks / max(clicks.mean(), 1)) ** 0.15 * np.exp(random.normal(0, 0.06, len(clicks)))
        if dear and dear.slice["channel"] == channel:
            each = np.where(season.days >= dear.day, each * (1 + dear.size), each)
        rows["date"].append(season.days)
        rows["channel"].append(np.repeat(channel, len(clicks)))
        rows["cost"].append((clicks * each).round(2))
        rows["impressions"].append((clicks / random.uniform(0.015, 0.025, len(clicks))).astype(int))
        rows["clicks"].append(clicks)
    return {column: np.concatenate(parts) for column, parts in rows.items()}


def restated(spent: dict[str, Any], season: Season, random: np.random.Generator) -> dict[str, Any]:
    """One day of the last quarter, as the platforms billed it later: 8 to 20% more than first reported."""
    day = season.days[-1] - random.integers(30, 90)
    rows = {column: values[spent["date"] == day] for column, values in spent.items()}
    return {**rows, "cost": (rows["cost"] * random.uniform(1.08, 1.2)).round(2)}


def targets(
    visits: Visits, orders: Orders, users: Users, spent: dict[str, Any], answers: dict[str, Any], tickets: dict[str, Any], season: Season, causes: Causes
) -> dict[str, Any]:
    """Targets of the last year, set so that each is on its way but the planted one."""
    last, missed = len(season.days), causes.get("target_miss")
    recent_visit, recent_order = visits.second // 86400 >= last - 30, orders.second // 86400 >= last - 30
    visitors, gmv, count = len(np.unique(visits.user[recent_visit])), orders.amount[recent_order].sum(), int(recent_order.sum())
    buyers = np.intersect1d(orders.user[recent_order], visits.user[recent_visit])
    first = np.unique(orders.user, return_index=True)[1]
    new = int((orders.second[first] // 86400 >= last - 30).sum())
    cost = spent["cost"][spent["date"] > season.days[-1] - 30].sum()
    score = answers["score"][answers["date"] > season.days[-1] - 30]
    minutes = tickets["minutes"][tickets["day"] >= last - 30]
    # kpi: now, dimension, horizon, weight, owner, whether less is better
    measured = {
        "visitors": (visitors, "traffic", "short", 1.0, "growth"),
        "conversion_rate": (len(buyers) / max(visitors, 1), "conversion", "short", 2.0, "shop"),
        "new_customers": (new, "user", "mid", 1.5, "growth"),
        "aov": (gmv / max(count, 1), "finance", "mid", 1.0, "shop"),
        "gmv": (gmv, "finance", "long", 2.0, "head"),
        "nps": (100 * ((score >= 9).mean() - (score <= 6).mean()) if len(score) else 0.0, "brand", "long", 1.0, "service"),
        "response_minutes": (float(np.median(minutes)) if len(minutes) else 12.0, "brand", "short", 1.0, "service"),
        "roas": (gmv / max(cost, 1), "finance", "mid", 1.0, "growth"),
    }
    start, rows = season.days[-1] - 270, []
    for kpi, (now, dimension, horizon, weight, owner) in measured.items():
        due = season.days[-1] + {"short": 0, "mid": 95, "long": 185}[horizon]
        gone = 270 / (due - start).astype(int)
        better = -1 if kpi == "response_minutes" else 1
        wrong = missed is not None and missed.slice["kpi"] == kpi
        scale = max(abs(now), 8.0) if kpi == "nps" else abs(now)
        baseline = now - better * scale * (0.3 if not wrong else 0.02)
        expected = now - better * scale * 0.06 if not wrong else now + better * scale * -missed.size
        rows.append((kpi, dimension, horizon, round(baseline, 4), round(baseline + (expected - baseline) / gone, 4), str(start), str(due), weight, owner))
    columns = ("kpi", "dimension", "horizon", "baseline", "target", "start", "due", "weight", "owner")
    return dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))


def budget(season: Season, causes: Causes, random: np.random.Generator) -> dict[str, Any]:
    """Planned and actual by month and line, within 4% of the plan but for the planted line; the reserve is hardly touched."""
    over, rows = causes.get("budget_overrun"), []
    months = np.unique(season.days.astype("datetime64[M]"))
    whole = set(months_of(season))
    for month in months:
        total = 60000 * 1.3 ** (float((month - months[0]).astype(int)) / 12) * (1.5 if month.astype(int) % 12 in (5, 10) else 1.0)
        for line, share in LINES.items():
            planned = round(total * share, -1)
            rate = 1 + np.clip(random.normal(-0.005, 0.018), -0.045, 0.04) if line != "reserve" else random.uniform(0, 0.3)
            if over and over.slice["line"] == line and month.astype("datetime64[D]") >= over.day:
                rate = 1 + over.size * random.uniform(0.9, 1.1)
            rows.append((str(month.astype("datetime64[D]")), line, planned, round(planned * rate, 2) if month in whole else None))
    return dict(zip(("month", "line", "planned", "actual"), map(list, zip(*rows, strict=True)), strict=True))


def milestones(season: Season) -> dict[str, Any]:
    """A year's plan in four phases; one milestone a little late, the next ones open."""
    last = season.days[-1]
    rows = [
        ("market study", "prepare", -330, -300, -302, "head", None),
        ("channel contracts", "prepare", -300, -270, -268, "growth", "market study"),
        ("new product page", "build", -270, -210, -205, "shop", "market study"),
        ("member programme", "build", -210, -120, -112, "service", "new product page"),
        ("618 campaign", "launch", -260, -190, -190, "growth", "channel contracts"),
        ("Double 11 campaign", "launch", -120, -45, -46, "growth", "member programme"),
        ("recall programme", "improve", -60, -8, None, "service", "member programme"),
        ("spring range", "improve", -20, 60, None, "shop", None),
        ("review of the year", "improve", 10, 40, None, "head", "recall programme"),
    ]
    return {
        "milestone": [row[0] for row in rows],
        "phase": [row[1] for row in rows],
        "planned_start": [str(last + row[2]) for row in rows],
        "planned_end": [str(last + row[3]) for row in rows],
        "actual_end": [None if row[4] is None else str(last + row[4]) for row in rows],
        "owner": [row[5] for row in rows],
        "depends_on": [row[6] for row in rows],
    }


def risks() -> dict[str, Any]:
    """The risk register."""
    rows = [
        ("supplier stops a best seller", "operations", 0.2, 3, 4, 5, "second supplier on call", "shop", "orders", None, "watched"),
        ("ads become much dearer", "market", 0.5, 1, 1, 4, "move money to own channels", "growth", "cac", 120, "open"),
        ("payment outage on a sale day", "technology", 0.1, 4, 5, 5, "second payment provider", "shop", "conversion_rate", 0.02, "watched"),
        ("bad reviews spread", "brand", 0.25, 5, 3, 3, "answer within an hour", "service", "nps", 10, "open"),
        ("cash is short after the sales", "finance", 0.15, 2, 1, 5, "credit line agreed", "head", "spend", None, "closed"),
    ]
    columns = ("risk", "category", "probability", "impact_brand", "impact_user", "impact_business", "response", "owner", "trigger_kpi", "trigger", "status")
    return dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))


def actions(season: Season) -> dict[str, Any]:
    """What was decided in the last months."""
    rows = [
        ("shorter checkout form", "conversion_rate", 0.004, "shop", -95, -60, "done"),
        ("welcome coupon", "new_customers", 40, "growth", -80, -40, "done"),
        ("answer chats in the evening", "response_minutes", -4, "service", -50, -5, "open"),
        ("recall letters", "repeat_rate", 0.02, "service", -30, 30, "open"),
    ]
    return {
        "action": [row[0] for row in rows],
        "kpi": [row[1] for row in rows],
        "expected_effect": [row[2] for row in rows],
        "owner": [row[3] for row in rows],
        "opened": [str(season.days[-1] + row[4]) for row in rows],
        "due": [str(season.days[-1] + row[5]) for row in rows],
        "status": [row[6] for row in rows],
    }


def exposures(visits: Visits, season: Season, causes: Causes, random: np.random.Generator) -> dict[str, Any]:
    """First exposure of each visitor in an experiment's weeks; half and half, but for the planted one, whose variant loses visitors."""
    broken, parts = causes.get("split_broken"), []
    for name, (earliest, latest) in EXPERIMENTS.items():
        inside = np.flatnonzero((visits.second // 86400 >= len(season.days) - earliest) & (visits.second // 86400 < len(season.days) - latest))
        user, at = np.unique(visits.user[inside], return_index=True)
        variant = random.random(len(user)) < 0.5
        kept = np.ones(len(user), bool)
        if broken and broken.slice["experiment"] == name:
            kept = ~variant | (random.random(len(user)) >= -broken.size)
        parts.append((user[kept], np.repeat(name, kept.sum()), np.where(variant, "new", "control")[kept], visits.second[inside][at][kept]))
    user, experiment, variant, second = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((user, second))
    return {"user": user[order], "experiment": experiment[order], "variant": variant[order], "second": second[order]}


def surveys(orders: Orders, season: Season, random: np.random.Generator) -> dict[str, Any]:
    """One buyer in twelve answers some days after an order; NPS near 30."""
    chosen = np.flatnonzero(random.random(len(orders.user)) < 1 / 12)
    day = orders.second[chosen] // 86400 + random.integers(2, 9, len(chosen))
    chosen, day = chosen[day < len(season.days)], day[day < len(season.days)]
    order = np.argsort(day, kind="stable")
    score = random.choice(11, len(chosen), p=[0.01, 0.01, 0.01, 0.02, 0.02, 0.04, 0.07, 0.14, 0.20, 0.24, 0.24])
    pain = np.where(score <= 7, random.choice(PAIN_POINTS, len(chosen), p=[0.3, 0.22, 0.12, 0.16, 0.1, 0.1]), "")
    return {"user": orders.user[chosen][order], "date": season.days[day[order]], "score": score[order], "pain_point": pain[order]}


def service(orders: Orders, season: Season, random: np.random.Generator) -> dict[str, Any]:
    """Tickets, some one to seven orders; first answer after 12 minutes (median), later at night."""
    chosen = np.flatnonzero(random.random(len(orders.user)) < 0.15)
    second = orders.second[chosen] + random.integers(1800, 5 * 86400, len(chosen))
    second = np.sort(second[second < len(season.days) * 86400])
    night = (second // 3600 % 24 < 8) | (second // 3600 % 24 >= 22)
    wait = (12 * 60 * np.exp(random.normal(0, 0.8, len(second))) * np.where(night, 3.0, 0.93)).astype(int) + 5
    settle = wait + random.exponential(9 * 3600, len(second)).astype(int) + 60
    category = random.choice(["delivery", "returns", "product", "payment", "account"], len(second), p=[0.38, 0.24, 0.2, 0.11, 0.07])
    return {"second": second, "wait": wait, "settle": settle, "category": category, "minutes": wait / 60, "day": second // 86400}
