"""Every chart: a valid specification with our theme, its table beside it, its title said whole, and clear errors for a wrong frame."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from opsnb.errors import InputError, NotMeasured
from opsnb.views import charts, language, shown, theme
from opsnb.views.charts import parts

sys.path.insert(0, str(Path(__file__).parent))
import samples


class Said:
    """A title as a finding gives it."""

    def __init__(self, sentence, since=None, **slice_):
        self.sentence, self.since, self.slice, self.numbers = sentence, since, slice_, {}


def rows(made):
    """All rows that a chart draws."""
    return [row for data in made.spec["datasets"].values() for row in data]


def test_every_chart_of_the_package_is_tried():
    assert set(samples.FRAMES) == set(charts.__all__)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", samples.FRAMES)
def test_a_chart_is_a_whole_specification(name, lang, monkeypatch):
    monkeypatch.setattr(shown, "CHECKED", True)  # against the schema of Vega-Lite, which a page leaves out
    frame = samples.FRAMES[name]()
    with language.using(lang):
        made = getattr(charts, name)(frame, title="What it shows")
    assert set(made.bundle) == {shown.CHART, shown.TABLE, "text/plain"}
    assert made.spec["config"]["font"] == theme.FONT
    assert made.spec["title"]["text"] == ["What it shows"]
    assert "tooltip" in json.dumps(made.spec)
    text = json.dumps(made.spec, allow_nan=False)  # no NaN, which no browser reads
    assert len(text) < 150_000
    assert sum(map(len, made.spec["datasets"].values())) <= 5000
    table = pd.read_csv(io.StringIO(made.bundle[shown.TABLE]["csv"]))
    assert len(table) == len(frame)


@pytest.mark.parametrize("name", samples.FRAMES)
def test_a_chart_does_not_change_its_frame(name):
    frame = samples.FRAMES[name]()
    getattr(charts, name)(frame, title="x")
    pd.testing.assert_frame_equal(frame, samples.FRAMES[name]())


@pytest.mark.parametrize("name", samples.FRAMES)
def test_a_chart_says_which_column_is_missing(name):
    with pytest.raises(InputError, match=rf"charts\.{name}: no column '\w+'; allowed: nothing_useful"):
        getattr(charts, name)(pd.DataFrame({"nothing_useful": [1]}), title="x")


@pytest.mark.parametrize("name", sorted(samples.FRAMES.keys() - {"breaks", "drivers", "loop_time", "next_after_drop"}))
def test_a_chart_of_no_rows_is_not_measured(name):
    with pytest.raises(NotMeasured, match="nothing to draw"):
        getattr(charts, name)(samples.FRAMES[name]().head(0), title="x")


def test_no_break_is_a_result_that_the_title_says():
    made = charts.breaks(samples.breaks().head(0), title="No step has dropped for good")
    assert "No step has dropped for good" in made.html
    assert made.bundle[shown.TABLE]["csv"].startswith("step,slice_column,")


def test_a_finding_titles_the_chart_and_stresses_what_it_is_about():
    made = charts.funnel_trend(samples.trend(), title=Said("Payment broke", since="2025-08-06", device="android"))
    assert made.spec["usermeta"]["opsnb"]["title"] == "Payment broke"
    written = json.dumps({key: value for key, value in made.spec.items() if key != "datasets"})
    assert theme.ALERT in written
    assert any(row.get("text") == "since 2025-08-06" for row in rows(made))


def test_the_funnel_writes_the_drop_and_stresses_the_largest_loss():
    drawn = {row["label"]: row for row in rows(charts.funnel(samples.conversion(), title="x"))}
    assert drawn["search"]["lost"] == "−34% (16,333 lost)"  # 48,210 - 31,877 = 16,333, the largest number lost: 33.9%
    assert drawn["cart"]["lost"] == "−58%"
    assert drawn["cart"]["step_conversion_text"] == "42% = 4,120 / 9,870"
    assert [row["label"] for row in drawn.values() if row["stressed"]] == ["search"]


def test_a_funnel_by_device_keeps_users_without_one():
    made = charts.funnel(samples.conversion_by_device(), title="x")
    assert {row["of"] for row in rows(made)} == {"ios", "android", "desktop", "none"}


def test_days_are_added_up_to_whole_weeks_when_there_are_many():
    # 2024-01-01 is a Monday: 730 days are 104 whole weeks and 2 days
    made = charts.funnel_trend(samples.trend(), title="x")
    assert len({row["day"] for row in rows(made) if "day" in row}) == 104
    assert len({row["day"] for row in rows(charts.funnel_trend(samples.trend(60), title="x")) if "day" in row}) == 60


def test_what_cannot_be_known_yet_is_not_drawn():
    made = charts.retention(samples.retention(), title="x")
    # 14 cohorts, the last period of each still open: 0 to 12 periods known, of which period 0 is not drawn; 12 + 11 + … + 1
    assert len(rows(made)) == 78


@pytest.mark.parametrize("name", ["funnel", "tiers", "channel_mix", "budget_variance", "scorecard"])
def test_zeros_and_nulls_are_drawn(name):
    frame = samples.FRAMES[name]()
    numbers = frame.select_dtypes("number").columns
    for value in (0.0, float("nan")):
        blank = frame.astype(dict.fromkeys(numbers, float)).assign(**dict.fromkeys(numbers, value))
        try:
            made = getattr(charts, name)(blank, title="x")
        except NotMeasured:
            continue
        json.dumps(made.spec, allow_nan=False)


def test_labels_are_translated_and_names_in_the_data_are_not():
    with language.using("zh"):
        drawn = rows(charts.channel_mix(samples.channels(), title="x"))
        tiers = rows(charts.tiers(samples.tiers(), title="x"))
    assert {"小红书", "douyin"} <= {row["label"] for row in drawn}
    assert {row["label"] for row in tiers} == {"高价值", "潜力", "低活跃", "流失"}


@pytest.mark.parametrize("text", ["Conversion of android users fell by half " * 6, "支付转化率下降了一半" * 12])
def test_a_long_title_is_wrapped(text):
    lines = shown.wrapped(text)
    assert len(lines) > 1
    assert all(shown.text_width(line) <= 90 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_plain_chart_of_an_analyst_shows_the_same_way():
    import altair as alt

    shown.enable_charts()
    bundle = alt.Chart(pd.DataFrame({"a": [1]})).mark_point().encode(x="a")._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data[shown.CHART]["config"]["font"] == theme.FONT


def test_a_kernel_imports_altair_for_the_first_chart_and_shows_it_the_same_way():
    """Altair takes longer to import than the first finding may wait."""
    script = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell; shell = InteractiveShell.instance(); from opsnb import page\n"
        "from opsnb.views import shown, theme; page.setup('en'); assert 'altair' not in sys.modules; import altair, pandas\n"
        "for chart in (altair.Chart(pandas.DataFrame({'a': [1]})).mark_point().encode(x='a'), altair.layer(altair.Chart('a.csv').mark_bar())):\n"
        "    data, _ = shell.display_formatter.format(chart); assert data[shown.CHART]['config']['font'] == theme.FONT, data.keys()\n")
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_curve_of_few_users_is_a_sentence_and_its_table():
    for chart, frame in ((charts.retention_curve, samples.staying()), (charts.return_curve, samples.curve_by_channel())):
        made = chart(frame.assign(at_risk=19), title="")
        assert str(made) == "Fewer than 20 users were followed: too few for a curve"
        assert shown.TABLE in made.bundle


def test_a_portrait_has_the_tiers_from_the_best_to_the_lost():
    heads = dict.fromkeys(row["of"] for row in rows(charts.portrait(samples.indices(), title="")))
    assert set(heads) == {"high-value (412)", "potential (903)", "lost (1,204)"}
    order = json.dumps(charts.portrait(samples.indices(), title="").spec)
    assert '"sort": ["high-value (412)", "potential (903)", "lost (1,204)"]' in order
    assert '"city tier: tier1"' in order


def test_pain_points_that_we_know_are_translated():
    with language.using("zh"):
        labels = [row["label"] for row in rows(charts.pain_points(samples.pains(), title=""))]
    assert [label.split("（")[0] for label in labels] == ["配送", "价格", "搜索"]


def test_the_legend_stands_above_what_an_axis_says_of_itself():
    """A title above the left axis needs its line; without one the legend stays as near as the theme has it."""
    titled = charts.market_growth(samples.market(), title="t").spec
    assert titled["config"]["legend"]["offset"] == parts.LEGEND_ABOVE
    plain = charts.channel_mix(samples.channels(), title="t").spec
    assert plain["config"]["legend"]["offset"] == theme.vega_config()["legend"]["offset"]


def test_every_chart_knows_a_phone_and_notes_stand_above_their_rows_there():
    made = charts.sample_ratio(samples.sample_ratio(), title="t").spec
    assert {"name": parts.NARROW, "value": False} in made["params"]
    assert made["usermeta"]["opsnb"]["notes"]
    notes = [layer["mark"] for layer in made["layer"] if layer["mark"]["type"] == "text"]
    assert {mark["yOffset"]["expr"] for mark in notes} == {"narrow ? -15 : 0"}
