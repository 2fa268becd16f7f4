"""Odd businesses get sentences on the page on users: every section answers or says why it cannot, and never fails."""

import re

import numpy as np
import pandas as pd
import pytest

from opsnb import reviews
from opsnb.errors import MissingTable, NotMeasured
from opsnb.tables.data import open_data
from opsnb.views import shown

START = pd.Timestamp("2025-01-01")


def business(folder, orders, **tables):
    """A data folder with these rows: (user, day, amount)."""
    frame = pd.DataFrame(orders, columns=["user_id", "day", "amount"])
    frame = frame.assign(order_id=[f"o{place}" for place in range(len(frame))], ts=(START + pd.to_timedelta(frame.pop("day"), unit="D")).astype(str))
    frame.to_csv(folder / "orders.csv", index=False)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return open_data(folder)


def random_orders(users=60, most=6, seed=0, amount=None):
    random = np.random.default_rng(seed)
    return [(f"u{user:03}", int(day), amount or float(random.integers(20, 300))) for user in range(users) for day in
            np.sort(random.integers(0, 365, random.integers(1, most)))]


SIGNUPS = pd.DataFrame({"user_id": [f"s{place}" for place in range(40)], "signup_ts": "2025-03-01", "channel": "direct"})
ODD = {
    "one order each": [(f"u{place:03}", 5 * place, 50.0) for place in range(60)],
    "one user": [("u1", day, 50.0 + day) for day in (0, 20, 40, 200, 300)],
    "constant amounts": random_orders(amount=99.0),
    "a whale with half of the revenue": [*random_orders(), ("whale", 100, 30000.0), ("whale", 350, 30000.0)],
    "refunds larger than orders": [*random_orders(), *((f"u{place:03}", 364, -5000.0) for place in range(60))],
    "fewer users than k": random_orders(users=3),
    "a single day": [(f"u{place}", 0, 20.0) for place in range(30)],
}
SECTIONS = {
    "personas": lambda data: reviews.personas(data, k=5), "members": lambda data: reviews.members(data, allowed=True), "repeat": reviews.repeat_rates,
    "repeat title": reviews.repeat_title, "cohorts": reviews.cohorts, "states": reviews.states, "sticky": reviews.sticky, "moves": reviews.moves,
    "staying": reviews.staying, "returning": reviews.returning, "value": reviews.value_model, "worth": reviews.worth_by,
    "payback": reviews.payback_title, "leaving": reviews.leaving, "recall": reviews.recall, "next orders": reviews.next_orders,
    "migration": reviews.migration, "portrait": reviews.portrait, "pains": reviews.surveyed, "waits": reviews.waits,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_customers_have_a_short_version_and_sections_that_answer_or_say_why(tmp_path, name):
    data = business(tmp_path, ODD[name])
    found = reviews.user_profiling(data)
    assert 1 <= len(found) <= 5
    assert all(finding.sentence and "nan" not in finding.sentence for finding in found)
    for section in SECTIONS.values():
        try:
            told = section(data)
        except (NotMeasured, MissingTable) as error:
            told = str(error)
        assert told is not None


def test_who_comes_back_says_when_nobody_has_had_the_time_yet(tmp_path):
    data = business(tmp_path, random_orders())
    assert reviews.repeat_rates(data, repeat_days=180)["repeat_rate"].notna().any()
    with pytest.raises(NotMeasured, match="365 days have not passed since anybody's first order: ask for fewer"):
        reviews.repeat_rates(data, repeat_days=365)


def test_without_personas_the_page_points_to_the_tiers_and_the_short_version_says_so_once(tmp_path):
    data = business(tmp_path, random_orders())
    with pytest.raises(NotMeasured, match="no tighter than those of customers drawn at random; use the four tiers instead"):
        reviews.personas(data)
    said = [finding.sentence for finding in reviews.user_profiling(data) if finding.kind == "no_personas"]
    assert [sentence.count("use the four tiers") for sentence in said] == [1]


def test_the_rule_and_the_model_are_read_with_their_intervals_and_kept_as_numbers(tmp_path):
    at = np.random.default_rng(5)
    rows = [(f"u{user:03}", int(day), 20.0) for user in range(200) for day in np.sort(at.integers(0, 260 + user // 2, 8))]
    made = reviews.rivals(reviews.leaving(business(tmp_path, rows)))
    assert made.bundle["text/html"].count("</th>") == 6 < made.bundle[shown.TABLE]["csv"].split("\n")[0].count(",")
    assert re.search(r"<td>0\.\d+ \(0\.\d+ to [\d.]+\)</td>", made.bundle["text/html"])


def test_no_orders_is_a_sentence(tmp_path):
    SIGNUPS.to_csv(tmp_path / "users.csv", index=False)
    with pytest.raises(MissingTable, match="no orders table"):
        reviews.user_profiling(open_data(tmp_path))


def test_signups_without_events_are_known_and_do_not_stop_the_page(tmp_path):
    data = business(tmp_path, random_orders(), users=SIGNUPS)
    assert reviews.user_profiling(data)
    assert reviews.moves(data)["users"].sum() > 40


def test_a_horizon_longer_than_the_data_leaves_out_who_is_leaving(tmp_path):
    data = business(tmp_path, random_orders())
    assert "recall" not in {finding.kind for finding in reviews.user_profiling(data, horizon_days=365)}
    with pytest.raises(NotMeasured, match="ask for a shorter horizon"):
        reviews.leaving(data, horizon_days=365)


def two_kinds(customers=120, start_late=0):
    """Orders and visits of customers of two kinds, half and half, of whom ``start_late`` of the second came in the last month."""
    random, orders, events = np.random.default_rng(0), [], []
    for user in range(customers):
        often, page = (12, "skincare") if user < customers / 2 else (3, "makeup")
        opened = 330 if user >= customers - start_late else 0
        orders += [(f"u{user:03}", int(day), float(random.integers(40, 60))) for day in np.sort(random.integers(opened, 360, often))]
        for day in np.sort(random.integers(opened, 360, 12)):
            ts = START + pd.Timedelta(days=int(day), hours=20 if user < customers / 2 else 9)
            events += [(f"u{user:03}", ts, "home", page), (f"u{user:03}", ts + pd.Timedelta(minutes=1), "search" if user < customers / 2 else "help", page)]
    return orders, pd.DataFrame(events, columns=["user_id", "ts", "event", "page"])


def test_personas_have_paths_of_their_own_and_examples_without_ids(tmp_path, monkeypatch):
    orders, events = two_kinds()
    data = business(tmp_path, orders, events=events)
    found = reviews.persona_paths(data)
    assert set(found["path"]) == {"home > help", "home > search"}
    assert found["share"].min() > 0.9
    cards, rows = reviews.persona_cards(data, allowed=False)
    assert "home &gt; help" in cards.html
    assert "u0" not in rows.html
    assert "u0" in reviews.persona_cards(data, allowed=True)[1].html
    monkeypatch.setenv("VOILA_BASE_URL", "/")  # in an app: no rows of single customers
    assert len(reviews.persona_cards(data, allowed=False)) == 1


def test_personas_are_compared_with_those_of_the_same_data_before(tmp_path):
    orders, events = two_kinds(240, start_late=40)
    data = business(tmp_path, orders, events=events)
    (told,) = reviews.persona_moves(data, compare_days=60, k=2)
    assert "80 to 120 customers" in told.html  # the forty who came in the last month are new
    with pytest.raises(NotMeasured, match="there were no personas to compare with: "):
        reviews.persona_moves(data, compare_days=355, k=2)
