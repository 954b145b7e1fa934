"""Reads a YAML file into typed sections, and tells every invalid value at once, each with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from exporter.web.files import Fingerprint, Unreadable, fingerprint, read
from exporter.web.sections import Place, Rejected, Unusable, rejections
from exporter.web.shown import show, show_key, show_name
from exporter.web.strict_yaml import NotYaml, parse

_T = TypeVar("_T")

_LARGEST = 4 * 2**20
"""Bytes; ten thousand accounts take half of it."""

_MOST_ERRORS = 100  # that are told: a file of another kind may have thousands


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
        first, *others = errors
        more = len(others) + 1 - _MOST_ERRORS
        rest = [InvalidValue(first.file, None, "", f"{more:,} more invalid values", "none")] * (more > 0)
        self.errors = (first, *others[: _MOST_ERRORS - 1], *rest)
        super().__init__("\n".join(map(str, self.errors)))


@dataclass
class ConfigFile:
    """A YAML file: `data` is what it holds, `errors` are those found so far.

    `fingerprints` has each file that was read, as it was just before. Beside the index of a mapping in a list
    errors show the first of its `labels`.
    """

    name: str
    folder: Path
    data: Any = None
    labels: tuple[str, ...] = ()
    root: yaml.Node | None = None
    errors: list[InvalidValue] = field(default_factory=list)
    fingerprints: dict[Path, Fingerprint] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, labels: tuple[str, ...] = ()) -> ConfigFile:
        """Read a file. Raise ConfigError of one that is no YAML: there is nothing to go on with."""
        file = cls(str(path), path.parent, labels=labels)
        file.fingerprints[path] = fingerprint(path)
        try:
            file.data, file.root, duplicates = parse(_text(path))
        except NotYaml as error:
            raise ConfigError(
                [InvalidValue(file.name, error.line, "", error.found, error.accepted)]
            ) from None
        for line, key in duplicates:
            found = f"the key {show_key(key)} a second time"
            file.errors.append(InvalidValue(file.name, line, "", found, "each key once"))
        return file

    def resolve(self, text: Any) -> Path:
        """Return the path of a file that a value is about to be read from. Raise Rejected."""
        if not isinstance(text, str) or not text or not text.isprintable():
            raise Rejected
        path = self.folder / text
        self.fingerprints[path] = fingerprint(path)
        return path

    def validate(self, kind: type[_T], data: Any, *place: str | int) -> _T | None:
        """Return what a part of the file is read into; None, and errors, if it can't be.

        `data` is what stands at `place`, or is to be read in its stead.
        """
        try:
            read: _T = _adapter(kind).validate_python(data, context=self)
        except ValidationError as error:
            for inner, rejected in rejections(error):
                self.reject((*place, *inner), rejected, _look_up(data, inner))
            return None
        return read

    def reject(self, place: Place, rejected: Rejected, given: Any = None) -> None:
        """Note what is wrong at a place; `given` is what the check was given, if not what stands there."""
        items = given if isinstance(given, list) else [given]
        unusable = next((item.found for item in items if isinstance(item, Unusable)), None)
        raw = _look_up(self.data, place)
        found = unusable or rejected.found or show(given if raw is None else raw)
        why = f" ({rejected.why})" if rejected.why else ""
        line = self._line(place if rejected.key is None else (*place, rejected.key))
        error = InvalidValue(self.name, line, self._path(place), found + why, rejected.accepted or "")
        self.errors.append(error)

    def check(self) -> None:
        """Raise ConfigError if there is any error, in the order of the lines."""
        if self.errors:
            raise ConfigError(sorted(self.errors, key=lambda error: error.line or 0))

    def _line(self, place: Place) -> int | None:
        """Return the line of a place's key, or of what is nearest around it."""
        node, line = self.root, self.root.start_mark.line if self.root else None
        for part in place:
            match node:
                case yaml.MappingNode(value=pairs):  # the last, as merged keys come first
                    found = next(((k, v) for k, v in reversed(pairs) if k.value == str(part)), None)
                case yaml.SequenceNode(value=items) if isinstance(part, int) and part < len(items):
                    found = (items[part], items[part])
                case _:
                    found = None
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        return None if line is None else line + 1

    def _path(self, place: Place) -> str:
        """Return a place as people write it, like `accounts[0] (acme).timeout`."""
        path = ""
        for index, part in enumerate(place, start=1):
            if isinstance(part, int):
                path += f"[{part}]{self._label(_look_up(self.data, place[:index]))}"
            else:
                path += f".{show_name(part)}" if path else show_name(part)
        return path

    def _label(self, item: Any) -> str:
        labels = (item.get(key) for key in self.labels) if isinstance(item, dict) else ()
        label = next((label for label in labels if isinstance(label, str) and label), "")
        return f" ({show_name(label)})" if label else ""


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def _look_up(data: Any, place: Place) -> Any:
    """Return what stands at a place; None where nothing does."""
    for part in place:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _text(path: Path) -> str:
    """Return the text of a YAML file. Raise NotYaml."""
    try:
        content = read(path, _LARGEST)
        if len(content) > _LARGEST:
            raise NotYaml(None, "more than 4 MiB", "a configuration file")
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise NotYaml(line, "bytes that aren't UTF-8", "a YAML file in UTF-8") from None
    except Unreadable as error:
        raise NotYaml(None, error.why, "the path of a readable YAML file") from None
