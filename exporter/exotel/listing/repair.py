"""Asks again for what a reading of a list left open."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.listing.page_reader import Reader
from exporter.exotel.listing.paging import Ask, Paging
from exporter.exotel.listing.stitching import Seams
from exporter.exotel.models import Page

_WIDTHS = (1, 1, 2, 4)  # of the rounds, in pages around a gap


class Repair:
    """Asks for open seams again, and for the end of the list, as long as that can prove more."""

    def __init__(self, reader: Reader, is_first_page: Callable[[Page], bool]) -> None:
        self._reader = reader
        self._reading = reader.reading
        self._is_first_page = is_first_page

    @property
    def _paging(self) -> Paging:
        return self._reader.paging

    @property
    def _seams(self) -> Seams:
        return self._reading.seams

    def run(self) -> None:
        """Ask until nothing is open, or nothing is left to ask with."""
        try:
            self._look()
        except ApiError as error:
            if error.reason not in {Reason.TIMEOUT, Reason.BUDGET}:
                raise
            self._reading.was_cut = True  # what is still open stays open

    def _look(self) -> None:
        reader, reading = self._reader, self._reading
        if (partial := reading.sums.partial()) and len(partial) <= reader.remaining:
            reading.sums.forget(partial)
            reader.read(partial)
        if reading.is_ragged:
            reading.seams.forget_ends()
        if not reading.seams.reached_end and reading.seams.end:
            self._confirm_end()
        if not (reading.past.moves and reading.adds_up):
            self._look_again()
        for width in _WIDTHS:
            is_done = reading.seams.closed and reading.adds_up
            if is_done or not reading.seams.has_order or reader.paging.served < 2:
                return
            has_gaps = bool(reading.seams.gaps)
            asks = list(self._repairs(width))[: reader.remaining]
            reader.repaired += len(reader.read(asks)) * has_gaps

    def _confirm_end(self) -> None:
        """Look behind the last row that was seen, where no page shows by its length that it is the last."""
        while self._reader.remaining and not self._reading.refused:
            last = self._seams.farthest
            behind = last.offset + self._paging.full(last.limit) if self._reading.is_ragged else last.end
            ask = self._paging.ask(behind - self._paging.half)
            added = list(self._reader.added([ask]))
            if any(new for _, _, new in added):
                continue
            full = self._paging.full(ask[1])
            most = full // 2 if self._reading.is_ragged else full - 1
            if any(0 < page.rows <= most and self._may_end(page, ask) for _, page, _ in added):
                self._seams.end_at(-1)
            return

    def _may_end(self, page: Page, ask: Ask) -> bool:
        """Tell whether a page may be the last: its own total tells of no more, and it isn't the first one."""
        tells_more = page.total is not None and page.total > ask[0] + page.rows
        return not self._is_first_page(page) and (self._reading.is_ragged or not tells_more)

    def _look_again(self) -> None:
        """Look where calls were first that seem to stand at two places: they may, or have moved."""
        suspects = self._seams.suspects(adds_up=self._reading.adds_up)
        for page_span in dict.fromkeys(suspects.values()):
            if self._reader.remaining and self._reader.read([(page_span.offset, page_span.limit)]):
                self._seams.confirm([sid for sid, first in suspects.items() if first == page_span], page_span)

    def _repairs(self, width: int) -> Iterator[Ask]:
        """Give what to ask for: pages that overlap by half, over `width` pages around each gap."""
        paging, seams = self._paging, self._seams
        for gap in map(seams.located, seams.gaps):
            yield from (paging.ask(gap + paging.half * place) for place in range(-width, width))
        if not self._reading.adds_up:
            yield paging.ask(0)  # calls that came since the start was read
        if not seams.reached_end or not self._reading.adds_up:
            yield from self._repairs_of_the_end(width)

    def _repairs_of_the_end(self, width: int) -> Iterator[Ask]:
        paging, end, total = self._paging, self._seams.end, self._reading.sums.last
        if total is not None and not self._reading.is_total_wrong:
            end = min(end, total)
        if edge := self._reading.edge:
            if width == 1:
                yield paging.ask(edge - paging.served)
            return
        if self._reading.refused:
            end = min(end, self._reading.refused[0][0])
        start = max(0, end - paging.half)
        yield from map(paging.ask, range(start, start + width * paging.step, paging.step))
