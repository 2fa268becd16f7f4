"""The process out of which kernels are forked: it imports what pages need, then waits.

    python -m opsnb.runs.nursery

A line of JSON on its standard input (connection_file, env, cwd) is answered by a process number, an empty object by whether all has been
imported. It ends with its input.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# What every kernel needs; what the first findings are computed with; what charts and rarer questions need, besides our own modules.
NEEDED = ("IPython.core.completerlib", "IPython.core.debugger", "IPython.core.oinspect", "IPython.extensions.storemagic", "ipykernel.debugger",
          "ipykernel.ipkernel", "ipykernel.kernelapp", "ipykernel.zmqshell", "ipywidgets", "pdb", "tornado.platform.asyncio")
HEAVY = ("numpy.random", "pandas", "opsnb.views.controls", "pyarrow.compute", "pyarrow.ipc", "babel.messages.pofile", "scipy.special",
         "scipy.optimize")
LATER = ("altair", "scipy.stats", "yaml", "duckdb")
ROOMS = ("opsnb.tables", "opsnb.measures", "opsnb.views", "opsnb.reviews")
LEFT_OUT = ("opsnb.tables.demo", "opsnb.views.jupyter", "opsnb.reviews.truth", "opsnb.views.translations")
# The debugger, whose import costs as much as a page, and a grammar of addresses that Altair's checker would read: no page uses either.
UNUSED = ("debugpy", "rfc3987_syntax")


def possible() -> bool:
    """Can this system start kernels so."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


def begin(environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Starts the process: the server does so before it imports what it needs itself, so that both go side by side."""
    return subprocess.Popen([sys.executable, "-m", "opsnb.runs.nursery"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                            encoding="utf-8", env=dict(environment))


def main() -> None:
    """Imports, and forks a kernel for each line of its input: who comes before the last import gets what is there, and imports the rest."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the server's affair
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries the kernels
    for _step in warming():
        while select.select([sys.stdin], [], [], 0)[0]:  # one line at most is under way: the server waits for each answer
            serve(sys.stdin.readline(), warm=False)
    gc.collect()
    gc.freeze()  # the collector would write to shared pages
    for line in iter(sys.stdin.readline, ""):
        serve(line)


def serve(line: str, *, warm: bool = True) -> None:
    """Forks a kernel and says its number; an empty request is answered by 1 once all is imported, by 0 before. Ends with the server."""
    if not line:
        sys.exit()
    asked = json.loads(line)
    if not asked:
        print(int(warm), flush=True)
        return
    child = os.fork()
    if child == 0:
        become_kernel(**asked)
    os.setpgid(child, child)
    print(child, flush=True)


def warming() -> Iterator[None]:
    """Imports what pages use, what all of them need first, and draws one chart: Altair builds its checkers on first use."""
    for name in UNUSED:
        sys.modules[name] = None  # type: ignore[assignment]
    for name in NEEDED:
        importlib.import_module(name)
    yield
    yield from _imported(HEAVY)
    for room in ROOMS:
        for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
            if not module.name.startswith(LEFT_OUT):
                importlib.import_module(module.name)
        yield
    yield from _imported(LATER)
    import altair
    import pandas

    from opsnb.views import language

    altair.Chart(pandas.DataFrame({"x": [1], "y": ["a"]})).mark_bar().encode(x="x", y="y", tooltip=["x", "y"]).to_dict()
    for lang in language.LANGUAGES:
        with language.using(lang):
            language.sentence(language.name("."))


def _imported(names: Iterable[str]) -> Iterator[None]:
    for name in names:
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
        yield


def become_kernel(connection_file: str, env: Mapping[str, str], cwd: str) -> None:
    """The child: a kernel with its own environment, which ends when the process that made it ends."""
    from functools import partial

    from ipykernel import kernelapp

    from opsnb.runs import kernels
    from opsnb.views import visit

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # what it prints goes to the server's window, never into the answers
    os.environ.clear()
    os.environ.update(env)
    os.environ[visit.WINDOW] = str(os.dup(2))  # the kernel takes 2 for what pages hear
    os.chdir(cwd)
    kernels.limit()
    try:
        kernelapp.IOPubThread = partial(_without_a_port, kernelapp.IOPubThread)
        app = kernelapp.IPKernelApp.instance()
        app.initialize(["-f", connection_file, "--IPKernelApp.log_level=50", "--HistoryManager.enabled=False", f"--IPKernelApp.parent_handle={os.getppid()}"])
        app.shell.extension_manager.load_extension("ipywidgets")  # it was imported where there was no kernel to answer for
        app.start()
    finally:
        os._exit(0)


def _without_a_port(thread: Any, socket: Any, *, pipe: bool, session: Any) -> Any:
    """The kernel's thread for what it says, without the open port on which it would hear processes of its own: a page starts none."""
    return thread(socket, pipe=False, session=session)


if __name__ == "__main__":
    main()
