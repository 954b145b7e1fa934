"""What listings teach of a list and its server, for those that follow."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from itertools import chain
from statistics import median

from exporter.exotel.enums import CallStatus
from exporter.exotel.models import Call

_OVERLAP = 0.04
"""The share of its rows that a page has in common with its neighbour, before anything is known of a list."""
_HOUR = 3600.0
_SOON = 180.0  # seconds: listings are further apart only where something is wrong

_FEWEST_LATE = 3  # calls of a page that must agree on its age
_FOLLOWED = 16  # one call in so many, and those at the ends of a page, which its neighbours show too
_AT_ENDS = 8
_REMEMBERED = 20  # listings; one of several replicas may not be met each time
_JITTER = 0.3  # seconds between an answer and its reading
_OLDEST = 3600.0  # seconds; durations that fall back by more are counted anew, for whatever reason


class Fact(Enum):
    """What is taken to hold for a while after it was seen, in seconds."""

    PAGING = auto()  # how the server serves pages
    LONGEST_PAGE = auto()
    MOVING = auto()  # calls change places in the list
    UNSORTED = auto()  # rows aren't in the order of start times
    TIES_MOVE = auto()  # calls that started at the same moment change places
    DISTRUSTED = auto()  # calls came back that were missing from a listing which was called complete


_LASTS = dict.fromkeys(Fact, _HOUR) | {Fact.DISTRUSTED: 600.0}


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered at a moment, by the clock of the lister."""

    page_size: int
    now: float = 0.0
    rounds_offsets: bool = False
    overlap: float = _OVERLAP
    longest_page: int = 0  # rows of the longest page that was seen: a shorter one was hardly cut
    end: int | None = None  # rows that the list had
    excess: int = 0  # rows that it had beyond its total
    rows: tuple[Call, ...] = ()  # its calls in the order of the list, if it ended where windows end
    listed_at: float = -math.inf
    ahead: int = 0  # rows that the list had a moment ago: pages for them are asked for at once
    read_at: float = -math.inf
    places: Mapping[str, int] | None = None
    """Its calls in the order of the list, where that isn't the order of their start times."""
    until: Mapping[Fact, float] = field(default_factory=dict)

    def at(self, now: float, page_size: int) -> Memory:
        """Return what still holds; after an hour pages are asked for as they are configured again."""
        memory = replace(self, now=now, ahead=self.ahead if now - self.read_at < _SOON else 0)
        if not memory.holds(Fact.PAGING):
            ahead = memory.ahead if page_size == memory.page_size else 0
            memory = replace(memory, page_size=page_size, rounds_offsets=False, ahead=ahead)
        return memory if memory.holds(Fact.LONGEST_PAGE) else replace(memory, longest_page=0)

    def holds(self, fact: Fact) -> bool:
        """Return whether something was seen lately."""
        return self.now < self.until.get(fact, -math.inf)

    def seeing(self, *facts: Fact, now: float) -> Memory:
        """Return it with what was seen now."""
        return replace(self, until={**self.until, **{fact: now + _LASTS[fact] for fact in facts}})

    def expected_rows(self, total: int | None) -> int | None:
        """Return the rows that a list of this total is expected to have."""
        return self.end if total is None else total + self.excess


class Ages:
    """How old what was read is: replicas and caches tell of a list as it was some time ago.

    A call that goes on grows older by a second each second. One that was told with a lower age than it must
    have by now was read from something that stood still meanwhile. So some calls are followed from page to
    page and from listing to listing.
    """

    def __init__(self) -> None:
        self._starts: dict[str, float] = {}  # the earliest that was told of each
        self._followed: dict[str, float] = {}  # those of this listing
        self._worst = 0.0
        self._lately: deque[float] = deque(maxlen=_REMEMBERED)

    def add(self, calls: Sequence[Call], now: float) -> None:
        """Take in the calls of a page that was read now, in seconds."""
        late, resolution = [], 1.0
        for call in _sample(calls):
            if call.duration is None or call.status is not CallStatus.IN_PROGRESS:
                continue
            if call.duration % 1:
                resolution = 0.0
            start = now - call.duration
            known = self._followed.get(call.call_sid, self._starts.get(call.call_sid))
            if known is not None:
                late.append(start - known)
            self._followed[call.call_sid] = start if known is None else min(start, known)
        if len(late) >= _FEWEST_LATE and resolution + _JITTER < (age := median(late)) <= _OLDEST:
            self._worst = max(self._worst, age + resolution)

    def end_listing(self) -> float:
        """Return how many seconds old a page of this listing, or of one of the last, was when it was read."""
        self._lately.append(self._worst)
        self._starts, self._followed, self._worst = self._followed, {}, 0.0
        return max(self._lately)


def _sample(calls: Sequence[Call]) -> Iterator[Call]:
    if len(calls) <= 2 * _AT_ENDS:
        return iter(calls)
    between = (call for call in calls[_AT_ENDS:-_AT_ENDS] if hash(call.call_sid) % _FOLLOWED == 0)
    return chain(calls[:_AT_ENDS], between, calls[-_AT_ENDS:])
