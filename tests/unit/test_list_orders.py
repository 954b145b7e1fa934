"""Listings one after the other: of lists that keep their order, are sorted by start, or change places."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from exporter.exotel.listing.lister import Lister, Listing
from exporter.exotel.listing.order import Order
from exporter.exotel.models import Call, Page
from tests.unit.test_listing import MovingList

WINDOWS = st.integers(1, 6)


class Ties(MovingList):
    """A list by start in which several calls started at each moment, and change places with each answer."""

    together = 1

    def read(self, offset: int, limit: int) -> Page:
        """Answer with the calls of each moment in another order."""
        rows = groupby(self.alive, key=lambda call_sid: self.call(call_sid).start_time)
        groups = [list(calls) for _, calls in rows]
        for calls in groups:
            self.random.shuffle(calls)
        self.alive = [call_sid for calls in groups for call_sid in calls]
        return super().read(offset, limit)

    def call(self, call_sid: str) -> Call:
        """Return the row of a call."""
        number = int(call_sid.removeprefix("call-"))
        return Call(call_sid, start_time=f"{number // self.together:09}")


def false_claims(server: MovingList, listing: Listing) -> set[str]:
    """Return the calls that a listing lost or invented which is called complete."""
    listed = {call.call_sid for call in listing.calls}
    return set() if listing.incomplete_reason else (server.throughout - listed) | (listed - server.ever)


def begin(server: MovingList) -> None:
    """Take note of who is there when a listing begins."""
    server.throughout, server.ever = set(server.alive), set(server.alive)


class Lists(RuleBasedStateMachine):
    """One account over time: it grows and shrinks, and its server changes how many rows it serves."""

    @initialize(
        calls=st.integers(0, 150),
        cap=st.integers(3, 40),
        page_size=st.integers(1, 60),
        window=WINDOWS,
        order=st.sampled_from(["oldest", "newest", "arbitrary"]),
        starts=st.booleans(),
        seed=st.integers(0, 2**32),
    )
    def open(  # each is a way in which accounts differ
        self, *, calls: int, cap: int, page_size: int, window: int, order: str, starts: bool, seed: int
    ) -> None:
        """Meet an account."""
        self.server = MovingList(calls, cap=cap, window=window, order=order, starts=starts, seed=seed)
        self.now = 0.0
        self.lister = Lister(page_size, lambda: self.now)
        self.wrong: set[str] = set()

    @rule(churn=st.integers(0, 5))
    def list_calls(self, churn: int) -> None:
        """List, while so many calls come or go with each page."""
        self.server.churn = churn
        begin(self.server)
        self.wrong |= false_claims(self.server, self.lister.list(self.server.fetch))

    @rule(calls=st.integers(1, 80))
    def grow(self, calls: int) -> None:
        """Start calls between two listings."""
        for _ in range(calls):
            self.server.be_born()

    @rule(calls=st.integers(1, 120))
    def shrink(self, calls: int) -> None:
        """End calls between two listings."""
        for _ in range(min(calls, len(self.server.alive))):
            self.server.alive.pop(self.server.random.randrange(len(self.server.alive)))

    @rule(cap=st.integers(3, 40))
    def serve_other_pages(self, cap: int) -> None:
        """Make the server serve longer pages, or shorter ones."""
        self.server.cap = cap

    @rule(seconds=st.sampled_from([1.0, 15.0, 4000.0]))
    def wait(self, seconds: float) -> None:
        """Pass the time in which what is remembered grows old."""
        self.now += seconds

    @invariant()
    def no_claim_is_false(self) -> None:
        """Whatever was learnt of the list before."""
        assert not getattr(self, "wrong", None)


TestLists = Lists.TestCase
TestLists.settings = settings(max_examples=60, stateful_step_count=12)


@settings(max_examples=100)
@given(
    st.integers(60, 150),
    st.integers(10, 40),
    WINDOWS,
    st.integers(3, 5),
    st.sampled_from(["oldest", "newest"]),
    st.integers(0, 2),
    st.integers(0, 2**32),
)
def test_no_claim_is_false_where_calls_of_one_moment_change_places(  # each is drawn
    calls: int, page: int, window: int, together: int, order: str, churn: int, seed: int
) -> None:
    """Two pages that share such a call prove nothing by it."""
    server = Ties(calls, cap=page, window=window, order=order, churn=churn, seed=seed)
    server.together = together
    lister = Lister(page, lambda: 0.0)
    for _ in range(3):
        begin(server)
        assert not false_claims(server, lister.list(server.fetch))


def hopping(server: MovingList, at: int, call: int, place: int) -> Callable[[int, int], Page]:
    """Return how a list answers in which a call hops to another place before one of the answers."""
    read, answers = server.read, 0

    def answer(offset: int, limit: int) -> Page:
        nonlocal answers
        if answers == at:
            hopper = server.alive.pop(call % len(server.alive))
            server.alive.insert(place % (len(server.alive) + 1), hopper)
        answers += 1
        return read(offset, limit)

    return answer


@settings(max_examples=150)
@given(
    st.integers(20, 150),
    st.integers(8, 40),
    WINDOWS,
    st.integers(0, 60),
    st.integers(0, 149),
    st.integers(0, 149),
    st.integers(0, 2**32),
)
def test_a_call_that_hops_once_is_in_one_of_two_readings(  # each is drawn
    calls: int, page: int, window: int, at: int, call: int, place: int, seed: int
) -> None:
    """A list of which nothing is known is read twice, where it isn't in the order of start times."""
    server = MovingList(calls, cap=page, window=window, order="arbitrary", seed=seed)
    server.read = hopping(server, at, call, place)  # type: ignore[method-assign, assignment]
    listing = Lister(page, lambda: 0.0).list(server.fetch)
    assert not false_claims(server, listing)


def test_a_list_whose_calls_change_places_is_read_twice_from_then_on() -> None:
    """And one whose calls don't is read twice the first time alone."""
    server, random = MovingList(300, order="arbitrary"), Random(1)  # noqa: S311  # seeded
    lister = Lister(50, lambda: 0.0)
    orders, requests = [], []
    for number in range(4):
        server.requests.clear()
        if number == 2:
            server.alive.insert(0, server.alive.pop(random.randrange(100, 300)))
        orders.append(lister.list(server.fetch).order)
        requests.append(len(server.requests))
    assert orders == [Order.STABLE, Order.STABLE, Order.MOVING, Order.MOVING]
    assert 2 * requests[1] <= min(requests[0], *requests[2:])


def test_a_list_that_is_read_twice_needs_the_requests_for_it() -> None:
    """Without them it is no complete listing, and says how many it takes."""
    server = MovingList(300, order="arbitrary")
    listing = Lister(50, lambda: 0.0).list(server.fetch, most_requests=10)
    assert listing.incomplete_reason == (
        f"calls change places in the list, or may, so it has to be read twice: that takes {listing.requests} "
        "requests, and fewer are left"
    )
    assert len(server.requests) <= 10 < listing.requests
