"""Where we stand: how fast the market grows, who holds which share of it, and who took share since when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures.intervals import as_day
from opsnb.measures.levels import breaks_apart

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

CERTAIN = 0.01  # corrected p below which a shift is named
MOVED = 0.1  # smallest relative move of a value against the others'
LEAST_PERIODS = 3


def market_growth(market: Any, *, as_of: Day | None = None, total: bool = False) -> pd.DataFrame:
    """How big each segment of the market is, how fast it grows, and what share it has.

    Input columns: period, segment, size. ``total``: all segments together, as one segment named ``total``.

    One row per segment and period up to ``as_of`` (default: all), by segment and period.

    Output columns: ``segment``; ``period``, its first day; ``size``, currency; ``growth_rate`` against the same period a year before,
    null where that is not in the data; ``share`` of all segments in the period, 0 to 1, null where their sum is 0.

    Formula: growth_rate = size / size a year before - 1. A period in which a segment that others have is missing has its shares of those
    present.

    Raises NotMeasured without a row, InputError for a missing column.

    >>> import pandas as pd
    >>> market = pd.DataFrame({"period": ["2024-01-01", "2024-01-01", "2025-01-01", "2025-01-01"], "segment": ["tea", "coffee"] * 2,
    ...                        "size": [100.0, 100.0, 150.0, 100.0]})
    >>> market_growth(market)
      segment     period   size  growth_rate  share
    0  coffee 2024-01-01  100.0          NaN    0.5
    1  coffee 2025-01-01  100.0          0.0    0.4
    2     tea 2024-01-01  100.0          NaN    0.5
    3     tea 2025-01-01  150.0          0.5    0.6
    """
    import pandas as pd

    frame = _rows(market, "market", ("period", "segment", "size"), as_of)
    if total:
        frame = frame.assign(segment="total")
    sizes = frame.groupby(["segment", "period"], as_index=False)["size"].sum(min_count=1)
    before = sizes.assign(period=sizes["period"] + pd.DateOffset(years=1)).rename(columns={"size": "before"})
    sizes = sizes.merge(before, on=["segment", "period"], how="left", validate="one_to_one")
    sizes["growth_rate"] = sizes["size"] / sizes.pop("before").where(lambda size: size > 0) - 1
    whole = sizes.groupby("period")["size"].transform("sum")
    sizes["share"] = sizes["size"] / whole.where(whole > 0)
    return sizes


def _rows(table: Any, name: str, columns: tuple[str, ...], as_of: Day | None) -> pd.DataFrame:
    """A copy of the columns, period as a time, rows after ``as_of`` and rows without a number left out."""
    import pandas as pd

    for column in columns:
        if column not in table.columns:
            raise InputError(f"{name}: no column '{column}'; {nearest(column, table.columns)}")
    frame = table[list(columns)].copy()
    frame["period"] = pd.to_datetime(frame["period"]).astype("datetime64[us]")
    frame = frame.dropna(subset=["period", columns[-1]])
    if as_of is not None:
        frame = frame[frame["period"] <= as_day(as_of)]
    if frame.empty:
        raise NotMeasured(f"the {name} table has no rows" if as_of is None else f"the {name} table has no rows up to {as_of}")
    return frame


def competitor_share(competitors: Any, *, metric: str = "gmv", own: str | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """What share of a metric, e.g. of all sales, each competitor has, and how it moved.

    Input columns: period, competitor, metric, value. ``own``: the name under which we ourselves stand in the table.

    One row per competitor and period up to ``as_of``, by competitor and period.

    Output columns: ``period``; ``competitor``; ``value``, the metric's unit; ``share`` of all named in the period, 0 to 1; ``change`` of
    the share since the competitor's period before, -1 to 1, null in the first; ``own``.

    Formula: share = value / sum over all competitors in the table in that period: of those listed, not of the market.

    Raises NotMeasured without a row, InputError for a missing column, ParameterError for a metric or own name that does not occur.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"period": ["2025-01-01"] * 2 + ["2025-02-01"] * 2, "competitor": ["us", "them"] * 2, "metric": "gmv",
    ...                      "value": [60.0, 40.0, 50.0, 50.0]})
    >>> competitor_share(rows, own="us")[["competitor", "share", "change"]].round(2)
      competitor  share  change
    0       them    0.4     NaN
    1       them    0.5     0.1
    2         us    0.6     NaN
    3         us    0.5    -0.1
    """
    frame = _rows(competitors, "competitors", ("period", "competitor", "metric", "value"), as_of)
    for what, found in (("metric", metric), ("competitor", own)):
        if found is not None and found not in set(frame[what]):
            raise ParameterError(f"{what} '{found}' does not occur in competitors; {nearest(found, sorted(set(frame[what])))}")
    rows = frame[frame["metric"] == metric].groupby(["competitor", "period"], as_index=False)["value"].sum()
    whole = rows.groupby("period")["value"].transform("sum")
    rows["share"] = rows["value"] / whole.where(whole > 0)
    rows["change"] = rows.groupby("competitor")["share"].diff()
    rows["own"] = rows["competitor"] == own
    return rows[["period", "competitor", "value", "share", "change", "own"]]


def share_shifts(competitors: Any, *, metric: str = "gmv", own: str | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """Which competitor took share, or lost it, for good, and since which period?

    Input columns: as :func:`competitor_share`.

    One row per competitor whose share moved and stayed moved, biggest gain first; none where shares only fluctuate.

    Output columns: ``competitor``; ``since``, first period on the new course; ``since_low``, ``since_high``, its 95% range;
    ``share_before``, ``share_after``, 0 to 1, means of the periods before and since; ``share_now``, of the last period; ``change``,
    share_after - share_before; ``shape``, a ``step`` or a ``slope``; ``statistic``; ``p_value``, corrected for the number of competitors;
    ``own``.

    Formula: :func:`opsnb.measures.levels.breaks_apart` of the log values by period: the likeliest lasting step or beginning slope against
    the course of the other competitors, so that neither a season of all nor another one's surge is a shift, compared with 999 shuffled
    series. Named where p < .01, the value moved by at least 10% against the others', and half of that is still there in the last three
    periods.

    Raises as :func:`competitor_share`; NotMeasured with fewer than three competitors or seven periods.
    """
    import pandas as pd

    shares = competitor_share(competitors, metric=metric, own=own, as_of=as_of)
    values = shares.pivot(index="period", columns="competitor", values="value").sort_index()
    if len(values.columns) < 3 or len(values) < 2 * LEAST_PERIODS + 1:
        raise NotMeasured(f"a shift of shares needs three competitors over {2 * LEAST_PERIODS + 1} periods; there are "
                          f"{len(values.columns)} over {len(values)}")
    logs = np.log(values.where(values > 0))
    count = len(logs.columns)
    broken = breaks_apart(logs.to_numpy(float), least=LEAST_PERIODS, certain=CERTAIN / count, slope=True)
    found = []
    for column, one in broken.items():
        if not one.lasts or abs(one.after - one.before) < np.log1p(MOVED):
            continue
        competitor, since = logs.columns[column], logs.index[one.at]
        share = shares[shares["competitor"] == competitor].set_index("period")["share"]
        before, after = share[share.index < since].mean(), share[share.index >= since].mean()
        found.append({"competitor": competitor, "since": since, "since_low": logs.index[one.low], "since_high": logs.index[one.high],
                      "share_before": before, "share_after": after, "share_now": share.iloc[-1], "change": after - before,
                      "shape": one.shape, "statistic": one.statistic, "p_value": one.p_value * count, "own": competitor == own})
    columns = ["competitor", "since", "since_low", "since_high", "share_before", "share_after", "share_now", "change", "shape", "statistic",
               "p_value", "own"]
    frame = pd.DataFrame(found, columns=columns)
    return frame.sort_values("change", ascending=False, kind="stable", ignore_index=True)
