"""KPIs by the day and over a period, by hand and against plain Python."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures import kpis
from opsnb.measures.intervals import wilson
from tests.measures.logs import in_blocks

START = pd.Timestamp("2025-01-01")


def events(*rows):
    frame = pd.DataFrame(rows, columns=["user_id", "day", "event"][:len(rows[0])])
    return frame.assign(ts=START + pd.to_timedelta(frame.pop("day"), unit="D"), event=frame.get("event", "home"))


def orders(*rows):
    frame = pd.DataFrame(rows, columns=["user_id", "day", "amount", "order_id"][:len(rows[0])])
    return frame.assign(ts=START + pd.to_timedelta(frame.pop("day"), unit="D"))


def test_kpis_are_described():
    for kpi in kpis.KPIS.values():
        assert kpi.dimension in ("traffic", "conversion", "user", "brand", "finance")
        assert kpi.better in ("up", "down")
        assert kpi.unit
        assert kpi.formula


def test_days_by_hand():
    came = events(("a", 0.1), ("a", 0.11), ("a", 0.5), ("b", 0.2), ("b", 2.0), ("c", 2.1))
    bought = orders(("a", 0.5, 20.0, "1"), ("a", 0.5, 4.0, "1"), ("z", 0.6, 10.0, "2"), ("a", 2.5, 6.0, "3"), ("a", 2.9, -5.0, "3"))
    spend = pd.DataFrame({"date": [START, START + pd.Timedelta(days=2)], "channel": "x", "cost": [12.0, 3.0]})
    users = pd.DataFrame({"user_id": ["a", "b"], "signup_ts": [START, START + pd.Timedelta(days=1, hours=23)]})
    found = kpis.daily_kpis(events=came, orders=bought, users=users, spend=spend)
    assert found["date"].tolist() == [START + pd.Timedelta(days=day) for day in range(3)]
    assert found["visitors"].tolist() == [2, 0, 2]
    assert found["sessions"].tolist() == [3, 0, 2]  # a at 2:24 with 14 minutes between, a at 12:00, b
    assert found["orders"].tolist() == [2, 0, 1]
    assert found["buyers"].tolist() == [2, 0, 1]
    assert found["gmv"].tolist() == [34.0, 0.0, 6.0]
    assert found["refunds"].tolist() == [0.0, 0.0, 5.0]
    assert found["converted"].tolist() == [1, 0, 0]  # z ordered without a visit; on day 2 a ordered, but only b and c visited
    assert found["conversion_rate"].tolist()[::2] == [0.5, 0.0]
    assert np.isnan(found["conversion_rate"].iloc[1])  # nobody came
    low, high = wilson(1, 2)
    assert found[["low", "high"]].iloc[0].tolist() == [float(low), float(high)]
    assert found["new_customers"].tolist() == [2, 0, 0]
    assert found["spend"].tolist() == [12.0, 0.0, 3.0]
    assert found["cac"].tolist()[0] == 6.0
    assert np.isnan(found["cac"].iloc[2])  # spent, but won nobody
    assert found["roas"].tolist()[::2] == [pytest.approx(34 / 12), 2.0]
    assert found["new_users"].tolist()[:2] == [1, 1]
    assert np.isnan(found["new_users"].iloc[2])  # the table of users ends the day before


def test_what_has_no_table_is_null_and_nothing_at_all_is_not_measured():
    found = kpis.daily_kpis(events=events(("a", 0), ("a", 3)), as_of="2025-01-06")
    assert found["visitors"].tolist()[:4] == [1, 0, 0, 1]
    assert found["visitors"].iloc[4:].isna().all()  # after the last event nobody knows
    assert found[["orders", "gmv", "conversion_rate", "spend"]].isna().all().all()
    assert len(kpis.daily_kpis(events=events(("a", 0), ("a", 3)), start="2025-01-03", as_of="2025-01-04")) == 2
    with pytest.raises(NotMeasured, match="no table has a row"):
        kpis.daily_kpis(events=events(("a", 0)), start="2025-02-01")
    with pytest.raises(NotMeasured, match="no table has a row"):
        kpis.daily_kpis()


lines = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 40)), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None)
@given(lines, lines, st.integers(1, 6))
def test_days_are_what_the_slow_way_counts(came, bought, block_rows):
    came = events(*((user, quarter / 4) for user, quarter in came))
    bought = orders(*((user, quarter / 4, 3.0) for user, quarter in bought))
    stored = in_blocks(came, block_rows), in_blocks(bought, block_rows, "orders")
    found = kpis.daily_kpis(events=stored[0], orders=stored[1])
    pd.testing.assert_frame_equal(found, kpis.daily_kpis(events=came, orders=bought))
    visits = {day: set(rows["user_id"]) for day, rows in came.groupby(came["ts"].dt.normalize())}
    buyers = {day: list(rows["user_id"]) for day, rows in bought.groupby(bought["ts"].dt.normalize())}
    for row in found.itertuples():
        if came["ts"].min().normalize() <= row.date <= came["ts"].max():
            assert row.visitors == len(visits.get(row.date, ()))
        if not np.isnan(row.orders):
            assert row.orders == len(buyers.get(row.date, ()))
            assert row.buyers == len(set(buyers.get(row.date, ())))
        if not np.isnan(row.converted):
            assert row.converted == len(visits.get(row.date, set()) & set(buyers.get(row.date, ())))
    assert found["new_customers"].sum() == bought["user_id"].nunique()


def value(found, kpi):
    return found.set_index("kpi").loc[kpi]


def test_a_month_by_hand():
    came = events(*((user, day, "home") for user in "ab" for day in range(30)), ("c", 29, "cart"), ("d", 29, "cart"))
    bought = orders(("a", 0, 20.0), ("a", 29, 30.0), ("z", 5, 50.0), ("a", 29.5, -10.0))
    spend = pd.DataFrame({"date": pd.date_range(START, periods=30), "channel": "x", "cost": 2.0})
    surveys = pd.DataFrame({"date": [START] * 4, "score": [10, 9, 8, 3]})
    mentions = pd.DataFrame({"date": [START] * 2, "sentiment": ["positive", "negative"], "reach": [300, 100]})
    service = pd.DataFrame({"ticket_id": list("xyz"), "opened_at": START, "first_response_at": START + pd.to_timedelta([4, 10, None], unit="min")})
    posts = pd.DataFrame({"post_id": ["p"], "published_at": [START], "reads": [200], "likes": [15], "comments": [3], "shares": [2]})
    found = kpis.actuals(events=came, orders=bought, spend=spend, surveys=surveys, mentions=mentions, service=service, posts=posts,
                         as_of="2025-01-30")
    assert found["kpi"].tolist() == list(kpis.KPIS)
    assert value(found, "visitors")["value"] == 4
    assert value(found, "daily_visitors")["value"] == pytest.approx(62 / 30)  # a and b every day, c and d once
    assert value(found, "conversion_rate")[["value", "n"]].tolist() == [0.25, 4]  # a; z never visited
    assert value(found, "cart_rate")["value"] == 0.5
    assert value(found, "orders")["value"] == 3
    assert value(found, "new_customers")["value"] == 2
    assert value(found, "gmv")["value"] == 100
    assert value(found, "aov")["value"] == pytest.approx(100 / 3)
    assert value(found, "arpu")["value"] == 25
    assert value(found, "refund_rate")["value"] == 0.1
    assert value(found, "cac")["value"] == 30
    assert value(found, "roas")["value"] == pytest.approx(100 / 60)
    assert value(found, "nps")[["value", "n"]].tolist() == [25, 4]  # two promoters, one detractor, of four
    assert value(found, "positive_mention_rate")["value"] == 0.75
    assert value(found, "response_minutes")[["value", "n"]].tolist() == [7, 2]
    assert value(found, "engagement_rate")["value"] == 0.1
    assert value(found, "new_users")["reason"] == "there is no table of users"
    assert found[found["value"].isna()]["reason"].notna().all()
    assert found[found["value"].notna()]["reason"].isna().all()


def test_repeat_and_retention_look_back():
    bought = orders(("a", 0, 9.0), ("a", 60, 9.0), ("b", 10, 9.0), ("b", 71, 9.0), ("c", 100, 9.0), ("c", 101, 9.0), ("d", 200, 9.0))
    found = kpis.actuals(orders=bought, as_of=START + pd.Timedelta(days=149))
    # first orders 60 to 149 days before: a (day 0, back on day 60: in time) and b (day 10, back 61 days later: too late)
    assert value(found, "repeat_rate")[["value", "n"]].tolist() == [0.5, 2]
    came = events(("a", 0), ("a", 31), ("b", 29), ("b", 59), ("c", 30), ("x", 59))
    found = kpis.actuals(events=came, as_of=START + pd.Timedelta(days=59))
    # first seen on day 0 to 29: a (back after 31 days: too late) and b (back after 30)
    assert value(found, "retention_rate")[["value", "n"]].tolist() == [0.5, 2]


def test_a_table_that_does_not_cover_the_period_gives_no_total():
    found = kpis.actuals(orders=orders(("a", 20, 9.0), ("a", 30, 9.0)), as_of="2025-01-31")
    assert value(found, "gmv")["reason"] == "the table of orders covers 2025-01-21 to 2025-01-31, not the whole period"
    assert value(kpis.actuals(orders=orders(("a", 20, 9.0), ("a", 30, 9.0)), as_of="2025-01-31", days=12), "gmv")["value"] == 18
    assert "nothing in the period" in value(kpis.actuals(orders=orders(("a", 0, 9.0)), as_of="2025-05-01"), "orders")["reason"]


def test_several_days_at_once():
    bought = orders(*(("a", day, 1.0) for day in range(90)))
    found = kpis.actuals(orders=bought, as_of=["2025-02-15", "2025-03-31"])
    assert len(found) == 2 * len(kpis.KPIS)
    assert found[found["kpi"] == "orders"]["value"].tolist() == [30, 30]
    assert found[found["kpi"] == "new_customers"]["value"].tolist() == [0, 0]
    with pytest.raises(ParameterError, match="1 or more"):
        kpis.actuals(orders=bought, as_of="2025-02-15", days=0)
