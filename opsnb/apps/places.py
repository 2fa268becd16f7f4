"""The kernels of the apps: no more than there are places, each bounded, and gone soon after their page is."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from traitlets import Integer

from opsnb.runs.visits import cpu_seconds

SHARE_SECONDS, STEP_BACK = 60.0, 10  # a kernel that has worked so long gives way to the others by so much of the 19 that the system knows
LEFT_SECONDS = 150  # a page that has not asked for so long is closed, or lost its connection; a tab in the background asks once a minute
UNHEARD_SECONDS = 30  # a page whose script has not asked by then was left before it came, or is nobody's: a link's preview
WANTED_SECONDS = 15  # somebody waits: a page that has had no connection for so long is taken for closed; one that lost it tries again sooner
log = logging.getLogger("opsnb.apps")


class Places(AsyncMappingKernelManager):
    """Starts, counts and ends the visitors' kernels. ``visits`` are the pages by kernel, which the application hands over."""

    places = Integer(10, config=True, help="kernels at once")
    visits: dict[str, Any]

    @property
    def taken(self) -> int:
        """Kernels that run or are being started."""
        return len({*self._kernels, *self._pending_kernels})

    async def start_kernel(self, **options: Any) -> str:
        if self.taken >= self.places:
            raise HTTPError(503)
        return await super().start_kernel(**options)

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """Also ends a kernel whose page is gone, or which has died; one that has had its share steps back behind the others.

        Where a page still waits for a kernel that has died, its visit says so first.
        """
        visit = self.visits.get(kernel_id)
        told = visit is None or visit.task is None or visit.task.done()
        if visit is None or gone(visit, time.monotonic()) or (told and not await self._kernels[kernel_id].is_alive()):
            log.info("kernel %s: its page is gone", kernel_id)
            await self.end(kernel_id)
        else:
            if (cpu_seconds(self._kernels[kernel_id]) or 0.0) > SHARE_SECONDS:
                step_back(self._kernels[kernel_id])
            await super().cull_kernel_if_idle(kernel_id)

    async def make_room(self, owner: str | None = None) -> None:
        """Somebody waits: ends the kernels of pages that seem closed, though none has said farewell; only this ``owner``'s, if one is named."""
        for kernel_id, visit in list(self.visits.items()):
            if owner in (None, visit.owner) and gone(visit, time.monotonic(), wanted=True):
                log.info("kernel %s: its page seems closed, and somebody waits", kernel_id)
                await self.end(kernel_id)

    async def end(self, kernel_id: str) -> None:
        """Ends a kernel at once and forgets its visit."""
        visit = self.visits.pop(kernel_id, None)
        if visit is not None and visit.task is not None and not visit.task.done():
            visit.task.cancel()
        if kernel_id in self:
            await self.shutdown_kernel(kernel_id, now=True)


def gone(visit: Any, now: float, *, wanted: bool = False) -> bool:
    """Is a page closed, as far as can be told without its farewell, which may be lost. ``wanted``: somebody waits for its place.

    An open page holds a connection, which the browser ends with it, and asks now and then. One that is just being made is not closed.
    """
    quiet = now - visit.seen
    if not visit.kernel_id:
        return False
    if not visit.heard:
        return bool(quiet > UNHEARD_SECONDS)
    return bool(quiet > (WANTED_SECONDS if wanted and not visit.sockets else LEFT_SECONDS))


def step_back(kernel: Any) -> None:
    """Lets the other kernels go before this one; it loses nothing where there are none."""
    try:
        os.setpriority(os.PRIO_PROCESS, kernel.provisioner.pid, STEP_BACK)
    except (OSError, AttributeError, TypeError):
        return  # it has just ended, or the system knows no such thing
