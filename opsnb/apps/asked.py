"""What an address asks of an app: only names that the notebook declares, each of its type and bounds; controls' state as bounded text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from opsnb.errors import OpsnbError, ParameterError
from opsnb.runs.params import Given, Parameter, checked
from opsnb.tables.store import as_day
from opsnb.views.language import LANGUAGES

NEVER = ("data_folder", "hand_out_ids", "users")  # a path, and whether lists of ids are handed out, are not a visitor's to say
LONGEST_QUERY, LONGEST_TEXT, MOST_ITEMS, LONGEST_STATE, MOST_CONTROLS = 8_000, 200, 50, 1_000, 60
_CONTROL = re.compile(r"[a-z_]\w{0,40}\.[a-z_]\w{0,40}", re.ASCII)


def asked(query: str, schema: Mapping[str, Parameter]) -> tuple[dict[str, Any], dict[str, str]]:
    """(parameters, controls) of an address's query. Names that nobody declared are passed over: a link may carry what others need.

    Raises ParameterError for a declared name with a value it cannot have.

    >>> from opsnb.runs.params import schema
    >>> asked("days=30&path.days=90&x=__import__('os')", schema('days: int = 90  # [1..365]'))
    ({'days': 30}, {'path.days': '90'})
    """
    if len(query) > LONGEST_QUERY:
        raise ParameterError("the address is too long")
    parameters: dict[str, Any] = {}
    controls: dict[str, str] = {}
    for name, text in parse_qsl(query, keep_blank_values=True, errors="replace"):
        if name in schema and name not in NEVER and name != "lang":
            parameters[name] = _value(schema[name], text)
        elif _CONTROL.fullmatch(name) and len(text) <= LONGEST_STATE and len(controls) < MOST_CONTROLS:
            controls[name] = text
    return parameters, controls


def pairs(query: str) -> list[tuple[str, str]]:
    """The names and values of a query, those of one that is too long cut off.

    >>> pairs("lang=zh&x=%ff")
    [('lang', 'zh'), ('x', '\ufffd')]
    """
    return parse_qsl(query[:LONGEST_QUERY], errors="replace")


def _value(parameter: Parameter, text: str) -> Any:
    try:
        value = checked(parameter, Given(text, text=True))
        if parameter.name == "as_of" and value:
            as_day(value)
    except OpsnbError as error:
        raise ParameterError(f"{parameter.name}: {error}") from None
    items = value if isinstance(value, list) else [value]
    if len(items) > MOST_ITEMS or any(isinstance(item, str) and (len(item) > LONGEST_TEXT or not item.isprintable()) for item in items):
        raise ParameterError(f"{parameter.name}: the value is too long, or no plain text")
    return value


def language_of(query: str, cookie: str, accepted: str, default: str) -> str:
    """The visitor's language: the address's, else the one chosen before, else the server's own, else the browser's first known, else English.

    >>> language_of("", "", "fr-FR,zh-CN;q=0.8,en;q=0.5", ""), language_of("lang=en", "zh", "zh", ""), language_of("lang=<b>", "", "", "")
    ('zh', 'en', 'en')
    """
    said = [value for name, value in pairs(query) if name == "lang"][-1:]
    wanted = [*said, cookie, default, *(_by_weight(accepted[:500]))]
    return next((lang for lang in wanted if lang in LANGUAGES), "en")


def _by_weight(accepted: str) -> list[str]:
    found = []
    for part in accepted.split(","):
        tag, _, weight = part.partition(";q=")
        try:
            found.append((-float(weight or 1), tag.strip().casefold()[:2]))
        except ValueError:
            continue
    return [tag for _, tag in sorted(found, key=lambda pair: pair[0])]
