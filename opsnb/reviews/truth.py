"""How often the reports name the fault that was planted, and how often they cry wolf.

Worlds are demo businesses made from consecutive seeds; each is read the way a user's own folder is read, the four reviews
are run with their notebooks' defaults, and the short versions are compared with what the simulator wrote down.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsnb import reviews
from opsnb.errors import NotMeasured

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings import Finding

REPORT_OF = {
    "funnel_break": "funnel_diagnosis",
    "repeat_drop": "user_profiling",
    "competitor_surge": "market_analysis",
    "channel_cost": "market_analysis",
    "target_miss": "evaluation_report",
    "budget_overrun": "evaluation_report",
    "split_broken": "evaluation_report",
}
DAYS_OFF = 3


def truth_table(worlds: int = 20, first_seed: int = 1000, *, progress: Callable[[str], None] | None = None) -> pd.DataFrame:
    """One row per kind of planted cause: how often its report named it, and how often it was named where nothing was planted.

    Output columns: ``kind``; ``report``; ``planted`` worlds with the cause; ``named`` of them in which the short version has a finding of
    the kind; ``right_slice`` named with the planted slice; ``right_date`` right slice and dated within 3 days (null where the cause
    has no date); ``without`` worlds without this cause, ``false_alarms`` of them in which it was named; ``quiet`` worlds with nothing
    planted at all, ``quiet_alarms`` of them in which it was named.
    """
    import pandas as pd

    tallies = {
        kind: dict.fromkeys(("planted", "named", "right_slice", "right_date", "without", "false_alarms", "quiet", "quiet_alarms"), 0) for kind in REPORT_OF
    }
    undated: set[str] = set()
    for number in range(worlds):
        truth, found = world(first_seed + number)
        if progress:
            progress(f"world {number + 1} of {worlds} (seed {first_seed + number})")
        planted = {cause["kind"]: cause for cause in truth["causes"]}
        for kind, tally in tallies.items():
            named = [finding for finding in found if finding.kind == kind]
            cause = planted.get(kind)
            if cause is None:
                tally["without"] += 1
                tally["false_alarms"] += bool(named)
                tally["quiet"] += not planted
                tally["quiet_alarms"] += bool(named) and not planted
                continue
            if cause["since"] is None:
                undated.add(kind)
            hits = [finding for finding in named if finding.slice == cause["slice"]]
            tally["planted"] += 1
            tally["named"] += bool(named)
            tally["right_slice"] += bool(hits)
            tally["right_date"] += any(_close(finding.since, cause["since"]) for finding in hits)
    table = pd.DataFrame([{"kind": kind, "report": REPORT_OF[kind], **tally} for kind, tally in tallies.items()])
    table["right_date"] = table["right_date"].astype("Int64").mask(table["kind"].isin(undated))
    return table


def world(seed: int) -> tuple[Mapping[str, Any], list[Finding]]:
    """Makes the world of ``seed`` in a temporary folder; returns what was planted and all findings of the four short versions."""
    from opsnb.tables.data import open_data
    from opsnb.tables.demo import demo
    from opsnb.tables.store import ingest

    with tempfile.TemporaryDirectory(prefix="opsnb-world-", ignore_cleanup_errors=True) as folder:  # Windows keeps mapped files
        demo(folder, seed=seed)
        truth = json.loads((Path(folder) / "truth.json").read_text(encoding="utf-8"))
        ingest(folder)
        data = open_data(folder)
        return truth, [finding for review in reviews.ALL.values() for finding in _findings(review, data)]


def _findings(review: Callable[..., Iterable[Finding]], data: Any) -> list[Finding]:
    try:
        return list(review(data))
    except NotMeasured:
        return []


def _close(found: str | None, planted: str | None) -> bool:
    if found is None or planted is None:
        return False
    return abs((date.fromisoformat(found[:10]) - date.fromisoformat(planted)).days) <= DAYS_OFF
