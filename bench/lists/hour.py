"""An hour of scrapes in virtual time, within a budget of requests: how often the account is up, and rightly."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import pytest

from bench.lists.population import EPOCH, populate
from bench.lists.series import falsehood
from bench.lists.server import Server, Truth
from exporter.api.answers import Page
from exporter.api.budget import Budget
from exporter.api.deadline import Deadline
from exporter.api.errors import ApiError, Incomplete
from exporter.api.listing import Lister, ListingFailed
from exporter.api.paging import Ask
from exporter.config import CollectionConfig
from exporter.observe import pace
from exporter.observe.pace import Pace
from exporter.simulator.profiles import PROFILES
from tests.clock import StillClock, still_clock

_HOUR = 3600.0
_PER_MINUTE = 200


@dataclass
class Hour:
    """What an hour's scrapes were given."""

    scrapes: int = 0
    up: int = 0
    false: int = 0
    """Those of them that were given a claim that is false."""
    ages: float = 0.0
    """Seconds by which the figures were old, over those that were up."""
    oldest: float = 0.0


class _Limited(Server):
    """A server that is asked within a budget and until a deadline, on a clock that goes with its own."""

    budget: Budget
    clock: StillClock
    deadline: Deadline

    def fetch(self, asks: Iterable[Ask]) -> Generator[Page, None, None]:
        """Give pages in the order asked; raise ApiError when the time is over."""
        for page in super().fetch(asks):
            self.clock.ahead = self.now - EPOCH
            yield page

    def start(self, at: float) -> float:
        """Give when a request begins that could at a moment, once the budget allows it."""
        self.clock.ahead = at - EPOCH
        try:
            with self.budget.request(self.deadline):
                return EPOCH + self.clock.ahead
        finally:
            self.clock.ahead = self.now - EPOCH


def hour(name: str, size: int, churn: float, page: int, interval: float, seconds: float = _HOUR) -> Hour:
    """Scrape an account for an hour."""
    found = Hour()
    profile, population = PROFILES[name], populate(size, churn, seconds + 60, seed=2)
    with still_clock() as clock, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace, "time", clock)
        config = CollectionConfig(page_size=page, requests_per_minute=_PER_MINUTE)
        server, truth = _Limited(profile, population, f"{name} {size} {page}"), Truth(profile, population)
        server.clock, server.budget = clock, Budget(_PER_MINUTE)
        lister, due = Lister(page, clock.monotonic), Pace(config, server.budget)
        is_up, is_false, ended = False, False, 0.0
        for number in range(int(seconds / interval)):
            server.now = max(server.now, EPOCH + 1 + number * interval)
            clock.ahead = server.now - EPOCH
            if number == 0 or not due.is_early:
                began = server.now
                server.deadline = Deadline.after(config.timeout)
                is_up, is_false = _collect(server, truth, lister, due, began)
                ended = server.now
            found.scrapes += 1
            found.up += is_up
            found.false += is_up and is_false
            if is_up:
                found.ages += server.now - ended
                found.oldest = max(found.oldest, server.now - ended)
    return found


def _collect(server: _Limited, truth: Truth, lister: Lister, due: Pace, began: float) -> tuple[bool, bool]:
    """List once, as the account does; tell whether it is up, and whether that is false."""
    due.begin()
    error: ApiError | None = None
    is_false = False
    try:
        listing = lister.list(server.fetch, server.budget.within(server.deadline.left()))
    except ListingFailed as failed:
        error = failed.error
        due.learn(failed.needed, is_whole=False)
    else:
        error = Incomplete(listing.doubt, listing.cause) if listing.doubt else None
        due.learn(listing.requests, is_whole=error is None)
        truth.advance(server.now)
        is_false = falsehood(listing, truth, began) > 0
    due.end(error, was_cut=False)
    return error is None, is_false
