"""Lists in the order of start times: what their pages prove without any assumption.

A start time never changes. Where the rows of every page are sorted by it, a page shows all calls that
started between its first row and its last: pages whose start times overlap hide nothing between them, however
the list moved meanwhile, and whatever their offsets. Only calls of the same moment may change places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from exporter.exotel.models import Call

_LEAST_STEPS = 8
"""Pairs of neighbours that are sorted by no chance."""
_DOUBT = 6  # times as many are asked of a list that wasn't sorted lately
_FEW = 0.05
_BACKWARD = 0.2  # of the pages: a list that shifts by more than a page has some
_FILLED = 5  # calls of one moment that no page at the edge of the list shows alone
_FIRST, _LAST = "", "\U0010ffff"  # before and after any start time


@dataclass(frozen=True, slots=True)
class Span:
    """The start times of a page, from the earliest to the latest."""

    page: int
    offset: int
    low: str
    high: str
    inner_low: str
    """Without the row at the edge, which may be that of a call that the list holds twice."""
    inner_high: str

    def touches(self, other: Span) -> bool:
        """Tell whether the two share a start time, be it of a single row of each."""
        return self.low <= other.high and other.low <= self.high

    def overlaps(self, other: Span) -> bool:
        """Tell whether no start time can hide between the two."""
        return self.inner_low < other.inner_high and other.inner_low < self.inner_high


class StartOrder:
    """The start times of all pages, as long as every page is sorted by them, all in the same direction."""

    def __init__(self, *, was_unsorted: bool = False) -> None:
        self._least_steps = _LEAST_STEPS * (_DOUBT if was_unsorted else 1)
        self._rises = self._falls = True
        self._steps = 0
        self._rows = self._ties = 0
        self._backward = 0  # pages that lie on the wrong side of the one before
        self._is_one_moment = False
        self._spans: dict[int, Span] = {}

    @property
    def is_possible(self) -> bool:
        """Tell whether no two rows of a page contradict the order, nor many pages that follow each other."""
        return (self._rises or self._falls) and self._backward <= max(1, _BACKWARD * len(self._spans))

    @property
    def is_shown(self) -> bool:
        """Tell whether the order shows, and not by chance."""
        return self.is_possible and self._steps >= self._least_steps

    @property
    def is_one_moment(self) -> bool:
        """Tell whether a page shows nothing but calls of one moment, so that it may not show all of them."""
        return self._is_one_moment

    @property
    def has_ties(self) -> bool:
        """Tell whether more than a few calls started at the same moment as others."""
        return self._ties > _FEW * self._rows

    def add(self, page: int, offset: int, calls: Sequence[Call], distinct: int) -> None:
        """Take in the rows of a page, and how many calls they are."""
        if not self.is_possible or not calls:
            return
        starts = [call.start_time for call in calls]
        if None in starts:
            self._rises = self._falls = False
            return
        known: list[str] = starts  # type: ignore[assignment]  # mypy doesn't see that None was ruled out
        rising = sorted(known)
        self._rises &= known == rising
        self._falls &= known == rising[::-1]
        self._rows += len(known)
        self._ties += distinct - len(set(known))
        self._is_one_moment |= distinct >= _FILLED and rising[0] == rising[-1]
        if self._steps < self._least_steps:
            self._steps += sum(before != after for before, after in pairwise(known))
        inner = rising[1:-1] or rising
        if self._spans and self._rises != self._falls:
            before = next(reversed(self._spans.values()))
            is_forward = (offset > before.offset) == self._rises
            if offset != before.offset:
                self._backward += rising[0] < before.low if is_forward else rising[0] > before.low
        self._spans[page] = Span(page, offset, rising[0], rising[-1], inner[0], inner[-1])

    def gaps(self, ends: set[int], is_tied: Callable[[int, int], bool]) -> list[int]:
        """Give the pages between which and the one before start times may hide, in the order of start times.

        `ends` are the pages that reached the end of the list; `is_tied` tells whether two pages that share no
        more than a row or one moment are known to share that whole.
        """
        spans = sorted(map(self._widened(ends), self._spans.values()), key=_low)
        if not spans:
            return []
        gaps, upto = [], spans[0]
        for span in spans[1:]:
            joins = span.overlaps(upto) or (span.touches(upto) and is_tied(upto.page, span.page))
            if not joins:
                gaps.append(max(span, upto, key=_offset).page)
            if span.high >= upto.high or not joins:
                upto = span
        return gaps

    def reaches_from_start(self, ends: set[int]) -> bool:
        """Tell whether a page began the list and one ended it."""
        return any(span.offset == 0 for span in self._spans.values()) and bool(ends & self._spans.keys())

    def are_joined(self, page: int, other: int) -> bool | None:
        """Tell whether no start time can hide between two pages; None where they only touch."""
        one, two = self._spans.get(page), self._spans.get(other)
        if one is None or two is None:
            return False
        return one.overlaps(two) or (None if one.touches(two) else False)

    def _widened(self, ends: set[int]) -> Callable[[Span], Span]:
        """Give a function that lets the pages at both ends of the list cover all that lies beyond."""

        def widened(span: Span) -> Span:
            at_start, at_end = span.offset == 0, span.page in ends
            if at_start if self._rises else at_end:
                span = replace(span, low=_FIRST, inner_low=_FIRST)
            if at_end if self._rises else at_start:
                span = replace(span, high=_LAST, inner_high=_LAST)
            return span

        return widened


def _offset(span: Span) -> int:
    return span.offset


def _low(span: Span) -> tuple[str, str]:
    return span.low, span.high
