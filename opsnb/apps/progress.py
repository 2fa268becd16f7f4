"""What a page hears while it is being computed."""

from __future__ import annotations

import asyncio

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from opsnb.apps import visitors
from opsnb.apps.door import Guarded
from opsnb.apps.messages import MOST_SOCKETS


class ExecutionSocket(Guarded, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """Tells a page what its cells put out: all there is so far, then each as it comes. It takes one word: begin."""

    async def get(self, kernel_id: str) -> None:
        self.visit = visitors.own(self, kernel_id)
        if self.visit is None:
            raise HTTPError(404)
        if len(self.visit.sockets) >= MOST_SOCKETS:
            raise HTTPError(429)
        self.begun = False
        await super().get(kernel_id=kernel_id)

    def open(self, kernel_id: str) -> None:
        self.visit.sockets.add(self)
        self.visit.hear()
        super().open()

    async def on_message(self, message: str | bytes) -> None:
        if not self.begun:  # in a task of its own: until this returns nothing more is read, not even that the page still answers
            self.begun = True
            self.telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        try:
            async for told in self.visit.news():
                await self.write_message(told)
        except WebSocketClosedError:
            return  # the page is gone
        self.close()

    def on_close(self) -> None:
        self.visit.sockets.discard(self)
        self.visit.hear()  # it was until now
        if self.begun:
            self.telling.cancel()
        super().on_close()
