"""What a visitor of an app has asked for, as the server has checked it: parameters by name, and the state of controls.

The server writes it as JSON beside the kernel's own files; the address itself never reaches the kernel.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

FILE, WINDOW, TODAY = "OPSNB_VISIT", "OPSNB_WINDOW", "OPSNB_TODAY"
# What the server puts after the parameters cell of every app: the same text for everybody.
CELL = "from opsnb.views import visit\nglobals().update(visit.parameters())"


def in_app() -> bool:
    """Does this kernel serve a page to visitors: an app of ours, or a notebook under a ``voila`` that was started by hand."""
    return FILE in os.environ or "VOILA_BASE_URL" in os.environ


def heeds_address() -> bool:
    """Does the page's address set the notebook's parameters, as an app's of ours does."""
    return FILE in os.environ


def today(zone: str | None = None) -> dt.date:
    """The day on which the page is made, in the zone of its data (else this machine's); OPSNB_TODAY sets another. No measure asks this."""
    from zoneinfo import ZoneInfo

    said = os.environ.get(TODAY, "")
    return dt.date.fromisoformat(said) if said else dt.datetime.now(ZoneInfo(zone) if zone else None).date()


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


def keeping() -> tuple[str, str]:
    """The folder in which parts of pages are kept, and what this page is called there; empty where nothing is."""
    said = _asked(os.environ.get(FILE, "")).get("kept", {})
    return str(said.get("folder", "")), str(said.get("page", ""))


def answered_by() -> str:
    """What this page's numbers are computed by: the package's sources and the libraries' versions, as the server names them; empty without one."""
    return str(_asked(os.environ.get(FILE, "")).get("kept", {}).get("package", ""))
