"""An account's collectors: they run one after the other, and what each finds adds to one snapshot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import structlog

from exporter.collect.calls import DETAILS_MARGIN, CallsCollector
from exporter.collect.counters import Counters
from exporter.collect.details import StreamTally
from exporter.collect.history import History, Served
from exporter.collect.lifecycle import ObservedCounts
from exporter.collect.live import LiveCalls
from exporter.collect.runs import Outages, Runs
from exporter.collect.scheduler import Scheduler
from exporter.collect.shared import Shared
from exporter.collect.snapshot import ActiveCalls, Result, Snapshot
from exporter.collect.streams import StreamsCollector
from exporter.config import AccountConfig, CollectionConfig, MetricsConfig
from exporter.exotel.client import Client
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import Failure, Reason
from exporter.exotel.models import AgentStreams, Call, PersonalCall
from exporter.exotel.transport import Transport

_AGENT_STREAMS_TIMEOUT = 2.0  # seconds for a single request, which must not take them from the details

_log = structlog.stdlib.get_logger(__name__)


class Collectors:
    """Runs what is switched on for an account: first the listing, and what it leaves goes to details.

    For one thread at a time.
    """

    def __init__(
        self,
        config: AccountConfig,
        metrics: MetricsConfig,
        shared: Shared,
        transport: Callable[[CollectionConfig], Transport],
    ) -> None:
        self.counters = counters = Counters(config.name)
        self.outages = shared.outages or Outages(config.name)
        self.history = shared.history or History()
        rows = _row_type(config, metrics)
        self.client = client = Client(config, counters, rows, shared.rate_limiter, transport)
        self.scheduler = Scheduler(config.collection, client.rate_limiter)
        self._config = config
        self._metrics = metrics
        self._runs = Runs(config.name, counters, self.outages)
        self._keeps_live_calls = shared.keeps_live_calls
        self.calls = CallsCollector(
            config,
            metrics,
            client,
            counters,
            self.scheduler,
            keeps_rows=config.collection.streams.enabled or shared.keeps_live_calls,
        )
        self.streams = StreamsCollector(config.collection.streams, client, counters)

    @property
    def lives(self) -> ObservedCounts:
        """Return what was counted of calls that came and went, since the start."""
        return self.calls.lives

    def collect(self, deadline: Deadline) -> Iterator[Snapshot]:
        """Yield the snapshot as it grows: with the listing, then with each detail; the last one is whole."""
        remaining, budget = f"{deadline.remaining():.1f}s", self.client.rate_limiter.remaining()
        _log.debug("collection started", account=self._config.name, deadline=remaining, budget=budget)
        self.scheduler.begin()
        if self.client.has_new_credentials():
            self._runs.forget_refusals()
        yield (snapshot := self._list_calls(deadline))
        for detailed in self._with_details(snapshot, deadline.child(earlier=DETAILS_MARGIN)):
            yield (snapshot := detailed)
        had_little_time = deadline.seconds < self._config.collection.timeout
        failure = snapshot.failure
        was_cut = failure is not None and failure.reason is Reason.TIMEOUT and had_little_time
        self.scheduler.end(failure, was_cut=was_cut)

    def broke_off(self, seconds: float, failure: Failure) -> Snapshot:
        """Take note of a collection that ended before its listing began, or broke off."""
        self.history.failed(time.monotonic())
        return self.failed(self._runs.ended(Endpoint.CALLS, seconds, failure))

    def failed(self, listing: Result) -> Snapshot:
        """Return the snapshot of a listing that found nothing."""
        return self._with_settings(Snapshot(time.time()), listing)

    def live_calls(self, snapshot: Snapshot) -> LiveCalls | None:
        """Return the calls that were just listed, if they are kept and none can be missing."""
        if not self._keeps_live_calls or snapshot.active_calls is None:
            return None
        return LiveCalls(
            self._config.name,
            snapshot,
            self.calls.listed,
            self.calls.lifecycle,
            self.streams.inspections,
            max_age=self._config.collection.streams.max_age,
            has_lines=bool(self._config.lines),
            has_names=self._metrics.agent_names,
        )

    def _list_calls(self, deadline: Deadline) -> Snapshot:
        served = Served.of(self.lives)
        found, result = self._runs.run(Endpoint.CALLS, partial(self.calls.collect, deadline))
        snapshot = self._with_settings(found or Snapshot(time.time()), result)
        self._remember(snapshot.active_calls, result.seconds, served)
        return snapshot

    def _remember(self, listed: ActiveCalls | None, seconds: float, served: Served) -> None:
        """Add how a listing went to the history; of callers, those served since there were only these."""
        if listed is None:
            self.history.failed(time.monotonic())
        else:
            since = Served.of(self.lives).since(served)
            self.history.listed(time.monotonic(), listed.calls.total, seconds, since)

    def _with_settings(self, snapshot: Snapshot, listing: Result) -> Snapshot:
        """Add how the listing went, and what the configuration says."""
        config = self._config.collection
        is_on = {Endpoint.STREAMS: config.streams.enabled, Endpoint.AGENT_STREAMS: config.agent_streams}
        return replace(
            snapshot,
            results={Endpoint.CALLS: listing, **{each: None for each in is_on if is_on[each]}},
            sustainable_interval=self.scheduler.sustainable_interval,
            call_limit=self._config.call_limit,
        )

    def _with_details(self, snapshot: Snapshot, deadline: Deadline) -> Iterator[Snapshot]:
        """Add what else is switched on, as far as the listing has left time and requests for it."""
        wants_streams = snapshot.active_calls is not None and Endpoint.STREAMS in snapshot.results
        if wants_streams:
            yield (snapshot := replace(snapshot, streams=self._tally_streams()))
        wants_sessions = Endpoint.AGENT_STREAMS in snapshot.results and not snapshot.was_refused
        if wants_sessions and deadline.remaining():
            most = min(_AGENT_STREAMS_TIMEOUT, deadline.remaining() / 2)
            yield (snapshot := self._with_agent_streams(snapshot, deadline.child(most=most)))
        if wants_streams:
            yield self._with_streams(snapshot, deadline)

    def _with_agent_streams(self, snapshot: Snapshot, deadline: Deadline) -> Snapshot:
        if resting := self._runs.resting(Endpoint.AGENT_STREAMS):
            return snapshot.with_result(Endpoint.AGENT_STREAMS, resting)

        def collect() -> tuple[AgentStreams, None]:
            found = self.client.agent_streams(deadline)
            self.counters.unknown({"agent_streams_limit": found.limit is None})
            return found, None

        found, result = self._runs.run(Endpoint.AGENT_STREAMS, collect)
        return replace(snapshot.with_result(Endpoint.AGENT_STREAMS, result), agent_streams=found)

    def _with_streams(self, snapshot: Snapshot, deadline: Deadline) -> Snapshot:
        if resting := self._runs.resting(Endpoint.STREAMS):
            return snapshot.with_result(Endpoint.STREAMS, resting)
        if not deadline.remaining():
            return snapshot
        quota = self.scheduler.detail_quota()
        collect = partial(self.streams.collect, self.calls.listed, quota, deadline)
        found, result = self._runs.run(Endpoint.STREAMS, collect)
        return replace(snapshot.with_result(Endpoint.STREAMS, result), streams=found)

    def _tally_streams(self) -> StreamTally | None:
        """Count what is known of the calls just listed; a failure must not cost the listing."""
        try:
            return self.streams.tally(self.calls.listed)
        except Exception:  # noqa: BLE001  # the run that follows fails of the same, and says so
            return None


def _row_type(config: AccountConfig, metrics: MetricsConfig) -> type[Call]:
    """Return the type that rows are decoded into: personal data only where something asks for it."""
    return PersonalCall if config.lines or metrics.agent_names else Call
