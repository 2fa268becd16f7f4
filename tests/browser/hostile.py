"""A small demo business in which every name tries to run, to break out or to overflow, and every id carries a marker."""

import csv
import gzip
from pathlib import Path

from opsnb.tables.demo import demo

MARKER = "zq7marker"  # in each id of a user, an order, a visit and a ticket
LONG = "x" * 10_000_000
NAMES = ("<script>window.hit=1</script>", "<img src=x onerror=window.hit=1>", "javascript:window.hit=1", "=cmd|'/c calc'!A1", "+1+1", "-2+3", "@SUM(1)",
         "＝1+1", "\u202egnp.exe", "a\u200bb\u2066", "`${window.hit=1}`", "datum.x = (window.hit = 1)", "%s%n%(x)d", "{0}{days:count}{x.__class__}",
         "</script><script>window.hit=1</script>", '"><b onmouseover=window.hit=1>', "[a](javascript:window.hit=1)", "{{ 7 * 7 }}", "'; DROP TABLE x; --")
IDS = {"user_id", "order_id", "session_id", "ticket_id"}
NAMED = {"event", "channel", "device", "page", "city_tier", "platform", "format", "topic", "segment", "competitor", "trend", "category", "evidence", "owner",
         "line", "milestone", "depends_on", "phase", "risk", "response", "action", "experiment", "variant", "pain_point", "keyword", "source"}
KEPT = {"own", "gmv", "cart", ""}  # words that the measures look for


def hostile(folder: Path, users: int = 1_500) -> Path:
    """Writes the business into ``folder``."""
    demo(folder, users=users)
    (folder / "truth.json").unlink()
    (folder / "truth_personas.csv.gz").unlink()
    named: dict[str, str] = {}
    for path in sorted(folder.glob("*.csv*")):
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
        for place, column in enumerate(head):
            for row in rows:
                if column in IDS and row[place]:
                    row[place] = MARKER + row[place]
                elif column in NAMED and row[place] not in KEPT:
                    row[place] = named.setdefault(row[place], f"{NAMES[len(named) % len(NAMES)]} {row[place]}")
        rows += _odd(path.name, rows)
        with opened(path, "wt", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *rows])
    return folder


def _odd(file: str, rows: list[list[str]]) -> list[list[str]]:
    """Rows that are set aside, that are cut, or that the check warns of with ids as examples."""
    first, last = rows[0], rows[-1]
    if file == "events.csv.gz":
        user, ts, event, *more = last
        robot = [[f"{MARKER}robot", f"2025-11-{1 + n % 28:02} {n // 28:02}:{n % 60:02}:{n * 7 % 60:02}", event, *more] for n in range(600)]
        return [*robot, last, [user, "no time", event, *more], [user, ts], [user, ts, LONG, *more], [MARKER + LONG, ts, event, *more]]
    if file == "orders.csv":
        return [[*first[:3], "77", *first[4:]], [*last[:2], "=1+1", *last[3:]]]  # one number on two rows
    if file in ("competitors.csv", "market.csv"):
        return [[last[0], LONG, *last[2:]]]
    return []
