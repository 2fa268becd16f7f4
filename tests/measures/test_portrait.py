"""Portraits: indices by hand, nobody singled out, and noise marked as noise."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import portrait


def people(**counts):
    """counts: {group: {value: users}} as a users and a groups frame."""
    rows = [(group, value) for group, own in counts.items() for value, users in own.items() for _ in range(users)]
    ids = [f"u{number}" for number in range(len(rows))]
    return pd.DataFrame({"user_id": ids, "city": [value for _, value in rows]}), pd.DataFrame({"user_id": ids, "tier": [group for group, _ in rows]})


def test_index_by_hand():
    # all: 100 of 400 in the big city, 25%. high: 60 of 100: 240. low: 40 of 300: 53.3
    found = portrait.portrait(*people(high={"big": 60, "small": 40}, low={"big": 40, "small": 260})).set_index(["tier", "value"])
    assert found.loc[("high", "big"), ["users", "group_users", "share", "all_users", "all_share", "index"]].tolist() == [60, 100, 0.6, 100, 0.25, 240]
    assert found.loc[("low", "big"), "index"] == pytest.approx(100 * 40 / 300 / 0.25)
    assert found["apart"].all()
    assert ((found["low"] < found["index"]) & (found["index"] < found["high"])).all()
    assert found.index.get_level_values("tier").tolist() == ["low", "low", "high", "high"]  # by size


def test_noise_is_not_apart():
    found = portrait.portrait(*people(high={"big": 26, "small": 24}, low={"big": 100, "small": 100}))
    assert not found["apart"].any()
    assert (found["low"] < 100).all()
    assert (found["high"] > 100).all()


def test_a_group_without_a_value_has_index_zero_up_to_an_end():
    users, groups = people(high={"big": 100, "small": 0, "town": 50}, low={"big": 100, "small": 200, "town": 50})
    found = portrait.portrait(users, groups, least_users=2).set_index(["tier", "value"])
    cell = found.loc[("high", "small")]
    assert cell["suppressed"]  # 0 users is also fewer than can be told


def test_small_cells_are_hidden_with_what_would_tell_them():
    found = portrait.portrait(*people(high={"big": 60, "small": 5}, low={"big": 40, "small": 260}))
    assert found["suppressed"].all()  # 5 = 65 - 60 = 265 - 260: all four cells have to go
    assert found[["users", "share", "index", "low", "high", "p_value"]].isna().all().all()
    larger = portrait.portrait(*people(high={"big": 60, "small": 5, "town": 70, "farm": 90}, low={"big": 40, "small": 260, "town": 30, "farm": 300},
                                       mid={"big": 50, "small": 50, "town": 50, "farm": 50})).set_index(["tier", "value"])
    hidden = larger[larger["suppressed"]].index.tolist()
    assert ("high", "small") in hidden
    assert len(hidden) == 4  # a second one in its row and in its column, and the one that closes the square
    assert larger.loc[("low", "farm"), "users"] == 300


def test_rare_values_are_other_and_a_small_groups_size_is_hidden():
    users, groups = people(high={"big": 100, **{f"v{number}": 10 for number in range(5)}}, low={"big": 100, "v0": 30, "v1": 3})
    found = portrait.portrait(users, groups).set_index(["tier", "value"])
    assert set(found.index.get_level_values("value")) == {"big", "v0", "other"}  # v0: 40 users; v1 to v4: 43 together
    tiny = portrait.portrait(*people(high={"big": 10}, low={"big": 100, "small": 100}))
    assert tiny.loc[tiny["tier"] == "high", "group_users"].isna().all()


def test_numbers_become_bands_and_columns_are_chosen():
    ids = [str(number) for number in range(400)]
    users = pd.DataFrame({"user_id": ids, "signup_ts": pd.Timestamp("2025-01-01"), "age": np.arange(400), "vip": [0, 1] * 200, "empty": None})
    groups = pd.DataFrame({"user_id": ids, "persona": ["a"] * 200 + ["b"] * 200})
    found = portrait.portrait(users, groups)
    assert found["attribute"].unique().tolist() == ["age", "vip"]
    assert found.loc[found["attribute"] == "age", "value"].unique().tolist() == ["0–99.75", "99.75–199.5", "199.5–299.25", "299.25–399"]
    assert portrait.portrait(users, groups, attributes=["vip"])["value"].tolist() == ["0", "1"] * 2


def test_frames_that_cannot_answer_say_why():
    users, groups = people(high={"big": 60}, low={"big": 40})
    with pytest.raises(NotMeasured, match="no user has both"):
        portrait.portrait(users, groups.assign(user_id=groups["user_id"] + "x"))
    with pytest.raises(NotMeasured, match="no attribute of the users has a value"):
        portrait.portrait(users.assign(city=None), groups)
    with pytest.raises(InputError, match="groups: 1 rows are of users who have a row already"):
        portrait.portrait(users, pd.concat([groups, groups.head(1)]))
    with pytest.raises(InputError, match="no column 'town'"):
        portrait.portrait(users, groups, attributes=["town"])
    with pytest.raises(InputError, match="no column 'tier'"):
        portrait.portrait(users, groups[["user_id"]])
    with pytest.raises(ParameterError, match="2 or more"):
        portrait.portrait(users, groups, least_users=1)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(0, 60), min_size=3, max_size=3), min_size=1, max_size=4))
def test_no_sum_tells_a_hidden_cell(count):
    count = np.array(count)
    hidden = portrait._hidden(count, 20)
    assert (hidden | (count >= 20)).all()
    for line, hides in [*zip(count, hidden, strict=True), *zip(count.T, hidden.T, strict=True)]:
        if hides.any() and not hides.all():
            assert hides.sum() >= 2
            assert line[hides].sum() >= 20


def test_one_cell_in_twenty_is_apart_by_chance_and_intervals_cover():
    random, inside, apart = np.random.default_rng(3), 0, 0
    for _ in range(400):
        table = pd.DataFrame([random.multinomial(80, [0.3, 0.7]), random.multinomial(320, [0.3, 0.7])], index=["a", "b"], columns=["x", "y"])
        cell = portrait._cells(table, "tier", "city", 2, 0.95).iloc[0]
        inside += cell["low"] <= 100 <= cell["high"]
        apart += cell["p_value"] < 0.05
    assert 0.92 <= inside / 400 <= 0.98
    assert 0.02 <= apart / 400 <= 0.08
