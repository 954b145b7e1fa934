"""A series of listings of one list, and what of their claims is false."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from math import ceil

from bench.lists.population import EPOCH, Population
from bench.lists.server import Server, Truth
from exporter.api.listing import Lister, Listing, ListingFailed
from exporter.simulator.profiles import Profile

INTERVAL = 15.0  # seconds
LISTINGS = 10


@dataclass
class Tally:
    """What came of listings; sums."""

    listings: int = 0
    complete: int = 0
    """Those that were called complete."""
    false: int = 0
    """Those of them that lost a call, or invented one."""
    wrong: int = 0
    """Calls lost or invented, by those."""
    most_wrong: int = 0
    requests_over_pages: float = 0.0
    seconds: float = 0.0
    """Of CPU, without the server's."""
    calls: int = 0
    orders: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.listings + other.listings,
            self.complete + other.complete,
            self.false + other.false,
            self.wrong + other.wrong,
            max(self.most_wrong, other.most_wrong),
            self.requests_over_pages + other.requests_over_pages,
            self.seconds + other.seconds,
            self.calls + other.calls,
            self.orders + other.orders,
        )


def series(profile: Profile, population: Population, page: int, seed: str, listings: int = LISTINGS) -> Tally:
    """List a list over and over, and judge each claim."""
    server, truth, tally = Server(profile, population, seed), Truth(profile, population), Tally()
    lister = Lister(page, lambda: server.now)
    for number in range(listings):
        server.now = max(server.now, EPOCH + 1 + number * INTERVAL)
        began, cpu, spent = server.now, time.thread_time(), server.spent
        try:
            listing = lister.list(server.fetch, sys.maxsize)
        except ListingFailed:
            listing = None
        tally.seconds += time.thread_time() - cpu - (server.spent - spent)
        truth.advance(server.now)
        _count(tally, listing, page, len(truth.active))
        if listing is not None and listing.doubt is None:
            wrong = falsehood(listing, truth, began)
            tally.complete += 1
            tally.false += wrong > 0
            tally.wrong += wrong
            tally.most_wrong = max(tally.most_wrong, wrong)
    return tally


def falsehood(listing: Listing, truth: Truth, began: float) -> int:
    """Return how many calls a listing lost or invented that is called complete.

    It speaks of the time from `began`, less its age, to now. Lost is who was active all the while and isn't
    listed; invented who is listed as active and was so at no moment of it.
    """
    since = began - listing.age
    listed = {call.call_sid for call in listing.calls}
    lost = sum(at <= since and sid not in listed for sid, at in truth.active.items())
    over = {call.call_sid for call in listing.calls if call.status is not None and call.status.is_over}
    ended = truth.ended
    return lost + sum(sid in ended and ended[sid] < since for sid in listed - over)


def _count(tally: Tally, listing: Listing | None, page: int, active: int) -> None:
    tally.listings += 1
    tally.calls += active
    if listing is not None:
        tally.requests_over_pages += listing.requests / max(1, ceil(active / page))
        tally.orders[listing.order or "-"] += 1
