"""What one listing has seen of a list: its pages, the totals that they told, and what was refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from statistics import median

from exporter.exotel.errors import ApiError
from exporter.exotel.listing.memory import Fact, Memory
from exporter.exotel.listing.pages import Ask
from exporter.exotel.listing.stitching import Seams
from exporter.exotel.models import Call, Page

REFUSALS = {400, 413, 416, 422}
"""How servers refuse a limit that is too large, or rows that lie too far down the list."""
_SHORTEST_PAGE = 9  # rows; servers serve more at a time

_YOUNG = 10.0  # seconds
_ENOUGH_PAGES = 4
_PART = 0.04  # of the calls: a server has more of them
_RARE = 0.3  # of the pages
_COMING = 4
"""Calls a page that are assumed to come, at most, while as many end, where nothing tells how many come."""
_COMING_SHARE = 0.02  # of the calls, which these are at most


class Totals:
    """The totals that pages told; `elapsed` gives the seconds since the listing began."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self.elapsed = elapsed
        self._told: list[tuple[Ask, int]] = []

    @property
    def last(self) -> int | None:
        """Return the total that was told last, if any was."""
        return self._told[-1][1] if self._told else None

    @property
    def are_equal(self) -> bool | None:
        """Return whether all totals are the same; None where none was told."""
        return len(set(self._values)) == 1 if self._told else None

    def add(self, total: int | None, ask: Ask) -> None:
        """Take in what a page told, if it told any."""
        if total is not None:
            self._told.append((ask, total))

    def low(self) -> list[Ask]:
        """Return the pages that told far fewer calls than others did: those of some of the servers alone.

        There are none among few pages, nor where many differ, nor in a list that goes on to shrink.
        """
        if len(self._told) < _ENOUGH_PAGES:
            return []
        middle = median(self._values)
        least = middle - max(_PART * middle, 4 * self._spread)
        found = [ask for ask, total in self._told if total < least]
        return found if len(found) <= _RARE * len(self._told) and self._values[-1] >= least else []

    def forget(self, asks: Iterable[Ask]) -> None:
        """Forget what these pages told."""
        forgotten = set(asks)
        self._told = [(ask, total) for ask, total in self._told if ask not in forgotten]

    def missing(self, seen: int) -> int | None:
        """Return how many rows are reported beyond those seen, by the middle of the totals."""
        return max(0, math.ceil(median(self._values)) - seen) if self._told else None

    def match(self, seen: int, by_sid: Callable[[], Mapping[str, Call]]) -> bool:
        """Return whether as many were seen as are reported, but for what may have come behind the reader.

        How many come shows in the durations of the calls; where these say nothing, in totals that differ.
        """
        missing = self.missing(seen)
        return not missing or missing <= self._may_have_come(by_sid().values())

    def _may_have_come(self, calls: Iterable[Call]) -> float:
        rate = arrival_rate(calls)
        if rate is not None:
            chance = math.sqrt(2 * rate * self.elapsed())  # else as many end as come
            return 3 * chance + 3 * self._spread
        if self.are_equal:
            return 0.0
        values = self._values
        return max(values) - min(values) + min(_COMING * len(values), _COMING_SHARE * values[-1])

    @property
    def _values(self) -> list[int]:
        return [total for _, total in self._told]

    @property
    def _spread(self) -> float:
        middle = median(self._values)
        return median(abs(total - middle) for total in self._values)


def arrival_rate(calls: Iterable[Call]) -> float | None:
    """Return how many calls come in a second, by how many are young; None where no duration is told."""
    durations = [call.duration for call in calls if not (call.status and call.status.is_over)]
    known = [duration for duration in durations if duration is not None]
    return sum(duration < _YOUNG for duration in known) / _YOUNG if known else None


class Evidence:
    """The pages of one listing, be the list read once or twice, and what they prove."""

    def __init__(self, memory: Memory, totals: Totals) -> None:
        self.memory = memory  # what listings before have taught
        self.totals = totals
        self.seams = self._new_seams()  # of the reading under way, or the last one
        self.earlier: list[Seams] = []  # of the readings before
        self.refused: tuple[Ask, ApiError] | None = None
        """The rows nearest to the start that the server refused, and how."""
        self.was_cut = False
        """Whether the time or the budget was over before open seams could be asked for again."""
        self.longest_page = memory.longest_page
        self.is_total_wrong = False  # whether there were more rows than a total told
        self.has_short_pages = False  # whether pages in the middle of the list have fewer rows than others
        self._short_until = math.inf  # where a page ended that had fewer rows than it could

    @property
    def by_sid(self) -> Mapping[str, Call]:
        """Return each call once, as it was read last."""
        found = self._readings[0].by_sid
        for seams in self._readings[1:]:
            found |= seams.by_sid
        return found

    @property
    def unreadable(self) -> int:
        """Return how many rows could not be read."""
        return max(seams.unreadable for seams in self._readings)

    @property
    def is_sealed(self) -> bool:
        """Return whether in every reading all pages are joined, from the start of the list to its end."""
        return all(seams.is_sealed for seams in self._readings)

    @property
    def is_whole(self) -> bool:
        """Return whether no call that was alive throughout can be missing, as pages and totals tell."""
        return self.is_sealed and self.matches_total

    @property
    def gaps(self) -> int:
        """Return between how many pairs of pages a call could hide."""
        return sum(len(seams.gaps) for seams in self._readings)

    @property
    def missing(self) -> int | None:
        """Return how many rows the API reports beyond those seen, by the middle of its totals."""
        return self.totals.missing(self._seen)

    @property
    def unseen(self) -> int | None:
        """Return how many rows the API reported last beyond those seen, if it reports any number."""
        total = self.totals.last
        return None if total is None else max(0, total - self._seen)

    @property
    def matches_total(self) -> bool:
        """Return whether as many rows were seen as are reported, but for what may have come meanwhile."""
        return self.totals.match(self._seen, lambda: self.seams.by_sid)

    @property
    def edge(self) -> int | None:
        """Return where the window ends beyond which the server refuses rows, if that is why it refused some.

        That is a round number: servers that search refuse what ends beyond one, as 10,000.
        """
        if not self.refused or self.refused[1].effective_status not in REFUSALS | {HTTPStatus.NOT_FOUND}:
            return None
        (offset, limit), _ = self.refused
        if self.totals.last is not None and self.totals.last <= offset:
            return None
        numbers = ((offset + limit - 1) // unit * unit for unit in (10_000, 1_000, 500))
        return next((number for number in numbers if number > offset), None)

    def raise_unexplained_refusal(self) -> None:
        """Raise what was refused although rows were reported there, unless a window ends there."""
        total = self.totals.last
        if self.refused and not self.is_whole and not self.edge and total is not None:
            (offset, _), error = self.refused
            if offset < total:
                raise error

    def begin_again(self) -> None:
        """Keep what was read, and take in what comes as a second reading."""
        self.earlier.append(self.seams)
        self.seams = self._new_seams(self.seams.duplicates)

    def forget(self) -> None:
        """Forget the pages that were read."""
        self.seams = self._new_seams()

    def take_in(self, page: Page, ask: Ask, full: int) -> int:
        """Take in a page that has so many rows if it is full; return how many calls were not seen before."""
        offset, limit = ask
        new = self.seams.add(page, offset, limit)
        self.totals.add(page.total, ask)
        if new and page.total is not None and offset + page.rows > page.total:
            rows = len({call.call_sid for call in page.calls}) + page.unreadable  # a total may count calls
            self.is_total_wrong |= offset + rows > page.total
        if not self.has_short_pages and self._is_last(page, ask, full):
            self.seams.mark_end()
        self.has_short_pages |= 2 * new > full and offset >= self._short_until
        if offset and 0 < page.rows < full:
            self._short_until = min(self._short_until, offset + page.rows)
        if offset or not self.seams.is_sealed:
            self.longest_page = max(self.longest_page, page.rows)
        return new

    def _is_last(self, page: Page, ask: Ask, full: int) -> bool:
        """Return whether a page reaches the end: it isn't full, and its own total agrees."""
        offset, limit = ask
        end = self.memory.end
        has_shrunk = end is not None and 2 * page.rows < end  # or its server serves less
        shortest = _SHORTEST_PAGE if has_shrunk else max(_SHORTEST_PAGE, self.longest_page)
        if not offset and page.rows > shortest:
            return False  # it may be all that the server serves at a time
        if page.total is None:
            return page.rows < full
        is_whole_list = offset > 0 and page.rows > limit and page.rows >= page.total
        is_short = page.rows < full and offset + page.rows >= page.total
        return is_short or is_whole_list  # the latter from a server that knows no pages

    @property
    def _seen(self) -> int:
        call_sids = self.seams.call_sids
        if self.earlier:
            call_sids = set().union(*(seams.call_sids for seams in self._readings))
        return len(call_sids) + self.unreadable + self.seams.copies

    @property
    def _readings(self) -> list[Seams]:
        return [*self.earlier, self.seams]

    def _new_seams(self, duplicates: Iterable[str] = ()) -> Seams:
        was_unsorted, ties_move = map(self.memory.holds, (Fact.UNSORTED, Fact.TIES_MOVE))
        return Seams(was_unsorted=was_unsorted, ties_move=ties_move, duplicates=duplicates)
