"""The pages of a list: as they are asked for, and what they hold together.

Rows, calls and rows that can't be read are three numbers: a list may hold a call twice.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Sequence, Set
from dataclasses import dataclass

from exporter.exotel.models import Call, Page

Ask = tuple[int, int]  # an offset and a limit

FetchPages = Callable[[Iterable[Ask]], Generator[Page, None, None]]
"""Gives the pages asked for, in their order, several at a time if it can; raises ApiError if one fails."""


@dataclass(frozen=True, slots=True)
class PageSpan:
    """A page as it was seen: where it began, how many rows it was asked for and how many it had."""

    offset: int
    limit: int
    rows: int

    @property
    def end(self) -> int:
        """Return the offset behind its last row."""
        return self.offset + self.rows


@dataclass(slots=True)
class SeenPage:
    """A page that was read."""

    span: PageSpan
    calls: Sequence[Call]
    shift: int  # rows by which the list had shifted since the first page was read
    parent: int  # A page that it is sealed to, or itself; pages with the same root are sealed to one another


class Pages:
    """The union of all pages."""

    def __init__(self, duplicates: Iterable[str]) -> None:
        self.unreadable = 0  # rows that could not be read
        self.duplicates = set(duplicates)  # calls that the list holds more than once
        self._pages: list[SeenPage] = []
        self._rows: list[Call] = []  # of all pages, one behind the other
        self._starts: list[int] = []  # for each page, where its rows start there
        self._places: dict[str, int] = {}  # for each call, where its newest row stands there

    @property
    def pages(self) -> int:
        """Return how many pages were taken in; they are numbered from 0."""
        return len(self._pages)

    @property
    def by_sid(self) -> dict[str, Call]:
        """Return each call once, by its newest row."""
        newest = map(self._rows.__getitem__, self._places.values())
        return dict(zip(self._places, newest, strict=True))

    @property
    def call_sids(self) -> Set[str]:
        """Return what names the calls that were seen."""
        return self._places.keys()

    @property
    def newest_start(self) -> str | None:
        """Return the latest start time that was seen, if calls tell theirs."""
        return max((call.start_time for call in self._rows if call.start_time), default=None)

    @property
    def farthest(self) -> PageSpan:
        """Return the page with the last row that was seen."""
        return max((page.span for page in self._pages), key=lambda span: span.end if span.rows else 0)

    @property
    def end(self) -> int:
        """Return the offset behind the last row that was seen."""
        return max((page.span.end for page in self._pages if page.span.rows), default=0)

    @property
    def is_one_page(self) -> bool:
        """Return whether one answer showed all rows: then there is no order to keep."""
        longest = max((page.span.rows for page in self._pages), default=0)
        return longest >= len(self._places) + self.unreadable

    def in_order_of_list(self) -> tuple[Call, ...]:
        """Return each call once, in the order of the list as far as pages show it."""
        calls = (call for page in self._by_offset() for call in self._pages[page].calls)
        return tuple({call.call_sid: call for call in calls}.values())

    def places(self) -> dict[str, int]:
        """Return the calls in the order of the list, each with its number.

        Those that came between others meanwhile are left out, and those that the list holds twice.
        """
        places: dict[str, int] = {}
        for page in self._by_offset():
            call_sids = [call.call_sid for call in self._pages[page].calls]
            if known := places.keys() & call_sids:
                last = max(index for index, call_sid in enumerate(call_sids) if call_sid in known)
                del call_sids[: last + 1]
            places.update(zip(call_sids, range(len(places), len(places) + len(call_sids)), strict=True))
        for call_sid in self.duplicates:
            places.pop(call_sid, None)
        return places

    @property
    def copies(self) -> int:
        """Return how many rows repeat a call, by the places at which such calls stand in the list."""
        if not self.duplicates:
            return 0
        places = {
            (call.call_sid, place)
            for page in self._pages
            for place, call in enumerate(page.calls, page.span.offset)
            if call.call_sid in self.duplicates
        }
        return len(places) - len(self.duplicates)

    def _by_offset(self) -> list[int]:
        """Return the pages that have rows, by their offsets."""
        seen = ((page.span.offset, number) for number, page in enumerate(self._pages) if page.span.rows)
        return [number for _, number in sorted(seen)]

    def _new_unreadable(self, page: Page, offset: int, shared: Set[str]) -> int:
        """Return how many rows that can't be read no page had before, as far as offsets tell."""
        spans = [each.span for each in self._pages]
        common = [range(max(offset, s.offset), min(offset + page.rows, s.end)) for s in spans]
        covered = len(set().union(*common))
        known = sum(
            bool(common[bisect_right(self._starts, self._places[call_sid]) - 1]) for call_sid in shared
        )
        if known > covered and len(shared) == len(page.calls):
            return 0  # it isn't the page that was asked for, but one that was seen
        return page.unreadable - min(page.unreadable, max(0, covered - known))

    def _seen_elsewhere(self) -> dict[str, PageSpan]:
        """Return the calls that were seen at two places of the list, each with the page that can show that.

        What can't be read has no index, so that a call may seem to be farther ahead than it is.
        """
        first: dict[str, tuple[PageSpan, int]] = {}
        found: dict[str, PageSpan] = {}
        for page in self._pages:
            for place, call in enumerate(page.calls, page.span.offset):
                earlier, before = first.setdefault(call.call_sid, (page.span, place))
                apart = abs(place - before)
                if apart <= self.unreadable or call.call_sid in self.duplicates:
                    continue
                is_near = apart < earlier.rows  # the list may have shifted by so many rows
                found[call.call_sid] = PageSpan(min(place, before), earlier.limit, 0) if is_near else earlier
        return found
