"""One account: the owner of all that outlives a scrape."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from threading import Lock

import structlog

from exporter.collect.calls import CallsCollector, Listed
from exporter.collect.counters import Counters
from exporter.collect.outages import Outages
from exporter.collect.runs import Runs
from exporter.collect.scheduler import REFUSALS, Scheduler
from exporter.collect.snapshot import ActiveCalls, Run, Snapshot
from exporter.collect.stream_tally import StreamTally
from exporter.collect.streams import StreamsCollector
from exporter.config import AccountConfig, CollectionConfig, MetricsConfig
from exporter.exotel.client import Client
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import ApiError, Reason, unexpected
from exporter.exotel.models import AgentStreams, Call, PersonalCall
from exporter.exotel.rate_limiter import RateLimiter
from exporter.exotel.worker_pool import WorkerPool

_LONGEST_BESIDE = 2.0  # seconds for a single request, which must not take them from the details
_WIND_UP = 0.25  # seconds before the deadline at which details end, so that they never cost the listing

_log = structlog.stdlib.get_logger(__name__)


class Account:
    """Collects from one account, one collection at a time, in threads that are shared.

    Whoever asks while a collection is in flight gets that one's result. Whoever asks before the next one is
    due gets the last one's: collections are `min_interval` apart, or as far as the request budget needs.
    `budget` and `outages` are those of the account of this name before, where it was configured otherwise.
    """

    def __init__(
        self,
        config: AccountConfig,
        metrics: MetricsConfig,
        budget: RateLimiter | None = None,
        outages: Outages | None = None,
    ) -> None:
        self.config = config
        self.metrics = metrics
        self._counters = Counters(config.name)
        self.outages = outages or Outages(config.name)
        self._runs = Runs(config.name, self._counters, self.outages)
        self._client = Client(config, self._counters, _rows(config, metrics), budget)
        self._calls = CallsCollector(config, metrics, self._client, self._counters)
        self._streams = StreamsCollector(config.collection.streams, self._client, self._counters)
        self._scheduler = Scheduler(config.collection, self._client.rate_limiter)
        self._conductor = WorkerPool(f"{config.name}-collect", 1)
        self._lock = Lock()
        self._in_flight: Future[Snapshot] | None = None
        self._deadline = Deadline.after(0)
        self._is_cancelled = False
        self._listed: Snapshot | None = None  # of the collection in flight, as far as it has come
        self._last: Snapshot | None = None
        self._withdrawal: tuple[Run[ActiveCalls], ApiError] | None = (
            None  # what could last not be told, and why
        )

    @property
    def name(self) -> str:
        """Give the value of the label `account`."""
        return self.config.name

    @property
    def is_collecting(self) -> bool:
        """Tell whether a collection is in flight."""
        return self._in_flight is not None and not self._in_flight.done()

    @property
    def last(self) -> Snapshot | None:
        """Give what the last collection found, or None before the first."""
        return self._last

    def collect(self, deadline: Deadline) -> Future[Snapshot]:
        """Start a collection, join the one in flight, or give the last one again while none is due.

        The future gives an Snapshot and never raises.
        """
        with self._lock:
            if self._is_cancelled:
                deadline.end()
            if self._in_flight is not None and not self._in_flight.done():
                self._tell("joined the collection in flight")
                return self._in_flight
            if self._last is not None and self._scheduler.is_early and not _was_refused(self._last):
                again: Future[Snapshot] = Future()
                again.set_result(self._again(self._last))
                return again
            self._deadline, self._listed = deadline, None
            self._in_flight = self._conductor.submit(self._observe, deadline)
            return self._in_flight

    def unfinished(self, seconds: float) -> Snapshot:
        """Give the snapshot of someone who can't wait for the collection in flight any longer."""
        if (listed := self._listed) is not None:
            return self._renewed(listed)
        error = ApiError(Reason.TIMEOUT, "the collection is still under way")
        self._tell(error.detail)
        return self._observation(Run(seconds, None, error), Listed(None, error))

    def lost(self, error: Exception) -> Snapshot:
        """Give the snapshot of a collection that broke off for a reason that nothing foresaw."""
        failure = unexpected(error)
        run: Run[ActiveCalls] = self._runs.ended(Endpoint.CALLS, 0.0, None, failure)
        return self._keep(self._observation(run, Listed(None, failure)))

    def withdraw(self, snapshot: Snapshot, error: Exception) -> Snapshot:
        """Take an snapshot back that can't be told; give what is left of it.

        That is a failure of its collection, counted once, however often it was to be told.
        """
        with self._lock:
            withdrawal = self._withdrawal
            if withdrawal is None or withdrawal[0] is not snapshot.calls:
                withdrawal = self._withdrawal = snapshot.calls, unexpected(error)
                self._counters.failure(Endpoint.CALLS, withdrawal[1].reason)
                self.outages.failed(Endpoint.CALLS, withdrawal[1], was_untold=True)
            left = snapshot.withdrawn(withdrawal[1])
            if self._last is not None and self._last.calls is snapshot.calls:
                self._last = left
        return self._renewed(left)

    def cancel(self) -> None:
        """End the collection in flight, and any that follows, at once, as if its deadline had come."""
        with self._lock:
            self._is_cancelled = True
            self._deadline.end()
        self._client.abort()

    def close(self) -> None:
        """End the collection in flight and the connections."""
        self.cancel()
        self._client.close()

    def _again(self, last: Snapshot) -> Snapshot:
        self._tell("no collection is due: the last one is given again")
        self.outages.recall(*_collectors(self.config.collection))
        return self._renewed(last)

    def _observe(self, deadline: Deadline) -> Snapshot:
        """Collect, unless the credentials that were refused are still the same; their files may be slow."""
        try:
            if self._last is None or not self._scheduler.is_early or self._client.has_new_credentials():
                return self._collect(deadline)
            return self._again(self._last)
        except Exception as error:  # noqa: BLE001  # whatever it is, the other accounts are to be answered
            return self.lost(error)

    def _collect(self, deadline: Deadline) -> Snapshot:
        remaining = self._client.rate_limiter.remaining()
        self._tell("collection begins", deadline=f"{deadline.remaining():.1f}s", budget=remaining)
        self._scheduler.begin()
        if self._client.has_new_credentials():
            self._runs.forget_refusals()
        seconds, listed = self._runs.attempt(partial(self._calls.collect, deadline))
        if isinstance(listed, ApiError):
            listed = Listed(None, listed)
        self._tell("listing ended", calls=listed.seen, reported=listed.reported, unseen=listed.unseen)
        if listed.requests is not None:
            self._scheduler.learn(listed.requests, is_whole=listed.found is not None)
        if listed.wants_sample:
            more, listed = self._sampled(listed, deadline.child(earlier=_WIND_UP))
            seconds += more
        run = self._runs.ended(Endpoint.CALLS, seconds, listed.found, listed.error)
        snapshot = self._listed = self._observation(run, listed)
        snapshot = self._with_details(snapshot, listed, deadline.child(earlier=_WIND_UP))
        had_little_time = deadline.seconds < self.config.collection.timeout
        was_cut = listed.error is not None and listed.error.reason is Reason.TIMEOUT and had_little_time
        self._scheduler.end(listed.error, was_cut=was_cut)
        return self._keep(self._renewed(snapshot))

    def _sampled(self, listed: Listed, deadline: Deadline) -> tuple[float, Listed]:
        """Add what a sample tells of a list that could not be listed, and give how long that took."""
        was_begun = listed.requests is not None
        most = self._scheduler.detail_quota() if was_begun else self._scheduler.sample_quota()
        seconds, sample = self._runs.attempt(partial(self._calls.sample, most, deadline))
        self._tell("sample ended", requests=most, error=sample if isinstance(sample, ApiError) else None)
        if sample is None or isinstance(sample, ApiError):
            return seconds, listed
        return seconds, replace(listed, reported=sample.total, estimate=sample.estimate)

    def _keep(self, snapshot: Snapshot) -> Snapshot:
        with self._lock:
            self._last = snapshot
        return snapshot

    def _with_details(self, snapshot: Snapshot, listed: Listed, deadline: Deadline) -> Snapshot:
        """Add what else is switched on, as far as the listing has left time and requests for it."""
        config = self.config.collection
        was_refused = listed.error is not None and listed.error.reason in REFUSALS
        if config.streams.enabled and listed.found is not None:
            snapshot = self._listed = replace(snapshot, held=self._held(listed.calls))
        if config.agent_streams and not was_refused and deadline.remaining():
            run = self._run_agent_streams(deadline.child(most=min(_LONGEST_BESIDE, deadline.remaining() / 2)))
            snapshot = self._listed = replace(snapshot, agent_streams=run)
        if config.streams.enabled and listed.found is not None:
            snapshot = replace(snapshot, streams=self._run_streams(listed.calls, deadline))
        return snapshot

    def _held(self, calls: Sequence[Call]) -> StreamTally | None:
        """Give what is held of these calls' details; a fault of theirs must not cost the listing."""
        _, held = self._runs.attempt(partial(self._streams.held, calls))
        return None if isinstance(held, ApiError) else held

    def _run_agent_streams(self, deadline: Deadline) -> Run[AgentStreams]:
        if run := self._runs.resting(Endpoint.AGENT_STREAMS):
            return run
        seconds, result = self._runs.attempt(partial(self._client.agent_streams, deadline))
        found, error = (None, result) if isinstance(result, ApiError) else (result, None)
        if found is not None:
            self._counters.unknown({"agent_streams_limit": found.limit is None})
        return self._runs.ended(Endpoint.AGENT_STREAMS, seconds, found, error)

    def _run_streams(self, calls: Sequence[Call], deadline: Deadline) -> Run[StreamTally] | None:
        if run := self._runs.resting(Endpoint.STREAMS):
            return replace(run, found=self._held(calls))
        if not deadline.remaining():
            return None
        look = partial(self._streams.collect, calls, self._scheduler.detail_quota(), deadline)
        seconds, result = self._runs.attempt(look)
        found, error = (None, result) if isinstance(result, ApiError) else result
        return self._runs.ended(Endpoint.STREAMS, seconds, found, error)

    def _tell(self, message: str, **values: object) -> None:
        """Log what somebody who looks for a mistake wants to know."""
        _log.debug(message, account=self.name, **values)

    def _observation(self, calls: Run[ActiveCalls], listed: Listed) -> Snapshot:
        return Snapshot(
            ended_at=time.time(),
            calls=calls,
            streams=None,
            agent_streams=None,
            held=None,
            reported=listed.reported,
            unseen=listed.unseen,
            seen=listed.seen,
            order=listed.order,
            estimate=listed.estimate,
            budget_remaining=self._client.rate_limiter.remaining(),
            sustainable_interval=self._scheduler.sustainable_interval,
            call_limit=self.config.call_limit,
            collectors=_collectors(self.config.collection),
            counts=self._counters.counts(),
            lives=self._calls.lives,
        )

    def _renewed(self, snapshot: Snapshot) -> Snapshot:
        """Give an snapshot again, with the counters as they are now."""
        return replace(
            snapshot,
            budget_remaining=self._client.rate_limiter.remaining(),
            counts=self._counters.counts(),
            lives=self._calls.lives,
        )


def _was_refused(snapshot: Snapshot) -> bool:
    """Tell whether no collection is due until the credentials are others."""
    return snapshot.error is not None and snapshot.error.reason in REFUSALS


def _rows(config: AccountConfig, metrics: MetricsConfig) -> type[Call]:
    """Give the kind of rows that is needed: personal data is read only where something asks for it."""
    return PersonalCall if config.lines or metrics.agent_names else Call


def _collectors(config: CollectionConfig) -> tuple[Endpoint, ...]:
    """Give the collectors that are switched on."""
    is_on = {
        Endpoint.CALLS: True,
        Endpoint.STREAMS: config.streams.enabled,
        Endpoint.AGENT_STREAMS: config.agent_streams,
    }
    return tuple(collector for collector in Endpoint if is_on[collector])
