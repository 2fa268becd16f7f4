"""What a funnel is asked: its steps, what may not happen between them, and the property it is broken down by. No topic of its own.

A step is an event name; a list of which any will do; or an event on conditions, ``{"event": "view", "where": {"page": "product"}}``, where
a condition names a value, a list of values, or None for a missing one, and all conditions must hold. ``"name"`` says how to show it,
``"optional": True`` that it holds nobody up. An exclusion is written like a step, and may say ``"between": ["cart", "payment"]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

from opsnb.errors import ParameterError, nearest

if TYPE_CHECKING:
    from opsnb.tables.histories import Block, Histories

Event: TypeAlias = "str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]"
Order = Literal["sequence", "any", "direct"]
Unit = Literal["user", "session", "attempt"]

STEP_KEYS = ("event", "where", "name", "optional")
EXCLUSION_KEYS = ("event", "where", "between")


class Alternative(NamedTuple):
    """Rows with one of these event codes and, for each of these columns, one of these codes or numbers; None stands for a missing one."""

    codes: tuple[int, ...]
    where: tuple[tuple[str, tuple[float | None, ...]], ...] = ()


class Step(NamedTuple):
    """A step as shown, the alternatives of which a row must be one, and whether it may be left out."""

    name: str
    any_of: tuple[Alternative, ...]
    optional: bool = False

    @property
    def columns(self) -> set[str]:
        """The columns that its conditions look at."""
        return {column for one in self.any_of for column, _ in one.where}


class Exclusion(NamedTuple):
    """What may not happen between the steps with the places ``low`` and ``high``."""

    any_of: tuple[Alternative, ...]
    low: int
    high: int


def funnel_steps(table: Histories, steps: Sequence[Event]) -> list[Step]:
    """The steps of a funnel, read and checked; the second "cart" is shown as "cart (2)".

    >>> import pandas as pd
    >>> from opsnb.tables.histories import histories
    >>> events = histories(pd.DataFrame({"user_id": "a", "ts": pd.to_datetime(["2025-01-01"] * 2), "event": ["view", "pay"],
    ...                                  "page": ["home", "cart"]}))
    >>> [step.name for step in funnel_steps(events, [{"event": "view", "where": {"page": "home"}}, ["view", "pay"], "pay", "pay"])]
    ['view (page=home)', 'view or pay', 'pay', 'pay (2)']
    """
    if isinstance(steps, (str, Mapping)) or not len(steps):
        raise ParameterError(f"steps must be a list of at least one event name, got {steps!r}; {nearest(steps, table.labels('event'))}")
    any_of = [_alternatives(table, step, STEP_KEYS) for step in steps]
    read = [Step(_name(step), one, isinstance(step, Mapping) and bool(step.get("optional")))
            for step, one in zip(steps, any_of, strict=True)]
    for end in (read[0], read[-1]):
        if end.optional:
            raise ParameterError(f"step '{end.name}' cannot be optional: the first and the last step are what the funnel is about")
    names = [step.name for step in read]
    again = [names[:place + 1].count(name) for place, name in enumerate(names)]
    return [step if time == 1 else step._replace(name=f"{step.name} ({time})") for step, time in zip(read, again, strict=True)]


def exclusions(table: Histories, without: Event | None, steps: Sequence[Step]) -> list[Exclusion]:
    """What may not happen between steps: one event as a text or mapping, or a list of them; without "between", anywhere in the funnel."""
    found = []
    for one in () if without is None else (without,) if isinstance(without, (str, Mapping)) else without:
        between = one.get("between") if isinstance(one, Mapping) else None
        low, high = 0, len(steps) - 1
        if between is not None:
            if isinstance(between, str) or len(between) != 2:
                raise ParameterError(f"between {between!r} must be a list of two steps, e.g. [{steps[0].name!r}, {steps[-1].name!r}]")
            low, high = (place_of(step, steps) for step in between)
            if low >= high or steps[low].optional or steps[high].optional:
                raise ParameterError(f"between {between!r} must name an earlier and a later step of the funnel, neither of them optional")
        found.append(Exclusion(_alternatives(table, one, EXCLUSION_KEYS), low, high))
    return found


def place_of(step: str | int, steps: Sequence[Step]) -> int:
    """The place of a step from 0, given as it is shown or by its number from 1."""
    names = [one.name for one in steps]
    if isinstance(step, str) and step in names:
        return names.index(step)
    if isinstance(step, (int, np.integer)) and not isinstance(step, bool) and 1 <= step <= len(steps):
        return int(step) - 1
    raise ParameterError(f"step {step!r} is not one of the funnel's; {nearest(step, names)}, or a number from 1 to {len(steps)}")


def _name(step: Any) -> str:
    if isinstance(step, str):
        return step
    if isinstance(step, Mapping):
        conditions = ", ".join(f"{column}={_several(value)}" for column, value in dict(step.get("where") or {}).items())
        return str(step.get("name") or f"{_name(step.get('event', ''))}{f' ({conditions})' if conditions else ''}")
    return " or ".join(_name(one) for one in step) if isinstance(step, Sequence) else str(step)


def _several(value: Any) -> str:
    return "/".join(map(_several, value)) if isinstance(value, (list, tuple)) else "missing" if value is None else str(value)


def _alternatives(table: Histories, step: Any, keys: Sequence[str]) -> tuple[Alternative, ...]:
    """Every way to be this event; names that need no condition are one alternative."""
    if isinstance(step, Mapping):
        for key in step:
            if key not in keys:
                raise ParameterError(f"step {dict(step)!r}: '{key}' is not part of a step; {nearest(key, keys)}")
        if "event" not in step:
            raise ParameterError(f"step {dict(step)!r} has no 'event'; allowed: {{'event': name, 'where': {{column: value}}}}")
        conditions = step.get("where") or {}
        if not isinstance(conditions, Mapping):
            raise ParameterError(f"step {dict(step)!r}: 'where' must say which column has which value, got {conditions!r}")
        where = tuple(sorted((str(column), _allowed(table, str(column), value)) for column, value in conditions.items()))
        return tuple(Alternative(one.codes, tuple(sorted({*one.where, *where}, key=str)))
                     for one in _alternatives(table, step["event"], keys))
    if isinstance(step, str):
        return (Alternative((int(table.codes("event", [step])[0]),)),)
    if not isinstance(step, Sequence) or not len(step):
        raise ParameterError(f"step {step!r} is not one; {nearest(step, table.labels('event'))}, a list of these, or "
                             "{'event': ..., 'where': ...}")
    found = [one for part in step for one in _alternatives(table, part, keys)]
    plain = tuple(sorted({code for one in found if not one.where for code in one.codes}))
    return (*((Alternative(plain),) if plain else ()), *dict.fromkeys(one for one in found if one.where))


def _allowed(table: Histories, column: str, value: Any) -> tuple[float | None, ...]:
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    table.require(column)
    if column in ("user_id", "ts"):
        properties = [one for one in table.columns if one not in ("user_id", "ts")]
        raise ParameterError(f"where '{column}' is not a property of an event; {nearest(column, properties)}")
    known = [one for one in values if one is not None]
    if table.is_number(column):
        if not all(isinstance(one, (int, float, np.number)) for one in known):
            raise ParameterError(f"where {column}={value!r}: the column holds numbers")
        codes = [float(one) for one in known]
    else:
        codes = [int(code) for code in table.codes(column, [str(one) for one in known])]
    return (*sorted(set(codes)), *((None,) if len(known) < len(values) else ()))


# Rows that match ---------------------------------------------------------------------------------------------------------------

def numbering(steps: Sequence[Step], size: int) -> tuple[np.ndarray, list[int]] | None:
    """The quick way when an event belongs to at most one kind of step: (kind of each of ``size`` codes and of none, kind of each step)."""
    kinds = {any_of: kind for kind, any_of in enumerate(dict.fromkeys(step.any_of for step in steps))}
    of_code = np.full(size + 1, len(kinds), np.min_scalar_type(len(kinds)))  # the last place answers for -1, a missing event
    for any_of, kind in kinds.items():
        for one in any_of:
            if one.where or (of_code[list(one.codes)] != len(kinds)).any():
                return None
            of_code[list(one.codes)] = kind
    return of_code, [kinds[step.any_of] for step in steps]


def matching(any_of: tuple[Alternative, ...], columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Per row: is it one of the alternatives?

    >>> columns = {"event": np.array([0, 1, 1, -1]), "page": np.array([2, 2, -1, 2])}
    >>> matching((Alternative((1,), (("page", (2, None)),)),), columns)
    array([False,  True,  True, False])
    """
    found = np.zeros(len(columns["event"]), bool)
    for one in any_of:
        rows = np.isin(columns["event"], one.codes)
        for column, allowed in one.where:
            values = columns[column]
            fits = np.isin(values, [value for value in allowed if value is not None])
            if None in allowed:
                fits |= np.isnan(values) if values.dtype.kind == "f" else values < 0
            rows &= fits
        found |= rows
    return found


def matches(steps: Sequence[Step], columns: Mapping[str, np.ndarray], size: int,
            inside: np.ndarray | None = None) -> Callable[[int], np.ndarray]:
    """For the place of a step, which rows match it; ``inside``: rows that may match at all; ``size``: number of event labels."""
    plain = [one.codes[0] for step in steps for one in step.any_of if len(one.codes) == 1 and not one.where]
    if len(plain) == sum(len(step.any_of) for step in steps) == len(steps):  # an event each: their codes tell them apart
        event = columns["event"].astype(np.min_scalar_type(-max(size, 1)))  # comparing small numbers is quicker
        if inside is not None:
            event[~inside] = -1
        return lambda place: event == plain[place]
    quick = numbering(steps, size)
    if quick is not None:
        of_code, kinds = quick
        kind = of_code.take(columns["event"], mode="wrap")
        if inside is not None:
            kind[~inside] = of_code[-1]
        return lambda place: kind == kinds[place]
    found = {any_of: matching(any_of, columns) for any_of in {step.any_of for step in steps}}
    if inside is not None:
        found = {any_of: rows & inside for any_of, rows in found.items()}
    return lambda place: found[steps[place].any_of]


# The property it is broken down by -----------------------------------------------------------------------------------------------

class Breakdown(NamedTuple):
    """Columns and, for each, its sorted values: labels by their code, or the numbers that occur. Missing counts as one more value."""

    columns: tuple[str, ...]
    values: tuple[np.ndarray, ...]

    @property
    def width(self) -> int:
        """Number of combinations of values."""
        return int(np.prod([len(values) + 1 for values in self.values], dtype=np.int64))

    def codes(self, block: Block, rows: np.ndarray) -> np.ndarray:
        """One code for the combination of the columns' values in these rows; a missing value, or row -1, comes last."""
        combined = np.zeros(len(rows), np.int64)
        for column, values in zip(self.columns, self.values, strict=True):
            value = block[column][rows]
            known = (rows >= 0) & (~np.isnan(value) if value.dtype.kind == "f" else value >= 0)
            code = np.searchsorted(values, value) if value.dtype.kind == "f" else value.astype(np.int64)
            combined = combined * (len(values) + 1) + np.where(known, code, len(values))
        return combined

    def labels(self, combined: np.ndarray) -> dict[str, np.ndarray]:
        """The other way round: column -> its values, None where missing."""
        out = {}
        for column, values in zip(reversed(self.columns), reversed(self.values), strict=True):
            texts = np.append(values.astype(object), None)
            out[column], combined = texts[combined % len(texts)], combined // len(texts)
        return {column: out[column] for column in self.columns}


def breakdown(table: Histories, by: str | Sequence[str] | None, taken: Sequence[str]) -> Breakdown:
    """The breakdown by some columns, none of which may have the name of a column of the result."""
    columns = () if by is None else (by,) if isinstance(by, str) else tuple(by)
    for column in columns:
        if not table.is_number(column):
            table.labels(column)  # says so for user_id and ts
        if column in taken:
            raise ParameterError(f"by '{column}' is also the name of a column of the result; rename the property")
    return Breakdown(columns, tuple(_numbers(table, column) if table.is_number(column) else table.labels(column) for column in columns))


def _numbers(table: Histories, column: str) -> np.ndarray:
    parts = [np.unique(block[column]) for block in table.blocks(column)]
    found = np.unique(np.concatenate(parts)) if parts else np.empty(0)
    return found[~np.isnan(found)]
