"""The list of active calls, whole, from a list that moves while it is read.

It knows neither HTTP nor time: pages come from a function, seconds from another. `paginator` asks for pages,
`stitching` and `order` say what they prove together, `evidence` compares them with what the API reports,
`verdict` says whether the list has to be read twice and whether a call could be missing, and `memory` keeps
what the next listing has to know.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from exporter.exotel.errors import ApiError, Cause
from exporter.exotel.listing.evidence import Evidence, Totals
from exporter.exotel.listing.memory import Ages, Fact, Memory
from exporter.exotel.listing.order import Order
from exporter.exotel.listing.pages import Ask, FetchPages
from exporter.exotel.listing.paginator import Paginator
from exporter.exotel.listing.paging import DEFAULT_LIMIT, PageReader, Paging
from exporter.exotel.listing.verdict import OrderFinding, ends_like_a_window, find_order, why_incomplete
from exporter.exotel.models import Call, Page


@dataclass(frozen=True, slots=True)
class Listing:
    """What the pages held."""

    by_sid: Mapping[str, Call]  # each call once, as it was read last
    unreadable: int  # rows that could not be read
    total: int | None  # what the API reported last, if it did
    requests: int
    page_size: int  # rows that the server serves with a page, as far as more than one page has shown it
    unseen: int | None  # calls that the API reports beyond those listed; None where it reports no number
    incomplete_reason: str | None  # why a call that was alive throughout could be missing; None when none can
    cause: Cause | None  # whether that is the list's doing or the server's, where it shows
    order: Order | None = None  # none where it doesn't show: a list of a page may be in any
    age: float = 0.0  # how many seconds before it was read a page may have been true

    @property
    def calls(self) -> Collection[Call]:
        """Return each call once."""
        return self.by_sid.values()


@dataclass(eq=False)
class ListingFailed(Exception):
    """A page could not be had."""

    error: ApiError
    total: int | None  # what an earlier page reported, if any did
    needed: int  # requests that the listing takes, as far as it is known
    page_size: int  # rows that the server serves with a page, as far as pages have shown it
    listed: int | None  # how many calls earlier pages showed; None where there was none


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

        A list of which the total tells that it takes more than `most_requests` is not begun; none takes more.
        Raises ListingFailed when a page can't be had.
        """
        began = self._clock()
        memory = self._memory.at(began, self._page_size)
        paging = Paging(memory.page_size, memory.page_size, memory.overlap, memory.rounds_offsets)
        evidence = Evidence(memory, Totals(lambda: self._clock() - began))
        reader = PageReader(self._watched(fetch), paging, most_requests, evidence)
        paginator, total = Paginator(reader), evidence.totals
        try:
            paginator.begin()
            paginator.read_on()
            paginator.repair()
            finding = find_order(paginator, evidence)
            evidence.raise_unexplained_refusal()
        except ApiError as error:
            self._memory = replace(self._knowing_server(memory, reader), ahead=0)
            listed = len(evidence.by_sid) if evidence.seams.pages or evidence.earlier else None
            raise ListingFailed(error, total.last, paginator.needed, reader.page_size, listed) from error
        finally:
            paginator.close()
            age = self._ages.end_listing()
        incomplete_reason, cause = why_incomplete(evidence, finding, paginator.needed)
        by_sid = evidence.by_sid
        # Pages shorter than any that is asked for would lie too far apart, were all asked for at once.
        ahead = len(by_sid) + evidence.unreadable if reader.paging.served >= DEFAULT_LIMIT else 0
        self._memory = replace(self._knowing_list(memory, reader, finding), ahead=ahead)
        return Listing(
            by_sid=by_sid,
            unreadable=evidence.unreadable,
            total=evidence.totals.last,
            requests=paginator.needed if finding.lacks_requests else reader.requests,
            page_size=reader.page_size,
            unseen=evidence.unseen,
            incomplete_reason=incomplete_reason,
            cause=cause,
            order=finding.order,
            age=age,
        )

    def note_returned_calls(self) -> None:
        """Read lists twice for a while: calls that were missing from a complete listing have come back."""
        self._memory = self._memory.seeing(Fact.DISTRUSTED, now=self._clock())

    def _watched(self, fetch: FetchPages) -> FetchPages:
        """Return the function that gives pages, with their age followed."""

        def watched(asks: Iterable[Ask]) -> Generator[Page, None, None]:
            with closing(fetch(asks)) as pages:
                for page in pages:
                    self._ages.add(page.calls, self._clock())
                    yield page

        return watched

    def _knowing_server(self, memory: Memory, reader: PageReader) -> Memory:
        """Return the memory with how the server was seen to serve pages."""
        page_size, rounds_offsets = max(DEFAULT_LIMIT, reader.page_size), reader.paging.rounds_offsets
        if page_size >= memory.page_size and rounds_offsets <= memory.rounds_offsets:
            return memory
        page_size = min(memory.page_size, page_size)
        memory = replace(memory, page_size=page_size, rounds_offsets=rounds_offsets)
        return memory.seeing(Fact.PAGING, now=self._clock())

    def _knowing_list(self, before: Memory, reader: PageReader, finding: OrderFinding) -> Memory:
        """Return the memory with what a listing taught that came to its end."""
        now, evidence, seams = self._clock(), reader.evidence, reader.evidence.seams
        shown = {
            Fact.LONGEST_PAGE: evidence.longest_page > before.longest_page,
            Fact.MOVING: finding.has_moved,
            Fact.UNSORTED: not seams.start_order.is_possible,
            Fact.TIES_MOVE: seams.ties_move and seams.is_by_start,
        }
        memory = replace(
            self._knowing_server(before, reader),
            overlap=reader.overlap,
            longest_page=evidence.longest_page,
            read_at=now,
        ).seeing(*(fact for fact, is_shown in shown.items() if is_shown), now=now)
        if finding.places or finding.order is Order.START:
            memory = replace(memory, places=finding.places)
        if evidence.is_sealed:
            total = evidence.totals.last
            excess = max(0, seams.end - total) if total is not None else 0
            rows = seams.in_order_of_list() if ends_like_a_window(evidence) else ()
            memory = replace(memory, end=seams.end, excess=excess, rows=rows, listed_at=now)
        return memory
