"""Each guard against a visitor who attacks, taken away: the attack that it stops then succeeds. So no test of safety passes for another reason.

An attack returns whether it has succeeded. It is tried twice, with the guard and without.
"""

import asyncio
import base64
import http.client
import json
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "views")]
from make_notebook import notebook  # noqa: E402
from served import raw, served  # noqa: E402

from opsnb.apps import asked, door, files, gallery, latest, messages, places, server, shelf, visitors, waiting  # noqa: E402
from opsnb.errors import InputError, ParameterError, UnusableData  # noqa: E402
from opsnb.runs import documents, ledger, visits  # noqa: E402
from opsnb.runs.params import schema  # noqa: E402
from opsnb.tables import verdicts  # noqa: E402
from opsnb.views import controls, lists, page, shown, visit  # noqa: E402

MARKER = "zq7marker"
SCRIPT = "<script>window.hit=1</script>"
FORM = {"Content_Type": "application/x-www-form-urlencoded"}
IDS = {"name": "recall_list", "csv": f"user_id,days\n{MARKER}1,3\n"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Notebooks of which one is an app; reports in the folder of runs, elsewhere, and with ids."""
    asked_for = tmp_path / "visit.json"
    asked_for.write_text("{}")
    monkeypatch.setenv(visit.FILE, str(asked_for))
    monkeypatch.setattr(visits.Visit, "run", lambda self, kernel: asyncio.sleep(0))
    for name in ("funnel_diagnosis", "draft"):
        nbformat.write(notebook(Path(__file__).parents[1] / "views"), tmp_path / f"{name}.ipynb")
    out = tmp_path / "out"
    for run, place, more in (("aaaaaaaa", out / "good", {}), ("bbbbbbbb", tmp_path / "elsewhere", {}), ("cccccccc", out / "ids", {"hand_out_ids": True})):
        place.mkdir(parents=True)
        (place / "report.html").write_text(f"<p>{MARKER}</p>")
        (place / "run.json").write_text(MARKER)
        ledger.append(out, ledger.Entry(run, "user_profiling", "2025-01-01T00:00:00+00:00", "good", out=str(place), parameters=more))
    (tmp_path / "secret.js").write_text(MARKER)
    return tmp_path


def asks(path, method="GET", body=None, *, wants=200, says="", password="", **headers):
    """Is this answered so by the server?"""
    def tried(folder):
        with served(folder, password=password) as running:
            try:
                status, _headers, text = running.ask(path, method, body, **headers)
            except (ConnectionError, http.client.HTTPException):
                return False
            return status == wants and says in text

    return tried


def leads_elsewhere(folder):
    with served(folder, password="correct horse") as running:
        return running.ask("/login?next=//evil.example/", "POST", b"password=correct+horse", **FORM)[1]["Location"] == "//evil.example/"


def guesses(folder):
    """Twenty passwords in a second, the right one last."""
    at = door.Door("correct horse")
    visitor = SimpleNamespace(headers={}, remote_ip="1", request=None, settings={"base_url": "/"}, set_signed_cookie=lambda *_, **more: None)
    visitor.request = visitor
    return [at.enter(visitor, word, 0) for word in [*["wrong"] * 20, "correct horse"]][-1]


def copies_a_pass(folder):
    """Somebody has copied the cookie of a visitor who has logged out."""
    with served(folder, password="correct horse") as running:
        cookie = running.ask("/login", "POST", b"password=correct+horse", **FORM)[1]["Set-Cookie"].partition(";")[0]
        running.ask("/logout", "POST", Cookie=cookie)
        return running.ask("/", Cookie=cookie)[0] == 200


def learns_an_id(path, method="GET", wants=204, **headers):
    """Another visitor knows the number of a page's kernel."""
    def tried(folder):
        with served(folder) as running:
            running.ask("/app/funnel_diagnosis")
            (kernel,) = running.kernels
            cookie = f"{visitors.COOKIE}={'x' * 22}"
            return running.ask(path.format(kernel), method, Cookie=cookie, **headers)[0] == wants

    return tried


SOCKET = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Key": "x" * 22 + "==", "Sec_WebSocket_Version": "13"}


def takes_all_places(folder):
    with served(folder, places=6) as running:
        cookie = running.ask("/app/funnel_diagnosis")[1]["Set-Cookie"].partition(";")[0]
        return [running.ask("/app/funnel_diagnosis", Cookie=cookie)[0] for _ in range(5)] == [200] * 5


def framed(folder):
    with served(folder) as running:
        return "frame-ancestors 'self'" not in running.ask("/nothing")[1].get("Content-Security-Policy", "")


def long_body(folder):
    with served(folder) as running:
        head = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 200000\r\n\r\n"
        return raw(running.port, head + b"x" * 200_000).startswith(b"HTTP/1.1 403")


def crowded(folder):
    queue = waiting.Queue(places=1)
    for number in range(1_000):
        queue.ahead(f"bot {number}", taken=1, now=0)
    return len(queue._seen) == 1_000


def says(kind, content, channel="shell", buffers=()):
    return lambda folder: not messages.refused(channel, {"msg_type": kind}, content, buffers)


def update(**state):
    return {"comm_id": "a", "data": {"method": "update", "state": state}}


def hears_what_is_printed(folder):
    header = json.dumps({"msg_type": "stream"}).encode()
    return messages.passes(messages.packed("iopub", header, b"{}", b"{}", b"{}"))


def claims_many_parts(folder):
    claim = (1_200).to_bytes(8, "little") + 8 * 1_201 * b"\0"
    try:
        messages.parts(claim[:8] + b"".join((8 * 1_201).to_bytes(8, "little") for _ in range(1_200)))
    except ValueError:
        return False
    return True


def sends_64_kb_more(folder):
    try:
        messages.read(messages.packed("shell", b"{}", b"{}", b"{}", json.dumps("x" * 70_000).encode()))
    except ValueError:
        return False
    return True


def floods(folder):
    pace = messages.Pace(now=0)
    return sum(pace.bears(now=0) for _ in range(100_000)) > 5_000


def shows_what_is_printed(folder):
    return bool(visits._for_page({"output_type": "stream", "name": "stderr", "text": MARKER, "data": {"text/html": MARKER}}))


def reads_a_folder(folder):
    return "data_folder" in asked.asked("data_folder=/etc", schema('data_folder: str = ""'))[0]


def sends_too_much(folder):
    try:
        asked.asked("x=" + "y" * 100_000, {})
    except ParameterError:
        return False
    return True


def too_many_kernels(folder):
    manager = places.Places(places=1)
    manager._kernels.update({"a": None})
    try:
        asyncio.run(manager.start_kernel(kernel_id="b", kernel_name="no such kernel"))
    except Exception as error:
        return getattr(error, "status_code", 0) != 503
    return True


def sets_what_is_not_offered(folder):
    made = controls.drawn(lambda by="device": [page.bullets("", [f"opened {by}"])], [controls.Choice("by", ["device"], "device")], ["/etc/passwd"])
    return "opened /etc/passwd" in json.dumps(made)


def script_in_a_name(folder):
    return SCRIPT in page.table(pd.DataFrame({"channel": [SCRIPT]}), "t", title=SCRIPT).html


def formula_in_a_file(folder):
    made = page.numbers(shown.as_table(pd.DataFrame({"channel": ["=cmd|'/c calc'!A1"]}), "t"))
    return b"\n=cmd" in base64.b64decode(made.partition("base64,")[2].partition('"')[0])


def ids_below_a_chart(folder):
    return bool(page.numbers(IDS))


def ids_in_a_list(folder):
    return MARKER.encode() in base64.b64decode(lists.members([f"{MARKER}1"], "recall_list", allowed=False).html.partition("base64,")[2].partition('"')[0])


def ids_in_a_workbook(folder):
    book = documents.workbook({"metadata": {}, "cells": [{"outputs": [{"data": {shown.TABLE: IDS, "text/plain": "x"}}]}]})
    book.save(folder / "book.xlsx")
    with zipfile.ZipFile(folder / "book.xlsx") as packed:
        return any(MARKER.encode() in packed.read(name) for name in packed.namelist())


def ids_of_a_warning(folder):
    return MARKER in page.warning_text(verdicts.Warning("robots", "{n} users come like robots", {"n": 2}, (MARKER,)))


def paths_on_a_page(folder):
    return "/srv/shop" in page.failed(UnusableData("/srv/shop: no such folder")).html


def listens_to_all(folder):
    try:
        server.door.may_listen("0.0.0.0", "", "")
    except InputError:
        return False
    return True


KNOWN = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}
ALL = [
    # what stops it, without it, the attack
    ("pages of other sites", (door, "foreign", lambda *_: False), asks("/", Origin="http://evil.example")),
    ("scripts of other sites", (door, "foreign", lambda *_: False), asks("/app/funnel_diagnosis", **KNOWN)),
    ("the names of the server", (door, "hosts_pattern", lambda *_: ".*"), asks("/", Host="evil.example", says="Operations review")),
    ("the password", (door.Door, "knows", lambda *_: True), asks("/", password="correct horse", says="Operations review")),
    ("five wrong passwords", (door, "WRONG", 10**9), guesses),
    ("where the password leads", (door, "back", lambda asked, base: asked), leads_elsewhere),
    ("passes that were given back", (door.Door, "leave", lambda self, handler: handler.clear_cookie(door.COOKIE)), copies_a_pass),
    ("whose page a kernel answers", (visitors, "owns", lambda *_: True), learns_an_id("/app/alive/{}")),
    ("whose page a kernel computes", (visitors, "owns", lambda *_: True), learns_an_id("/voila/execution/{}", wants=101, **SOCKET)),
    ("whose controls a kernel hears", (visitors, "owns", lambda *_: True),
     # past the guard: the stand-in for a kernel has no channels
     learns_an_id("/api/kernels/{}/channels", wants=500, Sec_WebSocket_Protocol=messages.PROTOCOL, **SOCKET)),
    ("who ends a kernel", (visitors, "owns", lambda *_: True), learns_an_id("/voila/api/shutdown/{}", "POST")),
    ("pages of one visitor", (visitors, "most", lambda places, others: places), takes_all_places),
    ("the policy of each answer", (door, "HEADERS", {}), framed),
    ("listening on this machine only", (door, "may_listen", lambda *_: None), listens_to_all),
    ("length of a body", (server.messages, "LONGEST", 10**9), long_body),
    ("length of the queue", (waiting, "LONGEST", 10**9), crowded),
    ("which notebooks are apps", (shelf, "path", lambda folder, name: Path(folder, f"{name}.ipynb")), asks("/app/draft")),
    ("kinds of files", (files, "KINDS", ("",)), asks("/voila/labextensions/opsnb-vega/package.json", says="opsnb-vega")),
    ("files by plain names", (files, "find", lambda path, folders: next(one for one in (Path(folder, path) for folder in folders) if one.is_file())),
     asks("/voila/labextensions/opsnb-vega/../opsnb-vega/static/page.js", says="snapshot")),
    ("reports of the folder of runs", (Path, "is_relative_to", lambda self, other: True), asks("/report/bbbbbbbb/report.html", says=MARKER)),
    ("reports with ids", (latest, "held_back", lambda entry: False), asks("/report/cccccccc/report.html", says=MARKER)),
    ("files of a report", (gallery, "FILES", {**gallery.FILES, "run.json": "text/plain"}), asks("/report/aaaaaaaa/run.json", says=MARKER)),
    ("kinds of messages", (messages, "TO_KERNEL", ("execute_request",)), says("execute_request", {"code": "1"})),
    ("channels", (messages, "CHANNELS", ("stdin",)), says("comm_msg", update(value=1), channel="stdin")),
    ("traits of a control", (messages, "SETTABLE", ("outputs",)), says("comm_msg", update(outputs=1))),
    ("values of a control", (messages, "_plain", lambda value: True), says("comm_msg", update(value="x" * 10**6))),
    ("events of a control", (messages, "EVENTS", ("evil",)), says("comm_msg", {"data": {"method": "custom", "content": {"event": "evil"}}})),
    ("opening of widgets", (messages, "CONTROL_CHANNEL", "jupyter.widget"), says("comm_open", {"target_name": "jupyter.widget"})),
    ("what a page hears", (messages, "FROM_KERNEL", ("stream",)), hears_what_is_printed),
    ("parts of a message", (messages, "MOST_PARTS", 10**9), claims_many_parts),
    ("length of a message", (messages, "LONGEST", 10**9), sends_64_kb_more),
    ("number of messages", (messages, "MOST_AT_ONCE", 10**9), floods),
    ("what a cell prints", (visits, "_for_page", dict), shows_what_is_printed),
    ("parameters that no address sets", (asked, "NEVER", ()), reads_a_folder),
    ("length of an address", (asked, "LONGEST_QUERY", 10**9), sends_too_much),
    ("number of kernels", (places.Places, "taken", 0), too_many_kernels),
    ("values that a control offers", (controls.Choice, "check", lambda self, value: value), sets_what_is_not_offered),
    ("names are text", (page, "escape", str), script_in_a_name),
    ("formulas of a spreadsheet", (shown, "_FORMULA", ("\0",)), formula_in_a_file),
    ("ids below a chart", (shown, "names_people", lambda text: False), ids_below_a_chart),
    ("ids of a list", (lists, "are_open", lambda allowed: True), ids_in_a_list),
    ("ids in a workbook", (shown, "names_people", lambda text: False), ids_in_a_workbook),
    ("ids of a warning", (verdicts.Warning, "names_ids", False), ids_of_a_warning),
    ("paths in an error", (page, "UnusableData", type("Never", (Exception,), {})), paths_on_a_page),
]


@pytest.mark.parametrize(("guard", "attack"), [row[1:] for row in ALL], ids=[row[0] for row in ALL])
def test_an_attack_succeeds_only_without_its_guard(guard, attack, folder, monkeypatch):
    assert not attack(folder)
    monkeypatch.setattr(*guard)
    assert attack(folder)
