"""How a run talks to its kernel: over sockets in a private folder where the system has them, and never for ever."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CELL_SECONDS = 1800  # a cell that takes longer is stopped
START_SECONDS = 120
LONGEST_SOCKET = 100  # bytes in the path of a Unix socket: 104 on macOS, 108 on Linux
SERVER_SOCKET = "/kernel-00000000-0000-0000-0000-000000000000-ipc-5"
MEMORY, CPU = "OPSNB_KERNEL_MEMORY", "OPSNB_KERNEL_CPU"  # bytes and seconds that a visitor's kernel may use
NICE = "OPSNB_KERNEL_NICE"  # by how much a kernel steps back behind the others


@contextmanager
def private_channels() -> Iterator[Mapping[str, Any]]:
    """The configuration of a kernel's channels, in a folder that only this user can enter; TCP on this machine elsewhere (Windows)."""
    if sys.platform == "win32":
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="opsnb-", ignore_cleanup_errors=True) as folder:
        if fits(f"{folder}/k-5"):
            yield {"KernelManager": {"transport": "ipc", "ip": f"{folder}/k", "connection_file": f"{folder}/kernel.json"}}
        else:
            yield {}


def fits(socket: str) -> bool:
    """Is the path short enough for a Unix socket."""
    return len(os.fsencode(socket)) <= LONGEST_SOCKET


def server_options() -> list[str]:
    """The same for the kernels of a Jupyter server (JupyterLab, Voila), which names the sockets itself."""
    from jupyter_core.paths import jupyter_runtime_dir

    return [] if sys.platform == "win32" or not fits(jupyter_runtime_dir() + SERVER_SOCKET) else ["--KernelManager.transport=ipc"]


@contextmanager
def environment(**values: str | Path | None) -> Iterator[None]:
    """Environment variables that a kernel started inside the ``with`` block sees; None leaves a variable as it is."""
    before = {name: os.environ.get(name) for name, value in values.items() if value is not None}
    os.environ.update({name: str(values[name]) for name in before})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def limit() -> None:
    """Bounds this process as the environment says: memory of its own (a store that is mapped does not count) and CPU seconds.

    A kernel calls it as it starts, so that one visitor cannot take the machine from the rest. Without the variables, or without
    the system's means (Windows), nothing is bounded.
    """
    if sys.platform == "win32":
        return
    import resource

    os.nice(int(os.environ.get(NICE, "0")))
    for name, which in ((MEMORY, resource.RLIMIT_DATA), (CPU, resource.RLIMIT_CPU)):
        if asked := int(os.environ.get(name, "0")):
            hard = resource.getrlimit(which)[1]
            allowed = asked if hard == resource.RLIM_INFINITY else min(asked, hard)
            resource.setrlimit(which, (allowed, hard if hard == resource.RLIM_INFINITY else max(allowed, hard)))
