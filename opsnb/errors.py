"""Errors that a user can act on: where, what was found, what is allowed, and the nearest match."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OpsnbError(Exception):
    """Base of all errors that are the input's fault; the command line prints them without a traceback."""


class InputError(OpsnbError):
    """Something a user wrote or handed in is not usable."""


class UnusableData(InputError):
    """A data folder, or a file in it, cannot be read as it is: whoever has the files can mend that, a reader of a page cannot."""


class ParameterError(InputError):
    """A notebook parameter or a measure's argument has a wrong name, type or value."""


class MissingTable(OpsnbError):
    """A table that a section needs is not in the data folder; the page says so and the run goes on."""

    def __init__(self, table: str, columns: Iterable[str] = ()):
        self.table, self.columns = table, tuple(columns)
        super().__init__(f"no {table} table (it needs columns {', '.join(self.columns)})" if self.columns else f"no {table} table")


class NotMeasured(OpsnbError):
    """The data is there but cannot answer the question, e.g. no order was paid; the page prints the reason."""


def nearest(found: object, allowed: Iterable[object]) -> str:
    """The tail of an error message: ``allowed: a, b (did you mean 'a'?)``.

    >>> nearest("chekout", ["cart", "checkout", "payment"])
    "allowed: cart, checkout, payment (did you mean 'checkout'?)"
    """
    names = [str(name) for name in allowed]
    shown = ", ".join(names[:20]) + (f", … ({len(names)} in all)" if len(names) > 20 else "")
    folded = {name.casefold(): name for name in reversed(names)}
    close = difflib.get_close_matches(str(found).casefold(), list(folded), n=1, cutoff=0.6)
    hint = f" (did you mean '{folded[close[0]]}'?)" if close else ""
    return f"allowed: {shown or 'nothing'}{hint}"
