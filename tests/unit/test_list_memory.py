"""What one listing teaches the next one, and what it must not: lists and servers that change."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import suppress
from random import Random

import pytest

from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.listing.lister import Lister, ListingFailed
from exporter.exotel.listing.order import Order
from exporter.exotel.listing.pages import Ask
from exporter.exotel.models import Page
from tests.unit.test_listing import MovingList, list_once, still


def test_a_list_whose_calls_are_all_others_says_nothing_of_its_order() -> None:
    """It is read twice again, as at first."""
    lister, requests = Lister(50, lambda: 0.0), list[int]()
    for _ in range(2):
        server = MovingList(300, order="arbitrary")
        server.alive = [f"call-{number}" for number in Random(len(requests)).sample(range(10**6), 300)]  # noqa: S311
        lister.list(server.fetch)
        requests.append(len(server.requests))
    assert requests[0] == requests[1] > 12


def test_a_list_that_is_in_the_order_of_start_times_again_is_read_once() -> None:
    """One reading fits the budget, and proves it, though calls changed places before."""
    lister = Lister(50, lambda: 0.0)
    moving = MovingList(300, order="arbitrary")
    lister.list(moving.fetch)
    moving.alive.insert(0, moving.alive.pop(200))
    assert lister.list(moving.fetch).order is Order.MOVING
    listing = lister.list(still(900).fetch, most_requests=25)
    assert (listing.incomplete_reason, listing.order) == (None, Order.START)


def test_a_hop_that_shifts_rows_makes_no_call_of_the_list_one_that_stands_twice() -> None:
    """The total tells that one is missing, and nothing explains it away."""
    for call in range(520, 1000, 40):
        server, lister = MovingList(1037, order="arbitrary", window=1), Lister(100, lambda: 0.0)
        assert lister.list(server.fetch).order is Order.STABLE
        server.requests.clear()
        read, hopper = server.read, server.alive[call]

        def answer(offset: int, limit: int, server: MovingList = server, hopper: str = hopper) -> Page:
            if len(server.requests) == 3:
                server.alive.remove(hopper)
                server.alive.insert(0, hopper)
            return read(offset, limit)  # noqa: B023  # of this list, which is listed at once

        server.read = answer  # type: ignore[method-assign]
        listing = lister.list(server.fetch)
        assert listing.incomplete_reason or hopper in {each.call_sid for each in listing.calls}


def test_pages_that_are_sorted_each_by_itself_are_no_list_in_start_order() -> None:
    """A server that pages by an identifier and sorts what it has: its pages all overlap in start times."""
    server = MovingList(1000, order="arbitrary")

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for ask in asks:
            page = server.read(*ask)
            yield Page(tuple(sorted(page.calls, key=lambda call: call.start_time or "")), 0, page.total)

    listing = list_once(fetch, 20)
    assert listing.order is not Order.START


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.RATE_LIMITED, Reason.BUDGET])
def test_a_first_page_behind_which_nobody_could_look_is_no_list(reason: Reason) -> None:
    """Of 450 calls twenty are served at a time, and the total counts these."""
    server = still(450, cap=20, total="page")

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for ask in asks:
            if ask[0]:
                raise ApiError(reason, "over")
            yield server.read(*ask)

    with pytest.raises(ListingFailed):
        list_once(fetch, 100)


def test_what_a_list_was_long_is_no_reason_not_to_begin() -> None:
    """It told no totals, and has shrunk: that shows when it is read."""
    lister = Lister(100, lambda: 0.0)
    assert lister.list(still(9_990, total=None).fetch).incomplete_reason is None
    listing = lister.list(still(300, total=None).fetch, most_requests=60)
    assert (len(listing.calls), listing.incomplete_reason) == (300, None)


def test_a_server_that_cuts_its_pages_shorter_than_before_is_looked_behind() -> None:
    """The total counts the page: 50 rows may be all that it serves now."""
    lister = Lister(100, lambda: 0.0)
    for cap in (100, 50):
        listing = lister.list(still(450, cap=cap, total="page").fetch)
        assert (len(listing.calls), listing.incomplete_reason) == (450, None)


@pytest.mark.parametrize("server", [{"total": None}, {"rounds_offsets": True}, {"total": "page"}])
@pytest.mark.parametrize("most", [1, 2, 7, 12])
def test_no_listing_makes_more_requests_than_it_may(server: dict[str, object], most: int) -> None:
    """And what it doesn't reach it doesn't claim."""
    long = still(2_000, **server)
    with suppress(ListingFailed):
        assert list_once(long.fetch, 100, most).incomplete_reason is not None
    assert len(long.requests) <= most


def test_totals_that_count_as_far_as_their_page_are_read_on_to_the_end() -> None:
    """Whatever the pages that were planned."""
    server = still(2_010)

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for offset, limit in asks:
            page = server.read(offset, limit)
            yield Page(page.calls, 0, offset + len(page.calls))

    listing = list_once(fetch, 20)
    assert (len(listing.calls), listing.incomplete_reason) == (2_010, None)


def test_a_first_page_that_is_short_by_chance_makes_no_short_pages() -> None:
    """Two rows, then whole pages: the list is read by these."""
    server, first = still(3_050), True

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        nonlocal first
        for offset, limit in asks:
            page = server.read(offset, limit)
            yield Page(page.calls[:2], 0, page.total) if first else page
            first = False

    listing = list_once(fetch, 100)
    assert (len(listing.calls), listing.incomplete_reason) == (3_050, None)
    assert len(server.requests) < 60
