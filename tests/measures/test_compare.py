"""Comparisons against hand counts, a slow second way (all orders of changing the factors), published intervals and resampled users."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import compare, funnel

STEPS = ["home", "cart", "payment"]


def conversion(*users, steps=STEPS):
    return pd.DataFrame({"step": steps, "users": users})


def by_device(steps=("home", "order"), **users):
    rows = [(device, step, count) for device, counts in users.items() for step, count in zip(steps, counts, strict=True)]
    return pd.DataFrame(rows, columns=["device", "step", "users"])


def test_differences_by_hand_and_newcombes_published_interval():
    # payment: 56 of 70 against 48 of 80, the first example of Newcombe (1998), method 10: .0524 to .3339
    found = compare.step_differences(conversion(180, 70, 56), conversion(200, 80, 48))
    assert found[["step", "entered", "converted", "other_entered", "other_converted"]].values.tolist() == [
        ["cart", 180, 70, 200, 80], ["payment", 70, 56, 80, 48]]
    np.testing.assert_allclose(found["difference"], [70 / 180 - 80 / 200, 56 / 70 - 48 / 80])
    assert found[["low", "high"]].round(4).values[1].tolist() == [0.0524, 0.3339]
    # two comparisons: the smaller p counts twice, the larger once
    assert found["p_adjusted"].tolist() == pytest.approx([found["p_value"][0], 2 * found["p_value"][1]])


def test_base_first_ends_with_the_overall_conversion():
    found = compare.step_differences(conversion(180, 70, 56), conversion(200, 80, 48), base="first")
    assert found["entered"].tolist() == [180, 180]
    assert found["difference"].iloc[-1] == pytest.approx(56 / 180 - 48 / 200)


def test_breakdowns_keep_nulls_and_a_side_without_anybody_is_null_and_no_comparison():
    now, before = by_device(ios=(10, 5), web=(20, 4)), by_device(ios=(10, 2))
    now.loc[now["device"] == "web", "device"] = None
    found = compare.step_differences(now, before, by="device")
    assert found["device"].tolist() == ["ios", None]
    assert found[["difference", "low", "high", "p_value", "p_adjusted"]].iloc[1].isna().all()
    assert found["p_adjusted"][0] == found["p_value"][0]  # one comparison, not two


def test_a_trend_is_added_up_to_what_its_conversion_is():
    day = pd.Timestamp("2025-06-18")
    events = pd.DataFrame([(user, day + pd.Timedelta(days=user % 3, minutes=place), step, "ios" if user % 2 else "web")
                           for user in range(40) for place, step in enumerate(STEPS[:1 + user % 4 % 3])],
                          columns=["user_id", "ts", "event", "device"])
    trend = funnel.step_trend(events, STEPS, by="device")  # each user has one session
    whole = funnel.step_conversion(events, STEPS, by="device")
    for by in (None, "device"):
        counts = whole if by else whole.groupby("step", sort=False, as_index=False)["users"].sum()
        one, two = compare.step_differences(trend, trend, by=by), compare.step_differences(counts, counts, by=by)
        keys = [by] * bool(by) + ["step"]
        pd.testing.assert_frame_equal(one.sort_values(keys, ignore_index=True), two.sort_values(keys, ignore_index=True))


def test_benjamini_hochberg_keeps_false_discoveries_at_its_level():
    random, named = np.random.default_rng(1), 0
    for _ in range(300):  # nothing differs in 20 steps: at most 5% of comparisons as a whole may name anything
        frames = [pd.DataFrame({"step": [f"s{i}" for i in range(21)], "users": [5000, *random.binomial(5000, 0.3, 20)]}) for _ in range(2)]
        named += bool((compare.step_differences(*frames, base="first")["p_adjusted"] < 0.05).any())
    assert named <= 26  # 15 expected; 26 is three standard deviations above


# Mix and rate ----------------------------------------------------------------------------------------------------------------

COUNTS = st.lists(st.tuples(st.integers(0, 40), st.floats(0, 1), st.integers(0, 40), st.floats(0, 1)), min_size=1, max_size=5)


def frames_of(counts):
    named = {f"v{i}": (n, round(n * p), m, round(m * q)) for i, (n, p, m, q) in enumerate(counts)}
    return (by_device(**{name: (one[0], one[1]) for name, one in named.items()}),
            by_device(**{name: (one[2], one[3]) for name, one in named.items()}), named)


def slow_effects(named):
    """Shapley's value by its definition: the mean, over both orders of changing shares and rates, of what each change does."""
    n, m = sum(one[0] for one in named.values()), sum(one[2] for one in named.values())
    total = {"mix": 0.0, "rate": 0.0}
    for order in permutations(total):
        state = {"mix": "other", "rate": "other"}

        def overall(state=state):
            value = 0.0
            for entered, hits, other_entered, other_hits in named.values():
                share = entered / n if state["mix"] == "now" else other_entered / m
                rates = {"now": hits / entered if entered else None, "other": other_hits / other_entered if other_entered else None}
                rate = rates[state["rate"]]
                if rate is None:
                    rate = rates["now"] if rates["now"] is not None else rates["other"]
                value += share * (rate or 0)
            return value

        for factor in order:
            before = overall()
            state[factor] = "now"
            total[factor] += (overall() - before) / 2
    return total


@settings(max_examples=200, deadline=None)
@given(COUNTS.filter(lambda counts: sum(one[0] for one in counts) > 0 and sum(one[2] for one in counts) > 0))
def test_effects_are_shapleys_and_sum_exactly_to_the_change(counts):
    now, before, named = frames_of(counts)
    found = compare.mix_and_rate(now, before, by="device").set_index("effect")
    expected = slow_effects(named)
    assert found["value"][["mix", "rate"]].to_dict() == pytest.approx(expected, abs=1e-12)
    assert found["value"]["mix"] + found["value"]["rate"] == found["value"]["change"]
    n, hits, m, others = (sum(one[i] for one in named.values()) for i in range(4))
    assert found["value"]["change"] == pytest.approx(hits / n - others / m, abs=1e-12)
    assert found["low"].le(found["value"]).all()
    assert len(compare.mix_by_segment(now, before, by="device")) == sum(one[0] + one[2] > 0 for one in named.values())


def test_segments_by_hand():
    # ios: share 100/200 -> 50/200, rate .4 -> .5; web: share .5 -> .75, rate .2 -> .2. Overall: .3 -> .275; middle .2875
    found = compare.mix_by_segment(by_device(ios=(50, 25), web=(150, 30)), by_device(ios=(100, 40), web=(100, 20)), by="device")
    # ios: mix (.25 - .5) x (.45 - .2875) = -.040625, rate .1 x .375 = .0375; web: mix .25 x (.2 - .2875) = -.021875, rate 0
    assert found["device"].tolist() == ["web", "ios"]  # -.021875 against -.003125
    np.testing.assert_allclose(found["mix_effect"], [-0.021875, -0.040625])
    np.testing.assert_allclose(found["rate_effect"], [0, 0.0375], atol=1e-12)
    assert found[["mix_effect", "rate_effect"]].sum().sum() == pytest.approx(0.275 - 0.3)


def test_a_segment_that_came_is_mix_and_a_segment_that_is_everybody_is_rate():
    came = compare.mix_and_rate(by_device(ios=(100, 40), web=(100, 10)), by_device(ios=(100, 40)), by="device").set_index("effect")["value"]
    assert came.to_dict() == pytest.approx({"mix": -0.15, "rate": 0, "change": -0.15})
    alone = compare.mix_and_rate(by_device(ios=(100, 20)), by_device(ios=(100, 40)), by="device")
    assert alone["value"].tolist() == pytest.approx([0, -0.2, -0.2])
    assert np.isnan(alone["p_value"][0])  # one segment has no mix, and no error of it


def test_intervals_are_those_of_resampled_users():
    random = np.random.default_rng(0)
    p, q = np.array([0.06, 0.14, 0.16, 0.64]), np.array([0.15, 0.25, 0.12, 0.48])  # ios order, ios none, web order, web none

    def sides(counts):
        return by_device(ios=(counts[0] + counts[1], counts[0]), web=(counts[2] + counts[3], counts[2]))

    drawn = np.array([compare.mix_and_rate(sides(random.multinomial(3000, p)), sides(random.multinomial(2000, q)), by="device")["value"]
                      for _ in range(400)])
    found = compare.mix_and_rate(sides(p * 3000), sides(q * 2000), by="device")
    # the standard deviation of 400 draws is itself known to 3.5%
    np.testing.assert_allclose((found["high"] - found["low"]) / 2 / 1.96, drawn.std(axis=0), rtol=0.12)


def test_two_columns_make_the_segments_together():
    one = by_device(ios=(10, 5), web=(20, 4)).assign(channel=["a", "a", "b", "b"])
    found = compare.mix_by_segment(one, one, by=["device", "channel"])
    assert found[["device", "channel"]].values.tolist() == [["ios", "a"], ["web", "b"]]
    assert (found[["mix_effect", "rate_effect"]] == 0).all(axis=None)


def test_what_cannot_be_compared_is_a_sentence():
    good, sliced = conversion(180, 70, 56), by_device(ios=(10, 5))
    with pytest.raises(InputError, match=r"conversion: no column 'users'.*did you mean 'user'"):
        compare.step_differences(good.rename(columns={"users": "user"}), good)
    with pytest.raises(InputError, match="other: its steps are home, order, those of conversion home, cart, payment"):
        compare.step_differences(good, sliced)
    with pytest.raises(InputError, match=r"other: no column 'device'"):
        compare.mix_by_segment(sliced, conversion(1, 1, steps=["home", "order"]), by="device")
    with pytest.raises(ParameterError, match="did you mean 'first'"):
        compare.step_differences(good, good, base="frist")
    with pytest.raises(ParameterError, match="also the name of a column"):
        compare.step_differences(good.assign(rate="x"), good.assign(rate="x"), by="rate")
    with pytest.raises(ParameterError, match="by names no column"):
        compare.mix_and_rate(sliced, sliced, by=())
    with pytest.raises(ParameterError, match="level 2 is not a level"):
        compare.step_differences(good, good, level=2)
    with pytest.raises(NotMeasured, match="nobody entered the funnel on the other side"):
        compare.mix_and_rate(sliced, by_device(ios=(0, 0)), by="device")
    for frame, why in ((good[:0], "no rows"), (good[:1], "one step only")):
        with pytest.raises(NotMeasured, match=why):
            compare.step_differences(frame, good)
