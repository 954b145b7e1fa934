"""What pages of a moving list prove together.

A list whose surviving rows keep their relative order may gain and lose calls while it is paged. Each page
is a run of it without holes. Two pages that share a call are *sealed*: no call that was alive throughout can
hide between them. So when sealed pages lead from the start of the list to its end, none is missing, whenever
each page was read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from exporter.api.answers import Page
from exporter.api.rows import Call


@dataclass(frozen=True, slots=True)
class Sight:
    """A page as it was seen: where it began, how many rows it had, whether it reached the end of the list."""

    offset: int
    rows: int
    is_last: bool


class Seams:
    """The union of all pages, and which of them are sealed to one another."""

    def __init__(self) -> None:
        self.unreadable = 0
        """Rows that could not be read."""
        self.in_order = True
        """No two pages showed two calls in different orders."""
        self._sights: list[Sight] = []
        self._rows: list[Call] = []  # of all pages, one behind the other
        self._starts: list[int] = []  # for each page, where its rows start there
        self._places: dict[str, int] = {}  # for each call, where its newest row stands there
        self._parents: list[int] = []  # a forest over the pages: two with the same root are sealed
        self._totals: list[int] = []

    @property
    def calls(self) -> tuple[Call, ...]:
        """Give each call once, by its newest row."""
        return tuple([self._rows[place] for place in self._places.values()])

    @property
    def total(self) -> int | None:
        """Give the total that was told last, if ever."""
        return self._totals[-1] if self._totals else None

    @property
    def end(self) -> int:
        """Give the offset behind the last row that was seen."""
        return max((sight.offset + sight.rows for sight in self._sights if sight.rows), default=0)

    @property
    def complete(self) -> bool:
        """Tell whether no call that was alive throughout can be missing."""
        return self.in_order and self.closed and self.adds_up

    @property
    def closed(self) -> bool:
        """Tell whether sealed pages lead from the start of the list to its end."""
        starts = {self._root(page) for page, sight in enumerate(self._sights) if sight.offset == 0}
        return any(sight.is_last and self._root(page) in starts for page, sight in enumerate(self._sights))

    @property
    def reached_end(self) -> bool:
        """Tell whether a page with rows reached the end of the list."""
        return any(sight.is_last and sight.rows for sight in self._sights)

    @property
    def unseen(self) -> int | None:
        """Give how many calls the API reports beyond those listed, if it reports any number."""
        return None if self.total is None else max(0, self.total - len(self._places) - self.unreadable)

    @property
    def adds_up(self) -> bool:
        """Tell whether there are as many calls as were told, unless the totals say that the list moved."""
        if len(set(self._totals)) != 1:
            return True
        return len(self._places) + self.unreadable >= self._totals[0]

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

    def add(self, page: Page, offset: int, *, is_last: bool) -> int:
        """Take in a page; give the number of calls that were not seen before."""
        number, start = len(self._sights), len(self._rows)
        places = dict(
            zip([call.call_sid for call in page.calls], range(start, start + len(page.calls)), strict=True)
        )
        shared = self._places.keys() & places.keys()
        self._sights.append(Sight(offset, page.rows, is_last))
        self._starts.append(start)
        self._parents.append(number)
        for earlier, pairs in self._by_page(shared, places).items():
            self._parents[self._root(earlier)] = self._root(number)
            self.in_order &= all(first < second for (_, first), (_, second) in pairwise(sorted(pairs)))
        self._rows += page.calls
        self._places.update(places)
        new = len(places) - len(shared)
        if new or not page.calls:
            self.unreadable += page.unreadable  # of a page that came before they are known
        if page.total is not None:
            self._totals.append(page.total)
        return new

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
