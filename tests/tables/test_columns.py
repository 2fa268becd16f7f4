"""columns.yml: what it can say, and the one clear error for everything that it cannot."""

import datetime as dt

import pytest

from opsnb.errors import InputError
from opsnb.tables.columns import Columns, TableMap, Timestamp, parse_columns, read_columns
from opsnb.tables.matching import resolved

WHOLE = """\
time_zone: Asia/Shanghai
currency: CNY
as_of: 2025-06-30
every_days: 7
ignore: [notes*.csv]
orders:
  files: [a.txt, "b*.txt"]
  header: false
  delimiter: whitespace
  encoding: gbk
  columns: {user_id: 2, ts: 3, amount: 5}
  timestamp: {unit: ms, zone: UTC}
  constants: {channel: shop}
events:
  files: log.xlsx
  sheet: 行为
  columns: {user_id: 用户ID, ts: 下单时间}
  timestamp: "%d/%m/%Y"
  events: {加购: cart, 1: home, yes: agreed}
"""


def test_the_whole_map():
    found = parse_columns(WHOLE)
    assert (found.time_zone, found.currency, found.as_of, found.ignore) == ("Asia/Shanghai", "CNY", dt.date(2025, 6, 30), ("notes*.csv",))
    assert found.every_days == 7
    assert list(found.tables) == ["orders", "events"]
    orders, events = found.tables["orders"], found.tables["events"]
    assert orders.files == ("a.txt", "b*.txt")
    assert (orders.header, orders.delimiter, orders.encoding) == (False, "whitespace", "gb18030")
    assert orders.columns == {"user_id": 2, "ts": 3, "amount": 5}
    assert orders.timestamp == Timestamp(unit="ms", zone="UTC")
    assert orders.constants == {"channel": "shop"}
    assert (events.sheet, events.timestamp) == ("行为", Timestamp(format="%d/%m/%Y"))
    assert events.events == {"加购": "cart", "1": "home", "yes": "agreed"}


@pytest.mark.parametrize(("written", "meant"), [
    ("comma", ","), ('"\\t"', "\t"), ("tab", "\t"), ("';'", ";"), ("pipe", "|"), ("whitespace", "whitespace"), ("' '", "whitespace"),
])
def test_delimiters(written, meant):
    assert parse_columns(f"orders: {{files: o.csv, delimiter: {written}}}").tables["orders"].delimiter == meant


@pytest.mark.parametrize(("text", "message"), [
    ("curency: CNY", "columns.yml line 1: unknown key 'curency'; allowed: time_zone, currency"),
    ("\norders:\n  file: o.csv", "columns.yml line 3: unknown key 'file'"),
    ("\norders:\n  file: o.csv", "(did you mean 'files'?)"),
    ("spend:\n  columns: {dat: Day}", "columns.yml line 2: spend has no column 'dat'; allowed: date, channel, cost"),
    ("spend:\n  constants: {chanel: x}", "(did you mean 'channel'?)"),
    ("orders:\n  header: maybe", "header is 'maybe'; allowed: true, false"),
    ("orders:\n  header: false\n  columns: {ts: time}", "columns.yml line 3: column ts is 'time'; without a header allowed: a position"),
    ("orders:\n  header: false\n  columns: {ts: 0}", "counted from 1"),
    ("orders:\n  delimiter: tabb", "delimiter is 'tabb'; allowed: comma, tab, semicolon, pipe, whitespace (did you mean 'tab'?)"),
    ("orders:\n  encoding: gb18003", "no encoding 'gb18003'; allowed: utf-8, utf-16, gb18030"),
    ("orders:\n  encoding: base64", "no encoding 'base64'"),
    ("orders:\n  timestamp: {unit: sec}", "unit is 'sec'; allowed: s, ms, us, ns"),
    ("orders:\n  timestamp: {unit: s, format: '%Y'}", "timestamp has a format and a unit"),
    ("orders:\n  timestamp: {zone: Asia/Shanghia}", "(did you mean 'Asia/Shanghai'?)"),
    ("orders:\n  timestamp: YYYY-MM-DD", "allowed: a format such as %Y-%m-%d"),
    ("time_zone: Beijing/China", "no time zone 'Beijing/China'"),
    ("as_of: yesterday", "as_of is 'yesterday'; allowed: a day as YYYY-MM-DD"),
    ("every_days: often", "every_days is 'often'; allowed: a whole number of days from 1 to 366"),
    ("orders:\n  events: {a: b}", "'events' renames event names, which orders does not have"),
    ("orders: o.csv", "table orders must be 'key: value' pairs"),
    ("orders:\n  columns: [a, b]", "columns must be 'key: value' pairs"),
    ("orders:\n  sheet: [a]", "sheet must be a text"),
    ("orders:\n  files: a\n  files: b", "columns.yml line 3: 'files' is named twice"),
    ("orders: {files: [a", "columns.yml line 1: not YAML"),
    ("- a\n- b", "the map must be 'key: value' pairs"),
])
def test_one_clear_error(text, message):
    with pytest.raises(InputError) as error:
        parse_columns(text)
    assert message in str(error.value)


def test_no_map_is_an_empty_map(tmp_path):
    assert read_columns(tmp_path) == Columns()
    (tmp_path / "columns.yml").write_text("# nothing yet\n", encoding="utf-8")
    assert read_columns(tmp_path).tables == {}


def test_a_map_that_lives_elsewhere(tmp_path):
    (tmp_path / "mine.yml").write_text("currency: EUR", encoding="utf-8-sig")
    assert read_columns(tmp_path / "data", tmp_path / "mine.yml").currency == "EUR"
    with pytest.raises(InputError, match="no such file"):
        read_columns(tmp_path, tmp_path / "absent.yml")


def test_a_map_that_is_not_utf8(tmp_path):
    (tmp_path / "columns.yml").write_bytes("currency: CNY\norders: {columns: {ts: 时间}}".encode("gb18030"))
    with pytest.raises(InputError, match=r"columns.yml line 2: not UTF-8"):
        read_columns(tmp_path)


def test_columns_are_found_by_map_then_name_then_alias():
    shape = TableMap("events", columns={"ts": "When"}, where="columns.yml line 1")
    found = resolved(shape, ["when", "UID", "event", "utm_source", "Colour"], "e.csv")
    assert found == {"ts": "when", "user_id": "UID", "event": "event", "channel": "utm_source", "Colour": "Colour"}
    assert resolved(TableMap("spend"), ["日期", "渠道", "花费", "extra"], "s.csv") == {"date": "日期", "channel": "渠道", "cost": "花费"}


def test_an_optional_alias_that_fits_twice_is_left_alone():
    found = resolved(TableMap("events"), ["user_id", "ts", "event", "utm_source", "medium"], "e.csv")
    assert "channel" not in found
    assert found["utm_source"] == "utm_source"


@pytest.mark.parametrize(("shape", "columns", "message"), [
    (TableMap("orders"), ["user_id", "ts", "amuont"], "o.csv line 1: no column for orders.amount (what the customer pays, after discount; "
     "negative only for refunds); found: user_id, ts, amuont"),
    (TableMap("orders"), ["user_id", "ts", "amuont"], "(did you mean 'amuont'? map it in columns.yml)"),
    (TableMap("orders"), ["user_id", "ts", "total", "revenue"], "2 columns could be orders.amount; found: total, revenue"),
    (TableMap("orders"), ["1001", "2025-01-01", "9.50"], "the first line looks like data: without a header say 'header: false'"),
    (TableMap("orders", columns={"amount": "Betrag"}, where="columns.yml line 7"), ["user_id", "ts", "Betrg"],
     "no column 'Betrag', which columns.yml line 7 asks for; allowed: user_id, ts, Betrg (did you mean 'Betrg'?)"),
    (TableMap("orders", header=False, columns={"user_id": 1, "ts": 2, "amount": 9}, where="columns.yml line 1"), ["1", "2", "3"],
     "asks for column 9; allowed: 1 to 3"),
    (TableMap("orders", header=False, columns={"user_id": 1, "ts": 2}), ["1", "2", "3"], "orders needs 'amount'"),
])
def test_a_missing_column_is_one_clear_error(shape, columns, message):
    with pytest.raises(InputError) as error:
        resolved(shape, columns, "o.csv")
    assert message in str(error.value)
