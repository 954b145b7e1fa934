"""How many requests an account may make in a minute, and when it may make none.

Source: Exotel limits voice APIs to 200 calls a minute for an account, whatever keys they are made with; its
answers say more (`limits`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from threading import Lock

from exporter.config import AccountConfig
from exporter.exotel.deadline import Deadline
from exporter.exotel.endpoints import Endpoint
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.limit_headers import read_limits

_MINUTE = 60.0


@dataclass(slots=True)
class _Told:
    """What the answers of one endpoint said; moments on the monotonic clock."""

    closed_until: float = 0.0
    left: float = inf
    """Requests, until the reset."""
    reset_at: float = 0.0
    under_way: int = 0
    """Requests whose answer hasn't come."""
    side_by_side: int = 0
    """Requests since there was last none under way."""

    @property
    def opens_at(self) -> float:
        return max(self.closed_until, self.reset_at if self.left < 1 else 0.0)


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

    @property
    def is_idle(self) -> bool:
        """Tell whether a new budget would allow the same: nothing was asked in the last minute."""
        with self._lock:
            now = time.monotonic()
            self._forget(now)
            return not self._made and all(
                max(told.opens_at, told.reset_at) <= now for told in self._told.values()
            )

    def remaining(self) -> int:
        """Give how many requests may be made now."""
        with self._lock:
            now = time.monotonic()
            self._forget(now)
            list_ = self._told[Endpoint.CALLS]
            told = list_.left if now < list_.reset_at else inf
            left = max(0, self.requests_per_minute - len(self._made))
            return 0 if self.retry_after() else int(min(left, told))

    def within(self, seconds: float) -> int:
        """Give how many requests may be made in the next so many seconds, with waits in between."""
        with self._lock:
            if self.retry_after() >= seconds:
                return 0
            until, list_ = time.monotonic() + seconds, self._told[Endpoint.CALLS]
            left = self.requests_per_minute - sum(made > until - _MINUTE for made in self._made)
            return max(0, int(min(left, list_.left if until < list_.reset_at else inf)))

    def wait_for(self, requests: int) -> float:
        """Give the seconds until so many requests may be made at once."""
        with self._lock:
            now = time.monotonic()
            self._forget(now)
            in_the_way = min(len(self._made), len(self._made) + requests - self.requests_per_minute)
            free_in = self._made[in_the_way - 1] + _MINUTE - now if in_the_way > 0 else 0.0
            list_ = self._told[Endpoint.CALLS]
            reset_in = list_.reset_at - now if list_.left < requests else 0.0
            return max(self.retry_after(), free_in, reset_in)

    def retry_after(self, endpoint: Endpoint = Endpoint.CALLS) -> float:
        """Give the seconds for which the API allows no requests to this endpoint."""
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
        isn't known, so what is left lies between all and none. Within that what was reckoned before holds.
        """
        limits = read_limits(status, headers)
        with self._lock:
            now, told = time.monotonic(), self._told[endpoint]
            told.closed_until = max(told.closed_until, now + limits.pause)
            if limits.left is not None:
                least = limits.left - max(0, told.side_by_side - 1)
                reckoned = told.left if now < told.reset_at else least
                told.left = max(least, min(reckoned, limits.left))
                told.reset_at = now + limits.reset

    def _told_of(self, endpoint: Endpoint) -> list[_Told]:
        return [self._told[each] for each in {Endpoint.CALLS, endpoint}]

    def _try_to_take(self, endpoint: Endpoint) -> float:
        """Take a request, or give the seconds until there could be one."""
        with self._lock:
            now = time.monotonic()
            self._forget(now)
            if closed := self.retry_after(endpoint):
                return closed
            if len(self._made) >= self.requests_per_minute:
                # The first of those in the way: there are more than allowed where the limit was lowered.
                return self._made[len(self._made) - self.requests_per_minute] + _MINUTE - now
            self._made.append(now)
            for told in self._told_of(endpoint):
                told.left -= 1
                told.side_by_side = 1 + (told.side_by_side if told.under_way else 0)
                told.under_way += 1
            return 0.0

    def _forget(self, now: float) -> None:
        while self._made and self._made[0] <= now - _MINUTE:
            self._made.popleft()

    def _refusal(self, wait: float, endpoint: Endpoint) -> ApiError:
        if self.retry_after(endpoint):
            return ApiError(Reason.RATE_LIMITED, f"the API asked for no requests in the next {wait:.0f} s")
        used_up = f"{self.requests_per_minute} requests a minute are used up for {wait:.0f} s"
        return ApiError(Reason.BUDGET, f"{used_up}: lengthen the scrape interval, or raise page_size")


class RateLimiters:
    """One budget for each account of the API, whatever asks it, and however often it is configured anew."""

    def __init__(self) -> None:
        self._by_place: dict[tuple[str, str], RateLimiter] = {}

    def of(self, account: AccountConfig) -> RateLimiter:
        """Return the budget of an account."""
        return self._by_place.setdefault(_place(account), RateLimiter(account.collection.requests_per_minute))

    def settle(self, accounts: Iterable[AccountConfig]) -> None:
        """Allow what the accounts in force may ask, the least where they are one to the API; forget others.

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
