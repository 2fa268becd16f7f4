"""The apps in Chromium: the list, a page that fills as it is computed, controls, both languages, and a sentence for every failure."""

import json
import os
import re
import signal
import socket
import sys
from pathlib import Path
from shutil import copytree

import nbformat
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "views")]
from make_notebook import notebook  # noqa: E402
from reports import CHROMIUM, Visit, browser, running  # noqa: E402

from opsnb import apps  # noqa: E402
from opsnb.errors import InputError  # noqa: E402
from opsnb.runs import export, ledger  # noqa: E402

SAMPLES = Path(__file__).parents[1] / "views"
HOSTILE = "<img src=x onerror='window.hit=1'>"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    nbformat.write(notebook(SAMPLES), folder / "funnel_diagnosis.ipynb")
    broken, first = notebook(SAMPLES, broken=True, device=HOSTILE), notebook(SAMPLES)
    first.cells[1].source = "import no_such_module"
    unreadable = notebook(SAMPLES)
    unreadable.cells[2].source += "\nfrom opsnb.errors import UnusableData\nraise UnusableData('/srv/shop: no such folder; allowed: payroll')"
    for name, book in {"broken": broken, "never_starts": first, "unreadable": unreadable}.items():
        book.metadata["opsnb"] = {"app": name}
        nbformat.write(book, folder / f"{name}.ipynb")
    out = folder / "out" / "funnel_diagnosis"
    out.mkdir(parents=True)
    (out / "report.html").write_text("<h1>The report</h1>")
    table = {"name": "steps", "csv": "step,users\n=1+1,7\n"}
    output = {"output_type": "display_data", "metadata": {}, "data": {export.TABLE: table}}
    (out / "report.ipynb").write_text(json.dumps({"metadata": {"title": "Funnel"}, "cells": [{"outputs": [output]}]}))
    numbers = {"change": .386, "step": "payment"}
    (out / "findings.json").write_text(export.to_json([{
        "id": "x", "kind": "funnel_break", "section": "steps", "sentence": "Earlier: payment fell by 39%", "numbers": numbers, "slice": {}, "since": None,
        "severity": .9, "confidence": "high"}]))
    ledger.append(out.parent, ledger.Entry("aaaaaaaaaaaa", "funnel_diagnosis", "2025-01-01T06:00:00+00:00", "good", out=str(out)))
    again = copytree(out, out.parent / "unreadable")
    ledger.append(out.parent, ledger.Entry("cccccccccccc", "unreadable", "2025-01-01T06:00:00+00:00", "good", out=str(again)))
    ledger.append(out.parent, ledger.Entry("bbbbbbbbbbbb", "broken", "2025-01-02T06:00:00+00:00", "failed", out=str(out), first="KeyError: 'x'"))
    with running(folder / "log.txt", notebooks=folder, out=out.parent, places=3) as made:
        yield made


@pytest.fixture(scope="module")
def chromium(server):
    with browser() as made:
        yield made


@pytest.fixture
def visit(chromium, server):
    """A page that is closed afterwards, so that its place is free for the next; if the test failed, what page and server said last is shown."""
    one = Visit(chromium)
    yield one
    print(one.page.url, one.page.inner_text("body")[:600], server.log.read_text(encoding="utf-8")[-4000:], sep="\n")
    one.leave()


def app(server, name, query=""):
    return f"{server.address}app/{name}{query}"


def test_the_list_of_apps_in_both_languages(server, visit):
    page = visit.open(server.address)
    assert "Funnel diagnosis" in page.inner_text(".apps")
    assert "Earlier: payment fell by 39%" in page.inner_text(".apps")
    page.click("text=中文")
    page.wait_for_selector("html[lang=zh]")
    assert "漏斗诊断" in page.inner_text(".apps")
    assert "2025年1月1日" in page.inner_text(".apps")
    page.goto(server.address)  # the choice stays
    assert page.get_attribute("html", "lang") == "zh"
    page.goto(server.address + "?lang=en")
    page.fill("#search", "no such words")
    assert page.is_visible(".nothing")
    page.fill("#search", "FUNNEL")
    assert page.locator(".apps li:visible").count() == 4  # their titles
    page.fill("#search", "never_starts")
    assert page.locator(".apps li:visible").count() == 1
    assert (visit.outside, visit.errors) == ([], [])


def test_reports_stand_beside_the_apps(server, visit):
    page = visit.open(server.address + "?lang=en")
    text = page.inner_text(".reports")
    assert "failed" in text
    assert "KeyError" not in text  # what failed is for those who run it
    page.click(".reports td >> text=open")
    page.wait_for_url("**/report.html")
    assert page.inner_text("h1") == "The report"
    page.goto(server.address)
    with page.expect_download() as got:
        page.click(".reports >> text=HTML")
    assert got.value.suggested_filename == "funnel_diagnosis-2025-01-01.html"
    for kind in ("XLSX", "PDF"):  # made now, kept for the next
        with page.expect_download() as got:
            page.click(f".reports >> text={kind}")
        assert got.value.suggested_filename == f"funnel_diagnosis-2025-01-01.{kind.lower()}"
        assert Path(got.value.path()).read_bytes().startswith({"XLSX": b"PK", "PDF": b"%PDF-"}[kind])


def test_an_app_shows_the_last_findings_at_once_then_computes_and_answers_a_control(server, visit):
    page = visit.open(app(server, "funnel_diagnosis", "?lang=en"))
    assert "As of 2025-01-01" in page.inner_text(".opsnb-earlier")
    page.wait_for_function("() => document.querySelectorAll('[data-drawn]').length >= 2")
    assert not page.is_visible(".opsnb-earlier")
    assert "Payment fell by 39% for android" in page.inner_text(".jp-OutputArea-output .card")
    assert "Not measured: no spend table" in page.inner_text("main")
    assert page.locator("select").count() == 1  # the app's cell, and no report cell beside it
    assert "page.show" not in page.content()
    funnel = page.locator(".opsnb-figure").first
    assert "payment" in funnel.inner_text()
    page.select_option("select", index=0)
    page.wait_for_function(
        "() => document.querySelector('.opsnb-figure svg') && !document.querySelector('.opsnb-figure').textContent.includes('payment')"
    )
    assert "product" in funnel.inner_text()
    assert page.evaluate("() => [...document.querySelectorAll('.skeleton')].some(one => one.offsetParent)") is False
    assert (visit.outside, visit.errors) == ([], [])


def test_an_app_in_chinese(server, visit):
    page = visit.open(app(server, "funnel_diagnosis", "?lang=zh"), charts=2)
    assert page.get_attribute("html", "lang") == "zh"
    text = page.inner_text("main")
    assert "漏斗诊断" in text
    assert "未测量：没有 spend 表" in text
    assert "立即处理" in text
    assert (visit.outside, visit.errors) == ([], [])


def test_a_cell_that_raises_shows_a_sentence_whose_number_is_in_the_log(server, visit):
    page = visit.open(app(server, "broken", "?lang=en"), charts=2)
    page.wait_for_selector("main [role=alert]")
    said = page.inner_text("main [role=alert]")
    assert "This part could not be computed. Try again" in said
    number = said.partition("the number ")[2][:8]
    assert HOSTILE in page.inner_text(".card")
    assert page.evaluate("window.hit") is None
    assert "Traceback" not in page.content()
    assert "AttributeError" not in page.content()
    log = server.log.read_text(encoding="utf-8")
    assert f"error {number}" in log
    assert "module 'samples' has no attribute 'no_such_name'" in log


def test_a_page_that_cannot_start_says_so(server, visit):
    page = visit.open(app(server, "never_starts", "?lang=zh"))
    page.wait_for_selector("main [role=alert]")
    assert "这一部分无法计算" in page.inner_text("main [role=alert]")
    assert page.locator("main [role=alert]").count() == 1  # not one for every cell after it
    assert page.locator("main [role=alert] a").count() == 1  # try again


@pytest.mark.parametrize(("lang", "said"), [("en", "The data cannot be read as they are now"), ("zh", "现在无法读取数据")])
def test_data_that_cannot_be_read_are_a_number_the_last_findings_and_another_try(server, visit, lang, said):
    """What is wrong with the files, with their paths and the names beside them, is for whoever runs the server."""
    page = visit.open(app(server, "unreadable", f"?lang={lang}"))
    page.wait_for_selector("main.ends [role=alert]")
    told = page.inner_text("main [role=alert]")
    assert said in told
    assert "39%" in page.inner_text(".opsnb-earlier .card")
    assert page.inner_text(".as-of").strip() == {"en": "As of 2025-01-01 06:00", "zh": "截至 2025年1月1日 06:00"}[lang] or os.environ.get("TZ")
    assert page.locator("main > :visible").count() < page.locator("main > *").count() - 4  # no headings without answers
    assert not any(word in text for text in (page.content(), *visit.heard) for word in ("/srv/shop", "payroll", "UnusableData"))
    number = re.search("[0-9a-f]{8}", told)[0]
    log = server.log.read_text(encoding="utf-8")
    assert f"error {number} on a page" in log
    assert "UnusableData: /srv/shop" in log
    with page.expect_navigation():
        page.click("main [role=alert] a")
    assert len(page.context.pages) == 1  # in this tab
    page.wait_for_selector("main.ends [role=alert]")
    assert number not in page.inner_text("main [role=alert]")


def test_an_address_that_does_not_exist_and_one_that_asks_too_much(server, visit):
    page = visit.open(app(server, "nothing", "?lang=en"))
    assert "There is no such page" in page.inner_text("main")
    page = visit.open(app(server, "funnel_diagnosis", "?lang=en&x=" + "a" * 9000))
    assert "This link asks for something that this page does not offer" in page.inner_text("main")
    assert page.get_attribute("main .act", "href") == "/app/funnel_diagnosis"
    assert visit.outside == []


def test_a_dead_kernel_and_a_lost_connection_are_sentences(server, visit):
    import psutil

    page = visit.open(app(server, "funnel_diagnosis", "?lang=en"), charts=2)
    page.context.set_offline(True)
    page.evaluate("window.dispatchEvent(new Event('online'))")  # asks at once
    page.wait_for_selector("#opsnb-lost:not([hidden])")
    page.context.set_offline(False)
    page.wait_for_selector("#opsnb-lost", state="hidden")
    for process in psutil.Process(server.process.pid).children(recursive=True):
        if process.ppid() != server.process.pid:
            process.send_signal(signal.SIGKILL)
    page.wait_for_function(  # the process may take a moment to end
        "() => { window.dispatchEvent(new Event('online')); return !document.querySelector('#opsnb-ended').hidden }", polling=500)
    assert "Open it again" in page.inner_text("#opsnb-ended")


def test_the_fourth_of_three_places_waits_and_comes_in_by_itself(server, chromium):
    visits = [Visit(chromium) for _ in range(4)]
    for one in visits[:3]:  # a place that the test before has left may just be on its way back
        one.open(app(server, "funnel_diagnosis", "?lang=en")).wait_for_selector(".opsnb-cell", state="attached", timeout=60_000)
    page = visits[3].open(app(server, "funnel_diagnosis", "?lang=en"))
    assert "1 before you" in page.inner_text("main")
    assert "Earlier: payment fell by 39%" in page.inner_text("main")
    visits[0].leave()
    page.wait_for_selector(".opsnb-cell", state="attached", timeout=60_000)
    for one in visits[1:]:
        one.leave()


def test_a_page_that_is_left_says_farewell(server, visit):
    page = visit.open(app(server, "funnel_diagnosis", "?lang=en"), charts=2)
    asked = f"{server.address}app/alive/{page.get_attribute('body', 'data-kernel')}"
    assert page.request.get(asked).status == 204
    page.unroute_all()
    page.goto("about:blank")
    while page.request.get(asked).status == 204:  # its last word may still be on its way
        page.wait_for_timeout(100)


def test_the_server_listens_on_this_machine_only(server, chromium):
    port = int(server.address.rstrip("/").rsplit(":", 1)[1])
    outward = next(
        (info[4][0] for info in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET) if info[4][0] != "127.0.0.1"), None
    )
    if outward is None:
        pytest.skip("this machine has one address only")
    with socket.socket() as probe:
        probe.settimeout(2)
        assert probe.connect_ex((outward, port)) != 0


def test_a_port_in_use_is_refused_before_anything_starts():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match=r"port \d+ is in use"):
            apps.start(os.environ, port=taken.getsockname()[1], notebooks=".")


def test_a_folder_that_is_not_there():
    with pytest.raises(InputError, match="there is no such folder of notebooks"):
        apps.start(os.environ, notebooks="nowhere")
