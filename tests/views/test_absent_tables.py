"""The four apps on businesses that have next to nothing: whatever a control is set to, each section shows something or says why not, in the reader's
language; none stops with an error that only the log explains."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

import opsnb
from opsnb.errors import OpsnbError
from opsnb.views import ahead, controls, language, page, visit
from opsnb.views.shown import CHART

sys.path[:0] = [str(Path(__file__).parents[1] / "browser"), str(Path(__file__).parents[1] / "reviews")]
from test_odd_pages import random_orders, visits  # noqa: E402
from twins import cells  # noqa: E402

APPS = ("market_analysis", "user_profiling", "funnel_diagnosis", "evaluation_report")
LATIN = re.compile(r"[A-Za-z]{4,}(?: [a-z]{2,}){2,}")  # an English phrase
ORDERS = pd.DataFrame(random_orders(), columns=["user_id", "day", "amount", "refund"]).assign(
    order_id=lambda orders: [f"o{place}" for place in range(len(orders))],
    ts=lambda orders: (pd.Timestamp("2025-01-01") + pd.to_timedelta(orders.pop("day"), unit="D")).astype(str))
BUSINESSES = {
    "visits only": {"events": visits()},
    "orders only": {"orders": ORDERS},
    "one visit": {"events": visits(1).head(1)},
    "visits and orders of other people": {"events": visits(), "orders": ORDERS.assign(user_id=lambda orders: "x" + orders["user_id"])},
}


@pytest.fixture(params=BUSINESSES)
def business(request, tmp_path, monkeypatch):
    """OPSNB_DATA names it, and this process is an app's kernel."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, table in BUSINESSES[request.param].items():
        table.to_csv(folder / f"{name}.csv", index=False)
    (tmp_path / "visit.json").write_text("{}")
    monkeypatch.setenv("OPSNB_DATA", str(folder))
    monkeypatch.setenv(visit.FILE, str(tmp_path / "visit.json"))
    monkeypatch.setattr(controls, "PANELS", [])
    monkeypatch.setattr(ahead, "MOST_OFFERED", 2)  # values of each control
    return opsnb.open_data(folder)


@pytest.mark.parametrize("name", APPS)
def test_every_section_shows_something_or_says_why_not(business, monkeypatch, name):
    """In Chinese: an error of ours that nobody has translated is for the log only, as one of the program is."""
    wrong, shown = [], []
    monkeypatch.setattr(page, "to_window", wrong.append)
    monkeypatch.setattr("IPython.display.display", lambda *parts, **_: shown.extend(getattr(part, "bundle", part) for part in parts))
    cells(name, "zh")
    with language.using("zh"):
        for section, choices in controls.PANELS:
            for values in ([choice.default for choice in choices], *ahead.changes(choices)):
                shown += controls.drawn(section, choices, values)
                assert wrong == [], (section.__name__, values)
    said = [one for one in shown if isinstance(one, dict) and (CHART in one or one.get("text/html"))]
    assert len(said) > len(controls.PANELS)
    for one in said:
        text = re.sub("<[^>]+>", " ", str(one.get("text/html", ""))) + str(one.get("text/plain", ""))
        assert not LATIN.search(text), text
        assert "Infinity" not in json.dumps(one)
        assert not re.search(r"\bnan\b|NaN|\bNone\b|Traceback", text), text


@pytest.mark.parametrize(("asked", "says"), [
    ({"segment": ["device=ios"]}, "不能按“device”筛选访问"), ({"steps": ["home", "chekout"]}, "没有 event“chekout”"),
    ({"benchmark": "target", "target_rates": ["chekout=0.7"]}, "“chekout”不是漏斗中第二步及以后的步骤")])
def test_what_an_address_asks_for_and_cannot_be_is_said_in_the_readers_language(tmp_path, monkeypatch, asked, says):
    """In the cell or in the section: either way a sentence for the reader, and nothing for the log."""
    visits().to_csv(tmp_path / "events.csv", index=False)
    (tmp_path / "visit.json").write_text(json.dumps({"parameters": {**asked, "lang": "zh"}}))
    monkeypatch.setenv("OPSNB_DATA", str(tmp_path))
    monkeypatch.setenv(visit.FILE, str(tmp_path / "visit.json"))
    monkeypatch.setattr(controls, "PANELS", [])
    wrong, told = [], []
    monkeypatch.setattr(page, "to_window", wrong.append)
    made = controls.drawn
    monkeypatch.setattr(controls, "drawn", lambda *asked: told.extend(found := made(*asked)) or found)
    monkeypatch.setattr("IPython.display.display", lambda *_, **more: None)
    refused = []
    try:
        cells("funnel_diagnosis", "zh")
    except OpsnbError as error:
        refused.append(error)
    with language.using("zh"):
        told += [bundle for error in refused for bundle in page.for_browser(page.failed(error))]
    assert wrong == []
    assert any(says in one.get("text/plain", "") for one in told)
