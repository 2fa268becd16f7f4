"""Exported reports in Chromium: every chart drawn as wide as the page, in both languages, with no request to the outside."""

import sys
from pathlib import Path

import pytest

from opsnb.views import charts, language, page
from opsnb.views.findings.finding import Finding

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "views")]
import samples  # noqa: E402
from reports import Visit, browser, report  # noqa: E402

LONG = (
    "Payment fell by {change:percent} for {device}, more than any other step of any slice in the two years that the data covers, "
    "and it goes on"
)


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture(params=["en", "zh"])
def lang(request):
    with language.using(request.param):
        yield request.param


def written(tmp_path, *parts, lang="en"):
    path = tmp_path / "report.html"
    path.write_text(report(*parts, lang=lang), encoding="utf-8")
    return path


def test_a_report_with_every_chart(chromium, tmp_path, lang):
    found = Finding("funnel_break", "steps", LONG, {"change": 0.386}, {"device": "android"}, "2025-08-06", 0.9)
    drawn = [getattr(charts, name)(frame(), title=found) for name, frame in samples.FRAMES.items()]
    path = written(tmp_path, "# Title", page.found([found]), *drawn, page.table(samples.tiers(), "tiers"), lang=lang)
    assert path.stat().st_size < 3_000_000
    visit = Visit(chromium)
    shown = visit.open(path.as_uri(), charts=len(drawn))
    assert (visit.outside, visit.errors) == ([], [])
    assert shown.get_attribute("html", "lang") == lang
    assert shown.locator(".opsnb-title").count() == len(drawn)
    sizes = "all => all.map(e => [e.clientWidth, e.querySelector('svg').getBoundingClientRect().width])"
    widths = shown.eval_on_selector_all(".opsnb-figure", sizes)
    for place, (room, width) in zip(samples.FRAMES, widths, strict=True):
        assert 0.85 * room < width <= room + 1, place
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing sticks out


def test_a_narrow_window_and_a_wide_one(chromium, tmp_path):
    path = written(tmp_path, charts.funnel_trend(samples.trend(), title="x"))
    visit = Visit(chromium, width=480)
    shown = visit.open(path.as_uri(), charts=1)
    width = "document.querySelector('.opsnb-figure svg').getBoundingClientRect().width"
    assert shown.evaluate(width) < 480
    shown.set_viewport_size({"width": 1000, "height": 800})
    shown.wait_for_function(f"{width} > 800")
    assert visit.errors == []


def test_a_tooltip_gives_numerator_and_denominator(chromium, tmp_path):
    visit = Visit(chromium)
    shown = visit.open(written(tmp_path, charts.funnel(samples.conversion(), title="x")).as_uri(), charts=1)
    shown.locator(".mark-rect path").last.hover()
    shown.wait_for_selector("#vg-tooltip-element.visible")
    assert "56% = 2,311 / 4,120" in shown.inner_text("#vg-tooltip-element")


def test_hostile_names_are_only_text(chromium, tmp_path):
    evil = '</script><img src=x onerror="window.hit=1"><!--<script>\''
    frame = samples.channels().assign(channel=evil)
    found = Finding("costly", evil, "{channel} costs more", slice={"channel": evil}, severity=0.9)
    path = written(tmp_path, page.found([found]), charts.channel_mix(frame.head(1), title=found), page.table(frame, "t", title=evil))
    visit = Visit(chromium)
    shown = visit.open(path.as_uri(), charts=1)
    shown.locator(".mark-rect path").first.hover()
    shown.wait_for_selector("#vg-tooltip-element.visible")
    assert shown.evaluate("window.hit") is None
    assert shown.locator("img").count() == 0
    assert (visit.outside, visit.errors) == ([], [])
    assert shown.inner_text(".opsnb-title") == f"{evil} costs more"


def test_a_column_called_image_is_no_picture(chromium, tmp_path):
    """Vega's own tooltip would load the address that stands in it."""
    import altair as alt
    import pandas as pd

    from opsnb.views import shown

    frame = pd.DataFrame({"image": ["http://evil.example/<b>.png"], "users": [3]})
    bars = alt.Chart(frame).mark_bar().encode(x="users:Q", y="image:N", tooltip=["image:N", "users:Q"])
    visit = Visit(chromium)
    page = visit.open(written(tmp_path, shown.chart(bars, frame, "t", "x")).as_uri(), charts=1)
    page.locator(".mark-rect path").first.hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert page.inner_text("#vg-tooltip-element").split() == ["image", "http://evil.example/<b>.png", "users", "3"]
    assert page.locator("#vg-tooltip-element :is(img, b)").count() == 0
    assert (visit.outside, visit.errors) == ([], [])


def test_a_report_without_charts_carries_no_bundle(chromium, tmp_path):
    path = written(tmp_path, page.found([]))
    assert "opsnbVega" not in path.read_text(encoding="utf-8")
    visit = Visit(chromium)
    assert "Nothing stands out" in visit.open(path.as_uri()).inner_text("body")
    assert (visit.outside, visit.errors) == ([], [])
