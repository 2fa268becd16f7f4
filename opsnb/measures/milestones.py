"""Milestones: which are done, late or about to be late, and whom a late one holds up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import NotMeasured
from opsnb.measures.intervals import as_day

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

BUFFER = 0.1  # part of the planned duration that the plan allows on top


def milestone_status(milestones: Any, *, as_of: Day, buffer: float = BUFFER) -> pd.DataFrame:
    """Is each milestone in time, and which others wait for it?

    Input columns: milestone, planned_start, planned_end; optional actual_end, phase, owner, depends_on.

    One row per milestone, in order of planned_end.

    Output columns: ``milestone``, ``phase``, ``owner``, ``planned_end``, ``actual_end``; ``buffer_end``: planned_end plus ``buffer`` of the planned
    duration, rounded up to whole days; ``days_late``: past planned_end, at actual_end or, while open, at ``as_of`` (0 if not yet due); ``status``:
    ``done``, ``done late`` (after the buffer), ``late`` (open, after the buffer), ``in buffer`` (open, planned_end has passed), ``blocked`` (due to start,
    but what it depends on is open), ``open``; ``holds_up``: number of milestones that wait for it, directly or not.

    Raises NotMeasured when there is no milestone.

    >>> import pandas as pd
    >>> plan = pd.DataFrame({"milestone": ["design", "build"], "planned_start": ["2025-01-01", "2025-02-01"],
    ...                      "planned_end": ["2025-01-31", "2025-03-01"], "actual_end": [None, None], "depends_on": [None, "design"]})
    >>> milestone_status(plan, as_of="2025-02-10")[["milestone", "days_late", "status", "holds_up"]]
      milestone  days_late   status  holds_up
    0    design         10     late         1
    1     build          0  blocked         0
    """
    import pandas as pd

    frame = pd.DataFrame(milestones).copy()
    if frame.empty:
        raise NotMeasured("the milestones table has no rows")
    today = pd.Timestamp(as_day(as_of))
    for column in ("planned_start", "planned_end", "actual_end"):
        frame[column] = pd.to_datetime(frame[column]) if column in frame else pd.Series(pd.NaT, index=frame.index)
    for column in ("phase", "owner", "depends_on"):
        frame[column] = frame[column].astype(object).where(frame[column].notna(), None) if column in frame else None
    frame["actual_end"] = frame["actual_end"].where(frame["actual_end"] <= today)  # what is done later is not done yet
    frame = frame.sort_values("planned_end", kind="stable", ignore_index=True)
    duration = (frame["planned_end"] - frame["planned_start"]).dt.days + 1
    buffer_end = frame["planned_end"] + pd.to_timedelta(np.ceil(duration * buffer), unit="D")
    done, ended = frame["actual_end"].notna(), frame["actual_end"].fillna(today)
    still_open = set(frame.loc[~done, "milestone"])
    blocked = ~done & (frame["planned_start"] <= today) & frame["depends_on"].isin(still_open)
    frame["buffer_end"] = buffer_end
    frame["days_late"] = (ended - frame["planned_end"]).dt.days.clip(lower=0)
    frame["status"] = np.select(
        [done & (ended > buffer_end), done, ended > buffer_end, blocked, ended > frame["planned_end"]],
        ["done late", "done", "late", "blocked", "in buffer"], "open")
    frame["holds_up"] = [len(_waiting(frame, name)) for name in frame["milestone"]]
    return frame[["milestone", "phase", "owner", "planned_end", "actual_end", "buffer_end", "days_late", "status", "holds_up"]]


def _waiting(frame: pd.DataFrame, name: str) -> set[str]:
    """Every milestone that depends on ``name``, directly or through others; a circle is walked once."""
    found: set[str] = set()
    front = {name}
    while front:
        front = set(frame.loc[frame["depends_on"].isin(front), "milestone"]) - found
        found |= front
    return found - {name}
