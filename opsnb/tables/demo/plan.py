"""The plan: targets, budget, milestones, risks, actions."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsnb.tables.demo.advertising import PAID
from opsnb.tables.demo.causes import Causes
from opsnb.tables.demo.outside import months_of
from opsnb.tables.demo.people import Visits
from opsnb.tables.demo.season import DAY, Season
from opsnb.tables.demo.selling import Orders

# Shares of what is planned beside advertising.
LINES = {"content": 0.3, "events": 0.24, "crm": 0.14, "platform_fees": 0.14, "reserve": 0.18}
REPEAT_DAYS = 60


def targets(visits: Visits, orders: Orders, spent: dict[str, Any], answers: dict[str, Any], tickets: dict[str, Any], season: Season,
            causes: Causes) -> dict[str, Any]:
    """Targets of the last year, set so that each is on its way but the planted one."""
    last, missed = len(season.days), causes.get("target_miss")
    ordered = orders.second // 86400
    recent = ordered >= last - 30
    visitors = np.unique(visits.user[visits.second // 86400 >= last - 30])
    buyers, gmv = np.intersect1d(orders.user[recent], visitors), orders.amount[recent].sum()
    first = np.unique(orders.user, return_index=True)[1]
    new = int(recent[first].sum())
    cost = spent["cost"][spent["date"] > season.days[-1] - 30 * DAY].sum()
    score = answers["score"][answers["date"] > season.days[-1] - 30 * DAY]
    minutes = tickets["minutes"][tickets["day"] >= last - 30]
    # kpi: now, dimension, horizon, weight, owner
    measured = {
        "visitors": (len(visitors), "traffic", "short", 1.0, "growth"),
        "conversion_rate": (len(buyers) / max(len(visitors), 1), "conversion", "short", 2.0, "shop"),
        "new_customers": (new, "user", "mid", 1.5, "growth"),
        "repeat_rate": (_repeated(orders.user, ordered, last), "user", "long", 1.5, "service"),
        "aov": (gmv / max(recent.sum(), 1), "finance", "mid", 1.0, "shop"), "gmv": (gmv, "finance", "long", 2.0, "head"),
        "nps": (100 * ((score >= 9).mean() - (score <= 6).mean()) if len(score) else 0.0, "brand", "long", 1.0, "service"),
        "response_minutes": (float(np.median(minutes)) if len(minutes) else 12.0, "brand", "short", 1.0, "service"),
        "cac": (cost / max(new, 1), "finance", "short", 1.0, "growth"), "roas": (gmv / max(cost, 1), "finance", "mid", 1.0, "growth")}
    start, rows = season.days[-1] - 270 * DAY, []
    for kpi, (now, dimension, horizon, weight, owner) in measured.items():
        due = season.days[-1] + {"short": 0, "mid": 95, "long": 185}[horizon] * DAY
        gone = 270 / (due - start).astype(int)
        better = -1 if kpi in ("response_minutes", "cac") else 1
        wrong = missed is not None and missed.slice["kpi"] == kpi
        scale = max(abs(now), 8.0) if kpi == "nps" else abs(now)
        baseline = now - better * scale * (0.3 if not wrong else 0.02)
        expected = now - better * scale * 0.06 if not wrong else now + better * scale * -missed.size
        values = (float(f"{value:.3g}") for value in (baseline, baseline + (expected - baseline) / gone))
        rows.append((kpi, dimension, horizon, *values, str(start), str(due), weight, owner))
    return _columns("kpi dimension horizon baseline target start due weight owner", rows)


def _repeated(user: np.ndarray, day: np.ndarray, last: int) -> float:
    """Share of the customers who first ordered 60 to 149 days ago that ordered on a later day, at most 60 days after. Orders by time."""
    who, at = np.unique(user, return_index=True)
    age = day - day[at][np.searchsorted(who, user)]
    again = np.isin(who, user[(age > 0) & (age <= REPEAT_DAYS)])
    ripe = (day[at] >= last - 150) & (day[at] < last - REPEAT_DAYS)
    return float(again[ripe].mean()) if ripe.any() else 0.0


def budget(spent: dict[str, Any], again: dict[str, Any], season: Season, causes: Causes, random: np.random.Generator) -> dict[str, Any]:
    """Planned and actual by month and line, within 4% of the plan but for the planted line; the reserve is hardly touched.

    The lines named like a channel add up what the spend table says, the day that was restated by ``again``.
    """
    over, rows = causes.get("budget_overrun"), []
    cost = spent["cost"].copy()
    for channel, day, value in zip(again["channel"], again["date"], again["cost"], strict=True):
        cost[(spent["channel"] == channel) & (spent["date"] == day)] = value
    month = spent["date"].astype("datetime64[M]")
    advertising = cost.sum() / len(np.unique(month))
    for when in months_of(season):
        busy = season.visits[season.days.astype("datetime64[M]") == when].mean() / season.visits.mean()
        for line in (*PAID, *LINES):
            rate = 1 + np.clip(random.normal(-0.005, 0.018), -0.045, 0.04) if line != "reserve" else random.uniform(0, 0.3)
            if over and over.slice["line"] == line and when.astype("datetime64[D]") >= over.day:
                rate = 1 + over.size * random.uniform(0.9, 1.1)
            if line in PAID:
                actual = cost[(spent["channel"] == line) & (month == when)].sum()
                planned = actual / rate
            else:
                planned = round(advertising * 0.6 * LINES[line] * busy, -1)
                actual = planned * rate
            rows.append((str(when.astype("datetime64[D]")), line, round(planned, 0), round(actual, 2)))
    return _columns("month line planned actual", rows)


def milestones(season: Season) -> dict[str, Any]:
    """A year's plan in five phases; one milestone a little late, the next ones open."""
    last = season.days[-1]
    rows = [  # days before (or after) the world's last one: planned start, planned end, actual end
        ("market study", "prepare", -330, -300, -302, "head", None),
        ("channel contracts", "prepare", -300, -270, -268, "growth", "market study"),
        ("new product page", "build", -270, -210, -205, "shop", "market study"),
        ("618 campaign", "launch", -260, -190, -190, "growth", "channel contracts"),
        ("member programme", "build", -210, -120, -112, "service", "new product page"),
        ("Double 11 campaign", "launch", -120, -45, -46, "growth", "member programme"),
        ("recall programme", "improve", -60, -8, None, "service", "member programme"),
        ("spring range", "improve", -20, 60, None, "shop", None),
        ("review of the year", "improve", 10, 40, None, "head", "recall programme")]
    rows = [(name, phase, *(None if day is None else str(last + day * DAY) for day in days), owner, after)
            for name, phase, *days, owner, after in rows]
    return _columns("milestone phase planned_start planned_end actual_end owner depends_on", rows)


def risks() -> dict[str, Any]:
    """The risk register."""
    rows = [("supplier stops a best seller", "operations", 0.2, 3, 4, 5, "second supplier on call", "shop", "orders", None, "watched"),
            ("ads become much dearer", "market", 0.5, 1, 1, 4, "move money to own channels", "growth", "cac", 120, "open"),
            ("payment outage on a sale day", "technology", 0.1, 4, 5, 5, "second provider", "shop", "conversion_rate", 0.02, "watched"),
            ("bad reviews spread", "brand", 0.25, 5, 3, 3, "answer within an hour", "service", "nps", 10, "open"),
            ("cash is short after the sales", "finance", 0.15, 2, 1, 5, "credit line agreed", "head", "spend", None, "closed")]
    return _columns("risk category probability impact_brand impact_user impact_business response owner trigger_kpi trigger status", rows)


def actions(season: Season) -> dict[str, Any]:
    """What was decided in the last months."""
    rows = [("shorter checkout form", "conversion_rate", 0.004, "shop", -95, -60, "done"),
            ("welcome coupon", "new_customers", 40, "growth", -80, -40, "done"),
            ("answer chats in the evening", "response_minutes", -4, "service", -50, -5, "open"),
            ("recall letters", "repeat_rate", 0.02, "service", -30, 30, "open")]
    rows = [(*row[:4], str(season.days[-1] + row[4] * DAY), str(season.days[-1] + row[5] * DAY), row[6]) for row in rows]
    return _columns("action kpi expected_effect owner opened due status", rows)


def _columns(names: str, rows: list[tuple]) -> dict[str, list]:
    """Rows as columns."""
    return dict(zip(names.split(), map(list, zip(*rows, strict=True)), strict=True))
