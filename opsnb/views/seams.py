"""Where a text meets what fills its places: neither knows the other, so what their meeting asks for is seen to here.

Chinese has one space beside figures and Latin letters and none elsewhere: a place may hold a date, which ends with a Chinese character, a
number, which mostly does not, or a name that is in Chinese only where we know it. English says "1 customer has": a place may hold one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from string import Formatter
from typing import Any

_HAN, _WIDE, _WORD = re.compile("[㐀-鿿]"), re.compile("[㐀-鿿，。；：、！？（）“”「」《》]"), re.compile("[0-9A-Za-z+−%<>=_¥$€£]")
_NOUNS = ("answer", "attribute", "cart", "comparison", "customer", "day", "experiment", "group", "id", "milestone", "minute", "month", "name",
          "order", "other", "period", "row", "stage", "step", "target", "text", "ticket", "time", "touchpoint", "user", "value", "visit", "week")
_SEVERAL = re.compile(rf"^( (?:[a-z-]+ )?(?:{'|'.join(_NOUNS)}))s\b(?: (are|were|have)\b)?")
_OF_ONE = {"are": "is", "were": "was", "have": "has"}


class English(str):
    """An English text that is filled as :func:`one` asks."""

    __slots__ = ()

    def format(self, *values: Any, **named: Any) -> str:
        """As ``str.format``."""
        return one(pieces(Formatter(), self, values, named))


class Chinese(str):
    """A Chinese text that is filled as :func:`spaced` asks.

    >>> Chinese("自 {day} 起 {change}，{n}位客户").format(day="2026年5月1日", change="−22%", n=12)
    '自 2026年5月1日起 −22%，12 位客户'
    """

    __slots__ = ()

    def format(self, *values: Any, **named: Any) -> str:
        """As ``str.format``."""
        return spaced(pieces(Formatter(), self, values, named))


def pieces(formatter: Formatter, template: str, values: Sequence[Any], named: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A template's texts, each with what fills the place after it; places have names or numbers."""
    for text, place, form, conversion in formatter.parse(template):
        value = formatter.get_field(place, values, named)[0] if place is not None else ""
        yield text, formatter.format_field(formatter.convert_field(value, conversion), form or "") if place is not None else ""


def one(parts: Iterator[tuple[str, str]]) -> str:
    """An English text put together: after a place that holds 1 its noun is singular, and so is the verb right behind it.

    >>> English("{n} open milestones are late; {m} of {m} customers").format(n=1, m=1), English("{n} days").format(n=21)
    ('1 open milestone is late; 1 of 1 customer', '21 days')
    """
    whole, before = "", ""
    for text, value in parts:
        whole += (_SEVERAL.sub(_single, text) if before == "1" else text) + value
        before = value
    return whole


def _single(found: re.Match[str]) -> str:
    return found[1] + (f" {_OF_ONE[found[2]]}" if found[2] else "")


def spaced(parts: Iterator[tuple[str, str]]) -> str:
    """A Chinese text put together, its spaces even where a text meets a place.

    >>> spaced(iter([("设备为 ", "安卓"), (" 的 ", "12"), ("人", "")]))
    '设备为安卓的 12 人'
    >>> spaced(iter([("", "11万"), (" / ", "12万")]))
    '11万 / 12万'
    """
    whole = ""
    for part in (piece for pair in parts for piece in pair):
        left, right = whole.rstrip(" "), part.lstrip(" ")
        if left and right and not right.startswith("/ ") and (_WIDE.match(left[-1]) or _WIDE.match(right[0])):
            beside = (_HAN.match(left[-1]) and _WORD.match(right[0])) or (_WORD.match(left[-1]) and _HAN.match(right[0]))
            whole = left + (" " if beside else "") + right
        else:
            whole += part
    return whole
