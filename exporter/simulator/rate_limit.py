"""The API's rate limit, and the headers that tell it."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from exporter.simulator.messages import Headers


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request exceeds the rate limit."""

    refused: bool = False
    headers: Headers = ()


class RateLimit:
    """Limits requests per minute, by full minutes of a Unix clock; 0 is unlimited."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.time) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._reset = 0
        self._remaining = 0

    def take(self) -> Decision:
        """Count a request."""
        if not self._per_minute:
            return Decision()
        now = self._clock()
        if now >= self._reset:
            self._reset = (math.floor(now / 60) + 1) * 60
            self._remaining = self._per_minute
        refused = self._remaining == 0
        self._remaining = max(self._remaining - 1, 0)
        headers: Headers = (
            ("X-RateLimit-Limit", str(self._per_minute)),
            ("X-RateLimit-Remaining", str(self._remaining)),
            ("X-RateLimit-Reset", str(self._reset)),
        )
        if refused:
            headers = (*headers, ("Retry-After", str(math.ceil(self._reset - now))))
        return Decision(refused, headers)
