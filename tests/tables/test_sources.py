"""Readers: whatever the file's kind, delimiter and encoding, the same rows with the same line numbers, or one clear error."""

import csv
import gzip
import io
import json

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsnb.errors import InputError
from opsnb.tables.columns import TableMap, parse_columns
from opsnb.tables.delimited import Delimited, found_delimiter
from opsnb.tables.encodings import utf8_chunks
from opsnb.tables.records import BLANK, CONTINUED, GOOD, QUOTING, TOO_FEW, TOO_MANY, records
from opsnb.tables.sources import claim, open_source

HEADER = ["user_id", "ts", "event"]
ROWS = [["1", "2025-01-01 10:00:00", "首页"], ["2", "2025-01-02 11:30:00", "购物车, 满减"], ["3", "2025-01-03 09:15:00", "home"]]


def read(path, **shape):
    """All rows of a file with their lines, and its malformed rows."""
    source = open_source(path, path.name, TableMap("events", **shape))
    rows, lines, malformed = [], [], []
    for chunk in source.chunks():
        table = chunk.table()
        rows += [list(row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]
        lines += chunk.lines.tolist()
        malformed += chunk.malformed
        assert len(chunk.lines) == table.num_rows == len(chunk.raw(np.arange(table.num_rows)))
    return source.columns, rows, lines, malformed


def text(delimiter=",", rows=ROWS, header=True, end="\n"):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([HEADER, *rows] if header else rows)
    return out.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("zipped", [False, True])
def test_encodings_and_delimiters_are_found(tmp_path, encoding, delimiter, end, zipped):
    data = text(delimiter, end=end).encode(encoding)
    path = tmp_path / ("e.csv.gz" if zipped else "e.csv")
    path.write_bytes(gzip.compress(data, mtime=0) if zipped else data)
    assert read(path) == (HEADER, ROWS, [2, 3, 4], [])


def test_old_mac_line_ends(tmp_path):
    (tmp_path / "e.csv").write_bytes(text(end="\r").encode())
    assert read(tmp_path / "e.csv")[1:3] == (ROWS, [2, 3, 4])


def test_parquet_json_lines_and_excel_give_the_same_rows(tmp_path):
    frame = pd.DataFrame(ROWS, columns=HEADER)
    frame.to_parquet(tmp_path / "e.parquet")
    objects = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in frame.to_dict("records"))
    (tmp_path / "e.jsonl").write_text(objects, encoding="utf-8")
    (tmp_path / "e.ndjson.gz").write_bytes(gzip.compress(objects.encode("gb18030"), mtime=0))
    frame.to_excel(tmp_path / "e.xlsx", index=False)
    for name, lines in {"e.parquet": [1, 2, 3], "e.jsonl": [1, 2, 3], "e.ndjson.gz": [1, 2, 3], "e.xlsx": [2, 3, 4]}.items():
        assert read(tmp_path / name) == (HEADER, ROWS, lines, []), name


def test_whitespace_without_a_header(tmp_path):
    path = tmp_path / "e.txt"
    path.write_bytes(b" 00004 0001 19970101  2   29.33\r\n 00021\t0002 19970113  1   11.77 \r\n")
    columns, rows, lines, malformed = read(path, header=False)
    assert (columns, lines, malformed) == (["1", "2", "3", "4", "5"], [1, 2], [])
    assert rows[1] == ["00021", "0002", "19970113", "1", "11.77"]
    source = open_source(path, "e.txt", TableMap("events", header=False, delimiter="whitespace"))
    assert next(source.chunks()).raw(np.array([0])) == [" 00004 0001 19970101  2   29.33"]


def test_lines_are_the_files_own(tmp_path):
    # line 1 header, 2 row, 3 blank, 4-5 one row over two lines, 6 too few, 7 too many, 8 bad quoting, 9 row, no line end after it
    (tmp_path / "e.csv").write_text('a,b\n1,x\n\n2,"two\nlines"\n3\n4,x,y\n5,"open\n6,z', encoding="utf-8")
    _, rows, lines, malformed = read(tmp_path / "e.csv")
    assert rows == [["1", "x"], ["2", "two\nlines"], ["6", "z"]]
    assert lines == [2, 4, 9]
    assert malformed == [(6, "3", "1 fields instead of 2"), (7, "4,x,y", "3 fields instead of 2"), (8, '5,"open', "bad quoting")]


def test_raw_rows_are_as_they_stand_in_the_file(tmp_path):
    (tmp_path / "e.csv").write_text('a,b\n1,x\n2,"two\nlines"\n', encoding="utf-8")
    chunk = next(open_source(tmp_path / "e.csv", "e.csv", TableMap("events")).chunks())
    assert chunk.raw(np.array([1, 0])) == ['2,"two\nlines"', "1,x"]


def test_chunks_cut_anywhere_make_no_difference(tmp_path, monkeypatch):
    from opsnb.tables import delimited

    rows = [[str(i), f"值 {i}" + ("\n第二行" if i % 7 == 0 else ""), 'say "hi"'] for i in range(500)]
    (tmp_path / "e.csv").write_text(text(rows=rows), encoding="gb18030", newline="")
    whole = read(tmp_path / "e.csv", encoding="gb18030")
    for size in (37, 64, 1000):
        monkeypatch.setattr(delimited, "utf8_chunks", lambda *args, size=size, **options: utf8_chunks(*args, **{**options, "size": size}))
        assert read(tmp_path / "e.csv", encoding="gb18030") == whole
    assert whole[1] == rows
    assert whole[2][:3] == [2, 4, 5]  # the first row takes lines 2 and 3


def test_excel_sheets_types_and_empty_rows(tmp_path):
    import datetime as dt

    book = openpyxl.Workbook()
    book.active.append(["ignored"])
    sheet = book.create_sheet("行为")
    header = ["user_id", "ts", "event", "amount"]
    for row in ([], header, [1001, dt.datetime(2025, 1, 3, 10), "home", 12.5], [], [1002.0, "2025-01-04", True, None]):
        sheet.append(row)
    book.save(tmp_path / "e.xlsx")
    columns, rows, lines, _ = read(tmp_path / "e.xlsx", sheet="行为")
    assert columns == header
    assert rows == [["1001", "2025-01-03 10:00:00", "home", "12.5"], ["1002", "2025-01-04", "true", None]]
    assert lines == [3, 5]
    with pytest.raises(InputError, match=r"no sheet '行为表'; allowed: Sheet, 行为 \(did you mean '行为'\?\)"):
        read(tmp_path / "e.xlsx", sheet="行为表")


def test_json_lines_that_are_none(tmp_path):
    (tmp_path / "e.jsonl").write_text('{"a": 1, "b": {"c": [1, 2]}}\n\n{"a": 2,\n[3]\n{"a": null}\n', encoding="utf-8")
    columns, rows, lines, malformed = read(tmp_path / "e.jsonl")
    assert (columns, lines) == (["a", "b"], [1, 5])
    assert rows == [["1", '{"c":[1,2]}'], [None, None]]
    assert malformed == [(3, '{"a": 2,', "not JSON"), (4, "[3]", "not a JSON object")]


@pytest.mark.parametrize(("word", "encoding"), [
    ("值", "gb18030"), ("渠道", "gb18030"), ("caf\xe9", "utf-8"), ("Привет, мир", "utf-8"), ("值", "utf-8"), ("￥5", "gb18030")])
def test_one_word_tells_the_encoding(tmp_path, word, encoding):
    (tmp_path / "e.csv").write_bytes(f'a,b\n1,"{word}"\n'.encode(encoding))
    assert read(tmp_path / "e.csv")[1] == [["1", word]]


def test_half_a_gzip(tmp_path):
    packed = gzip.compress("".join(f"{i},2025-01-01,{i * 7919 % 1000}\n" for i in range(20000)).encode())
    (tmp_path / "e.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(InputError, match=r"^e.csv.gz line \d{4,}: the gzip file ends in the middle, it is not whole; copy it again$"):
        read(tmp_path / "e.csv.gz")


def test_gzip_in_several_members_is_one_file(tmp_path):
    half = text().encode()
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(half[:30], mtime=0) + gzip.compress(half[30:], mtime=0))
    assert read(tmp_path / "e.csv.gz")[1] == ROWS


@pytest.mark.parametrize(("name", "data", "shape", "message"), [
    ("e.csv", b"", {}, "e.csv line 1: the file is empty"),
    ("e.csv", b"\n\n", {}, "e.csv line 1: the file is empty"),
    ("e.csv", b"PK\x03\x04....", {}, "e.csv line 1: this is a zip or Excel file, not text; save it with the ending .xlsx"),
    ("e.csv", b"\xd0\xcf\x11\xe0....", {}, "old Excel file"),
    ("e.csv", "a,b\n1,2\n".encode("utf-16-le"), {}, "UTF-16 without a byte order mark"),
    ("e.csv", b"a,b\n1,\xff\xfe\n", {}, "e.csv line 2: byte 0xFF is neither UTF-8 nor Chinese GB18030; allowed: utf-8, utf-16, gb18030"),
    ("e.csv", "a,b\n1,caf\xe9\n".encode("latin-1"), {}, "e.csv line 2: byte 0xE9 is neither UTF-8 nor Chinese GB18030"),
    ("e.csv", "a,b\n1,x\n2,首页\n".encode("gb18030"), {"encoding": "utf-8"},
     "e.csv line 3: byte 0xCA is not utf-8 (this line reads as gb18030)"),
    ("e.csv", "a,b\n1,首页\n".encode(), {"encoding": "gb18030"}, "columns.yml says encoding gb18030, found UTF-8"),
    ("e.csv.gz", b"a,b\n1,2\n", {}, "e.csv.gz line 1: not a gzip file"),
    ("e.csv.gz", gzip.compress(b"a,b\n1,2\n" * 500, mtime=0)[:20] + b"\0" * 40, {}, "e.csv.gz line 1: the gzip file is damaged"),
    ("e.parquet", b"PAR1....", {}, "e.parquet: not a whole Parquet file"),
    ("e.xlsx", b"not a zip", {}, "e.xlsx: not a whole Excel file"),
    ("e.jsonl", b'[{"a": 1}]', {}, "expected one JSON object a line"),
    ("e.jsonl", b"hello\n", {}, "e.jsonl line 1: no JSON object"),
])
def test_one_clear_error(tmp_path, name, data, shape, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError) as error:
        read(tmp_path / name, **shape)
    assert message in str(error.value)


def test_a_wrong_byte_far_down_is_found_with_its_line(tmp_path):
    lines = [b"a,b"] + [b"1,ascii"] * 300_000
    lines[250_000] = "2,首页".encode()
    lines[299_999] = b"3,\xff"
    (tmp_path / "e.csv").write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(InputError, match="line 300000: byte 0xFF is not utf-8"):
        read(tmp_path / "e.csv")


@pytest.mark.parametrize(("sample", "delimiter"), [
    (b"a,b\n1,2\n", ","), (b"a\tb\n1,5\t2\n", "\t"), (b"a;b;c\n1,5;2;3\n", ";"), (b"a|b\n1|2\n", "|"), (b"a b\n1 2\n", "whitespace"),
    (b"name\nAnna Maria\nBo\n", ","), (b'a,b\n"x;y;z",1\n"x;y;z",2\n', ","), (b"user_id,ts\n1,2025-01-01 10:00:00\n", ","),
])
def test_delimiters_are_found(sample, delimiter):
    assert found_delimiter(sample) == delimiter


# --- claims --------------------------------------------------------------------------------------------------------------------


def test_files_are_claimed_by_name_and_by_map(tmp_path):
    for name in ("events-2025-02.csv.gz", "events-2025-01.csv", "Orders.xlsx", "notes.csv", "spend.csv", "README.md", "events_old.csv",
                 "columns.yml", "truth.json", ".events.csv"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "users-1.csv").write_bytes(b"")
    found = claim(tmp_path, parse_columns("ignore: events_old*\nusers: {files: sub/*.csv}\ncalendar: {files: notes.csv}"))
    files = {name: [found.name(file) for file in one.files] for name, one in found.tables.items()}
    assert files == {"events": ["events-2025-01.csv", "events-2025-02.csv.gz"], "orders": ["Orders.xlsx"], "users": ["sub/users-1.csv"],
                     "spend": ["spend.csv"], "calendar": ["notes.csv"]}
    assert found.unclaimed == ()
    assert claim(tmp_path, parse_columns("")).unclaimed == ("notes.csv",)


@pytest.mark.parametrize(("text", "message"), [
    ("orders: {files: ordes.csv}", "columns.yml line 1: no file 'ordes.csv' in"),
    ("orders: {files: ordes.csv}", "(did you mean 'orders.csv'?)"), ("orders: {files: 'x*.csv'}", "no file matches 'x*.csv'"),
    ("users: {header: true}", "table users names no files and none is called users.csv"),
])
def test_files_that_are_not_there(tmp_path, text, message):
    (tmp_path / "orders.csv").write_bytes(b"")
    with pytest.raises(InputError) as error:
        claim(tmp_path, parse_columns(text))
    assert message in str(error.value)


def test_a_folder_that_is_not_there(tmp_path):
    (tmp_path / "demo").mkdir()
    with pytest.raises(InputError, match=r"no such folder; allowed: demo \(did you mean 'demo'\?\)"):
        claim(tmp_path / "dmo", parse_columns(""))


def test_a_kind_of_file_that_cannot_be_read(tmp_path):
    (tmp_path / "orders.pdf").write_bytes(b"")
    with pytest.raises(InputError, match="cannot read files of this kind"):
        open_source(tmp_path / "orders.pdf", "orders.pdf", TableMap("orders"))


# --- records against a slow reference ---------------------------------------------------------------------------------------------

PIECES = st.lists(st.sampled_from(["a", "bb", '"', '""', ",", "\n", "\r\n", "\r", " ", "é"]), max_size=40).map("".join)
CELLS = st.text(st.sampled_from('ab,"\n é'), max_size=6)


@given(PIECES, st.integers(1, 3))
def test_every_line_is_exactly_one_thing(piece, fields):
    found, taken = records(piece.encode(), ",", fields)
    lines = found.text.split(b"\n")[:-1]
    assert len(found) == len(lines)
    assert taken == len(found.text)
    assert b"".join(found.text[low:high] for low, high in zip(found.starts[:-1], found.starts[1:], strict=True)) == found.text
    assert set(found.kind.tolist()) <= {GOOD, TOO_FEW, TOO_MANY, QUOTING, BLANK, CONTINUED}
    assert not len(found) or found.kind[0] != CONTINUED
    # what is called good is read by Python's strict reader as so many fields
    good = list(csv.reader(io.StringIO(found.good().decode(), newline=""), strict=True))
    assert [len(row) for row in good] == [fields] * int((found.kind == GOOD).sum())


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_what_a_csv_writer_wrote_is_read_back(tmp_path_factory, rows, end, always):
    out = io.StringIO()
    csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL if always else csv.QUOTE_MINIMAL).writerows([["h1", "h2"], *rows])
    path = tmp_path_factory.mktemp("written") / "e.csv"
    path.write_bytes(out.getvalue().encode())
    found = [row for chunk in Delimited(path, "e.csv", TableMap("events", delimiter=",")).chunks()
             for row in zip(*(column.to_pylist() for column in chunk.table().columns), strict=True)]
    assert [[cell or "" for cell in row] for row in found] == rows


@given(PIECES, st.integers(1, 12))
def test_records_cut_into_chunks_are_the_same(piece, size):
    data = piece.encode()
    whole, _ = records(data, ",", 2)
    kinds, rest = [], b""
    for at in range(0, max(len(data), 1), size):
        last = at + size >= len(data)
        found, taken = records(rest + data[at: at + size], ",", 2, last=last)
        kinds += found.kind.tolist()
        rest = (rest + data[at: at + size])[taken:]
    assert kinds == whole.kind.tolist()
