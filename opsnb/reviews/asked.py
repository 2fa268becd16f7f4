"""Asking a question that the data may not be able to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opsnb.errors import MissingTable, NotMeasured


def answered(question: Callable[[], Any]) -> Any:
    """What ``question()`` returns; None when a table is absent or the data cannot tell. The notebook's section says which and why.

    >>> def absent(): raise MissingTable("spend")
    >>> answered(absent) is None
    True
    """
    try:
        return question()
    except (MissingTable, NotMeasured):
        return None


def optional(data: Any, table: str) -> Any:
    """A table of the data, or None where it is absent."""
    return getattr(data, table) if data.has(table) else None


def nothing_measured(found: list, reason: str) -> list:
    """``found`` as it is; raises NotMeasured with the reason when nothing could be found at all."""
    if not found:
        raise NotMeasured(reason)
    return found
