"""What the API reports, against what was seen: as far as the totals of a moving list can be believed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from statistics import median

from exporter.exotel.listing.paging import Ask
from exporter.exotel.models import Call

_YOUNG = 10.0  # seconds
_ENOUGH = 4  # pages
_PART = 0.04  # of the calls: a server has more of them
_RARE = 0.3  # of the pages
_UNTOLD = 4
"""Calls a page that are assumed to come, at most, while as many end, where nothing tells how many come."""
_FEW = 0.02  # of the calls, which these are at most


class Sums:
    """The totals that the pages of a listing told; `elapsed` gives the seconds since it began."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._totals: list[int] = []
        self._asks: list[Ask] = []  # what each was told with

    @property
    def elapsed(self) -> float:
        """Give the seconds since the listing began."""
        return self._elapsed()

    @property
    def last(self) -> int | None:
        """Give the total that was told last, if any was."""
        return self._totals[-1] if self._totals else None

    @property
    def are_equal(self) -> bool | None:
        """Tell whether all totals are the same; None where none was told."""
        return len(set(self._totals)) == 1 if self._totals else None

    def add(self, total: int | None, ask: Ask) -> None:
        """Take in what a page told, if it told any."""
        if total is not None:
            self._totals.append(total)
            self._asks.append(ask)

    def partial(self) -> list[Ask]:
        """Return the pages that told far fewer calls than others did: those of some of the servers alone.

        There are none among few pages, nor where many differ, nor in a list that goes on to shrink.
        """
        if len(self._totals) < _ENOUGH:
            return []
        middle = median(self._totals)
        least = middle - max(_PART * middle, 4 * self._spread)
        found = [ask for ask, total in zip(self._asks, self._totals, strict=True) if total < least]
        return found if len(found) <= _RARE * len(self._totals) and self._totals[-1] >= least else []

    def forget(self, asks: Iterable[Ask]) -> None:
        """Forget what these pages told."""
        forgotten, told = set(asks), list(zip(self._asks, self._totals, strict=True))
        self._asks = [ask for ask, _ in told if ask not in forgotten]
        self._totals = [total for ask, total in told if ask not in forgotten]

    @property
    def _spread(self) -> float:
        middle = median(self._totals)
        return median(abs(total - middle) for total in self._totals)

    def missing(self, seen: int) -> int | None:
        """Return how many calls are reported beyond those seen, by the middle of the totals."""
        return max(0, math.ceil(median(self._totals)) - seen) if self._totals else None

    def adds_up(self, seen: int, calls: Callable[[], Iterable[Call]]) -> bool:
        """Tell whether as many were seen as are reported, but for those that may have come behind the reader.

        How many come shows in the durations of the calls; where these say nothing, in totals that differ.
        """
        missing = self.missing(seen)
        return not missing or missing <= self._room(calls())

    def _room(self, calls: Iterable[Call]) -> float:
        rate = self.rate(calls)
        if rate is not None:
            chance = math.sqrt(2 * rate * self.elapsed)  # else as many end as come
            return 3 * chance + 3 * self._spread
        if self.are_equal:
            return 0.0
        moved = max(self._totals) - min(self._totals)
        return moved + min(_UNTOLD * len(self._totals), _FEW * self._totals[-1])

    def rate(self, calls: Iterable[Call]) -> float | None:
        """Return how many calls come in a second, by how many are young; None where no duration is told."""
        durations = [call.duration for call in calls if not (call.status and call.status.is_over)]
        known = [duration for duration in durations if duration is not None]
        if not known:
            return None
        return sum(duration < _YOUNG for duration in known) / _YOUNG
