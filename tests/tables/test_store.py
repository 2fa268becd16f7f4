"""The store: built aside and swapped in, only for what changed, whole after a kill at any moment, one builder at a time."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from opsnb.errors import InputError, ParameterError
from opsnb.tables import atomic, columnar, places, quality, store
from opsnb.tables import histories as histories_module
from opsnb.tables.data import Data

EVENTS = ("user_id,ts,event\nb,2025-01-01 10:00:00,home\na,2025-01-03 09:00:00,cart\na,2025-01-02 09:00:00,home\n"
          "c,2025-01-01 08:00:00,home\n")
MORE = EVENTS + "d,2025-01-04 08:00:00,home\n"
ORDERS = "user_id,ts,amount\na,2025-01-03 10:00:00,20\n"


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "shop"
    place.mkdir()
    write(place / "events.csv", EVENTS)
    write(place / "orders.csv", ORDERS)
    return place


@pytest.fixture
def written(monkeypatch):
    """Names of the tables that are built, in order."""
    names = []

    def write_and_note(con, source, name, directory):
        names.append(name)
        return real(con, source, name, directory)

    real = columnar.write
    monkeypatch.setattr(columnar, "write", write_and_note)
    return names


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def opened(folder: Path, **options) -> Data:
    found = store.current(folder, **options)
    assert found is not None, "the store is absent or stale"
    return Data(folder, *found)


def users_of(data: Data) -> list[str]:
    return data.events.users.tolist()


def directories(folder: Path) -> list[str]:
    return sorted(entry.name for entry in (folder / ".opsnb").iterdir() if entry.is_dir())


def test_an_ingest_makes_a_store_that_is_current(folder):
    assert store.current(folder) is None
    found = store.ingest(folder)
    assert {name: (table.rows_read, table.kept) for name, table in found.tables.items()} == {"events": (4, 4), "orders": (1, 1)}
    data = opened(folder)
    assert data.events.to_pandas().astype(str).values.tolist() == [
        ["a", "2025-01-02 09:00:00", "home"], ["a", "2025-01-03 09:00:00", "cart"], ["b", "2025-01-01 10:00:00", "home"],
        ["c", "2025-01-01 08:00:00", "home"]]
    assert data.quality == found
    assert sorted(name.split("-")[0] for name in directories(folder)) == ["events", "orders"]


def test_only_what_changed_is_built(folder, written):
    store.ingest(folder)
    assert written == ["events", "orders"]
    before = directories(folder)
    store.ingest(folder)
    assert written == ["events", "orders"]
    write(folder / "events.csv", MORE)
    assert store.current(folder) is None
    found = store.ingest(folder)
    assert written == ["events", "orders", "events"]
    assert found.tables["events"].kept == 5
    assert found.tables["orders"].kept == 1
    assert len(set(directories(folder)) & set(before)) == 1, "the orders' directory stays, the old events' one is gone"
    assert len(directories(folder)) == 2


def test_a_file_that_was_only_touched_is_not_read_again(folder, written):
    store.ingest(folder)
    os.utime(folder / "events.csv", (1, 1))
    assert store.current(folder) is None  # the time of change differs: only the content can tell
    store.ingest(folder)
    assert written == ["events", "orders"]
    assert store.current(folder) is not None


def test_force_builds_everything(folder, written):
    store.ingest(folder)
    store.ingest(folder, force=True)
    assert written == ["events", "orders", "events", "orders"]
    assert len(directories(folder)) == 2


def test_a_table_is_checked_again_when_the_table_it_points_at_changed(folder, written):
    write(folder / "users.csv", "user_id,signup_ts\na,2025-01-01\n")
    found = store.ingest(folder)
    assert found.tables["events"].pointing_nowhere == {"user_id": 2}  # the rows of b and c
    write(folder / "users.csv", "user_id,signup_ts\na,2025-01-01\nb,2025-01-01\n")
    found = store.ingest(folder)
    assert found.tables["events"].pointing_nowhere == {"user_id": 1}
    written.clear()
    write(folder / "events.csv", MORE)
    found = store.ingest(folder)
    assert written == ["events"]  # the users are read for the check but not stored again
    assert found.tables["events"].pointing_nowhere == {"user_id": 2}


def test_a_table_whose_file_is_gone_is_gone(folder, written):
    write(folder / "orders.csv", ORDERS + "b,2025-01-03 10:00:00,ten\n")
    store.ingest(folder)
    assert (folder / "rejected" / "orders.csv").is_file()
    (folder / "orders.csv").unlink()
    assert store.current(folder) is None
    found = store.ingest(folder)
    assert list(found.tables) == ["events"]
    assert opened(folder).tables == ("events",)
    assert not (folder / "rejected" / "orders.csv").exists()
    assert written == ["events", "orders"]


def test_a_new_map_makes_the_store_stale_and_reads_only_what_it_concerns(folder, written):
    store.ingest(folder)
    write(folder / "columns.yml", "currency: CNY\nevents: {events: {home: start}}\n")
    assert store.current(folder) is None
    store.ingest(folder)
    assert written == ["events", "orders", "events"]
    data = opened(folder)
    assert data.currency == "CNY"
    assert data.events.labels("event").tolist() == ["cart", "start"]


def test_a_map_that_lives_elsewhere_has_a_store_of_its_own(folder, tmp_path, written):
    elsewhere = tmp_path / "own.yml"
    write(elsewhere, "events: {events: {home: start}}\n")
    store.ingest(folder)
    store.ingest(folder, columns=elsewhere)
    assert opened(folder).events.labels("event").tolist() == ["cart", "home"]
    assert opened(folder, columns=elsewhere).events.labels("event").tolist() == ["cart", "start"]
    assert len(directories(folder)) == 4
    elsewhere.unlink()
    store.ingest(folder)
    assert len(directories(folder)) == 2  # nobody can ask for the other one any more
    assert opened(folder).events.labels("event").tolist() == ["cart", "home"]


def test_a_new_file_for_a_glob_in_a_subfolder_makes_the_store_stale(folder):
    (folder / "log").mkdir()
    (folder / "events.csv").rename(folder / "log" / "one.csv")
    write(folder / "columns.yml", "events: {files: 'log/*.csv'}\n")
    store.ingest(folder)
    assert store.current(folder) is not None
    write(folder / "log" / "two.csv", "user_id,ts,event\nz,2025-01-04 08:00:00,home\n")
    assert store.current(folder) is None
    store.ingest(folder)
    assert users_of(opened(folder)) == ["a", "b", "c", "z"]


def test_as_of_sets_later_rows_aside_and_is_part_of_what_the_store_is(folder, written):
    found = store.ingest(folder, as_of="2025-01-02")
    assert found.tables["events"].set_aside == {"date after as_of": 1}
    assert str(opened(folder).as_of.date()) == "2025-01-02"
    store.ingest(folder)
    assert written == ["events", "orders", "events", "orders"]
    assert str(opened(folder).as_of.date()) == "2025-01-03"
    with pytest.raises(ParameterError, match="as_of is 'soon'; allowed: a day as YYYY-MM-DD"):
        store.ingest(folder, as_of="soon")


@pytest.mark.parametrize("change", [{"format": store.FORMAT + 1}, {"opsnb": "0.0.1"}, None])
def test_a_store_of_another_version_or_a_broken_manifest_is_built_anew(folder, written, change):
    store.ingest(folder)
    path = folder / ".opsnb" / "manifest.json"
    write(path, json.dumps(json.loads(path.read_text(encoding="utf-8")) | change) if change else "{")
    assert store.current(folder) is None
    store.ingest(folder)
    assert written == ["events", "orders", "events", "orders"]
    assert users_of(opened(folder)) == ["a", "b", "c"]
    assert len(directories(folder)) == 2


def test_a_store_with_a_missing_or_short_file_is_built_anew(folder):
    store.ingest(folder)
    for damage in (Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-8])):
        damage(next((folder / ".opsnb").glob("events-*/rows.arrow")))
        assert store.current(folder) is None
        store.ingest(folder)
        assert users_of(opened(folder)) == ["a", "b", "c"]
    assert len(directories(folder)) == 2


def test_an_ingest_that_fails_leaves_the_store_as_it_was(folder, monkeypatch):
    store.ingest(folder)
    before, manifest = directories(folder), (folder / ".opsnb" / "manifest.json").read_bytes()
    write(folder / "events.csv", "user_id,ts\na,2025-01-01\n")
    with pytest.raises(InputError, match="event"):
        store.ingest(folder)
    write(folder / "events.csv", MORE)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(columnar, "write", full)
    with pytest.raises(InputError, match="the disk is full; the store is as it was before"):
        store.ingest(folder)
    assert directories(folder) == before
    assert (folder / ".opsnb" / "manifest.json").read_bytes() == manifest


def test_a_file_that_changes_while_it_is_read_is_not_stored(folder, monkeypatch):
    def stage_while_writing(*args, **options):
        staged = real(*args, **options)
        write(folder / "events.csv", MORE)
        return staged

    real = quality.stage
    monkeypatch.setattr(quality, "stage", stage_while_writing)
    with pytest.raises(InputError, match=r"events.csv: the file changed while it was being read; run it again"):
        store.ingest(folder)
    assert store.current(folder) is None
    assert directories(folder) == []


def test_a_folder_without_tables_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"no table found .*'opsnb check .*' proposes one"):
        store.ingest(tmp_path)
    assert not (tmp_path / ".opsnb").exists()


# --- folders that cannot be written --------------------------------------------------------------------------------------------


@pytest.fixture
def read_only(monkeypatch, tmp_path):
    monkeypatch.setattr(places, "_writable", lambda folder: False)
    monkeypatch.setenv("OPSNB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_folder_that_cannot_be_written_has_its_store_in_the_cache(folder, read_only):
    write(folder / "events.csv", MORE + "e,yesterday,home\n")
    before = sorted(folder.iterdir())
    store.ingest(folder)
    assert sorted(folder.iterdir()) == before
    assert users_of(opened(folder)) == ["a", "b", "c", "d"]
    assert opened(folder).home == places.cached_place(folder) / ".opsnb"
    assert (places.cached_place(folder) / "rejected" / "events.csv").is_file()
    twin = folder.parent / "other" / "shop"
    shutil.copytree(folder, twin)
    assert places.cached_place(twin) != places.cached_place(folder)


def test_a_store_that_came_with_a_read_only_folder_is_used(folder, monkeypatch, tmp_path):
    store.ingest(folder)
    monkeypatch.setattr(places, "_writable", lambda folder: False)
    monkeypatch.setenv("OPSNB_CACHE", str(tmp_path / "cache"))
    assert opened(folder).home == folder / ".opsnb"


@pytest.mark.parametrize(("system", "variable", "expected"), [
    ("linux", "XDG_CACHE_HOME", "{value}/opsnb"), ("win32", "LOCALAPPDATA", "{value}/opsnb"), ("linux", "OPSNB_CACHE", "{value}"),
    ("darwin", "", "{home}/Library/Caches/opsnb"), ("linux", "", "{home}/.cache/opsnb"), ("win32", "", "{home}/AppData/Local/opsnb"),
])
def test_the_cache_directory_is_the_systems(monkeypatch, tmp_path, system, variable, expected):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "OPSNB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(places.sys, "platform", system)
    assert places.cache_directory() == Path(expected.format(value=tmp_path, home=Path.home()))


# --- kills and company ---------------------------------------------------------------------------------------------------------

# Where the process dies, as a patch that its own script applies before the second ingest.
DEATHS = {
    "after the check": "after(quality, 'stage')",
    "between two blocks of rows": "columnar._whole_users = lambda *a, real=columnar._whole_users: once(real(*a))",
    "between two tables": "before(columnar, 'write', call=2)",
    "when all tables are written": "before(store._Ingest, '_unchanged')",
    "before a table is renamed": "before(os, 'replace', call=1, only='events-')",
    "after a table is renamed": "after(os, 'replace', call=1, only='events-')",
    "between two renames": "before(os, 'replace', call=1, only='orders-')",
    "when the manifest is written aside": "before(os, 'replace', call=1, only='manifest.json')",
    "when the manifest is replaced": "after(os, 'replace', call=1, only='manifest.json')",
    "before the leftovers are deleted": "before(store._Ingest, '_collect')",
    "while the leftovers are deleted": "before(os, 'rmdir', only='events-')",
}
SWAPPED = ("when the manifest is replaced", "before the leftovers are deleted", "while the leftovers are deleted")
SCRIPT = """
import os, sys
from opsnb.tables import columnar, histories, quality, store
histories.BLOCK_ROWS = 2

def patched(owner, name, call, only, early):
    real, seen = getattr(owner, name), [0]
    def patch(*args, **options):
        counts = not only or any(os.path.basename(os.fspath(arg)).startswith(only) for arg in args if not isinstance(arg, int))
        seen[0] += counts
        if early and counts and seen[0] == call:
            os._exit(9)
        result = real(*args, **options)
        if counts and seen[0] == call:
            os._exit(9)
        return result
    setattr(owner, name, patch)

def before(owner, name, call=1, only=''):
    patched(owner, name, call, only, True)

def after(owner, name, call=1, only=''):
    patched(owner, name, call, only, False)

def once(blocks):
    yield next(blocks)
    os._exit(9)

{death}
store.ingest(sys.argv[1])
"""


@pytest.mark.parametrize("death", DEATHS)
def test_a_kill_at_any_moment_leaves_a_whole_store(folder, death):
    store.ingest(folder)
    original = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.glob("*.csv")}
    write(folder / "events.csv", MORE)
    write(folder / "orders.csv", ORDERS + "d,2025-01-04 10:00:00,30\n")
    ended = subprocess.run([sys.executable, "-c", SCRIPT.format(death=DEATHS[death]), str(folder)], capture_output=True, text=True,
                           check=False, timeout=120)
    assert ended.returncode == 9, ended.stderr
    if death in SWAPPED:
        data = opened(folder)
        assert (users_of(data), len(data.orders)) == (["a", "b", "c", "d"], 2)
    else:
        assert store.current(folder) is None
        changed = {name: (folder / name).read_bytes() for name in original}
        for name, (content, moment) in original.items():
            (folder / name).write_bytes(content)
            os.utime(folder / name, ns=(moment, moment))
        data = opened(folder)  # the files of before, and the store of before: nothing is missing and nothing is half
        assert (users_of(data), len(data.orders)) == (["a", "b", "c"], 1)
        assert len(data.events.to_pandas()) == 4
        for name, content in changed.items():
            (folder / name).write_bytes(content)
    store.ingest(folder)
    assert users_of(opened(folder)) == ["a", "b", "c", "d"]
    store.ingest(folder, force=True)
    assert [name.split("-")[0] for name in directories(folder)] == ["events", "orders"], "leftovers of the kill"
    assert sorted(entry.name for entry in (folder / ".opsnb").iterdir() if entry.is_file()) == ["lock", "manifest.json"]


def test_a_second_process_waits_and_finds_the_work_done(folder):
    """The first one holds the lock until the second one has said that it waits: they talk through pipes, nobody sleeps."""
    first = subprocess.Popen([sys.executable, "-c", """
import sys
from opsnb.tables import quality, store
real = quality.stage
def stage(*args, **options):
    print("holding", flush=True)
    sys.stdin.readline()
    return real(*args, **options)
quality.stage = stage
store.ingest(sys.argv[1])
""", str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "holding\n"
    second = subprocess.Popen([sys.executable, "-c", """
import sys
from opsnb.tables import columnar, store
def write(*args):
    raise SystemExit("the work was done twice")
columnar.write = write
print(store.ingest(sys.argv[1], waiting=lambda: print("waiting", flush=True)).tables["events"].kept)
""", str(folder)], stdout=subprocess.PIPE, text=True)
    assert second.stdout.readline() == "waiting\n"
    assert first.communicate("\n", timeout=120) == ("", None)
    assert second.communicate(timeout=120) == ("4\n", None)
    assert (first.returncode, second.returncode) == (0, 0)
    assert users_of(opened(folder)) == ["a", "b", "c"]


def test_without_locks_two_ingests_at_once_do_not_break_each_other(folder, monkeypatch):
    """A network drive may have no locks: a whole second ingest runs while the first one has built and not yet swapped."""
    monkeypatch.setattr(atomic, "_acquire", lambda file, waiting: False)
    real, calls = store._Ingest._unchanged, []

    def with_company(self, inputs):
        calls.append(self)
        if len(calls) == 1:
            store.ingest(folder)
            assert users_of(opened(folder)) == ["a", "b", "c"]
        real(self, inputs)

    monkeypatch.setattr(store._Ingest, "_unchanged", with_company)
    store.ingest(folder)
    assert len(calls) == 2
    assert users_of(opened(folder)) == ["a", "b", "c"]
    monkeypatch.undo()
    store.ingest(folder, force=True)
    assert len(directories(folder)) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not delete files that are in use")
def test_what_is_open_stays_readable_when_another_ingest_replaces_it(folder):
    store.ingest(folder)
    data = opened(folder)
    write(folder / "events.csv", MORE)
    write(folder / "spend.csv", "date,channel,cost\n2025-01-01,web,5\n")
    store.ingest(folder)
    assert users_of(data) == ["a", "b", "c"]
    assert len(data.events.to_pandas()) == 4
    assert data.tables == ("events", "orders")
    assert users_of(opened(folder)) == ["a", "b", "c", "d"]


def test_blocks_in_the_store_hold_whole_users(folder, monkeypatch):
    monkeypatch.setattr(histories_module, "BLOCK_ROWS", 2)
    store.ingest(folder)
    assert [block.user.tolist() for block in opened(folder).events.blocks()] == [[0, 0], [1, 2]]


def test_the_content_hash_is_of_the_content(folder, tmp_path):
    store.ingest(folder)
    twin = tmp_path / "twin"
    shutil.copytree(folder, twin, ignore=shutil.ignore_patterns(".opsnb"))
    store.ingest(twin)
    assert opened(twin).sha256 == opened(folder).sha256
    write(twin / "events.csv", MORE)
    store.ingest(twin)
    assert opened(twin).sha256 != opened(folder).sha256
