"""The server's own list of addresses, served inside the test's process: its kernels are stand-ins, so a request costs milliseconds."""

import asyncio
import http.client
import socket
import threading
from contextlib import contextmanager, suppress
from types import SimpleNamespace

from jupyter_server.auth.identity import PasswordIdentityProvider
from voila.configuration import VoilaConfiguration

from opsnb.apps import door, gallery, handlers, server, waiting
from opsnb.apps.places import Places


class Kernels(dict):
    """The manager of kernels that only count; ``taken`` is what the test says."""

    places = taken = 0

    async def start_kernel(self, kernel_id, **started):
        await self.may_start.wait()
        self[kernel_id] = started
        return kernel_id

    def get_kernel(self, kernel_id):
        async def is_alive():
            return True

        return SimpleNamespace(is_alive=is_alive, provisioner=None)

    make_room = Places.make_room

    async def end(self, kernel_id):
        del self[kernel_id], self.visits[kernel_id]


@contextmanager
def served(folder, *, password="", header="", base="/", hosts=(), places=3):
    """The running server: ``ask`` sends one request, ``kernels`` are those started, ``settings`` Tornado's."""
    apps = SimpleNamespace(root_dir=str(folder), out=folder / "out", lang="", base_url=base, connection_dir=str(folder),
                           voila_configuration=VoilaConfiguration())
    kernels = Kernels()
    kernels.places, kernels.visits, kernels.may_start = places, {}, asyncio.Event()
    kernels.may_start.set()
    private = folder / "private"
    private.mkdir(exist_ok=True)
    settings = {"door": door.Door(password, header), "visits": kernels.visits, "queue": waiting.Queue(places), "apps": apps, "documents": gallery.Documents(),
                "kernel_manager": kernels, "rehearsal": SimpleNamespace(named=lambda *page: {"folder": "", "page": ""}), "base_url": base,
                "identity_provider": PasswordIdentityProvider(token=""), "default_handler_class": handlers.Nothing,
                "cookie_secret": door.secret(private, password)}
    ready, running = threading.Event(), SimpleNamespace(kernels=kernels, settings=settings, base=base)

    async def serve():
        running.loop, running.end = asyncio.get_running_loop(), asyncio.Event()
        made = server.Narrow(**settings)
        made.add_handlers(door.hosts_pattern("127.0.0.1", hosts), server.Apps.init_handlers(apps))
        with socket.create_server(("127.0.0.1", 0)) as probe:
            running.port = probe.getsockname()[1]
        listening = made.listen(running.port, "127.0.0.1")
        ready.set()
        await running.end.wait()
        listening.stop()
        await listening.close_all_connections()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    running.ask = lambda path, method="GET", body=None, **headers: ask(running.port, path, method, body, **headers)
    try:
        yield running
    finally:
        running.loop.call_soon_threadsafe(running.end.set)
        thread.join(30)


def ask(port, path, method="GET", body=None, **headers):
    """(status, headers, text) of one request; the path goes out as it is written."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=240)
    connection.putrequest(method, "/", skip_host="Host" in headers)
    connection._buffer[0] = f"{method} {path} HTTP/1.1".encode("latin-1")  # http.client itself refuses some
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.putheader("Content-Length", str(len(body or b"")))
    connection.endheaders(body)
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    connection.close()
    return answer.status, answer.headers, text


def raw(port, sent):
    """What the server answers to these bytes, until it closes."""
    heard = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        with suppress(OSError):  # it may answer and close before all has been sent: what it said is still there to be read
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while more := connection.recv(65_536):
                heard += more
    return heard
