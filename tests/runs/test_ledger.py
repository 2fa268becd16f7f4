import json
from dataclasses import replace

from opsnb.runs import ledger
from opsnb.runs.ledger import Entry


def entry(run, **more):
    return Entry(run, "small", "2026-01-02T03:04:05+00:00", parameters={"days": 7}, out="out/small", **more)


def test_the_end_of_a_run_replaces_its_start_for_readers_and_lines_are_only_appended(tmp_path):
    one, two = entry("1"), entry("2")
    for line in (one, two, replace(one, status="good", seconds=2.5, first="安卓")):
        ledger.append(tmp_path / "new", line)
    assert ledger.entries(tmp_path / "new") == [entry("1", status="good", seconds=2.5, first="安卓"), two]
    lines = (tmp_path / "new" / ledger.NAME).read_text("utf-8").splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["unfinished", "unfinished", "good"]


def test_a_line_cut_off_at_any_byte_spoils_only_itself(tmp_path):
    path = tmp_path / ledger.NAME
    ledger.append(tmp_path, entry("1"))
    first = path.read_bytes()
    ledger.append(tmp_path, entry("2", first="安卓"))
    second = path.read_bytes()[len(first):]
    for length in range(len(second)):
        path.write_bytes(first + second[:length])
        ledger.append(tmp_path, entry("3"))
        runs = [found.run for found in ledger.entries(tmp_path)]
        assert runs == (["1", "2", "3"] if length == len(second) - 1 else ["1", "3"]), length
