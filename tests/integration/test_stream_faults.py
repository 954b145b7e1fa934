"""What can go wrong with stream details: the calls are right all the same, and what was held still counts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from exporter.collect.account import Account
from exporter.collect.calls import CallsCollector
from exporter.collect.snapshot import Snapshot
from exporter.config import CollectionConfig, StreamsConfig
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import Failure
from exporter.http.scrape import TIMEOUT_HEADER
from exporter.simulator import Settings, Simulator
from tests.clock import moved_clock
from tests.scraping import Scrape, hurried, right, scrape
from tests.serving import EAGER, account, served, wait_until_idle
from tests.waiting import scaled, wait_until

CALLS, MOST = 60, 20
"""Of the centre; that one collection looks at."""
NAME = "acme"
SCRAPER = 2.0
"""The scraper's timeout in seconds, for faults that are over only with the deadline."""
STREAMS = replace(EAGER, streams=StreamsConfig(enabled=True, max_per_scrape=MOST))

#: The fault, and the reason that is counted.
FAULTS = (
    ("status:400", "bad_response"),
    ("status:429", "rate_limited"),
    ("status:500", "server_error"),
    ("status:503,body=html", "server_error"),
    ("inside:500", "server_error"),
    ("reset", "connection"),
    ("close", "connection"),
    ("garbage", "connection"),
    ("truncate", "connection"),
    ("bad_json", "bad_response"),
    ("html", "bad_response"),
    ("other_json", "bad_response"),
    ("other_json:null", "bad_response"),
    ('other_json:{"response": {"stream": []}}', "bad_response"),
    ('other_json:{"response": {"stream": {"call_sid": "another"}}}', "bad_response"),
    ("huge:20", "bad_response"),
    ("redirect:http://127.0.0.1:9/", "redirect"),
)
#: These last until the deadline.
SLOW_FAULTS = (("hang", "timeout"), ("drip", "timeout"), ("slow:1h", "timeout"))


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """Return a centre that stands still."""
    with Simulator(Settings(calls=CALLS, speed=0)) as made:
        yield made


@contextmanager
def exporter(simulator: Simulator, collection: CollectionConfig = STREAMS) -> Iterator[tuple[str, Account]]:
    """Serve the account of a simulator; give the URL and the account."""
    made = account(NAME, simulator.url, collection=collection)
    try:
        with served([made]) as url:
            yield url, made
    finally:
        simulator.clear_faults()


def coverage(found: Scrape) -> dict[tuple[str, ...], float]:
    """Return the calls by whether their details are held, those that are none left out."""
    return found.by(NAME, "exotel_stream_calls", "result")


def success(found: Scrape) -> float | None:
    """Return how the streams' last run went."""
    return found.samples[NAME, "exotel_collector_success"].get(frozenset({("collector", "streams")}))


def failures(found: Scrape) -> dict[tuple[str, ...], float]:
    """Return the failures by collector and reason."""
    return found.by(NAME, "exotel_collector_failures_total", "collector", "reason")


@pytest.mark.parametrize(("fault", "reason"), [*FAULTS, *SLOW_FAULTS])
def test_a_fault_of_streams_has_its_reason_and_leaves_the_calls_alone(
    simulator: Simulator, fault: str, reason: str
) -> None:
    """The calls are whole, what was held counts, the answer comes in time, and the next scrape is fine."""
    headers = hurried(SCRAPER) if (fault, reason) in SLOW_FAULTS else None
    with exporter(simulator) as (url, made):
        before = scrape(url)
        simulator.set_faults([f"stream/{fault}"])
        started = time.monotonic()
        failed = scrape(url, headers)
        seconds = time.monotonic() - started
        wait_until_idle(made)
        simulator.clear_faults()
        after = scrape(url)
    assert coverage(before) == {("inspected",): 20, ("pending",): 40}
    assert right(failed, NAME, simulator)
    assert success(failed) == 0
    assert failures(failed) == {("streams", reason): 1}
    assert coverage(failed) == coverage(before)
    legs = "direction", "status", "network_type"
    assert failed.by(NAME, "exotel_stream_legs", *legs) == before.by(NAME, "exotel_stream_legs", *legs)
    if headers:
        assert seconds < float(headers[TIMEOUT_HEADER])
    assert right(after, NAME, simulator)
    assert success(after) == 1
    assert failures(after) == failures(failed)
    assert coverage(after) == {("inspected",): 40, ("pending",): 20}


def test_calls_that_are_not_found_are_no_failure(simulator: Simulator) -> None:
    """All of them ended since they were listed: they are pending, and what was held of them is forgotten."""
    with exporter(simulator) as (url, _):
        before = scrape(url)
        simulator.set_faults(["stream/status:404"])
        found = [scrape(url) for _ in range(3)]
        simulator.clear_faults()
        after = scrape(url)
    assert all(right(each, NAME, simulator) and success(each) == 1 for each in found)
    assert failures(found[-1]) == {}
    assert [coverage(each) for each in (before, *found, after)] == [
        {("inspected",): 20, ("pending",): 40},
        {("inspected",): 20, ("pending",): 40},
        {("inspected",): 20, ("pending",): 40},
        {("pending",): 60},  # those that were held had their turn
        {("inspected",): 20, ("pending",): 40},
    ]
    assert (NAME, "exotel_stream_legs") not in found[-1].samples  # of no call at all


def test_hostile_details_are_exposed_as_nothing_worse(simulator: Simulator) -> None:
    """Whatever they hold, the answer can be parsed, the calls are right, and every call is accounted for."""
    with exporter(simulator) as (url, _):
        simulator.set_faults(["stream/details"])
        for _ in range(2 * CALLS // MOST):
            found = scrape(url)
            assert right(found, NAME, simulator)
            assert sum(coverage(found).values()) == CALLS
        simulator.clear_faults()
    assert failures(found).keys() == {("streams", "bad_response")}


def test_some_details_that_fail_cost_only_themselves(simulator: Simulator) -> None:
    """The others of the same collection are held."""
    with exporter(simulator) as (url, _):
        simulator.set_faults(["stream/bad_json*4"])
        found = scrape(url)
    assert success(found) == 0
    assert coverage(found) == {("inspected",): 16, ("pending",): 44}


@pytest.mark.parametrize("concurrency", [2, 8])
def test_a_call_that_never_answers_keeps_no_others_waiting(simulator: Simulator, concurrency: int) -> None:
    """The others of the same collection are held when its time is over."""
    with exporter(simulator, replace(STREAMS, concurrency=concurrency)) as (url, _):
        simulator.set_faults(["stream/hang*1"])
        found = scrape(url, hurried(SCRAPER))
    assert right(found, NAME, simulator)
    assert failures(found) == {("streams", "timeout"): 1}
    assert coverage(found) == {("inspected",): 19, ("pending",): 41}


@pytest.mark.parametrize("fault", ["status:401", "status:429", "redirect:http://127.0.0.1:9/"])
def test_what_would_befall_every_call_is_not_asked_for_again_and_again(
    simulator: Simulator, fault: str
) -> None:
    """After the first such answer nothing more is asked, but what was under way already."""
    many = replace(EAGER, concurrency=2, streams=StreamsConfig(enabled=True, max_per_scrape=CALLS))
    with exporter(simulator, many) as (url, _):
        before = simulator.requests_served()["stream"]
        simulator.set_faults([f"stream/{fault}"])
        scrape(url)
        assert simulator.requests_served()["stream"] - before < 10


def test_details_are_left_out_when_the_listing_took_the_time(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline is the listing's first: what was held before counts, and nothing failed."""
    collect = CallsCollector.collect
    with moved_clock() as clock, exporter(simulator) as (url, _):

        def collect_late(self: CallsCollector, deadline: Deadline) -> tuple[Snapshot, Failure | None]:
            listed = collect(self, deadline)
            clock.forward(deadline.remaining() - 0.1)
            return listed

        scrape(url)
        asked = simulator.requests_served()["stream"]
        monkeypatch.setattr(CallsCollector, "collect", collect_late)
        late = scrape(url)
        assert simulator.requests_served()["stream"] == asked
    assert right(late, NAME, simulator)
    assert failures(late) == {}
    assert coverage(late) == {("inspected",): 20, ("pending",): 40}


def test_without_a_list_of_calls_nothing_is_said_of_streams(simulator: Simulator) -> None:
    """No call is known to be active: no details are asked for, and none told."""
    with exporter(simulator) as (url, _):
        scrape(url)
        served_before = simulator.requests_served()["stream"]
        simulator.set_faults(["calls/status:404"])
        found = scrape(url)
        assert simulator.requests_served()["stream"] == served_before
    assert found.one(NAME, "exotel_up") == 0
    assert success(found) is None
    assert not [metric for _, metric in found.samples if metric.startswith("exotel_stream")]


def test_a_scraper_in_a_hurry_gets_all_but_the_details_that_hang(simulator: Simulator) -> None:
    """It finds a collection in flight that has come so far: what was held of details before is told, too."""
    with (
        exporter(simulator, replace(STREAMS, agent_streams=True)) as (url, _),
        ThreadPoolExecutor(1) as pool,
    ):
        before = scrape(url)
        asked = simulator.requests_served()["stream"]
        simulator.set_faults(["stream/hang"])
        patience = scaled(4)
        patient = pool.submit(scrape, url, {TIMEOUT_HEADER: str(patience)})
        wait_until(lambda: simulator.requests_served()["stream"] > asked, "the first details")
        cancelled = scrape(url, {TIMEOUT_HEADER: str(patience / 4)})
        assert not patient.done()
        answered = patient.result()
    assert right(cancelled, NAME, simulator)
    assert success(cancelled) is None  # nobody knows yet
    assert "streams" not in {
        dict(labels)["collector"] for labels in cancelled.samples[NAME, "exotel_collector_duration_seconds"]
    }
    assert failures(cancelled) == {}
    assert coverage(cancelled) == coverage(before) == {("inspected",): 20, ("pending",): 40}
    assert cancelled.one(NAME, "exotel_agent_streams_active") == simulator.truth().agent_streams
    assert right(answered, NAME, simulator)
    assert failures(answered) == {("streams", "timeout"): 1}


def test_scrapers_at_the_same_time_share_the_details() -> None:
    """What one asked for is not asked for again."""
    settings = Settings(calls=CALLS, speed=0, latency=0.3)
    with Simulator(settings) as simulator, ThreadPoolExecutor(5) as pool:
        patient = replace(STREAMS, min_interval=5)  # for latecomers
        with exporter(simulator, patient) as (url, _):
            scrapes: list[Future[Scrape]] = [pool.submit(scrape, url) for _ in range(5)]
            found = [each.result() for each in scrapes]
        assert simulator.requests_served() == {"calls": 2, "stream": MOST}  # and a look behind the first page
    assert [coverage(each) for each in found] == [{("inspected",): 20, ("pending",): 40}] * 5
