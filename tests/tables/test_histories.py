"""Histories: the same rows give the same histories, whatever they come in: pandas, Arrow, Polars or the store."""

import itertools
import os
import sys
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError
from opsnb.tables import columnar
from opsnb.tables import histories as module
from opsnb.tables.histories import _stable_order, histories

TEXT = st.sampled_from(["a", "b", "B", "é", "中文", "😀", "￿", "1", "10", "2"])
ROW = st.tuples(TEXT, st.integers(0, 4), TEXT, st.none() | TEXT, st.none() | st.floats(-5, 5))


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ROWS", 4)


def frame_of(rows) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["user_id", "ts", "event", "channel", "value"])
    start = pd.Timestamp("2025-01-01 00:00:00.000001")
    return frame.assign(ts=[start + pd.Timedelta(days=day) for day in frame["ts"]], value=frame["value"].astype(float),
                        channel=frame["channel"].astype(object).where(frame["channel"].notna(), None)).astype({"ts": "datetime64[us]"})


def stored(frame: pd.DataFrame, directory: Path):
    """The frame through the store's own files; DuckDB gets the rows in an order that says nothing."""
    with duckdb.connect() as con:
        rows = frame.assign(_file=0, _line=np.arange(len(frame), dtype=np.int64)).sample(frac=1, random_state=1)
        con.execute("CREATE TABLE kept_events (user_id VARCHAR, ts TIMESTAMP, event VARCHAR, channel VARCHAR, value DOUBLE, "
                    "_file INTEGER, _line BIGINT)")
        con.register("rows", pa.Table.from_pandas(rows, preserve_index=False))
        con.execute("INSERT INTO kept_events SELECT user_id, ts, event, channel, CASE WHEN isnan(value) THEN NULL ELSE value END, "
                    "_file, _line FROM rows")
        columnar.write(con, "kept_events", "events", directory)
    return columnar.read("events", directory)


def assert_same(one, other):
    """Equal in everything that a measure can see, the cuts between blocks included."""
    assert one.columns == other.columns
    assert len(one) == len(other)
    assert one.user_count == other.user_count
    assert one.users.tolist() == other.users.tolist()
    labels = [column for column in one.columns if column in ("event", "channel")]
    for column in labels:
        assert one.labels(column).tolist() == other.labels(column).tolist()
    assert one.span() == other.span()
    columns = one.columns[2:]
    mine, theirs = list(one.blocks(*columns)), list(other.blocks(*columns))
    assert [len(block) for block in mine] == [len(block) for block in theirs]
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(a.user, b.user)
        np.testing.assert_array_equal(a.ts, b.ts)
        for column in columns:
            assert a[column].dtype == b[column].dtype == (np.int32 if column in labels else np.float64)
            np.testing.assert_array_equal(a[column], b[column])
    pd.testing.assert_frame_equal(one.to_pandas(), other.to_pandas())


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, max_size=40))
def test_the_store_and_every_kind_of_frame_give_the_same_histories(rows):
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        patch.setattr(module, "BLOCK_ROWS", 4)
        frame = frame_of(rows)
        expected = histories(frame)
        assert_same(stored(frame, Path(directory)), expected)
        arrow = pa.Table.from_pandas(frame, preserve_index=False, schema=pa.schema([
            ("user_id", pa.string()), ("ts", pa.timestamp("us")), ("event", pa.dictionary(pa.int8(), pa.string())),
            ("channel", pa.large_string()), ("value", pa.float64())]))
        assert_same(histories(arrow), expected)
        assert_same(histories(pl.from_arrow(arrow)), expected)
        assert_same(histories(frame.astype({"user_id": "category", "event": "category"})), expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, max_size=40))
def test_rows_are_sorted_by_user_and_time_and_ties_keep_their_order(rows):
    """Held against Python's own stable sort; blocks hold whole users and at least BLOCK_ROWS rows, the last one excepted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_ROWS", 4)
        table = histories(frame_of(rows))
        seen = [(table.users[user], int(ts), table.labels("event")[event], None if channel < 0 else table.labels("channel")[channel],
                 None if np.isnan(value) else value)
                for b in table.blocks("event", "channel", "value")
                for user, ts, event, channel, value in zip(b.user, b.ts, b["event"], b["channel"], b["value"], strict=True)]
        first = int(pd.Timestamp("2025-01-01 00:00:00.000001").value // 1000)
        expected = sorted(rows, key=lambda row: (row[0], row[1]))
        assert seen == [(user, first + day * 86_400_000_000, *rest) for user, day, *rest in expected]
        blocks = list(table.blocks())
        assert all(len(block) >= 4 for block in blocks[:-1])
        assert all(a.user[-1] < b.user[0] for a, b in itertools.pairwise(blocks))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-(2**62), 2**62), st.integers(0, 2**31 - 1)), max_size=30))
def test_the_order_is_that_of_lexsort_for_any_keys(rows):
    stamps = np.array([ts for ts, _ in rows], np.int64)
    user = np.array([code for _, code in rows], np.int32)
    order = _stable_order(stamps, user)
    np.testing.assert_array_equal(np.arange(len(rows)) if order is None else order, np.lexsort((stamps, user)))


def test_a_user_with_more_rows_than_a_block_is_one_block(small_blocks, tmp_path):
    # users a: 3 rows, b: 9, c: 1, d: 1. The first block ends with the user of its 4th row: 3 + 9; the last has 1 + 1.
    frame = frame_of([(user, n, "x", None, None) for user, count in zip("abcd", (3, 9, 1, 1), strict=True) for n in range(count)])
    for table in (histories(frame), stored(frame, tmp_path)):
        assert [len(block) for block in table.blocks()] == [12, 2]
        assert [block.starts.tolist() for block in table.blocks()] == [[0, 3], [0, 1]]
        assert [np.flatnonzero(block.first_rows).tolist() for block in table.blocks()] == [[0, 3], [0, 1]]


def test_a_stored_table_is_read_in_place(tmp_path):
    """Rows are views of the mapped file, and texts are not read before somebody asks for them."""
    table = stored(frame_of([("b", 1, "home", "web", 1.5), ("a", 0, "cart", None, None)]), tmp_path)
    block = next(table.blocks("event", "value"))
    for array in (block.user, block.ts, block["event"], block["value"]):
        assert not array.flags.owndata
        assert not array.flags.writeable
    assert (table.user_count, repr(table)) == (2, "<events: 2 rows of 2 users; user_id, ts, event, channel, value>")
    assert callable(table._users)
    assert table.users.tolist() == ["a", "b"]
    assert table.codes("event", ["home", "cart"]).tolist() == [1, 0]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not delete files that are in use")
def test_an_open_table_outlives_its_directory(tmp_path):
    table = stored(frame_of([("a", 0, "home", "web", 1.5)]), tmp_path)
    for file in list(tmp_path.iterdir()):
        os.remove(file)
    assert table.to_pandas().astype(str).values.tolist() == [["a", "2025-01-01 00:00:00.000001", "home", "web", "1.5"]]


def test_ids_are_texts_whatever_pandas_made_of_them():
    """7, 7.0 and "7" are one user; an empty text is a missing value."""
    ts = pd.to_datetime(["2025-01-01"] * 3)
    whole = histories(pd.DataFrame({"user_id": [7, 7.0, "7"], "ts": ts, "event": ["a", "", None]}))
    assert whole.users.tolist() == ["7"]
    assert next(whole.blocks("event"))["event"].tolist() == [0, -1, -1]
    gaps = histories(pd.DataFrame({"user_id": [10, 9, 8], "ts": ts, "event": list("abc"), "session_id": [1, np.nan, 2]}))
    assert gaps.users.tolist() == ["10", "8", "9"]
    assert gaps.labels("session_id").tolist() == ["1", "2"]


def test_times_with_a_zone_show_their_wall_clock():
    # 16:30 UTC is 00:30 of the next day in Shanghai, which is the business's clock here
    ts = pd.to_datetime(["2025-01-01 16:30"]).tz_localize("UTC").tz_convert("Asia/Shanghai")
    frame = pd.DataFrame({"user_id": ["a"], "ts": ts, "event": ["home"]})
    for table in (histories(frame), histories(pa.Table.from_pandas(frame))):
        assert str(table.to_pandas()["ts"][0]) == "2025-01-02 00:30:00"


@pytest.mark.parametrize(("change", "message"), [
    ({"user": ["a", "b"], "user_id": None}, r"events: no column 'user_id'; allowed: ts, event, user \(did you mean 'user'\?\)"),
    ({"user_id": ["a", None]}, "events row 1: user_id is missing; every row needs one"),
    ({"ts": pd.to_datetime([None, "2025-01-01"])}, "events row 0: ts is missing; every row needs one"),
    ({"ts": [1735689600, 1735689601]}, "events: ts holds numbers such as 1735689600; make them times, e.g. pandas.to_datetime"),
    ({"ts": ["yesterday", "today"]}, "events: ts holds no times"),
])
def test_what_cannot_be_histories_says_so(change, message):
    frame = pd.DataFrame({"user_id": ["a", "b"], "ts": pd.to_datetime(["2025-01-01", "2025-01-02"]), "event": ["home", "cart"]})
    frame = frame.assign(**{column: values for column, values in change.items() if values is not None})
    frame = frame.drop(columns=[column for column, values in change.items() if values is None])
    with pytest.raises(InputError, match=message):
        histories(frame)
    if "yesterday" not in str(change):
        with pytest.raises(InputError, match=message):
            histories(pa.Table.from_pandas(frame))


def test_wrong_names_are_answered_with_the_nearest(small_blocks):
    table = histories(frame_of([("a", 0, "checkout", "web", 1.0)]))
    with pytest.raises(InputError, match=r"events: no column 'chanel'.*did you mean 'channel'"):
        next(table.blocks("chanel"))
    with pytest.raises(InputError, match=r"events: event 'chekout' does not occur.*did you mean 'checkout'"):
        table.codes("event", ["chekout"])
    with pytest.raises(InputError, match="events: column 'value' holds numbers, not labels"):
        table.labels("value")
    with pytest.raises(InputError, match="expected a stored table, a pandas frame or an Arrow table, got list"):
        histories([1, 2])
