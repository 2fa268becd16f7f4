"""The funnel's page on small shops of which everything is known: money, another mix of visitors, and data that cannot tell."""

import numpy as np
import pandas as pd
import pytest

from opsnb import reviews
from opsnb.errors import NotMeasured, ParameterError
from opsnb.tables.data import open_data

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
