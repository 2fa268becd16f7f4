"""The budget by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import budget


def plan(line, *months, start="2025-01-01"):
    """(planned, actual) a month."""
    planned, actual = zip(*months, strict=True)
    return pd.DataFrame({"month": pd.date_range(start, periods=len(months), freq="MS"), "line": line, "planned": planned, "actual": actual})


ADS = plan("ads", (100.0, 105.0), (100.0, 105.01), (100.0, 94.0), (100.0, None))


def test_a_month_is_over_beyond_five_percent():
    found = budget.budget_variance(ADS)
    assert found["status"].tolist() == ["within", "over", "under", "open"]
    assert found["variance"].tolist()[:3] == pytest.approx([5.0, 5.01, -6.0])
    assert found["variance_rate"].tolist()[:3] == pytest.approx([0.05, 0.0501, -0.06])
    assert budget.budget_variance(ADS, tolerance=0.06)["status"].tolist() == ["within", "within", "within", "open"]


def test_totals_count_closed_months_only():
    table = pd.concat([ADS, plan("fairs", (0.0, 30.0)), plan("reserve", (50.0, 0.0))])
    found = budget.budget_variance(table, period="total").set_index("line")
    assert found.loc["ads", ["months", "planned", "actual"]].tolist() == [3, 300.0, pytest.approx(304.01)]  # 105 + 105.01 + 94
    assert found.loc["ads", "status"] == "within"
    assert found["status"].to_dict() == {"fairs": "unplanned", "ads": "within", "reserve": "under"}
    assert np.isnan(found.loc["fairs", "variance_rate"])
    assert found.index[0] == "fairs"  # 30 over, ads 4.01


def test_a_month_that_is_not_over_is_open_whatever_was_spent():
    found = budget.budget_variance(plan("ads", (100.0, 90.0), (100.0, 70.0)), as_of="2025-02-27")
    assert found["status"].tolist() == ["under", "open"]
    assert budget.budget_variance(plan("ads", (100.0, 90.0), (100.0, 70.0)), as_of="2025-02-28")["status"].tolist() == ["under", "under"]
    assert len(budget.budget_variance(ADS, start="2025-02-15")) == 3  # February counts whole


def test_overruns_are_runs_up_to_the_last_closed_month():
    once = plan("once", (100.0, 130.0), (100.0, 100.0), (100.0, 130.0), (100.0, None))
    twice = plan("twice", (100.0, 100.0), (100.0, 110.0), (100.0, 120.0), (100.0, None))
    past = plan("past", (100.0, 130.0), (100.0, 130.0), (100.0, 100.0))
    found = budget.overruns(pd.concat([once, twice, past]))
    assert found[["line", "months", "planned", "actual", "variance"]].values.tolist() == [["twice", 2, 200.0, 230.0, 30.0]]
    row = found.iloc[0]
    assert row["since"] == pd.Timestamp("2025-02-01")
    assert (row["variance_rate"], row["rate_before"]) == (0.15, 0.0)
    assert budget.overruns(pd.concat([once, twice]), months=1)["line"].tolist() == ["once", "twice"]
    assert budget.overruns(past).empty
    assert list(budget.overruns(past)) == list(found)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6), st.integers(0, 10**6).map(float),
                          st.one_of(st.none(), st.floats(0, 1e6))), min_size=1, max_size=20, unique_by=lambda row: row[:2]))
def test_the_lines_totals_are_their_months(rows):
    table = pd.DataFrame(rows, columns=["line", "month", "planned", "actual"]).astype({"actual": float})
    table["month"] = pd.Timestamp("2025-01-01") + table["month"].map(lambda month: pd.DateOffset(months=month))
    months, totals = budget.budget_variance(table), budget.budget_variance(table, period="total")
    assert len(months) == len(table)
    closed = months[months["status"] != "open"]
    assert totals["actual"].sum() == pytest.approx(closed["actual"].sum())
    assert totals["variance"].sum() == pytest.approx(closed["variance"].sum(), abs=1e-6)


def test_errors_say_what_is_wrong():
    with pytest.raises(InputError, match="no column 'planned'"):
        budget.budget_variance(ADS.drop(columns="planned"))
    with pytest.raises(NotMeasured, match="no month in this period"):
        budget.budget_variance(ADS, as_of="2024-01-01")
    with pytest.raises(ParameterError, match="0 or more"):
        budget.budget_variance(ADS, tolerance=-0.1)
    with pytest.raises(ParameterError, match="allowed: month, total"):
        budget.budget_variance(ADS, period="year")
