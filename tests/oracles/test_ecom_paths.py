"""Published numbers: what of retentioneering 5.2.4's ecom funnels and sessions the paths, flows and drivers can express, to the digit."""

import json
from pathlib import Path

import numpy as np
import pytest

from opsnb.measures import drivers, flows, paths
from opsnb.tables.histories import histories

ECOM = Path(__file__).parents[2].parent / "shared" / "reference" / "ecom"
pytestmark = pytest.mark.skipif(not ECOM.is_dir(), reason="the ecom reference is not beside the repository (../shared/reference/ecom)")

UNITS = [("user", "user_id"), ("session", "session_id")]


@pytest.fixture(scope="module")
def published():
    return json.loads((ECOM / "funnel.json").read_text(encoding="utf-8"))["result"]


@pytest.fixture(scope="module")
def events():
    import pandas as pd

    return histories(pd.read_parquet(ECOM / "ecom.parquet").rename(columns={"timestamp": "ts"}))


@pytest.mark.parametrize(("unit", "column"), UNITS)
@pytest.mark.parametrize("funnel", ["F3", "F6"])
def test_who_dropped_at_a_step_is_what_the_funnel_lost_there(events, published, unit, column, funnel):
    entry = published[f"closed_ordered.{column}.{funnel}"]
    users = [row["unique_paths"] for row in entry["out"]]
    for place, step in enumerate(entry["steps"][:-1]):
        found = paths.next_after_drop(events, entry["steps"], after=step, unit=unit)
        assert found["users"].sum() == found["dropped"].iloc[0] == users[place] - users[place + 1]


@pytest.mark.parametrize(("unit", "column"), UNITS)
@pytest.mark.parametrize("funnel", ["F3", "F6"])
def test_levers_enter_and_convert_as_the_funnel_does(events, published, unit, column, funnel):
    entry = published[f"closed_ordered.{column}.{funnel}"]
    found = drivers.levers(events, entry["steps"], by="platform", unit=unit).set_index("touchpoint")
    for step, row, following in zip(entry["steps"][:-1], entry["out"][:-1], entry["out"][1:], strict=True):
        assert found.loc[step, ["entered", "converted"]].tolist() == [row["unique_paths"], following["unique_paths"]]
        np.testing.assert_allclose(found.loc[step, "rate"], following["step_conversion_rate"], rtol=1e-12)


def test_a_levers_slices_are_retentioneerings_segments(events, published, monkeypatch):
    monkeypatch.setattr(drivers, "CHANCE", 1.0)  # the difference is within chance: named here all the same, to see its rates
    out = published["diff.session_id.F3.platform.mobile-desktop"]
    rows = events.to_pandas()
    only_two = rows[rows["platform"].isin(["mobile", "desktop"])]
    cart = drivers.levers(only_two, [row["step"] for row in out], by="platform", unit="session").set_index("touchpoint").loc["cart"]
    assert cart[["slice_value", "slice_users"]].tolist() == ["desktop", out[0]["funnel2_unique_paths"]]
    np.testing.assert_allclose([cart["slice_rate"], cart["rest_rate"], cart["later_rate"]],
                               [out[1]["funnel2_step_conversion_rate"], out[1]["funnel1_step_conversion_rate"],
                                out[2]["funnel1_step_conversion_rate"]], rtol=1e-12)


@pytest.mark.parametrize(("unit", "column"), UNITS)
def test_who_did_an_event_at_all_is_retentioneerings_open_funnel(events, published, unit, column):
    for row in published[f"open_any_order.{column}.F6"]:
        assert paths.frequent_paths(events, first=row["step"], unit=unit)["paths"].iloc[0] == row["unique_paths"]
        assert paths.frequent_paths(events, last=row["step"], unit=unit)["paths"].iloc[0] == row["unique_paths"]
        around = flows.step_matrix(events, around=row["step"], before=0, after=0, unit=unit)
        assert around["users"].tolist() == [row["unique_paths"]]


@pytest.mark.parametrize(("unit", "column"), UNITS)
def test_the_chain_converts_as_many_as_have_the_goal(events, published, unit, column):
    share = published[f"open_any_order.{column}.F3"][-1]["share"]
    found = flows.removal_effects(events, goal="purchase", unit=unit)
    np.testing.assert_allclose(found["conversion"], share, rtol=1e-9)
    assert found["removal_effect"].between(0, 1).all()


def test_sessions_of_any_gap_are_retentioneerings(events):
    out = json.loads((ECOM / "sessions_lifecycle.json").read_text(encoding="utf-8"))["result"]["n_sessions"]
    for name, minutes in (("10m", 10), ("30m", 30), ("1h", 60), ("1d", 1440)):
        assert paths.session_summary(events, gap_minutes=minutes)["sessions"].tolist() == [out[name]]
        assert paths.session_summary(events, by="platform", gap_minutes=minutes)["sessions"].sum() == out[name]
