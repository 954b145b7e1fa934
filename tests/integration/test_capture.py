"""What is captured of an API gives an exporter what the API itself gave it, whatever that does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from exporter import __version__
from exporter.archive import Capture
from exporter.capture.pseudonyms import Pseudonyms
from exporter.capture.recorder import Recorder
from exporter.capture.settings import account_sid, settings
from exporter.collect.account import Account
from exporter.config import AccountConfig, CollectionConfig, Line, MetricsConfig, Secret, StreamsConfig
from exporter.exotel.deadline import Deadline
from exporter.metrics.exposition import expose
from exporter.simulator import EXOPHONES, Fault, Settings, Simulator
from exporter.simulator.fault_kinds import KINDS
from exporter.simulator.profiles import PROFILES
from exporter.simulator.servers import SERVERS
from exporter.web.sections import Seconds
from tests.clock import moved_clock
from tests.replaying import collected, replayed
from tests.waiting import GUARD, scaled, wait_until

INTERVAL = 15.0  # seconds between collections
CALLS = 130
CENTRE = Settings(calls=CALLS, second_calls=0.05, speed=0, numbers="mixed")
COLLECTION = CollectionConfig(
    timeout=Seconds(20),
    requests_per_minute=1000,
    agent_streams=True,
    streams=StreamsConfig(enabled=True, max_per_scrape=8),
)
METRICS = MetricsConfig(per_agent=True, agent_names=True, longest_calls=5)

LASTING = {"hang", "drip", "slow"}
"""Faults that are over with the deadline."""
FAULTS = [
    *("status:401", "status:403,body=html", "status:404,body=empty", "status:500@middle", "status:204"),
    *("status:503,body=v1@first", "status:400@middle", "status:429,retry-after=1@middle*1"),
    *("stream/status:404", "stream/status:403", "stream/status:429,retry-after=30,body=html"),
    *("agent_streams/status:404,body=html", "inside:401", "inside:500@middle", "stream/inside:404"),
    *("slow:1h@middle", "hang@first", "hang@middle", "stream/hang", "drip@middle", "agent_streams/drip"),
    *("reset@first", "reset@middle", "stream/reset", "close@middle", "agent_streams/close"),
    *("truncate@first", "truncate@middle", "stream/truncate", "garbage@first", "stream/garbage"),
    *("bad_json@first", "bad_json@middle", "stream/bad_json", "html@middle", "agent_streams/html"),
    *("other_json", "other_json:null@middle", 'other_json:"calls"', "stream/other_json", "empty_page@middle"),
    *("total:0", "total:null", "total:NaN", "total:-5", "total:1e400", 'total:"many"', "total:1000000000"),
    *("rows", "rows@middle", "endings", "spoilt@first", "spoilt@middle", "details"),
    *('stream/stream:{"legs": null}', 'stream/stream:{"status": "completed"}', "huge:9@middle"),
    *("stream/huge:5", "redirect:https://www.example.com/919812345678", "redirect:http://["),
]
LEFT_OUT = re.compile(
    r"#|exotel_(api_(request_duration|budget)|snapshot_(timestamp|window)|collector_duration|sustainable"
    r"|observed_longest_ring)"
)
"""Times, and what depends on how long requests take."""
SPECULATIVE = re.compile(r'exotel_api_requests_total{.*endpoint="calls"')
"""Pages that nobody wants any more, behind the end or of a size that has changed: some come before that is
known, and others are broken off."""
RACES = "stream/"
"""Faults after which no more is asked: how many requests are under way by then is a race of more than one."""
ONLY_ONE = "stream/hang"
"""A fault that lasts until the deadline: whether one more request is drawn in that instant is a race, too."""
CLOSE_CALL = "ties-minutes"
"""A server of whose list it is a close call whether it has an order: the time that requests took decides."""
REPLACED = re.compile(r'(account|agent_id|agent_name|call_sid)="(?:[^"\\]|\\.)*"')


@contextmanager
def capturing(simulator: Simulator, collection: CollectionConfig) -> Iterator[tuple[Account, list[Capture]]]:
    """Give an account whose requests are recorded; what was captured of it is in the list afterwards."""
    config = AccountConfig(
        name="The Bombay Talking Company",
        account_sid=simulator.settings.account_sid,
        base_url=simulator.url,
        api_key=Secret(simulator.settings.api_key),
        api_token=Secret(simulator.settings.api_token),
        call_limit=150,
        lines=(Line("line-1", EXOPHONES[:2]), Line("line-2", EXOPHONES[2:3])),
        collection=collection,
    )
    pseudonyms, captured = Pseudonyms(), list[Capture]()
    recorder = Recorder(1000, pseudonyms)
    account = Account(config, METRICS, transport=recorder.transport)
    try:
        yield account, captured
        captured.append(
            Capture(
                account_sid=account_sid(config, pseudonyms),
                began=pseudonyms.moment(1_718_447_400.0),
                version=__version__,
                settings=settings(config, METRICS, pseudonyms),
                exchanges=[each.result() for each in recorder.close()],
            )
        )
    finally:
        account.close()


def expositions(account: Account, left_out: re.Pattern[str]) -> list[list[str]]:
    """Return what two collections export, without what is left out, and with a word for replaced labels."""
    found = []
    with moved_clock() as clock:
        for _ in range(2):
            text, _ = expose({account: collected(account)}, accept="")
            lines = [line for line in text.decode().splitlines() if not left_out.match(line)]
            found.append(sorted(REPLACED.sub(r'\1="…"', line) for line in lines))
            clock.forward(INTERVAL)
    return found


def exported_and_replayed(
    centre: Settings, collection: CollectionConfig, left_out: re.Pattern[str]
) -> tuple[list[list[str]], list[list[str]]]:
    """Return what a simulator's account exports, and what its replay does."""
    with Simulator(centre) as simulator, capturing(simulator, collection) as (account, captured):
        exported = expositions(account, left_out)
    with replayed(captured[0]) as account:
        return exported, expositions(account, left_out)


@pytest.mark.parametrize(("is_wanted", "failure"), [(True, "timeout"), (False, "abandoned")])
def test_a_request_that_is_broken_off_is_told_from_one_that_is_not_answered(
    is_wanted: bool, failure: str
) -> None:
    """The one is the exporter's doing, the other the API's: in a capture, and in the metrics."""
    centre = replace(CENTRE, faults=(Fault.parse("hang"),))
    with Simulator(centre) as simulator, capturing(simulator, COLLECTION) as (account, captured):
        collection = account.collect(Deadline.after(scaled(0.5) if is_wanted else GUARD))
        wait_until(lambda: simulator.requests_served().get("calls"), "a request")
        if not is_wanted:
            account.cancel()
        assert collection.result(timeout=GUARD).failure is not None
        assert {code for _, code in account.live_values().counts.requests} == {failure}
    assert {exchange.failure for exchange in captured[0].exchanges} == {failure}


def test_every_kind_of_fault_is_captured_below() -> None:
    """A new one needs an example."""
    assert {Fault.parse(fault).kind for fault in FAULTS} == set(KINDS)


@pytest.mark.parametrize("fault", ["", *FAULTS])
def test_a_replay_exports_what_the_api_did(fault: str) -> None:
    """Two collections are the same to the last digit: calls, agents, lines, details, failures, requests."""
    is_lasting = bool(fault) and Fault.parse(fault).kind in LASTING
    collection = replace(COLLECTION, timeout=Seconds(scaled(1.5))) if is_lasting else COLLECTION
    left_out = LEFT_OUT
    if fault.startswith(RACES):
        collection = replace(collection, concurrency=1)
    if fault == ONLY_ONE:
        collection = replace(collection, streams=replace(collection.streams, max_per_scrape=1))
    if fault.startswith(("total:", "rows")):
        left_out = re.compile(f"{LEFT_OUT.pattern}|{SPECULATIVE.pattern}")
    centre = replace(CENTRE, faults=(Fault.parse(fault),) if fault else ())
    exported, found = exported_and_replayed(centre, collection, left_out)
    assert found == exported


@pytest.mark.parametrize("name", [name for name in PROFILES | SERVERS if name != CLOSE_CALL])
def test_a_replay_exports_what_any_server_did(name: str) -> None:
    """Whatever limits it refuses, fields it leaves out, and totals it tells."""
    left_out = re.compile(f"{LEFT_OUT.pattern}|{SPECULATIVE.pattern}")
    profile = (PROFILES | SERVERS)[name]
    # Where the same question has another answer each time, which of two at once gets which is a race.
    collection = replace(COLLECTION, concurrency=1) if profile.reordering else COLLECTION
    exported, found = exported_and_replayed(replace(CENTRE, profile=profile), collection, left_out)
    assert found == exported
