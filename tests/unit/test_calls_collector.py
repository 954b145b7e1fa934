"""What becomes of a listing: what is said of it, whether it is complete or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exporter.collect.calls import CallsCollector
from exporter.collect.counters import Counters
from exporter.collect.scheduler import Scheduler
from exporter.collect.snapshot import Snapshot
from exporter.config import AccountConfig, CollectionConfig, MetricsConfig, Secret
from exporter.exotel.client import Client
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import ApiError, Failure, Reason
from exporter.exotel.listing.lister import Lister, Listing, ListingFailed
from exporter.exotel.listing.order import Order
from tests.rows import call

WHOLE = Listing(
    by_sid={"a": call("a", "inbound", "ringing"), "b": call("b", "inbound", "in-progress", 30)},
    unreadable=0,
    total=2,
    requests=1,
    page_size=100,
    unseen=0,
    incomplete_reason=None,
    cause=None,
)


def collected(
    monkeypatch: pytest.MonkeyPatch, outcome: Listing | ListingFailed
) -> tuple[Snapshot, Failure | None]:
    """Collect when the list is read with this outcome."""

    def read(*_: object) -> Listing:
        if isinstance(outcome, ListingFailed):
            raise outcome
        return outcome

    monkeypatch.setattr(Lister, "list", read)
    return new_collector().collect(Deadline.after(5))


def new_collector(**collection: Any) -> CallsCollector:
    """Return the collector of an account that is collected like this."""
    config = AccountConfig(
        name="acme",
        account_sid="acme1",
        base_url="https://api.example.com",
        api_key=Secret("key"),
        api_token=Secret("token"),
        collection=CollectionConfig(**collection),
    )
    counters = Counters("acme")
    client = Client(config, counters)
    scheduler = Scheduler(config.collection, client.rate_limiter)
    return CallsCollector(config, MetricsConfig(), client, counters, scheduler, keeps_rows=False)


def failed(listed: int | None) -> ListingFailed:
    """Return the failure of a listing whose pages showed so many calls."""
    error = ApiError(Reason.TIMEOUT, "…")
    return ListingFailed(error, 9, 3, 100, listed)


def test_a_window_is_wider_by_the_age_of_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes from a cache of 20 s may be as old."""
    found, _ = collected(monkeypatch, replace(WHOLE, age=20.0))
    assert found.active_calls is not None
    assert 20 <= found.active_calls.window < 25


@pytest.mark.parametrize("order", [*Order, None])
def test_the_order_of_a_list_is_told_whether_it_is_complete_or_not(
    monkeypatch: pytest.MonkeyPatch, order: Order | None
) -> None:
    """It says why it isn't."""
    for incomplete_reason in (None, "a seam is open"):
        listing = replace(WHOLE, order=order, incomplete_reason=incomplete_reason)
        assert collected(monkeypatch, listing)[0].order is order


def test_what_was_seen_is_told_of_an_incomplete_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a number: the calls themselves count nowhere."""
    listing = replace(WHOLE, incomplete_reason="a seam is open", total=5, unseen=3)
    listed, failure = collected(monkeypatch, listing)
    assert listed.active_calls is None
    assert failure == Failure(Reason.INCOMPLETE, "a seam is open")
    assert (listed.seen, listed.reported, listed.unseen) == (2, 5, 3)


@pytest.mark.parametrize("seen", [0, 7, None])
def test_what_was_seen_before_a_page_failed_is_told(
    monkeypatch: pytest.MonkeyPatch, seen: int | None
) -> None:
    """No call on the pages that came is not the same as no page."""
    listed, failure = collected(monkeypatch, failed(seen))
    assert (listed.seen, listed.reported) == (seen, 9)
    assert failure == Failure(Reason.TIMEOUT, "…")


def test_lists_are_read_twice_for_a_while_when_a_call_came_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The listing that lacked it was called complete, and wasn't."""
    doubts = 0

    def doubt(_: Lister) -> None:
        nonlocal doubts
        doubts += 1

    calls = WHOLE.by_sid
    listings = iter([calls, {"a": calls["a"]}, calls, calls])
    monkeypatch.setattr(Lister, "list", lambda *_: replace(WHOLE, by_sid=next(listings)))
    monkeypatch.setattr(Lister, "note_returned_calls", doubt)
    collector = new_collector()
    doubts_after = [collector.collect(Deadline.after(5)) and doubts for _ in range(4)]
    assert doubts_after == [0, 0, 1, 1]


@pytest.mark.parametrize(("slots", "used"), [({}, 2), ({"inbound": 2}, 4), ({"outbound-api": 2}, 2)])
def test_slots_in_use_are_counted_as_configured(
    monkeypatch: pytest.MonkeyPatch, slots: dict[str, int], used: int
) -> None:
    """By the account's own `call_slots`; unknown, not none, where the listing isn't complete."""
    listing = WHOLE
    monkeypatch.setattr(Lister, "list", lambda *_: listing)
    collector = new_collector(call_slots=slots)
    found, _ = collector.collect(Deadline.after(5))
    assert found.active_calls is not None
    assert found.active_calls.slots_used == used
    listing = replace(WHOLE, incomplete_reason="…")
    found, _ = collector.collect(Deadline.after(5))
    assert found.active_calls is None


@pytest.mark.parametrize(
    ("counts_from", "duration", "warnings"),
    [("answer", 7, 1), ("answer", 0, 0), ("answer", None, 0), ("start", 7, 0)],
)
def test_durations_that_contradict_the_configuration_are_told_once(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    counts_from: str,
    duration: float | None,
    warnings: int,
) -> None:
    """A call that waits has no duration yet, where durations count from the answer."""
    calls = {name: call(name, "inbound", "ringing", duration) for name in map(str, range(30))}
    monkeypatch.setattr(Lister, "list", lambda *_: replace(WHOLE, by_sid=calls, total=30))
    collector = new_collector(duration_counts_from=counts_from)
    for _ in range(5):
        collector.collect(Deadline.after(5))
    assert caplog.text.count("duration_counts_from: answer seems to be wrong") == warnings
