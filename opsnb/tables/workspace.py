"""A DuckDB that works on disk, within a memory limit, and never asks the network for an extension."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

MEMORY = "1500MB"


@contextmanager
def workspace(directory: str | Path | None = None, *, memory: str = MEMORY) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to an empty database in a fresh directory under ``directory`` (the system's one for temporary files by default).

    Everything in it is gone at the end. ``memory`` bounds what DuckDB holds; the rest goes to disk.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="opsnb-", dir=directory, ignore_cleanup_errors=True) as place:
        con = duckdb.connect(str(Path(place) / "work.duckdb"), config={
            "memory_limit": memory, "temp_directory": str(Path(place) / "spill"), "threads": str(os.cpu_count() or 1),
            "autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "preserve_insertion_order": "false",
        })
        try:
            con.execute("SET TimeZone = 'UTC'")
            con.execute("SET enable_progress_bar = false")
            yield con
        finally:
            con.close()
