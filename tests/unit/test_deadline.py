"""The moment after which a collection does nothing more."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exotel import deadline as deadline_module
from exporter.exotel.deadline import Deadline
from tests.clock import StillClock, still_clock
from tests.waiting import GUARD


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(0, 10_000))
def test_what_is_left_shrinks_to_nothing_and_never_below(steps: list[int], seconds: int) -> None:
    """At each moment it is the rest of the time, and 0 from the end on."""
    with still_clock() as clock:
        deadline = Deadline.after(seconds)
        for step in steps:
            clock.forward(step)
            assert deadline.remaining() == max(0, seconds - clock.ahead)


@given(left=st.integers(0, 100), asked=st.integers(0, 100))
def test_a_wait_is_cut_to_what_is_left(left: int, asked: int) -> None:
    """Whatever is asked for, no wait outlasts the deadline."""
    waits: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deadline_module, "time", StillClock())
        patch.setattr(threading.Event, "wait", lambda _event, timeout: waits.append(timeout))
        Deadline.after(left).wait(asked)
    assert waits == [min(left, asked)]


def test_a_deadline_tells_whether_it_was_ended_before_its_time() -> None:
    """One that is over by itself wasn't, nor is one that was ended after that told from it."""
    with still_clock() as clock:
        deadline, other = Deadline.after(10), Deadline.after(10)
        deadline.end()
        assert (deadline.was_ended, other.was_ended) == (True, False)
        clock.forward(10)
        other.end()
        assert (deadline.was_ended, other.was_ended) == (False, False)


def test_a_deadline_that_was_ended_is_over() -> None:
    """Nothing is left of it, and no wait is begun."""
    deadline = Deadline.after(1000)
    deadline.end()
    started = time.monotonic()
    deadline.wait(1000)
    assert deadline.remaining() == 0
    assert time.monotonic() - started < GUARD


def test_a_part_ends_with_the_whole_and_the_whole_outlives_its_part() -> None:
    """Both ways: what is ended above is over below, and not the reverse."""
    whole = Deadline.after(1000)
    first, second = whole.child(), whole.child()
    innermost = second.child()
    first.end()
    assert first.remaining() == 0
    assert min(whole.remaining(), second.remaining(), innermost.remaining()) > 0
    whole.end()
    assert max(whole.remaining(), second.remaining(), innermost.remaining()) == 0


def test_a_part_has_no_more_time_than_the_whole() -> None:
    """It is over at the same moment."""
    with still_clock() as clock:
        whole = Deadline.after(10)
        clock.forward(4)
        part = whole.child()
        assert part.remaining() == whole.remaining() == 6
        clock.forward(7)
        assert part.remaining() == 0


def test_a_part_may_have_less_time_than_the_whole() -> None:
    """So many seconds less, or so many at most."""
    with still_clock():
        whole = Deadline.after(10)
        assert whole.child(earlier=4).remaining() == 6
        assert whole.child(most=2).remaining() == 2
        assert whole.child(most=20).remaining() == 10
        assert whole.child(earlier=9, most=2).remaining() == 1


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_ending_a_deadline_wakes_whoever_waits_for_it_or_for_a_part(levels: int) -> None:
    """A retry's wait ends at once when the collection around it is ended."""
    whole = waited = Deadline.after(1000)
    for _ in range(levels):
        waited = waited.child()
    waiting = threading.Thread(target=waited.wait, args=(GUARD,), daemon=True)
    waiting.start()
    time.sleep(0.05)
    whole.end()
    waiting.join(GUARD / 2)
    assert not waiting.is_alive()
