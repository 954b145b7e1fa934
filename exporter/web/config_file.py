"""Validates a YAML file, and tells every invalid value at once: its line, what was found, never a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from exporter.web.files import Fingerprint, NotYaml, fingerprint, read_yaml

_T = TypeVar("_T")
Place = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

_MOST_ERRORS = 100  # that are told: a file of another kind may have thousands
_FEWEST_DIGITS = 5  # of a telephone number
_LONGEST_NAME = 40
_LONGEST_VALUE = 60
_PLAIN_NAME = re.compile(rf"(?:[A-Za-z_-]*[0-9]){{0,{_FEWEST_DIGITS - 1}}}[A-Za-z_-]*")
_KINDS = {
    type(None): "nothing",
    dict: "a mapping",
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bytes: "binary data",
}


@dataclass(eq=False)
class Rejected(ValueError):
    """Raised by a check: `found` in the value's place, `why` beside it; `key` is a key that is wrong."""

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
class InvalidValue:
    """One thing that is wrong: where, what was found there and what is accepted."""

    file: str
    line: int | None
    path: str
    found: str
    accepted: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        path = f"{self.path}: " if self.path else ""
        return f"{place}: {path}found {self.found}; accepted: {self.accepted}"


class ConfigError(Exception):
    """The configuration can't be used; `errors` says why, and how many more there are than can be read."""

    def __init__(self, errors: Iterable[InvalidValue]) -> None:
        told = list(errors)
        if (more := len(told) - _MOST_ERRORS) > 0:
            told[_MOST_ERRORS:] = [
                InvalidValue(told[0].file, None, "", f"{more:,} more invalid values", "none")
            ]
        self.errors = tuple(told)
        super().__init__("\n".join(map(str, told)))


@dataclass
class ConfigFile:
    """A YAML file: its data, the errors found so far, and each file that was read, as it was just before.

    Beside the index of a mapping in a list errors show the first of its `labels`.
    """

    path: Path
    data: Any = None
    labels: tuple[str, ...] = ()
    root: yaml.Node | None = None
    errors: list[InvalidValue] = field(default_factory=list)
    fingerprints: dict[Path, Fingerprint] = field(default_factory=dict)
    _by_key: dict[int, dict[str, tuple[yaml.Node, yaml.Node]]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, path: Path, labels: tuple[str, ...] = ()) -> ConfigFile:
        """Read a file. Raise ConfigError of one that is no YAML: there is nothing to go on with."""
        file = cls(path, labels=labels, fingerprints={path: fingerprint(path)})
        try:
            file.data, file.root, duplicates = read_yaml(path)
        except NotYaml as error:
            raise ConfigError(
                [InvalidValue(str(path), error.line, "", error.found, error.accepted)]
            ) from None
        for line, key in duplicates:
            found = f"the key {show_key(key)} a second time"
            file.errors.append(InvalidValue(str(path), line, "", found, "each key once"))
        return file

    def resolve(self, text: Any) -> Path:
        """Return the path of a file that a value is about to be read from. Raise Rejected."""
        if not isinstance(text, str) or not text or not text.isprintable():
            raise Rejected
        path = self.path.parent / text
        self.fingerprints[path] = fingerprint(path)
        return path

    def validate(self, kind: type[_T], data: Any, *place: str | int) -> _T | None:
        """Return what `data`, which stands at a place, is read into; None, and errors, if it can't be."""
        try:
            read: _T = _adapter(kind).validate_python(data, context=self)
        except ValidationError as error:
            for inner, rejected in rejections(error):
                self.reject((*place, *inner), rejected, look_up(data, inner))
            return None
        return read

    def reject(self, place: Place, rejected: Rejected, given: Any = None) -> None:
        """Note what is wrong at a place; `given` is what the check was given, if not what stands there."""
        items = given if isinstance(given, list) else [given]
        unusable = next((item.found for item in items if isinstance(item, Unusable)), None)
        raw = look_up(self.data, place)
        found = unusable or rejected.found or show(given if raw is None else raw)
        why = f" ({rejected.why})" if rejected.why else ""
        line = self._line(place if rejected.key is None else (*place, rejected.key))
        error = InvalidValue(str(self.path), line, self._path(place), found + why, rejected.accepted or "")
        self.errors.append(error)

    def check(self) -> None:
        """Raise ConfigError if there is any error, in the order of the lines."""
        if self.errors:
            raise ConfigError(sorted(self.errors, key=lambda error: error.line or 0))

    def _line(self, place: Place) -> int | None:
        """Return the line of a place's key, or of what is nearest around it."""
        if self.root is None:
            return None
        key: yaml.Node = self.root
        node: yaml.Node | None = self.root
        for part in place:
            match node:
                case yaml.MappingNode():
                    key, node = self._keys_of(node).get(str(part), (key, None))
                case yaml.SequenceNode(value=items) if isinstance(part, int) and part < len(items):
                    key = node = items[part]
                case _:
                    break
        return int(key.start_mark.line) + 1

    def _keys_of(self, node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return the nodes of a mapping by key, of one given twice the last: merged keys come first."""
        if id(node) not in self._by_key:
            self._by_key[id(node)] = {str(pair[0].value): pair for pair in node.value}
        return self._by_key[id(node)]

    def _path(self, place: Place) -> str:
        """Return a place as people write it, like `accounts[0] (acme).timeout`."""
        path = ""
        for index, part in enumerate(place, start=1):
            if isinstance(part, int):
                path += f"[{part}]{self._label(look_up(self.data, place[:index]))}"
            else:
                path += f".{show_name(part)}" if path else show_name(part)
        return path

    def _label(self, item: Any) -> str:
        labels = (item.get(key) for key in self.labels) if isinstance(item, dict) else ()
        label = next((label for label in labels if isinstance(label, str) and label), "")
        return f" ({show_name(label)})" if label else ""


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def look_up(data: Any, place: Place) -> Any:
    """Return what stands at a place; None where nothing does."""
    for part in place:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


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


def kind(value: Any) -> str:
    """Return what kind of value YAML gave."""
    if isinstance(value, bool):
        return str(value).lower()
    if value in ([], {}):
        return f"an empty {'list' if value == [] else 'mapping'}"
    return _KINDS.get(type(value), f"a {type(value).__name__}")  # a date, a datetime


def show(value: Any) -> str:
    """Return a value as it stands in the file; of what is large or nested only the kind."""
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, list | dict) for item in items):
        return kind(value)
    try:
        shown = json.dumps(value, ensure_ascii=False)
        readable = shown if shown.isprintable() else json.dumps(value)
    except (TypeError, ValueError):  # no JSON: a date, say, or a number of too many digits
        return kind(value)
    return readable if len(readable) <= _LONGEST_VALUE else kind(value)


def show_key(key: Any) -> str:
    """Return a key, cut short where it may go on with a secret, like `api_token:x`, or a telephone number."""
    name = key if isinstance(key, str) else show(key)
    match = _PLAIN_NAME.match(name[:_LONGEST_NAME])
    plain = match[0] if match else ""
    return (plain if plain == name else f"{plain}…") or '""'


def show_name(name: str) -> str:
    """Return a name that somebody chose, cut short only where it could be a telephone number."""
    is_clear = name == name.strip() and name.isprintable() and len(name) <= _LONGEST_VALUE
    return name if is_clear and not may_be_a_telephone_number(name) else show_key(name)


def may_be_a_telephone_number(text: str) -> bool:
    """Return whether a text has digits enough for one, whatever stands between them."""
    return sum(map(str.isdigit, text)) >= _FEWEST_DIGITS
