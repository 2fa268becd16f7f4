"""Sentences about customers: what is news, how sure few people make it, and nothing that makes no sense in odd businesses."""

import pandas as pd
import pytest

from opsnb.measures import segments
from opsnb.views import findings, language


def tiers_of(*amounts, refunds=0.0):
    """Customers with one order each on days of their own (up to a hundred), and what is refunded to each of them in the end."""
    rows = [(f"u{place:02}", pd.Timestamp("2025-01-01") + pd.Timedelta(days=place % 100), amount, None) for place, amount in enumerate(amounts)]
    rows += [(user, pd.Timestamp("2025-06-01"), -refunds, "yes") for user, *_ in rows if refunds]
    orders = pd.DataFrame(rows, columns=["user_id", "ts", "amount", "refund"])
    return segments.rfm(orders, as_of="2025-06-30")


def test_a_customer_with_half_of_the_revenue_is_news():
    usual = segments.concentration(tiers_of(*[10.0] * 30))  # 15 of 30 bring half: as usual
    assert usual.iloc[0][["users", "revenue_share", "largest_share"]].tolist() == pytest.approx([15, 0.5, 1 / 30])
    assert findings.concentration(usual) is None
    whale = findings.concentration(segments.concentration(tiers_of(*[10.0] * 30, 300.0)))  # 300 of 600
    assert whale.sentence == ("One customer brings 50% of all revenue (300, out of 31 customers): care for that one by name, and read averages and shares of "
                              "revenue on this page with that in mind.")
    assert whale.severity >= 0.6
    few = findings.concentration(segments.concentration(tiers_of(*[1.0] * 280, 70.0, 70.0, 70.0)))  # 280 + 210 = 490, half: 245 = 3 x 70 + 35
    assert few is None  # 38 of 283 customers are 13%
    few = findings.concentration(segments.concentration(tiers_of(*[1.0] * 300, *[100.0] * 3)))  # 300 of 600 by 3 of 303
    assert few.sentence.startswith("3 of 303 customers (0.99%) bring 50% of all revenue")


def test_concentration_is_silent_where_there_is_nothing_to_share():
    assert findings.concentration(segments.concentration(tiers_of(*[10.0] * 30, refunds=20.0))) is None  # nobody has paid anything in the end
    assert findings.concentration(segments.concentration(tiers_of(10.0))) is None  # one customer has all of it, which is no news
    assert segments.concentration(tiers_of(10.0).head(0))["largest_share"].isna().all()
    mixed = segments.concentration(pd.DataFrame({"user_id": list("abc"), "revenue": [-90.0, 30.0, 10.0]}))
    assert mixed["largest_share"].tolist() == [0.75]  # of 40 that were paid, not of -50


def test_who_was_refunded_more_than_they_paid_is_not_to_be_won_back():
    paid, refunded = (findings.lost_customers(segments.tier_summary(tiers_of(*[10.0] * 30, refunds=back))) for back in (0.0, 20.0))
    assert paid.sentence.endswith("Recall the ones who spent most first.")
    assert refunded.sentence.endswith("More was refunded to them than they paid, so there is nothing to win back.")
    assert refunded.severity < paid.severity


@pytest.mark.parametrize(("customers", "confidence"), [(29, "low"), (30, "high")])
def test_shares_of_few_customers_are_hints(customers, confidence):
    summary = segments.tier_summary(tiers_of(*[10.0] * customers))
    rates = pd.DataFrame({"customers": [customers], "repeated": [3], "repeat_rate": [3 / customers]})
    for made in (findings.tiers(summary), findings.lost_customers(summary), findings.repeat_rate(rates, within_days=60)):
        assert made.confidence == confidence, made.kind


def test_the_plans_expectation_kept_or_missed_by_half_is_nothing_to_act_on_at_once():
    summary = pd.DataFrame({"tier": ["high-value", "potential"], "users": [20, 80], "share": [0.2, 0.8], "revenue_share": [0.6, 0.4]})
    assert findings.tiers(summary).severity < 0.3
    assert 0.3 <= findings.tiers(summary.assign(revenue_share=[0.1, 0.9])).severity < 0.6


def test_chinese_names_the_biggest_customer():
    with language.using("zh"):
        said = findings.concentration(segments.concentration(tiers_of(*[10.0] * 30, 300.0))).sentence
    assert said == "31 名客户中，仅一名客户就带来全部收入的 50%（300）：请专人维护，并在看本页的平均值和收入占比时考虑这一点。"
