"""What is said of customers' worth: which sentence for which numbers, and that it holds in both languages."""

import dataclasses
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from opsnb.errors import NotMeasured
from opsnb.measures.value import Chosen, Holdout
from opsnb.views import findings, language


@pytest.fixture(autouse=True)
def english():
    with language.using("en"):
        yield


def chosen(expected=1100.0, low=1000.0, high=1200.0, actual=1050.0, refused=None):
    scores = pd.DataFrame({"method": ["bg_nbd", "pareto_nbd", "average", "own_average"], "expected": [1500.0, expected, 2000.0, 2200.0],
                           "low": [1400.0, low, np.nan, np.nan], "high": [1600.0, high, np.nan, np.nan], "actual": actual,
                           "total_error": np.array([1500.0, expected, 2000.0, 2200.0]) / actual - 1, "rmse": [1.4, 1.2, 1.5, 2.0]})
    checked = Holdout(np.datetime64("2025-05-02"), np.datetime64("2025-12-31"), 243, 1836, scores, None, None, 0.9)
    return Chosen(None if refused else SimpleNamespace(kind="pareto_nbd", name="Pareto/NBD"), refused, checked)


def test_a_forecast_that_held():
    said = findings.value_holdout(chosen())
    # 1,100 / 1,050 - 1 = 4.8%; 2,000 / 1,050 - 1 = 90%
    assert said.sentence == ("The forecast of orders held: 243 days ago Pareto/NBD would have forecast 1,100 repeat orders (1,000 to 1,200); 1,050 came, "
                             "so it was +4.8% off. Last year's average was +90% off.")
    assert (said.confidence, said.severity) == ("high", 0.2)


@pytest.mark.parametrize(("numbers", "confidence"), [({"actual": 900.0}, "medium"), ({"actual": 700.0}, "low")])
def test_a_forecast_that_missed_is_not_to_be_planned_with(numbers, confidence):
    said = findings.value_holdout(chosen(**numbers))
    assert "do not plan sums with it" in said.sentence
    assert (said.confidence, said.severity) == (confidence, 0.45)


def test_a_refused_model_is_said_in_both_languages():
    refused = chosen(refused=NotMeasured("the models tell a customer's orders worse than last year's average does"))
    said = findings.value_holdout(refused)
    assert said.kind == "value_refused"
    assert said.sentence.startswith("No lifetime value is given: the models tell a customer's orders worse")
    assert "last year's average 2,000; 1,050 came" in said.sentence
    with language.using("zh"):
        assert not re.search("[A-Za-z]", said.sentence.replace("Pareto/NBD", ""))


def test_lifetime_value_says_what_it_is_in_and_how_sure():
    total = pd.DataFrame({"days": [90, 365], "customers": 2747, "orders": [540.0, 1400.0], "ltv": [1e5, 257_000.0], "low": [9e4, 230_000.0],
                          "high": [1.1e5, 284_000.0], "mean": [36.0, 93.6]})
    deciles = pd.DataFrame({"decile": [1, 2], "customers": 275, "mean": [455.0, 214.0], "value_share": [0.49, 0.23]})
    worth = SimpleNamespace(basis="gross margin", model=SimpleNamespace(name="Pareto/NBD"))
    said = findings.lifetime_value(total, deciles, worth, chosen())
    assert said.sentence == ("Today's 2,747 customers will bring 257K of gross margin in the next 365 days (230K to 284K if the model holds); the best tenth "
                             "of them bring 49% of it, 455 each.")
    assert said.confidence == "high"
    assert "no margin" in findings.lifetime_value(total, deciles, SimpleNamespace(**{**vars(worth), "basis": "revenue"})).sentence


def by_channel(**changed):
    row = {"channel": "baidu", "customers": 427, "ltv_365d": 447.0, "low": 402.0, "high": 493.0, "cac": 335.0, "ltv_to_cac": 447 / 335, "payback_months": 6.0,
           "months_seen": 12, **changed}
    row["ltv_to_cac"] = row["ltv_365d"] / row["cac"]
    other = {**row, "channel": "douyin", "ltv_365d": 600.0, "low": 550.0, "high": 650.0, "cac": 200.0, "ltv_to_cac": 3.0}
    direct = {**row, "channel": "direct", "cac": np.nan, "ltv_to_cac": np.nan, "payback_months": np.nan}
    return pd.DataFrame([direct, other, row])


@pytest.mark.parametrize(("changed", "words", "severity"), [
    ({}, "Every paid channel earns its cost back in the first 365 days; baidu is closest to the line: 335 a customer, back after 6 months", 0.3),
    ({"payback_months": np.nan}, "but baidu has not yet in the 12 months seen: 335 a customer against 447 expected (402 to 493)", 0.3),
    ({"cac": 450.0}, "Whether baidu pays is open: a customer costs 450 and brings 447", 0.5),
    ({"cac": 500.0}, "A customer won through baidu costs 500 and brings 447 in the first 365 days (402 to 493): 53 lost on each of 427.", 0.75)])
def test_payback_by_what_the_interval_says(changed, words, severity):
    said = findings.payback(by_channel(**changed), SimpleNamespace(basis="gross margin"))
    assert words in said.sentence
    assert said.sentence.endswith("douyin brings 3 times its cost.")
    assert (said.severity, said.slice) == (severity, {"channel": "baidu"})


def test_without_spend_nothing_is_said_of_payback():
    assert findings.payback(by_channel().head(1), SimpleNamespace(basis="revenue")) is None


def test_the_assumption_on_order_values_is_said_only_where_it_fails():
    spending = SimpleNamespace(independent=True, correlation=0.1, customers=900)
    assert findings.value_assumption(SimpleNamespace(spending=spending)) is None
    assert findings.value_assumption(SimpleNamespace(spending=None)) is None
    tied = SimpleNamespace(spending=SimpleNamespace(independent=False, correlation=-0.4, customers=900))
    assert "too high for them" in findings.value_assumption(tied).sentence


def test_habits_against_the_goal():
    row = {"start": pd.Timestamp("2025-01-01"), "as_of": pd.Timestamp("2025-12-31"), "customers": 1000, "repeat_customers": 310, "repeat_rate": 0.31,
           "low": 0.28, "high": 0.34, "median_days": 211.0, "arpu": 700.0, "aov": 350.0}
    said = findings.order_habits(pd.DataFrame([row]))
    assert said.sentence == ("310 of 1,000 customers of the last 365 days (31%, 28% to 34%) ordered on two days or more; the plan's goal is 35%. Half of all "
                             "customers are back 211 days after their first order.")
    assert said.severity == 0.45
    rarely = findings.order_habits(pd.DataFrame([{**row, "median_days": np.nan, "low": 0.36, "high": 0.4}]))
    assert "Fewer than half" in rarely.sentence
    assert rarely.severity == 0.2


def test_every_sentence_is_chinese_in_chinese():
    said = [findings.value_holdout(chosen()), findings.value_holdout(chosen(actual=700.0)), findings.payback(by_channel(), SimpleNamespace(basis="revenue"))]
    with language.using("zh"):
        for one in said:
            assert not re.search("[A-Za-z]", re.sub("Pareto/NBD|baidu|douyin", "", one.sentence)), dataclasses.asdict(one)["template"]
