"""What a check found: plain data that is written to JSON and read back, and that pages and the command line print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TRUSTED = 0.8


@dataclass(frozen=True)
class Warning:
    """Something that looks wrong but was kept. ``template`` with ``numbers`` filled in is the sentence; templates are translatable."""

    kind: str
    template: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[str, ...] = ()

    @property
    def names_ids(self) -> bool:
        """Are the examples ids of users or orders, which are for whoever has the data and for no page."""
        key = str(self.numbers.get("key", "")).split(", ")
        return self.kind in ("robots", "repeated order") or any(column.endswith("_id") for column in key)

    @property
    def sentence(self) -> str:
        """The warning in words.

        >>> Warning("missing day", "no rows on {days} days", {"days": 2}, ("2025-01-03",)).sentence
        'no rows on 2 days'
        """
        return self.template.format(**self.numbers)


@dataclass(frozen=True)
class Example:
    """One row that was set aside."""

    reason: str
    file: str
    line: int
    raw: str


@dataclass(frozen=True)
class TableQuality:
    """The check of one table: ``rows_read == kept + sum(set_aside.values())``, always.

    ``set_aside``: reason -> rows. ``pointing_nowhere``: column -> rows that were kept though their key is not in the table it
    refers to. The four parts, each 0 to 1, are of the rows read:

    - ``complete`` = 1 - rows that lack a required value / rows read
    - ``valid`` = 1 - rows with an unreadable or impossible value, or malformed / rows read
    - ``unique`` = 1 - exact duplicates / rows read
    - ``in_time`` = (1 - rows before 1990 or after as_of / rows read) x (days with rows / days from the first to the last), where
      the second factor counts only for tables that have rows every day (median day of 10 rows, or of 2 and hardly a day without; rows on
      at least half of the days)

    ``score`` = complete x valid x unique x in_time; rows restated by a later row do not lower it. A table without rows scores 0.
    """

    files: tuple[str, ...]
    rows_read: int
    kept: int
    set_aside: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    pointing_nowhere: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[Warning, ...] = ()
    complete: float = 1.0
    valid: float = 1.0
    unique: float = 1.0
    in_time: float = 1.0
    first_day: str | None = None
    last_day: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)  # ours -> theirs, as found

    @property
    def score(self) -> float:
        return self.complete * self.valid * self.unique * self.in_time if self.rows_read else 0.0

    @property
    def trusted(self) -> bool:
        return self.score >= TRUSTED

    @property
    def rows_set_aside(self) -> int:
        return sum(self.set_aside.values())


@dataclass(frozen=True)
class Quality:
    """The check of a data folder. ``unclaimed``: files that no table takes, left alone. ``rejected``: where set aside rows are written."""

    folder: str
    tables: Mapping[str, TableQuality] = field(default_factory=dict)
    unclaimed: tuple[str, ...] = ()
    rejected: str = ""
    proposed: str = ""  # a columns.yml for a folder in which nothing was claimed

    @property
    def trusted(self) -> bool:
        """Every table scores at least 0.8."""
        return all(table.trusted for table in self.tables.values())

    @property
    def rows_set_aside(self) -> int:
        return sum(table.rows_set_aside for table in self.tables.values())

    @property
    def distrust(self) -> tuple[tuple[str, float, str], ...]:
        """Tables under 0.8, worst first: (table, score, the part that is worst)."""
        parts = ("complete", "valid", "unique", "in_time")
        bad = [(name, t.score, min(parts, key=lambda part: getattr(t, part))) for name, t in self.tables.items() if not t.trusted]
        return tuple(sorted(bad, key=lambda item: item[1]))

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, texts and numbers, for JSON; :meth:`from_dict` reads it back.

        >>> q = Quality("shop", {"events": TableQuality(("events.csv",), 3, 2, {"missing id": 1}, complete=2 / 3)})
        >>> Quality.from_dict(q.to_dict()) == q, round(q.tables["events"].score, 2), q.trusted
        (True, 0.67, False)
        """
        def table(t: TableQuality) -> dict[str, Any]:
            return {
                "files": list(t.files), "rows_read": t.rows_read, "kept": t.kept, "set_aside": dict(t.set_aside),
                "examples": [vars(example).copy() for example in t.examples], "pointing_nowhere": dict(t.pointing_nowhere),
                "warnings": [{"kind": w.kind, "template": w.template, "numbers": dict(w.numbers), "examples": list(w.examples),
                              "sentence": w.sentence} for w in t.warnings],
                "complete": t.complete, "valid": t.valid, "unique": t.unique, "in_time": t.in_time, "score": t.score,
                "first_day": t.first_day, "last_day": t.last_day, "columns": dict(t.columns),
            }
        return {"folder": self.folder, "tables": {name: table(t) for name, t in self.tables.items()}, "unclaimed": list(self.unclaimed),
                "rejected": self.rejected, "proposed": self.proposed}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Quality:
        def table(t: Mapping[str, Any]) -> TableQuality:
            values = {key: value for key, value in t.items() if key != "score"}
            return TableQuality(**{
                **values, "files": tuple(t["files"]), "examples": tuple(Example(**example) for example in t["examples"]),
                "warnings": tuple(Warning(w["kind"], w["template"], w["numbers"], tuple(w["examples"])) for w in t["warnings"]),
            })
        return cls(found["folder"], {name: table(t) for name, t in found["tables"].items()}, tuple(found["unclaimed"]),
                   found["rejected"], found["proposed"])
