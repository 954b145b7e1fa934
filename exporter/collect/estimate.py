"""How many calls there are of each direction and status, from some pages of a list that isn't read whole.

The pages are a sample of clusters: neighbours are alike, as in a list that is ordered by time. What the pages
hold is scaled up to the total that the API reports (a ratio estimate). How far that may be off is told by how
much pages differ from the next one that was read (successive differences): where a status gets rarer along
the list, that is no error of a sample which lies evenly over it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from exporter.collect.tallies import LISTED, Pair
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Call

LEAST_PAGES = 3
"""Of fewer, nothing says how much they differ."""

_UNSEEN = 2.0
"""Calls by which each figure may be off beyond what the pages show: of those that no page holds there may
still be some. Two make the interval of 95 % reach to three times a call's weight (the rule of three)."""
_STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""The quantiles of Student's t for an interval of 95 %, by degrees of freedom from 1 on."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The calls of one direction and status."""

    direction: Direction
    status: CallStatus
    calls: float
    error: float
    """Half the width of an interval that holds the true number in 95 % of cases."""


def estimate_calls(
    pages: Sequence[Sequence[Call]], total: int, ends: Iterable[Call] = ()
) -> tuple[Estimate, ...]:
    """Estimate the calls of each direction and status; give nothing where the pages are too few.

    `ends` are calls that a sample always holds, and which stand for themselves; the pages stand for the rest
    of the total. A pair that was seen nowhere is told only if it is one of those that always are.
    """
    known = _by_call([ends])
    counts = _counts(pages, known)
    if len(counts) < LEAST_PAGES:
        return ()
    rest = max(0, total - len(known))
    unread = max(0.0, 1 - _calls(counts) / rest) if rest else 0.0
    return _estimates(_Spread(counts, rest, unread), Counter(map(_pair, known.values())))


def estimate_unproven(pages: Sequence[Sequence[Call]], total: int) -> tuple[Estimate, ...]:
    """Estimate the calls from a list that was read from end to end, but moved too much to be proven whole.

    The pages are then all of those that chance might have shown, so that to have read them makes nothing more
    certain; and by as many as there are more calls than the total, or fewer, each figure may be off.
    """
    counts = _counts(pages, {})
    if len(counts) < LEAST_PAGES:
        return ()
    return _estimates(_Spread(counts, total, 1.0, abs(total - _calls(counts))), Counter())


def _estimates(spread: _Spread, known: Counter[Pair]) -> tuple[Estimate, ...]:
    pairs = sorted({*LISTED, *known, *spread.seen})
    return tuple(Estimate(*pair, known[pair] + spread.calls(pair), spread.error(pair)) for pair in pairs)


class _Spread:
    """What pages that lie evenly over a list of so many calls say of the whole of it.

    `unread` is the share of it that chance may fill, and `astray` how many calls it may be off by besides.
    """

    def __init__(self, counts: Sequence[Counter[Pair]], total: int, unread: float, astray: int = 0) -> None:
        self._counts = counts
        self._rows = [page.total() for page in counts]
        self._unread, self._astray = unread, astray
        self.seen: Counter[Pair] = sum(counts, Counter())
        self._weight = total / sum(self._rows)  # calls for which one that was read stands
        variances = {pair: (self._between_pages(pair), self._by_chance(pair)) for pair in self.seen}
        self._variance = {pair: max(both) for pair, both in variances.items()}
        by_chance = sum(chance for _, chance in variances.values())
        between = sum(pages for pages, _ in variances.values())
        self._likeness = max(1.0, between / by_chance) if by_chance else 1.0  # how much neighbours are alike

    def calls(self, pair: Pair) -> float:
        """Return how many calls of a pair there are in the list, most likely."""
        return self.seen[pair] * self._weight

    def error(self, pair: Pair) -> float:
        """Return half the width of the interval around that."""
        variance = self._variance.get(pair, 0.0) + _UNSEEN * self._likeness
        by_chance = _student(len(self._counts) - 1) * self._weight * math.sqrt(self._unread * variance)
        return math.hypot(by_chance, self._astray)

    def _share(self, pair: Pair) -> float:
        return self.seen[pair] / sum(self._rows)

    def _between_pages(self, pair: Pair) -> float:
        """Return the variance of the number that was read, by how much each page differs from the next."""
        share = self._share(pair)
        beyond = [page[pair] - share * rows for page, rows in zip(self._counts, self._rows, strict=True)]
        steps = sum((later - earlier) ** 2 for earlier, later in pairwise(beyond))
        return len(beyond) * steps / (2 * (len(beyond) - 1))

    def _by_chance(self, pair: Pair) -> float:
        """Return the variance that it would have if the rows had no order."""
        return self.seen[pair] * (1 - self._share(pair))


def _pair(call: Call) -> Pair:
    return call.direction or Direction.UNKNOWN, call.status or CallStatus.UNKNOWN


def _by_call(pages: Iterable[Iterable[Call]]) -> dict[str, Call]:
    return {call.call_sid: call for page in pages for call in page}


def _counts(pages: Iterable[Iterable[Call]], known: Mapping[str, Call]) -> list[Counter[Pair]]:
    """Return for each page the calls that none before had, where there are any: a list moves meanwhile."""
    seen, counts = set(known), []
    for page in pages:
        new = {call.call_sid: call for call in page if call.call_sid not in seen}
        seen.update(new)
        if new:
            counts.append(Counter(map(_pair, new.values())))
    return counts


def _calls(counts: Iterable[Counter[Pair]]) -> int:
    return sum(page.total() for page in counts)


def _student(freedom: int) -> float:
    return _STUDENT[freedom - 1] if freedom <= len(_STUDENT) else 1.96 + 2.5 / freedom
