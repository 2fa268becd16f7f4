"""Carts by hand, and against plain Python over one user's list."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, ParameterError
from opsnb.measures import carts
from tests.measures.logs import in_blocks

DAY = pd.Timestamp("2025-06-18")
HOUR = 3_600_000_000


def rows(*lines):
    """("user", hour, "event", price, "product", "device")"""
    frame = pd.DataFrame(lines, columns=["user_id", "hour", "event", "price", "product", "device"][:len(lines[0])])
    return frame.assign(ts=DAY + pd.to_timedelta(frame.pop("hour"), unit="h"))


def slow_carts(frame, hours, as_of, value_of):
    """[user, filled, left, additions, value or None, state, minutes or None, products in it] of each cart."""
    limit, end, out = pd.Timedelta(hours=hours), pd.Timestamp(as_of) + pd.Timedelta("1D"), []
    for user, own in frame[frame["ts"] < end].sort_values("ts", kind="stable").groupby("user_id"):
        history, runs, open_run = list(own.itertuples()), [], None
        for place, row in enumerate(history):
            if row.event == "pay":
                open_run = None
            elif row.event == "cart":
                if open_run is None or row.ts - history[open_run[-1]].ts > limit:
                    open_run = []
                    runs.append(open_run)
                open_run.append(place)
        for run in runs:
            left = history[run[-1]].ts
            paid = next((row for row in history[run[-1] + 1:] if row.event == "pay"), None)
            known = [history[place].price for place in run if not np.isnan(history[place].price)]
            ordered = paid is not None and paid.ts - left <= limit
            out.append([user, history[run[0]].ts, left, len(run), (sum(known) if value_of == "item" else known[-1]) if known else None,
                        "ordered" if ordered else "abandoned" if left + limit < end else "open",
                        (paid.ts - left) / pd.Timedelta("1min") if ordered else None,
                        {None if pd.isna(history[place].product) else history[place].product for place in run}])
    return out


LINES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0, 1, HOUR, 2 * HOUR, 2 * HOUR + 1, 22 * HOUR, 24 * HOUR - 1, 24 * HOUR,
                                                                    30 * HOUR]), st.sampled_from(["cart", "cart", "pay", "home"]),
                           st.sampled_from([1.0, 5.0, None]), st.sampled_from(["tea", "cup", None])), max_size=30)


def frame_of(lines):
    extra = [("z", 0, "cart", 1.0, "tea"), ("z", 0, "pay", None, "cup")]  # both events occur
    frame = pd.DataFrame([*lines, *extra], columns=["user_id", "ts", "event", "price", "product"])
    return frame.assign(ts=DAY + pd.to_timedelta(frame["ts"], unit="us"), price=frame["price"].astype(float))


def as_lists(frame):
    return [[None if value is None or value != value else value for value in row] for row in frame.astype(object).values.tolist()]


@settings(max_examples=120, deadline=None)
@given(LINES, st.sampled_from([1, 2, 24]), st.sampled_from(["2025-06-18", "2025-06-19", "2025-06-21"]), st.sampled_from(["item", "cart"]),
       st.integers(1, 5))
def test_carts_are_what_the_slow_way_finds(lines, hours, as_of, value_of, block_rows):
    frame = frame_of(lines)
    expected = slow_carts(frame, hours, as_of, value_of)
    options = {"order": "pay", "hours": hours, "value": "price", "as_of": as_of}
    for events in (frame, in_blocks(frame, block_rows)):
        found = carts.carts(events, value_of=value_of, **options)
        assert as_lists(found) == [cart[:-1] for cart in expected]
        summary = carts.cart_abandonment(events, value_of=value_of, **options).iloc[0]
        abandoned = [cart for cart in expected if cart[5] == "abandoned"]
        assert (summary["carts"], summary["open"], summary["abandoned"]) == (
            sum(cart[5] != "open" for cart in expected), sum(cart[5] == "open" for cart in expected), len(abandoned))
        left = [cart[4] for cart in abandoned if cart[4] is not None]
        assert summary["valued"] == len(left)
        np.testing.assert_allclose(summary["value_left"], sum(left) if left else np.nan)
        hourly = carts.cart_abandonment(events, by="hour", value_of=value_of, **options)
        assert dict(zip(hourly["hour"], hourly["abandoned"] + hourly["open"], strict=True)) == {
            hour: sum(cart[2].hour == hour and cart[5] != "ordered" for cart in expected) for hour in {cart[2].hour for cart in expected}}
        contents = carts.cart_contents(events, item="product", **options)
        things = {thing for cart in expected for thing in cart[-1]}
        counted = {None if pd.isna(row.product) else row.product: (row.carts, row.open, row.abandoned) for row in contents.itertuples()}
        assert counted == {thing: (sum(thing in cart[-1] and cart[5] != "open" for cart in expected),
                                   sum(thing in cart[-1] and cart[5] == "open" for cart in expected),
                                   sum(thing in cart[-1] for cart in abandoned)) for thing in things}


@settings(max_examples=80, deadline=None)
@given(LINES, st.integers(1, 5))
def test_a_table_of_orders_says_what_an_order_event_says(lines, block_rows):
    frame = frame_of(lines)
    orders = frame[frame["event"] == "pay"].assign(amount=10.0)[["user_id", "ts", "amount"]]
    stranger = pd.DataFrame({"user_id": ["aa", "zz"], "ts": [DAY, DAY], "amount": [1.0, 1.0]})  # users without events
    refund = pd.DataFrame({"user_id": ["a"], "ts": [DAY + pd.Timedelta("1us")], "amount": [-10.0]})
    # an order at the very time of a cart event comes after it: so must the event, for the two to agree
    frame["late"] = frame["event"] == "pay"
    frame = frame.sort_values(["ts", "late"], kind="stable", ignore_index=True).drop(columns="late")
    expected = carts.carts(frame, order="pay", hours=2, value="price", as_of="2025-06-21")
    for events in (frame, in_blocks(frame, block_rows)):
        found = carts.carts(events, orders=pd.concat([orders, stranger, refund]), hours=2, value="price", as_of="2025-06-21")
        pd.testing.assert_frame_equal(found, expected)


def test_abandonment_by_hand():
    events = rows(("a", 10, "cart", 5.0, "tea", "ios"), ("a", 11, "cart", 3.0, "cup", "ios"), ("a", 12, "pay", None, None, "ios"),
                  ("b", 10, "cart", 5.0, "tea", "web"), ("b", 35, "pay", None, None, "web"),  # 25 hours later: abandoned, 5 left
                  ("c", 10, "cart", None, "tea", "web"),  # abandoned, nobody knows its worth
                  ("d", 71, "cart", 9.0, "cup", "ios"))  # the last hour of the 20th: open
    found = carts.cart_abandonment(events, order="pay", value="price").iloc[0]
    assert found[["carts", "open", "abandoned", "value_left", "valued"]].tolist() == [3, 1, 2, 5.0, 1]
    assert found["abandonment_rate"] == pytest.approx(2 / 3)
    assert found["low"] < 2 / 3 < found["high"]
    device = carts.cart_abandonment(events, order="pay", by="device")
    assert device[["device", "carts", "open", "abandoned"]].values.tolist() == [["web", 2, 0, 2], ["ios", 1, 1, 0]]
    hour = carts.cart_abandonment(events, order="pay", by="hour")
    assert hour[["hour", "carts", "abandoned"]].values.tolist() == [[10, 2, 2], [11, 1, 0], [23, 0, 0]]
    assert hour["abandonment_rate"].isna().tolist() == [False, False, True]  # 0 of 0 is null
    assert hour["value_left"].isna().all()  # no value was asked for
    contents = carts.cart_contents(events, item="product", order="pay", value="price")
    assert contents[["product", "carts", "open", "abandoned", "value_left"]].values.tolist()[0] == ["tea", 3, 0, 2, 5.0]


def test_the_hours_end_after_their_last_microsecond():
    events = rows(("a", 0, "cart"), ("a", 24, "pay"), ("b", 0, "cart"), ("b", 24, "pay"), ("c", 50, "home"))
    events.loc[3, "ts"] += pd.Timedelta("1us")
    assert carts.carts(events, order="pay")["state"].tolist() == ["ordered", "abandoned"]


def test_start_is_the_day_a_cart_was_left():
    events = rows(("a", 23, "cart"), ("a", 25, "cart"), ("b", 0, "cart"), ("c", 99, "pay"))
    found = carts.carts(events, order="pay", start="2025-06-19")
    assert found[["user_id", "additions"]].astype({"user_id": object}).values.tolist() == [["a", 2]]


def test_nobody_left_a_cart():
    events = rows(("a", 0, "cart"), ("a", 1, "pay"))
    assert carts.carts(events, order="pay", as_of="2025-01-01").empty
    found = carts.cart_abandonment(events, order="pay", as_of="2025-01-01").iloc[0]
    assert found["carts"] == 0
    assert np.isnan(found["abandonment_rate"])
    assert carts.cart_abandonment(events, order="pay", as_of="2025-01-01", by="hour").empty


def test_what_cannot_be_asked():
    events = rows(("a", 0, "cart", 5.0, "tea", "ios"), ("a", 1, "pay", 5.0, "tea", "ios"))
    for options, said in (({}, "name either the event that orders"), ({"order": "pay", "orders": events}, "name either"),
                          ({"order": "pay", "hours": 0}, "hours must be more than 0"),
                          ({"order": "pay", "value": "price", "value_of": "basket"}, "value_of 'basket' is not one")):
        with pytest.raises(ParameterError, match=said):
            carts.carts(events, **options)
    with pytest.raises(InputError, match=r"event 'chart' does not occur.*did you mean 'cart'"):
        carts.carts(events, cart="chart", order="pay")
    with pytest.raises(InputError, match="column 'device' holds labels, not numbers"):
        carts.carts(events, order="pay", value="device")
    with pytest.raises(InputError, match=r"no column 'prize'.*did you mean 'price'"):
        carts.carts(events, order="pay", value="prize")
