"""Parsers of single values: each takes what YAML gave and returns a typed value, or says what it accepts."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from exporter.config.parsing import Parser, SeveralUnacceptable, Source, Unacceptable
from exporter.config.secret import Secret, SecretUnreadable, unfit
from exporter.config.shown import show
from exporter.config.textfile import Unreadable, read

_DURATION = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?(?:([0-9]{1,9})ms)?")
_DIGITS = re.compile(r"[0-9]{1,18}")
_MOST_BUCKETS = 50


def _typed(kind: Any) -> Callable[[Any, Source], Any]:
    def parse(value: Any, _source: Source) -> Any:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError:
            raise Unacceptable from None

    return parse


def boolean() -> Parser:
    """Parse true or false; these words in a text too, since `${VAR}` gives texts."""
    parse_boolean = _typed(bool)

    def parse(value: Any, source: Source) -> Any:
        return parse_boolean(value == "true" if value in ("true", "false") else value, source)

    return Parser("true or false", parse, show=bool)


def whole_number(least: int, most: int) -> Parser:
    """Parse a whole number within bounds; digits in a text are one too, since `${VAR}` gives texts."""
    parse_number = _typed(Annotated[int, Meta(ge=least, le=most)])

    def parse(value: Any, source: Source) -> Any:
        is_digits = isinstance(value, str) and _DIGITS.fullmatch(value)
        return parse_number(int(value) if is_digits else value, source)

    return Parser(f"a whole number from {least} to {most}", parse, show=int)


def text(accepts: str, pattern: str) -> Parser:
    """Parse a text of printable characters that matches a pattern as a whole."""
    compiled = re.compile(pattern)

    def parse(value: Any, _source: Source) -> str:
        if not isinstance(value, str) or not value.isprintable() or not compiled.fullmatch(value):
            raise Unacceptable
        return value

    return Parser(accepts, parse)


def one_of(values: Mapping[str, Any]) -> Parser:
    """Parse one of these names into what it stands for."""
    *others, last = values

    def parse(value: Any, _source: Source) -> Any:
        if not isinstance(value, str) or value not in values:
            raise Unacceptable
        return values[value]

    def show(value: Any) -> str:
        return next(name for name, each in values.items() if each == value)

    return Parser(f"{', '.join(others)} or {last}", parse, show=show)


def several(one: Parser, accepts: str) -> Parser:
    """Parse a list of at least one item, each by the same parser."""

    def parse(value: Any, source: Source) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise Unacceptable
        items, mistakes = [], []
        for index, item in enumerate(value):
            try:
                items.append(one.parse(item, source))
            except Unacceptable as error:
                place = f"[{index}]"
                mistakes.append(Unacceptable(show(item), why=error.why, place=place, accepts=one.accepts))
        if mistakes:
            raise SeveralUnacceptable(mistakes)
        return tuple(items)

    return Parser(accepts, parse)


def duration(least: float, most: float) -> Parser:
    """Parse a duration as Prometheus writes them, into seconds."""

    def parse(value: Any, _source: Source) -> float:
        match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
        if match is None:
            raise Unacceptable
        parts = zip(match.groups(), (3600, 60, 1, 0.001), strict=True)
        seconds = float(sum(int(number) * unit for number, unit in parts if number))
        if not least <= seconds <= most:
            raise Unacceptable
        return seconds

    accepts = f"a duration from {least:g}s to {most:g}s, like 10s, 500ms or 1m30s"
    return Parser(accepts, parse, show=_written)


def _written(seconds: float) -> str:
    return f"{seconds:.0f}s" if seconds % 1 == 0 else f"{seconds * 1000:.0f}ms"


def interval(least: float, most: float) -> Parser:
    """Parse a duration into seconds; the number 0 is one too."""
    parse_duration = duration(least, most)

    def parse(value: Any, source: Source) -> float:
        is_nought = value in ("0", "0s") or (type(value) is int and value == 0)
        return 0.0 if is_nought else float(parse_duration.parse(value, source))

    return Parser(f"0, or {parse_duration.accepts}", parse, show=parse_duration.show)


def secret() -> Parser:
    """Parse a secret that stands in the configuration itself."""

    def parse(value: Any, _source: Source) -> Secret:
        if not isinstance(value, str):
            raise Unacceptable
        if why := unfit(value.strip()):
            raise Unacceptable(f"a text that is {why}")
        return Secret(value.strip())

    return Parser("a text that is not empty", parse, hidden=True)


def secret_file() -> Parser:
    """Parse the path of a file that holds a secret, and see that it can be read."""

    def parse(value: Any, source: Source) -> Secret:
        found = Secret(file=file_path(value, source))
        try:
            found.reveal()
        except SecretUnreadable as error:
            raise Unacceptable(why=error.why) from None
        return found

    return Parser("the path of a readable text file that is not empty, from this file's folder", parse)


def certificates_file() -> Parser:
    """Parse the path of a file of certificates, and see that there are some in it."""

    def parse(value: Any, source: Source) -> Path:
        path = file_path(value, source)
        try:
            read(path, 0)  # nothing that the next line would wait for
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        except Unreadable as error:
            raise Unacceptable(why=error.why) from None
        except ssl.SSLError:
            raise Unacceptable(why="no certificates") from None
        except OSError as error:
            raise Unacceptable(why=(error.strerror or type(error).__name__).lower()) from None
        return path

    return Parser("the path of a PEM file of certificates, from this file's folder", parse)


def rising_numbers() -> Parser:
    """Parse the upper limits of buckets, in seconds."""
    parse_list = _typed(
        Annotated[list[Annotated[float, Meta(gt=0, lt=1e9)]], Meta(min_length=1, max_length=_MOST_BUCKETS)]
    )

    def parse(value: Any, source: Source) -> tuple[float, ...]:
        numbers = tuple(parse_list(value, source))
        if any(low >= high for low, high in pairwise(numbers)):
            raise Unacceptable
        return numbers

    return Parser(f"a list of 1 to {_MOST_BUCKETS} rising numbers above 0, in seconds", parse, show=list)


def file_path(value: Any, source: Source) -> Path:
    """Give the path that a value names. Raises Unacceptable."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise Unacceptable
    return source.path(value)
