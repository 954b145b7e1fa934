"""A histogram of seconds at one moment."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self


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

    @classmethod
    def of(cls, seconds: Iterable[float], bounds: Sequence[float]) -> Self:
        """Count these seconds; the infinite bucket comes by itself."""
        values = sorted(seconds)
        buckets = tuple(Bucket(bound, bisect_right(values, bound)) for bound in (*bounds, math.inf))
        return cls(buckets, math.fsum(values))

    def __add__(self, other: Histogram) -> Histogram:
        """Count what both count; they have the same bounds, and no longest calls."""
        both = zip(self.buckets, other.buckets, strict=True)
        buckets = tuple(Bucket(one.bound, one.cumulative + two.cumulative) for one, two in both)
        return Histogram(buckets, self.sum + other.sum)
