"""Reads a list from its start to its end, and back: which pages to ask for, by what came before."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice

from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.listing.evidence import REFUSALS
from exporter.exotel.listing.pages import Ask
from exporter.exotel.listing.paging import DEFAULT_LIMIT, JoinedPages, PageReader, Paging
from exporter.exotel.listing.repair import Repair
from exporter.exotel.listing.stitching import Seams
from exporter.exotel.models import Page

_TRIES = 3
_USUAL = 5  # servers cut pages to a multiple of so many rows


class Paginator:
    """One listing under way."""

    def __init__(self, reader: PageReader) -> None:
        self.needed = 1  # requests that the listing takes, as far as it is known
        self._ahead: JoinedPages | None = None  # what was asked for with the first page, and that itself
        self._spent = 1  # requests for the first page, and what had to be asked before it
        self._reader = reader
        self._evidence = reader.evidence

    @property
    def _paging(self) -> Paging:
        return self._reader.paging

    @property
    def _seams(self) -> Seams:
        return self._evidence.seams

    def begin(self) -> None:
        """Read the first page, and ask with it for all that are expected from the last listing.

        Some servers refuse a limit that others would cut.
        """
        try:
            self._first = self._read_first()
        except ApiError as error:
            if error.effective_status not in REFUSALS or self._paging.limit <= DEFAULT_LIMIT:
                raise
            self.close()
            self._first = self._begin_small()
        if self._seams.end and not self._seams.is_sealed:
            self._reader.paging = replace(self._paging, served=min(self._paging.limit, self._seams.end))

    def close(self) -> None:
        """Drop what was asked for and isn't read yet."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None
            self._spent = self._reader.requests

    def _read_first(self) -> Page:
        first, expected = (0, self._paging.limit), self._evidence.memory.ahead
        if expected <= self._paging.served or self._requests_for(expected) > self._reader.most:
            [page] = self._reader.read([first])
            self._reader.planned, self._spent = 1, self._reader.requests
            return page
        self._ahead = self._reader.each_joined(chain([first], self._rest()))
        _, page, _ = next(self._ahead)
        return page

    def _begin_small(self) -> Page:
        """Read a first page as small as can be; what was refused once, and no more, was a stumble."""
        self._reader.planned = 1
        [first] = self._reader.read([(0, DEFAULT_LIMIT)])
        try:
            return self._reader.read([(0, self._paging.limit)])[0]
        except ApiError as error:
            if error.effective_status not in REFUSALS:
                raise
        self._reader.paging = replace(self._paging, limit=DEFAULT_LIMIT, served=DEFAULT_LIMIT)
        self._reader.is_size_shown = True
        return first

    def read_on(self) -> None:
        """Read the rest, to beyond the rows that are expected, or to a page that brings no new call."""
        total, served = self._evidence.totals.last, self._paging.served
        if served < self._evidence.memory.page_size:
            self.close()  # pages that were asked for lie too far apart now
        if self._seams.is_sealed or served < 2 or self._is_unreadable:
            self.close()
            return
        is_short = served < self._paging.limit and (total is None or total <= served)
        if is_short and self._is_taken_for_all():
            return
        self._plan()
        self._first_pass()
        self._read_beyond()

    def repair(self) -> None:
        """Ask for open seams again, and for the end of the list, as long as that can prove more."""
        if self._is_unreadable:
            return
        try:
            Repair(self._reader, self._is_first_page).run()
        except ApiError as error:
            self._note_cut(error)

    def read_back(self) -> bool:
        """Read the list once more, from its end to its start; return whether the budget allows that.

        A call that changes its place once is in one of the two readings.
        """
        asks = list(self._paging.backwards(self._seams.end))
        self.needed = self._reader.requests + len(asks)
        if self.needed > self._reader.most:
            return False
        self._evidence.begin_again()
        try:
            deque(self._reader.each_joined(asks), maxlen=0)
        except ApiError as error:
            self._note_cut(error)
        self.repair()
        return True

    def _note_cut(self, error: ApiError) -> None:
        """Leave open what is still open when the time or the budget is over; raise any other error."""
        if error.reason not in {Reason.TIMEOUT, Reason.BUDGET}:
            raise error
        self._evidence.was_cut = True

    @property
    def _is_unreadable(self) -> bool:
        """Return whether no row of the first page can be read: such rows join nothing."""
        return self._first.unreadable > 0 and not self._first.calls

    def _is_taken_for_all(self) -> bool:
        """Return whether a short first page is the list.

        Where no request is left to see it, its total is believed, unless its rows are as many as servers cut.
        """
        try:
            return not self._has_more()
        except ApiError as error:
            has_none_left = error.reason in {Reason.BUDGET, Reason.RATE_LIMITED}
            is_cut = self._evidence.totals.last is None or self._paging.served % _USUAL == 0
            if not has_none_left or is_cut:
                raise
        self._seams.mark_end(0)
        return True

    def _has_more(self) -> bool:
        """Return whether there is more than a first page that may be all that the server serves at a time."""
        for _ in range(_TRIES):
            half, rows = self._paging.half, self._paging.served
            second = self._reader.read([(half, self._paging.limit)])
            if is_first := any(map(self._is_first_page, second)):  # offsets are ignored, or rounded
                second = self._reader.read([(rows, rows)])
            if is_first or any(page.calls for page in second):
                if all(_call_sids(page) <= _call_sids(self._first) for page in second):
                    self._seams.mark_end(0)
                    self._reader.is_size_shown = False
                break
            # So many calls have ended meanwhile that nothing is left there.
            [self._first] = self._reader.read([(0, self._paging.limit)])
            if self._seams.is_sealed:
                break
            self._reader.paging = replace(self._paging, served=max(1, self._first.rows))
        return not self._seams.is_sealed

    def _plan(self) -> None:
        """Make pages share no more rows than the budget allows; raise ApiError where it doesn't allow one."""
        evidence, total, most = self._evidence, self._evidence.totals.last, self._reader.most
        expected = evidence.memory.expected_rows(total) or 0
        if self._requests_for(expected) > most:  # what the list had before may be gone
            evidence.memory = replace(evidence.memory, end=None, excess=0)
            expected = total or 0
        while (needed := self._requests_for(expected)) > most and self._paging.shared > 1:
            self._reader.paging = self._paging.sharing(self._paging.shared - 1)
        self.needed = needed
        if needed > most and not self._is_all():
            detail = f"{expected} calls take {needed} requests to list, and the budget allows {most}"
            raise ApiError(Reason.BUDGET, detail)

    def _requests_for(self, rows: int) -> int:
        return self._spent + max(0, rows - self._paging.served) // self._paging.step + 1

    def _is_all(self) -> bool:
        """Return whether a first page of few rows is the whole list, whatever its total says."""
        is_short = self._paging.served < DEFAULT_LIMIT
        return is_short and not any(new for _, _, new in self._reader.each(islice(self._rest(), 1)))

    def _first_pass(self) -> None:
        """Read from the start to the end."""
        before = self._first
        ahead, self._ahead = self._ahead, None
        with closing(ahead or self._reader.each_joined(self._rest(), before=0)) as pages:
            for number, (ask, page, new) in enumerate(pages):
                if not number and self._is_first_page(page) and not self._seams.is_sealed:
                    break
                is_short = page.rows < self._paging.full(ask[1])
                if ahead is not None and self._is_needless_behind(ask):
                    return  # what was asked for there may fail, or never come
                if not new and (page.total is None or is_short or _call_sids(page) == _call_sids(before)):
                    return  # beyond the end, or from a server that ignores the offset
                before = page
            else:
                return
        if not self._paging.rounds_offsets:
            self._read_by_multiples()

    def _is_needless_behind(self, ask: Ask) -> bool:
        """Return whether pages were asked for behind one that ends, by now, behind all expected rows."""
        expected, end = self._expected_rows(), self._paging.end(ask)
        is_shorter = expected is not None and expected < end <= self._evidence.memory.ahead
        return is_shorter and not self._evidence.is_total_wrong

    def _read_by_multiples(self) -> None:
        """Read on where offsets may be rounded down to a multiple of the limit; else they are ignored."""
        plain = self._paging
        self._evidence.forget()
        self._evidence.take_in(self._first, (0, plain.limit), plain.full(plain.limit))
        self._reader.paging = replace(plain, rounds_offsets=True)
        second = self._reader.read(islice(self._rest(), 1))
        if any(map(self._is_first_page, second)):
            self._reader.paging = plain
        else:
            self._first_pass()

    def _is_first_page(self, page: Page) -> bool:
        """Return whether a page that should only join the end of the first one is that page again."""
        rows = _call_sids(page)
        start = {call.call_sid for call in self._first.calls[: self._paging.shared]}
        return bool(rows & start) and 2 * len(rows & _call_sids(self._first)) > self._paging.served

    def _rest(self) -> Iterator[Ask]:
        """Yield the pages behind those that were read, to beyond the total."""
        end = max(self._seams.end, self._paging.served)
        while (expected := self._expected_rows()) is None or end <= expected:
            if self._evidence.is_total_wrong and not self._evidence.memory.excess:
                return  # how much there is shows when it is read
            ask = next(self._paging.onwards(end), None)
            if ask is None:
                return
            yield ask
            end = self._paging.end(ask)

    def _expected_rows(self) -> int | None:
        """Return the rows that the list is expected to have: before its first page, those of a moment ago."""
        memory = self._evidence.memory
        return memory.expected_rows(self._evidence.totals.last) if self._seams.pages else memory.ahead

    def _read_beyond(self) -> None:
        """Read on behind a full page, whatever the total says, twice as many pages each time."""
        reader, pages = self._reader, 1
        while not (self._seams.reached_end or self._evidence.refused):
            if self._seams.farthest.rows < self._paging.full(self._seams.farthest.limit):
                return
            left = reader.most - reader.requests if self._evidence.is_total_wrong else reader.remaining
            added = list(reader.each(islice(self._paging.onwards(self._seams.end), min(pages, left))))
            if not added or any(2 * new < max(1, page.rows) for _, page, new in added):
                return  # what repeats more than it brings is not what lies behind
            reader.planned += sum(new > 0 for _, _, new in added)
            pages *= 2


def _call_sids(page: Page) -> frozenset[str]:
    return frozenset([call.call_sid for call in page.calls])
