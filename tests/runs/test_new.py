"""A notebook of one's own: in the house's form, where it lies, and that it runs on whatever tables there are."""

import json
import re

import nbformat
import pytest

from opsnb.apps import shelf
from opsnb.errors import InputError, ParameterError
from opsnb.runs import lab, new, notebooks, runner
from tests import test_rooms
from tests.runs import small


@pytest.fixture
def work(tmp_path, monkeypatch):
    """An empty folder to work in, and an installed package with one notebook."""
    (tmp_path / "site" / "opsnb" / "notebooks").mkdir(parents=True)
    (tmp_path / "work").mkdir()
    small.write(tmp_path / "site" / "opsnb" / "notebooks")
    monkeypatch.setattr(notebooks, "PACKAGE", tmp_path / "site" / "opsnb")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def test_it_passes_the_houses_tests_and_is_an_app(work):
    path = new.new("my_sales", title=' The "sales" ', purpose="")
    assert path == work / "notebooks" / "my_sales.ipynb"
    test_rooms.test_a_notebook_is_thin(path)
    test_rooms.test_every_control_has_a_headless_twin(path)
    nbformat.validate(notebooks.read(path))
    assert list(notebooks.schema(notebooks.read(path), "my_sales")) == ["data_folder", "lang", "as_of", "days"]
    assert shelf.names(work / "notebooks") == {"my_sales": ('The "sales"', 'The "sales"')}
    assert json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"][0] == '# The "sales"\n'


def test_what_it_says_before_anybody_has_written_in_it_is_chinese_on_a_chinese_page(work):
    made = shelf.app(notebooks.read(new.new("my_sales", title="复购看板")), "zh")
    told = [cell.source for cell in made.cells if cell.cell_type == "markdown"]
    assert len(told) == 5
    assert not any(re.search(r"[a-z]{3,} [a-z]{3,}", text) for text in told), told


def test_the_packages_notebooks_come_along_where_there_is_no_folder_yet(work, monkeypatch):
    path = new.new("my_sales")
    assert sorted(one.name for one in path.parent.iterdir()) == ["my_sales.ipynb", "small.ipynb"]
    assert lab.workplace() == path.parent
    assert notebooks.find("my_sales") == path
    monkeypatch.chdir(path.parent)  # as a terminal in JupyterLab does
    assert new.new("another").parent == path.parent
    assert notebooks.find("another").parent == path.parent


def test_a_checkouts_own_folder_is_used_inside_it_only(work, monkeypatch):
    checkout = work.parent / "site"
    (checkout / "pyproject.toml").touch()
    (checkout / "notebooks").mkdir()
    (checkout / "data").mkdir()
    monkeypatch.chdir(checkout / "data")
    assert new.new("inside") == checkout / "notebooks" / "inside.ipynb"
    monkeypatch.chdir(work)
    assert new.new("outside") == work / "notebooks" / "outside.ipynb"


def test_names_that_cannot_be_and_names_that_are_taken(work):
    for name in ("My sales", "../x", "1st", "", "a" * 70, "销售"):
        with pytest.raises(ParameterError, match="cannot be a notebook's name; allowed: a small letter"):
            new.new(name)
    new.new("mine")
    with pytest.raises(InputError, match="there is a notebook 'mine' already"):
        new.new("mine")
    with pytest.raises(InputError, match="there is a notebook 'small' already"):
        new.new("small")


def test_it_runs_on_a_few_orders(work, tmp_path):
    """Twelve weeks of one order a day, of 10 at first and of 20 in the last four weeks: 28 x 20 = 560 after 28 x 10 = 280."""
    shop = tmp_path / "shop"
    shop.mkdir()
    days = [f"2025-{month:02}-{day:02}" for month in (1, 2, 3) for day in range(1, 29)]  # 84 days; as of the 28th of March
    lines = [f"u{number},{day} 09:00:00,{20 if number >= 56 else 10}" for number, day in enumerate(days)]
    (shop / "orders.csv").write_text("\n".join(["user_id,ts,amount", *lines]), encoding="utf-8")
    new.new("mine", title="Mine")
    result = runner.execute(runner.plan(["mine"], data=shop, given={})[0], out=tmp_path / "out")
    assert result.status in ("good", "warnings"), result.error
    assert "28 days is 560, +100% against the days before them" in result.first_finding.replace("GMV of the last ", "")
