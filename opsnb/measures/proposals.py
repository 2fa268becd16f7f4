"""The steps of a funnel that nobody named: what leads, in which order, to the event that matters most. A part of funnels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError
from opsnb.measures import blocks
from opsnb.tables.histories import histories

if TYPE_CHECKING:
    from opsnb.tables.histories import Histories

MOST_STEPS = 7  # proposed
MOST_EVENTS = 30  # looked at for a proposal
LEAST_DONE = 0.7  # share of those who reach the last step who did a step: what more of them skip would make the rest look lost
GOALS = ("purchase", "payment", "pay", "paid", "order", "buy", "checkout", "subscribe", "conversion",
         "支付", "付款", "下单", "购买", "成交", "订阅")


def proposed_steps(events: Any, *, last: str | None = None) -> list[str]:
    """The steps to look at when nobody named them: what most often leads, in which order, to the last one. At most seven.

    Input columns: user_id, ts, event. Returns event names, in order, ``last`` at the end.

    Formula: of the users who did ``last``, what came before their first time; events that at least 70% of them did (a step that
    many skip would make them look lost; where there is none, the one most of them did); of those the six after which most of their users went on to
    do ``last``; in the order in which most users first did them (pairwise
    majorities, Copeland's count). Without ``last``, the event named
    most like a purchase, else the one that comes last on average among users' first times. Looks at the 30 most frequent events.

    Raises InputError when there are no events or ``last`` does not occur.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": list("aaaabbb"), "ts": pd.date_range("2025-01-01", periods=7),
    ...                        "event": ["home", "cart", "help", "purchase", "home", "cart", "purchase"]})
    >>> proposed_steps(events, last="purchase")
    ['home', 'cart', 'purchase']
    """
    table = histories(events)
    labels = table.labels("event")
    found, often = blocks.counts((block["event"][block["event"] >= 0] for block in table.blocks("event")), len(labels))
    if not len(found):
        raise InputError("events: no rows, so there is nothing to propose steps from")
    if last is not None:
        table.codes("event", [last])
    shown = found[np.argsort(-often, kind="stable")[:MOST_EVENTS]]
    goal = int(table.codes("event", [last or _goal(table, shown)])[0])
    others = shown[shown != goal]
    did, led, users = np.zeros(len(others), np.int64), np.zeros(len(others), np.int64), 0
    for firsts, limit, never in _firsts(table, others, goal):
        did += (firsts < never).sum(0)
        led += ((firsts < limit) & (limit < never)).sum(0)
        users += int((limit < never).sum())
    common = np.flatnonzero(led >= LEAST_DONE * max(users, 1))
    if not len(common) and led.any():
        common = np.array([np.argmax(led)])
    common = common[np.argsort(-led[common] / did[common], kind="stable")[:MOST_STEPS - 1]]
    wins = np.zeros((len(common), len(common)), np.int64)
    for firsts, limit, never in _firsts(table, others[common], goal):
        for step in range(len(common)):
            wins[step] += ((firsts[:, [step]] < firsts) & (firsts < limit) & (limit < never)).sum(0)
    order = np.argsort(-(wins > wins.T).sum(1), kind="stable")
    return [str(labels[code]) for code in [*others[common][order], goal]]


def _firsts(table: Histories, codes: np.ndarray, goal: int) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Per block: every user's first row of each event (users x events), that of the goal (a column), and the number that says never."""
    for block in table.blocks("event"):
        user, never = blocks.numbered(block.starts, len(block)), len(block)
        firsts = np.full((int(user[-1]) + 1 if never else 0, len(codes) + 1), never, np.int32)
        for column, code in enumerate([*codes, goal]):
            rows = np.flatnonzero(block["event"] == code)
            rows = rows[blocks.starts(user[rows])]
            firsts[user[rows], column] = rows
        yield firsts[:, :-1], firsts[:, -1:], never


def _goal(table: Histories, codes: np.ndarray) -> str:
    """The event most like a purchase: named so, else the one whose first time comes last among users' first times."""
    names = [str(table.labels("event")[code]) for code in codes]
    for word in GOALS:
        for name in names:
            if name.casefold() == word:
                return name
    for word in GOALS:
        for name in names:
            if word in name.casefold().replace("_", " ").replace("-", " ").split() or (not word.isascii() and word in name):
                return name
    place, users = np.zeros(len(codes)), np.zeros(len(codes))
    for firsts, _, never in _firsts(table, codes, int(codes[0])):
        did = firsts < never
        rank = np.argsort(np.argsort(firsts, axis=1), axis=1) / np.maximum(did.sum(1, keepdims=True) - 1, 1)
        place, users = place + np.where(did, rank, 0).sum(0), users + did.sum(0)
    often = users >= 0.01 * users.max()
    return names[int(np.argmax(np.where(often, place / np.maximum(users, 1), -1)))]
