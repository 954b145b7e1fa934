"""Sections of a configuration: frozen dataclasses whose fields say what they accept, checked by pydantic.

A section derives from `Section`; a field is annotated, as in `Annotated[int, whole_number(1, 9)]`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from typing import Annotated, Any, get_args, get_type_hints

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    PlainValidator,
    Strict,
    ValidationError,
    WithJsonSchema,
    WrapValidator,
)

from exporter.web.config_file import Place, Rejected, kind, look_up, rejection, rejections, show, show_key

_DURATION = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?(?:([0-9]{1,9})ms)?")
_DIGITS = re.compile(r"[0-9]{1,18}")
_DECIMAL = re.compile(r"[0-9]{0,18}\.?[0-9]{1,18}")
IN_QUOTES = "put it in quotes"


@dataclass(frozen=True, slots=True)
class InFile:
    """What a check is given of a value that stands in a file: the path as it was written."""

    path: Any


class Accepts:
    """In a field's type: completes the sentence "accepted: …", and has pydantic's annotations `checks` hold.

    Where `file` says what it accepts, a key with `_file` behind it may stand in the field's place, and the
    check is given InFile. What is hidden is never shown.
    """

    def __init__(self, text: str, *checks: Any, file: str = "", hidden: bool = False) -> None:
        self.text = text
        self.checks = checks
        self.file = file
        self.hidden = hidden

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Check a value, and have every error say what is accepted."""
        return handler.generate_schema(Annotated[source, *self.checks, WrapValidator(self._check)])

    def _check(self, value: Any, inner: Any) -> Any:
        try:
            return inner(value)
        except ValidationError as error:
            text = self.file if isinstance(value, InFile) else self.text
            problems = rejections(error) or [((), Rejected())]
            for _, rejected in problems:
                rejected.accepted = rejected.accepted or text
            raise rejection(_at_keys(problems)) from None


def _at_keys(problems: list[tuple[Place, Rejected]]) -> list[tuple[Place, Rejected]]:
    """Return problems, of a wrong key that alone: it may hold a secret, which a path would show."""
    wrong = {place[0]: rejected for place, rejected in problems if place[1:] == ("[key]",)}
    for key, rejected in wrong.items():
        rejected.key, rejected.found = str(key), f"the key {show_key(key)}"
    others = [(place, rejected) for place, rejected in problems if not place or place[0] not in wrong]
    return [*(((), rejected) for rejected in wrong.values()), *others]


class Section:
    """What a mapping of the file is read into, by pydantic; null is as good as left out."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Read the mapping before its fields."""
        return WrapValidator(cls._read).__get_pydantic_core_schema__(source, handler)

    @classmethod
    def _read(cls: Any, data: Any, inner: Any) -> Any:
        if isinstance(data, cls):
            return data
        data = {} if data is None else data
        known = keys(cls)
        if not isinstance(data, dict):
            raise Rejected(kind(data), accepted=f"a mapping with the keys {', '.join(known)}")
        problems = [_unknown(key, known) for key in data if key not in known]
        given = {key: value for key, value in data.items() if key in known and value is not None}
        for name, accepts in accepted(cls).items():
            key = f"{name}_file"
            if name in given and key in given:
                problems.append(((name,), Rejected(f"both {name} and {key}", accepted="one of the two")))
            if accepts.file and key in given:
                given.setdefault(name, InFile(given.pop(key)))
        try:
            section = inner(given)
        except ValidationError as error:
            problems += [_placed(cls, given, each) for each in error.errors()]
        if problems:
            raise rejection(problems)
        return section


@cache  # hundreds of accounts ask for the same
def accepted(section: Any) -> dict[str, Accepts]:
    """Return what each field of a section accepts."""
    hints = get_type_hints(section, include_extras=True)
    found = {}
    for field in fields(section):
        kinds = (hints[field.name], *get_args(hints[field.name]))  # of `X | None` what X says
        said = (fact for each in kinds for fact in getattr(each, "__metadata__", ()))
        found[field.name] = next((fact for fact in said if isinstance(fact, Accepts)), Accepts("a mapping"))
    return found


@cache
def keys(section: Any) -> tuple[str, ...]:
    """Return every key that may stand in a section."""
    return tuple(
        key
        for name, accepts in accepted(section).items()
        for key in ((name, f"{name}_file") if accepts.file else (name,))
    )


def _unknown(key: Any, known: Iterable[str]) -> tuple[Place, Rejected]:
    name = key if isinstance(key, str) else show(key)
    near = difflib.get_close_matches(name, known, n=1) or known
    return (), Rejected(f"the unknown key {show_key(name)}", accepted=", ".join(near), key=name)


def _placed(section: Any, given: Any, error: Any) -> tuple[Place, Rejected]:
    """Return a problem at the key that was given; a hidden value isn't shown, whoever rejects it."""
    place = error["loc"]
    name = place[0]
    accepts = accepted(section)[name]
    if error["type"] == "missing":
        other = f" (or {name}_file)" if accepts.file else ""
        return place, Rejected("nothing", accepted=accepts.text + other)
    rejected = error["ctx"]["error"]
    if isinstance(given.get(name), InFile):
        return (f"{name}_file",), rejected
    if accepts.hidden:
        rejected.found = rejected.found or kind(look_up(given, place))
    return place, rejected


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


def number(least: float, most: float) -> Accepts:
    """Accept a number within bounds; one that is written in a text too, since `${VAR}` gives texts."""

    def from_text(value: Any) -> Any:
        return float(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else value

    return Accepts(
        f"a number from {least:g} to {most:g}",
        *(Strict(), Field(ge=least, le=most, allow_inf_nan=False), BeforeValidator(from_text)),
    )


def text(accepts: str, pattern: str) -> Accepts:
    """Accept a text of printable characters that matches a pattern as a whole."""
    return Accepts(accepts, Field(pattern=f"^({pattern})$"), BeforeValidator(_printable))


def _printable(value: Any) -> str:
    if not isinstance(value, str):
        raise not_a_text(value)
    if not value.isprintable():
        raise Rejected
    return value


def not_a_text(value: Any) -> Rejected:
    """Return what is raised of a value that is no text, though quotes may make it one."""
    return Rejected(why=IN_QUOTES if isinstance(value, int | float | date) else None)


def one_of(names: Iterable[str], *checks: Any) -> Accepts:
    """Accept one of these names."""
    *others, last = names
    pattern = f"^({'|'.join((*others, last))})$"
    return Accepts(f"{', '.join(others)} or {last}", Strict(), Field(pattern=pattern), *checks)


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
