"""What the last run of a notebook found, shown before the app has computed its own, and which reports lie ready."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

from opsnb.errors import OpsnbError
from opsnb.runs import ledger
from opsnb.views import language, lists, page
from opsnb.views.findings.finding import Finding
from opsnb.views.language import _


@dataclass(frozen=True)
class Found:
    """A run's findings and when it started (UTC)."""

    entry: ledger.Entry
    findings: tuple[Finding, ...]


def runs(out: Path) -> list[ledger.Entry]:
    """The runs whose report lies ready, newest first: one for each folder, as a later run replaces the report."""
    newest: dict[str, ledger.Entry] = {}
    for entry in ledger.entries(out):
        if entry.status in ("good", "warnings"):
            newest[entry.out] = entry
    return [entry for entry in sorted(newest.values(), key=lambda entry: entry.started, reverse=True) if folder(out, entry) is not None]


def folder(out: Path, entry: ledger.Entry) -> Path | None:
    """Where a run's files lie; None if that is not inside the folder of runs: the ledger is a file that anything may have written."""
    place = Path(entry.out)
    return place if place.is_dir() and place.resolve().is_relative_to(Path(out).resolve()) else None


def held_back(entry: ledger.Entry) -> bool:
    """Was the run asked to hand out customers' ids: its files are for whoever ran it, unless the apps are served with their lists open."""
    return bool(entry.parameters.get("hand_out_ids")) and os.environ.get(lists.OPEN_IN_APPS) != "1"


def found(out: Path, name: str) -> Found | None:
    """The findings of a notebook's last good run; None without one."""
    entry = next((entry for entry in runs(out) if entry.notebook == name), None)
    if entry is None:
        return None
    try:
        read = json.loads(Path(entry.out, "findings.json").read_text(encoding="utf-8"))
        return Found(entry, tuple(map(as_finding, read)))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def as_finding(read: Mapping[str, Any]) -> Finding:
    """A finding out of findings.json, which keeps the sentence of the run's language: the template that it was filled from is found again,
    so that it can be said in the other language too. Without one the sentence stays as it is.
    """
    numbers, concerned, currency = dict(read["numbers"]), dict(read["slice"]), str(read.get("currency", ""))
    values = {**numbers, **concerned, "since": read["since"]}
    with language.paying_in(currency):
        template = _template(str(read["sentence"]), json.dumps(values, sort_keys=True))
    return Finding(str(read["kind"]), str(read["section"]), template, numbers, concerned, read["since"], float(read["severity"]),
                   read["confidence"], currency)


@lru_cache(maxsize=500)
def _template(sentence: str, values: str) -> str:
    """The catalogue's text that says ``sentence`` in one of the languages when it is filled with ``values`` (JSON)."""
    given = json.loads(values)
    names = set(given)
    for text in language.catalogue("zh"):
        asked = [place for _, place, _, _ in Formatter().parse(text) if place is not None]
        if not asked or not names.issuperset(asked):
            continue
        for lang in language.LANGUAGES:
            with language.using(lang):
                try:
                    filled = language.fill(language._(text), given)
                except (TypeError, ValueError, LookupError, AttributeError, OpsnbError):
                    continue  # another sentence's numbers have the same names
            if filled == sentence:
                return text
    return sentence.replace("{", "{{").replace("}", "}}")


def card(found: Found, lang: str) -> str:
    """The findings as cards (HTML), marked with the time they are of; what they say is in ``lang``."""
    with language.using(lang):
        shown = page.found(found.findings).html
        then = when(found.entry.started)
        now = _("As of {time}; the page is computing today's.").format(time=then)
        ended = _("As of {time}").format(time=then)  # which the page shows once it cannot go on
        return (f'<div class="opsnb"><p class="note as-of" role="status"><span class="now">{page.flowing(now)}</span>'
                f'<span class="then">{page.flowing(ended)}</span></p></div>{shown}')


def when(started: str) -> str:
    """A time of the ledger in this machine's zone, as the language in use writes it."""
    local = datetime.fromisoformat(started).astimezone()
    return f"{language.date(local.date())} {local:%H:%M}"


def first(found: Found | None) -> str:
    """The first finding's sentence in the language in use."""
    return found.findings[0].sentence if found and found.findings else ""

