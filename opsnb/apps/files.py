"""The few kinds of files that a page loads: its own script and style, Voila's scripts, the chart and widget extensions of JupyterLab."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_path
from tornado.web import HTTPError, StaticFileHandler
from voila.paths import STATIC_ROOT, collect_static_paths
from voila.utils import get_voila_labextensions_path

from opsnb.apps.door import Guarded

HERE = Path(__file__).parent / "pages"
KINDS = (".js", ".css", ".woff", ".woff2", ".svg", ".ttf", ".eot")
EXTENSIONS = ("opsnb-vega", "@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8")


class _Found(Guarded, StaticFileHandler):
    """A file by a path of plain names in one of some folders."""

    def initialize(self) -> None:
        super().initialize(path="/")

    def folders(self) -> list[str]:
        raise NotImplementedError

    @classmethod
    def get_absolute_path(cls, root: str, path: str) -> str:
        return path

    def validate_absolute_path(self, root: str, absolute_path: str) -> str:
        found = find(absolute_path, self.folders())
        if found is None:
            raise HTTPError(404)
        return str(found)

    def set_extra_headers(self, path: str) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")

    def get_cache_time(self, path: str, modified: Any, mime_type: str) -> int:
        return 86_400 if re.search(r"[0-9a-f]{8,}|^\d+\.voila\.js$", path) else 0


def find(path: str, folders: list[str]) -> Path | None:
    """The file of that name, if it is of a kind that pages load and lies inside one of the folders.

    >>> find("../door.py", [str(HERE)]), find(".hidden.js", [str(HERE)])
    (None, None)
    """
    names = path.split("/")
    if not path.endswith(KINDS) or any(not name or name.startswith(".") for name in names):
        return None
    for folder in folders:
        file = Path(folder, *names)
        if file.is_file() and file.resolve().is_relative_to(Path(folder).resolve()):
            return file
    return None


class Pages(_Found):
    """Our own script and style."""

    def folders(self) -> list[str]:
        return [str(HERE)]


class Scripts(_Found):
    """Voila's."""

    def folders(self) -> list[str]:
        return [STATIC_ROOT, *collect_static_paths(["voila", "nbconvert"], "lab")]


class Extensions(_Found):
    """JupyterLab's extensions that draw charts and widgets."""

    def folders(self) -> list[str]:
        return get_voila_labextensions_path() or jupyter_path("labextensions")

    def validate_absolute_path(self, root: str, absolute_path: str) -> str:
        if not absolute_path.startswith(tuple(f"{name}/" for name in EXTENSIONS)):
            raise HTTPError(404)
        return super().validate_absolute_path(root, absolute_path)
