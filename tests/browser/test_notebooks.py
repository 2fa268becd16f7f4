"""The four notebooks as apps, in both languages, on a business whose names are hostile: each opens without jumping, draws, shows by a control what
its headless twin counts and by its address what a control had set, runs nothing that the data say, shows no id, asks nothing of the outside, and
can be used with a keyboard and a screen reader."""

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

from opsnb import apps, funnel, market, reviews, segments
from opsnb.runs import ledger
from opsnb.runs.runner import run
from opsnb.tables.data import open_data
from opsnb.views import shown

sys.path.insert(0, str(Path(__file__).parent))
from hostile import MARKER, NAMES, hostile
from reports import CHROMIUM, Visit, browser, own_port, up

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
OWN_WORDS = re.compile(r"[一-鿿]")
PAGES = [(name, lang) for name in ("market_analysis", "user_profiling", "funnel_diagnosis", "evaluation_report") for lang in ("en", "zh")]
FORMULA = re.compile(r"[-=+@＝＋－＠\t\r\n]")
NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?")
# The first section of each app, the control that is set, what it says at first and what it is set to, and the headless twin: (data, value) -> frame.
ASKED = {
    "market_analysis": ("growth.as_of", 0, 1, lambda data, day: market.market_growth(data.market, as_of=day)),
    "user_profiling": ("tiers.as_of", 0, 1, lambda data, day: segments.tier_summary(reviews.rfm(data, as_of=day))),
    "funnel_diagnosis": ("path.days", 365, 30, lambda data, days: funnel.step_conversion(
        data.events, reviews.steps_of(data), window_days=7, **data.period(days))),
    "evaluation_report": ("daily.days", 365, 30, lambda data, days: reviews.daily_kpis(data, days=days)),
}
SHIFTS = """window.shifted = 0; new PerformanceObserver(list => { for (const one of list.getEntries()) if (!one.hadRecentInput) shifted += one.value; })
.observe({ type: "layout-shift", buffered: true })"""
TABLE = "() => document.querySelector('.widget-output .numbers a[download]').href"  # of the first section


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = hostile(tmp_path_factory.mktemp("shop"))
    open_data(folder)  # ingested before the first visitor comes, as `opsnb apps` does
    ran = run("user_profiling", data=folder, out=folder / "out")  # the report that says most about single customers
    assert ran.report, ran.error
    with (folder / "log.txt").open("wb") as log:
        running = apps.start({**os.environ, "OPSNB_DATA": str(folder)}, port=own_port(), out=folder / "out", log=log)
        running.log, running.run, running.data = folder / "log.txt", ran, open_data(folder)
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
    """A page, computed to its end. The Chinese one is opened at the address that the English one has once its control is set."""
    name, lang = request.param
    asked, *values, twin = ASKED[name]
    values = [server.data.month_ends[value] if asked.endswith("as_of") else value for value in values]
    one = Visit(chromium)
    one.page.add_init_script(SHIFTS)
    one.asked, (one.now, one.next), one.twin = asked, values if lang == "en" else values[::-1], twin
    page = one.open(f"{server.address}app/{name}?lang={lang}{f'&{asked}={one.now}' if lang == 'zh' else ''}", charts=3, timeout=240_000)
    page.wait_for_function("() => [...document.querySelectorAll('.opsnb-cell')].at(-1).querySelector('.jp-OutputArea-output')", timeout=240_000)
    page.wait_for_function("() => [...document.querySelectorAll('.skeleton')].every(one => !one.offsetParent)", timeout=60_000)
    one.lang, one.shifted = lang, page.evaluate("shifted")
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


def test_nothing_jumps_while_a_page_fills(visit):
    assert visit.page.viewport_size["height"] == 900
    assert visit.shifted < 0.1


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


def numbers(page):
    """The table that the first section offers for download."""
    kind, _, coded = page.evaluate(TABLE).partition(",")
    assert kind == "data:text/csv;charset=utf-8;base64"
    text = base64.b64decode(coded).decode("utf-8")
    assert text.startswith("\ufeff")  # without it a spreadsheet spoils Chinese
    return text[1:]


def test_an_address_and_a_control_show_what_their_headless_twin_counts(server, visit):
    """What the address says is shown at once (in Chinese: what the control is set to in English), the control then shows its own."""
    page = visit.page
    counted = [shown.excel_csv(shown.as_table(visit.twin(server.data, value), "")["csv"]) for value in (visit.now, visit.next)]
    assert counted[0] != counted[1]
    assert numbers(page) == counted[0]
    choice = page.locator(".widget-hbox").first.locator(".widget-dropdown select").last
    offered = [text.strip() for text in choice.locator("option").all_inner_texts()]
    assert str(visit.now) in offered[choice.evaluate("e => e.selectedIndex")]
    before = page.evaluate(TABLE)
    choice.select_option(index=[str(visit.next) in text for text in offered].index(True))
    page.wait_for_function(f"was => ({TABLE})() !== was", arg=before, timeout=60_000)
    assert numbers(page) == counted[1]
    if visit.lang == "en":
        page.wait_for_url(lambda address: address.endswith(f"&{visit.asked}={visit.next}"))  # said a moment after it is shown
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
