"""The points of an account's metrics, from its last snapshot and its live counters."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from exporter.collect.account import LiveValues
from exporter.collect.counters import NO_REQUESTS, Counts
from exporter.collect.details import StreamTally
from exporter.collect.lifecycle import ObservedCounts
from exporter.collect.snapshot import ActiveCalls, Snapshot
from exporter.collect.tallies import AgentTally
from exporter.exotel.enums import Endpoint
from exporter.metrics import definitions as d
from exporter.metrics.metric import Metric, Point

_CALLS, _STREAMS = (Endpoint.CALLS,), (Endpoint.STREAMS,)


def points(snapshot: Snapshot, live: LiveValues) -> Iterator[Point]:
    """Yield all that is known of an account; what isn't known is absent."""
    yield from _collection(snapshot)
    yield d.BUDGET(live.budget_remaining)
    yield from _counters(live.counts, tuple(snapshot.results))
    yield from _lives(live.lives)
    if snapshot.active_calls is not None:
        yield d.TIMESTAMP(snapshot.ended_at)
        yield from _active_calls(snapshot.active_calls)
    for estimate in snapshot.estimate:
        yield d.ESTIMATE(estimate.calls, estimate.direction, estimate.status)
        yield d.ESTIMATE_ERROR(estimate.error, estimate.direction, estimate.status)
    if snapshot.streams is not None:
        yield from _streams(snapshot.streams)
    if snapshot.agent_streams is not None:
        yield d.SESSIONS(snapshot.agent_streams.active)
        yield from _known(d.SESSIONS_LIMIT, snapshot.agent_streams.limit)


def _known(metric: Metric, value: float | None, *labels: str) -> Iterator[Point]:
    if value is not None:
        yield metric(value, *labels)


def _collection(snapshot: Snapshot) -> Iterator[Point]:
    yield d.UP(snapshot.active_calls is not None)
    for collector, result in snapshot.results.items():
        if result is not None:
            yield d.SUCCESS(result.failure is None, collector)
            yield d.COLLECTOR_DURATION(result.seconds, collector)
    if snapshot.order is not None:
        yield d.ORDER(1, snapshot.order)
    yield from _known(d.REPORTED, snapshot.reported)
    yield from _known(d.LISTED, snapshot.seen)
    yield from _known(d.UNSEEN, snapshot.unseen)
    yield from _known(d.INTERVAL, snapshot.sustainable_interval)
    yield from _known(d.LIMIT, snapshot.call_limit)


def _counters(counts: Counts, collectors: tuple[str, ...]) -> Iterator[Point]:
    for labels, runs in d.FAILURES.with_zeros(counts.failures, 0, collectors).items():
        yield d.FAILURES(runs, *labels)
    for labels, requests in sorted(d.RETRIES.with_zeros(counts.retries, 0, collectors).items()):
        yield d.RETRIES(requests, *labels)
    for labels, requests in sorted(d.REQUESTS.with_zeros(counts.requests, 0, collectors).items()):
        yield d.REQUESTS(requests, *labels)
    durations = d.REQUEST_DURATION.with_zeros(counts.request_durations, NO_REQUESTS, collectors)
    for endpoint, histogram in sorted(durations.items()):
        yield d.REQUEST_DURATION.histogram(histogram, endpoint)
    for field, values in sorted(d.UNKNOWN.with_zeros(counts.unknown, 0, collectors).items()):
        yield d.UNKNOWN(values, field)


def _lives(lives: ObservedCounts) -> Iterator[Point]:
    """Yield the points of counters that stand still while listings fail."""
    for direction, calls in sorted(lives.started.items()):
        yield d.STARTED(calls, direction)
    for pair, calls in sorted(lives.ended.items()):
        yield d.ENDED(calls, *pair)
    yield d.RETURNED(lives.returned)
    for labels, histogram in sorted(lives.rings.items(), key=itemgetter(0)):
        yield d.RING_DURATION.histogram(histogram, *labels)
    for direction, histogram in sorted(lives.durations.items(), key=itemgetter(0)):
        yield d.OBSERVED_DURATION.histogram(histogram, direction)
    for how, histogram in sorted(lives.waits.items(), key=itemgetter(0)):
        yield d.WAIT_DURATION.histogram(histogram, *how)
    for kind, histogram in sorted(lives.handling.items(), key=itemgetter(0)):
        yield d.HANDLING_DURATION.histogram(histogram, *kind)


def _active_calls(active_calls: ActiveCalls) -> Iterator[Point]:
    yield d.WINDOW(active_calls.window)
    yield d.SLOTS_USED(active_calls.slots_used)
    if active_calls.capacity is not None:
        yield d.BLOCKING(active_calls.capacity.blocking)
        if active_calls.capacity.slots_needed is not None:
            yield d.LINES_NEEDED(active_calls.capacity.slots_needed)
    for group in active_calls.calls.groups:
        pair = group.direction, group.status
        yield d.ACTIVE_CALLS(group.calls, *pair)
        yield d.CALL_DURATION.histogram(group.durations, *pair)
        yield from _known(d.LONGEST, group.longest, *pair)
        yield from _known(d.RECORDED, group.recorded, *pair)
    for call in active_calls.longest_calls:
        yield d.ONE_CALL(call.duration, call.call_sid, call.agent_id, call.direction, call.status, call.line)
    for labels, calls in (active_calls.lines or {}).items():
        yield d.LINE_CALLS(calls, *labels)
    if active_calls.agents is not None:
        yield from _agents(active_calls, active_calls.agents)
    for direction, seconds in active_calls.longest_rings.items():
        yield d.LONGEST_RING(seconds, direction)


def _agents(active_calls: ActiveCalls, agents: AgentTally) -> Iterator[Point]:
    yield d.ON_CALL(agents.on_call)
    for status, number in d.AGENTS.with_zeros(agents.by_status, 0, _CALLS).items():
        yield d.AGENTS(number, status)
    yield d.MULTIPLE(agents.on_several_calls)
    for group in active_calls.calls.groups:
        yield d.WITHOUT_AGENT(group.without_agent, group.direction, group.status)
    for agent in active_calls.each_agent:
        yield d.AGENT_CALLS(agent.calls, agent.agent_id)
        if agent.longest is not None:  # there may be thousands, for each of whom a generator would be made
            yield d.AGENT_LONGEST(agent.longest, agent.agent_id)
    for agent_id, name in sorted(active_calls.agent_names.items()):
        yield d.AGENT_INFO(1, agent_id, name)


def _streams(tally: StreamTally) -> Iterator[Point]:
    """Yield what is known of inspected calls; where there are calls and none is inspected, only that."""
    yield d.STREAM_CALLS(tally.inspected, "inspected")
    yield d.STREAM_CALLS(tally.pending, "pending")
    if tally.pending and not tally.inspected:
        return
    if tally.knows_legs:
        for kind, legs in d.LEGS.with_zeros(tally.legs, 0, _STREAMS).items():
            yield d.LEGS(legs, *kind)
        yield d.MUTED(tally.muted)
        yield d.ON_HOLD(tally.on_hold)
        if tally.longest_hold is not None:
            yield d.LONGEST_HOLD(tally.longest_hold)
        for number, calls in d.BY_LEGS.with_zeros(tally.talks_by_legs, 0, _STREAMS).items():
            yield d.BY_LEGS(calls, number)
        yield d.ALL_MUTED(tally.all_muted)
    for status, bridges in d.BRIDGES.with_zeros(tally.bridges, 0, _STREAMS).items():
        yield d.BRIDGES(bridges, status)
    yield d.BRIDGE_SETUP.histogram(tally.bridge_setup)
    if tally.knows_recordings:
        for channels, recordings in d.RECORDINGS.with_zeros(tally.recordings, 0, _STREAMS).items():
            yield d.RECORDINGS(recordings, channels)
        yield d.MISMATCHES(tally.mismatches)
        yield d.LAG.histogram(tally.recording_lag)
