"""How many requests an account may make in a minute, and when it may make none.

Exotel limits voice APIs to 200 calls a minute for an account. Its answers say more: `Retry-After` is seconds
or a date (RFC 9110, 10.2.3); `X-RateLimit-Remaining` counts until `X-RateLimit-Reset`, seconds since 1970.
Other servers write milliseconds, seconds from now or fractions; what a proxy adds is joined with a comma.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import inf
from threading import Lock

from exporter.config import AccountConfig
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import ApiError, Reason

_MINUTE = 60.0  # Exotel's limits are those of a minute, and none is used up for longer
_LONGEST_PAUSE = 3600.0  # seconds; a server that asks for more is asked again after an hour
_MOMENT = 1e8  # what is less are seconds from now, not seconds since 1970
_MILLISECONDS = 1e11
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the headers of an answer say; times in seconds."""

    retry_after: float = 0.0
    remaining: float | None = None  # requests until the reset; None where either isn't told
    reset: float = 0.0


def read_limits(status: int, headers: Mapping[str, str]) -> Limits:
    """Return the limits that an answer tells; a header that makes no sense says nothing."""
    retry_after = (_ahead("Retry-After", headers) if status == 429 or status >= 500 else None) or 0.0
    remaining = _numbers(headers.get("X-RateLimit-Remaining", ""))
    reset = _ahead("X-RateLimit-Reset", headers)
    if not remaining or reset is None:
        return Limits(retry_after)
    return Limits(retry_after, max(0.0, min(remaining)), min(reset, _MINUTE))


def _ahead(name: str, headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the time that a header tells.

    A moment is measured against the answer's own `Date`: the server's clock and ours may differ. Where there
    is no date a wrong clock of ours costs a minute at most.
    """
    value = headers.get(name, "")
    numbers = _numbers(value)
    if numbers and max(numbers) < _MOMENT:
        return min(max(0.0, *numbers), _LONGEST_PAUSE)
    moment = _from_milliseconds(max(numbers)) if numbers else read_date(value)
    if moment is None:
        return None
    now = read_date(headers.get("Date", ""))
    ahead = min(moment - time.time(), _MINUTE) if now is None else moment - now
    return min(max(0.0, ahead), _LONGEST_PAUSE)


def _from_milliseconds(moment: float) -> float:
    return moment if moment < _MILLISECONDS else moment / 1000


def _numbers(value: str) -> list[float]:
    """Return the numbers of a list that has nothing else."""
    parts = [part.strip() for part in value.split(",")]
    return [float(part) for part in parts] if all(map(_NUMBER.fullmatch, parts)) else []


def read_date(value: str) -> float | None:
    """Return the seconds since 1970 of a date as headers write it; None where it is none."""
    try:
        date = parsedate_to_datetime(value)
        # asctime's form has no zone, and -0000 is UTC as well: neither is local time
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


@dataclass(slots=True)
class _Told:
    """What the answers of one endpoint said; moments on the monotonic clock."""

    closed_until: float = 0.0
    remaining: float = inf  # requests, until the reset
    reset_at: float = 0.0
    under_way: int = 0  # requests whose answer hasn't come
    side_by_side: int = 0  # requests since there was last none under way

    @property
    def opens_at(self) -> float:
        return max(self.closed_until, self.reset_at if self.remaining < 1 else 0.0)


class RateLimiter:
    """The requests of the last minute, over every endpoint of an account. Thread-safe.

    What the answers of the list say holds for every endpoint, what those of another say for that one alone:
    a single call's details could silence the account else.
    """

    def __init__(self, requests_per_minute: int) -> None:
        self.requests_per_minute = requests_per_minute
        self._lock = Lock()
        self._made: deque[float] = deque()
        self._told = {endpoint: _Told() for endpoint in Endpoint}
        self._list = self._told[Endpoint.CALLS]

    @property
    def is_idle(self) -> bool:
        """Return whether a new limiter would allow the same: nothing was asked in the last minute."""
        with self._lock:
            now = self._now()
            ends = (max(told.opens_at, told.reset_at) for told in self._told.values())
            return not self._made and max(ends) <= now

    def remaining(self) -> int:
        """Return how many requests may be made now."""
        return self.within(0.0)

    def within(self, seconds: float) -> int:
        """Return how many requests may be made in the next so many seconds, with waits in between."""
        with self._lock:
            closed = self.retry_after()
            if closed and closed >= seconds:
                return 0
            until = self._now() + seconds
            taken = len(self._made) - bisect_right(self._made, until - _MINUTE)
            free = self.requests_per_minute - taken
            return max(0, int(min(free, self._list.remaining if until < self._list.reset_at else inf)))

    def wait_for(self, requests: int) -> float:
        """Return the seconds until so many requests may be made at once."""
        with self._lock:
            now = self._now()
            in_the_way = min(len(self._made), len(self._made) + requests - self.requests_per_minute)
            free_in = self._made[in_the_way - 1] + _MINUTE - now if in_the_way > 0 else 0.0
            reset_in = self._list.reset_at - now if self._list.remaining < requests else 0.0
            return max(self.retry_after(), free_in, reset_in)

    def retry_after(self, endpoint: Endpoint = Endpoint.CALLS) -> float:
        """Return the seconds for which the API allows no requests to this endpoint."""
        return max(0.0, max(told.opens_at for told in self._told_of(endpoint)) - time.monotonic())

    @contextmanager
    def request(self, deadline: Deadline, endpoint: Endpoint = Endpoint.CALLS) -> Iterator[None]:
        """Take one request, under way while this lasts; wait for it if that can be before the deadline.

        Raises ApiError: `budget` when the minute is used up, `rate_limited` when the server said to wait.
        """
        while (wait := self._try_to_take(endpoint)) > 0:
            if wait >= deadline.remaining():
                raise self._refusal(wait, endpoint)
            deadline.wait(wait)
        try:
            yield
        finally:
            with self._lock:
                for told in self._told_of(endpoint):
                    told.under_way -= 1

    def update_from(
        self, status: int, headers: Mapping[str, str], endpoint: Endpoint = Endpoint.CALLS
    ) -> None:
        """Obey what an answer says of limits.

        Answers overtake one another: which of the requests side by side with this one the server had counted
        isn't known, so what remains lies between all and none. Within that what was reckoned before holds.
        """
        limits = read_limits(status, headers)
        with self._lock:
            now, told = time.monotonic(), self._told[endpoint]
            told.closed_until = max(told.closed_until, now + limits.retry_after)
            if limits.remaining is not None:
                least = limits.remaining - max(0, told.side_by_side - 1)
                reckoned = told.remaining if now < told.reset_at else least
                told.remaining = max(least, min(reckoned, limits.remaining))
                told.reset_at = now + limits.reset

    def _told_of(self, endpoint: Endpoint) -> list[_Told]:
        return [self._told[each] for each in {Endpoint.CALLS, endpoint}]

    def _try_to_take(self, endpoint: Endpoint) -> float:
        """Take a request, or return the seconds until there could be one."""
        with self._lock:
            now = self._now()
            if closed := self.retry_after(endpoint):
                return closed
            if (beyond := len(self._made) - self.requests_per_minute) >= 0:  # above 0: it was lowered
                return self._made[beyond] + _MINUTE - now
            self._made.append(now)
            for told in self._told_of(endpoint):
                told.remaining -= 1
                told.side_by_side = 1 + (told.side_by_side if told.under_way else 0)
                told.under_way += 1
            return 0.0

    def _now(self) -> float:
        """Return the time; forget requests that were made more than a minute before."""
        now = time.monotonic()
        while self._made and self._made[0] <= now - _MINUTE:
            self._made.popleft()
        return now

    def _refusal(self, wait: float, endpoint: Endpoint) -> ApiError:
        if self.retry_after(endpoint):
            return ApiError(Reason.RATE_LIMITED, f"the API wants no requests for another {wait:.0f} s")
        most, made = self.requests_per_minute, len(self._made)
        if made > most:  # by a reload, or where another account of the same account_sid allows less
            used_up = f"{made} requests were made in the last minute, and only {most} are allowed now"
            return ApiError(Reason.BUDGET, f"{used_up}: the next one is possible in {wait:.0f} s")
        used_up = f"all {most} requests of this minute are used up, the next one is possible in {wait:.0f} s"
        return ApiError(Reason.BUDGET, used_up)


class RateLimiters:
    """One rate limiter for each account of the API, however often it is configured, and configured anew."""

    def __init__(self) -> None:
        self._by_place: dict[tuple[str, str], RateLimiter] = {}

    def of(self, account: AccountConfig) -> RateLimiter:
        """Return the rate limiter of an account."""
        return self._by_place.setdefault(_place(account), RateLimiter(account.collection.requests_per_minute))

    def settle(self, accounts: Iterable[AccountConfig]) -> None:
        """Allow what the active accounts may ask, the least where they are one to the API; forget others.

        Not before the API has: what was asked in the last minute would be asked again.
        """
        allowed: dict[tuple[str, str], int] = {}
        for account in accounts:
            place, most = _place(account), account.collection.requests_per_minute
            allowed[place] = min(most, allowed.get(place, most))
        for place, most in allowed.items():
            self._by_place.setdefault(place, RateLimiter(most)).requests_per_minute = most
        gone = self._by_place.keys() - allowed.keys()
        for place in [place for place in gone if self._by_place[place].is_idle]:
            del self._by_place[place]


def _place(account: AccountConfig) -> tuple[str, str]:
    """Return what the API takes for one account; in its host's name case doesn't matter."""
    return account.base_url.rstrip("/").lower(), account.account_sid
