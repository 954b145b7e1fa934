"""An hour of scrapes in virtual time, within a budget of requests: how often an account is up."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import pytest

from bench.lists.population import EPOCH, populate
from bench.lists.server import Server
from bench.lists.truth import Truth
from exporter.collect import scheduler
from exporter.collect.scheduler import Scheduler
from exporter.config import CollectionConfig
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import Failure, Reason
from exporter.exotel.listing.lister import Lister, ListingFailed
from exporter.exotel.listing.pages import Ask
from exporter.exotel.models import Page
from exporter.exotel.rate_limiter import RateLimiter
from exporter.simulator.profiles import PROFILES
from tests.clock import StillClock, still_clock

_HOUR = 3600.0
_PER_MINUTE = 200


@dataclass(frozen=True, slots=True)
class Scraped:
    """What is scraped, and how often."""

    name: str
    size: int
    page: int
    interval: float
    churn: float = 0.01


@dataclass(slots=True)
class Hour:
    """What an hour's scrapes were given."""

    scrapes: int = 0
    up: int = 0
    false: int = 0
    """Those of them that were given a claim that is false."""
    age: float = 0.0
    """Seconds by which the figures were old, over those that were up."""
    greatest_age: float = 0.0


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the last collection came to."""

    is_up: bool
    is_false: bool
    ended: float


class _Limited(Server):
    """A server that is asked within a budget and a deadline, on a clock that goes with its own."""

    rate_limiter: RateLimiter
    clock: StillClock
    deadline: Deadline

    def fetch(self, asks: Iterable[Ask]) -> Generator[Page, None, None]:
        """Yield pages in the order asked; raise ApiError when the budget has none before the deadline."""
        for page in super().fetch(asks):
            self.clock.ahead = self.now - EPOCH
            yield page

    def start(self, at: float) -> float:
        """Return when a request begins that could at a moment, once the budget allows it."""
        self.clock.ahead = at - EPOCH
        try:
            with self.rate_limiter.request(self.deadline):
                return EPOCH + self.clock.ahead
        finally:
            self.clock.ahead = self.now - EPOCH


class _Account:
    """Collects as an account does: at its pace, within its budget."""

    def __init__(self, scraped: Scraped, seconds: float, clock: StillClock) -> None:
        profile = PROFILES[scraped.name]
        population = populate(scraped.size, scraped.churn, seconds + 60, seed=2)
        self._config = CollectionConfig(page_size=scraped.page, requests_per_minute=_PER_MINUTE)
        self._clock = clock
        self._truth = Truth(profile, population)
        self._server = _Limited(profile, population, str(scraped))
        self._server.clock, self._server.rate_limiter = clock, RateLimiter(_PER_MINUTE)
        self._lister = Lister(scraped.page, clock.monotonic)
        self._scheduler = Scheduler(self._config, self._server.rate_limiter)
        self._shown: _Shown | None = None

    def scrape(self, at: float) -> tuple[_Shown, float]:
        """Collect if that is due; give what is shown, and how old it is."""
        server = self._server
        server.now = max(server.now, at)
        self._clock.ahead = server.now - EPOCH
        if self._shown is None or self._scheduler.is_due:
            self._shown = self._collect()
        return self._shown, server.now - self._shown.ended

    def _collect(self) -> _Shown:
        server, paced, began = self._server, self._scheduler, self._server.now
        server.deadline = Deadline.after(self._config.timeout)
        paced.begin()
        failure: Failure | None = None
        is_false = False
        try:
            listing = self._lister.list(server.fetch, server.rate_limiter.within(server.deadline.remaining()))
        except ListingFailed as failed:
            failure = Failure.of(failed.error)
            paced.learn(failed.needed, is_whole=False)
        else:
            if listing.incomplete_reason:
                failure = Failure(Reason.INCOMPLETE, listing.incomplete_reason, listing.cause)
            paced.learn(listing.requests, is_whole=failure is None)
            self._truth.advance(server.now)
            is_false = self._truth.false_calls(listing.calls, began - listing.age) > 0
        paced.end(failure, was_cut=False)
        return _Shown(failure is None, is_false, server.now)


def hour(scraped: Scraped, seconds: float = _HOUR) -> Hour:
    """Scrape an account for an hour."""
    found = Hour()
    with still_clock() as clock, pytest.MonkeyPatch.context() as patch:
        patch.setattr(scheduler, "time", clock)
        account = _Account(scraped, seconds, clock)
        for number in range(int(seconds / scraped.interval)):
            shown, age = account.scrape(EPOCH + 1 + number * scraped.interval)
            found.scrapes += 1
            if shown.is_up:
                found.up += 1
                found.false += shown.is_false
                found.age += age
                found.greatest_age = max(found.greatest_age, age)
    return found
