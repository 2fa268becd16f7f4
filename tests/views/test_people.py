"""Personas as cards and tables: what a reader sees of each, in both languages, and that names in the data stay text."""

import numpy as np
import pandas as pd
import pytest

from opsnb.measures.segments import examples, persona_changes, personas
from opsnb.views import charts, findings, language, people, shown


@pytest.fixture(scope="module")
def customers():
    random = np.random.default_rng(0)
    ids = [f"u{place:03d}" for place in range(200)]
    rfm = pd.DataFrame({"user_id": ids, "recency_days": 10.0, "frequency": random.integers(20, 60, 200), "monetary_value": random.normal(50, 5, 200)})
    ends = {"night_share": [0.1, 0.7], "page=skincare": [0.8, 0.2], "page=<b>x": [0.1, 0.7]}  # where the two kinds have their means
    habits = pd.DataFrame({"user_id": ids, "visits": 30, **{name: random.normal(end, 0.05, (100, 2)).T.ravel() for name, end in ends.items()}})
    return rfm.assign(revenue=rfm["frequency"] * rfm["monetary_value"]), habits


@pytest.fixture(scope="module")
def made(customers):
    return personas(*customers, k=2)


def paths(made, path="home > <i>cart"):
    return pd.DataFrame({"persona": made.summary["persona"], "path": [path, None], "visits": [30, 0], "group_visits": [120, 40], "share": [0.25, 0],
                         "low": 0.0, "high": 1.0, "all_share": [0.2, np.nan], "bounce_rate": 0.1})


def test_a_card_says_size_revenue_what_sets_apart_path_and_action(made):
    html = people.cards(made, paths(made)).html
    assert html.count('role="listitem"') == 2
    assert "100 customers (50% of all)" in html
    assert "mostly skincare" in html
    assert "home &gt; &lt;i&gt;cart (25% of 120 visits; 20% of everyone&#x27;s)" in html
    assert "none: each of 40 visits ends with its first event" in html
    assert "targeted push" in html
    assert "<b>" not in html
    csv = people.cards(made, paths(made)).bundle[shown.TABLE]["csv"].splitlines()
    assert csv[0].startswith("persona,users,share,revenue,revenue_share,action,name,feature_1,effect_1,typical_1,everyone_1,feature_2,")
    assert csv[0].endswith("everyone_3,path,visits,group_visits,path_share,low,high,all_share,bounce_rate")
    assert len(csv) == 3
    assert "typical path" not in people.cards(made).html
    assert "more than others" not in html
    own = paths(made).assign(own_path=["home > <i>help", None], own_share=0.1, own_all_share=0.05)
    assert "<dt>more than others</dt><dd>home &gt; &lt;i&gt;help (10% of 120 visits; 5.0% of everyone&#x27;s)</dd>" in people.cards(made, own).html
    same = paths(made, "home > cart").assign(own_path=["home > cart", None], own_share=0.25, own_all_share=0.2)
    assert "more than others" not in people.cards(made, same).html


def test_a_card_in_chinese_translates_what_it_knows_and_quotes_the_rest(made):
    with language.using("zh"):
        html = people.cards(made, paths(made)).html
    assert "偏爱护肤" in html
    assert "偏爱「&lt;b&gt;x」" in html
    assert "典型路径" in html


def test_examples_carry_ids_only_where_they_were_asked_for(made, customers):
    closed = people.examples(examples(made, customers[0], rows=2), made)
    assert "user_id" not in closed.bundle[shown.TABLE]["csv"]
    assert "u0" not in closed.html
    assert closed.bundle[shown.TABLE]["csv"].count("\n") == 1 + 2 * 2
    assert "user_id" in people.examples(examples(made, customers[0], rows=2, ids=True), made).bundle[shown.TABLE]["csv"]


def test_changes_are_a_finding_a_table_and_the_day_compared_with(made, customers):
    rfm, habits = customers
    before = personas(rfm.iloc[:190], habits.iloc[:190], k=2)  # ten of the second group came since
    changes = persona_changes(made, before)
    (told,) = people.changes(changes, pd.Timestamp("2025-10-01"), title=findings.persona_changes(changes))
    assert "90 to 100 customers" in told.html
    assert 'Compared with <span class="day">2025-10-01</span>' in told.html
    assert "+11%" in told.html  # 100 / 90 - 1
    assert told.bundle[shown.TABLE]["csv"].startswith("persona,users_before,users,stayed,moved,")


def test_a_portrait_by_persona_bears_the_personas_names(made):
    frame = pd.DataFrame({"persona": made.summary["persona"], "parts": made.summary["parts"], "attribute": "age", "value": "18-24", "users": [60.0, 20.0],
                          "group_users": 100.0, "share": [0.6, 0.2], "all_users": 80.0, "all_share": 0.4, "index": [150.0, 50.0], "low": [145.0, 35.0],
                          "high": [170.0, 70.0], "p_value": 0.001, "apart": True, "suppressed": False})
    names = [language.persona(parts) for parts in made.summary["parts"]]
    assert findings.portrait(frame).sentence.startswith(f"“{names[0]}” are more often “age: 18-24”")
    drawn = charts.portrait(frame, title=findings.portrait(frame))
    heads = {row["of"] for rows in drawn.spec["datasets"].values() for row in rows}
    assert heads == {f"{name} (100)" for name in names}
    assert "parts" not in drawn.bundle[shown.TABLE]["csv"].split("\n")[0]
