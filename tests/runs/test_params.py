import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsnb.errors import InputError, ParameterError
from opsnb.runs.params import Given, assignments, checked, from_file, from_shell, schema, validated

CELL = '''
from typing import Literal

data_folder: str = ""  # folder with the tables
lang: Literal["en", "zh"] = "en"
days: int = 365  # length of the period, in days [1..3660]
window: float = 7  # [0.01..]
strict: bool = False
steps: list[str] = []  # event names in order
k: Literal[2, 3, 4] = 3
'''


def test_the_cell_is_the_schema():
    cell = schema(CELL)
    assert list(cell) == ["data_folder", "lang", "days", "window", "strict", "steps", "k"]
    assert cell["data_folder"].help == "folder with the tables"
    assert cell["lang"].allowed == ("en", "zh")
    assert (cell["days"].low, cell["days"].high) == (1, 3660)
    assert (cell["window"].low, cell["window"].high) == (0.01, None)
    assert cell["window"].default == 7.0
    assert isinstance(cell["window"].default, float)
    assert str(cell["k"]) == "k: 2 | 3 | 4 = 3"


@pytest.mark.parametrize(("line", "message"), [
    ("days = 3", "expected `name: type = default"),
    ("days: int", "expected `name: type = default"),
    ("days: number = 3", "has type 'number'; allowed: str, int"),
    ("days: int = '3'", "days is '3'; allowed: a whole number"),
    ("days: int = 400  # [1..365]", "days is 400; allowed: [1..365]"),
    ("days: int = int('3')", "something other than plain values"),
    ("name: str = ''  # [1..2]", "has a range but is no number"),
    ("unit: Literal['a', 'b'] = 'c'", "unit is 'c'; allowed: a, b"),
    ("days: int = ", "line 1: invalid syntax"),
])
def test_a_cell_that_declares_nothing_readable_is_an_error(line, message):
    with pytest.raises(ParameterError) as error:
        schema(line)
    assert message in str(error.value)


@pytest.mark.parametrize(("assignment", "value"), [
    ("days=90", 90), ("days= 90 ", 90), ("window=7", 7.0), ("window=.5", 0.5), ("strict=yes", True), ("strict=False", False),
    ("steps=", []), ("steps=[加购, payment]", ["加购", "payment"]),
    ("steps=cart, payment", ["cart", "payment"]), ('steps=["a,b", "c"]', ["a,b", "c"]), ("lang=zh", "zh"), ("k=4", 4),
    ("data_folder=D:\\数据\\a=b", "D:\\数据\\a=b"), ("data_folder='); import os; os.exit('", "'); import os; os.exit('"),
])
def test_a_text_of_the_shell_is_read_by_the_declared_type(assignment, value):
    found = validated(schema(CELL), from_shell([assignment]))[assignment.partition("=")[0]]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("assignment", "message"), [
    ("dayz=90", "--set dayz=90: no parameter 'dayz'; allowed: data_folder, lang, days, window, strict, steps, k (did you mean 'days'?)"),
    ("days=ninety", "--set days=ninety: days is 'ninety'; allowed: a whole number"),
    ("days=9.5", "days is '9.5'; allowed: a whole number"), ("days=__import__('os')", "allowed: a whole number"),
    ("days=٣", "whole number"),
    ("days=0", "days is 0; allowed: [1..3660]"), ("days=99999", "days is 99999; allowed: [1..3660]"),
    ("window=0", "window is 0.0; allowed: [0.01..]"), ("window=inf", "allowed: a number"), ("window=1e999", "allowed: a number"),
    ("strict=maybe", "allowed: true or false"), ("lang=cn", "lang is 'cn'; allowed: en, zh"), ("k=5", "k is '5'; allowed: 2, 3, 4"),
    ("steps=[1, 2]", "allowed: a list of texts"), ("steps=[a", 'allowed: texts as a,b or ["a", "b"]'),
    ("data_folder=a\udcffb", "allowed: text in UTF-8"), ("days", "--set days: expected name=value"),
])
def test_what_the_cell_does_not_allow_is_refused_with_what_it_does(assignment, message):
    with pytest.raises(ParameterError) as error:
        validated(schema(CELL), from_shell([assignment]))
    assert message in str(error.value)


def test_a_params_file_gives_typed_values(tmp_path):
    path = tmp_path / "weekly.yml"
    path.write_text("days: 30\nsteps: [cart, payment]\ndata_folder: 2025-11-30\n", encoding="utf-8")
    values = validated(schema(CELL), from_file(path))
    assert values == {"data_folder": "2025-11-30", "lang": "en", "days": 30, "window": 7.0, "strict": False, "steps": ["cart", "payment"],
                      "k": 3}


@pytest.mark.parametrize(("text", "message"), [
    ("days: '30'", "days is '30'; allowed: a whole number"), ("days: true", "days is True; allowed: a whole number"),
    ("data_folder: 5", "allowed: a text (in quotes)"), ("strict: 1", "allowed: true or false"), ("window: .nan", "allowed: a number"),
    ("steps: cart", "allowed: a list of texts"), ("k: 3.0", "allowed: 2, 3, 4"), ("- days", "expected lines of `name: value`"),
    ("days: [1", "weekly.yml line 2: no YAML"), ("days: !!python/object/apply:os.system [ls]", "no YAML"),
])
def test_a_params_file_that_does_not_fit_is_refused(tmp_path, text, message):
    path = tmp_path / "weekly.yml"
    path.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        validated(schema(CELL), from_file(path))
    assert message in str(error.value)
    assert "weekly.yml" in str(error.value)


def test_a_missing_params_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such params file"):
        from_file(tmp_path / "none.yml")


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(texts, st.lists(texts), st.integers(1, 3660), st.floats(0.01, 1e9), st.booleans())
def test_whatever_the_values_they_arrive_as_data_and_unchanged(folder, steps, days, window, strict):
    given = {"data_folder": Given(folder), "steps": Given(steps), "days": Given(days), "window": Given(window), "strict": Given(strict)}
    values = validated(schema(CELL), given)
    tree = ast.parse(assignments(values))
    assert {line.targets[0].id: ast.literal_eval(line.value) for line in tree.body} == values


@given(texts)
def test_a_shell_text_stays_the_text_it_is(text):
    parameter = schema(CELL)["data_folder"]
    assert checked(parameter, Given(text, text=True)) == text


def test_only_plain_values_become_code():
    with pytest.raises(ParameterError, match="no plain value"):
        assignments({"x; import os": 1})
