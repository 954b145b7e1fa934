"""The requests that an account may make in a minute, and the pauses that the API asks for."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import AccountConfig, CollectionConfig, Secret
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.rate_limiter import RateLimiter, RateLimiters
from tests.clock import StillClock, still_clock

HOUR = 3600
MINUTE = 60


def taken(limiter: RateLimiter, patience: float = 0.001, endpoint: Endpoint = Endpoint.CALLS) -> bool:
    """Return whether a request could be had within so many seconds."""
    try:
        with limiter.request(Deadline.after(patience), endpoint):
            pass
    except ApiError:
        return False
    return True


def reason_of_refusal(
    limiter: RateLimiter, patience: float = 0.001, endpoint: Endpoint = Endpoint.CALLS
) -> Reason:
    """Return the reason why no request can be had."""
    with pytest.raises(ApiError) as caught, limiter.request(Deadline.after(patience), endpoint):
        pass
    return caught.value.reason


# Times in eighths of a second: they add up exactly, as no time does that a test must wait for.
eighths = st.integers(0, 8 * 90).map(lambda n: n / 8)


@given(per_minute=st.integers(1, 7), asks=st.lists(st.tuples(eighths, eighths), max_size=60))
def test_no_minute_has_more_requests_than_the_limiter(
    per_minute: int, asks: list[tuple[float, float]]
) -> None:
    """Whenever they are asked for and however long one is ready to wait: in no window of 60 s."""
    with still_clock() as clock:
        limiter, times = RateLimiter(per_minute), []
        for pause, patience in asks:
            clock.forward(pause)
            if taken(limiter, patience):
                times.append(clock.ahead)
    for early, late in zip(times, times[per_minute:], strict=False):
        assert late - early >= 60


@given(per_minute=st.integers(1, 7), asks=st.lists(st.tuples(eighths, eighths), max_size=60))
def test_no_request_is_refused_that_could_have_been_made(
    per_minute: int, asks: list[tuple[float, float]]
) -> None:
    """A refusal means that the wait for the oldest request to be a minute ago outlasts the deadline."""
    with still_clock() as clock:
        limiter, times = RateLimiter(per_minute), []
        for pause, patience in asks:
            clock.forward(pause)
            asked = clock.ahead
            if taken(limiter, patience):
                times.append(clock.ahead)
                assert clock.ahead <= asked + patience
            else:
                assert times[-per_minute] + 60 >= asked + patience


@given(per_minute=st.integers(1, 7), pauses=st.lists(eighths, max_size=40))
def test_what_remains_is_what_can_be_taken_now(per_minute: int, pauses: list[float]) -> None:
    """The metric tells the truth: so many requests can be had at once, and not one more."""
    with still_clock() as clock:
        limiter = RateLimiter(per_minute)
        for pause in pauses:
            clock.forward(pause)
            taken(limiter)
        remaining = limiter.remaining()
        assert [taken(limiter) for _ in range(remaining + 1)] == [True] * remaining + [False]
        assert limiter.remaining() == 0


def test_threads_that_ask_at_once_share_one_limiter() -> None:
    """A hundred requests for 400 askers in 16 threads, to the last one."""
    limiter, had = RateLimiter(100), Counter[bool]()
    start, lock = threading.Barrier(16), threading.Lock()

    def ask() -> None:
        start.wait()
        mine = Counter(taken(limiter) for _ in range(25))
        with lock:
            had.update(mine)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert had == {True: 100, False: 300}


def test_a_used_up_minute_is_waited_for_if_that_ends_before_the_deadline() -> None:
    """Up to the deadline and no further; the refusal tells for how long, and what to do."""
    with still_clock() as clock:
        limiter = RateLimiter(2)
        assert taken(limiter)
        clock.forward(10)
        assert taken(limiter)
        with pytest.raises(ApiError) as caught, limiter.request(Deadline.after(50)):
            pass
        assert clock.ahead == 10
        assert taken(limiter, 51)
        assert clock.ahead == 60
    assert caught.value.reason == Reason.BUDGET
    assert (
        "all 2 requests of this minute are used up, the next one is possible in 50 s" in caught.value.detail
    )


def test_a_limit_that_was_lowered_is_told_as_such() -> None:
    """Neither the interval nor the page size is to blame: what was allowed before has been used."""
    with still_clock():
        limiter = RateLimiter(5)
        assert all(taken(limiter) for _ in range(5))
        limiter.requests_per_minute = 2
        with pytest.raises(ApiError) as caught, limiter.request(Deadline.after(1)):
            pass
    assert caught.value.reason == Reason.BUDGET
    assert caught.value.detail.startswith(
        "5 requests were made in the last minute, and only 2 are allowed now"
    )
    assert "raise" not in caught.value.detail


def at(clock: StillClock, seconds: float) -> str:
    """Return the HTTP date that lies so many seconds from now."""
    return formatdate(clock.time() + seconds, usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("-7", 0),
        ("1e3", 0),
        ("7.5", 7.5),
        ("٧", 0),
        ("", 0),
        ("soon", 0),
        ("7, 7", 7),
        ("7, 9.5", 9.5),
        ("7, soon", 0),
        ("Mon, 99 Foo 2023 99:99:99 GMT", 0),
        ("86400", HOUR),
        ("1700000030", 30),
        ("999999999999999999999", MINUTE),
        ("9" * 400, MINUTE),
        ("Tue, 31 Dec 9999 23:59:59 GMT", MINUTE),
    ],
)
def test_retry_after_closes_the_limiter_for_as_long_as_it_says(
    status: int, retry_after: str, pause: float
) -> None:
    """For an hour at most; what is neither seconds nor a date says nothing.

    A moment is measured against our own clock where the answer has no date of its own: a minute at most.
    """
    with still_clock() as clock:
        limiter = RateLimiter(10)
        limiter.update_from(status, {"Retry-After": retry_after})
        assert limiter.retry_after() == pause
        assert limiter.remaining() == (0 if pause else 10)
        clock.forward(pause)
        assert limiter.remaining() == 10


@pytest.mark.parametrize(
    ("seconds", "pause"), [(30, 30), (0, 0), (-30, 0), (86_400, HOUR), (-(10**9), 0), (10**10, HOUR)]
)
def test_retry_after_may_be_a_date(seconds: int, pause: float) -> None:
    """The pause lasts until then; a date that is past asks for none."""
    with still_clock() as clock:
        limiter = RateLimiter(10)
        limiter.update_from(429, {"Retry-After": at(clock, seconds), "Date": at(clock, 0)})
        assert limiter.retry_after() == pause


@given(
    st.sampled_from([200, 429, 503]),
    st.dictionaries(
        st.sampled_from(["Retry-After", "X-RateLimit-Remaining", "X-RateLimit-Reset"]),
        st.one_of(
            st.text(st.characters(max_codepoint=255)),
            st.integers().map(str),
            st.floats().map(str),
            st.builds(
                "{}, {} {} {} {}:{}:{} {}".format,
                st.sampled_from(["Mon", "x"]),
                st.integers(-1, 40),
                st.sampled_from(["Jan", "Dec", "Foo"]),
                st.one_of(st.integers(0, 3000), st.integers()),
                st.integers(-1, 25),
                st.integers(-1, 61),
                st.integers(-1, 61),
                st.sampled_from(["GMT", "-0000", "+0530", "-9999", "+99999999", "?"]),
            ),
        ),
    ),
)
def test_no_header_breaks_the_limiter(status: int, headers: dict[str, str]) -> None:
    """Whatever a server writes there: the limiter stays open, or is closed for an hour at most."""
    with still_clock():
        limiter = RateLimiter(10)
        limiter.update_from(status, headers)
        assert 0 <= limiter.retry_after() <= HOUR
        told_remaining = "X-RateLimit-Remaining" in headers
        least, most = (0, 0) if limiter.retry_after() else (0 if told_remaining else 10, 10)
        assert least <= limiter.remaining() <= most


def test_a_date_that_no_calendar_has_says_nothing() -> None:
    """A year beyond all integers is nonsense like any other, and no exception."""
    with still_clock():
        limiter = RateLimiter(10)
        limiter.update_from(429, {"Retry-After": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"})
        assert limiter.retry_after() == 0


@pytest.mark.parametrize("status", [200, 400, 404])
def test_retry_after_means_nothing_beside_another_status(status: int) -> None:
    """It is defined for a refusal that passes."""
    with still_clock():
        limiter = RateLimiter(10)
        limiter.update_from(status, {"Retry-After": "30"})
        assert limiter.retry_after() == 0


@pytest.mark.parametrize(
    ("remaining", "reset", "pause"),
    [
        ("0", "1700000030", 30),
        ("0", "1699999970", 0),
        ("0", "99999999999999", MINUTE),
        ("0", "30", 30),
        ("0", "30.5", 30.5),
        ("0", "1700000030.25", 30.25),
        ("0", "1700000030250", 30.25),
        ("0, 0", "30, 30", 30),
        ("0, 7", "30, 20", 30),
        ("0", "900", MINUTE),
        ("0", "tomorrow", 0),
        ("0", None, 0),
        ("1", "1700000030", 0),
        ("some", "1700000030", 0),
        (None, "1700000030", 0),
    ],
)
def test_an_exhausted_rate_limit_closes_the_limiter_until_its_reset(
    remaining: str | None, reset: str | None, pause: float
) -> None:
    """On any answer, a good one too; a reset that is past or unknown closes nothing.

    Exotel's limits are those of a minute, so that none is used up for longer.
    """
    headers = {"X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": reset}
    with still_clock():
        limiter = RateLimiter(10)
        limiter.update_from(200, {name: value for name, value in headers.items() if value is not None})
        assert limiter.retry_after() == pause


@pytest.mark.parametrize(
    ("remaining", "reset", "left"),
    [
        ("3", "1700000030", 3),
        ("3", "30", 3),
        ("500", "1700000030", 10),  # the configured limiter holds as well
        ("3", "1699999970", 10),
        ("3", None, 10),
        ("some", "1700000030", 10),
        ("9" * 400, "1700000030", 10),
    ],
)
def test_what_the_api_says_is_left_bounds_what_remains_until_its_reset(
    remaining: str, reset: str | None, left: int
) -> None:
    """Others may use the same account; it closes nothing."""
    headers = {"X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": reset}
    with still_clock() as clock:
        limiter = RateLimiter(10)
        limiter.update_from(200, {name: value for name, value in headers.items() if value is not None})
        assert limiter.remaining() == left
        assert limiter.retry_after() == 0
        clock.forward(30)
        assert limiter.remaining() == 10


LEFT_3 = {"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "30"}


@pytest.mark.parametrize("asking", Endpoint)
def test_what_the_list_is_told_is_left_is_spent_and_no_more(asking: Endpoint) -> None:
    """By whoever asks, until the reset; then the configured limit holds again."""
    with still_clock() as clock:
        limiter = RateLimiter(10)
        limiter.update_from(200, LEFT_3)
        assert [taken(limiter, endpoint=asking) for _ in range(4)] == [True] * 3 + [False]
        assert limiter.remaining() == 0
        assert reason_of_refusal(limiter, endpoint=asking) == Reason.RATE_LIMITED
        clock.forward(30)
        assert limiter.remaining() == 7


def test_what_is_left_is_waited_for_if_the_reset_comes_before_the_deadline() -> None:
    """As a used up minute is."""
    with still_clock() as clock:
        limiter = RateLimiter(10)
        limiter.update_from(200, LEFT_3)
        assert limiter.wait_for(3) == 0
        assert limiter.wait_for(4) == 30
        assert [taken(limiter, patience=31) for _ in range(4)] == [True] * 4
        assert clock.ahead == 30


@pytest.mark.parametrize("asking", [Endpoint.STREAMS, Endpoint.AGENT_STREAMS])
@pytest.mark.parametrize("remaining", ["0", "3"])
@pytest.mark.parametrize("status", [200, 429, 503])
def test_no_header_of_what_is_beside_the_list_costs_the_list_anything(
    asking: Endpoint, remaining: str, status: int
) -> None:
    """Its bucket may be its own; it is obeyed by who was told."""
    told = {"X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": "30", "Retry-After": "30"}
    with still_clock():
        limiter = RateLimiter(10)
        limiter.update_from(status, told, asking)
        left = int(remaining) if status == 200 else 0
        assert [taken(limiter, endpoint=asking) for _ in range(left + 1)] == [True] * left + [False]
        assert limiter.remaining() == 10 - left
        assert [taken(limiter) for _ in range(10 - left)] == [True] * (10 - left)


@given(
    allowed=st.integers(0, 40),
    steps=st.lists(st.tuples(st.sampled_from(["send", "count", "answer"]), st.integers(0, 7)), max_size=200),
)
def test_answers_that_overtake_one_another_neither_waste_nor_add_to_what_is_left(
    allowed: int, steps: list[tuple[str, int]]
) -> None:
    """Eight at a time, counted and answered in any order: never one more than allowed, all in the end.

    The first answer comes alone, as that of a listing's first page does.
    """
    with still_clock(), ExitStack() as stack:
        limiter = RateLimiter(1000)

        def send() -> ExitStack | None:
            sent = ExitStack()
            try:
                sent.enter_context(limiter.request(Deadline.after(0.001), Endpoint.CALLS))
            except ApiError:
                return None
            return stack.enter_context(sent)

        def answer(sent: ExitStack, left: int) -> None:
            limiter.update_from(200, {"X-RateLimit-Remaining": str(left), "X-RateLimit-Reset": "30"})
            sent.close()

        answer(first, allowed) if (first := send()) else pytest.fail("nothing was told yet")
        made, uncounted, counted = 0, list[ExitStack](), list[tuple[ExitStack, int]]()
        for step, which in [*steps, *[(step, 0) for _ in range(50) for step in ("send", "count", "answer")]]:
            if step == "send" and len(uncounted) + len(counted) < 8 and (sent := send()):
                made += 1
                uncounted.append(sent)
            elif step == "count" and uncounted:
                left = allowed - (made - len(uncounted)) - 1
                counted.append((uncounted.pop(which % len(uncounted)), left))
            elif step == "answer" and counted:
                answer(*counted.pop(which % len(counted)))
        assert made == allowed


@pytest.mark.parametrize("asking", Endpoint)
def test_only_a_pause_that_the_list_asks_for_holds_for_all(asking: Endpoint) -> None:
    """A single call could silence the account else."""
    closed = set(Endpoint) if asking is Endpoint.CALLS else {asking}
    with still_clock():
        limiter = RateLimiter(10)
        limiter.update_from(429, {"Retry-After": "30"}, asking)
        assert {endpoint for endpoint in Endpoint if limiter.retry_after(endpoint) == 30} == closed
        assert {endpoint for endpoint in Endpoint if not taken(limiter, endpoint=endpoint)} == closed
        assert reason_of_refusal(limiter, endpoint=asking) == Reason.RATE_LIMITED


def test_a_list_whose_rate_limit_is_exhausted_closes_the_limiter_for_all() -> None:
    """The list's is the account's."""
    with still_clock():
        limiter = RateLimiter(10)
        limiter.update_from(200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"})
        assert {limiter.retry_after(endpoint) for endpoint in Endpoint} == {30}


def test_the_longest_pause_holds() -> None:
    """Of two headers, and of two answers: the second may not shorten what the first asked for."""
    with still_clock() as clock:
        limiter = RateLimiter(10)
        reset = str(int(clock.time()) + 20)
        headers = {"Retry-After": "30", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
        limiter.update_from(429, headers)
        assert limiter.retry_after() == 30
        limiter.update_from(429, {"Retry-After": "5"})
        limiter.update_from(429, {"Retry-After": "0"})
        assert limiter.retry_after() == 30
        limiter.update_from(429, {"Retry-After": "40"})
        assert limiter.retry_after() == 40


@given(pauses=st.lists(st.tuples(st.integers(0, 100), eighths), min_size=1), patience=eighths)
def test_no_request_falls_into_a_pause(pauses: list[tuple[int, float]], patience: float) -> None:
    """Whatever pauses the API asks for, at whatever times."""
    with still_clock() as clock:
        limiter, closed_until = RateLimiter(10_000), 0.0
        for seconds, later in pauses:
            limiter.update_from(429, {"Retry-After": str(seconds)})
            closed_until = max(closed_until, clock.ahead + seconds)
            clock.forward(later)
            asked = clock.ahead
            if taken(limiter, patience):
                assert clock.ahead == max(asked, closed_until)
            else:
                assert closed_until >= asked + patience


def test_a_pause_and_a_used_up_minute_are_told_apart() -> None:
    """`rate_limited` is the API's doing, `budget` the configuration's."""
    with still_clock() as clock:
        paused, used_up = RateLimiter(10), RateLimiter(1)
        paused.update_from(429, {"Retry-After": "30"})
        assert taken(used_up)
        assert reason_of_refusal(paused) == Reason.RATE_LIMITED
        assert reason_of_refusal(used_up) == Reason.BUDGET
        clock.forward(30)
        assert taken(paused)
        assert reason_of_refusal(used_up) == Reason.BUDGET


def configured(
    account_sid: str = "acme1", base_url: str = "https://api.test", allowed: int = 10
) -> AccountConfig:
    """Return an account that may ask so often."""
    return AccountConfig(
        account_sid=account_sid,
        base_url=base_url,
        api_key=Secret("key"),
        api_token=Secret("token"),
        collection=CollectionConfig(requests_per_minute=allowed),
    )


def test_whoever_is_one_account_to_the_api_shares_one_limiter() -> None:
    """However its URL is written, and however often it is configured; another account has its own."""
    limiters = RateLimiters()
    first, other = configured(), configured("other")
    limiters.settle([first, other])
    shared = limiters.of(first)
    same = configured(base_url="https://API.test/")
    limiters.settle([first, same, other])
    assert limiters.of(first) is limiters.of(same) is shared
    assert limiters.of(other) is not shared


@pytest.mark.parametrize(("before", "after"), [(60, 200), (200, 60)])
def test_what_is_configured_last_is_allowed(before: int, after: int) -> None:
    """Also for whoever still holds the limiter; of two that are configured, the lower one."""
    with still_clock() as clock:
        limiters = RateLimiters()
        limiters.settle([configured(allowed=before)])
        limiter = limiters.of(configured())
        assert all(taken(limiter) for _ in range(before))
        limiters.settle([configured(allowed=after), configured(allowed=after + 1)])
        left = max(0, after - before)
        assert limiter.remaining() == left
        assert [taken(limiter) for _ in range(left + 1)] == [True] * left + [False]
        clock.forward(60)
        assert limiter.remaining() == after


@pytest.mark.parametrize(
    ("told", "kept_for"),
    [
        ({}, 60),
        ({"Retry-After": "300"}, 300),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "30"}, 60),
    ],
)
def test_a_limiter_outlives_its_account_as_long_as_it_says_something(
    told: dict[str, str], kept_for: float
) -> None:
    """Taken out of the configuration and put back, an account may not ask twice as often; none stays."""
    with still_clock() as clock:
        limiters = RateLimiters()
        limiters.settle([configured()])
        before = limiters.of(configured())
        assert taken(before)
        before.update_from(503, told)
        clock.forward(kept_for - 0.125)
        limiters.settle([])
        limiters.settle([configured()])
        assert limiters.of(configured()) is before
        clock.forward(0.125)
        limiters.settle([])
        assert limiters.of(configured()) is not before
