"""What the tests of measures over events share: a frame as a table in small blocks, and its histories the slow way."""

import pandas as pd
import pytest

from opsnb.tables import histories as histories_module
from opsnb.tables.histories import histories

GAP = pd.Timedelta(minutes=30)


def in_blocks(frame, block_rows, name="events"):
    """The frame as histories whose blocks end with the user of each so-many-th row."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histories_module, "BLOCK_ROWS", block_rows)
        return histories(frame, name)


def units_of(frame, unit):
    """{(user, ...): rows of one user, or of one visit, in order}: the file's order decides ties. A visit is the rows of a session_id, and
    of the rows without one those with at most 30 minutes between them."""
    out = {}
    for user, own in frame.sort_values("ts", kind="stable").groupby("user_id", sort=True):
        number, last = 0, None
        for row in own.itertuples():
            session = getattr(row, "session_id", None)
            if unit == "user":
                key = (user,)
            elif session is not None and not pd.isna(session):
                key = (user, "named", session)
            else:
                number += last is not None and row.ts - last > GAP
                last = row.ts
                key = (user, "cut", number)
            out.setdefault(key, []).append(row)
    return out
