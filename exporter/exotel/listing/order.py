"""What orders the rows of a list, and which calls changed places in it.

A start time never changes. Where the rows of every page are sorted by it, a page shows all calls that
started between its first row and its last: pages whose start times overlap hide nothing between them, however
the list moved meanwhile, and whatever their offsets. Only calls of the same moment may change places.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from exporter.exotel.models import Call

_LEAST_STEPS = 8  # pairs of neighbours that are sorted by no chance
_DISTRUST = 6  # times as many are asked of a list that wasn't sorted lately
_FEW = 0.05
_BACKWARD = 0.2  # of the pages: a list that shifts by more than a page has some
_FILLED = 5  # calls of one moment that no page at the edge of the list shows alone
_FIRST, _LAST = "", "\U0010ffff"  # before and after any start time


class Order(StrEnum):
    """What orders the rows of a list: what the proof of a listing rests on."""

    START = "start"  # by the calls' start times, which never change
    STABLE = "stable"  # by something else; calls keep their places among one another
    MOVING = "moving"  # calls change their places
    NONE = "none"  # each answer has an order of its own


@dataclass(frozen=True, slots=True)
class Span:
    """The start times of a page, from the earliest to the latest."""

    page: int
    offset: int
    low: str
    high: str
    inner_low: str  # without the row at the edge, which may be that of a call that the list holds twice
    inner_high: str

    def touches(self, other: Span) -> bool:
        """Return whether the two share a start time, be it of a single row of each."""
        return self.low <= other.high and other.low <= self.high

    def overlaps(self, other: Span) -> bool:
        """Return whether no start time can hide between the two."""
        return self.inner_low < other.inner_high and other.inner_low < self.inner_high


class StartOrder:
    """The start times of all pages, as long as every page is sorted by them, all in the same direction."""

    def __init__(self, *, was_unsorted: bool) -> None:
        self.is_one_moment = False
        """Whether a page shows nothing but calls of one moment, so that it may not show all of them."""
        self._least_steps = _LEAST_STEPS * (_DISTRUST if was_unsorted else 1)
        self._rises = self._falls = True
        self._steps = self._rows = self._ties = 0
        self._backward = 0  # pages that lie on the wrong side of the one before
        self._spans: dict[int, Span] = {}

    @property
    def is_possible(self) -> bool:
        """Return whether no rows of a page contradict the order, nor many pages that follow each other."""
        return (self._rises or self._falls) and self._backward <= max(1, _BACKWARD * len(self._spans))

    @property
    def is_shown(self) -> bool:
        """Return whether the order shows, and not by chance."""
        return self.is_possible and self._steps >= self._least_steps

    @property
    def has_ties(self) -> bool:
        """Return whether more than a few calls started at the same moment as others."""
        return self._ties > _FEW * self._rows

    def add(self, page: int, offset: int, calls: Sequence[Call], distinct: int) -> None:
        """Take in the rows of a page, and how many calls they are."""
        if not self.is_possible or not calls:
            return
        starts = [call.start_time for call in calls if call.start_time is not None]
        if len(starts) < len(calls):
            self._rises = self._falls = False
            return
        rising = sorted(starts)
        self._rises &= starts == rising
        self._falls &= starts == rising[::-1]
        self._rows += len(starts)
        self._ties += distinct - len(set(starts))
        self.is_one_moment |= distinct >= _FILLED and rising[0] == rising[-1]
        if self._steps < self._least_steps:
            self._steps += sum(before != after for before, after in pairwise(starts))
        inner = rising[1:-1] or rising
        span = Span(page, offset, rising[0], rising[-1], inner[0], inner[-1])
        if self._spans and self._rises != self._falls:
            before = next(reversed(self._spans.values()))
            is_forward = (offset > before.offset) == self._rises
            if offset != before.offset:
                self._backward += span.low < before.low if is_forward else span.low > before.low
        self._spans[page] = span

    def gaps(self, ends: set[int], is_tied: Callable[[int, int], bool]) -> list[int]:
        """Return the pages between which and the one before start times may hide, in their order.

        `ends` are the pages that reached the end of the list; `is_tied` tells whether two pages that share no
        more than a row or one moment are known to share that whole.
        """
        spans = sorted(
            (self._widened(span, ends) for span in self._spans.values()),
            key=lambda span: (span.low, span.high),
        )
        if not spans:
            return []
        gaps, upto = [], spans[0]
        for span in spans[1:]:
            joins = span.overlaps(upto) or (span.touches(upto) and is_tied(upto.page, span.page))
            if not joins:
                gaps.append(max(span, upto, key=lambda each: each.offset).page)
            if span.high >= upto.high or not joins:
                upto = span
        return gaps

    def reaches_from_start(self, ends: set[int]) -> bool:
        """Return whether a page began the list and one ended it."""
        return any(span.offset == 0 for span in self._spans.values()) and bool(ends & self._spans.keys())

    def are_joined(self, page: int, other: int) -> bool | None:
        """Return whether no start time can hide between two pages; None where they only touch."""
        one, two = self._spans.get(page), self._spans.get(other)
        if one is None or two is None:
            return False
        return one.overlaps(two) or (None if one.touches(two) else False)

    def _widened(self, span: Span, ends: set[int]) -> Span:
        """Return a span that covers all that lies beyond, where its page is at an end of the list."""
        at_start, at_end = span.offset == 0, span.page in ends
        if at_start if self._rises else at_end:
            span = replace(span, low=_FIRST, inner_low=_FIRST)
        if at_end if self._rises else at_start:
            span = replace(span, high=_LAST, inner_high=_LAST)
        return span


def count_moved(before: Mapping[str, int], now: Mapping[str, int]) -> int:
    """Return how many of the calls that two listings share changed places, at the least."""
    places = [place for place in map(before.get, now) if place is not None]  # both are in the order of places
    return 0 if places == sorted(places) else len(out_of_order([*enumerate(places)]))


def out_of_order(pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Return the places now of calls that changed their order: as few as can be, all where none says which.

    The pairs are sorted by the place before.
    """
    if all(first < second for (_, first), (_, second) in pairwise(pairs)):
        return []
    ends: list[int] = []  # the least last place of a rising run of each length
    lengths = []
    for _, place in pairs:
        length = bisect_left(ends, place)
        ends[length : length + 1] = [place]
        lengths.append(length)
    kept, wanted = set[int](), len(ends) - 1
    if wanted:
        limit = float("inf")
        for (_, place), length in zip(reversed(pairs), reversed(lengths), strict=True):
            if length == wanted and place < limit:
                kept.add(place)
                limit, wanted = place, wanted - 1
    return [place for _, place in pairs if place not in kept]
