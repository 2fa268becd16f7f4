"""The queue: first come, first served; places are never given twice; who stops asking is forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from opsnb.apps.waiting import LONGEST, PATIENCE, Queue


def test_the_eleventh_and_twelfth_wait_and_come_in_in_order():
    queue = Queue(places=10)
    assert queue.ahead("k", taken=10, now=0) == 1
    assert queue.ahead("l", taken=10, now=1) == 2
    assert queue.ahead("l", taken=9, now=2) == 2  # the free place is k's
    assert queue.ahead("k", taken=9, now=3) == 0
    assert queue.ahead("l", taken=10, now=4) == 1
    assert queue.ahead("m", taken=8, now=5) == 0  # one place for l, one more


def test_who_stops_asking_loses_the_place():
    queue = Queue(places=1)
    queue.ahead("k", taken=1, now=0)
    queue.ahead("l", taken=1, now=5)
    assert queue.ahead("l", taken=0, now=PATIENCE + 1) == 0


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 3)), max_size=40))
def test_nobody_enters_beyond_the_places_nor_before_an_earlier_one(asks):
    queue, waiting = Queue(places=3), []
    for name, taken in asks:
        before = queue.ahead(name, taken=taken, now=0)
        earlier = waiting.index(name) if name in waiting else len(waiting)
        assert (before == 0) == (earlier < 3 - taken)  # the obvious rule: as many come in as there are free places, in order
        if before == 0 and name in waiting:
            waiting.remove(name)
        elif before and name not in waiting:
            waiting.append(name)


def test_a_crowd_that_never_comes_back_keeps_nobody_out_for_long():
    queue = Queue(places=1)
    assert [queue.ahead(f"bot {number}", taken=1, now=0) for number in range(1_000)][-1] == LONGEST + 1
    assert queue.ahead("anna", taken=1, now=1) == LONGEST + 1  # told, but not remembered
    assert queue.ahead("anna", taken=0, now=PATIENCE + 1) == 0
