"""Controls: what they offer, what they refuse, and that a section fails with a sentence."""

import inspect
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsnb.errors import NotMeasured, ParameterError
from opsnb.views import controls, language
from opsnb.views.shown import TABLE, Shown


def said(text):
    return Shown({"text/html": f"<p>{text}</p>", "text/plain": text, TABLE: {"name": "t", "csv": ""}})


def section(by="device", window_days=7, steps=("home", "cart"), smooth=False):
    if window_days == 13:
        raise NotMeasured("there are no orders in this period")
    if window_days == 14:
        raise KeyError("a bug")
    return said(f"{by} {window_days} {list(steps)} {smooth}")


@pytest.fixture
def panel():
    return controls.panel(section, by=["device", "channel", None], window_days=(1, 30), steps=["home", "cart", "payment"], smooth=False)


def parts(panel):
    """The controls, and the texts that are shown."""
    row, output = panel.children[-2:]
    return row.children, lambda: [one["data"]["text/plain"] for one in output.outputs]


def test_a_panel_starts_with_the_functions_own_defaults(panel):
    widgets, texts = parts(panel)
    assert [type(widget).__name__ for widget in widgets] == ["Dropdown", "IntSlider", "SelectMultiple", "Checkbox"]
    assert texts() == ["device 7 ['home', 'cart'] False"]


def test_each_change_draws_again(panel):
    (by, window_days, steps, smooth), texts = parts(panel)
    by.value, window_days.value, steps.value, smooth.value = "channel", 12, ("home", "payment"), True
    assert texts() == ["channel 12 ['home', 'payment'] True"]


def test_errors_are_sentences_in_place_of_the_result(panel):
    (_by, window_days, steps, _smooth), texts = parts(panel)
    window_days.value = 13
    assert texts() == ["Not measured: there are no orders in this period."]
    window_days.value = 14
    assert texts() == ["This part failed (KeyError); the window in which the program runs says where."]
    window_days.value, steps.value = 7, ()
    assert texts() == ["This part cannot be shown: choose at least one of steps."]
    steps.value = ("home",)
    assert texts() == ["device 7 ['home'] False"]


def test_tables_are_not_sent_to_the_browser(panel):
    assert TABLE not in panel.children[-1].outputs[0]["data"]


@pytest.mark.parametrize("value", ["<script>", "nothing", 1, True, None, ["device"], {"a": 1}, float("nan")])
def test_a_value_that_was_not_offered_is_refused(value):
    choice = controls.Choice("by", ["device", "channel"], "device")
    with pytest.raises(ParameterError, match="is not offered; allowed: device, channel"):
        choice.check(value)


@given(st.one_of(st.integers(), st.text(), st.floats(), st.booleans(), st.none(), st.lists(st.integers())))
def test_a_range_takes_its_whole_numbers_only(value):
    choice = controls.Choice("window_days", (1, 30), 7)
    if type(value) is int and 1 <= value <= 30:
        assert choice.check(value) == value
    else:
        with pytest.raises(ParameterError):
            choice.check(value)


def test_a_browser_that_widens_a_slider_gets_no_further():
    calls = []
    panel = controls.panel(lambda n=2: calls.append(n), n=(1, 5))
    slider = panel.children[-2].children[0]
    slider.max = 10**9  # a comm message may set any trait
    slider.value = 10**8
    assert calls == [2]
    assert "cannot be shown" in panel.children[-1].outputs[0]["data"]["text/plain"]


@pytest.mark.parametrize("offered", [[], (1, 2, "x")[:0], "text", 3, (1.5, 2)])
def test_an_offer_without_a_choice_is_refused(offered):
    with pytest.raises(ParameterError):
        controls.Choice("n", offered, inspect.Parameter.empty if offered != (1.5, 2) else 7)


def test_an_option_that_the_section_does_not_take_is_named():
    with pytest.raises(ParameterError, match=r"section takes no 'windows'; allowed: by, window_days, steps, smooth"):
        controls.panel(section, windows=(1, 2))


def test_labels_are_in_the_readers_language():
    with language.using("zh"):
        panel = controls.panel(section, by=["device", "channel", None], window_days=(1, 30))
    by, window_days = panel.children[-2].children
    assert (by.description, window_days.description) == ("细分方式", "窗口天数")
    assert by._options_labels == ("设备", "渠道", "全部")


def test_many_changes_leave_one_result(panel):
    (by, window_days, _steps, _smooth), texts = parts(panel)
    rng = random.Random(1)
    for _ in range(30):
        by.value, window_days.value = rng.choice(["device", "channel"]), rng.randint(1, 12)
    assert len(texts()) == 1
