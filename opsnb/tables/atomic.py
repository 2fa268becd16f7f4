"""Files that are either old or new, never half: written aside, synced to the disk, renamed; and a lock between processes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def sync(path: Path) -> None:
    """Puts a file, or a directory with everything in it, on the disk."""
    if path.is_dir():
        for entry in sorted(path.iterdir()):
            sync(entry)
        _sync_directory(path)
        return
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def rename(source: Path, target: Path) -> None:
    """Moves a synced file over another one, or a synced directory to a name that is free, and syncs the rename itself."""
    for attempt in range(50):
        try:
            os.replace(source, target)
            break
        except PermissionError:
            # Windows refuses while another process reads the target or a virus scanner holds the source; both take milliseconds
            if sys.platform != "win32" or attempt == 49:
                raise
            time.sleep(0.02)
    _sync_directory(target.parent)


def write_text(path: Path, text: str) -> None:
    """Replaces a text file: after a kill at any moment it holds the old text or the new one."""
    aside = path.with_name(f".{path.name}-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with open(aside, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        rename(aside, path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def lock(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
    """Holds ``path`` alone; a second process calls ``waiting`` and waits. The system frees it when its owner ends, however it ends.

    Yields False where the file system has no locks (some network drives): the caller then goes on without.
    """
    with open(path, "a+b") as file:
        held = _acquire(file, waiting)
        try:
            yield held
        finally:
            if held:
                _release(file)


def _sync_directory(path: Path) -> None:
    if sys.platform == "win32":
        return  # a directory cannot be opened there; the rename is journaled
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        pass  # some network drives cannot sync a directory
    finally:
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _acquire(file: IO[bytes], waiting: Callable[[], None] | None) -> bool:
        told = False
        while True:
            try:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                return True
            except PermissionError:
                if waiting and not told:
                    waiting()
                told = True
                time.sleep(0.2)
            except OSError:
                return False

    def _release(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _acquire(file: IO[bytes], waiting: Callable[[], None] | None) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            return False
        return True

    def _release(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
