"""The list of active calls, whole, from a list that moves while it is read.

It knows neither HTTP nor time: pages come from a function. `seams` says what the pages prove together.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from exporter.api.answers import Page
from exporter.api.errors import ApiError, Reason
from exporter.api.rows import Call
from exporter.api.seams import Seams

DEFAULT_LIMIT = 20  # rows the API serves when it isn't asked for a number
_ROUNDS = 3  # of repair
_ROWS_AN_OVERLAP_ROW = 25  # a page of 100 shares four rows with its neighbour
_SPARE_REQUESTS = 8

Ask = tuple[int, int]
"""An offset and a limit."""

FetchPages = Callable[[Iterable[Ask]], Generator[Page, None, None]]
"""Gives the pages asked for, in their order, several at a time if it can; raises ApiError if one fails."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What the pages held."""

    calls: tuple[Call, ...]
    unreadable: int
    """Rows that could not be read."""
    total: int | None
    """What the API reported last, if it did."""
    requests: int
    page_size: int
    """Rows that the server serves with a page."""
    unseen: int | None
    """Calls that the API reports beyond those listed; None where it reports no number."""
    doubt: str | None
    """Why a call that was alive throughout could be missing; None when none can."""


class ListingFailed(Exception):
    """A page could not be had; `total` is what an earlier page reported, if any did."""

    def __init__(self, error: ApiError, total: int | None) -> None:
        super().__init__(error.detail)
        self.error = error
        self.total = total


def list_calls(fetch: FetchPages, page_size: int, most_requests: int = sys.maxsize) -> Listing:
    """List every active call, or say why some could be missing.

    The first page teaches the total and the page size that the server really serves. The rest are asked for
    at once, each overlapping its neighbour, the last one reaching beyond the total. Where two pages share no
    call, the seam between them is asked for again, in a few rounds of rising width. A list that would take
    more than `most_requests` is not begun.

    Raises ListingFailed when a page can't be had.
    """
    walk = _Walk(fetch, page_size, most_requests)
    try:
        walk.begin()
        walk.read_on()
        walk.repair()
    except ApiError as error:
        raise ListingFailed(error, walk.seams.total) from error
    return walk.listing()


class _Walk:
    def __init__(self, fetch: FetchPages, page_size: int, most_requests: int) -> None:
        self.seams = Seams()
        self._fetch = fetch
        self._limit = max(2, page_size)  # pages of one row could share none
        self._served = self._limit
        self._requests = 0
        self._most = most_requests

    @property
    def _step(self) -> int:
        return max(1, self._served - max(1, self._served // _ROWS_AN_OVERLAP_ROW))

    def begin(self) -> None:
        """Read the first page; some servers refuse a limit that others would cut."""
        try:
            self._take([0])
        except ApiError as error:
            if error.status != 400 or self._limit <= DEFAULT_LIMIT:
                raise
            self._limit = self._served = DEFAULT_LIMIT
            self._take([0])
        if self.seams.end and not self.seams.closed:
            self._served = min(self._limit, self.seams.end)

    def read_on(self) -> None:
        """Read the rest, to beyond the total, or to the first page that brings no new call."""
        if self.seams.closed or self._served < 2:
            return
        needed = self._requests + max(0, (self.seams.total or 0) - self._served) // self._step + 1
        if needed > self._most:
            detail = f"{self.seams.total} calls take {needed} requests to list, and {self._most} are left"
            raise ApiError(Reason.BUDGET, f"{detail}: raise page_size or requests_per_minute")
        self._take(self._rest(), stop_at_nothing_new=True)

    def repair(self) -> None:
        """Ask for open seams again, and for the end of the list, as long as that can prove more."""
        most = min(self._most, 2 * self._requests + _SPARE_REQUESTS)
        for width in (2**round_ for round_ in range(_ROUNDS)):
            if self.seams.complete or not self.seams.in_order or self._served < 2:
                return
            try:
                self._take(list(self._repairs(width))[: max(0, most - self._requests)])
            except ApiError as error:
                if error.reason not in {Reason.TIMEOUT, Reason.BUDGET}:
                    raise
                return  # what is still open stays open

    def listing(self) -> Listing:
        """Give what was found."""
        return Listing(
            calls=self.seams.calls,
            unreadable=self.seams.unreadable,
            total=self.seams.total,
            requests=self._requests,
            page_size=self._served,
            unseen=self.seams.unseen,
            doubt=self._doubt(),
        )

    def _take(self, offsets: Iterable[int], *, stop_at_nothing_new: bool = False) -> None:
        asked: deque[int] = deque()

        def asks() -> Iterator[Ask]:
            for offset in offsets:
                asked.append(offset)
                self._requests += 1
                yield offset, self._limit

        with closing(self._fetch(asks())) as pages:
            for page in pages:
                offset = asked.popleft()
                new = self.seams.add(page, offset, is_last=self._is_last(page, offset))
                if stop_at_nothing_new and not new:
                    return

    def _is_last(self, page: Page, offset: int) -> bool:
        """Tell whether a page reaches the end: it has fewer rows than it could, and its own total agrees."""
        if page.total is None:
            # Without a total a short first page may be all that the server serves at a time.
            return page.rows < (self._served if offset else min(self._served, DEFAULT_LIMIT))
        is_whole_list = offset > 0 and page.rows > self._limit and page.rows >= page.total
        is_short = page.rows < self._served and offset + page.rows >= page.total
        return is_short or is_whole_list  # the latter from a server that knows no pages

    def _rest(self) -> Iterator[int]:
        total, offset = self.seams.total, self._step
        while total is None or offset - self._step + self._served <= total:
            yield offset
            offset += self._step

    def _repairs(self, width: int) -> Iterator[int]:
        """Give the offsets to ask for: pages that overlap by half, over `width` pages around each gap."""
        half = self._served // 2
        for gap in self.seams.gaps:
            yield from (max(0, gap + half * place) for place in range(-width, width))
        if not self.seams.adds_up:
            yield 0  # calls that came since the start was read
        if not self.seams.reached_end or not self.seams.adds_up:
            end = max(0, min(self.seams.end, self.seams.total or self.seams.end) - half)
            yield from range(end, end + width * self._step, self._step)

    def _doubt(self) -> str | None:
        seams = self.seams
        if seams.complete:
            return None
        if not seams.in_order:
            return "the list has no stable order: two pages show the same calls in different orders"
        if gaps := len(seams.gaps):
            return f"between {gaps} pairs of pages calls could be missing"
        if seams.unseen:
            return f"{seams.unseen} of {seams.total} calls that the API reports were not in its list"
        return "no page reached the end of the list"
