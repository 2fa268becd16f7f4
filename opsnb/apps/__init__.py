"""The notebooks as apps in a browser: on this machine unless told otherwise, offline, without code, in the reader's language."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from opsnb.errors import InputError
from opsnb.runs.notebooks import folders
from opsnb.views import language

FIRST_PORT = 8866
PASSWORD = "OPSNB_PASSWORD"


def apps(data: str | Path | None = None, *, port: int | None = None, open_browser: bool = True, lang: str | None = None,
         notebooks: str | Path | None = None, out: str | Path = "out", ip: str = "127.0.0.1", hosts: Iterable[str] = (), base_url: str = "/",
         places: int = 10, header: str = "") -> int:
    """Serves the notebooks as apps until it is interrupted; returns the server's exit status.

    ``data`` is the data folder (else what :func:`opsnb.open_data` finds), which is checked and ingested before the first visitor comes;
    ``out`` where the reports and the ledger of runs lie, which are listed beside the apps; ``port`` the one to listen on (else the first
    free one from 8866); ``lang`` the language of visitors whose address names none; ``places`` how many pages are served at once, the
    others wait in a queue. Listens on this machine only, unless ``ip`` says otherwise: then OPSNB_PASSWORD must be set, or ``header``
    name what a reverse proxy sets for the people it knows; ``hosts`` are the names by which the server may be asked for; ``base_url``
    the path below which a proxy puts it.
    Raises InputError for a folder, port or address that cannot be used, ParameterError for an unknown language.
    """
    from opsnb.tables.data import open_data

    environment = dict(os.environ)
    if data is not None:
        environment["OPSNB_DATA"] = str(Path(data).resolve())
    opened = open_data(str(data) if data is not None else "")
    environment.setdefault("OPSNB_DATA", str(Path(opened.folder).resolve()))
    server = start(environment, port=port, open_browser=open_browser, lang=lang, notebooks=notebooks, out=out, ip=ip, hosts=hosts,
                   base_url=base_url, places=places, header=header)
    print(f"The apps are at {server.address} ; stop them with Ctrl+C.", file=sys.stderr)
    try:
        return server.process.wait()
    except KeyboardInterrupt:
        return server.stop()


class Server:
    """A running server: its ``process`` and ``address``."""

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
          notebooks: str | Path | None = None, out: str | Path = "out", ip: str = "127.0.0.1", hosts: Iterable[str] = (), base_url: str = "/",
          places: int = 10, header: str = "", log: Any = None) -> Server:
    """Starts the server with an environment that its kernels inherit (OPSNB_DATA names the data) and returns at once."""
    import json

    from opsnb.apps.door import may_listen

    folder = Path(notebooks) if notebooks is not None else next(iter(folders()), Path("notebooks"))
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder of notebooks")
    if lang is not None:
        language.use(lang)
    may_listen(ip, environment.get(PASSWORD, ""), header)
    number = free_port() if port is None else port
    if port is not None and not _is_free(port):
        raise InputError(f"port {port} is in use; choose another, or leave it out")
    options = {"notebooks": str(folder.resolve()), "out": str(Path(out).resolve()), "port": number, "ip": ip, "hosts": list(hosts),
               "base_url": base_url, "places": places, "lang": lang or environment.get("OPSNB_LANG", ""), "header": header, "open_browser": open_browser}
    command = [sys.executable, "-m", "opsnb.apps", json.dumps(options)]
    process = subprocess.Popen(command, env=dict(environment), stdout=log, stderr=log)
    path = base_url.strip("/")
    return Server(process, f"http://127.0.0.1:{number}/{path}{'/' if path else ''}")


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
        if sys.platform != "win32":  # where this says something else; here: connections of a server that has just ended do not count
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
