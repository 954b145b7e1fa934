"""Observations as an account would give them, of calls and details that tests choose."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from msgspec.structs import replace as with_fields

from exporter.collect.agents import tally_agents
from exporter.collect.counters import Counters
from exporter.collect.details import Details, read_details
from exporter.collect.each_agent import agent_names, each_agent
from exporter.collect.estimate import Estimate
from exporter.collect.lifecycle import Lifecycle
from exporter.collect.lines import Lines, tally_lines
from exporter.collect.longest import longest_calls
from exporter.collect.snapshot import ActiveCalls, Run, Snapshot
from exporter.collect.stream_tally import tally_streams
from exporter.collect.tallies import CallTally, tally_calls
from exporter.config import Line
from exporter.exotel.decode import read_stream
from exporter.exotel.enums import AgentStatus, CallStatus, Direction, Endpoint
from exporter.exotel.errors import ApiError, Reason
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


def snapshot(calls: Sequence[Call], *, limit: int | None = None) -> Snapshot:
    """Observe these calls, at a fixed time, with nothing else switched on."""
    tally, nothing = tally_calls(calls, BOUNDS), Lifecycle.before(BOUNDS)
    active_calls = ActiveCalls(
        ended_at=ENDED_AT,
        window=0.25,
        calls=tally,
        agents=tally_agents(calls),
        each_agent=(),
        agent_names={},
        lines=None,
        longest_calls=(),
        longest_rings=nothing.longest_rings,
    )
    return Snapshot(
        ended_at=ENDED_AT,
        calls=Run(0.5, active_calls, None),
        streams=None,
        agent_streams=None,
        held=None,
        reported=len(calls),
        unseen=0,
        seen=len(calls),
        order=Order.START,
        estimate=(),
        budget_remaining=150,
        sustainable_interval=0.3,
        call_limit=limit,
        collectors=(Endpoint.CALLS,),
        counts=ledger_of(tally).counts(),
        lives=nothing.counts,
    )


def everything(calls: Sequence[Call], looks: Sequence[object], life: Lifecycle) -> Snapshot:
    """Observe these calls, and looks at some of them, with all that can be switched on."""
    plain = snapshot(calls)
    assert plain.active_calls is not None
    active_calls = replace(
        plain.active_calls,
        each_agent=each_agent(calls),
        agent_names=agent_names(calls),
        lines=tally_lines(calls, LINES),
        longest_calls=longest_calls(calls, 3, LINES),
        longest_rings=life.longest_rings,
    )
    held = [details for call, look in zip(calls, looks, strict=False) if (details := look_at(call, look))]
    counters = ledger_of(plain.active_calls.calls)
    for details in held:
        counters.unknown(details.unknown)
    counters.request("streams", "404", 0.02)
    return replace(
        plain,
        calls=replace(plain.calls, found=active_calls),
        streams=Run(0.75, tally_streams(held, len(calls) - len(held), 12.5), None),
        agent_streams=Run(0.125, AgentStreams(12, 100), None),
        collectors=tuple(Endpoint),
        counts=counters.counts(),
        lives=life.counts,
    )


def ledger_of(tally: CallTally) -> Counters:
    """Give the counters after one listing, which took one request."""
    counters = Counters("acme")
    counters.request("calls", "200", 0.07)
    counters.unknown(tally.unknown)
    return counters


def look_at(call: Call, stream: object) -> Details | None:
    """Look at the details of a call, unless they are refused."""
    try:
        return read_details(call, read_stream(json.dumps({"response": {"stream": stream}}).encode(), "a"))
    except ApiError:
        return None


def life(*listings: Sequence[Call]) -> Lifecycle:
    """Give what listings tell that are 15 s apart."""
    known = Lifecycle.before(BOUNDS)
    for number, calls in enumerate(listings):
        known = known.after(calls, 15.0 * number)
    return known


def failed(
    reason: Reason, *, reported: int | None = None, unseen: int | None = None, seen: int | None = None
) -> Snapshot:
    """Observe a failure."""
    counters = Counters("acme")
    counters.failure("calls", reason)
    return Snapshot(
        ended_at=ENDED_AT,
        calls=Run(1.5, None, ApiError(reason, "…")),
        streams=None,
        agent_streams=None,
        held=None,
        reported=reported,
        unseen=unseen,
        seen=seen,
        order=None,
        estimate=(),
        budget_remaining=199,
        sustainable_interval=None,
        call_limit=None,
        collectors=(Endpoint.CALLS,),
        counts=counters.counts(),
        lives=Lifecycle.before(BOUNDS).counts,
    )


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
    [call("answered", "inbound", "in-progress", 5), call("waits", "outbound-dial", "ringing")],
    [call("waits", "outbound-dial", "ringing"), call("blinks", "inbound", "in-progress", 33)],
    [call("waits", "outbound-dial", "ringing"), call("blinks", "inbound", "in-progress", 48)],
)
