"""The four notebooks as apps, in both languages, on a business whose names are hostile: each opens, draws, answers a control, runs nothing that the
data say, shows no id, asks nothing of the outside, and can be used with a keyboard and a screen reader."""

import base64
import csv
import io
import os
import re
import sys
import zipfile
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from opsnb import apps
from opsnb.runs import ledger
from opsnb.runs.runner import run
from opsnb.tables.data import open_data

sys.path.insert(0, str(Path(__file__).parent))
from hostile import MARKER, NAMES, hostile
from reports import CHROMIUM, Visit, browser, own_port, up

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
OWN_WORDS = re.compile(r"[一-鿿]")
PAGES = [(name, lang) for name in ("market_analysis", "user_profiling", "funnel_diagnosis", "evaluation_report") for lang in ("en", "zh")]
FORMULA = re.compile(r"[-=+@＝＋－＠\t\r\n]")
NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = hostile(tmp_path_factory.mktemp("shop"))
    open_data(folder)  # ingested before the first visitor comes, as `opsnb apps` does
    ran = run("user_profiling", data=folder, out=folder / "out")  # the report that says most about single customers
    assert ran.report, ran.error
    with (folder / "log.txt").open("wb") as log:
        running = apps.start({**os.environ, "OPSNB_DATA": str(folder)}, port=own_port(), out=folder / "out", log=log)
        running.log, running.run = folder / "log.txt", ran
        try:
            up(running)
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="module")
def chromium(server):
    with browser() as running:
        yield running


@pytest.fixture(scope="module", params=PAGES, ids="-".join)
def visit(server, chromium, request):
    """A page, computed to its end."""
    name, lang = request.param
    one = Visit(chromium, height=2000)
    page = one.open(f"{server.address}app/{name}?lang={lang}", charts=3, timeout=240_000)
    page.wait_for_function("() => [...document.querySelectorAll('.opsnb-cell')].at(-1).querySelector('.jp-OutputArea-output')", timeout=240_000)
    page.wait_for_function("() => [...document.querySelectorAll('.skeleton')].every(one => !one.offsetParent)", timeout=60_000)
    one.lang = lang
    yield one
    page.goto("about:blank")
    page.close()


def tables(page):
    """The CSV files that a page holds, by name."""
    links = page.eval_on_selector_all("a[href^=data]", "all => all.map(link => [link.download, link.href])")
    return {name: base64.b64decode(link.partition("base64,")[2]).decode("utf-8-sig") for name, link in links}


def test_the_first_finding_is_on_the_first_screen_in_the_visitors_language(visit):
    first = visit.page.locator(".jp-OutputArea-output .card .says").first
    assert bool(OWN_WORDS.search(first.inner_text())) == (visit.lang == "zh")
    assert first.bounding_box()["y"] < 700
    alerts = visit.page.locator("main [role=alert]")
    assert alerts.count() == 0, alerts.all_inner_texts()


def test_names_are_text_and_nothing_sticks_out(visit):
    page = visit.page
    assert page.evaluate("window.hit") is None
    assert page.locator("main :is(img, iframe, [onmouseover], [onerror], a[href^='javascript'])").count() == 0
    assert any(name in page.inner_text("main") for name in NAMES)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert len(page.content()) < 5_000_000  # though names of ten million characters are in the data


def test_files_run_nothing_in_a_spreadsheet(visit):
    files = tables(visit.page)
    assert files
    for name, text in files.items():
        for row in csv.reader(io.StringIO(text, newline="")):
            assert not [cell for cell in row if FORMULA.match(cell) and not NUMBER.fullmatch(cell)], name


def test_nothing_is_asked_of_the_outside_and_the_console_is_silent(visit):
    said = [text for text in visit.warnings if not text.startswith("WARN Infinite extent")]  # a chart whose intervals so few customers cannot tell
    assert (visit.outside, visit.errors, said) == ([], [], [])


def serious(page):
    """What axe calls serious or critical: the rule and the elements."""
    from axe_playwright_python.base import AXE_FILE_PATH

    page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run({resultTypes: ['violations']})")
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found["violations"] if one["impact"] in ("serious", "critical")]


def test_axe_finds_nothing_serious(visit):
    assert serious(visit.page) == []


def test_a_control_changes_its_section(visit):
    page = visit.page
    choice = page.locator(".widget-hbox").first.locator(".widget-dropdown select").last
    before = page.locator(".widget-output").first.inner_html()
    options = choice.locator("option").count()
    chosen = choice.evaluate("e => e.selectedIndex")
    choice.select_option(index=(chosen + 1) % options)
    page.wait_for_function("was => document.querySelector('.widget-output').innerHTML !== was", arg=before, timeout=60_000)
    assert (visit.outside, visit.errors) == ([], [])


def test_no_id_is_in_the_page_its_messages_or_its_files(visit):
    assert len(visit.heard) > 20  # what the cells put out and what the widgets say
    for text in (visit.page.content(), *visit.heard, *tables(visit.page).values()):
        assert MARKER not in text, text[max(0, text.index(MARKER) - 200):][:400]


def report(server):
    """The address of the one report."""
    return f"report/{ledger.entries(server.run.folder.parent)[-1].run}/report"


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("path", ["", "app/nothing", "app/user_profiling?as_of=yesterday", "report"])
def test_the_pages_around_the_apps_can_be_read_by_everybody_and_ask_nothing_of_the_outside(server, chromium, path, lang):
    one = Visit(chromium)
    where = f"{report(server)}.html" if path == "report" else path
    page = one.open(f"{server.address}{where}{'&' if '?' in path else '?'}lang={lang}", charts=2 * (path == "report"))
    assert page.evaluate("window.hit") is None
    found = serious(page)
    page.close()
    assert (found, one.outside) == ([], [])


def test_no_id_is_in_a_report_its_downloads_its_tables_or_a_page_of_an_error(server):
    address = urlsplit(server.address)
    connection = HTTPConnection(address.hostname, address.port, timeout=240)

    def body(path):
        connection.request("GET", address.path + path)
        answer = connection.getresponse()
        return answer.status, answer.read()

    made = {path: body(path) for path in ("", "app/nothing", "app/user_profiling?as_of=yesterday", f"{report(server)}.html", f"{report(server)}.xlsx")}
    connection.close()
    assert [status for status, _text in made.values()] == [200, 404, 400, 200, 200]
    texts = {path: text for path, (_status, text) in made.items() if not path.endswith("xlsx")}
    with zipfile.ZipFile(io.BytesIO(made[f"{report(server)}.xlsx"][1])) as book:
        texts |= {name: book.read(name) for name in book.namelist()}
    texts |= {str(path): path.read_bytes() for path in server.run.folder.rglob("*") if path.suffix in (".csv", ".json", ".ipynb")}
    assert sum(name.endswith(".csv") for name in texts) > 3
    assert "xl/sharedStrings.xml" in texts or "xl/worksheets/sheet1.xml" in texts
    for name, text in texts.items():
        assert MARKER.encode() not in text, (name, text[max(0, text.index(MARKER.encode()) - 200):][:400])
