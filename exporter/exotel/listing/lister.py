"""The list of active calls, whole, from a list that moves while it is read.

It knows neither HTTP nor time: pages come from a function, seconds from another. `paginator` asks for pages,
`seams` and `start_order` say what they prove together, `sums` compares them with what the API reports,
`list_order` says whether the list has to be read twice, `verdict` whether a call could be missing, and
`list_memory` keeps what the next listing has to know.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass

from exporter.exotel.errors import ApiError, Cause
from exporter.exotel.listing.ages import Ages
from exporter.exotel.listing.memory import Memory
from exporter.exotel.listing.order import Order, settle_order
from exporter.exotel.listing.page_reader import FetchPages, Reader
from exporter.exotel.listing.paginator import Paginator
from exporter.exotel.listing.paging import Ask, Paging
from exporter.exotel.listing.reading import Reading
from exporter.exotel.listing.totals import Sums
from exporter.exotel.listing.verdict import why_incomplete
from exporter.exotel.models import Call, Page


@dataclass(frozen=True, slots=True)
class Listing:
    """What the pages held."""

    calls: tuple[Call, ...]
    unreadable: int
    """Rows that could not be read."""
    total: int | None
    """What the API reported last, if it did."""
    requests: int
    repaired: int
    """How many pages were asked for again because two neighbours shared no call."""
    page_size: int
    """Rows that the server serves with a page, as far as more than one page has shown it."""
    rounds_offsets: bool
    """Whether the server was seen to begin each page at a multiple of the limit."""
    unseen: int | None
    """Calls that the API reports beyond those listed; None where it reports no number."""
    incomplete_reason: str | None
    """Why a call that was alive throughout could be missing; None when none can."""
    cause: Cause | None
    """Whether that is the list's doing or the server's, where it shows."""
    order: Order | None = None
    """None where it doesn't show: a list of a page may be in any."""
    age: float = 0.0
    """How many seconds before it was read a page may have been true."""


class ListingFailed(Exception):
    """A page could not be had.

    `total` is what an earlier page reported, if any did; `needed` the requests that the listing takes, as far
    as it is known; `page_size` the rows that the server serves with a page, as far as pages have shown it;
    `listed` how many calls earlier pages showed, None where there was none.
    """

    def __init__(
        self, error: ApiError, total: int | None, needed: int, page_size: int, listed: int | None
    ) -> None:
        super().__init__(error.detail)
        self.error = error
        self.total = total
        self.needed = needed
        self.page_size = page_size
        self.listed = listed


class Lister:
    """Lists the calls of an account, and remembers what listings teach of the list and its server.

    `clock` gives seconds that never go back.
    """

    def __init__(self, page_size: int, clock: Callable[[], float]) -> None:
        self._page_size = max(2, page_size)  # pages of one row could share none
        self._clock = clock
        self._memory = Memory(self._page_size)
        self._ages = Ages()

    def list(self, fetch: FetchPages, most_requests: int = sys.maxsize) -> Listing:
        """List every active call, or say why some could be missing.

        The first page teaches the total and the page size that the server really serves. The rest are asked
        for at once, each overlapping its neighbour by a share of its rows, the last one reaching beyond the
        total; if rows are there that the total knows nothing of, on to their end.
        Where a call could hide between two pages, what lies there is asked for again: at once, and if that
        isn't enough in a few rounds of rising width. A list that isn't in the order of start times, and whose
        calls change places, or may, is read a second time, from its end to its start.
        A list of which the total tells that it takes more than `most_requests` is not begun; none takes more.

        Raises ListingFailed when a page can't be had.
        """
        began = self._clock()
        memory = self._memory.lately(began, self._page_size)
        paging = Paging(memory.page_size, memory.page_size, memory.overlap, memory.rounds_offsets)
        sums = Sums(lambda: self._clock() - began)
        reading = Reading(memory.past(began), sums)
        reader = Reader(self._watched(fetch), paging, most_requests, reading)
        paginator = Paginator(reader)
        try:
            paginator.begin()
            paginator.read_on()
            paginator.repair()
            found = settle_order(paginator, reading)
            reading.excuse()
        except ApiError as error:
            self._memory = memory.after_failure(reader, self._clock())
            raise ListingFailed(
                error, sums.last, paginator.needed, reader.page_size, reading.listed
            ) from error
        finally:
            age = self._ages.end_listing()
        incomplete_reason, cause = why_incomplete(reading, found, paginator.needed)
        self._memory = memory.after(reader, found, self._clock())
        return Listing(
            calls=reading.calls,
            unreadable=reading.unreadable,
            total=sums.last,
            requests=paginator.needed if found.lacks_requests else reader.requests,
            repaired=reader.repaired,
            page_size=reader.page_size,
            rounds_offsets=reader.paging.rounds_offsets,
            unseen=reading.unseen,
            incomplete_reason=incomplete_reason,
            cause=cause,
            order=found.order,
            age=age,
        )

    def doubt_order(self) -> None:
        """Read lists twice for a while: calls that were missing from a complete listing have come back."""
        self._memory = self._memory.doubted(self._clock())

    def _watched(self, fetch: FetchPages) -> FetchPages:
        """Give the function that gives pages, and has their age followed."""

        def watched(asks: Iterable[Ask]) -> Generator[Page, None, None]:
            with closing(fetch(asks)) as pages:
                for page in pages:
                    self._ages.add(page.calls, self._clock())
                    yield page

        return watched
