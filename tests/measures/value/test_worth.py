"""What customers will be worth, against futures that were told, a slow second count, and by hand."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import value

sys.path.insert(0, str(Path(__file__).parent))
import worlds

TRUTH = (0.8, 4.0, 0.6, 20.0)
AS_OF = pd.Timestamp("2024-12-29")  # 52 weeks of the 78 told


@pytest.fixture(scope="module")
def table():
    return worlds.orders(worlds.pareto_times, TRUTH, customers=1500, weeks=78, seed=3, joining=0.6)


@pytest.fixture(scope="module")
def past(table):
    return table[table["ts"] < AS_OF + pd.Timedelta("1D")]


@pytest.fixture(scope="module")
def model(past):
    return value.pareto_nbd(past, as_of=AS_OF)


@pytest.fixture(scope="module")
def worth(past, model):
    return value.ltv(past, model, as_of=AS_OF, horizons=(90, 182), discount_rate=0.1)


def test_what_was_promised_comes_and_intervals_hold_it(table, worth):
    after = table[(table["ts"] >= AS_OF + pd.Timedelta("1D")) & (table["ts"] < AS_OF + pd.Timedelta("183D"))]
    days = (after["ts"].dt.normalize() - AS_OF).dt.days
    present = (after["amount"] * np.exp(-np.log(1.1) / 365 * days)).groupby(after["user_id"]).sum()
    actual = present.reindex(worth.frame["user_id"]).fillna(0).to_numpy()
    assert worth.frame["ltv_182d"].sum() == pytest.approx(actual.sum(), rel=0.15)
    inside = (worth.frame["ltv_182d_low"] <= actual) & (actual <= worth.frame["ltv_182d_high"])
    assert 0.87 <= inside.mean() <= 0.97
    buyers = worth.frame["orders_182d"] > 2  # of those whose interval does not begin at 0, too
    assert 0.82 <= inside[buyers].mean() <= 0.97
    assert np.corrcoef(worth.frame["ltv_182d"], actual)[0, 1] > 0.5


def test_discounting_and_horizons(past, model, worth):
    plain = value.ltv(past, model, as_of=AS_OF, horizons=(90, 182), discount_rate=0).frame
    assert plain["ltv_90d"].to_numpy() == pytest.approx((plain["orders_90d"] * plain["order_value"]).to_numpy())
    share = worth.frame["ltv_182d"].sum() / plain["ltv_182d"].sum()
    assert np.exp(-np.log(1.1) / 365 * 182) < share < 1  # not all of it comes on the last day
    assert (worth.frame["ltv_182d"] >= worth.frame["ltv_90d"]).all()
    assert list(worth.frame.columns) == ["user_id", "x", "p_alive", "order_value", *(f"{kind}_{days}d{end}" for days in (90, 182) for kind, end in (
        ("orders", ""), ("ltv", ""), ("ltv", "_low"), ("ltv", "_high")))]


def test_gross_margin_where_orders_have_a_cost(past, model, worth):
    priced = past.assign(cost=0.4 * past["amount"])
    found = value.ltv(priced, model, as_of=AS_OF, horizons=(182,))
    assert (worth.basis, worth.margin_rate) == ("revenue", 1.0)
    assert (found.basis, found.margin_rate) == ("gross margin", pytest.approx(0.6))
    np.testing.assert_allclose(found.frame["ltv_182d_high"], 0.6 * worth.frame["ltv_182d_high"])
    # a refund of 100 with its cost of 30 back: (total - 100 - (.4 total - 30)) / (total - 100)
    refund = pd.DataFrame({"user_id": ["u00000"], "amount": [-100.0], "ts": [AS_OF], "cost": [-30.0]})
    total = past["amount"].sum()
    returned = value.ltv(pd.concat([priced, refund]), model, as_of=AS_OF, horizons=(182,))
    assert returned.margin_rate == pytest.approx((0.6 * total - 70) / (total - 100))


def slow_by(past, worth, group, spend, days):
    """Value so far and payback of each group, customer by customer."""
    out = {}
    lives = {user: own.sort_values("ts") for user, own in past.groupby("user_id")}
    for label in sorted(set(group.values())):
        months, count, so_far = np.zeros(13), np.zeros(13), []
        for user, own in lives.items():
            if group[user] != label:
                continue
            first = own.loc[own["amount"] > 0, "ts"].iloc[0].normalize()
            lived = int((AS_OF - first).days // (365 / 12))
            count[:min(lived, 12) + 1] += 1
            total = 0.0
            for row in own.itertuples():
                age = (row.ts.normalize() - first).days
                if 0 <= age < days:
                    now = row.amount * 1.1 ** (-age / 365)
                    total += now
                    month = 0 if age == 0 else 1 + int(age // (365 / 12))
                    if month <= lived:
                        months[month] += now
            so_far.append(total)
        cac = spend[label] / len(so_far)
        grown = np.cumsum(months / np.maximum(count, 1))
        seen = int((count[1:] >= 30).sum())
        reached = [month for month in range(seen + 1) if grown[month] >= cac]
        out[label] = (len(so_far), np.mean(so_far), cac, reached[0] if reached else None, seen)
    return out


def test_value_and_payback_by_channel_equal_a_slow_count(past, model):
    refunds = past.iloc[::9].assign(amount=-0.5 * past["amount"].iloc[::9], ts=past["ts"].iloc[::9] + pd.Timedelta("20D"))
    both = pd.concat([past, refunds[refunds["ts"] <= AS_OF]])
    names = past["user_id"].unique()
    users = pd.DataFrame({"user_id": names, "channel": [("video", "search", None)[int(name[1:]) % 3] for name in names]})
    spend = pd.DataFrame({"date": ["2024-01-01", "2024-06-01", "2024-03-01", "2025-02-01"], "channel": ["video", "video", "search", "search"],
                          "cost": [4000.0, 3000.0, 90_000.0, 7e6]})  # the last lies after as_of
    worth = value.ltv(both, model, as_of=AS_OF, horizons=(90,))
    found = value.ltv_by(worth, users=users, spend=spend).set_index("channel")
    group = dict(zip(users["user_id"], users["channel"].fillna("unknown"), strict=True))
    slow = slow_by(both, worth, group, {"video": 7000.0, "search": 90_000.0, "unknown": np.nan}, 365)
    assert set(found.index) == {"video", "search", "unknown"}
    for label, (many, so_far, cac, months, seen) in slow.items():
        row = found.loc[label]
        assert (row["customers"], row["months_seen"]) == (many, seen)
        assert row["value_so_far"] == pytest.approx(so_far)
        assert row["cac"] == pytest.approx(cac, nan_ok=True)
        assert row["payback_months"] == pytest.approx(np.nan if months is None else months, nan_ok=True)
        assert row["low"] < row["ltv_365d"] < row["high"]
        assert row["ltv_365d"] == pytest.approx(row["value_so_far"] / (1 - row["expected_share"]), rel=1e-9)
    assert found.loc["video", "payback_months"] >= 0
    assert np.isnan(found.loc["search", "payback_months"])  # 180 a customer does not come back in a year


def test_a_year_of_life_comes_out_as_expected(table, past, model):
    # customers of the first 13 weeks have lived half a year by as_of less 13 weeks; by the end of the table all have lived it whole
    worth = value.ltv(past, model, as_of=AS_OF, horizons=(90,))
    found = value.ltv_by(worth, by="cohort", days=270)
    first = table.groupby("user_id")["ts"].min().dt.normalize()
    age = (table["ts"].dt.normalize() - table["user_id"].map(first)).dt.days
    lived = table[(age < 270) & (table["user_id"].map(first) <= AS_OF)]
    month = first[first <= AS_OF].dt.to_period("M")
    earned = (lived["amount"] * 1.1 ** (-age[lived.index] / 365)).groupby(lived["user_id"].map(month)).sum()
    actual = earned / month.value_counts().sort_index()
    inside = (found["low"] <= actual.to_numpy()) & (actual.to_numpy() <= found["high"])
    assert inside.mean() >= 0.7
    assert found["cac"].isna().all()
    assert (found["expected_share"].iloc[0], found["expected_share"].iloc[-1] > 0.2) == (0, True)


def test_the_total_adds_up_and_its_interval_holds_what_came(table, worth):
    found = value.ltv_total(worth).set_index("days")
    assert found["ltv"].tolist() == pytest.approx([worth.frame["ltv_90d"].sum(), worth.frame["ltv_182d"].sum()])
    after = table[(table["ts"] >= AS_OF + pd.Timedelta("1D")) & (table["ts"] < AS_OF + pd.Timedelta("183D"))]
    came = (after["amount"] * 1.1 ** (-(after["ts"].dt.normalize() - AS_OF).dt.days / 365)).sum()
    assert found.loc[182, "low"] < came < found.loc[182, "high"]
    assert found.loc[182, "high"] / found.loc[182, "low"] < 1.5  # far narrower than any customer's own
    assert found.loc[182, "mean"] == pytest.approx(worth.frame["ltv_182d"].mean())


def test_deciles_hold_everyone_and_fall(worth):
    found = value.deciles(worth)
    assert found["customers"].sum() == len(worth.frame)
    assert found["value_share"].sum() == pytest.approx(1)
    assert found["mean"].is_monotonic_decreasing
    assert found["total"].iloc[0] == pytest.approx(worth.frame["ltv_182d"].nlargest(found["customers"].iloc[0]).sum())
    with pytest.raises(ParameterError, match="days = 365 is no horizon"):
        value.deciles(worth, days=365)


# Unusual customers -------------------------------------------------------------------------------------------------------------

def test_constant_amounts_need_no_model_of_amounts(past, model):
    one_a_day = past.assign(amount=20.0, day=past["ts"].dt.normalize()).drop_duplicates(["user_id", "day"]).drop(columns="day")
    flat = value.ltv(one_a_day, model, as_of=AS_OF, horizons=(90,))
    assert flat.spending is None
    assert (flat.frame["order_value"] == 20).all()
    with pytest.raises(NotMeasured, match="all orders are worth about the same"):
        value.gamma_gamma(one_a_day)


def test_a_whale_with_half_of_the_revenue_stays_alone(past, model):
    whale = past["user_id"].value_counts().index[0]
    total = past.loc[past["user_id"] != whale, "amount"].sum()
    own = past["user_id"] == whale
    heavy = past.assign(amount=past["amount"].where(~own, total / own.sum()))
    found = value.ltv(heavy, model, as_of=AS_OF, horizons=(182,)).frame.set_index("user_id")
    plain = value.ltv(past, model, as_of=AS_OF, horizons=(182,)).frame.set_index("user_id")
    others = found.index != whale
    assert found.loc[whale, "ltv_182d"] > 50 * plain.loc[whale, "ltv_182d"]
    assert found.loc[others, "ltv_182d"].sum() == pytest.approx(plain.loc[others, "ltv_182d"].sum(), rel=0.2)


def test_refunds_larger_than_orders(past, model):
    loser = past.groupby("user_id")["ts"].nunique().idxmax()
    refund = pd.DataFrame({"user_id": [loser], "amount": [-1e6], "ts": [AS_OF]})
    found = value.ltv(pd.concat([past, refund]), model, as_of=AS_OF, horizons=(182,))
    assert found.spending.left_out == 1
    row = found.frame.set_index("user_id").loc[loser]
    assert 0 < row["order_value"] < 0.5 * found.spending.mean  # drawn to nothing, never below


def test_orders_that_are_worth_nothing_get_a_sentence(past, model):
    with pytest.raises(NotMeasured, match="0 customers came back and paid, at least 30 are needed"):
        value.ltv(past.assign(amount=0.0), model, as_of=AS_OF)


@pytest.mark.parametrize(("options", "error", "words"), [
    ({"discount_rate": -0.1}, ParameterError, "discount_rate"), ({"horizons": ()}, ParameterError, "horizons"), ({"level": 1}, ParameterError, "level"),
    ({"as_of": "2024-10-01"}, ParameterError, "the model was fitted to")])
def test_options_are_checked(past, model, options, error, words):
    with pytest.raises(error, match=words):
        value.ltv(past, model, **{"as_of": AS_OF, **options})


def test_by_is_checked(worth):
    with pytest.raises(ParameterError, match="by 'chanel' is not one"):
        value.ltv_by(worth, by="chanel")
    with pytest.raises(NotMeasured, match="no channel is known"):
        value.ltv_by(worth)
    with pytest.raises(InputError, match="spend: no column 'cost'"):
        value.ltv_by(worth, by="cohort", spend=pd.DataFrame({"date": ["2024-01-01"]}))
    with pytest.raises(NotMeasured, match="no customer was won"):
        value.ltv_by(worth, by="cohort", start="2025-05-01")


def test_one_user_or_one_order_each_gets_a_sentence():
    one = pd.DataFrame({"user_id": ["a"] * 20, "amount": 5.0, "ts": pd.date_range("2024-01-01", periods=20, freq="20D")})
    with pytest.raises(NotMeasured, match="customers known so far: 1"):
        value.ltv(one)
    each = pd.DataFrame({"user_id": [f"u{number}" for number in range(300)], "amount": 5.0, "ts": pd.date_range("2024-01-01", periods=300)})
    with pytest.raises(NotMeasured, match="0 of 200 customers came back"):
        value.ltv(each)


# Hold-out ----------------------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def chosen(past):
    return value.chosen_model(past, as_of=AS_OF)


def test_the_holdout_compares_the_right_rows(past, chosen):
    found = chosen.holdout
    assert (found.days, found.calibrated_to) == (121, np.datetime64("2024-08-30"))  # 364 days of data // 3; 2024-12-29 less 121 days
    cut = pd.Timestamp("2024-08-31")
    known = past[past["user_id"].isin(past.loc[past["ts"] < cut, "user_id"])]
    day = known["ts"].dt.normalize()
    later = known[known["ts"] >= cut].assign(day=day).groupby("user_id")["day"].nunique()
    assert found.customers == known["user_id"].nunique()
    assert (found.scores["actual"] == later.sum()).all()
    assert found.scores["actual_value"].iloc[0] == pytest.approx(known.loc[known["ts"] >= cut, "amount"].sum())
    repeats = known.assign(day=day).drop_duplicates(["user_id", "day"])
    repeats = repeats.sort_values("ts")[lambda rows: rows["user_id"].duplicated()]
    assert found.weeks["actual"].iloc[-1] == len(repeats)
    at = found.weeks.set_index("period_end")["actual"]
    assert at[pd.Timestamp("2024-08-30")] == (repeats["day"] < cut).sum()
    assert found.frequency["customers"].sum() == found.customers
    scores = found.scores.set_index("method")
    for method in ("bg_nbd", "pareto_nbd", "average", "own_average"):
        assert (found.frequency["customers"] * found.frequency[method]).sum() == pytest.approx(scores.loc[method, "expected"])
        last = found.weeks.iloc[-1]
        assert last[method] - at[pd.Timestamp("2024-08-30")] == pytest.approx(scores.loc[method, "expected"])


def test_averages_by_hand():
    # a: day 0, 100, 200 of 300 calibrated; b: day 50. Customers' days: 300 + 250; repeat orders 2. Held out: 100 days
    rows = [("a", 0), ("a", 100), ("a", 200), ("a", 350), ("b", 50), ("b", 399.5)]
    many = pd.DataFrame([(f"{user}{number}", day, 10.0) for number in range(40) for user, day in rows], columns=["user_id", "day", "amount"])
    table = many.assign(ts=pd.Timestamp("2025-01-01") + pd.to_timedelta(many.pop("day") + 0.1, unit="D"))
    found = value.holdout(table, as_of=pd.Timestamp("2025-01-01") + pd.Timedelta("400D"), days=100).scores.set_index("method")
    assert found.loc["average", "expected"] == pytest.approx(80 * 80 / (40 * 550) * 100)
    assert found.loc["own_average", "expected"] == pytest.approx(40 * 2 / 300 * 100)
    assert found.loc["average", "actual"] == 80
    # own: a is told 2/3 and has 1, b is told 0 and has 1
    assert found.loc["own_average", "rmse"] == pytest.approx(np.sqrt(((1 / 3) ** 2 + 1) / 2))


def test_the_better_model_is_chosen_and_beats_the_averages_where_its_story_is_true(chosen):
    assert chosen.model is not None
    assert chosen.reason is None
    scores = chosen.holdout.scores.set_index("method")
    assert chosen.score["rmse"] == scores.loc[["bg_nbd", "pareto_nbd"], "rmse"].min() < chosen.naive["rmse"]
    assert chosen.score["low"] < chosen.score["actual"] < chosen.score["high"]
    assert chosen.score["covered"] >= 0.9


def test_a_model_that_loses_to_the_average_is_refused():
    # 600 customers who differ before day 300, and after it all order alike, at random: their past tells nothing
    random = np.random.default_rng(1)
    rows = []
    for number in range(600):
        rate = random.gamma(0.5, 0.02)
        came = number % 60
        before, after = random.poisson(rate * (300 - came)), random.poisson(1.4)
        rows += [(f"u{number}", day) for day in (came, *random.uniform(came, 300, before), *random.uniform(300, 450, after))]
    frame = pd.DataFrame(rows, columns=["user_id", "day"])
    table = frame.assign(amount=random.gamma(3, 10, len(frame)), ts=pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.pop("day"), unit="D"))
    found = value.chosen_model(table, days=150)
    assert found.model is None
    assert "worse than last year's average" in found.reason
    assert found.score["rmse"] > found.naive["rmse"]
    with pytest.raises(NotMeasured, match="worse than last year's average"):
        value.ltv(table, found)


def test_a_period_longer_than_the_data_gets_a_sentence(past):
    with pytest.raises(NotMeasured, match="the orders cover 364 days; at least 456 are needed"):
        value.holdout(past, as_of=AS_OF, days=400)
    with pytest.raises(NotMeasured, match="the orders cover 60 days; at least 112"):
        value.holdout(past, as_of="2024-02-29")
    with pytest.raises(ParameterError, match="days = 20; allowed: 56 or more"):
        value.holdout(past, as_of=AS_OF, days=20)


# Habits ------------------------------------------------------------------------------------------------------------------------

def test_habits_by_hand():
    rows = [("a", 0, 30.0), ("a", 40, 20.0), ("a", 41, -5.0), ("b", 10, 10.0), ("b", 10.2, 6.0), ("c", 60, 50.0), ("c", 90, 4.0), ("d", 95, 8.0)]
    frame = pd.DataFrame(rows, columns=["user_id", "day", "amount"])
    table = frame.assign(ts=pd.Timestamp("2025-01-01") + pd.to_timedelta(frame.pop("day"), unit="D"))
    found = value.order_habits(table, as_of="2025-04-11", days=70).iloc[0]  # day 100; days 31 to 100
    # orders of a (day 40), c (60, 90), d (95): 20 + 50 + 4 + 8 = 82, 5 given back; three customers, of whom c came twice
    assert found[["customers", "orders", "revenue", "repeat_customers"]].tolist() == [3, 4, 77.0, 1]
    assert [found["arpu"], found["aov"], found["repeat_rate"]] == pytest.approx([77 / 3, 82 / 4, 1 / 3])
    # of all four: a after 40 days, c after 30, b not in 90, d not in 5. Day 30: 3 at risk, one back: 2/3; day 40: 2 at risk: 1/3
    assert found["median_days"] == 40
    assert found["return_rate"] == pytest.approx(2 / 3)
    assert found["won"] == 4
    assert np.isnan(value.order_habits(table, as_of="2025-04-11", days=95).iloc[0]["return_rate"])  # nobody was followed for 95 days
    with pytest.raises(NotMeasured, match="no orders in this period"):
        value.order_habits(table, as_of="2025-12-31", days=30)
    with pytest.raises(ParameterError, match="days = 0"):
        value.order_habits(table, days=0)


def test_results_do_not_change_when_they_are_handed_on(worth):
    with pytest.raises(dataclasses.FrozenInstanceError):
        worth.level = 0.5
