"""Sections of a configuration: frozen dataclasses whose fields say what they accept, checked by pydantic.

A section derives from `Section`. A field is annotated with what it accepts (`Accepts`), and may take its
value from a file in the place of the text (`InFile`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, fields, replace
from functools import cache
from typing import Annotated, Any, get_args, get_type_hints

from pydantic import GetCoreSchemaHandler, ValidationError, WrapValidator

from exporter.web.shown import kind, show, show_key

Place = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""


@dataclass(eq=False)
class Rejected(ValueError):
    """Raised by a check: `found` in place of the value, or `why` beside it; `accepted` if not the type's own.

    `key` is the key of a mapping that is itself at fault.
    """

    found: str | None = None
    _: KW_ONLY
    why: str | None = None
    accepted: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Unusable:
    """Stands in place of a value that there is none of: a variable that isn't set, for one."""

    found: str


@dataclass(frozen=True, slots=True)
class InFile:
    """In a field's type: a key with `_file` behind it may stand in its place, which accepts this.

    The check is then given this, with the path as it was written.
    """

    accepted: str
    path: Any = None


class Accepts:
    """In a field's type: completes the sentence "accepted: …", and has pydantic check it.

    `checks` are pydantic's annotations. What is hidden is never shown.
    """

    def __init__(self, text: str, *checks: Any, hidden: bool = False) -> None:
        self.text = text
        self.checks = checks
        self.hidden = hidden

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Check a value, and have every error say what is accepted."""
        return handler.generate_schema(Annotated[source, *self.checks, WrapValidator(self._check)])

    def _check(self, value: Any, inner: Any) -> Any:
        try:
            return inner(value)
        except ValidationError as error:
            problems = rejections(error) or [((), Rejected())]
            text = value.accepted if isinstance(value, InFile) else self.text
            for _, rejected in problems:
                rejected.accepted = rejected.accepted or text
            raise rejection(problems) from None


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
        problems: list[tuple[Place, Rejected]]
        problems = [((), _unknown(key, known)) for key in data if key not in known]
        given = {key: value for key, value in data.items() if key in known and value is not None}
        for name, (_, in_file) in facts(cls).items():
            key = f"{name}_file"
            if name in given and key in given:
                problems.append(((name,), Rejected(f"both {name} and {key}", accepted="one of the two")))
            if in_file and key in given:
                given.setdefault(name, replace(in_file, path=given.pop(key)))
        try:
            section = inner(given)
        except ValidationError as error:
            problems += [_missing(cls, each["loc"]) for each in error.errors() if each["type"] == "missing"]
            problems += [_placed(cls, given, *problem) for problem in rejections(error)]
        if problems:
            raise rejection(problems)
        return section


@cache  # hundreds of accounts ask for the same
def facts(section: Any) -> dict[str, tuple[Accepts | None, InFile | None]]:
    """Return what the type of each field says of it: what it accepts, and what a file in its stead."""
    hints = get_type_hints(section, include_extras=True)
    found = {}
    for field in fields(section):
        kinds = (hints[field.name], *get_args(hints[field.name]))  # of `X | None` what X says
        said = [fact for each in kinds for fact in getattr(each, "__metadata__", ())]
        accepts = next((fact for fact in said if isinstance(fact, Accepts)), None)
        found[field.name] = accepts, next((fact for fact in said if isinstance(fact, InFile)), None)
    return found


@cache
def keys(section: Any) -> tuple[str, ...]:
    """Return every key that may stand in a section."""
    return tuple(
        key
        for name, (_, in_file) in facts(section).items()
        for key in ((name, f"{name}_file") if in_file else (name,))
    )


def accepted(section: Any, name: str) -> str:
    """Return what a field accepts."""
    accepts, _ = facts(section)[name]
    return accepts.text if accepts else "a mapping"


def _placed(section: Any, given: Any, place: Place, rejected: Rejected) -> tuple[Place, Rejected]:
    """Return a problem at the key that was given; a hidden value isn't shown, whoever rejects it."""
    name = str(place[0]) if place else ""
    if isinstance(given.get(name), InFile):
        return (f"{name}_file",), rejected
    accepts, _ = facts(section).get(name, (None, None))
    if accepts and accepts.hidden:
        rejected.found = rejected.found or kind(given.get(name))
    return place, rejected


def _missing(section: Any, place: Place) -> tuple[Place, Rejected]:
    name = str(place[0])
    other = f" (or {name}_file)" if facts(section)[name][1] else ""
    return place, Rejected("nothing", accepted=accepted(section, name) + other)


def _unknown(key: Any, known: tuple[str, ...]) -> Rejected:
    near = difflib.get_close_matches(str(key), known, n=1) or known
    name = key if isinstance(key, str) else show(key)
    return Rejected(f"the unknown key {show_key(name)}", accepted=", ".join(near), key=name)


def rejections(error: ValidationError) -> list[tuple[Place, Rejected]]:
    """Return what checks raised, each with its place."""
    return [(each["loc"], each["ctx"]["error"]) for each in error.errors() if each["type"] == "value_error"]


def rejection(problems: Iterable[tuple[Place, Rejected]]) -> ValidationError:
    """Return what a check raises of several parts of a value, each with its place in it."""
    return ValidationError.from_exception_data(
        "section",
        [
            {"type": "value_error", "loc": place, "input": None, "ctx": {"error": rejected}}
            for place, rejected in problems
        ],
    )
