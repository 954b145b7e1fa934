"""Metrics of the life of calls, as differences between complete listings tell it."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from exporter.collect.lifecycle import LifeCounts
from exporter.collect.snapshot import ActiveCalls
from exporter.metrics.metric import Kind, Metric, Point

_UNSEEN = "Calls shorter than the time between two listings can't be seen."

STARTED = Metric(
    "exotel_observed_calls_started_total",
    Kind.COUNTER,
    f"Calls that appeared between complete listings, however far these were apart: after a failure many may "
    f"appear at once. {_UNSEEN}",
    ("direction",),
)
ENDED = Metric(
    "exotel_observed_calls_ended_total",
    Kind.COUNTER,
    f"Calls that two complete listings in a row lacked, by the last status seen. {_UNSEEN}",
    ("direction", "status"),
)
RETURNED = Metric(
    "exotel_observed_calls_returned_total",
    Kind.COUNTER,
    "Calls that one complete listing lacked and the next one had again: each proves that the first wasn't as "
    "complete as it seemed. They count neither as ended nor as started again.",
)
RING_DURATION = Metric(
    "exotel_observed_ring_duration_seconds",
    Kind.HISTOGRAM,
    "From the first listing that showed a call queued or ringing to the first that showed it in progress "
    "(answered) or no more (unanswered). Calls that no listing showed waiting aren't in it, nor those that "
    "rang while there was no listing for more than five minutes.",
    ("direction", "outcome"),
)
DURATION = Metric(
    "exotel_observed_call_duration_seconds",
    Kind.HISTOGRAM,
    "Last seen duration of calls that ended, unanswered ones included. Of those that ended while there was "
    f"no listing for more than five minutes it isn't known. {_UNSEEN}",
    ("direction",),
)
LONGEST_RING = Metric(
    "exotel_observed_longest_ring_seconds",
    Kind.GAUGE,
    "How long the call that waits longest has been seen queued or ringing; 0 when none does.",
    ("direction",),
)

METRICS = (STARTED, ENDED, RETURNED, RING_DURATION, DURATION, LONGEST_RING)


def points(active_calls: ActiveCalls) -> Iterator[Point]:
    """Give the points of the calls that wait now."""
    for direction, seconds in active_calls.longest_rings.items():
        yield LONGEST_RING(seconds, direction)


def counters(lives: LifeCounts) -> Iterator[Point]:
    """Give the points of the counters; they stand still while listings fail."""
    for direction, calls in sorted(lives.started.items()):
        yield STARTED(calls, direction)
    for pair, calls in sorted(lives.ended.items()):
        yield ENDED(calls, *pair)
    yield RETURNED(lives.returned)
    for labels, histogram in sorted(lives.rings.items(), key=itemgetter(0)):
        yield RING_DURATION.histogram(histogram, *labels)
    for direction, histogram in sorted(lives.durations.items(), key=itemgetter(0)):
        yield DURATION.histogram(histogram, direction)
