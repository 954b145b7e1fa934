"""The average load of the last hour, as complete listings show it; an account keeps its own."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.collect.erlang import Load
from exporter.collect.interval import LONGEST_GAP

_HOUR = 3600.0
_LEAST = 300.0  # seconds of listings, before their average says anything
_SPAN = 30.0  # seconds that are kept as one: listings may come every second
_RENEWED = 60.0  # seconds for which an average of an hour is recent enough


@dataclass(slots=True)
class _Span:
    """Some time between listings; seconds, and call-seconds by the slots that a call takes."""

    began: float
    seconds: float = 0.0
    calls: dict[int, float] = field(default_factory=lambda: defaultdict(float))


class AverageLoad:
    """The mean number of calls over the last hour, by the slots that each takes, weighted by time.

    Between two listings it is taken to be the mean of both. Where they are more than five minutes apart,
    nobody knows: that time isn't counted.
    """

    def __init__(self) -> None:
        self.average: Load | None = None
        """As it was within the last minute of listings; None until there are five minutes of them."""
        self._averaged_at = 0.0
        self._spans: deque[_Span] = deque()
        self._last: tuple[float, Mapping[int, int]] | None = None

    def add(self, at: float, calls: Mapping[int, int]) -> None:
        """Add the calls of a complete listing, by the slots that each takes; `at` is in seconds."""
        if self._last is not None and at - self._last[0] <= LONGEST_GAP:
            self._extend(at, *self._last, calls)
        self._last = at, calls
        while self._spans and self._spans[0].began < at - _HOUR:
            self._spans.popleft()
        if self.average is None or at >= self._averaged_at + _RENEWED:
            self.average, self._averaged_at = self._mean(), at

    def _mean(self) -> Load | None:
        seconds = sum(span.seconds for span in self._spans)
        if seconds < _LEAST:
            return None
        calls: dict[int, float] = defaultdict(float)
        for span in self._spans:
            for slots, call_seconds in span.calls.items():
                calls[slots] += call_seconds
        return {slots: call_seconds / seconds for slots, call_seconds in calls.items()}

    def _extend(self, at: float, since: float, before: Mapping[int, int], now: Mapping[int, int]) -> None:
        if not self._spans or at - self._spans[-1].began > _SPAN:
            self._spans.append(_Span(since))
        span, seconds = self._spans[-1], at - since
        span.seconds += seconds
        for slots in before.keys() | now.keys():
            span.calls[slots] += (before.get(slots, 0) + now.get(slots, 0)) / 2 * seconds
