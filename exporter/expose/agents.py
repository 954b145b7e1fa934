"""Metrics of the agents seen in active calls."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.expose.metric import Kind, Metric, Point
from exporter.observe.observation import Snapshot

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

METRICS = (ON_CALL, AGENTS, MULTIPLE, WITHOUT)


def points(snapshot: Snapshot) -> Iterator[Point]:
    """Give the points of the agents, or none where the API doesn't speak of them."""
    if snapshot.agents is None:
        return
    yield ON_CALL(snapshot.agents.on_call)
    for status, agents in snapshot.agents.by_status.items():
        yield AGENTS(agents, status)
    yield MULTIPLE(snapshot.agents.on_several_calls)
    for group in snapshot.calls.groups:
        yield WITHOUT(group.without_agent, group.direction, group.status)
