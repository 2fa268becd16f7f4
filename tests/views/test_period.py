"""The period of an app's page: which links there are, which of them the page shows, and that nothing else gets into them."""

from datetime import date

import pytest

from opsnb.views import language, period


def test_the_links_lead_to_the_period_that_they_name():
    """2025-11-09 is the ninth day of its month; a year before it is 2024-11-09."""
    assert period.links("2025-11-09", 90) == [
        ("last 7 days", {"days": "7", "as_of": "2025-11-09"}, False), ("last 28 days", {"days": "28", "as_of": "2025-11-09"}, False),
        ("last 90 days", {"days": "90", "as_of": "2025-11-09"}, True), ("last 365 days", {"days": "365", "as_of": "2025-11-09"}, False),
        ("this month", {"days": "9", "as_of": "2025-11-09"}, False), ("same period last year", {"days": "90", "as_of": "2024-11-09"}, False)]


def test_this_month_is_not_said_twice_on_the_seventh():
    assert [label for label, _asked, _shown in period.links("2025-11-07", 28)] == [
        "last 7 days", "last 28 days", "last 90 days", "last 365 days", "same period last year"]


def test_a_period_of_another_length_is_in_the_form_only():
    made = period.bar("2025-11-09", 45)
    assert "aria-current" not in made
    assert 'name="days" min="1" max="3660" value="45"' in made
    assert 'name="as_of" value="2025-11-09"' in made


@pytest.mark.parametrize(("day", "before"), [("2024-02-29", "2023-02-28"), ("2024-02-28", "2023-02-28"), ("2025-03-01", "2024-03-01")])
def test_the_same_day_a_year_before(day, before):
    assert period.year_before(date.fromisoformat(day)).isoformat() == before


def test_in_chinese():
    with language.using("zh"):
        assert [label for label, _asked, _shown in period.links("2025-11-09", 90)] == [
            "最近 7 天", "最近 28 天", "最近 90 天", "最近 365 天", "本月", "去年同期"]


def test_no_link_leads_to_a_period_that_the_notebook_would_refuse():
    made = period.bar("2025-11-09", 90, shortest=30)
    assert [label for label, _asked, _shown in period.links("2025-11-09", 90, shortest=30)] == ["last 90 days", "last 365 days", "same period last year"]
    assert 'min="30"' in made
