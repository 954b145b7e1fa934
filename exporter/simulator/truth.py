"""The ground truth about a contact centre, counted from its calls and not from what the API writes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from exporter.simulator.call import (
    Agent,
    AgentStatus,
    Call,
    Channels,
    Direction,
    LegDirection,
    LegStatus,
    NetworkType,
    Status,
)

DirectionAndStatus = tuple[Direction, Status]

#: Seconds after the answer within which a bridge and a recording appear; a call is settled after them.
SETTLING = 10


@dataclass(slots=True)
class Counters:
    """What was counted since the start; seconds are exact. Calls found at the start count as they end."""

    started: Counter[Direction] = field(default_factory=Counter)
    """Calls that arrived; not those found at the start."""
    refused: int = 0
    """Calls that arrived and were refused, which haven't started."""
    ended: Counter[Direction] = field(default_factory=Counter)
    answered: int = 0
    answered_wait_seconds: float = 0.0
    unanswered: int = 0
    unanswered_wait_seconds: float = 0.0
    ended_duration_seconds: float = 0.0

    def refuse(self) -> None:
        """Count a call that is refused."""
        self.refused += 1

    def start(self, call: Call) -> None:
        """Count a call that arrives."""
        self.started[call.direction] += 1

    def answer(self, call: Call, now: float) -> None:
        """Count a call that is answered now."""
        self.answered += 1
        self.answered_wait_seconds += now - call.started

    def end(self, call: Call, now: float) -> None:
        """Count a call that ends now."""
        self.ended[call.direction] += 1
        if call.answered is None:
            self.unanswered += 1
            self.unanswered_wait_seconds += now - call.started
        else:
            self.ended_duration_seconds += now - call.answered


@dataclass(frozen=True, slots=True)
class Truth:
    """A contact centre at one moment. Pairs with no calls are left out; durations are whole seconds.

    Ended calls that linger in the list count in the fields down to `agents`, not in those below.
    """

    now: float
    """Unix time in the contact centre."""
    call_sids: frozenset[str]
    total: int
    calls: Mapping[DirectionAndStatus, int]
    recorded: Mapping[DirectionAndStatus, int]
    """Calls listed as recorded."""
    without_agent: Mapping[DirectionAndStatus, int]
    longest: Mapping[DirectionAndStatus, int]
    longest_duration: int
    lines: Mapping[str, int]
    """Calls by the contact centre's own number."""
    agents_on_call: int
    agents: Mapping[AgentStatus, int]
    """Distinct agents in the list, by status."""

    agents_with_several_calls: int
    legs: Mapping[tuple[LegDirection, LegStatus, NetworkType], int]
    legs_muted: int
    legs_on_hold: int
    calls_by_legs: Mapping[str, int]
    """Settled calls in progress by number of legs: 1, 2 or 3+."""
    all_muted: int
    """Settled calls in progress with all legs muted."""
    bridges: Mapping[Literal["active", "none"], int]
    """Bridged calls in progress; settled calls that aren't bridged."""
    recordings: Mapping[Channels, int]
    """Calls being recorded."""
    recording_mismatch: int
    """Settled calls in progress that are listed as recorded but aren't being recorded, or the reverse."""
    agent_streams: int
    """Voice-bot sessions: calls in progress with no agent, up to the limit."""

    started: int
    """Calls that arrived since the start; not those found at the start."""
    started_by_direction: Mapping[Direction, int]
    refused: int
    """Calls that were refused since the start because the limit was reached; they haven't started."""
    answered: int
    """Calls answered since the start."""
    answered_wait_seconds: float
    """How long they were queued and ringing, in total."""
    unanswered: int
    """Calls that ended unanswered since the start."""
    unanswered_wait_seconds: float
    ended: int
    """Calls that ended since the start, answered or not."""
    ended_by_direction: Mapping[Direction, int]
    ended_duration_seconds: float
    """How long they lasted from the answer on, in total."""

    def document(self) -> dict[str, Any]:
        """Return the truth for JSON: keys that are tuples become nested objects."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def truth_of(listed: Iterable[Call], now: float, counters: Counters, stream_limit: int) -> Truth:
    """Return the truth about the calls in a list."""
    calls = list(listed)
    groups, recorded = Counter[DirectionAndStatus](), Counter[DirectionAndStatus]()
    without_agent, longest = Counter[DirectionAndStatus](), dict[DirectionAndStatus, int]()
    agents: Counter[Agent] = Counter()
    for call in calls:
        group = (call.direction, call.status)
        groups[group] += 1
        recorded[group] += call.script.recorded
        longest[group] = max(longest.get(group, 0), call.duration(now))
        if call.agent is None:
            without_agent[group] += 1
        else:
            agents[call.agent] += call.ended is None
    statuses = Counter(agent.status for agent in agents)
    legs = {call: call.legs(now) for call in calls if call.ended is None}
    all_legs = [leg for each in legs.values() for leg in each]
    talking = [call for call in calls if call.status == "in-progress"]
    settled = [call for call in talking if call.duration(now) >= SETTLING]
    return Truth(
        now=now,
        call_sids=frozenset(call.sid for call in calls),
        total=len(calls),
        calls=groups,
        recorded=+recorded,
        without_agent=without_agent,
        longest=longest,
        longest_duration=max(longest.values(), default=0),
        lines=Counter(call.exophone for call in calls),
        agents_on_call=statuses["on-call"],
        agents=statuses,
        agents_with_several_calls=sum(count > 1 for count in agents.values()),
        legs=Counter((leg.direction, leg.status, leg.network_type) for leg in all_legs),
        legs_muted=sum(leg.muted for leg in all_legs),
        legs_on_hold=sum(leg.on_hold for leg in all_legs),
        calls_by_legs=Counter("3+" if len(legs[call]) > 2 else str(len(legs[call])) for call in settled),
        all_muted=sum(all(leg.muted for leg in legs[call]) for call in settled if legs[call]),
        bridges=Counter(
            "none" if call.bridged(now) is None else "active"
            for call in talking
            if call.bridged(now) is not None or call in settled
        ),
        recordings=Counter(call.script.channels for call in legs if call.recording(now) is not None),
        recording_mismatch=sum(call.script.recorded != (call.recording(now) is not None) for call in settled),
        agent_streams=min(sum(call.agent is None for call in talking), stream_limit),
        started=counters.started.total(),
        started_by_direction=counters.started.copy(),
        refused=counters.refused,
        answered=counters.answered,
        answered_wait_seconds=counters.answered_wait_seconds,
        unanswered=counters.unanswered,
        unanswered_wait_seconds=counters.unanswered_wait_seconds,
        ended=counters.ended.total(),
        ended_by_direction=counters.ended.copy(),
        ended_duration_seconds=counters.ended_duration_seconds,
    )


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
