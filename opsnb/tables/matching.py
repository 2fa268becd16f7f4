"""Whose column is whose: the columns of a file against those of a codebook table."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opsnb.errors import InputError, nearest
from opsnb.tables.codebook import Column, Table
from opsnb.tables.columns import TableMap


def folded(name: str) -> str:
    """A header as it is compared: without case, blanks, hyphens and full-width forms.

    >>> folded(" User-ID "), folded("用户ＩＤ")
    ('user_id', '用户id')
    """
    import unicodedata

    return re.sub(r"[\s\-]+", "_", unicodedata.normalize("NFKC", name).strip().casefold())


def resolved(shape: TableMap, columns: Sequence[str], name: str, header_line: int = 1) -> dict[str, str]:
    """Ours -> theirs for one file: as the map says, then columns of the same name, then aliases where only one column fits.

    Tables with properties keep their further columns under their own name. Raises InputError for a column that the map names and the
    file lacks, and for a required one that is not found.
    """
    table = shape.table
    where = f"{name} line {header_line}" if header_line else name
    out: dict[str, str] = {}
    for ours, theirs in shape.columns.items():
        out[ours] = _named(theirs, columns, shape, where)
    if shape.header:
        _fill(out, shape, columns, where)
    for column in table:
        if column.required and column.name not in out and column.name not in shape.constants:
            raise _missing(column, table, columns, shape, where)
    if table.properties and shape.header:
        for theirs in columns:
            taken = {ours.casefold() for ours in (*out, *shape.constants)}
            if theirs not in out.values() and theirs.casefold() not in taken and theirs.strip() and not theirs.startswith("_"):
                out[theirs.strip()] = theirs
    return out


def _named(theirs: str | int, columns: Sequence[str], shape: TableMap, where: str) -> str:
    if isinstance(theirs, int):
        if theirs > len(columns):
            raise InputError(f"{where}: {shape.where} asks for column {theirs}; allowed: 1 to {len(columns)}")
        return columns[theirs - 1]
    found = theirs if theirs in columns else next((column for column in columns if folded(column) == folded(theirs)), None)
    if found is None:
        raise InputError(f"{where}: no column '{theirs}', which {shape.where} asks for; {nearest(theirs, columns)}")
    return found


def _fill(out: dict[str, str], shape: TableMap, columns: Sequence[str], where: str) -> None:
    table = shape.table
    free = {column: folded(column) for column in columns if column not in out.values()}
    for column in table:
        same = next((theirs for theirs, name in free.items() if name == column.name), None)
        if same is not None and column.name not in out:
            out[column.name] = same
            del free[same]
    for column in table:
        if column.name in out or column.name in shape.constants:
            continue
        fits = [theirs for theirs, name in free.items() if name in column.aliases]
        if len(fits) > 1 and column.required:
            raise InputError(f"{where}: {len(fits)} columns could be {table.name}.{column.name}; found: {', '.join(fits)}; "
                             f"say which in columns.yml: {table.name}: {{columns: {{{column.name}: …}}}}")
        if len(fits) == 1:
            out[column.name] = fits[0]
            del free[fits[0]]


def _missing(column: Column, table: Table, columns: Sequence[str], shape: TableMap, where: str) -> InputError:
    if not shape.header:
        return InputError(f"{where}: {table.name} needs '{column.name}' ({column.meaning}); without a header columns.yml must give its "
                          f"position, 1 to {len(columns)}, or a constant")
    hint = ""
    if any(re.fullmatch(r"[\s\d.,:/+\-]*\d[\s\d.,:/+\-TZ]*", cell) for cell in columns):  # a number or a date is no name
        hint = "; the first line looks like data: without a header say 'header: false' and positions in columns.yml"
    names = [column.name, *column.aliases]
    close = max(((_likeness(name, theirs), theirs) for theirs in columns for name in names), default=(0, ""))
    near = f" (did you mean '{close[1]}'? map it in columns.yml)" if close[0] >= 0.6 and not hint else ""
    return InputError(f"{where}: no column for {table.name}.{column.name} ({column.meaning}); found: {', '.join(columns)}; "
                      f"allowed: {', '.join(names)}, or a name mapped in columns.yml{near}{hint}")


def _likeness(left: str, right: str) -> float:
    import difflib

    return difflib.SequenceMatcher(None, folded(left), folded(right)).ratio()
