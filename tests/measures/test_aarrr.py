"""The five stages against hand counts, the scorecard's own figures, plain Python over one user's list, and worlds of a known change."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import aarrr, kpis
from opsnb.measures.intervals import difference
from tests.measures.logs import in_blocks

FIRST = pd.Timestamp("2025-01-01")
AS_OF = "2025-04-30"  # day 120


def at(*days):
    return FIRST + pd.to_timedelta(days, unit="D")


def business(seed=0, people=400):
    """120 days of a shop: events, orders, users and spend."""
    random = np.random.default_rng(seed)
    born = random.uniform(0, 119, people)
    rows = [(f"u{user}", min(born[user] + wait, 119.99), event) for user in range(people) for wait, event in
            zip(np.r_[0, random.exponential(12, 4).cumsum()], random.choice(["home", "cart", "payment"], 5), strict=True)]
    rows += [("early", 0.0, "home"), ("late", 119.9, "home")]
    events = pd.DataFrame(rows, columns=["user_id", "ts", "event"])
    events["ts"] = FIRST + pd.to_timedelta((events["ts"] * 86400).round(), unit="s")
    orders = events[(events["event"] == "payment") | events["user_id"].isin(["early", "late"])].drop(columns="event")
    orders = orders.assign(amount=random.lognormal(3, 1, len(orders)).round(2))
    users = pd.DataFrame({"user_id": [f"u{user}" for user in range(people)], "signup_ts": FIRST + pd.to_timedelta(born, unit="D"),
                          "channel": random.choice(["search", "friends"], people), "referred_by": random.choice(["u1", "", None], people)})
    spend = pd.DataFrame({"date": pd.date_range(FIRST, periods=120), "cost": random.uniform(50, 150, 120)})
    return {"events": events, "orders": orders, "users": users, "spend": spend}


def slow_share(events, end, wait, did):
    """(part, whole) of users whose first event lies in the 30 days up to ``wait`` days before ``end``; ``did(own, first)`` decides."""
    part = whole = 0
    for _, own in events.groupby("user_id"):
        first = own["ts"].min()
        if end - pd.Timedelta(days=wait + 29) <= first.normalize() <= end - pd.Timedelta(days=wait):
            whole += 1
            part += bool(did(own, first))
    return part, whole


@pytest.mark.parametrize("seed", range(4))
def test_rates_are_what_the_slow_way_counts(seed):
    data = business(seed)
    found = aarrr.stages(**data, as_of=AS_OF).set_index("stage")
    assert found.index.tolist() == list(aarrr.STAGES)
    for stage, wait, did in (
            ("activation", 7, lambda own, first: ((own["event"] == "cart") & (own["ts"] <= first + pd.Timedelta("7D"))).any()),
            ("retention", 30, lambda own, first: (own["ts"].dt.normalize() - first.normalize()).dt.days.between(1, 30).any())):
        for end, prefix in ((pd.Timestamp(AS_OF), ""), (pd.Timestamp(AS_OF) - pd.Timedelta("30D"), "previous_")):
            expected = slow_share(data["events"], end, wait, did)
            assert tuple(found.loc[stage, [f"{prefix}numerator", f"{prefix}denominator"]]) == expected
    row = found.loc["activation"]
    low, high = difference(row["numerator"], row["denominator"], row["previous_numerator"], row["previous_denominator"])
    assert row["low"] == pytest.approx(float(low))  # of two shares the interval is Newcombe's
    assert row["high"] == pytest.approx(float(high))


@pytest.mark.parametrize("seed", range(4))
def test_the_scorecard_gives_the_same_values(seed):
    data = business(seed)
    found = aarrr.stages(**data, as_of=AS_OF).set_index("kpi")
    actual = kpis.actuals(**data, as_of=[AS_OF, "2025-03-31"]).set_index(["kpi", "as_of"])["value"]
    for kpi in ("cac", "arpu", "retention_rate"):
        assert found.loc[kpi, "value"] == pytest.approx(actual[kpi, AS_OF])
        assert found.loc[kpi, "previous_value"] == pytest.approx(actual[kpi, "2025-03-31"])


def test_money_by_hand():
    # 30 days up to 2025-03-01 (day 60). Orders: 40 + 10 of a, 20 of b before; 60 of c since. Visitors: a, b and d before; c and d since
    orders = pd.DataFrame({"user_id": list("aabc"), "ts": at(0, 5, 20, 59), "amount": [40.0, 10, 20, 60]})
    events = pd.DataFrame({"user_id": list("aabdcd"), "ts": at(0, 5, 20, 25, 59, 40), "event": "home"})
    spend = pd.DataFrame({"date": pd.date_range(FIRST, periods=60), "cost": [2.0] * 30 + [3.0] * 30})
    found = aarrr.stages(events=events, orders=orders, spend=spend, as_of="2025-03-01").set_index("stage")
    columns = ["numerator", "denominator", "value", "previous_numerator", "previous_denominator", "previous_value", "change"]
    assert found.loc["acquisition", columns].tolist() == [90, 1, 90, 60, 2, 30, 60]  # cart does not occur: no activation
    assert found.loc["revenue", columns].tolist() == pytest.approx([60, 2, 30, 70, 3, 70 / 3, 30 - 70 / 3])
    # a, b and d came 30 days earlier, a and d were back; of those who came before them there is no data
    assert found.loc["retention", columns[:2]].tolist() == [2, 3]
    assert found.loc["retention", columns[3:]].isna().all()
    assert found.index.tolist() == ["acquisition", "retention", "revenue"]
    row = found.loc["revenue"]
    # variance of a visitor's revenue: (60² / 2 - 30²) = 900 and (50² + 20²) / 3 - (70 / 3)² = 422.2
    half = 1.959964 * np.sqrt(900 / 2 + 422.2222 / 3)
    assert [row["low"], row["high"]] == pytest.approx([row["change"] - half, row["change"] + half], rel=1e-5)


def test_referral_by_column_and_by_channel():
    users = pd.DataFrame({"user_id": list("abcdef"), "signup_ts": at(0, 10, 20, 32, 40, 59),
                          "channel": ["friends", "x", "x", "friends", "x", "x"], "referred_by": [None, "z", "", "a", "b", None]})
    named = aarrr.stages(users=users, as_of="2025-03-01").iloc[0]
    assert named[["stage", "numerator", "denominator", "previous_numerator", "previous_denominator"]].tolist() == ["referral", 2, 3, 1, 3]
    channel = aarrr.stages(users=users, as_of="2025-03-01", referral_channel="friends").iloc[0]
    assert channel[["numerator", "previous_numerator", "change"]].tolist() == [1, 1, 0]


def test_a_period_before_the_data_is_null():
    data = business()
    found = aarrr.stages(**data, as_of="2025-02-05").set_index("stage")  # day 36: the period before has no data
    assert found.loc["revenue", "value"] > 0
    assert found.loc["revenue", ["previous_value", "change", "low", "high"]].isna().all()
    assert "retention" not in found.index  # its users would have come before the data
    with pytest.raises(NotMeasured, match="no stage can be measured in the 30 days up to 2026-01-01; acquisition needs spend and orders"):
        aarrr.stages(**data, as_of="2026-01-01")


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99), st.integers(1, 400))
def test_small_blocks_give_what_the_frame_gives(seed, block_rows):
    data = business(seed, people=80)
    whole = aarrr.stages(**data, as_of=AS_OF)
    tables = {name: in_blocks(data[name], block_rows, name) for name in ("events", "orders")}
    pd.testing.assert_frame_equal(aarrr.stages(**(data | tables), as_of=AS_OF), whole)


def test_intervals_of_money_cover_a_known_change():
    random, covered = np.random.default_rng(4), {"cac": [], "arpu": []}
    for _ in range(400):
        for kpi, (now, before, true) in {
                "cac": ([aarrr._cost(pd.DataFrame({"date": pd.date_range(FIRST, periods=30), "cost": cost}), 20089, 20118,
                                     aarrr._Sold(random.poisson(mean), 0, 0), 1.96) for cost, mean in ((40, 60), (50, 100))] + [20 - 15]),
                "arpu": ([aarrr._arpu(aarrr._Sold(0, x.sum(), (x ** 2).sum()), 2000, 1.96) for x in
                          (random.binomial(1, p, 2000) * random.exponential(30, 2000) for p in (.10, .08))] + [3 - 2.4])}.items():
            row = aarrr._compared(now, before)
            covered[kpi].append(row["low"] <= true <= row["high"])
    for hits in covered.values():
        assert .92 <= np.mean(hits) <= .98  # 95%, give or take three standard deviations


def test_what_cannot_be_asked_is_a_sentence():
    data = business(people=50)
    with pytest.raises(InputError, match=r"event 'crat' does not occur.*did you mean 'cart'"):
        aarrr.stages(**data, as_of=AS_OF, key_event="crat")
    with pytest.raises(InputError, match=r"channel 'freinds' does not occur.*did you mean 'friends'"):
        aarrr.stages(**data, as_of=AS_OF, referral_channel="freinds")
    with pytest.raises(InputError, match=r"spend: no column 'cost'"):
        aarrr.stages(**(data | {"spend": data["spend"].rename(columns={"cost": "costs"})}), as_of=AS_OF)
    with pytest.raises(ParameterError, match="days = 0"):
        aarrr.stages(**data, as_of=AS_OF, days=0)
    with pytest.raises(NotMeasured, match="no stage can be measured"):
        aarrr.stages(as_of=AS_OF)
    with pytest.raises(NotMeasured, match="no stage can be measured"):
        aarrr.stages(events=data["events"][:0], orders=data["orders"][:0], spend=data["spend"][:0], users=data["users"][:0], as_of=AS_OF)
