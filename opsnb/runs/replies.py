"""The lost reply: why a notebook can wait for ever for a cell that has ended, and the cure.

jupyter_client writes its messages to a *shadow* of the asyncio socket on which the answer is awaited. ZeroMQ tells a socket's file
descriptor of new work only once, and whoever touches the socket next takes that notice away. If the answer has just arrived when
a message is written (nbclient writes one for each output that a cell puts into an ``ipywidgets.Output``), the write takes the
notice, the awaiting reader is never woken, and nbclient, papermill and Voila wait for ever. Asking the asyncio socket for its EVENTS
after each write reschedules the reader.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_client.channels import AsyncZMQSocketChannel


def _send(self: AsyncZMQSocketChannel, msg: dict[str, Any]) -> None:
    """Sends a message, then wakes the reader if the answer has arrived in the meantime."""
    import zmq
    from jupyter_client.channels import ZMQSocketChannel

    ZMQSocketChannel.send(self, msg)
    if self.socket is not None:
        self.socket.get(zmq.EVENTS)


def apply() -> None:
    """Applies the cure to every asyncio channel of this process; doing it twice does no harm. Voila's configuration calls it."""
    from jupyter_client.channels import AsyncZMQSocketChannel

    AsyncZMQSocketChannel.send = _send


@contextmanager
def removed() -> Iterator[None]:
    """Takes the cure away inside a ``with`` block, as the test does that shows the hang."""
    from jupyter_client.channels import AsyncZMQSocketChannel, ZMQSocketChannel

    before = AsyncZMQSocketChannel.send
    AsyncZMQSocketChannel.send = ZMQSocketChannel.send
    try:
        yield
    finally:
        AsyncZMQSocketChannel.send = before
