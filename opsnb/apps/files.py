"""The few kinds of files that a page loads: its own scripts and style, and those with which charts are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_path
from tornado.web import HTTPError, StaticFileHandler

from opsnb.apps.handlers import Page

HERE = Path(__file__).parent / "pages"
KINDS = (".js", ".css", ".woff", ".woff2", ".svg", ".ttf", ".eot")
EXTENSIONS = ("opsnb-vega",)


class Found(Page, StaticFileHandler):
    """A file by a path of plain names in one of the ``folders``; ``within``: only below folders of these names."""

    def initialize(self, folders: Sequence[str], within: tuple[str, ...] = ()) -> None:
        super().initialize(path="/")
        self.folders, self.within = folders, within

    @property
    def open_to_all(self) -> bool:
        """The page that asks for the password is dressed before anybody is known."""
        return self.request.path.endswith(".css")

    @classmethod
    def get_absolute_path(cls, root: str, path: str) -> str:
        return path

    def validate_absolute_path(self, root: str, absolute_path: str) -> str:
        found = find(absolute_path, self.folders)
        if found is None or (self.within and not absolute_path.startswith(tuple(f"{name}/" for name in self.within))):
            raise HTTPError(404)
        return str(found)


def find(path: str, folders: Sequence[str]) -> Path | None:
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


def pages() -> dict[str, Any]:
    """Where our own scripts and style lie."""
    return {"folders": [str(HERE)]}


def extensions() -> dict[str, Any]:
    """Where JupyterLab's extension lies that draws charts."""
    return {"folders": jupyter_path("labextensions"), "within": EXTENSIONS}
