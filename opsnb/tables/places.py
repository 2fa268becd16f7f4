"""Where a data folder keeps what opsnb writes: beside the data, or under the user's cache directory when the folder is read-only."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path


def place(folder: str | Path) -> Path:
    """The directory that holds ``.opsnb/`` and ``rejected/`` of a data folder: the folder itself if it can be written."""
    folder = Path(folder).resolve()
    return folder if _writable(folder) else cached_place(folder)


def cached_place(folder: str | Path) -> Path:
    """The place of a data folder that cannot be written; folders of the same name do not share one."""
    folder = Path(folder).resolve()
    return cache_directory() / f"{folder.name}-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"


def cache_directory() -> Path:
    """The user's cache directory of opsnb on this system; ``OPSNB_CACHE`` overrides it."""
    if own := os.environ.get("OPSNB_CACHE"):
        return Path(own)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "opsnb"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "opsnb"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "opsnb"


def _writable(folder: Path) -> bool:
    if not folder.stat().st_mode & 0o222:  # nobody is meant to write here, not even the superuser, who could
        return False
    try:  # os.access answers wrongly on Windows and on read-only mounts
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
