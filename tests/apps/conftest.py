"""For the tests of the server: a folder of notebooks with one app."""

import sys
from pathlib import Path

import nbformat
import pytest

SAMPLES = Path(__file__).parents[1] / "views"
sys.path.insert(0, str(SAMPLES))
from make_notebook import notebook  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("apps")
    nbformat.write(notebook(SAMPLES), made / "funnel_diagnosis.ipynb")
    return made
