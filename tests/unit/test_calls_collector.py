"""What becomes of a listing: what is said of it, whether it is complete or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.collect.calls import CallsCollector, Listed
from exporter.collect.counters import Counters
from exporter.config import AccountConfig, MetricsConfig, Secret
from exporter.exotel.client import Client
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.listing.lister import Lister, Listing, ListingFailed
from exporter.exotel.listing.order import Order
from tests.rows import call

WHOLE = Listing(
    calls=(call("a", "inbound", "ringing"), call("b", "inbound", "in-progress", 30)),
    unreadable=0,
    total=2,
    requests=1,
    repaired=0,
    page_size=100,
    rounds_offsets=False,
    unseen=0,
    incomplete_reason=None,
    cause=None,
)


def collected(monkeypatch: pytest.MonkeyPatch, outcome: Listing | ListingFailed) -> Listed:
    """Collect when the list is read with this outcome."""

    def read(*_: object) -> Listing:
        if isinstance(outcome, ListingFailed):
            raise outcome
        return outcome

    monkeypatch.setattr(Lister, "list", read)
    return new_collector().collect(Deadline.after(5))


def new_collector() -> CallsCollector:
    """Give the collector of an account."""
    config = AccountConfig(
        name="acme",
        account_sid="acme1",
        base_url="https://api.example.com",
        api_key=Secret("key"),
        api_token=Secret("token"),
    )
    counters = Counters("acme")
    return CallsCollector(config, MetricsConfig(), Client(config, counters), counters)


def failed(listed: int | None) -> ListingFailed:
    """Give the failure of a listing whose pages showed so many calls."""
    error = ApiError(Reason.TIMEOUT, "…")
    return ListingFailed(error, 9, 3, 100, listed)


def test_a_window_is_wider_by_the_age_of_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes from a cache of 20 s may be as old."""
    found = collected(monkeypatch, replace(WHOLE, age=20.0)).found
    assert found is not None
    assert 20 <= found.window < 25


@pytest.mark.parametrize("order", [*Order, None])
def test_the_order_of_a_list_is_told_whether_it_is_complete_or_not(
    monkeypatch: pytest.MonkeyPatch, order: Order | None
) -> None:
    """It says why it isn't."""
    for incomplete_reason in (None, "a seam is open"):
        assert (
            collected(monkeypatch, replace(WHOLE, order=order, incomplete_reason=incomplete_reason)).order
            is order
        )


def test_what_was_seen_is_told_of_an_incomplete_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a number: the calls themselves count nowhere."""
    listed = collected(monkeypatch, replace(WHOLE, incomplete_reason="a seam is open", total=5, unseen=3))
    assert (listed.found, listed.calls) == (None, ())
    assert (listed.seen, listed.reported, listed.unseen) == (2, 5, 3)


@pytest.mark.parametrize("seen", [0, 7, None])
def test_what_was_seen_before_a_page_failed_is_told(
    monkeypatch: pytest.MonkeyPatch, seen: int | None
) -> None:
    """No call on the pages that came is not the same as no page."""
    listed = collected(monkeypatch, failed(seen))
    assert (listed.seen, listed.reported, listed.requests) == (seen, 9, 3)
    assert listed.error is not None
    assert listed.error.reason is Reason.TIMEOUT


def test_lists_are_read_twice_for_a_while_when_a_call_came_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The listing that lacked it was called complete, and wasn't."""
    doubts = 0

    def doubt(_: Lister) -> None:
        nonlocal doubts
        doubts += 1

    calls = WHOLE.calls
    listings = iter([calls, calls[:1], calls, calls])
    monkeypatch.setattr(Lister, "list", lambda *_: replace(WHOLE, calls=next(listings)))
    monkeypatch.setattr(Lister, "doubt_order", doubt)
    collector = new_collector()
    doubts_after = [collector.collect(Deadline.after(5)) and doubts for _ in calls * 2]
    assert doubts_after == [0, 0, 1, 1]
