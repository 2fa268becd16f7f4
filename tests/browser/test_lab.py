"""JupyterLab in Chromium: "Run All Cells" draws every chart, in a cell and in a control's output, with no request to the outside."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from opsnb.runs import lab

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "views")]
from make_notebook import notebook  # noqa: E402
from reports import CHROMIUM, Visit, answering, browser, own_port  # noqa: E402

SAMPLES = Path(__file__).parents[1] / "views"


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_run_all_as_it_stands(tmp_path):
    nbformat.write(notebook(SAMPLES), tmp_path / "page.ipynb")
    port = own_port()
    command = [*lab.command(tmp_path, port=port, open_browser=False), "--IdentityProvider.token="]
    # its own settings and work space, not those of whoever runs the tests
    environment = {**os.environ, "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "spaces")}
    with (tmp_path / "log.txt").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process:
        try:
            with browser() as chromium:
                visit = Visit(chromium, height=3000)
                page = visit.page
                answering(page, f"http://127.0.0.1:{port}/lab/tree/page.ipynb", process, tmp_path / "log.txt")
                page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
                # before the kernel is connected JupyterLab drops a run without a word
                page.wait_for_function("document.querySelector('#jp-main-statusbar')?.innerText.includes('| Idle')", timeout=60_000)
                page.click(".lm-MenuBar-itemLabel >> text=Run")
                page.click(".lm-Menu-itemLabel >> text=Run All Cells")
                page.wait_for_function("document.querySelectorAll('[data-drawn]').length === 3", timeout=90_000)
                assert "Payment fell by 39% for android" in page.inner_text(".card")
                assert (visit.outside, visit.errors) == ([], [])
        finally:
            process.terminate()
