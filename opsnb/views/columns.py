"""Columns as a reader sees them: a heading in the reader's language, and values in the format that the name promises.

A column keeps its name from the CSV header to the axis: ``step_conversion`` is headed "step conversion", translated where the
catalogue knows it, and left alone where it is a name out of the user's own data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsnb.views import language
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

RIGHT = {"percent", "signed", "count", "number", "money"}

# Names that say neither "_rate" nor "_days": what kind of value they hold.
_PERCENT = {"share", "conversion", "step_conversion", "revenue_share", "progress", "complete", "valid", "unique", "in_time", "user_share"}
_SIGNED = {"relative_change", "change", "growth_rate", "variance_rate", "share_change", "gap_rate", "yoy"}
_COUNTS = {"users", "customers", "orders", "sessions", "entered", "converted", "repeated", "retained", "events", "visitors", "new_customers",
           "clicks", "impressions", "rows_read", "rows_kept", "frequency", "period_index", "users_lost", "conversions_lost"}
_MONTHS = {"month", "cohort"}

# What our own tables and charts call things; marked here because the measures that write them know no language.
HEADINGS = (
    N_("step"), N_("users"), N_("sessions"), N_("step conversion"), N_("conversion"), N_("low"), N_("high"), N_("entered"), N_("converted"),
    N_("period start"), N_("device"), N_("channel"), N_("since"), N_("since low"), N_("since high"), N_("rate before"), N_("rate after"),
    N_("relative change"), N_("users lost"), N_("statistic"), N_("slice column"), N_("slice value"), N_("user id"), N_("recency days"),
    N_("frequency"), N_("monetary value"), N_("recency score"), N_("frequency score"), N_("monetary score"), N_("tier"), N_("share"),
    N_("revenue"), N_("revenue share"), N_("persona"), N_("cohort"), N_("period index"), N_("retained"), N_("retention rate"), N_("customers"),
    N_("repeated"), N_("repeat rate"), N_("segment"), N_("period"), N_("size"), N_("growth rate"), N_("competitor"), N_("metric"), N_("value"),
    N_("change"), N_("spend"), N_("cost"), N_("cac"), N_("roas"), N_("cpc"), N_("clicks"), N_("impressions"), N_("orders"), N_("gmv"), N_("aov"),
    N_("visitors"), N_("conversion rate"), N_("new customers"), N_("date"), N_("kpi"), N_("dimension"), N_("horizon"), N_("baseline"), N_("target"),
    N_("actual"), N_("expected by now"), N_("progress"), N_("status"), N_("gap"), N_("weight"), N_("owner"), N_("due"), N_("start"), N_("line"),
    N_("month"), N_("planned"), N_("variance"), N_("variance rate"), N_("experiment"), N_("variant"), N_("expected"), N_("p value"), N_("broken"),
    N_("table"), N_("rows read"), N_("rows kept"), N_("rows set aside"), N_("quality score"), N_("event"), N_("events"), N_("day"), N_("amount"),
    N_("page"), N_("threshold"), N_("passed"), N_("unit"), N_("formula"), N_("better"),
)


def heading(column: object) -> str:
    """The heading of a column.

    >>> heading("step_conversion")
    'step conversion'
    """
    return language._(str(column).replace("_", " "))


def format_of(column: object, values: pd.Series | None = None) -> str:
    """The format that a column's name promises, by the names of :data:`opsnb.views.language.FORMATS`; the values decide where it doesn't.

    >>> format_of("repeat_rate"), format_of("growth_rate"), format_of("users"), format_of("since"), format_of("cohort")
    ('percent', 'signed', 'count', 'date', 'month')
    """
    from pandas.api import types

    name = str(column)
    if values is not None and not types.is_numeric_dtype(values):
        return "month" if name in _MONTHS else "date" if types.is_datetime64_any_dtype(values) or name in ("since", "date", "due") else "name"
    if name in _SIGNED:
        return "signed"
    if name in _PERCENT or name.endswith(("_rate", "_share")) or name in ("rate_before", "rate_after"):
        return "percent"
    if name in _MONTHS or name in ("since", "date", "due", "period_start"):
        return "month" if name in _MONTHS else "date"
    return "count" if name in _COUNTS or name.endswith("_score") and name != "quality_score" else "number"


def shown(value: Any, form: str) -> str:
    """A single value in a format; nothing is a dash."""
    if value is None or value != value or value is not None and str(value) in ("NaT", "<NA>"):
        return language.NONE
    if isinstance(value, bool):
        return language._("yes") if value else language._("no")
    return language.FORMATS[form](value)
