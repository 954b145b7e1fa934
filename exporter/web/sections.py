"""Sections of a configuration: frozen dataclasses whose fields say what they accept, checked by pydantic.

A section derives from `Section`. A field is annotated with what it accepts (`Accepts`), and may take its
value from a file in the place of the text (`OrFile`).
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Annotated, Any, get_args, get_type_hints

from pydantic import GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, InitErrorDetails, core_schema

from exporter.web.shown import kind, show, show_key

Place = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""


class Rejected(ValueError):
    """Raised by a check: `found` in place of the value, or `why` beside it; `accepted` if not the type's own.

    `key` is the key of a mapping that is itself at fault.
    """

    def __init__(
        self,
        found: str | None = None,
        *,
        why: str | None = None,
        accepted: str | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__(found, why, accepted, key)
        self.found = found
        self.why = why
        self.accepted = accepted
        self.key = key


@dataclass(frozen=True, slots=True)
class Unusable:
    """Stands in place of a value that there is none of: a variable that isn't set, for one."""

    found: str


@dataclass(frozen=True, slots=True)
class InFile:
    """The value of a key with `_file` behind it: the path as it was written, for the check to read."""

    path: Any
    accepted: str


@dataclass(frozen=True, slots=True)
class OrFile:
    """In a field's type: a key with `_file` behind it may stand in its place, as `InFile`."""

    accepted: str


class Accepts:
    """In a field's type: completes the sentence "accepted: …", and has pydantic check it.

    `checks` are pydantic's annotations. What is hidden is never shown.
    """

    def __init__(self, text: str, *checks: Any, hidden: bool = False) -> None:
        self.text = text
        self.checks = checks
        self.hidden = hidden

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check a value, and have every error say what is accepted."""
        inner = handler.generate_schema(Annotated[source, *self.checks]) if self.checks else handler(source)
        return core_schema.no_info_wrap_validator_function(self._check, inner)

    def _check(self, value: Any, inner: Any) -> Any:
        try:
            return inner(value)
        except ValidationError as error:
            in_file = isinstance(value, InFile)
            problems = rejections(error) or [((), Rejected())]
            for place, rejected in problems:
                rejected.accepted = rejected.accepted or (value.accepted if in_file else self.text)
                if self.hidden and not in_file and not place and not rejected.found:
                    rejected.found = kind(value)
            raise rejection(problems) from None


class Section:
    """What a mapping of the file is read into, by pydantic; null is as good as left out."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read the mapping before its fields."""
        return core_schema.no_info_wrap_validator_function(cls._read, handler(source))

    @classmethod
    def _read(cls: Any, data: Any, inner: Any) -> Any:
        if isinstance(data, cls):
            return data
        data = {} if data is None else data
        known = keys(cls)
        if not isinstance(data, dict):
            raise Rejected(kind(data), accepted=f"a mapping with the keys {', '.join(known)}")
        problems: list[tuple[Place, Rejected]] = [
            ((), _unknown(key, known)) for key in data if key not in known
        ]
        given = {key: value for key, value in data.items() if key in known and value is not None}
        in_files = {
            name: fact for name in _fields(cls) if (fact := or_file(cls, name)) and f"{name}_file" in given
        }
        for name, fact in in_files.items():
            path = InFile(given.pop(f"{name}_file"), fact.accepted)
            if given.setdefault(name, path) is not path:
                problems.append(
                    ((name,), Rejected(f"both {name} and {name}_file", accepted="one of the two"))
                )
        try:
            section = inner(given)
        except ValidationError as error:
            problems += [_missing(cls, each["loc"]) for each in error.errors() if each["type"] == "missing"]
            for place, rejected in rejections(error):
                name = str(place[0]) if place else ""
                is_in_file = isinstance(given.get(name), InFile)
                if not is_in_file and not rejected.found and _is_hidden(cls, name):
                    rejected.found = kind(given.get(name))
                problems.append(((f"{name}_file",) if is_in_file else place, rejected))
        if problems:
            raise rejection(problems)
        return section


@cache  # hundreds of accounts ask for the same
def _fields(section: Any) -> dict[str, tuple[Any, ...]]:
    """Return what the type of each field says of it beside pydantic."""
    hints = get_type_hints(section, include_extras=True)
    found = {}
    for field in dataclasses.fields(section):
        kinds = (hints[field.name], *get_args(hints[field.name]))  # of `X | None` what X says
        found[field.name] = tuple(fact for each in kinds for fact in getattr(each, "__metadata__", ()))
    return found


def or_file(section: Any, name: str) -> OrFile | None:
    """Return what the key of a field accepts with `_file` behind it, if it may have that."""
    return next((fact for fact in _fields(section)[name] if isinstance(fact, OrFile)), None)


def _is_hidden(section: Any, name: Any) -> bool:
    return any(isinstance(fact, Accepts) and fact.hidden for fact in _fields(section).get(name, ()))


@cache
def keys(section: Any) -> tuple[str, ...]:
    """Return every key that may stand in a section."""
    names = ((name, f"{name}_file") if or_file(section, name) else (name,) for name in _fields(section))
    return tuple(chain.from_iterable(names))


def accepted(section: Any, name: str) -> str:
    """Return what a field accepts."""
    return next((fact.text for fact in _fields(section)[name] if isinstance(fact, Accepts)), "a mapping")


def _missing(section: Any, place: Place) -> tuple[Place, Rejected]:
    name = str(place[0])
    other = f" (or {name}_file)" if or_file(section, name) else ""
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
            InitErrorDetails(type="value_error", loc=place, input=None, ctx={"error": rejected})
            for place, rejected in problems
        ],
    )
