"""RFM and tiers by hand, and what must hold for any orders."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import segments
from tests.measures.logs import in_blocks

DAY = pd.Timestamp("2025-06-18")


def orders(*rows):
    frame = pd.DataFrame(rows, columns=["user_id", "day", "amount"])
    frame["ts"] = DAY + pd.to_timedelta(frame.pop("day"), unit="D")
    return frame


def test_recency_frequency_and_mean_order_value():
    found = segments.rfm(orders(("a", 0, 30.0), ("a", 10, 50.0), ("a", 12, -20.0), ("b", 12, 7.0)), as_of="2025-07-18").set_index("user_id")
    # a: last order on day 10, as_of is day 30 -> 20 days; two orders; (30 + 50 - 20) / 2 = 30: the refund is no order and no sign of life
    assert found.loc["a", ["recency_days", "frequency", "monetary_value", "revenue"]].tolist() == [20, 2, 30.0, 60.0]
    assert found.loc["b", ["recency_days", "frequency", "monetary_value", "revenue"]].tolist() == [18, 1, 7.0, 7.0]


def test_as_of_defaults_to_the_last_day_and_is_included():
    table = orders(("a", 0, 1.0), ("b", 4, 1.0))
    assert segments.rfm(table)["recency_days"].tolist() == [4, 0]
    assert segments.rfm(table, as_of="2025-06-21")["user_id"].tolist() == ["a"]


def test_scores_keep_ties_together_and_are_symmetric():
    values = np.array([1] * 60 + [2] * 20 + [3] * 20)
    # 1: half of 60 of 100 -> .3 -> 1 + floor(1.5) = 2; 2: .7 -> 1 + floor(3.5) = 4; 3: .9 -> 5
    assert dict(zip(values, segments.scores(values), strict=True)) == {1: 2, 2: 4, 3: 5}
    assert dict(zip(values, segments.scores(values, high_is_good=False), strict=True)) == {1: 4, 2: 2, 3: 1}
    assert segments.scores(np.full(7, 3.0)).tolist() == [3] * 7


def test_fixed_thresholds_give_fixed_scores():
    table = orders(("a", 0, 10.0), ("b", 50, 10.0), ("c", 99, 10.0))
    found = segments.rfm(table, as_of="2025-09-26", thresholds={"recency_days": [10, 30, 60, 90]})  # day 100: 100, 50 and 1 days ago
    assert found["recency_score"].tolist() == [1, 3, 5]
    with pytest.raises(ParameterError, match="4 rising numbers"):
        segments.rfm(table, thresholds={"frequency": [1, 3, 2, 4]})
    with pytest.raises(ParameterError, match="did you mean 'frequency'"):
        segments.rfm(table, thresholds={"frequenzy": [1, 2, 3, 4]})


def test_tiers_are_the_plans():
    score = [(5, 5, 5, "high-value"), (4, 4, 3, "high-value"), (5, 5, 2, "potential"), (3, 5, 5, "potential"), (3, 3, 2, "potential"),
             (5, 2, 3, "potential"), (5, 2, 2, "low-activity"), (2, 3, 3, "low-activity"), (2, 3, 2, "lost"), (1, 5, 5, "lost")]
    recency, frequency, monetary, tier = map(np.array, zip(*score, strict=True))
    assert segments._tier(recency, frequency, monetary).tolist() == tier.tolist()


def test_summary_has_all_four_tiers_and_what_the_plan_expects():
    rfm = pd.DataFrame({"user_id": list("abcd"), "recency_days": [1, 3, 40, 90], "frequency": [4, 6, 2, 1],
                        "monetary_value": [50.0, 100, 20, 10], "revenue": [200.0, 600, 40, 10],
                        "tier": ["high-value", "high-value", "potential", "lost"]})
    found = segments.tier_summary(rfm).set_index("tier")
    assert found["users"].to_dict() == {"high-value": 2, "potential": 1, "low-activity": 0, "lost": 1}
    high = found.loc["high-value"]
    assert high["share"] == 0.5
    assert high["revenue_share"] == pytest.approx(800 / 850)
    assert (high["recency_days"], high["frequency"], high["monetary_value"]) == (2.0, 5.0, 80.0)  # median of 1, 3; 10 orders of 2; 800 / 10
    assert (high["expected_low"], high["expected_high"], high["expected_revenue_share"]) == (0.1, 0.2, 0.5)
    assert found["action"].tolist() == ["exclusive-service", "targeted-push", "coupon", "recall"]
    assert np.isnan(found.loc["low-activity", "monetary_value"])


def test_refunds_beyond_all_orders_leave_no_share_of_revenue():
    found = segments.tier_summary(segments.rfm(orders(("a", 0, 30.0), ("a", 1, -50.0))))
    assert found["revenue_share"].isna().all()


def test_errors_say_what_is_wrong():
    with pytest.raises(NotMeasured, match="no orders"):
        segments.rfm(orders(("a", 0, -1.0)))
    with pytest.raises(InputError, match="no column 'amount'"):
        segments.rfm(pd.DataFrame({"user_id": ["a"], "ts": [DAY]}))
    with pytest.raises(InputError, match="no column 'tier'"):
        segments.tier_summary(pd.DataFrame({"recency_days": [], "frequency": [], "monetary_value": [], "revenue": []}))


rows = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 400), st.integers(0, 5).map(float)), min_size=1, max_size=40)


@settings(max_examples=100, deadline=None)
@given(rows, st.integers(1, 9))
def test_tiers_partition_the_customers_and_the_store_agrees(lines, block_rows):
    frame = orders(*lines)
    stored = in_blocks(frame, block_rows, "orders")
    found = segments.rfm(frame)
    pd.testing.assert_frame_equal(found, segments.rfm(stored))
    assert sorted(found["user_id"]) == sorted({line[0] for line in lines})
    summary = segments.tier_summary(found)
    assert summary["users"].sum() == len(found)
    assert summary["share"].sum() == pytest.approx(1)
    assert summary["revenue"].sum() == pytest.approx(sum(line[2] for line in lines))
    for column, score in (("recency_days", "recency_score"), ("frequency", "frequency_score"), ("monetary_value", "monetary_score")):
        assert found.groupby(column)[score].nunique().max() == 1  # ties together
        ordered = found.sort_values(column)[score]
        assert ordered.is_monotonic_decreasing if column == "recency_days" else ordered.is_monotonic_increasing
