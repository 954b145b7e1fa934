"""The life of calls as complete listings tell it: who came, who went, how long they rang and lasted.

What happens between two listings can't be seen: a call that is shorter than the time between them may be in
none. A call is taken for ended when two listings in a row lack it, so that one that is missing from a single
listing isn't counted twice: it has returned, and that listing was wrong.

So `started - ended` is always the calls of the last two listings less those of the first, however far apart
listings are. Only what depends on when something happened, rings and durations, isn't told across a long gap.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import compress, filterfalse
from types import MappingProxyType
from typing import Self, TypeVar

from msgspec import Struct
from msgspec.structs import replace as with_fields

from exporter.collect.tallies import KNOWN_PAIRS, Histogram, Pair, is_plausible, pair_of
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Call

LONGEST_GAP = 300.0  # seconds between listings; nobody knows when in a longer one something happened
_RING_BOUNDS = (5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0)  # seconds
_DIRECTIONS = tuple(dict.fromkeys(direction for direction, _ in KNOWN_PAIRS))
# Tuples, not sets: members are found by identity, which is many times faster than their hash.
_WAITING = (CallStatus.QUEUED, CallStatus.RINGING)
_UNSAID = (None, CallStatus.UNKNOWN)
_ANSWERED = (CallStatus.IN_PROGRESS, CallStatus.COMPLETED)


class Outcome(StrEnum):
    """How a call's ringing ended."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class ObservedCounts:
    """What was counted since the exporter started."""

    started: Mapping[Direction, int]
    ended: Mapping[Pair, int]
    """By the last status that was seen."""
    returned: int
    """Calls that one listing lacked and the next one had again."""
    rings: Mapping[tuple[Direction, Outcome], Histogram]
    durations: Mapping[Direction, Histogram]
    """Of calls that ended, as last seen; of those that ended in a long gap none."""


class _LastSeen(Struct, frozen=True, gc=False):
    """What a listing told last of a call that is gone."""

    direction: Direction | None
    status: CallStatus | None
    duration: float | None


@dataclass(frozen=True, slots=True)
class _Listed:
    """The calls of a listing, in columns: until the next one, rows would take three times the memory."""

    call_sids: Set[str] = frozenset()
    directions: Sequence[Direction | None] = ()
    statuses: Sequence[CallStatus | None] = ()
    durations: Sequence[float | None] = ()

    @classmethod
    def of(cls, calls: Mapping[str, Call]) -> Self:
        directions, statuses, durations = [], [], []
        for call in calls.values():  # each row is touched once, as in tallies
            directions.append(call.direction)
            statuses.append(call.status)
            durations.append(call.duration)
        return cls(dict.fromkeys(calls).keys(), directions, statuses, durations)

    def gone(self, present: Container[str]) -> dict[str, _LastSeen]:
        """Return those that are no longer present."""
        if not (gone := set(filterfalse(present.__contains__, self.call_sids))):
            return {}
        columns = zip(self.call_sids, self.directions, self.statuses, self.durations, strict=True)
        rows = compress(columns, map(gone.__contains__, self.call_sids))
        return {
            call_sid: _LastSeen(direction, status, duration) for call_sid, direction, status, duration in rows
        }


class _Wait(Struct, frozen=True, gc=False):
    """A call that was seen queued or ringing: since when and, once a listing lacks it, until when."""

    direction: Direction
    since: float
    until: float | None = None
    is_whole: bool = True
    """False for one whose begin wasn't seen: when the first listing was made it rang already."""

    def seconds(self, at: float) -> float:
        return (at if self.until is None else self.until) - self.since


_Rings = defaultdict[tuple[Direction, Outcome], list[float]]
"""Seconds of ringing, by how it ended."""

_K = TypeVar("_K")


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What the complete listings so far have told; times are seconds on a clock that never goes back."""

    bounds: Sequence[float]
    """Of the durations of calls."""
    counts: ObservedCounts
    at: float = -math.inf
    """When the last listing was made."""
    listed: _Listed = field(default_factory=_Listed, repr=False)
    """The calls of the last listing."""
    missing: Mapping[str, _LastSeen] = field(default_factory=dict, repr=False)
    """Those that the listing before it had; they may come back."""
    waits: Mapping[str, _Wait] = field(default_factory=dict, repr=False)

    @classmethod
    def before(cls, bounds: Sequence[float]) -> Lifecycle:
        """Return what is known before the first listing."""
        no_rings, no_calls = Histogram.of((), _RING_BOUNDS), Histogram.of((), bounds)
        counts = ObservedCounts(
            started=dict.fromkeys(_DIRECTIONS, 0),
            ended=dict.fromkeys(KNOWN_PAIRS, 0),
            returned=0,
            rings={(direction, outcome): no_rings for direction in _DIRECTIONS for outcome in Outcome},
            durations=dict.fromkeys(_DIRECTIONS, no_calls),
        )
        return cls(tuple(bounds), counts)

    def after(self, calls: Mapping[str, Call], at: float) -> Lifecycle:
        """Return what is known after one more complete listing, by call_sid.

        One that is given again changes nothing.
        """
        if at <= self.at:
            return self
        listed = _Listed.of(calls)
        if self.at == -math.inf:
            return replace(self, at=at, listed=listed, waits=_waits(calls, at))
        before = self.listed.call_sids
        came = [*filterfalse(before.__contains__, calls)]
        started = {call_sid: calls[call_sid] for call_sid in came if call_sid not in self.missing}
        ended = [call for call_sid, call in self.missing.items() if call_sid not in calls]
        missing = self.listed.gone(calls)
        rings: _Rings = defaultdict(list)
        if at - self.at > LONGEST_GAP:
            missing = {call_sid: with_fields(call, duration=None) for call_sid, call in missing.items()}
            waits = _waits(calls, at)
        else:
            rings, going_on = self._follow_waits(calls, at)
            waits = _waits(calls, at, started, going_on)
        return replace(
            self,
            at=at,
            counts=self._counted(started.values(), ended, len(came) - len(started), rings),
            listed=listed,
            missing=missing,
            waits=waits,
        )

    @property
    def longest_rings(self) -> Mapping[Direction, float]:
        """Return how long the call that waits longest has been seen waiting, by direction, in seconds."""
        longest = dict.fromkeys(_DIRECTIONS, 0.0)
        for wait in self.waits.values():
            if wait.until is None:
                longest[wait.direction] = max(longest.get(wait.direction, 0.0), wait.seconds(self.at))
        return longest

    def _follow_waits(self, calls: Mapping[str, Call], at: float) -> tuple[_Rings, dict[str, _Wait]]:
        """Return the seconds of the waits that are over, and the waits that go on."""
        over: _Rings = defaultdict(list)
        going_on: dict[str, _Wait] = {}
        for call_sid, wait in self.waits.items():
            if call_sid in calls:
                status = calls[call_sid].status
                if status in _WAITING or status in _UNSAID:
                    going_on[call_sid] = wait if wait.until is None else with_fields(wait, until=None)
                elif wait.is_whole and status is not CallStatus.OTHER:
                    outcome = Outcome.ANSWERED if status in _ANSWERED else Outcome.UNANSWERED
                    over[wait.direction, outcome].append(at - wait.since)
            elif wait.until is None:
                going_on[call_sid] = with_fields(wait, until=at)
            elif wait.is_whole:
                over[wait.direction, Outcome.UNANSWERED].append(wait.until - wait.since)
        return over, going_on

    def _counted(
        self, started: Iterable[Call], ended: Collection[_LastSeen], returned: int, rings: _Rings
    ) -> ObservedCounts:
        before = self.counts
        lasted: defaultdict[Direction, list[float]] = defaultdict(list)
        for call in ended:
            if is_plausible(call.duration):
                lasted[call.direction or Direction.UNKNOWN].append(call.duration)
        return ObservedCounts(
            started=_added(before.started, (call.direction or Direction.UNKNOWN for call in started)),
            ended=_added(before.ended, map(pair_of, ended)),
            returned=before.returned + returned,
            rings=_extended(before.rings, rings, _RING_BOUNDS),
            durations=_extended(before.durations, lasted, self.bounds),
        )


def _waits(
    calls: Mapping[str, Call],
    at: float,
    started: Container[str] = (),
    going_on: Mapping[str, _Wait] = MappingProxyType({}),
) -> Mapping[str, _Wait]:
    """Return the waits that go on, and those of other calls that wait, as if they had just begun.

    Those that started are whole.
    """
    begun = {
        call_sid: _Wait(call.direction or Direction.UNKNOWN, at, is_whole=call_sid in started)
        for call_sid, call in calls.items()
        if call.status in _WAITING and call_sid not in going_on
    }
    return {**begun, **going_on}


def _added(counts: Mapping[_K, int], more: Iterable[_K]) -> Mapping[_K, int]:
    total = Counter(counts)
    total.update(more)
    return total


def _extended(
    histograms: Mapping[_K, Histogram], seconds: Mapping[_K, Iterable[float]], bounds: Sequence[float]
) -> Mapping[_K, Histogram]:
    nothing = Histogram.of((), bounds)
    more = {key: Histogram.of(values, bounds) for key, values in seconds.items()}
    return {**histograms, **{key: histograms.get(key, nothing) + each for key, each in more.items()}}
