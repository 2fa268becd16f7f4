"""Intervals and corrections against published examples."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsnb.errors import ParameterError
from opsnb.measures import intervals


def test_wilson_is_newcombes_example():
    # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3: 81/263, 15/148, 0/20, 1/29
    low, high = intervals.wilson([81, 15, 0, 1], [263, 148, 20, 29])
    np.testing.assert_allclose(low, [0.2553, 0.0624, 0, 0.0061], atol=5e-5)
    np.testing.assert_allclose(high, [0.3662, 0.1605, 0.1611, 0.1718], atol=5e-5)


def test_difference_is_newcombes_example():
    # Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10: 56/70-48/80, 9/10-3/10, 0/10-0/20, 10/10-0/10
    low, high = intervals.difference([56, 9, 0, 10], [70, 10, 10, 10], [48, 3, 0, 0], [80, 10, 20, 10])
    np.testing.assert_allclose(low, [0.0524, 0.1705, -0.1611, 0.6075], atol=5e-5)
    np.testing.assert_allclose(high, [0.3339, 0.8090, 0.2775, 1.0], atol=5e-5)


@given(st.integers(0, 50), st.integers(0, 50), st.sampled_from([0.5, 0.9, 0.95]))
def test_an_interval_holds_its_rate(successes, more, level):
    n = successes + more
    low, high = intervals.wilson(successes, n, level)
    if n == 0:
        assert np.isnan([low, high]).all()
    else:
        assert 0 <= low <= successes / n <= high <= 1
        wide_low, wide_high = intervals.wilson(successes, n, 0.99)
        assert wide_low <= low
        assert high <= wide_high


def test_benjamini_hochberg_is_their_example():
    # their table of 15 p-values (1995): at .05 the first four are kept
    p = [.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1.0]
    assert (intervals.benjamini_hochberg(p) <= .05).sum() == 4
    assert len(intervals.benjamini_hochberg([])) == 0


def test_llr_is_the_g_test():
    from scipy.stats import chi2_contingency

    expected = chi2_contingency([[56, 14], [48, 32]], correction=False, lambda_="log-likelihood").statistic
    assert intervals.binomial_llr(56, 70, 48, 80) == pytest.approx(expected)
    assert intervals.binomial_llr([0, 5, 3], [0, 5, 6], [3, 5, 5], [5, 5, 10]).tolist() == [0, 0, 0]


@pytest.mark.parametrize("value", ["2025-06-18", "2025-06-18 13:00", datetime.date(2025, 6, 18), datetime.datetime(2025, 6, 18, 13),
                                   pd.Timestamp("2025-06-18 13:00"), np.datetime64("2025-06-18T13:00")])
def test_a_day_is_a_day(value):
    assert intervals.as_day(value) == np.datetime64("2025-06-18")


@pytest.mark.parametrize("value", ["2025", "2025-13-01", "20250618", "yesterday", "", pd.NaT, 7])
def test_what_is_no_day_is_refused(value):
    with pytest.raises(ParameterError, match="is not a day"):
        intervals.as_day(value)
