"""Texts as HTML: escaped, and with what a line break must not part kept together."""

from __future__ import annotations

import html
import re

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
