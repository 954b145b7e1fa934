"""Details live on what listings leave of the request budget: five hundred calls, 200 requests a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import pytest

from exporter.collect.snapshot import Snapshot
from exporter.config import CollectionConfig, StreamsConfig
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import Failure
from exporter.simulator import Settings, Simulator
from tests.asked import Asked, asked
from tests.clock import moved_clock
from tests.serving import account, collecting

PAGES = 6
"""Of 500 calls, a hundred to a page."""
PLAIN = CollectionConfig(requests_per_minute=200)
GREEDY = replace(PLAIN, streams=StreamsConfig(enabled=True, max_per_scrape=1000))


@dataclass(frozen=True)
class Scraped:
    """What came of scrapes for three minutes, or of five scrapes if that takes longer."""

    snapshots: Sequence[Snapshot]
    requests: Asked
    waits: Sequence[float]
    """For the budget, or before a retry; in seconds."""

    @property
    def listings_not_new(self) -> int:
        """Return how many scrapes were given a listing again, or none."""
        stamps = {each.ended_at for each in self.snapshots if each.active_calls}
        return len(self.snapshots) - len(stamps)


@cache
def scraped(
    interval: float, collection: CollectionConfig, *, churn: bool = False, faults: tuple[str, ...] = ()
) -> Scraped:
    """Scrape at fixed times, as Prometheus does; neither between scrapes nor in them is time waited for."""
    requests: Asked
    snapshots, waits = [], []
    with (
        Simulator(Settings(calls=500, speed=0)) as simulator,
        moved_clock() as clock,
        asked(clock.monotonic) as requests,
        collecting(account("acme", simulator.url, collection=collection)) as collect,
        pytest.MonkeyPatch.context() as patch,
    ):

        def wait(self: Deadline, seconds: float) -> None:
            waits.append(seconds)
            clock.forward(min(seconds, self.remaining()))

        patch.setattr(Deadline, "wait", wait)
        simulator.set_faults(faults)
        start = clock.monotonic()
        for number in range(max(5, int(180 / interval))):
            clock.forward(start + number * interval - clock.monotonic())
            snapshots.append(collect())
            simulator.advance(interval if churn else 0)
    return Scraped(snapshots, requests, waits)


def failures(found: Scraped) -> list[Failure]:
    """Return every failure of a collector."""
    results = (result for each in found.snapshots for result in each.results.values())
    return [result.failure for result in results if result and result.failure]


@pytest.mark.parametrize("agent_streams", [False, True])
@pytest.mark.parametrize(("interval", "least"), [(5, 70), (15, 110), (60, 70)])
def test_details_take_what_listings_leave_and_no_more(
    interval: float, least: int, agent_streams: bool
) -> None:
    """At any pace: 200 requests in no minute, every listing new and as short as without, none waited for."""
    found = scraped(interval, replace(GREEDY, agent_streams=agent_streams))
    assert found.listings_not_new == 0
    assert found.waits == []
    assert found.requests.most_in_a_minute() <= 200
    beside = len(found.requests.requests) - len(found.requests.details())
    assert beside == (PAGES + agent_streams) * len(found.snapshots)
    assert len(found.requests.details()) >= least * len(found.snapshots) * interval / 60
    assert not failures(found)


@pytest.mark.parametrize("interval", [5, 15, 60])
def test_details_take_no_listing_from_a_list_that_moves(interval: float) -> None:
    """Calls come and go, the list grows and shrinks, seams are mended: still every listing is new."""
    found = scraped(interval, GREEDY, churn=True)
    assert found.listings_not_new == 0
    assert found.requests.most_in_a_minute() <= 200


@pytest.mark.parametrize("interval", [5, 15, 60])
def test_an_agent_stream_that_fails_takes_no_listing(interval: float) -> None:
    """It is asked for once in a collection, as if it had answered."""
    found = scraped(interval, replace(GREEDY, agent_streams=True), faults=("agent_streams/status:500",))
    assert found.listings_not_new == 0
    assert found.requests.most_in_a_minute() <= 200


@pytest.mark.parametrize("interval", [5, 15, 60])
def test_the_sustainable_interval_is_that_of_the_listing_alone(interval: float) -> None:
    """Details have no say in it: they yield."""
    found = [scraped(interval, collection) for collection in (PLAIN, GREEDY)]
    intervals = {each.sustainable_interval for one in found for each in one.snapshots}
    assert intervals == {60 / (200 // PAGES)}


def test_a_listing_that_takes_the_whole_budget_leaves_no_details() -> None:
    """Six pages four times a minute, of thirty requests: all calls are pending, which is no failure."""
    found = scraped(15, replace(GREEDY, requests_per_minute=30))
    assert found.requests.details() == []
    tallies = [each.streams for each in found.snapshots]
    assert {(tally.inspected, tally.pending) for tally in tallies if tally} == {(0, 500)}
    assert not failures(found)
