"""A series of listings of one list, by one lister, and what of its claims is false."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil

from bench.lists.population import EPOCH, Population, populate
from bench.lists.server import Server
from bench.lists.truth import Truth
from exporter.exotel.listing.lister import Lister, Listing, ListingFailed
from exporter.simulator.profiles import PROFILES

INTERVAL = 15.0  # seconds
_LISTINGS = {3_000: 6, 10_000: 4}
"""How many listings there are of lists of so many calls or more; 10 of others."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is listed: a behaviour, how many calls, the share of them that comes and goes in a second."""

    name: str
    size: int
    churn: float
    page: int
    seed: int = 0
    is_full: bool = False
    """Whether a call begins when another ends, so that there are always as many."""

    @property
    def listings(self) -> int:
        """Return how many listings there are."""
        return next((most for size, most in reversed(_LISTINGS.items()) if self.size >= size), 10)


@dataclass
class Tally:
    """What came of listings; sums, but for the greatest."""

    listings: int = 0
    complete: int = 0
    """Those that were called complete."""
    false: int = 0
    """Those of them that lost a call, or invented one."""
    false_calls: int = 0
    most_false_calls: int = 0
    relative_requests: float = 0.0
    """Requests over the pages that the list has without overlap."""
    microseconds: float = 0.0
    """A call, of the fastest listing: the others were disturbed."""
    series: int = 1
    orders: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.listings + other.listings,
            self.complete + other.complete,
            self.false + other.false,
            self.false_calls + other.false_calls,
            max(self.most_false_calls, other.most_false_calls),
            self.relative_requests + other.relative_requests,
            self.microseconds + other.microseconds,
            self.series + other.series,
            self.orders + other.orders,
        )

    def judge(self, listing: Listing, false_calls: int, pages: int) -> None:
        """Take in a listing, and what is false of it if it is called complete."""
        self.relative_requests += listing.requests / pages
        self.orders[listing.order or "untold"] += 1
        if listing.incomplete_reason is None:
            self.complete += 1
            self.false += false_calls > 0
            self.false_calls += false_calls
            self.most_false_calls = max(self.most_false_calls, false_calls)


@lru_cache(maxsize=1)  # the cells of one population follow one another
def _population(size: int, churn: float, listings: int, seed: int, *, is_full: bool) -> Population:
    return populate(size, churn, listings * INTERVAL + 30, seed, is_full=is_full)


def series(cell: Cell) -> Tally:
    """List a list over and over, and judge each claim."""
    profile = PROFILES[cell.name]
    population = _population(cell.size, cell.churn, cell.listings, cell.seed, is_full=cell.is_full)
    server, truth = Server(profile, population, str(cell)), Truth(profile, population)
    lister, tally, fastest = (
        Lister(cell.page, lambda: server.now),
        Tally(listings=cell.listings),
        float("inf"),
    )
    for number in range(cell.listings):
        server.now = max(server.now, EPOCH + 1 + number * INTERVAL)
        began, started, spent = server.now, time.perf_counter(), server.spent
        try:
            listing = lister.list(server.fetch, sys.maxsize)
        except ListingFailed:
            continue
        seconds = time.perf_counter() - started - (server.spent - spent)
        fastest = min(fastest, seconds / max(1, len(listing.calls)))
        truth.advance(server.now)
        false_calls = truth.false_calls(listing.calls, began - listing.age)
        tally.judge(listing, false_calls, ceil(max(1, len(truth.active)) / cell.page))
    tally.microseconds = fastest * 1e6 if fastest < float("inf") else 0.0
    return tally
