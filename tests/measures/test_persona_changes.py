"""Personas with habits, known again a month later, and tiers between which customers move."""

import numpy as np
import pandas as pd
import pytest

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures.segments import TIERS, NoPersonas, examples, named_like, persona_changes, personas, tier_migration

SIZE = 120


def shop(seed=0, *, night=(0.05, 0.7, 0.1), skin=(0.8, 0.1, 0.3), sizes=(SIZE, SIZE, SIZE)):
    """Three kinds of customers who buy alike, apart from their hours, pages and discounts; each group's first customers stand first."""
    random = np.random.default_rng(seed)
    kind = np.repeat(np.arange(3), sizes)
    count = len(kind)
    number = np.concatenate([np.arange(size) for size in sizes])
    ids = [f"{'abc'[one]}{place:03d}" for one, place in zip(kind, number, strict=True)]
    visits = random.integers(20, 40, count)
    rfm = pd.DataFrame({"user_id": ids, "recency_days": random.integers(1, 200, count), "frequency": random.integers(2, 9, count),
                        "monetary_value": random.normal(100, 15, count)})
    habits = pd.DataFrame({"user_id": ids, "visits": visits, "night_share": random.binomial(visits, np.array(night)[kind]) / visits,
                           "page=skin": random.binomial(visits, np.array(skin)[kind]) / visits,
                           "discount_share": random.binomial(rfm["frequency"], np.array([0.1, 0.2, 0.9])[kind]) / rfm["frequency"]})
    return rfm.assign(revenue=rfm["frequency"] * rfm["monetary_value"]), habits, kind


def test_habits_tell_apart_customers_who_buy_alike():
    rfm, habits, kind = shop()
    with pytest.raises(NoPersonas):
        personas(rfm)
    made = personas(rfm, habits)
    assert made.k == 3
    cross = pd.crosstab(kind, made.frame["persona"].to_numpy())
    assert (cross.max(axis=1) >= 0.95 * SIZE).all()
    called = {group: made.frame["persona"][kind == group].mode()[0] for group in range(3)}
    assert "page=skin" in called[0]
    assert "at-night" in called[1]
    assert "with-discounts" in called[2]
    assert made.summary.set_index("persona").loc[called[2], "action"] == "coupon"


def test_what_sets_a_persona_apart_is_told_in_the_features_own_unit():
    rfm, habits, _ = shop()
    made = personas(rfm, habits)
    assert made.apart.groupby("persona")["rank"].apply(list).tolist() == [[1, 2, 3]] * 3
    night = made.apart[(made.apart["feature"] == "night_share") & (made.apart["effect"] > 1)].iloc[0]
    own = (made.frame["persona"] == night["persona"]).to_numpy()
    assert night["typical"] == pytest.approx(habits["night_share"][own].mean())
    assert night["everyone"] == pytest.approx(habits["night_share"].mean())


def test_customers_seen_too_seldom_are_in_no_group_but_among_all():
    rfm, habits, _ = shop()
    habits.loc[::10, "visits"] = 4
    made = personas(rfm, habits.drop(index=5))
    assert (made.customers, made.told) == (360, 360 - 36 - 1)
    assert made.frame["persona"].isna().sum() == 37
    assert made.summary["users"].sum() == made.told
    assert made.summary["share"].sum() == pytest.approx(made.told / 360)
    with pytest.raises(NoPersonas, match="none of 360 customers came 5 times"):
        personas(rfm, habits.assign(visits=1))
    with pytest.raises(ParameterError, match="did you mean 'night_share'"):
        personas(rfm, habits, features=["night_shar"])


def test_examples_show_ids_only_where_asked():
    rfm, habits, _ = shop()
    made = personas(rfm, habits)
    shown = examples(made, rfm, rows=4)
    assert "user_id" not in shown
    assert shown.groupby("persona").size().tolist() == [4, 4, 4]
    assert shown.groupby("persona")["distance"].apply(lambda column: column.is_monotonic_increasing).all()
    named = examples(made, rfm, rows=4, ids=True)
    assert made.frame.set_index("user_id").loc[named["user_id"], "persona"].tolist() == named["persona"].tolist()
    with pytest.raises(ParameterError, match="rows = 0"):
        examples(made, rfm, rows=0)


def test_a_group_keeps_its_name_when_its_measures_move_and_movers_are_counted():
    rfm, habits, kind = shop()
    before = personas(rfm, habits)
    # a month later: ten of the first kind have become like the second, twenty of the third are gone, five are new among the second
    later, ways, _ = shop(seed=1, sizes=(SIZE - 10, SIZE + 15, SIZE - 20))
    ids = [f"a{place:03d}" for place in range(SIZE - 10)] + [f"b{place:03d}" for place in range(SIZE)]
    ids += [f"a{place:03d}" for place in range(SIZE - 10, SIZE)] + [f"n{place}" for place in range(5)] + [f"c{place:03d}" for place in range(SIZE - 20)]
    later["user_id"], ways["user_id"] = ids, ids
    made = personas(later, ways)
    renamed = named_like(made, before)
    assert set(renamed.summary["persona"]) == set(before.summary["persona"])
    assert renamed.frame["user_id"].tolist() == made.frame["user_id"].tolist()
    name = {group: before.frame["persona"][kind == group].mode()[0] for group in range(3)}
    found = persona_changes(made, before).set_index("persona")
    assert found.loc[name[0], "to"] == name[1]
    assert abs(found.loc[name[0], "to_users"] - 10) <= 3  # k-means puts one or two of 360 elsewhere
    assert abs(found.loc[name[1], "new"] - 5) <= 2
    assert abs(found.loc[name[2], "unplaced"] - 20) <= 2
    assert (found["users_before"] == found["stayed"] + found["moved"] + found["unplaced"]).all()
    assert (found["users"] == found["stayed"] + found["joined"] + found["new"]).all()
    assert found["users"].sum() == made.told
    assert found["moved"].sum() == found["joined"].sum()


def test_nothing_moves_between_two_looks_at_the_same_day():
    rfm, habits, _ = shop()
    found = persona_changes(personas(rfm, habits, random_state=5), personas(rfm, habits))
    assert (found["moved"] <= 2).all()
    assert found["unplaced"].sum() == found["new"].sum() == 0


def test_tier_migration_by_hand():
    thresholds = {"recency_days": [10, 30, 60, 90], "frequency": [2, 3, 4, 5], "monetary_value": [10, 20, 30, 40]}
    day = pd.Timestamp("2025-01-01")
    rows = [("up", 0, 5.0), ("up", 100, 50.0), ("up", 101, 50.0), ("up", 102, 50.0), ("gone", 1, 50.0), ("gone", 2, 50.0), ("gone", 3, 50.0),
            ("gone", 4, 50.0), ("late", 100, 25.0), ("gone", 50, -20.0)]
    orders = pd.DataFrame({"user_id": [row[0] for row in rows], "ts": [day + pd.Timedelta(days=row[1]) for row in rows], "amount": [row[2] for row in rows]})
    found = tier_migration(orders, as_of=day + pd.Timedelta(days=103), before=day + pd.Timedelta(days=5), thresholds=thresholds)
    # day 5. up: last 5 days ago -> 5, one order -> 1, 5.00 -> 1: low activity; gone: 5, four orders -> 4, 50.00 -> 5: high value
    # day 103. up: 5, 4, 38.75 -> 4: high value; gone: 99 days -> 1: lost; late: 5, 1, 25.00 -> 3, together 4: low activity
    seen = found[found["users"] > 0].set_index(["from_tier", "to_tier"])
    assert set(seen.index) == {("low-activity", "high-value"), ("high-value", "lost"), ("new", "low-activity")}
    assert seen["users"].tolist() == [1, 1, 1]
    assert seen.loc[("low-activity", "high-value"), ["revenue_before", "revenue", "move"]].tolist() == [5.0, 150.0, "up"]
    assert seen.loc[("high-value", "lost"), ["revenue_before", "revenue", "move", "share"]].tolist() == [200.0, -20.0, "down", 1.0]
    assert seen.loc[("new", "low-activity"), ["revenue_before", "revenue", "move"]].tolist() == [0.0, 25.0, "new"]
    assert len(found) == 5 * len(TIERS)
    assert found.loc[found["from_users"] == 0, "share"].isna().all()


def test_tier_migration_wants_two_days_with_orders():
    orders = pd.DataFrame({"user_id": ["a"], "ts": pd.to_datetime(["2025-03-01"]), "amount": [1.0]})
    with pytest.raises(NotMeasured):
        tier_migration(orders, as_of="2025-03-01")
    with pytest.raises(ParameterError, match="does not lie before"):
        tier_migration(orders, as_of="2025-03-01", before="2025-03-01")
