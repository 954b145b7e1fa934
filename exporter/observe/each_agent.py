"""What is true of each agent who is on a call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from exporter.api.rows import Agent, Call, NamedAgent
from exporter.observe.believable import is_believable
from exporter.observe.printable import printable


@dataclass(frozen=True, slots=True)
class AgentCalls:
    """One agent: how many calls, and how long the longest has lasted, in seconds."""

    agent_id: str
    calls: int
    longest: float | None
    """None where the API tells no duration."""


def each_agent(calls: Iterable[Call]) -> tuple[AgentCalls, ...]:
    """Gather the active calls by agent; calls that have ended don't count."""
    durations: defaultdict[str, list[float | None]] = defaultdict(list)
    for call, agent_id in _agents(calls):
        if not (call.status and call.status.is_over):
            durations[agent_id].append(call.duration)
    return tuple(
        AgentCalls(agent_id, len(its), max(filter(is_believable, its), default=None))
        for agent_id, its in sorted(durations.items())
    )


def agent_names(calls: Iterable[Call]) -> Mapping[str, str]:
    """Give the agents' names by agent id: of several names of one agent, the first by the alphabet."""
    names: dict[str, str] = {}
    for call, agent_id in _agents(calls):
        agent = call.agent_details
        if isinstance(agent, NamedAgent) and agent.name:
            name = printable(agent.name)
            names[agent_id] = min(name, names.get(agent_id, name))
    return names


def _agents(calls: Iterable[Call]) -> Iterator[tuple[Call, str]]:
    for call in calls:
        if isinstance(call.agent_details, Agent) and call.agent_details.user_id:
            yield call, printable(call.agent_details.user_id)
