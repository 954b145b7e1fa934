"""The life of calls as complete listings tell it: who came, who went, how long they rang, waited and lasted.

What happens between two listings can't be seen: a call that is shorter than the time between them may be in
none. A call is taken for ended when two listings in a row lack it, so that one that is missing from a single
listing isn't counted twice: it has returned, and that listing was wrong.

So `started - ended` is always the calls of the last two listings less those of the first, however far apart
listings are. Only what depends on when something happened, rings and durations, isn't told across a long gap.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import compress, filterfalse, repeat
from operator import not_
from typing import Self, TypeVar

from msgspec import Struct
from msgspec.structs import replace as with_fields

from exporter.collect.breakdowns import OTHER, Lines
from exporter.collect.handling import Handling
from exporter.collect.interval import Interval, Source
from exporter.collect.tallies import KNOWN_PAIRS, Histogram, Pair, is_plausible, pair_of
from exporter.collect.waits import WAITING, Outcome, Over, Wait, WaitKey, WaitOutcome, begin
from exporter.config import CountsFrom
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Call

WAIT_BOUNDS = (5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0)  # seconds
_NO_LINES = Lines(())
_IN_PROGRESS = CallStatus.IN_PROGRESS  # looked up once: to ask an enum for each call takes long
_DIRECTIONS = tuple(dict.fromkeys(direction for direction, _ in KNOWN_PAIRS))


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
    waits: Mapping[WaitKey, Histogram]
    handling: Mapping[tuple[Direction, str], Histogram]
    """How long calls that ended had been in progress when they were last seen, by direction and line."""


class _LastSeen(Struct, frozen=True, gc=False):
    """What a listing told last of a call that is gone."""

    direction: Direction | None
    status: CallStatus | None
    duration: float | None
    line: str


@dataclass(frozen=True, slots=True)
class _Listed:
    """The calls of a listing, in columns: until the next one, rows would take three times the memory."""

    call_sids: Set[str] = frozenset()
    directions: Sequence[Direction | None] = ()
    statuses: Sequence[CallStatus | None] = ()
    durations: Sequence[float | None] = ()
    lines: Iterable[str] = ()

    @classmethod
    def of(cls, calls: Mapping[str, Call], lines: Iterable[str]) -> Self:
        directions, statuses, durations = [], [], []
        for call in calls.values():  # each row is touched once, as in tallies
            directions.append(call.direction)
            statuses.append(call.status)
            durations.append(call.duration)
        return cls(dict.fromkeys(calls).keys(), directions, statuses, durations, lines)

    def waiting(self) -> Iterator[str]:
        """Yield those that wait."""
        return compress(self.call_sids, map(WAITING.__contains__, self.statuses))

    def gone(self, present: Container[str]) -> dict[str, _LastSeen]:
        """Return those that are no longer present."""
        is_gone = [*map(not_, map(present.__contains__, self.call_sids))]
        if True not in is_gone:
            return {}
        columns = zip(self.call_sids, self.directions, self.statuses, self.durations, self.lines)  # noqa: B905  # lines may be endless
        rows = compress(columns, is_gone)
        return {
            call_sid: _LastSeen(direction, status, duration, line)
            for call_sid, direction, status, duration, line in rows
        }


_K = TypeVar("_K")


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What the complete listings so far have told; times are seconds on a clock that never goes back."""

    bounds: Sequence[float]
    """Of the durations of calls."""
    line_of: Callable[[Call], str]
    handling: Handling
    counts: ObservedCounts
    at: float = -math.inf
    """When the last listing was made."""
    window: float = 0.0
    """How long it took."""
    listed: _Listed = field(default_factory=_Listed, repr=False)
    """The calls of the last listing."""
    missing: Mapping[str, _LastSeen] = field(default_factory=dict, repr=False)
    """Those that the listing before it had; they may come back."""
    waits: Mapping[str, Wait] = field(default_factory=dict, repr=False)

    @classmethod
    def before(
        cls,
        bounds: Sequence[float],
        counts_from: CountsFrom = CountsFrom.UNKNOWN,
        lines: Lines = _NO_LINES,
    ) -> Lifecycle:
        """Return what is known before the first listing."""
        no_waits, no_calls = Histogram.of((), WAIT_BOUNDS), Histogram.of((), bounds)
        names = lines.names or (OTHER,)
        is_exact = counts_from is CountsFrom.ANSWER
        sources = {
            WaitOutcome.ANSWERED: Source.START_TIME if is_exact else Source.LISTINGS,
            WaitOutcome.ABANDONED: Source.LISTINGS,
        }
        counts = ObservedCounts(
            started=dict.fromkeys(_DIRECTIONS, 0),
            ended=dict.fromkeys(KNOWN_PAIRS, 0),
            returned=0,
            rings={(direction, outcome): no_waits for direction in _DIRECTIONS for outcome in Outcome},
            durations=dict.fromkeys(_DIRECTIONS, no_calls),
            waits={(Direction.INBOUND, line, *how): no_waits for line in names for how in sources.items()},
            handling={(Direction.INBOUND, line): no_calls for line in names},
        )
        return cls(tuple(bounds), lines.line_of, Handling(counts_from), counts)

    def after(
        self,
        calls: Mapping[str, Call],
        at: float,
        window: float = 0.0,
        api_time: float | None = None,
        lines: Iterable[str] = repeat(OTHER),
    ) -> Lifecycle:
        """Return what is known after one more complete listing, by call_sid.

        It took `window` seconds until `at`; `api_time` is when it was made on the API's clock, in seconds
        since 1970; `lines` are those of the calls. One that is given again changes nothing.
        """
        if at <= self.at:
            return self
        interval = Interval(self.at, at, self.window + window, api_time, self.handling.counts_from)
        listed = _Listed.of(calls, lines)
        known = replace(self, at=at, window=window, listed=listed)
        if self.at == -math.inf:
            return replace(known, waits=begin(calls, listed.waiting(), calls, interval, self.line_of))
        before = self.listed.call_sids
        came = [*filterfalse(before.__contains__, calls)]
        started = {call_sid: calls[call_sid] for call_sid in came if call_sid not in self.missing}
        ended = {call_sid: call for call_sid, call in self.missing.items() if call_sid not in calls}
        missing = self.listed.gone(calls)
        if interval.is_long:
            missing = {call_sid: with_fields(call, duration=None) for call_sid, call in missing.items()}
        over = Over(interval)
        going_on = over.follow(self.waits, calls)
        for call in started.values():
            if call.status is _IN_PROGRESS:
                over.answer_unseen(call, self.line_of(call))
        waiting = filterfalse(going_on.__contains__, listed.waiting())
        return replace(
            known,
            counts=self._counted(started.values(), ended, len(came) - len(started), over),
            missing=missing,
            waits={**begin(calls, waiting, started, interval, self.line_of), **going_on},
            handling=self.handling.after(over, ended),
        )

    @property
    def longest_rings(self) -> Mapping[Direction, float]:
        """Return how long the call that waits longest has been seen waiting, by direction, in seconds."""
        longest = dict.fromkeys(_DIRECTIONS, 0.0)
        for wait in self.waits.values():
            if wait.until is None:
                longest[wait.direction] = max(longest.get(wait.direction, 0.0), wait.seconds(self.at))
        return longest

    def _counted(
        self, started: Iterable[Call], ended: Mapping[str, _LastSeen], returned: int, over: Over
    ) -> ObservedCounts:
        before = self.counts
        lasted: defaultdict[Direction, list[float]] = defaultdict(list)
        handled: defaultdict[tuple[Direction, str], list[float]] = defaultdict(list)
        for call_sid, call in ended.items():
            direction = call.direction or Direction.UNKNOWN
            if is_plausible(call.duration):
                lasted[direction].append(call.duration)
            if is_plausible(seconds := self.handling.seconds(call_sid, call.status, call.duration)):
                handled[direction, call.line].append(seconds)
        return ObservedCounts(
            started=_added(before.started, (call.direction or Direction.UNKNOWN for call in started)),
            ended=_added(before.ended, map(pair_of, ended.values())),
            returned=before.returned + returned,
            rings=_extended(before.rings, over.rings, WAIT_BOUNDS),
            durations=_extended(before.durations, lasted, self.bounds),
            waits=_extended(before.waits, over.waits, WAIT_BOUNDS),
            handling=_extended(before.handling, handled, self.bounds),
        )


def _added(counts: Mapping[_K, int], more: Iterable[_K]) -> Mapping[_K, int]:
    total = Counter(counts)
    total.update(more)
    return total


def _extended(
    histograms: Mapping[_K, Histogram], seconds: Mapping[_K, Iterable[float]], bounds: Sequence[float]
) -> Mapping[_K, Histogram]:
    more = {
        key: histograms[key].plus(values) if key in histograms else Histogram.of(values, bounds)
        for key, values in seconds.items()
    }
    return {**histograms, **more}
