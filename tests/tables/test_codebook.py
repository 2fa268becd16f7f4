"""The codebook is one place: the page that is generated from it is up to date, and what refers to it refers to something."""

from pathlib import Path

import pytest

from opsnb.tables import codebook, rules
from opsnb.tables.codebook import KINDS, TABLES

PAGE = Path(codebook.__file__).resolve().parents[2] / "data" / "README.md"


def test_the_page_is_what_the_codebook_generates():
    assert PAGE.read_text(encoding="utf-8") == codebook.markdown(), "run: python -m opsnb.tables.codebook"


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_every_table_is_whole(table):
    names = [column.name for column in table]
    assert len(set(names)) == len(names)
    assert table.required
    assert table.name in codebook.SOURCES
    assert set(table.key) <= set(names)
    assert {column.kind for column in table} <= set(KINDS)
    for column in table:
        assert all(alias == alias.casefold().strip() for alias in column.aliases), "aliases are compared in lower case"
        if column.refers_to:
            other, key = column.refers_to.split(".")
            assert TABLES[other].column(key) is not None


def test_an_alias_means_one_column_of_its_table():
    for table in TABLES.values():
        names = {column.name for column in table}
        for column in table:
            assert not names & set(column.aliases) - {column.name}, f"{table.name}.{column.name} takes another column's name as an alias"


def test_rules_name_columns_that_exist():
    for name, column in rules.PLANNED | rules.POSITIVE | set(rules.RANGES):
        assert TABLES[name].column(column) is not None


def test_the_page_names_every_column_with_its_unit():
    page = codebook.markdown()
    for table in TABLES.values():
        section = page.split(f"\n## {table.name}\n")[1].split("\n## ")[0]
        for column in table:
            row = next(line for line in section.splitlines() if line.replace("*", "").startswith(f"| {column.name} |"))
            assert row.split(" | ")[1] == column.kind
            assert column.unit in row
            assert row.startswith("| **") is column.required
