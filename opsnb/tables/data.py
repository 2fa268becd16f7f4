"""A data folder as a notebook sees it: its tables by name, each opened in milliseconds from the store."""

from __future__ import annotations

import copy
import datetime as dt
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from opsnb.errors import InputError, MissingTable, NotMeasured, ParameterError, UnusableData, nearest
from opsnb.tables import columnar, store
from opsnb.tables.codebook import TABLES
from opsnb.tables.freshness import Freshness, freshness
from opsnb.tables.histories import Histories
from opsnb.tables.verdicts import Quality

if TYPE_CHECKING:
    import pandas as pd

# Where the last day of the data is looked for: what users did; without it, whatever else was observed.
_OBSERVED = (("events", "orders"), ("users", "exposures", "spend", "posts", "service", "mentions", "surveys", "keywords"),
             ("market", "competitors"))


def open_data(folder: str | Path = "", *, columns: str | Path | None = None, as_of: str | dt.date | None = None) -> Data:
    """Opens the tables of a data folder; ingests first, with a line on stderr, if the store is absent or the files have changed.

    ``folder``: "" means the environment's OPSNB_DATA, else data/demo here or in the folder above. ``columns``: a map that lives
    elsewhere than in the folder; None means the environment's OPSNB_COLUMNS if the folder is OPSNB_DATA's (a run sets both).
    ``as_of``: the last day to look at; it changes nothing in the store.

    Raises UnusableData, an InputError, for a folder or files that cannot be read, ParameterError for an ``as_of`` that is no day.
    """
    day = store.as_day(as_of) if as_of else None
    try:
        return _opened(_folder(folder), columns, day)
    except ParameterError:
        raise
    except InputError as error:
        raise UnusableData(str(error)) from error


def _opened(folder: Path, columns: str | Path | None, day: dt.date | None) -> Data:
    columns = columns if columns is not None else _columns_of(folder)
    for _ in range(3):
        found = store.current(folder, columns=columns)
        damaged = False
        if found is not None:
            try:
                return Data(folder, *found, as_of=day)
            except FileNotFoundError:
                continue  # another process has just replaced the store
            except (OSError, ValueError):
                damaged = True
        _ingest(folder, columns, damaged)
    raise InputError(f"{folder}: its files change while they are read; wait until they are complete")


def content(folder: str | Path = "") -> str | None:
    """Hash of what a folder's store holds, as :attr:`Data.sha256` says it; None where it must first be read, as its files have changed."""
    named = _folder(folder)
    found = store.current(named, columns=_columns_of(named))
    return None if found is None else str(found[1]["sha256"])


class Data:
    """The tables of a data folder.

    ``data.events``, ``data.orders``: :class:`~opsnb.tables.histories.Histories`. ``data.spend`` and all other tables of the codebook:
    a pandas frame with the codebook's columns; texts are objects (None: missing), times and dates datetime64[us], numbers float64.
    A table that the folder does not have raises MissingTable: ask ``data.has("spend")``.
    """

    def __init__(self, folder: Path, home: Path, manifest: store.Manifest, *, as_of: dt.date | None = None):
        self.folder, self.home, self._manifest, self._as_of, self._part = folder, home, manifest, as_of, False
        self._opened = {name: columnar.read(name, home / entry["directory"]) for name, entry in manifest["tables"].items()}

    def __getattr__(self, name: str) -> Histories | pd.DataFrame:
        if name not in TABLES:
            raise AttributeError(f"no table or attribute '{name}'" + ("" if name.startswith("_") else f"; {nearest(name, TABLES)}"))
        if name not in self._opened:
            raise MissingTable(name, TABLES[name].required)
        found = self._opened[name]
        return found if isinstance(found, Histories) else found()

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.tables})

    def __repr__(self) -> str:
        rows = ", ".join(f"{name} {entry['rows']:,}" for name, entry in self._manifest["tables"].items())
        return f"<data of {self.folder}: {rows}>"

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that are there, in the codebook's order."""
        return tuple(self._opened)

    def has(self, *names: str) -> bool:
        """Whether all these tables are there; raises InputError for a name that the codebook does not have."""
        for name in names:
            if name not in TABLES:
                raise InputError(f"no table is called '{name}'; {nearest(name, TABLES)}")
        return all(name in self._opened for name in names)

    def only(self, **tables: Histories | Callable[[], pd.DataFrame]) -> Data:
        """The same data with these tables alone, each in place of the folder's own: for a page about a part of it. The last day, the
        currency and what the check found stay those of the folder."""
        part = copy.copy(self)
        part._opened, part._part = tables, True
        return part

    def rows(self, name: str) -> int:
        """How many rows of a table were kept; 0 for one that is not there."""
        return self._manifest["tables"][name]["rows"] if self.has(name) else 0

    @property
    def currency(self) -> str | None:
        """The currency of all money columns, e.g. CNY; None if the map does not say."""
        return self._manifest["currency"]

    @property
    def time_zone(self) -> str | None:
        """The zone whose wall clock the times show, e.g. Asia/Shanghai; None if the map does not say."""
        return self._manifest["time_zone"]

    @property
    def sha256(self) -> str:
        """Hash of the content of all files that were read, and of the map."""
        return self._manifest["sha256"]

    @property
    def identity(self) -> str:
        """What decides every answer that these data can give: their content and the day that the caller looks at; empty for a part of them."""
        return "" if self._part else f"{self.sha256} {self._as_of or ''}"

    @property
    def quality(self) -> Quality:
        """What the check of the files found when they were ingested."""
        return Quality.from_dict(self._manifest["quality"])

    @property
    def as_of(self) -> pd.Timestamp:
        """The last day to look at: the caller's, else the map's, else the last day in events and orders (without stray ones)."""
        import pandas as pd

        day = self._as_of or self._manifest["as_of"] or self._last_day()
        if day is None:
            raise NotMeasured("no table says which day it is; declare as_of in the map")
        return pd.Timestamp(day)

    def freshness(self, today: dt.date) -> Freshness | None:
        """How far the newest row lies behind the day that it should be of: the map's ``as_of`` where it declares one, else ``today``; or the
        day that the caller looks at, if that is later. None where there are no events and no orders."""
        declared = self._manifest["as_of"]
        due = store.as_day(declared) if declared else today
        checked = self.quality.tables
        spans = {name: (store.as_day(checked[name].first_day), store.as_day(entry["last_day"]), entry["rows"])
                 for name, entry in self._manifest["tables"].items() if entry["last_day"] and checked[name].first_day}
        return freshness(spans, day=max(due, self._as_of or due), every_days=self._manifest.get("every_days", 1))

    def start(self, days: int) -> pd.Timestamp:
        """The first day of the period of so many days that ends on ``as_of``."""
        import pandas as pd

        return self.as_of - pd.Timedelta(days=days - 1)

    def period(self, days: int) -> dict[str, pd.Timestamp]:
        """``start`` and ``as_of`` of that period, as measures take them."""
        return {"start": self.start(days), "as_of": self.as_of}

    @property
    def month_ends(self) -> list[str]:
        """``as_of`` and the ends of the twelve months before it, newest first, as ISO days: what a reader can choose to look back at."""
        import pandas as pd

        ends = pd.date_range(end=self.as_of - pd.Timedelta(days=1), periods=12, freq="ME")[::-1]
        return [f"{day:%Y-%m-%d}" for day in (self.as_of, *ends)]

    def _last_day(self) -> str | None:
        for names in _OBSERVED:
            days = [entry["last_day"] for name in names if (entry := self._manifest["tables"].get(name)) and entry["last_day"]]
            if days:
                return max(days)
        return None


def _folder(folder: str | Path) -> Path:
    if folder != "":
        return Path(folder)
    if named := os.environ.get("OPSNB_DATA"):
        return Path(named)
    demos = [Path("data") / "demo", Path("..") / "data" / "demo"]
    found = next((demo for demo in demos if demo.is_dir()), None)
    if found is None:
        raise InputError("no data folder is named and there is no data/demo here; name one, or make the demo: opsnb demo data/demo")
    return found


def _columns_of(folder: Path) -> str | None:
    columns, data = os.environ.get("OPSNB_COLUMNS"), os.environ.get("OPSNB_DATA")
    return columns if columns and data and Path(data).resolve() == folder.resolve() else None


def _ingest(folder: Path, columns: str | Path | None, damaged: bool) -> None:
    def say(text: str) -> None:
        print(f"opsnb: {text}", file=sys.stderr, flush=True)

    if folder.is_dir():
        home = store.place(folder) / store.DIRECTORY
        where = "" if home.parent == folder.resolve() else f" (the folder cannot be written: its store is in {home})"
        say(f"reading {folder} {'anew, its store is damaged' if damaged else 'into its store'}{where} …")
    store.ingest(folder, columns=columns, force=damaged, waiting=lambda: say(f"another process is reading {folder}; waiting for it …"))
