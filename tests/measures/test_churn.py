"""Churn, recall and the next order: by hand, on customers whose leaving is known, and where there is nobody to tell apart."""

import numpy as np
import pandas as pd
import pytest

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures import churn, nextorders
from opsnb.measures.backtest import auc

START = pd.Timestamp("2025-01-01")


def world(users=800, days=300, seed=1, stays=150):
    """Customers who come at a rhythm of their own until they leave; every third visit is an order. (events, orders, last day of each)"""
    random = np.random.default_rng(seed)
    events, orders, left = [], [], {}
    for number in range(users):
        came, gap = random.integers(0, days - 30), random.uniform(2, 12)
        leaves = min(came + random.exponential(stays), days)
        day, visit = came, 0
        while day < leaves:
            events.append((f"u{number:04}", day))
            if visit % 3 == 0:
                orders.append((f"u{number:04}", day, float(random.integers(20, 200))))
            left[f"u{number:04}"] = leaves
            day, visit = day + max(1, int(random.exponential(gap))), visit + 1
    frame = pd.DataFrame(events, columns=["user_id", "day"])
    bought = pd.DataFrame(orders, columns=["user_id", "day", "amount"])
    for rows in (frame, bought):
        rows["ts"] = START + pd.to_timedelta(rows.pop("day"), unit="D")
    return frame.assign(event="home"), bought, left


EVENTS, ORDERS, LEFT = world()
AS_OF = START + pd.Timedelta(days=299)


@pytest.fixture(scope="module")
def found():
    return churn.churn(ORDERS, EVENTS, as_of=AS_OF, horizon_days=40)


def test_who_left_is_told_from_who_stays(found):
    quality = found.quality.set_index("score").loc[found.used]
    assert quality["auc_low"] > 0.7
    top = found.deciles.iloc[0]
    assert top["lift"] > 2
    frame = found.frame.set_index("user_id")
    gone = np.array([LEFT[user] < 300 for user in frame.index])
    assert auc(gone, frame["score"].to_numpy())[0] > 0.8  # today's scores, against what only the world knows
    assert abs(found.calibration["happened"].sum() - (found.calibration["expected_rate"] * found.calibration["users"]).sum()) < 25


def test_the_frame_is_the_customers_who_are_with_us(found):
    last = pd.concat([EVENTS[["user_id", "ts"]], ORDERS[["user_id", "ts"]]]).groupby("user_id")["ts"].max()
    with_us = set(last[last > AS_OF - pd.Timedelta(days=40)].index)
    assert set(found.frame["user_id"]) == with_us
    assert found.lost == len(last) - len(with_us)
    order = list(zip(-found.frame["score"], -found.frame["silence"], strict=True))
    assert order == sorted(order)  # the rule's chances come in steps: within one, who has been silent longer comes first
    assert found.frame["score"].between(0, 1).all()
    row = found.frame.iloc[5]
    assert row["silent_days"] == (AS_OF - last[row["user_id"]]).days
    assert row["revenue_365d"] == ORDERS.loc[ORDERS["user_id"] == row["user_id"], "amount"].sum()


def test_the_check_window_is_counted_right(found):
    begins = AS_OF - pd.Timedelta(days=40)
    assert str(found.checked_from) == f"{begins:%Y-%m-%d}"
    seen = pd.concat([EVENTS[["user_id", "ts"]], ORDERS[["user_id", "ts"]]])
    before = seen[(seen["ts"] <= begins) & (seen["ts"] > begins - pd.Timedelta(days=40))]
    customers = set(before["user_id"]) & set(ORDERS.loc[ORDERS["ts"] <= begins, "user_id"])
    after = set(seen.loc[seen["ts"] > begins, "user_id"])
    assert set(found.trial["user_id"]) == customers
    assert set(found.trial.loc[found.trial["churned"], "user_id"]) == customers - after
    assert found.quality["happened"].tolist() == [len(customers - after)] * 2


def test_rows_after_as_of_change_nothing(found):
    later = pd.DataFrame({"user_id": ["u0001", "u0002", "new"] * 5, "ts": AS_OF + pd.to_timedelta(np.arange(15) + 1, unit="D")})
    again = churn.churn(pd.concat([ORDERS, later.assign(amount=999.0)]), pd.concat([EVENTS, later.assign(event="home")]), as_of=AS_OF,
                        horizon_days=40)
    for name in ("frame", "quality", "deciles", "calibration", "trial"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(again, name))
    chances, more = (nextorders.order_chances(orders, events, as_of=AS_OF) for orders, events in (
        (ORDERS, EVENTS), (pd.concat([ORDERS, later.assign(amount=999.0)]), pd.concat([EVENTS, later.assign(event="home")]))))
    pd.testing.assert_frame_equal(chances.frame, more.frame)
    pd.testing.assert_frame_equal(chances.quality, more.quality)


def test_what_came_in_the_check_window_does_not_teach_what_is_checked(found):
    """Answers of the check window turned round: the chances given beforehand stay the same."""
    begins = AS_OF - pd.Timedelta(days=40)
    cut = churn.churn(ORDERS[ORDERS["ts"] <= begins + pd.Timedelta(days=20)], EVENTS[EVENTS["ts"] <= begins + pd.Timedelta(days=20)], as_of=AS_OF,
                      horizon_days=40)
    if cut.used == found.used:
        np.testing.assert_allclose(cut.trial["score"], found.trial["score"])
    assert cut.trial["churned"].sum() >= found.trial["churned"].sum()


def test_silence_by_hand():
    orders = pd.DataFrame({"user_id": list("aaabbc"), "amount": 10.0, "ts": START + pd.to_timedelta([0, 10, 20, 0, 40, 58], unit="D")})
    rule = churn.silence(orders, as_of=START + pd.Timedelta(days=60), factor=2).set_index("user_id")
    # gaps 10, 10 and 40: G = 20; a: (20 + 20) / 3 = 13.3, silent for 40 days; b: (40 + 20) / 2 = 30, silent for 20; c: 20, silent for 2
    assert rule["usual_gap_days"].tolist() == pytest.approx([40 / 3, 30, 20])
    assert rule["silence"].tolist() == pytest.approx([3, 20 / 30, 0.1])
    assert rule["overdue"].tolist() == [True, False, False]


def made(scores, values, churned=(), trial_values=()):
    """A Churn with these customers; the check window as given."""
    frame = pd.DataFrame({"user_id": [f"u{place}" for place in range(len(scores))], "score": scores, "revenue_365d": values, "reason": "profile"})
    trial = pd.DataFrame({"user_id": "t", "score": [0.9] * len(churned), "revenue_365d": trial_values or [100.0] * len(churned), "churned": list(churned)})
    day = np.datetime64("2025-06-30")
    known = pd.DataFrame({"used": [True], "auc": [0.9], "auc_low": [0.8], "auc_high": [0.95]})
    return churn.Churn(frame, known, *[frame.iloc[:0]] * 2, "rule", trial, day, day, 60, 3.0, 7, 700.0)


def test_the_list_is_ordered_by_what_a_call_is_expected_to_save():
    #                 score x .1 x value:  54        30      20       9      0: value below 0   staying
    found = made([0.9, 0.6, 0.8, 0.9, 0.9, 0.2], [600.0, 500.0, 250.0, 100.0, -50.0, 9000.0], churned=[True, False])
    listed = churn.recall_list(found, cost_per_contact=10, budget=25)
    assert listed.frame["user_id"].tolist() == ["u0", "u1"]  # 25 pay for two calls
    assert listed.frame["expected_value"].tolist() == pytest.approx([54, 30])
    assert listed.frame["cumulative_cost"].tolist() == [10, 20]
    assert listed.frame["cumulative_value"].tolist() == pytest.approx([54, 84])
    left = listed.left_out.set_index("reason")
    assert left["users"].to_dict() == {"lost": 7, "staying": 1, "not-worth-it": 2, "beyond-budget": 1}
    assert left["revenue_365d"].to_dict() == {"lost": 700, "staying": 9000, "not-worth-it": 50, "beyond-budget": 250}


def test_the_summary_has_everybody_once():
    found = made([0.9, 0.6, 0.2], [600.0, 500.0, 9000.0], churned=[True, False])
    found = found._replace(frame=found.frame.assign(reason=["came-once", "silent-too-long", "comes-less"]))
    summary = churn.recall_summary(churn.recall_list(found))
    assert summary["reason"].tolist() == ["came-once", "silent-too-long", "lost", "staying"]
    assert summary["listed"].tolist() == [True, True, False, False]
    assert summary["users"].tolist() == [1, 1, 7, 1]
    assert summary["expected_value"].tolist()[:2] == pytest.approx([54, 30])


def test_without_a_budget_everybody_worth_a_call_is_on_the_list():
    assert len(churn.recall_list(made([0.9, 0.6], [100.0, 100.0], churned=[True, False])).frame) == 2
    assert len(churn.recall_list(made([0.9, 0.6], [100.0, 100.0], churned=[True, False]), budget=0).frame) == 0
    with pytest.raises(NotMeasured, match="of 1 customers seen in the last 60 days none is both likely to leave and worth the cost"):
        churn.recall_list(made([0.9], [5.0], churned=[True]))


def test_the_lists_own_check_by_hand():
    # expected values 27, 18, 9, 4.5 of 300, 200, 100, 50: churned yes, no, yes, yes; one more stayed below the cost
    check = churn.recall_list(made([0.9], [500.0], churned=[True, False, True, True, False], trial_values=[300.0, 200.0, 100.0, 50.0, 5.0]),
                              cost_per_contact=4).check
    assert check["users"].tolist() == [1, 2, 3, 4]  # tenths of four customers
    assert check["churned"].tolist() == [1, 1, 2, 3]
    assert check["rate"].tolist() == [1, 0.5, pytest.approx(2 / 3), 0.75]
    assert check["lift"].tolist() == pytest.approx([1 / 0.6, 0.5 / 0.6, 2 / 3 / 0.6, 0.75 / 0.6])  # 3 of 5 left
    assert check["value_caught"].tolist() == pytest.approx([300 / 450, 300 / 450, 400 / 450, 1])


def test_the_list_of_a_real_check_finds_those_who_leave(found):
    listed = churn.recall_list(found, cost_per_contact=1)
    assert listed.check["lift"].iloc[-1] >= 2
    assert listed.check["rate"].iloc[-1] >= 0.5
    gone = np.array([LEFT[user] < 300 for user in listed.frame["user_id"]])
    everyone = np.array([LEFT[user] < 300 for user in found.frame["user_id"]])
    assert gone.mean() > 1.5 * everyone.mean()


def orders_on(days, user="a"):
    return pd.DataFrame({"user_id": user, "amount": 10.0, "ts": START + pd.to_timedelta(days, unit="D")})


def crowd(days, users=30):
    return pd.concat([orders_on(days, f"u{number}") for number in range(users)])


@pytest.mark.parametrize(("orders", "sentence"), [
    (orders_on([]), "there are no orders|the orders table has no rows"),
    (orders_on([0, 5]).assign(amount=-5.0), "there are no orders in this period"),
    (orders_on([0, 5, 40]), "the data covers 201 days|no customer was seen"),
    (crowd([0, 1, 2, 100, 150, 190]), "nobody is leaving"),
    (crowd([0, 100]), "no customer was seen in the last 40 days"),
    (pd.concat([crowd([0, 130, 150]), orders_on([190], "z")]), "stayed away in the 40 days after"),
    (pd.concat([orders_on([3 * number], f"u{number}") for number in range(67)]), "too few to learn from|stayed away"),  # one order each
], ids=["no orders", "refunds only", "one user", "none churned", "all lost", "all churned", "one order each"])
def test_what_cannot_be_told_is_a_sentence(orders, sentence):
    with pytest.raises(NotMeasured, match=sentence):
        churn.churn(orders, as_of=START + pd.Timedelta(days=200), horizon_days=40)


def test_too_short_a_history_is_a_sentence():
    with pytest.raises(NotMeasured, match=r"the data covers 90 days; .* takes 120: ask for a shorter horizon"):
        churn.churn(crowd([0, 10, 89]), horizon_days=40)
    with pytest.raises(NotMeasured, match="the data covers 90 days"):
        nextorders.order_chances(crowd([0, 10, 89]), horizon_days=40)


def test_the_next_order_is_told_beforehand():
    found = nextorders.order_chances(ORDERS, EVENTS, as_of=AS_OF, horizon_days=20)
    quality = found.quality.set_index("score").loc[found.used]
    assert quality["auc_low"] > 0.7
    assert quality["expected"] == pytest.approx(quality["happened"], rel=0.25)
    begins = AS_OF - pd.Timedelta(days=20)
    seen = pd.concat([EVENTS[["user_id", "ts"]], ORDERS[["user_id", "ts"]]])
    last = seen[seen["ts"] <= begins].groupby("user_id")["ts"].max()
    lately = set(last[last > begins - pd.Timedelta(days=60)].index)
    ordered = set(ORDERS.loc[ORDERS["ts"] > begins, "user_id"])
    assert found.quality["users"].iloc[0] == len(lately)
    assert found.quality["happened"].iloc[0] == len(lately & ordered)
    away = set(last.index) - lately
    assert found.away_rate == pytest.approx(len(away & ordered) / len(away))


def test_nobody_who_ordered_is_a_sentence():
    orders = pd.concat([orders_on([0], f"u{number}") for number in range(30)])
    visits = pd.concat([orders_on([0, 80, 95], f"u{number}") for number in range(30)]).drop(columns="amount").assign(event="home")
    with pytest.raises(NotMeasured, match=r"none of the 30 users seen before .* ordered in the 20 days after"):
        nextorders.order_chances(orders, visits, as_of=START + pd.Timedelta(days=100), horizon_days=20)


def test_options_are_checked():
    for options in ({"horizon_days": 0}, {"factor": 0}):
        with pytest.raises(ParameterError, match="allowed: more than 0"):
            churn.churn(ORDERS, EVENTS, **options)
    with pytest.raises(ParameterError, match="did you mean 'logistic'"):
        churn.churn(ORDERS, EVENTS, as_of=AS_OF, horizon_days=40, model="logistik")
    with pytest.raises(ParameterError, match=r"win_back_rate = 1\.5; allowed: more than 0, up to 1"):
        churn.recall_list(made([0.9], [5.0]), win_back_rate=1.5)
    with pytest.raises(ParameterError, match="budget = -1"):
        churn.recall_list(made([0.9], [5.0]), budget=-1)
