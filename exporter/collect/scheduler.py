"""How often an account is collected, and how many requests a collection may spend beside its listing."""

from __future__ import annotations

import math
import time
from collections import deque

from exporter.config import CollectionConfig
from exporter.exotel.errors import Failure, Reason
from exporter.exotel.rate_limiter import RateLimiter

REFUSALS = {Reason.AUTH, Reason.FORBIDDEN}
_LOCAL = {Reason.SECRET, Reason.RESOURCES}
"""What went wrong on this machine: the API refused nothing, and the next collection may work."""
REST = 60.0  # seconds in which what was refused isn't asked for again: the API may lock the account

_MINUTE = 60.0  # seconds
_LEAST_INTERVAL = 1.0  # seconds; nobody scrapes more often for long
_EARLY = 0.1  # seconds by which a scraper may come before its time
_REMEMBERED = 10  # listings; how many requests one takes depends on how the list moves meanwhile


class Scheduler:
    """Collections are `min_interval` apart, or as far as the request budget needs.

    A listing begins when the budget has what it takes to end: as many requests as the most that one of the
    last few took, with all that had to be asked for again; of a list that has become short since, twice as
    many as the last took.
    """

    def __init__(self, config: CollectionConfig, rate_limiter: RateLimiter) -> None:
        self.sustainable_interval: float | None = None
        """The shortest interval, in seconds, that the budget allows for listings like the last whole ones."""
        self._config = config
        self._rate_limiter = rate_limiter
        self._beside = int(config.agent_streams)  # requests beside those of the listing
        self._needed = 1 + self._beside  # requests for a collection without details
        self._taken: deque[int] = deque(maxlen=_REMEMBERED)  # requests of the last whole listings
        self._began = -math.inf
        self._listing = 0.0  # seconds that the last listing took
        self._interval = max(_LEAST_INTERVAL, config.min_interval)
        self._next_due = 0.0

    @property
    def is_due(self) -> bool:
        """Return whether it is time for the next collection."""
        return time.monotonic() >= self._next_due

    def begin(self) -> None:
        """Take note that a collection begins."""
        now = time.monotonic()
        if self._began > -math.inf:
            self._interval = min(_MINUTE, max(_LEAST_INTERVAL, now - self._began))
        self._began = now

    def learn(self, requests: int, *, is_whole: bool) -> None:
        """Take into account what a listing took, or what it would take if it had not failed."""
        allowed = self._rate_limiter.requests_per_minute
        self._listing = time.monotonic() - self._began
        if is_whole:
            self._taken.append(requests)
            most = min(max(self._taken), 2 * requests)  # what is mended takes no more than as many again
            self._needed = most + self._beside
            in_a_minute = allowed // self._needed or allowed / self._needed
            self.sustainable_interval = _MINUTE / in_a_minute
        elif requests <= allowed:
            self._needed = max(self._needed, requests + self._beside)
        else:  # it isn't begun, and no waiting helps: a collection takes no more than to see that
            self._needed = 1 + self._beside

    def detail_quota(self) -> int:
        """Return the requests that may be made beside a listing, so that collections stay as frequent."""
        listing = time.monotonic() - self._began  # seconds; the minute may reach into another one
        in_a_minute = math.floor((_MINUTE + listing) / (self._interval - _EARLY)) + 1
        share = self._rate_limiter.requests_per_minute // in_a_minute
        left = self._rate_limiter.remaining() - self._needed  # when the next collection has its own
        return max(0, min(share - self._needed, left))

    def sample_quota(self) -> int:
        """Return the requests that may be made where there is no listing, to the same end."""
        return self.detail_quota() + self._needed - self._beside

    def end(self, failure: Failure | None, *, was_cut: bool) -> None:
        """Take note of how a collection ended; `was_cut` when its scraper had little time."""
        reason = failure and failure.reason
        pause = self._config.min_interval
        if was_cut or reason in _LOCAL:
            pause = 0.0  # the next one may have more
        elif reason in REFUSALS:
            pause = max(pause, REST)
        needs_whole = reason in {None, Reason.INCOMPLETE, Reason.BUDGET}
        wait = self._wait() if needs_whole else 0.0
        self._next_due = max(self._began + pause - _EARLY, time.monotonic() + wait)

    def _wait(self) -> float:
        """Return the seconds until a listing can end that begins then.

        One that asks as fast as the last need not have all of its requests when it begins. It is a minute at
        most, in which the budget gets all of its requests back: an API that asked for a longer pause is then
        down, and not as it was when it was last seen.
        """
        while_listing = min(self._listing, self._config.timeout / 4)
        free_in = self._rate_limiter.wait_for(self._needed) - while_listing
        return min(_MINUTE, max(self._rate_limiter.retry_after(), free_in))
