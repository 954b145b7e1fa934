"""Tally of the agents seen in active calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from msgspec import UNSET

from exporter.api.rows import Agent, Call
from exporter.api.vocabulary import AgentStatus, CallStatus


@dataclass(frozen=True, slots=True)
class AgentTally:
    """Distinct agents in active calls: on a call, by status, on several calls; unknown values by field."""

    on_call: int
    by_status: Mapping[AgentStatus, int]
    on_several_calls: int
    unknown: Mapping[str, int]


def tally_agents(calls: Collection[Call]) -> AgentTally | None:
    """Count the distinct agents, by `user_id`; None where there are calls and no row speaks of agents.

    A slim version of the API has no `agent_details`: then nothing is known of agents, which is not the same
    as no agent.
    """
    unsaid = [call.agent_details is UNSET for call in calls].count(True)
    if calls and unsaid == len(calls):
        return None
    ids: defaultdict[tuple[AgentStatus, bool], list[str | None]] = defaultdict(list)
    for call in calls:
        if isinstance(agent := call.agent_details, Agent):
            is_talking = call.status is CallStatus.IN_PROGRESS
            ids[agent.status or AgentStatus.UNKNOWN, is_talking].append(agent.user_id or None)
    by_status: defaultdict[AgentStatus, set[str]] = defaultdict(set)
    talking: set[str] = set()
    calls_of: Counter[str] = Counter()
    unknown = Counter(agent_details=unsaid, agent_id=0, agent_status=0)
    for (status, is_talking), group in ids.items():
        named = [user_id for user_id in group if user_id is not None]
        by_status[status].update(named)
        talking.update(named if is_talking else ())
        calls_of.update(named)
        unknown["agent_id"] += len(group) - len(named)
        unknown["agent_status"] += 0 if status.is_known else len(named)
    agents = _once_each(by_status)
    presumed = agents[AgentStatus.UNKNOWN] & talking
    return AgentTally(
        on_call=len(agents[AgentStatus.ON_CALL]) + len(presumed),
        by_status={status: len(group) for status, group in agents.items() if group or status.is_known},
        on_several_calls=sum(number > 1 for number in calls_of.values()),
        unknown=dict(unknown),
    )


def _once_each(by_status: Mapping[AgentStatus, set[str]]) -> dict[AgentStatus, set[str]]:
    """Leave each agent in the first of their statuses alone."""
    seen: set[str] = set()
    agents = {}
    for status in AgentStatus:
        agents[status] = by_status.get(status, set()) - seen
        seen |= agents[status]
    return agents
