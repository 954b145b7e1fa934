"""Reads the API's time stamps, of which there are several kinds."""

from __future__ import annotations

from datetime import UTC, datetime

_UNSET_BEFORE = datetime(2000, 1, 1, tzinfo=UTC)


def read_time(text: str | None) -> float | None:
    """Give the seconds since 1970 of `2024-06-15T10:30:00.000Z` or `2022-11-03 22:54:40+05:30`, or None.

    The API writes 1970 or year 1 for a time that isn't set; one with no zone could be any of a day's.
    """
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo is not None and at >= _UNSET_BEFORE else None
