"""Metrics of the agents seen in active calls."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.collect.snapshot import ActiveCalls
from exporter.metrics.metric import Kind, Metric, Point

ON_CALL = Metric(
    "exotel_agents_on_call",
    Kind.GAUGE,
    "Distinct agents in active calls whose status is on-call; where the API gives no status, those "
    "attached to an in-progress call. Absent when the API doesn't speak of agents.",
)
AGENTS = Metric(
    "exotel_agents",
    Kind.GAUGE,
    "Distinct agents in active calls, by the status the API gives. Agents without a call aren't listed.",
    ("status",),
)
MULTIPLE = Metric(
    "exotel_agents_multiple_calls",
    Kind.GAUGE,
    "Distinct agents who are on more than one active call.",
)
WITHOUT = Metric(
    "exotel_calls_without_agent",
    Kind.GAUGE,
    "Active calls that the API lists with no agent.",
    ("direction", "status"),
)
ITS_CALLS = Metric(
    "exotel_agent_calls",
    Kind.GAUGE,
    "Active calls of each agent who has one; opt-in (per_agent), one series an agent.",
    ("agent_id",),
)
ITS_LONGEST = Metric(
    "exotel_agent_longest_call_duration_seconds",
    Kind.GAUGE,
    "Duration so far of the agent's longest active call; opt-in (per_agent).",
    ("agent_id",),
)
INFO = Metric(
    "exotel_agent_info",
    Kind.GAUGE,
    "Always 1; tells the name of each agent who has an active call; opt-in (agent_names), personal data.",
    ("agent_id", "agent_name"),
)

METRICS = (ON_CALL, AGENTS, MULTIPLE, WITHOUT, ITS_CALLS, ITS_LONGEST, INFO)


def points(active_calls: ActiveCalls) -> Iterator[Point]:
    """Give the points of the agents, or none where the API doesn't speak of them."""
    if active_calls.agents is None:
        return
    yield ON_CALL(active_calls.agents.on_call)
    for status, agents in active_calls.agents.by_status.items():
        yield AGENTS(agents, status)
    yield MULTIPLE(active_calls.agents.on_several_calls)
    for group in active_calls.calls.groups:
        yield WITHOUT(group.without_agent, group.direction, group.status)
    for agent in active_calls.each_agent:
        yield ITS_CALLS(agent.calls, agent.agent_id)
        if agent.longest is not None:
            yield ITS_LONGEST(agent.longest, agent.agent_id)
    for agent_id, name in sorted(active_calls.agent_names.items()):
        yield INFO(1, agent_id, name)
