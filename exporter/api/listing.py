"""The list of active calls, whole, from a list that moves while it is read.

It knows neither HTTP nor time: pages come from a function. `walk` asks for them, `seams` says what they prove
together.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from exporter.api.errors import ApiError, Cause
from exporter.api.paging import Paging
from exporter.api.rows import Call
from exporter.api.walk import DEFAULT_LIMIT, FetchPages, Walk

LEAST_OVERLAP, MOST_OVERLAP = 0.04, 0.25
"""The share of its rows that a page has in common with its neighbour."""


_HOUR = 3600.0  # seconds


class Order(StrEnum):
    """What orders the rows of a list: what the proof of a listing rests on."""

    START = "start"
    """By the calls' start times, which never change."""
    STABLE = "stable"
    """By something else; calls keep their places among one another."""
    MOVING = "moving"
    """Calls change their places."""
    NONE = "none"
    """Each answer has an order of its own."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What the pages held."""

    calls: tuple[Call, ...]
    unreadable: int
    """Rows that could not be read."""
    total: int | None
    """What the API reported last, if it did."""
    requests: int
    seams_mended: int
    """How many pages were asked for again because two neighbours shared no call."""
    page_size: int
    """Rows that the server serves with a page, as far as more than one page has shown it."""
    rounds_offsets: bool
    """Whether the server was seen to begin each page at a multiple of the limit."""
    unseen: int | None
    """Calls that the API reports beyond those listed; None where it reports no number."""
    doubt: str | None
    """Why a call that was alive throughout could be missing; None when none can."""
    cause: Cause | None
    """Whether that is the list's doing or the server's, where it shows."""
    order: Order | None = None
    """None where it doesn't show: a list of a page may be in any."""
    age: float = 0.0
    """How many seconds before it was read a page may have been true."""


class ListingFailed(Exception):
    """A page could not be had.

    `total` is what an earlier page reported, if any did; `needed` the requests that the listing takes, as far
    as it is known; `page_size` and `rounds_offsets` what was seen of the server, as in a listing; `listed`
    how many calls earlier pages showed, None where there was none.
    """

    def __init__(  # noqa: PLR0913  # each is a fact of its own
        self,
        error: ApiError,
        total: int | None,
        needed: int,
        page_size: int,
        *,
        rounds_offsets: bool,
        listed: int | None = None,
    ) -> None:
        super().__init__(error.detail)
        self.error = error
        self.total = total
        self.needed = needed
        self.page_size = page_size
        self.rounds_offsets = rounds_offsets
        self.listed = listed


def list_calls(
    fetch: FetchPages,
    page_size: int,
    most_requests: int = sys.maxsize,
    overlap: float = LEAST_OVERLAP,
    *,
    rounds_offsets: bool = False,
) -> Listing:
    """List every active call, or say why some could be missing.

    The first page teaches the total and the page size that the server really serves. The rest are asked for
    at once, each overlapping its neighbour by a share of its rows, the last one reaching beyond the total; if
    rows are there that the total knows nothing of, on to their end.
    Where two pages share no call, the seam between them is asked for again: at once, and if that isn't enough
    in a few rounds of rising width. A list that would take more than `most_requests` is not begun.

    Raises ListingFailed when a page can't be had.
    """
    limit = max(2, page_size)  # pages of one row could share none
    walk = Walk(fetch, Paging(limit, limit, overlap, rounds_offsets), most_requests)
    try:
        walk.begin()
        walk.read_on()
        walk.repair()
        walk.excuse()
    except ApiError as error:
        raise ListingFailed(
            error,
            walk.seams.total,
            walk.needed,
            walk.page_size,
            rounds_offsets=walk.paging.rounds_offsets,
            listed=len(walk.seams.calls) if walk.seams.pages else None,
        ) from error
    return Listing(
        calls=walk.seams.calls,
        unreadable=walk.seams.unreadable,
        total=walk.seams.total,
        requests=walk.requests,
        seams_mended=walk.seams_mended,
        page_size=walk.page_size,
        rounds_offsets=walk.paging.rounds_offsets,
        unseen=walk.seams.unseen,
        doubt=walk.doubt(),
        cause=walk.cause(),
    )


class Lister:
    """Lists the calls of an account, and remembers what listings teach of the list and its server.

    `clock` gives seconds that never go back.
    """

    def __init__(self, page_size: int, clock: Callable[[], float]) -> None:
        self._configured_page_size = self._page_size = page_size
        self._clock = clock
        self._rounds_offsets = False
        self._learnt_until = 0.0  # when what was learnt of these is forgotten
        self._overlap = LEAST_OVERLAP

    def list(self, fetch: FetchPages, most_requests: int = sys.maxsize) -> Listing:
        """List every active call, or say why some could be missing.

        Raises ListingFailed when a page can't be had.
        """
        if self._clock() >= self._learnt_until:
            self._page_size, self._rounds_offsets = self._configured_page_size, False
        try:
            listing = list_calls(
                fetch, self._page_size, most_requests, self._overlap, rounds_offsets=self._rounds_offsets
            )
        except ListingFailed as failed:
            self._learn_paging(failed)
            raise
        self._learn_paging(listing)
        wider = self._overlap * 2 if listing.seams_mended else self._overlap * 0.8
        self._overlap = min(MOST_OVERLAP, max(LEAST_OVERLAP, wider))
        return listing

    def _learn_paging(self, seen: Listing | ListingFailed) -> None:
        """Begin the next listing as the server has it; what it refused or rounded it does each time."""
        page_size = max(DEFAULT_LIMIT, seen.page_size)
        if page_size < self._page_size or seen.rounds_offsets > self._rounds_offsets:
            self._page_size = min(self._page_size, page_size)
            self._rounds_offsets = seen.rounds_offsets
            self._learnt_until = self._clock() + _HOUR
