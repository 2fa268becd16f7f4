"""The period of an app's whole page, as links: each sets the notebook's own parameters ``days`` and ``as_of`` in the address.

Links and a form need no kernel and no script, say by themselves where they lead, and can be copied; ``page.js`` keeps the rest of the
address as it is.
"""

from __future__ import annotations

from datetime import date
from html import escape
from urllib.parse import urlencode

from opsnb.views.language import _

PRESETS = (7, 28, 90, 365)


def links(as_of: str, days: int, *, shortest: int = 1) -> list[tuple[str, dict[str, str], bool]]:
    """The presets as (label, parameters, whether it is what the page shows): the last days, this month, the same period last year;
    none shorter than ``shortest`` days, which the notebook would refuse.

    >>> [(label, asked) for label, asked, shown in links("2025-11-09", 28) if not shown][-2:]
    [('this month', {'days': '9', 'as_of': '2025-11-09'}), ('same period last year', {'days': '28', 'as_of': '2024-11-09'})]
    """
    day = date.fromisoformat(as_of)
    spans = [(_("last {days} days").format(days=span), span, as_of) for span in PRESETS]
    spans += [(_("this month"), day.day, as_of), (_("same period last year"), days, year_before(day).isoformat())]
    seen: set[tuple[int, str]] = set()
    made = []
    for label, span, until in spans:
        if (span, until) not in seen and span >= shortest:
            made.append((label, {"days": str(span), "as_of": until}, (span, until) == (days, as_of)))
        seen.add((span, until))
    return made


def year_before(day: date) -> date:
    """The same day a year before; the 28th for the 29th of February.

    >>> year_before(date(2024, 2, 29)).isoformat()
    '2023-02-28'
    """
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def bar(as_of: str, days: int, *, shortest: int = 1) -> str:
    """The links, and a form for any other period that ends on a chosen day; all in the language in use."""
    presets = "".join(f'<a href="?{escape(urlencode(asked))}"{" aria-current=true" if shown else ""}>{escape(label)}</a>'
                      for label, asked, shown in links(as_of, days, shortest=shortest))
    form = (f'<form method="get"><label>{escape(_("until"))} <input type="date" name="as_of" value="{escape(as_of)}"></label>'
            f'<label>{escape(_("days"))} <input type="number" name="days" min="{shortest}" max="3660" value="{days}"></label>'
            f'<button type="submit">{escape(_("Show"))}</button></form>')
    return f'<div class="opsnb-period" role="group" aria-label="{escape(_("period"))}">{presets}{form}</div>'
