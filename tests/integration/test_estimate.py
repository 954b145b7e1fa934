"""Accounts whose calls can't be listed whole: what is estimated then, and that they become whole again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from exporter.collect.account import Account, LiveValues
from exporter.collect.counters import Counters
from exporter.collect.lifecycle import Lifecycle
from exporter.collect.shared import Shared
from exporter.collect.snapshot import Snapshot
from exporter.config import AccountConfig, CollectionConfig, MetricsConfig, Secret
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import Cause, Reason
from exporter.exotel.rate_limiter import RateLimiter
from exporter.metrics.exposition import expose
from exporter.simulator import Settings, Simulator
from tests.answering import answering
from tests.asked import asked
from tests.clock import Clock, moved_clock
from tests.serving import EAGER
from tests.snapshots import Shown
from tests.waiting import GUARD

TIGHT = CollectionConfig(page_size=20, requests_per_minute=60, estimate=True)
"""Twelve requests for each scrape, once in fifteen seconds."""


@contextmanager
def scraping(
    url: str, collection: CollectionConfig, clock: Clock
) -> Iterator[tuple[Callable[[], Snapshot], RateLimiter]]:
    """Return what scrapes an account every fifteen seconds, and its budget."""
    config = AccountConfig(
        name="acme",
        account_sid="demo",
        base_url=url,
        api_key=Secret("demo"),
        api_token=Secret("demo"),
        collection=collection,
    )
    budget = RateLimiter(collection.requests_per_minute)
    made, start = Account(config, MetricsConfig(), Shared(rate_limiter=budget)), clock.monotonic()
    scrapes = iter(range(0, 100_000, 15))

    def scrape() -> Snapshot:
        clock.forward(max(0.0, start + next(scrapes) - clock.monotonic()))
        return made.collect(Deadline.after(collection.timeout)).result(timeout=GUARD)

    try:
        yield scrape, budget
    finally:
        made.close()


def estimated(snapshot: Snapshot) -> dict[tuple[str, str], float]:
    """Return the estimates that aren't 0."""
    return {(each.direction, each.status): each.calls for each in snapshot.estimate if each.calls}


def text(snapshot: Snapshot) -> str:
    """Return what a scraper is told."""
    nothing = LiveValues(Counters("acme").counts(), Lifecycle.before(()).counts, 0)
    return expose({Shown("acme", nothing): snapshot}, accept="text/plain")[0].decode()


def test_a_list_that_is_larger_than_the_budget_is_estimated_until_it_is_not() -> None:
    """1,800 calls by 20 take 95 requests: of 60 a minute each scrape gets its share, and none waits."""
    with (
        Simulator(Settings(calls=1800, speed=0, max_limit=20)) as simulator,
        moved_clock() as clock,
        asked(clock.monotonic) as requests,
        scraping(simulator.url, TIGHT, clock) as (scrape, budget),
    ):
        found = [scrape() for _ in range(12)]
        truth = simulator.truth()
        assert requests.most_in_a_minute() <= 60
        budget.requests_per_minute = 200  # as by a reload
        whole = next(each for each in (scrape() for _ in range(5)) if each.active_calls)
    settled = found[1:]  # the first scrape doesn't know the interval yet
    assert {each.failure and each.failure.reason for each in found} == {Reason.BUDGET}
    assert all(each.active_calls is None and each.reported == 1800 for each in found)
    assert all(each.estimate for each in settled)
    assert len({each.ended_at for each in settled}) == len(settled)
    true = {(str(direction), str(status)): calls for (direction, status), calls in truth.calls.items()}
    within = [
        abs(each.calls - true.get((each.direction, each.status), 0)) <= each.error
        for snapshot in settled
        for each in snapshot.estimate
    ]
    assert sum(within) >= 0.9 * len(within)
    assert all(sum(estimated(each).values()) == pytest.approx(1800) for each in settled)
    told = text(settled[-1])
    assert 'exotel_up{account="acme"} 0.0' in told
    assert "exotel_active_calls_estimate_error{" in told
    assert "exotel_active_calls{" not in told
    assert whole.active_calls is not None
    assert "estimate" not in text(whole)


def test_without_estimate_such_a_list_costs_one_request_and_has_no_estimate() -> None:
    """What shows how long it is; the rest of the budget is left."""
    collection = replace(TIGHT, estimate=False)
    with (
        Simulator(Settings(calls=1800, speed=0, max_limit=20)) as simulator,
        moved_clock() as clock,
        scraping(simulator.url, collection, clock) as (scrape, _),
    ):
        found = [scrape() for _ in range(4)]
        assert simulator.requests_served()["calls"] == 4
    assert not any(each.estimate for each in found)


def test_a_share_of_the_budget_that_is_too_small_for_an_estimate_is_not_spent() -> None:
    """Of ten requests a minute a scrape has two: one shows how long the list is, the other stays."""
    with (
        Simulator(Settings(calls=1800, speed=0, max_limit=20)) as simulator,
        moved_clock() as clock,
        scraping(simulator.url, replace(TIGHT, requests_per_minute=10), clock) as (scrape, _),
    ):
        found = [scrape() for _ in range(4)]
        assert simulator.requests_served()["calls"] == 4
    assert not any(each.estimate for each in found)


def test_a_list_that_can_be_had_by_waiting_is_waited_for_and_not_sampled() -> None:
    """What a sample took would be missing for the whole list, which is better."""
    with (
        Simulator(Settings(calls=700, speed=0, max_limit=20)) as simulator,
        moved_clock() as clock,
        scraping(simulator.url, TIGHT, clock) as (scrape, budget),
    ):
        for _ in range(30):
            with budget.request(Deadline.after(1)):  # of what else asks with this account
                pass
        found = [scrape()]
        served = simulator.requests_served()["calls"]
        found += [scrape() for _ in range(5)]
    assert served == 1
    assert found[0].failure
    assert found[0].failure.reason is Reason.BUDGET
    assert not any(each.estimate for each in found)
    assert found[-1].active_calls


def test_a_list_that_was_read_and_not_proven_whole_is_its_own_sample() -> None:
    """No request more than without: what was read is nearly all of it."""
    found, served = [], []
    for collection in EAGER, replace(EAGER, estimate=True):
        with (
            Simulator(Settings(calls=735, speed=0, order="shuffled")) as simulator,
            moved_clock() as clock,
            scraping(simulator.url, collection, clock) as (scrape, _),
        ):
            found.append(scrape())
            served.append(simulator.requests_served()["calls"])
    without, with_estimate = found
    assert with_estimate.failure is not None
    assert with_estimate.failure.cause is Cause.ORDER
    assert not without.estimate
    assert sum(estimated(with_estimate).values()) == pytest.approx(735)
    assert served[0] == served[1]


@dataclass
class Slow:
    """A list of which each page takes so many seconds of the clock."""

    clock: Clock
    calls: int = 980
    seconds: float = 0.0
    total: int | None = None
    reach: int | None = None

    def get(self, path: str) -> tuple[int, bytes]:
        """Answer as the API does."""
        query = dict(parse_qsl(urlsplit(path).query))
        offset, limit = int(query["offset"]), int(query["limit"])
        self.clock.forward(self.seconds)
        if self.reach is not None and offset + limit > self.reach:
            return 422, b"{}"
        rows = range(self.calls)[offset : offset + min(limit, 20)]
        calls = [
            {
                "call_sid": str(row),
                "direction": "inbound",
                "status": "ringing" if row % 4 else "queued",
                "start_time": f"2026-{row:09}",
            }
            for row in rows
        ]
        answer = {"response": {"active_calls": calls, "total_active": self.total or self.calls}}
        return 200, json.dumps(answer).encode()


@contextmanager
def slow(collection: CollectionConfig, **settings: int) -> Iterator[tuple[Slow, Callable[[], Snapshot]]]:
    """Return a server, and what scrapes it."""
    with moved_clock() as clock:
        server = Slow(clock, **settings)
        with (
            answering(server.get) as address,
            scraping(f"http://{address}", collection, clock) as (scrape, _),
        ):
            yield server, scrape


def test_a_list_that_is_cut_off_again_and_again_is_sampled_every_second_time() -> None:
    """Forty-nine pages of 0.4 s in 10 s: two tries, a sample, a try, a sample; whole as soon as it can be."""
    collection = replace(EAGER, page_size=20, timeout=10, requests_per_minute=200, estimate=True)
    with slow(collection) as (server, scrape):
        server.seconds = 0.4
        found = [scrape() for _ in range(5)]
        server.seconds = 0.0
        whole = scrape()
    reasons = [each.failure and each.failure.reason for each in found]
    tried, sampled = Reason.TIMEOUT, Reason.INCOMPLETE
    assert reasons == [tried, tried, sampled, tried, sampled]
    assert [bool(each.estimate) for each in found] == [reason is sampled for reason in reasons]
    assert all(each.reported == 980 for each in found)
    assert all(sum(estimated(each).values()) == pytest.approx(980) for each in found if each.estimate)
    assert whole.active_calls is not None


def test_without_estimate_a_list_that_is_cut_off_is_tried_each_time() -> None:
    """Nothing is sampled that nobody wants."""
    with slow(replace(EAGER, page_size=20, timeout=10)) as (server, scrape):
        server.seconds = 0.4
        found = [scrape() for _ in range(4)]
    assert {each.failure and each.failure.reason for each in found} == {Reason.TIMEOUT}
    assert not any(each.estimate for each in found)


@pytest.mark.parametrize("settings", [{"total": 1200}, {"reach": 500}])
def test_nothing_is_estimated_from_what_contradicts_its_total(settings: dict[str, int]) -> None:
    """More is reported than listed, or the server shows no more than the start: the rest may be anything."""
    with slow(replace(EAGER, page_size=20, estimate=True), **settings) as (_, scrape):
        found = scrape()
    assert found.failure is not None
    assert found.failure.cause in {Cause.TOTAL, Cause.WINDOW}
    assert not found.estimate
