"""What may pass between a page and its kernel: a page sets its controls and hears of its widgets, nothing else.

Voila lets comm messages through unseen. Here each is looked at: its kind, its channel, its size, and that it sets nothing but a
control's value. What the value may be is checked again where the control answers (``opsnb.views.controls``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tornado.web import HTTPError
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from opsnb.apps.door import Guarded

PROTOCOL = "v1.kernel.websocket.jupyter.org"
LONGEST = 64_000  # bytes of a message from a page
LONGEST_TEXT, MOST_ITEMS = 1_000, 200  # of a control's value
MOST_PARTS = 1_000
CHANNELS = ("shell", "control")
OF_WIDGETS = ("comm_open", "comm_msg", "comm_close")
TO_KERNEL = ("kernel_info_request", "comm_info_request", *OF_WIDGETS)
FROM_KERNEL = ("kernel_info_reply", "comm_info_reply", *OF_WIDGETS, "status", "shutdown_reply")
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


class KernelSocket(Guarded, VoilaKernelWebsocketHandler):
    """The websocket between a page and its kernel."""

    async def get(self, kernel_id: str) -> None:
        if PROTOCOL not in self.request.headers.get("Sec-WebSocket-Protocol", ""):
            raise HTTPError(400, "this server speaks protocol v1 only")
        if kernel_id not in self.kernel_manager:
            raise HTTPError(404)
        await super().get(kernel_id)

    def on_message(self, ws_message: str | bytes) -> None:
        try:
            reason = refused(*read(ws_message))
        except (ValueError, IndexError, RecursionError) as error:
            reason = f"unreadable ({type(error).__name__})"
        if reason:
            self.log.warning("refused a message to kernel %s: %s", self.kernel_id, reason)
            return
        super().on_message(ws_message)

    def write_message(self, message: Any, binary: bool = False) -> Any:
        visit = self.settings["visits"].get(self.kernel_id)
        if not (isinstance(message, bytes) and passes(message, widgets_told=visit is None or visit.widgets_told)):
            return None
        if visit is not None and not visit.widgets_told:
            visit.widgets_told = _tells_widgets(message)
        return super().write_message(message, binary)


def passes(message: bytes, *, widgets_told: bool) -> bool:
    """May a page hear this message of its kernel?

    Before the page has been told of all widgets that there are, news of single ones would be of a box whose parts it does not know, which
    the browser then cannot draw; what was so before is in what it is told.
    """
    kind = _kind_sent(message)
    return kind in FROM_KERNEL and (widgets_told or kind not in OF_WIDGETS or _tells_widgets(message))


def _kind_sent(message: bytes) -> str:
    try:
        return json.loads(parts(message)[1])["msg_type"]
    except (ValueError, KeyError, TypeError):
        return ""


def _tells_widgets(message: bytes) -> bool:
    """Is it the answer to a page's question for all widgets?"""
    if _kind_sent(message) != "comm_msg":
        return False
    data = json.loads(parts(message)[4]).get("data")
    return isinstance(data, dict) and data.get("method") == "update_states"
