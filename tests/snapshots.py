"""Snapshots as an account would return them, of calls and details that tests choose."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec.structs import replace as with_fields

from exporter.collect.account import LiveValues
from exporter.collect.breakdowns import Lines, agent_names, each_agent, longest_calls, tally_lines
from exporter.collect.counters import Counters
from exporter.collect.details import Details, read_details, tally_streams
from exporter.collect.erlang import Capacity
from exporter.collect.estimate import Estimate
from exporter.collect.lifecycle import Lifecycle
from exporter.collect.snapshot import ActiveCalls, Result, Snapshot
from exporter.collect.tallies import CallTally, slots_used, tally_agents, tally_calls
from exporter.config import CountsFrom, Line
from exporter.exotel.decode import read_stream
from exporter.exotel.enums import AgentStatus, CallStatus, Direction, Endpoint
from exporter.exotel.errors import ApiError, Failure, Reason
from exporter.exotel.listing.order import Order
from exporter.exotel.models import AgentStreams, Call, NamedAgent
from tests.rows import agent, call, personal_call

CENTRE = [
    call("call-1", "inbound", "in-progress", 42.0, agent("ann", "on-call"), recording_enabled=True),
    call("call-2", "outbound-api", "in-progress", 3700.0, agent("ben", "on_call"), recording_enabled=False),
    call("call-3", "incoming", "ringing", 0.0, None, recording_enabled=False),
    call("call-4", "outbound-api", "in-progress", 3600.0, agent("ann", "on-call"), recording_enabled=True),
    call("call-5", "sideways", None, None, None, None),
]


ANN = NamedAgent("ann", AgentStatus.ON_CALL, "Asha Rao")
BEN = NamedAgent("ben", AgentStatus.ON_CALL, 'Ravi "R" Das')
NAMED = [
    personal_call("call-1", "inbound", "in-progress", 42, ANN, to="08012345678"),
    personal_call("call-2", "outbound-api", "in-progress", 3700, BEN, from_="x"),
    personal_call("call-3", "incoming", "ringing", 0, None, to="+91 22 1234 5678"),
    personal_call("call-4", "outbound-dial", "in-progress", 42, ANN, to="8012345678"),
    personal_call("call-5", "sideways", None, None, NamedAgent(name="Nobody")),
    personal_call("call-6", "outbound-dial", "completed", 9000, ANN, from_="+918012345678"),
]
LINES = Lines([Line("sales", ("+918012345678",)), Line('"support"\\', ("+912212345678",))])
LEG = {"direction": "outbound", "status": "connected", "network_type": "voip"}
STREAMS: list[dict[str, Any]] = [
    {
        "legs": [
            {**LEG, "audio_status": {"muted": False, "hold": True}},
            {**LEG, "audio_status": {"muted": True, "hold": False}, "network_type": "pstn"},
            {"direction": "sideways", "status": "pondering", "network_type": "pigeon"},
            {"status": "completed"},
        ],
        "bridge": {"status": "active", "created_at": "2024-06-15T10:30:02.500Z"},
        "recording": {"enabled": True, "channels": "dual", "duration": 38},
        "duration": 42,
    },
    {"legs": [{**LEG, "audio_status": {"muted": True, "hold": False}}], "recording": {"enabled": False}},
    {"status": "completed", "legs": [], "bridge": {"status": "ended"}},
    {"bridge": {"status": "sagging"}, "recording": {"enabled": True, "channels": "octo"}},
    {"bridge": {}, "recording": {"enabled": True, "channels": "single"}},
]
TIMED = [with_fields(each, start_time="2024-06-15T10:30:00.000Z", recording_enabled=True) for each in NAMED]
BOUNDS = (60, 3600)
ENDED_AT = 1_700_000_000.5


@dataclass(frozen=True)
class Collected:
    """A snapshot, and what is true when it is exported."""

    snapshot: Snapshot
    live: LiveValues

    def but(self, **changes: Any) -> Collected:
        """Return it with another snapshot: one with these changes."""
        return replace(self, snapshot=replace(self.snapshot, **changes))


@dataclass(frozen=True, eq=False)
class Shown:
    """Stands in for an account in an exposition."""

    name: str
    live: LiveValues

    def live_values(self) -> LiveValues:
        """Return what is true now."""
        return self.live

    def withdraw(self, snapshot: Snapshot, error: Exception) -> Snapshot:
        """Return what is left of a snapshot that can't be exported."""
        return snapshot.withdrawn(Failure.of(error))


def shown(collected: Mapping[str, Collected]) -> dict[Shown, Snapshot]:
    """Return what an exposition takes, of accounts by their names."""
    return {Shown(name, each.live): each.snapshot for name, each in collected.items()}


def snapshot(
    calls: Sequence[Call], *, limit: int | None = None, slots: Mapping[str, int] | None = None
) -> Collected:
    """Collect these calls, at a fixed time, with nothing else switched on."""
    tally, nothing = tally_calls(calls, BOUNDS), Lifecycle.before(BOUNDS)
    active_calls = ActiveCalls(
        window=0.25,
        calls=tally,
        slots_used=slots_used(tally, slots or {}),
        capacity=Capacity(0.0125, 7) if limit else None,
        agents=tally_agents(calls),
        each_agent=(),
        agent_names={},
        longest_calls=(),
        lines=None,
        longest_rings=nothing.longest_rings,
    )
    found = Snapshot(
        ended_at=ENDED_AT,
        results={Endpoint.CALLS: Result(0.5)},
        active_calls=active_calls,
        reported=len(calls),
        unseen=0,
        seen=len(calls),
        order=Order.START,
        sustainable_interval=0.3,
        call_limit=limit,
    )
    return Collected(found, LiveValues(counters_of(tally).counts(), nothing.counts, 150))


def everything(calls: Sequence[Call], streams: Sequence[object], life: Lifecycle) -> Collected:
    """Collect these calls, and the details of some of them, with all that can be switched on."""
    plain = snapshot(calls).snapshot
    assert plain.active_calls is not None
    active_calls = replace(
        plain.active_calls,
        each_agent=each_agent(calls),
        agent_names=agent_names(calls),
        lines=tally_lines(calls, LINES.of_each(calls), LINES.names),
        longest_calls=longest_calls(calls, 3, LINES),
        longest_rings=life.longest_rings,
    )
    both = zip(calls, streams, strict=False)
    inspected = [details for call, stream in both if (details := inspect(call, stream))]
    counters = counters_of(plain.active_calls.calls)
    for details in inspected:
        counters.unknown(details.unknown)
    counters.request("streams", "404", 0.02)
    found = replace(
        plain,
        results={
            Endpoint.CALLS: Result(0.5),
            Endpoint.STREAMS: Result(0.75),
            Endpoint.AGENT_STREAMS: Result(0.125),
        },
        active_calls=active_calls,
        streams=tally_streams(inspected, len(calls) - len(inspected), 12.5),
        agent_streams=AgentStreams(12, 100),
    )
    return Collected(found, LiveValues(counters.counts(), life.counts, 150))


def counters_of(tally: CallTally) -> Counters:
    """Return the counters after one listing, which took one request."""
    counters = Counters("acme")
    counters.request("calls", "200", 0.07)
    counters.unknown(tally.unknown)
    return counters


def inspect(call: Call, stream: object) -> Details | None:
    """Return the details of a call, unless they are refused."""
    try:
        return read_details(call, read_stream(json.dumps({"response": {"stream": stream}}).encode(), "a"))
    except ApiError:
        return None


def life(*listings: Sequence[Call]) -> Lifecycle:
    """Return what listings tell that are 15 s apart, of an API whose durations count from the answer."""
    known = Lifecycle.before(BOUNDS, CountsFrom.ANSWER, LINES)
    for number, calls in enumerate(listings):
        at, by_sid = 15.0 * number, {call.call_sid: call for call in calls}
        known = known.after(by_sid, at, 0.25, ENDED_AT - 60 + at, LINES.of_each(calls))
    return known


def failed(
    reason: Reason, *, reported: int | None = None, unseen: int | None = None, seen: int | None = None
) -> Collected:
    """Collect in vain."""
    counters = Counters("acme")
    counters.failure("calls", reason)
    found = Snapshot(
        ended_at=ENDED_AT,
        results={Endpoint.CALLS: Result(1.5, Failure(reason, "…"))},
        reported=reported,
        unseen=unseen,
        seen=seen,
    )
    return Collected(found, LiveValues(counters.counts(), Lifecycle.before(BOUNDS).counts, 199))


ESTIMATE = (
    Estimate(Direction.INBOUND, CallStatus.IN_PROGRESS, 1041.25, 63.5),
    Estimate(Direction.INBOUND, CallStatus.RINGING, 158.75, 41.125),
    Estimate(Direction.OUTBOUND_API, CallStatus.QUEUED, 0.0, 30.25),
)


LIFE = life(
    [call("old", "inbound", "in-progress", 100)],
    [
        call("answered", "inbound", "ringing"),
        call("missed", "outbound-api", "queued"),
        call("odd", "sideways", "pondering", 7),
        call("blinks", "inbound", "in-progress", 3),
    ],
    [
        call("answered", "inbound", "in-progress", 5),
        with_fields(
            personal_call("fast", "inbound", "in-progress", 2.5, to="08012345678"),
            start_time="2023-11-14T22:12:44.000Z",
        ),
        call("waits", "outbound-dial", "ringing"),
    ],
    [call("waits", "outbound-dial", "ringing"), call("blinks", "inbound", "in-progress", 33)],
    [call("waits", "outbound-dial", "ringing"), call("blinks", "inbound", "in-progress", 48)],
)
