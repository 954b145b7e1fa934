"""The calls that wait, followed from listing to listing until they are answered or given up."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from msgspec import Struct
from msgspec.structs import replace as with_fields

from exporter.collect.interval import Interval, Source
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Call

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


# Looked up once: to ask an enum costs more than all else that is done for a call.
_IN_PROGRESS, _OTHER = CallStatus.IN_PROGRESS, CallStatus.OTHER
_RING_ANSWERED, _RING_UNANSWERED = Outcome
_WAIT_ANSWERED, _WAIT_ABANDONED = WaitOutcome
_LISTINGS = Source.LISTINGS


class Wait(Struct, frozen=True, gc=False):
    """A call that was seen queued or ringing: since when and, once a listing lacks it, until when."""

    direction: Direction
    line: str
    since: float
    """When a listing first showed it."""
    began: float | None
    """When it began, as closely as is known; None where it isn't, or the call had been answered before."""
    is_told: bool
    """Whether its row told that."""
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
    at, is_whole = interval.at, not interval.is_long
    for call_sid in call_sids:
        call = calls[call_sid]
        direction, line = call.direction or Direction.UNKNOWN, line_of(call)
        if call_sid in started:
            waits[call_sid] = Wait(direction, line, at, *interval.begin(call), is_whole)
        else:
            waits[call_sid] = Wait(direction, line, at, began=None, is_told=False, is_whole=False)
    return waits


@dataclass(frozen=True, slots=True)
class Over:
    """What came to its end in an interval: rings and waits, in seconds; and the calls that were answered."""

    interval: Interval
    rings: defaultdict[tuple[Direction, Outcome], list[float]] = field(
        default_factory=partial(defaultdict, list)
    )
    waits: defaultdict[WaitKey, list[float]] = field(default_factory=partial(defaultdict, list))
    answered: list[Call] = field(default_factory=list)
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
                direction = call.direction or Direction.UNKNOWN
                going_on[call_sid] = with_fields(
                    wait, direction=direction, since=at, is_whole=False, until=None
                )
            elif call.status in WAITING or (call.status in _UNSAID and not is_long):
                going_on[call_sid] = wait if wait.until is None else with_fields(wait, until=None)
            elif call.status in ANSWERED:
                self._answer(wait, call)
            elif call.status is not _OTHER and call.status not in _UNSAID:
                self._abandon(wait, at, halfway)
        return going_on

    def _answer(self, wait: Wait, call: Call) -> None:
        """Take in a wait that ended with an answer; it may be one of several of its call."""
        if wait.is_whole and not self.interval.is_long:
            self.rings[wait.direction, _RING_ANSWERED].append(self.interval.at - wait.since)
        if call.status is _IN_PROGRESS:
            self.answered.append(call)
        if wait.began is None:
            return
        if found := self.interval.wait(call, wait.began, is_told=wait.is_told):
            seconds, source = found
            self.waits[wait.direction, wait.line, _WAIT_ANSWERED, source].append(seconds)

    def answer_unseen(self, call: Call, line: str) -> None:
        """Take in a call that no listing showed waiting, if it was answered in the interval."""
        if not self.interval.has_begun_within(call):
            return
        self.answered.append(call)
        if found := self.interval.unseen_wait(call):
            seconds, source = found
            key = call.direction or Direction.UNKNOWN, line, _WAIT_ANSWERED, source
            self.waits[key].append(seconds)

    def _abandon(self, wait: Wait, until: float, over: float | None) -> None:
        """Take in a wait that ended without an answer, as listings show and as closely as is known."""
        if wait.is_whole and not self.interval.is_long:
            self.rings[wait.direction, _RING_UNANSWERED].append(until - wait.since)
        if wait.began is not None and over is not None:
            key = wait.direction, wait.line, _WAIT_ABANDONED, _LISTINGS
            self.waits[key].append(max(0.0, over - wait.began))
