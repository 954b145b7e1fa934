"""The collector of active calls: lists them, and says what is true of them."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from exporter.collect.agents import AgentTally, tally_agents
from exporter.collect.counters import Counters
from exporter.collect.each_agent import agent_names, each_agent
from exporter.collect.estimate import Estimate
from exporter.collect.estimator import Estimator, Sampled
from exporter.collect.lifecycle import LifeCounts, Lifecycle
from exporter.collect.lines import Lines, tally_lines
from exporter.collect.longest import longest_calls
from exporter.collect.snapshot import ActiveCalls
from exporter.collect.tallies import tally_calls
from exporter.config import AccountConfig, MetricsConfig
from exporter.exotel.client import Client
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import ApiError, Incomplete, Reason
from exporter.exotel.listing.lister import Lister, Listing, ListingFailed
from exporter.exotel.listing.order import Order
from exporter.exotel.listing.paging import Ask
from exporter.exotel.models import Call, Page


@dataclass(frozen=True, slots=True)
class Listed:
    """How a listing went."""

    found: ActiveCalls | None
    error: ApiError | None
    """Why there is no active_calls."""
    calls: Sequence[Call] = ()
    """What was listed, where it was complete."""
    reported: int | None = None
    """`total_active` as the API said it."""
    unseen: int | None = None
    """Calls reported beyond those listed; None where there was no listing to compare."""
    seen: int | None = None
    """Distinct calls in the pages that came, complete or not; None where none came."""
    order: Order | None = None
    """What orders the list; None where it doesn't show."""
    requests: int | None = None
    """What a listing of this size takes, as far as it is known; None where there was none."""
    estimate: tuple[Estimate, ...] = ()
    """How many calls there likely are, where that is asked for and they weren't listed whole."""
    wants_sample: bool = False
    """Whether a sample is to be read for it."""


class CallsCollector:
    """Lists the calls of an account; keeps what listings teach of the server, and of the life of calls."""

    def __init__(
        self, config: AccountConfig, metrics: MetricsConfig, client: Client, counters: Counters
    ) -> None:
        self._metrics = metrics
        self._client = client
        self._counters = counters
        self._lines = Lines(config.lines)
        self._lifecycle = Lifecycle.before(metrics.duration_buckets)
        self._lister = Lister(config.collection.page_size, time.monotonic)
        self._estimator = Estimator(config.collection)
        self._knows_agents = True

    @property
    def lives(self) -> LifeCounts:
        """Give what was counted of the life of calls."""
        return self._lifecycle.counts

    def collect(self, deadline: Deadline) -> Listed:
        """List the calls, and tally them if none can be missing."""
        if reason := self._estimator.takes_turn():
            return Listed(None, reason, wants_sample=True)
        started, made = time.monotonic(), self._counters.requests(Endpoint.CALLS)
        most = self._client.rate_limiter.within(deadline.remaining())
        try:
            listing = self._lister.list(partial(self._pages, deadline=deadline), most)
        except ListingFailed as failed:
            return self._failed(failed, most)
        self._estimator.note_end(listing)
        window = time.monotonic() - started + listing.age
        self._counters.unknown({"call": listing.unreadable})
        incomplete_reason = _doubt(listing)
        return Listed(
            None if incomplete_reason else self._snapshot(listing.calls, window),
            incomplete_reason,
            () if incomplete_reason else listing.calls,
            listing.total,
            listing.unseen,
            seen=len(listing.calls),
            order=listing.order,
            requests=max(listing.requests, self._counters.requests(Endpoint.CALLS) - made),
            estimate=self._estimator.of_listing(listing),
        )

    def sample(self, most_requests: int, deadline: Deadline) -> Sampled | None:
        """Estimate the calls from pages that lie evenly over the list, if they allow it.

        Raises ApiError.
        """
        return self._estimator.sample(partial(self._pages, deadline=deadline), most_requests)

    def _failed(self, failed: ListingFailed, most: int) -> Listed:
        """Give what is known of a listing that failed, and could make so many requests."""
        was_begun = failed.error.reason is not Reason.BUDGET or failed.needed <= most
        self._estimator.note_failure(failed, was_begun=was_begun)
        return Listed(
            None,
            failed.error.bare(),
            reported=failed.total,
            seen=failed.listed,
            requests=failed.needed,
            wants_sample=self._estimator.samples(failed),
        )

    def _pages(self, asks: Iterable[Ask], deadline: Deadline) -> Generator[Page, None, None]:
        """Give pages as the client does; count the totals that say nothing."""
        with closing(self._client.pages(asks, deadline)) as pages:
            for page in pages:
                self._counters.unknown({"total_active": page.total is None})
                yield page

    def _snapshot(self, calls: Sequence[Call], window: float) -> ActiveCalls:
        ended_at, at, metrics = time.time(), time.monotonic(), self._metrics
        tally, agents = tally_calls(calls, metrics.duration_buckets), self._tally_agents(calls)
        self._counters.unknown(tally.unknown)
        self._counters.unknown(agents.unknown if agents else {"agent_details": len(calls)})
        returned = self.lives.returned
        self._lifecycle = self._lifecycle.after(calls, at)
        if self.lives.returned > returned:
            self._lister.doubt_order()
        return ActiveCalls(
            ended_at=ended_at,
            window=window,
            calls=tally,
            agents=agents,
            each_agent=each_agent(calls) if metrics.per_agent else (),
            agent_names=agent_names(calls) if metrics.agent_names else {},
            lines=tally_lines(calls, self._lines),
            longest_calls=longest_calls(calls, metrics.longest_calls, self._lines),
            longest_rings=self._lifecycle.longest_rings,
        )

    def _tally_agents(self, calls: Sequence[Call]) -> AgentTally | None:
        """Count agents; an empty list says as much of them as the last one that wasn't."""
        if calls:
            tally = tally_agents(calls)
            self._knows_agents = tally is not None
            return tally
        return tally_agents(()) if self._knows_agents else None


def _doubt(listing: Listing) -> ApiError | None:
    """Give the reason why a listing can't be counted, if there is one."""
    if listing.unreadable and not listing.calls:
        detail = f"none of the {listing.unreadable} rows of the list could be read: they name no call"
        return ApiError(Reason.BAD_RESPONSE, detail)
    return Incomplete(listing.incomplete_reason, listing.cause) if listing.incomplete_reason else None
