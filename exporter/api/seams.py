"""What pages of a moving list prove together.

A list whose surviving rows keep their relative order may gain and lose calls while it is paged. Each page
is a run of it without holes. Two pages that share a call are *sealed*: no call that was alive throughout can
hide between them. So when sealed pages lead from the start of the list to its end, none is missing, whenever
each page was read.

Rows, calls and rows that can't be read are three numbers: a list may hold a call twice.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from itertools import pairwise

from exporter.api.answers import Page
from exporter.api.rows import Call

_MOST_SUSPECTS = 3
"""Pages that are looked at again; where calls of more than these changed place, the list has no order."""
_UNTOLD = 4
"""Calls a page that are assumed to come, at most, while as many end, so that the totals don't tell."""
_LEAST_RUN = 5
"""Rows that come in the same order again by no chance."""


@dataclass(frozen=True, slots=True)
class Sight:
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

    def __init__(self) -> None:
        self.unreadable = 0
        """Rows that could not be read."""
        self._sights: list[Sight] = []
        self._ends: set[int] = set()  # the pages that reached the end of the list
        self._rows: list[Call] = []  # of all pages, one behind the other
        self._starts: list[int] = []  # for each page, where its rows start there
        self._places: dict[str, int] = {}  # for each call, where its newest row stands there
        self._parents: list[int] = []  # a forest over the pages: two with the same root are sealed
        self._totals: list[int] = []
        self._doubled: set[str] = set()  # calls that the list holds more than once
        self._strays: dict[str, int] = {}  # calls that two pages show out of order, and the first of these

    @property
    def calls(self) -> tuple[Call, ...]:
        """Give each call once, by its newest row."""
        return tuple([self._rows[place] for place in self._places.values()])

    @property
    def total(self) -> int | None:
        """Give the total that was told last, if ever."""
        return self._totals[-1] if self._totals else None

    @property
    def farthest(self) -> Sight | None:
        """Give the page with the last row that was seen."""
        return max((sight for sight in self._sights if sight.rows), key=lambda sight: sight.end, default=None)

    @property
    def end(self) -> int:
        """Give the offset behind the last row that was seen."""
        return self.farthest.end if self.farthest else 0

    @property
    def complete(self) -> bool:
        """Tell whether no call that was alive throughout can be missing."""
        return self.in_order and self.closed and self.adds_up

    @property
    def in_order(self) -> bool:
        """Tell whether no two pages showed calls in different orders that the list doesn't hold twice."""
        return self._strays.keys() <= self._doubled

    @property
    def closed(self) -> bool:
        """Tell whether sealed pages lead from the start of the list to its end."""
        starts = {self._root(page) for page, sight in enumerate(self._sights) if sight.offset == 0}
        return any(self._root(page) in starts for page in self._ends)

    @property
    def reached_end(self) -> bool:
        """Tell whether a page with rows reached the end of the list."""
        return any(self._sights[page].rows for page in self._ends)

    def ended_before(self, offset: int) -> bool:
        """Tell whether the list ended there, when a page reached its end or by what it reported."""
        by_total = self.total is not None and self.total <= offset
        return by_total or any(self._sights[page].end <= offset for page in self._ends)

    @property
    def unseen(self) -> int | None:
        """Give how many rows the API reports beyond those listed, if it reports any number."""
        if self.total is None:
            return None
        return max(0, self.total - len(self._places) - self.unreadable - self._copies())

    @property
    def adds_up(self) -> bool:
        """Tell whether there are as many rows as were told, but for as many as may have come meanwhile.

        That is none where all totals are the same: the list stood still.
        """
        if self.is_still is not False:
            return not self.unseen
        moved = sum(abs(later - earlier) for earlier, later in pairwise(self._totals))
        return (self.unseen or 0) <= moved + _UNTOLD * len(self._sights)

    @property
    def is_still(self) -> bool | None:
        """Tell whether every page told the same total; None where none told any."""
        return len(set(self._totals)) == 1 if self._totals else None

    @property
    def gaps(self) -> list[int]:
        """Give the offsets at which a page isn't sealed to the one before it."""
        seen = sorted((sight.offset, page) for page, sight in enumerate(self._sights) if sight.rows)
        return [
            offset for (_, before), (offset, page) in pairwise(seen) if self._root(before) != self._root(page)
        ]

    @property
    def pages(self) -> int:
        """Give how many pages were taken in; they are numbered from 0."""
        return len(self._sights)

    def are_sealed(self, page: int, other: int) -> bool:
        """Tell whether two pages are sealed to one another, directly or through others."""
        return self._root(page) == self._root(other)

    def add(self, page: Page, offset: int, limit: int) -> int:
        """Take in a page; give the number of calls that were not seen before."""
        number, start = len(self._sights), len(self._rows)
        call_sids = [call.call_sid for call in page.calls]
        places = dict(zip(call_sids, range(start, start + len(call_sids)), strict=True))
        if len(places) < len(call_sids):
            self._doubled |= {call_sid for call_sid, rows in Counter(call_sids).items() if rows > 1}
        shared = self._places.keys() & places.keys()
        new = len(places) - len(shared)
        if page.unreadable:
            self.unreadable += self._new_unreadable(page, offset, shared)
        self._sights.append(Sight(offset, limit, page.rows))
        self._starts.append(start)
        self._parents.append(number)
        self._rows += page.calls
        for earlier, unsorted in self._by_page(shared, places).items():
            pairs = sorted(unsorted)
            strays = set(_out_of_order(pairs))
            self._strays |= {self._rows[place].call_sid: earlier for place in strays}
            kept = [pair for pair in pairs if pair[1] not in strays]
            if any(
                self._overlap(earlier, number, run)
                for run in ([kept] if kept else [[pair] for pair in pairs])
            ):
                self._parents[self._root(earlier)] = self._root(number)
        self._places.update(places)
        if page.total is not None:
            self._totals.append(page.total)
        return new

    def end_here(self) -> None:
        """Take note that the page that came last reached the end of the list."""
        self._ends.add(len(self._sights) - 1)

    def suspects(self) -> Mapping[str, Sight]:
        """Give the calls of a few pages that the list may hold twice, each with its first page."""
        found = {call_sid: page for call_sid, page in self._strays.items() if call_sid not in self._doubled}
        if not found and not self.adds_up:
            found = self._seen_elsewhere()
        if len(set(found.values())) > _MOST_SUSPECTS:
            return {}
        return {call_sid: self._sights[page] for call_sid, page in found.items()}

    def confirm(self, suspects: Iterable[str], sight: Sight) -> None:
        """Take those suspects for doubled that the page which came last shows where they were first.

        A call that only moved is gone from there. The rest of the page must be as it was, or it is chance.
        """
        first, again = (
            [call.call_sid for call in self._of(page)] for page in (self._sights.index(sight), -1)
        )
        common = set(first) & set(again)
        is_same_run = [sid for sid in first if sid in common] == [sid for sid in again if sid in common]
        if is_same_run and len(common) >= max(_LEAST_RUN, 0.75 * len(set(first))):
            self._doubled |= common.intersection(suspects)

    def _of(self, page: int) -> list[Call]:
        """Give the readable rows of a page."""
        bounds = [*self._starts, len(self._rows)]
        return self._rows[bounds[page % len(self._sights)] : bounds[page % len(self._sights) + 1]]

    def _copies(self) -> int:
        """Give how many rows repeat a call, by the places at which doubled calls stand in the list."""
        if not self._doubled:
            return 0
        places = {
            (call.call_sid, sight.offset + index)
            for page, sight in enumerate(self._sights)
            for index, call in enumerate(self._of(page))
            if call.call_sid in self._doubled
        }
        return len(places) - len(self._doubled)

    def _seen_elsewhere(self) -> dict[str, int]:
        """Give the calls that were seen at two places of the list, each with the first of these pages.

        What can't be read has no index, so that a call may seem to be farther ahead than it is.
        """
        first: dict[str, tuple[int, int]] = {}
        found: dict[str, int] = {}
        for page, sight in enumerate(self._sights):
            for place, call in enumerate(self._of(page), sight.offset):
                earlier, before = first.setdefault(call.call_sid, (page, place))
                if abs(place - before) > self.unreadable and call.call_sid not in self._doubled:
                    found[call.call_sid] = earlier
        return found

    def _new_unreadable(self, page: Page, offset: int, shared: Set[str]) -> int:
        """Give how many rows that can't be read no page had before, as far as offsets tell."""
        rows = set(range(offset, offset + page.rows))
        spans = {
            number: rows.intersection(range(each.offset, each.end))
            for number, each in enumerate(self._sights)
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
        first, second = self._sights[page], self._sights[other]
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
