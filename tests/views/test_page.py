"""The page: cards, boxes for what is not measured, tables and limits, with hostile names in the data."""

import ast
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from opsnb.errors import InputError, MissingTable, NotMeasured, ParameterError
from opsnb.tables.freshness import freshness
from opsnb.tables.store import as_day as date
from opsnb.tables.verdicts import Warning
from opsnb.views import findings, kept, language, page, shown, visit
from opsnb.views.findings.explained import OF_KIND
from opsnb.views.findings.finding import Finding

HOSTILE = "<img src=x onerror=alert(1)>\"'&"


def finding(device="android", severity=0.9, **more):
    sentence = "Payment fell by {change:percent} for {device}"
    return Finding("funnel_break", "steps", sentence, {"change": 0.386}, {"device": device}, "2025-08-06", severity, **more)


def test_the_short_version_has_a_card_a_finding_and_its_data_beside_it():
    made = page.found([finding(), finding("ios", 0.2, confidence="low")])
    assert made.html.count('class="card"') == 2
    assert "Payment fell by 39% for android" in made.html
    assert '<span class="urgency">Act now</span> · high confidence' in made.html
    assert '<span class="urgency">Good to know</span> · low confidence' in made.html
    assert 'href="#section-steps"' in made.html
    assert [one["id"] for one in made.bundle[shown.FINDINGS]["findings"]] == ["funnel_break/device=android", "funnel_break/device=ios"]
    json.dumps(made.bundle, allow_nan=False)


def test_a_card_says_what_stands_out_what_it_is_compared_with_and_how_it_was_computed():
    """35% after 50%: the longer bar is as wide as the drawing, 150; the other .35 / .5 x 150 = 105."""
    one = Finding("funnel_break", "breaks", "Broken.", {"before": 0.5, "after": 0.35, "change": -0.3, "entered": 8000}, severity=0.9)
    html = page.found([one]).html
    assert '<div class="number">−30%<small>of the step&#x27;s conversion</small></div>' in html
    assert ">before 50%</text>" in html
    assert ">since then 35%</text>" in html
    assert [int(width) for width in re.findall(r'<rect [^>]*width="(\d+)"', html)] == [150, 105]
    assert "8,000 visits at the step before, since then" in html
    assert "How was this computed?" in html
    unknown = page.found([Finding("something_else", "x", "Said.", {})]).html
    assert "How was this computed?" not in unknown


def test_every_kind_of_finding_is_explained():
    """The kinds are read off the source: each call of Finding in the package's findings."""
    kinds = set()
    for path in Path(findings.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding" and node.args and isinstance(node.args[0], ast.Constant):
                kinds.add(node.args[0].value)
    assert len(kinds) > 20
    assert kinds - set(OF_KIND) == set()


def test_at_most_five_findings():
    assert page.found([finding(str(number)) for number in range(9)]).html.count('class="card"') == 5


def test_the_short_version_runs_a_review_and_says_when_it_cannot_be_answered():
    made = page.short_version(lambda data, by: [finding(data + by)], "and", by="roid")
    assert [one["id"] for one in made.bundle[shown.FINDINGS]["findings"]] == ["funnel_break/device=android"]

    def unanswered():
        raise NotMeasured("there are no orders in this period")

    assert "Not measured: there are no orders in this period." in page.short_version(unanswered).html


def test_no_finding_is_said_too():
    made = page.found([])
    assert "Nothing stands out" in made.html
    assert made.bundle[shown.FINDINGS] == {"findings": []}


def test_names_in_the_data_are_never_markup():
    frame = pd.DataFrame({HOSTILE: [HOSTILE], "users": [3]})
    for made in (page.found([finding(HOSTILE)]), page.table(frame, "t", title=HOSTILE), page.failed(InputError(HOSTILE))):
        html = made.html
        assert "<img" not in html
        assert "&lt;img src=x onerror=alert(1)&gt;&quot;&#x27;&amp;" in html


def test_a_section_shows_its_parts_or_says_why_not():
    assert page.parts(lambda: None) == []
    assert page.parts(lambda: [1, 2]) == [1, 2]
    absent = page.parts(lambda: (_ for _ in ()).throw(MissingTable("spend", ["date", "cost"])))[0]
    assert "Not measured: no spend table (it needs columns date, cost)." in absent.html
    assert absent.bundle[shown.NOT_MEASURED] == {
        "reason": "no spend table (it needs columns date, cost)", "table": "spend", "columns": ["date", "cost"],
    }  # fmt: skip
    with language.using("zh"):
        unpaid = page.parts(lambda: (_ for _ in ()).throw(NotMeasured("there are no orders in this period")))[0]
    assert "未测量：这段时间没有订单。" in unpaid.html


@pytest.mark.parametrize("options", [{}, {"top": 1}])
def test_what_an_app_shows_without_controls_has_its_numbers_below_it_too(monkeypatch, tmp_path, options):
    displayed = []
    monkeypatch.setattr("IPython.display.display", lambda part, **_: displayed.append(getattr(part, "bundle", part)))

    def steps(top=2):
        return shown.Shown({shown.CHART: {}, "text/plain": "", shown.TABLE: {"name": "steps", "csv": "step,users\ncart,7\n"}})

    page.show(steps, **options)
    assert [set(bundle) for bundle in displayed[1:]] == [{shown.CHART, "text/plain", shown.TABLE}]  # a run writes it to its tables
    (tmp_path / "visit.json").write_text("{}")
    monkeypatch.setenv(visit.FILE, str(tmp_path / "visit.json"))
    displayed.clear()
    page.show(steps, **options)
    assert [set(bundle) for bundle in displayed[1:]] == [{shown.CHART, "text/plain"}, {"text/html", "text/plain"}]
    assert 'download="steps.csv"' in displayed[2]["text/html"]


def test_a_section_that_fails_otherwise_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        page.parts(lambda: 1 / 0)


def test_a_table_is_formatted_as_its_columns_promise_and_kept_whole():
    frame = pd.DataFrame({
        "tier": ["lost", None], "users": [12345, 1], "repeat_rate": [0.4821, float("nan")], "growth_rate": [0.12, -0.05],
        "since": pd.to_datetime(["2025-11-03", None]), "broken": [True, False],
    })  # fmt: skip
    made = page.table(frame, "t")
    for text in ("<td>lost</td>", "12,345", "48%", "+12%", "−5.0%", "2025-11-03", "yes", "repeat rate", "<td>–</td>"):
        assert text in made.html
    assert made.bundle[shown.TABLE]["csv"].splitlines()[1] == "lost,12345,0.4821,0.12,2025-11-03,True"
    with language.using("zh"):
        chinese = page.table(frame, "t").html
    for text in ("层级", "流失", "2025年11月3日", "是"):
        assert text in chinese


def test_a_column_of_which_nothing_is_known_stays_in_the_file_only():
    made = page.table(pd.DataFrame({"channel": ["a", "b"], "visitors": [None, float("nan")], "users": [1, None]}), "t")
    assert "visitors" not in made.html
    assert '<td class="n">–</td>' in made.html
    assert made.bundle[shown.TABLE]["csv"].splitlines()[0] == "channel,visitors,users"
    assert "visitors" in page.table(pd.DataFrame({"channel": ["a"], "visitors": [None]}), "t").html  # a single row says what it lacks


def test_a_warning_is_said_in_chinese_with_its_dates():
    with language.using("zh"):
        text = page.warning_text(Warning("missing day", GAP.template, {"days": 1, "first": "2025-01-02", "last": "2025-01-04"}, ("2025-01-03",)))
    assert text == "在 2025年1月2日到 2025年1月4日之间有 1 天没有数据（2025年1月3日）"


def test_a_long_table_is_cut_on_the_page_only():
    made = page.table(pd.DataFrame({"users": range(250)}), "t")
    assert made.html.count("<tr>") == 101
    assert "The first 100 of 250 rows" in made.html
    assert len(made.bundle[shown.TABLE]["csv"].splitlines()) == 251


GAP = Warning("missing day", "no rows on {days} of the days between {first} and {last}", {"days": 1, "first": "a", "last": "b"}, ("2025-01-03",))


@dataclass
class Checked:
    rows_read: int = 100
    kept: int = 90
    set_aside: dict = field(default_factory=lambda: {"exact duplicate": 10})
    warnings: tuple = (GAP,)
    pointing_nowhere: dict = field(default_factory=lambda: {"user_id": 3})
    complete: float = 1.0
    valid: float = 1.0
    unique: float = 0.9
    in_time: float = 1.0
    score: float = 0.9


@dataclass
class Read:
    tables: dict = field(default_factory=lambda: {"events": Checked()})


@dataclass
class Data:
    quality: Read = field(default_factory=Read)
    tables: tuple = ("events",)
    as_of: str = "2025-12-31"
    currency: str = "CNY"
    time_zone: str = "Asia/Shanghai"
    last: str = "2025-12-31"

    def freshness(self, today):
        spans = {"orders": ("2025-01-01", self.last, 900), "spend": ("2025-01-01", "2025-11-30", 668)}
        return freshness({name: (date(first), date(last), rows) for name, (first, last, rows) in spans.items()}, day=today)


@pytest.fixture
def new_year(monkeypatch):
    monkeypatch.setenv(visit.TODAY, "2026-01-02")


def test_the_header_warns_only_of_data_that_scores_under_eight_tenths(new_year, monkeypatch):
    monkeypatch.setattr(Data, "freshness", lambda self, today: None)
    said = "Data up to 2025-12-31 · page of 2026-01-02 · "
    assert page.header(Data()).bundle["text/plain"] == said + "amounts in CNY · tables: events"
    assert page.header(Data(currency=None)).bundle["text/plain"] == said + "tables: events"  # nobody said which
    for tables, named in {("events", "orders", "users", "spend"): "events, orders, users, spend",  # one more is not worth a number
                          ("events", "orders", "users", "spend", "posts"): "events, orders, users and 2 more"}.items():
        assert page.header(Data(currency=None, tables=tables)).bundle["text/plain"] == said + f"tables: {named}"
    weak = Data(Read({"events": Checked(score=0.7, valid=0.78)}))
    lines = page.header(weak).bundle["text/plain"].splitlines()
    assert lines[0].startswith("Do not trust the findings of this page")
    assert "events scores 0.70 (complete 100%, valid 78%, unique 90%, in time 100%)" in lines[0]


def test_the_header_says_when_data_are_old_and_which_table_stays_behind(new_year):
    """The newest order is of 31 December, two days before 2 January: as expected. Spend ends a month earlier, 31 days, and usually has two
    rows a day. With orders up to 30 November everything is 33 days old, and spend stays behind nothing.
    """
    said = page.header(Data()).bundle["text/plain"].splitlines()[0]
    assert said == ("spend stays behind: its last row is of 2025-11-30, 31 days before the newest event or order; "
                    "what is counted from it lacks these days.")
    said = page.header(Data(last="2025-11-30")).bundle["text/plain"]
    assert said.startswith("The data are not up to date: the newest event or order is of 2025-11-30, 33 days before today, 2026-01-02; 2 are expected")
    assert "stays behind" not in said
    with language.using("zh"):
        said = page.header(Data(last="2025-11-30")).html
    assert '<p class="warn" role="status">数据不是最新的：最近一条事件或订单在 <span class="day">2025年11月30日</span>，比今天' in said
    assert '页面日期 <span class="day">2026年1月2日</span>' in said


def test_the_age_of_the_data_is_of_the_day_on_which_an_app_is_opened(tmp_path, monkeypatch):
    """Parts of an app's page are kept for the same data; its head is not: what was as expected yesterday is old today. And what a reader
    cannot do, edit a file of the server's, is not asked of a reader."""
    pages, asked = tmp_path / "pages", tmp_path / "visit.json"
    pages.mkdir()
    asked.write_text(json.dumps({"kept": {"folder": str(pages), "page": "page"}}))
    monkeypatch.setenv(visit.FILE, str(asked))
    data = Data()
    data.sha256 = "the same each day"
    for day, old in (("2026-01-01", False), ("2026-01-04", True), ("2026-01-01", False)):  # 1, 4 and 1 days after the newest
        monkeypatch.setenv(visit.TODAY, day)
        said = page.header(data).bundle["text/plain"]
        assert ("not up to date" in said) is old
        assert ("Ask whoever provides the data" in said) is old
        assert "columns.yml" not in said
    assert list(pages.iterdir()) == []
    kept.of(None)


def test_a_warning_about_people_names_nobody():
    """`opsnb check` gives the examples to whoever has the data; a page, also of a report, gives the number alone."""
    robots = Warning("robots", "{users} users have at least 100 times the median user's {median} rows: robots, or one id for many?",
                     {"users": 1, "median": 5}, ("marker-7f3a: 840 rows",))
    assert page.warning_text(robots) == "1 user has at least 100 times the median user's 5 rows: robots, or one id for many?"
    spaced = Warning("spaces", "{rows} event names have blanks around them; they were read without", {"rows": 2}, ("' home': 2 rows",))
    assert page.warning_text(spaced).endswith("(' home': 2 rows)")


def test_limits_say_what_was_set_aside_and_what_is_absent():
    table, notes = page.limits(Data())
    assert "exact duplicate: 10" in table.html
    assert "events: no rows on 1 of the days between a and b (<span class=\"day\">2025-01-03</span>)" in notes.html
    assert "3 rows have a user_id that points nowhere" in notes.html
    assert "orders" in notes.bundle["text/plain"].splitlines()[-1]


def test_an_unknown_language_is_refused():
    with language.using("en"), pytest.raises(ParameterError, match="language 'fr' is not known; allowed: en, zh"):
        page.setup("fr")
