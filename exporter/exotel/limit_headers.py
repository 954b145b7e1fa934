"""What an answer's headers say of limits.

Sources: `Retry-After` is seconds or a date (RFC 9110, 10.2.3); Exotel's `X-RateLimit-Remaining` counts until
`X-RateLimit-Reset`, seconds since 1970. Other servers write milliseconds, seconds from now or fractions, and
what a proxy adds a second time is joined with a comma.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

_LONGEST_PAUSE = 3600.0  # seconds; a server that asks for more is asked again after an hour
_WINDOW = 60.0  # seconds: Exotel's limits are those of a minute, and none is used up for longer
_MOMENT = 1e8  # what is less are seconds from now, not seconds since 1970
_MILLISECONDS = 1e11

_TOO_MANY, _SERVER_ERROR = 429, 500
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to ask nothing, and how many requests are left for how long; times in seconds."""

    pause: float = 0.0
    left: float | None = None
    """None where it isn't told, or not until when."""
    reset: float = 0.0


def read_limits(status: int, headers: Mapping[str, str]) -> Limits:
    """Return what an answer says; a header that makes no sense says nothing."""
    pause = _ahead("Retry-After", headers) if status == _TOO_MANY or status >= _SERVER_ERROR else None
    remaining = _numbers(headers.get("X-RateLimit-Remaining", ""))
    reset = _ahead("X-RateLimit-Reset", headers)
    if not remaining or reset is None:
        return Limits(pause or 0.0)
    return Limits(pause or 0.0, max(0.0, min(remaining)), min(reset, _WINDOW))


def _ahead(name: str, headers: Mapping[str, str]) -> float | None:
    """Return how far ahead the time lies that a header tells.

    A moment is measured against the answer's own `Date`: the server's clock and ours may differ. Where there
    is no date a wrong clock of ours costs a minute at most.
    """
    value = headers.get(name, "")
    numbers = _numbers(value)
    if numbers and max(numbers) < _MOMENT:
        return min(max(0.0, *numbers), _LONGEST_PAUSE)
    moment = _seconds_since_1970(max(numbers)) if numbers else _date(value)
    if moment is None:
        return None
    now = _date(headers.get("Date", ""))
    ahead = min(moment - time.time(), _WINDOW) if now is None else moment - now
    return min(max(0.0, ahead), _LONGEST_PAUSE)


def _seconds_since_1970(number: float) -> float:
    return number if number < _MILLISECONDS else number / 1000


def _numbers(value: str) -> list[float]:
    """Return the numbers of a list that has nothing else."""
    parts = [part.strip() for part in value.split(",")]
    return [float(part) for part in parts] if all(map(_NUMBER.fullmatch, parts)) else []


def _date(value: str) -> float | None:
    try:
        date = parsedate_to_datetime(value)
        # asctime's form has no zone, and -0000 is UTC as well: neither is local time
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
