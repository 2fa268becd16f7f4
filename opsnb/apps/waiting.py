"""Who is served next when all places are taken: first come, first served, and whoever stops asking loses the place in the queue."""

from __future__ import annotations

PATIENCE = 20.0  # seconds without asking again
LONGEST = 200  # who comes after so many is told how many there are, and has no place until some have gone


class Queue:
    """Visitors who wait for one of ``places`` kernels. ``now`` is seconds of any clock that only goes forward.

    >>> queue = Queue(places=1)
    >>> queue.ahead("anna", taken=1, now=0), queue.ahead("ben", taken=1, now=1)
    (1, 2)
    >>> queue.ahead("ben", taken=0, now=2), queue.ahead("anna", taken=0, now=3)
    (2, 0)
    """

    def __init__(self, places: int):
        self.places = places
        self._seen: dict[str, float] = {}  # in order of arrival

    def ahead(self, who: str, *, taken: int, now: float) -> int:
        """0: come in; else how many have to be served before, whoever is in the last place included."""
        self._seen = {other: then for other, then in self._seen.items() if now - then <= PATIENCE}
        waiting = list(self._seen)
        before = waiting.index(who) if who in self._seen else len(waiting)
        if before < self.places - taken:
            self._seen.pop(who, None)
            return 0
        if who in self._seen or len(self._seen) < LONGEST:
            self._seen[who] = now
        return before + 1
