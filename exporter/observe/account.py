"""One account: the owner of all that outlives a scrape."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Lock

from exporter.api.client import Client
from exporter.api.deadline import Deadline
from exporter.api.errors import ApiError, Reason
from exporter.api.listing import (
    DEFAULT_LIMIT,
    LEAST_OVERLAP,
    MOST_OVERLAP,
    Listing,
    ListingFailed,
    list_calls,
)
from exporter.config import AccountConfig
from exporter.logs import facts, place
from exporter.memory import give_memory_back
from exporter.observe.agents import AgentTally, tally_agents
from exporter.observe.calls import tally_calls
from exporter.observe.ledger import Ledger
from exporter.observe.observation import Observation, Snapshot

CALLS = "calls"
"""The collector that lists active calls, as the label `collector` names it."""

_MINUTE, _HOUR = 60.0, 3600.0  # seconds
_REFUSALS = {Reason.AUTH, Reason.FORBIDDEN}  # not asked for again for a minute: the API may lock the account

_log = logging.getLogger(__name__)


class Account:
    """Collects from one account, one collection at a time, in threads of its own.

    Whoever asks while a collection is in flight gets that one's result. Whoever asks before the next one is
    due gets the last one's: collections are `min_interval` apart, or as far as the request budget needs.
    """

    def __init__(self, config: AccountConfig, duration_bounds: Sequence[float]) -> None:
        self.config = config
        self._bounds = tuple(duration_bounds)
        self._ledger = Ledger()
        self._client = Client(config, self._ledger)
        self._conductor = ThreadPoolExecutor(1, f"{config.name}-collect")
        self._lock = Lock()
        self._in_flight: Future[Observation] | None = None
        self._deadline = Deadline.after(0)
        self._next_due = 0.0
        self._page_size = config.collection.page_size
        self._page_size_until = 0.0  # when what was learnt of it is forgotten
        self._overlap = LEAST_OVERLAP
        self._knows_agents = True
        self._needed = 1  # requests for a listing
        self._sustainable_interval: float | None = None
        self._last: Observation | None = None

    @property
    def name(self) -> str:
        """Give the value of the label `account`."""
        return self.config.name

    @property
    def last(self) -> Observation | None:
        """Give what the last collection found, or None before the first."""
        return self._last

    def collect(self, deadline: Deadline) -> Future[Observation]:
        """Start a collection, join the one in flight, or give the last one again while none is due.

        The future gives an Observation and never raises.
        """
        with self._lock:
            if self._in_flight is not None and not self._in_flight.done():
                return self._in_flight
            if self._last is not None and self._is_early(self._last):
                again: Future[Observation] = Future()
                again.set_result(self._renewed(self._last))
                return again
            self._deadline = deadline
            self._in_flight = self._conductor.submit(self._observe, deadline)
            return self._in_flight

    def unfinished(self, seconds: float) -> Observation:
        """Give the observation of someone who can't wait for the collection in flight any longer."""
        error = ApiError(Reason.TIMEOUT, "the collection is still under way")
        return self._observation(seconds, error)

    def hurry(self) -> None:
        """End the collection in flight now, as if its deadline had come."""
        self._deadline.end()
        self._client.cut()

    def close(self) -> None:
        """End the threads and connections."""
        self.hurry()
        self._conductor.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _is_early(self, last: Observation) -> bool:
        """Tell whether no collection is due yet; credentials that were refused make none due, new ones do."""
        if time.monotonic() >= self._next_due:
            return False
        was_refused = last.error is not None and last.error.reason in _REFUSALS
        return not (was_refused and self._client.has_new_credentials())

    def _observe(self, deadline: Deadline) -> Observation:
        started = time.monotonic()
        reported: int | None = None
        unseen: int | None = None
        result: Snapshot | ApiError
        try:
            listing = self._list(deadline)
            ended_at, window = time.time(), time.monotonic() - started
            reported, unseen = listing.total, listing.unseen
            result = self._snapshot(listing, ended_at, window)
        except ListingFailed as failed:
            reported, result = failed.total, failed.error.bare()
            if failed.needed <= self.config.collection.requests_per_minute:  # else no waiting helps
                self._needed = max(self._needed, failed.needed)
        except ApiError as error:
            result = error.bare()
        except Exception as error:  # noqa: BLE001  # whatever it is, the other accounts are to be answered
            result = ApiError(Reason.INTERNAL, place(error))
        if isinstance(result, ApiError):
            self._report_failure(result)
            give_memory_back()  # it may have been for answers of any size
        self._next_due = max(started + self._pause_after(result, deadline), self._affordable_at(result))
        self._last = self._observation(time.monotonic() - started, result, reported, unseen)
        return self._last

    def _list(self, deadline: Deadline) -> Listing:
        fetch = partial(self._client.pages, deadline=deadline)
        if time.monotonic() >= self._page_size_until:
            self._page_size = self.config.collection.page_size
        most_requests = self._client.budget.within(deadline.left())
        listing = list_calls(fetch, self._page_size, most_requests, self._overlap)
        self._ledger.unknown({"call": listing.unreadable})
        self._learn(listing)
        return listing

    def _snapshot(self, listing: Listing, ended_at: float, window: float) -> Snapshot:
        if listing.doubt:
            raise ApiError(Reason.INCOMPLETE, listing.doubt)
        if listing.unreadable and not listing.calls:
            detail = f"none of the {listing.unreadable} rows of the list could be read: they name no call"
            raise ApiError(Reason.BAD_RESPONSE, detail)
        calls = tally_calls(listing.calls, self._bounds)
        agents = self._tally_agents(listing)
        self._ledger.unknown(calls.unknown)
        self._ledger.unknown(agents.unknown if agents else {"agent_details": len(listing.calls)})
        return Snapshot(ended_at, window, calls, agents)

    def _tally_agents(self, listing: Listing) -> AgentTally | None:
        """Count agents; an empty list says as much of them as the last one that wasn't."""
        if listing.calls:
            tally = tally_agents(listing.calls)
            self._knows_agents = tally is not None
            return tally
        return tally_agents(()) if self._knows_agents else None

    def _learn(self, listing: Listing) -> None:
        """Take what a listing showed of the server and the list into account for the next one."""
        if listing.page_size < self._page_size:
            self._page_size = max(DEFAULT_LIMIT, listing.page_size)
            self._page_size_until = time.monotonic() + _HOUR
        wider = self._overlap * 2 if listing.seams_mended else self._overlap * 0.8
        self._overlap = min(MOST_OVERLAP, max(LEAST_OVERLAP, wider))
        self._needed = listing.requests
        listings_a_minute = max(1, self.config.collection.requests_per_minute // listing.requests)
        self._sustainable_interval = _MINUTE / listings_a_minute

    def _pause_after(self, result: Snapshot | ApiError, deadline: Deadline) -> float:
        """Give the seconds from the start of a collection to the next one, as far as the budget has them."""
        pause = self.config.collection.min_interval
        if isinstance(result, Snapshot):
            return pause
        if result.reason is Reason.TIMEOUT and deadline.seconds < self.config.collection.timeout:
            return 0.0  # the scraper had little time; the next one may have more
        return max(pause, _MINUTE) if result.reason in _REFUSALS else pause

    def _affordable_at(self, result: Snapshot | ApiError) -> float:
        """Give the time on the monotonic clock at which the budget has a whole listing like the last one."""
        needs_whole = isinstance(result, Snapshot) or result.reason in {Reason.INCOMPLETE, Reason.BUDGET}
        return time.monotonic() + (self._client.budget.wait_for(self._needed) if needs_whole else 0.0)

    def _report_failure(self, error: ApiError) -> None:
        self._ledger.failure(CALLS, error.reason)
        _log.warning(
            "collection failed",
            extra=facts(
                account=self.name,
                collector=CALLS,
                reason=error.reason,
                status=error.status,
                code=error.code,
                detail=error.detail,
                request_id=error.request_id,
            ),
        )

    def _observation(
        self,
        seconds: float,
        result: Snapshot | ApiError,
        reported: int | None = None,
        unseen: int | None = None,
    ) -> Observation:
        return Observation(
            seconds=seconds,
            reported=reported,
            unseen=unseen,
            result=result,
            budget_remaining=self._client.budget.remaining(),
            sustainable_interval=self._sustainable_interval,
            call_limit=self.config.call_limit,
            counts=self._ledger.counts(),
        )

    def _renewed(self, observation: Observation) -> Observation:
        """Give an observation again, with the counters as they are now."""
        remaining, counts = self._client.budget.remaining(), self._ledger.counts()
        return replace(observation, budget_remaining=remaining, counts=counts)
