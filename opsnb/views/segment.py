"""The segment of a page: which visits it is about, said in its head, and in an app a choice, as a form that sets the notebook's own
parameter ``segment`` in the address. Like the period's links it needs no kernel."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape

from opsnb.views import columns, language
from opsnb.views.language import _


def said(segment: Sequence[str]) -> str:
    """What the head of a page says of its segment; nothing for all visits.

    >>> said(["device=ios", "device=android", "channel=baidu"])
    'Only visits with device = ios or android; channel = baidu. Orders are those of the users with such a visit.'
    """
    values: dict[str, list[str]] = {}
    for text in segment:
        column, _sign, value = (part.strip() for part in text.partition("="))
        values.setdefault(column, []).append(_value(value))
    if not values:
        return ""
    either = " or " if language.current() == "en" else "或"
    named = ("; " if language.current() == "en" else "；").join(f"{columns.heading(column)} = {either.join(found)}" for column, found in values.items())
    return _("Only visits with {segment}. Orders are those of the users with such a visit.").format(segment=named)


def bar(segment: Sequence[str], offered: Mapping[str, Sequence[str]]) -> str:
    """A form with all that may be chosen, by column; nothing where there is no choice."""
    chosen = written(segment)
    options = [_option("", _("all visits"), chosen)]
    known = {written([f"{column}={value}"]) for column, values in offered.items() for value in values}
    if chosen and chosen not in known:  # what the address asked for is offered, too: several values, or a rare one
        options.append(_option(chosen, chosen if len(segment) == 1 else ", ".join(segment), chosen))
    for column, values in offered.items():
        inside = "".join(_option(written([f"{column}={value}"]), f"{columns.heading(column)}: {value}", chosen) for value in values)
        options.append(f'<optgroup label="{escape(columns.heading(column))}">{inside}</optgroup>')
    if len(options) == 1:
        return ""
    return (f'<div class="opsnb-period" role="group" aria-label="{escape(_("segment"))}"><form method="get"><label>{escape(_("only"))} '
            f'<select name="segment">{"".join(options)}</select></label><button type="submit">{escape(_("Show"))}</button></form></div>')


def written(segment: Sequence[str]) -> str:
    """A segment as the address holds it.

    >>> written(["device=ios"]), written(["page=a,b"]), written([])
    ('device=ios', '["page=a,b"]', '')
    """
    plain = all(part == part.strip() and "," not in part and not part.startswith("[") for part in segment)
    return ",".join(segment) if plain else json.dumps(list(segment), ensure_ascii=False)


def _value(value: str) -> str:
    return _("(missing)") if value == "(missing)" else value


def _option(value: str, label: str, chosen: str) -> str:
    return f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(label)}</option>'
