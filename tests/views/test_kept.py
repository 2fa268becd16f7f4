"""Parts of pages are kept by all that decides what they show: computed once for the same, anew for anything else."""

import json
import os
from types import SimpleNamespace

import pytest

from opsnb.errors import NotMeasured
from opsnb.views import controls, kept, page, visit
from opsnb.views.shown import Shown


@pytest.fixture
def on(tmp_path, monkeypatch):
    """Makes this process the kernel of a page; a new file each time, as a kernel reads it once."""
    pages = kept.private(tmp_path / "pages")

    def opening(name="page", data="content", package="package"):
        file = tmp_path / f"visit-{os.urandom(4).hex()}.json"
        file.write_text(json.dumps({"parameters": {}, "controls": {}, "kept": {"folder": str(pages), "page": name, "package": package}}))
        monkeypatch.setenv(visit.FILE, str(file))
        kept.of(SimpleNamespace(sha256=data) if data else None)
        return pages

    yield opening
    kept.of(None)


def asking(calls, answer="drawn"):
    def compute():
        calls.append(1)
        return [{"text/plain": answer}]
    return compute


def test_what_is_the_same_is_computed_once_and_anything_else_anew(on):
    calls = []
    for name, data, what, options in (("page", "content", "path", {"days": 30}), ("page", "content", "path", {"days": 90}),
                                      ("page", "content", "trend", {"days": 30}), ("other", "content", "path", {"days": 30}),
                                      ("page", "changed", "path", {"days": 30})):
        on(name, data)
        before = len(calls)
        assert kept.again(what, options, asking(calls)) == kept.again(what, options, asking(calls)) == [{"text/plain": "drawn"}]
        assert len(calls) == before + 1  # the first time only


@pytest.mark.parametrize(("name", "data"), [("", "content"), ("page", "")])
def test_nothing_is_kept_of_a_page_without_a_name_or_before_its_data(on, name, data):
    pages, calls = on(name, data), []
    kept.again("path", {}, asking(calls))
    kept.again("path", {}, asking(calls))
    assert (len(calls), list(pages.iterdir())) == (2, [])


def test_outside_an_app_nothing_is_kept(monkeypatch):
    monkeypatch.delenv(visit.FILE, raising=False)
    calls = []
    kept.of(SimpleNamespace(sha256="content"))
    kept.again("path", {}, asking(calls))
    kept.again("path", {}, asking(calls))
    kept.of(None)
    assert len(calls) == 2


def test_an_error_and_a_spoilt_or_too_long_part_are_computed_anew(on, monkeypatch):
    pages, calls = on(), []
    with pytest.raises(ZeroDivisionError):
        kept.again("path", {}, lambda: [{"x": 1 / 0}])
    assert list(pages.iterdir()) == []
    kept.again("path", {}, asking(calls))
    (one,) = pages.iterdir()
    one.write_text(one.read_text()[:-5])  # cut short
    assert kept.again("path", {}, asking(calls)) == [{"text/plain": "drawn"}]
    assert len(calls) == 2
    monkeypatch.setattr(kept, "LARGEST", 10)
    kept.again("long", {}, asking(calls))
    kept.again("long", {}, asking(calls))
    assert len(calls) == 4
    assert list(pages.iterdir()) == [one]


def test_a_panel_keeps_each_choice_and_no_failure(on):
    pages, calls = on(), []

    def section(n=1):
        calls.append(n)
        if n == 3:
            raise NotMeasured("too few")
        if n == 4:
            raise ValueError("broken")
        return Shown({"text/html": f"<b>{n}</b>", "text/plain": str(n)})

    for _ in range(2):
        panel = controls.panel(section, n=(1, 5))
        slider = panel.children[1].children[0]
        for value in (2, 3, 4, 1):
            slider.value = value
    assert calls == [1, 2, 3, 4, 4]  # what cannot be measured is an answer, a failure is none
    assert len(list(pages.iterdir())) == 3


def test_the_short_version_and_a_section_without_controls_are_kept(on):
    from opsnb.views.findings.finding import Finding

    on()
    calls = []

    def review(data, days):
        calls.append(days)
        return [Finding("funnel_break", "steps", "It fell", {}, {}, None, .9)]

    first, again = (page.short_version(review, None, days=30) for _ in range(2))
    assert first.bundle == again.bundle
    assert calls == [30]


def test_an_answer_that_a_page_needs_first_is_remembered_for_its_own_data_only(on):
    on()
    calls = []

    @kept.remembered
    def focus(data, steps=(), *, days=1):
        calls.append(days)
        return "cart", "payment"

    own, other = SimpleNamespace(sha256="content"), SimpleNamespace(sha256="other")
    assert [list(focus(own, ["a"], days=3)) for _ in range(2)] == [["cart", "payment"]] * 2
    assert len(calls) == 1
    focus(own, ["b"], days=3)
    focus(other, ["a"], days=3)
    focus(other, ["a"], days=3)
    assert len(calls) == 4


def test_the_parts_written_longest_ago_go_first(tmp_path):
    for place in range(5):
        path = tmp_path / f"{place}.json"
        path.write_text("x" * 100)
        os.utime(path, (place, place))
    kept.prune(tmp_path, most=250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.json", "4.json"]


def total(data, *, of):
    """A question as reviews ask it."""
    return sum(of)


def asked(calls, identity="content ", of=(1, 2), found=3):
    def compute():
        calls.append(of)
        return found
    return kept.answer(total, SimpleNamespace(sha256="content", identity=identity), {"of": of}, compute)


def test_an_answer_is_kept_for_every_page_about_the_same_data_and_asked_anew_for_anything_else(on):
    calls = []
    on("page")
    assert asked(calls) == asked(calls) == 3
    on("another page")
    assert asked(calls) == 3
    assert calls == [(1, 2)]
    asked(calls, of=(1, 3))  # another question
    asked(calls, identity="content 2025-01-31")  # another day
    on("page", package="newer")  # computed in another way
    asked(calls)
    assert len(calls) == 4


@pytest.mark.parametrize(("name", "package", "identity"), [("", "package", "content "), ("page", "", "content "), ("page", "package", "")])
def test_no_answer_is_kept_of_pages_that_are_not_or_of_a_part_of_the_data(on, name, package, identity):
    pages, calls = on(name, package=package), []
    asked(calls, identity=identity)
    asked(calls, identity=identity)
    assert (len(calls), list(pages.iterdir())) == (2, [])


def test_no_answer_is_kept_that_a_reader_sees_that_cannot_be_written_or_is_too_large(on, monkeypatch):
    pages, calls = on(), []
    monkeypatch.setattr(kept, "LARGEST_ANSWER", 1000)
    for found in (Shown({"text/plain": "three"}), lambda: 3, "3" * 1000):
        asked(calls, found=found)
    assert (len(calls), list(pages.iterdir())) == (3, [])


def test_a_spoilt_answer_is_computed_anew(on):
    pages, calls = on(), []
    asked(calls)
    (one,) = pages.iterdir()
    for spoilt in (b"", one.read_bytes()[:-3], b"no pickle", b"\x80\x05N."):
        one.write_bytes(spoilt)
        assert asked(calls) == 3
    assert len(calls) == 5


def test_the_answers_of_a_page_are_kept(on, tmp_path):
    """Recency of two customers on the last day of their orders: asked for once, whatever the page."""
    from opsnb import open_data
    from opsnb.reviews import rfm, segment

    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "events.csv").write_text("user_id,ts,event,device\na,2025-01-01,home,ios\nb,2025-01-01,home,android\n")
    (folder / "orders.csv").write_text("order_id,user_id,ts,amount\n1,a,2025-01-01,10\n2,b,2025-01-11,20\n")
    data = open_data(folder)
    pages = on(data=data.sha256)
    assert rfm(data)["recency_days"].tolist() == [10, 0]
    (one,) = pages.iterdir()
    again = open_data(folder)
    assert rfm(again)["recency_days"].tolist() == [10, 0]
    assert rfm(segment.only(again, ["device=ios"]))["user_id"].tolist() == ["a"]  # a part of the data: neither taken from it nor kept
    assert list(pages.iterdir()) == [one]
    rfm(open_data(folder, as_of="2025-01-05"))
    assert len(list(pages.iterdir())) == 2
