"""What a page would show if one of its controls were changed: drawn without a visitor and kept (``opsnb.views.kept``), so that the change is
answered at once. A control of one section alone; what two changes show together is computed when they are asked for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from opsnb.views import kept

if TYPE_CHECKING:
    from opsnb.views.controls import Choice

CELL = "from opsnb.views import ahead\nahead.draw()"  # what a rehearsal of controls puts after a page's last cell
PART = "controls"  # the part of a page that says that its controls have been drawn
MOST_SECONDS = 240.0  # of CPU for one page: what is left then is computed when it is asked for
MOST_OFFERED = 24  # values of one control


def draw() -> None:
    """Draws each panel of the page for each single change of it, the sections one after the other."""
    kept.again(PART, {}, lambda: [{"text/plain": str(sum(1 for _bundles in _drawn()))}])


def _drawn() -> Iterator[list[dict[str, Any]]]:
    from opsnb.views import controls

    until = time.process_time() + MOST_SECONDS
    for section, choices in controls.PANELS:
        for values in changes(choices):
            if time.process_time() > until:
                return
            yield controls.drawn(section, choices, values)


def changes(choices: list[Choice]) -> Iterator[list[Any]]:
    """The values of a panel with one control changed, as its widgets give them.

    >>> from opsnb.views.controls import Choice
    >>> list(changes([Choice("days", [30, 90], 30), Choice("by", ["device", "page"], ["device"])]))
    [[90, ['device']], [30, ['device', 'page']]]
    """
    usual = [choice.default for choice in choices]
    for place, choice in enumerate(choices):
        for value in others(choice)[:MOST_OFFERED]:
            yield [*usual[:place], value, *usual[place + 1:]]


def others(choice: Choice) -> list[Any]:
    """What a control may be set to by one act of a reader: another value; where several are chosen, one less or, in a list, one more."""
    if choice.kind in ("one", "flag"):
        return [value for value in choice.values if value != choice.default or type(value) is not type(choice.default)]
    if choice.kind in ("several", "ordered"):
        offered = choice.values if choice.kind == "several" else choice.default
        toggled = ([one for one in offered if (one in choice.default) != (one == changed)] for changed in offered)
        return [found for found in toggled if found]
    return []
