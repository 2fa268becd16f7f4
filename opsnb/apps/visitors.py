"""Whose a page is: each browser has a mark of its own, a cookie, by which it alone reaches its pages' kernels, has so many and no more, and
waits in the queue. Whoever throws the mark away is somebody new: without pages, last in the queue, and all places together are no more for that.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any

from tornado.web import RequestHandler

from opsnb.apps.door import DAYS, secure

COOKIE = "opsnb_visitor"
SHARE, FEWEST = 3, 2  # one visitor has a third of the places, and two where that is less; more while nobody needs them


def mark(handler: RequestHandler) -> str:
    """The visitor's mark; empty for one who has none, or one that we have not given."""
    had = handler.get_cookie(COOKIE, "") or ""
    return had if re.fullmatch(r"[\w-]{22}", had, re.ASCII) else ""


def marked(handler: RequestHandler) -> str:
    """The visitor's mark, which one who has none gets now; it is good for thirty days from the last page."""
    made = mark(handler) or secrets.token_urlsafe(16)
    # Lax: a page that is opened by a link in a message is the same visitor's
    handler.set_cookie(COOKIE, made, expires_days=DAYS, httponly=True, samesite="Lax", path=handler.settings["base_url"], secure=secure(handler))
    return made


def owns(visit: Any, asking: str) -> bool:
    """Was the page made for the visitor of this mark."""
    return bool(asking) and hmac.compare_digest(visit.owner, asking)


def own(handler: Any, kernel_id: str) -> Any:
    """The visit of a kernel, if its page was made for who asks; None else, as if there were no such kernel."""
    visit = handler.settings["visits"].get(kernel_id)
    return visit if visit is not None and owns(visit, mark(handler)) else None


def pages(visits: Mapping[str, Any], asking: str) -> list[Any]:
    """The pages that the visitor of this mark has open, the oldest first."""
    return [visit for visit in visits.values() if owns(visit, asking)]


def most(places: int, others: int) -> int:
    """How many pages one visitor may have open, where other visitors have so many: a third of the places; more as long as a third is free.

    >>> [most(places, 0) for places in (1, 3, 10, 30)]
    [2, 2, 6, 20]
    >>> [most(10, others) for others in (1, 2, 6)]
    [5, 4, 4]
    """
    third = max(FEWEST, -(-places // SHARE))
    return max(third, places - third - others)
