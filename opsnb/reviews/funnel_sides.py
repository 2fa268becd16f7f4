"""The path compared: two periods or two segments of it, and another mix of visitors told apart from a change of conversion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsnb.errors import NotMeasured
from opsnb.measures import change, compare
from opsnb.reviews.funnel_path import daily_trend
from opsnb.reviews.once import once
from opsnb.views import findings

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding


@once
def shift(data: Data, *, steps: Sequence[str], by: Sequence[str], days: int = 365, recent_days: int = 90) -> Finding | None:
    """Another mix of visitors that moves the conversion of all, of the column that moves it most; None where there is none.

    Looked for in the last ``recent_days`` against as many before, by visits; where the day can be told since which the share is another
    one, what it did is measured from that day on, against as many days before. Raises NotMeasured for a period that is too short.
    """
    import pandas as pd

    trend = daily_trend(data, steps=steps, by=by, days=max(days, 2 * recent_days))
    middle = data.start(recent_days)
    if not len(trend) or trend["period_start"].min() > middle - pd.Timedelta(days=recent_days // 2):
        raise NotMeasured("there is no period before the last one to compare it with")
    looked = [_mix(trend, column, middle, recent_days) for column in by]
    found = max((one for one in looked if findings.is_mix_shift(one[0], one[1])), key=lambda one: abs(one[0]["value"].iloc[0]), default=None)
    if found is None:
        return None
    _, segments, column = found
    segment = segments.iloc[(segments["share"] - segments["other_share"]).abs().argmax()]
    dated = _dated(trend, column, segment[column], grew=segment["share"] > segment["other_share"], first=data.start(2 * recent_days))
    if len(dated):
        length = (data.as_of - dated["since"].iloc[0]).days + 1
        again = _mix(trend, column, dated["since"].iloc[0], length)
        found = again if findings.is_mix_shift(again[0], again[1]) else found
    return findings.mix_shift(found[0], found[1], column=column, value=segment[column], dated=dated)


def _mix(trend: pd.DataFrame, column: str, middle: pd.Timestamp, length: int) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Mix and rate of the visits from ``middle`` on against as many days before, in all and by segment."""
    import pandas as pd

    start = trend["period_start"]
    now, before = trend[start >= middle], trend[(start < middle) & (start >= middle - pd.Timedelta(days=length))]
    return compare.mix_and_rate(now, before, by=column), compare.mix_by_segment(now, before, by=column), column


def _dated(trend: pd.DataFrame, column: str, value: object, *, grew: bool, first: pd.Timestamp) -> pd.DataFrame:
    """Since when a segment has another share of all visits: a break of the share of the others, where it grew."""
    entered = trend[(trend["step"] == trend["step"].iloc[0]) & (trend["period_start"] >= first)]
    own = entered[column].isna() if value is None else entered[column] == value
    counted = entered.assign(converted=entered["entered"].where(own != grew, 0), step="share")
    daily = counted.groupby(["period_start", "step"], as_index=False)[["entered", "converted"]].sum()
    return change.rate_breaks(daily).head(1)
