"""Metrics of stream details: legs, bridges and recordings of the calls that were looked at."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.collect.stream_tally import StreamTally
from exporter.metrics.metric import Kind, Metric, Point

CALLS = Metric(
    "exotel_stream_calls",
    Kind.GAUGE,
    "Active calls whose details are held (inspected) or not (pending): all figures of streams stand for the "
    "inspected ones. Opt-in (streams). Details are held for max_age, while the call is listed.",
    ("result",),
)
LEGS = Metric(
    "exotel_stream_legs",
    Kind.GAUGE,
    "Legs of the inspected calls.",
    ("direction", "status", "network_type"),
)
MUTED = Metric("exotel_stream_legs_muted", Kind.GAUGE, "Legs of inspected calls that are muted.")
ON_HOLD = Metric("exotel_stream_legs_on_hold", Kind.GAUGE, "Legs of inspected calls that are on hold.")
LONGEST_HOLD = Metric(
    "exotel_stream_longest_hold_seconds",
    Kind.GAUGE,
    "How long the call that is on hold for longest has been seen so, from the first look to the last; 0 when "
    "there is none, or only one look at it.",
)
BY_LEGS = Metric(
    "exotel_stream_calls_by_legs",
    Kind.GAUGE,
    "Inspected calls in progress for 10 s, by the number of legs not over: with one, somebody hears silence.",
    ("legs",),
)
ALL_MUTED = Metric(
    "exotel_stream_all_muted_calls",
    Kind.GAUGE,
    "Inspected calls in progress for 10 s of which every leg is muted.",
)
BRIDGES = Metric(
    "exotel_stream_bridges",
    Kind.GAUGE,
    "Bridges of the inspected calls, by status; none = a call in progress for 10 s without one.",
    ("status",),
)
BRIDGE_SETUP = Metric(
    "exotel_stream_bridge_setup_seconds",
    Kind.GAUGE_HISTOGRAM,
    "From the call's start to its bridge, for the inspected calls that have one.",
)
RECORDINGS = Metric(
    "exotel_stream_recordings",
    Kind.GAUGE,
    "Recordings under way among the inspected calls, by channels.",
    ("channels",),
)
MISMATCHES = Metric(
    "exotel_stream_recording_mismatch_calls",
    Kind.GAUGE,
    "Inspected calls in progress for 10 s, listed as recorded but not being recorded, or the reverse.",
)
LAG = Metric(
    "exotel_stream_recording_lag_seconds",
    Kind.GAUGE_HISTOGRAM,
    "By how much the recording is shorter than the call, for inspected calls that are being recorded.",
)

METRICS = (
    *(CALLS, LEGS, MUTED, ON_HOLD, LONGEST_HOLD, BY_LEGS, ALL_MUTED),
    *(BRIDGES, BRIDGE_SETUP, RECORDINGS, MISMATCHES, LAG),
)


def points(tally: StreamTally) -> Iterator[Point]:
    """Give the points of what is known of streams; where there are calls and none is inspected, only that."""
    yield CALLS(tally.inspected, "inspected")
    yield CALLS(tally.pending, "pending")
    if tally.pending and not tally.inspected:
        return
    if tally.knows_legs:
        yield from _legs(tally)
    for status, bridges in tally.bridges.items():
        yield BRIDGES(bridges, status or "none")
    yield BRIDGE_SETUP.histogram(tally.bridge_setup)
    if tally.knows_recordings:
        yield from _recordings(tally)


def _legs(tally: StreamTally) -> Iterator[Point]:
    for kind, legs in tally.legs.items():
        yield LEGS(legs, *kind)
    yield MUTED(tally.muted)
    yield ON_HOLD(tally.on_hold)
    yield LONGEST_HOLD(tally.longest_hold)
    for number, calls in tally.talks_by_legs.items():
        yield BY_LEGS(calls, number)
    yield ALL_MUTED(tally.all_muted)


def _recordings(tally: StreamTally) -> Iterator[Point]:
    for channels, recordings in tally.recordings.items():
        yield RECORDINGS(recordings, channels)
    yield MISMATCHES(tally.mismatches)
    yield LAG.histogram(tally.recording_lag)
