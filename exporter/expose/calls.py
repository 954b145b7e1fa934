"""Metrics of the active calls."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.expose.metric import Kind, Metric, Point
from exporter.observe.observation import Snapshot

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

METRICS = (ACTIVE_CALLS, DURATION, LONGEST, RECORDED)


def points(snapshot: Snapshot) -> Iterator[Point]:
    """Give the points of the active calls."""
    for group in snapshot.calls.groups:
        pair = group.direction, group.status
        yield ACTIVE_CALLS(group.calls, *pair)
        yield DURATION.histogram(group.durations, *pair)
        if group.longest is not None:
            yield LONGEST(group.longest, *pair)
        if group.recorded is not None:
            yield RECORDED(group.recorded, *pair)
