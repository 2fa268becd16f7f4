"""What may pass between a page and its kernel: a page sets its controls and hears of its widgets, nothing else.

Voila lets comm messages through unseen. Here each is looked at: its kind, its channel, its size, and that it sets nothing but a
control's value. What the value may be is checked again where the control answers (``opsnb.views.controls``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tornado.web import HTTPError
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from opsnb.apps import visitors
from opsnb.apps.door import Guarded

PROTOCOL = "v1.kernel.websocket.jupyter.org"
LONGEST = 64_000  # bytes of a message from a page
LONGEST_TEXT, MOST_ITEMS = 1_000, 200  # of a control's value
MOST_PARTS = 1_000
MOST_AT_ONCE, A_SECOND = 1_000, 50  # messages from a page: so many at once, and then as many a second
MOST_REFUSED = 200  # messages of a connection, each a line in the log: then it is closed
MOST_SOCKETS = 8  # of one page, which needs two: connections that are lost may stand for a while beside the new ones
CHANNELS = ("shell", "control")
TO_KERNEL = ("kernel_info_request", "comm_info_request", "comm_open", "comm_msg", "comm_close")
FROM_KERNEL = ("kernel_info_reply", "comm_info_reply", "comm_open", "comm_msg", "comm_close", "status", "shutdown_reply")
CONTROL_CHANNEL = "jupyter.widget.control"  # by which a page asks for the widgets that are there
SETTABLE = ("value", "index", "selected_index")  # the traits of a control that a browser sets
EVENTS = ("click", "submit")


def refused(channel: str, header: Mapping[str, Any], content: Mapping[str, Any], buffers: Sequence[bytes] = ()) -> str:
    """Why a page's message is not passed on; empty if it is.

    >>> refused("shell", {"msg_type": "execute_request"}, {"code": "1"})
    "'execute_request' messages are not for pages"
    >>> refused("shell", {"msg_type": "comm_msg"}, {"comm_id": "a", "data": {"method": "update", "state": {"index": 2}}})
    ''
    """
    kind = header.get("msg_type") if isinstance(header, Mapping) else None
    if kind not in TO_KERNEL:
        return f"{str(kind)[:40]!r} messages are not for pages"
    if channel not in CHANNELS:
        return f"channel {str(channel)[:40]!r} is not for pages"
    if not isinstance(content, Mapping):
        return "no content"
    if buffers:
        return "binary parts are not for pages"
    if kind == "comm_open" and content.get("target_name") != CONTROL_CHANNEL:
        return "a page opens no widgets"
    return _refused_data(content.get("data")) if kind == "comm_msg" else ""


def _refused_data(data: Any) -> str:
    if not isinstance(data, Mapping):
        return "no data"
    method = data.get("method")
    if method in ("request_state", "request_states"):
        return ""
    if method == "custom":
        said = data.get("content")
        return "" if isinstance(said, Mapping) and set(said) == {"event"} and said["event"] in EVENTS else "no event of a control"
    if method != "update" or not isinstance(data.get("state"), Mapping):
        return f"method {str(method)[:40]!r} is not for pages"
    for name, value in data["state"].items():
        if name not in SETTABLE:
            return f"{name[:40]!r} is not a page's to set"
        if not _plain(value):
            return f"{name!r} is no plain value of a bearable size"
    return ""


def _plain(value: Any) -> bool:
    """A scalar, or a short list or mapping of scalars (a date)."""
    if isinstance(value, Mapping):
        return len(value) <= 10 and all(len(key) <= 20 and _scalar(item) for key, item in value.items())
    if isinstance(value, list):
        return len(value) <= MOST_ITEMS and all(map(_scalar, value))
    return _scalar(value)


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float)) or (isinstance(value, str) and len(value) <= LONGEST_TEXT)


def read(message: str | bytes) -> tuple[str, dict[str, Any], Any, list[bytes]]:
    """Channel, header, content and binary parts of a message of protocol v1. Raises ValueError for anything else.

    Jupyter's own reader believes the number of parts that the message claims: eight bytes can ask it for more memory than there is.
    """
    if not isinstance(message, bytes) or len(message) > LONGEST:
        raise ValueError("no message of protocol v1 of a bearable size")
    channel, header, _parent, _metadata, content, *buffers = parts(message)
    return channel.decode("utf-8"), json.loads(header), json.loads(content), buffers


def parts(message: bytes) -> list[bytes]:
    """The parts of a message: the channel, then header, parent header, metadata, content and bytes. Raises ValueError if it holds none."""
    count = int.from_bytes(message[:8], "little")
    if not 6 <= count <= MOST_PARTS:
        raise ValueError("a message of protocol v1 has five parts or some more")
    ends = [int.from_bytes(message[8 * number:8 * number + 8], "little") for number in range(1, count + 1)]
    if ends[0] < 8 * (count + 1) or ends != sorted(ends) or ends[-1] > len(message):
        raise ValueError("the parts of the message do not follow each other")
    return [message[begin:end] for begin, end in pairwise(ends)]


def packed(channel: str, *parts: bytes) -> bytes:
    """A message of protocol v1 out of its parts.

    >>> parts(packed("shell", b"{}", b"{}", b"{}", b"{}"))
    [b'shell', b'{}', b'{}', b'{}', b'{}']
    """
    pieces = [channel.encode(), *parts]
    ends = [8 * (len(pieces) + 2)]
    for piece in pieces:
        ends.append(ends[-1] + len(piece))
    return b"".join(number.to_bytes(8, "little") for number in (len(ends), *ends)) + b"".join(pieces)


def rewritten(message: bytes) -> bytes:
    """A message as it was read here, written anew: a kernel that reads JSON by other rules finds nothing else in it."""
    channel, *pieces = parts(message)
    header, parent, metadata, content = map(json.loads, pieces[:4])
    header.pop("subshell_id", None)
    return packed(channel.decode(), *(json.dumps(piece).encode() for piece in (header, parent, metadata, content)))


class Pace:
    """How many messages a page may still send: a thousand at once, as one that begins sends hundreds, and then fifty a second.

    >>> pace = Pace(now=0)
    >>> sum(pace.bears(now=0) for _ in range(1_100)), sum(pace.bears(now=2) for _ in range(200))
    (1000, 100)
    """

    def __init__(self, now: float):
        self.left, self.then = float(MOST_AT_ONCE), now

    def bears(self, now: float) -> bool:
        """Counts a message; is it not one too many."""
        self.left, self.then = min(float(MOST_AT_ONCE), self.left + A_SECOND * (now - self.then)), now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class KernelSocket(Guarded, VoilaKernelWebsocketHandler):
    """The websocket between a page and its kernel."""

    async def get(self, kernel_id: str) -> None:
        if PROTOCOL not in map(str.strip, self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")):
            raise HTTPError(400, "this server speaks protocol v1 only")
        visit = visitors.own(self, kernel_id)
        if visit is None or kernel_id not in self.kernel_manager:
            raise HTTPError(404)
        if len(visit.sockets) >= MOST_SOCKETS:
            raise HTTPError(429)
        self.pace, self.refused = Pace(time.monotonic()), 0
        await super().get(kernel_id)

    async def open(self, kernel_id: str) -> None:
        visit = self.settings["visits"][kernel_id]
        visit.sockets.add(self)
        visit.hear()
        await super().open(kernel_id)

    def on_close(self) -> None:
        visit = self.settings["visits"].get(self.kernel_id)
        if visit is not None:
            visit.sockets.discard(self)
            visit.hear()  # it was until now
        super().on_close()

    def on_pong(self, data: bytes) -> None:
        """The page's browser answers: it is open, though it may be a tab in the background whose script rests."""
        if (visit := self.settings["visits"].get(self.kernel_id)) is not None:
            visit.hear()
        super().on_pong(data)

    def on_message(self, ws_message: str | bytes) -> None:
        if self.refused >= MOST_REFUSED or not self.pace.bears(time.monotonic()):
            self.close(1008, "too many messages")
            return
        anew = b""
        try:
            if not (reason := refused(*read(ws_message))):
                anew = rewritten(ws_message)
        except (ValueError, IndexError, RecursionError) as error:
            reason = f"unreadable ({type(error).__name__})"
        if reason:
            self.refused += 1
            self.log.warning("refused a message to kernel %s: %s", self.kernel_id, reason)
            return
        super().on_message(anew)

    def write_message(self, message: Any, binary: bool = False) -> Any:
        return super().write_message(message, binary) if isinstance(message, bytes) and passes(message) else None


def passes(message: bytes) -> bool:
    """May a page hear this message of its kernel?"""
    return _kind_sent(message) in FROM_KERNEL


def _kind_sent(message: bytes) -> str:
    try:
        return json.loads(parts(message)[1])["msg_type"]
    except (ValueError, KeyError, TypeError):
        return ""
