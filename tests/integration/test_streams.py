"""Stream details, from the API to the tally: which calls are looked at, and what is then true of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest

from bench.holds import Found, judged, scrapes
from exporter.collect.details import StreamTally
from exporter.collect.snapshot import Snapshot
from exporter.config import StreamsConfig
from exporter.exotel.enums import Endpoint
from exporter.simulator import Settings, Simulator, Truth
from exporter.simulator.malformed import MALFORMED_STREAMS
from tests.asked import asked
from tests.clock import moved_clock
from tests.serving import EAGER, account, collecting

Look = Callable[[], StreamTally]

MOST = 30
"""Calls that one collection looks at, unless a test says otherwise."""


@contextmanager
def looking(
    simulator: Simulator, most: int = MOST, max_age: float = 3600, concurrency: int = 8
) -> Iterator[Look]:
    """Return what collects once from a simulator, and tells what is then held of its calls."""
    streams = StreamsConfig(enabled=True, max_per_scrape=most, max_age=max_age)
    collection = replace(EAGER, streams=streams, concurrency=concurrency)
    with collecting(account("acme", simulator.url, collection=collection)) as collect:
        yield lambda: tally_of(collect())


def tally_of(snapshot: Snapshot) -> StreamTally:
    """Return what the streams of an snapshot told; they must have succeeded."""
    assert snapshot.streams is not None
    result = snapshot.results[Endpoint.STREAMS]
    assert result is not None
    assert result.failure is None, result.failure
    return snapshot.streams


def told(tally: StreamTally) -> Mapping[str, object]:
    """Return the figures of a tally under the names that the simulator gives them, zeros left out."""
    return {
        "legs": {kind: legs for kind, legs in tally.legs.items() if legs},
        "legs_muted": tally.muted,
        "legs_on_hold": tally.on_hold,
        "calls_by_legs": {legs: calls for legs, calls in tally.talks_by_legs.items() if calls},
        "all_muted": tally.all_muted,
        "bridges": {status: bridges for status, bridges in tally.bridges.items() if bridges},
        "recordings": {channels: calls for channels, calls in tally.recordings.items() if calls},
        "recording_mismatch": tally.mismatches,
    }


def true(truth: Truth) -> Mapping[str, object]:
    """Return what `told` must say when every call is inspected."""
    names = "legs legs_muted legs_on_hold calls_by_legs all_muted bridges recordings recording_mismatch"
    return {name: getattr(truth, name) for name in names.split()}


@pytest.mark.parametrize("calls", [0, 1, MOST, 400])
def test_once_every_call_was_looked_at_the_figures_are_the_truth(calls: int) -> None:
    """Legs, mute, hold, silent calls, bridges, recordings: for no call, one, as many as fit, many."""
    with Simulator(Settings(calls=calls, speed=0, seed=5)) as simulator, looking(simulator) as look:
        simulator.advance(600 if calls else 0)  # by then some are on hold
        tally, truth = look(), simulator.truth()
        for _ in range(truth.total // MOST + 1):
            tally = look()
    assert (tally.inspected, tally.pending) == (truth.total, 0)
    assert told(tally) == true(truth)
    if calls == 400:
        assert truth.legs_on_hold
        assert truth.all_muted
        assert truth.recording_mismatch
        assert {"1", "2", "3+"} == truth.calls_by_legs.keys()


def test_each_collection_looks_at_no_more_calls_than_configured() -> None:
    """Inspected and pending calls are always the active ones, and the former grow at a bounded pace."""
    with Simulator(Settings(calls=130, speed=0)) as simulator, looking(simulator) as look:
        coverage = []
        for collections in range(1, 7):
            tally = look()
            coverage.append((tally.inspected, tally.pending))
            assert simulator.requests_served()["stream"] == collections * MOST
    assert coverage == [(30, 100), (60, 70), (90, 40), (120, 10), (130, 0), (130, 0)]


def test_each_call_is_asked_for_before_any_is_asked_for_again() -> None:
    """And new ones are asked for at once, beside those asked for longest ago."""
    with (
        Simulator(Settings(calls=70, speed=0)) as simulator,
        asked() as noted,
        looking(simulator, concurrency=1) as look,
    ):
        for _ in range(3):
            look()
        first_round = noted.details()
        assert set(first_round[:70]) == simulator.truth().call_sids
        assert set(first_round[70:]) <= set(first_round[:MOST])  # of the first collection
        before = simulator.truth().call_sids
        simulator.advance(30)
        came = simulator.truth().call_sids - before
        look()
    assert came
    assert came <= set(noted.details()[len(first_round) :])


@pytest.mark.parametrize("fault", ["status:500", "bad_json"])
def test_calls_that_cannot_be_looked_at_keep_no_others_waiting(fault: str) -> None:
    """Those whose details fail come again when all others had their turn, and not again and again."""
    with Simulator(Settings(calls=90, speed=0)) as simulator, asked() as noted:
        streams = StreamsConfig(enabled=True, max_per_scrape=MOST)
        made = account("acme", simulator.url, collection=replace(EAGER, streams=streams))
        with collecting(made) as collect:
            simulator.set_faults([f"stream/{fault}*{MOST}"])
            failed = collect()
            tallies = [tally_of(collect()) for _ in range(3)]
        assert set(noted.details()[:90]) == simulator.truth().call_sids
    result = failed.results[Endpoint.STREAMS]
    assert result is not None
    assert result.failure is not None
    assert set(noted.details()[90:]) == set(noted.details()[:MOST])
    assert [tally.inspected for tally in tallies] == [30, 60, 90]


def test_what_is_held_for_too_long_no_longer_counts() -> None:
    """After `max_age` a call is pending again, until it is looked at again."""
    with (
        Simulator(Settings(calls=50, speed=0)) as simulator,
        moved_clock() as clock,
        looking(simulator, most=20, max_age=60) as look,
    ):
        inspected = []
        for _ in range(8):
            inspected.append(look().inspected)
            clock.forward(25)
        assert inspected == [20, 40, 50, 50, 50, 50, 50, 50]  # three collections to a minute
        clock.forward(45)
        assert look().inspected == 20


def test_a_call_that_left_the_list_no_longer_counts() -> None:
    """All that is counted is of calls that were just listed."""
    with Simulator(Settings(calls=200, speed=0)) as simulator, looking(simulator, most=100) as look:
        look()
        assert look().inspected == 200
        simulator.advance(240)
        with asked() as noted:
            tally = look()
        truth = simulator.truth()
        assert len(noted.details()) == 100
        assert set(noted.details()) <= truth.call_sids
        assert tally.inspected + tally.pending == truth.total
        look()
        tally = look()
    assert (tally.inspected, tally.pending) == (truth.total, 0)
    assert told(tally) == true(truth)


def test_ended_calls_that_linger_in_the_list_are_not_looked_at() -> None:
    """They have no legs any more; inspected and pending calls are the active ones."""
    with Simulator(Settings(calls=100, speed=0, linger=600)) as simulator, looking(simulator, 500) as look:
        simulator.advance(120)
        tally, truth = look(), simulator.truth()
        over = sum(calls for (_, status), calls in truth.calls.items() if status == "completed")
    assert over
    assert told(tally) == true(truth)
    assert tally.pending == 0
    assert tally.inspected <= truth.total - over


def test_a_call_that_ended_before_its_turn_is_no_failure() -> None:
    """Its details are 404: it is pending, and the collection succeeds."""
    with Simulator(Settings(calls=10, speed=0)) as simulator, looking(simulator) as look:
        simulator.set_faults(["stream/status:404*4"])
        tally = look()
        assert (tally.inspected, tally.pending) == (6, 4)
        assert look().inspected == 10


def test_hostile_details_cost_only_themselves() -> None:
    """Every row of the table: what can be read counts, unknown words are `other`, all else is left out."""
    calls = len(MALFORMED_STREAMS)
    streams = StreamsConfig(enabled=True, max_per_scrape=calls)
    with Simulator(Settings(calls=calls, speed=0)) as simulator:
        simulator.set_faults(["stream/details"])
        made = account("acme", simulator.url, collection=replace(EAGER, streams=streams, concurrency=1))
        with collecting(made) as collect:
            hostile, unknown = collect(), made.live_values().counts.unknown
            simulator.clear_faults()
            tally, truth = tally_of(collect()), simulator.truth()
    assert hostile.active_calls is not None
    result, found = hostile.results[Endpoint.STREAMS], hostile.streams
    assert result is not None
    assert result.failure is not None
    assert result.failure.reason == "bad_response"
    assert found is not None
    assert found.inspected + found.pending == calls
    assert found.inspected > calls / 2
    words = {str(word) for kind in found.legs for word in kind} | {
        *map(str, found.recordings),
        *(set(map(str, found.bridges)) - {"none"}),
    }
    assert words <= {
        *("inbound", "outbound", "pstn", "voip", "other", "unknown", "active", "ended", "single", "dual"),
        *("connected", "in-progress", "ringing", "answered", "completed", "failed", "no-answer"),
    }
    assert unknown["legs"]
    assert unknown["bridge_created_at"]
    assert unknown["recording_duration"]
    assert (tally.inspected, told(tally)) == (calls, true(truth))


@pytest.mark.parametrize(
    ("calls", "interval", "least"), [(40, 15, 19), (100, 15, 17), (300, 15, 16), (100, 60, 15)]
)
def test_a_forgotten_hold_is_followed_however_many_calls_there_are(
    calls: int, interval: int, least: float
) -> None:
    """Of twenty minutes, with the defaults; nothing like it is told before it, or soon after it."""
    found = _found(calls, interval)
    assert found.highest >= least
    assert found.alerting >= least - 6
    assert found.lingering <= 1.5
    assert found.quiet_highest < 5
    assert found.wrong == 0


def test_where_too_few_calls_are_inspected_the_longest_hold_is_absent_and_not_zero() -> None:
    """Of 300 calls twenty a minute: a hold may go on for long before it is seen."""
    found = _found(300, 60)
    assert found.absent > 0.5
    assert found.wrong == 0


def _found(calls: int, interval: int) -> Found:
    return judged(list(scrapes(calls, interval, seed=1)), interval)
