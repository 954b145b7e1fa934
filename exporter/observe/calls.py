"""Tally of active calls by direction and status: concurrent calls, durations, recordings."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from exporter.api.rows import Call
from exporter.observe.histogram import Bucket, Histogram
from exporter.observe.vocabulary import (
    DIRECTION,
    LISTED_DIRECTIONS,
    LIVE_STATUSES,
    OTHER,
    STATUS,
    UNKNOWN,
)

Pair = tuple[str, str]
"""Direction and status, as labels have them."""

_UNBELIEVABLE = 1e9  # seconds: thirty years; such a duration, or one below 0, counts as unknown


@dataclass(frozen=True, slots=True)
class CallGroup:
    """The calls of one direction and status; durations in seconds."""

    direction: str
    status: str
    calls: int
    recorded: int
    without_agent: int
    longest: float
    durations: Histogram


@dataclass(frozen=True, slots=True)
class CallTally:
    """Every direction and status that is known or was seen, and what was unknown in the rows, by field."""

    groups: tuple[CallGroup, ...]
    unknown: Mapping[str, int]


def tally_calls(calls: Iterable[Call], bounds: Sequence[float]) -> CallTally:
    """Count calls by direction and status; `bounds` are the upper limits of the duration buckets, seconds."""
    groups: defaultdict[Pair, list[Call]] = defaultdict(list)
    unknown: Counter[str] = Counter()
    for (direction, status), members in _by_raw_pair(calls).items():
        pair = DIRECTION.classify(direction), STATUS.classify(status)
        groups[pair] += members
        for field, value in zip(("direction", "status"), pair, strict=True):
            if value in {OTHER, UNKNOWN}:
                unknown[field] += len(members)
    for pair in ((direction, status) for direction in LISTED_DIRECTIONS for status in LIVE_STATUSES):
        groups.setdefault(pair, [])
    tallies = tuple(_group(pair, members, bounds, unknown) for pair, members in sorted(groups.items()))
    return CallTally(tallies, dict(unknown))


def _by_raw_pair(calls: Iterable[Call]) -> Mapping[tuple[str | None, str | None], list[Call]]:
    # Grouped as the API writes them first, so that a word is classified once and not once a call.
    groups: defaultdict[tuple[str | None, str | None], list[Call]] = defaultdict(list)
    for call in calls:
        groups[call.direction, call.status].append(call)
    return groups


def _group(pair: Pair, members: list[Call], bounds: Sequence[float], unknown: Counter[str]) -> CallGroup:
    timed = sorted(
        (
            (call.duration, call.call_sid)
            for call in members
            if call.duration is not None and 0 <= call.duration < _UNBELIEVABLE
        ),
        key=itemgetter(0),
    )
    recorded = [call.recording_enabled for call in members]
    unknown["duration"] += len(members) - len(timed)
    unknown["recording_enabled"] += recorded.count(None)
    durations = [duration for duration, _ in timed]
    return CallGroup(
        *pair,
        calls=len(members),
        recorded=recorded.count(True),
        without_agent=[call.agent_details for call in members].count(None),
        longest=durations[-1] if durations else 0.0,
        durations=Histogram(tuple(_buckets(timed, durations, bounds)), math.fsum(durations)),
    )


def _buckets(
    timed: Sequence[tuple[float, str]], durations: Sequence[float], bounds: Sequence[float]
) -> Iterable[Bucket]:
    below = 0
    for bound in (*bounds, math.inf):
        upto = bisect_right(durations, bound)
        yield Bucket(bound, upto, timed[upto - 1] if upto > below else None)
        below = upto
