"""What is true of each agent who is on a call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from exporter.collect.plausible import is_plausible
from exporter.collect.printable import printable
from exporter.exotel.models import Agent, Call, NamedAgent


@dataclass(frozen=True, slots=True)
class AgentCalls:
    """One agent: how many calls, and how long the longest has lasted, in seconds."""

    agent_id: str
    calls: int
    longest: float | None
    """None where the API tells no duration."""


def each_agent(calls: Iterable[Call]) -> tuple[AgentCalls, ...]:
    """Gather the active calls by agent."""
    durations: defaultdict[str, list[float | None]] = defaultdict(list)
    for call, agent_id in _agents(calls):
        durations[agent_id].append(call.duration)
    return tuple(
        AgentCalls(agent_id, len(its), max(filter(is_plausible, its), default=None))
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
    """Give the calls that have an agent, with the agent's id; calls that have ended don't count."""
    for call in calls:
        agent, has_ended = call.agent_details, call.status and call.status.is_over
        if isinstance(agent, Agent) and agent.user_id and not has_ended:
            yield call, printable(agent.user_id)
