"""Drivers and levers by hand, against plain Python, and on worlds where what goes with going on is planted."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import drivers, funnel
from tests.measures.logs import in_blocks

DAY = pd.Timestamp("2025-06-18")
SECOND = 1_000_000
EVENTS = ["cart", "coupon", "help", "pay"]


def walk(user, *events, device="ios", first=DAY, every="1min"):
    times = [first + place * pd.Timedelta(every) for place in range(len(events))]
    return pd.DataFrame({"user_id": user, "ts": times, "event": events, "device": device})


def people(prefix, count, *events, **how):
    return [walk(f"{prefix}{number}", *events, **how) for number in range(count)]


# The slow and obvious way ----------------------------------------------------------------------------------------------------

def best_attempt(history, steps, window):
    """Indexes that matched the steps, of the first attempt of those that get furthest."""
    found = []
    for start, row in enumerate(history):
        if row.event != steps[0]:
            continue
        places = [start]
        for step in steps[1:]:
            later = [i for i in range(places[-1] + 1, len(history)) if history[i].event == step]
            if not later or (window is not None and history[later[0]].ts - row.ts > window):
                break
            places.append(later[0])
        found.append(places)
    return max(found, key=len, default=[])


def band(microseconds):
    return 0 if microseconds < SECOND else 1 + math.floor(4 * math.log2(microseconds / SECOND))


def slow_drivers(frame, steps, place, window_days, least):
    """event -> (converters who did, others who did, log odds, standard error, chi-squared), and who is compared."""
    window = None if window_days is None else pd.Timedelta(days=window_days)
    closed = None if window is None else frame["ts"].max().normalize() + pd.Timedelta(days=1) - window
    compared = {}
    for _, own in frame.sort_values("ts", kind="stable").groupby("user_id"):
        history = list(own.itertuples())
        places = best_attempt(history, steps, window)
        if len(places) <= place or (closed is not None and history[places[0]].ts >= closed):
            continue
        went_on, here = len(places) > place + 1, places[place]
        until = places[place + 1] if went_on else len(history)
        between = [row for row in history[here + 1:until] if window is None or row.ts - history[places[0]].ts <= window]
        times = [history[here].ts, *(row.ts for row in between)]
        pauses = [(later - earlier) // pd.Timedelta("1us") for earlier, later in itertools.pairwise(times)]
        exposure = sum(pause for pause in pauses if pause <= 1800 * SECOND) if between else None
        key = "nothing" if exposure is None else band(exposure)
        compared.setdefault(key, ([], []))[went_on].append({row.event for row in between})
    strata = [sides for sides in compared.values() if all(sides)]
    out = {}
    for event in sorted({event for sides in strata for side in sides for did in side for event in did}):
        tables = [[(sum(event in did for did in side), len(side)) for side in sides[::-1]] for sides in strata]
        did = sum(a + c for (a, _), (c, _) in tables)
        if did < least or sum(n + m for (_, n), (_, m) in tables) - did < least:
            continue
        r = s = pr = mixed = qs = away = spread = 0.0
        for (a, n), (c, m) in tables:
            b, d, total = n - a, m - c, n + m
            r, s = r + a * d / total, s + b * c / total
            p, q = (a + d) / total, (b + c) / total
            pr, mixed, qs = pr + p * a * d / total, mixed + p * b * c / total + q * a * d / total, qs + q * b * c / total
            away += a - n * (a + c) / total
            spread += n * m * (a + c) * (b + d) / total**2 / max(total - 1, 1)
        known = r > 0 and s > 0
        out[event] = (sum(a for (a, _), _ in tables), sum(c for _, (c, _) in tables), math.log(r / s) if known else math.nan,
                      math.sqrt(pr / (2 * r * r) + mixed / (2 * r * s) + qs / (2 * s * s)) if known else math.nan,
                      away**2 / spread if spread else 0.0)
    return out, tuple(sum(len(sides[side]) for sides in strata) for side in (1, 0))


MOMENTS = [0, 1, SECOND - 1, SECOND, 2 * SECOND, 60 * SECOND, 1860 * SECOND, 86400 * SECOND, 86400 * SECOND + 1, 3 * 86400 * SECOND]
LINES = st.lists(st.tuples(st.integers(0, 11), st.sampled_from(MOMENTS), st.sampled_from(EVENTS)), min_size=1, max_size=60)


def frame_of(lines):
    frame = pd.DataFrame(lines, columns=["user_id", "ts", "event"])
    extra = pd.DataFrame({"user_id": 99, "ts": 0, "event": EVENTS[::-1]})  # all events occur
    frame = pd.concat([frame, extra], ignore_index=True)
    return frame.assign(user_id="u" + frame["user_id"].astype(str), ts=DAY + pd.to_timedelta(frame["ts"], unit="us"),
                        device=np.where(frame["user_id"] % 3 == 0, "ios", np.where(frame["user_id"] % 3 == 1, "web", None)))


@settings(max_examples=200, deadline=None)
@given(LINES, st.sampled_from([["cart", "pay"], ["cart", "help", "pay"], ["cart", "cart", "pay"]]), st.integers(0, 1),
       st.sampled_from([None, 1, 2]), st.integers(1, 3))
def test_drivers_are_what_the_slow_way_finds(lines, steps, place, window_days, block_rows):
    frame = frame_of(lines)
    place = min(place, len(steps) - 2)
    after = "cart (2)" if place and steps[1] == "cart" else steps[place]
    expected, (converters, others) = slow_drivers(frame, steps, place, window_days, 1)
    for events in (frame, in_blocks(frame, block_rows)):
        if not converters:
            with pytest.raises(NotMeasured, match=r"went on and .* did not"):
                drivers.drivers(events, steps, after=after, window_days=window_days, least_users=1)
            continue
        found = drivers.drivers(events, steps, after=after, window_days=window_days, least_users=1).set_index("event")
        assert sorted(found.index) == sorted(expected)
        for event, (did, others_did, odds, error, statistic) in expected.items():
            row = found.loc[event]
            assert (row["converters"], row["others"], row["converters_did"], row["others_did"]) == (converters, others, did, others_did)
            np.testing.assert_allclose([row["log_odds"], row["high"] - row["log_odds"]], [odds, 1.959964 * error], rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(row["p_value"], math.erfc(math.sqrt(statistic / 2)), rtol=1e-9)


@settings(max_examples=100, deadline=None)
@given(LINES, st.sampled_from([["cart", "pay"], ["cart", "help", "pay"]]), st.sampled_from([None, 1]), st.integers(1, 3))
def test_levers_slice_what_the_funnel_slices(lines, steps, window_days, block_rows):
    frame = frame_of(lines)
    late = pd.concat([frame, walk("last", "help", first=DAY + pd.Timedelta("30D"))])  # every window has closed
    if frame["ts"][frame["event"] == steps[0]].empty:
        return
    found = drivers.levers(late, steps, by="device", window_days=window_days, least_users=1, least_share=0).set_index("touchpoint")
    again = drivers.levers(in_blocks(late, block_rows), steps, by="device", window_days=window_days, least_users=1, least_share=0)
    pd.testing.assert_frame_equal(found.reset_index(), again)
    total = funnel.step_conversion(late, steps, window_days=window_days)["users"].tolist()
    for place, step in enumerate(steps[:-1]):
        assert found.loc[step, ["entered", "converted"]].tolist() == total[place:place + 2]


# By hand ---------------------------------------------------------------------------------------------------------------------

def test_odds_by_hand():
    # all with one minute to the last thing they did: one band. coupon: 30 of 40 who paid, 10 of 40 who did not
    frame = pd.concat(people("a", 30, "cart", "coupon", "pay") + people("b", 10, "cart", "help", "pay")
                      + people("c", 10, "cart", "coupon") + people("d", 30, "cart", "help"))
    found = drivers.drivers(frame, ["cart", "pay"], after="cart").set_index("event")
    row = found.loc["coupon"]
    assert row[["converters", "others", "converters_did", "others_did", "reading"]].tolist() == [40, 40, 30, 10, "goes with, not causes"]
    assert (row["converters_rate"], row["others_rate"]) == (0.75, 0.25)
    assert row["log_odds"] == pytest.approx(math.log(30 * 30 / (10 * 10)))
    # one table only: Robins, Breslow and Greenland is Woolf's 1/a + 1/b + 1/c + 1/d
    assert row["high"] - row["log_odds"] == pytest.approx(1.959964 * math.sqrt(2 / 30 + 2 / 10), rel=1e-6)
    # chi-squared with N - 1: (30 - 20)² / (40 * 40 * 40 * 40 / (80² * 79)) = 19.75
    assert row["p_value"] == pytest.approx(math.erfc(math.sqrt(19.75 / 2)))
    assert found.loc["help", "log_odds"] == pytest.approx(-row["log_odds"])
    assert found["q_value"].tolist() == pytest.approx(found["p_value"].tolist())  # two equal p: BH leaves them


def test_who_drops_out_early_had_less_time_and_is_not_held_against_the_event():
    # long: 4 things then decided, coupon among them for all. short: 1 thing, never coupon. Long ones go on 3 of 4, short ones 1 of 4
    long, short = ("cart", "help", "help", "coupon", "help"), ("cart", "help")
    frame = pd.concat(people("a", 60, *long, "pay") + people("b", 20, *long) + people("c", 20, *short, "pay") + people("d", 60, *short))
    other = ("cart", "help", "help", "faq", "help")
    with_other = pd.concat([frame, *people("e", 30, *other, "pay"), *people("f", 10, *other)])
    found = drivers.drivers(with_other, ["cart", "pay"], after="cart").set_index("event")
    # pooled, coupon has odds of (60/50) / (20/70) = 4.2; with equal time it is 60 of 90 against 20 of 30: nothing
    assert found.loc["coupon", "log_odds"] == pytest.approx(0)
    assert found.loc["coupon", "q_value"] > 0.9
    # others' rate at the converters' time: 90 of 110 had the long one, of which 20/30 did it
    assert found.loc["coupon", "others_rate"] == pytest.approx(90 / 110 * 20 / 30)


def markov(random, users, *, leave):
    """After the cart one event at random, then pay (.2), leave (by what was done last), or go on."""
    rows = []
    for user in range(users):
        rows.append((user, 0.0, "cart"))
        now, last = 0.0, "cart"
        while True:
            now += random.exponential(40)
            chance = random.random()
            if chance < 0.2:
                rows.append((user, now, "pay"))
                break
            if chance < 0.2 + leave.get(last, 0.3):
                break
            last = str(random.choice(["search", "help", "faq", "size"]))
            rows.append((user, now, last))
    frame = pd.DataFrame(rows, columns=["user_id", "ts", "event"])
    return frame.assign(user_id="u" + frame["user_id"].astype(str), ts=DAY + pd.to_timedelta(frame["ts"], unit="s"))


def test_nothing_stands_out_where_nothing_was_planted():
    p = []
    for seed in range(40):
        found = drivers.drivers(markov(np.random.default_rng(seed), 800, leave={}), ["cart", "pay"], after="cart")
        p += found["p_value"].tolist()
    assert len(p) == 160
    assert 0.01 <= (np.array(p) < 0.05).mean() <= 0.10  # 5% expected
    assert 0.4 <= np.mean(p) <= 0.6


def test_the_engaged_stay_longer_and_convert_more_and_no_event_is_credited_for_it():
    first, flagged = 0, []
    for seed in range(10):
        random, rows = np.random.default_rng(seed), []
        for user in range(3000):
            leave, pay = random.choice([(0.15, 0.15), (0.5, 0.08)], p=[0.4, 0.6])
            now, last = 0.0, "cart"
            while True:
                rows.append((f"u{user}", now, last))
                now += random.exponential(40)
                chance, paying = random.random(), pay * (2.0 if last == "coupon" else 1.0)  # planted: the coupon doubles the next decision
                if chance < paying:
                    rows.append((f"u{user}", now, "pay"))
                if chance < paying + leave:
                    break
                last = str(random.choice(["search", "help", "faq", "size", "coupon"]))
        frame = pd.DataFrame(rows, columns=["user_id", "ts", "event"])
        found = drivers.drivers(frame.assign(ts=DAY + pd.to_timedelta(frame["ts"], unit="s")), ["cart", "pay"], after="cart")
        first += found["event"].iloc[0] == "coupon" and found["log_odds"].iloc[0] > 0 and found["q_value"].iloc[0] < 0.05
        flagged += (found.loc[found["event"] != "coupon", "q_value"] < 0.05).tolist()
    assert first >= 9
    assert np.mean(flagged) <= 0.1


def test_a_night_between_two_visits_is_no_exposure():
    # one minute spent in two visits, or in one: the same band, so the two are compared
    twice = [pd.concat([walk(f"a{number}", "cart"), walk(f"a{number}", "coupon", "help", "pay", first=DAY + pd.Timedelta("12h"))])
             for number in range(40)]
    found = drivers.drivers(pd.concat(twice + people("b", 40, "cart", "help")), ["cart", "pay"], after="cart").set_index("event")
    assert found.loc["coupon", ["converters_did", "others_did"]].tolist() == [40, 0]


def test_an_event_that_makes_users_leave_is_found_though_they_leave_at_once():
    first = 0
    for seed in range(10):
        found = drivers.drivers(markov(np.random.default_rng(100 + seed), 3000, leave={"help": 0.6}), ["cart", "pay"], after="cart")
        first += found["event"].iloc[0] == "help" and found["log_odds"].iloc[0] < 0 and found["q_value"].iloc[0] < 0.05
    assert first >= 9


def test_an_event_that_all_of_one_side_did_has_no_odds_but_is_certain():
    frame = pd.concat(people("a", 40, "cart", "coupon", "pay") + people("b", 40, "cart", "help"))
    found = drivers.drivers(frame, ["cart", "pay"], after="cart")
    assert found[["log_odds", "low", "high"]].isna().all(axis=None)
    assert (found["q_value"] < 1e-9).all()


def test_little_support_has_no_row_and_another_column_can_be_asked_for():
    frame = pd.concat(people("a", 40, "cart", "coupon", "pay", device="ios") + people("b", 40, "cart", "coupon", device="web")
                      + people("c", 5, "cart", "help"))
    assert drivers.drivers(frame, ["cart", "pay"], after="cart")["event"].tolist() == []  # 80 did coupon, but only 5 did not
    assert drivers.drivers(frame, ["cart", "pay"], after="cart", what="device")["device"].tolist() == ["ios", "web"]


def test_a_property_with_very_many_values_says_only_what_has_support():
    numbers = np.arange(200_000)
    frame = pd.DataFrame({"user_id": numbers // 4, "event": np.tile(["cart", "help", "help", "pay"], 50_000), "query": numbers.astype(str)})
    frame = frame[(frame["event"] != "pay") | (frame["user_id"] % 2 == 0)]
    frame.loc[frame["event"].eq("help") & (frame["user_id"] % 4 == 0), "query"] = "tea"
    frame = frame.assign(ts=DAY + pd.to_timedelta(frame.groupby("user_id").cumcount(), unit="min"))
    found = drivers.drivers(frame, ["cart", "pay"], after="cart", what="query")
    assert found[["query", "converters_did", "others_did"]].values.tolist() == [["tea", 12_500, 0]]
    assert drivers.levers(frame, ["cart", "pay"], by="query")["slice_value"].tolist() == [None]


def test_an_open_window_is_left_out():
    frame = pd.concat([*people("a", 40, "cart", "coupon", "pay"), *people("b", 40, "cart", "help"),
                       *people("c", 40, "cart", "coupon", first=DAY + pd.Timedelta("6D"))])
    found = drivers.drivers(frame, ["cart", "pay"], after="cart", window_days=3)
    assert found[["converters", "others"]].drop_duplicates().values.tolist() == [[40, 40]]


def test_any_of_several_events_is_one_step():
    frame = pd.concat(people("a", 40, "cart", "coupon", "pay") + people("b", 40, "basket", "help") + people("c", 40, "basket", "coupon"))
    found = drivers.drivers(frame, [["cart", "basket"], "pay"], after="cart or basket").set_index("event")
    assert found.loc["coupon", ["converters_did", "others_did"]].tolist() == [40, 40]


def test_a_lever_by_hand():
    # product -> cart: ios 90 of 100, web 60 of 200. cart -> pay: everywhere half
    frame = pd.concat(people("a", 45, "product", "cart", "pay") + people("b", 45, "product", "cart") + people("c", 10, "product")
                      + people("d", 30, "product", "cart", "pay", device="web") + people("e", 30, "product", "cart", device="web")
                      + people("f", 140, "product", device="web"))
    found = drivers.levers(frame, ["product", "cart", "pay"], by="device")
    first, second = found.iloc[0], found.iloc[1]
    assert first[["touchpoint", "next_step", "entered", "converted", "slice_column", "slice_value", "slice_users"]].tolist() == [
        "product", "cart", 300, 150, "device", "ios", 100]
    assert (first["slice_rate"], first["rest_rate"], first["later_rate"]) == (0.9, 0.3, 0.5)
    assert first["more_orders"] == pytest.approx(200 * (0.9 - 0.3) * 0.5)
    assert first["low"] < first["more_orders"] < first["high"]
    assert second[["touchpoint", "slice_value", "more_orders"]].tolist() == ["cart", None, 0]  # half and half: nothing to be had


def test_a_slice_that_is_too_small_is_no_benchmark():
    frame = pd.concat(people("a", 35, "cart", "pay") + people("b", 500, "cart", device="web")
                      + people("c", 500, "cart", "pay", device="web"))
    assert drivers.levers(frame, ["cart", "pay"], by="device")["slice_value"].tolist() == [None]  # 35 of 1,035 is less than 5%
    assert drivers.levers(frame, ["cart", "pay"], by="device", least_share=0.01)["slice_value"].tolist() == ["ios"]


def test_a_best_slice_by_chance_is_rarely_named():
    random, named = np.random.default_rng(3), 0
    for _ in range(60):
        frame = pd.DataFrame({"user_id": np.arange(600), "city": random.choice(list("abcdef"), 600), "pays": random.random(600) < 0.4})
        rows = pd.concat([frame.assign(event="cart"), frame[frame["pays"]].assign(event="pay")])
        found = drivers.levers(rows.assign(ts=DAY), ["cart", "pay"], by="city", start="2025-06-18")
        named += found["slice_value"].notna().iloc[0]
    assert named <= 7  # 5% of 60 is 3


def test_the_interval_of_a_lever_covers_what_was_planted():
    covered = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        city = random.integers(0, 6, 4000)
        cart = random.random(4000) < np.where(city == 5, 0.40, 0.30)  # planted: city f
        users = pd.DataFrame({"user_id": np.arange(4000), "city": np.array(list("abcdef"))[city]})
        rows = [users.assign(event="home"), users[cart].assign(event="cart"), users[cart & (random.random(4000) < 0.5)].assign(event="pay")]
        found = drivers.levers(pd.concat(rows).assign(ts=DAY), ["home", "cart", "pay"], by="city").iloc[0]
        assert found[["touchpoint", "slice_value"]].tolist() == ["home", "f"]
        truth = (city != 5).sum() * (0.40 - 0.30) * 0.5
        covered.append(found["low"] <= truth <= found["high"])
    assert np.mean(covered) >= 0.9


def test_what_cannot_be_asked():
    frame = walk("a", "cart", "pay")
    for options, said in (({"after": "pay"}, "after 'pay' is not a step that another one follows; allowed: cart"),
                          ({"after": "cart", "least_users": 0}, "least_users must be at least 1"),
                          ({"after": "cart", "window_days": 0}, "window_days must be more than 0"),
                          ({"after": "cart", "unit": "visit"}, "unit 'visit' is not one")):
        with pytest.raises(ParameterError, match=said):
            drivers.drivers(frame, ["cart", "pay"], **options)
    with pytest.raises(InputError, match="event 'chart' does not occur"):
        drivers.drivers(frame, ["chart", "pay"], after="chart")
    with pytest.raises(InputError, match="no column 'devices'"):
        drivers.levers(frame, ["cart", "pay"], by="devices")
    with pytest.raises(ParameterError, match="at least one column"):
        drivers.levers(frame, ["cart", "pay"], by=[])
    with pytest.raises(NotMeasured, match="1 went on and 0 did not"):
        drivers.drivers(frame, ["cart", "pay"], after="cart")
    with pytest.raises(NotMeasured, match="nobody did the first step"):
        drivers.levers(frame, ["cart", "pay"], by="device", as_of="2025-06-01")


def test_steps_are_the_funnels_with_conditions_and_any_of_but_none_optional():
    rows = [(f"{device}{number}", device, event) for device, pays in (("ios", 80), ("web", 40)) for number in range(100)
            for event in ["view", "cart", "pay"][:2 + (number < pays)]]
    events = pd.DataFrame(rows, columns=["user_id", "device", "event"]).assign(ts=pd.Timestamp("2025-06-18"))
    ios = [{"event": "cart", "where": {"device": "ios"}}, ["pay", "view"]]
    found = drivers.levers(events, ios, by="device")
    assert found[["touchpoint", "next_step", "entered", "converted"]].values.tolist() == [["cart (device=ios)", "pay or view", 100, 80]]
    with pytest.raises(ParameterError, match="step 'cart' is optional"):
        drivers.levers(events, ["view", {"event": "cart", "optional": True}, "pay"], by="device")
