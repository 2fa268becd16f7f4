"""What a reader sees, in the reader's language: sentences from a gettext catalogue, numbers and dates as that language writes them.

English is the source; ``locale/zh_CN/LC_MESSAGES/opsnb.po`` is read as it stands, so a translator edits text and nothing is compiled.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from opsnb.errors import ParameterError, nearest
from opsnb.views import seams

LANGUAGES = {"en": "en", "zh": "zh_CN"}
_in_use, _currency = "en", ""


def use(lang: str) -> None:
    """Sets the language of this process: ``en`` or ``zh``. Raises ParameterError for another.

    >>> use("cn")
    Traceback (most recent call last):
    opsnb.errors.ParameterError: language 'cn' is not known; allowed: en, zh
    """
    global _in_use
    if lang not in LANGUAGES:
        raise ParameterError(f"language '{lang}' is not known; {nearest(lang, LANGUAGES)}")
    _in_use = lang


@contextmanager
def using(lang: str) -> Iterator[None]:
    """``lang`` inside a ``with`` block, then the language that was in use before."""
    before = _in_use
    use(lang)
    try:
        yield
    finally:
        use(before)


def pay_in(currency: str) -> None:
    """Sets the currency of this process's amounts, a code of ISO 4217 or a name; empty: amounts are numbers."""
    global _currency
    _currency = currency


@contextmanager
def paying_in(currency: str) -> Iterator[None]:
    """Amounts in ``currency`` inside a ``with`` block, then as before."""
    before = _currency
    pay_in(currency)
    try:
        yield
    finally:
        pay_in(before)


def paid_in() -> str:
    """The currency of this process's amounts; empty: not known."""
    return _currency


def current() -> str:
    """The language in use: ``en`` or ``zh``."""
    return _in_use


@cache
def catalogue(lang: str) -> Mapping[str, str]:
    """English text -> text in ``lang``; empty for English."""
    path = Path(__file__).parent / "locale" / LANGUAGES[lang] / "LC_MESSAGES" / "opsnb.po"
    if lang == "en" or not path.exists():
        return {}
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        entries = read_po(file, locale=LANGUAGES[lang])
    return {entry.id: seams.Chinese(entry.string) for entry in entries if entry.id and entry.string}


def _(text: str) -> str:
    """``text`` in the language in use; itself where the catalogue has no entry."""
    return seams.English(text) if _in_use == "en" else catalogue(_in_use).get(text, text)


def N_(text: str) -> str:
    """Marks ``text`` for the catalogue and leaves it English: it is translated when it is shown."""
    return text


def sentence(text: str) -> str:
    """A sentence that another room has filled in already, e.g. an error's, translated by the catalogue's entry of the same form.

    Such entries have numbered places: ``the {0} table has no rows``. What an error adds at its end, the nearest match, is translated by itself.
    """
    if hint := _HINT.fullmatch(text):
        said = sentence(hint[1])
        return said + _(" (did you mean '{nearest}'?)").format(nearest=hint[2]) if said != hint[1] else text
    if text in catalogue(_in_use):
        return _(text)
    for form, translation in _forms(_in_use):
        if found := form.fullmatch(text):
            return with_dates(translation.format(*found.groups()))
    return text


_HINT = re.compile(r"(.+) \(did you mean '(.+)'\?\)", re.DOTALL)


@cache
def _forms(lang: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """The entries with numbered places, as patterns; those with most fixed text first."""
    numbered = sorted((text for text in catalogue(lang) if "{0}" in text), key=len, reverse=True)
    return tuple((re.compile(re.sub(r"\\\{\d+\\\}", "(.+?)", re.escape(text)), re.DOTALL), catalogue(lang)[text]) for text in numbered)


def name(value: object) -> str:
    """A label of our own (a tier, a status, a KPI) as a reader says it, in the language in use; a name in the data stays as it is.

    >>> name("conversion_rate"), name("roas"), name("targeted-push"), name("high-value"), name("my_campaign")
    ('conversion rate', 'ROAS', 'targeted push', 'high-value', 'my_campaign')
    """
    text = str(value)
    words = text.replace("_", " ")
    if words not in _own_names() and words.replace("-", " ") in _own_names():
        words = words.replace("-", " ")
    return _ACRONYMS.sub(lambda found: found[0].upper(), _(words)) if words in _own_names() else _(text)


_ACRONYMS = re.compile(r"\b(aov|arpu|auc|cac|gmv|kpi|ltv|nps|roas|rmse)\b")


@cache
def _own_names() -> frozenset[str]:
    from opsnb.views.names import own_names

    return own_names()


# Numbers -----------------------------------------------------------------------------------------------------------------

NONE = "–"
MINUS = "−"  # as charts write it: as wide as a plus, and no line breaks after it; tables that leave as CSV, XLSX or JSON have numbers, not these texts
_UNITS = {"en": ((1e9, "B"), (1e6, "M"), (1e3, "K")), "zh": ((1e8, "亿"), (1e4, "万"))}


def count(value: float | None) -> str:
    """A whole number: 12,345.

    >>> count(12345.4), count(-12), count(-0.2), count(None)
    ('12,345', '−12', '0', '–')
    """
    return NONE if _is_none(value) else _written(f"{value:,.0f}")


def _written(text: str) -> str:
    """Digits with the minus of print; what is rounded to zero has none."""
    return text.replace("-", MINUS) if re.search("[1-9]", text) else text.replace("-", "")


def number(value: float | None) -> str:
    """Three significant digits, large ones shortened: 1.23, 45.6, 1.2M (English), 120万 (Chinese).

    >>> number(1234567), number(81234), number(9999.6), number(0.04567), number(-12.0)
    ('1.23M', '81.2K', '10K', '0.0457', '−12')
    """
    if _is_none(value):
        return NONE
    if abs(value) >= 999.5:
        value = float(f"{value:.3g}") if abs(value) >= 9999.5 else round(value)
    if abs(value) < 10_000:
        return _short(value) if abs(value) < 1000 else count(value)
    size, unit = next((size, unit) for size, unit in _UNITS[_in_use] if abs(value) >= size)
    return f"{count(value / size)}{unit}" if abs(value) >= 1000 * size else f"{_short(value / size)}{unit}"


def _short(value: float) -> str:
    text = f"{value:.3g}"
    return _written(text if "e" not in text else f"{value:.6f}".rstrip("0").rstrip("."))


def percent(value: float | None) -> str:
    """A rate as a percentage with as many digits as it bears: 48%, 4.8%, 0.48%.

    >>> percent(.4821), percent(.0482), percent(.00482), percent(-.22), percent(0)
    ('48%', '4.8%', '0.48%', '−22%', '0%')
    """
    if _is_none(value):
        return NONE
    shown = abs(value * 100)
    digits = 0 if shown >= 10 or shown == 0 else 1 if shown >= 1 else 2
    return _written(f"{value * 100:.{digits}f}") + "%"


def signed_percent(value: float | None) -> str:
    """A change: +12%, −4.8%."""
    return NONE if _is_none(value) else ("+" if value > 0 else "") + percent(value)


def signed(value: float | None, digits: int = 1) -> str:
    """A number that goes up or down: +1.3, −0.4, 0.0.

    >>> signed(1.26), signed(-1234.0, 0), signed(-0.04)
    ('+1.3', '−1,234', '0.0')
    """
    return NONE if _is_none(value) else _written(text) if re.search("[1-9]", text := f"{value:+,.{digits}f}") else text[1:]


def points(value: float | None) -> str:
    """How large a difference of two rates is, in percentage points: 4.2."""
    return NONE if _is_none(value) else f"{abs(value) * 100:.1f}"


def signed_points(value: float | None) -> str:
    """A difference of two rates, in percentage points: +4.2, −0.3, +0.04.

    >>> signed_points(.042), signed_points(-.0004)
    ('+4.2', '−0.04')
    """
    return NONE if _is_none(value) else signed(value * 100, 1 if abs(value) >= 0.001 or not value else 2)


def money(value: float | None) -> str:
    r"""An amount, shortened, with the sign of its currency as the language knows it (Unicode CLDR), if the data say which.

    >>> with paying_in("CNY"): money(81234), money(-12.0)
    ('CN¥81.2K', '−CN¥12')
    >>> with paying_in("PLN"), using("zh"): money(81234)
    'PLN\xa08.12万'
    >>> money(81234)
    '81.2K'
    """
    if _is_none(value) or not _currency:
        return number(value)
    text, sign = number(value), _sign(_currency, LANGUAGES[_in_use])
    return MINUS + sign + text[1:] if text.startswith(MINUS) else sign + text


@cache
def _sign(currency: str, locale: str) -> str:
    from babel.numbers import get_currency_symbol

    sign = get_currency_symbol(currency, locale)
    return sign + ("\u00a0" if sign[-1].isalpha() else "")


def date(value: Any) -> str:
    """A day: 2025-11-03 (English), 2025年11月3日 (Chinese)."""
    if value is None or value != value:
        return NONE
    text = value.isoformat()[:10] if hasattr(value, "isoformat") else str(value)[:10]
    year, month, day = text.split("-")
    return text if _in_use == "en" else f"{year}年{int(month)}月{int(day)}日"


def month(value: Any) -> str:
    """A month: 2025-11 (English), 2025年11月 (Chinese)."""
    text = date(value)
    return text if text == NONE else text[:7] if _in_use == "en" else text[: text.index("月") + 1]


def duration(minutes: float | None) -> str:
    """A time as a reader says it.

    >>> duration(0.5), duration(7.95), duration(90), duration(2669), duration(1440)
    ('30 s', '8 min', '1.5 h', '1.9 d', '1 d')
    """
    if _is_none(minutes):
        return NONE
    for size, form in ((1440, _("{number} d")), (60, _("{number} h"))):
        if minutes >= size:
            return form.format(number=number(round(minutes / size, 1)))
    return _("{number} min").format(number=number(round(minutes))) if minutes >= 1 else _("{number} s").format(number=number(round(minutes * 60)))


_NO_SPACE = "(?: (?=[㐀-鿿]))?"  # in Chinese they end with a Chinese character
_DAY = re.compile(rf"\b(\d{{4}}-\d{{2}}-\d{{2}})\b{_NO_SPACE}")
_MONTH = re.compile(rf"\b(\d{{4}}-\d{{2}})\b(?!-){_NO_SPACE}")


def with_dates(text: str) -> str:
    """A text that another room has filled in, its days and months as the language writes them.

    >>> with using("zh"): with_dates("在 2024-01-02 到 2025-12 之间")
    '在 2024年1月2日到 2025年12月之间'
    """
    if _in_use == "en":
        return text
    return _MONTH.sub(lambda found: month(found[1] + "-01"), _DAY.sub(lambda found: date(found[1]), text))


def slice_(text: object) -> str:
    """A slice, ``device=ios``, as a reader says it; of several columns, each.

    >>> slice_("device=ios, channel=baidu"), slice_("")
    ('device: ios, channel: baidu', '')
    """
    between, colon = ("，", "：") if _in_use == "zh" else (", ", ": ")
    parts = (part.partition("=") for part in re.split(r", (?=[^,=]+=)", str(text)))
    return between.join(f"{name(column)}{colon}{_(value) if value == '(missing)' else value}" if sign else column for column, sign, value in parts)


def table(text: object) -> str:
    """A table of the codebook as a reader says it: by its file's name in English, in words in Chinese.

    >>> table("orders")
    'orders'
    >>> with using("zh"): table("orders"), table("rejected")
    ('订单', 'rejected')
    """
    words = f"table {text}"
    return _(words) if _in_use != "en" and words in catalogue(_in_use) else str(text)


def dated(days: Any) -> str:
    """A day and the range in which it lies; the day alone where that is no range.

    >>> dated(["2025-11-03", "2025-11-01", "2025-11-05"]), dated(["2025-11-03"] * 3)
    ('2025-11-03 (2025-11-01 to 2025-11-05)', '2025-11-03')
    >>> with using("zh"): dated(["2025-11-03", "2025-11-01", "2025-11-05"])
    '2025年11月3日（2025年11月1日至 11月5日之间）'
    """
    day, low, high = map(date, days)
    if low == high:
        return day
    if _in_use == "en":
        return f"{day} ({low} to {high})"
    return f"{day}（{low}至 {high.removeprefix(low[: low.index('年') + 1])}之间）"


def listed(values: Any) -> str:
    """Several labels: a, b and c."""
    names = [name(value) for value in values]
    if len(names) < 2:
        return "".join(names)
    return "、".join(names) if _in_use == "zh" else ", ".join(names[:-1]) + " and " + names[-1]


def persona(parts: Any) -> str:
    """A persona's name out of its parts.

    >>> persona(["active-now", "frequent", "page=hair-care"])
    'active now, frequent, mostly hair-care'
    """
    named = (_("mostly {value}").format(value=label(part.split("=", 1)[1])) if "=" in part else name(part.replace("-", " ")) for part in parts)
    return ("，" if _in_use == "zh" else ", ").join(named) or _("average")


def label(value: object) -> str:
    """A name out of the data inside a text of ours: translated where it is a word that we know, else in Chinese quoted as a name.

    >>> with using("zh"): label("skincare"), label("hair-care")
    ('护肤', '「hair-care」')
    """
    text = str(value)
    return f"「{text}」" if _in_use == "zh" and text.replace("_", " ") not in _own_names() else name(text)


def apart(effects: Any) -> str:
    """Features with how far a group's mean lies from everybody's, in standard deviations.

    >>> apart([["page=hair-care", 1.27], ["recency_days", -0.4]])
    'hair-care +1.3 and recency days −0.4'
    """
    texts = [f"{feature(one)} {signed(effect)}" for one, effect in effects]
    if len(texts) < 2:
        return "".join(texts)
    return "、".join(texts) if _in_use == "zh" else ", ".join(texts[:-1]) + " and " + texts[-1]


def feature(column: str) -> str:
    """A feature of a persona: a column of ours, or the label that ``page=skincare`` counts."""
    return label(column.split("=", 1)[1]) if "=" in column else name(column)


def _is_none(value: Any) -> bool:
    return value is None or not math.isfinite(value)


FORMATS = {"count": count, "number": number, "percent": percent, "signed": signed_percent, "points": points, "shift": signed_points, "money": money,
           "date": date, "dated": dated, "duration": duration, "month": month, "slice": slice_, "table": table, "name": name,
           "persona": persona, "apart": apart, "group": lambda value: name(value) if isinstance(value, str) else persona(value), "list": listed,
           "sentence": lambda text: sentence(str(text)), "": str}


class _Filler(Formatter):
    def __init__(self, kpi: Any):
        self.kpi = kpi

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "kpi":
            from opsnb.views.columns import kpi_format

            format_spec = kpi_format(self.kpi)
        if format_spec not in FORMATS:
            raise ParameterError(f"format '{format_spec}' is not known; {nearest(format_spec, FORMATS)}")
        return FORMATS[format_spec](value)


def fill(template: str, values: Mapping[str, Any]) -> str:
    """A sentence with its places filled, each by the format named behind the colon.

    >>> fill("{rate:percent} of {n:count} since {day:date}", {"rate": .5, "n": 1200, "day": "2025-11-03"})
    '50% of 1,200 since 2025-11-03'

    Values of a KPI are written as those of the one named: ``{now:kpi}``.

    >>> fill("{kpi:name}: {now:kpi}", {"kpi": "repeat_rate", "now": .181})
    'repeat rate: 18%'
    """
    found = seams.pieces(_Filler(values.get("kpi")), template, (), values)
    return seams.spaced(found) if _in_use == "zh" else seams.one(found)
