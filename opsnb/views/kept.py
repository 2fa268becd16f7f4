"""What a page of an app has shown before, for the same data, parameters and language: shown again without being computed anew.

The server names a page by what it is made of (``opsnb.apps.rehearsal``: notebook, package, parameters, language) and says where parts are
kept; a part is found by that name, the content of the data and the section's own options. Visitors name nothing of it: what they ask for has
been checked, and only what a section has computed is written. Outside an app nothing is kept.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from opsnb.views import visit

ANSWER, LARGEST_ANSWER = ".answer", 10_000_000
LARGEST, MOST_BYTES = 4_000_000, 200_000_000  # of one part (longer ones are computed each time), and of all of them
SHORT_VERSION = "short version"
_data: list[str] = []  # what the page's data hold: the content's hash, once the page has opened them


def of(data: Any) -> None:
    """Says what the page's data are. Before that, and with data that have no hash, nothing is kept."""
    sha256 = getattr(data, "sha256", None)
    _data[:] = [sha256] if isinstance(sha256, str) else []


def again(what: str, options: Mapping[str, Any], compute: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The mime bundles of a part: those kept, else what ``compute`` returns, which is kept. What raises is not."""
    folder, page = visit.keeping()
    if not (folder and page and _data):
        return compute()
    key = name(page, _data[0], what, options)
    found = read(folder, key)
    if found is None:
        found = compute()
        _write(folder, key, found)
    return found


def name(page: str, data: str, what: str, options: Mapping[str, Any]) -> str:
    """The file name of a part.

    >>> name("p", "d", "path", {"days": 30, "by": None}) == name("p", "d", "path", {"by": None, "days": 30})
    True
    >>> name("p", "d", "path", {"days": 30}) == name("p", "d", "path", {"days": 30.0})
    False
    """
    return hashlib.sha256(repr((page, data, what, sorted(options.items()))).encode()).hexdigest()[:40] + ".json"


def section(function: Callable[..., Any]) -> str:
    """A section's name, and that of its cell's source: two of the same name are two."""
    code = getattr(function, "__code__", None)
    return f"{getattr(function, '__name__', '')} {Path(code.co_filename).name if code else ''}"


def read(folder: str | Path, key: str) -> list[dict[str, Any]] | None:
    """The part of that name; None if there is none."""
    try:
        found = json.loads(Path(folder, key).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, list) else None


def _write(folder: str | Path, key: str, found: Sequence[Mapping[str, Any]]) -> None:
    """Writes aside, then renames; what a crash has cut short is no JSON and is computed again."""
    aside = Path(folder, f".{key}-{os.getpid()}")
    try:
        text = json.dumps(found)
        if len(text) <= LARGEST:
            aside.write_text(text, encoding="utf-8")
            os.replace(aside, Path(folder, key))
    except (OSError, TypeError, ValueError):
        aside.unlink(missing_ok=True)  # a full disk, or a part that JSON cannot hold: it is computed each time


def remembered(question: Callable[..., Any]) -> Callable[..., Any]:
    """``question(data, **options)`` whose answer JSON can hold, kept as parts are: what a page must know before its first section."""

    @functools.wraps(question)
    def answered(data: Any, *given: Any, **options: Any) -> Any:
        if _data != [getattr(data, "sha256", "")]:
            return question(data, *given, **options)
        return again(question.__name__, {**options, "": given}, lambda: [{"answer": question(data, *given, **options)}])[0]["answer"]

    return answered


def answer(question: Callable[..., Any], data: Any, options: Mapping[str, Any], compute: Callable[[], Any]) -> Any:
    """What ``compute`` returns, kept for every page about the same data, whatever else it asks for and in whatever language.

    Only what measures return may be asked for so: what a reader sees is in one language. Nothing is kept of a part of the data, of pages
    that are not kept themselves, and of answers that are too large.
    """
    (folder, page), package, identity = visit.keeping(), visit.answered_by(), getattr(data, "identity", "")
    if not (folder and page and package and identity and _data == [getattr(data, "sha256", "")]):
        return compute()
    called = f"{question.__module__}.{question.__qualname__}"
    path = Path(folder, hashlib.sha256(repr((package, identity, called, sorted(options.items()))).encode()).hexdigest()[:40] + ANSWER)
    try:
        (found,) = pickle.loads(path.read_bytes())  # nobody but this user can write into the folder
    except (OSError, EOFError, ValueError, TypeError, AttributeError, ImportError, pickle.UnpicklingError):
        found = compute()
        _write_answer(path, found)
    return found


def _write_answer(path: Path, found: Any) -> None:
    if type(found).__module__.startswith("opsnb.views"):
        return
    aside = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        coded = pickle.dumps((found,), protocol=pickle.HIGHEST_PROTOCOL)
        if len(coded) <= LARGEST_ANSWER:
            aside.write_bytes(coded)
            os.replace(aside, path)
    except (OSError, TypeError, AttributeError, pickle.PicklingError):
        aside.unlink(missing_ok=True)  # a full disk, or what cannot be written down: it is computed each time


def prune(folder: Path, most: int = MOST_BYTES) -> None:
    """Deletes the parts written longest ago until the others fit into ``most`` bytes."""
    found = []
    for path in [*folder.glob("*.json"), *folder.glob(f"*{ANSWER}")]:
        try:
            found.append((path.stat().st_mtime, path.stat().st_size, path))
        except OSError:
            continue
    for _when, size, path in sorted(found, reverse=True):
        most -= size
        if most < 0:
            path.unlink(missing_ok=True)


def private(folder: Path) -> Path:
    """The folder, made so that only this user can enter it."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o700)
    return folder
