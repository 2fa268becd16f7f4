"""The lost reply, made to happen: the answer arrives while nobody looks, then a message is written to the same socket.

No statistics and no kernel: one asyncio loop, the client's real channel and session, and a peer in the same thread. What is
random in real life (the answer arrives within the microseconds before a write) is put in order here by hand.
"""

import asyncio
import select

import pytest
import zmq
import zmq.asyncio
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.session import Session

from opsnb.runs import replies

TURNS = 200  # of the event loop; a reader that is going to be woken is woken in three


class Peers:
    """A client's shell channel as nbclient has it, and a kernel's side that answers when told to."""

    def __init__(self, address):
        self.context = zmq.asyncio.Context()
        self.session = Session(key=b"")
        self.kernel = zmq.Context.shadow(self.context.underlying).socket(zmq.ROUTER)
        self.kernel.rcvtimeo = 10_000
        self.kernel.bind(address)
        socket = self.context.socket(zmq.DEALER)
        socket.connect(self.kernel.last_endpoint)
        self.channel = AsyncZMQSocketChannel(socket, self.session)

    def close(self):
        self.channel.close()
        self.kernel.close(linger=0)
        self.context.destroy(linger=0)

    def noticed(self, seconds=0):
        """Is there a notice on the socket's file descriptor: the only thing that can wake the event loop."""
        return bool(select.select([self.channel.socket.FD], [], [], seconds)[0])

    async def answer_lost(self):
        """The reader that is left waiting. Ends with the answer in the socket and its notice taken by a write."""
        self.channel.send(self.session.msg("execute_request"))
        identity = self.kernel.recv_multipart()[0]
        reader = asyncio.ensure_future(self.channel.get_msg())
        for _ in range(TURNS):  # let it settle into its wait
            await asyncio.sleep(0)
        assert not reader.done()
        assert not self.noticed()
        self.session.send(self.kernel, "execute_reply", {"status": "ok"}, ident=identity)
        assert self.noticed(seconds=10)  # the answer is there, and the loop would wake: but nobody has looked yet
        for _ in range(100_000):  # zmq looks at its notices at most once in about a millisecond, so write until it has
            self.channel.send(self.session.msg("comm_msg"))
            if not self.noticed():
                return reader
        pytest.fail("no write took the notice away")


async def woken(peers):
    """Does the loop wake the reader: ``True`` or ``False``, and whether the answer is in the socket all the same."""
    reader = await peers.answer_lost()
    for _ in range(TURNS):
        await asyncio.sleep(0)
    in_time = reader.done() or bool((await asyncio.wait([reader], timeout=1))[0])
    waiting = bool(peers.channel.socket.get(zmq.EVENTS) & zmq.POLLIN)  # asking is the cure: now it wakes
    answer = await asyncio.wait_for(reader, 10)
    assert answer["msg_type"] == "execute_reply"
    return in_time, waiting


def outcome(address):
    async def both():
        peers = Peers(address)
        try:
            return await woken(peers)
        finally:
            peers.close()

    return asyncio.run(both())


@pytest.mark.parametrize("address", ["inproc://kernel", "tcp://127.0.0.1:*"])
def test_without_the_cure_the_reader_is_never_woken_though_its_answer_has_arrived(address):
    with replies.removed():
        assert outcome(address) == (False, True)


@pytest.mark.parametrize("address", ["inproc://kernel", "tcp://127.0.0.1:*"])
def test_with_the_cure_the_reader_is_woken(address):
    replies.apply()
    assert outcome(address) == (True, False)


def test_applying_twice_is_applying_once_and_removing_gives_back_what_was_there():
    replies.apply()
    once = AsyncZMQSocketChannel.send
    replies.apply()
    assert AsyncZMQSocketChannel.send is once
    with replies.removed():
        assert AsyncZMQSocketChannel.send is not once
    assert AsyncZMQSocketChannel.send is once


def test_the_runner_applies_the_cure():
    from opsnb.runs import runner

    with replies.removed():
        runner.prepare()
        assert AsyncZMQSocketChannel.send is replies._send
