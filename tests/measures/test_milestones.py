import pandas as pd
import pytest

from opsnb.errors import NotMeasured
from opsnb.measures.milestones import milestone_status
from opsnb.measures.trends import weighed_trends


def plan(**columns):
    base = {"milestone": ["a", "b", "c", "d"], "planned_start": ["2025-01-01", "2025-01-11", "2025-02-01", "2025-03-01"],
            "planned_end": ["2025-01-10", "2025-01-20", "2025-02-10", "2025-03-10"], "actual_end": ["2025-01-10", "2025-01-25", None, None],
            "depends_on": [None, "a", "b", "c"]}
    return pd.DataFrame({**base, **columns})


def test_status_by_hand():
    # each lasts 10 days, so the buffer is ceil(10 x .1) = 1 day: a ends in time, b 5 days late, c is 5 days late on 15 Feb, d not begun
    status = milestone_status(plan(), as_of="2025-02-15")
    assert status["days_late"].tolist() == [0, 5, 5, 0]
    assert status["status"].tolist() == ["done", "done late", "late", "open"]
    assert status["holds_up"].tolist() == [3, 2, 1, 0]  # a is waited for by b, c and d


def test_on_the_last_day_of_the_buffer_it_is_not_late_yet():
    assert milestone_status(plan(), as_of="2025-02-11")["status"].tolist()[2] == "in buffer"
    assert milestone_status(plan(), as_of="2025-02-12")["status"].tolist()[2] == "late"


def test_what_was_done_after_as_of_is_still_open():
    status = milestone_status(plan(), as_of="2025-01-22").set_index("milestone")
    assert status.loc["b", "status"] == "late"  # planned to the 20th, buffer to the 21st; the 25th is not known yet
    assert pd.isna(status.loc["b", "actual_end"])


def test_a_circle_of_dependencies_ends():
    status = milestone_status(plan(depends_on=["d", "a", "b", "c"]), as_of="2025-02-15")
    assert status["holds_up"].tolist() == [3, 3, 3, 3]


def test_no_rows_is_not_measured():
    with pytest.raises(NotMeasured, match="no rows"):
        milestone_status(plan().iloc[:0], as_of="2025-01-01")
    with pytest.raises(NotMeasured, match="no rows"):
        weighed_trends(pd.DataFrame({"trend": ["x"], "observed_at": ["2025-05-01"]}), as_of="2025-01-01")


def test_the_last_observation_of_a_trend_counts():
    trends = pd.DataFrame({"trend": ["x", "x", "y"], "observed_at": ["2025-01-01", "2025-03-01", "2025-02-01"],
                           "strength": [1.0, 0.5, 0.4], "impact": [1.0, -1.0, 0.5], "probability": [1.0, 0.5, None]})
    # in March x is .5 x -1 x .5 = -.25; y has no probability: no weight, last
    assert weighed_trends(trends)[["trend", "weight"]].fillna(9).values.tolist() == [["x", -0.25], ["y", 9]]
    assert weighed_trends(trends, as_of="2025-02-15")["weight"].iloc[0] == 1.0
