"""A level that changed once: found where it is, not found where it is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.measures.levels import lasting_break


@settings(max_examples=50, deadline=None)
@given(st.integers(10, 50), st.integers(0, 1000), st.sampled_from([-1.0, 0.6, 2.0]))
def test_a_step_of_several_deviations_is_found_at_its_place(at, seed, height):
    noise = np.random.default_rng(seed).normal(0, 0.08, 60)
    found = lasting_break(np.where(np.arange(60) >= at, height, 0) + noise, least=5)
    assert found.at == at
    assert found.low <= at <= found.high
    assert found.p_value <= 0.001
    assert found.lasts
    assert found.after - found.before == pytest.approx(height, abs=0.15)


def test_a_slope_that_begins_is_told_from_a_step():
    place = np.arange(24)
    noise = np.random.default_rng(3).normal(0, 0.02, 24)
    slope = lasting_break(np.maximum(place - 13, 0) * 0.05 + noise, least=3, slope=True)
    assert (slope.shape, abs(slope.at - 14) <= 1) == ("slope", True)
    step = lasting_break(np.where(place >= 14, 0.4, 0) + noise, least=3, slope=True)
    assert (step.shape, step.at) == ("step", 14)


def test_chance_is_rarely_called_a_break():
    random = np.random.default_rng(5)
    low = sum(lasting_break(random.normal(size=200), least=14, block=7).p_value < 0.05 for _ in range(40))
    assert low <= 6  # 2 expected


def test_one_odd_day_is_no_level_and_nulls_are_left_out():
    series = np.random.default_rng(1).normal(0, 0.1, 100)
    series[60] = 50.0
    assert lasting_break(series, least=14, block=7).p_value > 0.05
    gone = np.where(np.arange(100) >= 70, 1.0, 0.0) + np.random.default_rng(2).normal(0, 0.1, 100)
    gone[[5, 30, 31]] = np.nan
    assert lasting_break(gone, least=14).at == 70


def test_too_short_or_constant_is_nothing():
    assert lasting_break(np.arange(6.0), least=3) is None
    assert lasting_break(np.ones(50), least=3) is None
