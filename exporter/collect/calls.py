"""The collector of active calls: lists them, and says what is true of them."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial

import structlog

from exporter.collect.breakdowns import Lines, agent_names, each_agent, longest_calls, tally_lines
from exporter.collect.counters import Counters
from exporter.collect.durations import DurationCheck
from exporter.collect.erlang import Capacity, capacity
from exporter.collect.estimate import Estimator
from exporter.collect.lifecycle import Lifecycle, ObservedCounts
from exporter.collect.load import AverageLoad
from exporter.collect.scheduler import Scheduler
from exporter.collect.snapshot import ActiveCalls, Snapshot
from exporter.collect.tallies import (
    AgentTally,
    CallTally,
    calls_by_slots,
    slots_used,
    tally_agents,
    tally_calls,
)
from exporter.config import AccountConfig, CountsFrom, MetricsConfig
from exporter.exotel.client import Client
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import Failure, Reason
from exporter.exotel.listing.lister import Lister, Listing, ListingFailed
from exporter.exotel.listing.pages import Ask
from exporter.exotel.models import Call, Page

DETAILS_MARGIN = 0.25  # seconds before the deadline; samples and details must never cost the listing

_log = structlog.stdlib.get_logger(__name__)


class CallsCollector:
    """Lists the calls of an account; keeps what listings teach of the server, and of the life of calls."""

    def __init__(  # noqa: PLR0913  # an account's parts, and what needs its rows
        self,
        config: AccountConfig,
        metrics: MetricsConfig,
        client: Client,
        counters: Counters,
        scheduler: Scheduler,
        *,
        keeps_rows: bool,
    ) -> None:
        """Keep the rows of the last complete listing if something needs them."""
        self._account = config.name
        self._call_limit = config.call_limit
        self._call_slots = config.collection.call_slots
        self._metrics = metrics
        self._client = client
        self._counters = counters
        self._scheduler = scheduler
        self._lines = Lines(config.lines)
        counts_from = CountsFrom(config.collection.duration_counts_from)
        self.lifecycle = Lifecycle.before(metrics.duration_buckets, counts_from, self._lines)
        """What complete listings have told."""
        self._duration_check = DurationCheck(config.name, counts_from)
        self._load = AverageLoad()
        self._capacity: Capacity | None = None
        self._keeps_rows = keeps_rows
        self._lister = Lister(config.collection.page_size, time.monotonic)
        self._estimator = Estimator(config.collection)
        self._knows_agents = True
        self.listed: Mapping[str, Call] = {}
        """The calls of the last complete listing, by call_sid; kept only if something needs them."""

    @property
    def lives(self) -> ObservedCounts:
        """Return what was counted of the life of calls."""
        return self.lifecycle.counts

    def collect(self, deadline: Deadline) -> tuple[Snapshot, Failure | None]:
        """List the calls, and tally them if none can be missing; else say why, and estimate if configured."""
        if failure := self._estimator.takes_turn():
            snapshot, most = Snapshot(time.time()), self._scheduler.sample_quota()
            return self._with_sample(snapshot, most, deadline), failure
        started, made = time.monotonic(), self._counters.requests(Endpoint.CALLS)
        most = self._client.rate_limiter.within(deadline.remaining())
        try:
            listing = self._lister.list(partial(self._pages, deadline=deadline), most)
        except ListingFailed as failed:
            return self._failed(failed, most, deadline)
        window = time.monotonic() - started + listing.age
        self._counters.unknown({"call": listing.unreadable})
        failure = _failure(listing)
        snapshot = Snapshot(
            time.time(),
            active_calls=None if failure else self._active_calls(listing, window),
            reported=listing.total,
            unseen=listing.unseen,
            seen=len(listing.calls),
            order=listing.order,
            estimate=self._estimator.of_listing(listing),
        )
        requests = max(listing.requests, self._counters.requests(Endpoint.CALLS) - made)
        self._learn(snapshot, requests, is_whole=failure is None)
        return snapshot, failure

    def _failed(
        self, failed: ListingFailed, most: int, deadline: Deadline
    ) -> tuple[Snapshot, Failure | None]:
        """Return what is known of a listing that failed, and could make so many requests."""
        snapshot = Snapshot(time.time(), reported=failed.total, seen=failed.listed)
        self._learn(snapshot, failed.needed, is_whole=False)
        was_begun = failed.error.reason is not Reason.BUDGET or failed.needed <= most
        if self._estimator.wants_sample(failed, was_begun=was_begun):
            snapshot = self._with_sample(snapshot, self._scheduler.detail_quota(), deadline)
        return snapshot, Failure.of(failed.error)

    def _learn(self, listed: Snapshot, requests: int, *, is_whole: bool) -> None:
        self._scheduler.learn(requests, is_whole=is_whole)
        calls = {"calls": listed.seen, "reported": listed.reported, "unseen": listed.unseen}
        _log.debug("listing finished", account=self._account, **calls)

    def _with_sample(self, snapshot: Snapshot, most_requests: int, deadline: Deadline) -> Snapshot:
        """Add what a sample tells of a list that isn't read whole; one that fails tells nothing."""
        fetch = partial(self._pages, deadline=deadline.child(earlier=DETAILS_MARGIN))
        try:
            sample = self._estimator.sample(fetch, most_requests)
        except Exception as error:  # noqa: BLE001  # whatever it is, it adds nothing to why the listing failed
            _log.debug("sample failed", account=self._account, detail=Failure.of(error).detail)
            return snapshot
        _log.debug("sample finished", account=self._account, requests=most_requests)
        if sample is None:
            return snapshot
        total, estimate = sample
        return replace(snapshot, reported=total, estimate=estimate)

    def _pages(self, asks: Iterable[Ask], deadline: Deadline) -> Generator[Page, None, None]:
        """Yield pages as the client does; count the totals that say nothing."""
        with closing(self._client.pages(asks, deadline)) as pages:
            for page in pages:
                self._counters.unknown({"total_active": page.total is None})
                yield page

    def _active_calls(self, listing: Listing, window: float) -> ActiveCalls:
        at, metrics, calls = time.monotonic(), self._metrics, listing.calls
        tally, agents = tally_calls(calls, metrics.duration_buckets), self._tally_agents(listing)
        self._duration_check.add(calls)
        self._counters.unknown(tally.unknown)
        self._counters.unknown(agents.unknown if agents else {"agent_details": len(calls)})
        returned, lines = self.lives.returned, self._lines.of_each(calls)
        self.lifecycle = self.lifecycle.after(listing.by_sid, at, window, self._api_time(window), lines)
        if self._keeps_rows:
            self.listed = listing.by_sid
        if self.lives.returned > returned:
            self._lister.note_returned_calls()
        return ActiveCalls(
            window=window,
            calls=tally,
            slots_used=slots_used(tally, self._call_slots),
            capacity=self._update_capacity(tally, at),
            agents=agents,
            each_agent=each_agent(calls) if metrics.per_agent else (),
            agent_names=agent_names(calls) if metrics.agent_names else {},
            longest_calls=longest_calls(calls, metrics.longest_calls, self._lines),
            lines=tally_lines(calls, lines, self._lines.names),
            longest_rings=self.lifecycle.longest_rings,
        )

    def _update_capacity(self, tally: CallTally, at: float) -> Capacity | None:
        """Return what the limit does to the average load, of which this listing becomes a part."""
        if self._call_limit is None:
            return None
        before = self._load.average
        self._load.add(at, calls_by_slots(tally, self._call_slots))
        average, grade = self._load.average, self._metrics.grade_of_service
        if average is not before:
            self._capacity = None if average is None else capacity(average, self._call_limit, grade)
        return self._capacity

    def _api_time(self, window: float) -> float:
        """Return the API's time in the middle of a listing that has just been made, in seconds since 1970."""
        return time.time() + self._client.server_clock.ahead - window / 2

    def _tally_agents(self, listing: Listing) -> AgentTally | None:
        """Count agents; an empty list says as much of them as the last one that wasn't."""
        if listing.calls:
            tally = tally_agents(listing.calls)
            self._knows_agents = tally is not None
            return tally
        return tally_agents(()) if self._knows_agents else None


def _failure(listing: Listing) -> Failure | None:
    """Return why a listing can't be counted, if it can't."""
    if listing.unreadable and not listing.calls:
        detail = f"none of the {listing.unreadable} rows in the list could be read: they have no call_sid"
        return Failure(Reason.BAD_RESPONSE, detail)
    if listing.incomplete_reason:
        return Failure(Reason.INCOMPLETE, listing.incomplete_reason, listing.cause)
    return None
