"""Lists of customers: ids alone, and only where whoever runs the page has allowed it."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable
from typing import Any

from opsnb.views import language, page, shown, visit
from opsnb.views.language import _
from opsnb.views.shown import Shown

OPEN_IN_APPS = "OPSNB_LISTS"  # set to 1 by whoever serves the apps: their visitors may then download lists


def members(ids: Iterable[Any], name: str, *, allowed: bool, said: str = "") -> Shown:
    """The ids of a list as a CSV to download, in their order; a run also writes them to ``tables/<name>.csv``. Or the sentence that it is closed.

    ``allowed`` is the notebook's parameter ``hand_out_ids``; in apps the environment's OPSNB_LISTS=1 opens lists, too: no address can. ``said``: what the
    list is, in the reader's language; default: its name.

    >>> members(["u1", "u2"], "recall_list", allowed=False)
    recall list: 2 ids, not handed out; the parameter hand_out_ids allows it.
    """
    import pandas as pd

    frame = pd.DataFrame({"user_id": [str(one) for one in ids]})
    what, number = said or language.name(name), language.count(len(frame))
    if not are_open(allowed):
        closed = (_("{list}: {number} ids, which this page does not hand out.") if visit.in_app()
                  else _("{list}: {number} ids, not handed out; the parameter hand_out_ids allows it.")).format(list=what, number=number)
        return Shown({"text/html": page.boxed(f'<p class="note">{page.escape(closed)}</p>'), "text/plain": closed})
    table = shown.as_table(frame, name)
    words = _("{list}: {number} ids as CSV").format(list=what, number=number)
    return Shown({"text/html": page.boxed(f'<p class="note">{_link(table, words)}</p>'), "text/plain": words, shown.TABLE: table})


def are_open(allowed: bool) -> bool:
    """Whether lists may leave this page."""
    return allowed or (visit.in_app() and os.environ.get(OPEN_IN_APPS) == "1")


def rows_shown(allowed: bool) -> bool:
    """Whether rows of single customers may be shown without their ids: in a run always, in an app where its lists are open."""
    return not visit.in_app() or are_open(allowed)


def _link(table: dict[str, str], words: str) -> str:
    """A link that holds the list itself, so that it works offline and without a server."""
    coded = base64.b64encode(b"\xef\xbb\xbf" + shown.excel_csv(table["csv"]).encode("utf-8")).decode("ascii")
    file = re.sub(r"[^\w-]+", "_", table["name"]).strip("_") or "list"
    return f'<a download="{page.escape(file)}.csv" href="data:text/csv;charset=utf-8;base64,{coded}">{page.escape(words)}</a>'
