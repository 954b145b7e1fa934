"""Reads single values of JSON as tolerantly as it can be done: what can't be understood is None."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

from exporter.api.vocabulary import Word

_T = TypeVar("_T")
_W = TypeVar("_W", bound=Word)


def parse(body: bytes) -> Any:
    """Parse JSON; None where it is none."""
    try:
        return json.loads(body.decode("utf-8-sig", "replace"), parse_int=_parse_int)
    except (ValueError, RecursionError):
        return None


def member(value: object, name: str) -> Any:
    """Give a member of what may be an object."""
    return value.get(name) if isinstance(value, dict) else None


def convert(value: object, kind: type[_T]) -> _T | None:
    """Give a value of a simple kind, also from a text that says one."""
    try:
        return msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, UnicodeEncodeError):  # JSON may hold half a surrogate pair
        return None


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


def _parse_int(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)
