"""The map ``columns.yml``: how the files of a data folder, with their own names, become the codebook's tables.

    time_zone: Asia/Shanghai        # the business's zone; stored times are its wall clock
    currency: CNY
    as_of: 2025-06-30               # last day that the data speaks of; later dates are set aside
    every_days: 7                   # how often new rows come; default: every day. Pages warn of data that are older
    ignore: [notes*.csv]            # files to leave alone
    orders:
      files: CDNOW_sample.txt       # a name, a glob, or a list of them, relative to the data folder
      header: false                 # then the columns are positions, counted from 1
      delimiter: whitespace         # comma, tab, semicolon, pipe, whitespace or a character; default: found
      encoding: gb18030             # default: found
      sheet: Sheet1                 # Excel; default: the first
      columns: {user_id: 2, ts: 3, amount: 5}     # ours: theirs
      timestamp: {format: "%Y%m%d", unit: s, zone: UTC}       # or just the format
      events: {加购: cart}           # theirs: ours
      constants: {channel: shop}    # for columns that the files lack

Everything is optional. A column that is not named maps to the column of the same name, or to one of its aliases when only one fits.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from opsnb.errors import InputError, nearest
from opsnb.tables.codebook import TABLES, Table

if TYPE_CHECKING:
    import yaml

FILE_NAME = "columns.yml"
DELIMITERS = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|", "whitespace": "whitespace"}
UNITS = ("s", "ms", "us", "ns")
_TOP = ("time_zone", "currency", "as_of", "every_days", "ignore")
_TABLE = ("files", "header", "delimiter", "encoding", "sheet", "columns", "timestamp", "events", "constants")


@dataclass(frozen=True)
class Timestamp:
    """How the table's times are written: a strptime ``format``, or the ``unit`` of numbers since 1970; ``zone`` of times without offset."""

    format: str | None = None
    unit: str | None = None
    zone: str | None = None


@dataclass(frozen=True)
class TableMap:
    """The map of one table; ``columns`` is ours -> theirs (a name, or a position from 1)."""

    name: str
    files: tuple[str, ...] = ()
    header: bool = True
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    columns: Mapping[str, str | int] = field(default_factory=dict)
    timestamp: Timestamp = Timestamp()
    events: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    where: str = ""  # "columns.yml line 4", for messages

    @property
    def table(self) -> Table:
        return TABLES[self.name]


@dataclass(frozen=True)
class Columns:
    """The whole map; ``path`` is None when the folder has none."""

    time_zone: str | None = None
    currency: str | None = None
    as_of: dt.date | None = None
    every_days: int = 1
    ignore: tuple[str, ...] = ()
    tables: Mapping[str, TableMap] = field(default_factory=dict)
    path: Path | None = None


def read_columns(folder: str | Path, columns: str | Path | None = None) -> Columns:
    """The map of a data folder: ``columns`` if given, else the folder's ``columns.yml``, else an empty map.

    Raises InputError that names file and line for anything that is not understood: an unknown key, table or column (with the nearest
    match), a wrong type, a zone or an encoding that does not exist.
    """
    path = Path(columns) if columns is not None else Path(folder) / FILE_NAME
    if not path.is_file():
        if columns is not None:
            raise InputError(f"{path}: no such file; name the map that says which files are which tables")
        return Columns()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError(f"{path.name} line {line}: not UTF-8 text; save the map as UTF-8") from error
    return parse_columns(text, path.name, path)


def parse_columns(text: str, name: str = FILE_NAME, path: Path | None = None) -> Columns:
    """The map out of its text; ``name`` is used in messages.

    >>> parse_columns("orders: {files: o.txt, header: false, columns: {user_id: 2, ts: 3, amount: 5}}").tables["orders"].columns
    {'user_id': 2, 'ts': 3, 'amount': 5}
    >>> parse_columns("orders: {file: o.txt}")
    Traceback (most recent call last):
    opsnb.errors.InputError: columns.yml line 1: unknown key 'file'; allowed: files, header, delimiter, encoding, sheet, columns, \
timestamp, events, constants (did you mean 'files'?)
    """
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise InputError(f"{name}{line}: not YAML: {getattr(error, 'problem', None) or error}") from error
    if root is None:
        return Columns(path=path)
    reader = _Reader(name)
    found = reader.mapping(root, "the map")
    reader.known(found, (*_TOP, *TABLES))
    zone = reader.text(found["time_zone"], "time_zone") if "time_zone" in found else None
    if zone is not None:
        reader.zone(found["time_zone"], zone)
    return Columns(
        time_zone=zone,
        currency=reader.text(found["currency"], "currency") if "currency" in found else None,
        as_of=reader.day(found["as_of"], "as_of") if "as_of" in found else None,
        every_days=reader.days(found["every_days"], "every_days") if "every_days" in found else 1,
        ignore=reader.texts(found["ignore"], "ignore") if "ignore" in found else (),
        tables={key: reader.table(key, node) for key, node in found.items() if key in TABLES},
        path=path,
    )


class _Reader:
    """Turns YAML nodes into values and knows their lines."""

    def __init__(self, name: str):
        self.name = name

    def at(self, node: yaml.Node) -> str:
        return f"{self.name} line {node.start_mark.line + 1}"

    def fail(self, node: yaml.Node, message: str) -> NoReturn:
        raise InputError(f"{self.at(node)}: {message}")

    def mapping(self, node: yaml.Node, what: str) -> dict[str, yaml.Node]:
        import yaml

        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
            return {}
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, f"{what} must be 'key: value' pairs")
        found: dict[str, yaml.Node] = {}
        self._lines = getattr(self, "_lines", {})
        for key, value in node.value:
            name = self.text(key, "a key")
            if name in found:
                self.fail(key, f"'{name}' is named twice in {what}")
            found[name] = value
            self._lines[id(value)] = key
        return found

    def known(self, found: Mapping[str, yaml.Node], allowed: Iterable[str]) -> None:
        allowed = list(allowed)
        for key, node in found.items():
            if key not in allowed:
                self.fail(self._lines[id(node)], f"unknown key '{key}'; {nearest(key, allowed)}")

    def text(self, node: yaml.Node, what: str) -> str:
        import yaml

        if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:null":
            self.fail(node, f"{what} must be a text")
        return node.value

    def texts(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        import yaml

        if isinstance(node, yaml.SequenceNode):
            return tuple(self.text(item, what) for item in node.value)
        return (self.text(node, what),)

    def flag(self, node: yaml.Node, what: str) -> bool:
        value = self.text(node, what).casefold()
        if value not in ("true", "false", "yes", "no"):
            self.fail(node, f"{what} is '{value}'; allowed: true, false")
        return value in ("true", "yes")

    def day(self, node: yaml.Node, what: str) -> dt.date:
        value = self.text(node, what)
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            self.fail(node, f"{what} is '{value}'; allowed: a day as YYYY-MM-DD")

    def days(self, node: yaml.Node, what: str) -> int:
        value = self.text(node, what)
        if not value.isdecimal() or not 1 <= int(value) <= 366:
            self.fail(node, f"{what} is '{value}'; allowed: a whole number of days from 1 to 366")
        return int(value)

    def zone(self, node: yaml.Node, value: str) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            import difflib

            close = difflib.get_close_matches(value, sorted(available_timezones()), n=1, cutoff=0.5)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            self.fail(node, f"no time zone '{value}'; allowed: names such as Asia/Shanghai, Europe/Berlin, UTC{hint}")
        return value

    def table(self, name: str, node: yaml.Node) -> TableMap:
        found = self.mapping(node, f"table {name}")
        if "event_names" in found and "events" not in found:
            found["events"] = found.pop("event_names")
        self.known(found, _TABLE)
        header = self.flag(found["header"], "header") if "header" in found else True
        return TableMap(
            name,
            files=self.texts(found["files"], "files") if "files" in found else (),
            header=header,
            delimiter=self.delimiter(found["delimiter"]) if "delimiter" in found else None,
            encoding=self.encoding(found["encoding"]) if "encoding" in found else None,
            sheet=self.text(found["sheet"], "sheet") if "sheet" in found else None,
            columns=self.columns(name, found["columns"], header) if "columns" in found else {},
            timestamp=self.timestamp(found["timestamp"]) if "timestamp" in found else Timestamp(),
            events=self.event_names(name, found["events"]) if "events" in found else {},
            constants=self.constants(name, found["constants"]) if "constants" in found else {},
            where=self.at(self._lines[id(node)]),
        )

    def delimiter(self, node: yaml.Node) -> str:
        value = self.text(node, "delimiter")
        value = {"\\t": "\t", " ": "whitespace", "space": "whitespace"}.get(value, value)
        value = DELIMITERS.get(value.casefold(), value)
        if value != "whitespace" and (len(value) != 1 or not value.isascii() or value in '"\r\n'):
            self.fail(node, f"delimiter is '{value}'; {nearest(value, DELIMITERS)} or one ASCII character")
        return value

    def encoding(self, node: yaml.Node) -> str:
        import codecs

        value = self.text(node, "encoding")
        try:
            name = codecs.lookup(value).name
            "".encode(name)  # refuses codecs that are no text encoding, such as base64
        except LookupError:
            self.fail(node, f"no encoding '{value}'; {nearest(value, ('utf-8', 'utf-16', 'gb18030', 'gbk', 'big5', 'cp1252', 'latin-1'))}")
        return "gb18030" if name in ("gbk", "gb2312") else name

    def columns(self, table: str, node: yaml.Node, header: bool) -> dict[str, str | int]:
        spec, out = TABLES[table], {}
        for ours, theirs in self.mapping(node, "columns").items():
            if spec.column(ours) is None and not spec.properties:
                self.fail(self._lines[id(theirs)], f"{table} has no column '{ours}'; {nearest(ours, [c.name for c in spec])}")
            value = self.text(theirs, f"column {ours}")
            if header:
                out[ours] = value
            elif value.isdecimal() and int(value) >= 1:
                out[ours] = int(value)
            else:
                self.fail(theirs, f"column {ours} is '{value}'; without a header allowed: a position, counted from 1")
        return out

    def timestamp(self, node: yaml.Node) -> Timestamp:
        import yaml

        if isinstance(node, yaml.ScalarNode):
            value = self.text(node, "timestamp")
            return Timestamp(unit=value) if value in UNITS else Timestamp(format=self.format(node, value))
        found = self.mapping(node, "timestamp")
        self.known(found, ("format", "unit", "zone"))
        values = {key: self.text(item, key) for key, item in found.items()}
        if "format" in values and "unit" in values:
            self.fail(node, "timestamp has a format and a unit; allowed: one of them")
        if values.get("unit", "s") not in UNITS:
            self.fail(found["unit"], f"unit is '{values['unit']}'; {nearest(values['unit'], UNITS)}")
        if "format" in values:
            self.format(found["format"], values["format"])
        if "zone" in values:
            self.zone(found["zone"], values["zone"])
        return Timestamp(values.get("format"), values.get("unit"), values.get("zone"))

    def format(self, node: yaml.Node, value: str) -> str:
        if "%" not in value:
            self.fail(node, f"timestamp is '{value}'; allowed: a format such as %Y-%m-%d %H:%M:%S, or a unit: {', '.join(UNITS)}")
        return value

    def event_names(self, table: str, node: yaml.Node) -> dict[str, str]:
        if table != "events":
            self.fail(self._lines[id(node)], f"'events' renames event names, which {table} does not have; allowed in: events")
        return {theirs: self.text(ours, f"event '{theirs}'") for theirs, ours in self.mapping(node, "events").items()}

    def constants(self, table: str, node: yaml.Node) -> dict[str, str]:
        spec, out = TABLES[table], {}
        for column, value in self.mapping(node, "constants").items():
            if spec.column(column) is None and not spec.properties:
                self.fail(self._lines[id(value)], f"{table} has no column '{column}'; {nearest(column, [c.name for c in spec])}")
            out[column] = self.text(value, f"constant {column}")
        return out
