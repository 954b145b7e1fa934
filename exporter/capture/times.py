"""Moments as APIs write them, moved by a number of minutes and written in the same way."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

_TEXT = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})(?P<time>[Tt_ ][0-9]{2}:[0-9]{2})?"
    r"(?(time)(?P<rest>(?::[0-9]{2}(?:[.,][0-9]{1,9})?)? ?(?:Z|z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?))"
)
_COMPACT = re.compile(
    r"(?P<date>[0-9]{8})(?P<time>T[0-9]{4})(?P<rest>(?:[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{4})?)"
)
_EPOCH = re.compile(r"([0-9]{10})((?:[0-9]{3}){0,3}(?:\.[0-9]{1,9})?)")
_HTTP = re.compile(
    r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT|[+-][0-9]{4})"
)
_UNSET_YEARS = {"0000", "0001"}
_UNSET_DATES = {"1969-12-31", "1970-01-01", "1970-01-02"}
_FIRST = datetime(2000, 1, 1)  # of the times that are set; no zone is known here
_EPOCHS = range(1_000_000_000, 2_208_988_800)  # seconds: the years 2001 to 2039


def move_text(text: str, minutes: int) -> str | None:
    """Return a written time so many minutes earlier, one that means unset as it is; None if it is no time."""
    if not text[:4].isdigit():
        return _move_http(text, minutes)
    found = _TEXT.fullmatch(text) or _COMPACT.fullmatch(text)
    return _move(found, minutes) if found else None


def move_epoch(text: str, minutes: int) -> str | None:
    """Return seconds since 1970, or thousandths of them, so many minutes earlier; None if it is neither.

    Those that would leave the range of what can be told from other numbers become later instead.
    """
    found = _EPOCH.fullmatch(text)
    if found is None or (seconds := int(found[1])) not in _EPOCHS:
        return None
    moved = seconds - 60 * minutes
    return f"{moved if moved in _EPOCHS else seconds + 60 * minutes}{found[2]}"


def _move(found: re.Match[str], minutes: int) -> str | None:
    date, time, rest = found["date"], found["time"] or "", found["rest"] or ""
    if date[:4] in _UNSET_YEARS or date in _UNSET_DATES:
        return found[0]
    try:
        moved = _earlier(datetime.fromisoformat(date + time.upper().replace("_", "T")), minutes)
    except (ValueError, OverflowError):
        return None
    day, clock = moved.isoformat(timespec="minutes").split("T")
    if found.re is _COMPACT:
        day, clock = day.replace("-", ""), clock.replace(":", "")
    return day + time[:1] + (clock if time else "") + rest


def _earlier(moment: datetime, minutes: int) -> datetime:
    """Return a moment so many minutes earlier, or later where it would become one that isn't set."""
    offset = timedelta(minutes=minutes)
    moved = moment - offset
    # a day's margin, as zones differ by as much
    return moment + offset if moment >= _FIRST and moved < _FIRST + timedelta(days=2) else moved


def _move_http(text: str, minutes: int) -> str | None:
    found = _HTTP.fullmatch(text)
    if found is None:
        return None
    try:
        moved = _earlier(parsedate_to_datetime(text).replace(tzinfo=None), minutes)
    except (ValueError, OverflowError):
        return None
    return format_datetime(moved).removesuffix("-0000") + found[1]
