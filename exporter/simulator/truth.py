"""What is true of a centre, counted from its calls and not from what the API writes of them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from exporter.simulator.call import Agent, AgentStatus, Call, Channels, Direction, Status
from exporter.simulator.leg import LegDirection, LegStatus, NetworkType
from exporter.simulator.past import Past

Kind = tuple[Direction, Status]

#: Seconds from the answer in which a bridge and a recording come about: before, none is missing.
SETTLING = 10


@dataclass(frozen=True, slots=True)
class Truth:
    """A centre at one moment. Pairs with no calls are left out; durations are whole seconds.

    Calls that ended and linger in the list are counted by the figures down to `agents`, not by those below.
    """

    now: float
    """Unix time in the centre."""
    call_sids: frozenset[str]
    total: int
    calls: Mapping[Kind, int]
    recorded: Mapping[Kind, int]
    """Calls listed as recorded."""
    without_agent: Mapping[Kind, int]
    longest: Mapping[Kind, int]
    longest_duration: int
    lines: Mapping[str, int]
    """Calls by the centre's own number."""
    agents_on_call: int
    agents: Mapping[AgentStatus, int]
    """Distinct agents in the list, by what they do."""

    agents_with_several_calls: int
    legs: Mapping[tuple[LegDirection, LegStatus, NetworkType], int]
    legs_muted: int
    legs_on_hold: int
    calls_by_legs: Mapping[str, int]
    """Settled calls in progress by their legs: 1, 2 or 3+."""
    all_muted: int
    """Settled calls in progress with legs that are all muted."""
    bridges: Mapping[Literal["active", "none"], int]
    """Calls in progress whose legs are joined; settled ones whose legs aren't."""
    recordings: Mapping[Channels, int]
    """Calls that are being recorded."""
    recording_mismatch: int
    """Settled calls in progress that are listed as recorded and are not, or the reverse."""
    agent_streams: int
    """Voice-bot sessions: calls in progress with no agent, as many as are allowed."""

    started: int
    """Calls that arrived since the start; those found at the start aren't among them."""
    started_by_direction: Mapping[Direction, int]
    answered: int
    """Calls answered since the start."""
    answered_wait_seconds: float
    """How long these were queued and rang, together and exactly."""
    unanswered: int
    """Calls that ended since the start without an answer."""
    unanswered_wait_seconds: float
    ended: int
    """Calls that ended since the start, answered or not."""
    ended_by_direction: Mapping[Direction, int]
    ended_duration_seconds: float
    """How long these lasted from the answer on, together and exactly."""

    def document(self) -> dict[str, Any]:
        """Write it for JSON: tuples become levels, such as direction, then status."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def tell(every: Iterable[Call], now: float, past: Past, stream_limit: int) -> Truth:
    """Count what is true of these calls."""
    calls = list(every)
    kinds, recorded, without_agent = Counter[Kind](), Counter[Kind](), Counter[Kind]()
    longest: dict[Kind, int] = {}
    agents: Counter[Agent] = Counter()
    for call in calls:
        kind = (call.direction, call.status)
        kinds[kind] += 1
        recorded[kind] += call.script.recorded
        longest[kind] = max(longest.get(kind, 0), call.duration(now))
        if call.agent is None:
            without_agent[kind] += 1
        else:
            agents[call.agent] += call.ended is None
    statuses = Counter(agent.status for agent in agents)
    legs = {call: call.legs(now) for call in calls if call.ended is None}
    every_leg = [leg for each in legs.values() for leg in each]
    talking = [call for call in calls if call.status == "in-progress"]
    settled = [call for call in talking if call.duration(now) >= SETTLING]
    return Truth(
        now=now,
        call_sids=frozenset(call.sid for call in calls),
        total=len(calls),
        calls=kinds,
        recorded=+recorded,
        without_agent=without_agent,
        longest=longest,
        longest_duration=max(longest.values(), default=0),
        lines=Counter(call.exophone for call in calls),
        agents_on_call=statuses["on-call"],
        agents=statuses,
        agents_with_several_calls=sum(count > 1 for count in agents.values()),
        legs=Counter((leg.direction, leg.status, leg.network_type) for leg in every_leg),
        legs_muted=sum(leg.muted for leg in every_leg),
        legs_on_hold=sum(leg.on_hold for leg in every_leg),
        calls_by_legs=Counter(_up_to_3(len(legs[call])) for call in settled),
        all_muted=sum(all(leg.muted for leg in legs[call]) for call in settled if legs[call]),
        bridges=Counter(
            "none" if call.bridged(now) is None else "active"
            for call in talking
            if call.bridged(now) is not None or call in settled
        ),
        recordings=Counter(call.script.channels for call in legs if call.recording(now) is not None),
        recording_mismatch=sum(call.script.recorded != (call.recording(now) is not None) for call in settled),
        agent_streams=min(sum(call.agent is None for call in talking), stream_limit),
        started=past.started.total(),
        started_by_direction=past.started.copy(),
        answered=past.answered,
        answered_wait_seconds=past.answered_wait_seconds,
        unanswered=past.unanswered,
        unanswered_wait_seconds=past.unanswered_wait_seconds,
        ended=past.ended.total(),
        ended_by_direction=past.ended.copy(),
        ended_duration_seconds=past.ended_duration_seconds,
    )


def _up_to_3(legs: int) -> str:
    return "3+" if legs > 2 else str(legs)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return _nested(value)
    return sorted(value) if isinstance(value, frozenset) else value


def _nested(figures: Mapping[Any, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, figure in sorted(figures.items()):
        *outer, last = key if isinstance(key, tuple) else (key,)
        level = nested
        for name in outer:
            level = level.setdefault(name, {})
        level[last] = figure
    return nested
