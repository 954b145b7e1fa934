"""The moment after which a collection does nothing more."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from threading import Event


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the monotonic clock, in seconds; every wait is cut to what is left before it."""

    at: float
    seconds: float = 0.0
    """How far it lay ahead when it was set."""
    _ended: Event = field(default_factory=Event, compare=False, repr=False)
    _parts: list[Deadline] = field(default_factory=list, compare=False, repr=False)

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Give the deadline that lies `seconds` from now."""
        return cls(time.monotonic() + seconds, seconds)

    def child(self, earlier: float = 0.0, most: float = math.inf) -> Deadline:
        """Give the deadline of a part of the work, which can end before the whole and not after it.

        It lies so many seconds earlier, and at most so many ahead.
        """
        part = Deadline(min(self.at - earlier, time.monotonic() + most), min(self.seconds, most))
        self._parts.append(part)
        if self._ended.is_set():
            part.end()
        return part

    def remaining(self) -> float:
        """Give the seconds that remain, never less than 0."""
        return 0.0 if self._ended.is_set() else max(0.0, self.at - time.monotonic())

    def end(self) -> None:
        """Let it be over now, and with it its parts."""
        self._ended.set()
        for part in self._parts:
            part.end()

    def wait(self, seconds: float) -> None:
        """Wait for so long, or until it is over."""
        self._ended.wait(min(seconds, self.remaining()))
