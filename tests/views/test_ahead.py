"""What a page's controls would show is drawn beforehand: each change of one of them, once, and nothing that a reader cannot ask for by one act."""

import json

import pytest

from opsnb.views import ahead, controls, kept, visit
from opsnb.views.controls import Choice, Ordered, Pair, panel


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Makes this process the kernel of a page without panels; gives the folder in which its parts are kept."""
    pages = kept.private(tmp_path / "pages")
    file = tmp_path / "visit.json"
    file.write_text(json.dumps({"parameters": {}, "controls": {}, "kept": {"folder": str(pages), "page": "page"}}))
    monkeypatch.setenv(visit.FILE, str(file))
    monkeypatch.setattr(controls, "PANELS", [])
    monkeypatch.setattr(kept, "_data", ["content"])
    return pages


def test_a_change_that_was_drawn_beforehand_is_not_computed_again(page):
    calls = []

    def path(days=30, by=("device",)):
        calls.append((days, tuple(by)))
        return []

    shown = panel(path, days=[30, 90, 365], by=["device", "page", "hour"])
    assert calls == [(30, ("device",))]
    ahead.draw()
    # two other periods; one more of the three properties twice, and without "device" none would be left
    assert sorted(calls[1:]) == [(30, ("device", "hour")), (30, ("device", "page")), (90, ("device",)), (365, ("device",))]
    days, by = shown.children[1].children[:2]
    days.value = 90
    days.value = 30
    by.value = ("device", "hour")
    assert len(calls) == 5
    days.value = 365  # two changes together
    assert calls[5:] == [(365, ("device", "hour"))]


def test_a_page_whose_controls_have_been_drawn_is_left_alone(page):
    calls = []
    panel(lambda days=30: calls.append(days) or [], days=[30, 90])
    ahead.draw()
    ahead.draw()
    assert calls == [30, 90]
    assert kept.read(page, kept.name("page", "content", ahead.PART, {})) == [{"text/plain": "1"}]


def test_what_takes_too_long_is_left_to_whoever_asks_for_it(page, monkeypatch):
    calls = []
    panel(lambda days=30: calls.append(days) or [], days=[30, 90])
    monkeypatch.setattr(ahead, "MOST_SECONDS", -1.0)
    ahead.draw()
    assert calls == [30]


def test_every_kind_of_control_is_changed_by_one_act():
    steps = Ordered({"home": "home", "cart": "cart", "pay": "pay"})
    assert ahead.others(Choice("steps", steps, ["home", "cart", "pay"])) == [["cart", "pay"], ["home", "pay"], ["home", "cart"]]
    assert ahead.others(Choice("rolling", True, None)) == [False]
    assert ahead.others(Choice("by", [None, "device"], None)) == ["device"]
    assert ahead.others(Choice("n", (1, 30), 7)) == ahead.others(Choice("pair", Pair({"device": ["ios", "android"]}), None)) == []
