"""The listing over all pages of a list that may move, with neither HTTP nor time."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from itertools import count, islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.api.answers import Page
from exporter.api.errors import ApiError, Cause, Reason
from exporter.api.listing import Ask, Listing, ListingFailed, list_calls
from exporter.api.rows import Call

ORDERS = ("oldest", "newest", "arbitrary", "shuffled")


class MovingList:
    """A list of calls behind pages, which gains and loses some whenever a page is read."""

    def __init__(  # each is a way in which servers differ
        self,
        calls: int,
        *,
        cap: int = 1000,
        churn: int = 0,
        order: str = "oldest",
        total: int | str | None = "true",
        window: int = 4,
        ignores_offset: bool = False,
        refuses_large_limits: bool = False,
        seed: int = 0,
    ) -> None:
        self.cap, self.churn, self.order, self.total = cap, churn, order, total
        self.window = window
        self.ignores_offset, self.refuses_large_limits = ignores_offset, refuses_large_limits
        self.random = Random(seed)  # noqa: S311  # seeded: the same list each time
        self.numbers = count()
        self.alive: list[str] = []
        for _ in range(calls):
            self.be_born()
        self.throughout = set(self.alive)
        self.ever = set(self.alive)
        self.requests: list[Ask] = []

    def be_born(self) -> None:
        """Put a new call where the order has it."""
        number = next(self.numbers)
        call_sid = f"call-{number}"
        place = {"oldest": len(self.alive), "newest": 0}.get(self.order)
        self.alive.insert(self.random.randint(0, len(self.alive)) if place is None else place, call_sid)

    def move(self) -> None:
        """Let calls come and go."""
        for _ in range(self.random.randint(0, self.churn)):
            if self.alive and self.random.random() < 0.5:
                self.throughout.discard(self.alive.pop(self.random.randrange(len(self.alive))))
            else:
                self.be_born()
        self.ever.update(self.alive)
        if self.order == "shuffled":
            self.random.shuffle(self.alive)

    def read(self, offset: int, limit: int) -> Page:
        """Answer as the API does."""
        self.requests.append((offset, limit))
        if self.refuses_large_limits and limit > self.cap:
            raise ApiError(Reason.BAD_RESPONSE, "HTTP 400", status=400)
        start = 0 if self.ignores_offset else offset
        rows = self.alive[start : start + min(limit, self.cap)]
        told = {"true": len(self.alive), "wild": self.random.randint(0, 300)}
        self.move()
        total = told[self.total] if isinstance(self.total, str) else self.total
        return Page(tuple(map(Call, rows)), 0, total)

    def fetch(self, asks: Iterable[Ask]) -> Generator[Page, None, None]:
        """Read pages `window` at a time, in any order among themselves, and give them in the order asked."""
        pending = iter(asks)
        while window := list(islice(pending, self.window)):
            places = list(range(len(window)))
            self.random.shuffle(places)
            pages = {place: self.read(*window[place]) for place in places}
            yield from (pages[place] for place in range(len(window)))


LISTS = st.fixed_dictionaries(
    {
        "calls": st.integers(0, 150),
        "cap": st.integers(2, 40),
        "churn": st.integers(0, 6),
        "window": st.integers(1, 6),
        "seed": st.integers(0, 2**32),
    }
)
PAGE_SIZES = st.integers(1, 60)


def bound(server: MovingList, found: Listing) -> int:
    """Give the number of requests that no listing may exceed."""
    step = max(1, found.page_size - max(1, found.page_size // 25))
    pages = 2 + -(-len(server.ever) // step) + server.window
    return 2 * pages + 10


@settings(max_examples=1000)
@given(LISTS, PAGE_SIZES, st.sampled_from(["oldest", "newest", "arbitrary"]), st.booleans())
def test_a_complete_listing_has_every_call_that_was_alive_throughout(
    server: dict[str, int], page_size: int, order: str, tells_total: bool
) -> None:
    """In any stable order, however it moves between pages: complete means that nobody is missing.

    Where no total is told, a server is taken to serve the API's default of 20 rows at least.
    """
    server["cap"] = server["cap"] if tells_total else max(20, server["cap"])
    moving = MovingList(**server, order=order, total="true" if tells_total else None)  # type: ignore[arg-type]
    found = list_calls(moving.fetch, page_size)
    listed = {call.call_sid for call in found.calls}
    assert len(listed) == len(found.calls)
    assert listed <= moving.ever
    if found.doubt is None:
        assert moving.throughout <= listed
    assert len(moving.requests) <= bound(moving, found)


@settings(max_examples=500)
@given(LISTS, PAGE_SIZES, st.integers(2, 60))
def test_a_list_that_stands_still_is_always_listed_whole(
    server: dict[str, int], page_size: int, cap: int
) -> None:
    """Every call once, in any stable order, at any page size, whatever the server makes of the limit."""
    still = MovingList(**{**server, "churn": 0, "cap": cap})  # type: ignore[arg-type]
    found = list_calls(still.fetch, page_size)
    assert found.doubt is None
    assert [call.call_sid for call in found.calls] == still.alive
    assert found.unseen == 0


@settings(max_examples=500)
@given(LISTS, PAGE_SIZES)
def test_a_still_list_without_order_is_never_claimed_to_be_whole_when_it_is_not(
    server: dict[str, int], page_size: int
) -> None:
    """Each answer shuffles the rows: chance may seal seams, but what doesn't add up is not claimed."""
    shuffled = MovingList(**{**server, "churn": 0}, order="shuffled")  # type: ignore[arg-type]
    found = list_calls(shuffled.fetch, page_size)
    if found.doubt is None:
        assert shuffled.throughout <= {call.call_sid for call in found.calls}
    assert len(shuffled.requests) <= bound(shuffled, found)


@settings(max_examples=500)
@given(
    LISTS,
    PAGE_SIZES,
    st.sampled_from(ORDERS),
    st.none() | st.just("wild") | st.integers(0, 400) | st.just(10**9),
)
def test_totals_that_lie_are_neither_believed_nor_followed_for_ever(
    server: dict[str, int], page_size: int, order: str, total: int | str | None
) -> None:
    """Too low, too high, another each time: it ends, and what is said to be complete is.

    One lie can't be told from the truth: that a first page, cut below what was asked, was the whole list.
    """
    lying = MovingList(**server, order=order, total=total)  # type: ignore[arg-type]
    found = list_calls(lying.fetch, page_size)
    was_cut = lying.cap < max(2, page_size)
    if found.doubt is None and order != "shuffled" and not was_cut:
        assert lying.throughout <= {call.call_sid for call in found.calls}
    assert len(lying.requests) <= bound(lying, found)


@settings(max_examples=300)
@given(LISTS, PAGE_SIZES)
def test_a_server_that_ignores_the_offset_is_not_asked_for_ever(
    server: dict[str, int], page_size: int
) -> None:
    """Every page is the first one: it ends, and is complete only if everyone was seen."""
    deaf = MovingList(**server, ignores_offset=True)  # type: ignore[arg-type]
    found = list_calls(deaf.fetch, page_size)
    if found.doubt is None:
        assert deaf.throughout <= {call.call_sid for call in found.calls}
    assert len(deaf.requests) <= 1 + deaf.window + 12 + bound(deaf, found)


def still(calls: int, **server: object) -> MovingList:
    """Give a list that stands still."""
    return MovingList(calls, **server)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("calls", "page"), [(0, 100), (1, 100), (99, 100), (10_000, 100), (999, 50), (500, 20)]
)
def test_a_still_list_costs_hardly_more_than_its_pages(calls: int, page: int) -> None:
    """At most 1.05 × ceil(N / page) + 2 requests."""
    server = still(calls)
    assert list_calls(server.fetch, page).doubt is None
    assert len(server.requests) <= 1.05 * -(-calls // page) + 2


@pytest.mark.parametrize("calls", [0, 1, 99])
def test_a_list_of_less_than_a_page_is_one_request(calls: int) -> None:
    """An empty account and a small one: the first page is the last."""
    server = still(calls)
    assert len(list_calls(server.fetch, 100).calls) == calls
    assert server.requests == [(0, 100)]


def test_a_server_that_refuses_a_large_limit_is_asked_with_the_default_one() -> None:
    """400 for a limit of 100: the listing goes on in pages of 20, and says so."""
    server = still(70, cap=20, refuses_large_limits=True)
    found = list_calls(server.fetch, 100)
    assert (len(found.calls), found.doubt, found.page_size) == (70, None, 20)
    assert {limit for _, limit in server.requests} == {100, 20}


def test_a_server_that_cuts_the_limit_teaches_its_page_size() -> None:
    """What was learnt is told, so that the next listing can start with it."""
    assert list_calls(still(70, cap=20).fetch, 100).page_size == 20


def test_a_server_that_knows_no_pages_is_asked_no_more_than_twice() -> None:
    """The whole list comes with each answer, limit or no limit; the second shows that it is the whole."""
    requests: list[Ask] = []

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for ask in asks:
            requests.append(ask)
            yield Page(tuple(Call(str(number)) for number in range(150)), 0, 150)

    found = list_calls(fetch, 100)
    assert (len(found.calls), found.doubt, len(requests)) == (150, None, 2)


def test_an_empty_page_under_a_positive_total_is_no_complete_list() -> None:
    """The API says 7 and shows none: they are unseen, and the doubt says so."""
    found = list_calls(still(0, total=7).fetch, 100)
    assert (found.unseen, found.doubt) == (7, "7 of 7 calls that the API reports were not in its list")
    assert found.cause is Cause.TOTAL


def test_pages_that_shrink_to_nothing_are_read_again_from_the_new_end() -> None:
    """Half of the calls end while the list is read: the end is looked for where it is now."""
    server = still(400, window=1)

    def fetch(asks: Iterable[Ask]) -> Iterator[Page]:
        for offset, limit in asks:
            yield server.read(offset, limit)
            if offset == 0:
                server.throughout -= set(server.alive[150:])
                del server.alive[150:]

    found = list_calls(fetch, 100)  # type: ignore[arg-type]  # a generator function, typed as an iterator
    assert found.doubt is None
    assert server.throughout <= {call.call_sid for call in found.calls}


def test_a_list_without_stable_order_says_so() -> None:
    """The doubt names the cause, which no further request would mend: none is wasted on it."""
    server = still(500, order="shuffled")
    found = list_calls(server.fetch, 50)
    assert found.doubt is not None
    assert "no stable order" in found.doubt
    assert found.cause is Cause.ORDER
    assert len(server.requests) <= 12 + server.window


def test_unreadable_rows_take_their_place_in_the_list() -> None:
    """A row that can't be read was listed all the same: it is no unseen call."""

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for offset, limit in asks:
            rows = range(offset, min(offset + limit, 10))
            yield Page(tuple(Call(str(row)) for row in rows if row != 4), sum(row == 4 for row in rows), 10)

    found = list_calls(fetch, 4)
    assert (len(found.calls), found.unseen, found.doubt) == (9, 0, None)


@pytest.mark.parametrize("failing", [0, 96, 288])
def test_a_page_that_fails_fails_the_listing_and_keeps_the_total(failing: int) -> None:
    """A listing is whole or absent; the total that a page reported is still known."""
    server = still(350)

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for ask in asks:
            if ask[0] == failing:
                raise ApiError(Reason.SERVER_ERROR, "HTTP 503", status=503)
            yield server.read(*ask)

    with pytest.raises(ListingFailed) as caught:
        list_calls(fetch, 100)
    assert caught.value.error.reason == Reason.SERVER_ERROR
    assert caught.value.total == (None if failing == 0 else 350)


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.BUDGET])
def test_a_seam_that_can_not_be_repaired_in_time_stays_open(reason: Reason) -> None:
    """The pages are there, the proof isn't: that is an incomplete listing, not a failed one."""
    pages = {0: range(100), 96: range(110, 210), 192: range(206, 215)}

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for offset, _limit in list(asks):  # all under way at once
            if offset not in pages:
                raise ApiError(reason, "over")
            yield Page(tuple(Call(str(number)) for number in pages[offset]), 0, 201)

    found = list_calls(fetch, 100)
    assert found.doubt == "between 1 pairs of pages calls could be missing"
    assert found.cause is Cause.TIME
    assert len(found.calls) == 205


def test_an_open_seam_is_asked_for_again_while_the_list_is_still_near() -> None:
    """The mend is the next request, not one after all other pages are in."""
    server = still(400, window=1)

    def fetch(asks: Iterable[Ask]) -> Iterator[Page]:
        for offset, limit in asks:
            if offset == 96:
                server.throughout -= set(server.alive[:20])
                del server.alive[:20]
            yield server.read(offset, limit)

    found = list_calls(fetch, 100)  # type: ignore[arg-type]  # a generator function, typed as an iterator
    assert found.doubt is None
    assert found.seams_mended == 1
    assert [offset for offset, _ in server.requests[:4]] == [0, 96, 46, 192]


def test_a_first_page_that_happens_to_be_short_teaches_no_page_size() -> None:
    """The total was counted a moment before the rows: that is no smaller page."""
    calls = tuple(map(Call, map(str, range(55))))

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for offset, limit in asks:
            yield Page(calls[offset : offset + limit], 0, 56 if offset == 0 else 55)

    found = list_calls(fetch, 100)
    assert (found.doubt, found.page_size) == (None, 100)


@pytest.mark.parametrize("calls", [5_000, 250])
def test_a_wider_overlap_needs_no_mending(calls: int) -> None:
    """What an account has learnt spares it the open seams: the list moves less than the pages overlap."""
    narrow, wide = (MovingList(calls, churn=3, order="oldest", window=8, seed=1) for _ in range(2))
    mended = [
        list_calls(server.fetch, 50, overlap=overlap).seams_mended
        for server, overlap in ((narrow, 0.04), (wide, 0.25))
    ]
    assert mended[1] <= mended[0]
    assert mended[1] < 3


@pytest.mark.parametrize(("total", "cause"), [(201, Cause.PAGES), (None, None)])
def test_pages_that_share_no_call_although_the_list_is_still_are_not_taken_for_one_that_moves(
    total: int | None, cause: Cause | None
) -> None:
    """A server that rounds offsets up leaves gaps for ever; where no total is told, nobody knows."""

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for offset, limit in asks:
            start = -(-offset // limit) * limit
            yield Page(tuple(Call(str(row)) for row in range(start, min(start + limit, 201))), 0, total)

    found = list_calls(fetch, 50)
    assert found.doubt is not None
    assert found.cause is cause


def test_a_list_that_runs_away_is_one_that_moves() -> None:
    """So many calls end between two pages that no overlap holds: the totals show it."""
    alive = list(range(2_000))

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for offset, limit in asks:
            yield Page(tuple(Call(str(row)) for row in alive[offset : offset + limit]), 0, len(alive))
            del alive[: 2 * limit]

    found = list_calls(fetch, 50)
    assert found.doubt is not None
    assert found.cause is Cause.MOVING


@settings(max_examples=300)
@given(LISTS, PAGE_SIZES, st.sampled_from(ORDERS), st.sampled_from(["true", "wild", None, 70]))
def test_a_listing_has_a_cause_only_where_there_is_a_doubt(
    server: dict[str, int], page_size: int, order: str, total: int | str | None
) -> None:
    """And one that was proven to stand still is never told to move, nor the reverse."""
    moving = MovingList(**server, order=order, total=total)  # type: ignore[arg-type]
    found = list_calls(moving.fetch, page_size)
    if found.doubt is None:
        assert found.cause is None
    if total == 70:
        assert found.cause is not Cause.MOVING
