"""The clock of the API, as far as the `Date` of its answers tells of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import lru_cache

from exporter.exotel.rate_limiter import read_date

_REMEMBERED = 32  # answers: those of a few collections, or of a part of one
_read = lru_cache(maxsize=64)(read_date)  # many answers are of the same second


class ServerClock:
    """How far the API's clock is ahead of this machine's: not at all unless answers show it. Thread-safe.

    A `Date` is cut to whole seconds, and was written at some time between question and answer: each gives
    bounds.
    """

    def __init__(self) -> None:
        self._bounds: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)

    def update_from(self, headers: Mapping[str, str], asked: float, received: float) -> None:
        """Take in an answer that was asked for and received at these times, in seconds since 1970."""
        date = _read(headers.get("Date", ""))
        if date is not None and "Age" not in headers:  # what comes from a cache was written earlier
            self._bounds.append((date - received, date + 1 - asked))

    @property
    def ahead(self) -> float:
        """Return the seconds by which it is ahead, or less than 0 where it is behind.

        Of several machines with clocks of their own the one that is most ahead counts: an answer may be old,
        but none is of the future.
        """
        bounds = tuple(self._bounds)
        least = max((low for low, _ in bounds), default=0.0)
        most = min((high for _, high in bounds), default=0.0)
        return max(least, min(most, 0.0))
