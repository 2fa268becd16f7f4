"""Response times and what goes with them: by hand, and their edge cases as sentences."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import service
from opsnb.measures.intervals import difference, wilson


def tickets(*rows, day="2025-06-01"):
    """(hour of day, minutes until the answer or None, user)"""
    frame = pd.DataFrame(rows, columns=["hour", "minutes", "user_id"][:len(rows[0])])
    opened = pd.Timestamp(day) + pd.to_timedelta(frame.pop("hour"), unit="h")
    return frame.assign(opened_at=opened, first_response_at=opened + pd.to_timedelta(frame.pop("minutes").astype(float), unit="min"))


def test_times_by_hand():
    found = service.response_times(tickets((9, 1), (9, 3), (10, 5), (22, 40), (23, None))).iloc[0]
    assert found[["tickets", "answered", "answered_in_time"]].tolist() == [5, 4, 2]  # exactly 3 minutes is in time
    assert found["median_minutes"] == 5  # of 1, 3, 5, 40 and one that still waits
    assert np.isnan(found["p90_minutes"])  # the slowest of five has no answer yet
    assert found["in_time_rate"] == 0.4
    assert found[["in_time_low", "in_time_high"]].tolist() == [float(edge) for edge in wilson(2, 5)]
    assert found["few"]


def test_hours_without_tickets_are_null_and_not_zero():
    found = service.response_times(tickets((9, 1), (9.5, 3), (22, 40)), by="hour").set_index("hour")
    assert len(found) == 24
    assert found.loc[9, ["tickets", "median_minutes", "p90_minutes"]].tolist() == [2, 1, 3]
    assert found.loc[8, "tickets"] == 0
    assert found.loc[8, ["median_minutes", "p90_minutes", "in_time_rate", "low", "in_time_low"]].isna().all()


def test_what_was_answered_after_as_of_was_open_then():
    frame = tickets((9, 60 * 24 * 3), (10, 5))
    assert service.response_times(frame, as_of="2025-06-02")["answered"].tolist() == [1]
    assert service.response_times(frame)["answered"].tolist() == [2]
    wrong = pd.concat([frame, tickets((9, -5))])
    assert service.response_times(wrong)["tickets"].tolist() == [2]  # answered before it was asked


def test_by_month_and_category():
    frame = pd.concat([tickets((9, 1), (9, 2)).assign(category="returns"), tickets((9, 8), day="2025-07-01").assign(category="payment")])
    assert service.response_times(frame, by="month")["median_minutes"].tolist() == [1, 8]
    assert service.response_times(frame, by="category")["category"].tolist() == ["returns", "payment"]
    with pytest.raises(InputError, match="no column 'kind'"):
        service.response_times(frame, by="kind")


@pytest.mark.parametrize("n", [1, 5, 6, 40, 999, 1500])
def test_the_medians_interval_is_that_of_order_statistics(n):
    low, high = service._median_interval(np.arange(1.0, n + 1), 0.95)
    k = int(stats.binom.ppf(0.025, n, 0.5))  # the largest k with P(X < k) <= .025
    if n > 1000:
        assert abs(low - k) <= 1
    elif k == 0:
        assert np.isnan([low, high]).all()
    else:
        assert (low, high) == (k, n + 1 - k)


def test_repeat_purchase_by_waiting_time_by_hand():
    frame = tickets((1, 2, "a"), (2, 3, "b"), (3, 4, "c"), (4, 60, "d"), (5, None, "e"), (6, 1, "d"), (7, 1, None))
    orders = pd.DataFrame({"user_id": list("abcdx"), "amount": 9.0,
                           "ts": pd.to_datetime(["2025-06-30", "2025-05-01", "2025-07-31 03:00", "2025-08-01", "2025-06-02"],
                                                format="ISO8601")})
    found = service.response_and_repeat(frame, orders, within_days=60, as_of="2025-12-31")
    assert found["wait"].tolist() == ["0-3", "3-12", "12+", "never"]
    assert found["customers"].tolist() == [2, 1, 1, 1]  # d by its first ticket, which took an hour
    # a ordered after 29 days; b before; c after 60 days to the minute; d after 61: too late; e never
    assert found["repeated"].tolist() == [1, 1, 0, 0]
    assert found["gap"].tolist()[1:] == [0.5, -0.5, -0.5]
    assert np.isnan(found["gap"].iloc[0])
    low, high = difference(0, 1, 1, 2)
    assert found.loc[2, ["gap_low", "gap_high"]].tolist() == [float(low), float(high)]
    assert found["few"].all()


def test_service_that_cannot_answer_says_why():
    orders = pd.DataFrame({"user_id": ["a"], "amount": [9.0], "ts": pd.to_datetime(["2025-06-30"])})
    with pytest.raises(NotMeasured, match="do not say which user asked"):
        service.response_and_repeat(tickets((9, 1)), orders)
    with pytest.raises(NotMeasured, match="no ticket is 60 days old yet"):
        service.response_and_repeat(tickets((9, 1, "a")), orders)
    with pytest.raises(NotMeasured, match="no service tickets in this period"):
        service.response_times(tickets((9, 1)), start="2026-01-01")
    with pytest.raises(NotMeasured, match="has a first answer"):
        service.response_times(tickets((9, None), (9, None)))
    with pytest.raises(ParameterError, match="more than 0"):
        service.response_times(tickets((9, 1)), benchmark_minutes=0)
    with pytest.raises(ParameterError, match="rising minutes above 0"):
        service.response_and_repeat(tickets((9, 1, "a")), orders, edges=[3, 3])
    with pytest.raises(InputError, match="no column 'first_response_at'"):
        service.response_times(tickets((9, 1)).drop(columns="first_response_at"))
