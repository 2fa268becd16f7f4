"""Published numbers: the funnels and sessions of retentioneering 5.2.4 on its ecom data (Apache-2.0), to the digit.

Its conversion_rate is a share of all paths, ours of step 1; so the counts are compared, and the rates through them.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from opsnb.measures import funnel, paths
from opsnb.tables.histories import histories

ECOM = Path(__file__).parents[2].parent / "shared" / "reference" / "ecom"
pytestmark = pytest.mark.skipif(not ECOM.is_dir(), reason="the ecom reference is not beside the repository (../shared/reference/ecom)")


@pytest.fixture(scope="module")
def published():
    return json.loads((ECOM / "funnel.json").read_text(encoding="utf-8"))["result"]


@pytest.fixture(scope="module")
def events():
    import pandas as pd

    return histories(pd.read_parquet(ECOM / "ecom.parquet").rename(columns={"timestamp": "ts"}))


@pytest.mark.parametrize("entry", ["closed_ordered.user_id.F3", "closed_ordered.user_id.F6",
                                   "closed_ordered.session_id.F3", "closed_ordered.session_id.F6"])
def test_funnel_is_retentioneerings(events, published, entry):
    steps, out = published[entry]["steps"], published[entry]["out"]
    found = funnel.step_conversion(events, steps, unit="user" if "user_id" in entry else "session")
    assert found["step"].tolist() == [row["step"] for row in out]
    assert found["users"].tolist() == [row["unique_paths"] for row in out]
    np.testing.assert_allclose(found["step_conversion"][1:], [row["step_conversion_rate"] for row in out][1:], rtol=1e-12)
    everyone = out[0]["unique_paths"] / out[0]["conversion_rate"]  # their denominator: all paths, not those of step 1
    np.testing.assert_allclose(found["users"] / everyone, [row["conversion_rate"] for row in out], rtol=1e-12)


@pytest.mark.parametrize(("entry", "first", "second"), [("platform.mobile-desktop", "mobile", "desktop"),
                                                        ("acquisition_channel.paid_search-organic", "paid_search", "organic")])
def test_a_breakdown_is_retentioneerings_two_segments(events, published, entry, first, second):
    column = entry.split(".")[0]
    out = published[f"diff.session_id.F3.{entry}"]
    found = funnel.step_conversion(events, [row["step"] for row in out], unit="session", by=column).set_index(column)
    assert found.loc[first, "users"].tolist() == [row["funnel1_unique_paths"] for row in out]
    assert found.loc[second, "users"].tolist() == [row["funnel2_unique_paths"] for row in out]


def test_sessions_of_30_minutes_are_retentioneerings(events):
    out = json.loads((ECOM / "sessions_lifecycle.json").read_text(encoding="utf-8"))["result"]["n_sessions"]
    assert out["30m"] == 3605
    assert {name: paths.session_count(events, gap_minutes=minutes) for name, minutes in
            (("10m", 10), ("30m", 30), ("1h", 60), ("1d", 1440))} == out
    assert len(paths.sessions(events)) == 3605


def test_the_proposed_steps_lead_to_the_purchase(events):
    steps = funnel.proposed_steps(events)
    assert steps[-1] == "purchase"
    assert [step for step in steps if step in ("product_view", "cart", "shipping_details", "payment_details")] == [
        "product_view", "cart", "shipping_details"]  # of the 328 buyers 140 skipped payment_details before their first purchase


@pytest.mark.parametrize("entry", ["user_id.F3", "user_id.F6", "session_id.F3", "session_id.F6"])
def test_steps_in_any_order_are_retentioneerings_closed_unordered(events, published, entry):
    out = published[f"closed_unordered_all_previous.{entry}"]
    found = funnel.step_conversion(events, [row["step"] for row in out], order="any", unit="user" if "user_id" in entry else "session")
    assert found["users"].tolist() == [row["unique_paths"] for row in out]


@pytest.mark.parametrize("entry", ["user_id.F3", "user_id.F6", "session_id.F3", "session_id.F6"])
def test_an_open_funnel_is_one_funnel_per_step(events, published, entry):
    """Theirs counts who did a step, whatever else they did. Ours is closed: later steps need the earlier ones, so each step is asked alone."""
    out = published[f"open_any_order.{entry}"]
    unit = "user" if "user_id" in entry else "session"
    assert [int(funnel.step_conversion(events, [row["step"]], unit=unit)["users"].iloc[0]) for row in out] == [row["unique_paths"] for row in out]
    together = funnel.step_conversion(events, [row["step"] for row in out], order="any", unit=unit)["users"]
    assert (together <= [row["unique_paths"] for row in out]).all()
