"""Quantiles of lengths in groups, against numpy's on each group."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.measures import lengths

LENGTHS = st.one_of(st.integers(0, 5), st.integers(0, 1 << 20), st.integers((1 << 59) - 4, 1 << 59))
SHARES = (0, 0.25, 0.5, 0.9, 1)


def slow(rows, count):
    groups = [np.array([length for group, length in rows if group == one], float) for one in range(count)]
    return np.array([[np.quantile(own, share) if len(own) else np.nan for own in groups] for share in SHARES])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), LENGTHS), min_size=1, max_size=60), st.integers(1, 3), st.booleans())
def test_quantiles_are_those_of_each_group_sorted(rows, pieces, sort_all):
    parts = [(np.array([length for _, length in part], np.int64), np.array([group for group, _ in part], np.int64))
             for part in (rows[at::pieces] for at in range(pieces))]
    with pytest.MonkeyPatch.context() as patch:
        if sort_all:
            patch.setattr(lengths, "MOST_CELLS", 0)
        found = lengths.quantiles(parts, 4, SHARES)
    np.testing.assert_allclose(found, slow(rows, 4), rtol=1e-12)


def test_nobody_has_no_quantile():
    assert np.isnan(lengths.quantiles([], 2, (0.5,))).all()
    assert np.isnan(lengths.quantiles([(np.empty(0, np.int64), np.empty(0, np.int64))], 1, (0.5,))).all()
