"""Was the budget kept: by line and month, and which line runs over since when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures.intervals import as_day

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

TOLERANCE = 0.05


def budget_variance(budget: Any, *, as_of: Day | None = None, start: Day | None = None, tolerance: float = TOLERANCE,
                    period: str = "month") -> pd.DataFrame:
    """How far is each line of the budget from its plan?

    Input columns: month, line, planned, actual (empty while the month is open).

    One row per line and month, in that order; with ``period="total"`` one per line, over the closed months from ``start`` to ``as_of``,
    biggest overrun first.

    Output columns: ``line``; ``month``, or ``months``, the number of closed ones; ``planned``, ``actual``, ``variance``, currency;
    ``variance_rate``; ``status``: ``over`` (beyond the tolerance, 5% unless told otherwise), ``under``, ``within``, ``unplanned`` (spent
    without a plan), ``open`` (no actual yet).

    Formula: variance = actual - planned; variance_rate = variance / planned, null where nothing was planned. A month without an
    actual, or not over at ``as_of``, is open and counts nowhere.

    Raises NotMeasured without a row, InputError for a missing column, ParameterError for a negative tolerance or an unknown period.

    >>> import pandas as pd
    >>> budget = pd.DataFrame({"month": ["2025-01-01", "2025-02-01", "2025-01-01"], "line": ["ads", "ads", "fairs"],
    ...                        "planned": [100.0, 100.0, 50.0], "actual": [104.0, 130.0, None]})
    >>> budget_variance(budget)[["line", "variance", "variance_rate", "status"]]
        line  variance  variance_rate  status
    0    ads       4.0           0.04  within
    1    ads      30.0           0.30    over
    2  fairs       NaN            NaN    open
    >>> budget_variance(budget, period="total")[["line", "months", "planned", "actual", "status"]]
        line  months  planned  actual status
    0    ads       2    200.0   234.0   over
    1  fairs       0      0.0     0.0   open
    """
    if tolerance < 0:
        raise ParameterError(f"tolerance = {tolerance}; allowed: 0 or more")
    if period not in ("month", "total"):
        raise ParameterError(f"period '{period}' is not one; {nearest(period, ('month', 'total'))}")
    frame = _months(budget, as_of, start)
    if period == "month":
        return _judged(frame, tolerance).drop(columns="closed")
    frame = frame.assign(planned=frame["planned"].where(frame["closed"], 0.0), actual=frame["actual"].fillna(0.0))
    total = frame.groupby("line", as_index=False).agg(months=("closed", "sum"), planned=("planned", "sum"), actual=("actual", "sum"))
    total = _judged(total.assign(closed=total["months"] > 0), tolerance).drop(columns="closed")
    return total.sort_values("variance", ascending=False, kind="stable", ignore_index=True)


def _months(budget: Any, as_of: Day | None, start: Day | None) -> pd.DataFrame:
    import pandas as pd

    for column in ("month", "line", "planned"):
        if column not in budget.columns:
            raise InputError(f"budget: no column '{column}'; {nearest(column, budget.columns)}")
    frame = pd.DataFrame({"line": budget["line"], "month": pd.to_datetime(budget["month"]).astype("datetime64[us]"),
                          "planned": budget["planned"].astype(float),
                          "actual": budget["actual"].astype(float) if "actual" in budget.columns else np.nan})
    if as_of is not None:
        frame["actual"] = frame["actual"].where(frame["month"] + pd.offsets.MonthEnd(0) <= as_day(as_of))
        frame = frame[frame["month"] <= as_day(as_of)]
    if start is not None:
        frame = frame[frame["month"] >= np.datetime64(as_day(start), "M")]
    if frame.empty:
        raise NotMeasured("the budget has no month in this period")
    months = frame.groupby(["line", "month"], as_index=False)[["planned", "actual"]].sum(min_count=1)
    return months.assign(closed=months["actual"].notna())


def _judged(frame: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    planned, closed = frame["planned"].fillna(0.0), frame["closed"]
    variance = (frame["actual"] - planned).where(closed)
    rate = variance / planned.where(planned > 0)
    rounded = rate.round(12)  # 105 against 100 is 5%, whatever the last bit says
    status = np.select([~closed, (planned <= 0) & (frame["actual"] > 0), rounded > tolerance, rounded < -tolerance],
                       ["open", "unplanned", "over", "under"], "within")
    return frame.assign(variance=variance, variance_rate=rate, status=status)


def overruns(budget: Any, *, as_of: Day | None = None, start: Day | None = None, tolerance: float = TOLERANCE,
             months: int = 2) -> pd.DataFrame:
    """Which lines run over the budget month after month, and since when?

    Input columns: month, line, planned, actual.

    One row per line that runs over, biggest amount first.

    Output columns: ``line``; ``since``, first month of the overrun; ``months`` over; ``planned``, ``actual``, ``variance`` since then,
    currency; ``variance_rate``; ``rate_before``, variance_rate of the closed months before (null without one).

    Formula: an overrun is a run of at least ``months`` closed months, the last one included, each over by more than the tolerance.

    Raises as :func:`budget_variance`.

    >>> import pandas as pd
    >>> budget = pd.DataFrame({"month": ["2025-01-01", "2025-02-01", "2025-03-01"], "line": "ads", "planned": 100.0,
    ...                        "actual": [101.0, 120.0, 140.0]})
    >>> overruns(budget)[["line", "since", "variance", "variance_rate", "rate_before"]]
      line      since  variance  variance_rate  rate_before
    0  ads 2025-02-01      60.0            0.3         0.01
    """
    import pandas as pd

    by_month = budget_variance(budget, as_of=as_of, start=start, tolerance=tolerance)
    found = []
    for line, rows in by_month[by_month["status"] != "open"].groupby("line"):
        run = int(rows["status"].isin(["over", "unplanned"])[::-1].cumprod().sum())
        if run < max(months, 1):
            continue
        since, before = rows.iloc[-run:], rows.iloc[:-run]
        planned, variance, planned_before = since["planned"].fillna(0).sum(), since["variance"].sum(), before["planned"].sum()
        found.append({"line": line, "since": since["month"].iloc[0], "months": run, "planned": planned, "actual": since["actual"].sum(),
                      "variance": variance, "variance_rate": variance / planned if planned > 0 else np.nan,
                      "rate_before": before["variance"].sum() / planned_before if planned_before > 0 else np.nan})
    columns = ["line", "since", "months", "planned", "actual", "variance", "variance_rate", "rate_before"]
    return pd.DataFrame(found, columns=columns).sort_values("variance", ascending=False, kind="stable", ignore_index=True)
