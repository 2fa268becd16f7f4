"""JupyterLab on this machine, in the notebooks' folder, with the data at hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from opsnb.errors import InputError
from opsnb.runs import kernels, notebooks, runner

START = "start_here.ipynb"  # what JupyterLab opens with


def lab(data: str | Path = "", *, port: int = 8888, open_browser: bool = True) -> int:
    """Serves JupyterLab on 127.0.0.1 until it is interrupted; returns its exit status.

    It opens ./notebooks, or a checkout's; where there are neither (an installed package) the notebooks are first copied to ./notebooks.
    The kernels see ``data`` as OPSNB_DATA. Nothing is asked of the network. Raises InputError for a data folder that is not there.
    """
    given = runner.data_folder(data)
    own = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # a terminal in JupyterLab knows `opsnb`
    with kernels.environment(OPSNB_DATA=given, PATH=own):
        return subprocess.call(command(workplace(), port=port, open_browser=open_browser))


def workplace() -> Path:
    """The folder of notebooks that can be written: the first found, the package's own as a copy in ./notebooks."""
    found = notebooks.folders()
    if not found:
        raise InputError("no notebooks here and none in the package")
    installed = notebooks.PACKAGE / "notebooks"
    if found[0] != installed:
        return found[0]
    return Path(shutil.copytree(installed, Path.cwd() / "notebooks"))


def command(folder: Path, *, port: int, open_browser: bool) -> list[str]:
    """The command line that serves the folder: this machine only, kernels over private sockets, no look at news or updates."""
    options = [
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.news_url=None", "--LabApp.extension_manager=readonly",
        *kernels.server_options()]
    if (folder / START).is_file():
        options.append(f"--LabApp.default_url=/lab/tree/{START}")
    if not open_browser:
        options.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")  # in a container there is no other user
    return [sys.executable, "-m", "jupyterlab", *options]
