"""Behaviour by hand, against a slow obvious second implementation, and whatever the blocks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures.behaviour import PARTS_OF_DAY, behaviour
from tests.measures.logs import in_blocks

FRIDAY = pd.Timestamp("2025-03-07")


def events(*rows):
    frame = pd.DataFrame(rows, columns=["user_id", "hours", "page", "device"])
    return frame.assign(ts=FRIDAY + pd.to_timedelta(frame.pop("hours"), unit="h"), event="view")


def test_one_user_by_hand():
    table = events(("a", 9.0, "skin", "ios"), ("a", 9.2, "hair", "ios"), ("a", 23.0, "skin", "ios"), ("a", 29.0, None, "web"), ("b", 12, None, None))
    orders = pd.DataFrame({"user_id": ["a", "a", "c"], "ts": FRIDAY, "amount": [5.0, 7.0, 1.0], "discount": [0.0, 2.0, 0.0]})
    found = behaviour(table, orders).set_index("user_id")
    a = found.loc["a"]
    assert a["visits"] == 3  # 9:00 with 9:12, 23:00, and 5:00 the next day, a Saturday
    assert a["days_between_visits"] == pytest.approx(20 / 24 / 2)  # 20 hours from the first visit to the last, two gaps
    assert a["events_per_visit"] == pytest.approx(4 / 3)
    assert a[list(PARTS_OF_DAY)].tolist() == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3])
    assert a["weekend_share"] == pytest.approx(1 / 3)
    assert a[["page=skin", "page=hair"]].tolist() == pytest.approx([2 / 3, 1 / 3])  # the row without a page counts for none
    assert a[["device=ios", "device=web"]].tolist() == [0.75, 0.25]
    assert a[["orders", "visits_per_order", "discount_share"]].tolist() == [2, 1.5, 0.5]
    b = found.loc["b"]
    assert b["orders"] == 0
    assert b[["days_between_visits", "page=skin", "device=ios", "visits_per_order", "discount_share"]].isna().all()
    assert "c" not in found.index  # bought without a visit


def test_as_of_and_the_most_frequent_labels_only():
    table = events(("a", 1, "x", "ios"), ("a", 2, "x", "ios"), ("a", 3, "y", "ios"), ("a", 30, "z", "ios"))
    found = behaviour(table, as_of="2025-03-07", most_labels=2)
    assert found["visits"].tolist() == [3]
    assert [column for column in found if "=" in column] == ["page=x", "page=y", "device=ios"]
    assert "orders" not in found
    assert "page=x" not in behaviour(table.drop(columns="page"))


def test_errors_say_what_is_wrong():
    table = events(("a", 1, "x", "ios"))
    with pytest.raises(NotMeasured, match="no visits"):
        behaviour(table, as_of="2025-03-01")
    with pytest.raises(InputError, match="no column 'event'"):
        behaviour(table.drop(columns="event"))
    with pytest.raises(ParameterError, match="most_labels = 0"):
        behaviour(table, most_labels=0)


LINES = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 400).map(lambda quarter: quarter / 4), st.sampled_from(["x", "y", None]),
                           st.sampled_from(["ios", "web"])), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(LINES, st.integers(1, 7))
def test_it_is_what_a_loop_over_users_says(lines, block_rows):
    table = events(*lines)
    found = behaviour(in_blocks(table, block_rows)).set_index("user_id")
    assert sorted(found.index) == sorted(table["user_id"].unique())
    for user, rows in table.sort_values("ts", kind="stable").groupby("user_id"):
        visits, last = [], None
        for row in rows.itertuples():
            if last is None or row.ts - last > pd.Timedelta(minutes=30):
                visits.append(row.ts)
            last = row.ts
        said = found.loc[user]
        assert said["visits"] == len(visits)
        assert said["events_per_visit"] == pytest.approx(len(rows) / len(visits))
        assert said["night_share"] == pytest.approx(np.mean([visit.hour < 6 for visit in visits]))
        assert said["weekend_share"] == pytest.approx(np.mean([visit.day_of_week >= 5 for visit in visits]))
        for label in ("x", "y"):
            known = rows["page"].dropna()
            if f"page={label}" in found:
                assert said[f"page={label}"] == pytest.approx((known == label).mean(), nan_ok=True)
