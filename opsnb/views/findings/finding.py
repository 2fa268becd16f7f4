"""A finding: one sentence that a manager can act on, with its numbers, what it concerns, since when, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opsnb.views import language

Confidence = Literal["high", "medium", "low"]

FEW = 30  # people, below which a share of them is a hint


@dataclass(frozen=True)
class Finding:
    """One computed statement.

    ``kind`` is a language-neutral key (``funnel_break``); ``section`` the notebook section that shows it; ``template`` an English
    sentence with ``{name:format}`` places (see :func:`opsnb.views.language.fill`) that is translated when it is read; ``numbers`` the
    values that fill it, unrounded; ``slice`` what it concerns, e.g. ``{"device": "android"}``; ``since`` an ISO date;
    ``severity`` 0 (good to know) to 1 (act now); ``confidence`` how far the data bears it; ``currency`` of its amounts, that of the page.
    """

    kind: str
    section: str
    template: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    slice: Mapping[str, str] = field(default_factory=dict)
    since: str | None = None
    severity: float = 0.0
    confidence: Confidence = "high"
    currency: str = field(default_factory=language.paid_in)

    @property
    def id(self) -> str:
        """``kind`` and slice: stable from run to run."""
        return "/".join([self.kind, *(f"{column}={value}" for column, value in sorted(self.slice.items()))])

    @property
    def sentence(self) -> str:
        """The sentence in the language in use, with its numbers as that language writes them."""
        with language.paying_in(self.currency):
            return language.fill(language._(self.template), {**self.numbers, **self.slice, "since": self.since})

    def __str__(self) -> str:
        return self.sentence

    def to_dict(self) -> dict[str, Any]:
        """What a run writes to findings.json; numbers rounded to 10 significant digits so that equal runs give equal bytes."""
        return {
            "id": self.id,
            "kind": self.kind,
            "section": self.section,
            "sentence": self.sentence,
            "numbers": {name: _plain(value) for name, value in sorted(self.numbers.items())},
            "slice": {name: str(value) for name, value in sorted(self.slice.items())},
            "since": self.since,
            "currency": self.currency,
            "severity": round(float(self.severity), 3),
            "confidence": self.confidence,
        }


def _plain(value: Any) -> Any:
    """A number, text or null that JSON can hold."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()[:10]
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 1e15 else float(f"{number:.10g}")


def sure_of(people: Any) -> Confidence:
    """How far a share of so many people can be trusted.

    >>> sure_of(29), sure_of(30)
    ('low', 'high')
    """
    return "high" if people >= FEW else "low"


def ranked(found: Iterable[Finding | None], *, most: int = 5) -> list[Finding]:
    """The short version: the ``most`` severest findings, severest first; equal severity keeps the order given."""
    return sorted((finding for finding in found if finding is not None), key=lambda finding: -finding.severity)[:most]


def day_of(value: Any) -> str | None:
    """An ISO day out of a time stamp; None for a missing one."""
    return None if value is None or value != value else (value.isoformat() if hasattr(value, "isoformat") else str(value))[:10]
