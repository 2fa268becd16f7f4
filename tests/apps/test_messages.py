"""What a page may tell its kernel, and hear of it."""

import json

import pytest

from opsnb.apps import messages


def comm(**data):
    return {"comm_id": "a", "data": data}


def update(**state):
    return comm(method="update", state=state, buffer_paths=[])


@pytest.mark.parametrize(("kind", "content"), [
    ("kernel_info_request", {}), ("comm_info_request", {"target_name": "jupyter.widget"}),
    ("comm_open", {"target_name": "jupyter.widget.control", "comm_id": "a", "data": {}}),
    ("comm_msg", comm(method="request_states")), ("comm_msg", update(value=3)), ("comm_msg", update(index=[1, 2])),
    ("comm_msg", update(value={"year": 2025, "month": 10, "date": 3})), ("comm_msg", comm(method="custom", content={"event": "click"})),
])
def test_what_a_control_needs_passes(kind, content):
    for channel in messages.CHANNELS:
        assert messages.refused(channel, {"msg_type": kind}, content) == ""


@pytest.mark.parametrize("kind", ["execute_request", "inspect_request", "complete_request", "history_request", "is_complete_request", "shutdown_request",
                                  "interrupt_request", "debug_request", "input_reply", "create_subshell_request", None, 1, ["comm_msg"], {}])
@pytest.mark.parametrize("channel", ["shell", "control", "stdin", "iopub", "", "nothing"])
def test_no_other_kind_passes_on_any_channel(kind, channel):
    assert messages.refused(channel, {"msg_type": kind}, {"code": "1"})


@pytest.mark.parametrize("content", [
    update(outputs=[]), update(_view_module="evil"), update(options=["x"]), update(layout="IPY_MODEL_x"), update(msg_id="x"),
    update(value="a" * 1001), update(value=[["deep"]]), update(value={"a": {"b": 1}}), update(index=list(range(201))),
    update(value={"k" * 21: 1}), comm(method="custom", content={"event": "click", "more": 1}), comm(method="custom", content="x"),
    comm(method="update", state=[1]), comm(method="echo_update", state={"value": 1}), comm(), {"comm_id": "a"}, {"data": "x"}, [], "x", None])
def test_a_page_sets_nothing_but_a_controls_plain_value(content):
    assert messages.refused("shell", {"msg_type": "comm_msg"}, content)


def test_a_page_opens_no_widget_and_sends_no_bytes():
    widget = {"target_name": "jupyter.widget", "comm_id": "a", "data": {"state": {"_model_name": "FileUploadModel"}}}
    assert messages.refused("shell", {"msg_type": "comm_open"}, widget) == "a page opens no widgets"
    assert messages.refused("shell", {"msg_type": "comm_msg"}, update(value=1), [b"x"]) == "binary parts are not for pages"
    assert messages.refused("stdin", {"msg_type": "comm_msg"}, update(value=1)) == "channel 'stdin' is not for pages"


def packed(channel, *parts):
    """A message of protocol v1."""
    pieces = [channel.encode(), *(part if isinstance(part, bytes) else json.dumps(part).encode() for part in parts)]
    offsets = [8 * (len(pieces) + 2)]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    return b"".join(number.to_bytes(8, "little") for number in [len(offsets), *offsets]) + b"".join(pieces)


def test_a_message_is_read_as_jupyter_reads_it():
    message = packed("shell", {"msg_type": "comm_msg"}, {}, {}, update(value=1), b"bytes")
    assert messages.read(message) == ("shell", {"msg_type": "comm_msg"}, update(value=1), [b"bytes"])
    assert messages.parts(message)[1] == b'{"msg_type": "comm_msg"}'


@pytest.mark.parametrize("message", [
    "text", b"", b"\xff\xff\1" + b"\0" * 90, (10**5).to_bytes(8, "little") * 3, packed("shell"), packed("shell", b"{", {}, {}, {}), b"x" * 65_000])
def test_what_is_no_message_is_an_error_that_the_socket_expects(message):
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's and UTF-8's own errors are among them
        messages.read(message)


@pytest.mark.parametrize(("place", "end"), [(6, 10**6), (0, 8), (3, 0)], ids=["beyond the message", "inside the list of ends", "backwards"])
def test_ends_of_parts_that_do_not_follow_each_other_are_no_message(place, end):
    message = packed("shell", {}, {}, {}, {}, b"bytes")  # seven ends: where the channel begins, then where each of six parts ends
    begin = 8 * (place + 1)
    assert len(messages.parts(message)) == 6
    with pytest.raises(ValueError, match="follow"):
        messages.parts(message[:begin] + end.to_bytes(8, "little") + message[begin + 8:])


def test_a_message_that_is_too_long_is_not_read():
    assert messages.read(packed("shell", {}, {}, {}, {"a": "x" * 60_000}))
    with pytest.raises(ValueError, match="bearable"):
        messages.read(packed("shell", {}, {}, {}, {"a": "x" * 65_000}))


def test_a_message_of_too_many_parts_is_not_taken_apart():
    """Jupyter's reader makes a list as long as the message claims; a claim of some 1,200 is enough to see that ours does not."""
    header = {"msg_type": "comm_msg"}
    assert len(messages.parts(packed("shell", header, {}, {}, {}, *[b""] * 900))) == 905
    with pytest.raises(ValueError, match="some more"):
        messages.parts(packed("shell", header, {}, {}, {}, *[b""] * 1_190))


def test_what_is_passed_on_is_written_anew():
    """Two readers may take the same bytes for different things: which of two equal names counts, what a number too large becomes."""
    twice = b'{"msg_type": "execute_request", "msg_type": "comm_msg", "subshell_id": "x"}'
    assert messages.refused(*messages.read(packed("shell", twice, {}, {}, update(value=1)))) == ""
    channel, header, *_more, content = messages.parts(messages.rewritten(packed("shell", twice, {}, {}, update(value=1), b"bytes")))
    assert (channel, header, json.loads(content)) == (b"shell", b'{"msg_type": "comm_msg"}', update(value=1))


def sent(kind, **content):
    """A message from a kernel."""
    return packed("iopub", {"msg_type": kind}, {}, {}, content)


def test_a_page_hears_of_widgets_and_of_nothing_else():
    for kind in ("comm_open", "comm_msg", "comm_close", "kernel_info_reply", "comm_info_reply", "status"):
        assert messages.passes(sent(kind))
    for kind in ("stream", "error", "execute_input", "execute_result", "display_data"):
        assert not messages.passes(sent(kind))
