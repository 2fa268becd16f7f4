"""What the command line prints: results to standard output, progress and errors to standard error; the last line says what to do next."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

_told = False  # has the last line been said


def told() -> bool:
    """Has the last line been said."""
    return _told


def error(what: str, then: str) -> None:
    """What went wrong and what to do next."""
    if what:
        printer(stderr=True).print(Text.assemble(("error: ", "bold red"), what))
    done(2, "", then, stderr=True)


def done(status: int, said: str, then: str, *, stderr: bool = False) -> int:
    """Prints the last lines; ``then`` is what to do next."""
    global _told
    _told = True
    out = printer(stderr=stderr)
    if said:
        out.print(Text(said))
    out.print(Text(f"next: {then}"))
    return status


class Teller:
    """Tells progress: a line that changes in a terminal, one line for each thing begun elsewhere."""

    def __init__(self, show: Callable[[str], None]):
        self._show = show

    def __call__(self, sentence: str) -> None:
        self._show(sentence)

    def table(self, name: str, rows: int, share: float) -> None:
        """Progress of a table that is being read."""
        self._show(f"reading {name}: {rows:,} rows, {share:.0%}")


@contextmanager
def progress(begun: str) -> Iterator[Teller]:
    """Says what has begun, and hands out what tells how it goes."""
    out = printer(stderr=True)
    if out.is_terminal:
        with out.status(Text(f"{begun} …")) as status:
            yield Teller(lambda sentence: status.update(Text(f"{sentence} …")))
    else:
        out.print(Text(f"{begun} …"))
        yield Teller(lambda sentence: None)


def grid(*headings: str, right: Container[str] = ()) -> Table:
    """A table without lines; columns of numbers to the ``right``."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        made.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    return made


def printer(*, stderr: bool = False) -> Console:
    """What prints: as wide as the terminal, else 140 columns."""
    made = Console(stderr=stderr, highlight=False, soft_wrap=True)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, soft_wrap=True, width=140)


def quoted(path: str | Path) -> str:
    """A path as it can be typed."""
    return f'"{path}"' if " " in str(path) else str(path)
