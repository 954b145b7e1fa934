"""The listing over all pages, with no HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.answers import Page
from exporter.api.errors import ApiError, Reason
from exporter.api.listing import FetchPage, Listing, ListingFailed, list_calls
from exporter.api.rows import Call


class Server:
    """A list that stands still, served in pages of at most `cap` rows; counts the requests."""

    def __init__(self, calls: int, cap: int = 1000, total: int | None = -1, *, refuse: bool = False) -> None:
        self.calls = [Call(f"call-{number}") for number in range(calls)]
        self.cap = cap
        self.total = calls if total == -1 else total
        self.refuse = refuse
        self.requests: list[tuple[int, int]] = []

    def fetch(self, offset: int, limit: int) -> Page:
        """Answer as the API does."""
        self.requests.append((offset, limit))
        if self.refuse and limit > self.cap:
            raise ApiError(Reason.BAD_RESPONSE, "HTTP 400", status=400)
        return Page(tuple(self.calls[offset : offset + min(limit, self.cap)]), 0, self.total)


def listed(fetch: FetchPage, page_size: int = 100, concurrency: int = 4) -> Listing:
    """List with a few threads."""
    with ThreadPoolExecutor(concurrency) as executor:
        return list_calls(fetch, page_size, concurrency, executor)


@given(
    calls=st.integers(0, 400),
    cap=st.integers(1, 60),
    page_size=st.integers(1, 80),
    concurrency=st.integers(1, 5),
    tells_total=st.booleans(),
)
def test_a_list_that_stands_still_is_listed_whole(
    calls: int, cap: int, page_size: int, concurrency: int, tells_total: bool
) -> None:
    """Every call comes once, at any page size, whatever the server makes of the limit."""
    server = Server(calls, cap, calls if tells_total else None)
    found = listed(server.fetch, page_size, concurrency)
    assert list(found.calls) == server.calls
    assert found.unseen == 0


def test_no_page_is_asked_for_twice() -> None:
    """950 calls in pages of 100 are ten requests."""
    server = Server(950)
    listed(server.fetch)
    assert sorted(server.requests) == [(offset, 100) for offset in range(0, 1000, 100)]


@pytest.mark.parametrize("calls", [0, 1, 99, 100])
def test_a_list_of_one_page_is_one_request(calls: int) -> None:
    """An empty account, one call, and exactly one page."""
    server = Server(calls)
    assert len(listed(server.fetch).calls) == calls
    assert server.requests == [(0, 100)]


def test_a_server_that_refuses_a_large_limit_is_asked_with_the_default_one() -> None:
    """400 for a limit of 100: the listing goes on in pages of 20."""
    server = Server(70, cap=20, refuse=True)
    assert len(listed(server.fetch).calls) == 70
    assert sorted(server.requests) == [(0, 20), (0, 100), (20, 20), (40, 20), (60, 20)]


def test_a_server_that_ignores_the_offset_is_not_asked_for_ever() -> None:
    """Every page is the first one: the listing stops, and says how many calls it hasn't seen."""
    server = Server(50)
    found = listed(lambda _offset, limit: Page(server.fetch(0, limit).calls, 0, 5000), page_size=50)
    assert (len(found.calls), found.unseen) == (50, 4950)
    assert len(server.requests) <= 1 + 4


def test_a_total_beyond_reason_is_not_believed_to_the_end() -> None:
    """A total of a thousand million doesn't become ten million requests."""
    server = Server(120, total=10**9)
    assert listed(server.fetch).unseen == 10**9 - 120
    assert len(server.requests) < 20


def test_an_empty_page_under_a_positive_total_is_no_complete_list() -> None:
    """The API says 7 and shows none: they are unseen."""
    assert listed(lambda _offset, _limit: Page((), 0, 7)).unseen == 7


def test_unreadable_rows_take_their_place_in_the_list() -> None:
    """A row that can't be read was listed all the same: it is no unseen call, and shifts no page."""

    def fetch(offset: int, limit: int) -> Page:
        rows = range(offset, min(offset + limit, 10))
        return Page(tuple(Call(str(row)) for row in rows if row != 4), sum(row == 4 for row in rows), 10)

    found = listed(fetch, page_size=4)
    assert (len(found.calls), found.unreadable, found.unseen) == (9, 1, 0)


@pytest.mark.parametrize("failing", [0, 100, 300])
def test_a_page_that_fails_fails_the_listing_and_keeps_the_total(failing: int) -> None:
    """A listing is whole or absent; the total that a page reported is still known."""
    server = Server(350)

    def fetch(offset: int, limit: int) -> Page:
        if offset == failing:
            raise ApiError(Reason.SERVER_ERROR, "HTTP 503", status=503)
        return server.fetch(offset, limit)

    with pytest.raises(ListingFailed) as caught:
        listed(fetch)
    assert caught.value.error.reason == Reason.SERVER_ERROR
    assert caught.value.total == (None if failing == 0 else 350)
