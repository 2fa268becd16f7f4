"""The notebooks as apps in a browser: Voila on this machine only, offline, without code, in the reader's language."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsnb.errors import InputError
from opsnb.views import language, page, tags
from opsnb.views.jupyter import ETC, notebooks_folder
from opsnb.views.language import N_

FIRST_PORT = 8866

# Title and purpose of each app in the list of apps.
APPS: dict[str, tuple[str, str]] = {
    "market_analysis.ipynb": (N_("Market analysis"), N_("Where we stand in the market, and what the channels bring")),
    "user_profiling.ipynb": (N_("User profiling"), N_("Who our users are, what they are worth, and who comes back")),
    "funnel_diagnosis.ipynb": (N_("Funnel diagnosis"), N_("Where we lose users, since when, and which of them")),
    "evaluation_report.ipynb": (N_("Evaluation report"), N_("Whether we kept the plan: targets, budget, experiments")),
}


def apps(data: str | Path | None = None, *, port: int | None = None, open_browser: bool = True, lang: str | None = None,
         notebooks: str | Path | None = None) -> int:
    """Serves the notebooks as apps on 127.0.0.1 until it is interrupted; returns the server's exit status.

    ``data`` is the data folder (else what :func:`opsnb.open_data` finds), which is checked and ingested before the first visitor comes;
    ``port`` the one to listen on (else the first free one from 8866); ``lang`` the language of visitors whose address names none.
    Raises InputError for a folder or port that cannot be used, ParameterError for an unknown language.
    """
    from opsnb.tables.data import open_data

    environment = dict(os.environ)
    if data is not None:
        environment["OPSNB_DATA"] = str(Path(data).resolve())
    opened = open_data(str(data) if data is not None else "")
    environment.setdefault("OPSNB_DATA", str(Path(opened.folder).resolve()))
    server = start(environment, port=port, open_browser=open_browser, lang=lang, notebooks=notebooks)
    print(f"The apps are at {server.address} ; stop them with Ctrl+C.", file=sys.stderr)
    try:
        return server.process.wait()
    except KeyboardInterrupt:
        return server.stop()


class Server:
    """A running Voila: its ``process`` and ``address``."""

    def __init__(self, process: subprocess.Popen[Any], address: str):
        self.process, self.address = process, address

    def stop(self) -> int:
        """Ends it and its kernels; returns its exit status, 0 when it had to be ended by force."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return 0


def start(environment: Mapping[str, str], *, port: int | None = None, open_browser: bool = False, lang: str | None = None,
          notebooks: str | Path | None = None, log: Any = None) -> Server:
    """Starts the server with an environment that its kernels inherit (OPSNB_DATA names the data) and returns at once."""
    folder = Path(notebooks) if notebooks is not None else notebooks_folder()
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder of notebooks")
    if lang is not None:
        language.use(lang)
        environment = {**environment, "OPSNB_LANG": lang}
    number = free_port() if port is None else port
    if port is not None and not _is_free(port):
        raise InputError(f"port {port} is in use; choose another, or leave it out")
    command = [sys.executable, "-m", "voila", str(folder), "--Voila.ip=127.0.0.1", f"--port={number}", "--Voila.port_retries=0",
               f"--Voila.config_file_paths={ETC}"] + ([] if open_browser else ["--no-browser"])
    process = subprocess.Popen(command, env=dict(environment), stdout=log, stderr=log)
    return Server(process, f"http://127.0.0.1:{number}/")


def free_port() -> int:
    """The first free port from 8866 on; any free one when the next twenty are taken."""
    for port in range(FIRST_PORT, FIRST_PORT + 20):
        if _is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


# What Voila calls ----------------------------------------------------------------------------------------------------------

def prepare(handler: Any, notebook: Any, cwd: str) -> Any:
    """Voila's prelaunch hook: the notebook as an app, in the language that the address asks for.

    Nothing of the address enters the notebook but one of the known languages.
    """
    return app_of(notebook, page.asked_language(handler.request.query))


def app_of(notebook: Any, lang: str) -> Any:
    """A copy of the notebook without report cells, its markdown in ``lang``, which it also records in its metadata."""
    with language.using(lang):
        made = tags.select(notebook, "app")
        for cell in made["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = language.translate_markdown(cell["source"])
        made["metadata"]["opsnb"] = {"lang": lang}
        made["metadata"]["title"] = title_of(made)
    return made


def title_of(notebook: Any) -> str:
    """The first heading of a notebook."""
    for cell in notebook["cells"]:
        for line in cell["source"].splitlines() if cell["cell_type"] == "markdown" else ():
            if line.startswith("#"):
                return line.lstrip("# ").strip()
    return "opsnb"


def words() -> dict[str, Any]:
    """What the list of apps says, per notebook and language; Voila's configuration hands it to the template."""
    said: dict[str, dict[str, list[str]]] = {name: {} for name in APPS}
    for lang in language.LANGUAGES:
        with language.using(lang):
            for name, texts in APPS.items():
                said[name][lang] = [language._(text) for text in texts]
    return {"apps": said, "lang": page.asked_language("")}
