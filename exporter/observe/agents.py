"""Tally of the agents seen in active calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec import UNSET

from exporter.api.rows import Agent, Call
from exporter.observe.vocabulary import AGENT_STATUS, AGENT_STATUSES, OTHER, STATUS, UNKNOWN

_ON_CALL = "on-call"
_PRECEDENCE = (_ON_CALL, "busy", "after-call-work", "available", "offline", OTHER, UNKNOWN)
"""Which status counts for an agent whose calls tell different ones."""


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
    unknown = Counter(agent_details=sum(details is UNSET for _, details in rows), agent_id=0, agent_status=0)
    seen: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
    for call, agent in rows:
        if not isinstance(agent, Agent):
            continue
        if not agent.user_id:
            unknown["agent_id"] += 1
            continue
        status = AGENT_STATUS.classify(agent.status)
        unknown["agent_status"] += status in {OTHER, UNKNOWN}
        seen[agent.user_id].append((status, STATUS.classify(call.status) == "in-progress"))
    statuses = [min((status for status, _ in rows), key=_PRECEDENCE.index) for rows in seen.values()]
    presumed = [rows for rows in seen.values() if all(status == UNKNOWN for status, _ in rows)]
    return AgentTally(
        on_call=statuses.count(_ON_CALL) + sum(any(talking for _, talking in rows) for rows in presumed),
        by_status={**dict.fromkeys(AGENT_STATUSES, 0), **Counter(statuses)},
        on_several_calls=sum(len(rows) > 1 for rows in seen.values()),
        unknown=dict(unknown),
    )
