"""Was the traffic split as planned: by hand."""

import numpy as np
import pandas as pd
import pytest

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import experiments


def seen(experiment, **variants):
    rows = [(f"{experiment}-{variant}-{number}", experiment, variant) for variant, count in variants.items() for number in range(count)]
    return pd.DataFrame(rows, columns=["user_id", "experiment", "variant"]).assign(ts=pd.Timestamp("2025-06-18 12:00"))


def test_chi_squared_by_hand():
    # (520 - 500)^2 / 500 x 2 = 1.6, one degree of freedom: p = .2059
    found = experiments.sample_ratio(seen("bar", control=520, new=480))
    assert found["p_value"].tolist() == pytest.approx([0.2059, 0.2059], abs=1e-4)
    assert found["expected"].tolist() == [500.0, 500.0]
    assert found["share"].tolist() == [0.52, 0.48]
    assert not found["broken"].any()


def test_broken_is_below_one_in_a_thousand_and_comes_first():
    # (550 - 500)^2 / 500 x 2 = 10, p = .00157; (553 - 500)^2 / 500 x 2 = 11.236, p = .0008
    found = experiments.sample_ratio(pd.concat([seen("fine", control=550, new=450), seen("bad", control=553, new=447)]))
    assert found["experiment"].tolist() == ["bad", "bad", "fine", "fine"]
    assert found["broken"].tolist() == [True, True, False, False]


def test_planned_shares_in_any_unit():
    shares = {"bar": {"control": 9, "new": 1}}
    found = experiments.sample_ratio(seen("bar", control=900, new=100), expected=shares)
    assert found["p_value"].tolist() == [1.0, 1.0]
    assert found["expected_share"].tolist() == [0.9, 0.1]
    assert experiments.sample_ratio(seen("bar", control=900, new=100))["broken"].all()
    missing = experiments.sample_ratio(seen("bar", control=100), expected={"bar": {"control": 1, "new": 1}})
    assert missing["users"].tolist() == [100, 0]
    assert missing["broken"].all()


def test_who_saw_several_variants_counts_in_none():
    both = pd.DataFrame({"user_id": ["z", "z"], "experiment": "bar", "variant": ["control", "new"], "ts": pd.Timestamp("2025-06-19")})
    frame = pd.concat([seen("bar", control=30, new=30), both])
    found = experiments.sample_ratio(pd.concat([frame, frame]))  # seen twice is seen once
    assert found["users"].tolist() == [30, 30]
    assert found["several"].tolist() == [1, 1]
    assert experiments.sample_ratio(frame, as_of="2025-06-18")["several"].tolist() == [0, 0]


def test_too_few_to_tell():
    found = experiments.sample_ratio(seen("bar", control=8, new=1))
    assert np.isnan(found["p_value"]).all()
    assert not found["broken"].any()
    alone = experiments.sample_ratio(seen("bar", new=50))
    assert np.isnan(alone["p_value"].iloc[0])


def test_errors_say_what_is_wrong():
    frame = seen("bar", control=30, new=30)
    with pytest.raises(ParameterError, match="variant 'new' has no expected share"):
        experiments.sample_ratio(frame, expected={"bar": {"control": 1, "neu": 1}})
    with pytest.raises(ParameterError, match=r"'baar', which is no experiment.*did you mean 'bar'"):
        experiments.sample_ratio(frame, expected={"baar": {"control": 1}})
    with pytest.raises(ParameterError, match="above 0"):
        experiments.sample_ratio(frame, expected={"bar": {"control": 1, "new": 0}})
    with pytest.raises(NotMeasured, match="no user was shown"):
        experiments.sample_ratio(frame, start="2025-06-19")
    with pytest.raises(InputError, match="no column 'variant'"):
        experiments.sample_ratio(frame.drop(columns="variant"))
