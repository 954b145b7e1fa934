"""Parsers of single values: each takes what YAML gave and returns a typed value, or says what it accepts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from exporter.config.secret import Secret, SecretUnreadable

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
_MOST_BUCKETS = 50


class Unacceptable(Exception):
    """A value that can't be accepted; `found` describes it where showing it would be wrong or no help."""

    def __init__(self, found: str | None = None) -> None:
        super().__init__(found)
        self.found = found


@dataclass(frozen=True, slots=True)
class Parser:
    """How one setting is read: `accepts` completes the sentence "accepted: ..."."""

    accepts: str
    parse: Callable[[Any, Path], Any]
    """Takes the value and the folder that relative paths start from; raises Unacceptable."""
    hidden: bool = False
    """Never show the value, not even in an error."""


def _typed(kind: Any) -> Callable[[Any, Path], Any]:
    def parse(value: Any, _folder: Path) -> Any:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError:
            raise Unacceptable from None

    return parse


def whole_number(least: int, most: int) -> Parser:
    """Parse a whole number within bounds; digits in a text are one too, since `${VAR}` gives texts."""
    kind = Annotated[int, Meta(ge=least, le=most)]

    def parse(value: Any, _folder: Path) -> int:
        try:
            number: int = msgspec.convert(value, kind, strict=not isinstance(value, str))
        except msgspec.ValidationError:
            raise Unacceptable from None
        return number

    return Parser(f"a whole number from {least} to {most}", parse)


def text(accepts: str, pattern: str) -> Parser:
    """Parse a text that matches a pattern as a whole."""
    return Parser(accepts, _typed(Annotated[str, Meta(pattern=rf"\A(?:{pattern})\Z")]))


def duration(least: float, most: float) -> Parser:
    """Parse a duration as Prometheus writes them, into seconds."""

    def parse(value: Any, _folder: Path) -> float:
        match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
        if match is None:
            raise Unacceptable
        parts = zip(match.groups(), (3600, 60, 1, 0.001), strict=True)
        seconds = sum(int(number) * unit for number, unit in parts if number)
        if not least <= seconds <= most:
            raise Unacceptable
        return seconds

    return Parser(f"a duration from {least:g}s to {most:g}s, like 10s, 500ms or 1m30s", parse)


def secret() -> Parser:
    """Parse a secret that stands in the configuration itself."""
    parse = _typed(Annotated[str, Meta(min_length=1)])
    return Parser("a text that is not empty", lambda value, folder: Secret(parse(value, folder)), hidden=True)


def secret_file() -> Parser:
    """Parse the path of a file that holds a secret, and see that it can be read."""

    def parse(value: Any, folder: Path) -> Secret:
        found = Secret(file=_path(value, folder))
        try:
            found.reveal()
        except SecretUnreadable as error:
            raise Unacceptable(f"{str(error.path)!r}: {error.why}") from None
        return found

    return Parser("the path of a readable text file that is not empty", parse)


def readable_file() -> Parser:
    """Parse the path of a file, and see that it can be read."""

    def parse(value: Any, folder: Path) -> Path:
        path = _path(value, folder)
        try:
            path.read_bytes()
        except OSError as error:
            raise Unacceptable(f"{str(path)!r}: {(error.strerror or '').lower()}") from None
        return path

    return Parser("the path of a readable file", parse)


def base_url() -> Parser:
    """Parse the URL of the API, which must hold no credentials."""

    def parse(value: Any, _folder: Path) -> str:
        parts = _url(value)
        if parts.username is not None or parts.password is not None:
            raise Unacceptable("a URL with credentials in it")
        if parts.query or parts.fragment:
            raise Unacceptable("a URL with a query or fragment")
        return str(value).rstrip("/")

    accepts = "a URL like https://ccm-api.in.exotel.com, without credentials; those are api_key and api_token"
    return Parser(accepts, parse)


def proxy_url() -> Parser:
    """Parse the URL of a proxy, which may hold credentials and is a secret therefore."""

    def parse(value: Any, _folder: Path) -> Secret:
        _url(value)
        return Secret(value)

    return Parser("a URL like http://proxy.example.com:3128", parse, hidden=True)


def rising_numbers() -> Parser:
    """Parse the upper limits of buckets, in seconds."""
    parse_list = _typed(
        Annotated[list[Annotated[float, Meta(gt=0, lt=1e9)]], Meta(min_length=1, max_length=_MOST_BUCKETS)]
    )

    def parse(value: Any, folder: Path) -> tuple[float, ...]:
        numbers = tuple(parse_list(value, folder))
        if any(low >= high for low, high in pairwise(numbers)):
            raise Unacceptable
        return numbers

    return Parser(f"a list of 1 to {_MOST_BUCKETS} rising numbers above 0, in seconds", parse)


def _path(value: Any, folder: Path) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise Unacceptable
    return folder / value


def _url(value: Any) -> Any:
    try:
        parts = urlsplit(value)
        valid = (
            isinstance(value, str)
            and parts.scheme in {"http", "https"}
            and parts.hostname
            and parts.port != 0
        )
    except (ValueError, TypeError, AttributeError):
        raise Unacceptable from None
    if not valid or any(character.isspace() or not character.isprintable() for character in value):
        raise Unacceptable
    return parts
