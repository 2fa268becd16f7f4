"""Are the plan's targets kept? Each KPI against where it should be by now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures.intervals import as_day

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

TOLERANCE = 0.1
STATUSES = ("missed", "at-risk", "on-track", "not started", "not measured")


def days_of_judgement(targets: Any, *, as_of: Day) -> list[np.datetime64]:
    """The days for which :func:`scorecard` needs actuals: ``as_of``, and every due day before it.

    >>> import pandas as pd
    >>> days_of_judgement(pd.DataFrame({"due": ["2025-03-31", "2025-12-31"]}), as_of="2025-06-30")
    [np.datetime64('2025-03-31'), np.datetime64('2025-06-30')]
    """
    import pandas as pd

    today = as_day(as_of)
    return sorted({min(as_day(due), today) for due in pd.to_datetime(targets["due"]).dropna()} | {today})


def scorecard(targets: Any, actuals: Any, *, as_of: Day, tolerance: float = TOLERANCE) -> pd.DataFrame:
    """Is each target reached, in time, or in danger?

    Input columns: targets: kpi, baseline, target, start, due; optional dimension, horizon, weight, owner. ``actuals``: the frame of
    :func:`opsnb.measures.kpis.actuals` (kpi, value; as_of, low, high, reason where there are), or a mapping from kpi to its value.

    One row per target, worst first: missed, at-risk (both by shortfall x weight), on-track, not started, not measured.

    Output columns: ``kpi``; ``dimension``; ``horizon``; ``baseline``, ``target``, ``actual``, ``expected_by_now``, the KPI's unit;
    ``progress``, share of the way from baseline to target; ``elapsed``, share of the time from start to due, 0 to 1; ``status``; ``gap``,
    actual - expected_by_now, the KPI's unit; ``shortfall``, how much of the way from baseline to target is lacking, 0 if nothing;
    ``within_chance``: it lacks, but the actual's interval reaches expected_by_now, so few answers or visitors may be all there is to it;
    ``weight``; ``owner``; ``start``, ``due``; ``judged_on``, the day whose actual counts; ``reason`` why it is not measured, else None.

    Formula: expected_by_now = baseline + elapsed x (target - baseline). A target whose due day has passed is judged by its actual of that
    day, else by the one of ``as_of``; the last actual up to then counts, a mapping's always. **missed**: due, and the target not reached;
    **at-risk**: not due yet, and behind expected_by_now by more than ``tolerance`` of the way (10%); **on-track**: else. Where target and
    baseline are equal the level is to be kept: shortfall is then relative to the level, in the direction of ``better`` (else up).

    Raises NotMeasured without a target, InputError for a missing column, ParameterError for a due day before its start.

    >>> import pandas as pd
    >>> targets = pd.DataFrame({"kpi": ["gmv", "cac"], "baseline": [100.0, 50.0], "target": [200.0, 40.0],
    ...                         "start": "2025-01-01", "due": "2025-12-31"})
    >>> scorecard(targets, {"gmv": 110.0, "cac": 44.0}, as_of="2025-07-02")[["kpi", "expected_by_now", "progress", "status"]].round(2)
       kpi  expected_by_now  progress    status
    0  gmv            150.0       0.1   at-risk
    1  cac             45.0       0.6  on-track
    """
    import pandas as pd

    for column in ("kpi", "baseline", "target", "start", "due"):
        if column not in targets.columns:
            raise InputError(f"targets: no column '{column}'; {nearest(column, targets.columns)}")
    if targets.empty:
        raise NotMeasured("the targets table has no rows")
    frame = pd.DataFrame({
        "kpi": targets["kpi"], **{name: _optional(targets, name) for name in ("dimension", "horizon", "weight", "owner")},
        **{name: targets[name].astype(float) for name in ("baseline", "target")},
        **{name: pd.to_datetime(targets[name]).astype("datetime64[us]") for name in ("start", "due")}}).reset_index(drop=True)
    wrong = frame[frame["due"] < frame["start"]]
    if len(wrong):
        raise ParameterError(f"target of {wrong['kpi'].iloc[0]}: due {wrong['due'].iloc[0]:%Y-%m-%d} lies before its start "
                             f"{wrong['start'].iloc[0]:%Y-%m-%d}")
    today = pd.Timestamp(as_day(as_of))
    frame["weight"] = frame["weight"].astype(float).fillna(1.0)
    frame["judged_on"] = frame["due"].clip(upper=today).astype("datetime64[us]")
    found = [_actual(actuals, kpi, day) for kpi, day in zip(frame["kpi"], frame["judged_on"], strict=True)]
    frame = frame.join(pd.DataFrame(found, columns=["actual", "low", "high", "better", "reason", "measured_dimension"]))
    frame["dimension"] = frame["dimension"].where(frame["dimension"].notna(), frame["measured_dimension"])
    way = frame["target"] - frame["baseline"]
    length = (frame["due"] - frame["start"]).dt.days
    frame["elapsed"] = ((today - frame["start"]).dt.days / length.where(length > 0)).fillna(1.0).clip(0, 1)
    frame["expected_by_now"] = frame["baseline"] + frame["elapsed"] * way
    frame["progress"] = (frame["actual"] - frame["baseline"]) / way.where(way != 0)
    frame["gap"] = frame["actual"] - frame["expected_by_now"]
    sign = np.where(way != 0, np.sign(way), np.where(frame["better"] == "down", -1, 1))
    scale = way.abs().where(way != 0, frame["target"].abs()).where(lambda size: size > 0, 1.0)
    frame["shortfall"] = (-sign * frame["gap"] / scale).clip(lower=0)
    nearest_end = np.where(sign > 0, frame["high"], frame["low"])
    frame["within_chance"] = (frame["shortfall"] > 0) & (sign * (nearest_end - frame["expected_by_now"]) >= 0)
    due = frame["due"] <= today
    frame["status"] = np.select(
        [frame["start"] > today, frame["actual"].isna(), due & (frame["shortfall"].round(12) > 0), ~due & (frame["shortfall"] > tolerance)],
        ["not started", "not measured", "missed", "at-risk"], "on-track")
    frame["reason"] = frame["reason"].where(frame["status"] == "not measured", None)
    rank = frame["status"].map({status: place for place, status in enumerate(STATUSES)})
    weighed = (frame["shortfall"] * frame["weight"]).fillna(0.0)
    frame = frame.iloc[np.lexsort((frame.index, -weighed, rank))].reset_index(drop=True)
    return frame[["kpi", "dimension", "horizon", "baseline", "target", "actual", "expected_by_now", "progress", "elapsed", "status", "gap",
                  "shortfall", "within_chance",
                  "weight", "owner", "start", "due", "judged_on", "reason"]]


def _optional(targets: Any, name: str) -> Any:
    return targets[name].astype(object).where(targets[name].notna(), None) if name in targets.columns else None


def _actual(actuals: Any, kpi: str, day: Any) -> tuple[Any, ...]:
    """Value, interval, better, reason and dimension of a KPI on a day: the last one up to then."""
    import pandas as pd

    unknown = (np.nan, np.nan, np.nan, None, f"no measure is named {kpi}", None)
    if isinstance(actuals, Mapping):
        return (float(actuals[kpi]), np.nan, np.nan, None, None, None) if kpi in actuals else unknown
    rows = actuals[actuals["kpi"] == kpi]
    if "as_of" in rows.columns and len(rows):
        rows = rows[pd.to_datetime(rows["as_of"]) <= day].sort_values("as_of", kind="stable")
        unknown = (*unknown[:4], f"no value up to {day:%Y-%m-%d}", None)
    if rows.empty:
        return unknown
    row = rows.iloc[-1]
    numbers = (float(row.get(name, np.nan)) for name in ("value", "low", "high"))
    return (*numbers, *(row.get(name) for name in ("better", "reason", "dimension")))


def target_misses(scorecard: pd.DataFrame) -> pd.DataFrame:
    """Which targets ask for action: the missed and the endangered rows of a scorecard, the biggest shortfall by weight first.

    Input and output columns: those of :func:`scorecard`. A KPI with several targets has the row of its biggest shortfall.

    >>> import pandas as pd
    >>> targets = pd.DataFrame({"kpi": ["gmv", "cac"], "baseline": [100.0, 50.0], "target": [200.0, 40.0],
    ...                         "start": "2025-01-01", "due": "2025-12-31"})
    >>> target_misses(scorecard(targets, {"gmv": 110.0, "cac": 44.0}, as_of="2025-07-02"))["kpi"].tolist()
    ['gmv']
    """
    behind = scorecard[scorecard["status"].isin(STATUSES[:2])]
    order = np.argsort(-(behind["shortfall"] * behind["weight"]).to_numpy(), kind="stable")
    return behind.iloc[order].drop_duplicates("kpi").reset_index(drop=True)
