"""The segment in a page's head: what it says, and the form that asks for another."""

import re
from html import unescape
from html.parser import HTMLParser

from opsnb.runs.params import Given, checked, schema
from opsnb.views import language, page, segment, visit
from tests.views.test_page import Data

OFFERED = {"device": ["ios", "<b>"], "page": ["a,b", "[x"]}


def options(form):
    """(value, label, chosen) of each option."""
    return [(unescape(value), unescape(label), bool(chosen)) for value, chosen, label in re.findall(r'<option value="([^"]*)"( selected)?>([^<]*)', form)]


def test_each_offered_value_is_the_parameter_that_chooses_it():
    form = segment.bar([], OFFERED)
    found = options(form)
    assert [label for _value, label, _chosen in found] == ["all visits", "device: ios", "device: <b>", "page: a,b", "page: [x"]
    assert [chosen for *_rest, chosen in found] == [True, False, False, False, False]
    HTMLParser().feed(form)
    parameter = schema("segment: list[str] = []")["segment"]
    read = [checked(parameter, Given(value, text=True)) for value, *_rest in found]
    assert read == [[], ["device=ios"], ["device=<b>"], ["page=a,b"], ["page=[x"]]


def test_what_the_page_shows_is_chosen_even_where_it_is_not_offered():
    assert [value for value, _label, chosen in options(segment.bar(["device=ios"], OFFERED)) if chosen] == ["device=ios"]
    rare = options(segment.bar(["device=ios", "page=q"], OFFERED))
    assert rare[1] == ("device=ios,page=q", "device=ios, page=q", True)
    assert segment.bar([], {}) == ""


def test_the_head_of_the_page_says_the_segment_and_offers_another_in_an_app_only(monkeypatch, tmp_path):
    said = "Only visits with device = ios. Orders are those of the users with such a visit."
    head = page.header(Data(), only=["device=ios"], offered=OFFERED)
    assert head.bundle["text/plain"].splitlines()[-1] == said
    assert said in head.html
    assert "<select" not in head.html
    file = tmp_path / "visit.json"
    file.write_text('{"parameters": {}, "controls": {}}', encoding="utf-8")
    monkeypatch.setenv(visit.FILE, str(file))
    assert "<select" in page.header(Data(), only=["device=ios"], offered=OFFERED).html
    with language.using("zh"):
        assert page.header(Data(), only=["device=ios"]).bundle["text/plain"].endswith("本页只看设备 = ios 的访问。订单为有此类访问的用户的订单。")
