"""Data: tables by name, missing ones refused by name, opened without reading, ingested first when stale."""

import datetime as dt
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from opsnb.errors import InputError, MissingTable, NotMeasured, ParameterError
from opsnb.tables import places, store
from opsnb.tables.codebook import TABLES
from opsnb.tables.data import open_data
from opsnb.tables.histories import Histories

FILES = {
    "columns.yml": "currency: CNY\ntime_zone: Asia/Shanghai\n",
    "events.csv": "user_id,ts,event,channel\nb,2025-01-01 10:00:00,home,web\na,2025-01-03 09:00:00,cart,\n",
    "orders.csv": "user_id,ts,amount,cost\na,2025-01-02 23:59:59,20,\n",
    "spend.csv": "date,channel,cost,clicks\n2025-01-01,web,\"1,234.50\",\n2025-01-09,,7,3\n2025-01-02,app,7,3\n",
    "users.csv": "user_id,signup_ts,city,age\nb,2025-01-01 09:00:00,,41\na,2025-01-01 08:00:00.25,上海,\n",
}


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "shop"
    place.mkdir()
    for name, text in FILES.items():
        (place / name).write_text(text, encoding="utf-8", newline="\n")
    return place


def test_the_first_call_ingests_and_the_second_only_opens(folder, capsys, monkeypatch):
    data = open_data(folder)
    assert capsys.readouterr().err == f"opsnb: reading {folder} into its store …\n"
    assert data.tables == ("events", "orders", "users", "spend")
    monkeypatch.setattr(store, "ingest", None)
    again = open_data(str(folder))
    assert capsys.readouterr().err == ""
    assert (again.sha256, again.currency, again.time_zone) == (data.sha256, "CNY", "Asia/Shanghai")
    assert repr(again) == f"<data of {folder}: events 2, orders 1, users 2, spend 2>"


def test_histories_and_frames_have_the_codebooks_columns_and_types(folder):
    data = open_data(folder)
    assert isinstance(data.events, Histories)
    assert data.events.columns == ("user_id", "ts", "event", "channel")
    assert data.orders.columns == ("user_id", "ts", "amount", "cost")
    assert np.isnan(next(data.orders.blocks("cost"))["cost"][0])
    spend = data.spend  # the row without a channel is set aside; the others keep the file's order
    assert spend.dtypes.astype(str).to_dict() == {"date": "datetime64[us]", "channel": "object", "cost": "float64", "clicks": "float64"}
    assert spend["date"].astype(str).tolist() == ["2025-01-01", "2025-01-02"]
    assert spend["cost"].tolist() == [1234.5, 7.0]
    assert spend["clicks"].isna().tolist() == [True, False]
    users = data.users
    assert users["city"].tolist() == [None, "上海"]
    assert users["city"].dtype == object
    assert users["age"].tolist()[0] == 41.0
    assert str(users["signup_ts"].dtype) == "datetime64[us]"
    assert users["signup_ts"][1] == pd.Timestamp("2025-01-01 08:00:00.25")


def test_each_frame_is_the_callers_own(folder):
    data = open_data(folder)
    frame = data.spend
    frame.loc[0, "cost"] = -1.0
    frame["clicks"] = frame["clicks"].fillna(0)
    assert data.spend["cost"].tolist() == [1234.5, 7.0]


def test_a_table_that_is_not_there_says_what_it_needs(folder):
    data = open_data(folder)
    assert data.has("spend")
    assert data.has("spend", "events")
    assert not data.has("spend", "targets")
    with pytest.raises(MissingTable, match="no budget table \\(it needs columns month, line, planned\\)"):
        data.budget  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'orders'"):
        data.order  # noqa: B018
    with pytest.raises(InputError, match=r"no table is called 'event'.*did you mean 'events'"):
        data.has("event")
    assert not hasattr(data, "_repr_html_")
    assert {"events", "spend", "has"} <= set(dir(data))
    assert (data.rows("spend"), data.rows("budget")) == (2, 0)
    assert set(TABLES) - set(data.tables) >= {"budget", "targets"}


def test_as_of_is_the_last_day_in_events_and_orders_unless_somebody_says_otherwise(folder):
    assert open_data(folder).as_of == pd.Timestamp("2025-01-03")  # the cart of the 3rd; spend and users do not count
    assert open_data(folder, as_of="2024-12-31").as_of == pd.Timestamp("2024-12-31")
    assert open_data(folder, as_of=pd.Timestamp("2025-01-02 13:00").to_pydatetime()).as_of == pd.Timestamp("2025-01-02")
    assert len(open_data(folder, as_of="2024-12-31").events) == 2  # the store is what it was
    (folder / "columns.yml").write_text("as_of: 2025-02-28\n", encoding="utf-8")
    assert open_data(folder).as_of == pd.Timestamp("2025-02-28")
    with pytest.raises(ParameterError, match="as_of is '2025-02-30'; allowed: a day as YYYY-MM-DD"):
        open_data(folder, as_of="2025-02-30")


def test_a_slip_of_the_pen_is_not_the_last_day(folder):
    rows = "".join(f"u{i},2025-01-{i % 28 + 1:02} 10:00:00,home\n" for i in range(200))
    (folder / "events.csv").write_text("user_id,ts,event\n" + rows + "a,2052-01-01 10:00:00,home\n", encoding="utf-8")
    assert str(open_data(folder).as_of.date()) == "2025-01-28"


def test_as_of_without_events_and_orders(folder):
    (folder / "events.csv").unlink()
    (folder / "orders.csv").unlink()
    assert open_data(folder).as_of == pd.Timestamp("2025-01-02")  # the last spend; sign-ups end on the 1st
    for name in ("users.csv", "spend.csv"):
        (folder / name).unlink()
    (folder / "budget.csv").write_text("month,line,planned\n2025-12-01,ads,5\n", encoding="utf-8")
    with pytest.raises(NotMeasured, match="declare as_of in the map"):
        open_data(folder).as_of  # noqa: B018  a plan does not say which day it is


def test_changed_files_are_ingested_before_they_are_opened(folder, capsys):
    open_data(folder)
    with open(folder / "events.csv", "a", encoding="utf-8", newline="\n") as file:
        file.write("c,2025-01-04 09:00:00,cart,web\n")
    assert open_data(folder).events.user_count == 3
    assert capsys.readouterr().err.count("into its store") == 2


def test_a_damaged_store_is_read_anew(folder, capsys):
    open_data(folder)
    rows = next((folder / ".opsnb").glob("events-*/rows.arrow"))
    rows.write_bytes(b"\0" * rows.stat().st_size)  # right size, no content: a disk that lost what it was told
    assert open_data(folder).events.user_count == 2
    assert "anew, its store is damaged" in capsys.readouterr().err


def test_a_store_that_is_replaced_at_this_moment_is_looked_up_again(folder, monkeypatch):
    """Between reading the manifest and opening the files another process ingests and deletes them."""
    open_data(folder)
    real, calls = store.current, []

    def current(*args, **options):
        found = real(*args, **options)
        calls.append(found)
        if len(calls) == 1:
            store.ingest(folder, force=True)
        return found

    monkeypatch.setattr(store, "current", current)
    assert open_data(folder).events.user_count == 2
    assert len(calls) == 2


def test_where_the_folder_is_looked_for(folder, tmp_path, monkeypatch):
    monkeypatch.delenv("OPSNB_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="opsnb demo data/demo"):
        open_data()
    demo = tmp_path / "data" / "demo"
    folder.rename(folder.parent / "data")
    (tmp_path / "data").rename(tmp_path / "demo")
    demo.parent.mkdir()
    (tmp_path / "demo").rename(demo)
    assert open_data().folder.resolve() == demo
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")  # where a kernel runs
    assert open_data().folder.resolve() == demo
    monkeypatch.setenv("OPSNB_DATA", str(demo))
    monkeypatch.chdir(demo)
    assert open_data("").folder == demo
    with pytest.raises(InputError, match="no such folder"):
        open_data(tmp_path / "nowhere")


def test_a_read_only_folder_says_where_its_store_is(folder, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(places, "_writable", lambda folder: False)
    monkeypatch.setenv("OPSNB_CACHE", str(tmp_path / "cache"))
    data = open_data(folder)
    assert f"its store is in {data.home})" in capsys.readouterr().err
    assert str(data.home).startswith(str(tmp_path / "cache"))


def test_opening_a_store_imports_nothing_heavy(folder):
    open_data(folder)
    script = ("import sys, opsnb; data = opsnb.open_data(sys.argv[1]); block = next(data.events.blocks('event')); data.quality; "
              "print([m for m in ('pandas', 'duckdb', 'scipy', 'altair') if m in sys.modules], block.user.tolist())")
    ended = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True,
                           env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    assert ended.stdout == "[] [0, 1]\n"


def test_the_quality_is_the_ingests(folder):
    assert open_data(folder).quality == store.ingest(folder)
    assert open_data(folder).quality.tables["spend"].set_aside == {"missing value": 1}


def test_freshness_is_told_against_the_maps_day_else_today_or_a_later_day_looked_at(folder):
    """The newest event is of 3 January. Users (two rows on one day) and the order are 1 and 2 days behind it, which one row in 1 day explains."""
    today = dt.date(2025, 1, 9)
    found = open_data(folder).freshness(today)
    assert (str(found.newest), found.days, found.stale, found.behind) == ("2025-01-03", 6, True, ())
    assert not open_data(folder).freshness(dt.date(2025, 1, 5)).stale  # two days
    assert open_data(folder, as_of="2025-01-02").freshness(today).days == 6  # looking back does not make data older
    (folder / "columns.yml").write_text("as_of: 2025-01-04\n", encoding="utf-8")
    assert open_data(folder).freshness(today).days == 1  # meant to end there
    assert open_data(folder, as_of="2025-02-01").freshness(today).days == 29
    (folder / "columns.yml").write_text("every_days: 7\n", encoding="utf-8")
    assert not open_data(folder).freshness(today).stale
