"""Answers that several parts of a page need are computed once: the short version, a section's chart and its title ask for the same; in an app,
once for all pages about the same data (:func:`opsnb.views.kept.answer`)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

from opsnb.views import kept as stored

KEPT = 24  # answers of one question for one folder; the oldest goes first, as a visitor's controls ask for ever new ones


def once(question: Callable[..., Any]) -> Callable[..., Any]:
    """``question(data, **options)``, which answers the same call about the same data from memory; nobody may change what it returns. The answer
    depends on nothing else, the reader's language included.

    An error is no answer: it is raised anew each time.

    >>> class Data: pass
    >>> asked = []
    >>> @once
    ... def total(data, *, of): asked.append(of); return sum(of)
    >>> data = Data()
    >>> total(data, of=[1, 2]), total(data, of=[1, 2]), total(Data(), of=[1, 2]), len(asked)
    (3, 3, 3, 2)
    """
    answers: WeakKeyDictionary[Any, OrderedDict[str, Any]] = WeakKeyDictionary()

    @wraps(question)
    def answered(data: Any, **options: Any) -> Any:
        kept, key = answers.setdefault(data, OrderedDict()), repr(sorted(options.items()))
        if key not in kept:
            kept[key] = stored.answer(question, data, options, lambda: question(data, **options))
            if len(kept) > KEPT:
                kept.popitem(last=False)
        return kept[key]

    return answered
