"""The sums behind the configuration that doctor prints."""

from __future__ import annotations

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from exporter.doctor.settings import budget, max_age, page_size


@given(
    limit=st.none() | st.integers(1, 10_000),
    configured=st.integers(1, 10_000),
    listing=st.integers(1, 2_000),
    others=st.integers(0, 1),
)
def test_a_minute_never_takes_more_requests_than_are_allowed(
    limit: int | None, configured: int, listing: int, others: int
) -> None:
    """Unless the listing alone does, at the longest interval."""
    found = budget(limit, configured, listing, others)
    scrapes = 60 / found.interval
    assert found.requests_per_minute <= (limit or configured)
    if found.details:
        assert (listing + others + found.details) * scrapes <= found.requests_per_minute
    if listing * 60 / 300 <= found.requests_per_minute * 0.8:
        assert listing * scrapes <= found.requests_per_minute * 0.8


@given(calls=st.integers(1, 5_000), details=st.integers(1, 1_000), interval=st.sampled_from([15, 30, 60]))
def test_a_call_is_inspected_before_it_is_forgotten(calls: int, details: int, interval: int) -> None:
    """In so many scrapes each has had its turn; but nothing is kept for longer than an hour."""
    age = max_age(calls, details, interval)
    assert 60 <= age <= 3600
    assert age >= min(3600, ceil(calls / details) * interval)


def test_the_page_size_is_the_largest_that_is_known_to_be_served() -> None:
    """Within reason; as it was where none is known."""
    assert page_size(50, 100) == 50
    assert page_size(10_000, 100) == 1_000
    assert page_size(None, 100) == 100
