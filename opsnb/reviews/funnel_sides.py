"""The path compared: two periods or two segments of it, slice by slice, and another mix of visitors told apart from a change of conversion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from opsnb.errors import NotMeasured, ParameterError, nearest
from opsnb.measures import change, compare, funnel, localise
from opsnb.measures.subset import MISSING
from opsnb.reviews.funnel_path import daily_trend
from opsnb.reviews.once import once
from opsnb.reviews.segment import columns_of, read_segment
from opsnb.views import findings, language

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding
    from opsnb.views.shown import Shown

Against = Literal["previous period", "same period last year", "segments"]
OF_SEGMENT = ["entered", "share", "other_share", "rate", "other_rate", "mix_effect", "rate_effect"]  # what the page shows of a segment
OF_SLICE = ["step", "slice", "rate", "other_rate", "users_change", "share_explained", "since", "since_low", "since_high"]
CHANCE = 0.05
SLACK_DAYS = 3  # by which the data may begin later than a period that is compared


class Sides(NamedTuple):
    """Two sides of the path, ``now`` compared with ``other``: their frames, and what they are called."""

    now: pd.DataFrame
    other: pd.DataFrame
    names: tuple[str, str]


def sides(
    data: Data,
    *,
    steps: Sequence[Any],
    against: Against = "previous period",
    segments: Sequence[str] = (),
    recent_days: int = 90,
    by: str | None = None,
    how: Mapping[str, Any] | None = None,
) -> Sides:
    """Two periods, or two segments ("device=ios", "device=android") of the last ``recent_days``: frames of
    :func:`opsnb.measures.funnel.step_conversion`, counted as ``how`` says, by the column ``by``.

    Raises NotMeasured where the data does not reach back so far or nobody of a segment entered the path, ParameterError for segments that
    are none, or not two values of one column.
    """
    if against == "segments":
        return _segments(data, steps=steps, segments=segments, recent_days=recent_days, how=how)
    periods = [data.period(recent_days), before(data, against=against, recent_days=recent_days)]
    frames = [funnel.step_conversion(data.events, steps, by=by, **(how or {}), **period) for period in periods]
    return Sides(*frames, tuple(_span(period) for period in periods))  # type: ignore[arg-type]


def before(data: Data, *, against: Against = "previous period", recent_days: int = 90) -> dict[str, pd.Timestamp]:
    """The period that the last ``recent_days`` are compared with, as measures take it. Raises NotMeasured where the data begins later."""
    import pandas as pd

    back = pd.Timedelta(days=recent_days) if against == "previous period" else pd.DateOffset(years=1)
    period = {"start": data.start(recent_days) - back, "as_of": data.as_of - back}
    first = pd.Timestamp((data.events.span() or (0, 0))[0], unit="us").normalize()
    if period["start"] < first - pd.Timedelta(days=SLACK_DAYS):
        raise NotMeasured(f"the events begin on {first:%Y-%m-%d}, so there is no period before to compare with; recent_days can be shorter")
    return period


def _span(period: Mapping[str, pd.Timestamp]) -> str:
    return language._("{first} to {last}").format(first=language.date(period["start"]), last=language.date(period["as_of"]))


def _segments(data: Data, *, steps: Sequence[Any], segments: Sequence[str], recent_days: int, how: Mapping[str, Any] | None) -> Sides:
    if len(segments) != 2:
        raise NotMeasured("no two segments are named; name two with the parameter segments, e.g. device=ios,device=android")
    (column, first), (other, second) = map(read_segment, segments)
    if column != other or first == second:
        raise ParameterError("segments: name two different values of one column, so that nobody counts on both sides")
    if column not in (known := columns_of(data)):
        raise ParameterError(f"segments: '{column}' is no property by which visits can be chosen; {nearest(column, known)}")
    values = [*map(str, data.events.labels(column)), MISSING]
    for value in (first, second):
        if value not in values:
            raise ParameterError(f"segments: {column} is never '{value}'; {nearest(value, values[:-1])}")
    found = funnel.step_conversion(data.events, steps, by=column, **(how or {}), **data.period(recent_days))
    frames = []
    for value in (first, second):
        own = found[found[column].isna() if value == MISSING else found[column].astype(str) == value]
        if own.empty:
            raise NotMeasured(f"nobody with {column} {value} entered the path in this period")
        frames.append(own.drop(columns=column))
    return Sides(*frames, (f"{column}={first}", f"{column}={second}"))


def slice_differences(
    data: Data, *, steps: Sequence[Any], step: str, by: Sequence[str], against: Against = "previous period", recent_days: int = 90
) -> pd.DataFrame:
    """How one step's conversion differs between two periods, slice by slice, by visits: :func:`opsnb.measures.compare.step_differences`
    with ``slice``, "device=ios", corrected for all slices together."""
    import pandas as pd

    from opsnb.measures.intervals import benjamini_hochberg

    now, other = trends(data, steps=steps, by=by, against=against, recent_days=recent_days)
    found = []
    for column in by:
        one = compare.step_differences(now[now["step"] == step], other[other["step"] == step], by=column)
        found.append(one.assign(slice=[f"{column}={'–' if value is None else value}" for value in one[column]]).drop(columns=column))
    if not found:
        raise NotMeasured("there is no column to slice by")
    whole = pd.concat(found, ignore_index=True)
    whole = whole[whole["difference"].notna()]
    if whole.empty:
        raise NotMeasured("no slice came to the step in both periods, so there is nothing to compare")
    return whole.assign(p_adjusted=benjamini_hochberg(whole["p_value"].to_numpy()))


@once
def changed_slices(
    data: Data, *, steps: Sequence[Any], by: Sequence[str], against: Against = "previous period", recent_days: int = 90
) -> pd.DataFrame:
    """The fewest slices that explain what changed between two periods, by visits: :func:`opsnb.measures.localise.change_slices`."""
    if not by:
        raise NotMeasured("there is no column to slice by")
    now, other = trends(data, steps=steps, by=by, against=against, recent_days=recent_days)
    return localise.change_slices(now, other, by=list(by))


@once
def dated_slices(
    data: Data, *, steps: Sequence[Any], by: Sequence[str], against: Against = "previous period", recent_days: int = 90
) -> pd.DataFrame:
    """Since when each of :func:`changed_slices` converts otherwise than the rest: :func:`opsnb.measures.localise.slices_since`. The day is
    null where the days cannot tell it: a break as clear is found in shuffled days more often than in one of twenty."""
    import pandas as pd

    slices = changed_slices(data, steps=steps, by=by, against=against, recent_days=recent_days)
    now, other = trends(data, steps=steps, by=by, against=against, recent_days=recent_days)
    trend = pd.concat([other, now], ignore_index=True) if against != "same period last year" else now
    found = localise.slices_since(trend, slices)
    days = ["since", "since_low", "since_high"]
    return found.assign(**found[days].where(found["since_p_value"] < CHANCE))


def where(
    data: Data, *, steps: Sequence[Any], step: str, by: Sequence[str], against: Against = "previous period", recent_days: int = 90
) -> list[Shown]:
    """The section that says where a change is: one step in every slice; then, where slices explain the change of a step, these since when."""
    from opsnb.views import charts, page
    from opsnb.views.language import _

    asked: dict[str, Any] = {"steps": steps, "by": by, "against": against, "recent_days": recent_days}
    dated = dated_slices(data, **asked)
    shown = [charts.step_differences(slice_differences(data, step=step, **asked), title=findings.explaining_slices(dated))]
    if dated.empty:
        return shown
    table = dated[OF_SLICE].assign(slice=[text or _("everyone") for text in dated["slice"]])
    return [*shown, page.table(table, "explaining_slices", title=_("The fewest slices that explain what changed, and since when"))]


def trends(
    data: Data, *, steps: Sequence[Any], by: Sequence[str], against: Against = "previous period", recent_days: int = 90
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both periods by day and combination of slices, by visits. Segments are compared within the last period, so there it is the periods."""
    period = before(data, against="previous period" if against == "segments" else against, recent_days=recent_days)
    days = (data.as_of - period["start"]).days + 1
    trend = daily_trend(data, steps=steps, by=by, days=days)
    start = trend["period_start"]
    return trend[start >= data.start(recent_days)], trend[(start >= period["start"]) & (start <= period["as_of"])]


def compared(
    data: Data,
    *,
    steps: Sequence[Any],
    by: Sequence[str],
    against: Against = "previous period",
    recent_days: int = 90,
    segments: Sequence[str] = (),
    how: Mapping[str, Any] | None = None,
) -> list[Shown]:
    """The section that compares: each step's difference; and for periods the change of the whole path in mix and rate, by the column of
    which the mix moves it most, with its segments."""
    from opsnb.views import charts, page
    from opsnb.views.language import _, name

    found = sides(data, steps=steps, against=against, segments=segments, recent_days=recent_days, how=how)
    differences = compare.step_differences(found.now, found.other)
    shown = [charts.step_differences(differences, title=findings.differences(differences), sides=found.names)]
    if against == "segments" or not by:
        return shown
    looked = []
    for column in by:
        one = sides(data, steps=steps, against=against, recent_days=recent_days, how=how, by=column)
        looked.append((compare.mix_and_rate(one.now, one.other, by=column), compare.mix_by_segment(one.now, one.other, by=column), column))
    effects, segment, column = max(looked, key=lambda one: abs(one[0]["value"].iloc[0]))
    title = _("Who came, by {column}, and what it did to the whole path").format(column=name(column))
    table = page.table(segment[[column, *OF_SEGMENT]], "mix_by_segment", title=title)
    return [*shown, charts.mix_and_rate(effects, title=findings.mix_or_rate(effects)), table]


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
