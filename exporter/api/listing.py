"""The list of active calls, whole: every page, each call once.

It knows no HTTP: pages come from a function, requests run wherever `executor` runs them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from exporter.api.answers import Page
from exporter.api.errors import ApiError
from exporter.api.rows import Call

DEFAULT_LIMIT = 20  # rows the API serves when it isn't asked for a number

FetchPage = Callable[[int, int], Page]
"""Takes an offset and a limit, gives a page, or raises ApiError."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What the pages held: calls by their order, rows that could not be read, the total the API reported."""

    calls: tuple[Call, ...]
    unreadable: int
    total: int | None

    @property
    def unseen(self) -> int:
        """Give how many calls the API reports beyond those listed."""
        return max(0, (self.total or 0) - len(self.calls) - self.unreadable)


class ListingFailed(Exception):
    """A page could not be had; `total` is what an earlier page reported, if any did."""

    def __init__(self, error: ApiError, total: int | None) -> None:
        super().__init__(error.detail)
        self.error = error
        self.total = total


def list_calls(fetch: FetchPage, page_size: int, concurrency: int, executor: Executor) -> Listing:
    """List every active call, `concurrency` pages at a time.

    The first page teaches the page size that the server really serves; the rest follow until the reported
    total is reached, or a round of pages brings no new call.

    Raises ListingFailed.
    """
    union = _Union()
    try:
        first, limit = _first_page(fetch, page_size)
        step = offset = first.rows
        grew = union.add(first) > 0
        while grew and offset < union.end:
            offsets = range(offset, min(union.end, offset + concurrency * step), step)
            pages = executor.map(fetch, offsets, [limit] * len(offsets))
            grew = sum(map(union.add, pages)) > 0
            offset = offsets.stop
    except ApiError as error:
        raise ListingFailed(error, union.total) from error
    return Listing(tuple(union.calls.values()), union.unreadable, union.total)


def _first_page(fetch: FetchPage, page_size: int) -> tuple[Page, int]:
    """Give the first page and the limit to go on with: some servers refuse a limit that others would cut."""
    try:
        return fetch(0, page_size), page_size
    except ApiError as error:
        if error.status != 400 or page_size <= DEFAULT_LIMIT:
            raise
    return fetch(0, DEFAULT_LIMIT), DEFAULT_LIMIT


class _Union:
    """The calls of all pages so far, by call_sid; of a call that came twice the newer row counts."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.unreadable = 0
        self.total: int | None = None

    @property
    def end(self) -> int:
        """Give the offset at which the list ends: where no total is told, only an empty page shows it."""
        return sys.maxsize if self.total is None else self.total

    def add(self, page: Page) -> int:
        """Take in a page; give the number of calls that were not there before."""
        before = len(self.calls)
        self.calls.update((call.call_sid, call) for call in page.calls)
        self.unreadable += page.unreadable
        if page.total is not None:
            self.total = page.total
        return len(self.calls) - before
