"""A notebook's markdown in the reader's language: its paragraphs are entries of the catalogue."""

from __future__ import annotations

import re

from opsnb.views import language

_MARKS = re.compile(r"^(\s*(?:#{1,6}\s+|[-*]\s+|\d+\.\s+|>\s+)?)(.*)$", re.DOTALL)


def paragraphs(source: str) -> list[str]:
    """The translatable paragraphs of a markdown text, without heading and list marks."""
    found = []
    for line in _blocks(source):
        text = _MARKS.match(line)[2].strip()
        if re.search(r"[A-Za-z]", text):
            found.append(text)
    return found


def translated(source: str) -> str:
    """A markdown cell in the language in use, paragraph by paragraph; headings and list items are paragraphs of their own."""
    if language.current() == "en":
        return source
    out = []
    for line in _blocks(source):
        mark, text = _MARKS.match(line).groups()
        out.append(mark + language._(text.strip()) if text.strip() else line)
    return "\n".join(out)


def _blocks(source: str) -> list[str]:
    """Paragraphs with their lines joined; headings, list items and empty lines by themselves."""
    blocks: list[str] = []
    for line in source.splitlines():
        starts_new = not line.strip() or _MARKS.match(line)[1].strip() or not blocks or not blocks[-1].strip() \
            or blocks[-1].lstrip().startswith("#")
        if starts_new:
            blocks.append(line)
        else:
            blocks[-1] += " " + line.strip()
    return blocks
