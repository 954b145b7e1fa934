"""What pages of a moving list prove together.

A list whose surviving rows keep their relative order may gain and lose calls while it is paged. Each page
is a run of it without holes. Two pages that share a call are *sealed*: no call that was alive throughout can
hide between them. So when all neighbours are sealed from the start of the list to its end, none is missing,
whenever each page was read. Where rows are sorted by start times, these prove it without that assumption.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise, takewhile

from exporter.exotel.listing.order import StartOrder, out_of_order
from exporter.exotel.listing.pages import Pages, PageSpan, SeenPage
from exporter.exotel.models import Page

_MOST_SUSPECTS = 3
"""Pages that are looked at again; where calls of more than these changed place, the list has no order."""
_NEAR = 3
"""Pages by which the list shifts, at most, between two that share calls: what is farther away has hopped."""
_LEAST_RUN = 5  # rows that come in the same order again by no chance
_MOST_MOVED = 0.3
"""The share of the rows which two pages have in common that changes place in a list that has an order."""


class Seams(Pages):
    """The union of all pages, and which of them are sealed to one another."""

    def __init__(self, *, was_unsorted: bool, ties_move: bool, duplicates: Iterable[str]) -> None:
        super().__init__(duplicates)
        self.start_order = StartOrder(was_unsorted=was_unsorted)
        self._ties_moved = ties_move
        self._steady_ties = 0  # neighbours of one start time that two pages show in the same order
        self._shared = 0  # rows that two pages have in common
        self._hopped: Counter[bool] = Counter()  # those too far apart for a shift, by its direction
        self._ends: set[int] = set()  # the pages that reached the end of the list
        self._out_of_order: dict[str, tuple[int, frozenset[str]]] = {}  # calls that two pages show so: the
        # first of these, and which others may have moved in its place

    @property
    def is_by_start(self) -> bool:
        """Return whether the rows are sorted by start times, so that these prove what is whole."""
        return self.start_order.is_shown

    @property
    def ties_move(self) -> bool:
        """Return whether calls that started at the same moment were seen to change places."""
        return self._ties_moved or (self.is_by_start and bool(self.moved()))

    @property
    def has_order(self) -> bool:
        """Return whether most of what two pages have in common comes in the same order in both."""
        if self.is_by_start:
            return not (self.ties_move and self.start_order.is_one_moment)
        hopped = 2 * min(self._hopped[True], self._hopped[False])
        return len(self.moved()) + hopped <= max(2, _MOST_MOVED * self._shared)

    @property
    def is_sealed(self) -> bool:
        """Return whether pages lead from the start of the list to its end, all neighbours joined."""
        if any(not self._pages[page].span.offset for page in self._ends):
            return True
        if self.is_by_start:
            return self.start_order.reaches_from_start(self._ends) and not self.gaps
        starts = {self._root(number) for number, page in enumerate(self._pages) if page.span.offset == 0}
        return any(self._root(page) in starts for page in self._ends) and not self.gaps

    @property
    def reached_end(self) -> bool:
        """Return whether a page with rows reached the end of the list."""
        return any(self._pages[page].span.rows for page in self._ends)

    @property
    def gaps(self) -> list[int]:
        """Return the pages that aren't joined to the one before."""
        if self.is_by_start:
            return self.start_order.gaps(self._ends, self._are_tied)
        return [
            page for before, page in pairwise(self._by_offset()) if self._root(before) != self._root(page)
        ]

    def mark_end(self, page: int = -1) -> None:
        """Take note that a page reached the end of the list: the one that came last, or a given one."""
        self._ends.add(page % len(self._pages))

    def forget_ends(self) -> None:
        """Take note that no page shows by its length that it is the last."""
        self._ends.clear()

    def located(self, page: int) -> int:
        """Return the offset that the start of a page has by now, as far as later pages show it."""
        span, shift = self._pages[page].span, self._pages[page].shift
        start = span.offset - shift
        latest = next(
            each
            for each in reversed(self._pages)
            if abs(each.span.offset - each.shift - start) <= 2 * span.rows
        )
        return max(0, start + latest.shift)

    def are_joined(self, page: int, other: int) -> bool:
        """Return whether no call can hide between two pages that are neighbours."""
        if self.is_by_start:
            joined = self.start_order.are_joined(page, other)
            return self._are_tied(page, other) if joined is None else joined
        return self._root(page) == self._root(other)

    def rows_to_join(self, page: int) -> int:
        """Return how many rows from the end of a page its neighbour has to share, so that they are joined.

        Where calls start at the same moment, these rows have to show another one as well.
        """
        if not (self.is_by_start and self.start_order.has_ties):
            return 1
        calls = self._pages[page].calls
        tied = takewhile(lambda call: call.start_time == calls[-1].start_time, reversed(calls))
        return 1 + sum(1 for _ in tied)

    def add(self, page: Page, offset: int, limit: int) -> int:
        """Take in a page; return the number of calls that were not seen before."""
        number, start = len(self._pages), len(self._rows)
        call_sids = [call.call_sid for call in page.calls]
        places = dict(zip(call_sids, range(start, start + len(call_sids)), strict=True))
        if len(places) < len(call_sids):
            self.duplicates |= {call_sid for call_sid, rows in Counter(call_sids).items() if rows > 1}
        shared = self._places.keys() & places.keys()
        new = len(places) - len(shared)
        if page.unreadable:
            self.unreadable += self._new_unreadable(page, offset, shared)
        shift = self._pages[-1].shift if self._pages else 0
        self._pages.append(SeenPage(PageSpan(offset, limit, page.rows), page.calls, shift, number))
        self._starts.append(start)
        self._rows += page.calls
        self._shared += len(shared)
        self.start_order.add(number, offset, page.calls, len(places))
        telling = shared - self.duplicates or shared  # what the list holds twice says little of its order
        for earlier, pairs in self._by_page(telling, places).items():
            self._compare(earlier, number, pairs)
        self._places.update(places)
        return new

    def _by_page(self, shared: Iterable[str], places: Mapping[str, int]) -> dict[int, list[tuple[int, int]]]:
        """Return by earlier page the places of shared calls, each as the one before and the one now.

        Both are in the order of places: what a list is asked for next depends on no hash of a call_sid.
        """
        pairs: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for before, now in sorted((self._places[call_sid], places[call_sid]) for call_sid in shared):
            pairs[bisect_right(self._starts, before) - 1].append((before, now))
        return pairs

    def _compare(self, earlier: int, number: int, pairs: list[tuple[int, int]]) -> None:
        """Learn from the calls that two pages share, of each of which the places are given."""
        one, two = self._pages[earlier], self._pages[number]
        before, now = pairs[0]
        apart = two.span.offset - one.span.offset
        two.shift = one.shift + apart + (now - self._starts[number]) - (before - self._starts[earlier])
        is_near = abs(apart) <= _NEAR * max(one.span.rows, two.span.rows)
        if not is_near:
            self._hopped[apart > 0] += len(pairs)
        moved = set(out_of_order(pairs))
        call_sids = [self._rows[place].call_sid for place in moved]
        others = frozenset(call_sids) if len(call_sids) == len(pairs) else frozenset[str]()
        self._out_of_order |= {call_sid: (earlier, others - {call_sid}) for call_sid in call_sids}
        kept = [pair for pair in pairs if pair[1] not in moved]
        if self._steady_ties < _LEAST_RUN:
            starts = [self._rows[place].start_time for _, place in kept]
            self._steady_ties += sum(first == second is not None for first, second in pairwise(starts))
        runs = [kept] if kept else [[pair] for pair in pairs]
        if is_near and any(self._share_an_end(earlier, number, run) for run in runs):
            self._pages[self._root(earlier)].parent = self._root(number)

    def _share_an_end(self, page: int, other: int, pairs: Sequence[tuple[int, int]]) -> bool:
        """Return whether two pages share an end of each, rather than a call that the list holds twice.

        Where they do, what only one of them has at either end of what they share has come or gone meanwhile.
        """
        heads, tails = [], []
        for number, row in ((page, 0), (other, 1)):
            calls, start = self._pages[number].calls, self._starts[number]
            head = pairs[0][row] - start
            while head and calls[head - 1].call_sid == calls[head].call_sid:
                head -= 1  # the place of a call that comes twice is its last
            heads.append(head)
            tails.append(start + len(calls) - 1 - pairs[-1][row])
        spans = self._pages[page].span, self._pages[other].span
        ahead = int(spans[0].offset >= spans[1].offset)
        if 2 * abs(spans[0].offset - spans[1].offset) > spans[ahead].rows:
            return tails[ahead] + heads[1 - ahead] < len(pairs)
        return min(heads) + min(tails) < len(pairs)

    def _are_tied(self, page: int, other: int) -> bool:
        """Return whether two pages share calls of the moment that both touch, and such calls keep places."""
        is_steady = self._steady_ties >= _LEAST_RUN or not self.start_order.has_ties
        return is_steady and not self.ties_move and self._root(page) == self._root(other)

    def _root(self, page: int) -> int:
        pages = self._pages
        while pages[page].parent != page:
            pages[page].parent = pages[pages[page].parent].parent
            page = pages[page].parent
        return page

    def suspects(self, *, matches_total: bool) -> Mapping[str, PageSpan]:
        """Return the calls of a few pages that the list may hold twice, each with the page that can show it.

        That is the first one that had it; or one that begins with it, and reaches to where it was seen too.
        """
        moved = self.moved()
        if matches_total and not moved:
            return {}
        found = self._seen_elsewhere()
        if moved:
            found = {
                call_sid: found.get(call_sid, self._pages[page].span) for call_sid, page in moved.items()
            }
        return found if len(set(found.values())) <= _MOST_SUSPECTS else {}

    def confirm(self, suspects: Iterable[str], span: PageSpan) -> None:
        """Take those suspects for duplicates that the page which came last shows where they were first.

        A call that only moved is gone from there. The rest of the page must be as it was, or it is chance.
        A page that was to show a call twice has been taken in, and needs no more.
        """
        earlier = next((page for page in self._pages[:-1] if page.span == span), None)
        if earlier is None:
            return
        first, again = ([call.call_sid for call in page.calls] for page in (earlier, self._pages[-1]))
        common = set(first) & set(again)
        is_same_run = [sid for sid in first if sid in common] == [sid for sid in again if sid in common]
        if is_same_run and len(common) >= max(_LEAST_RUN, 0.75 * len(set(first))):
            self.duplicates |= common.intersection(suspects)

    def moved(self) -> dict[str, int]:
        """Return the calls that two pages show in different orders, each with the first of the two.

        They aren't in the list twice, nor does each of those that may have moved in their place stand twice.
        """
        return {
            call_sid: page
            for call_sid, (page, others) in self._out_of_order.items()
            if call_sid not in self.duplicates and not (others and others <= self.duplicates)
        }
