"""AgentStream sessions: compared with what the simulator knows, and what their failures cost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import get_args

import pytest

from exporter.collect.account import Account
from exporter.collect.snapshot import Snapshot
from exporter.config import CollectionConfig, StreamsConfig
from exporter.exotel.enums import Endpoint
from exporter.exotel.models import AgentStreams
from exporter.simulator import Settings, Simulator
from exporter.simulator.profile import AgentStreamsFormat
from tests.scraping import Scrape, hurried, right, scrape
from tests.serving import EAGER, account, collecting, served, wait_until_idle

NAME = "acme"
COLLECTION = replace(EAGER, agent_streams=True, streams=StreamsConfig(enabled=True, max_per_scrape=20))

#: The fault, and the reason that is counted.
FAULTS = (
    ("status:500", "server_error"),
    ("reset", "connection"),
    ("bad_json", "bad_response"),
    ("html", "bad_response"),
    ("other_json", "bad_response"),
    ("other_json:[]", "bad_response"),
    ('other_json:{"active_streams": "many"}', "bad_response"),
    ('other_json:{"active_streams": -1}', "bad_response"),
    ('other_json:{"active_streams": true}', "bad_response"),
    ("huge:20", "bad_response"),
    ("redirect:http://127.0.0.1:9/", "redirect"),
)
#: These last for AgentStream's two seconds, or cost it a pause; with how many threads.
SLOW_FAULTS = (
    ("hang", "timeout", 1),
    ("hang", "timeout", 8),
    ("drip", "timeout", 1),
    ("status:429", "rate_limited", 1),
)
SCRAPER = 4
"""The scraper's timeout in seconds, for those."""


def sessions(snapshot: Snapshot) -> AgentStreams:
    """Return what was found; it must have been."""
    assert snapshot.agent_streams is not None, snapshot.results
    return snapshot.agent_streams


@pytest.mark.parametrize("format_", get_args(AgentStreamsFormat))
@pytest.mark.parametrize("limit", [3, 100])
def test_sessions_are_the_truth(limit: int, format_: AgentStreamsFormat) -> None:
    """How many there are, and how many are allowed; however the API tells them."""
    settings = Settings(calls=200, speed=0, stream_limit=limit, agent_streams_format=format_)
    with (
        Simulator(settings) as simulator,
        collecting(account(NAME, simulator.url, collection=COLLECTION)) as collect,
    ):
        for _ in range(3):
            assert sessions(collect()) == AgentStreams(simulator.truth().agent_streams, limit)
            simulator.advance(120)


@pytest.mark.parametrize(
    ("answer", "active", "limit"),
    [
        ({"active_streams": "7", "max_allowed_streams": "10"}, 7, 10),
        ({"active_streams": "0", "max_allowed_streams": 10}, 0, 10),
        ({"active_streams": 7, "max_allowed_streams": None}, 7, None),
        ({"active_streams": 7, "max_allowed_streams": "unlimited"}, 7, None),
        ({"active_streams": 7}, 7, None),
    ],
)
def test_the_numbers_may_be_texts(answer: object, active: int, limit: int | None) -> None:
    """The API's page shows either; a limit that can't be read is none."""
    with (
        Simulator(Settings(calls=2, speed=0)) as simulator,
        collecting(account(NAME, simulator.url, collection=COLLECTION)) as collect,
    ):
        simulator.set_faults([f"agent_streams/other_json:{json.dumps(answer)}"])
        assert sessions(collect()) == AgentStreams(active, limit)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """Return a centre that stands still."""
    with Simulator(Settings(calls=40, speed=0)) as made:
        yield made


@contextmanager
def exporter(
    simulator: Simulator, collection: CollectionConfig = COLLECTION
) -> Iterator[tuple[str, Account]]:
    """Serve the account of a simulator; give the URL and the account."""
    made = account(NAME, simulator.url, collection=collection)
    try:
        with served([made]) as url:
            yield url, made
    finally:
        simulator.clear_faults()


def failures(found: Scrape) -> dict[tuple[str, ...], float]:
    """Return the failures by collector and reason."""
    return found.by(NAME, "exotel_collector_failures_total", "collector", "reason")


def successes(found: Scrape) -> dict[tuple[str, ...], float]:
    """Return the collectors that succeeded."""
    return found.by(NAME, "exotel_collector_success", "collector")


@pytest.mark.parametrize(("fault", "reason", "concurrency"), [*((*each, 8) for each in FAULTS), *SLOW_FAULTS])
def test_a_failure_is_that_of_agent_streams_alone(
    simulator: Simulator, fault: str, reason: str, concurrency: int
) -> None:
    """Its reason is counted and its metrics are absent; calls and their details are right, and all there."""
    headers = hurried(SCRAPER) if (fault, reason, concurrency) in SLOW_FAULTS else None
    with exporter(simulator, replace(COLLECTION, concurrency=concurrency)) as (url, made):
        simulator.set_faults([f"agent_streams/{fault}"])
        failed = scrape(url, headers)
        wait_until_idle(made)
        simulator.clear_faults()
        after = scrape(url)
    assert right(failed, NAME, simulator)
    assert successes(failed) == {("calls",): 1, ("streams",): 1}
    assert failures(failed) == {("agent_streams", reason): 1}
    assert failed.by(NAME, "exotel_stream_calls", "result") == {("inspected",): 20, ("pending",): 20}
    assert failed.one(NAME, "exotel_agent_streams_active") is None
    assert after.one(NAME, "exotel_agent_streams_active") == simulator.truth().agent_streams
    assert after.one(NAME, "exotel_agent_streams_limit") == 100
    assert failures(after) == failures(failed)
    assert after.by(NAME, "exotel_stream_calls", "result") == {("inspected",): 40}


def test_sessions_are_told_even_when_calls_cannot_be_listed(simulator: Simulator) -> None:
    """One endpoint fails; the other is asked all the same."""
    with exporter(simulator) as (url, _):
        simulator.set_faults(["calls/status:500"])
        found = scrape(url)
    assert found.one(NAME, "exotel_up") == 0
    assert found.one(NAME, "exotel_agent_streams_active") == simulator.truth().agent_streams
    assert failures(found) == {("calls", "server_error"): 1}


@pytest.mark.parametrize("fault", ["status:401", "status:403"])
def test_refused_credentials_are_not_tried_on_agent_streams_too(simulator: Simulator, fault: str) -> None:
    """The API may lock the account."""
    with exporter(simulator) as (url, _):
        asked = simulator.requests_served()["agent_streams"]
        simulator.set_faults([f"calls/{fault}"])
        found = scrape(url)
        assert simulator.requests_served()["agent_streams"] == asked
    assert successes(found) == {}


def test_nothing_is_asked_unless_it_is_switched_on(simulator: Simulator) -> None:
    """By default AgentStream costs no request, and has no metric."""
    asked = simulator.requests_served()["agent_streams"]
    with served([account(NAME, simulator.url)]) as url:
        found = scrape(url)
    assert simulator.requests_served()["agent_streams"] == asked
    assert not [metric for _, metric in found.samples if metric.startswith("exotel_agent_streams")]


def test_sessions_on_a_host_of_their_own_cost_the_list_no_connection() -> None:
    """The list's connections are kept while the other host is asked; that one is asked nothing else."""
    with Simulator(Settings(calls=40, speed=0)) as v3, Simulator(Settings(calls=9, speed=0)) as voice:
        collection = replace(COLLECTION, agent_streams_url=voice.url, concurrency=1)
        with collecting(account(NAME, v3.url, collection=collection)) as collect:
            for _ in range(3):
                assert sessions(collect()).active == voice.truth().agent_streams
            assert len(v3._server._connections) == len(voice._server._connections) == 1
        assert not v3.requests_served().get("agent_streams")
        assert +Counter(voice.requests_served()) == {"agent_streams": 3}


def test_refused_sessions_are_told_as_refused_in_xml_too() -> None:
    """As the older API does it: a reason, and where it was asked."""
    settings = Settings(calls=2, speed=0, agent_streams_format="xml", account_sid="somebody")
    with (
        Simulator(settings) as simulator,
        collecting(account(NAME, simulator.url, collection=COLLECTION)) as collect,
    ):
        result = collect().results[Endpoint.AGENT_STREAMS]
    assert result is not None
    assert result.failure is not None
    assert result.failure.reason == "not_found"
    assert f"{simulator.url}/v1/Accounts/demo/ActiveStreams" in result.failure.detail
