"""How long callers waited and when calls were answered, as closely as rows and listings tell.

What happened between two listings is taken to have happened halfway, unless the row tells when it was. Where a
duration counts from the answer, that and the start time tell how long a call waited, however far apart listings
are: also of calls that none of them showed waiting.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from msgspec import Struct
from msgspec.structs import replace as with_fields

from exporter.collect.tallies import is_plausible
from exporter.config import CountsFrom
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Call, read_time

LONGEST_GAP = 300.0  # seconds between listings; nobody knows when in a longer one something happened
_LONGEST_WAIT = 3600.0  # seconds; a longer one is a clock or a time zone that is wrong
_ROUNDING = 2.0  # seconds that a start time and a duration, both in whole seconds, may be off
_CUT_OFF = 0.5  # seconds that a duration in whole seconds lacks on average
# Tuples, not sets: members are found by identity, which is many times faster than their hash.
WAITING = (CallStatus.QUEUED, CallStatus.RINGING)
ANSWERED = (CallStatus.IN_PROGRESS, CallStatus.COMPLETED)
_UNSAID = (None, CallStatus.UNKNOWN)


class Outcome(StrEnum):
    """How a call's ringing ended."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"


class WaitOutcome(StrEnum):
    """How a caller's wait ended."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"


class Source(StrEnum):
    """What tells how long a wait was: start time and duration alone, or also the times of listings."""

    START_TIME = "start_time"
    LISTINGS = "listings"


@dataclass(frozen=True, slots=True)
class Interval:
    """The time from one complete listing to the next, in seconds on a clock that never goes back."""

    since: float
    """Minus infinity before the first listing."""
    at: float
    window: float
    """How long both listings took: what they tell may be older by as much."""
    api_time: float | None
    """When the later one was made, on the API's clock, in seconds since 1970."""
    counts_from: CountsFrom
    """What durations count from."""

    @property
    def is_long(self) -> bool:
        """Return whether nobody knows when something happened in it."""
        return self.at - self.since > LONGEST_GAP

    @property
    def halfway(self) -> float | None:
        """Return when something happened that no row tells the time of."""
        return None if self.is_long else (self.since + self.at) / 2

    def waiting_since(self, call: Call) -> float | None:
        """Return when a call began to wait that is listed for the first time."""
        began = self._began(call)
        if began is None or not self._can_be_a_wait(self.at - began):
            return self.halfway
        return None if self.counts_from is CountsFrom.ANSWER and call.duration else min(began, self.at)

    def wait(self, call: Call, seen: float | None = None) -> tuple[float, Source] | None:
        """Return how long a call waited that has just been answered, and what tells it.

        `seen` is when listings saw it begin to wait.
        """
        began, answered = self._began(call), self._answered(call)
        if began is not None and answered is not None:
            seconds = answered - began
            if self._can_be_a_wait(seconds):
                is_exact = self.counts_from is CountsFrom.ANSWER
                return max(0.0, seconds), Source.START_TIME if is_exact else Source.LISTINGS
        if seen is None or self.halfway is None:
            return None
        return max(0.0, self.halfway - seen), Source.LISTINGS

    def has_begun_within(self, call: Call) -> bool:
        """Return whether all that a call's duration counts happened since the earlier listing."""
        return is_plausible(call.duration) and call.duration <= self.at - self.since + self.window + _ROUNDING

    def before_answer(self, call: Call) -> float | None:
        """Return the part of its duration that a call wasn't in progress, though nobody knows its answer."""
        if self.is_long or not is_plausible(call.duration):
            return None
        return call.duration - min(call.duration, self.at - self.since) / 2

    def _can_be_a_wait(self, seconds: float) -> bool:
        """Return whether a wait is no longer than any, and no more below 0 than its parts may be off."""
        return -self.window - _ROUNDING <= seconds <= _LONGEST_WAIT

    def _began(self, call: Call) -> float | None:
        """Return when a call began, if its row tells that."""
        if self.counts_from is CountsFrom.START:
            return self.at - call.duration if is_plausible(call.duration) else None
        if self.counts_from is CountsFrom.UNKNOWN or self.api_time is None:
            return None
        start = read_time(call.start_time)
        return None if start is None else self.at - (self.api_time - start)

    def _answered(self, call: Call) -> float | None:
        """Return when a call was answered that is in progress, as far as its duration tells."""
        if call.status is not CallStatus.IN_PROGRESS or not is_plausible(call.duration):
            return None
        if self.counts_from is CountsFrom.ANSWER:
            return self.at - call.duration - (0.0 if call.duration % 1 else _CUT_OFF)
        return None if self.is_long else self.at - min(call.duration, self.at - self.since) / 2


class Wait(Struct, frozen=True, gc=False):
    """A call that was seen queued or ringing: since when and, once a listing lacks it, until when."""

    direction: Direction
    line: str
    since: float
    """When a listing first showed it."""
    began: float | None
    """When it began, as closely as is known; None where it isn't, or where the call had been answered before."""
    is_whole: bool
    """False for one whose begin wasn't seen: when the first listing was made it rang already."""
    until: float | None = None
    """When a listing first lacked it."""
    over: float = math.nan
    """When it ended, if it did with that."""

    def seconds(self, at: float) -> float:
        """Return for how long listings have shown it."""
        return (at if self.until is None else self.until) - self.since


WaitKey = tuple[Direction, str, WaitOutcome, Source]
"""Of a wait that is over: direction, line, how it ended, and what tells how long it was."""


def begin(
    calls: Mapping[str, Call],
    call_sids: Iterable[str],
    started: Container[str],
    interval: Interval,
    line_of: Callable[[Call], str],
) -> dict[str, Wait]:
    """Return the waits of these calls, which wait and did not when they were last listed, by call_sid.

    Of those that started it is known, more or less, since when they have waited.
    """
    waits = {}
    for call_sid in call_sids:
        call, has_started = calls[call_sid], call_sid in started
        waits[call_sid] = Wait(
            call.direction or Direction.UNKNOWN,
            line_of(call),
            since=interval.at,
            began=interval.waiting_since(call) if has_started else None,
            is_whole=has_started and not interval.is_long,
        )
    return waits


@dataclass(frozen=True, slots=True)
class Over:
    """What came to its end in an interval: rings and waits, in seconds; and the calls that were answered."""

    interval: Interval
    rings: defaultdict[tuple[Direction, Outcome], list[float]] = field(
        default_factory=partial(defaultdict, list)
    )
    waits: defaultdict[WaitKey, list[float]] = field(default_factory=partial(defaultdict, list))
    answered: dict[str, Call] = field(default_factory=dict)
    """Those that are listed as in progress for the first time."""

    def follow(self, waits: Mapping[str, Wait], calls: Mapping[str, Call]) -> dict[str, Wait]:
        """Return the waits that go on; take in those that are over."""
        at, halfway, is_long = self.interval.at, self.interval.halfway, self.interval.is_long
        going_on: dict[str, Wait] = {}
        for call_sid, wait in waits.items():
            call = calls.get(call_sid)
            if call is None:
                if wait.until is not None:
                    self._abandon(wait, wait.until, wait.over)
                elif halfway is not None:
                    going_on[call_sid] = with_fields(wait, until=at, over=halfway)
            elif call.status in WAITING and is_long:
                going_on[call_sid] = with_fields(wait, since=at, is_whole=False, until=None)
            elif call.status in WAITING or (call.status in _UNSAID and not is_long):
                going_on[call_sid] = wait if wait.until is None else with_fields(wait, until=None)
            elif call.status in ANSWERED:
                self._answer(wait, call)
            elif call.status is not CallStatus.OTHER and call.status not in _UNSAID:
                self._abandon(wait, at, halfway)
        return going_on

    def _answer(self, wait: Wait, call: Call) -> None:
        """Take in a wait that ended with an answer; it may be one of several of its call."""
        if wait.is_whole and not self.interval.is_long:
            self.rings[wait.direction, Outcome.ANSWERED].append(self.interval.at - wait.since)
        if call.status is CallStatus.IN_PROGRESS:
            self.answered[call.call_sid] = call
        if wait.began is not None and (found := self.interval.wait(call, wait.began)):
            seconds, source = found
            self.waits[wait.direction, wait.line, WaitOutcome.ANSWERED, source].append(seconds)

    def answer_unseen(self, call: Call, line: str) -> None:
        """Take in a call that no listing showed waiting, if it was answered in the interval."""
        if not self.interval.has_begun_within(call):
            return
        self.answered[call.call_sid] = call
        if found := self.interval.wait(call):
            seconds, source = found
            key = call.direction or Direction.UNKNOWN, line, WaitOutcome.ANSWERED, source
            self.waits[key].append(seconds)

    def _abandon(self, wait: Wait, until: float, over: float | None) -> None:
        """Take in a wait that ended without an answer, as listings show and as closely as is known."""
        if wait.is_whole and not self.interval.is_long:
            self.rings[wait.direction, Outcome.UNANSWERED].append(until - wait.since)
        if wait.began is not None and over is not None:
            key = wait.direction, wait.line, WaitOutcome.ABANDONED, Source.LISTINGS
            self.waits[key].append(max(0.0, over - wait.began))
