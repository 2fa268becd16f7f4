"""The check: every row is kept or set aside with its reason, the sum always fits, and what looks odd is said."""

import csv
import datetime as dt
import io
import json
import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, ParameterError
from opsnb.tables.columns import parse_columns
from opsnb.tables.places import place
from opsnb.tables.quality import Quality, Warning, check, stage
from opsnb.tables.rules import REASONS
from opsnb.tables.workspace import workspace

SHARED = Path(__file__).resolve().parents[3] / "shared" / "reference"
TIME = dt.datetime


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding=encoding, newline="")


def staged(folder, text="", **options):
    """The quality, and every kept table's rows in file order as dicts."""
    with workspace() as con:
        found = stage(con, folder, parse_columns(text), **options)
        rows = {}
        for name in found.quality.tables:
            cursor = con.execute(f"SELECT * FROM kept_{name} ORDER BY _file, _line")
            columns = [column[0] for column in cursor.description]
            rows[name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    for name, table in found.quality.tables.items():
        assert table.rows_read == table.kept + table.rows_set_aside
        assert table.kept == len(rows[name])
        assert set(table.set_aside) <= set(REASONS)
        assert table.rows_set_aside == len(rejected(folder, name))
    assert Quality.from_dict(json.loads(json.dumps(found.quality.to_dict()))) == found.quality
    return found.quality, rows


def rejected(folder, name):
    path = place(folder) / "rejected" / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["file"], int(row["line"]), row["raw"], row["reason"]) for row in csv.DictReader(file)]


def column(rows, name):
    return [row[name] for row in rows]


# --- reasons -------------------------------------------------------------------------------------------------------------------------


def test_every_reason_of_events(tmp_path):
    write(tmp_path, "events.csv", "user_id,ts,event\n"
          "1,2025-01-01 10:00:00,home\n"      # 2 kept
          ",2025-01-01 10:00:00,home\n"       # 3 missing id
          "1,,home\n"                         # 4 missing timestamp
          "1,tomorrow,home\n"                 # 5 unreadable
          "1,2025-02-30,home\n"               # 6 unreadable: no such day
          "1,1735725600,home\n"               # 7 epoch
          "1,1735725600123,home\n"            # 8 epoch in milliseconds
          "1,1989-12-31 23:59:59,home\n"      # 9 before 1990
          "1,2025-07-01 00:00:00,home\n"      # 10 after as_of
          "1,2025-06-30 23:59:59,home\n"      # 11 kept: as_of is the last day included
          "1,2025-01-01 10:00:00,\n"          # 12 missing event
          "1,2025-01-01 10:00:00,home\n"      # 13 exact duplicate of 2
          "1,2025-01-01 10:00:00\n"           # 14 too few fields
          "1,2025-01-01 10:00:00,home,x\n"    # 15 too many
          '1,2025-01-01 10:00:00,"home\n'     # 16 bad quoting
          "2,2025-01-01 10:00:00,NULL\n")     # 17 missing event: NULL in words
    quality, rows = staged(tmp_path, "as_of: 2025-06-30")
    assert quality.tables["events"].set_aside == {
        "malformed row": 3, "missing id": 1, "missing timestamp": 1, "missing event name": 2, "unreadable timestamp": 2,
        "epoch seconds in a column of dates": 2, "date before 1990": 1, "date after as_of": 1, "exact duplicate": 1}
    assert column(rows["events"], "_line") == [2, 11]
    assert rejected(tmp_path, "events") == [
        ("events.csv", 3, ",2025-01-01 10:00:00,home", "missing id: user_id"), ("events.csv", 4, "1,,home", "missing timestamp: ts"),
        ("events.csv", 5, "1,tomorrow,home", "unreadable timestamp: ts"),
        ("events.csv", 6, "1,2025-02-30,home", "unreadable timestamp: ts"),
        ("events.csv", 7, "1,1735725600,home", "epoch seconds in a column of dates: ts"),
        ("events.csv", 8, "1,1735725600123,home", "epoch seconds in a column of dates: ts"),
        ("events.csv", 9, "1,1989-12-31 23:59:59,home", "date before 1990: ts"),
        ("events.csv", 10, "1,2025-07-01 00:00:00,home", "date after as_of: ts"),
        ("events.csv", 12, "1,2025-01-01 10:00:00,", "missing event name: event"),
        ("events.csv", 13, "1,2025-01-01 10:00:00,home", "exact duplicate"),
        ("events.csv", 14, "1,2025-01-01 10:00:00", "malformed row: 2 fields instead of 3"),
        ("events.csv", 15, "1,2025-01-01 10:00:00,home,x", "malformed row: 4 fields instead of 3"),
        ("events.csv", 16, '1,2025-01-01 10:00:00,"home', "malformed row: bad quoting"),
        ("events.csv", 17, "2,2025-01-01 10:00:00,NULL", "missing event name: event")]
    example = next(example for example in quality.tables["events"].examples if example.reason == "missing id")
    assert (example.file, example.line, example.raw) == ("events.csv", 3, ",2025-01-01 10:00:00,home")


def test_amounts_and_refunds(tmp_path):
    # a refund mark that says no is no mark; the last row's amount is missing
    write(tmp_path, "orders.csv", "user_id,ts,amount,is_refund\n1,2025-01-01,-5,\n1,2025-01-02,-5,yes\n1,2025-01-03,-5,0\n"
          "1,2025-01-04,-5,false\n1,2025-01-05,5,no\n1,2025-01-06,five,\n1,2025-01-07,,\n")
    quality, rows = staged(tmp_path)
    assert quality.tables["orders"].set_aside == {"missing value": 1, "number that is no number": 1,
                                                  "negative amount not declared a refund": 3}
    assert [(row["_line"], row["amount"], row["refund"]) for row in rows["orders"]] == [(3, -5, "yes"), (6, 5, None)]


@pytest.mark.parametrize(("written", "meant"), [
    ("1,234.50", 1234.5), ("￥1,234", 1234), ("１２３．５", 123.5), ("￥１，２３４", 1234), ("¥ 88.00", 88), ("$9.99", 9.99), ("99元", 99),
    ("1e3", 1000), (" 7 ", 7), ("+3", 3), (".5", 0.5), ("1,234,567", 1234567), ("1.2万", 12000), ("CNY 5", 5), ("-￥5", -5), ("(5)", -5),
    ("1,5", None), ("12,34", None), ("inf", None), ("1_000", None), ("five", None), ("1.2.3", None), ("￥", None), ("5 6 x", None),
])
def test_numbers_as_people_write_them(tmp_path, written, meant):
    write(tmp_path, "budget.csv", f'month,line,planned\n2025-01,ads,"{written}"\n2025-02,ads,1\n')
    quality, rows = staged(tmp_path)
    if meant is None:
        assert quality.tables["budget"].set_aside == {"number that is no number": 1}
    else:
        assert column(rows["budget"], "planned") == [pytest.approx(meant), 1]


@pytest.mark.parametrize(("written", "meant"), [
    ("2025-01-03 10:20:30", TIME(2025, 1, 3, 10, 20, 30)), ("2025-01-03T10:20:30", TIME(2025, 1, 3, 10, 20, 30)),
    ("2025-01-03 10:20", TIME(2025, 1, 3, 10, 20)), ("2025-01-03", TIME(2025, 1, 3)), ("2025/1/3 9:05", TIME(2025, 1, 3, 9, 5)),
    ("2025.01.03", TIME(2025, 1, 3)), ("20250103", TIME(2025, 1, 3)), ("20250103102030", TIME(2025, 1, 3, 10, 20, 30)),
    ("2025年1月3日", TIME(2025, 1, 3)), ("2025年1月3日 10:20", TIME(2025, 1, 3, 10, 20)), ("２０２５-01-03", TIME(2025, 1, 3)),
    ("2025-01-03 10:20:30.123456", TIME(2025, 1, 3, 10, 20, 30, 123456)), ("2025-01-03 3:04:05 PM", TIME(2025, 1, 3, 15, 4, 5)),
    ("2025-01-03T02:20:30Z", TIME(2025, 1, 3, 10, 20, 30)), ("2025-01-03 04:20:30+02:00", TIME(2025, 1, 3, 10, 20, 30)),
    ("2025-01-03 02:20:30 UTC", TIME(2025, 1, 3, 10, 20, 30)),
    ("31/12/2025", None), ("12:30", None), ("2025-13-01", None), ("25-01-03", None), ("infinity", None), ("2025-01-03 25:00:00", None),
])
def test_times_as_people_write_them(tmp_path, written, meant):
    write(tmp_path, "events.csv", f"user_id,ts,event\n1,{written},home\n2,2025-01-01,home\n")
    quality, rows = staged(tmp_path, "time_zone: Asia/Shanghai")
    if meant is None:
        assert quality.tables["events"].set_aside == {"unreadable timestamp": 1}
    else:
        assert rows["events"][0]["ts"] == meant


@pytest.mark.parametrize(("declared", "written", "meant"), [
    ("s", "1735725600", TIME(2025, 1, 1, 18)), ("ms", "1735725600123", TIME(2025, 1, 1, 18, 0, 0, 123000)), ("{unit: s}", "abc", None),
    ('"%d/%m/%Y"', "31/12/2025", TIME(2025, 12, 31)), ('"%d/%m/%Y"', "2025-12-31", None),
    ("{zone: UTC}", "2025-01-01 10:00:00", TIME(2025, 1, 1, 18)), ("{zone: America/New_York}", "2025-07-01 00:00:00", TIME(2025, 7, 1, 12)),
    ('{format: "%Y-%m-%dT%H:%M:%S%z"}', "2025-01-01T10:00:00+0000", TIME(2025, 1, 1, 18)),
])
def test_times_as_the_map_declares_them(tmp_path, declared, written, meant):
    write(tmp_path, "events.csv", f"user_id,ts,event\n1,{written},home\n")
    quality, rows = staged(tmp_path, f"time_zone: Asia/Shanghai\nevents: {{timestamp: {declared}}}")
    assert column(rows["events"], "ts") == ([] if meant is None else [meant])
    assert quality.tables["events"].set_aside == ({"unreadable timestamp": 1} if meant is None else {})


@pytest.mark.parametrize(("written", "meant"), [
    ("2025-03", "2025-03-01"), ("2025/3", "2025-03-01"), ("2025年3月", "2025-03-01"), ("202503", "2025-03-01"), ("2025", "2025-01-01"),
    ("2025Q2", "2025-04-01"), ("2025-Q4", "2025-10-01"), ("2025-03-07", "2025-03-07")])
def test_dates_may_be_months_quarters_and_years(tmp_path, written, meant):
    write(tmp_path, "market.csv", f"period,segment,size\n{written},phones,10\n")
    _, rows = staged(tmp_path)
    assert column(rows["market"], "period") == [dt.date.fromisoformat(meant)]


def test_plans_may_lie_after_as_of(tmp_path):
    write(tmp_path, "targets.csv", "kpi,dimension,horizon,baseline,target,start,due\ngmv,revenue,2026,5,10,2025-01-01,2026-12-31\n")
    write(tmp_path, "spend.csv", "date,channel,cost\n2026-01-01,ads,5\n")
    quality, _ = staged(tmp_path, as_of="2025-06-30")
    assert quality.tables["targets"].set_aside == {}
    assert quality.tables["spend"].set_aside == {"date after as_of": 1}


def test_ranges(tmp_path):
    write(tmp_path, "surveys.csv", "date,score\n2025-01-01,11\n2025-01-01,10\n2025-01-01,-1\n")
    write(tmp_path, "trends.csv", "trend,observed_at,strength\nai,2025-01-01,80%\nvr,2025-01-01,8\n")
    quality, rows = staged(tmp_path)
    assert quality.tables["surveys"].set_aside == {"number out of range": 2}
    assert column(rows["trends"], "strength") == [0.8]


def test_duplicates_across_files_keep_the_first(tmp_path):
    write(tmp_path, "events-1.csv", "user_id,ts,event\n1,2025-01-01,home\n1,2025-01-02,home\n")
    write(tmp_path, "events-2.csv", "user_id,ts,event\n1,2025-01-02,home\n1,2025-01-02,home\n1,2025-01-03,home\n")
    quality, rows = staged(tmp_path)
    assert quality.tables["events"].set_aside == {"exact duplicate": 2}
    assert [(row["_file"], row["_line"]) for row in rows["events"]] == [(0, 2), (0, 3), (1, 4)]
    assert [row[:2] for row in rejected(tmp_path, "events")] == [("events-2.csv", 2), ("events-2.csv", 3)]


def test_rows_that_differ_in_a_column_nobody_reads_are_no_duplicates(tmp_path):
    write(tmp_path, "exposures.csv", "user_id,experiment,variant,ts,note\n1,x,a,2025-01-01,p\n1,x,a,2025-01-01,q\n")
    assert staged(tmp_path)[0].tables["exposures"].kept == 2


def test_rows_of_one_file_that_share_a_key_are_all_kept_and_named(tmp_path):
    # two campaigns of one channel on one day: 5 + 7 was spent, nothing is restated
    write(tmp_path, "spend.csv", "date,channel,campaign,cost\n2025-01-01,ads,a,5\n2025-01-01,ads,b,7\n2025-01-02,ads,a,6\n")
    quality, rows = staged(tmp_path)
    table = quality.tables["spend"]
    assert (table.kept, table.set_aside) == (3, {})
    assert sum(column(rows["spend"], "cost")) == 18
    assert [warning.sentence for warning in table.warnings] == ["2 rows share their date, channel with another row; all are kept, and sums add them up"]
    assert table.warnings[0].examples == ("2025-01-01, ads: 2 rows",)


def test_a_later_file_restates_the_earlier_one(tmp_path):
    # the first day is restated by the second file's two rows; the same row twice is a duplicate
    write(tmp_path, "spend-1.csv", "date,channel,cost\n2025-01-01,ads,5\n2025-01-02,ads,6\n2025-01-02,ads,6\n")
    write(tmp_path, "spend-2.csv", "date,channel,cost\n2025-01-01,ads,7\n2025-01-01,ads,8\n")
    quality, rows = staged(tmp_path)
    table = quality.tables["spend"]
    assert table.set_aside == {"exact duplicate": 1, "restated by a later row": 1}
    assert sorted(column(rows["spend"], "cost")) == [6, 7, 8]
    assert rejected(tmp_path, "spend")[0] == ("spend-1.csv", 2, "2025-01-01,ads,5", "restated by a later row: date, channel")
    assert (table.unique, table.score) == (0.8, 0.8)  # restating is no fault


def test_keys_that_point_nowhere_are_counted_and_kept(tmp_path):
    write(tmp_path, "users.csv", "user_id,signup_ts\n1,2025-01-01\n")
    write(tmp_path, "events.csv", "user_id,ts,event\n1,2025-01-01,home\n2,2025-01-01,home\n3,2025-01-01,home\n")
    quality, _ = staged(tmp_path)
    assert (quality.tables["events"].kept, quality.tables["events"].pointing_nowhere) == (3, {"user_id": 2})


def test_events_renamed_constants_and_further_columns(tmp_path):
    write(tmp_path, "log.csv", "用户ID,时间,动作,城市,价格\n1,2025-01-01,加购,上海,1.5\n2,2025-01-01,看,,2.0\n", "gb18030")
    _, rows = staged(tmp_path, "events:\n  files: log.csv\n  events: {加购: cart}\n  constants: {channel: shop, country: CN}")
    first, second = rows["events"]
    assert (first["event"], first["channel"], first["country"], first["城市"], first["价格"]) == ("cart", "shop", "CN", "上海", 1.5)
    assert (second["event"], second["城市"]) == ("看", None)


def test_quantities_and_labels_among_further_columns(tmp_path):
    write(tmp_path, "users.csv", "user_id,signup_ts,age,zip,item_id,level,mixed\n1,2025-01-01,30,01234,5,1,2\n"
          "2,2025-01-01,41,20000,6,2,x\n")
    with workspace() as con:
        kinds = stage(con, tmp_path, parse_columns("")).columns["users"]
    assert kinds == {"user_id": "id", "signup_ts": "time", "age": "quantity", "zip": "property", "item_id": "property", "level": "quantity",
                     "mixed": "property"}


def test_files_of_one_table_may_have_other_columns(tmp_path):
    write(tmp_path, "orders-1.csv", "user_id,ts,amount\n1,2025-01-01,5\n")
    write(tmp_path, "orders-2.csv", "amount,Channel,user_id,ts\n6,ads,2,2025-01-02\n")
    _, rows = staged(tmp_path)
    assert column(rows["orders"], "channel") == [None, "ads"]
    assert column(rows["orders"], "amount") == [5, 6]


def test_every_kind_of_file_gives_the_same_table(tmp_path):
    times = pd.to_datetime(["2025-01-01 10:00:00.5", "2025-01-02 00:00:00.0", "2025-01-03 00:00:00.0"])
    frame = pd.DataFrame({"user_id": ["a1", "a2", "a1"], "ts": times, "amount": [1.5, 2.0, 1234.25], "channel": ["ads", None, "shop"]})
    tables = []
    for ending in ("csv", "parquet", "jsonl", "xlsx"):
        folder = tmp_path / ending
        folder.mkdir()
        path = folder / f"orders.{ending}"
        if ending == "csv":
            frame.to_csv(path, index=False)
        elif ending == "parquet":
            frame.to_parquet(path)
        elif ending == "jsonl":
            frame.to_json(path, orient="records", lines=True, date_format="iso")
        else:
            frame.to_excel(path, index=False)
        _, rows = staged(folder)
        tables.append([{name: value for name, value in row.items() if name != "_line"} for row in rows["orders"]])
    assert tables[0][0]["ts"] == TIME(2025, 1, 1, 10, 0, 0, 500000)
    assert tables[1:] == [tables[0]] * 3


def test_parquet_with_offsets_floats_and_whole_number_times(tmp_path):
    events = pd.DataFrame({"user_id": [1001.0, 1002.0, None], "ts": pd.to_datetime(["2025-01-01"] * 3, utc=True), "event": ["a", "b", "c"]})
    events.to_parquet(tmp_path / "events.parquet")
    pd.DataFrame({"user_id": [1], "ts": [1735689600], "amount": [1]}).to_parquet(tmp_path / "orders.parquet")
    quality, rows = staged(tmp_path, "time_zone: Asia/Shanghai")
    assert [(row["user_id"], row["ts"]) for row in rows["events"]] == [("1001", TIME(2025, 1, 1, 8)), ("1002", TIME(2025, 1, 1, 8))]
    assert quality.tables["events"].set_aside == {"missing id": 1}
    assert quality.tables["orders"].set_aside == {"epoch seconds in a column of dates": 1}
    assert [warning.kind for warning in quality.tables["events"].warnings if warning.kind == "float id"] == ["float id"]


# --- the score ---------------------------------------------------------------------------------------------------------------------


def test_the_score_by_hand(tmp_path):
    # 10 rows: 1 without id, 2 unreadable, 1 duplicate, 1 before 1990: .9 x .8 x .9 x .9 = .5832
    rows = ["1,2025-01-01,a", "1,2025-01-01,b", "1,2025-01-01,c", "1,2025-01-01,d", "1,2025-01-01,e",
            ",2025-01-01,a", "1,x,a", "1,y,a", "1,2025-01-01,a", "1,1980-01-01,a"]
    write(tmp_path, "events.csv", "user_id,ts,event\n" + "\n".join(rows))
    quality, _ = staged(tmp_path)
    table = quality.tables["events"]
    assert (table.complete, table.valid, table.unique, table.in_time) == pytest.approx((0.9, 0.8, 0.9, 0.9))
    assert table.score == pytest.approx(0.5832)
    assert (quality.trusted, quality.rows_set_aside) == (False, 5)
    assert quality.distrust == (("events", pytest.approx(0.5832), "valid"),)


# --- warnings ----------------------------------------------------------------------------------------------------------------------


def days(rows_per_day, users=7):
    """events.csv with so many rows on each day from 2025-01-01."""
    lines = ["user_id,ts,event"]
    for day, n in enumerate(rows_per_day):
        date = dt.date(2025, 1, 1) + dt.timedelta(days=day)
        lines += [f"u{i % users},{date} {i // 60 % 24:02}:{i % 60:02}:{i // 1440:02},home" for i in range(n)]
    return "\n".join(lines) + "\n"


def warned(folder, kind, table="events", **options):
    found = [warning for warning in staged(folder, **options)[0].tables[table].warnings if warning.kind == kind]
    assert len(found) <= 1
    return found[0] if found else None


def test_a_missing_day(tmp_path):
    write(tmp_path, "events.csv", days([20] * 5 + [0] + [20] * 4))
    warning = warned(tmp_path, "missing day")
    assert warning.sentence == "no rows on 1 of the days between 2025-01-01 and 2025-01-10"
    assert warning.examples == ("2025-01-06",)
    assert staged(tmp_path)[0].tables["events"].in_time == pytest.approx(0.9)


def test_a_monthly_table_misses_no_days(tmp_path):
    rows = "".join(f"2025-{month:02}-01,c{i},gmv,5\n" for month in range(1, 13) for i in range(15))
    write(tmp_path, "competitors.csv", "period,competitor,metric,value\n" + rows)
    table = staged(tmp_path)[0].tables["competitors"]
    assert (table.warnings, table.score) == ((), 1)


def test_a_small_table_may_rest(tmp_path):
    write(tmp_path, "events.csv", days([1, 0, 0, 1, 0, 2, 0, 1]))
    assert warned(tmp_path, "missing day") is None
    assert staged(tmp_path)[0].tables["events"].in_time == 1


def test_a_day_three_times_its_neighbours(tmp_path):
    write(tmp_path, "events.csv", days([20] * 5 + [60] + [20] * 4))
    warning = warned(tmp_path, "spike")
    assert warning.examples == ("2025-01-06: 60 rows, neighbours 20",)
    write(tmp_path, "calendar.csv", "event,start,end\nsale,2025-01-06,2025-01-07\n")
    assert warned(tmp_path, "spike") is None
    write(tmp_path, "calendar.csv", "event,start,end\nsale,2025-01-01,2025-01-02\n")
    write(tmp_path, "events.csv", days([20] * 5 + [59] + [20] * 4))
    assert warned(tmp_path, "spike") is None


def test_names_that_differ_by_case_or_space(tmp_path):
    names = ("Add Cart", "add_cart", "addcart", " home ", "home")
    write(tmp_path, "events.csv", "user_id,ts,event\n" + "".join(f"{i},2025-01-01,{name}\n" for i, name in enumerate(names)))
    warning = warned(tmp_path, "spelling")
    assert warning.numbers == {"column": "event", "groups": 1}
    assert all(name in warning.examples[0] for name in ("'Add Cart' (1)", "'add_cart' (1)", "'addcart' (1)"))
    assert warned(tmp_path, "spaces").examples == ("'home': 1 rows",)


LONG = "x" * 10_000_000  # ten million characters in one cell


def test_a_text_that_no_page_could_show_is_cut_and_a_row_with_such_an_id_is_set_aside(tmp_path):
    """Lines 2 to 4: a long event name, a long further column, a long id. Texts are cut at 1,000 characters; two ids cut there could become one."""
    rows = [f"a,2025-01-01,{LONG},n", f"b,2025-01-02,home,{LONG}", f"{LONG},2025-01-03,home,n", "c,2025-01-04,home,n"]
    write(tmp_path, "events.csv", "user_id,ts,event,note\n" + "\n".join(rows) + "\n")
    quality, kept = staged(tmp_path)
    assert [(row["user_id"], len(row["event"]), len(row["note"])) for row in kept["events"]] == [("a", 1000, 1), ("b", 4, 1000), ("c", 4, 1)]
    assert quality.tables["events"].set_aside == {"id too long": 1}
    assert [(warning.sentence, warning.examples) for warning in quality.tables["events"].warnings if warning.kind == "long text"] == [
        (f"{column}: 1 texts are longer than 1000 characters and were cut", ()) for column in ("event", "note")]
    [(_file, line, raw, reason)] = rejected(tmp_path, "events")
    assert (line, raw, reason) == (4, "x" * 10_000, "id too long: user_id")


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_long_texts_are_cut_whatever_the_file(tmp_path, ending):
    frame = pd.DataFrame({"user_id": ["a", LONG], "ts": ["2025-01-01", "2025-01-02"], "event": [LONG, "home"]})
    frame.to_json(tmp_path / "events.jsonl", orient="records", lines=True) if ending == "jsonl" else frame.to_parquet(tmp_path / "events.parquet")
    quality, kept = staged(tmp_path)
    assert [(row["user_id"], len(row["event"])) for row in kept["events"]] == [("a", 1000)]
    assert quality.tables["events"].set_aside == {"id too long": 1}


def test_a_first_line_without_end_is_no_header(tmp_path):
    write(tmp_path, "events.csv", f"user_id,ts,{LONG}\na,2025-01-01,home\n")
    with pytest.raises(InputError, match=r"events.csv line 1: the first line has 10,000,012 characters"):
        check(tmp_path)


def test_rejected_rows_run_nothing_in_a_spreadsheet(tmp_path):
    """Every row lacks its time. A quote before what a spreadsheet reads as a formula, in Chinese also the wide signs."""
    names = ["=cmd|'/c calc'!A1", "+1+1", "-2", "@SUM(1)", "＝1+1", "－1", "plain", "1-2"]
    write(tmp_path, "events.csv", "user_id,ts,event\n" + "".join(f"{name},no time,home\n" for name in names))
    check(tmp_path)
    assert [raw.split(",")[0] for _file, _line, raw, _reason in rejected(tmp_path, "events")] == [*(f"'{name}" for name in names[:6]), "plain", "1-2"]


def test_examples_that_are_ids_are_marked_as_such():
    """Pages leave them out: see tests of the page."""
    assert Warning("robots", "", {"users": 1}, ("u1: 900 rows",)).names_ids
    assert Warning("repeated order", "", {"orders": 1}, ("o1: 2 rows",)).names_ids
    assert Warning("repeated key", "", {"rows": 2, "key": "ticket_id, date"}, ("t1, 2025-01-01: 2 rows",)).names_ids
    assert not Warning("repeated key", "", {"rows": 2, "key": "date, channel"}, ("2025-01-01, mail: 2 rows",)).names_ids
    assert not Warning("spaces", "", {"rows": 1}, ("' home': 1 rows",)).names_ids


def test_robots(tmp_path):
    # 9 users of 2 events each, one of 200: 100 times the median of 2
    lines = [f"u{user},2025-01-0{i + 1} 10:00:00,home" for user in range(9) for i in range(2)]
    bot = [f"bot,2025-01-01 11:{i // 60:02}:{i % 60:02},home" for i in range(200)]
    write(tmp_path, "events.csv", "\n".join(["user_id,ts,event", *lines, *bot]))
    warning = warned(tmp_path, "robots")
    assert warning.numbers == {"users": 1, "median": 2}
    assert warning.examples == ("bot: 200 rows",)
    write(tmp_path, "events.csv", "\n".join(["user_id,ts,event", *lines, *bot[:-1]]))
    assert warned(tmp_path, "robots") is None


def test_ids_read_as_floats(tmp_path):
    write(tmp_path, "orders.csv", "user_id,ts,amount,order_id\n1001.0,2025-01-01,5,1.23457E+15\n1002.0,2025-01-01,6,8\n")
    quality, rows = staged(tmp_path)
    assert column(rows["orders"], "user_id") == ["1001", "1002"]
    found = [warning.numbers for warning in quality.tables["orders"].warnings if warning.kind == "float id"]
    assert found == [{"column": "order_id", "rows": 1}, {"column": "user_id", "rows": 2}]


def test_mixed_time_zones(tmp_path):
    write(tmp_path, "events.csv", "user_id,ts,event\n1,2025-01-01 10:00:00,a\n2,2025-01-01T02:00:00Z,a\n3,2025-01-01T02:00:00+00:00,a\n"
          "4,2025-01-01T10:00:00+08:00,a\n")
    warning = warned(tmp_path, "mixed time zones", text="time_zone: Asia/Shanghai")
    assert warning.numbers == {"column": "ts", "kinds": 3, "zone": "Asia/Shanghai"}
    assert set(warning.examples) == {"+00:00: 2 rows", "none: 1 rows", "+08:00: 1 rows"}
    assert {row["ts"] for row in staged(tmp_path, "time_zone: Asia/Shanghai")[1]["events"]} == {TIME(2025, 1, 1, 10)}


def test_stray_dates_repeated_orders_and_missing_clocks(tmp_path):
    rows = "".join(f"{i},2025-01-{i % 28 + 1:02},5,{i // 2}\n" for i in range(200))
    write(tmp_path, "orders.csv", "user_id,ts,amount,order_id\n" + rows + "1,2099-01-01,5,x\n")
    write(tmp_path, "events.csv", "user_id,ts,event\n1,2025-01-01,a\n1,2025-01-02,a\n")
    assert warned(tmp_path, "stray dates", "orders").examples == ("2099-01-01",)
    assert warned(tmp_path, "repeated order", "orders").numbers == {"orders": 100}
    assert warned(tmp_path, "no time of day") is not None


# --- as a whole --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "text", "message"), [
    ("orders.csv", "user_id,ts\n1,2025-01-01\n", "orders.csv line 1: no column for orders.amount"),
    ("orders.csv", "user_id,ts,amount\n", "orders.csv line 2: no rows, only a header; expected at least one row"),
    ("orders.csv", "", "orders.csv line 1: the file is empty"),
    ("orders.csv", "1,2025-01-01,5\n2,2025-01-02,6\n", "the first line looks like data"),
    ("orders.csv", "u1,2025-01-01 10:00:00,search\nu2,2025-01-02 10:00:00,cart\n", "the first line looks like data"),
])
def test_one_clear_error_and_nothing_written(tmp_path, name, text, message):
    write(tmp_path, "events.csv", "user_id,ts,event\n1,x,home\n")
    write(tmp_path, name, text)
    with pytest.raises(InputError) as error:
        check(tmp_path)
    assert message in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv", name]


def test_check_writes_rejected_rows_and_cleans_up_when_all_is_mended(tmp_path):
    write(tmp_path, "events.csv", "user_id,ts,event\n1,x,home\n2,2025-01-01,home\n")
    seen = []
    quality = check(tmp_path, progress=lambda table, rows, share: seen.append((table, rows, share)))
    assert quality.rejected == str(tmp_path / "rejected")
    assert seen == [("events", 2, 1.0)]
    assert [path.name for path in (tmp_path / "rejected").iterdir()] == ["events.csv"]
    write(tmp_path, "events.csv", "user_id,ts,event\n2,2025-01-01,home\n")
    assert check(tmp_path).rows_set_aside == 0
    assert list((tmp_path / "rejected").iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    from opsnb.tables import places

    monkeypatch.setenv("OPSNB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(places, "_writable", lambda folder: False)
    write(tmp_path / "data", "events.csv", "user_id,ts,event\n1,x,home\n")
    quality = check(tmp_path / "data")
    assert Path(quality.rejected).parent.parent == tmp_path / "cache"
    assert (Path(quality.rejected) / "events.csv").is_file()
    assert os.listdir(tmp_path / "data") == ["events.csv"]


def test_a_folder_without_tables_gets_a_proposal(tmp_path):
    write(tmp_path, "export.csv", "用户ID,下单时间,金额\n1,2025-01-01,5\n")
    quality = check(tmp_path)
    assert (quality.tables, quality.unclaimed) == ({}, ("export.csv",))
    assert "用户ID" in quality.proposed


def test_a_time_format_that_is_none(tmp_path):
    write(tmp_path, "events.csv", "user_id,ts,event\n1,2025-01-01,home\n")
    with pytest.raises(InputError, match=r"columns.yml line 1: timestamp format '%Y-%Q' is not understood"):
        staged(tmp_path, "events: {timestamp: '%Y-%Q'}")


def test_a_table_or_a_day_that_is_none(tmp_path):
    write(tmp_path, "events.csv", "user_id,ts,event\n1,2025-01-01,home\n")
    with workspace() as con:
        with pytest.raises(InputError, match="no table 'event'; allowed: events"):
            stage(con, tmp_path, parse_columns(""), tables=["event"])
        with pytest.raises(ParameterError, match="as_of is 'soon'"):
            stage(con, tmp_path, parse_columns(""), as_of="soon")


CELL = st.sampled_from(["1", "2", "", "2025-01-01", "2025-13-01", "1735689600", "home", "-3", "1,5", '"', "x\ny", "NULL", "１",
                        "1980-01-01", " "])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(CELL, min_size=2, max_size=5), min_size=1, max_size=15), st.booleans(),
       st.sampled_from(["events", "orders", "spend"]))
def test_rows_read_are_kept_or_set_aside(tmp_path_factory, rows, proper, table):
    header = {"events": "user_id,ts,event,note", "orders": "user_id,ts,amount,note", "spend": "date,channel,cost,note"}[table]
    out = io.StringIO()
    if proper:
        csv.writer(out, lineterminator="\n").writerows(rows)
    else:
        out.write("".join(",".join(row) + "\n" for row in rows))
    folder = tmp_path_factory.mktemp("random")
    write(folder, f"{table}.csv", f"{header}\n{out.getvalue()}")
    quality, _ = staged(folder, "as_of: 2025-06-30")  # the sums are checked there
    if proper:
        assert quality.tables[table].rows_read == len(rows)


@pytest.mark.skipif(not (SHARED / "cdnow").is_dir(), reason="the CDNOW sample is not here")
def test_cdnow_sample_keeps_its_2357_customers(tmp_path):
    """Fader and Hardie's sample: 6,919 purchases of 2,357 customers; 21 rows repeat another one exactly."""
    text = 'orders: {files: CDNOW_sample.txt, header: false, columns: {user_id: 2, ts: 3, amount: 5}, timestamp: "%Y%m%d"}'
    with workspace() as con:
        found = stage(con, SHARED / "cdnow", parse_columns(text), rejected=tmp_path).quality.tables["orders"]
        assert (found.rows_read, found.set_aside) == (6919, {"exact duplicate": 21})
        assert con.execute("SELECT count(DISTINCT user_id) FROM kept_orders").fetchone()[0] == 2357
    assert (found.first_day, found.last_day) == ("1997-01-01", "1998-06-30")


@pytest.mark.skipif(not (SHARED / "ecom").is_dir(), reason="the ecom sample is not here")
def test_ecom_needs_no_map_but_its_name(tmp_path):
    with workspace() as con:
        found = stage(con, SHARED / "ecom", parse_columns("events: {files: ecom.parquet}"), rejected=tmp_path).quality.tables["events"]
        users = con.execute("SELECT count(DISTINCT user_id) FROM kept_events WHERE event = 'cart'").fetchone()[0]
    assert (found.rows_read, found.set_aside, users) == (31106, {"exact duplicate": 30}, 489)
