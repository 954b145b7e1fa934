"""Tally of the agents seen in active calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from operator import attrgetter

from msgspec import UNSET

from exporter.exotel.enums import AgentStatus, CallStatus
from exporter.exotel.models import Agent, Call


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
    ids: defaultdict[tuple[AgentStatus | None, CallStatus | None], list[str | None]] = defaultdict(list)
    for agent, call_status in map(attrgetter("agent_details", "status"), calls):
        if isinstance(agent, Agent):
            ids[agent.status, call_status].append(agent.user_id)
    unknown = Counter(agent_details=unsaid, agent_id=0, agent_status=0)
    named: list[tuple[AgentStatus, CallStatus | None, list[str]]] = []
    for (told, call_status), group in ids.items():
        status, known_ids = told or AgentStatus.UNKNOWN, [user_id for user_id in group if user_id]
        named.append((status, call_status, known_ids))
        unknown["agent_id"] += len(group) - len(known_ids)
        unknown["agent_status"] += 0 if status.is_known else len(known_ids)
    statuses = _statuses(named)
    presumed = {
        user_id
        for status, call_status, group in named
        if status is AgentStatus.UNKNOWN and call_status is CallStatus.IN_PROGRESS
        for user_id in group
        if statuses[user_id] is AgentStatus.UNKNOWN
    }
    by_status = {**{status: 0 for status in AgentStatus if status.is_known}, **Counter(statuses.values())}
    going_on = (group for _, call_status, group in named if not (call_status and call_status.is_over))
    calls_of = Counter(chain.from_iterable(going_on))
    return AgentTally(
        on_call=by_status[AgentStatus.ON_CALL] + len(presumed),
        by_status=by_status,
        on_several_calls=sum(number > 1 for number in calls_of.values()),
        unknown=dict(unknown),
    )


def _statuses(named: Iterable[tuple[AgentStatus, CallStatus | None, list[str]]]) -> dict[str, AgentStatus]:
    """Give each agent's status: of several, the one that comes first among AgentStatus."""
    statuses: dict[str, AgentStatus] = {}
    precedence = list(AgentStatus)
    for status, _, group in sorted(named, key=lambda each: -precedence.index(each[0])):
        statuses.update(zip(group, repeat(status)))
    return statuses
