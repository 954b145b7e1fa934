"""What is true of a centre, counted from its calls and not from what the API writes of them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from exporter.simulator.call import Agent, AgentStatus, Call, Direction, Status

Kind = tuple[Direction, Status]


@dataclass(frozen=True, slots=True)
class Truth:
    """A centre at one moment. Pairs with no calls are left out; durations are whole seconds."""

    now: float
    """Unix time in the centre."""
    total: int
    calls: Mapping[Kind, int]
    recorded: Mapping[Kind, int]
    without_agent: Mapping[Kind, int]
    longest: Mapping[Kind, int]
    lines: Mapping[str, int]
    """Calls by the centre's own number."""
    longest_duration: int
    agents_on_call: int
    agents: Mapping[AgentStatus, int]
    """Distinct agents in the list, by what they do."""
    agents_with_several_calls: int
    """Ended calls that linger aren't counted for this one."""
    bridged: int
    """Calls in progress whose legs were joined."""
    on_hold: int
    """Calls whose customer is on hold."""
    unrecorded: int
    """Calls listed as recorded whose recorder failed."""
    started: int
    """Calls that arrived since the start; those found at the start aren't among them."""
    answered: int
    """Calls answered since the start."""
    ended: int
    """Calls that ended since the start."""
    call_sids: frozenset[str]

    def document(self) -> dict[str, Any]:
        """Write it for JSON: pairs become direction, then status."""
        return {
            "now": self.now,
            "total": self.total,
            "calls": _nested(self.calls),
            "recorded": _nested(self.recorded),
            "without_agent": _nested(self.without_agent),
            "longest": _nested(self.longest),
            "lines": dict(self.lines),
            "longest_duration": self.longest_duration,
            "agents_on_call": self.agents_on_call,
            "agents": dict(self.agents),
            "agents_with_several_calls": self.agents_with_several_calls,
            "bridged": self.bridged,
            "on_hold": self.on_hold,
            "unrecorded": self.unrecorded,
            "started": self.started,
            "answered": self.answered,
            "ended": self.ended,
            "call_sids": sorted(self.call_sids),
        }


def tell(calls: Iterable[Call], now: float, *, started: int, answered: int, ended: int) -> Truth:
    """Count what is true of these calls."""
    kinds, recorded, without_agent = Counter[Kind](), Counter[Kind](), Counter[Kind]()
    longest: dict[Kind, int] = {}
    agents: Counter[Agent] = Counter()
    sids, lines = [], Counter[str]()
    bridged = on_hold = unrecorded = 0
    for call in calls:
        kind = (call.direction, call.status)
        kinds[kind] += 1
        recorded[kind] += call.script.recorded
        longest[kind] = max(longest.get(kind, 0), call.duration(now))
        lines[call.exophone] += 1
        bridged += call.ended is None and call.bridged(now) is not None
        on_hold += call.on_hold
        unrecorded += call.script.recorded and call.script.recorder_fails
        sids.append(call.sid)
        if call.agent is None:
            without_agent[kind] += 1
        else:
            agents[call.agent] += call.ended is None
    statuses = Counter(agent.status for agent in agents)
    return Truth(
        now=now,
        total=len(sids),
        calls=kinds,
        recorded=+recorded,
        without_agent=without_agent,
        longest=longest,
        lines=lines,
        longest_duration=max(longest.values(), default=0),
        agents_on_call=statuses["on-call"],
        agents=statuses,
        agents_with_several_calls=sum(count > 1 for count in agents.values()),
        bridged=bridged,
        on_hold=on_hold,
        unrecorded=unrecorded,
        started=started,
        answered=answered,
        ended=ended,
        call_sids=frozenset(sids),
    )


def _nested(pairs: Mapping[Kind, int]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (direction, status), number in sorted(pairs.items()):
        nested.setdefault(direction, {})[status] = number
    return nested
