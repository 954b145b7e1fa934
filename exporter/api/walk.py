"""Reads a list page after page: what to ask next, by what came before."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import islice
from operator import itemgetter

from exporter.api.answers import Page
from exporter.api.errors import ApiError, Reason
from exporter.api.paging import Ask, Paging, round_number
from exporter.api.rows import Call
from exporter.api.seams import Seams
from exporter.api.sums import Sums

DEFAULT_LIMIT = 20  # rows the API serves when it isn't asked for a number
_ROUNDS = 3
_WIDTHS = (1, 1, 2, 4)  # of the rounds of repair, in pages around a gap
_SPARE_REQUESTS = 8
_MOST_LOST = 0.05  # calls that both readings of a list may have lost, as far as one shows of the other
_REFUSALS = {400, 413, 416, 422}
"""How servers refuse a limit that is too large, or rows that lie too far down the list."""

FetchPages = Callable[[Iterable[Ask]], Generator[Page, None, None]]
"""Gives the pages asked for, in their order, several at a time if it can; raises ApiError if one fails."""


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier listings taught of a list and its server."""

    longest_page: int = 0
    """Rows of the longest page behind which nothing was, or more: a shorter one was not cut."""
    end: int | None = None
    """Rows that the list had."""
    fingerprint: int | None = None
    """Of its calls, if it ended where windows end."""
    excess: int = 0
    """Rows that it had beyond its total."""
    places: Mapping[str, int] | None = None
    """The calls in the order of the list, where that isn't the order of their start times."""
    moves: bool = False
    """Whether its calls change places."""
    may_be_by_start: bool = True
    """Whether nothing says that its rows aren't in the order of their start times."""
    do_ties_move: bool = False
    """Whether calls that started at the same moment change places."""
    is_doubted: bool = False
    """Whether calls came back that were missing from a listing which was called complete."""

    def expected(self, total: int | None) -> int | None:
        """Return the rows that a list of this total is expected to have."""
        return self.end if total is None else total + self.excess


class Walk:
    """One listing under way: what was asked, and what the pages prove so far."""

    def __init__(self, fetch: FetchPages, paging: Paging, most_requests: int, past: Past, sums: Sums) -> None:
        self._past = past
        self.sums = sums
        self.seams = self._new_seams()
        """Of the reading under way, or the last one."""
        self.earlier: list[Seams] = []
        """Of the readings before."""
        self.needed = 1
        self.paging = paging
        self._is_size_shown = False
        self.seams_mended = 0
        self._planned = 1
        self._widened_at = 0  # requests there were when pages were last made to share more
        self._lacks: list[int] = []  # rows that each page would have had to share with the one before
        self._fetch = fetch
        self._asked: dict[Ask, int] = {}  # how many requests there were before it
        self.requests = 0
        self._most = most_requests
        self._is_total_wrong = False
        self._short_until = math.inf  # where a page ended that had fewer rows than it could
        self._is_ragged = False  # whether pages in the middle of the list have fewer rows than others
        self.was_cut = False
        """Whether the time or the budget was over before open seams could be asked for again."""
        self.longest_page = past.longest_page
        self.refused: tuple[Ask, ApiError] | None = None
        """The rows nearest to the start that the server refused, and how."""

    @property
    def page_size(self) -> int:
        """Give the rows that the server serves with a page, as far as that is known."""
        return self.paging.served if self._is_size_shown else self.paging.limit

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
        first, newest = self.earlier[-1], self.earlier[-1].newest_start
        found = sum(
            call.call_sid not in first.call_sids
            and not (newest and call.start_time and call.start_time > newest)
            for call in self.seams.calls
        )
        if not newest:
            found -= round((self.sums.rate(self.seams.calls) or 0.0) * self.sums.elapsed)
        return max(0, found) ** 2 > _MOST_LOST * len(self.seams.call_sids)

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
        return len(sids) + self.seams.unreadable + self.seams.copies

    @property
    def _readings(self) -> list[Seams]:
        return [*self.earlier, self.seams]

    @property
    def _bound(self) -> int:
        """Give the requests that there may be in all: mending takes no more than the pages do, and some."""
        return min(self._most, 2 * self._planned + _SPARE_REQUESTS)

    def begin(self) -> None:
        """Read the first page; some servers refuse a limit that others would cut."""
        try:
            [self._first] = self._read([(0, self.paging.limit)])
        except ApiError as error:
            if error.meant not in _REFUSALS or self.paging.limit <= DEFAULT_LIMIT:
                raise
            self._first = self._begin_small()
        if self.seams.end and not self.seams.closed:
            self.paging = replace(self.paging, served=min(self.paging.limit, self.seams.end))

    def _begin_small(self) -> Page:
        """Read a first page as small as can be; what was refused once, and no more, was a stumble."""
        [first] = self._read([(0, DEFAULT_LIMIT)])
        try:
            return self._read([(0, self.paging.limit)])[0]
        except ApiError as error:
            if error.meant not in _REFUSALS:
                raise
        self.paging = replace(self.paging, limit=DEFAULT_LIMIT, served=DEFAULT_LIMIT)
        self._is_size_shown = True
        return first

    def read_on(self) -> None:
        """Read the rest, to beyond the rows that are expected, or to a page that brings no new call."""
        if self.seams.closed or self.paging.served < 2:
            return
        if self._is_short_first() and not self._has_more():
            return
        self._plan()
        self._first_pass()
        self._read_beyond()

    def _plan(self) -> None:
        """Have pages share no more rows than the budget allows; raise ApiError where it doesn't allow one."""
        expected = self._past.expected(self.sums.last) or 0
        while (needed := self._needed(expected)) > self._most and self.paging.shared > 1:
            self.paging = self.paging.sharing(self.paging.shared - 1)
        self.needed = needed
        if needed > self._most and not self._is_all():
            again = " twice, as calls change places in it," if self._past.moves else ""
            detail = f"{expected} calls take {needed} requests to list{again} and {self._most} are left"
            raise ApiError(Reason.BUDGET, f"{detail}: raise page_size or requests_per_minute")

    def _needed(self, expected: int) -> int:
        rest = max(0, expected - self.paging.served) // self.paging.step + 1
        return self.requests + rest * (2 if self._past.moves else 1)

    def _is_short_first(self) -> bool:
        """Tell whether the first page has fewer rows than were asked for, and no total tells of more."""
        total = self.sums.last
        return self.paging.served < self.paging.limit and (total is None or total <= self.paging.served)

    def _has_more(self) -> bool:
        """Tell whether there is more than a first page that may be all that the server serves at a time."""
        for _ in range(_ROUNDS):
            half, rows = self.paging.half, self.paging.served
            second = self._read([(half, self.paging.limit)])
            if is_first := any(map(self._is_first_page, second)):  # offsets are ignored, or rounded
                second = self._read([(rows, rows)])
            if is_first or any(page.calls for page in second):
                if all(_call_sids(page) <= _call_sids(self._first) for page in second):
                    self.seams.end_at(0)
                    self._is_size_shown = False
                break
            # So many calls have ended meanwhile that nothing is left there.
            [self._first] = self._read([(0, self.paging.limit)])
            if self.seams.closed:
                break
            self.paging = replace(self.paging, served=max(1, self._first.rows))
        return not self.seams.closed

    def _is_all(self) -> bool:
        """Tell whether a first page of few rows is the whole list, whatever its total says."""
        if self.paging.served >= DEFAULT_LIMIT:
            return False
        return not any(new for _, _, new in self._added(islice(self._rest(), 1)))

    def read_back(self) -> bool:
        """Read the list once more, from its end to its start; give whether the budget allows that.

        A call that changes its place once is in one of the two readings.
        """
        asks = list(self.paging.backwards(self.seams.end))
        self.needed = self.requests + len(asks)
        if self.needed > self._most:
            return False
        self.earlier.append(self.seams)
        self.seams = self._new_seams(self.seams.doubled)
        try:
            with closing(self._joined(asks)) as pages:
                for _ in pages:
                    pass
        except ApiError as error:
            self._cut(error)
        self.repair()
        return True

    def repair(self) -> None:
        """Ask for open seams again, and for the end of the list, as long as that can prove more."""
        try:
            if self._is_ragged:
                self.seams.forget_ends()
            if not self.seams.reached_end and self.seams.end:
                self._confirm_end()
            if not self.earlier and not (self._past.moves and self.adds_up):
                self._look_again()
            for width in _WIDTHS:
                if (self.seams.closed and self.adds_up) or not self.seams.has_order or self.paging.served < 2:
                    return
                has_gaps = bool(self.seams.gaps)
                asks = list(self._repairs(width))[: max(0, self._bound - self.requests)]
                self.seams_mended += len(self._read(asks)) * has_gaps
        except ApiError as error:
            self._cut(error)

    def _confirm_end(self) -> None:
        """Look behind the last row that was seen, where no page shows by its length that it is the last."""
        while self.requests < self._bound and not self.refused:
            last = self.seams.farthest
            behind = last.offset + self.paging.full(last.limit) if self._is_ragged else last.end
            ask = self.paging.ask(behind - self.paging.half)
            added = list(self._added([ask]))
            if any(new for _, _, new in added):
                continue
            full = self.paging.full(ask[1])
            most = full // 2 if self._is_ragged else full - 1
            if any(0 < page.rows <= most and not self._is_first_page(page) for _, page, _ in added):
                self.seams.end_at(-1)
            return

    def _cut(self, error: ApiError) -> None:
        """Leave open what is still open; other failures than a lack of time or requests fail the listing."""
        if error.reason not in {Reason.TIMEOUT, Reason.BUDGET}:
            raise error
        self.was_cut = True

    def _new_seams(self, doubled: Iterable[str] = ()) -> Seams:
        past = self._past
        return Seams(may_be_by_start=past.may_be_by_start, do_ties_move=past.do_ties_move, doubled=doubled)

    def _first_pass(self) -> None:
        """Read from the start to the end."""
        before = self._first
        with closing(self._joined(self._rest(), before=0)) as pages:
            for number, (ask, page, new) in enumerate(pages):
                if not number and self._is_first_page(page) and not self.seams.closed:
                    break
                is_short = page.rows < self.paging.full(ask[1])
                if not new and (page.total is None or is_short or _call_sids(page) == _call_sids(before)):
                    return  # beyond the end, or from a server that ignores the offset
                before = page
            else:
                return
        if not self.paging.rounds_offsets:
            self._read_by_multiples()

    def _joined(
        self, asks: Iterable[Ask], before: int | None = None
    ) -> Generator[tuple[Ask, Page, int], None, None]:
        """Read page after page; where one doesn't join the page before, mend while the list is still near."""
        planned, mends, mended = iter(asks), deque[Ask](), set[Ask]()

        def next_asks() -> Iterator[Ask]:
            while (ask := mends.popleft() if mends else next(planned, None)) is not None:
                yield ask

        last: Ask = (0, 0)
        with closing(self._added(next_asks())) as added:
            for ask, page, new in added:
                number = self.seams.pages - 1
                if ask in mended:
                    continue
                yield ask, page, new
                is_open = before is not None and not self.seams.are_joined(before, number)
                if before is not None:
                    self._learn_overlap(ask, page.rows - new, is_open=is_open)
                if is_open and self.seams.has_order and self.requests < self._bound:
                    mends.append(self.paging.ask(max(ask[0], last[0]) - self.paging.half))
                    mended.add(mends[-1])
                    self.seams_mended += 1
                before, last = number, ask
                self._planned += 1

    def _learn_overlap(self, ask: Ask, shared: int, *, is_open: bool) -> None:
        """Have pages share more at once where they share too little: the rest of the list moves as fast."""
        planned = self.paging.shared
        if is_open:
            self._lacks.append(2 * planned)
        else:
            self._lacks.append(planned if self.seams.do_ties_move else max(1, planned - shared + 1))
        if is_open and self._asked.get(ask, 0) >= self._widened_at:
            self._widened_at = self.requests
            self.paging = self.paging.sharing(max(planned, self.paging.cheapest(self._lacks)))

    @property
    def overlap(self) -> float:
        """Give the share of its rows that a page best has in common with its neighbour."""
        if not self._lacks:
            return self.paging.overlap
        return self.paging.cheapest(self._lacks) / self.paging.served

    def _read_by_multiples(self) -> None:
        """Read on where offsets may be rounded down to a multiple of the limit; else they are ignored."""
        plain, self.seams = self.paging, self._new_seams()
        self._take_in(self._first, (0, plain.limit))
        self.paging = replace(plain, rounds_offsets=True)
        second = self._read(islice(self._rest(), 1))
        if any(map(self._is_first_page, second)):
            self.paging = plain
        else:
            self._first_pass()

    def _is_first_page(self, page: Page) -> bool:
        """Tell whether a page that should only join the end of the first one is that page again."""
        rows = _call_sids(page)
        start = {call.call_sid for call in self._first.calls[: self.paging.shared]}
        return bool(rows & start) and 2 * len(rows & _call_sids(self._first)) > self.paging.served

    def _read_beyond(self) -> None:
        """Read on behind a full page, whatever the total says, twice as many pages each time."""
        pages, most = 1, self._most if self._is_total_wrong else self._bound
        while self._is_end_full() and not self.refused and self.requests < most:
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
        suspects = self.seams.suspects(adds_up=self.adds_up)
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
                self._asked[ask] = self.requests
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
            self.refused = min(self.refused or (asked[0], error), (asked[0], error), key=itemgetter(0))

    def _take_in(self, page: Page, ask: Ask) -> int:
        offset, limit = ask
        new = self.seams.add(page, offset, limit)
        self.sums.add(page.total)
        if new and page.total is not None and offset + page.rows > page.total:
            rows = len(_call_sids(page)) + page.unreadable  # without copies: a total may count calls
            self._is_total_wrong |= offset + rows > page.total
        if self._is_last(page, ask):
            self.seams.end_at(-1)
        self._is_ragged |= 2 * new > self.paging.full(limit) and offset >= self._short_until
        if offset and 0 < page.rows < self.paging.full(limit):
            self._short_until = min(self._short_until, offset + page.rows)
        self._is_size_shown |= offset > 0 and page.rows == self.paging.served
        if offset or not self.seams.closed:
            self.longest_page = max(self.longest_page, page.rows)
        return new

    def _is_last(self, page: Page, ask: Ask) -> bool:
        """Tell whether a page reaches the end: it has fewer rows than it could, and its own total agrees."""
        offset, limit = ask
        full = self.paging.full(limit)
        if self._is_ragged:
            return False
        if not offset and page.rows > max(1, self.longest_page):
            return False  # it may be all that the server serves at a time
        if page.total is None:
            return page.rows < full
        is_whole_list = offset > 0 and page.rows > limit and page.rows >= page.total
        is_short = page.rows < full and offset + page.rows >= page.total
        return is_short or is_whole_list  # the latter from a server that knows no pages

    def _rest(self) -> Iterator[Ask]:
        """Yield the pages behind those that were read, to beyond the total."""
        expected = self._past.expected(self.sums.last)
        end = max(self.seams.end, self.paging.served)
        if self._is_total_wrong and not self._past.excess:
            return  # how much there is shows when it is read
        while expected is None or end <= expected:
            ask = next(self.paging.onwards(end), None)
            if ask is None:
                return
            yield ask
            end = self.paging.end(ask)

    def _repairs(self, width: int) -> Iterator[Ask]:
        """Give what to ask for: pages that overlap by half, over `width` pages around each gap."""
        paging, seams = self.paging, self.seams
        for gap in map(seams.located, seams.gaps):
            yield from (paging.ask(gap + paging.half * place) for place in range(-width, width))
        if not self.adds_up:
            yield paging.ask(0)  # calls that came since the start was read
        if not seams.reached_end or not self.adds_up:
            yield from self._repairs_of_the_end(width)

    def _repairs_of_the_end(self, width: int) -> Iterator[Ask]:
        paging, end, total = self.paging, self.seams.end, self.sums.last
        if total is not None and not self._is_total_wrong:
            end = min(end, total)
        if edge := self.edge:
            if width == 1:
                yield paging.ask(edge - paging.served)
            return
        if self.refused:
            end = min(end, self.refused[0][0])
        start = max(0, end - paging.half)
        yield from map(paging.ask, range(start, start + width * paging.step, paging.step))

    @property
    def edge(self) -> int | None:
        """Give where the window ends beyond which the server refuses rows, if that is why it refused some."""
        if not self.refused or self.refused[1].meant not in _REFUSALS:
            return None
        (offset, limit), _ = self.refused
        is_in_list = self.sums.last is None or self.sums.last > offset
        return round_number(offset, offset + limit) if is_in_list else None


def _call_sids(page: Page) -> frozenset[str]:
    return frozenset([call.call_sid for call in page.calls])
