"""Tallies of active calls and of the agents in them: pure functions from rows to counts."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Protocol, Self, TypeGuard

from msgspec import UNSET, UnsetType

from exporter.exotel.enums import AgentStatus, CallStatus, Direction
from exporter.exotel.models import Agent, Call

Pair = tuple[Direction, CallStatus]

KNOWN_PAIRS = [
    (direction, status)
    for direction in (Direction.INBOUND, Direction.OUTBOUND_API, Direction.OUTBOUND_DIAL)
    for status in (CallStatus.QUEUED, CallStatus.RINGING, CallStatus.IN_PROGRESS)
]
"""What is 0 when there is none; other directions and statuses are absent then."""
_LONGEST = 7 * 86_400.0  # seconds; what is longer would spoil the sum of all others for ever


def is_plausible(seconds: float | None) -> TypeGuard[float]:
    """Return whether a duration was told and can be one, of seven days at most; NaN can't."""
    return seconds is not None and 0 <= seconds <= _LONGEST


class HasPair(Protocol):
    """What has a direction and a status, if the API told them."""

    @property
    def direction(self) -> Direction | None:
        """Return which way a call goes."""

    @property
    def status(self) -> CallStatus | None:
        """Return how far it has come."""


def pair_of(call: HasPair) -> Pair:
    """Return the direction and the status of a call."""
    return call.direction or Direction.UNKNOWN, call.status or CallStatus.UNKNOWN


def has_ended(call: Call) -> bool:
    """Return whether a call has ended and merely lingers in the list."""
    return call.status is not None and call.status.is_over


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many are not above `bound` seconds, and the longest call that no lower bucket holds."""

    bound: float
    cumulative: int
    longest: tuple[float, str] | None = None
    """Seconds and call_sid; None in an empty bucket, and where what is counted isn't calls."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Buckets by rising bound, the last of which is infinite, and the sum of all seconds."""

    buckets: tuple[Bucket, ...]
    sum: float

    @classmethod
    def of(cls, seconds: Iterable[float], bounds: Sequence[float]) -> Self:
        """Count these seconds; the infinite bucket comes by itself."""
        values = sorted(seconds)
        buckets = tuple(Bucket(bound, bisect_right(values, bound)) for bound in (*bounds, math.inf))
        return cls(buckets, math.fsum(values))

    def plus(self, seconds: Iterable[float]) -> Histogram:
        """Count these seconds too; no bucket has a longest call then."""
        values = sorted(seconds)
        buckets = tuple(
            [Bucket(each.bound, each.cumulative + bisect_right(values, each.bound)) for each in self.buckets]
        )
        return Histogram(buckets, self.sum + math.fsum(values))


@dataclass(frozen=True, slots=True)
class CallGroup:
    """The calls of one direction and status; durations in seconds."""

    direction: Direction
    status: CallStatus
    calls: int
    recorded: int | None
    """None where the API says of none of them whether it is recorded."""
    without_agent: int
    longest: float | None
    """None where the API tells no duration of any of them."""
    durations: Histogram


@dataclass(frozen=True, slots=True)
class CallTally:
    """Every direction and status that is known or was seen, and what was unknown in the rows, by field."""

    groups: tuple[CallGroup, ...]
    unknown: Mapping[str, int]

    @property
    def total(self) -> int:
        """Return how many calls there are."""
        return sum(group.calls for group in self.groups)


def tally_calls(calls: Collection[Call], bounds: Sequence[float]) -> CallTally:
    """Count calls by direction and status; `bounds` are the upper limits of the duration buckets, seconds."""
    seen: defaultdict[tuple[Direction | None, CallStatus | None], _Columns] = defaultdict(_no_rows)
    for call in calls:  # each row is touched once: a hundred thousand don't fit into the processor's cache
        members, durations, recorded, agents = seen[call.direction, call.status]
        members.append(call)
        durations.append(call.duration)
        recorded.append(call.recording_enabled)
        agents.append(call.agent_details)
    groups = {pair: _no_rows() for pair in KNOWN_PAIRS}
    for columns in seen.values():
        pair = pair_of(columns[0][0])
        groups[pair] = _joined(groups.get(pair, _no_rows()), columns)
    unknown: Counter[str] = Counter()
    tallies = tuple(_group(pair, columns, bounds, unknown) for pair, columns in sorted(groups.items()))
    return CallTally(tallies, dict(unknown))


_Columns = tuple[list[Call], list[float | None], list[bool | None], list[Agent | UnsetType | None]]
"""Rows of one kind, with their durations, whether they are recorded, and their agents."""


def _no_rows() -> _Columns:
    return [], [], [], []


def _joined(some: _Columns, others: _Columns) -> _Columns:
    return some[0] + others[0], some[1] + others[1], some[2] + others[2], some[3] + others[3]


def _group(pair: Pair, columns: _Columns, bounds: Sequence[float], unknown: Counter[str]) -> CallGroup:
    (direction, status), (members, told, recorded, agents) = pair, columns
    durations = sorted([seconds for seconds in told if seconds is not None and 0 <= seconds <= _LONGEST])
    unknown["direction"] += 0 if direction.is_known else len(members)
    unknown["status"] += 0 if status.is_known else len(members)
    unknown["duration"] += len(members) - len(durations)
    unknown["recording_enabled"] += recorded.count(None)
    buckets = _buckets(durations, bounds, told, members)
    return CallGroup(
        direction,
        status,
        calls=len(members),
        recorded=recorded.count(True) if len(members) != recorded.count(None) or not members else None,
        without_agent=agents.count(None),
        longest=durations[-1] if durations else None if members else 0.0,
        durations=Histogram(buckets, math.fsum(durations)),
    )


def _buckets(
    durations: Sequence[float], bounds: Sequence[float], told: list[float | None], members: Sequence[Call]
) -> tuple[Bucket, ...]:
    """Return the buckets of sorted durations; of several calls that are longest in one, the last is told."""
    buckets, below, backwards = [], 0, told[::-1]
    for bound in (*bounds, math.inf):
        upto = bisect_right(durations, bound)
        longest = durations[upto - 1] if upto > below else None
        call = None if longest is None else (longest, members[-1 - backwards.index(longest)].call_sid)
        buckets.append(Bucket(bound, upto, call))
        below = upto
    return tuple(buckets)


def calls_by_slots(tally: CallTally, slots: Mapping[str, int]) -> Mapping[int, int]:
    """Return the calls by how many slots of the limit each takes: so many by its direction, or one.

    A call that has ended and lingers in the list takes none. Any other takes all of its direction's from the
    first: the list doesn't tell whether its second leg is there yet.
    """
    calls: Counter[int] = Counter()
    for group in tally.groups:
        if group.calls and not group.status.is_over:
            calls[slots.get(group.direction, 1)] += group.calls
    return calls


def slots_used(tally: CallTally, slots: Mapping[str, int]) -> int:
    """Return the slots of the limit in use, at so many a call by direction, or one."""
    return sum(each * calls for each, calls in calls_by_slots(tally, slots).items())


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
    unsaid = 0
    ids: defaultdict[tuple[AgentStatus | None, CallStatus | None], list[str | None]] = defaultdict(list)
    for call in calls:
        agent = call.agent_details
        if agent is UNSET:
            unsaid += 1
        elif agent is not None:
            ids[agent.status, call.status].append(agent.user_id)
    if calls and unsaid == len(calls):
        return None
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
    by_status = Counter(statuses.values())
    going_on = (group for _, call_status, group in named if not (call_status and call_status.is_over))
    calls_of = Counter(chain.from_iterable(going_on))
    return AgentTally(
        on_call=by_status[AgentStatus.ON_CALL] + len(presumed),
        by_status=by_status,
        on_several_calls=len(calls_of) - [*calls_of.values()].count(1),
        unknown=dict(unknown),
    )


def _statuses(named: Iterable[tuple[AgentStatus, CallStatus | None, list[str]]]) -> dict[str, AgentStatus]:
    """Return each agent's status: of several, the one that comes first among AgentStatus."""
    statuses: dict[str, AgentStatus] = {}
    precedence = list(AgentStatus)
    for status, _, group in sorted(named, key=lambda each: -precedence.index(each[0])):
        statuses.update(zip(group, repeat(status)))
    return statuses
