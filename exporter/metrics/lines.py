"""Metrics of the account's lines."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.collect.snapshot import ActiveCalls
from exporter.metrics.metric import Kind, Metric, Point

CALLS = Metric(
    "exotel_line_calls",
    Kind.GAUGE,
    'Active calls by configured line (lines), whichever end of the call has its number; line="other" is the '
    "rest. Absent for an account without lines.",
    ("line", "direction", "status"),
)

METRICS = (CALLS,)


def points(active_calls: ActiveCalls) -> Iterator[Point]:
    """Give the points of the lines, if there are any."""
    for labels, calls in (active_calls.lines or {}).items():
        yield CALLS(calls, *labels)
