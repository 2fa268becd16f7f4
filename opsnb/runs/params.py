"""A notebook's parameters: the cell tagged ``parameters`` is the schema; what is handed in is held against it before a kernel starts.

Each line of that cell reads ``name: type = default  # help``. Types: ``str``, ``int``, ``float``, ``bool``, ``list[str]`` and
``Literal["a", "b"]``; a range in the help, ``[1..365]`` or ``[0..]``, bounds a number. The cell is read as text and never executed here,
and a value from outside always arrives in the notebook as a literal, never as code.
"""

from __future__ import annotations

import ast
import io
import json
import math
import re
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from opsnb.errors import InputError, ParameterError, nearest

TYPES = ("str", "int", "float", "bool", "list[str]", "Literal[...]")
_RANGE = re.compile(r"\[\s*(-?[\d._]+)?\s*\.\.\s*(-?[\d._]+)?\s*\]")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True)
class Parameter:
    """One line of the parameters cell. ``allowed`` holds the values of a Literal; ``low`` and ``high`` bound a number, both included."""

    name: str
    type: str
    default: Any
    help: str = ""
    allowed: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        kind = " | ".join(map(str, self.allowed)) if self.allowed else self.type
        return f"{self.name}: {kind} = {self.default!r}" + (f"  # {self.help}" if self.help else "")


@dataclass(frozen=True)
class Given:
    """A value from outside with the place it came from, for the error message; ``text``: still a text, as the shell gives it."""

    value: Any
    where: str = ""
    text: bool = False


def schema(source: str, *, where: str = "parameters cell") -> dict[str, Parameter]:
    """The parameters that a cell declares, by name and in order. Raises ParameterError for a line that declares none.

    >>> found = schema('days: int = 90  # length of the period [1..365]')
    >>> found["days"]
    Parameter(name='days', type='int', default=90, help='length of the period [1..365]', allowed=(), low=1.0, high=365.0)
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise ParameterError(f"{where} line {error.lineno}: {error.msg}") from None
    comments = {token.start[0]: token.string.lstrip("# ").rstrip() for token in tokenize.generate_tokens(io.StringIO(source).readline)
                if token.type == tokenize.COMMENT}
    found: dict[str, Parameter] = {}
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            continue  # `from typing import Literal`, which the notebook itself needs
        place = f"{where} line {node.lineno}"
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None):
            raise ParameterError(f"{place}: expected `name: type = default  # help`, found `{ast.unparse(node)}`")
        parameter = _declared(node, comments.get(node.end_lineno or node.lineno, ""), place)
        found[parameter.name] = parameter
    return found


def _declared(node: ast.AnnAssign, help: str, place: str) -> Parameter:
    name, kind = node.target.id, ast.unparse(node.annotation).replace(" ", "")
    allowed: tuple[Any, ...] = ()
    try:
        default = ast.literal_eval(node.value)
        if kind.startswith(("Literal[", "typing.Literal[")):
            values = ast.literal_eval(node.annotation.slice)
            allowed, kind = (values if isinstance(values, tuple) else (values,)), "Literal"
    except ValueError:
        raise ParameterError(f"{place}: `{ast.unparse(node)}` holds something other than plain values") from None
    if kind != "Literal" and kind not in TYPES:
        raise ParameterError(f"{place}: {name} has type '{kind}'; {nearest(kind, TYPES)}")
    low = high = None
    if bounds := _RANGE.search(help):
        if kind not in ("int", "float"):
            raise ParameterError(f"{place}: {name} has a range but is no number")
        low, high = (None if bound is None else float(bound) for bound in bounds.groups())
    parameter = Parameter(name, kind, default, help, allowed, low, high)
    return Parameter(name, kind, checked(parameter, Given(default, where=place)), help, allowed, low, high)


def validated(parameters: Mapping[str, Parameter], given: Mapping[str, Given]) -> dict[str, Any]:
    """Every parameter with the value given or its default. Raises ParameterError for a name or a value that is not allowed.

    >>> cell = schema('unit: Literal["user", "session"] = "user"')
    >>> validated(cell, {"unit": Given("session")})
    {'unit': 'session'}
    >>> validated(cell, {"unit": Given("sesion", where="--set unit=sesion")})
    Traceback (most recent call last):
    opsnb.errors.ParameterError: --set unit=sesion: unit is 'sesion'; allowed: user, session (did you mean 'session'?)
    """
    for name, value in given.items():
        if name not in parameters:
            raise ParameterError(f"{_place(value)}no parameter '{name}'; {nearest(name, parameters)}")
    return {name: checked(parameter, given[name]) if name in given else parameter.default for name, parameter in parameters.items()}


def checked(parameter: Parameter, given: Given) -> Any:
    """The value, of the declared type. Raises ParameterError saying what was found and what is allowed."""
    value = _from_text(parameter, given) if given.text else _from_file(parameter, given)
    if isinstance(value, str):
        _writable(parameter, given, [value])
    elif isinstance(value, list):
        _writable(parameter, given, value)
    elif not isinstance(value, bool) and isinstance(value, (int, float)):
        below = parameter.low is not None and value < parameter.low
        above = parameter.high is not None and value > parameter.high
        if below or above:
            low, high = ("" if bound is None else f"{bound:g}" for bound in (parameter.low, parameter.high))
            raise ParameterError(f"{_place(given)}{parameter.name} is {value}; allowed: [{low}..{high}]")
    return value


def _from_text(parameter: Parameter, given: Given) -> Any:
    """A text of the shell, read by the declared type."""
    text = str(given.value)
    word = text.strip()
    if parameter.type == "str":
        return text
    if parameter.type == "Literal":
        for value in parameter.allowed:
            if str(value) == word:
                return value
        raise ParameterError(f"{_place(given)}{parameter.name} is '{text}'; {nearest(text, parameter.allowed)}")
    if parameter.type == "bool":
        if word.casefold() in _TRUE + _FALSE:
            return word.casefold() in _TRUE
        raise _wrong(parameter, given, text, "true or false")
    if parameter.type == "int":
        if re.fullmatch(r"[+-]?[0-9]{1,18}", word):
            return int(word)
        raise _wrong(parameter, given, text, "a whole number")
    if parameter.type == "float":
        if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", word) and math.isfinite(float(word)):
            return float(word)
        raise _wrong(parameter, given, text, "a number")
    if word.startswith("["):
        try:
            values = json.loads(word)
        except json.JSONDecodeError:
            if not re.fullmatch(r"\[[^\[\]{}\"']*\]", word):  # [a, b], as a params file has it
                raise _wrong(parameter, given, text, 'texts as a,b or ["a", "b"]') from None
            return [part.strip() for part in word[1:-1].split(",") if part.strip()]
        return _from_file(parameter, Given(values, given.where))
    return [part.strip() for part in word.split(",") if part.strip()]


def _from_file(parameter: Parameter, given: Given) -> Any:
    """A value that already has a type, as YAML and Python give it."""
    value = given.value
    if parameter.type == "Literal":
        for option in parameter.allowed:
            if option == value and type(option) is type(value):
                return option
        raise ParameterError(f"{_place(given)}{parameter.name} is {value!r}; {nearest(value, parameter.allowed)}")
    if parameter.type == "str":
        if isinstance(value, (date, datetime)):
            return value.isoformat()  # YAML reads 2025-11-30 as a date
        if isinstance(value, (str, Path)):
            return str(value)
        raise _wrong(parameter, given, value, "a text (in quotes)")
    if parameter.type == "bool":
        if isinstance(value, bool):
            return value
        raise _wrong(parameter, given, value, "true or false")
    if parameter.type == "int":
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise _wrong(parameter, given, value, "a whole number")
    if parameter.type == "float":
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        raise _wrong(parameter, given, value, "a number")
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return list(value)
    raise _wrong(parameter, given, value, "a list of texts")


def _wrong(parameter: Parameter, given: Given, value: Any, expected: str) -> ParameterError:
    return ParameterError(f"{_place(given)}{parameter.name} is {value!r}; allowed: {expected}")


def _writable(parameter: Parameter, given: Given, values: Iterable[str]) -> None:
    for value in values:
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ParameterError(f"{_place(given)}{parameter.name} is {value!r}; allowed: text in UTF-8") from None


def _place(given: Given) -> str:
    return f"{given.where}: " if given.where else ""


def from_file(path: str | Path) -> dict[str, Given]:
    """The values of a YAML file, ``name: value`` on each line. Raises InputError if it is missing or something else."""
    import yaml

    path = Path(path)
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such params file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(f"{path}{f' line {mark.line + 1}' if mark else ''}: no YAML: {getattr(error, 'problem', error)}") from None
    if read is None:
        return {}
    if not isinstance(read, dict) or not all(isinstance(name, str) for name in read):
        raise InputError(f"{path}: expected lines of `name: value`, found {type(read).__name__}")
    return {name: Given(value, where=str(path)) for name, value in read.items()}


def from_shell(assignments: Iterable[str]) -> dict[str, Given]:
    """The values of ``name=value`` texts; they stay texts until the declared type reads them.

    >>> from_shell(["days=90"])
    {'days': Given(value='90', where='--set days=90', text=True)}
    """
    found = {}
    for assignment in assignments:
        name, sign, value = assignment.partition("=")
        if not sign or not name.strip():
            raise ParameterError(f"--set {assignment}: expected name=value")
        found[name.strip()] = Given(value, where=f"--set {assignment}", text=True)
    return found


def assignments(values: Mapping[str, Any]) -> str:
    """The code that puts validated values into a notebook: literals only.

    >>> print(assignments({"days": 90, "by": ["it's"], "as_of": "'); import os"}))
    days = 90
    by = ["it's"]
    as_of = "'); import os"
    """
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    for (name, value), line in zip(values.items(), lines, strict=True):
        if not name.isidentifier() or ast.literal_eval(line.partition(" = ")[2]) != value:
            raise ParameterError(f"{name} is {value!r}, which is no plain value")
    return "\n".join(lines)
