"""Trends of the environment, weighed: which opportunity and which threat matter most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import NotMeasured
from opsnb.measures.intervals import as_day

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day


def weighed_trends(trends: Any, *, as_of: Day | None = None) -> pd.DataFrame:
    """Which trends outside help us most, and which threaten us most?

    Input columns: trend, observed_at; strength (0 to 1), impact (-1 harms to 1 helps), probability (0 to 1); optional category, evidence.
    Of a trend observed several times the last observation up to ``as_of`` counts.

    One row per trend, the heaviest first.

    Output columns: ``trend``, ``category``, ``evidence``, ``observed_at``, ``strength``, ``impact``, ``probability``; ``weight`` = strength x
    impact x probability, -1 to 1, null where one of them is missing; ``side``: ``opportunity`` (weight over 0), ``threat`` (under 0) or None.

    Source: the strength x impact x probability scoring of PEST analysis. Raises NotMeasured when there is no trend.

    >>> import pandas as pd
    >>> seen = pd.DataFrame({"trend": ["live shopping", "privacy law"], "observed_at": ["2025-01-01", "2025-02-01"],
    ...                      "strength": [.8, .9], "impact": [.5, -.7], "probability": [.9, .8]})
    >>> weighed_trends(seen)[["trend", "weight", "side"]].round(3)
               trend  weight         side
    0    privacy law  -0.504       threat
    1  live shopping   0.360  opportunity
    """
    import pandas as pd

    frame = pd.DataFrame(trends).copy()
    frame["observed_at"] = pd.to_datetime(frame["observed_at"])
    if as_of is not None:
        frame = frame[frame["observed_at"] < pd.Timestamp(as_day(as_of)) + pd.Timedelta(days=1)]
    if frame.empty:
        raise NotMeasured("the trends table has no rows up to this day")
    for column in ("category", "evidence", "strength", "impact", "probability"):
        if column not in frame:
            frame[column] = None if column in ("category", "evidence") else np.nan
    frame = frame.sort_values("observed_at", kind="stable").drop_duplicates("trend", keep="last")
    frame["weight"] = frame["strength"].astype(float) * frame["impact"].astype(float) * frame["probability"].astype(float)
    frame["side"] = np.select([frame["weight"] > 0, frame["weight"] < 0], ["opportunity", "threat"], "")
    frame["side"] = frame["side"].astype(object).where(frame["side"] != "", None)
    order = frame["weight"].abs().sort_values(ascending=False, kind="stable", na_position="last").index
    columns = ["trend", "category", "evidence", "observed_at", "strength", "impact", "probability", "weight", "side"]
    return frame.loc[order, columns].reset_index(drop=True)
