"""Which collectors of an account fail, since when, and what the log says of it."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from datetime import UTC, datetime
from math import inf
from threading import Lock

import structlog

from exporter.exotel.errors import ApiError

_Kind = tuple[object, ...]

_MINUTE = 59.0  # seconds in which an unchanged failure is logged once: what rests for a minute may come early
_MOST_KINDS = 20  # of failures that are told apart, or a server that invents codes would fill the memory
_NUMBER = re.compile(r"\d+")

_log = structlog.stdlib.get_logger(__name__)


class Outages:
    """Logs failures and recoveries; several threads may tell of them.

    A failure is logged at once, and then once a minute for as long as it stays what it is, with how often it
    came since. Whoever debugs sees each.
    """

    def __init__(self, account: str) -> None:
        self._account = account
        self._lock = Lock()
        self._by_collector: dict[str, _Outage] = {}

    def failed(self, collector: str, error: ApiError, *, was_untold: bool = False) -> None:
        """Take note that a collector's run failed, or that what it found could not be told."""
        with self._lock:
            outage = self._by_collector.setdefault(collector, _Outage())
            outage.is_untold = was_untold
            times = outage.add(error)
        level = logging.WARNING if times else logging.DEBUG
        self._tell(level, "collection failed", collector, error, times=times if times > 1 else None)

    def recovered(self, collector: str) -> None:
        """Take note that a collector's run succeeded; after one that wasn't told, the next one counts."""
        with self._lock:
            outage = self._by_collector.pop(collector, None)
            if outage is not None and outage.is_untold:
                outage.is_untold = False
                self._by_collector[collector] = outage
                return
        if outage is not None:
            self._tell(
                logging.INFO,
                "collection recovered",
                collector,
                down_seconds=round(time.monotonic() - outage.began, 1),
                failures=outage.failures,
            )

    def recall(self, *collectors: str) -> None:
        """Log the last failure of each of these collectors that hasn't recovered, for those who debug."""
        with self._lock:
            outages = {name: self._by_collector[name] for name in collectors if name in self._by_collector}
            last = {name: (outage.at, outage.error) for name, outage in outages.items()}
        for collector, (at, error) in last.items():
            moment = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self._tell(logging.DEBUG, "last failure", collector, error, at=moment)

    def _tell(
        self, level: int, message: str, collector: str, error: ApiError | None = None, **more: object
    ) -> None:
        about = {
            name: getattr(error, name, None)
            for name in ("reason", "cause", "status", "code", "detail", "request_id")
        }
        _log.log(level, message, account=self._account, collector=collector, **about, **more)


class _Outage:
    """The failures of one collector since it last succeeded."""

    error: ApiError
    """The last one."""
    at: float
    """When that was, in seconds since 1970."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.failures = 0
        self.is_untold = False
        """Whether the last run succeeded, and what it found could not be told."""
        self._logged_at: dict[_Kind, float] = {}
        self._unlogged: Counter[_Kind] = Counter()

    def add(self, error: ApiError) -> int:
        """Take in a failure; give how often its kind came since it was logged, or 0 if it was just logged."""
        self.error, self.at = error, time.time()
        self.failures += 1
        kind = (error.reason, error.cause, error.status, error.code, _NUMBER.sub("", error.detail))
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
