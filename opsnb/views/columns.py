"""Columns as a reader sees them: a heading in the reader's language, and values in the format that the name promises.

A column keeps its name from the CSV header to the axis: ``step_conversion`` is headed "step conversion", translated where the
catalogue knows it, and left alone where it is a name out of the user's own data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from opsnb.views import language

if TYPE_CHECKING:
    import pandas as pd

MONEY = {"gmv", "aov", "arpu", "cac"}  # KPIs of the business that are amounts
_OF_KPI = {"baseline", "target", "actual", "expected_by_now", "value", "previous_value"}
RIGHT = {"percent", "signed", "shift", "count", "number", "money"}

# Names that say neither "_rate" nor "_days": what kind of value they hold.
_PERCENT = {"share", "conversion", "step_conversion", "revenue_share", "progress", "complete", "valid", "unique", "in_time", "user_share",
            "expected_low", "expected_high", "rate", "other_rate", "later_conversion", "caught", "value_caught", "elapsed", "shortfall", "stability",
            "smallest", "covered", "return_low", "return_high", "tolerance"}
_SIGNED = {"relative_change", "change", "growth_rate", "variance_rate", "gap_rate", "yoy", "total_error", "value_error"}
# Differences of rates, in percentage points: by their names, and by the columns that they stand beside.
_SHIFTS = {"share_change", "mix_effect", "rate_effect"}
_SHIFTS_BESIDE = (({"other_rate", "difference", "low", "high"}, {"difference", "low", "high"}), ({"effect", "value", "low", "high"}, {"value", "low", "high"}),
                  ({"share", "change"}, {"change"}), ({"share_before", "share_after", "change"}, {"change"}))
_COUNTS = {"users", "customers", "orders", "sessions", "entered", "converted", "repeated", "retained", "events", "visitors",
           "new_customers", "customers_before", "customers_after", "cohort_users", "new_users", "buyers", "waiting", "lost", "several",
           "months", "days", "clicks", "impressions", "rows_read", "rows_kept", "period_index", "still_open", "users_lost", "conversions_lost",
           "at_risk", "left", "returned", "censored", "new", "current", "resurrected", "active", "quiet", "dormant", "living", "fell_asleep",
           "reactivated", "dau", "wau", "mau", "users_before", "came_in", "newcomers", "went_out", "net", "advanced", "answers", "promoters",
           "passives", "detractors", "all_answers", "calm_answers", "tickets", "answered", "answered_in_time", "group_users", "all_users", "index",
           "denominator", "expected", "lost_orders",
           "decile", "stayed", "moved", "joined", "unplaced", "row", "repeat_orders", "repeat_customers", "payback_months", "months_seen", "won"}
_MONTHS = {"month", "cohort"}
# Columns whose texts are names of our own; the texts of all others come from the data and stay as they are.
_OWN_NAMES = {"tier", "action", "status", "kpi", "dimension", "horizon", "side", "shape", "unit", "category", "better", "slice_column", "reason",
              "state", "stage", "stage_before", "strategy", "verdict", "which",
              "method", "part"}


def heading(column: object, form: str = "") -> str:
    """The heading of a column; with the unit where values in this format are without.

    >>> heading("step_conversion"), heading("cac"), heading("my_property"), heading("mix_effect", "shift")
    ('step conversion', 'CAC', 'my_property', 'mix effect (points)')
    """
    name = language.name(column)
    return name if form != "shift" else language._("{column} (points)").format(column=name)


def formats(frame: pd.DataFrame) -> dict[Any, str]:
    """The format of each column of a frame: a change of shares and the interval of a difference of rates are points.

    >>> import pandas as pd
    >>> formats(pd.DataFrame({"share": [.4], "change": [.02]})), formats(pd.DataFrame({"value": [4], "change": [.02]}))
    ({'share': 'percent', 'change': 'shift'}, {'value': 'number', 'change': 'signed'})
    """
    shifts = set().union(*(named for beside, named in _SHIFTS_BESIDE if beside <= set(frame.columns)))
    return {column: "shift" if column in shifts else format_of(column, values) for column, values in frame.items()}


def format_of(column: object, values: pd.Series | None = None) -> str:
    """The format that a column's name promises, by the names of :data:`opsnb.views.language.FORMATS`; the values decide where it doesn't.

    >>> format_of("repeat_rate"), format_of("growth_rate"), format_of("users"), format_of("since"), format_of("cohort")
    ('percent', 'signed', 'count', 'date', 'month')
    """
    from pandas.api import types

    name = str(column)
    if values is not None and not types.is_numeric_dtype(values):
        return "month" if name in _MONTHS else "date" if types.is_datetime64_any_dtype(values) or _is_day(name) \
            else name if name in ("slice", "table") else "name" if name in _OWN_NAMES else ""
    if name in _SHIFTS:
        return "shift"
    if name in _SIGNED:
        return "signed"
    if name in _PERCENT or name.endswith(("_rate", "_share")) or name.startswith(("rate_", "share_", "relative_low", "relative_high")):
        return "percent"
    if name in _MONTHS or _is_day(name):
        return "month" if name in _MONTHS else "date"
    return "count" if name in _COUNTS or (name.endswith("_score") and name != "quality_score") else "number"


def formats_of_row(formats: Mapping[Any, str], row: Iterable[Any]) -> list[str]:
    """The formats of one row: where a row is about a KPI, its values are written as that KPI is."""
    values = dict(zip(formats, row, strict=True))
    if "kpi" not in values:
        return list(formats.values())
    return [kpi_format(values["kpi"]) if column in _OF_KPI else form for column, form in formats.items()]


def kpi_format(kpi: object) -> str:
    """The format of a KPI's values: that of a column of its name, amounts with their currency."""
    return "money" if kpi in MONEY else format_of(kpi)


def _is_day(name: str) -> bool:
    return name.startswith("since") or name in ("date", "due", "start", "judged_on", "period_start", "as_of")


def shown(value: Any, form: str) -> str:
    """A single value in a format; nothing is a dash."""
    if value is None or value != value or (value is not None and str(value) in ("NaT", "<NA>")):
        return language.NONE
    if isinstance(value, bool):
        return language._("yes") if value else language._("no")
    return language.FORMATS[form](value)
