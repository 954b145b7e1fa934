"""A histogram of seconds at one moment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket: how many are not above `bound` seconds, and the longest call that no lower bucket holds."""

    bound: float
    cumulative: int
    longest: tuple[float, str] | None = None
    """Seconds and call_sid; None in an empty bucket, and where what is counted isn't calls."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Buckets by rising bound, the last of which is infinite, and the sum of all seconds."""

    buckets: tuple[Bucket, ...]
    sum: float
