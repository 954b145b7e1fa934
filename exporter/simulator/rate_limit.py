"""The API's limit of requests a minute, and the headers that tell of it."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from exporter.simulator.reply import Headers


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a request."""

    refused: bool = False
    headers: Headers = ()


class RateLimit:
    """Lets so many requests a minute through, counted by full minutes of a Unix clock; 0 lets all through."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.time) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._reset = 0
        self._left = 0

    def take(self) -> Taken:
        """Count a request."""
        if not self._per_minute:
            return Taken()
        now = self._clock()
        if now >= self._reset:
            self._reset = (math.floor(now / 60) + 1) * 60
            self._left = self._per_minute
        refused = self._left == 0
        self._left = max(self._left - 1, 0)
        headers: Headers = (
            ("X-RateLimit-Limit", str(self._per_minute)),
            ("X-RateLimit-Remaining", str(self._left)),
            ("X-RateLimit-Reset", str(self._reset)),
        )
        if refused:
            headers = (*headers, ("Retry-After", str(math.ceil(self._reset - now))))
        return Taken(refused, headers)
