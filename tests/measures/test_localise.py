"""Localisation against hand counts, Mantel and Haenszel's own statistic, and planted worlds: the planted is found, and nothing else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import localise

SIZES = {"device": 4, "channel": 6, "region": 8, "plan": 3}
BY = list(SIZES)


def world(seed, plants=(), general=0.0, people=40_000, size=-0.8):
    """(now, before): four properties, another mix on either side, and on the first side a shift of log-odds in the planted slices."""
    random = np.random.default_rng(seed)
    grid = dict(zip(BY, np.array(np.meshgrid(*map(np.arange, SIZES.values()), indexing="ij")).reshape(len(BY), -1), strict=True))
    score = -0.4 + sum(random.normal(0, 0.3, SIZES[name])[grid[name]] for name in BY)
    sides = []
    for now in (True, False):
        mix = np.prod([random.dirichlet(np.full(SIZES[name], 4.0))[grid[name]] for name in BY], axis=0)
        shift = general + sum(size * np.all([grid[name] == value for name, value in plant.items()], axis=0) for plant in plants)
        entered = random.multinomial(people, mix)
        sides.append(pd.DataFrame({name: [f"{name[0]}{value}" for value in grid[name]] for name in BY}).assign(
            step="cart", entered=entered, converted=random.binomial(entered, 1 / (1 + np.exp(-score - shift * now)))))
    return sides


def named(plant):
    return ", ".join(f"{name}={name[0]}{plant[name]}" for name in BY if name in plant)


def f1(pairs):
    hits, wrong, missed = (sum(len(of(*pair)) for pair in pairs)
                           for of in (set.intersection, lambda found, true: found - true, lambda found, true: true - found))
    return 2 * hits / (2 * hits + wrong + missed)


def table(converted, other_converted, entered=1000):
    rows = [(device, channel, "cart", entered) for device in ("ios", "web") for channel in ("ads", "mail")]
    frame = pd.DataFrame(rows, columns=["device", "channel", "step", "entered"])
    return frame.assign(converted=converted), frame.assign(converted=other_converted)


def test_one_property_by_hand():
    # ios fell from .5 to .4: 200 of 2000 fewer; web stayed
    found = localise.change_slices(*table([400, 400, 500, 500], 500), by=["device", "channel"])
    columns = ["step", "slice", "rate", "other_rate", "entered", "other_entered"]
    assert found[columns].values.tolist() == [["cart", "device=ios", .4, .5, 2000, 2000]]
    assert found["users_change"][0] == pytest.approx(-200, rel=.01)
    assert found["share_explained"][0] == pytest.approx(1, rel=.01)
    # two strata, each: 400 less the expected 450, variance 1000 x 1000 x 900 x 1100 / (2000² x 1999)
    assert found["statistic"][0] == pytest.approx(100 / np.sqrt(2 * 1e6 * 900 * 1100 / (4e6 * 1999)), rel=1e-3)
    assert found["statistic"][0] > found["threshold"][0]
    assert found["p_value"][0] < .01


def test_a_mix_that_shifts_is_no_slice():
    now, before = table([800, 400, 200, 100], [400, 800, 100, 200])
    now["entered"], before["entered"] = [2000, 1000, 2000, 1000], [1000, 2000, 1000, 2000]  # .4 of ios, .1 of web, ads twice as many now
    assert localise.change_slices(now, before, by=["device", "channel"]).empty
    before["entered"] = now["entered"] = 1000
    fewer = [table([400, 400, 100, 100], [400, 400, 100, 100])[0].assign(entered=n, converted=lambda f: [f.entered[0] * .4] * 2 + [
        f.entered[2] * .1] * 2) for n in ([500, 500, 3000, 3000], [3000, 3000, 500, 500])]
    assert localise.change_slices(*fewer, by="device").empty  # the overall rate fell from .357 to .143


def test_everyone_is_named_when_all_fell_and_the_one_that_did_not_when_it_stands_out():
    found = localise.change_slices(*table(400, 500), by=["device", "channel"])
    assert found["slice"].tolist() == [""]
    found = localise.change_slices(*table([400, 400, 400, 600], 500), by=["device", "channel"])
    assert set(found["slice"]) == {"", "device=web, channel=mail"}
    # shifts add up in log-odds: without everyone's, web by mail would have .69 and not .7
    assert found.set_index("slice")["users_change"].to_dict() == pytest.approx({"": -392, "device=web, channel=mail": 200}, abs=1)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 60)] * 2, st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=4), st.floats(-3, 3))
def test_expectations_are_cornfields(strata, shift):
    frame = pd.DataFrame([(f"v{i}", "cart", n, round(n * p), m, round(m * q)) for i, (n, m, p, q) in enumerate(strata)],
                         columns=["a", "step", "entered", "converted", "m", "others"])
    step = localise._Step("cart", frame, frame.assign(entered=frame["m"], converted=frame["others"]), ("a",))
    x, variance = step.expected(np.full(len(step.n), shift))
    n, m, total = step.n, step.m, step.hits + step.others
    assert (x >= np.maximum(0, total - m) - 1e-6).all()
    assert (x <= np.minimum(n, total) + 1e-6).all()
    inside = (n > 0) & (m > 0) & (total > 0) & (total < n + m)
    np.testing.assert_allclose((x * (m - total + x))[inside], (np.exp(shift) * (n - x) * (total - x))[inside], rtol=1e-6, atol=1e-6)
    if shift == 0:  # Mantel and Haenszel's variance
        exact = n * m * total * (n + m - total) / np.maximum((n + m) ** 2 * (n + m - 1), 1)
        np.testing.assert_allclose(variance[inside], exact[inside])
    assert (variance[~inside] == 0).all()


@pytest.mark.parametrize(("kind", "general"), [("one", 0.0), ("pair", 0.0), ("triple", 0.0), ("two", 0.0), ("one", -0.3)])
def test_planted_slices_are_found_and_no_others(kind, general):
    pairs = []
    for seed in range(5000, 5020):  # other seeds than those tried while this was built
        random = np.random.default_rng(seed)
        device, channel, plan = (int(random.integers(SIZES[name])) for name in ("device", "channel", "plan"))
        plants = {"one": [{"channel": channel}], "pair": [{"device": device, "plan": plan}],
                  "triple": [{"device": device, "channel": channel, "plan": plan}],
                  "two": [{"device": device}, {"channel": channel}]}[kind]
        people = 400_000 if kind == "triple" else 40_000  # a slice of three properties is one in seventy
        found = localise.change_slices(*world(seed, plants, general, people), by=BY)
        pairs.append((set(found["slice"]), {named(plant) for plant in plants} | ({""} if general else set())))
    assert f1(pairs) >= 0.95


def test_nothing_stands_out_where_nothing_was_planted():
    assert sum(len(localise.change_slices(*world(seed), by=BY)) > 0 for seed in range(6000, 6040)) <= 3  # .4 expected


def test_a_slice_is_of_no_more_properties_than_asked_for_and_selects_its_rows():
    now, before = world(5000, [{"device": 1, "channel": 2, "plan": 0}], people=1_000_000)
    found = localise.change_slices(now, before, by=BY)
    assert found["slice"].tolist() == ["device=d1, channel=c2, plan=p0"]
    assert found["where"].tolist() == [{"device": "d1", "channel": "c2", "plan": "p0"}]
    own = now[np.logical_and.reduce([now[name] == value for name, value in found["where"][0].items()])]
    assert own["entered"].sum() == found["entered"][0]
    pair = localise.change_slices(now, before, by=BY, depth=2)["where"][0]  # then what contains it
    assert set(pair.items()) < set(found["where"][0].items())
    assert localise.change_slices(now, before, by=BY, depth=1).empty  # too thin for any of the three alone


def test_a_slice_that_explains_next_to_nothing_is_left_out():
    # ios by ads: 30,000 fewer of 100,000; web by mail: 3,000 fewer, a tenth of that, though 14 standard deviations
    now, before = table([20_000, 50_000, 50_000, 47_000], 50_000, entered=100_000)
    assert localise.change_slices(now, before, by=["device", "channel"])["slice"].tolist() == ["device=ios, channel=ads"]
    every = localise.change_slices(now, before, by=["device", "channel"], least_share=0)
    assert "device=web, channel=mail" in every["slice"].tolist()


def daily(seed, where, at, days=60, shift=-0.5):
    """A day and stratum a row; from day ``at`` on the slice converts worse; a wave moves all of them."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame([(day, device, channel) for day in range(days) for device in ("ios", "web") for channel in ("ads", "mail", "search")],
                        columns=["day", "device", "channel"])
    hit = np.logical_and.reduce([rows[name] == value for name, value in where.items()]) & (rows["day"] >= at)
    odds = -0.2 + 0.3 * np.sin(rows["day"]) + 0.4 * (rows["channel"] == "ads") + shift * hit
    entered = random.poisson(150, len(rows))
    return rows.assign(period_start=pd.Timestamp("2025-04-01") + pd.to_timedelta(rows["day"], unit="D"), step="cart", entered=entered,
                       converted=random.binomial(entered, 1 / (1 + np.exp(-odds))))


def test_since_when_is_within_its_range_and_within_three_days():
    near, covered = 0, 0
    for seed in range(7000, 7020):
        random = np.random.default_rng(seed)
        at, where = int(random.integers(20, 40)), [{"device": "ios"}, {"device": "web", "channel": "mail"}][seed % 2]
        trend = daily(seed, where, at)
        late = trend["day"] >= 40
        found = localise.slices_since(trend, localise.change_slices(trend[late], trend[trend["day"] < 20], by=["device", "channel"]))
        assert found["where"].tolist()[0] == where
        planted = pd.Timestamp("2025-04-01") + pd.Timedelta(days=at)
        near += abs(found["since"][0] - planted) <= pd.Timedelta(days=3)
        covered += found["since_low"][0] <= planted <= found["since_high"][0]
        assert found["since_p_value"][0] < .05
        assert found["after"][0] < found["before"][0]
    assert near >= 18
    assert covered >= 17


def test_since_when_of_nothing_and_of_too_few_days():
    trend = daily(1, {"device": "ios"}, 99)
    late = trend["day"] >= 40
    none = localise.slices_since(trend, localise.change_slices(trend[late], trend[~late], by=["device", "channel"]))
    assert none.empty
    assert none["since"].dtype == "datetime64[us]"
    short = daily(1, {"device": "ios"}, 5, days=10)
    found = localise.change_slices(short[short["day"] >= 5], short[short["day"] < 5], by="device")
    assert localise.slices_since(short, found)["since"].isna().all()
    assert localise.slices_since(short, found, least_days=3)["since"].notna().all()
    with pytest.raises(InputError, match="trend: no column 'device'"):
        localise.slices_since(short.drop(columns="device"), found)
    with pytest.raises(ParameterError, match="least_days 1"):
        localise.slices_since(short, found, least_days=1)


def test_steps_keep_the_funnels_order_and_periods_are_added_up():
    one = [pd.concat([frame, frame.assign(step="payment", converted=frame["entered"] // 3)]) for frame in table([300, 300, 500, 500], 500)]
    one[0].loc[(one[0]["step"] == "payment") & (one[0]["channel"] == "ads"), "converted"] = 200
    found = localise.change_slices(*one, by=["device", "channel"])
    assert found[["step", "slice"]].values.tolist() == [["cart", "device=ios"], ["payment", "channel=ads"]]
    halves = [pd.concat([frame.assign(entered=frame["entered"] // 2, converted=frame["converted"] // 2, period_start=day) for day in "ab"])
              for frame in one]
    again = localise.change_slices(*halves, by=["device", "channel"])
    assert again["slice"].tolist() == found["slice"].tolist()


def test_missing_values_are_a_slice_and_a_property_of_many_values_is_borne():
    now, before = table([300, 300, 500, 500], 500)
    for frame in (now, before):
        frame["device"] = frame["device"].replace("ios", None)
    assert localise.change_slices(now, before, by=["device", "channel"])["slice"].tolist() == ["device=(missing)"]
    many = [pd.concat([frame.assign(page=f"p{page}", entered=frame["entered"] // 10, converted=frame["converted"] // 10)
                       for page in range(500)]) for frame in (now, before)]
    assert localise.change_slices(*many, by=["device", "channel", "page"])["slice"].tolist()[0] == "device=(missing)"


def test_what_cannot_be_asked_is_a_sentence():
    now, before = table(400, 500)
    with pytest.raises(InputError, match=r"other: no column 'device'; allowed: .*did you mean 'devise'"):
        localise.change_slices(now, before.rename(columns={"device": "devise"}), by=["device"])
    with pytest.raises(ParameterError, match="false_alarms 2 is not a share"):
        localise.change_slices(now, before, by=["device"], false_alarms=2)
    for options, sentence in (({"depth": 5}, "depth 5 is not a number of properties"), ({"least_share": -1}, "least_share -1 is not a share")):
        with pytest.raises(ParameterError, match=sentence):
            localise.change_slices(now, before, by=["device"], **options)
    with pytest.raises(ParameterError, match="by names no property"):
        localise.change_slices(now, before, by=[])
    with pytest.raises(NotMeasured, match="no step in common"):
        localise.change_slices(now[:0], before, by=["device"])
    assert localise.change_slices(now.assign(entered=0, converted=0), before, by=["device"]).empty
