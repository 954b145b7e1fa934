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
from random import Random

from exporter.collect.tallies import KNOWN_PAIRS, Pair, pair_of
from exporter.config import CollectionConfig
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.errors import Cause, Failure, Reason
from exporter.exotel.listing.lister import Listing, ListingFailed
from exporter.exotel.listing.pages import FetchPages
from exporter.exotel.listing.sampling import sample_pages
from exporter.exotel.models import Call

LEAST_PAGES = 3
"""Of fewer, nothing says how much they differ."""

_CONTRADICTED = {Cause.TOTAL, Cause.WINDOW}
"""Where what was read isn't like the rest of the total: the two contradict, or an end of the list is shut."""
_RUNS = 10  # at least, of calls that were listed side by side: a short list has few pages
_PATIENCE = 2  # listings in a row that are cut off, before a sample is read

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
    """Estimate the calls of each direction and status; return nothing where the pages are too few.

    `ends` are calls that a sample always holds, and which stand for themselves; the pages stand for the rest
    of the total. A pair that was seen nowhere is told only if it is one of those that always are.
    """
    known = {call.call_sid: call for call in ends}
    counts = _counts(pages, known)
    if len(counts) < LEAST_PAGES:
        return ()
    rest = max(0, total - len(known))
    unread = max(0.0, 1 - _calls(counts) / rest) if rest else 0.0
    return _estimates(_Spread(counts, rest, unread), Counter(map(pair_of, known.values())))


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
    pairs = sorted({*KNOWN_PAIRS, *known, *spread.seen})
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


def _counts(pages: Iterable[Iterable[Call]], known: Mapping[str, Call]) -> list[Counter[Pair]]:
    """Return for each page the calls that none before had, where there are any: a list moves meanwhile."""
    seen, counts = set(known), []
    for page in pages:
        new = {call.call_sid: call for call in page if call.call_sid not in seen}
        seen.update(new)
        if new:
            counts.append(Counter(map(pair_of, new.values())))
    return counts


def _calls(counts: Iterable[Counter[Pair]]) -> int:
    return sum(page.total() for page in counts)


def _student(freedom: int) -> float:
    return _STUDENT[freedom - 1] if freedom <= len(_STUDENT) else 1.96 + 2.5 / freedom


class Estimator:
    """Estimates the calls of an account that are not listed whole, if that is configured.

    - A listing that was read from end to end, and only not proven whole, is the best sample there could be.
    - A list that is too long for the budget is sampled each time, beside the page that shows its length.
    - One that is cut off time and again is listed every second time, and sampled in between. Only a listing
      with all of the time, and all requests, can see when it is whole again; a sample beside it would make
      sure that it isn't.
    """

    def __init__(self, config: CollectionConfig) -> None:
        self._is_on = config.estimate
        self._page_size = config.page_size  # rows that the server serves with a page, as it last showed
        self._random = Random()  # noqa: S311  # it chooses pages, it guards nothing
        self._cut_off = 0  # listings in a row, less the samples between them

    def takes_turn(self) -> Failure | None:
        """Return why a sample is to be read in place of a listing, if it is."""
        if not self._is_on or self._cut_off < _PATIENCE:
            return None
        self._cut_off -= 1
        detail = (
            f"the last {_PATIENCE} listings were cut off: pages spread evenly over the list are read instead"
        )
        return Failure(Reason.INCOMPLETE, detail, Cause.TIME)

    def of_listing(self, listing: Listing) -> tuple[Estimate, ...]:
        """Return what a listing tells that ended, but isn't whole."""
        self._page_size, self._cut_off = listing.page_size, 0
        is_sample = listing.incomplete_reason is not None and listing.cause not in _CONTRADICTED
        if not self._is_on or not is_sample or listing.total is None:
            return ()
        calls = [*listing.calls]
        rows = max(1, min(listing.page_size, len(calls) // _RUNS))
        pages = [calls[start : start + rows] for start in range(0, len(calls), rows)]
        return estimate_unproven(pages, listing.total)

    def wants_sample(self, failed: ListingFailed, *, was_begun: bool) -> bool:
        """Return whether a list that can't be had is to be sampled, with what its listing left of requests.

        That is nothing where the next listing can have enough by waiting. One that wasn't begun shows nothing
        of how it would end.
        """
        self._page_size = failed.page_size
        if was_begun:
            was_cut_off = failed.total is not None and failed.error.reason in {Reason.TIMEOUT, Reason.BUDGET}
            self._cut_off = self._cut_off + 1 if was_cut_off else 0
        return self._is_on and failed.error.reason is Reason.BUDGET

    def sample(self, fetch: FetchPages, most_requests: int) -> tuple[int, tuple[Estimate, ...]] | None:
        """Return total and estimate from pages spread evenly over the list; None where they are too few.

        The estimate is empty where pages and total contradict. Raises ApiError.
        """
        if most_requests < LEAST_PAGES + 2:  # both ends are read besides
            return None
        sample = sample_pages(fetch, self._page_size, most_requests, self._random)
        if sample is None:
            return None
        return sample.total, estimate_calls(sample.pages, sample.total, sample.ends)
