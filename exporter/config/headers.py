"""Headers that every answer gets; those that exporters agree on, and no others."""

from __future__ import annotations

import re
from typing import Any

from exporter.config.parsing import Parser, SeveralUnacceptable, Source, Unacceptable
from exporter.config.shown import kind, show, show_key

_ANY: tuple[str, ...] = ()
_VALUES = {
    "Strict-Transport-Security": _ANY,
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": _ANY,
    "Content-Security-Policy": _ANY,
}
_A_VALUE = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")  # what a header can hold, in ASCII

_NAMES = ", ".join(_VALUES)
_HEADERS = f"a mapping with the keys {_NAMES}"
_A_TEXT = "a line of printable ASCII, no space at either end"

Headers = tuple[tuple[str, str], ...]


def response_headers() -> Parser:
    """Parse a mapping from the names of headers to their values; an empty value is no header."""

    def parse(value: Any, _source: Source) -> Headers:
        if not isinstance(value, dict):
            raise Unacceptable(kind(value))
        given = {name: _text(written) for name, written in value.items() if written is not None}
        mistakes = [mistake for name, written in given.items() if (mistake := _mistake(name, written))]
        if mistakes:
            raise SeveralUnacceptable(mistakes)
        return tuple((name, written) for name, written in given.items() if written)

    return Parser(_HEADERS, parse)


def _text(written: Any) -> Any:
    """Take a number for a text, as in `X-XSS-Protection: 0`."""
    return str(written) if type(written) is int else written


def _mistake(name: Any, written: Any) -> Unacceptable | None:
    place = f".{show_key(name)}"
    if name not in _VALUES:
        return Unacceptable("a key that is unknown here", place=place, accepts=_NAMES)
    values = _VALUES[name]
    if values and written not in values:
        return Unacceptable(show(written), place=place, accepts=" or ".join(values))
    if not isinstance(written, str) or not _A_VALUE.fullmatch(written):
        return Unacceptable(show(written), place=place, accepts=_A_TEXT)
    return None
