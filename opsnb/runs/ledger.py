"""The ledger: what ran, when, with which parameters, how it ended and where it lies. One line of JSON for each start and each end.

Lines are only ever appended, each in one write that is synced, so a run that is killed leaves its start behind and a half-written
line spoils only itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

NAME = "runs.jsonl"
Status = Literal["good", "warnings", "failed", "unfinished"]


@dataclass(frozen=True)
class Entry:
    """One run. ``status``: ``good``, ``warnings`` (it ran, but rows were set aside or something was not measured), ``failed``, or
    ``unfinished`` (running or killed). ``started`` is UTC; ``out`` is the folder of its files; ``first`` the first finding or the error."""

    run: str
    notebook: str
    started: str
    status: Status = "unfinished"
    seconds: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    data_sha256: str = ""
    out: str = ""
    first: str = ""


def append(out: str | Path, entry: Entry) -> None:
    """Writes the entry as it stands to the ledger of folder ``out``; a later line of the same run replaces it for readers."""
    path = Path(out) / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    line = (json.dumps(asdict(entry), ensure_ascii=False, sort_keys=True) + "\n").encode("utf-8")
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a line that was cut off: begin a new one
                line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def entries(out: str | Path) -> list[Entry]:
    """The runs of folder ``out``, oldest first; lines that were cut off are left out.

    >>> entries("no/such/folder")
    []
    """
    path = Path(out) / NAME
    found: dict[str, Entry] = {}
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError):
            continue
        found[entry.run] = entry
    return list(found.values())
