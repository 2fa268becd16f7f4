import nbformat
import pytest

from opsnb.errors import InputError
from opsnb.runs import notebooks
from tests.runs import small


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A working folder, a checkout and an installed package, each with notebooks."""
    for place in ("work", "checkout", "checkout/opsnb"):
        (tmp_path / place / "notebooks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(notebooks, "PACKAGE", tmp_path / "checkout" / "opsnb")
    return tmp_path


def test_a_name_is_looked_for_here_then_in_the_checkout_then_in_the_package(places):
    installed = small.write(places / "checkout" / "opsnb" / "notebooks")
    assert notebooks.find("small") == installed
    beside = small.write(places / "checkout" / "notebooks")
    assert notebooks.find("small") == installed  # no pyproject.toml: not a checkout
    (places / "checkout" / "pyproject.toml").touch()
    assert notebooks.find("small") == beside
    here = small.write(places / "work" / "notebooks")
    assert notebooks.find("small") == notebooks.find("small.ipynb") == here
    assert notebooks.find("notebooks/small") == notebooks.find(here) == here


def test_a_name_that_is_not_there_is_refused_with_the_nearest(places):
    small.write(places / "work" / "notebooks", "funnel_diagnosis")
    with pytest.raises(InputError, match=r"no notebook 'funel_diagnosis'; allowed: funnel_diagnosis \(did you mean"):
        notebooks.find("funel_diagnosis")
    with pytest.raises(InputError, match="no such notebook"):
        notebooks.find("elsewhere/funnel_diagnosis.ipynb")


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"cells": 3, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}'])
def test_a_file_that_is_no_notebook_is_refused(tmp_path, text):
    (path := tmp_path / "bad.ipynb").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"bad.ipynb: no notebook"):
        notebooks.read(path)


def test_a_notebook_made_ready_has_its_values_after_the_parameters_and_no_controls(tmp_path):
    read = notebooks.read(small.write(tmp_path))
    before = nbformat.writes(read)
    ready = notebooks.ready(read, {"days": 9}, "en")
    assert nbformat.writes(read) == before
    nbformat.validate(ready)
    assert "parameters" in notebooks.tags(ready.cells[1])
    assert (notebooks.tags(ready.cells[2]), ready.cells[2].source) == (["injected-parameters"], "# the parameters of this run\ndays = 9")
    assert not any("app" in notebooks.tags(cell) for cell in ready.cells)
    again = notebooks.ready(ready, {"days": 10}, "en")
    assert len(again.cells) == len(ready.cells)


def test_the_code_hash_changes_with_the_code_and_not_with_the_outputs(tmp_path):
    read = notebooks.read(small.write(tmp_path))
    first = notebooks.code_hash(read)
    read.cells[2].outputs = [nbformat.v4.new_output("stream", text="x")]
    assert notebooks.code_hash(read) == first
    read.cells[2].source += "\n1"
    assert notebooks.code_hash(read) != first
