"""What pages of a moving list prove together.

A list whose surviving rows keep their relative order may gain and lose calls while it is paged. Each page
is a run of it without holes. Two pages that share a call are *sealed*: no call that was alive throughout can
hide between them. So when all neighbours are sealed from the start of the list to its end, none is missing,
whenever each page was read. Where rows are sorted by start times, these prove it without that assumption.

Rows, calls and rows that can't be read are three numbers: a list may hold a call twice.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from itertools import pairwise

from exporter.exotel.listing.start_order import StartOrder
from exporter.exotel.models import Call, Page

_MOST_SUSPECTS = 3
"""Pages that are looked at again; where calls of more than these changed place, the list has no order."""
_NEAR = 3
"""Pages by which the list shifts, at most, between two that share calls: what is farther away has hopped."""
_LEAST_RUN = 5
"""Rows that come in the same order again by no chance."""
_MOST_STRAYS = 0.3
"""The share of the rows which two pages have in common that changes place in a list that has an order."""


@dataclass(frozen=True, slots=True)
class PageSpan:
    """A page as it was seen: where it began, how many rows it was asked for and how many it had."""

    offset: int
    limit: int
    rows: int

    @property
    def end(self) -> int:
        """Give the offset behind its last row."""
        return self.offset + self.rows


class Seams:
    """The union of all pages, and which of them are sealed to one another."""

    def __init__(
        self, *, was_unsorted: bool = False, do_ties_move: bool = False, doubled: Iterable[str] = ()
    ) -> None:
        self.start_order = StartOrder(was_unsorted=was_unsorted)
        self._do_ties_move = do_ties_move
        self._steady_ties = 0  # neighbours of one start time that two pages show in the same order
        self._shared = 0  # rows that two pages have in common
        self._far: Counter[bool] = Counter()  # those that are too far apart for a shift, by its direction
        self.unreadable = 0
        """Rows that could not be read."""
        self._page_spans: list[PageSpan] = []
        self._ends: set[int] = set()  # the pages that reached the end of the list
        self._rows: list[Call] = []  # of all pages, one behind the other
        self._starts: list[int] = []  # for each page, where its rows start there
        self._places: dict[str, int] = {}  # for each call, where its newest row stands there
        self._shifts: list[int] = []  # for each page, by how many rows the list had shifted
        self._parents: list[int] = []  # a forest over the pages: two with the same root are sealed
        self._doubled = set(doubled)  # calls that the list holds more than once
        self._stray: dict[str, tuple[int, frozenset[str]]] = {}  # calls that two pages show out of order: the
        # first of these, and which others may be astray in its place

    @property
    def newest_start(self) -> str | None:
        """Give the latest start time that was seen, if calls tell theirs."""
        return max((call.start_time for call in self._rows if call.start_time), default=None)

    @property
    def calls(self) -> tuple[Call, ...]:
        """Give each call once, by its newest row."""
        return tuple([self._rows[place] for place in self._places.values()])

    @property
    def farthest(self) -> PageSpan:
        """Give the page with the last row that was seen."""
        return max(self._page_spans, key=lambda page_span: page_span.end if page_span.rows else 0)

    @property
    def end(self) -> int:
        """Give the offset behind the last row that was seen."""
        return max((page_span.end for page_span in self._page_spans if page_span.rows), default=0)

    @property
    def is_by_start(self) -> bool:
        """Tell whether the rows are sorted by start times, so that these prove what is whole."""
        return self.start_order.is_shown

    @property
    def do_ties_move(self) -> bool:
        """Tell whether calls that started at the same moment were seen to change places."""
        return self._do_ties_move or (self.is_by_start and not self.in_order)

    @property
    def in_order(self) -> bool:
        """Tell whether no two pages showed calls in different orders that the list doesn't hold twice."""
        return not self._strays()

    @property
    def has_order(self) -> bool:
        """Tell whether most of what two pages have in common comes in the same order in both."""
        if self.is_by_start:
            return not (self.do_ties_move and self.start_order.is_one_moment)
        far = 2 * min(self._far[True], self._far[False])
        return len(self._strays()) + far <= max(2, _MOST_STRAYS * self._shared)

    @property
    def closed(self) -> bool:
        """Tell whether pages lead from the start of the list to its end, all neighbours joined."""
        if any(not self._page_spans[page].offset for page in self._ends):
            return True
        if self.is_by_start:
            return self.start_order.reaches_from_start(self._ends) and not self.gaps
        starts = {
            self._root(page) for page, page_span in enumerate(self._page_spans) if page_span.offset == 0
        }
        return any(self._root(page) in starts for page in self._ends) and not self.gaps

    @property
    def reached_end(self) -> bool:
        """Tell whether a page with rows reached the end of the list."""
        return any(self._page_spans[page].rows for page in self._ends)

    @property
    def call_sids(self) -> Set[str]:
        """Give what names the calls that were seen."""
        return self._places.keys()

    @property
    def gaps(self) -> list[int]:
        """Give the pages that aren't joined to the one before."""
        if self.is_by_start:
            return self.start_order.gaps(self._ends, self._are_tied)
        seen = sorted(
            (page_span.offset, page) for page, page_span in enumerate(self._page_spans) if page_span.rows
        )
        return [page for (_, before), (_, page) in pairwise(seen) if self._root(before) != self._root(page)]

    def located(self, page: int) -> int:
        """Give the offset that the start of a page has by now, as far as pages show that were read later."""
        page_span, shift = self._page_spans[page], self._shifts[page]
        start, near = page_span.offset - shift, 2 * page_span.rows
        latest = max(
            number
            for number, each in enumerate(self._page_spans)
            if abs(each.offset - self._shifts[number] - start) <= near
        )
        return max(0, start + self._shifts[latest])

    @property
    def pages(self) -> int:
        """Give how many pages were taken in; they are numbered from 0."""
        return len(self._page_spans)

    def forget_ends(self) -> None:
        """Take note that no page shows by its length that it is the last."""
        self._ends.clear()

    @property
    def is_one_page(self) -> bool:
        """Tell whether one answer showed all rows: then there is no order to keep."""
        return (
            max((page_span.rows for page_span in self._page_spans), default=0)
            >= len(self._places) + self.unreadable
        )

    def in_order_of_list(self) -> tuple[Call, ...]:
        """Give each call once, in the order of the list as far as pages show it."""
        pages = sorted((page_span.offset, page) for page, page_span in enumerate(self._page_spans))
        return tuple({call.call_sid: call for _, page in pages for call in self._of(page)}.values())

    def places(self) -> dict[str, int]:
        """Give the calls in the order of the list, each with its number.

        Those that came between others meanwhile are left out, and those that the list holds twice.
        """
        places: dict[str, int] = {}
        pages = sorted(
            (page_span.offset, page) for page, page_span in enumerate(self._page_spans) if page_span.rows
        )
        for _, page in pages:
            call_sids = [call.call_sid for call in self._of(page)]
            if known := places.keys() & call_sids:
                last = max(index for index, call_sid in enumerate(call_sids) if call_sid in known)
                del call_sids[: last + 1]
            places.update(zip(call_sids, range(len(places), len(places) + len(call_sids)), strict=True))
        for call_sid in self._doubled:
            places.pop(call_sid, None)
        return places

    def are_joined(self, page: int, other: int) -> bool:
        """Tell whether no call can hide between two pages that are neighbours."""
        if self.is_by_start:
            joined = self.start_order.are_joined(page, other)
            return self._are_tied(page, other) if joined is None else joined
        return self._root(page) == self._root(other)

    def _are_tied(self, page: int, other: int) -> bool:
        """Tell whether two pages share calls of the moment that both touch, and such calls keep places."""
        do_hold = self._steady_ties >= _LEAST_RUN or not self.start_order.has_ties
        return do_hold and not self.do_ties_move and self._root(page) == self._root(other)

    def add(self, page: Page, offset: int, limit: int) -> int:
        """Take in a page; give the number of calls that were not seen before."""
        number, start = len(self._page_spans), len(self._rows)
        call_sids = [call.call_sid for call in page.calls]
        places = dict(zip(call_sids, range(start, start + len(call_sids)), strict=True))
        if len(places) < len(call_sids):
            self._doubled |= {call_sid for call_sid, rows in Counter(call_sids).items() if rows > 1}
        shared = self._places.keys() & places.keys()
        new = len(places) - len(shared)
        if page.unreadable:
            self.unreadable += self._new_unreadable(page, offset, shared)
        self._page_spans.append(PageSpan(offset, limit, page.rows))
        self._starts.append(start)
        self._parents.append(number)
        self._rows += page.calls
        self._shared += len(shared)
        self.start_order.add(number, offset, page.calls, len(places))
        telling = shared - self._doubled or shared  # what the list holds twice says little of its order
        self._shifts.append(self._shifts[-1] if self._shifts else 0)
        for earlier, unsorted in self._by_page(telling, places).items():
            self._shifts[number] = self._shift(earlier, number, unsorted[0])
            if not self._are_near(earlier, number):
                self._far[offset > self._page_spans[earlier].offset] += len(unsorted)
            pairs = sorted(unsorted)
            strays = set(_out_of_order(pairs))
            astray = [self._rows[place].call_sid for place in strays]
            others = frozenset(astray) if len(astray) == len(pairs) else frozenset[str]()
            self._stray |= {call_sid: (earlier, others - {call_sid}) for call_sid in astray}
            kept = [pair for pair in pairs if pair[1] not in strays]
            if self._steady_ties < _LEAST_RUN:
                self._steady_ties += self._ties(kept)
            if self._are_near(earlier, number) and any(
                self._overlap(earlier, number, run)
                for run in ([kept] if kept else [[pair] for pair in pairs])
            ):
                self._parents[self._root(earlier)] = self._root(number)
        self._places.update(places)
        return new

    def _shift(self, earlier: int, number: int, places: tuple[int, int]) -> int:
        """Give by how many rows the list had shifted, by where a call stood in two pages."""
        before, now = (
            self._page_spans[page].offset + place - self._starts[page]
            for page, place in zip((earlier, number), places, strict=True)
        )
        return now - before + self._shifts[earlier]

    def _are_near(self, page: int, other: int) -> bool:
        one, two = self._page_spans[page], self._page_spans[other]
        return abs(one.offset - two.offset) <= _NEAR * max(one.rows, two.rows)

    def _ties(self, pairs: Iterable[tuple[int, int]]) -> int:
        """Give how many neighbours among these rows started at the same moment."""
        starts = [self._rows[place].start_time for _, place in pairs]
        return sum(before == after is not None for before, after in pairwise(starts))

    def end_at(self, page: int) -> None:
        """Take note that a page reached the end of the list; -1 is the one that came last."""
        self._ends.add(page % len(self._page_spans))

    def suspects(self, *, adds_up: bool) -> Mapping[str, PageSpan]:
        """Give the calls of a few pages that the list may hold twice, each with the page that can show it.

        That is the first one that had it; or one that begins with it, and reaches to where it was seen too.
        """
        strays = self._strays()
        if adds_up and not strays:
            return {}
        found = self._seen_elsewhere()
        if strays:
            found = {
                call_sid: found.get(call_sid, self._page_spans[page]) for call_sid, page in strays.items()
            }
        return found if len(set(found.values())) <= _MOST_SUSPECTS else {}

    def confirm(self, suspects: Iterable[str], page_span: PageSpan) -> None:
        """Take those suspects for doubled that the page which came last shows where they were first.

        A call that only moved is gone from there. The rest of the page must be as it was, or it is chance.
        A page that was to show a call twice has been taken in, and needs no more.
        """
        if page_span not in self._page_spans[:-1]:
            return
        first, again = (
            [call.call_sid for call in self._of(page)] for page in (self._page_spans.index(page_span), -1)
        )
        common = set(first) & set(again)
        is_same_run = [sid for sid in first if sid in common] == [sid for sid in again if sid in common]
        if is_same_run and len(common) >= max(_LEAST_RUN, 0.75 * len(set(first))):
            self._doubled |= common.intersection(suspects)

    def _strays(self) -> dict[str, int]:
        """Give the calls that changed place, each with the first page of two that show it.

        They aren't in the list twice, nor does each of those that may have moved in their place stand twice.
        """
        return {
            call_sid: page
            for call_sid, (page, others) in self._stray.items()
            if call_sid not in self._doubled and not (others and others <= self._doubled)
        }

    def _of(self, page: int) -> list[Call]:
        """Give the readable rows of a page."""
        bounds = [*self._starts, len(self._rows)]
        return self._rows[bounds[page % len(self._page_spans)] : bounds[page % len(self._page_spans) + 1]]

    @property
    def doubled(self) -> Set[str]:
        """Give the calls that the list holds more than once."""
        return self._doubled

    @property
    def copies(self) -> int:
        """Give how many rows repeat a call, by the places at which doubled calls stand in the list."""
        if not self._doubled:
            return 0
        places = {
            (call.call_sid, page_span.offset + index)
            for page, page_span in enumerate(self._page_spans)
            for index, call in enumerate(self._of(page))
            if call.call_sid in self._doubled
        }
        return len(places) - len(self._doubled)

    def _seen_elsewhere(self) -> dict[str, PageSpan]:
        """Give the calls that were seen at two places of the list, each with the page that can show that.

        What can't be read has no index, so that a call may seem to be farther ahead than it is.
        """
        first: dict[str, tuple[PageSpan, int]] = {}
        found: dict[str, PageSpan] = {}
        for page, page_span in enumerate(self._page_spans):
            for place, call in enumerate(self._of(page), page_span.offset):
                earlier, before = first.setdefault(call.call_sid, (page_span, place))
                apart = abs(place - before)
                if apart <= self.unreadable or call.call_sid in self._doubled:
                    continue
                start = min(place, before)
                is_near = apart < earlier.rows  # the list may have shifted by so many rows
                found[call.call_sid] = PageSpan(start, earlier.limit, 0) if is_near else earlier
        return found

    def _new_unreadable(self, page: Page, offset: int, shared: Set[str]) -> int:
        """Give how many rows that can't be read no page had before, as far as offsets tell."""
        rows = set(range(offset, offset + page.rows))
        spans = {
            number: rows.intersection(range(each.offset, each.end))
            for number, each in enumerate(self._page_spans)
        }
        covered = set().union(*spans.values())
        known = sum(
            bool(spans[bisect_right(self._starts, self._places[call_sid]) - 1]) for call_sid in shared
        )
        if known > len(covered) and len(shared) == len(page.calls):
            return 0  # it isn't the page that was asked for, but one that was seen
        return page.unreadable - min(page.unreadable, max(0, len(covered) - known))

    def _overlap(self, page: int, other: int, pairs: list[tuple[int, int]]) -> bool:
        """Tell whether two pages share an end of each, rather than a call that the list holds twice.

        Where they do, what only one of them has at either end of what they share has come or gone meanwhile.
        """
        heads, tails = [], []
        for number, row in ((page, 0), (other, 1)):
            rows, start = self._of(number), self._starts[number]
            head = pairs[0][row] - start
            while head and rows[head - 1].call_sid == rows[head].call_sid:
                head -= 1  # the place of a call that comes twice is its last
            heads.append(head)
            tails.append(start + len(rows) - 1 - pairs[-1][row])
        first, second = self._page_spans[page], self._page_spans[other]
        ahead, behind = (0, 1) if first.offset < second.offset else (1, 0)
        if 2 * abs(first.offset - second.offset) > (first, second)[ahead].rows:
            return tails[ahead] + heads[behind] < len(pairs)
        return min(heads) + min(tails) < len(pairs)

    def _by_page(self, shared: Iterable[str], places: dict[str, int]) -> dict[int, list[tuple[int, int]]]:
        """Give by earlier page the places of shared calls, each as the one before and the one now."""
        pairs: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for call_sid in shared:
            before = self._places[call_sid]
            pairs[bisect_right(self._starts, before) - 1].append((before, places[call_sid]))
        return pairs

    def _root(self, page: int) -> int:
        while self._parents[page] != page:
            self._parents[page] = self._parents[self._parents[page]]
            page = self._parents[page]
        return page


def moved(before: Mapping[str, int], now: Mapping[str, int]) -> int:
    """Return how many of the calls that two listings share changed places, at the least."""
    places = [place for place in map(before.get, now) if place is not None]  # both are in the order of places
    if places == sorted(places):
        return 0
    return len(_out_of_order([*enumerate(places)]))


def _out_of_order(pairs: list[tuple[int, int]]) -> list[int]:
    """Give the places now of calls that changed their order: as few as can be, all where none says which.

    The pairs are sorted by the place before.
    """
    if all(first < second for (_, first), (_, second) in pairwise(pairs)):
        return []
    ends: list[int] = []  # the least last place of a rising run of each length
    lengths = []
    for _, place in pairs:
        length = bisect_left(ends, place)
        ends[length : length + 1] = [place]
        lengths.append(length)
    kept, wanted = set[int](), len(ends) - 1
    if wanted:
        limit = float("inf")
        for (_, place), length in zip(reversed(pairs), reversed(lengths), strict=True):
            if length == wanted and place < limit:
                kept.add(place)
                limit, wanted = place, wanted - 1
    return [place for _, place in pairs if place not in kept]
