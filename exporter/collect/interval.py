"""What happened between two listings: when, as closely as rows and the times of the listings tell.

What a row doesn't tell is taken to have happened halfway. Where a duration counts from the answer, it and
the start time tell how long a call waited, however far apart listings are, also if none showed it waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from exporter.collect.tallies import is_plausible
from exporter.config import CountsFrom
from exporter.exotel.enums import CallStatus
from exporter.exotel.models import Call, read_time

LONGEST_GAP = 300.0  # seconds between listings; nobody knows when in a longer one something happened
_LONGEST_WAIT = 3600.0  # seconds; a longer one is a clock or a time zone that is wrong
_ROUNDING = 2.0  # seconds that a start time and a duration, both in whole seconds, may be off
_CUT_OFF = 0.5  # seconds that a duration in whole seconds lacks on average


class Source(StrEnum):
    """What tells how long a wait was: start time and duration alone, or also the times of listings."""

    START_TIME = "start_time"
    LISTINGS = "listings"


# Looked up once: to ask an enum costs more than all else that is done for a call.
_ANSWER, _START, _UNKNOWN = CountsFrom
_START_TIME, _LISTINGS = Source
_IN_PROGRESS = CallStatus.IN_PROGRESS


@dataclass(frozen=True)
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

    @cached_property
    def is_long(self) -> bool:
        """Return whether nobody knows when something happened in it."""
        return self.at - self.since > LONGEST_GAP

    @cached_property
    def halfway(self) -> float | None:
        """Return when something happened that no row tells the time of."""
        return None if self.is_long else (self.since + self.at) / 2

    def begin(self, call: Call) -> tuple[float | None, bool]:
        """Return when a call began to wait that is new in the list, and whether its row tells that."""
        began = self._began(call)
        if began is None or not self._can_be_a_wait(self.at - began):
            return self.halfway, False
        if call.duration and self.counts_from is _ANSWER:
            return None, False  # it has been answered before
        return began, True

    def wait(self, call: Call, began: float, *, is_told: bool) -> tuple[float, Source] | None:
        """Return how long a call waited that has just been answered, and what tells it."""
        if found := self._told_wait(call, began):
            seconds, source = found
            return seconds, source if is_told else _LISTINGS
        if self.halfway is None:
            return None
        return max(0.0, self.halfway - began), _LISTINGS

    def unseen_wait(self, call: Call) -> tuple[float, Source] | None:
        """Return the same of a call that no listing showed waiting, if its row tells that."""
        began = self._began(call)
        return None if began is None else self._told_wait(call, began)

    def has_begun_within(self, call: Call) -> bool:
        """Return whether all that a call's duration counts lies behind the earlier listing."""
        return is_plausible(call.duration) and call.duration <= self.at - self.since + self.window + _ROUNDING

    def before_answer(self, call: Call) -> float | None:
        """Return for how much of its duration a call, just answered, wasn't in progress."""
        if self.is_long or not is_plausible(call.duration):
            return None
        return call.duration - min(call.duration, self.at - self.since) / 2

    def _told_wait(self, call: Call, began: float) -> tuple[float, Source] | None:
        """Return how long a call waited from then on, if its duration tells."""
        answered = self._answered(call)
        if answered is None or not self._can_be_a_wait(answered - began):
            return None
        is_exact = self.counts_from is _ANSWER
        return max(0.0, answered - began), _START_TIME if is_exact else _LISTINGS

    def _can_be_a_wait(self, seconds: float) -> bool:
        """Return whether a wait is no longer than any, and no more below 0 than its parts may be off."""
        return -self.window - _ROUNDING <= seconds <= _LONGEST_WAIT

    def _began(self, call: Call) -> float | None:
        """Return when a call began, if its row tells that."""
        if self.counts_from is _START:
            return self.at - call.duration if is_plausible(call.duration) else None
        if self.counts_from is _UNKNOWN or self.api_time is None:
            return None
        start = read_time(call.start_time)
        return None if start is None else self.at - self.api_time + start

    def _answered(self, call: Call) -> float | None:
        """Return when a call was answered that is in progress, as far as its duration tells."""
        duration = call.duration
        if call.status is not _IN_PROGRESS or not is_plausible(duration):
            return None
        if self.counts_from is _ANSWER:
            return self.at - duration - (0.0 if duration % 1 else _CUT_OFF)
        if self.counts_from is _UNKNOWN or self.is_long:
            return None
        return self.at - min(duration, self.at - self.since) / 2
