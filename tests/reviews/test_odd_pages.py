"""The page on users whole, for odd businesses and in both languages: each cell of the notebook answers or says why not, in a sentence."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import opsnb
from opsnb.views import language

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "user_profiling.ipynb"
START = pd.Timestamp("2025-01-01")
HOLES = re.compile(r"\bnan\b|NaN|NaT|\bNone\b|Traceback|\binf\b| 0 days|all 1 ")
LATIN = re.compile(r"[A-Za-z]{4,}(?: [a-z]{2,}){2,}")  # an English phrase


def random_orders(users=60, most=6, amount=None):
    random = np.random.default_rng(0)
    return [(f"u{user:03}", int(day), amount or float(random.integers(20, 300)), None) for user in range(users) for day in
            np.sort(random.integers(0, 365, random.integers(1, most)))]


def visits(users=60):
    random = np.random.default_rng(1)
    rows = [(f"u{user:03}", START + pd.Timedelta(days=int(day), minutes=minute), event) for user in range(users)
            for day in np.sort(random.integers(0, 365, 8)) for minute, event in ((0, "home"), (1, "product"))]
    return pd.DataFrame(rows, columns=["user_id", "ts", "event"])


SIGNUPS = pd.DataFrame({"user_id": [f"s{place}" for place in range(40)], "signup_ts": "2025-03-01", "channel": "direct"})
BUSINESSES = {
    "no orders": (None, {"users": SIGNUPS}),
    "visits without orders": (None, {"events": visits()}),
    "one order each": ([(f"u{place:03}", 5 * place, 50.0, None) for place in range(60)], {"events": visits()}),
    "one user": ([("u001", day, 50.0 + day, None) for day in (0, 20, 40, 200, 300)], {}),
    "constant amounts": (random_orders(amount=99.0), {}),
    "a whale with half of the revenue": ([*random_orders(), ("whale", 100, 30000.0, None), ("whale", 350, 30000.0, None)], {"events": visits()}),
    "refunds larger than orders": ([*random_orders(), *((f"u{place:03}", 364, -5000.0, "yes") for place in range(60))], {"events": visits()}),
    "signups without events": (random_orders(), {"users": SIGNUPS}),
    "fewer users than k": (random_orders(users=3), {"events": visits(3)}),
}
LONG = {"days": 3660, "horizon_days": 365, "repeat_days": 365, "order_days": 180, "ltv_days": 730, "compare_days": 1825}


def business(folder, orders, tables):
    if orders is not None:
        frame = pd.DataFrame(orders, columns=["user_id", "day", "amount", "refund"])
        frame = frame.assign(order_id=[f"o{place}" for place in range(len(frame))], ts=(START + pd.to_timedelta(frame.pop("day"), unit="D")).astype(str))
        frame.to_csv(folder / "orders.csv", index=False)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return opsnb.open_data(folder)


def told(monkeypatch, data, lang, **parameters):
    """The texts that each cell shows, in a process of its own no longer than the cell's code asks for: no kernel, and the data opened before."""
    shown, texts, names = [], [], {}
    monkeypatch.setattr("IPython.display.display", lambda *parts, **_: shown.extend(parts))
    monkeypatch.setattr(opsnb, "open_data", lambda *_args, **_options: data, raising=False)
    with language.using("en"):
        for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] != "code" or "app" in cell["metadata"].get("tags", []):
                continue
            tree = ast.parse("".join(cell["source"]))
            last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "cell", "exec"), names)
            if "parameters" in cell["metadata"].get("tags", []):
                names |= {"lang": lang, **parameters}
            value = eval(compile(last, "cell", "eval"), names) if last else None
            for part in [*shown, *([] if value is None else [value])]:
                bundle = getattr(part, "bundle", part)
                texts.append(f"{bundle.get('text/plain', '')} {re.sub('<[^>]+>', ' ', str(bundle.get('text/html', '')))}")
            shown.clear()
    return texts


@pytest.mark.parametrize("name", BUSINESSES)
def test_an_odd_business_gets_a_page_of_sentences_in_both_languages(tmp_path, monkeypatch, name):
    data = business(tmp_path, *BUSINESSES[name])
    english, chinese = (told(monkeypatch, data, lang, k=5 if name == "fewer users than k" else 0) for lang in ("en", "zh"))
    assert len(english) == len(chinese) > 15
    for text in (*english, *chinese):
        assert not HOLES.search(text), text
        assert not text.strip().startswith(("1. 0 customers", "0 customers")), text
    assert (name == "a whale with half of the revenue") == ("One customer brings" in english[1])
    for text in chinese:
        assert not LATIN.search(text), text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_periods_longer_than_the_data_get_sentences(tmp_path, monkeypatch, lang):
    texts = told(monkeypatch, business(tmp_path, random_orders(), {"events": visits()}), lang, **LONG)
    assert not any(HOLES.search(text) for text in texts)


def test_visits_without_orders_have_a_short_version_of_their_own(tmp_path):
    found = opsnb.reviews.user_profiling(business(tmp_path, None, {"events": visits()}))
    assert {finding.section for finding in found} <= {"living", "retained", "lives"}
    assert found
