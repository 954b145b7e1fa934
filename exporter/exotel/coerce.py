"""Reads single values of JSON as tolerantly as it can be done: what can't be understood is None."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from exporter.exotel.enums import ApiEnum, CallState, CallStatus, final_status

_T = TypeVar("_T")
_W = TypeVar("_W", bound=ApiEnum)

_MOST = 10_000_000  # at a time; a larger number is a mistake, or stands for no limit


def member(value: object, name: str) -> Any:
    """Give a member of what may be an object."""
    return value.get(name) if isinstance(value, dict) else None


def convert(value: object, kind: type[_T]) -> _T | None:
    """Give a value of a simple kind, also from a text that says one."""
    try:
        return msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, UnicodeEncodeError):  # JSON may hold half a surrogate pair
        return None


def count(value: object) -> int | None:
    """Return how many calls or sessions there are, also from a text; more than ten million are none."""
    number = convert(value, int)
    return number if number is not None and 0 <= number <= _MOST else None


def identifier(value: object) -> str | None:
    """Give a text, also from a whole number."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # the same half a pair
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def word(vocabulary: type[_W], value: object) -> _W | None:
    """Give a value's word; what isn't even a text is `other`."""
    if value is None:
        return None
    return vocabulary(value) if isinstance(value, str) else vocabulary["OTHER"]


def status_of(call: dict[str, Any]) -> CallStatus | None:
    """Return the status of a call, which has ended where its `state` says so."""
    status = word(CallStatus, call.get("status"))
    return final_status(status) if word(CallState, call.get("state")) is CallState.TERMINAL else status
