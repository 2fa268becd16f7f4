"""What channels bring and cost, by hand; prices that jumped, and prices that only follow the season."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured
from opsnb.measures import channels
from tests.measures.logs import in_blocks

DAY = pd.Timestamp("2025-06-18")

USERS = pd.DataFrame({"user_id": list("abcd"), "signup_ts": DAY, "channel": ["search", "search", "video", None]})


def orders(*rows):
    frame = pd.DataFrame(rows, columns=["user_id", "day", "amount", "channel"][:len(rows[0])])
    return frame.assign(ts=DAY + pd.to_timedelta(frame.pop("day"), unit="D"))


def test_mix_by_hand():
    bought = orders(("a", 0, 30.0, "search"), ("a", 2, 20.0, "video"), ("b", 1, 10.0, None), ("d", 1, 5.0, None), ("a", 3, -8.0, "search"))
    spend = pd.DataFrame({"date": [DAY, DAY], "channel": ["search", "video"], "cost": [60.0, 10.0], "clicks": [20, 0]})
    events = pd.DataFrame({"user_id": list("aab"), "ts": DAY, "event": "home", "channel": ["search", "video", "video"]})
    found = channels.channel_mix(users=USERS, orders=bought, spend=spend, events=events).set_index("channel")
    # search: 30 of a, 10 of b (an order without a channel is its user's); video: 20 - 8, the refund is taken off the last order
    assert found["revenue"].to_dict() == {"search": 40.0, "video": 12.0, "unknown": 5.0}
    assert found["new_customers"].to_dict() == {"search": 2, "video": 0, "unknown": 1}
    assert found["users"].to_dict() == {"search": 2, "video": 1, "unknown": 1}
    assert found["visitors"].to_dict() == {"search": 1, "video": 2, "unknown": 0}
    assert found.loc["search", ["cac", "roas", "cost_per_click"]].tolist() == [30.0, pytest.approx(2 / 3), 3.0]
    assert found.loc["video", ["cac", "cost_per_click"]].isna().all()  # nobody won, nothing clicked
    assert found.loc["unknown", ["spend", "roas"]].isna().all()  # not paid
    assert found.index.tolist() == ["search", "video", "unknown"]


def test_without_users_the_first_order_says_where_a_customer_came_from():
    bought = orders(("a", 0, 30.0, "search"), ("a", 2, 20.0, "video"), ("b", 5, 10.0, "video"))
    found = channels.channel_mix(orders=bought).set_index("channel")
    assert found["new_customers"].to_dict() == {"search": 1, "video": 1}
    assert found["users"].isna().all()
    later = channels.channel_mix(orders=bought, start="2025-06-19", as_of="2025-06-22").set_index("channel")
    assert later[["new_customers", "orders", "revenue"]].values.tolist() == [[0, 1, 20.0]]  # a is no new customer any more


def test_nothing_named_is_not_measured():
    with pytest.raises(NotMeasured, match="no channel is named"):
        channels.channel_mix(orders=orders(("a", 0, 30.0)))
    with pytest.raises(InputError, match="no column 'cost'"):
        channels.channel_mix(spend=pd.DataFrame({"date": [DAY], "channel": ["x"]}))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 9), st.integers(1, 50).map(float), st.sampled_from(["x", "y", None])),
                min_size=1, max_size=25), st.integers(1, 5))
def test_channels_share_out_all_orders(rows, block_rows):
    frame = orders(*rows)
    stored = in_blocks(frame, block_rows, "orders")
    found = channels.channel_mix(orders=frame, users=USERS)
    pd.testing.assert_frame_equal(found, channels.channel_mix(orders=stored, users=USERS))
    assert found["orders"].sum() == len(rows)
    assert found["revenue"].sum() == pytest.approx(sum(row[2] for row in rows))
    assert found["new_customers"].sum() == len({row[0] for row in rows})
    assert found["share"].sum() == pytest.approx(1)
    assert found["revenue_share"].sum() == pytest.approx(1)


def bids(seed, jump=1.0, since=200, days=300, clicks=True):
    """Three channels; prices share a season; the second one's is multiplied from day ``since`` on."""
    random = np.random.default_rng(seed)
    date = pd.date_range("2025-01-01", periods=days)
    season = 1 + 0.4 * (np.arange(days) % 90 < 10)
    rows = []
    for name, price in (("search", 2.0), ("video", 1.5), ("social", 0.8)):
        each = price * season * np.exp(random.normal(0, 0.1, days)) * (np.where(np.arange(days) >= since, jump, 1) if name == "video" else 1)
        count = random.poisson(80, days) + 1
        rows.append(pd.DataFrame({"date": date, "channel": name, "cost": each * count, "clicks": count}))
    return pd.concat(rows, ignore_index=True)


@pytest.mark.parametrize("seed", range(4))
def test_a_lasting_jump_is_named_with_its_day(seed):
    found = channels.cost_breaks(bids(seed, jump=1.5))
    assert found["channel"].tolist() == ["video"]
    row = found.iloc[0]
    assert row["since"] == pd.Timestamp("2025-01-01") + pd.Timedelta(days=200)
    assert row["relative_change"] == pytest.approx(0.5, abs=0.06)
    assert row["price_after"] / row["price_before"] == pytest.approx(1.5, abs=0.1)
    assert row["days"] == 100
    assert row["unit"] == "click"
    # of every yuan spent since, a third was the jump: 1 - 1 / 1.5
    spent = bids(seed, jump=1.5)[lambda rows: (rows["channel"] == "video") & (rows["date"] >= row["since"])]["cost"].sum()
    assert row["extra_cost"] == pytest.approx(spent / 3, rel=0.1)


def test_a_season_a_fall_and_a_jump_that_is_over_are_no_breaks():
    assert sum(len(channels.cost_breaks(bids(seed))) for seed in range(10, 16)) == 0
    assert channels.cost_breaks(bids(1, jump=0.6)).empty
    over = bids(2, jump=1.6, since=150)
    late = over["date"] >= pd.Timestamp("2025-01-01") + pd.Timedelta(days=250)
    over.loc[late & (over["channel"] == "video"), "cost"] /= 1.6
    assert channels.cost_breaks(over).empty


def test_prices_by_hand():
    spend = pd.DataFrame({"date": ["2025-06-18", "2025-06-18", "2025-06-19"], "channel": ["search", "search", "video"], "cost": [4.0, 6.0, 3.0]})
    found = channels.channel_prices(spend, users=USERS)
    assert found[["channel", "cost", "bought", "unit"]].values.tolist() == [["search", 10.0, 2.0, "user"], ["video", 3.0, 0.0, "user"]]
    assert found["price"].iloc[0] == 5.0
    assert np.isnan(found["price"].iloc[1])
    with pytest.raises(NotMeasured, match="needs clicks"):
        channels.channel_prices(spend)
    with pytest.raises(NotMeasured, match="nothing was spent"):
        channels.channel_prices(spend, users=USERS, start="2025-07-01")
