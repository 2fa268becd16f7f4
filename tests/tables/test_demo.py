"""The demo business: the same seed gives the same bytes, every table is the codebook's, and what truth.json says is in the rows."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from opsnb.errors import ParameterError
from opsnb.tables.codebook import TABLES
from opsnb.tables.data import open_data
from opsnb.tables.demo import advertising, causes, demo, people, selling
from opsnb.tables.demo.season import BEFORE, Season


def bytes_of(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir()) if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return demo(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def data(folder):
    return open_data(folder)


@pytest.fixture(scope="module")
def sales(data):
    orders = data.orders.to_pandas()
    return orders[orders["amount"] > 0]


@pytest.fixture(scope="module")
def truth(folder):
    return {cause["kind"]: cause for cause in json.loads((folder / "truth.json").read_text(encoding="utf-8"))["causes"]}


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path):
    first, second, other = (demo(tmp_path / name, users=400, days=420, seed=seed) for name, seed in (("a", 3), ("b", 3), ("c", 4)))
    assert bytes_of(first) == bytes_of(second)
    assert bytes_of(first)["orders.csv"] != bytes_of(other)["orders.csv"]


def test_the_default_world_is_small_and_has_every_cause(folder, truth):
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) < 5_000_000
    assert set(truth) == {"funnel_break", "repeat_drop", "competitor_surge", "channel_cost", "target_miss", "budget_overrun",
                          "split_broken"}


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


def test_the_customers_who_stay_away_and_the_competitor_who_gains_are_in_the_rows(data, truth, sales):
    cause = truth["repeat_drop"]
    users = data.users.set_index("user_id")
    first = sales.groupby("user_id", observed=True)["ts"].min().dt.normalize()
    ripe = first[first <= data.as_of - pd.Timedelta(days=60)]
    gap = (sales["ts"].dt.normalize() - sales["user_id"].astype(str).map(first)).dt.days
    again = ripe.index.isin(sales.loc[(gap >= 1) & (gap <= 60), "user_id"])
    own = users["channel"].reindex(ripe.index) == cause["slice"]["channel"]
    late = users["signup_ts"].reindex(ripe.index) >= pd.Timestamp(cause["since"])
    assert again[own & late].mean() < 0.5 * again[own & ~late].mean()
    assert again[~own & late].mean() > 0.7 * again[~own & ~late].mean()

    cause, gmv = truth["competitor_surge"], data.competitors[data.competitors["metric"] == "gmv"]
    values = gmv.pivot(index="period", columns="competitor", values="value")
    against = values[cause["slice"]["competitor"]] / values.drop(columns=[cause["slice"]["competitor"], "own"]).sum(axis=1)
    late = against.index >= cause["since"]
    assert against[late].mean() / against[~late].mean() - 1 == pytest.approx(cause["size"], abs=0.1)


def test_what_the_tables_say_of_the_same_thing_agrees(folder, data, sales):
    """Each sale is a payment of that user at that second; the budget's advertising lines add up what was billed, restated day included."""
    events = data.events.to_pandas(["user_id", "ts", "event"])
    paid = events.loc[events["event"] == "payment", ["user_id", "ts"]].astype({"user_id": str})
    assert set(map(tuple, paid.to_numpy())) == set(map(tuple, sales[["user_id", "ts"]].astype({"user_id": str}).to_numpy()))
    month = data.spend["date"].dt.to_period("M").dt.to_timestamp()
    billed = data.spend.groupby([month, "channel"])["cost"].sum()
    booked = data.budget.set_index(["month", "line"])["actual"]
    both = booked.index.intersection(billed.index)
    assert len(both) == 23 * 4  # the first month is not whole: 730 days begin on 2 January 2024
    np.testing.assert_allclose(booked[both], billed[both], atol=0.02)
    signup = data.users.set_index("user_id")["signup_ts"]
    assert (events.groupby("user_id", observed=True)["ts"].min() >= signup.reindex(events["user_id"].unique()).sort_index()).all()
    assert pd.read_csv(folder / "truth_personas.csv.gz")["persona"].nunique() == 6


def test_it_is_believable(data, sales):
    """A shop as its trade knows them: sale peaks and quiet holidays, one visit in twenty buys, a fifth of the customers bring over half of
    the revenue, three in ten buy again, one new user in five is seen again, and clicks that cost money bring new users."""
    by_day = sales.groupby(sales["ts"].dt.normalize()).size()
    for year in ("2024", "2025"):
        assert by_day.loc[f"{year}-11-11"] > 2 * by_day.loc[f"{year}-09"].mean()
        assert by_day.loc[f"{year}-06-18"] > 2 * by_day.loc[f"{year}-05"].mean()
    assert by_day.loc["2025-01-28":"2025-02-04"].mean() < 0.8 * by_day.loc["2025-02-08":"2025-02-28"].mean()
    assert 1.2 < len(sales[sales["ts"] >= "2025"]) / len(sales[sales["ts"] < "2025"]) < 2.2
    revenue = sales.groupby("user_id", observed=True)["amount"].sum().sort_values(ascending=False)
    assert 0.55 < revenue.head(len(revenue) // 5).sum() / revenue.sum() < 0.7
    visits = data.events.to_pandas(["session_id", "event"])
    assert 0.03 < (visits["event"] == "payment").sum() / visits["session_id"].nunique() < 0.065
    day = data.events.to_pandas(["user_id", "ts"]).assign(day=lambda rows: rows["ts"].dt.normalize())
    first = day.groupby("user_id", observed=True)["day"].transform("min")
    since = (day["day"] - first).dt.days
    ripe = day.loc[(first >= "2024-02-01") & (first <= data.as_of - pd.Timedelta(days=30)), "user_id"].unique()
    assert 0.15 < np.isin(ripe, day.loc[(since >= 1) & (since <= 30), "user_id"].unique()).mean() < 0.25
    median = (data.service["first_response_at"] - data.service["opened_at"]).median().total_seconds() / 60
    assert 10 < median < 14
    paid = data.spend.groupby("channel")["cost"].sum()
    assert 2 < sales.loc[sales["channel"].isin(paid.index), "amount"].sum() / paid.sum() < 6


def test_the_calendar_has_the_real_dates(data):
    found = data.calendar.set_index(["event", data.calendar["start"].dt.year])
    assert found.loc[("Spring Festival", 2024), "start"] == pd.Timestamp("2024-02-09")
    assert found.loc[("Spring Festival", 2025), ["start", "end"]].tolist() == [pd.Timestamp("2025-01-28"), pd.Timestamp("2025-02-04")]
    assert found.loc[("Double 11", 2025), "end"] == pd.Timestamp("2025-11-11")
    assert found.loc[("Spring Festival", 2026), "start"] > data.as_of  # the coming one is known


def test_a_quiet_world_has_no_fault_in_its_rows(tmp_path):
    """Seed 8 is quiet: no price of a click, no share of a split and no budget line is off."""
    data = open_data(demo(tmp_path, seed=8, users=6000))
    assert json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))["causes"] == []
    recent = data.spend["date"] > data.as_of - pd.Timedelta(days=60)
    sums = data.spend.groupby([recent, "channel"])[["cost", "clicks"]].sum()
    price = sums["cost"] / sums["clicks"]
    assert (price[True] / price[False]).between(0.9, 1.1).all()
    for _, seen in data.exposures.groupby("experiment")["variant"]:
        counts = seen.value_counts()
        assert abs(counts["new"] - counts["control"]) < 4 * np.sqrt(len(seen))  # 4 standard errors
    lines = data.budget.groupby("line")[["planned", "actual"]].sum().drop(index="reserve")
    assert (lines["actual"] / lines["planned"]).between(0.97, 1.02).all()


def test_users_made_in_several_rounds_are_whole(tmp_path, monkeypatch):
    """With few users at once: visits of all rounds by time, none lost."""
    monkeypatch.setattr("opsnb.tables.demo.people.USERS_AT_ONCE", 150)
    monkeypatch.setattr("opsnb.tables.demo.writing.VISITS_AT_ONCE", 200)
    events = pd.read_csv(demo(tmp_path, users=500, days=420, seed=3) / "events.csv.gz", parse_dates=["ts"])
    visits = events.groupby("session_id")["ts"].min()
    assert visits.index.tolist() == [f"s{number:07d}" for number in range(1, len(visits) + 1)]
    assert visits.is_monotonic_increasing
    users = pd.read_csv(tmp_path / "users.csv", parse_dates=["signup_ts"])
    assert users["signup_ts"].dt.normalize().is_monotonic_increasing
    assert users.loc[users["signup_ts"] >= events["ts"].min(), "user_id"].isin(events["user_id"]).all()


def test_a_quarter_of_the_worlds_are_quiet():
    quiet = [not causes.drawn(seed, np.datetime64("2025-12-31")).to_list() for seed in range(400)]
    assert 0.19 < np.mean(quiet) < 0.32  # .25 expected; 3 standard errors are .065


@pytest.mark.parametrize(("options", "said"), [({"users": 10}, "200 users"), ({"days": 30}, "420 days"), ({"days": 4000}, "to 2190"),
                                               ({"seed": -1}, "0 or more")])
def test_a_world_that_cannot_be_is_refused(tmp_path, options, said):
    with pytest.raises(ParameterError, match=said):
        demo(tmp_path, **options)


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "mine.csv").write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(ParameterError, match=r"mine\.csv"):
        demo(tmp_path, users=300, days=420)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


# Shifts of the mix, worlds without groups, the days after ------------------------------------------------------------------

@pytest.fixture(scope="module")
def shifted(tmp_path_factory):
    """World 1: visits through xiaohongshu become five times as many, and buy half as willingly all along."""
    folder = demo(tmp_path_factory.mktemp("shifted"), seed=1)
    told = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    events = pd.read_csv(folder / "events.csv.gz", parse_dates=["ts"])
    events["paid"] = events["event"] == "payment"
    visits = events.groupby("session_id").agg({"ts": "min", "channel": "first", "paid": "max"})
    return folder, {cause["kind"]: cause for cause in told["causes"]}["mix_shift"], visits


def test_another_mix_pulls_all_down_and_no_channel(shifted):
    _, cause, visits = shifted
    since = pd.Timestamp(cause["since"])
    visits = visits[visits["ts"] >= since - (pd.Timestamp("2026-01-01") - since)]
    late, own = visits["ts"] >= since, visits["channel"] == cause["slice"]["channel"]
    assert own[~late].mean() == pytest.approx(cause["detail"]["share_before"], abs=0.01)
    assert own[late].mean() == pytest.approx(cause["detail"]["share_after"], abs=0.01)
    assert cause["detail"]["conversion_change"] < -0.1
    for which in (own, ~own):  # no more than chance: 4 standard errors
        error = np.sqrt(sum(rate * (1 - rate) / count for rate, count in visits[which].groupby(late)["paid"].agg(["mean", "size"]).to_numpy()))
        assert abs(visits.loc[which & late, "paid"].mean() - visits.loc[which & ~late, "paid"].mean()) < 4 * error


def test_whose_every_visit_a_shift_took_away_is_no_user(shifted):
    users = pd.read_csv(shifted[0] / "users.csv", parse_dates=["signup_ts"])
    assert users["signup_ts"].between("2023-01-01", "2026-01-01").all()
    assert users["user_id"].tolist() == pd.read_csv(shifted[0] / "truth_personas.csv.gz")["user_id"].tolist()


def test_no_shift_in_the_default_world_nor_in_a_quiet_one_nor_of_the_broken_slice():
    last = np.datetime64("2025-12-31")
    worlds = [causes.drawn(seed, last) for seed in range(400)]
    shifts = [world for world in worlds if world.get("mix_shift")]
    assert 0.26 < len(shifts) / len(worlds) < 0.41  # .75 x .45 = .34 expected; 3 standard errors are .07
    assert causes.drawn(causes.ALWAYS, last).get("mix_shift") is None
    assert all(len(world.to_list()) > 1 for world in shifts)
    assert all(world.get("mix_shift").slice != world.get("funnel_break").slice for world in shifts if world.get("funnel_break"))


def test_what_a_break_costs_is_what_the_same_world_without_it_has_more(truth):
    """The default world again without its break: the same draws, so that only those it turned away go on."""
    planted, without = (causes.drawn(7, np.datetime64("2025-12-31")) for _ in range(2))
    without._by_kind.pop("funnel_break")
    (season, users, visits, lost), (_, _, unbroken, none) = (_made(7, one) for one in (planted, without))
    came_on = (unbroken.depth == 7).sum() - (visits.depth == 7).sum()
    detail = truth["funnel_break"]["detail"]
    assert not len(none.user)
    assert detail["visits_lost"] == detail["orders_lost"]  # payment is the last step
    assert came_on == pytest.approx(detail["visits_lost"], abs=4 * np.sqrt(detail["visits_lost"]))
    assert 0.5 * detail["visits_lost"] < detail["users_lost"] < detail["visits_lost"]
    orders = selling.orders_of(unbroken, np.where((unbroken.depth == 7) & (unbroken.second >= lost.second.min()), unbroken.second, -1),
                               users, season, np.random.default_rng(0))
    assert detail["money_lost"] / detail["orders_lost"] == pytest.approx(orders.amount.mean(), rel=0.15)  # ios buyers are like others


def _made(seed, planted):
    random = np.random.default_rng([seed, 2])
    season = Season(np.datetime64("2025-12-31"), BEFORE + 730, random)
    users = people.users_of(19000, advertising.arrivals_of(season, advertising.pushes_of(season, random), planted), planted, random)
    visits, _, lost = people.visits_of(users, season, planted, seed)
    return season, users, visits, lost


def test_what_an_order_brings_on_average_is_the_mean_of_many():
    random = np.random.default_rng(1)
    season = Season(np.datetime64("2025-12-31"), BEFORE + 730, random)
    users = people.users_of(300, np.full((6, 1095), 1 / 6570), causes.Causes([]), random)
    user, day = np.repeat(np.arange(3), 20000), np.repeat([900, 900, len(season.days) - 51], 20000)  # the last one is Double 11
    visits = people.Visits(user, day * 86400, *(np.zeros(len(user), np.int8) for _ in range(3)), np.full(len(user), 7, np.int8))
    paid = selling.orders_of(visits, visits.second, users, season, random).amount
    expected = selling.expected_amount(np.arange(3), np.array([900, 900, len(season.days) - 51]), users, season)
    np.testing.assert_allclose(paid.reshape(3, -1).mean(axis=1), expected, rtol=0.02)


def test_a_world_without_groups_has_users_of_every_kind_in_between(tmp_path):
    folder = demo(tmp_path, seed=8, users=3000, groups=False)
    assert not json.loads((folder / "truth.json").read_text(encoding="utf-8"))["groups"]
    assert pd.read_csv(folder / "truth_personas.csv.gz")["persona"].isna().all()
    users = people.users_of(3000, np.full((6, 1095), 1 / 6570), causes.Causes([]), np.random.default_rng(0), np.random.default_rng(1))
    assert users.blend.sum(axis=1) == pytest.approx(1)
    value = np.sort(people.trait(users, "amount"))
    assert len(np.unique(value)) == 3000
    assert np.diff(value)[30:-30].max() < 0.05 * (value[-30] - value[30])  # no gap


def test_the_days_after_are_told_when_asked_and_change_nothing_else(tmp_path):
    plain, asked = demo(tmp_path / "a", users=2000, days=500, seed=3), demo(tmp_path / "b", users=2000, days=500, seed=3, future=True)
    files = bytes_of(asked)
    assert files.pop("truth_future.csv.gz")
    assert files == bytes_of(plain)
    after = pd.read_csv(asked / "truth_future.csv.gz", parse_dates=["last_active"]).set_index("user_id")
    gone = after["last_active"] <= "2025-12-31"
    assert 0.8 < gone.mean() < 0.98
    assert after.loc[gone, ["orders_90d", "orders_180d", "amount_180d"]].to_numpy().sum() == 0
    assert (after["orders_90d"] <= after["orders_180d"]).all()
    assert after["orders_180d"].sum() > 20
    assert pd.to_datetime(after["next_seen"]).dropna().between("2026-01-01", "2026-06-29").all()
    assert after.loc[after["orders_180d"] > 0, "next_seen"].notna().all()
    assert after.loc[gone, "next_seen"].isna().all()
    assert (after.loc[after["amount_180d"] > 0, "orders_180d"] > 0).all()
    assert 0.9 < (after["amount_180d"] > 0).sum() / (after["orders_180d"] > 0).sum() <= 1  # some orders are given back
    events = pd.read_csv(asked / "events.csv.gz", parse_dates=["ts"])
    seen = events.groupby("user_id")["ts"].max().dt.normalize()
    assert (seen <= after["last_active"].reindex(seen.index) + pd.Timedelta(days=1)).all()  # a visit may go on after midnight


def test_personas_differ_in_what_they_look_at_and_when_and_each_keeps_to_it(folder, data, sales):
    """Loyal regulars look at skincare in the evening, big spenders at fragrance in office hours, bargain hunters at makeup at night and with
    vouchers, new parents at baby care before breakfast; taken together the shop's day is still the usual one."""
    persona = pd.read_csv(folder / "truth_personas.csv.gz").set_index("user_id")["persona"]
    events = data.events.to_pandas(["user_id", "ts", "page", "session_id"]).assign(persona=lambda rows: rows["user_id"].astype(str).map(persona))
    shown = events.dropna(subset=["page"])
    share = pd.crosstab(shown["persona"], shown["page"], normalize="index")
    assert share.idxmax(axis=1)[["loyal_regular", "big_spender", "bargain_hunter", "new_parent", "occasional"]].tolist() == [
        "skincare", "fragrance", "makeup", "baby_care", "men_grooming"]
    visits = events.drop_duplicates("session_id")
    hour = pd.crosstab(visits["persona"], visits["ts"].dt.hour, normalize="index")
    assert hour[range(19, 22)].sum(axis=1).idxmax() == "loyal_regular"
    assert hour[range(9, 18)].sum(axis=1)["big_spender"] > 1.25 * hour[range(9, 18)].sum(axis=1)["loyal_regular"]
    assert hour[[23, 0, 1]].sum(axis=1).idxmax() == "bargain_hunter"
    assert hour[range(3, 8)].sum(axis=1).idxmax() == "new_parent"
    assert visits["ts"].dt.hour.value_counts().idxmax() in (20, 21)
    cheaper = (sales["discount"] > 0).groupby(sales["user_id"].astype(str).map(persona)).mean()
    assert cheaper.idxmax() == "bargain_hunter"
    assert cheaper["bargain_hunter"] > 1.4 * cheaper["loyal_regular"]
