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
from exporter.api.errors import ApiError, Cause, Reason
from exporter.api.rows import Call
from exporter.api.seams import Seams

DEFAULT_LIMIT = 20  # rows the API serves when it isn't asked for a number
_ROUNDS = 3  # of repair
LEAST_OVERLAP, MOST_OVERLAP = 0.04, 0.25
"""The share of its rows that a page has in common with its neighbour."""
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
    seams_mended: int
    """How many pages were asked for again because two neighbours shared no call."""
    page_size: int
    """Rows that the server serves with a page, as far as more than one page has shown it."""
    unseen: int | None
    """Calls that the API reports beyond those listed; None where it reports no number."""
    doubt: str | None
    """Why a call that was alive throughout could be missing; None when none can."""
    cause: Cause | None
    """Whether that is the list's doing or the server's, where it shows."""


class ListingFailed(Exception):
    """A page could not be had.

    `total` is what an earlier page reported, if any did; `needed` the requests that the listing takes, as far
    as it is known.
    """

    def __init__(self, error: ApiError, total: int | None, needed: int) -> None:
        super().__init__(error.detail)
        self.error = error
        self.total = total
        self.needed = needed


def list_calls(
    fetch: FetchPages,
    page_size: int,
    most_requests: int = sys.maxsize,
    overlap: float = LEAST_OVERLAP,
) -> Listing:
    """List every active call, or say why some could be missing.

    The first page teaches the total and the page size that the server really serves. The rest are asked for
    at once, each overlapping its neighbour by a share of its rows, the last one reaching beyond the total.
    Where two pages share no call, the seam between them is asked for again: at once, and if that isn't enough
    in a few rounds of rising width. A list that would take more than `most_requests` is not begun.

    Raises ListingFailed when a page can't be had.
    """
    walk = _Walk(fetch, page_size, most_requests, overlap)
    try:
        walk.begin()
        walk.read_on()
        walk.repair()
    except ApiError as error:
        raise ListingFailed(error, walk.seams.total, walk.needed) from error
    return walk.listing()


class _Walk:
    def __init__(self, fetch: FetchPages, page_size: int, most_requests: int, overlap: float) -> None:
        self.seams = Seams()
        self.needed = 1
        self._overlap = overlap
        self._is_size_shown = False
        self._seams_mended = 0
        self._was_cut = False
        self._planned = 1
        self._fetch = fetch
        self._limit = max(2, page_size)  # pages of one row could share none
        self._served = self._limit
        self._requests = 0
        self._most = most_requests

    @property
    def _step(self) -> int:
        return max(1, self._served - max(1, int(self._served * self._overlap)))

    @property
    def _bound(self) -> int:
        """Give the requests that there may be in all: mending takes no more than the pages do, and some."""
        return min(self._most, 2 * self._planned + _SPARE_REQUESTS)

    def begin(self) -> None:
        """Read the first page; some servers refuse a limit that others would cut."""
        try:
            list(self._added([0]))
        except ApiError as error:
            if error.status != 400 or self._limit <= DEFAULT_LIMIT:
                raise
            self._limit = self._served = DEFAULT_LIMIT
            self._is_size_shown = True
            list(self._added([0]))
        if self.seams.end and not self.seams.closed:
            self._served = min(self._limit, self.seams.end)

    def read_on(self) -> None:
        """Read the rest, to beyond the total, or to the first page that brings no new call."""
        if self.seams.closed or self._served < 2:
            return
        self.needed = self._requests + max(0, (self.seams.total or 0) - self._served) // self._step + 1
        if self.needed > self._most:
            detail = (
                f"{self.seams.total} calls take {self.needed} requests to list, and {self._most} are left"
            )
            raise ApiError(Reason.BUDGET, f"{detail}: raise page_size or requests_per_minute")
        self._first_pass()

    def repair(self) -> None:
        """Ask for open seams again, and for the end of the list, as long as that can prove more."""
        for width in (2**round_ for round_ in range(_ROUNDS)):
            if self.seams.complete or not self.seams.in_order or self._served < 2:
                return
            try:
                asks = list(self._repairs(width))[: max(0, self._bound - self._requests)]
                self._seams_mended += len(list(self._added(asks)))
            except ApiError as error:
                if error.reason not in {Reason.TIMEOUT, Reason.BUDGET}:
                    raise
                self._was_cut = True
                return  # what is still open stays open

    def listing(self) -> Listing:
        """Give what was found."""
        return Listing(
            calls=self.seams.calls,
            unreadable=self.seams.unreadable,
            total=self.seams.total,
            requests=self._requests,
            seams_mended=self._seams_mended,
            page_size=self._served if self._is_size_shown else self._limit,
            unseen=self.seams.unseen,
            doubt=self._doubt(),
            cause=self._cause(),
        )

    def _first_pass(self) -> None:
        """Read page after page; where one doesn't join the page before, mend while the list is still near."""
        planned, mends, mended = self._rest(), deque[int](), set[int]()

        def offsets() -> Iterator[int]:
            while (offset := mends.popleft() if mends else next(planned, None)) is not None:
                yield offset

        before, rows_before = 0, frozenset[str]()
        with closing(self._added(offsets())) as added:
            for offset, page, new in added:
                rows = frozenset(call.call_sid for call in page.calls)
                if offset in mended:
                    continue
                if not new and (page.total is None or not rows or rows == rows_before):
                    return  # beyond the end, or from a server that ignores the offset
                if not self.seams.are_sealed(before, self.seams.pages - 1) and self._requests < self._bound:
                    mends.append(max(0, offset - self._served // 2))
                    mended.add(mends[-1])
                    self._seams_mended += 1
                before, rows_before = self.seams.pages - 1, rows
                self._planned += 1

    def _added(self, offsets: Iterable[int]) -> Generator[tuple[int, Page, int], None, None]:
        """Ask for pages and add them; give each with its offset and the number of calls it brought."""
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
                self._is_size_shown |= offset > 0 and page.rows == self._served
                yield offset, page, new

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

    def _cause(self) -> Cause | None:
        """Give what is behind the doubt: a list that stands still can't be why its pages don't join."""
        seams = self.seams
        if seams.complete:
            return None
        if not seams.in_order:
            return Cause.ORDER
        if self._was_cut:
            return Cause.TIME
        if seams.is_still is None:
            return None
        if not seams.is_still:
            return Cause.MOVING
        return Cause.TOTAL if seams.unseen and not seams.gaps else Cause.PAGES
