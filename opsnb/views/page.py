"""A page from top to bottom: its language, the short version, sections, tables, and what limits them."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from opsnb.errors import MissingTable, NotMeasured, OpsnbError, UnusableData
from opsnb.views import columns, kept, language, period, segment, shown, theme, visit
from opsnb.views.language import _
from opsnb.views.markup import boxed, escape, flowing, two_bars
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from opsnb.views.findings.explained import Explained
    from opsnb.views.findings.finding import Finding

TRUSTED = 0.8
ROWS_SHOWN = 100
LINKED = 2_000_000  # characters of CSV that a page carries in a link
TABLES_NAMED = 3  # in the header; the limits at the end have them all
ROWS_UNROLLED = 30  # a longer table scrolls in its place


def setup(lang: str = "") -> None:
    """Starts a page in language ``lang``.

    Also lets plain Altair charts show offline and, in an app, errors read as a sentence. Raises ParameterError for an unknown ``lang``.
    """
    language.use(lang or "en")
    if visit.in_app():
        _errors_as_sentences()
    shown.enable_charts()


# The short version -------------------------------------------------------------------------------------------------------

def short_version(review: Callable[..., Iterable[Finding]], *data: Any, **parameters: Any) -> Shown:
    """Runs a review and shows what it found, or why it could find nothing; ``data`` and ``parameters`` are the review's."""
    def computed() -> Shown:
        try:
            return found(review(*data, **parameters))
        except (MissingTable, NotMeasured) as error:
            return not_measured(error)

    return Shown(kept.again(kept.SHORT_VERSION, {}, lambda: [computed().bundle])[0])


def found(findings: Iterable[Finding], *, most: int = 5) -> Shown:
    """Findings as cards, at most ``most``: each with how urgent and how sure it is and where it is shown."""
    findings = list(findings)[:most]
    cards = "".join(_card(finding) for finding in findings)
    nothing = _("Nothing stands out: no change is larger than chance and none of the plan's limits is passed.")
    body = f'<div class="cards" role="list">{cards}</div>' if findings else f'<p class="quiet">{escape(nothing)}</p>'
    text = "\n".join(f"{number}. {finding.sentence}" for number, finding in enumerate(findings, 1)) or nothing
    return Shown({"text/html": boxed(body), "text/plain": text, shown.FINDINGS: {"findings": [finding.to_dict() for finding in findings]}})


def _card(finding: Finding) -> str:
    from opsnb.views.findings.explained import explained

    urgency, color = _urgency(finding.severity)
    sure = {"high": _("high confidence"), "medium": _("medium confidence"), "low": _("low confidence")}[finding.confidence]
    known = explained(finding)
    link = f'<a href="#{anchor(finding.section)}">{escape(_("see the section"))}</a>' if finding.section else ""
    return (f'<div class="card" role="listitem" style="--card: {color}" data-finding="{escape(finding.id)}">'
            f'<p class="top"><span class="urgency">{escape(urgency)}</span> · {escape(sure)}</p>'
            f'<div class="body"><p class="says">{flowing(finding.sentence)}</p>{_figure(finding, known) if known else ""}</div>'
            f'<div class="bottom">{_computed(known) if known else ""}{link}</div></div>')


def _figure(finding: Finding, known: Explained) -> str:
    """The number that stands out, beside what it is compared with."""
    number = f'<div class="number">{escape(known.figure)}<small>{flowing(known.caption)}</small></div>' if known.figure else ""
    pair = [(label, float(finding.numbers[name])) for name, label in known.pair]
    with language.paying_in(finding.currency):  # what is not known has no bar
        drawing = two_bars(pair, known.form) if len(pair) == 2 and all(value - value == 0 for _label, value in pair) else ""
    return f'<div class="figure">{drawing}{number}</div>' if number or drawing else ""


def _computed(known: Explained) -> str:
    """How a finding was computed, folded."""
    rows = [(_("formula"), known.formula), (_("counted"), known.of), (_("tables"), ", ".join(known.tables))]
    listed = "".join(f"<dt>{escape(head)}</dt><dd>{flowing(text)}</dd>" for head, text in rows if text)
    return f'<details><summary>{escape(_("How was this computed?"))}</summary><dl class="dl">{listed}</dl></details>'


def urgency_color(finding: Finding) -> str:
    """The colour of a finding's card."""
    return _urgency(finding.severity)[1]


def anchor(section: str) -> str:
    """The address of a section within its page: what its function is called.

    >>> anchor("repeat")
    'section-repeat'
    """
    return "section-" + quote(section.strip("_").replace(" ", "-"))


def _urgency(severity: float) -> tuple[str, str]:
    if severity >= 0.6:
        return _("Act now"), theme.ALERT
    if severity >= 0.3:
        return _("Look into it"), theme.WARN
    return _("Good to know"), theme.MAIN


# Sections ----------------------------------------------------------------------------------------------------------------

def show(section: Callable[..., Any], **options: Any) -> None:
    """Calls ``section(**options)`` and displays what it returns: one displayable, or several in a list.

    A section whose table is absent, or whose question the data cannot answer, says so in a quiet box and the page goes on. In an app the
    numbers of a chart stand below it, as they do where there are controls.
    """
    from IPython.display import display

    def made() -> list[dict[str, Any]]:
        return [bundle for part in parts(section, **options) for bundle in (for_browser(part) if visit.in_app() else [bundle_of(part)])]
    display(landing(section))
    for bundle in made() if options else kept.again(kept.section(section), {}, made):
        display(bundle, raw=True)


def for_browser(part: Any) -> list[dict[str, Any]]:
    """What a browser needs of a part: the part itself without its table, and below a chart its numbers, folded; below a table a link to it."""
    rest = dict(bundle_of(part))
    folded = numbers(table, shown_too=shown.CHART in rest) if (table := rest.pop(shown.TABLE, None)) else ""
    return [rest, {"text/html": folded, "text/plain": ""}] if folded else [rest]


def bundle_of(part: Any) -> dict[str, Any]:
    """A displayable by mime type, as a page is told of it."""
    if hasattr(part, "bundle"):
        return part.bundle
    from IPython.core.interactiveshell import InteractiveShell

    data, _metadata = InteractiveShell.instance().display_formatter.format(part)
    return data


def landing(section: Callable[..., Any]) -> Shown:
    """The place that a card's link jumps to: named for the section's function."""
    return Shown({"text/html": f'<span id="{anchor(getattr(section, "__name__", "section"))}"></span>', "text/plain": ""})


def parts(section: Callable[..., Any], **options: Any) -> list[Any]:
    """What :func:`show` displays, as a list."""
    try:
        result = section(**options)
    except (MissingTable, NotMeasured) as error:
        return [not_measured(error)]
    if result is None:
        return []
    return list(result) if isinstance(result, (list, tuple)) else [result]


def not_measured(error: MissingTable | NotMeasured) -> Shown:
    """The quiet box of a section that could not be measured."""
    sentence = _("Not measured: {reason}.").format(reason=reason(error).rstrip("."))
    told: dict[str, Any] = {"reason": str(error)}
    if isinstance(error, MissingTable):
        told |= {"table": error.table, "columns": list(error.columns)}
    return Shown({"text/html": boxed(f'<p class="quiet">{flowing(sentence)}</p>'), "text/plain": sentence, shown.NOT_MEASURED: told})


def reason(error: OpsnbError) -> str:
    """An error of ours as a sentence in the language in use; on an app's page without the parameter that would help: its readers cannot set one."""
    if isinstance(error, MissingTable):
        if error.columns:
            return _("no {table} table (it needs columns {columns})").format(table=error.table, columns=", ".join(error.columns))
        return _("no {table} table").format(table=error.table)
    said = language.sentence(str(error))
    return _BY_PARAMETER.sub("", said) if visit.in_app() else said


_BY_PARAMETER = re.compile(r"; name [^;]* with the parameter .*|；请用参数.*")


def failed(error: BaseException, *, again: bool = False, stopped: bool = False) -> Shown:
    """The box of a section that failed: one sentence, what to do, and no traceback; its number stands in the log beside the traceback.

    ``again``: it is no control that asked, but the page, which in an app can be opened anew; ``stopped``: it was ended, as it took too much.
    """
    if for_readers(error):
        sentence = _("This part cannot be shown: {reason}.").format(reason=reason(error).rstrip("."))  # type: ignore[arg-type]
        retry = f' <a class="anew" href="?">{escape(_("Open the page without these choices"))}</a>' if again and visit.in_app() else ""
    else:
        if isinstance(error, UnusableData):
            said = _("The data cannot be read as they are now. Try again in some minutes; if it stays so, tell whoever runs this page the number {number}.")
        elif stopped or isinstance(error, MemoryError):
            said = _("This was stopped: it took more time or memory than a page may take. Choose a shorter period or fewer values, or try again; "
                     "if it happens again, tell whoever runs this page the number {number}.")
        else:
            said = _("This part could not be computed. Try again; if it happens again, tell whoever runs this page the number {number}.")
        sentence = said.format(number=error_id(error))
        retry = f' <a href="">{escape(_("Try again"))}</a>' if again or visit.in_app() else ""
    return Shown({"text/html": boxed(f'<p class="warn" role="alert">{flowing(sentence)}{retry}</p>'), "text/plain": sentence})


def for_readers(error: BaseException) -> bool:
    """Does an error's own sentence help a reader: what is wrong with a choice, or cannot be measured. On an app's page what is wrong with the
    data's files is not: it names folders and columns, and only whoever runs the page can mend it. Nor is what cannot be said in its language."""
    if not isinstance(error, OpsnbError) or not visit.in_app():
        return isinstance(error, OpsnbError)
    return not isinstance(error, UnusableData) and (language.current() == "en" or reason(error) != str(error))


def error_id(error: BaseException) -> str:
    """The number by which an error is found in the log: the same each time it is asked for."""
    if not hasattr(error, "opsnb_id"):
        error.opsnb_id = secrets.token_hex(4)  # type: ignore[attr-defined]
    return str(error.opsnb_id)  # type: ignore[attr-defined]


def _errors_as_sentences() -> None:
    """In an app, a cell that raises shows a sentence; the traceback goes to the window that serves the apps."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return

    def told(shell: Any, kind: type[BaseException], error: BaseException, trace: Any, tb_offset: int | None = None) -> list[str]:
        from IPython.display import display

        if not for_readers(error):
            to_window(error)
        display(error_box := failed(error, again=True))
        return [str(error_box)]

    shell.set_custom_exc((Exception,), told)


def to_window(error: BaseException) -> None:
    """Writes an error's number and traceback to the window in which the program was started. A kernel's own stderr would reach the page."""
    import sys
    import traceback

    text = "".join([f"error {error_id(error)} on a page:\n", *traceback.format_exception(error)])
    kept = os.environ.get(visit.WINDOW, "")  # the descriptor of the server's window, else the one that the kernel keeps of its first stderr
    window = int(kept) if kept else getattr(sys.stderr, "_original_stdstream_copy", None)
    if window is None:
        sys.stderr.write(text)
    else:
        os.write(window, text.encode("utf-8", "replace"))


# Tables ------------------------------------------------------------------------------------------------------------------

def table(frame: pd.DataFrame, name: str, *, title: object = "", read: pd.DataFrame | None = None) -> Shown:
    """A frame as an HTML table: rates as percentages, dates and numbers as the language writes them; a run keeps it whole as CSV.

    ``title`` is a text or a finding; ``read``: what is shown in place of the frame, e.g. a number and its interval in one column. At most 100 rows
    are shown.
    """
    said = getattr(title, "sentence", None) or str(title)
    return Shown({"text/html": boxed(rows_html(frame if read is None else read, said)), "text/plain": said or name, shown.TABLE: shown.as_table(frame, name)})


def rows_html(frame: pd.DataFrame, title: str = "") -> str:
    """The ``<table>`` of :func:`table`, every text in it escaped; a column in which nothing is known of any row is left out."""
    if len(frame) > 1:
        frame = frame.loc[:, frame.notna().any()]
    formats = columns.formats(frame)
    whole = {column for column, form in formats.items() if form in ("date", "month") or column == "status"}  # on one line
    numeric = {column: ' class="n"' if form in columns.RIGHT else ' class="d"' if column in whole else "" for column, form in formats.items()}
    head = "".join(f"<th{numeric[column]}>{escape(columns.heading(column, formats[column]))}</th>" for column in frame.columns)
    body = "".join("<tr>" + "".join(f"<td{numeric[column]}>{escape(columns.shown(value, form))}</td>" for column, value, form in zip(
        frame.columns, row, columns.formats_of_row(formats, row), strict=True)) + "</tr>"
                   for row in frame.head(ROWS_SHOWN).itertuples(index=False, name=None))
    caption = f'<p class="caption">{flowing(title)}</p>' if title else ""
    more = _("The first {shown} of {all} rows; the report's tables folder has them all.").format(
        shown=language.count(ROWS_SHOWN), all=language.count(len(frame))) if len(frame) > ROWS_SHOWN else ""
    tall = " tall" if len(frame) > ROWS_UNROLLED else ""
    scroll = f'<div class="scroll{tall}" role="group" tabindex="0" aria-label="{escape(title or _("table"))}">'
    return f'{caption}{scroll}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>' + (
        f'<p class="note">{escape(more)}</p>' if more else "")


def numbers(table: Mapping[str, str], *, shown_too: bool = True) -> str:
    """The table behind a part of an app, folded: its first rows if ``shown_too``, and a link that saves it whole as CSV for a spreadsheet.

    Nothing for a table with user ids.
    """
    import base64
    import io

    import pandas as pd

    text = shown.excel_csv(table["csv"])
    if shown.names_people(text) or not text.strip():
        return ""
    rows = rows_html(pd.read_csv(io.StringIO(table["csv"]), nrows=ROWS_UNROLLED)) if shown_too else ""
    link = ""
    if len(text) <= LINKED:
        coded = base64.b64encode(b"\xef\xbb\xbf" + text.encode("utf-8")).decode("ascii")
        link = f'<p><a download="{escape(table["name"])}.csv" href="data:text/csv;charset=utf-8;base64,{coded}">{escape(_("Download CSV"))}</a></p>'
    return boxed(f'<details class="numbers"><summary>{escape(_("The numbers"))}</summary>{rows}{link}</details>')


# What limits the page ----------------------------------------------------------------------------------------------------

def header(data: Any, *, days: int = 0, shortest: int = 1, only: Sequence[str] = (), offered: Mapping[str, Sequence[str]] | None = None) -> Shown:
    """The page's first lines: warnings if the data are not to be trusted (a quality score under 0.8) or not up to date, then the day they
    go up to, the day of the page, currency and tables, and the segment that the page is about, ``only``.

    In an app also the page's period, to be changed, where the notebook has a parameter ``days``; ``shortest`` is the least it takes; and
    where it has a parameter ``segment`` that one, of the values ``offered`` by column.
    """
    kept.of(data)
    language.pay_in(data.currency or "")
    today = visit.today(data.time_zone)
    warnings = [text for text in (distrust(data.quality), stale(data, today)) if text]
    currency = [_("amounts in {currency}").format(currency=data.currency)] if data.currency else []
    facts = [_("Data up to {day}").format(day=language.date(data.as_of)), _("page of {day}").format(day=language.date(today)), *currency,
             _tables(data.tables)]
    line = (" · " if language.current() == "en" else "，").join(facts)
    alarms = "".join(f'<p class="warn" role="status">{flowing(warning)}</p>' for warning in warnings)
    bar = period.bar(f"{data.as_of:%Y-%m-%d}", days, shortest=shortest) if days and visit.heeds_address() else ""
    bar += segment.bar(only, offered) if offered and visit.heeds_address() else ""
    part = [segment.said(only)] if only else []
    about = "".join(f'<p class="segment">{flowing(text)}</p>' for text in part)
    return Shown({"text/html": boxed(f'{alarms}<p class="note">{flowing(line)}</p>{about}{bar}'), "text/plain": "\n".join([*warnings, line, *part])})


def _tables(names: Sequence[str]) -> str:
    more = len(names) - TABLES_NAMED
    named = (", " if language.current() == "en" else "、").join(map(language.table, names[:TABLES_NAMED] if more > 1 else names))
    return _("tables: {tables} and {more} more").format(tables=named, more=more) if more > 1 else _("tables: {tables}").format(tables=named)


def stale(data: Any, today: dt.date) -> str:
    """Why this page does not speak of today: the newest row is older than expected, or a table has stayed behind; empty when neither is so."""
    found = data.freshness(today)
    if found is None:
        return ""
    said = []
    if found.stale:
        which = _("today, {day}") if found.day == today else _("{day}, the day looked at")
        in_app = _("The data are not up to date: the newest event or order is of {newest}, {days} days before {which}; {allowed} are expected at "
                   "most. Ask whoever provides the data for newer ones.")
        in_report = _("The data are not up to date: the newest event or order is of {newest}, {days} days before {which}; {allowed} are "
                      "expected at most. Put newer files into the folder; if they are meant to end there, say so with as_of in columns.yml.")
        said.append((in_app if visit.in_app() else in_report).format(
            newest=language.date(found.newest), days=language.count(found.days), which=which.format(day=language.date(found.day)),
            allowed=language.count(found.allowed)))
    said += [_("{table} stays behind: its last row is of {day}, {days} days before the newest event or order; what is counted from it lacks "
               "these days.").format(table=name, day=language.date(last), days=language.count(days)) for name, last, days in found.behind]
    return (" " if language.current() == "en" else "").join(said)


def distrust(quality: Any) -> str:
    """Why this page's findings are not to be trusted; empty when every table scores 0.8 or more."""
    weak = [(name, table) for name, table in sorted(quality.tables.items()) if table.score < TRUSTED]
    if not weak:
        return ""
    scores = [_("{table} scores {score} (complete {complete}, valid {valid}, unique {unique}, in time {in_time})").format(
        table=name, score=f"{table.score:.2f}", complete=language.percent(table.complete), valid=language.percent(table.valid),
        unique=language.percent(table.unique), in_time=language.percent(table.in_time)) for name, table in weak]
    joined = ("; " if language.current() == "en" else "；").join(scores)
    return _("Do not trust the findings of this page: the quality of its data is under 0.8. {scores}.").format(scores=joined)


def limits(data: Any) -> list[Shown]:
    """What to keep in mind: per table the rows read, kept and set aside by reason, score and warnings; and absent tables."""
    import pandas as pd

    from opsnb.tables.codebook import TABLES

    rows, notes, colon = [], [], ": " if language.current() == "en" else "："
    for name, quality in data.quality.tables.items():
        aside = ("; " if language.current() == "en" else "；").join(
            f"{_(why)}{colon}{language.count(number)}" for why, number in quality.set_aside.items() if number)
        rows.append({"table": name, "rows_read": quality.rows_read, "rows_kept": quality.kept, "rows_set_aside": aside or language.NONE,
                     "quality_score": quality.score})
        notes += [(name, warning_text(warning)) for warning in quality.warnings]
        notes += [(name, _("{rows} rows have a {column} that points nowhere; they are counted all the same").format(
            rows=language.count(number), column=column)) for column, number in quality.pointing_nowhere.items() if number]
    frame = pd.DataFrame(rows, columns=["table", "rows_read", "rows_kept", "rows_set_aside", "quality_score"])
    out = [table(frame, "data_quality", title=_("What was read and what was set aside"))]
    listed = [(f"{name}: {text}" if language.current() == "en" else f"{language.table(name)}：{text}") for name, text in notes]
    absent = [name for name in TABLES if name not in data.tables]
    if absent:
        listed.append(_("Tables that are absent, and what they would show is not measured: {tables}.").format(tables=", ".join(absent)))
    return [*out, bullets("", listed)] if listed else out


def bullets(title: str, texts: Sequence[str]) -> Shown:
    """Several texts as a list, with or without a line above it."""
    items = "".join(f"<li>{flowing(text)}</li>" for text in texts)
    head = f'<p class="note">{flowing(title)}</p>' if title else ""
    return Shown({"text/html": boxed(f"{head}<ul>{items}</ul>"), "text/plain": "\n".join(filter(None, [title, *texts]))})


def warning_text(warning: Any) -> str:
    """A warning of the check in the language in use. Examples that are ids stay behind: ``opsnb check`` shows them to whoever has the data."""
    said = language.with_dates(_(warning.template).format(**warning.numbers))
    if warning.names_ids:
        return said
    english = language.current() == "en"
    shown_examples = (", " if english else "；").join(language.with_dates(language.sentence(one)) for one in warning.examples[:3])
    return f"{said} ({shown_examples})" if shown_examples and english else f"{said}（{shown_examples}）" if shown_examples else said
