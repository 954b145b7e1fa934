"""What has happened on an account since the exporter started: the counters."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from threading import Lock

import structlog

from exporter.collect.tallies import Bucket, Histogram

_REQUEST_BOUNDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, inf)  # seconds
NO_REQUESTS = Histogram.of((), _REQUEST_BOUNDS[:-1])
"""The durations of an endpoint that was never asked."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Counts:
    """The counters at one moment."""

    requests: Mapping[tuple[str, str], int]
    """By endpoint and code."""
    request_durations: Mapping[str, Histogram]
    """By endpoint."""
    retries: Mapping[tuple[str, str], int]
    """By endpoint and reason."""
    failures: Mapping[tuple[str, str], int]
    """By collector and reason."""
    unknown: Mapping[str, int]
    """By field."""


class Counters:
    """Counts, and logs requests for those who debug. Thread-safe."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._lock = Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._buckets: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(_REQUEST_BOUNDS))
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._retries: Counter[tuple[str, str]] = Counter()
        self._failures: Counter[tuple[str, str]] = Counter()
        self._unknown: Counter[str] = Counter()

    def request(self, endpoint: str, code: str, seconds: float) -> None:
        """Count a request by its HTTP status, or by the reason why there was none."""
        with self._lock:
            self._requests[endpoint, code] += 1
            self._buckets[endpoint][bisect_left(_REQUEST_BOUNDS, seconds)] += 1
            self._seconds[endpoint] += seconds
        _log.debug("request", account=self._account, endpoint=endpoint, code=code, seconds=round(seconds, 3))

    def requests(self, endpoint: str) -> int:
        """Return how many requests there were to an endpoint, retries counted each time."""
        with self._lock:
            return sum(count for (asked, _), count in self._requests.items() if asked == endpoint)

    def retry(self, endpoint: str, reason: str) -> None:
        """Count a request that is made again."""
        with self._lock:
            self._retries[endpoint, reason] += 1
        _log.debug("retrying", account=self._account, endpoint=endpoint, reason=reason)

    def failure(self, collector: str, reason: str) -> None:
        """Count a failed run of a collector."""
        with self._lock:
            self._failures[collector, reason] += 1

    def unknown(self, fields: Mapping[str, int]) -> None:
        """Count values outside the known sets."""
        with self._lock:
            self._unknown.update(fields)

    def counts(self) -> Counts:
        """Return all counters as they are at this moment."""
        with self._lock:
            return Counts(
                requests=dict(self._requests),
                request_durations={
                    endpoint: Histogram(
                        tuple(map(Bucket, _REQUEST_BOUNDS, accumulate(buckets))), self._seconds[endpoint]
                    )
                    for endpoint, buckets in self._buckets.items()
                },
                retries=dict(self._retries),
                failures=dict(self._failures),
                unknown=dict(self._unknown),
            )
