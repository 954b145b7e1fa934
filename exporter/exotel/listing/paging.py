"""How pages are asked for: where they begin, how long they are, and how much they share."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from http import HTTPStatus
from operator import itemgetter

from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.listing.evidence import REFUSALS, Evidence
from exporter.exotel.listing.pages import Ask, FetchPages
from exporter.exotel.models import Page

JoinedPages = Generator[tuple[Ask, Page, int], None, None]
DEFAULT_LIMIT = 20  # rows the API serves when it isn't asked for a number
_SPARE_REQUESTS = 8


@dataclass(frozen=True, slots=True)
class Paging:
    """How the pages of a list are asked for."""

    limit: int
    served: int  # rows that the server serves with a page
    overlap: float  # the share of its rows that a page has in common with its neighbour, up to a half
    rounds_offsets: bool  # whether the server begins each page at a multiple of the limit

    @property
    def shared(self) -> int:
        """Return the rows that a page has in common with its neighbour."""
        return max(1, min(self.half, math.ceil(round(self.served * self.overlap, 6))))

    @property
    def step(self) -> int:
        """Return how many rows a page brings beyond those of its neighbour."""
        return max(1, self.served - self.shared)

    @property
    def half(self) -> int:
        """Return half a page."""
        return self.served // 2

    def sharing(self, rows: int) -> Paging:
        """Return it with so many rows that a page has in common with its neighbour."""
        return replace(self, overlap=rows / self.served)

    def cheapest_shared(self, lacks: Sequence[int]) -> int:
        """Return how many rows pages best share, where each would have had to share so many.

        More cost pages, fewer cost a request for each page that lacks some.
        """
        rows = len(lacks) * self.step
        return min(
            range(1, max(1, self.half) + 1),
            key=lambda shared: rows / (self.served - shared) + sum(lack > shared for lack in lacks),
        )

    def ask(self, offset: int) -> Ask:
        """Return what to ask for the rows from an offset on: a page that begins there, or not far before.

        Of the pages that begin at a multiple of their limit it is the one that ends last.
        """
        offset = max(0, offset)
        if not self.rounds_offsets or self.served < 2:
            return offset, self.limit
        limits = range(max(2, self.half), self.served + 1)
        return max(((offset // limit * limit, limit) for limit in limits), key=lambda ask: (sum(ask), ask[1]))

    def full(self, limit: int) -> int:
        """Return the rows of a full page."""
        return min(limit, self.served)

    def end(self, ask: Ask) -> int:
        """Return where a full page ends."""
        offset, limit = ask
        return offset + self.full(limit)

    def onwards(self, end: int) -> Iterator[Ask]:
        """Yield one page after the other, the first of which joins what ends here."""
        while self.end(ask := self.ask(end - self.shared)) > end:  # pages of very few rows can't overlap
            yield ask
            end = self.end(ask)

    def backwards(self, end: int) -> Iterator[Ask]:
        """Yield the pages from the end of the list to its start, each of which joins the one before.

        Where two of the pages that were read onwards meet is in the middle of one of these.
        """
        ask = self.ask(end - self.half)
        yield ask
        while ask[0] > 0:
            before = self.ask(ask[0] + self.shared - self.served)
            if before[0] >= ask[0]:
                return
            yield (ask := before)


class PageReader:
    """The requests of one listing: how many there were, and how pages are asked for."""

    def __init__(self, fetch: FetchPages, paging: Paging, most_requests: int, evidence: Evidence) -> None:
        self.paging = paging
        self.evidence = evidence
        self.most = most_requests
        self.requests = 0
        self.planned = 0  # pages that were to be read, beside those that were asked for again
        self.is_size_shown = False  # whether more than one page has shown how many rows the server serves
        self._fetch = fetch
        self._asked: dict[Ask, int] = {}  # how many requests there were before it
        self._lacks: list[int] = []  # rows that each page would have had to share with the one before
        self._widened_at = 0  # requests there were when pages were last made to share more

    @property
    def page_size(self) -> int:
        """Return the rows that the server serves with a page, as far as that is known."""
        return self.paging.served if self.is_size_shown else self.paging.limit

    @property
    def overlap(self) -> float:
        """Return the share of its rows that a page best has in common with its neighbour."""
        if not self._lacks:
            return self.paging.overlap
        return self.paging.cheapest_shared(self._lacks) / self.paging.served

    @property
    def remaining(self) -> int:
        """Return the requests that are left: repairs take no more than the pages do, and some."""
        return max(0, min(self.most, 2 * self.planned + _SPARE_REQUESTS) - self.requests)

    def read(self, asks: Iterable[Ask]) -> list[Page]:
        """Return pages, up to those that the server refuses."""
        return [page for _, page, _ in self.each(asks)]

    def each(self, asks: Iterable[Ask]) -> Generator[tuple[Ask, Page, int], None, None]:
        """Yield each page with what it was asked by and how many calls it brought.

        It ends where the server refuses rows that lie too far down, or beyond the end.
        """
        asked: deque[Ask] = deque()
        before, lacks_requests = self.requests, False

        def noted() -> Iterator[Ask]:
            nonlocal lacks_requests
            for ask in asks:
                if self.requests >= max(1, self.most):
                    lacks_requests = self.evidence.was_cut = True
                    return
                asked.append(ask)
                self._asked[ask] = self.requests
                self.requests += 1
                yield ask

        try:
            with closing(self._fetch(noted())) as pages:
                for page in pages:
                    ask = asked.popleft()
                    yield ask, page, self._take_in(page, ask)
        except ApiError as error:
            if not asked or not self._is_refusal(asked[0], error):
                raise
            refused = asked[0], error
            self.evidence.refused = min(self.evidence.refused or refused, refused, key=itemgetter(0))
        if lacks_requests and self.requests == before:
            detail = f"the list takes more than the {self.requests} requests that were left"
            raise ApiError(Reason.BUDGET, detail)

    def each_joined(
        self, asks: Iterable[Ask], before: int | None = None
    ) -> Generator[tuple[Ask, Page, int], None, None]:
        """Yield page after page; ask again at once where one doesn't join the page before."""
        planned, repairs, repaired = iter(asks), deque[Ask](), set[Ask]()

        def next_asks() -> Iterator[Ask]:
            while (ask := repairs.popleft() if repairs else next(planned, None)) is not None:
                yield ask

        last, seams = 0, self.evidence.seams
        with closing(self.each(next_asks())) as pages:
            for ask, page, new in pages:
                if ask in repaired:
                    continue
                number = seams.pages - 1
                yield ask, page, new
                if before is not None:
                    is_open = not seams.are_joined(before, number)
                    rows = seams.rows_to_join(before)
                    self._learn_overlap(ask, page.rows - new, rows, is_open=is_open)
                    if is_open and seams.has_order and self.remaining:
                        repair = self.paging.ask(max(ask[0], last) - self.paging.half)
                        repairs.append(repair)
                        repaired.add(repair)
                before, last = number, ask[0]
                self.planned += 1

    def _is_refusal(self, ask: Ask, error: ApiError) -> bool:
        """Return whether a failure may only say that there are no such rows."""
        offset, _ = ask
        if not offset or error.effective_status is None:
            return False
        total = self.evidence.totals.last
        is_behind_end = total is not None and offset >= total
        is_server_error = error.effective_status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return error.effective_status in REFUSALS | {HTTPStatus.NOT_FOUND} or (
            is_server_error and is_behind_end
        )

    def _learn_overlap(self, ask: Ask, shared: int, least: int, *, is_open: bool) -> None:
        """Make pages share more at once where they share too little: the rest of the list moves as fast."""
        planned = self.paging.shared
        if is_open:
            self._lacks.append(max(least, 2 * planned))
        else:
            lacks = least + max(0, planned - shared)
            self._lacks.append(planned if self.evidence.seams.ties_move else lacks)
        if is_open and self._asked.get(ask, 0) >= self._widened_at:
            self._widened_at = self.requests
            self.paging = self.paging.sharing(max(planned, self.paging.cheapest_shared(self._lacks)))

    def _take_in(self, page: Page, ask: Ask) -> int:
        offset, limit = ask
        if offset and page.rows > self.paging.served:
            self.paging = replace(self.paging, served=min(self.paging.limit, page.rows))
        self.is_size_shown |= offset > 0 and page.rows == self.paging.served
        return self.evidence.take_in(page, ask, self.paging.full(limit))
