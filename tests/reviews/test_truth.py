"""The referee: verdicts counted by hand, and one whole world."""

import numpy as np
import pandas as pd
import pytest

from opsnb.errors import ParameterError
from opsnb.reviews import referee, truth
from opsnb.reviews.truth import REPORT_OF, goals_in_words, goals_table, truth_table, world_verdicts
from opsnb.views.findings import Finding

BREAK = {"kind": "funnel_break", "slice": {"device": "ios"}, "since": "2025-10-10", "detail": {"step": "cart", "money_lost": 1000.0}}
SHIFT = {"kind": "mix_shift", "slice": {"channel": "baidu"}, "since": "2025-09-01", "detail": {"step": "cart"}}


def said(kind, slice, since=None, **numbers):
    return Finding(kind, "", "", numbers, slice, since)


def answers(verdicts):
    return {verdict.question: verdict.right for verdict in verdicts}


def test_a_cause_is_named_then_with_its_slice_then_with_its_day():
    right = said("funnel_break", {"device": "ios"}, "2025-10-13")
    assert answers(referee.of_causes([right], [BREAK], ["funnel_break"])) == {"named": True, "slice": True, "date": True}
    late = said("funnel_break", {"device": "ios"}, "2025-10-14")  # four days off
    assert answers(referee.of_causes([late], [BREAK], ["funnel_break"])) == {"named": True, "slice": True, "date": False}
    other = said("funnel_break", {"device": "android"}, "2025-10-10")
    assert answers(referee.of_causes([other], [BREAK], ["funnel_break"])) == {"named": True, "slice": False, "date": False}
    assert answers(referee.of_causes([], [BREAK], ["funnel_break"])) == {"named": False, "slice": False, "date": False}
    assert answers(referee.of_causes([other], [SHIFT], ["funnel_break"])) == {"silent": False}
    assert answers(referee.of_causes([], [{**BREAK, "since": None}], ["funnel_break"])) == {"named": False, "slice": False}


def test_the_first_finding_must_name_step_and_slice():
    right, step = said("funnel_break", {"device": "ios"}, "2025-10-08", step="cart"), said("funnel_break", {"device": "ios"}, "2025-10-08", step="payment")
    drop = said("biggest_drop", {}, step="cart")
    assert answers(referee.of_the_funnel([right, drop], [BREAK])) == {"first": True, "first_date": True}
    assert answers(referee.of_the_funnel([drop, right], [BREAK])) == {"first": False, "first_date": False}
    assert answers(referee.of_the_funnel([step, right], [BREAK])) == {"first": False, "first_date": False}
    assert answers(referee.of_the_funnel([], [BREAK])) == {"first": False, "first_date": False}
    assert answers(referee.of_the_funnel([right], [])) == {}


@pytest.mark.parametrize(("low", "high", "covers"), [(900, 1100, True), (1000, 1100, True), (1001, 1100, False), (10, 999, False)])
def test_money_is_asked_of_the_finding_that_gives_an_interval_for_the_broken_step(low, high, covers):
    broken = said("funnel_break", {"device": "ios"}, "2025-10-10", step="cart")
    leak = said("leak", {"device": "ios"}, step="cart", money=(low + high) / 2, money_low=low, money_high=high)
    elsewhere = said("leak", {"device": "ios"}, step="payment", money=0, money_low=0, money_high=1)
    verdicts = {verdict.question: verdict for verdict in referee.of_the_funnel([broken, elsewhere, leak], [BREAK])}
    assert verdicts["money"].right == covers
    assert verdicts["money"].value == (low + high) / 2 / 1000


def test_another_mix_is_no_broken_step_but_what_is_broken_may_be_called_so():
    broken = said("funnel_break", {"device": "ios"}, "2025-10-10", step="cart")
    wrong = said("funnel_break", {"channel": "baidu"}, "2025-09-01", step="cart")
    assert answers(referee.of_the_funnel([], [SHIFT]))["not_a_break"]
    assert answers(referee.of_the_funnel([broken], [BREAK, SHIFT]))["not_a_break"]
    assert not answers(referee.of_the_funnel([broken], [SHIFT]))["not_a_break"]
    assert not answers(referee.of_the_funnel([broken, wrong], [BREAK, SHIFT]))["not_a_break"]


def test_groups_are_compared_over_the_customers():
    planted = pd.DataFrame({"user_id": list("abcdefgh"), "persona": ["x", "x", "y", "y", "z", "z", "z", "z"]})
    found = pd.DataFrame({"user_id": list("abcd"), "persona": ["1", "1", "2", "2"]})  # the others have no orders
    assert [(verdict.question, verdict.right, verdict.value) for verdict in referee.of_personas(found, planted, groups=True)] == [
        ("alike", True, 1.0), ("number", True, 2.0)]
    merged = found.assign(persona="1")
    assert answers(referee.of_personas(merged, planted, groups=True)) == {"alike": False, "number": True}  # index 0; one group for two
    four = pd.DataFrame({"user_id": list("abcd"), "persona": list("1234")})
    assert answers(referee.of_personas(four, planted, groups=True)) == {"alike": False, "number": False}  # four for two
    assert answers(referee.of_personas(None, planted, groups=True)) == {"alike": False, "number": False}
    assert answers(referee.of_personas(None, planted, groups=False)) == {"refused": True}
    assert answers(referee.of_personas(found, planted, groups=False)) == {"refused": False}


def test_adjusted_rand_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(0)
    for groups in (1, 2, 5):
        one, other = random.integers(0, groups, 60), random.integers(0, 4, 60)
        assert referee.adjusted_rand(one, other) == pytest.approx(metrics.adjusted_rand_score(one, other))


def test_an_interval_is_right_when_it_covers_nine_in_ten():
    after = pd.DataFrame({"user_id": [f"u{one}" for one in range(30)], "amount_180d": [0.0] * 10 + [100.0] * 20})
    found = after.assign(low=0.0, high=[0.0] * 10 + [100.0] * 18 + [99.0] * 2)  # the last two are 1 short: 18 of the 20 that are not 0 alone
    (verdict,) = referee.of_value(found, after)
    assert (verdict.right, verdict.value) == (True, 0.9)
    assert not next(referee.of_value(found.assign(high=[0.0] * 10 + [100.0] * 17 + [99.0] * 3), after)).right


def test_lift_is_the_top_tenth_against_all():
    gone = pd.Series([True] * 6 + [False] * 14, index=[f"u{one}" for one in range(20)])
    found = pd.DataFrame({"user_id": gone.index, "churn_probability": np.linspace(1, 0, 20)})
    # Top two of twenty: both are gone, 1 / .3, as high as can be. Of the first two of the list one is gone: .5 / .3.
    assert list(referee.of_recall(found, gone, ["u3", "u9", "u0"])) == [
        ("churn", "share", True, 1.0), ("churn", "lift", True, pytest.approx(10 / 3)), ("churn", "listed", False, pytest.approx(5 / 3))]
    turned = found.assign(churn_probability=np.linspace(0, 1, 20))
    assert list(referee.of_recall(turned, gone, [])) == [("churn", "share", False, 0), ("churn", "lift", False, 0)]


@pytest.mark.parametrize(("left", "questions", "share"), [
    (9, ["share"], 1.0),  # 9 of 20: two leavers of two are 1 / .45 = 2.2 times as many, and no list can do better
    (8, ["share", "lift"], 1.0),  # 1 / .4 = 2.5
    (1, ["share", "lift"], 1.0),  # one leaver in the top two is all there is: .5 / .05 = 10
    (0, [], None),
    (20, [], None),
])
def test_a_lift_is_asked_for_where_a_perfect_list_could_reach_it(left, questions, share):
    gone = pd.Series([True] * left + [False] * (20 - left), index=[f"u{one}" for one in range(20)])
    verdicts = list(referee.of_recall(pd.DataFrame({"user_id": gone.index, "churn_probability": np.linspace(1, 0, 20)}), gone))
    assert [verdict.question for verdict in verdicts] == questions
    assert all(verdict.right for verdict in verdicts)
    assert [verdict.value for verdict in verdicts[:1]] == ([share] if questions else [])


def test_next_orders_are_judged_by_who_ordered():
    said = pd.DataFrame({"user_id": range(10), "score": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]})  # adds up to 4.5
    ordered = pd.Series([True] * 4 + [False] * 6, index=range(10))
    assert list(referee.of_next_orders(said, ordered, 0.9, 1.0)) == [
        ("next_orders", "order", True, 1.0), ("next_orders", "as_said", True, pytest.approx(0.05)), ("next_orders", "total", True, pytest.approx(4.5 / 4))]
    turned = list(referee.of_next_orders(said, ~ordered, 0.9, 1.0))  # the six that score lowest order: 4.5 were said to
    assert [(verdict.right, verdict.value) for verdict in turned] == [(False, 0.0), (False, pytest.approx(-0.95)), (True, 0.75)]
    assert not list(referee.of_next_orders(said, ordered & False, 0.9, 1.0))
    assert not list(referee.of_next_orders(said, ordered | True, 0.9, 1.0))


def test_tables_count_verdicts():
    rows = [(1, "named", True, False), (1, "slice", True, False), (1, "date", True, False), (2, "named", True, False), (2, "slice", False, False),
            (2, "date", False, False), (3, "silent", False, True), (4, "silent", True, True), (5, "silent", False, False)]
    verdicts = pd.DataFrame([(seed, "funnel_diagnosis", "funnel_break", question, right, np.nan, quiet, 1.0) for seed, question, right, quiet in rows],
                            columns=["seed", "report", "kind", "question", "right", "value", "quiet", "cpu_seconds"])
    table = truth_table(verdicts)
    assert table.iloc[0].to_dict() == {"kind": "funnel_break", "report": "funnel_diagnosis", "planted": 2, "named": 2, "right_slice": 1, "right_date": 1,
                                       "without": 3, "false_alarms": 2, "quiet": 2, "quiet_alarms": 1}
    goals = goals_table(verdicts)
    assert goals[["kind", "question", "worlds", "right", "missed"]].to_numpy().tolist() == [["funnel_break", "silent", 3, 1, "3, 5"]]
    assert goals_in_words(goals).iloc[0, 3:].tolist() == ["33% (6% to 79%)", "from 95%", None, "3, 5"]  # Wilson's interval of 1 in 3
    assert goals_in_words(goals_table(verdicts.assign(value=[1.0] * 6 + [3.0, 0.5, 2.25])))["median"].tolist() == ["2.25"]


def test_a_world_with_everything_is_judged():
    verdicts = world_verdicts(1, first_seed=7)
    table = truth_table(verdicts).set_index("kind")
    planted = table.drop(index="mix_shift")  # the default world has all but that
    assert set(table.index) == set(REPORT_OF)
    assert planted["planted"].tolist() == planted["named"].tolist() == [1] * (len(REPORT_OF) - 1)
    assert table["false_alarms"].sum() == 0
    assert table.loc[["target_miss", "split_broken"], "right_date"].isna().all()
    assert goals_table(verdicts).set_index(["kind", "question"]).loc[("funnel_break", "first"), "right"] == 1
    assert set(verdicts.loc[verdicts["kind"].isin(["personas", "value", "churn", "next_orders"]), "question"]) == {
        "alike", "number", "interval", "lift", "listed", "share", "order", "as_said", "total"}
    assert verdicts["cpu_seconds"].gt(0).all()


def test_a_report_that_is_judged_alone_says_the_same_of_fewer_tables():
    with truth.world(7, reports=["funnel_diagnosis"]) as (_, few, none), truth.world(7, reports=["funnel_diagnosis", "market_analysis"]) as (_, all_, _):
        assert none is None
        assert set(few.tables) == {"events", "orders"} < set(all_.tables)
        assert truth.findings_of("funnel_diagnosis", few) == truth.findings_of("funnel_diagnosis", all_)


def test_worlds_at_once_come_back_in_order():
    assert list(truth._each(abs, [-3, 1, -2], 2)) == list(truth._each(abs, [-3, 1, -2], 1)) == [3, 1, 2]


@pytest.mark.parametrize(("options", "words"), [({"reports": ["funnel"]}, "no report 'funnel'.*funnel_diagnosis"), ({"processes": 0}, "processes = 0")])
def test_what_cannot_be_measured_is_said(options, words):
    with pytest.raises(ParameterError, match=words):
        world_verdicts(1, **options)
