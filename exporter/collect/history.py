"""The last hour of an account, minute by minute: how many calls, what failed, how long listings took."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace as with_fields

from exporter.collect.lifecycle import ObservedCounts
from exporter.collect.waits import WaitOutcome
from exporter.exotel.enums import Direction

MINUTES = 60
"""How many are kept; an account's memory is bounded by them."""
_MINUTE = 60.0  # seconds
_IN_TIME = 20.0  # seconds in which an answer counts for the service level: a bound of the waits' histograms
_CLOSE = 35.0  # seconds: listings half a minute apart, give or take; what is over between two looks abandoned
_LEAST = 300.0  # seconds of listings close together, before they say anything about the hour


@dataclass(frozen=True, slots=True)
class Served:
    """How many inbound callers were answered in time, were answered at all, or gave up."""

    in_time: int = 0
    answered: int = 0
    abandoned: int = 0

    @classmethod
    def of(cls, counts: ObservedCounts) -> Self:
        """Return those counted since the start."""
        in_time = answered = abandoned = 0
        for (direction, _, outcome, _), waits in counts.waits.items():
            if direction is not Direction.INBOUND:
                continue
            if outcome is WaitOutcome.ABANDONED:
                abandoned += waits.buckets[-1].cumulative
            else:
                answered += waits.buckets[-1].cumulative
                in_time += next(each.cumulative for each in waits.buckets if each.bound >= _IN_TIME)
        return cls(in_time, answered, abandoned)

    def since(self, before: Served) -> Served:
        """Return those counted since there were only these."""
        return Served(
            self.in_time - before.in_time, self.answered - before.answered, self.abandoned - before.abandoned
        )


@dataclass(frozen=True, slots=True)
class Callers:
    """Callers of an hour: those who were answered within 20 s, and all; the service level is their share."""

    in_time: int
    all: int


class Minute(Struct, frozen=True, gc=False):
    """What became of the collections that ended in one minute; None where no listing was complete."""

    number: int
    """Minutes on a clock that never goes back."""
    collections: int = 0
    failures: int = 0
    calls: int | None = None
    """In the last complete listing."""
    most_calls: int | None = None
    """In any of them."""
    seconds: float | None = None
    """That the slowest of them took."""
    followed: float = 0.0
    """Seconds between complete listings that are close enough together to tell how callers were served."""
    in_time: int = 0
    """Callers answered in time in those seconds."""
    callers: int = 0
    """Callers who were answered, or gave up, in those seconds."""
    is_simulated: bool = False
    """Whether it is of the hour that the demo begins with."""


class History:
    """What happened on an account in the last hour; times are seconds on a monotonic clock. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._minutes: deque[Minute] = deque(maxlen=MINUTES)
        self._listed_at = -math.inf
        self._callers: tuple[int, Callers | None] | None = None  # and the minute in which they were counted

    def listed(
        self, at: float, calls: int, seconds: float, served: Served, *, is_simulated: bool = False
    ) -> None:
        """Take note of a complete listing, how long it took, and the callers served since the one before."""
        with self._lock:
            minute, apart = self._at(at), at - self._listed_at
            self._listed_at = max(at, self._listed_at)
            changes: dict[str, Any] = {
                "collections": minute.collections + 1,
                "calls": calls,
                "most_calls": max(calls, minute.most_calls or 0),
                "seconds": max(seconds, minute.seconds or 0.0),
                "is_simulated": is_simulated,
            }
            if 0 < apart <= _CLOSE:
                changes |= {
                    "followed": minute.followed + apart,
                    "in_time": minute.in_time + served.in_time,
                    "callers": minute.callers + served.answered + served.abandoned,
                }
            self._minutes[-1] = with_fields(minute, **changes)
            self._callers = None

    def failed(self, at: float, *, was_withdrawn: bool = False, is_simulated: bool = False) -> None:
        """Take note of a collection that failed, or of a listing that could not be exported."""
        with self._lock:
            minute = self._at(at)
            self._minutes[-1] = with_fields(
                minute,
                collections=minute.collections + (not was_withdrawn),
                failures=minute.failures + 1,
                is_simulated=is_simulated,
            )

    def minutes(self, now: float) -> tuple[Minute | None, ...]:
        """Return the minutes of the hour, the present one last; None where no collection ended."""
        first = int(now // _MINUTE) - MINUTES + 1
        with self._lock:
            known = {minute.number: minute for minute in self._minutes}
        return tuple(known.get(number) for number in range(first, first + MINUTES))

    def callers(self, now: float) -> Callers | None:
        """Return the inbound callers of the hour, those who gave up among them.

        None where they aren't known: there are less than five minutes in which listings were at most half a
        minute apart.
        """
        minute = int(now // _MINUTE)
        with self._lock:
            if self._callers is None or self._callers[0] != minute:
                self._callers = minute, self._count_callers(minute - MINUTES + 1)
            return self._callers[1]

    def _count_callers(self, first: int) -> Callers | None:
        known = [minute for minute in self._minutes if minute.number >= first]
        if sum(minute.followed for minute in known) < _LEAST:
            return None
        return Callers(
            in_time=sum(minute.in_time for minute in known), all=sum(minute.callers for minute in known)
        )

    def _at(self, at: float) -> Minute:
        """Return the minute at a time, which is the last one; or that, where a later time was told before."""
        number = int(at // _MINUTE)
        if not self._minutes or self._minutes[-1].number < number:
            self._minutes.append(Minute(number))
        return self._minutes[-1]
