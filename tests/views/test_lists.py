"""Lists of people leave a page only where they may, as ids alone, and run nothing in a spreadsheet."""

import base64
import re

import pytest

from opsnb.views import language, lists, shown

IDS = ["u3", "u1", "=cmd()", 'a"b,c']


@pytest.fixture(params=["OPSNB_VISIT", "VOILA_BASE_URL"], ids=["an app of ours", "a voila started by hand"])
def in_app(monkeypatch, request):
    monkeypatch.setenv(request.param, "/")


def test_a_closed_list_says_how_many_there_are_and_holds_no_id():
    made = lists.members(IDS, "recall_list", allowed=False)
    assert str(made) == "recall list: 4 ids, not handed out; the parameter hand_out_ids allows it."
    assert shown.TABLE not in made.bundle
    assert "u3" not in str(made.bundle)


def test_an_open_list_is_a_csv_of_ids_in_their_order():
    made = lists.members(IDS, "recall_list", allowed=True)
    assert made.bundle[shown.TABLE] == {"name": "recall_list", "csv": 'user_id\nu3\nu1\n=cmd()\n"a""b,c"\n'}
    held = base64.b64decode(re.search(r"base64,([^\"]+)", made.html)[1]).decode("utf-8-sig")
    assert held == "user_id\nu3\nu1\n'=cmd()\n\"a\"\"b,c\"\n"
    assert 'download="recall_list.csv"' in made.html


@pytest.mark.usefixtures("in_app")
def test_apps_keep_lists_closed_unless_they_are_served_open(monkeypatch):
    assert shown.TABLE not in lists.members(IDS, "recall_list", allowed=False).bundle
    monkeypatch.setenv("QUERY_STRING", "hand_out_ids=true&leaving.hand_out_ids=true&OPSNB_LISTS=1")
    assert shown.TABLE not in lists.members(IDS, "recall_list", allowed=False).bundle
    monkeypatch.setenv(lists.OPEN_IN_APPS, "1")
    assert shown.TABLE in lists.members(IDS, "recall_list", allowed=False).bundle


@pytest.mark.usefixtures("in_app")
def test_rows_of_single_customers_are_shown_in_apps_only_where_lists_are_open(monkeypatch):
    assert not lists.rows_shown(False)
    assert lists.rows_shown(True)
    monkeypatch.setenv(lists.OPEN_IN_APPS, "1")
    assert lists.rows_shown(False)


def test_a_run_shows_rows_without_ids(monkeypatch):
    monkeypatch.delenv("VOILA_BASE_URL", raising=False)
    monkeypatch.delenv("OPSNB_VISIT", raising=False)
    assert lists.rows_shown(False)


def test_outside_of_apps_only_the_parameter_counts(monkeypatch):
    monkeypatch.delenv("VOILA_BASE_URL", raising=False)
    monkeypatch.delenv("OPSNB_VISIT", raising=False)
    monkeypatch.setenv(lists.OPEN_IN_APPS, "1")
    assert shown.TABLE not in lists.members(IDS, "recall_list", allowed=False).bundle


def test_names_in_a_list_are_escaped():
    made = lists.members(["a"], "x", allowed=True, said="<b>loyal</b>")
    assert "<b>" not in made.html
    with language.using("zh"):
        assert "1 个" in str(lists.members(["a"], "recall_list", allowed=False))
