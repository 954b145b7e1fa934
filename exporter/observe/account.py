"""One account: the owner of all that outlives a scrape."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import TypeVar

from exporter.api.client import Client
from exporter.api.deadline import Deadline
from exporter.api.endpoints import Endpoint
from exporter.api.errors import ApiError, Reason
from exporter.api.rows import Call, PersonalCall, TimedCall
from exporter.api.streams import AgentStreams
from exporter.api.threads import Crew
from exporter.config import AccountConfig, CollectionConfig, MetricsConfig
from exporter.logs import facts, place
from exporter.memory import give_memory_back
from exporter.observe.calls_collector import CallsCollector, Listed
from exporter.observe.ledger import Ledger
from exporter.observe.observation import Observation, Run, Snapshot
from exporter.observe.pace import REFUSALS, REST, Pace
from exporter.observe.streams import StreamTally
from exporter.observe.streams_collector import StreamsCollector

_T = TypeVar("_T")

_LONGEST_BESIDE = 2.0  # seconds for a single request, which must not take them from the details
_WIND_UP = 0.25  # seconds before the deadline at which details end, so that they never cost the listing

_log = logging.getLogger(__name__)


class Account:
    """Collects from one account, one collection at a time, in threads that are shared.

    Whoever asks while a collection is in flight gets that one's result. Whoever asks before the next one is
    due gets the last one's: collections are `min_interval` apart, or as far as the request budget needs.
    `before` is the account of this name that it succeeds: what the API was asked still counts.
    """

    def __init__(self, config: AccountConfig, metrics: MetricsConfig, before: Account | None = None) -> None:
        self.config = config
        self.metrics = metrics
        self._ledger = Ledger(config.name)
        self._client = Client(config, self._ledger, _rows(config, metrics))
        if before is not None and _place(before.config) == _place(config):
            self._client.budget.go_on_from(before._client.budget)
        self._calls = CallsCollector(config, metrics, self._client, self._ledger)
        self._streams = StreamsCollector(config.collection.streams, self._client, self._ledger)
        self._pace = Pace(config.collection, self._client.budget)
        self._conductor = Crew(f"{config.name}-collect", 1)
        self._lock = Lock()
        self._in_flight: Future[Observation] | None = None
        self._deadline = Deadline.after(0)
        self._is_hurried = False
        self._listed: Observation | None = None  # of the collection in flight, as far as it has come
        self._refused: dict[Endpoint, tuple[ApiError, float]] = {}  # why a collector rests, and until when
        self._last: Observation | None = None

    @property
    def name(self) -> str:
        """Give the value of the label `account`."""
        return self.config.name

    @property
    def is_collecting(self) -> bool:
        """Tell whether a collection is in flight."""
        return self._in_flight is not None and not self._in_flight.done()

    @property
    def last(self) -> Observation | None:
        """Give what the last collection found, or None before the first."""
        return self._last

    def collect(self, deadline: Deadline) -> Future[Observation]:
        """Start a collection, join the one in flight, or give the last one again while none is due.

        The future gives an Observation and never raises.
        """
        if self._is_hurried:
            deadline.end()
        with self._lock:
            if self._in_flight is not None and not self._in_flight.done():
                self._tell("joined the collection in flight")
                return self._in_flight
            if self._last is not None and self._pace.is_early and not _was_refused(self._last):
                again: Future[Observation] = Future()
                again.set_result(self._again(self._last))
                return again
            self._deadline, self._listed = deadline, None
            self._in_flight = self._conductor.submit(self._observe_if_due, deadline)
            return self._in_flight

    def unfinished(self, seconds: float) -> Observation:
        """Give the observation of someone who can't wait for the collection in flight any longer."""
        if (listed := self._listed) is not None:
            return self._renewed(listed)
        error = ApiError(Reason.TIMEOUT, "the collection is still under way")
        return self._observation(Run(seconds, None, error), Listed(None, error))

    def hurry(self) -> None:
        """End the collection in flight, and any that follows, at once, as if its deadline had come."""
        self._is_hurried = True
        self._deadline.end()
        self._client.cut()

    def close(self) -> None:
        """End the collection in flight and the connections."""
        self.hurry()
        self._client.close()

    def _observe_if_due(self, deadline: Deadline) -> Observation:
        """Collect, unless the credentials that were refused are still the same; their files may be slow."""
        if self._last is None or not self._pace.is_early or self._client.has_new_credentials():
            return self._observe(deadline)
        return self._again(self._last)

    def _again(self, last: Observation) -> Observation:
        self._tell("no collection is due: the last one is given again")
        return self._renewed(last)

    def _observe(self, deadline: Deadline) -> Observation:
        remaining = self._client.budget.remaining()
        self._tell("collection begins", deadline=f"{deadline.left():.1f}s", budget=remaining)
        self._pace.begin()
        if self._client.has_new_credentials():
            self._refused.clear()
        seconds, listed = self._attempt(partial(self._calls.collect, deadline))
        if isinstance(listed, ApiError):
            listed = Listed(None, listed)
        self._tell("listing ended", calls=len(listed.calls), reported=listed.reported, unseen=listed.unseen)
        run = self._run(Endpoint.CALLS, seconds, listed.found, listed.error)
        if listed.requests is not None:
            self._pace.learn(listed.requests, is_whole=listed.found is not None)
        observation = self._listed = self._observation(run, listed)
        observation = self._with_details(observation, listed, deadline.part(earlier=_WIND_UP))
        if any(run.error for run in observation.runs.values()):
            give_memory_back()  # it may have been for answers of any size
        had_little_time = deadline.seconds < self.config.collection.timeout
        was_cut = listed.error is not None and listed.error.reason is Reason.TIMEOUT and had_little_time
        self._pace.end(listed.error, was_cut=was_cut)
        self._last = self._renewed(observation)
        return self._last

    def _with_details(self, observation: Observation, listed: Listed, deadline: Deadline) -> Observation:
        """Add what else is switched on, as far as the listing has left time and requests for it."""
        config = self.config.collection
        was_refused = listed.error is not None and listed.error.reason in REFUSALS
        if config.streams.enabled and listed.found is not None:
            held = Run(0.0, self._streams.held(listed.calls), None)
            observation = self._listed = replace(observation, streams=held)
        if config.agent_streams and not was_refused and deadline.left():
            run = self._run_agent_streams(deadline.part(most=min(_LONGEST_BESIDE, deadline.left() / 2)))
            observation = self._listed = replace(observation, agent_streams=run)
        if config.streams.enabled and listed.found is not None:
            observation = replace(observation, streams=self._run_streams(listed.calls, deadline))
        return observation

    def _run_agent_streams(self, deadline: Deadline) -> Run[AgentStreams]:
        if error := self._rest(Endpoint.AGENT_STREAMS):
            return Run(0.0, None, error)
        seconds, result = self._attempt(partial(self._client.agent_streams, deadline))
        found, error = (None, result) if isinstance(result, ApiError) else (result, None)
        return self._run(Endpoint.AGENT_STREAMS, seconds, found, error)

    def _run_streams(self, calls: Sequence[Call], deadline: Deadline) -> Run[StreamTally]:
        if error := self._rest(Endpoint.STREAMS):
            return Run(0.0, self._streams.held(calls), error)
        most = self._pace.spare() if deadline.left() else 0
        seconds, result = self._attempt(partial(self._streams.collect, calls, most, deadline))
        found, error = (None, result) if isinstance(result, ApiError) else result
        return self._run(Endpoint.STREAMS, seconds, found, error)

    def _rest(self, collector: Endpoint) -> ApiError | None:
        """Give why a collector's last run was refused, while it is not to be asked for again."""
        error, until = self._refused.get(collector, (None, 0.0))
        return error if time.monotonic() < until else None

    def _attempt(self, collect: Callable[[], _T]) -> tuple[float, _T | ApiError]:
        """Let a collector run; give how long it took, and what it gave or what went wrong."""
        started = time.monotonic()
        result: _T | ApiError
        try:
            result = collect()
        except ApiError as error:
            result = error.bare()
        except Exception as error:  # noqa: BLE001  # whatever it is, the other accounts are to be answered
            result = ApiError(Reason.INTERNAL, place(error))
        return time.monotonic() - started, result

    def _run(self, endpoint: Endpoint, seconds: float, found: _T | None, error: ApiError | None) -> Run[_T]:
        if error is None:
            self._tell("collected", collector=endpoint, seconds=round(seconds, 3))
        else:
            if error.reason in REFUSALS or error.reason is Reason.NOT_FOUND:
                self._refused[endpoint] = error, time.monotonic() + REST
            self._ledger.failure(endpoint, error.reason)
            _log.warning(
                "collection failed",
                extra=facts(
                    account=self.name,
                    collector=endpoint,
                    reason=error.reason,
                    status=error.status,
                    code=error.code,
                    detail=error.detail,
                    request_id=error.request_id,
                ),
            )
        return Run(seconds, found, error)

    def _tell(self, message: str, **values: object) -> None:
        """Log what somebody who looks for a mistake wants to know."""
        _log.debug(message, extra=facts(account=self.name, **values))

    def _observation(self, calls: Run[Snapshot], listed: Listed) -> Observation:
        return Observation(
            ended_at=time.time(),
            calls=calls,
            streams=None,
            agent_streams=None,
            reported=listed.reported,
            unseen=listed.unseen,
            budget_remaining=self._client.budget.remaining(),
            sustainable_interval=self._pace.sustainable_interval,
            call_limit=self.config.call_limit,
            collectors=_collectors(self.config.collection),
            counts=self._ledger.counts(),
            lives=self._calls.lives,
        )

    def _renewed(self, observation: Observation) -> Observation:
        """Give an observation again, with the counters as they are now."""
        return replace(
            observation,
            budget_remaining=self._client.budget.remaining(),
            counts=self._ledger.counts(),
            lives=self._calls.lives,
        )


def _was_refused(observation: Observation) -> bool:
    """Tell whether no collection is due until the credentials are others."""
    return observation.error is not None and observation.error.reason in REFUSALS


def _place(config: AccountConfig) -> tuple[str, str]:
    """Give what the API takes for one account."""
    return config.base_url, config.account_sid


def _rows(config: AccountConfig, metrics: MetricsConfig) -> type[Call]:
    """Give the kind of rows that is needed: personal data is read only where something asks for it."""
    if config.lines or metrics.agent_names:
        return PersonalCall
    return TimedCall if config.collection.streams.enabled else Call


def _collectors(config: CollectionConfig) -> tuple[Endpoint, ...]:
    """Give the collectors that are switched on."""
    is_on = {
        Endpoint.CALLS: True,
        Endpoint.STREAMS: config.streams.enabled,
        Endpoint.AGENT_STREAMS: config.agent_streams,
    }
    return tuple(collector for collector in Endpoint if is_on[collector])
