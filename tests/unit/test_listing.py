"""The listing over all pages of a list that may move, with neither HTTP nor time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from hashlib import blake2b
from itertools import accumulate, count, islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.exotel.errors import ApiError, Cause, Reason
from exporter.exotel.listing.lister import Lister, Listing, ListingFailed
from exporter.exotel.listing.order import Order
from exporter.exotel.listing.pages import Ask, FetchPages
from exporter.exotel.listing.paging import Paging
from exporter.exotel.models import Call, Page

ORDERS = ("oldest", "newest", "arbitrary", "shuffled")


def list_once(fetch: FetchPages, page_size: int, most_requests: int = sys.maxsize) -> Listing:
    """List as one does who knows nothing yet."""
    return Lister(page_size, lambda: 0.0).list(fetch, most_requests)


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
        rounds_offsets: bool = False,
        refuses_large_limits: bool = False,
        reach: int | None = None,
        beyond: int | None = None,
        refusal: ApiError | None = None,
        copies: Iterable[tuple[int, int]] = (),
        unreadable: Iterable[int] = (),
        starts: bool = True,
        seed: int = 0,
    ) -> None:
        self.cap, self.churn, self.order, self.total = cap, churn, order, total
        self.window, self.starts = window, starts
        self.ignores_offset, self.refuses_large_limits = ignores_offset, refuses_large_limits
        self.random = Random(seed)  # noqa: S311  # seeded: the same list each time
        self.numbers = count()
        self.alive: list[str] = []
        for _ in range(calls):
            self.be_born()
        self.throughout = set(self.alive)
        self.ever = set(self.alive)
        self.requests: list[Ask] = []
        self.rounds_offsets, self.reach, self.beyond = rounds_offsets, reach, beyond
        self.refusal = refusal or ApiError(Reason.BAD_RESPONSE, "HTTP 400", status=400)
        born = [*self.alive]
        self.copies = [(born[call % calls], born[place % calls]) for call, place in copies] if calls else []
        """Calls that stand in the list once more, each behind another call."""
        self.unreadable = {born[call % calls] for call in unreadable} if calls else set()

    @property
    def rows(self) -> list[str]:
        """Return the rows of the list."""
        copies = [(call, behind) for call, behind in self.copies if call in self.alive]
        return [
            row for each in self.alive for row in (each, *(call for call, behind in copies if behind == each))
        ]

    def be_born(self) -> None:
        """Put a new call where the order has it."""
        number = next(self.numbers)
        call_sid = f"call-{number}"
        place = {"oldest": len(self.alive), "newest": 0}.get(self.order)
        self.alive.insert(self.random.randint(0, len(self.alive)) if place is None else place, call_sid)

    def move(self) -> None:
        """Start some calls and end some."""
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
            raise self.refusal
        if self.reach is not None and offset + limit > self.reach:
            raise self.refusal
        start = 0 if self.ignores_offset else offset // limit * limit if self.rounds_offsets else offset
        list_ = self.rows if self.copies else self.alive
        if self.beyond is not None and offset and start >= len(list_):
            raise ApiError(Reason.NOT_FOUND, f"HTTP {self.beyond}", status=self.beyond)
        rows = list_[start : start + min(limit, self.cap)]
        told = {
            "true": len(list_),
            "calls": len(self.alive),
            "page": len(rows),
            "wild": self.random.randint(0, 300),
        }
        self.move()
        total = told[self.total] if isinstance(self.total, str) else self.total
        readable = [row for row in rows if row not in self.unreadable] if self.unreadable else rows
        return Page(tuple(map(self.call, readable)), len(rows) - len(readable), total)

    def call(self, call_sid: str) -> Call:
        """Return the row of a call; their numbers are when they started."""
        return Call(call_sid, start_time=f"{int(call_sid.removeprefix('call-')):09}" if self.starts else None)

    def fetch(self, asks: Iterable[Ask]) -> Generator[Page, None, None]:
        """Read pages `window` at a time, in any order among themselves, and give them in the order asked."""
        pending = iter(asks)
        while window := list(islice(pending, self.window)):
            places = list(range(len(window)))
            self.random.shuffle(places)
            pages = {place: self.answer(*window[place]) for place in places}
            for place in range(len(window)):
                if isinstance(page := pages[place], ApiError):
                    raise page
                yield page

    def answer(self, offset: int, limit: int) -> Page | ApiError:
        """Return a page, or why there is none."""
        try:
            return self.read(offset, limit)
        except ApiError as error:
            return error


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
    """Return the requests that no listing may exceed: twice the pages, of one that is read twice."""
    step = max(1, found.page_size - max(1, found.page_size // 25))
    pages = 2 + -(-len(server.ever) // step) + server.window
    return 2 * 2 * pages + 10


@settings(max_examples=250)
@given(LISTS, PAGE_SIZES, st.sampled_from(["oldest", "newest", "arbitrary"]), st.booleans())
def test_a_complete_listing_has_every_call_that_was_alive_throughout(
    server: dict[str, int], page_size: int, order: str, tells_total: bool
) -> None:
    """In any stable order, however it moves between pages: complete means that nobody is missing.

    Where no total is told, a server is taken to serve the API's default of 20 rows at least.
    """
    server["cap"] = server["cap"] if tells_total else max(20, server["cap"])
    moving = MovingList(**server, order=order, total="true" if tells_total else None)  # type: ignore[arg-type]
    found = list_once(moving.fetch, page_size)
    listed = {call.call_sid for call in found.calls}
    assert len(listed) == len(found.calls)
    assert listed <= moving.ever
    if found.incomplete_reason is None:
        assert moving.throughout <= listed
    assert len(moving.requests) <= bound(moving, found)


@settings(max_examples=150)
@given(LISTS, PAGE_SIZES, st.integers(2, 60))
def test_a_list_that_stands_still_is_always_listed_whole(
    server: dict[str, int], page_size: int, cap: int
) -> None:
    """Every call once, in any stable order, at any page size, whatever the server makes of the limit."""
    still = MovingList(**{**server, "churn": 0, "cap": cap})  # type: ignore[arg-type]
    found = list_once(still.fetch, page_size)
    assert found.incomplete_reason is None
    assert [call.call_sid for call in found.calls] == still.alive
    assert found.unseen == 0


@settings(max_examples=150)
@given(LISTS, PAGE_SIZES)
def test_a_still_list_without_order_is_never_claimed_to_be_whole_when_it_is_not(
    server: dict[str, int], page_size: int
) -> None:
    """Each answer shuffles the rows: chance may seal seams, but what doesn't add up is not claimed."""
    shuffled = MovingList(**{**server, "churn": 0}, order="shuffled")  # type: ignore[arg-type]
    found = list_once(shuffled.fetch, page_size)
    if found.incomplete_reason is None:
        assert shuffled.throughout <= {call.call_sid for call in found.calls}
    assert len(shuffled.requests) <= bound(shuffled, found)


@settings(max_examples=150)
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
    found = list_once(lying.fetch, page_size)
    was_cut = lying.cap < max(2, page_size)
    if found.incomplete_reason is None and order != "shuffled" and not was_cut:
        assert lying.throughout <= {call.call_sid for call in found.calls}
    assert len(lying.requests) <= bound(lying, found)


@settings(max_examples=100)
@given(LISTS, PAGE_SIZES)
def test_a_server_that_ignores_the_offset_is_not_asked_for_ever(
    server: dict[str, int], page_size: int
) -> None:
    """Every page is the first one: it ends, and is complete only if everyone was seen."""
    deaf = MovingList(**server, ignores_offset=True)  # type: ignore[arg-type]
    found = list_once(deaf.fetch, page_size)
    if found.incomplete_reason is None:
        assert deaf.throughout <= {call.call_sid for call in found.calls}
    assert len(deaf.requests) <= 1 + deaf.window + 12 + bound(deaf, found)


def changed(server: MovingList, calls: int, cap: int, total: int | str | None) -> None:
    """Make a list another one, so that nothing of what a listing before taught holds."""
    server.cap, server.total = cap, total
    while len(server.alive) > calls:
        server.alive.pop(server.random.randrange(len(server.alive)))
    while len(server.alive) < calls:
        server.be_born()
    server.throughout, server.ever = set(server.alive), set(server.alive)
    server.requests.clear()


@settings(max_examples=300)
@given(
    LISTS,
    PAGE_SIZES,
    st.sampled_from(ORDERS),
    st.integers(0, 300),
    st.integers(2, 40),
    st.sampled_from(["true", "page", "wild", None, 0, 40, 10**9]),
    st.integers(1, 60),
)
def test_a_wrong_guess_at_how_many_pages_there_are_costs_no_call(  # what is drawn
    server: dict[str, int],
    page_size: int,
    order: str,
    calls: int,
    cap: int,
    total: int | str | None,
    most_requests: int,
) -> None:
    """Longer, shorter, cut to other pages, with a total that lies: complete means that nobody is missing.

    As ever, a first page that was cut below what was asked can't be told from a whole list of that total, nor
    two pages of a list that is shuffled each time from those of one that keeps its order.
    """
    moving = MovingList(**server, order=order)  # type: ignore[arg-type]
    lister = Lister(page_size, lambda: 0.0)
    lister.list(moving.fetch)
    changed(moving, calls, cap, total)
    try:
        found = lister.list(moving.fetch, most_requests)
    except ListingFailed:
        return  # the budget was too small
    finally:
        assert len(moving.requests) <= most_requests
    is_told = order != "shuffled" and (total == "true" or min(cap, server["cap"]) >= max(2, page_size))
    if found.incomplete_reason is None and is_told:
        assert moving.throughout <= {call.call_sid for call in found.calls}


@pytest.mark.parametrize(
    ("calls", "later"), [(250, 250), (250, 290), (800, 800), (9_990, 9_990), (9_990, 9_700)]
)
def test_the_pages_of_a_known_list_are_asked_for_at_once(calls: int, later: int) -> None:
    """Before the first answer comes, as many are under way as the last listing took; none is needless."""
    server = still(calls)
    lister = Lister(100, lambda: 0.0)
    lister.list(server.fetch)
    changed(server, later, 1000, "true")
    asked: list[Ask] = []
    first: list[int] = []

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        ahead = list(islice(asks, 200))
        first.append(len(ahead))
        asked.extend(ahead)
        yield from server.fetch(iter([*ahead, *asks]))

    assert lister.list(fetch).incomplete_reason is None
    assert first[0] >= later / 100
    assert len(server.requests) <= 1.05 * max(calls, later) / 100 + 2


def test_pages_shorter_than_any_that_is_asked_for_cost_no_needless_request() -> None:
    """A server that serves 10 rows whatever is asked: pages asked for at once would lie too far apart."""
    server = still(60, cap=10)
    lister, requests = Lister(100, lambda: 0.0), list[int]()
    for _ in range(3):
        server.requests.clear()
        assert lister.list(server.fetch).incomplete_reason is None
        requests.append(len(server.requests))
    assert requests == [requests[0]] * 3


def test_no_more_is_asked_for_at_once_than_there_were_calls() -> None:
    """Whatever the offset, this server answers with its first page: the list has no more than those calls."""
    server = still(450)
    first_page = [*server.fetch([(0, 100)])]
    lister, asked = Lister(100, lambda: 0.0), list[int]()

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        ahead = list(islice(asks, 50))
        asked.append(len(ahead))
        yield from first_page * len(ahead)
        yield from (first_page[0] for _ in asks)

    for _ in range(2):
        asked.clear()
        lister.list(fetch)
    assert asked[0] <= 5


@pytest.mark.parametrize(("calls", "later"), [(150, 40), (800, 40), (800, 5), (150, 0)])
def test_a_list_that_has_shrunk_to_a_page_costs_what_is_under_way(calls: int, later: int) -> None:
    """What isn't begun is dropped; a page that is full to a hundredth is looked behind."""
    server = still(calls)
    lister = Lister(100, lambda: 0.0)
    lister.list(server.fetch)
    changed(server, later, 1000, "true")
    assert len(lister.list(server.fetch).calls) == later
    assert len(server.requests) <= server.window + 2


@pytest.mark.parametrize("later", [5, 150, 350])
def test_a_page_that_nobody_needs_any_more_may_fail(later: int) -> None:
    """What was asked for behind the end of a list that has shrunk is cancelled."""
    server = still(650)
    lister = Lister(100, lambda: 0.0)
    lister.list(server.fetch)
    changed(server, later, 1000, "true")

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for ask in list(islice(asks, 16)):
            if ask[0] > later:
                raise ApiError(Reason.RATE_LIMITED, "HTTP 429", status=429)
            yield from server.fetch([ask])

    assert len(lister.list(fetch).calls) == later


def test_after_a_failure_or_a_while_one_page_is_asked_for_first() -> None:
    """What was there a moment ago says little then; and refused credentials are sent once."""
    now, refusing = 0.0, False
    server = still(800)

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        ahead = list(islice(asks, 20))
        server.requests.extend(ahead)
        if refusing:
            raise ApiError(Reason.AUTH, "HTTP 401", status=401)
        yield from server.fetch(iter([*ahead, *asks]))

    lister = Lister(100, lambda: now)
    lister.list(server.fetch)
    refusing = True
    for _ in range(2):
        server.requests.clear()
        with pytest.raises(ListingFailed):
            lister.list(fetch)
    assert server.requests == [(0, 100)]
    refusing = False
    lister.list(server.fetch)
    now += 600.0
    first: list[int] = []

    def counting(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        ahead = list(islice(asks, 20))
        first.append(len(ahead))
        yield from server.fetch(iter([*ahead, *asks]))

    lister.list(counting)
    assert first[0] == 1


def test_pages_that_the_budget_does_not_allow_are_not_asked_for() -> None:
    """A list that takes more requests than there are is not begun but for its first page."""
    server = still(800)
    lister = Lister(100, lambda: 0.0)
    lister.list(server.fetch)
    server.requests.clear()
    with pytest.raises(ListingFailed) as failed:
        lister.list(server.fetch, 5)
    assert failed.value.error.reason is Reason.BUDGET
    assert len(server.requests) == 1


def noting(fetch: FetchPages, noted: list[Ask]) -> FetchPages:
    """Return what fetches the same pages, and notes what is asked for."""

    def noting_fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        def each() -> Iterator[Ask]:
            for ask in asks:
                noted.append(ask)
                yield ask

        yield from fetch(each())

    return noting_fetch


def asked_again(asks: list[Ask]) -> int:
    """Return how many pages were asked for although one had been that begins farther down the list."""
    offsets = [offset for offset, _ in asks]
    return sum(offset < farthest for offset, farthest in zip(offsets, accumulate(offsets, max), strict=True))


def requests_when_known(server: MovingList, page_size: int) -> int:
    """Return the requests of a second listing, when the order of the list is known."""
    lister = Lister(page_size, lambda: 0.0)
    lister.list(server.fetch)
    server.requests.clear()
    assert lister.list(server.fetch).incomplete_reason is None
    return len(server.requests)


def still(calls: int, **server: object) -> MovingList:
    """Return a list that stands still."""
    return MovingList(calls, **server)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("calls", "page"), [(0, 100), (1, 100), (99, 100), (9_990, 100), (999, 50), (500, 20)]
)
def test_a_still_list_costs_hardly_more_than_its_pages(calls: int, page: int) -> None:
    """At most 1.05 × ceil(N / page) + 2 requests."""
    server = still(calls)
    assert list_once(server.fetch, page).incomplete_reason is None
    assert len(server.requests) <= 1.05 * -(-calls // page) + 2


@pytest.mark.parametrize("calls", [0, 1, 99])
def test_a_list_of_less_than_a_page_is_one_request(calls: int) -> None:
    """An empty account and a small one: the first page is the last, once it was seen that nothing follows."""
    server = still(calls)
    lister = Lister(100, lambda: 0.0)
    lister.list(server.fetch)
    server.requests.clear()
    assert len(lister.list(server.fetch).calls) == calls
    assert server.requests == [(0, 100)]


def test_a_server_that_refuses_a_large_limit_is_asked_with_the_default_one() -> None:
    """400 for a limit of 100: the listing goes on in pages of 20, and says so."""
    server = still(70, cap=20, refuses_large_limits=True)
    found = list_once(server.fetch, 100)
    assert (len(found.calls), found.incomplete_reason, found.page_size) == (70, None, 20)
    assert {limit for _, limit in server.requests} == {100, 20}


def test_a_server_that_cuts_the_limit_teaches_its_page_size() -> None:
    """What was learnt is told, so that the next listing can start with it."""
    assert list_once(still(70, cap=20).fetch, 100).page_size == 20


def test_a_server_that_knows_no_pages_is_asked_no_more_than_twice() -> None:
    """The whole list comes with each answer, limit or no limit; the second shows that it is the whole."""
    requests: list[Ask] = []

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for ask in asks:
            requests.append(ask)
            yield Page(tuple(Call(str(number)) for number in range(150)), 0, 150)

    found = list_once(fetch, 100)
    assert (len(found.calls), found.incomplete_reason, len(requests)) == (150, None, 2)


def test_an_empty_page_under_a_positive_total_is_no_complete_list() -> None:
    """The API says 7 and shows none: they are unseen, and the incomplete_reason says so."""
    found = list_once(still(0, total=7).fetch, 100)
    assert (found.unseen, found.incomplete_reason) == (
        7,
        "7 of 7 calls that the API reports are missing from its list",
    )
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

    found = list_once(fetch, 100)  # type: ignore[arg-type]  # a generator function, typed as an iterator
    assert found.incomplete_reason is None
    assert server.throughout <= {call.call_sid for call in found.calls}


def renaming(server: MovingList, name: Callable[[str], str]) -> FetchPages:
    """Return what fetches the pages of a server with other names for its calls."""

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for page in server.fetch(asks):
            calls = (Call(name(call.call_sid), start_time=call.start_time) for call in page.calls)
            yield Page(tuple(calls), page.unreadable, page.total)

    return fetch


@settings(max_examples=150)
@given(LISTS, PAGE_SIZES, st.sampled_from(ORDERS), st.booleans(), st.binary(max_size=8))
def test_what_is_asked_does_not_depend_on_what_the_calls_are_called(
    server: dict[str, int], page_size: int, order: str, starts: bool, key: bytes
) -> None:
    """A replay, whose calls have other names, is asked the same."""
    asked = []
    for name in (str, lambda call_sid: blake2b(call_sid.encode(), key=key, digest_size=8).hexdigest()):
        moving = MovingList(**server, order=order, starts=starts, copies=[(3, 40), (50, 9)])  # type: ignore[arg-type]
        list_once(renaming(moving, name), page_size)
        asked.append(moving.requests)
    assert asked[0] == asked[1]


def test_a_list_without_stable_order_says_so() -> None:
    """The reason names the cause, which no further request would repair: none is wasted on it."""
    server = still(500, order="shuffled")
    found = list_once(server.fetch, 50)
    assert found.incomplete_reason is not None
    assert "no stable order" in found.incomplete_reason
    assert found.cause is Cause.ORDER
    assert len(server.requests) <= 12 + server.window


def test_unreadable_rows_take_their_place_in_the_list() -> None:
    """A row that can't be read was listed all the same: it is no unseen call."""

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for offset, limit in asks:
            rows = range(offset, min(offset + limit, 10))
            yield Page(tuple(Call(str(row)) for row in rows if row != 4), sum(row == 4 for row in rows), 10)

    found = list_once(fetch, 4)
    assert (len(found.calls), found.unseen, found.incomplete_reason) == (9, 0, None)


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
        list_once(fetch, 100)
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

    found = list_once(fetch, 100)
    assert found.incomplete_reason == "calls could be missing between 1 pair of pages"
    assert found.cause is Cause.TIME
    assert len(found.calls) == 205


def test_an_open_seam_is_asked_for_again_while_the_list_is_still_near() -> None:
    """The repair is the next request, not one after all other pages are in."""
    server = still(400, window=1)

    def fetch(asks: Iterable[Ask]) -> Iterator[Page]:
        for offset, limit in asks:
            if offset == 96:
                server.throughout -= set(server.alive[:20])
                del server.alive[:20]
            yield server.read(offset, limit)

    found = list_once(fetch, 100)  # type: ignore[arg-type]  # a generator function, typed as an iterator
    assert found.incomplete_reason is None
    assert [offset for offset, _ in server.requests[:3]] == [0, 96, 46]
    assert asked_again(server.requests) == 1


def test_a_first_page_that_happens_to_be_short_teaches_no_page_size() -> None:
    """The total was counted a moment before the rows: that is no smaller page."""
    calls = tuple(map(Call, map(str, range(55))))

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for offset, limit in asks:
            yield Page(calls[offset : offset + limit], 0, 56 if offset == 0 else 55)

    found = list_once(fetch, 100)
    assert (found.incomplete_reason, found.page_size) == (None, 100)


@pytest.mark.parametrize("calls", [5_000, 250])
def test_a_wider_overlap_needs_no_repairs(calls: int) -> None:
    """What an account has learnt spares it the open seams: the list moves less than the pages overlap."""
    server, lister = MovingList(calls, churn=3, order="oldest", window=8, seed=1), Lister(50, lambda: 0.0)
    repaired = []
    for _ in range(6):
        asks = list[Ask]()
        lister.list(noting(server.fetch, asks))
        repaired.append(asked_again(asks))
    assert min(repaired[1:]) <= repaired[0]
    assert min(repaired[1:]) < 3


@pytest.mark.parametrize(("total", "cause"), [(201, Cause.PAGES), (None, None)])
def test_pages_that_share_no_call_although_the_list_is_still_are_not_taken_for_one_that_moves(
    total: int | None, cause: Cause | None
) -> None:
    """A server that rounds offsets up leaves gaps for ever; where no total is told, nobody knows."""

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for offset, limit in asks:
            start = -(-offset // limit) * limit
            yield Page(tuple(Call(str(row)) for row in range(start, min(start + limit, 201))), 0, total)

    found = list_once(fetch, 50)
    assert found.incomplete_reason is not None
    assert found.cause is cause


def test_a_list_that_runs_away_is_one_that_moves() -> None:
    """So many calls end between two pages that no overlap holds: the totals show it."""
    alive = list(range(2_000))

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for offset, limit in asks:
            yield Page(tuple(Call(str(row)) for row in alive[offset : offset + limit]), 0, len(alive))
            del alive[: 2 * limit]

    found = list_once(fetch, 50)
    assert found.incomplete_reason is not None
    assert found.cause is Cause.MOVING


@settings(max_examples=100)
@given(LISTS, PAGE_SIZES, st.sampled_from(ORDERS), st.sampled_from(["true", "wild", None, 70]))
def test_only_an_incomplete_listing_has_a_cause(
    server: dict[str, int], page_size: int, order: str, total: int | str | None
) -> None:
    """And one that was proven to stand still is never told to move, nor the reverse."""
    moving = MovingList(**server, order=order, total=total)  # type: ignore[arg-type]
    found = list_once(moving.fetch, page_size)
    if found.incomplete_reason is None:
        assert found.cause is None
    if total == 70:
        assert found.cause is not Cause.MOVING


PLACES = st.tuples(st.integers(0, 149), st.integers(0, 149))


@settings(max_examples=150)
@given(
    st.integers(1, 150),
    st.lists(PLACES, max_size=1)
    | st.lists(st.integers(0, 149).map(lambda n: (n, n)), max_size=150, unique=True),
    st.integers(20, 60),
    st.sampled_from(["true", "calls", None]),
)
def test_a_row_that_comes_twice_costs_few_requests(
    calls: int, copies: list[tuple[int, int]], page_size: int, total: str | None
) -> None:
    """One anywhere, or any number next to what they repeat; the total may count rows or calls."""
    doubled = MovingList(calls, copies=copies, total=total)
    found = list_once(doubled.fetch, page_size)
    assert found.incomplete_reason is None
    assert {call.call_sid for call in found.calls} == set(doubled.alive)
    assert len(found.calls) == calls
    assert found.unseen in (0, None)
    plain = MovingList(len(doubled.rows), total="true" if total else None)
    assert requests_when_known(doubled, page_size) <= requests_when_known(plain, page_size) + 3


@pytest.mark.parametrize("place", [0, 50, 97, 98, 120, 193, 249])
@pytest.mark.parametrize("call", [0, 98, 130, 249])
def test_one_row_of_250_that_comes_twice_is_told_apart_from_a_missing_call(call: int, place: int) -> None:
    """251 rows, 250 calls, a total of 251: complete, by one more request or two."""
    doubled = still(250, copies=[(call, place)])
    found = list_once(doubled.fetch, 100)
    assert (len(found.calls), found.unseen, found.incomplete_reason) == (250, 0, None)
    assert requests_when_known(doubled, 100) <= 5


def test_totals_that_move_a_little_excuse_only_a_few_unseen_calls() -> None:
    """A server that lists 100 of 250 rows, and reports now 250, now 251: the first ones are not all."""
    reported = iter([250, 251] * 50)

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for offset, limit in asks:
            rows = tuple(Call(str(row)) for row in range(offset, min(100, offset + limit)))
            yield Page(rows, 0, None if offset else next(reported))

    found = list_once(fetch, 60)
    assert (len(found.calls), found.cause) == (100, Cause.TOTAL)
    assert found.unseen in {150, 151}
    assert found.incomplete_reason is not None


@pytest.mark.parametrize("total", [150, 2**53])
def test_a_short_list_that_reports_many_calls_is_no_server_of_short_pages(total: int) -> None:
    """Three rows: what they lack is told, not how many requests pages of three would take."""
    short = still(3, total=total)
    found = list_once(short.fetch, 100, most_requests=60)
    assert (len(found.calls), found.cause) == (3, Cause.TOTAL)
    assert len(short.requests) <= 12


def test_a_list_in_pages_of_ten_that_takes_too_many_requests_is_not_begun() -> None:
    """One request shows that there are more, and none is spent on the rest."""
    long = still(5_000, cap=10)
    with pytest.raises(ListingFailed) as caught:
        list_once(long.fetch, 100, most_requests=100)
    assert caught.value.error.reason is Reason.BUDGET
    assert len(long.requests) == 2


def test_several_rows_of_a_page_that_come_twice_cost_one_request() -> None:
    """Five calls of the first page, each once more far behind it: 255 rows, 250 calls."""
    doubled = still(250, copies=[(call, 200 + call) for call in (10, 20, 30, 40, 50)])
    found = list_once(doubled.fetch, 100)
    assert (len(found.calls), found.unseen, found.incomplete_reason) == (250, 0, None)
    assert requests_when_known(doubled, 100) <= 5


@settings(max_examples=150)
@given(
    LISTS,
    st.integers(0, 149),
    st.integers(10, 20),
    st.integers(20, 60),
    st.sampled_from(["oldest", "newest", "arbitrary"]),
)
def test_a_row_that_comes_twice_in_a_moving_list_invents_and_hides_nothing(
    server: dict[str, int], call: int, away: int, page_size: int, order: str
) -> None:
    """Complete means that nobody is missing, and everyone is listed once.

    The copy is some rows away: what stands next to what it repeats can't be told from an overlap.
    """
    server |= {"calls": max(30, server["calls"]), "cap": max(20, server["cap"])}
    moving = MovingList(**server, order=order, copies=[(call, call + away)])  # type: ignore[arg-type]
    found = list_once(moving.fetch, page_size)
    listed = {call.call_sid for call in found.calls}
    assert len(listed) == len(found.calls)
    if found.incomplete_reason is None:
        assert moving.throughout <= listed
    assert len(moving.requests) <= bound(moving, found)


def test_a_call_that_moved_is_not_taken_for_one_that_the_list_holds_twice() -> None:
    """It is gone from where it was first: calls change places, and the list is read a second time."""
    server = still(300, window=1)

    def fetch(asks: Iterable[Ask]) -> Iterator[Page]:
        for offset, limit in asks:
            if offset == 96:
                server.alive.insert(150, server.alive.pop(10))
            yield server.read(offset, limit)

    found = list_once(fetch, 100)  # type: ignore[arg-type]  # a generator function, typed as an iterator
    assert (len(found.calls), found.incomplete_reason, found.order) == (300, None, Order.MOVING)


@settings(max_examples=100)
@given(st.integers(1, 150), st.sets(st.integers(0, 149)), st.integers(2, 60), st.sampled_from(["true", None]))
def test_rows_that_can_not_be_read_are_counted_once(
    calls: int, unreadable: set[int], page_size: int, total: str | None
) -> None:
    """Those in an overlap come twice."""
    server = MovingList(calls, unreadable=unreadable, total=total)
    found = list_once(server.fetch, max(20, page_size))
    if found.incomplete_reason is None:
        assert found.unreadable == len(server.unreadable)
        assert len(found.calls) == calls - len(server.unreadable)


@settings(max_examples=150)
@given(
    st.integers(0, 150),
    st.integers(20, 60),
    st.integers(2, 60),
    st.integers(0, 400) | st.sampled_from(["page", "wild", None]),
)
def test_rows_that_contradict_the_total_are_read_to_their_end(
    calls: int, cap: int, page_size: int, total: int | str | None
) -> None:
    """Fewer than there are, as many as are on the page, any number: what is complete is everyone.

    One lie can't be told from the truth: that a first page, cut below what was asked, was the whole list.
    """
    lying = still(calls, cap=cap, total=total)
    found = list_once(lying.fetch, page_size)
    shown = min(calls, cap, max(2, page_size))
    if isinstance(total, int) and total < shown:
        assert found.incomplete_reason is None
    if found.incomplete_reason is None and not (
        shown < max(2, page_size) and total in {shown, "page", "wild"}
    ):
        assert [call.call_sid for call in found.calls] == lying.alive


def test_a_total_below_the_rows_of_the_first_page_is_not_believed() -> None:
    """Pages of 50, 60 calls, and a total of 45."""
    server = still(60, cap=50, total=45)
    found = list_once(server.fetch, 100)
    assert (len(found.calls), found.total, found.incomplete_reason) == (60, 45, None)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("calls", "total", "most"), [(1000, 45, 20), (250, "page", 5), (1000, 300, 16), (5, 0, 2)]
)
def test_a_total_that_is_too_low_costs_few_requests(calls: int, total: int | str, most: int) -> None:
    """What lies behind it is read in growing strides."""
    server = still(calls, total=total)
    found = list_once(server.fetch, 100)
    assert (len(found.calls), found.incomplete_reason) == (calls, None)
    assert len(server.requests) <= most


@settings(max_examples=100)
@given(st.integers(0, 999), st.integers(20, 100), st.integers(20, 100), st.integers(1, 6))
def test_a_server_that_rounds_offsets_is_listed_whole(
    calls: int, cap: int, page_size: int, window: int
) -> None:
    """Each page begins at a multiple of the limit: pages are asked for that share rows all the same."""
    rounding = still(calls, cap=cap, window=window, rounds_offsets=True)
    found = list_once(rounding.fetch, page_size)
    assert found.incomplete_reason is None
    assert [call.call_sid for call in found.calls] == rounding.alive
    assert requests_when_known(rounding, page_size) <= 1.5 * -(-calls // found.page_size) + 2


def test_pages_share_as_many_rows_as_they_are_to_share() -> None:
    """A share that comes to a row more by rounding would let the search for one that fits never end."""
    wrong = [
        (served, rows)
        for served in range(2, 201)
        for rows in range(1, served // 2 + 1)
        if Paging(served, served, 0.5, rounds_offsets=False).sharing(rows).shared != rows
    ]
    assert not wrong


def test_a_list_of_one_call_behind_rounded_offsets_is_asked_for_like_any() -> None:
    """No page of two rows fits into one: the total tells of a second call, which isn't there."""
    server, lister = still(300, rounds_offsets=True), Lister(100, lambda: 0.0)
    lister.list(server.fetch)
    del server.alive[1:]
    server.total = 2
    assert lister.list(server.fetch).cause is Cause.TOTAL


def test_what_rounds_offsets_is_remembered_and_costs_few_requests() -> None:
    """Ten thousand calls by a hundred."""
    server, lister = still(9_990, window=12, rounds_offsets=True), Lister(100, lambda: 0.0)
    assert lister.list(server.fetch).incomplete_reason is None
    first = len(server.requests)
    assert lister.list(server.fetch).incomplete_reason is None
    again = len(server.requests) - first
    assert all(offset % limit == 0 for offset, limit in server.requests[first:])
    assert again <= 1.2 * 100
    assert first <= 1.22 * 100 + server.window


@settings(max_examples=150)
@given(LISTS, st.integers(10, 60), st.sampled_from(["oldest", "newest", "arbitrary"]))
def test_a_moving_list_behind_rounded_offsets_hides_nothing(
    server: dict[str, int], page_size: int, order: str
) -> None:
    """Complete means that nobody is missing."""
    rounding = MovingList(**server, order=order, rounds_offsets=True)  # type: ignore[arg-type]
    found = list_once(rounding.fetch, page_size)
    if found.incomplete_reason is None:
        assert rounding.throughout <= {call.call_sid for call in found.calls}


@settings(max_examples=100)
@given(LISTS, st.integers(20, 60), st.booleans(), st.sampled_from([400, 404, 416, 422]))
def test_an_error_beyond_the_end_is_the_end(
    server: dict[str, int], page_size: int, tells_total: bool, status: int
) -> None:
    """Rather than an empty page."""
    total = "true" if tells_total else None
    plain, refusing = (
        MovingList(**{**server, "cap": 60}, total=total, beyond=each)  # type: ignore[arg-type]
        for each in (None, status)
    )
    found = list_once(refusing.fetch, page_size)
    if server["churn"] == 0:
        assert found.incomplete_reason is None
        assert list_once(plain.fetch, page_size).by_sid == found.by_sid
    if found.incomplete_reason is None:
        assert refusing.throughout <= {call.call_sid for call in found.calls}


def refused(status: int, inside: int | None = None) -> ApiError:
    """Return a refusal of what was asked for."""
    return ApiError(Reason.BAD_RESPONSE, "refused", status=status, inside=inside)


REFUSED = pytest.mark.parametrize(
    "refusal", [refused(400), refused(413), refused(422), refused(200, 400), refused(200, 422)]
)


@REFUSED
def test_a_limit_that_is_refused_in_any_way_is_asked_for_smaller(refusal: ApiError) -> None:
    """By HTTP's status or in the body of a 200."""
    server = still(70, cap=20, refuses_large_limits=True, refusal=refusal)
    found = list_once(server.fetch, 100)
    assert (len(found.calls), found.incomplete_reason, found.page_size) == (70, None, 20)


@REFUSED
def test_rows_out_of_reach_are_told_and_those_before_are_listed(refusal: ApiError) -> None:
    """A search stops at a window of 10,000 rows."""
    server = still(15_000, reach=10_000, refusal=refusal, window=12)
    found = list_once(server.fetch, 100)
    assert (len(found.calls), found.total, found.unseen) == (10_000, 15_000, 5_000)
    assert found.incomplete_reason == (
        f"the API refuses rows 9984 to 10084 of its list (HTTP {refusal.effective_status}): "
        "5000 of 15000 calls that it reports can't be listed"
    )
    assert len(server.requests) <= 105 + server.window


def test_a_list_as_long_as_the_reach_is_not_proven_to_end_there() -> None:
    """A search counts no farther than it reaches: what lies behind isn't known."""
    found = list_once(still(12_000, total=10_000, reach=10_000).fetch, 100)
    assert (len(found.calls), found.unseen) == (10_000, 0)
    assert (
        found.incomplete_reason
        == "the API refuses rows 9984 to 10084 of its list (HTTP 400): calls there can't be listed"
    )


@pytest.mark.parametrize("calls", [9_900, 9_985, 9_999])
def test_a_list_that_ends_just_within_reach_is_listed_whole(calls: int) -> None:
    """Its last page is asked for so that it ends where the window does."""
    found = list_once(still(calls, reach=10_000).fetch, 100)
    assert (len(found.calls), found.incomplete_reason) == (calls, None)


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_first_page_that_is_refused_is_a_failure(status: int) -> None:
    """It is no empty list."""

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for _ in asks:
            raise ApiError(Reason.NOT_FOUND, "refused", status=status)
            yield

    with pytest.raises(ListingFailed):
        list_once(fetch, 20)


def test_a_listing_that_fails_tells_what_it_learnt_of_the_server() -> None:
    """Or the limit that was refused would be tried again each time."""
    server, lister = still(10_000, cap=20, refuses_large_limits=True), Lister(100, lambda: 0.0)
    with pytest.raises(ListingFailed):
        lister.list(server.fetch, 200)
    server.requests.clear()
    with pytest.raises(ListingFailed):
        lister.list(server.fetch, 200)
    assert server.requests == [(0, 20)]
