"""The moment after which a collection does nothing more."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from threading import Event


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the monotonic clock, in seconds; every wait is cut to what remains before it."""

    at: float
    seconds: float = 0.0
    """How far it lay ahead when it was set."""
    _ended: Event = field(default_factory=Event, compare=False, repr=False)
    _children: list[Deadline] = field(default_factory=list, compare=False, repr=False)

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline that lies `seconds` from now."""
        return cls(time.monotonic() + seconds, seconds)

    def child(self, earlier: float = 0.0, most: float = math.inf) -> Deadline:
        """Return the deadline of a part of the work: so many seconds earlier, and at most so many ahead.

        It ends with the whole, and can be ended alone.
        """
        child = Deadline(min(self.at - earlier, time.monotonic() + most), min(self.seconds, most))
        self._children.append(child)
        if self._ended.is_set():
            child.end()
        return child

    def remaining(self) -> float:
        """Return the seconds that remain, never less than 0."""
        return 0.0 if self._ended.is_set() else max(0.0, self.at - time.monotonic())

    @property
    def was_ended(self) -> bool:
        """Return whether it was ended before its time."""
        return self._ended.is_set() and time.monotonic() < self.at

    def end(self) -> None:
        """End it now, and its children with it."""
        self._ended.set()
        for child in self._children:
            child.end()

    def wait(self, seconds: float) -> None:
        """Wait for so long, or until it is over."""
        self._ended.wait(min(seconds, self.remaining()))
