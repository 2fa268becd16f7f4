"""A ``columns.yml`` proposed for a folder of unknown files: what was guessed, why, and what could not be."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opsnb.errors import InputError
from opsnb.tables.codebook import TABLES, Column, Table
from opsnb.tables.matching import folded
from opsnb.tables.profiles import Look, Profile, profile
from opsnb.tables.sources import readable_files

# words in file names that tell the table
_FILE_WORDS = {
    "events": ("event", "log", "behavior", "behaviour", "click", "track", "事件", "行为", "日志", "埋点"),
    "orders": ("order", "sale", "purchase", "transaction", "订单", "交易", "销售"),
    "users": ("user", "customer", "member", "用户", "会员", "客户"),
    "spend": ("spend", "cost", "ads", "campaign", "投放", "推广", "花费"),
    "posts": ("post", "content", "article", "note", "内容", "作品", "笔记", "文章"),
    "market": ("market", "市场"),
    "competitors": ("competitor", "竞品", "竞争"),
    "trends": ("trend", "趋势"),
    "targets": ("target", "goal", "kpi", "目标"),
    "budget": ("budget", "预算"),
    "milestones": ("milestone", "里程碑", "进度"),
    "risks": ("risk", "风险"),
    "actions": ("action", "行动", "措施"),
    "exposures": ("exposure", "experiment", "abtest", "ab_test", "实验", "分流"),
    "surveys": ("survey", "nps", "问卷", "调研"),
    "mentions": ("mention", "舆情", "口碑"),
    "service": ("ticket", "service", "工单", "客服"),
    "keywords": ("keyword", "seo", "关键词"),
    "calendar": ("calendar", "holiday", "日历", "节日", "活动"),
}
_SAME, _KNOWN, _LIKE, _VALUES = "the same name", "a known name for it", "the name is like", "only its values speak for it"
_POINTS = {_SAME: 3.0, _KNOWN: 3.0, _LIKE: 2.0, _VALUES: 1.0}


@dataclass
class Fit:
    """How well a file is a table: ours -> (column, why), the required ones that were not found, points."""

    table: Table
    profile: Profile
    found: dict[str, tuple[Look, str]] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    points: float = 0.0

    @property
    def missing(self) -> list[str]:
        return [name for name in self.table.required if name not in self.found]

    @property
    def by_name(self) -> int:
        return sum(why != _VALUES for name, (_, why) in self.found.items() if name in self.table.required)


def propose(folder: str | Path) -> str:
    """The text of a ``columns.yml`` for the files of a folder, usable as it stands; comments say what was guessed and what could not be.

    Names decide first (the codebook's, its aliases, Chinese ones included, then similar ones), each only if the values fit; what is still
    missing is guessed from values alone. Raises InputError for a folder that is not there.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    files = readable_files(folder)
    fits: list[Fit] = []
    unread: list[str] = []
    for file in files:
        try:
            fits.append(best(profile(file, file.name)))
        except InputError as error:
            unread.append(str(error))
    out = ["# Proposed by opsnb check: read it, mend what is wrong, save it as columns.yml beside the files.",
           "# On the left our names, on the right those of the files; the codebook says what ours mean.", *_general(fits)]
    if not files:
        out += ["# No file in this folder can be read as a table (CSV, TSV, Parquet, JSON lines, Excel)."]
    by_table: dict[str, list[Fit]] = {}
    for fit in fits:
        by_table.setdefault(fit.table.name if not fit.missing and _is_sure(fit) else "", []).append(fit)
    for name in TABLES:
        alike = by_table.get(name, [])
        if alike:
            alike.sort(key=lambda fit: (-fit.points, fit.profile.name))
            same = [fit for fit in alike if _columns(fit) == _columns(alike[0]) and fit.profile.header == alike[0].profile.header]
            out += ["", *_block(alike[0], [fit.profile.name for fit in same])]
            for fit in alike:
                if fit not in same:
                    out += ["", f"# {fit.profile.name}: also looks like {name}, with other columns; a table has one map: left out:",
                            *(f"#   {line}" for line in _block(fit, [fit.profile.name]))]
    for fit in by_table.get("", []):
        out += ["", *_unclear(fit)]
    out += [f"# Could not be read: {error}" for error in unread]
    return "\n".join(out) + "\n"


def best(found: Profile) -> Fit:
    """The table that a file fits best: complete ones first, then by points."""
    fits = [fitted(table, found) for table in TABLES.values()]
    return max(fits, key=lambda fit: (not fit.missing and _is_sure(fit), fit.points - 2 * len(fit.missing)))


def fitted(table: Table, found: Profile) -> Fit:
    """The file's columns laid on the table's: same names, aliases, similar names, then values."""
    fit = Fit(table, found)
    free = list(found.looks)

    def take(column: Column, look: Look, why: str) -> None:
        fit.found[column.name] = (look, why)
        free.remove(look)

    if found.header:
        for why in (_SAME, _KNOWN, _LIKE):
            for column in table:
                if column.name in fit.found:
                    continue
                candidates = [look for look in free if _named(look.name, column, why)]
                fitting = [look for look in candidates if look.fits(column.kind)]
                if fitting and not (why == _LIKE and len(fitting) > 1 and not column.required):
                    take(column, fitting[0], why)
                    if len(fitting) > 1:
                        fit.doubts[column.name] = f"could also be {', '.join(look.name for look in fitting[1:4])}"
                elif candidates and column.required:
                    fit.doubts.setdefault(column.name, f"'{candidates[0].name}' has the name, but values such as "
                                                       f"'{'; '.join(candidates[0].examples[:2])}' are no {column.kind}")
    for column in table:
        if column.required and column.name not in fit.found:
            fitting = [look for look in free if _by_values(look, column)]
            if fitting and (len(fitting) == 1 or not found.header or column.kind in ("time", "date")):
                take(column, fitting[0], _VALUES)
                if len(fitting) > 1:
                    fit.doubts[column.name] = f"could also be {', '.join(look.name for look in fitting[1:4])}"
    required = [_POINTS[why] for name, (_, why) in fit.found.items() if name in table.required]
    optional = [0.3 * _POINTS[why] for name, (_, why) in fit.found.items() if name not in table.required]
    fit.points = (sum(required) + sum(optional)) / (1 + 0.1 * len(table.required)) + 3 * _file_says(table.name, found.name)
    return fit


def _named(theirs: str, column: Column, why: str) -> bool:
    name = folded(theirs)
    if why == _SAME:
        return name == column.name
    if why == _KNOWN:
        return name in column.aliases
    bare = re.sub(r"[（(\[【].*", "", name).strip("_")
    for known in (column.name, *column.aliases):
        if bare == known or ((len(known) >= 4 or (not known.isascii() and len(known) >= 2)) and (
                bare.endswith(known) or (bare.startswith(known) and len(known) * 2 >= len(bare)))):
            return True
        if len(known) >= 4 and difflib.SequenceMatcher(None, bare, known).ratio() >= 0.85:
            return True
    return False


def _by_values(look: Look, column: Column) -> bool:
    if not look.filled:
        return False
    if column.kind == "id":
        return look.is_id and not (look.is_number and look.decimals) and not look.is_time
    if column.kind in ("time", "date"):
        return look.is_time
    if column.kind == "money":
        return look.is_number and not look.is_time and look.decimals > 0.2
    return column.name == "event" and look.is_label and not look.is_number and look.distinct > 1


def _is_sure(fit: Fit) -> bool:
    """Enough to propose it: half the required columns by name, or the file's name says so, or a headerless file of purchases or events."""
    half = fit.by_name * 2 >= len(fit.table.required)
    return half or bool(_file_says(fit.table.name, fit.profile.name)) or (not fit.profile.header and fit.table.histories)


def _file_says(table: str, file: str) -> bool:
    stem = folded(file.split(".")[0])
    return any(word in stem for word in (table, *_FILE_WORDS[table]))


def _columns(fit: Fit) -> dict[str, str | int]:
    return {name: look.name if fit.profile.header else look.place for name, (look, _) in fit.found.items()}


def _general(fits: Sequence[Fit]) -> list[str]:
    names = "".join(look.name for fit in fits for look in fit.profile.looks)
    values = "".join(text for fit in fits for look in fit.profile.looks for text in look.examples)
    if re.search(r"[\u4e00-\u9fff]", names) or re.search(r"[￥元]", values):
        return ["time_zone: Asia/Shanghai  # guessed from the Chinese headers", "currency: CNY  # guessed from the Chinese headers"]
    return ["# time_zone: Asia/Shanghai  # the files do not say it; without it times are taken as they stand",
            "# currency: CNY  # the files do not say it"]


def _block(fit: Fit, files: Sequence[str]) -> list[str]:
    table, found = fit.table, fit.profile
    names = ", ".join(map(_scalar, files))
    out = [f"{table.name}:  # {table.meaning}", f"  files: {names if len(files) == 1 else f'[{names}]'}"]
    if not found.header:
        out.append("  header: false  # the first line looks like data; columns are positions, counted from 1")
    out.append("  columns:")
    for column in table:
        if column.name in fit.found:
            look, why = fit.found[column.name]
            theirs = _scalar(look.name) if found.header else str(look.place)
            out.append(f"    {column.name}: {theirs}  # {_why(look, why, column)}"
                       + (f"; {fit.doubts[column.name]}" if column.name in fit.doubts else ""))
    out += _timestamp(fit)
    if table.name == "events":
        names = fit.found["event"][0].examples
        out.append(f"  # events: {{{', '.join(f'{_scalar(name)}: {_scalar(name)}' for name in names)}}}  # theirs: ours, to rename events")
    absent = [column.name for column in table if column.name not in fit.found and not column.required]
    if absent:
        out.append(f"  # not found (optional): {', '.join(absent)}")
    rest = [look.name for look in found.looks if look not in [taken for taken, _ in fit.found.values()]]
    if rest:
        kept = "kept under their own names" if table.properties and found.header else "not used"
        out.append(f"  # {kept}: {', '.join(rest)}".replace("\n", " "))
    return out


def _why(look: Look, why: str, column: Column) -> str:
    if why == _LIKE:
        return f"guessed: the name is like '{column.name}' or one of its other names"
    if why == _VALUES:
        return f"guessed: only its values speak for it, such as {look.examples[0] if look.examples else ''}".replace("\n", " ")
    return why


def _timestamp(fit: Fit) -> list[str]:
    looks = [fit.found[column.name][0] for column in fit.table if column.kind in ("time", "date") and column.name in fit.found]
    for look in looks:
        if look.unit:
            return [f"  timestamp: {{unit: {look.unit}}}  # {look.name} counts from 1970, such as {look.examples[0]}"]
        if look.format:
            doubt = look.doubt or f"as in {look.examples[0]}"
            return [f"  timestamp: {json.dumps(look.format)}  # {doubt}"]
    return []


def _unclear(fit: Fit) -> list[str]:
    columns = ", ".join(look.name for look in fit.profile.looks).replace("\n", " ")
    out = [f"# {fit.profile.name}: no table could be told; its columns: {columns}"]
    if fit.found and fit.missing:
        missing = fit.missing
        doubts = "".join(f"; {fit.doubts[name]}" for name in missing if name in fit.doubts)
        out.append(f"#   Nearest is {fit.table.name}, but nothing was found for {', '.join(missing)}{doubts}. If it is that, complete:")
        block = _block(fit, [fit.profile.name]) if fit.table.name != "events" or "event" in fit.found else []
        out += [f"#   {line}" for line in block]
        out.append(f"#     constants: {{{', '.join(f'{name}: …' for name in missing)}}}")
    return out


def _scalar(text: str) -> str:
    """A text as YAML, quoted where needed."""
    words = ("null", "true", "false", "yes", "no", "on", "off")
    plain = re.fullmatch(r"[A-Za-z_\u4e00-\u9fff][\w\u4e00-\u9fff.\-]*", text)
    return text if plain and text.casefold() not in words else json.dumps(text, ensure_ascii=False)
