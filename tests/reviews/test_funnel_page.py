"""The funnel's page on small shops of which everything is known: money, another mix of visitors, and data that cannot tell."""

import numpy as np
import pandas as pd
import pytest

from opsnb import reviews
from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.tables.data import open_data
from opsnb.views import page, shown

LAST = pd.Timestamp("2025-06-30")
STEPS = ["home", "cart", "pay"]


def shop(folder, *, days=200, visits=60, web=lambda day: .2, cart=lambda day, web: .5, pay=lambda day, web: np.where(web, .3, .6), seed=1):
    """Visits of one user each: home, some go on to the cart, some of these pay 10 or 30 at once; ``day`` counts from 0 to ``days`` - 1."""
    random = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), visits)
    web_ = random.random(len(day)) < web(day)
    depth = 1 + (random.random(len(day)) < cart(day, web_))
    depth += (depth == 2) & (random.random(len(day)) < pay(day, web_))
    user, step = np.repeat(np.arange(len(day)), depth), np.concatenate([np.arange(n) for n in depth])
    begun = LAST - pd.to_timedelta(days - 1 - day, unit="D") + pd.to_timedelta(random.integers(0, 80_000, len(day)), unit="s")
    events = pd.DataFrame({"user_id": user, "ts": begun[user] + pd.to_timedelta(step, unit="min"), "event": np.array(STEPS)[step],
                           "device": np.where(web_, "web", "ios")[user]})
    paid = events[events["event"] == "pay"]
    orders = pd.DataFrame({"user_id": paid["user_id"], "ts": paid["ts"], "amount": np.where(random.random(len(paid)) < .5, 10, 30)})
    folder.mkdir(exist_ok=True)
    events.to_csv(folder / "events.csv", index=False)
    orders.to_csv(folder / "orders.csv", index=False)
    (folder / "columns.yml").write_text(f"as_of: {LAST:%Y-%m-%d}\n", encoding="utf-8")
    return open_data(folder)


def found(data, **options):
    """The first finding of each kind."""
    return {finding.kind: finding for finding in reversed(reviews.funnel_diagnosis(data, **options))}


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """Payment fails for half of the web visitors who would have paid, for the last 50 days."""
    return shop(tmp_path_factory.mktemp("shop") / "broken", web=lambda day: .5, pay=lambda day, web: np.where(web & (day >= 150), .3, .6))


def test_the_dearest_leak_is_the_break_with_the_sum_of_its_money(broken):
    said = found(broken)
    assert list(said)[-3:] == ["first_action", "leak", "funnel_break"]
    leak, numbers = said["leak"], said["leak"].numbers
    assert (leak.slice, numbers["step"]) == ({"device": "web"}, "pay")
    # 50 days x 60 visits x half web x half reach the cart x (.6 - .3) = 225 payments lost, at (10 + 30) / 2 = 20
    assert numbers["money_low"] <= 225 * 20 <= numbers["money_high"]
    assert numbers["money"] == pytest.approx(numbers["users_lost"] * numbers["aov"])
    assert said["funnel_break"].numbers["money"] == numbers["money"]  # both cards say the same sum
    assert leak.since == said["funnel_break"].since


def test_visits_that_came_in_on_the_way_are_counted_among_the_lost(broken, tmp_path):
    events = pd.read_csv(broken.folder / "events.csv", parse_dates=["ts"])
    landed = events["user_id"] % 3 == 0  # every third visit begins at the cart
    events = events[~(landed & (events["event"] == "home"))]
    events.to_csv(tmp_path / "events.csv", index=False)
    for name in ("orders.csv", "columns.yml"):
        (tmp_path / name).write_bytes((broken.folder / name).read_bytes())
    data = open_data(tmp_path)
    late = events[(events["device"] == "web") & (events["ts"] > LAST - pd.Timedelta(days=49))]
    came, paid = ((late["event"] == step).sum() for step in ("cart", "pay"))
    row = reviews.step_breaks(data, steps=STEPS, by=["device"]).iloc[0]
    cost = reviews.break_costs(data, steps=STEPS, by=["device"]).iloc[0]
    assert row["entered"] == cost["entered"] == pytest.approx(came, rel=.1)  # not two thirds of them
    assert cost["converted"] == pytest.approx(paid, rel=.1)
    assert row["users_lost"] == pytest.approx(cost["users_lost"])


def test_each_heavy_question_is_asked_once_a_page(broken, monkeypatch):
    asked = []
    from opsnb.measures import change

    real = change.rate_breaks
    monkeypatch.setattr(change, "rate_breaks", lambda *all, **options: asked.append(1) or real(*all, **options))
    data = open_data(broken.folder)
    reviews.funnel_diagnosis(data, steps=STEPS, by=["device"])
    reviews.break_title(data, steps=STEPS, by=["device"])
    reviews.break_costs(data, steps=STEPS, by=["device"])
    assert len(asked) == 1


def test_another_mix_of_visitors_is_named_as_mix_and_not_as_a_break(tmp_path):
    # web visitors always bought half as often; since 60 days they are 60% of visits instead of 20%
    said = found(shop(tmp_path / "shop", web=lambda day: np.where(day >= 140, .6, .2)))
    assert "funnel_break" not in said
    shift = said["mix_shift"]
    assert shift.slice == {"device": "web"}
    assert abs(pd.Timestamp(shift.since) - (LAST - pd.Timedelta(days=59))) <= pd.Timedelta(days=3)
    # .5 x (.8 x .6 + .2 x .3) = .27 before, .5 x (.4 x .6 + .6 x .3) = .21 after: 22% less
    assert shift.numbers["mix_change"] == pytest.approx(-.22, abs=.04)
    assert shift.numbers["share"] == pytest.approx(.6, abs=.03)


def test_a_steady_mix_is_none(tmp_path):
    said = found(shop(tmp_path / "shop"))
    assert not {"mix_shift", "funnel_break"} & set(said)


def test_without_orders_leaks_are_counted_in_orders(broken, tmp_path):
    (tmp_path / "events.csv").write_bytes((broken.folder / "events.csv").read_bytes())
    leak = found(open_data(tmp_path))["leak"]
    assert leak.numbers["money"] is None or leak.numbers["money"] != leak.numbers["money"]
    assert "orders since" in leak.sentence


def test_a_benchmark_can_be_the_best_month_the_best_slice_or_a_target(broken):
    def asked(benchmark, *target_rates):
        return reviews.leak_table(broken, steps=STEPS, by=["device"], benchmark=benchmark, target_rates=list(target_rates))

    # six complete months, of which the last two have the break (since 2025-05-12)
    assert asked("best month").set_index("step").loc["pay", "benchmark"] in {f"2025-0{month}-01" for month in range(1, 5)}
    assert asked("best slice").set_index("step").loc["pay", "benchmark"] == "device=ios"
    table = asked("target", "pay=90%")
    assert table["step"].tolist() == ["pay"]
    row = table.iloc[0]
    assert row["users_lost"] == pytest.approx(row["entered"] * .9 - row["converted"])
    assert (row["since"], row["until"]) == (pd.Timestamp("2025-04-01"), LAST)  # 90 days: three months
    with pytest.raises(ParameterError, match="'pay' is not one; allowed: step=rate"):
        asked("target", "pay")
    with pytest.raises(NotMeasured, match="no target is named"):
        asked("target")


def events_of(folder, events, as_of=""):
    folder.mkdir(exist_ok=True)
    events.to_csv(folder / "events.csv", index=False)
    return open_data(folder, as_of=as_of)


def visit(user, *steps, day="2025-06-01", **more):
    return pd.DataFrame({"user_id": user, "ts": pd.Timestamp(day) + pd.to_timedelta(range(len(steps)), unit="min"), "event": steps, **more})


SECTIONS = {
    "compared": lambda data, steps, by: reviews.compared(data, steps=steps, by=by),
    "where": lambda data, steps, by: reviews.slice_differences(data, steps=steps, step="pay", by=by),
    "levers": lambda data, steps, by: reviews.step_levers(data, steps=steps, by=by),
    "drops": lambda data, steps, by: reviews.after_drop(data, steps=steps, after="home"),
    "carts": lambda data, steps, by: reviews.left_carts(data, steps=steps),
    "costs": lambda data, steps, by: reviews.costs(data, steps=steps, by=by),
    "stages": lambda data, steps, by: reviews.stages(data),
}


def told(question):
    """What a page shows of a question: its answer, or the reason why there is none, as text."""
    return " ".join(str(part) for part in page.parts(question))


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("case", ["nothing in the period", "one user", "one event", "one slice", "no column"])
def test_data_that_cannot_tell_gets_a_sentence_and_no_traceback(tmp_path, case, section):
    one = visit("u", *STEPS, device="ios")
    events, as_of, by = {
        "nothing in the period": (one, "2020-01-01", ["device"]),
        "one user": (one, "", ["device"]),
        "one event": (one.head(1), "", ["device"]),
        "one slice": (pd.concat([visit(f"u{n}", *STEPS[: 1 + n % 3], device="ios") for n in range(60)]), "", ["device"]),
        "no column": (one.drop(columns="device"), "", []),
    }[case]
    data = events_of(tmp_path / "shop", events, as_of)
    assert told(lambda: SECTIONS[section](data, reviews.steps_of(data), by))
    assert len(reviews.focus(data, steps=reviews.steps_of(data), by=by)) == 2


def test_steps_that_do_not_occur_are_named_with_those_that_do(tmp_path):
    data = events_of(tmp_path / "shop", visit("u", *STEPS, device="ios"))
    with pytest.raises(InputError, match=r"event 'chekout' does not occur; allowed: cart, home, pay"):
        reviews.funnel_diagnosis(data, steps=["home", "chekout"])
    assert reviews.focus(data, steps=["home", "chekout"], by=[]) == ("chekout", "home")  # no error: each section says so


def test_a_user_whose_window_is_open_is_said_to_have_time_still(tmp_path):
    data = events_of(tmp_path / "shop", visit("u", *STEPS, device="ios"))
    with pytest.raises(NotMeasured, match="all still have time to go on"):
        reviews.funnel_diagnosis(data, steps=STEPS)


def test_a_column_of_ever_new_values_is_left_out_and_said(tmp_path):
    users = pd.concat([visit(f"u{n}", "home", "pay", token=f"t{n}", device=("ios", "web")[n % 2], shop="one") for n in range(2001)])
    data = events_of(tmp_path / "shop", users)
    assert reviews.slices_of(data, ["token", "device", "channel", "ts", "shop"]) == ["device"]
    said = str(reviews.left_out(data, ["token", "device", "channel", "ts", "shop"])[0]).splitlines()
    assert said == ["token: it has 2,001 different values; slices are looked for in columns of at most 2,000",
                    "channel: the events have no such column, so no slice is looked for in it", "ts: it holds no names of slices",
                    "shop: it has one value only, so there is nothing to compare"]


def test_steps_as_texts_may_be_any_of_several_on_a_condition_and_optional(tmp_path):
    data = events_of(tmp_path / "shop", pd.concat([visit("a", "home", "cart", "pay", page="x"), visit("b", "home", "pay", page="y")]))
    asked = reviews.steps_of(data, ["home", "cart?", "cart|pay", "pay[page=y]"])
    assert asked == ["home", {"event": "cart", "optional": True}, ["cart", "pay"], {"event": "pay", "where": {"page": "y"}}]
    assert reviews.names_of(data, asked) == ["home", "cart", "cart or pay", "pay (page=y)"]
    assert reviews.plain_steps(data, asked[:3]) == ["home", ["cart", "pay"]]
    with pytest.raises(NotMeasured, match="has a condition"):
        reviews.plain_steps(data, asked)
    offered = reviews.choices(data, asked)
    assert list(offered) == ["home", "cart", "cart or pay", "pay (page=y)", "pay"]  # the path's own first, then the other events


def test_two_segments_and_the_same_period_last_year(broken):
    found = reviews.compared(broken, steps=STEPS, by=["device"], against="segments", segments=["device=web", "device=ios"])
    assert "Step pay differs most" in str(found[0])
    for segments, error, said in ((["device=web"], NotMeasured, "no two segments"), (["device", "device=ios"], ParameterError, "'device' is no segment"),
                                  (["device=tv", "device=ios"], ParameterError, "never 'tv'; allowed: ios, web"),
                                  (["device=ios", "event=pay"], ParameterError, "two different values of one column"),
                                  (["device=ios", "device=ios"], ParameterError, "two different values of one column"),
                                  (["event=home", "event=pay"], ParameterError, "'event' is no property .*; allowed: device"),
                                  (["device=(missing)", "device=ios"], NotMeasured, r"nobody with device \(missing\)")):
        with pytest.raises(error, match=said):
            reviews.compared(broken, steps=STEPS, by=["device"], against="segments", segments=segments)
    with pytest.raises(NotMeasured, match="events begin on"):  # 200 days of data
        reviews.compared(broken, steps=STEPS, by=["device"], against="same period last year")


def test_the_slice_that_changed_is_found_where_its_difference_is_largest(broken):
    slices = reviews.changed_slices(broken, steps=STEPS, by=["device"], recent_days=50)
    assert (slices["step"].iloc[0], slices["slice"].iloc[0]) == ("pay", "device=web")
    differences = reviews.slice_differences(broken, steps=STEPS, step="pay", by=["device"], recent_days=50).set_index("slice")
    assert differences["difference"].idxmin() == "device=web"
    assert differences.loc["device=web", "p_adjusted"] < .001


def test_users_are_written_only_when_asked_and_never_in_an_app(broken, monkeypatch):
    how = reviews.asked_for(window_days=7)
    assert reviews.users_behind(broken, steps=STEPS, **how) == []
    made = reviews.users_behind(broken, steps=STEPS, users="hash", days=30, **how)
    tables = [one.bundle[shown.TABLE] for one in made]
    assert [table["name"] for table in tables] == ["users_behind", "users_reached_1_home", "users_reached_2_cart", "users_lost_2_cart",
                                                    "users_reached_3_pay", "users_lost_3_pay"]
    rows = {table["name"]: table["csv"].count("\n") - 1 for table in tables}
    assert rows["users_reached_2_cart"] + rows["users_lost_2_cart"] == rows["users_reached_1_home"]
    assert not any(len(line.split(",")[0]) != 64 for line in tables[1]["csv"].splitlines()[1:])  # hashes, no ids
    assert all("," not in one.html for one in made[1:])  # the page itself lists nobody
    for variable in ("OPSNB_VISIT", "VOILA_BASE_URL"):  # an app of ours; a voila started by hand
        with monkeypatch.context() as here:
            here.setenv(variable, "/")
            assert reviews.users_behind(broken, steps=STEPS, users="id", **how) == []
