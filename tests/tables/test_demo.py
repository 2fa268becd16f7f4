"""The demo business: the same seed gives the same bytes, every table is the codebook's, and what truth.json says is in the rows."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from opsnb.errors import ParameterError
from opsnb.tables.codebook import TABLES
from opsnb.tables.data import open_data
from opsnb.tables.demo import causes, demo


def bytes_of(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir()) if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return demo(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def data(folder):
    return open_data(folder)


@pytest.fixture(scope="module")
def truth(folder):
    return {cause["kind"]: cause for cause in json.loads((folder / "truth.json").read_text(encoding="utf-8"))["causes"]}


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path):
    first, second, other = (demo(tmp_path / name, users=400, days=420, seed=seed) for name, seed in (("a", 3), ("b", 3), ("c", 4)))
    assert bytes_of(first) == bytes_of(second)
    assert bytes_of(first)["orders.csv"] != bytes_of(other)["orders.csv"]


def test_the_default_world_is_small_and_has_every_cause(folder, truth):
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) < 5_000_000
    assert set(truth) == {"funnel_break", "repeat_drop", "competitor_surge", "channel_cost", "target_miss", "budget_overrun", "split_broken"}


def test_every_table_of_the_codebook_is_there_and_passes_the_check(data):
    assert set(data.tables) == set(TABLES)
    for name, quality in data.quality.tables.items():
        assert quality.rows_read == quality.kept + sum(quality.set_aside.values())
        assert set(quality.set_aside) <= {"restated by a later row"}, name
        assert quality.score >= 0.95, (name, quality)
    assert data.quality.tables["spend"].set_aside == {"restated by a later row": 4}  # one day, four paid channels
    assert not any(quality.pointing_nowhere.get("user_id") for quality in data.quality.tables.values())


def test_the_broken_step_is_in_the_rows(data, truth):
    cause = truth["funnel_break"]
    ((column, value),) = cause["slice"].items()
    steps = ["home", "search", "product", "reviews", "promotion", "cart", "payment"]
    before = steps[steps.index(cause["detail"]["step"]) - 1]
    events = data.events.to_pandas(["session_id", "ts", "event", column])
    events = events[events[column] == value]
    late = events["ts"] >= pd.Timestamp(cause["since"])
    rate = {}
    for when, rows in ((False, events[~late]), (True, events[late])):
        visits = {step: set(rows.loc[rows["event"] == step, "session_id"]) for step in (before, cause["detail"]["step"])}
        rate[when] = len(visits[cause["detail"]["step"]]) / len(visits[before])
    assert rate[True] / rate[False] - 1 == pytest.approx(cause["size"], abs=0.08)


def test_the_dear_channel_the_overrun_and_the_split_are_in_the_rows(data, truth):
    spend, cause = data.spend, truth["channel_cost"]
    own = spend[(spend["channel"] == cause["slice"]["channel"]) & (spend["date"] >= pd.Timestamp(cause["since"]) - pd.Timedelta(days=90))]
    price = own["cost"].groupby(own["date"] >= cause["since"]).sum() / own["clicks"].groupby(own["date"] >= cause["since"]).sum()
    assert price[True] / price[False] - 1 == pytest.approx(cause["size"], abs=0.15)

    cause = truth["budget_overrun"]
    line = data.budget[(data.budget["line"] == cause["slice"]["line"]) & (data.budget["month"] >= cause["since"])].dropna(subset=["actual"])
    assert line["actual"].sum() / line["planned"].sum() - 1 == pytest.approx(cause["size"], abs=0.05)

    seen = data.exposures[data.exposures["experiment"] == truth["split_broken"]["slice"]["experiment"]]["variant"].value_counts()
    assert seen["new"] / seen["control"] - 1 == pytest.approx(truth["split_broken"]["size"], abs=0.08)


def test_it_is_believable(data):
    """A shop as its trade knows them: sale peaks, a fifth of the customers bring half of the revenue, every third buys again."""
    orders = data.orders.to_pandas()
    sales = orders[orders["amount"] > 0]
    by_day = sales.groupby(sales["ts"].dt.date).size()
    peak = by_day.loc[pd.Timestamp("2025-11-09").date() : pd.Timestamp("2025-11-11").date()].mean()
    assert peak > 1.5 * by_day.loc[pd.Timestamp("2025-09-01").date() : pd.Timestamp("2025-09-30").date()].mean()
    revenue = sales.groupby("user_id", observed=True)["amount"].sum().sort_values(ascending=False)
    assert 0.5 < revenue.head(len(revenue) // 5).sum() / revenue.sum() < 0.8
    assert 0.25 < (sales.groupby("user_id", observed=True).size() > 1).mean() < 0.6
    visits = data.events.to_pandas(["session_id", "event"])
    assert 0.02 < (visits["event"] == "payment").sum() / visits["session_id"].nunique() < 0.12


def test_a_quarter_of_the_worlds_are_quiet():
    quiet = [not causes.drawn(seed, np.datetime64("2025-12-31")).to_list() for seed in range(400)]
    assert 0.19 < np.mean(quiet) < 0.32  # .25 expected; 3 standard errors are .065


@pytest.mark.parametrize(("options", "said"), [({"users": 10}, "200 users"), ({"days": 30}, "420 days"), ({"seed": -1}, "0 or more")])
def test_a_world_that_cannot_be_is_refused(tmp_path, options, said):
    with pytest.raises(ParameterError, match=said):
        demo(tmp_path, **options)


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "mine.csv").write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(ParameterError, match=r"mine\.csv"):
        demo(tmp_path, users=300, days=420)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]
