"""The four notebooks as apps on a demo business: they open, draw, speak the visitor's language, and answer a control."""

import os
import re
import sys
from pathlib import Path

import pytest

from opsnb import apps
from opsnb.tables.data import open_data
from opsnb.tables.demo import demo

sys.path.insert(0, str(Path(__file__).parent))
from reports import CHROMIUM, Visit, browser, own_port, up

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
OWN_WORDS = re.compile(r"[一-鿿]")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    demo(folder)
    open_data(folder)  # ingested before the first visitor comes, as `opsnb apps` does
    with (folder / "log.txt").open("wb") as log:
        running = apps.start({**os.environ, "OPSNB_DATA": str(folder)}, port=own_port(), log=log)
        running.log = folder / "log.txt"
        try:
            up(running)
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="module")
def chromium(server):
    with browser() as running:
        yield running


@pytest.mark.parametrize(
    ("name", "lang", "charts"),
    [("funnel_diagnosis", "zh", 3), ("user_profiling", "en", 3), ("market_analysis", "zh", 3), ("evaluation_report", "en", 3)],
)
def test_a_notebook_as_an_app(server, chromium, name, lang, charts):
    visit = Visit(chromium, height=2000)
    page = visit.open(f"{server.address}app/{name}?lang={lang}", charts=charts, timeout=120_000)
    first = page.locator(".jp-OutputArea-output .card .says").first
    assert bool(OWN_WORDS.search(first.inner_text())) == (lang == "zh")
    assert first.bounding_box()["y"] < 700  # on the first screen
    assert page.locator("main [role=alert]").count() == 0, page.locator("main [role=alert]").all_inner_texts()
    assert page.locator("select").count() >= 1
    choice = page.locator(".widget-hbox").first.locator(".widget-dropdown select").last
    before = page.locator(".widget-output").first.inner_html()
    options = choice.locator("option").count()
    chosen = choice.evaluate("e => e.selectedIndex")
    choice.select_option(index=(chosen + 1) % options)
    page.wait_for_function("was => document.querySelector('.widget-output').innerHTML !== was", arg=before, timeout=60_000)
    assert (visit.outside, visit.errors) == ([], [])
