"""Kernels that are there at once: a process that has imported what every page needs waits, and each kernel is a fork of it.

Importing pandas, Altair and the widgets takes 3 CPU seconds; a fork of a process that has done so takes a few milliseconds and shares
the memory. Linux only: elsewhere a kernel is started as usual.

``opsnb.runs.nursery`` is that process; this is the server's side of it.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
from collections.abc import Mapping
from typing import Any

from jupyter_client.provisioning import LocalProvisioner
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager

from opsnb.runs import nursery


class Nursery:
    """The process that waits, as the server sees it: ``process`` if it has been started already. It is started again if it has ended."""

    def __init__(self, environment: Mapping[str, str], process: subprocess.Popen[str] | None = None):
        self.environment, self.process = dict(environment), process
        self.asking = asyncio.Lock()

    def start(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self.process = nursery.begin(self.environment)

    async def kernel(self, connection_file: str, env: Mapping[str, str], cwd: str) -> Kernel:
        """A new kernel. Raises RuntimeError if there is none."""
        return Kernel(await self._answer({"connection_file": connection_file, "env": dict(env), "cwd": cwd}))

    async def warm(self) -> bool:
        """Has it imported all; before that a kernel has to import the rest by itself."""
        return bool(await self._answer({}))

    async def _answer(self, asked: Mapping[str, Any]) -> int:
        async with self.asking:
            self.start()
            answer = await asyncio.get_running_loop().run_in_executor(None, self._ask, json.dumps(asked))
        if not answer.strip().isdigit():
            raise RuntimeError("the process that starts kernels has ended")
        return int(answer)

    def _ask(self, asked: str) -> str:
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(asked + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return ""
        return self.process.stdout.readline()

    def stop(self) -> None:
        """Ends it; kernels see that and end too."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class Kernel:
    """A forked kernel, with the part of ``subprocess.Popen`` that jupyter_client uses. It is nobody's child here, hence the descriptor."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int):
        self.pid = pid
        self._descriptor: int | None = None
        self.returncode: int | None = None
        try:
            self._descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            self.returncode = 1

    def poll(self) -> int | None:
        """None while it runs; how it ended cannot be known here, so 1 then."""
        if self._descriptor is not None and select.select([self._descriptor], [], [], 0)[0]:
            os.close(self._descriptor)
            self._descriptor, self.returncode = None, 1
        return self.returncode

    def wait(self) -> int:
        """Waits for its end."""
        if self._descriptor is not None:
            select.select([self._descriptor], [], [])
        return self.poll() or 0

    def send_signal(self, number: int) -> None:
        """Sends a signal, to this process and no other that may have got its number since."""
        if self.poll() is None and self._descriptor is not None:
            signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Provisioner(LocalProvisioner):
    """Gets its process from the nursery."""

    nursery: Nursery

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        self.process = await self.nursery.kernel(self.parent.connection_file, kwargs.get("env") or os.environ, kwargs.get("cwd") or os.getcwd())
        self.pid, self.pgid = self.process.pid, None
        return self.connection_info


class ForkedKernelManager(ServerKernelManager):
    """A kernel out of the nursery, if the server has one."""

    nursery: Nursery | None = None

    async def _async_pre_start_kernel(self, **kw: Any) -> Any:
        if self.nursery is not None and self.provisioner is None:
            self.provisioner = Provisioner(kernel_id=kw.get("kernel_id", ""), kernel_spec=self.kernel_spec, parent=self)
            self.provisioner.nursery = self.nursery
        return await super()._async_pre_start_kernel(**kw)
