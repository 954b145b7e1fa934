"""Tally of the agents seen in active calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec import UNSET

from exporter.api.rows import Agent, Call
from exporter.observe.vocabulary import AGENT_STATUS, AGENT_STATUSES, OTHER, STATUS, UNKNOWN

_ON_CALL = "on-call"


@dataclass(frozen=True, slots=True)
class AgentTally:
    """Distinct agents in active calls: on a call, by status, on several calls; unknown values by field."""

    on_call: int
    by_status: Mapping[str, int]
    on_several_calls: int
    unknown: Mapping[str, int]


def tally_agents(calls: Iterable[Call]) -> AgentTally | None:
    """Count the distinct agents, by `user_id`; None where there are calls and no row speaks of agents.

    A slim version of the API has no `agent_details`: then nothing is known of agents, which is not the same
    as no agent.
    """
    rows = [(call, call.agent_details) for call in calls]
    if rows and all(details is UNSET for _, details in rows):
        return None
    attached = [(call, details) for call, details in rows if isinstance(details, Agent)]
    unknown = Counter(agent_details=sum(details is UNSET for _, details in rows), agent_id=0, agent_status=0)
    statuses: dict[str, str] = {}
    calls_of: Counter[str] = Counter()
    on_call: set[str] = set()
    for call, agent in attached:
        if not agent.user_id:
            unknown["agent_id"] += 1
            continue
        status = AGENT_STATUS.classify(agent.status)
        unknown["agent_status"] += status in {OTHER, UNKNOWN}
        calls_of[agent.user_id] += 1
        if status == _ON_CALL or statuses.setdefault(agent.user_id, status) == UNKNOWN:
            statuses[agent.user_id] = status
        if status == _ON_CALL or (status == UNKNOWN and STATUS.classify(call.status) == "in-progress"):
            on_call.add(agent.user_id)
    return AgentTally(
        on_call=len(on_call),
        by_status={**dict.fromkeys(AGENT_STATUSES, 0), **Counter(statuses.values())},
        on_several_calls=sum(number > 1 for number in calls_of.values()),
        unknown=dict(unknown),
    )
