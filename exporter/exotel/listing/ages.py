"""How old what was read is: replicas and caches tell of a list as it was some time ago.

A call that goes on grows older by a second each second. One that was told with a lower age than it must have
by now was read from something that stood still meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain
from statistics import median

from exporter.exotel.enums import CallStatus
from exporter.exotel.models import Call

_LEAST = 3  # calls of a page that must agree
_EACH = 16  # one call in so many is followed, and those at the ends of a page, which its neighbours show too
_AT_ENDS = 8
_REMEMBERED = 20  # listings; one of several replicas may not be met each time
_JITTER = 0.3  # seconds between an answer and its reading
_MOST = 3600.0  # seconds; durations that fall back by more are counted anew, for whatever reason


class Ages:
    """Follows some calls from page to page and from listing to listing."""

    def __init__(self) -> None:
        self._starts: dict[str, float] = {}  # the earliest that was told of each
        self._followed: dict[str, float] = {}  # those of this listing
        self._worst = 0.0
        self._lately: deque[float] = deque(maxlen=_REMEMBERED)

    def add(self, calls: Sequence[Call], now: float) -> None:
        """Take in the calls of a page that was read now, in seconds."""
        late, resolution = [], 1.0
        for call in _sample(calls):
            if call.duration is None or call.status is not CallStatus.IN_PROGRESS:
                continue
            if call.duration % 1:
                resolution = 0.0
            start = now - call.duration
            known = self._followed.get(call.call_sid, self._starts.get(call.call_sid))
            if known is not None:
                late.append(start - known)
            self._followed[call.call_sid] = start if known is None else min(start, known)
        if len(late) >= _LEAST and resolution + _JITTER < (age := median(late)) <= _MOST:
            self._worst = max(self._worst, age + resolution)

    def end_listing(self) -> float:
        """Return how many seconds old a page of this listing, or of one of the last, was when it was read."""
        self._lately.append(self._worst)
        self._starts, self._followed, self._worst = self._followed, {}, 0.0
        return max(self._lately)


def _sample(calls: Sequence[Call]) -> Iterator[Call]:
    if len(calls) <= 2 * _AT_ENDS:
        return iter(calls)
    between = (call for call in calls[_AT_ENDS:-_AT_ENDS] if hash(call.call_sid) % _EACH == 0)
    return chain(calls[:_AT_ENDS], between, calls[-_AT_ENDS:])
