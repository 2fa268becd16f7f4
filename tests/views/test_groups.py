"""Findings about groups of customers: the numbers that they say are those of the frame."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from opsnb.measures.segments import personas
from opsnb.views import findings, language

sys.path.insert(0, str(Path(__file__).parent))
import samples


def test_who_left_the_best_tier_and_who_came():
    said = findings.tier_migration(samples.tier_migration())
    # 201 + 44 + 31 + 12 = 288 were high value, 87 of them left, 44 for potential, at 900 each; 55 + 12 + 2 + 40 came in
    assert "87 of 288 high-value customers (30%) have left the tier, most of them (44) for “potential”; they had paid 78.3K. 109 came in." in said.sentence
    empty = samples.tier_migration()
    assert findings.tier_migration(empty[empty["from_tier"] == "new"]) is None


def made():
    random = np.random.default_rng(0)
    kind = np.repeat([0, 1], 100)
    ids = [f"u{place:03d}" for place in range(200)]
    rfm = pd.DataFrame({"user_id": ids, "recency_days": 10.0, "frequency": random.integers(20, 60, 200),
                        "monetary_value": random.normal(50, 5, 200)})
    habits = pd.DataFrame({"user_id": ids, "visits": 30, "night_share": random.normal([0.1, 0.7], 0.05, (100, 2)).T.ravel(),
                           "page=skincare": random.normal([0.8, 0.2], 0.05, (100, 2)).T.ravel()})
    assert len(kind) == len(habits)
    habits.loc[0, "visits"] = 1
    return personas(rfm.assign(revenue=rfm["frequency"] * rfm["monetary_value"]), habits)


def test_personas_say_of_how_many_they_are_and_why_so_many():
    found = made()
    assert findings.personas(found).sentence.startswith("Of 200 customers 199 came often enough to be told apart: they fall into 2 groups")
    assert findings.persona_choice(found).sentence.startswith("2 groups out of 2 to 8 tried: each keeps at least ")
    night = next(persona for persona in found.summary["persona"] if "at-night" in persona)
    said = findings.persona_next(found, night).sentence
    assert "100 customers" in said
    assert "night share" in said
    assert "skincare" in said
    with language.using("zh"):
        assert "夜间" in findings.persona_next(found, night).sentence


def test_the_persona_that_changed_most():
    changes = pd.DataFrame({"persona": ["a", "b"], "parts": [("frequent",), ("seldom",)], "users_before": [812, 400], "users": [765, 420], "stayed": [760, 390],
                            "moved": [31, 5], "unplaced": [21, 5], "joined": [5, 31], "new": [0, 0], "to": ["b", "a"], "to_users": [31, 5],
                            "revenue_before": [1.0, 1.0], "revenue": [1.0, 1.0]})
    assert findings.persona_changes(changes).sentence == "“frequent”: 812 to 765 customers; 31 moved to “seldom”, 5 came from other groups, 0 are new."
    quiet = changes.assign(to=None, to_users=0)
    assert "nobody moved to another group" in findings.persona_changes(quiet).sentence
    assert findings.persona_changes(changes.assign(users_before=0)) is None
