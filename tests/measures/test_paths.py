"""Visits by hand and against plain Python."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import ParameterError
from opsnb.measures import blocks, paths
from opsnb.tables import histories as histories_module
from opsnb.tables.histories import histories

DAY = pd.Timestamp("2025-06-18")
MINUTE = 60_000_000


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0, 1, 30 * MINUTE, 30 * MINUTE + 1, 60 * MINUTE, 1441 * MINUTE])),
                min_size=1, max_size=20), st.sampled_from([30, 1440]), st.integers(1, 5))
def test_sessions_are_what_the_slow_way_cuts(lines, gap, block_rows):
    frame = pd.DataFrame(lines, columns=["user_id", "ts"]).assign(event="home")
    frame["ts"] = DAY + pd.to_timedelta(frame["ts"], unit="us")
    expected = []
    for user in sorted(set(frame["user_id"])):
        visits = []
        for ts in sorted(frame.loc[frame["user_id"] == user, "ts"]):
            if visits and ts - visits[-1][-1] <= pd.Timedelta(minutes=gap):
                visits[-1].append(ts)
            else:
                visits.append([ts])
        expected += [[user, number + 1, visit[0], visit[-1], len(visit), (visit[-1] - visit[0]) / pd.Timedelta(minutes=1)]
                     for number, visit in enumerate(visits)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histories_module, "BLOCK_ROWS", block_rows)
        table = histories(frame)
    for events in (frame, table):
        found = paths.sessions(events, gap_minutes=gap)
        assert found.astype({"user_id": object}).values.tolist() == expected
        assert paths.session_count(events, gap_minutes=gap) == len(expected)


def test_nobody_has_no_sessions():
    nobody = pd.DataFrame({"user_id": [], "ts": pd.to_datetime([]), "event": []})
    found = paths.sessions(nobody)
    assert found.empty
    assert list(found) == ["user_id", "session", "start", "end", "events", "minutes"]
    assert paths.session_count(nobody) == 0


def test_a_gap_must_be_positive():
    with pytest.raises(ParameterError, match="gap_minutes must be more than 0"):
        paths.session_count(pd.DataFrame({"user_id": [], "ts": pd.to_datetime([]), "event": []}), gap_minutes=0)


def test_counts_over_many_keys_agree_with_counts_over_few():
    import numpy as np

    keys = [np.array([5, 5, 1]), np.array([5, 2])]
    few, many = blocks.counts(iter(keys), 6), blocks.counts(iter(keys), 1 << 40)
    assert [list(part) for part in few] == [list(part) for part in many] == [[1, 2, 5], [1, 1, 3]]
    assert [len(part) for part in blocks.counts(iter([]), 1 << 40)] == [0, 0]
