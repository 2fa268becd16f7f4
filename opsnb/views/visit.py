"""What a visitor of an app has asked for, as the server has checked it: parameters by name, and the state of controls.

The server writes it as JSON beside the kernel's own files; the address itself never reaches the kernel.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

FILE, WINDOW = "OPSNB_VISIT", "OPSNB_WINDOW"
# What the server puts after the parameters cell of every app: the same text for everybody.
CELL = "from opsnb.views import visit\nglobals().update(visit.parameters())"


def in_app() -> bool:
    """Does this kernel serve an app's page."""
    return FILE in os.environ


@cache
def _asked(path: str) -> dict[str, Any]:
    return json.loads(Path(path).read_text(encoding="utf-8")) if path else {}


def parameters() -> dict[str, Any]:
    """The notebook's parameters that the address sets, of their declared types; in an app its language always."""
    return dict(_asked(os.environ.get(FILE, "")).get("parameters", {}))


def controls() -> dict[str, str]:
    """The state of controls that the address sets, ``section.option`` to a text. The texts are bounded, not checked: a control must.

    >>> controls()
    {}
    """
    return dict(_asked(os.environ.get(FILE, "")).get("controls", {}))
