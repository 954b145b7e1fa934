"""The moment after which a collection does nothing more."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Event


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the monotonic clock, in seconds; every wait is cut to what is left before it."""

    at: float
    _whole: Deadline | None = field(default=None, compare=False, repr=False)
    _ended: Event = field(default_factory=Event, compare=False, repr=False)

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Give the deadline that lies `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def part(self) -> Deadline:
        """Give the deadline of a part of the work, which can end before the whole and not after it."""
        return Deadline(self.at, self)

    def left(self) -> float:
        """Give the seconds that remain, never less than 0."""
        if self._ended.is_set() or (self._whole is not None and not self._whole.left()):
            return 0.0
        return max(0.0, self.at - time.monotonic())

    def end(self) -> None:
        """Let it be over now."""
        self._ended.set()

    def wait(self, seconds: float) -> None:
        """Wait for so long, or until it is over."""
        self._ended.wait(min(seconds, self.left()))
