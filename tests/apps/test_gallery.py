"""The list of apps: the small drawing beside each, and what the last run found."""

import json
from types import SimpleNamespace

import pandas as pd

from opsnb.apps import latest
from opsnb.apps.gallery import thumbnail
from opsnb.views import language, page, theme
from opsnb.views.findings import plan
from opsnb.views.findings.finding import Finding


def drawn(*findings):
    return str(thumbnail(SimpleNamespace(findings=findings)))


def test_the_drawing_is_the_number_of_the_first_finding_over_what_it_is_compared_with():
    """60% before is the longer of two bars, 72 wide; 30% since then is half of that, in the colour of what is urgent."""
    broke = Finding("funnel_break", "broken", "", {"change": -0.5, "before": 0.6, "after": 0.3}, severity=0.9)
    made = drawn(broke, Finding("no_leak", "costs", "", {}, severity=0.05))
    assert ">−50%</text>" in made
    assert [f'width="{width}" height="7" rx="3.5" fill="{color}"' in made for width, color in ((72, theme.QUIET), (36, theme.ALERT))] == [True, True]
    assert made.count("<rect") == 2


def test_a_finding_without_a_number_is_drawn_by_how_urgent_each_is():
    """10 + 62 x .5 = 41 and 10 + 62 x 0 = 10."""
    made = drawn(Finding("no_break", "broken", "", {}, severity=0.5), Finding("no_leak", "costs", "", {}, severity=0.0))
    assert "<text" not in made
    assert [f'width="{width}"' in made for width in (41, 10)] == [True, True]


def test_an_app_that_has_not_run_has_quiet_bars():
    assert str(thumbnail(None)).count(theme.QUIET) == 3


def test_a_run_in_one_language_is_said_in_the_other_with_the_amounts_currency():
    totals = pd.DataFrame({"line": ["all"], "planned": [1200.0], "actual": [1500.0], "variance": [300.0], "variance_rate": [0.25]})
    with language.paying_in("CNY"):
        written = json.loads(json.dumps(plan.budget_total(totals).to_dict()))
    read = latest.as_finding(written)
    assert read.sentence == written["sentence"] != ""
    assert "CN¥1,500 of CN¥1,200" in read.sentence
    with language.using("zh"):
        assert "共花费 ¥1,500，计划 ¥1,200" in read.sentence
        assert "¥1,500</text>" in page.found([read]).html  # beside its bar
    older = latest.as_finding({name: value for name, value in written.items() if name != "currency"} | {"sentence": written["sentence"].replace("CN¥", "")})
    with language.using("zh"):
        assert "共花费 1,500，计划 1,200" in older.sentence
