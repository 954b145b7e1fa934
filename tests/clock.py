"""Clocks that tests turn by hand, for the parts of the program that read the time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from exporter.collect import account, runs, scheduler
from exporter.collect import calls as calls_collector
from exporter.collect import streams as streams_collector
from exporter.exotel import deadline, rate_limiter
from exporter.exotel.deadline import Deadline


class Clock:
    """Stands in for the module `time`: the real clocks, moved forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def forward(self, seconds: float) -> None:
        """Pass time."""
        self.ahead += seconds

    def monotonic(self) -> float:
        """Return the seconds since some moment."""
        return time.monotonic() + self.ahead

    def time(self) -> float:
        """Return the seconds since 1970."""
        return time.time() + self.ahead


class StillClock(Clock):
    """A clock that stands still unless it is moved."""

    def monotonic(self) -> float:
        """Return the seconds since some moment."""
        return self.ahead

    def time(self) -> float:
        """Return the seconds since 1970."""
        return 1_700_000_000 + self.ahead


@contextmanager
def moved_clock() -> Iterator[Clock]:
    """Set the account, its rate limiter and its deadlines to a clock that can be moved forward."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        modules = (account, rate_limiter, calls_collector, deadline, runs, scheduler, streams_collector)
        for module in modules:
            patch.setattr(module, "time", clock)
        yield clock


@contextmanager
def still_clock() -> Iterator[StillClock]:
    """Make limiters and deadlines go by a clock that stands still, and waits move it instead of waiting."""
    clock = StillClock()

    def wait(self: Deadline, seconds: float) -> None:
        clock.forward(min(seconds, self.remaining()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rate_limiter, "time", clock)
        patch.setattr(deadline, "time", clock)
        patch.setattr(Deadline, "wait", wait)
        yield clock
