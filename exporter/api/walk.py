"""Reads a list page after page: what to ask next, by what came before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from http import HTTPStatus
from itertools import islice
from operator import itemgetter

from exporter.api.answers import Page
from exporter.api.errors import ApiError, Cause, Reason
from exporter.api.paging import Ask, Paging, round_number
from exporter.api.seams import Seams

DEFAULT_LIMIT = 20  # rows the API serves when it isn't asked for a number
_ROUNDS = 3  # of repair
_SPARE_REQUESTS = 8
_REFUSALS = {400, 413, 416, 422}
"""How servers refuse a limit that is too large, or rows that lie too far down the list."""

FetchPages = Callable[[Iterable[Ask]], Generator[Page, None, None]]
"""Gives the pages asked for, in their order, several at a time if it can; raises ApiError if one fails."""


class Walk:
    """One reading of the list: what was asked, and what the pages prove so far."""

    def __init__(self, fetch: FetchPages, paging: Paging, most_requests: int) -> None:
        self.seams = Seams()
        self.needed = 1
        self.paging = paging
        self._is_size_shown = False
        self.seams_mended = 0
        self._planned = 1
        self._fetch = fetch
        self.requests = 0
        self._most = most_requests
        self._is_total_wrong = False
        self._was_cut = False
        self._refused: tuple[Ask, ApiError] | None = None  # the rows nearest to the start that can't be had

    @property
    def page_size(self) -> int:
        """Give the rows that the server serves with a page, as far as that is known."""
        return self.paging.served if self._is_size_shown else self.paging.limit

    @property
    def _bound(self) -> int:
        """Give the requests that there may be in all: mending takes no more than the pages do, and some."""
        return min(self._most, 2 * self._planned + _SPARE_REQUESTS)

    def begin(self) -> None:
        """Read the first page; some servers refuse a limit that others would cut."""
        try:
            self._first = self._read([(0, self.paging.limit)])
        except ApiError as error:
            if error.meant not in _REFUSALS or self.paging.limit <= DEFAULT_LIMIT:
                raise
            self._first = self._begin_small()
        if self.seams.end and not self.seams.closed:
            self.paging = replace(self.paging, served=min(self.paging.limit, self.seams.end))

    def _begin_small(self) -> list[Page]:
        """Read a first page as small as can be; what was refused once, and no more, was a stumble."""
        first = self._read([(0, DEFAULT_LIMIT)])
        try:
            return self._read([(0, self.paging.limit)])
        except ApiError as error:
            if error.meant not in _REFUSALS:
                raise
        self.paging = replace(self.paging, limit=DEFAULT_LIMIT, served=DEFAULT_LIMIT)
        self._is_size_shown = True
        return first

    def read_on(self) -> None:
        """Read the rest, to beyond the total, or to the first page that brings no new call."""
        if self.seams.closed or self.paging.served < 2:
            return
        rest = max(0, (self.seams.total or 0) - self.paging.served)
        self.needed = self.requests + rest // self.paging.step + 1
        if self.needed > self._most and not self._is_whole():
            detail = (
                f"{self.seams.total} calls take {self.needed} requests to list, and {self._most} are left"
            )
            raise ApiError(Reason.BUDGET, f"{detail}: raise page_size or requests_per_minute")
        self._first_pass()
        self._read_beyond()

    def _is_whole(self) -> bool:
        """Tell whether a first page of few rows is the whole list, whatever its total says."""
        if self.paging.served >= DEFAULT_LIMIT:
            return False
        return not any(new for _, _, new in self._added(islice(self._rest(), 1)))

    def repair(self) -> None:
        """Ask for open seams again, and for the end of the list, as long as that can prove more."""
        try:
            self._look_again()
            for width in (2**round_ for round_ in range(_ROUNDS)):
                if self.seams.complete or not self.seams.in_order or self.paging.served < 2:
                    return
                has_gaps = bool(self.seams.gaps)
                asks = list(self._repairs(width))[: max(0, self._bound - self.requests)]
                self.seams_mended += len(self._read(asks)) * has_gaps
        except ApiError as error:
            if error.reason not in {Reason.TIMEOUT, Reason.BUDGET}:
                raise
            self._was_cut = True  # what is still open stays open

    def excuse(self) -> None:
        """Raise what was refused, unless it lay beyond the end of the list or of a window."""
        if not self._refused or self.seams.complete or self._edge():
            return
        (offset, _), error = self._refused
        if not self.seams.ended_before(offset):
            raise error

    def doubt(self) -> str | None:
        """Give why a call that was alive throughout could be missing, if one could."""
        seams = self.seams
        if seams.complete:
            return None
        if not seams.in_order:
            return "the list has no stable order: two pages show the same calls in different orders"
        if self._refused and self._edge():
            (offset, limit), error = self._refused
            refused = f"the API refuses rows {offset} to {offset + limit} of its list (HTTP {error.meant})"
            unseen = (
                f"{seams.unseen} of {seams.total} calls that it reports" if seams.unseen else "calls there"
            )
            return f"{refused}: {unseen} can't be listed"
        if gaps := len(seams.gaps):
            return f"between {gaps} pairs of pages calls could be missing"
        if seams.unseen:
            return f"{seams.unseen} of {seams.total} calls that the API reports were not in its list"
        return "no page reached the end of the list"

    def cause(self) -> Cause | None:
        """Give what is behind the doubt: a list that stands still can't be why its pages don't join."""
        seams = self.seams
        if seams.complete:
            return None
        if not seams.in_order:
            return Cause.ORDER
        if self._refused and self._edge():
            return Cause.WINDOW
        if self._was_cut:
            return Cause.TIME
        if not seams.gaps and not seams.adds_up:
            return Cause.TOTAL
        return {True: Cause.PAGES, False: Cause.MOVING, None: None}[seams.is_still]

    def _first_pass(self) -> None:
        """Read page after page; where one doesn't join the page before, mend while the list is still near."""
        planned, mends, mended = self._rest(), deque[Ask](), set[Ask]()

        def asks() -> Iterator[Ask]:
            while (ask := mends.popleft() if mends else next(planned, None)) is not None:
                yield ask

        before, rows_before = 0, _call_sids(self._first)
        with closing(self._added(asks())) as added:
            for ask, page, new in added:
                rows = _call_sids([page])
                if ask in mended:
                    continue
                if not before and self._is_first_page(page) and not self.seams.closed:
                    break
                is_short = page.rows < self.paging.full(ask[1])
                if not new and (page.total is None or is_short or rows == rows_before):
                    return  # beyond the end, or from a server that ignores the offset
                is_open = self.seams.in_order and not self.seams.are_sealed(before, self.seams.pages - 1)
                if is_open and self.requests < self._bound:
                    mends.append(self.paging.ask(ask[0] - self.paging.half))
                    mended.add(mends[-1])
                    self.seams_mended += 1
                before, rows_before = self.seams.pages - 1, rows
                self._planned += 1
            else:
                return
        if not self.paging.rounds_offsets:
            self._read_by_multiples()

    def _read_by_multiples(self) -> None:
        """Read on where offsets may be rounded down to a multiple of the limit; else they are ignored."""
        plain, self.seams = self.paging, Seams()
        for page in self._first:
            self._take_in(page, (0, plain.limit))
        self.paging = replace(plain, rounds_offsets=True)
        second = self._read(islice(self._rest(), 1))
        if any(map(self._is_first_page, second)):
            self.paging = plain
        else:
            self._first_pass()

    def _is_first_page(self, page: Page) -> bool:
        """Tell whether a page that should only join the end of the first one is that page again."""
        rows = _call_sids([page])
        start = {call.call_sid for first in self._first for call in first.calls[: self.paging.shared]}
        return bool(rows & start) and 2 * len(rows & _call_sids(self._first)) > self.paging.served

    def _read_beyond(self) -> None:
        """Read on behind a full page, whatever the total says, twice as many pages each time."""
        pages, most = 1, self._most if self._is_total_wrong else self._bound
        while self._is_end_full() and not self._refused and self.requests < most:
            asks = islice(self.paging.onwards(self.seams.end), min(pages, most - self.requests))
            added = list(self._added(asks))
            if not added or any(2 * new < max(1, page.rows) for _, page, new in added):
                return  # what repeats more than it brings is not what lies behind
            self._planned += sum(new > 0 for _, _, new in added)
            pages *= 2

    def _is_end_full(self) -> bool:
        last = self.seams.farthest
        return last is not None and last.rows >= self.paging.full(last.limit) and not self.seams.reached_end

    def _look_again(self) -> None:
        """Look where calls were first that seem to stand at two places: they may, or have moved."""
        suspects = self.seams.suspects()
        for sight in dict.fromkeys(suspects.values()):
            if self.requests < self._bound and self._read([(sight.offset, sight.limit)]):
                self.seams.confirm([sid for sid, first in suspects.items() if first == sight], sight)

    def _read(self, asks: Iterable[Ask]) -> list[Page]:
        return [page for _, page, _ in self._added(asks)]

    def _added(self, asks: Iterable[Ask]) -> Generator[tuple[Ask, Page, int], None, None]:
        """Ask for pages and add them; give each with what it was asked by and how many calls it brought.

        It ends where the server refuses rows that lie too far down, or beyond the end.
        """
        asked: deque[Ask] = deque()

        def noted() -> Iterator[Ask]:
            for ask in asks:
                asked.append(ask)
                self.requests += 1
                yield ask

        try:
            with closing(self._fetch(noted())) as pages:
                for page in pages:
                    ask = asked.popleft()
                    yield ask, page, self._take_in(page, ask)
        except ApiError as error:
            if not asked or not asked[0][0] or error.meant not in _REFUSALS | {HTTPStatus.NOT_FOUND}:
                raise
            self._refused = min(self._refused or (asked[0], error), (asked[0], error), key=itemgetter(0))

    def _take_in(self, page: Page, ask: Ask) -> int:
        offset, limit = ask
        new = self.seams.add(page, offset, limit)
        rows = len(_call_sids([page])) + page.unreadable  # without copies: a total may count calls
        is_total_wrong = page.total is not None and new > 0 and offset + rows > page.total
        self._is_total_wrong |= is_total_wrong
        if self._is_last(page, ask, is_total_wrong=is_total_wrong):
            self.seams.end_here()
        self._is_size_shown |= offset > 0 and page.rows == self.paging.served
        return new

    def _is_last(self, page: Page, ask: Ask, *, is_total_wrong: bool) -> bool:
        """Tell whether a page reaches the end: it has fewer rows than it could, and its own total agrees."""
        offset, limit = ask
        full = self.paging.full(limit)
        if page.total is None:
            # Without a total a short first page may be all that the server serves at a time.
            return page.rows < (full if offset else min(full, DEFAULT_LIMIT))
        if is_total_wrong and not offset:
            return page.rows < 2  # there is more than it says; but no page could join a single row
        is_whole_list = offset > 0 and page.rows > limit and page.rows >= page.total
        is_short = page.rows < full and offset + page.rows >= page.total
        return is_short or is_whole_list  # the latter from a server that knows no pages

    def _rest(self) -> Iterator[Ask]:
        """Yield the pages behind those that were read, to beyond the total."""
        total, end = self.seams.total, max(self.seams.end, self.paging.served)
        if self._is_total_wrong:
            return  # how much there is shows when it is read
        for ask in self.paging.onwards(end):
            if total is not None and end > total:
                return
            yield ask
            end = self.paging.end(ask)

    def _repairs(self, width: int) -> Iterator[Ask]:
        """Give what to ask for: pages that overlap by half, over `width` pages around each gap."""
        paging, seams = self.paging, self.seams
        for gap in seams.gaps:
            yield from (paging.ask(gap + paging.half * place) for place in range(-width, width))
        if not seams.adds_up:
            yield paging.ask(0)  # calls that came since the start was read
        if not seams.reached_end or not seams.adds_up:
            yield from self._repairs_of_the_end(width)

    def _repairs_of_the_end(self, width: int) -> Iterator[Ask]:
        paging, end, total = self.paging, self.seams.end, self.seams.total
        if total is not None and not self._is_total_wrong:
            end = min(end, total)
        if edge := self._edge():
            if width == 1:
                yield paging.ask(edge - paging.served)
            return
        if self._refused:
            end = min(end, self._refused[0][0])
        start = max(0, end - paging.half)
        yield from map(paging.ask, range(start, start + width * paging.step, paging.step))

    def _edge(self) -> int | None:
        """Give where the window ends beyond which the server refuses rows, if that is why it refused some."""
        if not self._refused or self._refused[1].meant not in _REFUSALS:
            return None
        (offset, limit), _ = self._refused
        is_in_list = self.seams.total is None or self.seams.total > offset
        return round_number(offset, offset + limit) if is_in_list else None


def _call_sids(pages: Iterable[Page]) -> frozenset[str]:
    return frozenset(call.call_sid for page in pages for call in page.calls)
