"""What doctor makes of a rate limit's headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from exporter.doctor.asker import Question, Reply
from exporter.doctor.limits import has_own_bucket, judge, requests_a_minute, requests_of_others
from exporter.exotel.enums import Endpoint

HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
            *("Retry-After", "Date", "RateLimit", "RateLimit-Policy"),
        ]
    ),
    st.text(max_size=20)
    | st.from_regex(r"-?[0-9]{1,20}(, ?[0-9]+;w=[0-9]+)?", fullmatch=True)
    | st.sampled_from(["Mon, 01 Jan 2024 00:00:00 GMT", "1e400", "٣", "200;w=60", "inf"]),
)


def reply(
    at: float, headers: Mapping[str, str], endpoint: Endpoint = Endpoint.CALLS, status: int = 200
) -> Reply:
    """Return a reply that took half a second."""
    return Reply(Question(endpoint, ""), at, at + 0.5, 0.1, status, headers, received=1.7e9 + at)


def left(at: float, remaining: int, endpoint: Endpoint = Endpoint.CALLS) -> Reply:
    """Return a reply that says what remains of 200 requests."""
    told = {"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": str(remaining)}
    return reply(at, told, endpoint)


@given(answers=st.lists(st.tuples(HEADERS, st.sampled_from([200, 404, 429, 500]), st.sampled_from(Endpoint))))
def test_any_headers_are_judged(answers: Sequence[tuple[Mapping[str, str], int, Endpoint]]) -> None:
    """A limit is a number of requests or not told, and what stands in headers isn't repeated as text."""
    replies = [
        reply(float(at), headers, endpoint, status) for at, (headers, status, endpoint) in enumerate(answers)
    ]
    limit = requests_a_minute(replies)
    assert limit is None or 0 < limit < 10**7
    finding = judge(replies, 200)
    assert finding.value in {None, False, limit}
    assert finding.text.isprintable()
    assert finding.text.isascii()
    if len(replies) > 2:
        assert has_own_bucket(replies[0], replies[1:-1], replies[-1]) in {None, True, False}


@given(others=st.lists(st.integers(0, 9), min_size=1, max_size=12), reset_at=st.integers(0, 20))
def test_requests_of_others_are_never_overstated(others: list[int], reset_at: int) -> None:
    """Each number is what others asked between two of doctor's requests; a new minute hides some."""
    remaining, replies = 200, []
    for number, count in enumerate(others):
        remaining = 200 if number == reset_at else remaining
        remaining -= count + 1
        replies.append(left(float(number), remaining))
    found = requests_of_others(replies)
    assert 0 <= found <= sum(others[1:])
    assert found == sum(others[1:]) or reset_at in range(1, len(others))


@given(calls=st.integers(1, 4), others=st.integers(0, 2), spent=st.integers(0, 150), own=st.booleans())
def test_whether_details_have_a_limit_of_their_own_is_told_right(
    calls: int, others: int, spent: int, *, own: bool
) -> None:
    """By what remains of the list's before and after; others' may make it unclear."""
    before = left(0.0, 200 - spent)
    here = 199 - spent if own else 199 - spent - calls
    first = 200 if own else 200 - spent
    details = [left(1.0 + number, first - 1 - number, Endpoint.STREAMS) for number in range(calls)]
    after = left(9.0, here - others)
    found = has_own_bucket(before, details, after)
    assert found in {own, None} or others
    if not others and (spent or not own):
        assert found is own
