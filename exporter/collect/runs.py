"""The runs of an account's collectors: whatever happens in one is its failure, timed, counted and logged."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from threading import Lock
from typing import TypeVar

import structlog

from exporter.collect.counters import Counters
from exporter.collect.scheduler import REFUSALS, REST
from exporter.collect.snapshot import Result
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import Failure, Reason
from exporter.exotel.remediation import remediation_of

_F = TypeVar("_F")

_MINUTE = 59.0  # seconds in which an unchanged failure is logged once: what rests for a minute may come early
_MOST_KINDS = 20  # of failures that are told apart, or a server that invents codes would fill the memory
_NUMBER = re.compile(r"\d+")
_FACTS = ("reason", "cause", "status", "code", "detail", "request_id")  # of a failure, as the log has them

_log = structlog.stdlib.get_logger(__name__)


class Runs:
    """The runs of one account's collectors; what was refused rests for a while."""

    def __init__(self, account: str, counters: Counters, outages: Outages) -> None:
        self._account = account
        self._counters = counters
        self._outages = outages
        self._refused: dict[Endpoint, tuple[Result, float]] = {}  # and until when it rests

    def run(
        self, collector: Endpoint, collect: Callable[[], tuple[_F | None, Failure | None]]
    ) -> tuple[_F | None, Result]:
        """Run a collector; return what it found, and how that went."""
        started, found = time.monotonic(), None
        try:
            found, failure = collect()
        except Exception as error:  # noqa: BLE001  # whatever it is, the other collectors are to run
            failure = Failure.of(error)
        return found, self.ended(collector, time.monotonic() - started, failure)

    def ended(self, collector: Endpoint, seconds: float, failure: Failure | None) -> Result:
        """Take note of how a run ended."""
        result = Result(seconds, failure)
        if failure is None:
            _log.debug("collected", account=self._account, collector=collector, seconds=round(seconds, 3))
            self._outages.recovered(collector)
            return result
        if failure.reason in REFUSALS or failure.reason is Reason.NOT_FOUND:
            self._refused[collector] = result, time.monotonic() + REST
        self._counters.failure(collector, failure.reason)
        self._outages.failed(collector, failure)
        return result

    def resting(self, collector: Endpoint) -> Result | None:
        """Return how a collector's last run went while it isn't to run again, because it was refused."""
        result, until = self._refused.get(collector, (None, 0.0))
        if time.monotonic() >= until:
            return None
        _log.debug("skipped: refused less than a minute ago", account=self._account, collector=collector)
        self._outages.recall([collector])
        return result

    def forget_refusals(self) -> None:
        """Allow what was refused to run again."""
        self._refused.clear()


class Outages:
    """Which collectors of an account fail, since when, and what the log says of it. Thread-safe.

    A failure is logged at once, and then once a minute for as long as it stays what it is, with how often it
    came since. Whoever debugs sees each.
    """

    def __init__(self, account: str) -> None:
        self._account = account
        self._lock = Lock()
        self._by_collector: dict[str, _Outage] = {}

    def failed(self, collector: str, failure: Failure, *, was_withdrawn: bool = False) -> None:
        """Take note that a collector's run failed, or that what it found could not be exported."""
        with self._lock:
            outage = self._by_collector.setdefault(collector, _Outage())
            outage.was_withdrawn = was_withdrawn
            times = outage.add(failure)
        more = {"times": times if times > 1 else None, "remediation": remediation_of(failure).sentence}
        self._write(
            logging.WARNING if times else logging.DEBUG, "collection failed", collector, failure, **more
        )

    def recovered(self, collector: str) -> None:
        """Take note that a collector's run succeeded; after one that was withdrawn, the next one counts."""
        with self._lock:
            outage = self._by_collector.get(collector)
            if outage is None:
                return
            if outage.was_withdrawn:
                outage.was_withdrawn = False
                return
            del self._by_collector[collector]
        down = round(time.monotonic() - outage.began, 1)
        self._write(
            logging.INFO, "collection recovered", collector, down_seconds=down, failures=outage.failures
        )

    def recall(self, collectors: Iterable[str]) -> None:
        """Log the last failure of each of these collectors that hasn't recovered, for those who debug."""
        with self._lock:
            outages = {name: self._by_collector[name] for name in collectors if name in self._by_collector}
            last = {name: (outage.at, outage.failure) for name, outage in outages.items()}
        for collector, (at, failure) in last.items():
            moment = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self._write(logging.DEBUG, "last failure", collector, failure, at=moment)

    def _write(
        self, level: int, message: str, collector: str, failure: Failure | None = None, **more: object
    ) -> None:
        about = {name: getattr(failure, name, None) for name in _FACTS}
        _log.log(level, message, account=self._account, collector=collector, **about, **more)


class _Outage:
    """The failures of one collector since it last succeeded."""

    failure: Failure
    """The last one."""
    at: float
    """When that was, in seconds since 1970."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.failures = 0
        self.was_withdrawn = False
        """Whether the last run succeeded, and what it found could not be exported."""
        self._logged_at: dict[Failure, float] = {}
        self._unlogged: Counter[Failure] = Counter()

    def add(self, failure: Failure) -> int:
        """Return how often a failure of this kind came since it was logged, or 0 if it was just logged."""
        self.failure, self.at = failure, time.time()
        self.failures += 1
        kind = replace(failure, detail=_NUMBER.sub("", failure.detail), request_id=None)
        now = time.monotonic()
        self._unlogged[kind] += 1
        if now - self._logged_at.get(kind, -inf) < _MINUTE:
            return 0
        self._logged_at.pop(kind, None)
        self._logged_at[kind] = now  # the one logged last stands last
        while len(self._logged_at) > _MOST_KINDS:
            oldest = next(iter(self._logged_at))
            del self._logged_at[oldest], self._unlogged[oldest]
        return self._unlogged.pop(kind)
