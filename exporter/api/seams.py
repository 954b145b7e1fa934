"""What pages of a moving list prove together.

A list whose surviving rows keep their relative order may gain and lose calls while it is paged. Each page
is a run of it without holes. Two pages that share a call are *sealed*: no call that was alive throughout can
hide between them. So when sealed pages lead from the start of the list to its end, none is missing, whenever
each page was read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, pairwise

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
        self.calls: dict[str, Call] = {}
        """By call_sid; of a call that came twice the row that came later."""
        self.unreadable = 0
        self.in_order = True
        """No two pages showed two calls in different orders."""
        self._sights: list[Sight] = []
        self._positions: list[dict[str, int]] = []  # for each page, where in it a call stands
        self._first_page: dict[str, int] = {}  # for each call, the page that showed it first
        self._parents: list[int] = []  # a forest over the pages: two with the same root are sealed
        self._totals: list[int] = []

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
    def unseen(self) -> int:
        """Give how many calls the API reports beyond those listed."""
        return max(0, (self.total or 0) - len(self.calls) - self.unreadable)

    @property
    def adds_up(self) -> bool:
        """Tell whether there are as many calls as were told, unless the totals say that the list moved."""
        if len(set(self._totals)) != 1:
            return True
        return len(self.calls) + self.unreadable >= self._totals[0]

    @property
    def gaps(self) -> list[int]:
        """Give the offsets at which a page isn't sealed to the one before it."""
        seen = sorted((sight.offset, page) for page, sight in enumerate(self._sights) if sight.rows)
        return [
            offset for (_, before), (offset, page) in pairwise(seen) if self._root(before) != self._root(page)
        ]

    def add(self, page: Page, offset: int, *, is_last: bool) -> int:
        """Take in a page; give the number of calls that were not seen before."""
        number = len(self._sights)
        positions = dict(zip((call.call_sid for call in page.calls), count()))
        self._sights.append(Sight(offset, page.rows, is_last))
        self._positions.append(positions)
        self._parents.append(number)
        for earlier, shared in self._shared_with(positions):
            self._parents[self._root(earlier)] = self._root(number)
            self._check_order(self._positions[earlier], positions, shared)
        new = positions.keys() - self._first_page.keys()
        self._first_page.update(dict.fromkeys(new, number))
        self.calls.update((call.call_sid, call) for call in page.calls)
        self.unreadable += page.unreadable
        if page.total is not None:
            self._totals.append(page.total)
        return len(new)

    def _shared_with(self, positions: dict[str, int]) -> Iterator[tuple[int, list[str]]]:
        """Give the earlier pages that showed calls of this one, each with those calls."""
        by_page: defaultdict[int, list[str]] = defaultdict(list)
        for call_sid in self._first_page.keys() & positions.keys():
            by_page[self._first_page[call_sid]].append(call_sid)
        yield from by_page.items()

    def _check_order(self, earlier: dict[str, int], later: dict[str, int], shared: Iterable[str]) -> None:
        places = sorted((earlier[call_sid], later[call_sid]) for call_sid in shared)
        if any(first > second for (_, first), (_, second) in pairwise(places)):
            self.in_order = False

    def _root(self, page: int) -> int:
        while self._parents[page] != page:
            self._parents[page] = self._parents[self._parents[page]]
            page = self._parents[page]
        return page
