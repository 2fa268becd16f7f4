"""Histories straight from Parquet files give what a frame of the same rows gives."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opsnb.errors import InputError
from opsnb.measures import funnel, paths
from opsnb.tables import parquet
from opsnb.tables.parquet import open_parquet

STEPS = ["home", "cart"]


def shop(seed, rows=4000, users=300):
    import numpy as np

    random = np.random.default_rng(seed)
    return pd.DataFrame({"user_id": [f"u{number}" for number in random.integers(0, users, rows)],
                         "ts": pd.Timestamp("2025-06-18") + pd.to_timedelta(random.integers(0, 30 * 24 * 60, rows), unit="min"),
                         "event": random.choice(["cart", "help", "home"], rows), "device": random.choice(["ios", "web", None], rows)})


def same(path, frame):
    table = open_parquet(path, "event", "device")
    for options in ({}, {"window_days": 1, "by": "device"}, {"unit": "session", "by": "device"}):
        pd.testing.assert_frame_equal(funnel.step_conversion(table, STEPS, **options), funnel.step_conversion(frame, STEPS, **options))
    assert paths.session_count(table) == paths.session_count(frame)
    assert sorted(table.users) == sorted(set(frame["user_id"].astype(str)))
    assert len(table) == len(frame)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("row_group", [100, 10_000])
def test_a_file_in_or_out_of_the_order_of_time(tmp_path, ordered, row_group):
    frame = shop(1)
    if ordered:
        frame = frame.sort_values("ts", kind="stable", ignore_index=True)
    frame.to_parquet(tmp_path / "events.parquet", row_group_size=row_group)
    same(tmp_path / "events.parquet", frame)


def test_a_folder_of_files_and_ids_that_are_numbers(tmp_path):
    frame = shop(2)
    frame["user_id"] = frame["user_id"].str[1:].astype(int)
    for part in range(3):
        frame[part * 1500:(part + 1) * 1500].to_parquet(tmp_path / f"part-{part}.parquet")
    same(tmp_path, frame)


def test_more_users_than_one_block_holds(tmp_path):
    frame = shop(3, rows=200_000, users=150_000)
    frame.to_parquet(tmp_path / "events.parquet")
    assert [len(set(block.user)) for block in open_parquet(tmp_path, "event").blocks()] == [1 << 16, frame["user_id"].nunique() - (1 << 16)]
    same(tmp_path, frame)


def test_more_rows_than_one_block_and_one_part_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "PART_ROWS", 700)
    monkeypatch.setattr(parquet, "BUCKET_ROWS", 100)
    frame = shop(6)
    frame.to_parquet(tmp_path / "events.parquet", row_group_size=150)
    assert len(list(open_parquet(tmp_path, "event").blocks())) > 30
    same(tmp_path, frame)


@pytest.mark.parametrize("numbers", [[-7, 3], [5, 1 << 40], [-(1 << 62), 1 << 62]])
def test_ids_that_are_numbers_far_apart_or_below_zero(tmp_path, numbers):
    day = pd.Timestamp("2025-06-18")
    frame = pd.DataFrame({"user_id": [numbers[1], numbers[0], numbers[1]], "ts": [day, day, day + pd.Timedelta("1min")],
                          "event": ["home", "home", "cart"], "device": "web"})
    frame.to_parquet(tmp_path / "events.parquet")
    assert open_parquet(tmp_path, "event").users.tolist() == [str(number) for number in numbers]
    same(tmp_path, frame)


def test_no_rows(tmp_path):
    shop(4)[:0].astype({"device": "str"}).to_parquet(tmp_path / "events.parquet")
    table = open_parquet(tmp_path, "event")
    assert len(table) == 0
    assert paths.session_count(table) == 0


def test_what_cannot_be_read_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"no .*parquet file in this folder"):
        open_parquet(tmp_path)
    (tmp_path / "events.parquet").write_text("no parquet", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        open_parquet(tmp_path)
    frame = shop(5)
    frame.to_parquet(tmp_path / "events.parquet")
    with pytest.raises(InputError, match=r"no column 'devise'.*did you mean 'device'"):
        open_parquet(tmp_path, "devise")
    pq.write_table(pa.table({"user_id": ["a"], "ts": ["2025-06-18"], "event": ["home"]}), tmp_path / "events.parquet")
    with pytest.raises(InputError, match="ts is string, not a timestamp"):
        open_parquet(tmp_path, "event")
    frame.loc[0, "user_id"] = None
    frame.to_parquet(tmp_path / "events.parquet")
    with pytest.raises(InputError, match="user_id is missing in 1 rows"):
        open_parquet(tmp_path, "event")
