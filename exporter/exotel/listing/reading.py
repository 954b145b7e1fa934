"""What was read of a list in one listing, and what it proves."""

from __future__ import annotations

import math
from collections.abc import Iterable
from http import HTTPStatus

from exporter.exotel.errors import ApiError
from exporter.exotel.listing.paging import DEFAULT_LIMIT, Ask, Paging, round_number
from exporter.exotel.listing.past import Past
from exporter.exotel.listing.stitching import Seams
from exporter.exotel.listing.totals import Sums
from exporter.exotel.models import Call, Page, read_time

REFUSALS = {400, 413, 416, 422}
"""How servers refuse a limit that is too large, or rows that lie too far down the list."""
_FEW = DEFAULT_LIMIT // 2 - 1  # rows; servers serve more at a time
_MOST_LOST = 0.05  # calls that both readings of a list may have lost, as far as one shows of the other


class Reading:
    """The pages that came: of a list that is read once, or twice."""

    def __init__(self, past: Past, sums: Sums) -> None:
        self.past = past
        self.sums = sums
        self.seams = self._new_seams()
        """Of the reading under way, or the last one."""
        self.earlier: list[Seams] = []
        """Of the readings before."""
        self.refused: tuple[Ask, ApiError] | None = None
        """The rows nearest to the start that the server refused, and how."""
        self.was_cut = False
        """Whether the time or the budget was over before open seams could be asked for again."""
        self.longest_page = past.longest_page
        self.is_total_wrong = False
        """Whether there were more rows than a total told."""
        self.is_ragged = False
        """Whether pages in the middle of the list have fewer rows than others."""
        self._short_until = math.inf  # where a page ended that had fewer rows than it could

    @property
    def calls(self) -> tuple[Call, ...]:
        """Give each call once, as it was read last."""
        if not self.earlier:
            return self.seams.calls
        return tuple({call.call_sid: call for seams in self._readings for call in seams.calls}.values())

    @property
    def listed(self) -> int | None:
        """Give how many calls were seen; None where no page came."""
        return len(self.calls) if self.seams.pages or self.earlier else None

    @property
    def unreadable(self) -> int:
        """Give how many rows could not be read."""
        return max(seams.unreadable for seams in self._readings)

    @property
    def is_closed(self) -> bool:
        """Tell whether in every reading all pages are joined, from the start of the list to its end."""
        return all(seams.closed for seams in self._readings)

    @property
    def is_whole(self) -> bool:
        """Tell whether no call that was alive throughout can be missing, as far as pages and totals tell."""
        return self.is_closed and self.adds_up

    @property
    def gaps(self) -> int:
        """Give between how many pairs of pages a call could hide."""
        return sum(len(seams.gaps) for seams in self._readings)

    @property
    def missing(self) -> int | None:
        """Give how many rows the API reports beyond those seen, by the middle of its totals."""
        return self.sums.missing(self._seen)

    @property
    def adds_up(self) -> bool:
        """Tell whether as many rows were seen as are reported, but for those that may have come meanwhile."""
        return self.sums.adds_up(self._seen, lambda: self.seams.calls)

    @property
    def outpaces(self) -> bool:
        """Tell whether calls change places so fast that some may be in neither of two readings.

        As many as the second one found that were there all the while, the first one had lost; a call is lost
        by both as chance has it.
        """
        if not self.earlier:
            return False
        first, seconds = self.earlier[-1].call_sids, self.sums.elapsed
        found = [call for call in self.seams.calls if call.call_sid not in first]
        starts, newest = [read_time(call.start_time) for call in found], read_time(self.seams.newest_start)
        if newest is None or None in starts:
            lost = len(found) - (self.sums.rate(self.seams.calls) or 0.0) * seconds
        else:
            lost = sum(start is not None and start <= newest - seconds for start in starts)
        return max(0, lost) ** 2 > _MOST_LOST * len(self.seams.call_sids)

    @property
    def unseen(self) -> int | None:
        """Give how many rows the API reported last beyond those seen, if it reports any number."""
        total = self.sums.last
        return None if total is None else max(0, total - self._seen)

    @property
    def _seen(self) -> int:
        sids = self.seams.call_sids
        if self.earlier:
            sids = set().union(*(seams.call_sids for seams in self._readings))
        return len(sids) + self.unreadable + self.seams.copies

    @property
    def _readings(self) -> list[Seams]:
        return [*self.earlier, self.seams]

    @property
    def edge(self) -> int | None:
        """Give where the window ends beyond which the server refuses rows, if that is why it refused some."""
        if not self.refused or self.refused[1].meant not in REFUSALS | {HTTPStatus.NOT_FOUND}:
            return None
        (offset, limit), _ = self.refused
        is_in_list = self.sums.last is None or self.sums.last > offset
        return round_number(offset, offset + limit) if is_in_list else None

    def excuse(self) -> None:
        """Raise what was refused although rows were reported there, unless a window ends there."""
        total = self.sums.last
        if self.refused and not self.is_whole and not self.edge and total is not None:
            (offset, _), error = self.refused
            if offset < total:
                raise error

    def begin_again(self) -> None:
        """Keep what was read, and take in what comes as a second reading."""
        self.earlier.append(self.seams)
        self.seams = self._new_seams(self.seams.doubled)

    def forget(self) -> None:
        """Forget what was read."""
        self.seams = self._new_seams()

    def take_in(self, page: Page, ask: Ask, paging: Paging) -> int:
        """Take in a page; give the number of calls that were not seen before."""
        offset, limit = ask
        new = self.seams.add(page, offset, limit)
        self.sums.add(page.total, ask)
        if new and page.total is not None and offset + page.rows > page.total:
            rows = len(call_sids(page)) + page.unreadable  # without copies: a total may count calls
            self.is_total_wrong |= offset + rows > page.total
        if self._is_last(page, ask, paging):
            self.seams.end_at(-1)
        self.is_ragged |= 2 * new > paging.full(limit) and offset >= self._short_until
        if offset and 0 < page.rows < paging.full(limit):
            self._short_until = min(self._short_until, offset + page.rows)
        if offset or not self.seams.closed:
            self.longest_page = max(self.longest_page, page.rows)
        return new

    def _is_last(self, page: Page, ask: Ask, paging: Paging) -> bool:
        """Tell whether a page reaches the end: it has fewer rows than it could, and its own total agrees."""
        offset, limit = ask
        full = paging.full(limit)
        if self.is_ragged:
            return False
        if not offset and page.rows > (_FEW if self._has_shrunk(page) else max(_FEW, self.longest_page)):
            return False  # it may be all that the server serves at a time
        if page.total is None:
            return page.rows < full
        is_whole_list = offset > 0 and page.rows > limit and page.rows >= page.total
        is_short = page.rows < full and offset + page.rows >= page.total
        return is_short or is_whole_list  # the latter from a server that knows no pages

    def _has_shrunk(self, page: Page) -> bool:
        """Tell whether a first page has less than half of the list before, or its server serves less."""
        return self.past.end is not None and 2 * page.rows < self.past.end

    def _new_seams(self, doubled: Iterable[str] = ()) -> Seams:
        past = self.past
        return Seams(was_unsorted=past.was_unsorted, do_ties_move=past.do_ties_move, doubled=doubled)


def call_sids(page: Page) -> frozenset[str]:
    """Return what names the calls of a page."""
    return frozenset([call.call_sid for call in page.calls])
