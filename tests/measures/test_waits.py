"""Waits against hand counts, a published clinical trial, and a second implementation: plain Python over one user's list."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import funnel, waits
from tests.measures.logs import in_blocks

DAY = pd.Timestamp("2025-06-18")
EVENTS = ["home", "cart", "payment"]
MOMENTS = [0, 1, 60, 24 * 60, 24 * 60 + 1, 48 * 60, 73 * 60]  # minutes
LINES = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(MOMENTS), st.sampled_from(EVENTS),
                           st.sampled_from(["ios", "web", None])), max_size=30)


def frame_of(lines):
    extra = [(f"z{i}", 0, event, "ios") for i, event in enumerate(EVENTS)]  # every step occurs
    frame = pd.DataFrame([*lines, *extra], columns=["user_id", "minutes", "event", "device"]).astype({"device": object})
    return frame.assign(ts=DAY + pd.to_timedelta(frame["minutes"], unit="min")).drop(columns="minutes")


def slow_waits(frame, steps, window, end):
    """(minutes seen, converted, device at the start) of each user, step by step."""
    out = []
    for _, own in frame.sort_values("ts", kind="stable").groupby("user_id"):
        rows = [(row.ts, row.event, None if pd.isna(row.device) else row.device) for row in own.itertuples()]
        place = next((i for i, row in enumerate(rows) if row[1] == steps[0]), None)
        if place is None:
            continue
        begin, device = rows[place][0], rows[place][2]
        for step in steps[1:]:
            place = None if place is None else next((i for i in range(place + 1, len(rows)) if rows[i][1] == step), None)
        if place is not None and rows[place][0] - begin <= window:
            out.append(((rows[place][0] - begin) / pd.Timedelta("1min"), True, device))
        else:
            out.append((min(window, end - begin) / pd.Timedelta("1min"), False, device))
    return out


def slow_curve(found):
    """(minutes, waiting, converted, censored, conversion) at each time of a conversion, in exact fractions."""
    left, out = Fraction(1), []
    for time in sorted({minutes for minutes, converted, _ in found if converted}):
        waiting = sum(minutes >= time for minutes, _, _ in found)
        ends = sum(minutes == time and converted for minutes, converted, _ in found)
        left *= 1 - Fraction(ends, waiting)
        out.append((time, waiting, sum(minutes <= time and converted for minutes, converted, _ in found),
                    sum(minutes < time and not converted for minutes, converted, _ in found), 1 - left))
    return out


@settings(max_examples=150, deadline=None)
@given(LINES, st.lists(st.sampled_from(EVENTS), min_size=2, max_size=3), st.sampled_from([None, 1]), st.sampled_from([None, "2025-06-20"]),
       st.booleans())
def test_the_curve_is_what_the_slow_way_counts(lines, steps, window_days, as_of, by):
    frame = frame_of(lines)
    end = frame["ts"].max() if as_of is None else pd.Timestamp(as_of) + pd.Timedelta(days=1)
    kept = frame if as_of is None else frame[frame["ts"] < end]
    expected = slow_waits(kept, steps, pd.Timedelta(days=1 if window_days else 9999), end)
    curves = waits.conversion_curve(frame, steps, window_days=window_days, as_of=as_of, by="device" if by else None)
    devices = list(dict.fromkeys(None if pd.isna(value) else value for value in curves["device"])) if by else ["all"]
    assert set(devices) == ({device for _, _, device in expected} if by else {"all"})
    for device in devices:
        own = [one for one in expected if one[2] == device] if by else expected
        curve = curves[curves["device"].isna() if device is None else curves["device"] == device] if by else curves
        points = {row.minutes: row[-6:-2] for row in curve[list(waits.COLUMNS)].itertuples(index=False)}
        for minutes, waiting, converted, censored, conversion in slow_curve(own):
            assert points[minutes] == pytest.approx((waiting, converted, censored, float(conversion)))
        assert curve["minutes"].tolist()[-1] == pytest.approx(max(minutes for minutes, _, _ in own))


def test_six_mercaptopurine_of_freireich_1963():
    """Weeks of remission under 6-MP, Freireich and others, Blood 21 (1963) 699: the textbooks' example, with their figures."""
    weeks = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    found = waits.product_limit(weeks, [True] * 9 + [False] * 12).set_index("minutes")
    assert found["waiting"].to_dict() == {0: 21, 6: 21, 7: 17, 10: 15, 13: 12, 16: 11, 22: 7, 23: 6, 35: 1}
    published = {6: (.8571, .6197, .9516), 7: (.8067, .5631, .9228), 10: (.7529, .5032, .8894), 13: (.6902, .4316, .8491),
                 16: (.6275, .3675, .8049), 22: (.5378, .2678, .7468), 23: (.4482, .1881, .6801)}
    for week, (left, low, high) in published.items():
        row = found.loc[week]
        assert (1 - row[["conversion", "high", "low"]]).tolist() == pytest.approx([left, low, high], abs=6e-5)


def test_without_censoring_the_curve_is_the_share_that_has_converted():
    random = np.random.default_rng(3)
    minutes = random.exponential(100, 50)
    found = waits.product_limit(minutes, np.ones(50, bool))
    np.testing.assert_allclose(found["conversion"], found["converted"] / 50, atol=1e-12)
    assert found.iloc[-1][["low", "high"]].isna().all()


def test_the_censored_are_not_counted_as_lost():
    # half of the users came one hour before the data ends; all convert after about 100 minutes
    random, hits = np.random.default_rng(5), []
    for _ in range(300):
        wait, seen = random.exponential(100, 80), np.where(np.arange(80) < 40, 60, 1000)
        curve = waits.product_limit(np.minimum(wait, seen), wait <= seen)
        at = curve[curve["minutes"] <= 100].iloc[-1]
        hits.append(at["low"] <= 1 - np.exp(-1) <= at["high"])
    assert 0.92 <= np.mean(hits) <= 0.98  # of a 95% interval, give or take two standard deviations


def test_a_long_curve_is_thinned_and_keeps_its_values():
    minutes, converted = np.arange(5000) / 7, np.arange(5000) % 3 > 0
    whole, thin = (waits.product_limit(minutes, converted, points=points) for points in (10_000, 50))
    assert len(thin) <= 52
    pd.testing.assert_frame_equal(whole[whole["minutes"].isin(thin["minutes"])].reset_index(drop=True), thin)
    assert thin["conversion"].diff().max() < 2.5 / 50
    assert thin.iloc[-1]["conversion"] == whole.iloc[-1]["conversion"]


def test_the_end_of_the_curve_is_the_funnels_conversion_where_everybody_starts_once():
    random = np.random.default_rng(1)
    lines = [(f"u{user}", minute, event, "ios") for user in range(300)
             for minute, event in zip(np.cumsum(random.integers(1, 900, 3)), EVENTS[:random.integers(1, 4)], strict=False)]
    frame = pd.DataFrame(lines, columns=["user_id", "minutes", "event", "device"])
    frame = frame.assign(ts=DAY + pd.to_timedelta(frame["minutes"], unit="min"))
    curve = waits.conversion_curve(frame, EVENTS, window_days=1, as_of="2025-07-30")
    counted = funnel.step_conversion(frame, EVENTS, window_days=1)["conversion"].iloc[-1]
    assert curve["conversion"].iloc[-1] == pytest.approx(counted)
    assert curve["minutes"].iloc[-1] == 24 * 60


def test_the_last_microsecond_of_the_window_counts_and_start_moves_the_beginning():
    frame = pd.DataFrame({"user_id": list("aabb"), "event": ["home", "cart"] * 2, "device": "ios",
                          "ts": DAY + pd.to_timedelta(["0D", "1D", "0D", "1D 0.000001s"])})
    curve = waits.conversion_curve(frame, ["home", "cart"], window_days=1)
    assert curve[["minutes", "converted", "waiting"]].values.tolist() == [[0, 0, 2], [1440, 1, 2]]
    later = pd.concat([frame, frame.assign(ts=frame["ts"] + pd.Timedelta("5D 1h"))])
    assert waits.conversion_curve(later, ["home", "cart"], start="2025-06-20")["minutes"].tolist()[1] == 1440


@settings(max_examples=30, deadline=None)
@given(LINES, st.integers(1, 3))
def test_small_blocks_give_what_the_frame_gives(lines, block_rows):
    frame = frame_of(lines)
    table = in_blocks(frame, block_rows)
    pd.testing.assert_frame_equal(*(waits.conversion_curve(one, EVENTS, by="device") for one in (table, frame)))


def test_a_property_of_many_values_keeps_the_largest_and_pools_the_rest():
    lines = [(f"u{user}", minute, event, f"v{user % 40}" if user < 90 else "big" if user < 99 else None)
             for user in range(100) for minute, event in ((0, "home"), (user, "cart"), (user, "payment"))]
    curves = waits.conversion_curve(frame_of(lines), ["home", "cart"], by="device")
    values = curves["device"].drop_duplicates().tolist()
    assert len(values) == 14
    assert values[0] == "big"
    assert values[-2:] == ["other", None]
    # big: 9 users; v0 to v9: 3 each; the 12th place is v10's with 2; the other 29 values have 58, and z0 of another event's has 1
    assert curves.groupby("device", sort=False, dropna=False)["waiting"].first().tolist() == [9, *[3] * 2, 2, *[3] * 8, 59, 1]


def test_what_cannot_be_asked_is_a_sentence():
    frame = frame_of([("a", 0, "home", "ios"), ("a", 5, "cart", "ios")])
    with pytest.raises(InputError, match=r"event 'crat' does not occur.*did you mean 'cart'"):
        waits.conversion_curve(frame, ["home", "crat"])
    with pytest.raises(ParameterError, match="at least two event names"):
        waits.conversion_curve(frame, ["home"])
    with pytest.raises(ParameterError, match="window_days must be more than 0"):
        waits.conversion_curve(frame, EVENTS, window_days=0)
    with pytest.raises(ParameterError, match="also the name of a column"):
        waits.conversion_curve(frame.rename(columns={"device": "low"}), EVENTS, by="low")
    with pytest.raises(NotMeasured, match="nobody did 'home' in this period"):
        waits.conversion_curve(frame, EVENTS, as_of="2025-06-01")
    with pytest.raises(InputError, match=r"minutes\[1\] is -3.0"):
        waits.product_limit([1, -3], [True, False])
    with pytest.raises(InputError, match="one length"):
        waits.product_limit([1], [True, False])
    with pytest.raises(ParameterError, match="2 or more"):
        waits.product_limit([1], [True], points=1)
    nothing = waits.product_limit([], [])
    assert nothing[["waiting", "converted", "conversion"]].values.tolist() == [[0, 0, 0]]


def test_a_step_may_be_any_of_several_events_or_on_a_condition():
    # a: home 10:00, pay 10:10; b: home 10:00, cart on page x 10:20; c: home 10:00, cart on page y 10:30
    events = pd.DataFrame({"user_id": list("aabbcc"), "event": ["home", "pay", "home", "cart", "home", "cart"], "page": [None, None, None, "x", None, "y"],
                           "ts": pd.Timestamp("2025-06-18 10:00") + pd.to_timedelta([0, 10, 0, 20, 0, 30], unit="min")})
    either = waits.conversion_curve(events, ["home", ["cart", "pay"]])
    assert either["minutes"].tolist() == [0, 10, 20, 30]
    assert either["converted"].tolist() == [0, 1, 2, 3]
    on_y = waits.conversion_curve(events, ["home", {"event": "cart", "where": {"page": "y"}}])
    assert on_y["minutes"].tolist() == [0, 30]
    assert on_y["converted"].tolist() == [0, 1]
    with pytest.raises(ParameterError, match="step 'cart' is optional"):
        waits.conversion_curve(events, ["home", {"event": "cart", "optional": True}, "pay"])
