"""Metrics of the collection itself: whether it succeeded, what it covers, what it asked of the API."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.api.errors import Reason
from exporter.api.retry import RETRIED
from exporter.expose.metric import Kind, Metric, Point
from exporter.observe.account import CALLS
from exporter.observe.ledger import NO_REQUESTS, Counts
from exporter.observe.observation import Observation

UP = Metric(
    "exotel_up",
    Kind.GAUGE,
    "1 when every readable active call was listed in this collection; else 0, and no call metrics.",
)
SUCCESS = Metric(
    "exotel_collector_success", Kind.GAUGE, "1 when the collector's last run succeeded.", ("collector",)
)
DURATION = Metric(
    "exotel_collector_duration_seconds", Kind.GAUGE, "How long the collector's last run took.", ("collector",)
)
FAILURES = Metric(
    "exotel_collector_failures_total",
    Kind.COUNTER,
    "Failed runs of the collector, by reason.",
    ("collector", "reason"),
)
TIMESTAMP = Metric(
    "exotel_snapshot_timestamp_seconds",
    Kind.GAUGE,
    "When the listing behind these metrics ended, in seconds since 1970.",
)
WINDOW = Metric(
    "exotel_snapshot_window_seconds",
    Kind.GAUGE,
    "How long the listing took: a call that came or went inside may be counted either way.",
)
UNSEEN = Metric(
    "exotel_snapshot_unseen_calls",
    Kind.GAUGE,
    "Calls the API reports beyond those listed; some may have come while it was listed.",
)
REPORTED = Metric(
    "exotel_calls_reported",
    Kind.GAUGE,
    "Active calls as the API reports them (total_active), even when the listing then failed.",
)
LIMIT = Metric(
    "exotel_call_limit", Kind.GAUGE, "Concurrent calls the plan allows, as configured (call_limit)."
)
REQUESTS = Metric(
    "exotel_api_requests_total",
    Kind.COUNTER,
    "Requests to the API; code is the HTTP status, or the reason when there was no answer.",
    ("endpoint", "code"),
)
REQUEST_DURATION = Metric(
    "exotel_api_request_duration_seconds",
    Kind.HISTOGRAM,
    "How long requests to the API took, answered or not.",
    ("endpoint",),
)
RETRIES = Metric(
    "exotel_api_retries_total",
    Kind.COUNTER,
    "Requests to the API that were made again, by the reason why the one before failed.",
    ("endpoint", "reason"),
)
BUDGET = Metric(
    "exotel_api_budget_remaining_requests",
    Kind.GAUGE,
    "Requests that requests_per_minute leaves for the current minute; 0 also while the API asks for a pause.",
)
INTERVAL = Metric(
    "exotel_sustainable_interval_seconds",
    Kind.GAUGE,
    "The shortest interval that the request budget allows for a listing of this size. When scraped more "
    "often, the last complete listing is given again, with its time stamp.",
)
UNKNOWN = Metric(
    "exotel_unknown_values_total",
    Kind.COUNTER,
    "Values missing, unreadable or outside the known sets, each time one is read, by field; "
    'field="call" counts rows that could not be read.',
    ("field",),
)

METRICS = (
    *(UP, SUCCESS, DURATION, FAILURES, TIMESTAMP, WINDOW, UNSEEN, INTERVAL),
    *(REPORTED, LIMIT, REQUESTS, REQUEST_DURATION, RETRIES, BUDGET, UNKNOWN),
)

_FIELDS = (
    *("call", "direction", "status", "duration", "recording_enabled"),
    *("agent_details", "agent_id", "agent_status"),
)


def points(observation: Observation) -> Iterator[Point]:
    """Give what can be said however the collection went, and of the snapshot where there is one."""
    snapshot = observation.snapshot
    yield UP(snapshot is not None)
    yield SUCCESS(snapshot is not None, CALLS)
    yield DURATION(observation.seconds, CALLS)
    if observation.reported is not None:
        yield REPORTED(observation.reported)
    if observation.unseen is not None:
        yield UNSEEN(observation.unseen)
    yield BUDGET(observation.budget_remaining)
    if observation.sustainable_interval is not None:
        yield INTERVAL(observation.sustainable_interval)
    if observation.call_limit is not None:
        yield LIMIT(observation.call_limit)
    if snapshot is not None:
        yield TIMESTAMP(snapshot.ended_at)
        yield WINDOW(snapshot.window)


def counters(counts: Counts) -> Iterator[Point]:
    """Give the points of all counters; what is known to be countable starts at 0."""
    for reason in Reason:
        yield FAILURES(counts.failures.get((CALLS, reason), 0), CALLS, reason)
    retries: dict[tuple[str, str], int] = {(CALLS, reason): 0 for reason in RETRIED}
    for (endpoint, why), requests in sorted({**retries, **counts.retries}.items()):
        yield RETRIES(requests, endpoint, why)
    for (endpoint, code), requests in sorted({(CALLS, "200"): 0, **counts.requests}.items()):
        yield REQUESTS(requests, endpoint, code)
    for endpoint, durations in sorted({CALLS: NO_REQUESTS, **counts.request_durations}.items()):
        yield REQUEST_DURATION.histogram(durations, endpoint)
    for field, values in sorted({**dict.fromkeys(_FIELDS, 0), **counts.unknown}.items()):
        yield UNKNOWN(values, field)
