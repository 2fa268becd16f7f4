"""What makes a row unusable, as SQL that is evaluated over whole chunks: values read, and the first reason against each row."""

from __future__ import annotations

from dataclasses import dataclass

from opsnb.tables.codebook import Column

EARLIEST = "1990-01-01"
MISSING_TIME, UNREADABLE_TIME, EPOCH = "missing timestamp", "unreadable timestamp", "epoch seconds in a column of dates"
MISSING_ID, MISSING_EVENT, MISSING_VALUE = "missing id", "missing event name", "missing value"
NO_NUMBER, NEGATIVE, OUT_OF_RANGE = "number that is no number", "negative amount not declared a refund", "number out of range"
TOO_EARLY, TOO_LATE = "date before 1990", "date after as_of"
TOO_LONG = "id too long"
MALFORMED, DUPLICATE, RESTATED = "malformed row", "exact duplicate", "restated by a later row"

# reason -> the part of the quality score that it lowers
REASONS: dict[str, str] = {
    MALFORMED: "valid", MISSING_ID: "complete", MISSING_TIME: "complete", MISSING_EVENT: "complete", MISSING_VALUE: "complete",
    UNREADABLE_TIME: "valid", EPOCH: "valid", TOO_EARLY: "in_time", TOO_LATE: "in_time", NO_NUMBER: "valid", NEGATIVE: "valid",
    OUT_OF_RANGE: "valid", TOO_LONG: "valid", DUPLICATE: "unique", RESTATED: "",
}
LONGEST_TEXT = 1000  # characters; longer texts are cut, rows with a longer id are set aside
# dates that are plans: they may lie after as_of
PLANNED = {("targets", "start"), ("targets", "due"), ("budget", "month"), ("milestones", "planned_start"), ("milestones", "planned_end"),
           ("actions", "due"), ("calendar", "start"), ("calendar", "end"), ("market", "period")}
# amounts that are below zero only by mistake, or by a refund
POSITIVE = {("orders", "amount"), ("spend", "cost"), ("market", "size")}
RANGES = {("surveys", "score"): (0, 10), ("trends", "impact"): (-1, 1)}

_BLANKS = "' \t\r\n\u00a0\u3000\ufeff'"
_NULLS = "'NULL', 'null', 'Null', '\\N'"
_NO_VALUE = "'na', 'n/a', '#n/a', 'nan', 'none', 'nat', '-', '--', '—', '/', '无', '空'"
USUAL_TIME = "'____-__-__ __:__:__'"
_FULL, _HALF = "０１２３４５６７８９．，－＋（）：／　￥％", "0123456789.,-+():/ ¥%"
_ISO = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?"
_LIKE_ISO = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T]+\d{1,2}:\d{2}(:\d{2}([.,]\d{1,9})?)?)?"
_FORMATS = ("%Y年%m月%d日", "%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日 %H:%M", "%Y年%m月%d日 %H时%M分%S秒", "%Y年%m月%d日 %H时%M分",
            "%Y年%m月%d日%H:%M:%S",
            "%Y-%m-%d %I:%M:%S %p", "%Y/%m/%d %I:%M:%S %p", "%Y-%m-%d %I:%M %p", "%Y/%m/%d %I:%M %p", "%d %b %Y", "%b %d, %Y",
            "%d %b %Y %H:%M:%S", "%Y%m%d %H:%M:%S", "%Y%m%dT%H%M%S")
_PER_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True)
class Clock:
    """How times are read: the business's ``zone``, and the map's format, unit and zone for this table."""

    zone: str = "UTC"
    format: str | None = None
    unit: str | None = None
    naive_zone: str | None = None


def literal(value: object) -> str:
    """A text as an SQL literal."""
    return "'" + str(value).replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def trimmed(expression: str) -> str:
    """A text without blanks around it, full-width ones included."""
    return f"trim({expression}, {_BLANKS})"


def present(value: str) -> str:
    """A trimmed text, or null if it is empty or says NULL."""
    return f"CASE WHEN {value} IN ('', {_NULLS}) THEN NULL ELSE {value} END"


def present_value(value: str) -> str:
    """A trimmed text, or null if it says that there is none: also n/a, nan, none and dashes, for numbers and times."""
    nothing = f"lower({value}) IN ('', 'null', '\\n', {_NO_VALUE})"
    return f"CASE WHEN strlen({value}) > 4 THEN {value} WHEN {nothing} THEN NULL ELSE {value} END"


def whole_id(value: str) -> str:
    """An id in text that is 1001.0 is the 1001 that some program read as a decimal number."""
    return f"CASE WHEN suffix({value}, '.0') AND regexp_full_match({value}, '\\d+\\.0') THEN left({value}, -2) ELSE {value} END"


def numeric_id(expression: str) -> str:
    """An id that the file stores as a decimal number, as text without a decimal point."""
    whole = f"{expression} = floor({expression}) AND abs({expression}) < 1e15"
    return f"CASE WHEN {whole} THEN CAST(CAST({expression} AS BIGINT) AS VARCHAR) ELSE CAST({expression} AS VARCHAR) END"


def tidied(value: str, kind: str, clock: Clock) -> str:
    """What the slow ways of :func:`number` and :func:`moment` start from; null where the quick way does."""
    if kind in ("time", "date"):
        if clock.unit or clock.format:
            return "NULL"
        usual = f"{value} LIKE {USUAL_TIME} OR {value} LIKE '____-__-__' OR {value} LIKE '____-__-__T__:__:__'"
        return f"CASE WHEN strlen({value}) IN (10, 19) AND ({usual}) THEN NULL ELSE {_half_width(value)} END"
    sign = "(^|[-+(])\\s*(¥|\\$|€|£|CNY|RMB|USD|EUR|US\\$)\\s*|\\s*(元|CNY|RMB|USD|EUR|€)$"
    bare = f"regexp_replace({_half_width(value)}, '{sign}', '\\1', 'gi')"
    signed = f"regexp_replace(replace({bare}, ' ', ''), '^\\((.*)\\)$', '-\\1')"
    quick = f"try_cast({value} AS DOUBLE)"  # takes inf and 1_000 too
    return f"CASE WHEN isfinite({quick}) AND NOT contains({value}, '_') THEN NULL ELSE {signed} END"


def _half_width(value: str) -> str:
    return f"CASE WHEN strlen({value}) = length({value}) THEN {value} ELSE translate({value}, {literal(_FULL)}, {literal(_HALF)}) END"


def number(value: str, tidy: str) -> str:
    """A text as a number: thousands separators, currency signs, full-width digits, (1) for -1, 12% and 1.2万 are understood; else null."""
    grouped = f"regexp_full_match({tidy}, '[-+]?(\\d{{1,3}}(,\\d{{3}})+(\\.\\d*)?|\\d+\\.?\\d*|\\.\\d+)[%万亿]?')"
    digits = f"try_cast(replace(rtrim({tidy}, '%万亿'), ',', '') AS DOUBLE)"
    scale = f"CASE right({tidy}, 1) WHEN '%' THEN 0.01 WHEN '万' THEN 1e4 WHEN '亿' THEN 1e8 ELSE 1 END"
    return f"CASE WHEN {tidy} IS NULL THEN try_cast({value} AS DOUBLE) WHEN {grouped} THEN {digits} * {scale} END"


def is_epoch(value: str) -> str:
    """Is the text a count of seconds (or milli-, micro-, nanoseconds) since 1970."""
    return f"regexp_full_match({value}, '-?(\\d{{9,11}}|\\d{{13}}|\\d{{16}}|\\d{{19}})(\\.\\d+)?')"


def has_offset(value: str) -> str:
    """Does the text end in Z or an offset such as +08:00."""
    return f"(length({value}) > 16 AND regexp_matches({value}, '\\d( ?UTC|Z| ?[-+]\\d{{2}}:?(\\d{{2}})?)$') " \
           f"AND regexp_matches({value}, ':\\d'))"


def moment(value: str, tidy: str, clock: Clock, *, date: bool) -> str:
    """A text as a TIMESTAMP of the business's wall clock; null if it is none. A ``date`` may also be a month, a quarter or a year."""
    zone = literal(clock.zone)
    if clock.unit:
        scale = 1_000_000 / _PER_SECOND[clock.unit]
        micros = f"CAST(round(try_cast({value} AS DOUBLE) * {scale}) AS BIGINT)"
        return in_zone(f"try(make_timestamp({micros}))", "UTC", clock.zone)
    if clock.format:
        parsed = f"try_strptime({value}, {literal(clock.format)})"
        if "%z" in clock.format:
            return f"{parsed} AT TIME ZONE {zone}"
        return parsed if date else in_zone(parsed, clock.naive_zone or clock.zone, clock.zone)
    forms = {"\\d{8}": "%Y%m%d", "\\d{14}": "%Y%m%d%H%M%S", "\\d{12}": "%Y%m%d%H%M"}
    if date:
        forms |= {"\\d{4}-\\d{1,2}": "%Y-%m", "\\d{4}/\\d{1,2}": "%Y/%m", "\\d{4}年\\d{1,2}月": "%Y年%m月", "\\d{6}": "%Y%m",
                  "(19|20)\\d{2}": "%Y", "\\d{4}年": "%Y年"}
    cases = [f"WHEN regexp_full_match({tidy}, '{pattern}') THEN try_strptime({tidy}, '{style}')" for pattern, style in forms.items()]
    if date:
        month = f"left({tidy}, 4) || '-' || (CAST(right({tidy}, 1) AS INTEGER) * 3 - 2)"
        cases.append(f"WHEN regexp_full_match({tidy}, '\\d{{4}}[-年 ]?[Qq][1-4]') THEN try_strptime({month}, '%Y-%m')")
    dashed = f"replace(replace(regexp_replace({tidy}, '^(\\d+)\\.(\\d+)\\.', '\\1-\\2-'), ',', '.'), '  ', ' ')"
    formats = "[" + ", ".join(literal(format) for format in _FORMATS) + "]"
    naive = f"CASE WHEN {tidy} IS NULL THEN try_cast({value} AS TIMESTAMP) " \
            f"WHEN regexp_full_match({tidy}, '{_ISO}') THEN try_cast({tidy} AS TIMESTAMP) " \
            f"WHEN regexp_full_match({tidy}, '{_LIKE_ISO}') THEN try_cast({dashed} AS TIMESTAMP) " \
            f"{' '.join(cases)} WHEN regexp_matches({tidy}, '\\d') THEN try_strptime({tidy}, {formats}) END"
    if not date:
        naive = in_zone(naive, clock.naive_zone or clock.zone, clock.zone)
    stamped = f"try_cast(replace({tidy}, ' UTC', 'Z') AS TIMESTAMPTZ) AT TIME ZONE {zone}"
    return f"CASE WHEN {tidy} IS NOT NULL AND {has_offset(tidy)} THEN {stamped} ELSE {naive} END"


def in_zone(expression: str, source: str, target: str) -> str:
    """A naive TIMESTAMP of one zone as one of another."""
    if source == target:
        return expression
    return f"(({expression}) AT TIME ZONE {literal(source)}) AT TIME ZONE {literal(target)}"


def native_moment(expression: str, kind: str, clock: Clock, *, date: bool) -> str:
    """A time that the file stores as a time: an instant, or a naive one."""
    if kind == "instant":
        return f"{expression} AT TIME ZONE {literal(clock.zone)}"
    naive = f"CAST({expression} AS TIMESTAMP)"
    return naive if date or kind == "date" else in_zone(naive, clock.naive_zone or clock.zone, clock.zone)


def missing_reason(column: Column) -> str:
    """The reason for a row without this required value."""
    if column.kind in ("time", "date"):
        return MISSING_TIME
    if column.kind == "id":
        return MISSING_ID
    return MISSING_EVENT if column.name == "event" else MISSING_VALUE
