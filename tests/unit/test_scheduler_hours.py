"""Hours at the edge of the budget: a list that moves takes more requests than it has pages, by chance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product
from random import Random

import pytest

from exporter.collect import scheduler
from exporter.collect.scheduler import Scheduler
from exporter.config import CollectionConfig
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import Failure, Reason
from exporter.exotel.rate_limiter import RateLimiter
from tests.clock import StillClock, still_clock

ALLOWED, PAGE = 200, 19  # requests a minute; calls that a page of 20 brings beyond its neighbour's
A_REQUEST = 0.0075  # seconds: eight at a time, 60 ms each
HOURS = 2


@pytest.fixture(scope="module")
def clock() -> Iterator[StillClock]:
    """Set scheduler and rate limiter to a clock that only waits move."""
    with still_clock() as clock, pytest.MonkeyPatch.context() as patch:
        patch.setattr(scheduler, "time", clock)
        yield clock


@dataclass
class Hours:
    """What came of some hours of scrapes."""

    scrapes: int = 0
    up: int = 0
    begun: int = 0
    """Listings, not scrapes: a listing may be given several times."""
    whole: int = 0
    oldest: float = 0.0
    """How old a listing became, in seconds, before it was given for the last time."""
    requests: list[float] = field(default_factory=list)


class Centre:
    """A list of so many calls; its listings take up to a share of their requests again, by chance."""

    def __init__(self, calls: int, again: float, timeout: float) -> None:
        self.pages = math.ceil(calls / PAGE) + 1
        self._again, self._timeout = again, timeout
        self._random = Random(calls)  # noqa: S311  # seeded: the same hours each time

    def scraped(self, clock: StillClock, interval: float) -> Hours:
        """Scrape for some hours; whoever comes before its time is given what was found last."""
        config = CollectionConfig(requests_per_minute=ALLOWED, timeout=self._timeout)
        budget, hours, is_up, listed_at = RateLimiter(ALLOWED), Hours(), False, 0.0
        made, start = Scheduler(config, budget), 1000.0
        clock.ahead = start
        for at in (start + number * interval for number in range(round(HOURS * 3600 / interval))):
            clock.ahead = max(at, clock.ahead)
            if made.is_due:
                made.begin()
                taken, is_up = self._list(budget, clock, hours)
                made.learn(taken, is_whole=is_up)
                error = None if is_up else Failure(Reason.INCOMPLETE, "too few requests")
                made.end(error, was_cut=False)
                listed_at = clock.ahead if is_up else listed_at
            hours.scrapes += 1
            hours.up += is_up
            hours.oldest = max(hours.oldest, at - listed_at) if is_up else hours.oldest
        return hours

    def _list(self, budget: RateLimiter, clock: StillClock, hours: Hours) -> tuple[int, bool]:
        """List, as far as the budget goes; give the requests to learn, and whether it was whole."""
        deadline = Deadline.after(self._timeout)
        most = budget.within(deadline.remaining())
        assert self.pages <= most, "it isn't begun unless its pages can be had"
        again, began = self.pages * self._random.uniform(0, self._again), clock.ahead
        hours.begun += 1
        taken, waited = 0, 0.0
        while taken < self.pages + again * (1 + waited):  # the longer it takes, the more moves
            if taken >= most:
                return taken, False
            with budget.request(deadline):
                hours.requests.append(clock.ahead)
            clock.forward(A_REQUEST)
            taken += 1
            waited = clock.ahead - began - taken * A_REQUEST
        hours.whole += 1
        return taken, True


@pytest.mark.parametrize("calls", [900, 1600, 1700, 1800, 2400, 2600, 2800])
def test_a_listing_that_is_begun_ends(clock: StillClock, calls: int) -> None:
    """Where the budget has what it takes, all but the few that take more than each of the ten before."""
    for interval, timeout in product((5, 15, 60), (10, 50)):
        hours = Centre(calls, again=0.25, timeout=timeout).scraped(clock, interval)
        assert hours.whole >= 0.98 * hours.begun
        assert hours.up >= 0.98 * hours.scrapes
        assert hours.oldest <= 60


def test_beyond_what_the_budget_has_accounts_are_up_less_and_less_and_not_suddenly_never(
    clock: StillClock,
) -> None:
    """3,000 calls are about the last of which all listings end; then by their share, and none is never."""
    shares = []
    for calls in range(2600, 3700, 100):
        hours = Centre(calls, again=0.3, timeout=10).scraped(clock, 15)
        shares.append(hours.up / hours.scrapes)
    assert shares[0] == 1
    assert shares[-1] < 0.5
    steps = [before - after for before, after in pairwise(shares)]
    assert max(steps) < 0.25
    assert min(steps) > -0.05


@pytest.mark.parametrize("calls", [1600, 2400, 2800])
def test_a_scrape_a_minute_apart_is_always_given_a_new_listing(clock: StillClock, calls: int) -> None:
    """Its requests come free just as the next one asks: a minute is enough, with no second to spare."""
    hours = Centre(calls, again=0.1, timeout=10).scraped(clock, 60)
    assert hours.begun == hours.scrapes
    in_a_minute = [
        sum(at <= other < at + 60 - 1e-6 for other in hours.requests[number : number + ALLOWED + 1])
        for number, at in enumerate(hours.requests)
    ]
    assert max(in_a_minute) <= ALLOWED


@pytest.mark.parametrize(
    ("requests", "needed"), [([101, 60], 101), ([101, *[60] * 10], 60), ([190, 20], 40), ([20, 190], 190)]
)
def test_a_listing_waits_for_the_most_that_one_of_the_last_took(
    clock: StillClock, requests: list[int], needed: int
) -> None:
    """Of ten, and no more than twice the last: a list that has become short isn't kept waiting."""
    made = Scheduler(CollectionConfig(requests_per_minute=ALLOWED), RateLimiter(ALLOWED))
    for taken in requests:
        made.begin()
        made.learn(taken, is_whole=True)
    assert made.sustainable_interval == 60 / (ALLOWED // needed)
    assert made.sample_quota() == needed


def test_a_list_that_grew_beyond_the_budget_is_looked_at_each_time(clock: StillClock) -> None:
    """One request shows that it is still so: the next look needn't wait for as many as a listing took."""
    budget = RateLimiter(ALLOWED)
    made = Scheduler(CollectionConfig(requests_per_minute=ALLOWED, min_interval=5), budget)
    clock.forward(1000)
    made.begin()
    for _ in range(150):
        with budget.request(Deadline.after(1)):
            pass
    made.learn(150, is_whole=True)
    made.end(None, was_cut=False)
    clock.forward(59)
    assert not made.is_due
    clock.forward(1)
    made.begin()
    made.learn(ALLOWED + 1, is_whole=False)
    made.end(Failure(Reason.BUDGET, "too many"), was_cut=False)
    clock.forward(5)
    assert made.is_due
    assert made.detail_quota() > 0
