"""What a reader sees in each language: complete, with the right places filled, and numbers as the language writes them."""

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsnb.errors import ParameterError
from opsnb.views import findings, language, markdown, names, translations
from opsnb.views.findings.explained import explained


@pytest.fixture(autouse=True)
def english():
    with language.using("en"):
        yield


def test_every_text_has_a_chinese_translation():
    assert translations.untranslated("zh") == {}


def test_translations_keep_the_places_of_the_english_text():
    assert translations.misplaced("zh") == {}


def test_no_translation_is_left_in_english():
    same = [text for text, said in language.catalogue("zh").items() if said.isascii() and text not in ("p", "k")]
    assert same == []


def test_a_reason_inside_a_finding_is_translated():
    with language.using("zh"):
        assert not re.search("[A-Za-z]", findings.no_personas("9 customers are too few for 2 groups of at least 20").sentence)
        assert language.sentence("none: 3 rows") == "无：3 行"


def test_texts_are_found_where_they_are_written():
    found = translations.texts()
    assert found["Act now"].startswith("opsnb/views/page.py:")
    assert "the {0} table has no rows" in found  # an f-string of a measure
    assert "exact duplicate" in found  # a reason of the check
    assert "cac" in found  # a KPI


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (0, "0", "0"), (0.04567, "0.0457", "0.0457"), (999.4, "999", "999"), (999.6, "1,000", "1,000"), (1234, "1,234", "1,234"),
        (9999.6, "10K", "1万"), (81234, "81.2K", "8.12万"), (810_000, "810K", "81万"), (999_999, "1M", "100万"),
        (-2_500_000, "−2.5M", "−250万"),
        (3.2e9, "3.2B", "32亿"), (None, "–", "–"), (float("nan"), "–", "–"),
    ],
)  # fmt: skip
def test_numbers_are_shortened_as_the_language_does(value, english, chinese):
    assert language.number(value) == english
    with language.using("zh"):
        assert language.number(value) == chinese


@given(st.one_of(st.floats(-1e9, 1e9), st.floats(-1, 1)), st.sampled_from(["count", "number", "percent", "signed", "points", "shift", "money"]))
def test_a_reader_sees_one_minus_and_no_negative_zero(value, form):
    text = language.FORMATS[form](value)
    assert "-" not in text
    assert not text.startswith("−") or re.search("[1-9]", text)


def test_chinese_has_one_space_beside_figures_and_letters_and_none_elsewhere():
    """In the texts themselves; beside their places :mod:`opsnb.views.seams` sees to it."""
    han, mark = "[㐀-鿿]", "[，。；：、（）“”「」]"
    uneven = re.compile(f"{han}[0-9A-Za-z]|[0-9A-Za-z%]{han}|{han} {han}|  |{mark} | {mark}|{han}[,;:()?!]|[,;:()?!]{han}")
    texts = {text: re.sub(r"\{[^}]*\}", "\0", text) for text in language.catalogue("zh").values()}
    assert [text for text, plain in texts.items() if uneven.search(plain)] == []


def test_a_filled_chinese_sentence_keeps_its_spaces_even():
    with language.using("zh"):
        text = "自{since:date} 起，{column:name}为 {value}的客户少了{n:count}位（{change:signed} ）"
        told = language.fill(text, {"since": "2026-05-01", "column": "channel", "value": "baidu", "n": 1200, "change": -.22})
        assert told == "自 2026年5月1日起，渠道为 baidu 的客户少了 1,200 位（−22%）"
        assert language.fill(text, {"since": "2026-05-01", "column": "channel", "value": "小红书", "n": 12000, "change": .22}) \
            == "自 2026年5月1日起，渠道为小红书的客户少了 12,000 位（+22%）"
    assert language.fill("{a} -{b}", {"a": "自", "b": 1}) == "自 -1"  # an English text is not touched


def test_one_of_a_thing_is_said_in_the_singular():
    assert language._("{n} ids, {m} groups").format(n=1, m=11) == "1 id, 11 groups"
    late = "{late:count} open milestones are late; {name} holds up {others:count} others. Of {n:count} customers {lost:count} are lost."
    assert language.fill(late, {"late": 1, "name": "beta 1", "others": 1, "n": 1, "lost": 1}) \
        == "1 open milestone is late; beta 1 holds up 1 other. Of 1 customer 1 are lost."
    assert language.fill(late, {"late": 21, "name": "b", "others": 0, "n": 1.4e6, "lost": 2}).startswith("21 open milestones are late; b holds up 0 others.")


UNITS = {"K": 1e3, "M": 1e6, "B": 1e9, "万": 1e4, "亿": 1e8}


@given(st.floats(-1e13, 1e13), st.sampled_from(list(language.LANGUAGES)))
def test_a_shortened_number_is_within_half_a_percent(value, lang):
    with language.using(lang):
        text = language.number(value)
    unit = UNITS.get(text[-1], 1)
    read = float(text.rstrip("".join(UNITS)).replace(",", "").replace("−", "-")) * unit
    assert read == pytest.approx(value, rel=0.0051, abs=5e-7)


def test_days_and_months():
    assert (language.date("2025-11-03"), language.month("2025-11-03")) == ("2025-11-03", "2025-11")
    with language.using("zh"):
        assert (language.date("2025-11-03"), language.month("2025-11-03")) == ("2025年11月3日", "2025年11月")


def test_own_names_are_translated_and_the_datas_are_left():
    with language.using("zh"):
        assert [language.name(value) for value in ("conversion_rate", "on-track", "android")] == ["转化率", "正常", "android"]
    assert language.name("gmv") == "GMV"
    assert "high-value" in names.own_names()


def test_a_sentence_that_was_filled_in_elsewhere_is_translated_by_its_form():
    with language.using("zh"):
        assert language.sentence("the orders table has no rows up to 2024-01-01") == "orders 表在 2024年1月1日之前没有数据"
        assert language.sentence("something else") == "something else"


def test_markdown_is_translated_by_paragraph_and_keeps_its_marks(monkeypatch):
    known = {"Where do we lose them?": "在哪里流失？", "A long paragraph over two lines.": "一个长段落。", "first": "第一"}
    monkeypatch.setattr(language, "catalogue", lambda lang: known if lang == "zh" else {})
    source = "## Where do we lose them?\n\nA long paragraph\nover two lines.\n\n- first\n- `code`"
    with language.using("zh"):
        assert markdown.translated(source) == "## 在哪里流失？\n\n一个长段落。\n\n- 第一\n- `code`"
    assert markdown.translated(source) == source


def test_the_language_before_comes_back_after_an_error():
    with pytest.raises(ParameterError, match="language 'fr' is not known"), language.using("fr"):
        pass
    assert language.current() == "en"


@pytest.mark.parametrize(("lang", "currency", "says"), [
    ("en", "CNY", "CN¥1,500 of CN¥1,200 planned"), ("zh", "CNY", "共花费 ¥1,500，计划 ¥1,200"), ("zh", "USD", "共花费 US$1,500，计划 US$1,200"),
    ("en", "PLN", "PLN\xa01,500 of PLN\xa01,200 planned"), ("en", "", "1,500 of 1,200 planned")])
def test_amounts_have_the_currency_of_the_data_and_other_numbers_none(lang, currency, says):
    totals = pd.DataFrame({"line": ["all"], "planned": [1200.0], "actual": [1500.0], "variance": [300.0], "variance_rate": [0.25]})
    with language.using(lang), language.paying_in(currency):
        assert says in findings.budget_total(totals).sentence
        assert language.number(1500) == "1,500"


@pytest.mark.parametrize(("kpi", "says", "figure"), [
    ("repeat_rate", "repeat rate reached 18% of 21%", "18%"), ("gmv", "GMV reached CN¥181 of CN¥210", "CN¥181"), ("nps", "NPS reached 181 of 210", "181")])
def test_a_target_is_written_as_its_kpi_is(kpi, says, figure):
    times = 0.001 if kpi == "repeat_rate" else 1
    row = {"kpi": kpi, "status": "missed", "actual": 181 * times, "target": 210 * times, "baseline": 170 * times, "progress": 0.3,
           "expected_by_now": 200 * times, "due": "2025-12-31"}
    with language.paying_in("CNY"):
        assert says in findings.target_miss(row).sentence
        assert explained(findings.target_miss(row)).figure == figure
