"""How often accounts are collected: what details may take of the budget, and that listings don't feel it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.collect import scheduler
from exporter.collect.scheduler import Scheduler
from exporter.config import CollectionConfig
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import Failure, Reason
from exporter.exotel.rate_limiter import RateLimiter
from tests.clock import StillClock, still_clock

NO_WAIT = Deadline(float("inf"))


@pytest.fixture(scope="module")
def clock() -> Iterator[StillClock]:
    """Set scheduler and rate limiter to a clock that only waits move."""
    with still_clock() as clock, pytest.MonkeyPatch.context() as patch:
        patch.setattr(scheduler, "time", clock)
        yield clock


@dataclass
class History:
    """What came of some minutes of scrapes."""

    requests: list[float] = field(default_factory=list)
    listed: list[int] = field(default_factory=list)
    """The scrapes that were given a new listing."""
    waited: float = 0.0
    """How long listings waited for the budget, in seconds."""
    details: list[int] = field(default_factory=list)

    def most_in_a_minute(self) -> int:
        """Return the most requests that any sixty seconds held."""
        minute = 60 - 1e-6  # less what roundings make of it
        return max(
            bisect_left(self.requests, at + minute) - number for number, at in enumerate(self.requests)
        )


@dataclass(frozen=True)
class Centre:
    """A list that stays as long as it is, scraped at a steady pace."""

    interval: float
    pages: int
    requests_per_minute: int
    beside: int = 0
    """Requests that AgentStream takes of each collection."""
    slowness: float = 0.0
    """The share of the interval that the requests of a collection take together."""

    def scraped(self, clock: StillClock, *, with_details: bool) -> History:
        """Scrape for four minutes; details take all they may."""
        config = CollectionConfig(
            min_interval=0, requests_per_minute=self.requests_per_minute, agent_streams=self.beside > 0
        )
        budget, history = RateLimiter(self.requests_per_minute), History()
        made = Scheduler(config, budget)
        start = clock.ahead = 1000.0  # the same for all, or roundings differ

        def ask(requests: int, share: float) -> float:
            waited = 0.0
            for _ in range(requests):
                before = clock.ahead
                with budget.request(NO_WAIT):
                    pass
                waited += clock.ahead - before
                history.requests.append(clock.ahead)
                clock.forward(self.interval * self.slowness * share / requests)
            return waited

        for number in range(round(240 / self.interval)):
            at = start + number * self.interval
            if clock.ahead > at:
                continue  # the one before was still under way: its result is shared
            clock.ahead = at
            if not made.is_due:
                continue
            made.begin()
            history.listed.append(number)
            history.waited += ask(self.pages, 0.3)
            made.learn(self.pages, is_whole=True)
            ask(self.beside, 0.0)
            spare = made.detail_quota()
            history.details.append(spare)
            ask(spare if with_details else 0, 0.6)
            made.end(None, was_cut=False)
        return history


CENTRES = st.builds(
    Centre,
    interval=st.sampled_from([5.0, 10.0, 15.0, 20.0, 30.0, 60.0]) | st.floats(1, 90),
    pages=st.integers(1, 40),
    requests_per_minute=st.integers(40, 400),
    beside=st.integers(0, 1),
    slowness=st.sampled_from([0.0, 0.001, 0.1, 0.9]),
)


@given(centre=CENTRES)
@example(centre=Centre(interval=7.625, pages=22, requests_per_minute=224, beside=1, slowness=0.9))
def test_details_cost_no_listing(clock: StillClock, centre: Centre) -> None:
    """At any steady pace: the same scrapes are given a new listing, none waits, and the budget holds."""
    alone, beside = (centre.scraped(clock, with_details=each) for each in (False, True))
    assert beside.listed == alone.listed
    assert beside.waited <= alone.waited
    assert beside.most_in_a_minute() <= centre.requests_per_minute


@pytest.mark.parametrize("slowness", [0.0, 0.001, 0.1])
@pytest.mark.parametrize(
    ("interval", "least", "most"), [(5, 8, 9), (14.99, 28, 34), (15, 28, 34), (15.01, 28, 34), (60, 88, 94)]
)
def test_details_take_about_as_much_each_time(
    clock: StillClock, interval: float, least: int, most: int, slowness: float
) -> None:
    """No collection goes without because those before took all, nor because its scraper came early."""
    centre = Centre(interval, pages=6, requests_per_minute=200, slowness=slowness)
    _, *details = centre.scraped(clock, with_details=True).details
    assert least <= min(details) <= max(details) <= most


def test_a_list_that_takes_the_whole_budget_leaves_nothing_for_details(clock: StillClock) -> None:
    """Forty pages every fifteen seconds are more than two hundred requests allow."""
    history = Centre(15, pages=50, requests_per_minute=200).scraped(clock, with_details=True)
    assert set(history.details) == {0}


def test_details_are_no_part_of_the_sustainable_interval(clock: StillClock) -> None:
    """Six pages and AgentStream go 28 times into two hundred requests."""
    made = Scheduler(CollectionConfig(agent_streams=True), RateLimiter(200))
    made.begin()
    made.learn(6, is_whole=True)
    assert made.sustainable_interval == 60 / 28


def test_agent_stream_takes_one_request_from_the_details(clock: StillClock) -> None:
    """It is asked before them, once."""
    spare = []
    for agent_streams in False, True:
        made = Scheduler(CollectionConfig(min_interval=15, agent_streams=agent_streams), RateLimiter(200))
        made.begin()
        made.learn(6, is_whole=True)
        spare.append(made.detail_quota())
    assert spare == [34, 33]


@pytest.mark.parametrize("asked", [30, 600])
def test_a_pause_that_the_api_asks_for_is_waited_for_up_to_a_minute(clock: StillClock, asked: int) -> None:
    """After a longer one the account is shown as down, not as it was when it was last seen."""
    budget = RateLimiter(200)
    made = Scheduler(CollectionConfig(min_interval=5), budget)
    clock.forward(1000)
    made.begin()
    clock.forward(2)
    made.learn(
        6, is_whole=True
    )  # which took as long: so much earlier the next may begin, were it not for this
    budget.update_from(429, {"Retry-After": str(asked)})
    made.end(None, was_cut=False)
    clock.forward(min(asked, 60) - 0.01)
    assert not made.is_due
    clock.forward(0.02)
    assert made.is_due


@pytest.mark.parametrize(
    ("error", "was_cut", "pause"),
    [
        (None, False, 5),
        (Reason.SERVER_ERROR, False, 5),
        (Reason.AUTH, False, 60),
        (Reason.FORBIDDEN, False, 60),
        (Reason.TIMEOUT, True, 0),
    ],
)
def test_the_next_collection_is_due_after_its_pause(
    clock: StillClock, error: Reason | None, was_cut: bool, pause: int
) -> None:
    """`min_interval` from start to start, a minute after a refusal, at once after a scraper in a cancel."""
    made = Scheduler(CollectionConfig(min_interval=5), RateLimiter(200))
    clock.forward(1000)
    made.begin()
    made.end(Failure(error, "it failed") if error else None, was_cut=was_cut)
    if pause:
        clock.forward(pause - 0.11)
        assert not made.is_due
        clock.forward(0.02)  # a scraper that comes a little early isn't sent away
    assert made.is_due
