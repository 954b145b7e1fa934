"""Waits: they end with what they wait for, and a busy machine only makes them longer."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

GUARD = 300.0
"""Seconds after which a test gives up on what hangs; no test that passes waits so long."""

_POLL = 0.02


def wait_until(condition: Callable[[], T], what: str, within: float = GUARD) -> T:
    """Return the first true answer of `condition`. Fails naming `what` when `within` seconds bring none."""
    end = time.monotonic() + within
    while not (answer := condition()):
        assert time.monotonic() < end, f"{what}: not within {within:.1f} s; last: {answer!r}"
        time.sleep(_POLL)
    return answer


def scaled(seconds: float) -> float:
    """Return how long it now takes to do what an idle machine does in `seconds`.

    For deadlines that tests set: too short a one is missed where others take the processors.
    """
    start, used = time.perf_counter(), time.thread_time()
    while time.thread_time() - used < _SAMPLE:
        pass
    return seconds * max(1.0, (time.perf_counter() - start) / _SAMPLE)


_SAMPLE = 0.02
"""Seconds of work by which the share of a processor is measured that is left to a test."""
