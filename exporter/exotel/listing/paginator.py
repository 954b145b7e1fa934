"""Reads a list from its start to its end, and back: which pages to ask for, by what came before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice

from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.listing.page_reader import Reader
from exporter.exotel.listing.paging import DEFAULT_LIMIT, Ask, Paging
from exporter.exotel.listing.reading import REFUSALS, call_sids
from exporter.exotel.listing.repair import Repair
from exporter.exotel.listing.stitching import Seams
from exporter.exotel.models import Page

_TRIES = 3
_USUAL = 5  # servers cut pages to a multiple of so many rows


class Paginator:
    """One listing under way."""

    def __init__(self, reader: Reader) -> None:
        self.needed = 1
        """Requests that the listing takes, as far as it is known."""
        self._reader = reader
        self._reading = reader.reading

    @property
    def _paging(self) -> Paging:
        return self._reader.paging

    @property
    def _seams(self) -> Seams:
        return self._reading.seams

    def begin(self) -> None:
        """Read the first page; some servers refuse a limit that others would cut."""
        try:
            [self._first] = self._reader.read([(0, self._paging.limit)])
        except ApiError as error:
            if error.meant not in REFUSALS or self._paging.limit <= DEFAULT_LIMIT:
                raise
            self._first = self._begin_small()
        if self._seams.end and not self._seams.closed:
            self._reader.paging = replace(self._paging, served=min(self._paging.limit, self._seams.end))

    def _begin_small(self) -> Page:
        """Read a first page as small as can be; what was refused once, and no more, was a stumble."""
        [first] = self._reader.read([(0, DEFAULT_LIMIT)])
        try:
            return self._reader.read([(0, self._paging.limit)])[0]
        except ApiError as error:
            if error.meant not in REFUSALS:
                raise
        self._reader.paging = replace(self._paging, limit=DEFAULT_LIMIT, served=DEFAULT_LIMIT)
        self._reader.is_size_shown = True
        return first

    def read_on(self) -> None:
        """Read the rest, to beyond the rows that are expected, or to a page that brings no new call."""
        if self._seams.closed or self._paging.served < 2 or self._is_unreadable():
            return
        if self._is_short_first() and self._is_taken_for_all():
            return
        self._plan()
        self._first_pass()
        self._read_beyond()

    def _plan(self) -> None:
        """Have pages share no more rows than the budget allows; raise ApiError where it doesn't allow one."""
        reading, total = self._reading, self._reading.sums.last
        expected = reading.past.expected(total) or 0
        if self._needed(expected) > self._reader.most:  # what the list had before may be gone
            reading.past = replace(reading.past, end=None, excess=0)
            expected = total or 0
        while (needed := self._needed(expected)) > self._reader.most and self._paging.shared > 1:
            self._reader.paging = self._paging.sharing(self._paging.shared - 1)
        self.needed = needed
        if needed > self._reader.most and not self._is_all():
            detail = f"{expected} calls take {needed} requests to list, and {self._reader.most} are left"
            raise ApiError(Reason.BUDGET, f"{detail}: raise page_size or requests_per_minute")

    def _needed(self, expected: int) -> int:
        return self._reader.requests + max(0, expected - self._paging.served) // self._paging.step + 1

    def _is_unreadable(self) -> bool:
        """Tell whether no row of the first page can be read: such rows join nothing."""
        return self._first.unreadable > 0 and not self._first.calls

    def _is_short_first(self) -> bool:
        """Tell whether the first page has fewer rows than were asked for, and no total tells of more."""
        total = self._reading.sums.last
        return self._paging.served < self._paging.limit and (total is None or total <= self._paging.served)

    def _is_taken_for_all(self) -> bool:
        """Tell whether a short first page is the list.

        Where no request is left to see it, its total is believed, unless its rows are as many as servers cut.
        """
        try:
            return not self._has_more()
        except ApiError as error:
            has_none_left = error.reason in {Reason.BUDGET, Reason.RATE_LIMITED}
            is_cut = self._reading.sums.last is None or self._paging.served % _USUAL == 0
            if not has_none_left or is_cut:
                raise
        self._seams.end_at(0)
        return True

    def _has_more(self) -> bool:
        """Tell whether there is more than a first page that may be all that the server serves at a time."""
        for _ in range(_TRIES):
            half, rows = self._paging.half, self._paging.served
            second = self._reader.read([(half, self._paging.limit)])
            if is_first := any(map(self._is_first_page, second)):  # offsets are ignored, or rounded
                second = self._reader.read([(rows, rows)])
            if is_first or any(page.calls for page in second):
                if all(call_sids(page) <= call_sids(self._first) for page in second):
                    self._seams.end_at(0)
                    self._reader.is_size_shown = False
                break
            # So many calls have ended meanwhile that nothing is left there.
            [self._first] = self._reader.read([(0, self._paging.limit)])
            if self._seams.closed:
                break
            self._reader.paging = replace(self._paging, served=max(1, self._first.rows))
        return not self._seams.closed

    def _is_all(self) -> bool:
        """Tell whether a first page of few rows is the whole list, whatever its total says."""
        if self._paging.served >= DEFAULT_LIMIT:
            return False
        return not any(new for _, _, new in self._reader.added(islice(self._rest(), 1)))

    def read_back(self) -> bool:
        """Read the list once more, from its end to its start; give whether the budget allows that.

        A call that changes its place once is in one of the two readings.
        """
        asks = list(self._paging.backwards(self._seams.end))
        self.needed = self._reader.requests + len(asks)
        if self.needed > self._reader.most:
            return False
        self._reading.begin_again()
        try:
            with closing(self._reader.joined(asks)) as pages:
                for _ in pages:
                    pass
        except ApiError as error:
            if error.reason not in {Reason.TIMEOUT, Reason.BUDGET}:
                raise
            self._reading.was_cut = True  # what is still open stays open
        self.repair()
        return True

    def repair(self) -> None:
        """Ask for open seams again, and for the end of the list, as long as that can prove more."""
        if not self._is_unreadable():
            Repair(self._reader, self._is_first_page).run()

    def _first_pass(self) -> None:
        """Read from the start to the end."""
        before = self._first
        with closing(self._reader.joined(self._rest(), before=0)) as pages:
            for number, (ask, page, new) in enumerate(pages):
                if not number and self._is_first_page(page) and not self._seams.closed:
                    break
                is_short = page.rows < self._paging.full(ask[1])
                if not new and (page.total is None or is_short or call_sids(page) == call_sids(before)):
                    return  # beyond the end, or from a server that ignores the offset
                before = page
            else:
                return
        if not self._paging.rounds_offsets:
            self._read_by_multiples()

    def _read_by_multiples(self) -> None:
        """Read on where offsets may be rounded down to a multiple of the limit; else they are ignored."""
        plain = self._paging
        self._reading.forget()
        self._reading.take_in(self._first, (0, plain.limit), plain)
        self._reader.paging = replace(plain, rounds_offsets=True)
        second = self._reader.read(islice(self._rest(), 1))
        if any(map(self._is_first_page, second)):
            self._reader.paging = plain
        else:
            self._first_pass()

    def _is_first_page(self, page: Page) -> bool:
        """Tell whether a page that should only join the end of the first one is that page again."""
        rows = call_sids(page)
        start = {call.call_sid for call in self._first.calls[: self._paging.shared]}
        return bool(rows & start) and 2 * len(rows & call_sids(self._first)) > self._paging.served

    def _read_beyond(self) -> None:
        """Read on behind a full page, whatever the total says, twice as many pages each time."""
        reader, pages = self._reader, 1
        while self._is_end_full() and not self._reading.refused:
            left = reader.most - reader.requests if self._reading.is_total_wrong else reader.remaining
            added = list(reader.added(islice(self._paging.onwards(self._seams.end), min(pages, left))))
            if not added or any(2 * new < max(1, page.rows) for _, page, new in added):
                return  # what repeats more than it brings is not what lies behind
            reader.planned += sum(new > 0 for _, _, new in added)
            pages *= 2

    def _is_end_full(self) -> bool:
        last = self._seams.farthest
        return last.rows >= self._paging.full(last.limit) and not self._seams.reached_end

    def _rest(self) -> Iterator[Ask]:
        """Yield the pages behind those that were read, to beyond the total."""
        expected = self._reading.past.expected(self._reading.sums.last)
        end = max(self._seams.end, self._paging.served)
        if self._reading.is_total_wrong and not self._reading.past.excess:
            return  # how much there is shows when it is read
        while expected is None or end <= expected:
            ask = next(self._paging.onwards(end), None)
            if ask is None:
                return
            yield ask
            end = self._paging.end(ask)
