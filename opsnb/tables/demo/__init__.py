"""The demo business: two years of an online shop with its content accounts, and faults planted in it.

A seeded simulator. Everything is drawn from the seed, so the same seed gives the same bytes; what was planted is written to
``truth.json`` (and who is which persona to ``truth_personas.csv.gz``), which no notebook reads.

In truth.json each cause has a ``detail``. funnel_break: its ``step``, and what it cost, as :func:`opsnb.tables.demo.effects.lost` defines it.
mix_shift: the ``step`` that it pulls down most, and what it moved, as :func:`opsnb.tables.demo.effects.shifted` does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from opsnb.errors import ParameterError

USERS, DAYS, SEED, LAST = 19000, 730, 7, "2025-12-31"
LEFT = 1.25  # so many more are drawn in a world whose mix shifts, where some never come (see people)
FEWEST_USERS, FEWEST_DAYS, MOST_DAYS = 200, 420, 2190


def demo(folder: str | Path, *, users: int = USERS, days: int = DAYS, seed: int = SEED, groups: bool = True, future: bool = False) -> Path:
    """Writes the demo business into ``folder``: every table of the codebook as CSV, ``columns.yml`` and ``truth.json``. Returns the folder.

    ``users`` sign up over the ``days`` that end on 2025-12-31 and the year before them; ``seed`` draws the world and what goes wrong in
    it. In about a quarter of all worlds nothing does; in the default one, everything but a shift of the mix.

    Without ``groups`` there are no personas: each user is a blend of all of them, in a cloud without gaps. With ``future`` the referee also
    gets ``truth_future.csv.gz``, one row per user: ``last_active``, the day after which they stay away for good (it may lie ahead); and
    what they do in the 180 days after the last one, were things to stay as they are: ``next_seen``, ``orders_90d``, ``orders_180d``,
    ``amount_180d``.

    Raises ParameterError for fewer than 200 users, for fewer than 420 or more than 2190 days, and for a folder that holds other files.
    """
    if users < FEWEST_USERS or not FEWEST_DAYS <= days <= MOST_DAYS:
        raise ParameterError(f"a demo business cannot have {users} users and {days} days; allowed: from {FEWEST_USERS} users, "
                             f"from {FEWEST_DAYS} days to {MOST_DAYS}")
    if seed < 0:
        raise ParameterError(f"seed {seed} is not allowed; allowed: 0 or more")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    ours = (folder / "truth.json").exists()
    strange = [] if ours else sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if strange:
        raise ParameterError(f"{folder} holds other files ({', '.join(strange[:3])}); the demo business wants an empty folder, or one of "
                             "its own")
    _write(folder, users, days, seed, groups, future)
    return folder


def _write(folder: Path, users: int, days: int, seed: int, groups: bool, future: bool) -> None:
    from opsnb.tables.demo import advertising, answers, causes, effects, outside, people, plan, selling, writing
    from opsnb.tables.demo.season import BEFORE, Season

    last, end = np.datetime64(LAST), days * 86400
    planted, random = causes.drawn(seed, last), np.random.default_rng([seed, 2])
    whole = Season(last, BEFORE + days, random)
    pushes = advertising.pushes_of(whole, random)
    blends = None if groups else np.random.default_rng([seed, 9])
    shift = planted.get("mix_shift")
    users = round(users * LEFT) if shift else users
    persons = people.users_of(users, advertising.arrivals_of(whole, pushes, planted), planted, random, blends)
    visits, lives, missed = people.visits_of(persons, whole, planted, seed)
    if (broken := planted.get("funnel_break")) is not None:
        planted.put("funnel_break", **effects.lost(missed, persons, whole, broken))
    if shift is not None:
        planted.put("mix_shift", **effects.shifted(visits, whole, shift))
    opened, ordered = people.first_seconds(visits, users), np.isin(np.arange(users), visits.user[visits.depth == len(people.STEPS)])
    came = np.flatnonzero(opened < people.NEVER)  # all but those whose every visit a shift of the mix took away
    visits, season, pushes = people.since(visits, BEFORE), whole.since(BEFORE), pushes[:, BEFORE:]

    paid_at = writing.events(folder, visits, persons, season, np.random.default_rng([seed, 4]))
    orders = selling.orders_of(visits, paid_at, persons, season, random)
    spent = advertising.spend(visits, season, pushes, planted, random)
    billed = advertising.restated(spent, season, random)
    rows, seen = selling.rows_of(orders, season, random), answers.exposures(visits, persons, season, planted, random)
    tickets, asked = answers.service(orders, season, random), answers.surveys(orders, season, random)

    first, everyone = season.days[0], writing.ids("u", came, 6)
    tables = {
        "orders": {"order_id": writing.ids("o", rows.pop("number"), 7), "user_id": writing.ids("u", rows.pop("user"), 6),
                   "ts": writing.times(first, rows.pop("second")), **rows},
        "users": {"user_id": everyone, "signup_ts": writing.times(whole.days[0], opened[came]),
                  **{name: values[came] for name, values in people.attributes(persons).items()}},
        "spend": spent, "spend_restated": billed, "posts": outside.posts(season, random), "market": outside.market(season, random),
        "competitors": outside.competitors(outside.by_month(orders.amount, orders.second // 86400, season), season, planted, random),
        "trends": outside.trends(season), "targets": plan.targets(visits, orders, spent, asked, tickets, season, planted),
        "budget": plan.budget(spent, billed, season, planted, random), "milestones": plan.milestones(season), "risks": plan.risks(),
        "actions": plan.actions(season), "mentions": outside.mentions(season, random), "keywords": outside.keywords(season, random),
        "calendar": season.calendar(),
        "exposures": {"user_id": writing.ids("u", seen["user"], 6), "experiment": seen["experiment"], "variant": seen["variant"],
                      "ts": writing.times(first, seen["second"])},
        "surveys": {"user_id": writing.ids("u", asked["user"], 6), **{name: asked[name] for name in ("date", "score", "pain_point")}},
        "service": {"ticket_id": writing.ids("t", np.arange(len(tickets["second"])) + 1, 6), "user_id": writing.ids("u", tickets["user"], 6),
                    "opened_at": writing.times(first, tickets["second"]),
                    "first_response_at": writing.times(first, tickets["second"] + tickets["wait"], end),
                    "closed_at": writing.times(first, tickets["second"] + tickets["settle"], end), "category": tickets["category"]},
    }
    for name, columns in tables.items():
        writing.table(folder, name, columns)
    writing.table(folder, "truth_personas", {"user_id": everyone, "persona": people.persona_names(persons)[came]}, compress=True)
    if future:
        told = {"last_active": whole.days[0] + lives.end.astype(int), **effects.afterwards(persons, lives, ordered, whole, planted, seed)}
        writing.table(folder, "truth_future", {"user_id": everyone, **{name: values[came] for name, values in told.items()}}, compress=True)
    (folder / "columns.yml").write_text(f"currency: CNY\ntime_zone: Asia/Shanghai\nas_of: {LAST}\n", encoding="utf-8", newline="\n")
    found = planted.to_list()
    writing.truth(folder, {"seed": seed, "users": len(came), "days": days, "groups": groups, "quiet": not found, "causes": found,
                           "experiments": [experiment._asdict() for experiment in causes.EXPERIMENTS]})
