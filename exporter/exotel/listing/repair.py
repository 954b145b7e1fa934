"""Asks again for what a reading of a list left open."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from exporter.exotel.listing.memory import Fact
from exporter.exotel.listing.pages import Ask
from exporter.exotel.listing.paging import PageReader
from exporter.exotel.models import Page

_WIDTHS = (1, 1, 2, 4)  # of the rounds, in pages around a gap


class Repair:
    """Asks for open seams again, and for the end of the list, as long as that can prove more."""

    def __init__(self, reader: PageReader, is_first_page: Callable[[Page], bool]) -> None:
        self._reader = reader
        self._evidence, self._seams = reader.evidence, reader.evidence.seams
        self._is_first_page = is_first_page

    def run(self) -> None:
        """Ask until nothing is open, or nothing is left to ask with."""
        reader, evidence, totals = self._reader, self._evidence, self._evidence.totals
        if (low := totals.low()) and len(low) <= reader.remaining:
            totals.forget(low)
            reader.read(low)
        if evidence.has_short_pages:
            self._seams.forget_ends()
        if not self._seams.reached_end and self._seams.end:
            self._confirm_end()
        if not (evidence.memory.holds(Fact.MOVING) and evidence.matches_total):
            self._look_for_duplicates()
        for width in _WIDTHS:
            is_done = self._seams.is_sealed and evidence.matches_total
            if is_done or not self._seams.has_order or self._reader.paging.served < 2:
                return
            reader.read(list(self._repairs(width))[: reader.remaining])

    def _confirm_end(self) -> None:
        """Look behind the last row that was seen, where no page shows by its length that it is the last."""
        while self._reader.remaining and not self._evidence.refused:
            last, paging = self._seams.farthest, self._reader.paging
            behind = paging.end((last.offset, last.limit)) if self._evidence.has_short_pages else last.end
            ask = paging.ask(behind - paging.half)
            added = list(self._reader.each([ask]))
            if any(new for _, _, new in added):
                continue
            full = self._reader.paging.full(ask[1])
            most = full // 2 if self._evidence.has_short_pages else full - 1
            if any(0 < page.rows <= most and self._may_end(page, ask) for _, page, _ in added):
                self._seams.mark_end()
            return

    def _may_end(self, page: Page, ask: Ask) -> bool:
        """Return whether a page may be the last: its total tells of no more, and it isn't the first one."""
        tells_more = page.total is not None and page.total > ask[0] + page.rows
        return not self._is_first_page(page) and (self._evidence.has_short_pages or not tells_more)

    def _look_for_duplicates(self) -> None:
        """Look where calls were first that seem to stand at two places: they may, or have moved."""
        suspects = self._seams.suspects(matches_total=self._evidence.matches_total)
        for span in dict.fromkeys(suspects.values()):
            if self._reader.remaining and self._reader.read([(span.offset, span.limit)]):
                self._seams.confirm([sid for sid, first in suspects.items() if first == span], span)

    def _repairs(self, width: int) -> Iterator[Ask]:
        """Yield what to ask for: pages that overlap by half, over `width` pages around each gap."""
        paging, seams, matches_total = self._reader.paging, self._seams, self._evidence.matches_total
        for gap in map(seams.located, seams.gaps):
            yield from (paging.ask(gap + paging.half * place) for place in range(-width, width))
        if not matches_total:
            yield paging.ask(0)  # calls that came since the start was read
        if not seams.reached_end or not matches_total:
            yield from self._repairs_of_the_end(width)

    def _repairs_of_the_end(self, width: int) -> Iterator[Ask]:
        paging, evidence, end = self._reader.paging, self._evidence, self._seams.end
        if edge := evidence.edge:
            if width == 1:
                yield paging.ask(edge - paging.served)
            return
        if evidence.totals.last is not None and not evidence.is_total_wrong:
            end = min(end, evidence.totals.last)
        if evidence.refused:
            end = min(end, evidence.refused[0][0])
        start = max(0, end - paging.half)
        yield from map(paging.ask, range(start, start + width * paging.step, paging.step))
