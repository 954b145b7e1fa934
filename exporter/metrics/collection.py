"""Metrics of the collection itself: whether it succeeded, what it covers, what it asked of the API."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from exporter.collect.counters import NO_REQUESTS, Counts
from exporter.collect.histogram import Histogram
from exporter.collect.snapshot import Snapshot
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import RETRIED, Reason
from exporter.metrics.metric import Kind, Metric, Point

UP = Metric(
    "exotel_up",
    Kind.GAUGE,
    "1 when every readable active call was listed in this collection; else 0, and no call metrics.",
)
SUCCESS = Metric(
    "exotel_collector_success",
    Kind.GAUGE,
    "1 when the collector's last run succeeded; absent when it had no list of calls, or no time, to run, and "
    "until it has ended.",
    ("collector",),
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
    "How long the listing took, plus the age of what the API answered, where durations show that it was old: "
    "a call that came or went inside may be counted either way.",
)
UNSEEN = Metric(
    "exotel_snapshot_unseen_calls",
    Kind.GAUGE,
    "Calls the API reports beyond those listed; some may have come while it was listed.",
)
LISTED = Metric(
    "exotel_listed_calls",
    Kind.GAUGE,
    "Distinct calls seen in the last listing, complete or not: a lower bound while exotel_up is 0. Absent "
    "where no page came.",
)
ORDER = Metric(
    "exotel_listing_order_info",
    Kind.GAUGE,
    "Always 1; tells the order of the list, on which the proof rests that no call was lost: start = by start "
    "times, stable = another one that calls keep, moving = one in which they move, none. Absent where it "
    "doesn't show.",
    ("order",),
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
    "The shortest interval that the request budget allows for listings like the last, with all that had to "
    "be asked for again. When scraped more often, the last one is given again, with its time stamp.",
)
UNKNOWN = Metric(
    "exotel_unknown_values_total",
    Kind.COUNTER,
    "Values missing, unreadable or outside the known sets, each time one is read, by field; "
    'field="call" counts rows that could not be read.',
    ("field",),
)

METRICS = (
    *(UP, SUCCESS, DURATION, FAILURES, TIMESTAMP, WINDOW, LISTED, UNSEEN, ORDER, INTERVAL),
    *(REPORTED, LIMIT, REQUESTS, REQUEST_DURATION, RETRIES, BUDGET, UNKNOWN),
)

_FIELDS = {
    Endpoint.CALLS: (
        *("call", "direction", "status", "duration", "recording_enabled"),
        *("agent_details", "agent_id", "agent_status", "total_active"),
    ),
    Endpoint.STREAMS: (
        *("legs", "leg_direction", "leg_status", "network_type", "audio_status", "bridge_status"),
        *("start_time", "bridge_created_at", "recording", "recording_channels", "recording_duration"),
    ),
    Endpoint.AGENT_STREAMS: ("agent_streams_limit",),
}


def points(snapshot: Snapshot) -> Iterator[Point]:
    """Give what can be said however the collection went, and of the active_calls where there is one."""
    active_calls = snapshot.active_calls
    yield UP(active_calls is not None)
    for collector, run in snapshot.runs.items():
        yield SUCCESS(run.error is None, collector)
        yield DURATION(run.seconds, collector)
    if snapshot.reported is not None:
        yield REPORTED(snapshot.reported)
    if snapshot.seen is not None:
        yield LISTED(snapshot.seen)
    if snapshot.order is not None:
        yield ORDER(1, snapshot.order)
    if snapshot.unseen is not None:
        yield UNSEEN(snapshot.unseen)
    yield BUDGET(snapshot.budget_remaining)
    if snapshot.sustainable_interval is not None:
        yield INTERVAL(snapshot.sustainable_interval)
    if snapshot.call_limit is not None:
        yield LIMIT(snapshot.call_limit)
    if active_calls is not None:
        yield TIMESTAMP(active_calls.ended_at)
        yield WINDOW(active_calls.window)


def counters(counts: Counts, collectors: Collection[Endpoint]) -> Iterator[Point]:
    """Give the points of all counters; what is known to be countable of these collectors starts at 0."""
    for collector in collectors:
        for reason in Reason:
            yield FAILURES(counts.failures.get((collector, reason), 0), collector, reason)
    retries: dict[tuple[str, str], int] = {(e, reason): 0 for e in collectors for reason in RETRIED[e]}
    for (endpoint, why), requests in sorted({**retries, **counts.retries}.items()):
        yield RETRIES(requests, endpoint, why)
    answered: dict[tuple[str, str], int] = {(endpoint, "200"): 0 for endpoint in collectors}
    for (endpoint, code), requests in sorted({**answered, **counts.requests}.items()):
        yield REQUESTS(requests, endpoint, code)
    idle: dict[str, Histogram] = dict.fromkeys(collectors, NO_REQUESTS)
    for endpoint, durations in sorted({**idle, **counts.request_durations}.items()):
        yield REQUEST_DURATION.histogram(durations, endpoint)
    fields = [field for endpoint in collectors for field in _FIELDS[endpoint]]
    for field, values in sorted({**dict.fromkeys(fields, 0), **counts.unknown}.items()):
        yield UNKNOWN(values, field)
