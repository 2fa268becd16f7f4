"""What a manager reads about who is leaving: the numbers of the frames, in both languages, and how sure it is."""

import numpy as np
import pandas as pd
import pytest

from opsnb.errors import NotMeasured
from opsnb.measures.churn import Churn, Recall, recall_list
from opsnb.measures.nextorders import OrderChances
from opsnb.views import findings, language

DAY = np.datetime64("2025-11-01")
QUALITY = pd.DataFrame({
    "score": ["rule", "logistic"], "users": 800, "happened": 200, "rate": 0.25, "expected": [199.0, 203.0], "auc": [0.91, 0.93], "auc_low": [0.88, 0.905],
    "auc_high": [0.93, 0.95], "lift": [3.7, 3.9], "lift_low": [3.4, 3.7], "lift_high": [3.9, 4.0], "lift_most": 4.0, "brier": 0.08, "gain": [0.0, 0.02],
    "gain_low": [np.nan, 0.007], "gain_high": [np.nan, 0.04], "used": [False, True]})
DECILES = pd.DataFrame({"decile": [1], "users": [80], "happened": [78], "rate": [0.975]})


def made(used="logistic"):
    frame = pd.DataFrame({"user_id": ["a", "b", "c"], "score": [0.9, 0.7, 0.1]})
    trial = pd.DataFrame({"user_id": list("wxyz"), "score": 0.5, "revenue_365d": 10.0, "churned": [True, False, False, False]})
    quality = QUALITY.assign(used=QUALITY["score"] == used)
    return Churn(frame, quality, DECILES, DECILES, used, trial, DAY, DAY + np.timedelta64(60, "D"), 60, 3.0, 5, 50.0)


def listed(rows=2, right=9):
    frame = pd.DataFrame({"revenue_365d": [300.0, -20.0], "expected_value": [27.0, 0.0], "cumulative_cost": [5.0, 10.0]}).head(rows)
    check = pd.DataFrame({"users": [5, 10], "churned": [5, right], "rate": [1.0, right / 10], "low": [0.5, right / 10 - 0.3]})
    return Recall(frame, frame, check if right else check.head(0), 0.1)


def test_the_recall_list_in_a_sentence():
    one = findings.recall(listed(), made())
    assert one.sentence == ("Call 2 of 3 customers first: each is likelier than not to stay away for the next 60 days, and together they spent 300 in the "
                            "last year. That costs 10 and is expected to save 27, if a call keeps 10% of those who would leave. "
                            "Of 10 on the same list 60 days ago, 9 (90%) did stay away, against 25% of all.")
    assert one.severity >= 0.6  # an act of today
    assert one.confidence == "high"
    assert findings.recall(listed(right=4), made()).severity < 0.6  # 10% to ...: no better than all
    unchecked = findings.recall(listed(right=0), made())
    assert unchecked.sentence.endswith("so it is unchecked.")
    assert unchecked.confidence == "low"


def test_how_many_leave_and_how_well_that_is_known():
    assert findings.churn(made()).sentence == (
        "200 of 800 customers (25%) who had been here in the 60 days up to 2025-11-01 were not seen in the 60 days after. Of the 3 here now, 2 are "
        "expected to go the same way.")  # .9 + .7 + .1 = 1.7
    assert findings.churn(made()).confidence == "high"
    assert findings.churn(made()._replace(quality=QUALITY.assign(users=29))).confidence == "low"
    model, rule = findings.churn_foresight(made()), findings.churn_foresight(made("rule"))
    assert "A model decides, as it beat the plain silence rule" in model.sentence
    assert "picks the right one in 93% of cases, the rule in 91%" in model.sentence
    assert "78 of 80 did (98%): 3.9 times the average, where no list could have reached more than 4." in model.sentence
    assert "3.7 times the average, where no list could have reached more than 4." in rule.sentence
    assert "a model did not beat that rule" in rule.sentence
    assert rule.confidence == "high"
    assert rule.numbers["auc"] == 0.91


def test_the_next_orders_in_a_sentence():
    chances = OrderChances(pd.DataFrame({"score": [0.5, 0.25, 0.25]}), QUALITY, DECILES, DECILES, "logistic", DAY, DAY + np.timedelta64(30, "D"), 30, 7, 0.001)
    assert findings.next_orders(chances).sentence == (
        "1 of the 3 users seen lately are expected to order in the next 30 days. When that was foretold 30 days ago, 78 of the 80 ranked highest ordered "
        "(98%), against 25% of all; 203 orderers were foretold, 200 came.")


def test_a_score_no_better_than_a_coin_foretells_nothing():
    quality = QUALITY.assign(auc=0.46, auc_low=0.21, auc_high=0.7)
    left = findings.churn_foresight(made()._replace(quality=quality.assign(used=[True, False])))
    assert left.sentence == ("Who leaves cannot be foretold here: of two customers of whom one left, the better score picks the right one in 46% of cases "
                             "(21% to 70%), which a coin does, too; 200 of 800 left.")
    assert left.confidence == "low"
    chances = OrderChances(pd.DataFrame({"score": [0.5]}), quality, DECILES, DECILES, "logistic", DAY, DAY + np.timedelta64(30, "D"), 30, 7, 0.001)
    assert findings.next_orders(chances).sentence.startswith("Who orders next cannot be foretold here")
    with pytest.raises(NotMeasured, match=r"no better than a coin \(AUC 0.46, 0.21 to 0.70\): no list is better than one drawn by lot"):
        recall_list(made()._replace(quality=quality))


@pytest.mark.parametrize("one", [findings.recall(listed(), made()), findings.recall(listed(right=0), made()), findings.churn(made()),
                                 findings.churn_foresight(made()), findings.churn_foresight(made("rule"))], ids=lambda one: one.kind)
def test_chinese_keeps_the_numbers(one):
    with language.using("zh"):
        said = one.sentence
    assert any("\u4e00" <= letter <= "\u9fff" for letter in said)
    assert "{" not in said
