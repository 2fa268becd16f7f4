"""The server of the apps: Voila's kernels behind a short list of addresses and page scripts of our own. What is not on the list is not there."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import tornado.ioloop
import tornado.web
from voila.app import Voila

from opsnb.apps import door, files, gallery, handlers, messages, progress, rehearsal, waiting
from opsnb.apps.places import Places
from opsnb.runs import forks, kernels, replies

MEMORY = 2_000_000_000  # bytes of its own that a visitor's kernel may take
CPU_SECONDS = 900
IDLE_SECONDS = 1800
PING_MS, PONG_MS = 15_000, 40_000  # a page's connection is asked so often, and closed without an answer: a machine that was shut says no farewell
BODY_SECONDS, QUIET_SECONDS = 20, 75  # for what a browser sends, and between two things that it asks for on one connection
_ID = r"(?P<kernel_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"


class Narrow(tornado.web.Application):
    """Takes nothing long, and waits for nobody who dawdles: the longest that a page sends over HTTP is a password."""

    def listen(self, port: int, address: str | None = None, **options: Any) -> Any:
        return super().listen(port, address, max_body_size=messages.LONGEST, body_timeout=BODY_SECONDS, idle_connection_timeout=QUIET_SECONDS, **options)


class Apps(Voila):
    """Voila with its addresses replaced; ``open`` settles what it serves before it starts."""

    name = "opsnb"

    def open(self, notebooks: str, *, out: str, port: int, ip: str = "127.0.0.1", hosts: tuple[str, ...] = (), base_url: str = "/",
             places: int = 10, lang: str = "", password: str = "", header: str = "", open_browser: bool = False) -> Apps:
        """Settles what is served, to whom and where. Raises InputError if others could reach it and nothing is asked of them."""
        door.may_listen(ip, password, header)
        self._init_asyncio_patch()
        settings = self.config
        settings.VoilaConfiguration.template = "lab"
        settings.VoilaConfiguration.progressive_rendering = True
        settings.VoilaConfiguration.show_tracebacks = False
        settings.VoilaConfiguration.file_allowlist = ["(?!)"]
        settings.VoilaConfiguration.multi_kernel_manager_class = Places
        settings.Places.places = places
        settings.Places.kernel_manager_class = "opsnb.runs.forks.ForkedKernelManager"
        settings.MappingKernelManager.cull_idle_timeout = IDLE_SECONDS
        settings.MappingKernelManager.cull_interval = 15
        settings.MappingKernelManager.cull_connected = True
        settings.MappingKernelManager.buffer_offline_messages = False
        settings.KernelManager.autorestart = False  # a page cannot go on in a kernel that knows nothing of it
        if sys.platform != "win32" and kernels.fits(tempfile.gettempdir() + "/voila_00000000" + kernels.SERVER_SOCKET):
            settings.KernelManager.transport = "ipc"  # no open ports
        self.root_dir, self.out = notebooks, Path(out)
        self.ip, self.port, self.base_url, self.hosts = ip, port, "/" + base_url.strip("/") + "/" * bool(base_url.strip("/")), hosts
        self.lang, self.door, self.open_browser, self.port_retries = lang, door.Door(password, header), open_browser, 0
        from voila.configuration import VoilaConfiguration

        self.voila_configuration = VoilaConfiguration(parent=self)
        self.setup_template_dirs()
        return self

    def start(self, process: subprocess.Popen[str] | None = None) -> None:
        """Serves until a signal comes; kernels come out of ``process``, the nursery, where there is one."""
        replies.apply()
        _say_what_pages_took()
        signal.signal(signal.SIGTERM, self._handle_signal_stop)
        os.environ.setdefault(kernels.MEMORY, str(MEMORY))
        os.environ.setdefault(kernels.CPU, str(CPU_SECONDS))
        self.connection_dir = tempfile.mkdtemp(prefix="voila_", dir=self.connection_dir_root)
        settings = self.init_settings()
        nursery = forks.Nursery(os.environ, process) if process is not None else None
        forks.ForkedKernelManager.nursery = nursery
        self.kernel_manager.visits = {}
        self.rehearsal = rehearsal.Rehearsal(self)
        self.door.keep(self.rehearsal.folder)
        settings |= {"door": self.door, "visits": self.kernel_manager.visits, "queue": waiting.Queue(self.kernel_manager.places), "apps": self,
                     "documents": gallery.Documents(),
                     "rehearsal": self.rehearsal,
                     "default_handler_class": handlers.Nothing, "websocket_max_message_size": messages.LONGEST, "xsrf_cookies": False,
                     "ws_ping_interval": PING_MS, "ws_ping_timeout": PONG_MS,
                     "compress_response": True, "allow_remote_access": True, "cookie_secret": door.secret(self.rehearsal.folder, self.door.password)}
        self.app = Narrow(**settings)
        self.app.add_handlers(door.hosts_pattern(self.ip, self.hosts), self.init_handlers())
        tornado.ioloop.IOLoop.current().add_callback(self.rehearsal.begin)
        try:
            self.listen()
        finally:
            if nursery is not None:
                nursery.stop()

    def init_handlers(self) -> list[Any]:
        """Every address that there is."""
        base = self.base_url
        return [
            (base, gallery.Gallery),
            (base + "login", handlers.Login),
            (base + "logout", handlers.Logout),
            (base + r"app/([a-z]\w{0,60})", handlers.App),
            (base + rf"app/alive/{_ID}", handlers.Alive),
            (base + rf"report/([0-9a-f]{{6,32}})/({'|'.join(gallery.FILES)})", gallery.Report),
            (base + r"pages/(app\.js|controls\.js|gallery\.js|kernel\.js|outputs\.js|pages\.css)", files.Found, files.pages()),
            (base + r"voila/labextensions/([@\w./-]+)", files.Found, files.extensions()),
            (base + rf"api/kernels/{_ID}/channels", messages.KernelSocket),
            (base + rf"voila/execution/{_ID}", progress.ExecutionSocket),
            (base + rf"voila/api/shutdown/{_ID}", handlers.End),
        ]

    def stop(self) -> None:
        """Ends all kernels at once."""
        tornado.ioloop.IOLoop.current().run_sync(self._end)
        shutil.rmtree(self.connection_dir, ignore_errors=True)

    async def _end(self) -> None:
        await self.rehearsal.end()
        await self.kernel_manager.shutdown_all(now=True)


def _say_what_pages_took() -> None:
    """Our own lines go to the server's window: what a page took, and what went wrong."""
    ours = logging.getLogger("opsnb.apps")
    ours.setLevel(logging.INFO)
    if not ours.handlers:
        ours.addHandler(logging.StreamHandler())
        ours.propagate = False
