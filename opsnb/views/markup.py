"""Texts as HTML: escaped, and with what a line break must not part kept together; and the small drawing of a card."""

from __future__ import annotations

import html
import re

from opsnb.views import language

_DAY = re.compile(r"\d{4}-\d{2}(?:-\d{2})?|\d{4}年\d{1,2}月(?:\d{1,2}日)?")


def escape(text: object) -> str:
    """Text that is safe inside HTML and its attributes: a name in the data may hold anything."""
    return html.escape(str(text), quote=True)


def flowing(text: object) -> str:
    """:func:`escape` for a text that runs over several lines: no line breaks within a date.

    >>> flowing("since 2026-05-01 <")
    'since <span class="day">2026-05-01</span> &lt;'
    """
    return _DAY.sub(r'<span class="day">\g<0></span>', escape(text))


def boxed(body: str) -> str:
    """A piece of HTML that the style sheet knows as ours."""
    return f'<div class="opsnb">{body}</div>'


def two_bars(pair: list[tuple[str, float]], form: str) -> str:
    """Two bars from zero, one above the other, with their labels: the second is the one that the finding is about."""
    longest = max(abs(value) for _label, value in pair) or 1
    bars = "".join(
        f'<text x="0" y="{34 * row + 9}">{escape(label)} {escape(language.FORMATS[form](value))}</text>'
        f'<rect x="0" y="{34 * row + 14}" width="{max(2, round(150 * abs(value) / longest))}" height="9" rx="2" '
        f'style="fill: var({"--card" if row else "--opsnb-quiet"})"/>' for row, (label, value) in enumerate(pair))
    return f'<svg width="150" height="58" viewBox="0 0 150 58" aria-hidden="true">{bars}</svg>'
