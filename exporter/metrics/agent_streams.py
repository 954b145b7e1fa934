"""Metrics of AgentStream: the sessions of voice bots."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.exotel.models import AgentStreams
from exporter.metrics.metric import Kind, Metric, Point

ACTIVE = Metric(
    "exotel_agent_streams_active", Kind.GAUGE, "AgentStream (voice bot) sessions; opt-in (agent_streams)."
)
LIMIT = Metric(
    "exotel_agent_streams_limit", Kind.GAUGE, "AgentStream sessions that are allowed, as the API says."
)

METRICS = (ACTIVE, LIMIT)


def points(agent_streams: AgentStreams) -> Iterator[Point]:
    """Give the points of the sessions."""
    yield ACTIVE(agent_streams.active)
    if agent_streams.limit is not None:
        yield LIMIT(agent_streams.limit)
