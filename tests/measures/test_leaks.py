"""Leaks against hand counts, users resampled one by one, and worlds of which the loss is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import leaks
from tests.measures.logs import in_blocks

STEPS = ["home", "cart", "payment", "order"]
DAY = pd.Timestamp("2025-06-18")


def conversion(*users):
    return pd.DataFrame({"step": STEPS[:len(users)], "users": users})


def orders_of(amounts, users=None):
    return pd.DataFrame({"user_id": users or [f"u{i}" for i in range(len(amounts))], "ts": DAY, "amount": np.asarray(amounts, float)})


def monthly(*of_month, entered=1000):
    months = pd.date_range("2025-01-01", periods=len(of_month), freq="MS")
    return pd.DataFrame({"period_start": months, "step": "cart", "entered": entered, "converted": of_month})


def test_the_chain_by_hand():
    # cart: 1000 x (.4 - .3) = 100 users, of whom 60 of 300 = .2 order: 20 orders at (10 + 30 + 20) / 3 = 20: 400
    # payment: 300 x (.5 - .4) = 30 users, 60 of 120 = .5: 15 orders, 300. order: 120 x (.5 - .5) = 0
    orders = orders_of([10, 30, 20], ["a", "a", "b"])
    found = leaks.leaks(conversion(1000, 300, 120, 60), {"order": .5, "payment": .5, "cart": .4}, orders)
    assert found["step"].tolist() == ["cart", "payment", "order"]
    np.testing.assert_allclose(found[["entered", "converted", "rate", "benchmark_rate", "users_lost", "later_conversion"]], [
        [1000, 300, .3, .4, 100, .2], [300, 120, .4, .5, 30, .5], [120, 60, .5, .5, 0, 1]], atol=1e-9)
    np.testing.assert_allclose(found[["lost_orders", "aov", "lost_revenue"]], [[20, 20, 400], [15, 20, 300], [0, 20, 0]], atol=1e-9)
    assert (found["benchmark"] == "target").all()
    for low, value, high in (("orders_low", "lost_orders", "orders_high"), ("revenue_low", "lost_revenue", "revenue_high")):
        assert (found[low] < found[value]).all()
        assert (found[value] < found[high]).all()


def test_ranked_by_money_and_not_by_percent():
    # payment lost half of 20 users; cart lost 2 points of 10000
    found = leaks.leaks(conversion(10_000, 4800, 40, 20), {"cart": .5, "payment": .01, "order": .6}, orders_of([10, 10]))
    assert found["step"].tolist() == ["payment", "order", "cart"]
    np.testing.assert_allclose(found["lost_orders"], [4, 4, 200 * 20 / 4800])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 500), min_size=2, max_size=4), st.lists(st.floats(0, 1), min_size=3, max_size=3), st.booleans())
def test_any_funnel_is_what_the_sum_says_and_a_trend_says_the_same(users, targets, as_trend):
    users = sorted(users, reverse=True)
    frame = conversion(*users)
    if as_trend:
        days = [frame.assign(period_start=DAY, entered=frame["users"].shift(), converted=frame["users"])[1:], None]
        days[1] = days[0].assign(period_start=DAY + pd.Timedelta("1D"), entered=0, converted=0)
        frame = pd.concat(days)[["period_start", "step", "entered", "converted"]].astype({"entered": int})
    found = leaks.leaks(frame, dict(zip(STEPS[1:len(users)], targets, strict=False)), draws=100).set_index("step")
    for place in range(1, len(users)):
        row = found.loc[STEPS[place]]
        if users[place - 1] == 0:
            assert np.isnan(row["users_lost"])
        else:
            lost = users[place - 1] * targets[place - 1] - users[place]
            assert row["users_lost"] == pytest.approx(lost)
            orders = lost * users[-1] / users[place] if users[place] else np.nan
            assert row["lost_orders"] == pytest.approx(orders, nan_ok=True)
    assert found[["aov", "lost_revenue", "revenue_low"]].isna().all(axis=None)


def test_the_interval_is_that_of_users_resampled_one_by_one():
    random = np.random.default_rng(0)
    reached, amounts = np.repeat([1, 2, 3], [600, 250, 150]), random.lognormal(3, 1, 60)
    buyers = [f"u{i}" for i in random.integers(0, 40, 60)]
    found = leaks.leaks(conversion(1000, 400, 150), {"cart": .5}, orders_of(amounts, buyers), draws=4000).iloc[0]
    by_buyer = pd.DataFrame({"user": buyers, "amount": amounts}).groupby("user")["amount"].agg(["sum", "size"]).to_numpy()
    slow = []
    for _ in range(2000):
        sample, who = random.choice(reached, 1000), by_buyer[random.integers(len(by_buyer), size=len(by_buyer))]
        carts = (sample > 1).sum()
        slow.append((500 - carts) * (sample > 2).sum() / carts * who[:, 0].sum() / who[:, 1].sum())
    np.testing.assert_allclose(found[["revenue_low", "revenue_high"]].astype(float), np.quantile(slow, [.05, .95]), rtol=0.08)


def test_many_buyers_take_the_limit_of_the_same_bootstrap():
    amounts = np.random.default_rng(2).lognormal(3, 1, leaks.WHOLE_SAMPLE)
    random = np.random.default_rng(0)
    one, exact = leaks._order_value(orders_of(amounts), None, None, 1000, random)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaks, "WHOLE_SAMPLE", 10)
        two, limit = leaks._order_value(orders_of(amounts), None, None, 1000, random)
    assert one == two == pytest.approx(amounts.mean())
    assert limit.std() == pytest.approx(exact.std(), rel=0.08)  # each is known to 2.2%


def test_nine_of_ten_intervals_cover_the_loss_of_known_worlds():
    random, covered = np.random.default_rng(7), []
    true = 3000 * (.45 - .4) * .5 * np.exp(3 + .5 * .8 ** 2)  # of the mean of a lognormal amount
    for world in range(300):
        carts = random.binomial(3000, .4)
        found = leaks.leaks(conversion(3000, carts, random.binomial(carts, .5)), {"cart": .45}, orders_of(random.lognormal(3, .8, 200)),
                            draws=300, random_state=world).iloc[0]
        covered.append(found["revenue_low"] <= true <= found["revenue_high"])
    assert .85 <= np.mean(covered) <= .95


@pytest.mark.parametrize("spread", [0.0, 0.01, 0.04])
def test_against_the_best_of_twelve_months_the_interval_covers_the_true_loss_too(spread):
    """The best of twelve equal months is no better than the others: its luck must not be counted as a loss."""
    random, covered, found_lost = np.random.default_rng(11), [], []
    for world in range(300):
        rates = .4 + spread * random.standard_normal(12)
        best = leaks.best_rates(monthly(*random.binomial(800, rates), entered=800)).set_index("step", drop=False)
        month = pd.Timestamp(best["benchmark"].iloc[0]).month - 1
        found = leaks.leaks(conversion(800, random.binomial(800, .35)), best, draws=300, random_state=world).iloc[0]
        covered.append(found["orders_low"] <= 800 * (rates[month] - .35) <= found["orders_high"])
        found_lost.append(found["lost_orders"] - 800 * (rates[month] - .35))
    assert .83 <= np.mean(covered) <= .96
    assert abs(np.mean(found_lost)) < 800 * .006  # unbiased to half a point; the best month's own rate is 2.8 points too good


def test_best_rates_by_hand():
    found = leaks.best_rates(monthly(300, 400, 290)).iloc[0]
    seen, v = np.array([.3, .4, .29]), .33 * .67 / 1000
    between = ((seen - .33) ** 2).sum() / 2 - v  # equal sizes: DerSimonian and Laird is the sample variance less v
    w = between / (between + v)
    assert found["rate"] == pytest.approx(.33 + w * .07)
    assert found["error"] == pytest.approx(np.sqrt(w * v + (1 - w) ** 2 * (between + v) / 3))
    assert found[["benchmark", "seen_rate", "entered", "converted", "candidates"]].tolist() == ["2025-02-01", .4, 1000, 400, 3]
    equal = leaks.best_rates(monthly(329, 331, 330)).iloc[0]  # scatter below chance's: nothing is better than the mean
    assert equal[["benchmark", "rate"]].tolist() == ["2025-02-01", pytest.approx(.33)]


def test_a_lucky_handful_is_no_benchmark_and_slices_can_be_one():
    slices = pd.DataFrame({"device": ["ios", "ios", "web", "web", "tv", "tv", None, None], "step": ["home", "order"] * 4,
                           "users": [1000, 500, 1000, 300, 20, 20, 900, 280]})
    best = leaks.best_rates(slices, of="device")
    assert best[["benchmark", "candidates"]].values.tolist() == [["ios", 3]]
    found = leaks.leaks(slices, best, orders_of([10]), by="device")
    assert found["device"].tolist() == ["web", None, "ios", "tv"]
    assert found["lost_orders"].iloc[-1] < 0  # better than its benchmark
    assert (found["benchmark"] == "ios").all()


def test_only_orders_of_the_period_count_and_blocks_add_up():
    orders = pd.DataFrame({"user_id": list("aabc"), "ts": DAY + pd.to_timedelta([0, 1, 1, 30], unit="D"), "amount": [1000.0, 10, 30, 500]})
    table = in_blocks(orders, 1, "orders")
    assert len(list(table.blocks())) == 3
    found = [leaks.leaks(conversion(100, 40), {"cart": .5}, one, start="2025-06-19", as_of="2025-06-30") for one in (orders, table)]
    assert found[0]["aov"].tolist() == [20]
    pd.testing.assert_frame_equal(*found)


def test_equal_calls_give_equal_answers():
    one, two = (leaks.leaks(conversion(100, 40, 10), {"cart": .5, "payment": .4}, orders_of([10, 20])) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_what_cannot_be_measured_is_a_sentence():
    good = conversion(100, 40)
    with pytest.raises(InputError, match=r"'crat' is no step of the funnel that has one before it; allowed: cart .did you mean 'cart'"):
        leaks.leaks(good, {"crat": .5})
    with pytest.raises(InputError, match="conversion: no column 'device'"):
        leaks.leaks(good, {"cart": .5}, by="device")
    with pytest.raises(InputError, match="benchmarks: no column 'error'"):
        leaks.leaks(good, leaks.best_rates(monthly(300, 400)).drop(columns="error"))
    with pytest.raises(ParameterError, match=r"the rate 40 of 'cart' is not a share"):
        leaks.leaks(good, {"cart": 40})
    with pytest.raises(ParameterError, match="draws = 1"):
        leaks.leaks(good, {"cart": .5}, draws=1)
    with pytest.raises(ParameterError, match="also the name of a column"):
        leaks.leaks(good, {"cart": .5}, by="rate")
    many = pd.concat([good.assign(page=str(page)) for page in range(201)])
    with pytest.raises(ParameterError, match="by 'page' has 201 values; allowed: at most 200"):
        leaks.leaks(many, {"cart": .5}, by="page")
    for arguments, why in (((good[:0], {"cart": .5}), "no rows"), ((good[:1], {"cart": .5}), "one step only"),
                           ((good, {}), "no step has a benchmark"), ((good, {"cart": .5}, orders_of([])), "no orders in this period")):
        with pytest.raises(NotMeasured, match=why):
            leaks.leaks(*arguments)
    with pytest.raises(NotMeasured, match="no period_start has 5000 who entered"):
        leaks.best_rates(monthly(300, 400), least_entered=5000)
    nobody = leaks.leaks(conversion(0, 0), {"cart": .5}, orders_of([10])).iloc[0]
    assert nobody[["rate", "users_lost", "lost_orders", "orders_low", "lost_revenue", "revenue_high"]].isna().all()


def broken_at(day, **more):
    return pd.DataFrame({"step": ["cart"], "slice_column": "device", "slice_value": "ios", "since": DAY, "since_low": DAY, "since_high": DAY,
                         "rate_before": .5, "relative_change": -.4, "relative_low": -.5, "relative_high": -.3} | more)


def test_the_money_of_a_break_by_hand():
    # since the 18th 3 days x 100 ios visits entered, 30 a day went on: 90 / (1 - .4) = 150 were to be expected, 60 are lost;
    # of the 180 ios visits that reached the cart 90 = .5 ordered: 30 orders at 20: 600. Android and the days before count in nothing else
    days = pd.date_range(DAY - pd.Timedelta("3D"), periods=6)
    rows = [(day, device, step, *counts) for place, day in enumerate(days)
            for device, step, counts in (("ios", "cart", (100, 30)), ("ios", "order", (30, 15)), ("android", "cart", (50, 50)))]
    trend = pd.DataFrame(rows, columns=["period_start", "device", "step", "entered", "converted"])
    trend = pd.concat([trend, trend.tail(1).assign(step="order", entered=50, converted=0)])
    found = leaks.break_leaks(broken_at(DAY), {"cart": trend}, orders_of([10, 30, 20]))
    assert found[["step", "slice_column", "slice_value"]].iloc[0].tolist() == ["cart", "device", "ios"]
    np.testing.assert_allclose(found[["entered", "converted", "expected", "users_lost", "later_conversion", "lost_orders", "aov", "lost_revenue"]],
                               [[300, 90, 150, 60, .5, 30, 20, 600]])
    assert found["revenue_low"][0] < 600 < found["revenue_high"][0]
    surer = leaks.break_leaks(broken_at(DAY, relative_low=-.41, relative_high=-.39), {"cart": trend}, orders_of([20, 20, 20]))
    assert (surer["orders_high"] - surer["orders_low"])[0] < (found["orders_high"] - found["orders_low"])[0]


def test_a_break_is_priced_by_what_those_of_its_own_days_did():
    # since the 18th 90 ios visits reached the cart, of which 1/3 ordered, at 50; on the days before 1/2 of 150 did, at 10
    days = pd.date_range(DAY - pd.Timedelta("3D"), periods=6)
    rows = [(day, "ios", step, *counts) for place, day in enumerate(days)
            for step, counts in (("cart", (100, 30 if place >= 3 else 50)), ("order", (30, 10) if place >= 3 else (50, 25)))]
    trend = pd.DataFrame(rows, columns=["period_start", "device", "step", "entered", "converted"])
    orders = pd.concat([orders_of([50.0] * 30), orders_of([10.0] * 75).assign(ts=DAY - pd.Timedelta("1D"))])
    own = {("cart", "device", "ios"): [f"u{number}" for number in range(30)]}
    found = leaks.break_leaks(broken_at(DAY), {"cart": trend}, orders, buyers=own, start=DAY - pd.Timedelta("9D"))
    np.testing.assert_allclose(found[["users_lost", "later_conversion", "lost_orders", "aov", "lost_revenue"]], [[60, 1 / 3, 20, 50, 1000]])
    few = trend.assign(converted=trend["converted"] // 10)  # 9 since then are too few, so those of all days count: 9 of 24 ordered
    found = leaks.break_leaks(broken_at(DAY), {"cart": few}, orders, start=DAY - pd.Timedelta("9D"))
    assert found["later_conversion"][0] == pytest.approx(9 / 24)
    assert found["aov"][0] == pytest.approx((30 * 50 + 75 * 10) / 105)


def test_a_break_after_which_nobody_goes_on_costs_all_that_went_on_before():
    trend = pd.DataFrame({"period_start": [DAY - pd.Timedelta("1D"), DAY], "device": "ios", "step": "cart", "entered": 100, "converted": [50, 0]})
    found = leaks.break_leaks(broken_at(DAY, relative_change=-1., relative_low=-1., relative_high=-.9), {"cart": trend})
    np.testing.assert_allclose(found[["expected", "users_lost", "lost_orders"]], [[50, 50, 50]])  # 100 x .5
    assert found["lost_revenue"].isna().all()
    with pytest.raises(InputError, match="no trend of the broken step 'cart'"):
        leaks.break_leaks(broken_at(DAY), {"carts": trend})
    assert leaks.break_leaks(broken_at(DAY)[:0], {}, orders_of([1])).empty


def test_nine_of_ten_intervals_of_breaks_cover_what_known_worlds_have_lost():
    """Breaks as change.rate_breaks would describe them: the log of the relative change, with the binomial error of the days after."""
    random = np.random.default_rng(7)
    days = pd.date_range(DAY - pd.Timedelta("100D"), periods=160)
    after, covered, worlds = days >= DAY, 0, 200
    for world in range(worlds):
        entered = random.poisson(12, len(days))
        would = random.binomial(entered, .6)  # without the break
        does = np.where(after, random.binomial(would, .55), would)
        orders = random.binomial(does, .7)
        lost = (would - does).sum() * .7
        n, hits, base = entered[after].sum(), does[after].sum(), does[~after].sum() / entered[~after].sum()
        error = np.sqrt((1 - hits / n) / hits + (1 - base) / (base * entered[~after].sum()))
        change = hits / n / base
        broken = broken_at(DAY, rate_before=base, relative_change=change - 1, relative_low=change * np.exp(-1.96 * error) - 1,
                           relative_high=change * np.exp(1.96 * error) - 1, slice_column="", slice_value="")
        trend = pd.concat([pd.DataFrame({"period_start": days, "step": step, "entered": n, "converted": hits})
                           for step, n, hits in (("cart", entered, does), ("order", does, orders))])
        found = leaks.break_leaks(broken, {"cart": trend}, draws=400, random_state=world).iloc[0]
        covered += found["orders_low"] <= lost <= found["orders_high"]
    assert .85 <= covered / worlds <= .97


def test_a_break_is_priced_by_the_orders_of_its_own_buyers_if_they_are_enough():
    orders = orders_of([10.0] * 40 + [50.0] * 40)  # u0 to u39 pay 10, the others 50: everyone's mean is 30
    trend = pd.DataFrame({"period_start": [DAY - pd.Timedelta("1D"), DAY], "device": "ios", "step": "cart", "entered": 100, "converted": [50, 30]})

    def aov(buyers):
        return leaks.break_leaks(broken_at(DAY), {"cart": trend}, orders, buyers={("cart", "device", "ios"): buyers})["aov"][0]

    assert aov([f"u{number}" for number in range(40)]) == 10
    assert aov([f"u{number}" for number in range(29)]) == 30  # 29 are too few
