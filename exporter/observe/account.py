"""One account: the owner of all that outlives a scrape."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock

from exporter.api.client import Client
from exporter.api.deadline import Deadline
from exporter.api.errors import ApiError, Reason
from exporter.api.listing import Listing, ListingFailed, list_calls
from exporter.config import AccountConfig
from exporter.logs import facts, place
from exporter.observe.agents import tally_agents
from exporter.observe.calls import tally_calls
from exporter.observe.ledger import Ledger
from exporter.observe.observation import Observation, Snapshot

CALLS = "calls"
"""The collector that lists active calls, as the label `collector` names it."""

_log = logging.getLogger(__name__)


class Account:
    """Collects from one account, one collection at a time, in threads of its own.

    Whoever asks while a collection is in flight gets that one's result.
    """

    def __init__(self, config: AccountConfig, duration_bounds: Sequence[float]) -> None:
        self.config = config
        self._bounds = tuple(duration_bounds)
        self._ledger = Ledger()
        self._client = Client(config, self._ledger.request)
        self._lock = Lock()
        self._in_flight: Future[Observation] | None = None
        self._last: Observation | None = None
        self._conductor = ThreadPoolExecutor(1, f"{config.name}-collect")
        self._requesters = ThreadPoolExecutor(config.collection.concurrency, f"{config.name}-request")

    @property
    def name(self) -> str:
        """Give the value of the label `account`."""
        return self.config.name

    @property
    def last(self) -> Observation | None:
        """Give what the last collection found, or None before the first."""
        return self._last

    def collect(self, deadline: Deadline) -> Future[Observation]:
        """Start a collection, or join the one in flight; the future gives an Observation and never raises."""
        with self._lock:
            if self._in_flight is None or self._in_flight.done():
                self._in_flight = self._conductor.submit(self._observe, deadline)
            return self._in_flight

    def close(self) -> None:
        """End the threads and connections; a collection in flight is left to its deadline."""
        self._conductor.shutdown(wait=False, cancel_futures=True)
        self._requesters.shutdown(wait=False, cancel_futures=True)
        self._client.close()

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
            reported, result = failed.total, failed.error
        except ApiError as error:
            result = error
        except Exception as error:  # noqa: BLE001  # whatever it is, the other accounts are to be answered
            result = ApiError(Reason.INTERNAL, place(error))
        if isinstance(result, ApiError):
            self._report_failure(result)
        seconds = time.monotonic() - started
        self._last = Observation(
            seconds, reported, unseen, self.config.call_limit, result, self._ledger.counts()
        )
        return self._last

    def _list(self, deadline: Deadline) -> Listing:
        fetch = partial(self._client.active_calls, deadline=deadline)
        collection = self.config.collection
        listing = list_calls(fetch, collection.page_size, collection.concurrency, self._requesters)
        self._ledger.unknown({"call": listing.unreadable})
        return listing

    def _snapshot(self, listing: Listing, ended_at: float, window: float) -> Snapshot:
        if listing.unseen:
            detail = f"{listing.unseen} of {listing.total} calls that the API reports were not in its list"
            raise ApiError(Reason.INCOMPLETE, detail)
        calls = tally_calls(listing.calls, self._bounds)
        agents = tally_agents(listing.calls)
        self._ledger.unknown(calls.unknown)
        self._ledger.unknown(agents.unknown if agents else {"agent_details": len(listing.calls)})
        return Snapshot(ended_at, window, calls, agents)

    def _report_failure(self, error: ApiError) -> None:
        self._ledger.failure(CALLS, error.reason)
        _log.warning(
            "collection failed",
            extra=facts(
                account=self.name,
                collector=CALLS,
                reason=error.reason,
                detail=error.detail,
                request_id=error.request_id,
            ),
        )
