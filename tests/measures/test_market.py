"""Growth and shares by hand; shifts of shares that are there, and none where there are none."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import market

MARKET = pd.DataFrame({"period": ["2024-01-01", "2024-01-01", "2025-01-01", "2025-01-01", "2025-02-01"],
                       "segment": ["tea", "coffee", "tea", "coffee", "tea"], "size": [100.0, 300.0, 150.0, 270.0, 90.0]})


def test_growth_is_against_the_same_period_a_year_before():
    found = market.market_growth(MARKET).set_index(["segment", "period"])
    assert found.loc[("tea", "2025-01-01"), "growth_rate"] == 0.5
    assert found.loc[("coffee", "2025-01-01"), "growth_rate"] == pytest.approx(-0.1)
    assert np.isnan(found.loc[("tea", "2025-02-01"), "growth_rate"])  # nothing is known of February 2024
    assert found.loc[("tea", "2024-01-01"), "share"] == 0.25
    whole = market.market_growth(MARKET, total=True)
    assert whole["size"].tolist() == [400.0, 420.0, 90.0]
    assert whole["growth_rate"].iloc[1] == pytest.approx(0.05)
    assert len(market.market_growth(MARKET, as_of="2024-12-31")) == 2


def test_leap_days_and_empty_sizes():
    frame = pd.DataFrame({"period": ["2024-02-29", "2023-02-28", "2025-02-28"], "segment": "tea", "size": [0.0, 4.0, None]})
    found = market.market_growth(frame)
    assert found["size"].tolist() == [4.0, 0.0]  # the row without a size is left out
    assert np.isnan(found["share"].iloc[1])
    with pytest.raises(NotMeasured, match="market table has no rows up to 2020-01-01"):
        market.market_growth(frame, as_of="2020-01-01")
    with pytest.raises(InputError, match="no column 'segment'"):
        market.market_growth(frame.drop(columns="segment"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.floats(0.01, 1e6)), min_size=1, max_size=20))
def test_shares_of_a_period_sum_to_one(rows):
    frame = pd.DataFrame(rows, columns=["month", "segment", "size"])
    frame["period"] = pd.Timestamp("2025-01-01") + frame.pop("month").map(lambda month: pd.DateOffset(months=month))
    found = market.market_growth(frame)
    assert found.groupby("period")["share"].sum().to_numpy() == pytest.approx(1)
    shares = market.competitor_share(frame.rename(columns={"segment": "competitor", "size": "value"}).assign(metric="gmv"))
    assert shares.groupby("period")["share"].sum().to_numpy() == pytest.approx(1)


def test_competitors_by_hand():
    rows = pd.DataFrame({"period": ["2025-01-01"] * 3 + ["2025-02-01"] * 3, "competitor": ["us", "x", "y"] * 2, "metric": "gmv",
                         "value": [50.0, 30.0, 20.0, 50.0, 100.0, 50.0]})
    found = market.competitor_share(rows, own="us").set_index(["competitor", "period"])
    assert found.loc[("us", "2025-02-01"), ["share", "change", "own"]].tolist() == [0.25, -0.25, True]
    assert found.loc[("x", "2025-02-01"), "change"] == pytest.approx(0.2)
    with pytest.raises(ParameterError, match=r"metric 'gvm' does not occur .*did you mean 'gmv'"):
        market.competitor_share(rows, metric="gvm")
    with pytest.raises(ParameterError, match="competitor 'usa' does not occur"):
        market.competitor_share(rows, own="usa")


def rivals(seed, surge=1.0, since=17, months=24):
    """Five competitors who share a season; the third one's value is multiplied from month ``since`` on."""
    random = np.random.default_rng(seed)
    period = pd.date_range("2024-01-01", periods=months, freq="MS")
    season = 1 + 0.5 * np.isin(period.month, [6, 11])
    rows = [pd.DataFrame({"period": period, "competitor": name, "metric": "gmv",
                          "value": size * season * np.exp(random.normal(0, 0.03, months))})
            for name, size in zip("abcde", (5, 4, 3, 2, 1), strict=True)]
    rows[2]["value"] *= np.where(np.arange(months) >= since, surge, 1)
    return pd.concat(rows, ignore_index=True)


@pytest.mark.parametrize("surge", [1.35, 0.6])
def test_a_lasting_shift_is_named_with_its_month(surge):
    for seed in range(5):
        found = market.share_shifts(rivals(seed, surge), own="a")
        assert found["competitor"].tolist() == ["c"]
        row = found.iloc[0]
        assert row["since"] == pd.Timestamp("2025-06-01")
        assert (row["change"] > 0) == (surge > 1)
        assert row["share_before"] == pytest.approx(3 / 15, abs=0.01)
        assert row["share_after"] == pytest.approx(3 * surge / (12 + 3 * surge), abs=0.015)
        assert not row["own"]


def test_fluctuation_is_no_shift():
    assert sum(len(market.share_shifts(rivals(seed))) for seed in range(20)) <= 1


def test_shifts_need_periods_and_competitors():
    with pytest.raises(NotMeasured, match="there are 5 over 6"):
        market.share_shifts(rivals(0, months=6, since=3))
    with pytest.raises(NotMeasured, match="there are 2 over 24"):
        market.share_shifts(rivals(0)[lambda rows: rows["competitor"].isin(["a", "b"])])
