"""Metrics of the active calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from exporter.collect.estimate import Estimate
from exporter.collect.snapshot import ActiveCalls
from exporter.metrics.metric import Kind, Metric, Point

_PAIR = ("direction", "status")

ACTIVE_CALLS = Metric(
    "exotel_active_calls",
    Kind.GAUGE,
    "Concurrent calls in the last complete listing. Known directions and statuses are 0 when there are none; "
    "other = a value the exporter doesn't know, unknown = the API gave none.",
    _PAIR,
)
DURATION = Metric(
    "exotel_active_call_duration_seconds",
    Kind.GAUGE_HISTOGRAM,
    "How long the active calls have lasted so far, as the API says it. It can fall: don't use rate(). "
    "In OpenMetrics the longest call of each bucket is its exemplar.",
    _PAIR,
)
LONGEST = Metric(
    "exotel_longest_call_duration_seconds",
    Kind.GAUGE,
    "Duration so far of the longest active call; 0 when there is no call, absent when no duration is told.",
    _PAIR,
)
RECORDED = Metric(
    "exotel_recording_enabled_calls",
    Kind.GAUGE,
    "Active calls for which the API says that recording is enabled; absent when it says nothing of it.",
    _PAIR,
)
ONE_CALL = Metric(
    "exotel_call_duration_seconds",
    Kind.GAUGE,
    "Duration so far of each of the longest active calls; opt-in (longest_calls). Each call is a series of "
    "its own for as long as it is among them: keep their number small, storage grows with every new one. "
    "agent_id is none for a call with no agent.",
    ("call_sid", "agent_id", *_PAIR, "line"),
)
ESTIMATE = Metric(
    "exotel_active_calls_estimate",
    Kind.GAUGE,
    "Concurrent calls as estimated from a part of the list, scaled up to the total that the API reports; "
    "opt-in (estimate), only while the calls can't be listed whole. Of whole listings: exotel_active_calls.",
    _PAIR,
)
ESTIMATE_ERROR = Metric(
    "exotel_active_calls_estimate_error",
    Kind.GAUGE,
    "How far off exotel_active_calls_estimate may be: half the width of its interval of 95 %.",
    _PAIR,
)

METRICS = (ACTIVE_CALLS, DURATION, LONGEST, RECORDED, ONE_CALL, ESTIMATE, ESTIMATE_ERROR)


def points(active_calls: ActiveCalls) -> Iterator[Point]:
    """Give the points of the active calls."""
    for group in active_calls.calls.groups:
        pair = group.direction, group.status
        yield ACTIVE_CALLS(group.calls, *pair)
        yield DURATION.histogram(group.durations, *pair)
        if group.longest is not None:
            yield LONGEST(group.longest, *pair)
        if group.recorded is not None:
            yield RECORDED(group.recorded, *pair)
    for call in active_calls.longest_calls:
        labels = call.call_sid, call.agent_id, call.direction, call.status, call.line
        yield ONE_CALL(call.duration, *labels)


def estimated(estimates: Iterable[Estimate]) -> Iterator[Point]:
    """Give the points of what was estimated, where the calls could not be listed."""
    for estimate in estimates:
        pair = estimate.direction, estimate.status
        yield ESTIMATE(estimate.calls, *pair)
        yield ESTIMATE_ERROR(estimate.error, *pair)
