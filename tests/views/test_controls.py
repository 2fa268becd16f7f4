"""Controls: what they offer, what they refuse, and that a section fails with a sentence."""

import base64
import html
import inspect
import json
import random
import re
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsnb.errors import NotMeasured, ParameterError
from opsnb.views import controls, language, visit
from opsnb.views.shown import CHART, TABLE, Shown


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
    row, output = panel.children[1], panel.children[-1]
    return row.children[:-1], lambda: [one["data"]["text/plain"] for one in output.outputs]


def test_a_panel_starts_with_the_functions_own_defaults(panel):
    widgets, texts = parts(panel)
    assert [type(widget).__name__ for widget in widgets] == ["One", "IntSlider", "Chips", "Checkbox"]
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
    assert re.fullmatch(r"This part could not be computed. Try again; .* the number [0-9a-f]{8}.", *texts())
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
    slider = panel.children[1].children[0]
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
    by, window_days, _reset = panel.children[1].children
    assert (by.description, window_days.description) == ("细分方式", "窗口")
    assert by._options_labels == ("设备", "渠道", "全部")


def test_many_changes_leave_one_result(panel):
    (by, window_days, _steps, _smooth), texts = parts(panel)
    rng = random.Random(1)
    for _ in range(30):
        by.value, window_days.value = rng.choice(["device", "channel"]), rng.randint(1, 12)
    assert len(texts()) == 1


@pytest.fixture
def asks(tmp_path, monkeypatch):
    """Lets the address of this page ask for something, as the server hands it to the kernel."""
    def asking(query):
        file = tmp_path / f"visit-{len(query)}.json"
        file.write_text(json.dumps({"parameters": {}, "controls": dict(parse_qsl(query))}), encoding="utf-8")
        monkeypatch.setenv(visit.FILE, str(file))
    return asking


def state(panel):
    """What the panel says for the address."""
    return re.search(r'data-section="([^"]*)" data-state="([^"]*)"', panel.children[2].value).groups()


def test_what_is_chosen_goes_into_the_address_and_comes_back_from_it(panel, asks):
    (by, window_days, steps, smooth), texts = parts(panel)
    assert state(panel) == ("section", "")
    by.value, window_days.value, steps.value, smooth.value = None, 12, ("home", "payment"), True
    section_name, query = state(panel)
    query = html.unescape(query)
    assert (section_name, query) == ("section", "section.by=all&section.window_days=12&section.steps=home%2Cpayment&section.smooth=true")
    asks(query)
    again = controls.panel(section, by=["device", "channel", None], window_days=(1, 30), steps=["home", "cart", "payment"], smooth=False)
    assert parts(again)[1]() == texts() == ["None 12 ['home', 'payment'] True"]


@pytest.mark.parametrize("query", ["section.by=<script>", "section.window_days=99", "section.window_days=1e1", "section.steps=x,",
                                   "section.nothing=1", "by=channel", "other.by=channel", "section.by=" + "a" * 100_000])
def test_an_address_cannot_ask_for_what_is_not_offered(query, asks):
    asks(query)
    panel = controls.panel(section, by=["device", "channel", None], window_days=(1, 30), steps=["home", "cart", "payment"], smooth=False)
    assert parts(panel)[1]() == ["device 7 ['home', 'cart'] False"]
    assert state(panel) == ("section", "")


def test_reset_goes_back_to_the_defaults_with_one_drawing():
    calls = []
    panel = controls.panel(lambda n=2, steps=("a",): calls.append((n, steps)), n=(1, 5), steps=["a", "b"])
    (n, steps), _texts = parts(panel)
    n.value, steps.value = 4, ("a", "b")
    panel.children[1].children[-1].click()
    assert (n.value, steps.value) == (2, ("a",))
    assert calls == [(2, ["a"]), (4, ["a"]), (4, ["a", "b"]), (2, ["a"])]


def test_chips_are_pressed_one_by_one_and_keep_the_order_of_the_list(panel):
    (_by, _window_days, steps, _smooth), texts = parts(panel)
    home, _cart, payment = steps.buttons
    payment.value = True
    assert texts() == ["device 7 ['home', 'cart', 'payment'] False"]
    home.value = False
    assert texts() == ["device 7 ['cart', 'payment'] False"]
    assert [button.tooltip for button in steps.buttons] == ["steps: home", "steps: cart", "steps: payment"]


def test_below_a_chart_are_its_numbers_and_never_a_user_id():
    def drawn(csv):
        return controls.panel(lambda n=1: Shown({CHART: {}, "text/plain": "", TABLE: {"name": "t", "csv": csv}}), n=(1, 2)).children[-1].outputs

    chart, numbers = drawn("step,users\n=cart,1200\n")
    assert set(chart["data"]) == {CHART, "text/plain"}
    text = numbers["data"]["text/html"]
    assert ">1,200</td>" in text
    coded = re.search(r'href="data:text/csv;charset=utf-8;base64,([^"]+)"', text)[1]
    assert base64.b64decode(coded).decode("utf-8-sig") == "step,users\n'=cart,1200\n"
    assert len(drawn("user_id,score\nu1,0.5\n")) == 1


def test_what_is_picked_in_order_reaches_the_function_in_that_order_by_name():
    def path(steps=("home", {"event": "pay", "name": "paid"})):
        return [steps]

    choice = controls.Choice("steps", controls.Ordered({"home": "home", "paid": {"event": "pay", "name": "paid"}, "cart": "cart"}), path.__defaults__[0])
    assert choice.default == ["home", "paid"]
    assert choice.check(["cart", "paid", "home"]) == ["cart", {"event": "pay", "name": "paid"}, "home"]
    assert choice.check(["cart", "home"] * 100) == ["cart", "home"]  # the control picks each once, whatever a browser sends
    for wrong in (["help"], []):
        with pytest.raises(ParameterError):
            choice.check(wrong)
    assert choice.address(["cart", "home"], "path") == {"path.steps": "cart,home"}
    assert choice.asked({"path.steps": "cart,nothing,home"}, "path") == ["cart", "home"]
    assert choice.widget(["cart", "home"]).value == ["cart", "home"]


def test_all_is_a_choice_that_the_control_shows():
    panel = controls.panel(lambda by=None: said(str(by)), by=[None, "device"])
    (by,), texts = parts(panel)
    assert (by.index, by.label, texts()) == (0, "all", ["None"])
    by.index = 1  # as a browser sends it
    assert texts() == ["device"]
    by.index = 0
    assert (by.index, texts()) == (0, ["None"])  # and not an empty box
    by.value = "device"
    panel.children[1].children[-1].click()
    assert (by.index, texts()) == (0, ["None"])


OFFERED = {"device": ["ios", "android", "web"], "shop": ["one"], "channel": ["a,b", "c"]}


def compared(against="before", segments=()):
    return said(f"{against} {list(segments)}")


@pytest.fixture
def two():
    return controls.panel(compared, against=["before", "segments"], segments=controls.Pair(OFFERED, when={"against": "segments"}))


def test_two_segments_are_a_property_and_two_of_its_values(two):
    (against, pair), texts = parts(two)
    assert [value for _text, value in pair.column.options] == ["device", "channel"]  # a single value cannot be compared
    assert pair.layout.display == "none"  # nobody asks for segments yet
    against.value = "segments"
    assert pair.layout.display is None
    assert texts() == ["segments ['device=ios', 'device=android']"]
    pair.second.value = "device=web"
    assert texts() == ["segments ['device=ios', 'device=web']"]
    pair.column.value = "channel"
    assert texts() == ["segments ['channel=a,b', 'channel=c']"]
    pair.first.value = "channel=c"
    assert texts() == ["This part cannot be shown: choose two different values of one property."]
    two.children[1].children[-1].click()
    assert texts() == ["before ['device=ios', 'device=android']"]
    assert (pair.column.value, pair.first.value, pair.second.value) == ("device", "device=ios", "device=android")


def test_two_segments_go_into_the_address_and_come_back_from_it(two, asks):
    (against, pair), texts = parts(two)
    against.value, pair.column.value = "segments", "channel"
    query = html.unescape(state(two)[1])
    assert query == "compared.against=segments&compared.segments=channel%3Da%252Cb%2Cchannel%3Dc"
    asks(query)
    again = controls.panel(compared, against=["before", "segments"], segments=controls.Pair(OFFERED, when={"against": "segments"}))
    assert parts(again)[1]() == texts() == ["segments ['channel=a,b', 'channel=c']"]


@pytest.mark.parametrize("sent", ["", "device=ios", "device=ios,device=ios", "device=ios,device=tv", "device=ios,channel=c", "shop=one,shop=one",
                                  "device=ios,device=web,device=android", "<script>,x", "ios,android"])
def test_an_address_asks_for_two_values_of_one_property_or_for_nothing(sent, asks):
    asks(f"compared.segments={sent}")
    panel = controls.panel(compared, against=["before", "segments"], segments=controls.Pair(OFFERED))
    assert parts(panel)[1]() == ["before ['device=ios', 'device=android']"]


@given(st.one_of(st.integers(), st.text(), st.none(), st.lists(st.one_of(st.integers(), st.sampled_from(
    ["device=ios", "device=web", "channel=c", "channel=a,b", "shop=one"]), st.lists(st.text())), max_size=3)))
def test_a_pair_takes_two_different_values_of_one_property_only(value):
    choice = controls.Choice("segments", controls.Pair(OFFERED), [])
    good = isinstance(value, list) and len(value) == 2 and set(map(str, value)) in ({"device=ios", "device=web"}, {"channel=c", "channel=a,b"})
    if good:
        assert choice.check(value) == value
    else:
        with pytest.raises(ParameterError):
            choice.check(value)


def test_what_a_notebook_asks_for_is_where_the_pair_starts():
    assert controls.Choice("segments", controls.Pair(OFFERED), ["device=web", "device=ios"]).default == ["device=web", "device=ios"]
    assert controls.Choice("segments", controls.Pair(OFFERED), ["device=web", "device=tv"]).default == ["device=ios", "device=android"]
    assert len(controls.panel(compared, segments=controls.Pair({"shop": ["one"]})).children[1].children) == 1  # nothing to choose: no control


@pytest.mark.parametrize(("option", "value", "english", "chinese"), [
    ("features", "page=skincare", "skincare", "护肤"), ("features", "night_share", "night share", "夜间访问占比"), ("recall_budget", 0.0, "no limit", "不限"),
    ("recall_budget", 500.0, "500", "500"), ("k", 0, "automatic", "自动")])
def test_choices_are_said_as_a_reader_says_them(option, value, english, chinese):
    labels = []
    for lang in ("en", "zh"):
        with language.using(lang):
            labels.append(controls.Choice(option, [value], value).labels[0])
    assert labels == [english, chinese]


def test_what_a_section_is_grouped_by_has_a_name():
    with language.using("zh"):
        assert controls.Choice("of", ["tier", "persona"], "tier").widget("tier").description == "分组方式"
