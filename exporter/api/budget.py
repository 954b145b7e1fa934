"""How many requests an account may make in a minute, and when it may make none.

Source: Exotel limits voice APIs to 200 calls a minute for an account; a 429 may say how long to wait in
`Retry-After` (RFC 9110, 10.2.3), an answer how many are left in `X-RateLimit-Remaining` until
`X-RateLimit-Reset` (seconds since 1970).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from math import inf
from threading import Lock

from exporter.api.deadline import Deadline
from exporter.api.endpoints import Endpoint
from exporter.api.errors import ApiError, Reason

_MINUTE = 60.0
_LONGEST_WAIT = 3600.0  # seconds; a server that asks for more is asked again after an hour


class Budget:
    """The requests of the last minute, over every endpoint of an account. Thread-safe."""

    def __init__(self, requests_per_minute: int) -> None:
        self.requests_per_minute = requests_per_minute
        self._lock = Lock()
        self._made: deque[float] = deque()
        self._closed_until = dict.fromkeys(Endpoint, 0.0)
        self._told: tuple[float, float] = inf, 0.0  # requests that the API said are left, and until when

    def go_on_from(self, before: Budget) -> None:
        """Take over what was asked of the same account, and what the API said of limits."""
        with before._lock, self._lock:
            self._made.extend(before._made)
            self._closed_until.update(before._closed_until)
            self._told = before._told

    def remaining(self) -> int:
        """Give how many requests may be made now."""
        with self._lock:
            now = time.monotonic()
            self._forget(now)
            told, until = self._told
            left = self.requests_per_minute - len(self._made)
            return 0 if self.closed_for() else int(min(left, told if now < until else inf))

    def within(self, seconds: float) -> int:
        """Give how many requests may be made in the next so many seconds, with waits in between."""
        with self._lock:
            if self.closed_for() >= seconds:
                return 0
            before = time.monotonic() + seconds - _MINUTE
            return self.requests_per_minute - sum(made > before for made in self._made)

    def wait_for(self, requests: int) -> float:
        """Give the seconds until so many requests may be made at once."""
        with self._lock:
            now = time.monotonic()
            self._forget(now)
            in_the_way = min(len(self._made), len(self._made) + requests - self.requests_per_minute)
            free_in = self._made[in_the_way - 1] + _MINUTE - now if in_the_way > 0 else 0.0
            return max(self.closed_for(), free_in)

    def closed_for(self, endpoint: Endpoint = Endpoint.CALLS) -> float:
        """Give the seconds for which the API asked for no requests to this endpoint."""
        return max(0.0, self._closed_until[endpoint] - time.monotonic())

    def take(self, deadline: Deadline, endpoint: Endpoint = Endpoint.CALLS) -> None:
        """Take one request from the budget, waiting for it if that can be before the deadline.

        Raises ApiError: `budget` when the minute is used up, `rate_limited` when the server said to wait.
        """
        while (wait := self._try_to_take(endpoint)) > 0:
            if wait >= deadline.left():
                raise self._refusal(wait, endpoint)
            deadline.wait(wait)

    def heed(self, status: int, headers: Mapping[str, str], endpoint: Endpoint = Endpoint.CALLS) -> None:
        """Obey what an answer says of limits.

        A pause that the list of calls asks for holds for all; one that details ask for is theirs alone, or a
        single call could silence the account.
        """
        remaining = _number(headers.get("X-RateLimit-Remaining"))
        reset = _number(headers.get("X-RateLimit-Reset"))
        pause = _seconds(headers.get("Retry-After")) if status in {429, 503} else None
        with self._lock:
            if pause is not None:
                self._close(Endpoint if endpoint is Endpoint.CALLS else [endpoint], pause)
            if remaining is not None and reset is not None:
                self._told = remaining, time.monotonic() + min(_until(reset), _LONGEST_WAIT)
                if remaining == 0:
                    self._close(Endpoint, _until(reset))

    def _close(self, endpoints: Iterable[Endpoint], seconds: float) -> None:
        until = time.monotonic() + min(seconds, _LONGEST_WAIT)
        for endpoint in endpoints:
            self._closed_until[endpoint] = max(self._closed_until[endpoint], until)

    def _try_to_take(self, endpoint: Endpoint) -> float:
        """Take a request, or give the seconds until there could be one."""
        with self._lock:
            now = time.monotonic()
            self._forget(now)
            if closed := self.closed_for(endpoint):
                return closed
            if len(self._made) >= self.requests_per_minute:
                return self._made[0] + _MINUTE - now
            self._made.append(now)
            return 0.0

    def _forget(self, now: float) -> None:
        while self._made and self._made[0] <= now - _MINUTE:
            self._made.popleft()

    def _refusal(self, wait: float, endpoint: Endpoint) -> ApiError:
        if self.closed_for(endpoint):
            return ApiError(Reason.RATE_LIMITED, f"the API asked for no requests in the next {wait:.0f} s")
        used_up = f"{self.requests_per_minute} requests a minute are used up for {wait:.0f} s"
        return ApiError(Reason.BUDGET, f"{used_up}: lengthen the scrape interval, or raise page_size")


def _seconds(value: str | None) -> float | None:
    """Read `Retry-After`: seconds, or a date."""
    if value is None or (seconds := _number(value)) is not None:
        return None if value is None else seconds
    try:
        return parsedate_to_datetime(value).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return None


def _until(reset: float) -> float:
    """Give the seconds until a reset: told as seconds from now, or as seconds or milliseconds since 1970."""
    if reset < 1e8:
        return reset
    return (reset if reset < 1e11 else reset / 1000) - time.time()


def _number(value: str | None) -> float | None:
    return float(value) if value is not None and value.strip().isascii() and value.strip().isdigit() else None
