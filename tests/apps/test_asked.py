"""What an address may ask for: declared names, typed and bounded, and nothing of it ever in code."""

import json
from urllib.parse import urlencode

import pytest

from opsnb.apps import asked, shelf
from opsnb.errors import ParameterError
from opsnb.runs import visits
from opsnb.runs.params import schema
from opsnb.views import visit
from opsnb.views.jupyter import notebooks_folder

SCHEMA = schema('''data_folder: str = ""
hand_out_ids: bool = False
lang: Literal["en", "zh"] = "en"
as_of: str = ""
days: int = 365  # [1..3660]
steps: list[str] = []
unit: Literal["user", "session"] = "user"''')


@pytest.mark.parametrize(("query", "expected"), [
    ("days=30&unit=session&steps=home,%E6%94%AF%E4%BB%98", {"days": 30, "unit": "session", "steps": ["home", "支付"]}),
    ("data_folder=/etc&hand_out_ids=true&lang=zh&__class__=x&os=1&utm_source=mail", {}),  # a path is nobody's to say; undeclared names are passed over
    ("as_of=2025-11-03", {"as_of": "2025-11-03"}),
    ("", {}),
])
def test_only_declared_names_are_taken(query, expected):
    assert asked.asked(query, SCHEMA) == (expected, {})


@pytest.mark.parametrize("name", sorted(shelf.APPS))
def test_every_parameter_of_every_app_comes_back_from_its_address(name):
    """A link opens the same view: whatever a notebook declares, but for what is never a visitor's to say, is read as it was written."""
    declared = shelf.read(notebooks_folder() / f"{name}.ipynb")[1]
    others = {parameter.name: other_than_default(parameter) for parameter in declared.values() if parameter.name not in (*asked.NEVER, "lang")}
    assert len(others) >= 3
    query = urlencode({name: ",".join(value) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else value
                       for name, value in others.items()})
    assert asked.asked(query, declared) == (others, {})


def other_than_default(parameter):
    """A value of the parameter's kind that is not its default."""
    if parameter.allowed:
        return next(value for value in parameter.allowed if value != parameter.default)
    if isinstance(parameter.default, bool):
        return not parameter.default
    if isinstance(parameter.default, (int, float)):
        return type(parameter.default)(parameter.low if parameter.low != parameter.default else parameter.high)
    return ["device=ios", "支付 a|b"] if isinstance(parameter.default, list) else "2025-11-03"


@pytest.mark.parametrize("query", [
    "days=0", "days=9999", "days=1;import os", "days=1e3", "days=", "unit=__import__('os')", "as_of=yesterday", "as_of='%2B1", "steps=" + "a" * 201,
    "steps=" + ",".join(["a"] * 51), "steps=a%00b", "steps=a%0Aimport os", "steps=" + "%E2%80%AE" + "abc", "x=" + "a" * 10_000])
def test_what_a_name_cannot_be_is_refused(query):
    with pytest.raises(ParameterError):
        asked.asked(query, SCHEMA)


def test_the_state_of_controls_is_bounded_text():
    query = "path.days=30&path.by=" + "a" * 1001 + "&../x.y=1&A.b=2&" + "&".join(f"s{number}.n=1" for number in range(100))
    parameters, controls = asked.asked(query, SCHEMA)
    assert parameters == {}
    assert controls["path.days"] == "30"
    assert "path.by" not in controls
    assert len(controls) == asked.MOST_CONTROLS


def test_a_kernel_gets_values_as_data_and_everybody_the_same_code(tmp_path, monkeypatch):
    hostile = "'); import os; os.abort() #"
    variables = visits.write_asked(str(tmp_path), "k", {"steps": [hostile]}, {"path.days": hostile})
    monkeypatch.setenv(visit.FILE, variables[visit.FILE])
    assert json.loads((tmp_path / "visit-k.json").read_text())["parameters"] == {"steps": [hostile]}
    names = {}
    exec(visit.CELL, names)
    assert names["steps"] == [hostile]
    assert visit.controls() == {"path.days": hostile}


@pytest.mark.parametrize(("query", "cookie", "accepted", "default", "expected"), [
    ("lang=zh", "en", "en", "en", "zh"), ("lang=zh';import os", "", "", "", "en"), ("lang=en&lang=zh", "", "", "", "zh"),
    ("", "zh", "en", "en", "zh"), ("", "<b>", "zh-TW", "", "zh"), ("", "", "en;q=0.5, zh;q=0.9", "", "zh"), ("", "", "zh", "en", "en"),
    ("", "", "de, fr;q=x, *;q=0.1", "", "en"), ("", "", "", "", "en"),
])
def test_the_language_is_asked_for_chosen_before_or_the_browsers(query, cookie, accepted, default, expected):
    assert asked.language_of(query, cookie, accepted, default) == expected
