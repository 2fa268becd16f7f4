"""Predictions: what is known as of a day, by hand and against plain Python; how good a score is, against the definitions and scikit-learn."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures import backtest, habits
from tests.measures.logs import in_blocks

START = pd.Timestamp("2025-01-01")
DAY = 20089  # 2025-01-01 in days since 1970-01-01


def bought(*rows):
    frame = pd.DataFrame(rows, columns=["user_id", "date", "amount"])
    return frame.assign(ts=pd.to_datetime(frame.pop("date")))


def seen(*rows):
    frame = pd.DataFrame(rows, columns=["user_id", "date"])
    return frame.assign(ts=pd.to_datetime(frame.pop("date"), format="ISO8601"), event="home")


ORDERS = bought(("b", "2025-01-03", 50), ("b", "2025-01-13", 30), ("b", "2025-01-20", -30), ("c", "2025-01-05", 10))
EVENTS = seen(("a", "2025-01-01"), ("a", "2025-01-01 10:00"), ("b", "2025-01-03"), ("b", "2025-01-08"))


def test_a_ledger_joins_both_tables_by_user_and_day():
    book = habits.ledger(ORDERS, EVENTS, as_of="2025-01-31")
    assert book.users.tolist() == ["a", "b", "c"]
    rows = list(zip(book.users[book.user], book.day - DAY + 1, book.events, book.orders, book.revenue, strict=True))
    assert rows == [("a", 1, 2, 0, 0), ("b", 3, 1, 1, 50), ("b", 8, 1, 0, 0), ("b", 13, 0, 1, 30), ("b", 20, 0, 0, -30), ("c", 5, 0, 1, 10)]
    assert (book.first, book.last) == (DAY, DAY + 30)
    assert book.active().tolist() == [True, True, True, True, False, True]  # money back is nothing that b did


def test_habits_by_hand():
    known = habits.habits(habits.ledger(ORDERS, EVENTS, as_of="2025-01-31")).set_index("user")
    # b: there on the 3rd, 8th and 13th; the only two gaps of the data are 5 and 5, so G = 5
    b = known.loc[1]
    assert b["silent_days"] == 18
    assert b["usual_gap_days"] == (10 + 5) / 3
    assert b["silence"] == pytest.approx(3.6)
    assert b[["age_days", "active_days", "recent_days", "last_gap_days"]].tolist() == [28, 3, 3, 5]
    assert b["depth"] == pytest.approx(2 / 3)
    assert b[["orders", "order_recency_days", "revenue", "revenue_365d", "orders_365d"]].tolist() == [2, 18, 50, 50, 2]
    a = known.loc[0]  # came once: everybody's gap; never ordered
    assert a[["silent_days", "usual_gap_days", "recent_days", "depth", "orders", "revenue"]].tolist() == [30, 5, 0, 2, 0, 0]
    assert np.isnan(a["order_recency_days"])
    assert np.isnan(a["last_gap_days"])


def test_habits_as_of_an_earlier_day_know_nothing_later():
    book = habits.ledger(ORDERS, EVENTS, as_of="2025-01-31")
    known = habits.habits(book, as_of=DAY + 5).set_index("user")  # the 6th
    assert known.loc[1, ["silent_days", "active_days", "orders", "revenue"]].tolist() == [3, 1, 1, 50]
    assert habits.seen_within(book, np.array([0, 1, 2]), DAY + 5, DAY + 7).tolist() == [False, True, False]
    assert habits.seen_within(book, np.array([0, 1, 2]), DAY + 5, DAY + 7, ordered=True).tolist() == [False, False, False]
    assert habits.seen_within(book, np.array([1]), DAY + 7, DAY + 12, ordered=True).tolist() == [True]


rows_of = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 60), st.sampled_from([-20.0, 10.0, 30.0])), max_size=25)


@settings(max_examples=60, deadline=None)
@given(rows_of, rows_of, st.integers(0, 60), st.integers(1, 7))
def test_habits_are_what_the_slow_way_counts_and_later_rows_change_nothing(orders, events, until, block_rows):
    orders = [*orders, ("a", 0, 10.0)]
    frame = bought(*((user, START + pd.Timedelta(days=day), amount) for user, day, amount in orders))
    visits = seen(*((user, START + pd.Timedelta(days=day)) for user, day, _ in events)) if events else None
    stored = in_blocks(frame, block_rows, "orders"), None if visits is None else in_blocks(visits, block_rows)
    as_of = START + pd.Timedelta(days=until)
    known = habits.habits(book := habits.ledger(*stored, as_of=as_of))
    early = habits.ledger(frame[frame["ts"] <= as_of], None if visits is None else visits[visits["ts"] <= as_of], as_of=as_of)
    names = {user: name for user, name in enumerate(book.users)}
    again = habits.habits(early)
    pd.testing.assert_frame_equal(known.assign(user=known["user"].map(names)), again.assign(user=early.users[again["user"]]), check_dtype=False)
    active = {}
    for user, day, _ in [*((u, d, a) for u, d, a in orders if a > 0), *((u, d, 0) for u, d, _ in events)]:
        if day <= until:
            active.setdefault(user, set()).add(day)
    gaps = [high - low for days in active.values() for low, high in pairwise(sorted(days))]
    mean = sum(gaps) / len(gaps) if gaps else 30
    assert [names[user] for user in known["user"]] == sorted(active)
    for row in known.itertuples():
        days, user = sorted(active[names[row.user]]), names[row.user]
        own = [high - low for low, high in pairwise(days)]
        assert row.silent_days == until - days[-1]
        assert row.active_days == len(days)
        assert row.recent_days == sum(day > until - 30 for day in days)
        assert row.usual_gap_days == pytest.approx(max((sum(own) + mean) / (len(own) + 1), 1))
        mine = [(day, amount) for one, day, amount in orders if one == user and day <= until]
        assert row.orders == sum(amount > 0 for _, amount in mine)
        assert row.revenue == sum(amount for _, amount in mine)
        bought_on = [day for day, amount in mine if amount > 0]
        assert (row.order_recency_days == until - max(bought_on)) if bought_on else np.isnan(row.order_recency_days)


def test_snapshots_leave_each_window_its_time_and_a_look_back():
    book = habits.ledger(bought(("a", "2025-01-01", 1)), as_of="2025-01-30")  # 30 days: known up to the 20th and up to the 10th
    assert [day - DAY + 1 for day in habits.snapshots(book, 10, most=7)] == [20, 10]
    assert [day - DAY + 1 for day in habits.snapshots(book, 5, most=3)] == [25, 20, 15]
    with pytest.raises(NotMeasured, match=r"the data covers 30 days; .* takes 33: ask for a shorter horizon"):
        habits.snapshots(book, 11, most=7)


def slow_areas(hit, scores):
    """AUC and DeLong's covariance by the definition: every hit against every other."""
    parts = []
    for score in scores:
        wins = (score[hit][:, None] > score[~hit]) + 0.5 * (score[hit][:, None] == score[~hit])
        parts.append((wins.mean(), wins.mean(axis=1), wins.mean(axis=0)))
    m, n = hit.sum(), (~hit).sum()
    cov = np.cov([part[1] for part in parts]) / m + np.cov([part[2] for part in parts]) / n
    return [part[0] for part in parts], np.atleast_2d(cov)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=40))
def test_auc_is_delongs_by_the_definition(rows):
    hit, one, other = (np.array(column) for column in zip(*rows, strict=True))
    hit = hit.astype(bool)
    if min(hit.sum(), (~hit).sum()) < 2:
        assert np.isnan(backtest.auc(hit, one)[1]) or 0 <= backtest.auc(hit, one)[1] <= 1
        return
    areas, cov = slow_areas(hit, [one.astype(float), other.astype(float)])
    value, low, high = backtest.auc(hit, one, level=0.9)
    assert value == pytest.approx(areas[0])
    assert (low, high) == pytest.approx((max(value - 1.6448536269514722 * cov[0, 0] ** 0.5, 0), min(value + 1.6448536269514722 * cov[0, 0] ** 0.5, 1)))
    gain, low, _ = backtest.auc_gain(hit, one, other)
    assert gain == pytest.approx(areas[0] - areas[1])
    assert low == pytest.approx(gain - 1.959964 * max(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1], 0) ** 0.5)


def test_auc_without_both_kinds_is_null():
    assert np.isnan(backtest.auc(np.ones(3, bool), np.arange(3.0))).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60))
def test_deciles_and_calibration_keep_every_user_once(rows):
    hit, chance = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    parts, bins = backtest.deciles(hit, chance), backtest.calibration(hit, chance)
    for frame in (parts, bins):
        assert frame["users"].sum() == len(hit)
        assert frame["happened"].sum() == hit.sum()
        assert (frame["low"] <= frame["rate"]).all()
        assert (frame["rate"] <= frame["high"]).all()
    assert parts["users"].max() - parts["users"].min() <= 1
    assert (bins["expected_rate"] * bins["users"]).sum() == pytest.approx(chance.sum())
    assert bins["expected_rate"].is_monotonic_increasing
    if hit.any():
        assert parts["caught"].iloc[-1] == pytest.approx(1)


def test_logistic_regression_is_scikit_learns():
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(0)
    points = random.normal(size=(400, 3)) * [1, 20, 0.1] + [0, 100, 3]
    points = np.column_stack([points, np.ones(400)])  # a column that says nothing
    hit = random.random(400) < 1 / (1 + np.exp(-points[:, 0] * 2 + (points[:, 1] - 100) / 30))
    scaler = StandardScaler().fit(points[:300])
    theirs = LogisticRegression(C=1, tol=1e-9, max_iter=1000).fit(scaler.transform(points[:300]), hit[:300]).predict_proba(scaler.transform(points[300:]))[:, 1]
    np.testing.assert_allclose(backtest.logistic(points[:300], hit[:300], points[300:]), theirs, atol=1e-6)


def test_logistic_regression_survives_what_is_told_apart_perfectly():
    points = np.arange(40.0)[:, None]
    chance = backtest.logistic(points, points[:, 0] >= 20, np.array([[0.0], [39.0]]))
    assert chance[0] < 0.05 < 0.95 < chance[1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=40))
def test_isotonic_chances_rise_with_the_score_and_keep_the_total(rows):
    raw, hit = np.array([row[0] for row in rows], float), np.array([row[1] for row in rows])
    chance = backtest.isotonic(raw, hit, np.arange(-1, 11.0))
    assert (np.diff(chance) >= 0).all()
    assert ((chance >= 0) & (chance <= 1)).all()


def worlds(slope, noise=0.0, users=400, windows=3, seed=0):
    """Windows in which it happens by a chance that rises with the first column; the rule sees it through noise."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(windows + 1):
        points = random.normal(size=(users, 2))
        hit = random.random(users) < 1 / (1 + np.exp(-slope * points[:, 0]))
        made.append(backtest.Window(points, points[:, 0] + noise * random.normal(size=users), hit))
    return made[:-1], made[-1]


def test_the_model_is_used_only_where_it_beats_the_rule_by_more_than_chance():
    clear = backtest.checked(*worlds(2.0, noise=3.0))
    assert clear.used == "logistic"
    assert clear.quality.set_index("score").loc["logistic", "gain_low"] > 0
    equal = backtest.checked(*worlds(2.0))  # the rule sees all there is to see
    assert equal.used == "rule"
    assert equal.quality["used"].tolist() == [True, False]
    blind = [backtest.checked(*worlds(0.0, seed=seed)) for seed in range(20)]
    assert sum(check.used == "rule" for check in blind) >= 18  # a gain by chance: in 2.5% of worlds
    covered = [check.quality["auc_low"].iloc[0] <= 0.5 <= check.quality["auc_high"].iloc[0] for check in blind]
    assert sum(covered) >= 17


@pytest.mark.parametrize(("hits", "most"), [(40, 2.5), (20, 5.0), (10, 10.0), (90, 10 / 9)])
def test_the_highest_lift_is_that_of_a_top_tenth_of_none_but_hits(hits, most):
    # 100 users: where 40 are hits, a tenth of hits alone has 1 / .4 times as many; where but 10 are, all of them are in it
    newest, earlier = (backtest.Window(np.arange(100.0)[:, None], np.arange(100.0), np.arange(100) >= 100 - hits) for _ in range(2))
    quality = backtest.checked([newest, earlier], newest).quality
    assert quality["lift_most"].tolist() == pytest.approx([most] * 2)
    assert quality["lift"].tolist() == pytest.approx([most] * 2)  # these scores are perfect


def test_chances_mean_what_they_say():
    windows, today = worlds(1.5, users=3000)
    found = backtest.checked(windows, today)
    off = (found.calibration["rate"] - found.calibration["expected_rate"]).abs()
    assert off.max() < 0.06  # 300 users a part: two standard errors are .058 at worst
    assert found.now.mean() == pytest.approx(today.happened.mean(), abs=0.03)
    quality = found.quality.set_index("score").loc[found.used]
    assert quality["expected"] == pytest.approx(quality["happened"], rel=0.06)


def test_of_very_many_rows_a_sample_is_learnt_from_and_all_are_scored(monkeypatch):
    windows, today = worlds(1.0, users=12000, noise=2.0)
    whole = backtest.checked(windows, today)
    monkeypatch.setattr(backtest, "LEARNT_FROM", 3000)
    one, again, other = (backtest.checked(windows, today, random_state=seed) for seed in (1, 1, 2))
    assert len(one.chances) == len(one.now) == 12000
    assert (one.now == again.now).all()
    assert (one.now != other.now).any()
    for found in (one, other):
        assert found.used == whole.used
        assert found.quality["auc"].tolist() == pytest.approx(whole.quality["auc"].tolist(), abs=0.002)
        assert np.abs(found.now - whole.now).mean() < 0.05  # weights from 3,000 rows have a standard error of some .04
    rare = backtest.Window(windows[0].points, windows[0].raw, np.arange(12000) < 1100)  # 1,000 of 1,100 take 10,910 of 12,000 rows
    assert len(backtest._stacked([rare], 0).happened) == 10910


def test_trees_can_be_asked_for():
    found = backtest.checked(*worlds(2.0, noise=3.0), model="boosted")
    assert found.quality["score"].tolist() == ["rule", "boosted"]
    assert found.used == "boosted"
    with pytest.raises(ParameterError, match="did you mean 'boosted'"):
        backtest.checked(*worlds(2.0), model="boostd")


def test_too_few_of_either_kind_is_said():
    windows, today = worlds(2.0)
    windows[0].happened[9:] = False
    windows[0].happened[:9] = True
    with pytest.raises(NotMeasured, match="what is foretold came true for 9 of 400 users in one of the windows; 10 of either kind"):
        backtest.checked(windows, today)
