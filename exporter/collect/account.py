"""One account: the owner of all that outlives a scrape."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from threading import Lock

import structlog

from exporter.collect.collectors import Collectors
from exporter.collect.counters import Counts
from exporter.collect.gate import Turn
from exporter.collect.lifecycle import ObservedCounts
from exporter.collect.live import LiveCalls
from exporter.collect.shared import Shared
from exporter.collect.snapshot import Result, Snapshot
from exporter.config import AccountConfig, CollectionConfig, MetricsConfig
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import Failure, Reason
from exporter.exotel.transport import Transport
from exporter.exotel.worker_pool import WorkerPool

MOST_AGE = 120.0
"""Seconds since an account was last collected: until then its snapshot may stand in for a collection that is
put off, because the processor is overloaded."""
_SHARE_TO_WAIT = 0.25  # of a scrape's time, for a turn: then the last snapshot is answered

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LiveValues:
    """What is true of an account at the moment at which its metrics are written."""

    counts: Counts
    lives: ObservedCounts
    budget_remaining: int
    """Requests that may be made in the current minute."""


class Account:
    """Collects from one account, one collection at a time, in threads that are shared.

    Whoever asks while a collection is in flight gets that one's snapshot. Whoever asks before the next one is
    due gets the last one's: collections are `min_interval` apart, or as far as the request budget needs.
    Where all accounts together want more than the processor can carry, a collection waits for its turn at the
    gate that they share, and is put off when that takes too long: then, too, there is the last one's.

    `transport` makes what sends its requests.
    """

    def __init__(
        self,
        config: AccountConfig,
        metrics: MetricsConfig,
        shared: Shared | None = None,
        transport: Callable[[CollectionConfig], Transport] = Transport,
    ) -> None:
        shared = shared or Shared()
        self.name = config.name
        """The value of the label `account`."""
        self.config = config
        self.metrics = metrics
        self.last: Snapshot | None = None
        """What the last collection found; None before the first."""
        self._collectors = Collectors(config, metrics, shared, transport)
        self.outages = self._collectors.outages
        self.history = self._collectors.history
        self._worker = WorkerPool(f"{self.name}-collect", 1)
        self._gate = shared.gate
        self._lock = Lock()
        self._in_flight: Future[Snapshot] | None = None
        self._deadline = Deadline.after(0)
        self._is_cancelled = False
        self._collected_at = -math.inf  # when the last collection began, on the monotonic clock
        self._so_far: Snapshot | None = None  # of the collection in flight
        self._stand_in: Snapshot | None = None  # for whoever can't wait for the turn of that one
        self._live_calls: LiveCalls | None = None  # of the last complete listing
        self._withdrawn: tuple[Result, Failure] | None = None  # what could last not be exported, and why

    @property
    def is_collecting(self) -> bool:
        """Return whether a collection is in flight, or waits for its turn."""
        return self._in_flight is not None and not self._in_flight.done()

    def live_values(self) -> LiveValues:
        """Return the counters, and what is left of the budget, as they are now."""
        return LiveValues(
            self._collectors.counters.counts(),
            self._collectors.lives,
            self._collectors.client.rate_limiter.remaining(),
        )

    @property
    def live(self) -> tuple[Snapshot | None, LiveCalls | None]:
        """Return the last snapshot, and the calls of the last complete listing, if these are kept."""
        with self._lock:
            return self.last, self._live_calls

    def collect(self, deadline: Deadline) -> Future[Snapshot]:
        """Start a collection, join the one in flight, or return the last one's snapshot while none is due.

        The future holds a Snapshot; it raises only where not even a failure could be put down, for want of
        memory.
        """
        with self._lock:
            if self._is_cancelled:
                deadline.end()
            if self._in_flight is not None and self.is_collecting:
                self._debug("joined the collection in flight")
                return self._in_flight
            is_due = self.last is None or self._collectors.scheduler.is_due
            collection: Future[Snapshot] = Future()
            if self.last is not None and not is_due and not self.last.was_refused:
                collection.set_result(self._again(self.last))
                return collection
            self._deadline, self._so_far = deadline, None
            self._in_flight, self._stand_in = collection, self._find_stand_in(deadline)
        try:
            if is_due:
                self._gate.enter(self._turn(collection, deadline, self._stand_in))
            else:  # only to see whether there are other credentials, which takes no turn from anybody
                self._worker.submit(_settle, collection, partial(self._work, deadline))
        except Exception as error:  # noqa: BLE001  # whatever it is, nobody is to wait for ever
            collection.set_exception(error)
        return collection

    def unfinished(self, seconds: float) -> Snapshot:
        """Return the snapshot for someone who can't wait for the collection in flight any longer."""
        if (so_far := self._so_far) is not None:
            return so_far
        if (stand_in := self._stand_in) is not None:
            return self._recall(stand_in)
        failure = Failure(Reason.TIMEOUT, "the collection is still in progress")
        self._debug(failure.detail)
        return self._collectors.failed(Result(seconds, failure))

    def lost(self, error: Exception) -> Snapshot:
        """Return the snapshot of a collection that broke off for a reason that nothing foresaw."""
        return self._keep(self._collectors.broke_off(0.0, Failure.of(error)))

    def withdraw(self, snapshot: Snapshot, error: Exception) -> Snapshot:
        """Take back a snapshot that can't be exported; return what is left of it.

        That is a failure of its collection, counted once, however often it was to be exported.
        """
        with self._lock:
            if self._withdrawn is None or self._withdrawn[0] is not snapshot.calls:
                failure = Failure.of(error)
                self._withdrawn = snapshot.calls, failure
                self._collectors.counters.failure(Endpoint.CALLS, failure.reason)
                self.outages.failed(Endpoint.CALLS, failure, was_withdrawn=True)
                self.history.failed(time.monotonic(), was_withdrawn=True)
            left = snapshot.withdrawn(self._withdrawn[1])
            if self.last is not None and self.last.calls is snapshot.calls:
                self.last = left
            return left

    def cancel(self) -> None:
        """End the collection in flight, and any that follows, at once, as if its deadline had come."""
        with self._lock:
            self._is_cancelled = True
            self._deadline.end()
        self._collectors.client.abort()

    def close(self) -> None:
        """End the collection in flight and close the connections."""
        self.cancel()
        self._collectors.client.close()

    def _turn(self, collection: Future[Snapshot], deadline: Deadline, stand_in: Snapshot | None) -> Turn:
        """Return the turn that a collection waits for, as long as there is time for it and for the answer."""

        def begin() -> None:
            self._stand_in = None
            try:
                self._worker.submit(work)
            except Exception as error:  # noqa: BLE001  # no thread could be started, perhaps
                self._gate.leave()
                _settle(collection, partial(self.lost, error))

        def work() -> None:
            _settle(collection, partial(self._work, deadline), self._gate.leave)

        def put_off() -> None:
            self._debug("the processor is overloaded: the collection is put off")
            _settle(collection, partial(self._put_off, deadline, stand_in))

        needs = deadline.remaining() * (0.25 if stand_in is None else 1 - _SHARE_TO_WAIT)
        return Turn(begin, put_off, deadline, needs, self._collected_at, stand_in is not None)

    def _find_stand_in(self, deadline: Deadline) -> Snapshot | None:
        """Return the snapshot for whoever can't have a new one; by then, too, it must not be too old."""
        age = time.monotonic() - self._collected_at
        return self.last if age + deadline.seconds * _SHARE_TO_WAIT <= MOST_AGE else None

    def _put_off(self, deadline: Deadline, stand_in: Snapshot | None) -> Snapshot:
        """Return the snapshot for those whose collection the processor leaves no time for."""
        if stand_in is not None:
            return self._recall(stand_in)
        seconds = deadline.seconds - deadline.remaining()
        failure = Failure(Reason.RESOURCES, "the exporter's processor is overloaded: no turn came in time")
        return self._collectors.broke_off(seconds, failure)

    def _recall(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot once more; an outage that it tells of goes on."""
        self.outages.recall(snapshot.results)
        return snapshot

    def _again(self, last: Snapshot) -> Snapshot:
        self._debug("no collection is due yet: returning the last snapshot")
        return self._recall(last)

    def _work(self, deadline: Deadline) -> Snapshot:
        """Collect, unless the credentials that were refused are still the same; their files may be slow."""
        try:
            if (
                self.last is None
                or self._collectors.scheduler.is_due
                or self._collectors.client.has_new_credentials()
            ):
                return self._collect(deadline)
            return self._again(self.last)
        except Exception as error:  # noqa: BLE001  # whatever it is, the other accounts are to be answered
            return self.lost(error)

    def _collect(self, deadline: Deadline) -> Snapshot:
        self._collected_at = time.monotonic()
        for snapshot in self._collectors.collect(deadline):
            self._so_far = snapshot
        return self._keep(snapshot, self._collectors.live_calls(snapshot))

    def _keep(self, snapshot: Snapshot, live_calls: LiveCalls | None = None) -> Snapshot:
        with self._lock:
            self.last = snapshot
            self._live_calls = live_calls or self._live_calls
        return snapshot

    def _debug(self, message: str, **values: object) -> None:
        _log.debug(message, account=self.name, **values)


def _settle(
    collection: Future[Snapshot], find: Callable[[], Snapshot], first: Callable[[], None] = lambda: None
) -> None:
    """Give a collection's future what is found, or what went wrong, after `first`; never raise.

    Else others would wait for ever.
    """
    try:
        snapshot = find()
    except Exception as error:  # noqa: BLE001  # memory was too short for a failure, perhaps
        first()
        collection.set_exception(error)
    else:
        first()
        collection.set_result(snapshot)
