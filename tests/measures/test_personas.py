"""Personas: groups that are there are found, groups that are not are refused, names are the groups' own."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import persona_names as names_module
from opsnb.measures import personas as module
from opsnb.measures.segments import PARTS, NoPersonas, personas


def planted(*groups, size=150, seed=0):
    """Customers around (recency, frequency, value), spread by 15%."""
    random = np.random.default_rng(seed)
    values = np.repeat(np.array(groups, float), size, axis=0) * np.exp(random.normal(0, 0.15, (size * len(groups), 3)))
    frame = pd.DataFrame({"user_id": [f"u{number:05d}" for number in range(len(values))], "recency_days": values[:, 0].round(),
                          "frequency": np.maximum(values[:, 1].round(), 1), "monetary_value": values[:, 2]})
    return frame.assign(revenue=frame["frequency"] * frame["monetary_value"]), np.repeat(np.arange(len(groups)), size)


FOUR = [(5, 20, 50), (10, 5, 400), (200, 2, 40), (400, 1, 300)]


def test_planted_groups_are_found_and_named_by_what_sets_them_apart():
    rfm, truth = planted(*FOUR)
    found = personas(rfm)
    assert found.k == 4
    assert found.stability > 0.9
    assert found.stability == found.summary["stability"].min() == found.panel.loc[found.panel["chosen"], "stability"].item()
    merged = pd.crosstab(truth, found.frame["persona"].to_numpy())
    assert (merged.max(axis=1) >= 145).all()  # of 150
    loyal = found.frame["persona"].iloc[0]
    assert "frequent" in loyal
    assert not found.summary["persona"].str.contains(r"\d|cluster", case=False).any()
    assert found.panel["chosen"].sum() == 1
    assert found.summary["revenue"].is_monotonic_decreasing
    assert list(found.panel["k"]) == list(range(2, 9))


def test_summary_adds_up():
    rfm, _ = planted(*FOUR)
    found = personas(rfm, k=3)
    assert found.k == 3
    assert found.summary["users"].sum() == 600
    assert found.summary["share"].sum() == pytest.approx(1)
    assert found.summary["revenue_share"].sum() == pytest.approx(1)
    assert found.frame["persona"].value_counts().to_dict() == found.summary.set_index("persona")["users"].to_dict()
    assert ["-".join(parts) for parts in found.summary["parts"]] == found.summary["persona"].tolist()


def test_equal_input_gives_equal_output_whatever_the_order_of_seeds():
    rfm, _ = planted(*FOUR)
    first, again, other = personas(rfm, random_state=1), personas(rfm, random_state=1), personas(rfm, random_state=2)
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert (first.frame["persona"] == other.frame["persona"]).mean() > 0.98


@pytest.mark.parametrize("related", [0.0, 0.7])
def test_one_cloud_of_customers_is_refused_with_the_panel(related):
    random = np.random.default_rng(4)
    cloud = random.normal(size=(2000, 3)) @ np.array([[1, related, 0], [0, 1, 0], [0, 0, 1]])  # related: two groups would even be stable
    rfm = pd.DataFrame({"user_id": range(2000), "recency_days": np.exp(4 + 0.8 * cloud[:, 0]), "frequency": np.exp(3 + 0.5 * cloud[:, 1]),
                        "monetary_value": np.exp(4 + 0.6 * cloud[:, 2]), "revenue": 1.0})
    with pytest.raises(NoPersonas, match="form one cloud") as refused:
        personas(rfm)
    assert isinstance(refused.value, NotMeasured)
    assert not refused.value.panel["allowed"].any()


def test_more_groups_than_there_are_do_not_survive_another_sample():
    rfm, _ = planted((50, 200, 50), (100, 50, 400), (2000, 20, 40), (4000, 100, 300))
    with pytest.raises(NoPersonas, match="no groups that would survive another sample: stability 0"):
        personas(rfm, k=8)


def test_too_few_or_all_alike_are_refused():
    rfm, _ = planted(*FOUR)
    with pytest.raises(NoPersonas, match="39 customers are too few for 2 groups"):
        personas(rfm.head(39))
    alike = rfm.assign(recency_days=3, frequency=1, monetary_value=9.0)
    with pytest.raises(NoPersonas, match="all customers are alike"):
        personas(alike)
    with pytest.raises(ParameterError, match="allowed: 2 to 8"):
        personas(rfm, k=1)
    with pytest.raises(InputError, match="no column 'revenue'"):
        personas(rfm.drop(columns="revenue"))


def test_one_customer_with_half_of_the_revenue_is_no_persona():
    rfm, _ = planted(*FOUR)
    rfm.loc[0, ["monetary_value", "revenue"]] = 1e6
    assert personas(rfm).summary["users"].min() >= 20


def test_customers_who_got_all_their_money_back_are_no_persona_but_belong_to_one():
    rfm, _ = planted(*FOUR)
    rfm.loc[::25, ["monetary_value", "revenue"]] = 0.0  # 24 of 600: on the log scale far from everybody
    found = personas(rfm)
    assert found.k == 4
    assert found.frame["persona"].notna().all()


def test_many_customers_are_assigned_to_groups_found_on_a_sample(monkeypatch):
    rfm, _ = planted(*FOUR)
    whole = personas(rfm, k=4).frame["persona"]
    monkeypatch.setattr(module, "ALL_FITTED", 500)
    monkeypatch.setattr(module, "SAMPLE", 300)
    monkeypatch.setattr(module, "PANEL", 250)
    sampled = personas(rfm, k=4)
    assert len(sampled.frame) == 600
    assert (sampled.frame["persona"] == whole).mean() > 0.95


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-2, 2)] * 3, st.booleans()), min_size=2, max_size=8))
def test_names_are_unique_and_made_of_known_parts(groups):
    effects = np.array([group[:3] for group in groups])
    names = names_module.named(effects, once=np.array([group[3] for group in groups]))
    assert len({"-".join(name) for name in names}) == len(names)
    assert all(part in PARTS for name in names for part in name)


def test_the_next_action_goes_by_what_the_name_says_first():
    effects = np.array([  # recency, frequency, order value, share of orders with a discount
        [0.36, 0, 0.0, 0.9],  # long ago, orders as big as others': worth a call, whatever they paid before
        [0.36, 0, -0.36, 0.0],  # long ago and small orders: a call would not pay
        [0.34, 0, 0.0, 0.5],  # not so long ago, and they buy with discounts
        [-1.0, 1, 0.0, 0.0],  # bring 1.3 times their share
        [-1.0, 1, 0.0, 0.0]])
    worth = np.array([2.0, 2.0, 2.0, 1.3, 1.29])
    assert module._actions(effects, [*module.RFM, "discount_share"], worth).tolist() == ["recall", "coupon", "coupon", "exclusive-service", "targeted-push"]
    assert module._actions(effects[:, :3], module.RFM, worth)[2] == "exclusive-service"


@pytest.mark.parametrize(("single", "part"), [(48, "once"), (47, "seldom")])
def test_a_group_is_said_to_have_bought_once_where_four_in_five_did(single, part):
    orders = np.r_[np.full(60, 12), np.ones(single), np.full(60 - single, 3)]  # 48 of 60 are .8
    rfm = pd.DataFrame({"user_id": [f"u{one}" for one in range(120)], "recency_days": np.r_[np.arange(60) % 7 + 1, np.arange(60) % 50 + 300],
                        "frequency": orders, "monetary_value": 50.0 + np.arange(120) % 9})
    names = personas(rfm.assign(revenue=rfm["frequency"] * rfm["monetary_value"]), k=2).summary["parts"]
    assert part in names.iloc[1]
