"""Asks for pages of a list, and takes them in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from http import HTTPStatus
from operator import itemgetter

from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.listing.paging import Ask, Paging
from exporter.exotel.listing.reading import REFUSALS, Reading
from exporter.exotel.models import Page

_SPARE_REQUESTS = 8

FetchPages = Callable[[Iterable[Ask]], Generator[Page, None, None]]
"""Gives the pages asked for, in their order, several at a time if it can; raises ApiError if one fails."""


class Reader:
    """The requests of one listing: how many there were, and how pages are asked for."""

    def __init__(self, fetch: FetchPages, paging: Paging, most_requests: int, reading: Reading) -> None:
        self.paging = paging
        self.reading = reading
        self.most = most_requests
        self.requests = 0
        self.repaired = 0
        """Pages that were asked for again because two neighbours weren't joined."""
        self.planned = 1
        """Pages that were to be read, beside those that were asked for again."""
        self.is_size_shown = False
        """Whether more than one page has shown how many rows the server serves."""
        self._fetch = fetch
        self._asked: dict[Ask, int] = {}  # how many requests there were before it
        self._lacks: list[int] = []  # rows that each page would have had to share with the one before
        self._widened_at = 0  # requests there were when pages were last made to share more

    @property
    def page_size(self) -> int:
        """Give the rows that the server serves with a page, as far as that is known."""
        return self.paging.served if self.is_size_shown else self.paging.limit

    @property
    def overlap(self) -> float:
        """Give the share of its rows that a page best has in common with its neighbour."""
        if not self._lacks:
            return self.paging.overlap
        return self.paging.cheapest(self._lacks) / self.paging.served

    @property
    def remaining(self) -> int:
        """Give the requests that are left: repairs take no more than the pages do, and some."""
        return max(0, min(self.most, 2 * self.planned + _SPARE_REQUESTS) - self.requests)

    def read(self, asks: Iterable[Ask]) -> list[Page]:
        """Give pages; none where the server refuses them."""
        return [page for _, page, _ in self.added(asks)]

    def added(self, asks: Iterable[Ask]) -> Generator[tuple[Ask, Page, int], None, None]:
        """Ask for pages and add them; give each with what it was asked by and how many calls it brought.

        It ends where the server refuses rows that lie too far down, or beyond the end.
        """
        asked: deque[Ask] = deque()
        lacks_requests = False

        def noted() -> Iterator[Ask]:
            nonlocal lacks_requests
            for ask in asks:
                if self.requests >= max(1, self.most):
                    lacks_requests = self.reading.was_cut = True
                    return
                asked.append(ask)
                self._asked[ask] = self.requests
                self.requests += 1
                yield ask

        before = self.requests
        try:
            with closing(self._fetch(noted())) as pages:
                for page in pages:
                    ask = asked.popleft()
                    yield ask, page, self._take_in(page, ask)
        except ApiError as error:
            if not asked or not self._is_refusal(asked[0], error):
                raise
            refused = asked[0], error
            self.reading.refused = min(self.reading.refused or refused, refused, key=itemgetter(0))
        if lacks_requests and self.requests == before:
            raise ApiError(
                Reason.BUDGET, f"the list takes more than the {self.requests} requests that were left"
            )

    def _is_refusal(self, ask: Ask, error: ApiError) -> bool:
        """Tell whether a failure may only say that there are no such rows."""
        offset, _ = ask
        if not offset or error.meant is None:
            return False
        if error.meant in REFUSALS | {HTTPStatus.NOT_FOUND}:
            return True
        total = self.reading.sums.last
        return error.meant >= HTTPStatus.INTERNAL_SERVER_ERROR and total is not None and offset >= total

    def joined(
        self, asks: Iterable[Ask], before: int | None = None
    ) -> Generator[tuple[Ask, Page, int], None, None]:
        """Read page after page; where one doesn't join the page before, mend while the list is still near."""
        planned, mends, mended = iter(asks), deque[Ask](), set[Ask]()

        def next_asks() -> Iterator[Ask]:
            while (ask := mends.popleft() if mends else next(planned, None)) is not None:
                yield ask

        last: Ask = (0, 0)
        with closing(self.added(next_asks())) as added:
            for ask, page, new in added:
                number = self.reading.seams.pages - 1
                if ask in mended:
                    continue
                yield ask, page, new
                is_open = before is not None and not self.reading.seams.are_joined(before, number)
                if before is not None:
                    self._learn_overlap(ask, page.rows - new, is_open=is_open)
                if is_open and self.reading.seams.has_order and self.remaining:
                    mends.append(self.paging.ask(max(ask[0], last[0]) - self.paging.half))
                    mended.add(mends[-1])
                    self.repaired += 1
                before, last = number, ask
                self.planned += 1

    def _learn_overlap(self, ask: Ask, shared: int, *, is_open: bool) -> None:
        """Have pages share more at once where they share too little: the rest of the list moves as fast."""
        planned = self.paging.shared
        if is_open:
            self._lacks.append(2 * planned)
        else:
            self._lacks.append(planned if self.reading.seams.do_ties_move else max(1, planned - shared + 1))
        if is_open and self._asked.get(ask, 0) >= self._widened_at:
            self._widened_at = self.requests
            self.paging = self.paging.sharing(max(planned, self.paging.cheapest(self._lacks)))

    def _take_in(self, page: Page, ask: Ask) -> int:
        if ask[0] and page.rows > self.paging.served:
            self.paging = replace(self.paging, served=min(self.paging.limit, page.rows))
        self.is_size_shown |= ask[0] > 0 and page.rows == self.paging.served
        return self.reading.take_in(page, ask, self.paging)
