"""The demo business: two years of an online shop with its content accounts, and faults planted in it.

A seeded simulator. Everything is drawn from the seed, so the same seed gives the same bytes; what was planted is written to
``truth.json`` (and who is which persona to ``truth_personas.csv.gz``), which no notebook reads.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from opsnb.errors import ParameterError

USERS, DAYS, SEED, LAST = 13000, 730, 7, "2025-12-31"
BEFORE = 365  # days that the shop has been open before the first day of the tables
FEWEST_USERS, FEWEST_DAYS = 200, 420


def demo(folder: str | Path, *, users: int = USERS, days: int = DAYS, seed: int = SEED) -> Path:
    """Writes the demo business into ``folder``: every table of the codebook as CSV, ``columns.yml`` and ``truth.json``. Returns the folder.

    ``users`` who sign up over ``days`` days that end on 2025-12-31; ``seed`` draws the world and what goes wrong in it. In about a quarter of all
    worlds nothing does; in the default one, everything.

    Raises ParameterError for fewer than 200 users or 420 days, and for a folder that holds other files already.
    """
    from opsnb.tables.demo import causes, outside, people, plan, writing
    from opsnb.tables.demo.season import Season

    if users < FEWEST_USERS or days < FEWEST_DAYS:
        raise ParameterError(f"a demo business of {users} users and {days} days is too small; allowed: from {FEWEST_USERS} users and {FEWEST_DAYS} days")
    if seed < 0:
        raise ParameterError(f"seed {seed} is not allowed; allowed: 0 or more")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    strange = sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) if not (folder / "truth.json").exists() else []
    if strange:
        raise ParameterError(f"{folder} holds other files ({', '.join(strange[:3])}); the demo business wants an empty folder or one of its own")

    last = np.datetime64(LAST)
    planted = causes.drawn(seed, last)
    random = np.random.default_rng([seed, 2])
    whole = Season(last, BEFORE + days, random)
    persons = people.users_of(users, whole, random)
    visits = people.visits_of(persons, whole, planted, random)
    orders = people.orders_of(visits, persons, whole, random)
    opened = np.full(users, np.iinfo(np.int64).max)
    np.minimum.at(opened, visits.user, visits.second)
    visits, orders, season = _since(visits, BEFORE), _since(orders, BEFORE), whole.since(BEFORE)
    first = season.days[0]
    spent = plan.spend(visits, season, planted, random)
    tickets, answers = plan.service(orders, season, random), plan.surveys(orders, season, random)
    seen = plan.exposures(visits, season, planted, random)

    month = (season.days[orders.second // 86400]).astype("datetime64[M]").astype(int)
    gmv = np.array([orders.amount[month == which].sum() for which in outside.months_of(season).astype(int)])

    refunded = np.flatnonzero(random.random(len(orders.user)) < 0.035)
    back = orders.second[refunded] + random.integers(86400, 9 * 86400, len(refunded))
    refunded, back = refunded[back < days * 86400], back[back < days * 86400]
    number = np.concatenate([np.arange(len(orders.user)), refunded]) + 1
    rows = np.concatenate([np.arange(len(orders.user)), refunded])
    sign = np.concatenate([np.ones(len(orders.user)), -np.ones(len(refunded))])
    when = np.concatenate([orders.second, back])
    by_time = np.lexsort((number, when))
    rows, sign, when, number = rows[by_time], sign[by_time], when[by_time], number[by_time]
    writing.events(folder, visits, season, random)
    writing.table(
        folder,
        "orders",
        {
            "order_id": writing.ids("o", number, 7),
            "user_id": writing.ids("u", orders.user[rows], 6),
            "ts": writing.times(first, when),
            "amount": (orders.amount[rows] * sign).round(2),
            "discount": np.where(sign > 0, orders.discount[rows], 0.0),
            "cost": (orders.cost[rows] * sign).round(2),
            "channel": np.array(people.CHANNELS)[orders.channel[rows]],
            "refund": np.where(sign < 0, "refund", ""),
        },
    )
    writing.table(
        folder,
        "users",
        {
            "user_id": writing.ids("u", np.arange(users), 6),
            "signup_ts": writing.times(whole.days[0], opened),
            "channel": np.array(people.CHANNELS)[persons.channel],
            "device": np.array(people.DEVICES)[persons.device],
            "city_tier": np.array(people.CITY_TIERS)[persons.city],
            "age": np.array(people.AGES)[persons.age],
        },
    )
    writing.table(folder, "spend", spent)
    writing.table(folder, "spend_restated", plan.restated(spent, season, random))
    writing.table(folder, "posts", outside.posts(season, random))
    writing.table(folder, "market", outside.market(season, random))
    writing.table(folder, "competitors", outside.competitors(gmv, season, planted, random))
    writing.table(folder, "trends", outside.trends(season))
    writing.table(folder, "targets", plan.targets(visits, orders, persons, spent, answers, tickets, season, planted))
    writing.table(folder, "budget", plan.budget(season, planted, random))
    writing.table(folder, "milestones", plan.milestones(season))
    writing.table(folder, "risks", plan.risks())
    writing.table(folder, "actions", plan.actions(season))
    writing.table(
        folder,
        "exposures",
        {
            "user_id": writing.ids("u", seen["user"], 6),
            "experiment": seen["experiment"],
            "variant": seen["variant"],
            "ts": writing.times(first, seen["second"]),
        },
    )
    writing.table(folder, "surveys", {"user_id": writing.ids("u", answers["user"], 6), **{name: answers[name] for name in ("date", "score", "pain_point")}})
    writing.table(folder, "mentions", outside.mentions(season, random))
    asked, end = tickets["second"], days * 86400
    writing.table(
        folder,
        "service",
        {
            "ticket_id": writing.ids("t", np.arange(len(asked)) + 1, 6),
            "opened_at": writing.times(first, asked),
            "first_response_at": writing.times(first, asked + tickets["wait"], end),
            "closed_at": writing.times(first, asked + tickets["settle"], end),
            "category": tickets["category"],
        },
    )
    writing.table(folder, "keywords", outside.keywords(season, random))
    writing.table(folder, "calendar", season.calendar())
    writing.table(
        folder,
        "truth_personas",
        {"user_id": writing.ids("u", np.arange(users), 6), "persona": np.array([persona.name for persona in people.PERSONAS])[persons.persona]},
        compress=True,
    )
    (folder / "columns.yml").write_text(f"currency: CNY\ntime_zone: Asia/Shanghai\nas_of: {LAST}\n", encoding="utf-8", newline="\n")
    found = planted.to_list()
    writing.truth(folder, {"seed": seed, "users": users, "days": days, "quiet": not found, "causes": found})
    return folder


def _since(rows, day: int):
    """Visits or orders from a day on, their seconds counted from it."""
    kept = rows.second >= day * 86400
    return type(rows)(*(values[kept] for values in rows))._replace(second=rows.second[kept] - day * 86400)
