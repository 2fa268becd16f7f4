"""Paths: what users do in one go, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import ParameterError
from opsnb.measures import blocks
from opsnb.tables.histories import histories

if TYPE_CHECKING:
    import pandas as pd


def sessions(events: Any, *, gap_minutes: float = blocks.SESSION_GAP_MINUTES) -> pd.DataFrame:
    """Users' visits, cut where more than ``gap_minutes`` pass between two events of one user. A visit may cross midnight.

    Input columns: user_id, ts. A session_id is not used: the cut is the same for every source of data.

    One row per visit, by user and time.

    Output columns: ``user_id``; ``session``: 1 for the user's first visit; ``start``, ``end``: time of its first and last event;
    ``events``: how many; ``minutes`` from start to end.

    Formula: the gap rule of web analytics, 30 minutes by convention (Catledge and Pitkow 1995 measured 25.5).

    Raises InputError for a missing column, ParameterError for a gap that is not positive.

    >>> import pandas as pd
    >>> events = pd.DataFrame({"user_id": "a", "event": "home", "ts": pd.to_datetime(
    ...     ["2025-06-18 23:50", "2025-06-19 00:20", "2025-06-19 00:51"])})
    >>> sessions(events)[["session", "events", "minutes"]]
       session  events  minutes
    0        1       2     30.0
    1        2       1      0.0
    """
    import pandas as pd

    _positive(gap_minutes)
    table = histories(events)
    user, opened, closed, rows, number = ([np.empty(0, kind)] for kind in (np.int32, np.int64, np.int64, np.int64, np.int64))
    for block in table.blocks():
        first = blocks.gap_starts(block.user, block.ts, gap_minutes)
        ends = np.append(first[1:], len(block))
        whose = block.user[first]
        own = blocks.starts(whose)
        user.append(whose)
        opened.append(block.ts[first])
        closed.append(block.ts[ends - 1])
        rows.append(ends - first)
        number.append(np.arange(len(first)) - np.repeat(own, np.diff(np.append(own, len(first)))) + 1)
    start, end = np.concatenate(opened), np.concatenate(closed)
    return pd.DataFrame({"user_id": pd.Categorical.from_codes(np.concatenate(user), categories=pd.Index(table.users, dtype=object)),
                         "session": np.concatenate(number), "start": start.view("datetime64[us]"), "end": end.view("datetime64[us]"),
                         "events": np.concatenate(rows), "minutes": (end - start) / blocks.MINUTE_US})


def session_count(events: Any, *, gap_minutes: float = blocks.SESSION_GAP_MINUTES) -> int:
    """How many visits :func:`sessions` finds, without listing them.

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2025-06-18", "2025-06-19", "2025-06-18"])
    >>> session_count(pd.DataFrame({"user_id": list("aab"), "event": "home", "ts": days}))
    3
    """
    _positive(gap_minutes)
    return sum(len(blocks.gap_starts(block.user, block.ts, gap_minutes)) for block in histories(events).blocks())


def _positive(gap_minutes: float) -> None:
    if not gap_minutes > 0:
        raise ParameterError(f"gap_minutes must be more than 0, got {gap_minutes}")
