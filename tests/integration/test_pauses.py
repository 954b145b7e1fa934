"""What refuses or asks for a pause rests: details and AgentStream for themselves, the list for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from exporter.config import CollectionConfig, StreamsConfig
from exporter.simulator import Settings, Simulator
from exporter.simulator.api import Api
from exporter.simulator.messages import Request, Response
from exporter.simulator.rate_limit import Decision, RateLimit
from tests.clock import moved_clock
from tests.scraping import Scrape, right, scrape
from tests.serving import EAGER, account, served

NAME = "acme"
COLLECTION = replace(
    EAGER, agent_streams=True, streams=StreamsConfig(enabled=True, max_per_scrape=20, max_age=3600)
)
ENDPOINTS = {"streams": "stream", "agent_streams": "agent_streams"}
"""What the simulator calls what these collectors ask."""
STAMP = "exotel_snapshot_timestamp_seconds"
HOUR = 3600

#: The collector, the fault, and the reason that is counted.
REFUSALS = (
    ("streams", "status:401", "auth"),
    ("streams", "status:403", "forbidden"),
    ("streams", "inside:401", "auth"),
    ("agent_streams", "status:404", "not_found"),  # not enabled
    ("agent_streams", "status:404,body=v1", "not_found"),
    ("agent_streams", "status:401", "auth"),
    ("agent_streams", "status:403", "forbidden"),
    ("agent_streams", "status:403,body=v1", "forbidden"),
)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """Return a centre that stands still."""
    with Simulator(Settings(calls=61, speed=0)) as made:
        yield made


@contextmanager
def exporter(simulator: Simulator, collection: CollectionConfig = COLLECTION) -> Iterator[str]:
    """Serve the account of a simulator; give the URL."""
    try:
        with served([account(NAME, simulator.url, collection=collection)]) as url:
            yield url
    finally:
        simulator.clear_faults()


def failures(found: Scrape) -> dict[tuple[str, ...], float]:
    """Return the failures by collector and reason."""
    return found.by(NAME, "exotel_collector_failures_total", "collector", "reason")


def failing(found: Scrape) -> set[str]:
    """Return the collectors that failed."""
    successes = found.samples[NAME, "exotel_collector_success"]
    return {dict(key)["collector"] for key, value in successes.items() if not value}


def took(found: Scrape) -> dict[tuple[str, ...], float]:
    """Return how long each collector's last run took."""
    return found.by(NAME, "exotel_collector_duration_seconds", "collector")


def inspected(found: Scrape) -> float:
    """Return the calls whose details are held."""
    return found.by(NAME, "exotel_stream_calls", "result")["inspected",]


@pytest.mark.parametrize(("collector", "fault", "reason"), REFUSALS)
def test_a_collector_that_was_refused_rests_for_a_minute(
    simulator: Simulator, collector: str, fault: str, reason: str
) -> None:
    """Its error is given again, counted once, and nothing asked; the others go on; then it is asked again."""
    endpoint = ENDPOINTS[collector]
    with moved_clock() as clock, exporter(simulator) as url:
        before = scrape(url)
        simulator.set_faults([f"{endpoint}/{fault}"])
        refused = scrape(url)
        simulator.clear_faults()
        asked = simulator.requests_served()[endpoint]
        clock.forward(55)
        resting = scrape(url)
        assert simulator.requests_served()[endpoint] == asked
        clock.forward(6)
        after = scrape(url)
        assert simulator.requests_served()[endpoint] > asked
    assert failing(before) == failing(after) == set()
    for found in (refused, resting):
        assert right(found, NAME, simulator)
        assert failing(found) == {collector}
        assert (inspected(found) == inspected(before)) is (collector == "streams")
        assert (found.one(NAME, "exotel_agent_streams_active") is None) is (collector == "agent_streams")
    assert 0 < took(refused)[collector,] == took(resting)[collector,]  # it is the same run
    assert refused.one(NAME, STAMP) != resting.one(NAME, STAMP)
    assert failures(refused) == failures(resting) == failures(after) == {(collector, reason): 1}


@pytest.mark.parametrize(("collector", "endpoint"), ENDPOINTS.items())
def test_a_pause_that_is_asked_for_beside_the_list_leaves_the_list_alone(
    simulator: Simulator, collector: str, endpoint: str
) -> None:
    """A single call could silence the account: who asked for an hour gets it, and every listing is new."""
    with moved_clock() as clock, exporter(simulator) as url:
        simulator.set_faults([f"{endpoint}/status:429,retry-after={HOUR}"])
        paused = [scrape(url)]
        simulator.clear_faults()
        asked = simulator.requests_served()[endpoint]
        for _ in range(3):
            clock.forward(15)
            paused.append(scrape(url))
        assert simulator.requests_served()[endpoint] == asked
        clock.forward(HOUR)
        after = scrape(url)
    assert all(right(found, NAME, simulator) for found in paused)
    assert len({found.one(NAME, STAMP) for found in paused}) == len(paused)
    assert [failing(found) for found in paused] == [{collector}] * len(paused)
    assert [failures(found) for found in paused] == [
        {(collector, "rate_limited"): number} for number in range(1, len(paused) + 1)
    ]
    assert failing(after) == set()


def test_a_pause_that_the_list_asks_for_holds_for_all(simulator: Simulator) -> None:
    """From that scrape on the account is down, and nothing is asked until the hour is over."""
    with moved_clock() as clock, exporter(simulator) as url:
        scrape(url)
        simulator.set_faults([f"calls/status:429,retry-after={HOUR}"])
        down = [scrape(url)]
        simulator.clear_faults()
        asked = simulator.requests_served()
        for seconds in (15, 60, HOUR - 135):  # what is nearly over would be waited for
            clock.forward(seconds)
            down.append(scrape(url))
        assert simulator.requests_served() == asked
        clock.forward(61)
        after = scrape(url)
    assert [found.one(NAME, "exotel_up") for found in down] == [0] * len(down)
    assert [found.one(NAME, STAMP) for found in down] == [None] * len(down)
    assert failures(down[0]) == {("calls", "rate_limited"): 1, ("agent_streams", "rate_limited"): 1}
    assert right(after, NAME, simulator)
    assert failing(after) == set()


def test_an_account_that_has_no_requests_left_is_down_after_a_minute_and_asked_again_then(
    simulator: Simulator,
) -> None:
    """The last listing is given again for so long, with its time stamp: no limit is used up for an hour."""
    taken = Decision(headers=(("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", str(HOUR))))
    with moved_clock() as clock, exporter(simulator, EAGER) as url:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(RateLimit, "take", lambda _: taken)
            first = scrape(url)
        asked = simulator.requests_served()
        clock.forward(50)
        again = scrape(url)
        assert simulator.requests_served() == asked
        clock.forward(11)
        after = scrape(url)
    assert right(first, NAME, simulator)
    assert right(again, NAME, simulator)
    assert first.one(NAME, STAMP) == again.one(NAME, STAMP)
    assert right(after, NAME, simulator)
    assert after.one(NAME, STAMP) != again.one(NAME, STAMP)
    assert not failures(after)


def test_what_details_are_told_of_their_own_limit_leaves_the_list_alone(simulator: Simulator) -> None:
    """An answer about one call says that none are left: every listing is new all the same."""
    answer = Api.answer
    exhausted = ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "30")

    def told(self: Api, request: Request) -> Response:
        response = answer(self, request)
        return replace(response, headers=exhausted) if request.target.endswith("/stream") else response

    found, asked = [], -simulator.requests_served().get("stream", 0)
    with moved_clock() as clock, exporter(simulator) as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Api, "answer", told)
        for _ in range(3):
            found.append(scrape(url))
            clock.forward(5)
        asked += simulator.requests_served()["stream"]
    assert all(right(each, NAME, simulator) for each in found)
    assert len({each.one(NAME, STAMP) for each in found}) == len(found)
    assert 0 < asked <= COLLECTION.concurrency
