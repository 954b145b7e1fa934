"""Tally of active calls by direction and status: concurrent calls, durations, recordings."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import cast

from exporter.collect.histogram import Bucket, Histogram
from exporter.collect.plausible import is_plausible
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Call

Pair = tuple[Direction, CallStatus]

LISTED = [
    (direction, status)
    for direction in (Direction.INBOUND, Direction.OUTBOUND_API, Direction.OUTBOUND_DIAL)
    for status in (CallStatus.QUEUED, CallStatus.RINGING, CallStatus.IN_PROGRESS)
]
"""What is 0 when there is none; other directions and statuses are absent then."""


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


def tally_calls(calls: Sequence[Call], bounds: Sequence[float]) -> CallTally:
    """Count calls by direction and status; `bounds` are the upper limits of the duration buckets, seconds."""
    groups: defaultdict[Pair, list[Call]] = defaultdict(list, {pair: [] for pair in LISTED})
    for (direction, status), members in _by_pair(calls).items():
        groups[direction or Direction.UNKNOWN, status or CallStatus.UNKNOWN] += members
    unknown: Counter[str] = Counter()
    tallies = tuple(_group(pair, members, bounds, unknown) for pair, members in sorted(groups.items()))
    return CallTally(tallies, dict(unknown))


def _by_pair(calls: Sequence[Call]) -> Mapping[tuple[Direction | None, CallStatus | None], list[Call]]:
    groups: defaultdict[tuple[Direction | None, CallStatus | None], list[Call]] = defaultdict(list)
    for pair, call in zip(map(attrgetter("direction", "status"), calls), calls, strict=True):
        groups[pair].append(call)
    return groups


def _group(pair: Pair, members: list[Call], bounds: Sequence[float], unknown: Counter[str]) -> CallGroup:
    direction, status = pair
    timed = [call for call in members if is_plausible(call.duration)]
    timed.sort(key=attrgetter("duration"))
    durations = [cast(float, call.duration) for call in timed]
    recorded = [call.recording_enabled for call in members]
    unknown["direction"] += 0 if direction.is_known else len(members)
    unknown["status"] += 0 if status.is_known else len(members)
    unknown["duration"] += len(members) - len(timed)
    unknown["recording_enabled"] += recorded.count(None)
    return CallGroup(
        direction,
        status,
        calls=len(members),
        recorded=recorded.count(True) if len(members) != recorded.count(None) or not members else None,
        without_agent=[call.agent_details is None for call in members].count(True),
        longest=durations[-1] if durations else None if members else 0.0,
        durations=Histogram(tuple(_buckets(timed, durations, bounds)), math.fsum(durations)),
    )


def _buckets(timed: Sequence[Call], durations: Sequence[float], bounds: Sequence[float]) -> Iterator[Bucket]:
    below = 0
    for bound in (*bounds, math.inf):
        upto = bisect_right(durations, bound)
        longest = (durations[upto - 1], timed[upto - 1].call_sid) if upto > below else None
        yield Bucket(bound, upto, longest)
        below = upto
