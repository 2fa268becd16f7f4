"""Which cells of a notebook an app shows and which a report: told by their tags."""

from __future__ import annotations

import copy
from typing import Any, Literal

LEFT_OUT = {"app": "report", "report": "app"}


def select(notebook: Any, kind: Literal["app", "report"]) -> Any:
    """A copy of ``notebook`` without the cells made for the other kind: an app has no ``report`` cells, a report no ``app`` cells.

    >>> cells = [{"metadata": {}}, {"metadata": {"tags": ["app"]}}, {"metadata": {"tags": ["report"]}}]
    >>> select({"cells": cells}, "report")["cells"]
    [{'metadata': {}}, {'metadata': {'tags': ['report']}}]
    """
    unwanted = LEFT_OUT[kind]
    chosen = copy.copy(notebook)
    chosen["cells"] = [copy.deepcopy(cell) for cell in notebook["cells"] if unwanted not in cell["metadata"].get("tags", [])]
    return chosen
