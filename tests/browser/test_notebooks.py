"""The four notebooks as apps, in both languages, on a business whose names are hostile: each opens without jumping, draws, shows by each of its
controls what the headless twin counts and by its address what all controls had set, runs nothing that the data say, shows no id, asks nothing of the
outside, and can be used with a keyboard and a screen reader."""

import base64
import csv
import io
import re
import sys
import zipfile
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from unicodedata import normalize
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from opsnb import funnel, market, reviews, segments
from opsnb.runs import ledger
from opsnb.runs.runner import run
from opsnb.tables.data import open_data
from opsnb.views import shown

sys.path.insert(0, str(Path(__file__).parent))
from hostile import MARKER, NAMES, hostile
from printed import joined
from reports import CHROMIUM, Visit, browser, running
from twins import panels

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
OWN_WORDS = re.compile(r"[一-鿿]")
PAGES = [(name, lang) for name in ("market_analysis", "user_profiling", "funnel_diagnosis", "evaluation_report") for lang in ("en", "zh")]
FORMULA = re.compile(r"[-=+@＝＋－＠\t\r\n]")
NUMBER = re.compile(r"[-+]?[\d.]+(e[-+]?\d+)?")
# The first section of each app, one of its controls, what it says at first and what it is set to, and the measure behind it: (data, value) -> frame.
ASKED = {
    "market_analysis": ("growth.as_of", 0, 1, lambda data, day: market.market_growth(data.market, as_of=day)),
    "user_profiling": ("tiers.as_of", 0, 1, lambda data, day: segments.tier_summary(reviews.rfm(data, as_of=day))),
    "funnel_diagnosis": ("path.days", 365, 30, lambda data, days: funnel.step_conversion(
        data.events, reviews.steps_of(data), window_days=7, **data.period(days))),
    "evaluation_report": ("daily.days", 365, 30, lambda data, days: reviews.daily_kpis(data, days=days)),
}
SHIFTS = """window.shifted = 0; new PerformanceObserver(list => { for (const one of list.getEntries()) if (!one.hadRecentInput) shifted += one.value; })
.observe({ type: "layout-shift", buffered: true })"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = hostile(tmp_path_factory.mktemp("shop"))
    open_data(folder)  # ingested before the first visitor comes, as `opsnb apps` does
    ran = run("user_profiling", data=folder, out=folder / "out")  # the report that says most about single customers
    assert ran.report, ran.error
    with running(folder / "log.txt", environment={"OPSNB_DATA": str(folder)}, out=folder / "out") as made:
        made.run, made.data, made.panels = ran, open_data(folder), cache(panels)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPSNB_DATA", str(folder))
            (folder / "out" / "visit.json").write_text("{}")
            patch.setenv("OPSNB_VISIT", str(folder / "out" / "visit.json"))
            yield made


@pytest.fixture(scope="module")
def chromium(server):
    with browser() as made:
        yield made


def whole(page):
    """Waits until a page is computed to its end."""
    page.wait_for_function("() => [...document.querySelectorAll('.opsnb-cell')].at(-1).querySelector('.jp-OutputArea-output')", timeout=240_000)
    page.wait_for_function("() => [...document.querySelectorAll('.skeleton')].every(one => !one.offsetParent)", timeout=60_000)


@pytest.fixture(scope="module", params=PAGES, ids="-".join)
def visit(server, chromium, request):
    """A page, computed to its end. The Chinese one is opened at the address that the English one has once each of its controls is set."""
    name, lang = request.param
    one = Visit(chromium)
    one.page.add_init_script(SHIFTS)
    one.name, one.lang, one.panels = name, lang, server.panels(name)
    asked = {"lang": lang} | {key: text for panel in one.panels if lang == "zh" for key, text in panel.state(panel.wanted).items()}
    page = one.open(f"{server.address}app/{name}?{urlencode(asked)}", charts=3, timeout=240_000)
    whole(page)
    one.shifted = page.evaluate("shifted")
    yield one
    one.leave()


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


def test_below_each_drawing_are_its_numbers(visit):
    lacking = visit.page.evaluate("""() => [...document.querySelectorAll('.opsnb-figure')].map(one => one.closest('.jp-OutputArea-child'))
        .filter(one => !(one.nextElementSibling && one.nextElementSibling.querySelector('.numbers a[download]')))
        .map(one => one.closest('.opsnb-cell').querySelector('[id^="section-"]').id)""")
    assert lacking == []


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


SECTIONS = """only => [...document.querySelectorAll('.opsnb-state')].filter((_, place) => only === null || place === only).map(state => [
    state.dataset.section, state.dataset.state,
    [...state.closest('.widget-vbox').querySelectorAll('.widget-output .numbers a[download]')].map(link => [link.download, link.href])])"""
SET = """([section, state]) => document.querySelector(`.opsnb-state[data-section="${section}"]`).dataset.state === state"""
SHOWN = """box => { const all = what => [...box.querySelectorAll(what)], pressed = all('.widget-toggle-button'), lists = all('select');
    return box.matches('.jupyter-widget-tagsinput') ? all('.jupyter-widget-tag').map(tag => tag.firstChild.textContent)
        : pressed.length ? pressed.flatMap((one, place) => one.getAttribute('aria-pressed') === 'true' ? [place] : [])
        : lists.length > 1 ? lists.map(one => one.selectedIndex) : lists.length ? lists[0].selectedIndex
        : box.querySelector('[type=checkbox]') ? box.querySelector('input').checked : Number(box.querySelector('input').value); }"""


def sections(page, only=None):
    """What the sections with controls (or one of them) are called, what they say for the address, and the files that they offer, as (name, text)."""
    found = []
    for name, state, links in page.evaluate(SECTIONS, only):
        files = []
        for file, link in links:
            kind, _, coded = link.partition(",")
            assert kind == "data:text/csv;charset=utf-8;base64"
            text = base64.b64decode(coded).decode("utf-8")
            assert text.startswith("\ufeff")  # without it a spreadsheet spoils Chinese
            files.append((file.removesuffix(".csv"), text[1:]))
        found.append((name, dict(parse_qsl(state)), files))
    return found


def counted(some, values, lang):
    """The same of their headless twins, with the values that ``values`` gives for each panel."""
    return [(panel.name, panel.state(values(panel)), panel.tables(values(panel), lang)) for panel in some]


def looks(choice, value):
    """How a control looks that is set to a value."""
    if choice.kind == "several":
        return [place for place, one in enumerate(choice.values) if one in value]
    if choice.kind == "pair":
        column = value[0].partition("=")[0]
        offered = [f"{column}={one}" for one in choice.offered[column]]
        return [list(choice.offered).index(column), *map(offered.index, value)]
    return choice.values.index(value) if choice.kind == "one" else value


def act(control, choice, before, after):
    """What a reader does to set a control to another value."""
    was, now = looks(choice, before), looks(choice, after)
    if choice.kind == "one":
        control.locator("select").select_option(index=now)
    elif choice.kind == "several":
        changed, = set(was) ^ set(now)
        control.locator("button").nth(changed).click()
    elif choice.kind == "flag":
        control.locator("input").set_checked(now)
    elif choice.kind == "range":
        control.locator("input").fill(str(now))
    elif choice.kind == "pair":
        control.locator("select").last.select_option(index=now[2])
    elif len(now) < len(was):
        control.locator(".jupyter-widget-tag", has_text=was[-1]).locator("button").click()
    else:
        control.locator("select").select_option(label=now[-1])


def controls_of(page, place):
    return page.locator(".opsnb-controls").nth(place).locator(":scope > *")


@pytest.mark.parametrize("kind", ["saved", "printed"])
def test_a_copy_of_the_page_says_what_its_controls_are_set_to_and_holds_its_numbers(visit, chromium, kind, tmp_path):
    page, labels = visit.page, [[] for _ in visit.panels]
    if (kind == "printed") != (visit.lang == "zh"):
        pytest.skip("one kind of copy in each language")
    for place in range(len(visit.panels)):
        for control in controls_of(page, place).all():
            if control.is_visible() and control.locator("select").count() == 1 and not control.locator(".jupyter-widget-tag").count():
                labels[place].append([control.locator(".widget-label").inner_text(), control.locator("option:checked").inner_text()])
    if kind == "printed":
        text = joined(page.pdf())
        told = [f"{label}：{value}" for pairs in labels for label, value in pairs]
    else:
        with page.expect_download() as got:
            page.click("[data-does=save]")
        got.value.save_as(tmp_path / "page.html")
        source = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert "<script" not in source
        assert page.get_attribute("body", "data-kernel") not in source
        copy = Visit(chromium)
        text = re.sub(r"\s", "", copy.open((tmp_path / "page.html").as_uri()).inner_text("body"))
        drawn = "() => [...document.querySelectorAll('.opsnb-figure svg')].map(one => one.textContent)"
        assert copy.page.evaluate(drawn) == page.evaluate(drawn)
        assert tables(copy.page) == tables(page)
        assert (copy.outside, copy.errors) == ([], [])
        copy.page.close()
        told = [f"{label}: {value}" for pairs in labels for label, value in pairs]
    assert any(told)
    assert [said for said in told if re.sub(r"\s", "", normalize("NFKC", said)) not in normalize("NFKC", text)] == []
    assert page.locator(".opsnb-chosen").count() == 0  # for the copy only
    assert MARKER not in text


def test_each_control_shows_what_its_headless_twin_counts_and_an_address_all_of_them(visit):
    """In English each control of the page, whichever there are, is set to another value and says so in the address; then each section is reset. In
    Chinese the page is opened at that address, and each control is set back."""
    page, english = visit.page, visit.lang == "en"
    begin, end = (lambda panel: panel.usual), (lambda panel: panel.wanted)
    assert sections(page) == counted(visit.panels, begin if english else end, visit.lang)
    moved = 0
    for place, panel in enumerate(visit.panels):
        controls, values = controls_of(page, place), dict((begin if english else end)(panel))
        assert controls.count() == len(panel.choices) + 1  # and the button that resets them
        for number, (option, choice) in list(enumerate(panel.choices.items()))[::1 if english else -1]:
            control, before, after = controls.nth(number), values[option], (end if english else begin)(panel)[option]
            assert control.evaluate(SHOWN) == looks(choice, before), (panel.name, option)
            was = panel.tables(values, visit.lang)
            act(control, choice, before, after)
            values[option] = after
            page.wait_for_function(SET, arg=[panel.name, urlencode(panel.state(values))], timeout=60_000)
            (name, _state, files), = sections(page, place)
            assert (name, files) == (panel.name, panel.tables(values, visit.lang)), (panel.name, option)
            moved += files != was
    asked = {"lang": visit.lang} | {key: text for panel in visit.panels if english for key, text in panel.state(panel.wanted).items()}
    page.wait_for_url(lambda address: dict(parse_qsl(urlsplit(address).query)) == asked)
    if english:
        for place, panel in enumerate(visit.panels):
            controls_of(page, place).last.click()
            page.wait_for_function(SET, arg=[panel.name, ""], timeout=60_000)
    assert sections(page) == counted(visit.panels, begin, visit.lang)
    assert moved >= 0.7 * sum(len(panel.choices) for panel in visit.panels), moved  # some choose what a chart shows of the same numbers
    page.wait_for_function("() => [...document.querySelectorAll('.opsnb-figure')].every(one => one.dataset.drawn)")
    assert (visit.outside, visit.errors) == ([], [])


def test_a_control_shows_what_the_measure_itself_counts(server, visit):
    """A section's own function is asked in the test above; here it is the measure that the reader of the code is told of."""
    page, (asked, *values, twin) = visit.page, ASKED[visit.name]
    (now, then) = [server.data.month_ends[value] if asked.endswith("as_of") else value for value in values]
    place = [panel.name for panel in visit.panels].index(asked.partition(".")[0])
    choice = visit.panels[place].choices[asked.partition(".")[2]]
    expected = [shown.excel_csv(shown.as_table(twin(server.data, value), "")["csv"]) for value in (now, then)]
    assert expected[0] != expected[1]
    assert sections(page, place)[0][2][0][1] == expected[0]
    act(controls_of(page, place).nth(list(visit.panels[place].choices).index(choice.option)), choice, now, then)
    page.wait_for_function(SET, arg=[visit.panels[place].name, urlencode({asked: then})], timeout=60_000)
    assert sections(page, place)[0][2][0][1] == expected[1]


@pytest.mark.parametrize(("name", "lang"), [("evaluation_report", "zh"), ("funnel_diagnosis", "en")])
def test_a_period_and_a_segment_are_of_the_whole_page_a_link_is_copied_and_all_is_reset(server, chromium, name, lang):
    one = Visit(chromium)
    one.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = one.open(f"{server.address}app/{name}?lang={lang}&money.tolerance=0.1", charts=3, timeout=240_000)
    whole(page)
    asked, until = {"lang": lang, "money.tolerance": "0.1"}, server.data.as_of.date()
    changes = [({"evaluation_report": "最近 90 天", "funnel_diagnosis": "last 28 days"}[name], {"days": str(90 if lang == "zh" else 28), "as_of": f"{until}"})]
    if lang == "zh":
        changes.append(("去年同期", {"days": "90", "as_of": f"{until.replace(year=until.year - 1)}"}))
    else:
        column, (value, *_others) = next(iter(reviews.offered(server.data).items()))
        changes.append((f"{column}={value}", {"segment": f"{column}={value}"}))
    for chosen, changed in changes:
        with page.expect_navigation():
            if "segment" in changed:
                page.select_option("select[name=segment]", value=chosen)
                page.locator("form", has=page.locator("select[name=segment]")).locator("button").click()
            else:
                page.click(f".opsnb-period a >> text={chosen}")
        whole(page)
        asked |= changed
        here = dict(parse_qsl(urlsplit(page.url).query))
        assert here == asked if lang == "zh" else {**here, "money.tolerance": "0.1"} == asked
        data = reviews.only(open_data(server.data.folder, as_of=asked["as_of"]), [asked["segment"]] if "segment" in asked else [])
        counted = reviews.daily_kpis(data, days=90) if lang == "zh" else funnel.step_conversion(
            data.events, reviews.steps_of(data), window_days=7, **data.period(28))
        assert sections(page, 0)[0][2][0][1] == shown.excel_csv(shown.as_table(counted, "")["csv"]), chosen
    page.click("[data-does=share]")
    assert page.evaluate("() => navigator.clipboard.readText()") == page.url
    with page.expect_navigation():
        page.click("[data-does=reset]")
    assert urlsplit(page.url).query == f"lang={lang}"
    page.close()
    assert (one.outside, one.errors) == ([], [])


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

    made = {path: body(path) for path in ("", "app/nothing", "app/user_profiling?as_of=yesterday",
                                             *(f"{report(server)}.{kind}" for kind in ("html", "xlsx", "pdf")))}
    connection.close()
    assert [status for status, _text in made.values()] == [200, 404, 400, 200, 200, 200]
    texts = {path: text for path, (_status, text) in made.items() if not path.endswith(("xlsx", "pdf"))}
    with zipfile.ZipFile(io.BytesIO(made[f"{report(server)}.xlsx"][1])) as book:
        texts |= {name: book.read(name) for name in book.namelist()}
    texts["printout"] = joined(made[f"{report(server)}.pdf"][1]).encode()
    assert b"Userprofiling" in texts["printout"]
    texts |= {str(path): path.read_bytes() for path in server.run.folder.rglob("*") if path.suffix in (".csv", ".json", ".ipynb")}
    assert sum(name.endswith(".csv") for name in texts) > 3
    assert "xl/sharedStrings.xml" in texts or "xl/worksheets/sheet1.xml" in texts
    for name, text in texts.items():
        assert MARKER.encode() not in text, (name, text[max(0, text.index(MARKER.encode()) - 200):][:400])
