"""A limit on how often requests are answered."""

from __future__ import annotations

import time

from exporter.config import RateLimitConfig


class TokenBucket:
    """Full at first: each request takes a token, and one comes back after each interval."""

    def __init__(self, limit: RateLimitConfig) -> None:
        self.limit = limit
        self._tokens = float(limit.burst)
        self._at = time.monotonic()

    def take(self) -> bool:
        """Take a token, if there is one; without an interval there always is."""
        if not self.limit.interval:
            return True
        now = time.monotonic()
        self._tokens = min(self.limit.burst, self._tokens + (now - self._at) / self.limit.interval)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
