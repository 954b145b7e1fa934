"""The moment after which a collection does nothing more."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the monotonic clock, in seconds; every wait is cut to what is left before it."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Give the deadline that lies `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Give the seconds that remain, never less than 0."""
        return max(0.0, self.at - time.monotonic())
