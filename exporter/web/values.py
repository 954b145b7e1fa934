"""What a field may accept: each function completes a type, as in `Annotated[int, whole_number(1, 9)]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BeforeValidator, Field, PlainValidator, Strict, WithJsonSchema

from exporter.web.sections import Accepts, Rejected

_DURATION = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?(?:([0-9]{1,9})ms)?")
_DIGITS = re.compile(r"[0-9]{1,18}")
IN_QUOTES = "put it in quotes"


class Seconds(float):
    """A duration that has been read already, which a number in a file is not."""


def boolean() -> Accepts:
    """Accept true or false; these words in a text too, since `${VAR}` gives texts."""

    def from_text(value: Any) -> Any:
        return value == "true" if value in ("true", "false") else value

    return Accepts("true or false", Strict(), BeforeValidator(from_text))


def whole_number(least: int, most: int) -> Accepts:
    """Accept a whole number within bounds; digits in a text are one too, since `${VAR}` gives texts."""

    def from_text(value: Any) -> Any:
        return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value

    return Accepts(
        f"a whole number from {least} to {most}",
        *(Strict(), Field(ge=least, le=most), BeforeValidator(from_text)),
    )


def text(accepts: str, pattern: str) -> Accepts:
    """Accept a text of printable characters that matches a pattern as a whole."""
    compiled = re.compile(pattern)

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise not_a_text(value)
        if not value.isprintable() or not compiled.fullmatch(value):
            raise Rejected
        return value

    return Accepts(
        accepts, PlainValidator(check), WithJsonSchema({"type": "string", "pattern": f"^({pattern})$"})
    )


def not_a_text(value: Any) -> Rejected:
    """Return what is raised of a value that is no text, though quotes may make it one."""
    return Rejected(why=IN_QUOTES if isinstance(value, int | float | date) else None)


def one_of(values: Mapping[str, Any]) -> Accepts:
    """Accept one of these names, and read it into what it stands for."""
    *others, last = values

    def check(value: Any) -> Any:
        if not isinstance(value, str) or value not in values:
            raise Rejected
        return values[value]

    return Accepts(
        f"{', '.join(others)} or {last}", PlainValidator(check), WithJsonSchema({"enum": [*values]})
    )


def duration(least: float, most: float) -> Accepts:
    """Accept a duration as Prometheus writes them, and read it into seconds."""

    def check(value: Any) -> Seconds:
        if isinstance(value, Seconds):
            return value
        match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
        if match is None:
            raise Rejected
        parts = zip(match.groups(), (3600, 60, 1, 0.001), strict=True)
        seconds = Seconds(sum(int(number) * unit for number, unit in parts if number))
        if not least <= seconds <= most:
            raise Rejected
        return seconds

    return Accepts(
        f"a duration from {least:g}s to {most:g}s, like 10s, 500ms or 1m30s",
        PlainValidator(check),
        WithJsonSchema({"type": "string", "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"}),
    )


def written(seconds: float) -> str:
    """Return a duration as a file could have it."""
    return f"{seconds:.0f}s" if seconds % 1 == 0 else f"{seconds * 1000:.0f}ms"
