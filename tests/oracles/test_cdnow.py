"""Published numbers: the CDNOW sample (brucehardie.com), as counted in its papers and in shared/reference/cdnow_clv.json."""

import json
from pathlib import Path

import pandas as pd
import pytest

from opsnb.measures import backtest, churn, purchases, retention, segments
from opsnb.tables.histories import histories

SHARED = Path(__file__).parents[2].parent / "shared" / "reference"
SAMPLE = SHARED / "cdnow" / "CDNOW_sample.txt"
pytestmark = pytest.mark.skipif(not SAMPLE.is_file(), reason="the CDNOW sample is not beside the repository (../shared/reference/cdnow)")


@pytest.fixture(scope="module")
def published():
    return json.loads((SHARED / "cdnow_clv.json").read_text(encoding="utf-8"))["reproduced_here"]["sample"]


@pytest.fixture(scope="module")
def rows():
    frame = pd.read_csv(SAMPLE, sep=r"\s+", header=None, names=["master_id", "user_id", "ts", "units", "amount"], dtype={"user_id": str})
    return frame.assign(ts=pd.to_datetime(frame["ts"].astype(str), format="%Y%m%d"))[["user_id", "ts", "amount"]]


def test_every_row_is_an_order_of_its_own(rows, published):
    rfm = segments.rfm(rows)
    assert len(rfm) == published["customers"] == 2357
    assert rfm["frequency"].sum() == published["rows"] == 6919
    assert rfm["revenue"].sum() == pytest.approx(published["total_spend"], abs=0.005)


def test_a_customers_rows_of_one_day_are_one_order_where_they_share_a_number(rows, published):
    by_day = rows.assign(order_id=rows["user_id"] + rows["ts"].dt.strftime(" %Y%m%d"))
    rfm = segments.rfm(by_day)
    assert rfm["frequency"].sum() == published["rows"] - published["same_customer_same_day_extra_rows"]
    calibration = segments.rfm(by_day, as_of="1997-09-30")
    assert (calibration["frequency"] - 1).sum() == published["repeat_tx_calibration"] == 2457
    assert (calibration["frequency"] > 1).sum() == published["customers_repeat_ge1"] == 946
    assert calibration["frequency"].max() - 1 == published["max_x"]
    assert rfm["frequency"].sum() - calibration["frequency"].sum() == published["holdout_tx"]


def test_customers_who_come_back_on_a_later_day(rows, published):
    # every customer's first order lies before April 1997, so all have had 182 days by the end of September
    found = retention.repeat_rate(rows, within_days=182, as_of="1997-09-30")
    assert found["customers"].sum() == published["customers"]
    assert found["waiting"].sum() == 0
    assert found["repeated"].sum() <= published["customers_repeat_ge1"]
    first = rows.groupby("user_id")["ts"].transform("min")
    later = rows[(rows["ts"] > first) & (rows["ts"] <= first + pd.Timedelta(days=182))]
    assert found["repeated"].sum() == later["user_id"].nunique()


def test_tiers_and_personas_hold_on_real_customers(rows):
    rfm = segments.rfm(rows)
    tiers = segments.tier_summary(rfm).set_index("tier")
    assert tiers["users"].sum() == 2357
    assert tiers.loc["high-value", "revenue_share"] > 0.5
    found = segments.personas(rfm)
    assert found.stability >= 0.6
    assert len(found.frame) == 2357
    assert found.frame["persona"].nunique() == found.k == len(found.summary)


def test_customers_are_the_same_from_one_pass(rows):
    who = purchases.customers(histories(rows, "orders"))
    assert len(who.user) == 2357
    assert who.orders.sum() == 6919


def test_silence_tells_who_never_came_back(rows):
    # known up to the end of September 1997, checked in the 39 weeks after: days since the last order .77, and so many usual gaps .73; the
    # chance of being alive by BG/NBD makes .32 of it, as it is 1 for all who bought once
    rule = churn.silence(rows, as_of="1997-09-30")
    gone = ~rule["user_id"].isin(rows.loc[rows["ts"] > "1997-09-30", "user_id"]).to_numpy()
    assert backtest.auc(gone, rule["silent_days"].to_numpy())[0] == pytest.approx(0.771, abs=0.001)
    assert backtest.auc(gone, rule["silence"].to_numpy())[0] == pytest.approx(0.730, abs=0.001)
