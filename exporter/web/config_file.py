"""Reads a YAML file into typed sections, and tells every invalid value at once, each with its line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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


class ConfigFile:
    """A YAML file: `data` is what it holds, `errors` are those found so far.

    `fingerprints` has each file that was read, as it was just before. Beside the index of a mapping in a list
    errors show the first of its `labels`.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        data: Any = None,
        root: yaml.Node | None = None,
        labels: Iterable[str] = (),
    ) -> None:
        self.data = data
        self.errors: list[InvalidValue] = []
        self.fingerprints: dict[Path, Fingerprint] = {}
        self._name = name
        self._folder = folder
        self._root = root
        self._labels = tuple(labels)

    @classmethod
    def read(cls, path: Path, labels: Iterable[str] = ()) -> ConfigFile:
        """Read a file. Raise ConfigError of one that is no YAML: there is nothing to go on with."""
        before = fingerprint(path)
        try:
            data, root, duplicates = parse(_text(path))
        except NotYaml as error:
            raise ConfigError(
                [InvalidValue(str(path), error.line, "", error.found, error.accepted)]
            ) from None
        file = cls(str(path), path.parent, data, root, labels)
        file.fingerprints[path] = before
        file.errors += [
            InvalidValue(str(path), line, "", f"the key {show_key(key)} a second time", "each key once")
            for line, key in duplicates
        ]
        return file

    def resolve(self, text: Any) -> Path:
        """Return the path of a file that a value is about to be read from. Raise Rejected."""
        if not isinstance(text, str) or not text or not text.isprintable():
            raise Rejected
        path = self._folder / text
        self.fingerprints[path] = fingerprint(path)
        return path

    def validate(self, kind: type[_T], data: Any, *place: str | int) -> _T | None:
        """Return what a part of the file is read into; None, and errors, if it can't be.

        `data` is what stands at `place`, or is to be read in its stead.
        """
        try:
            section: Any = kind  # which mypy takes for unhashable
            adapter: TypeAdapter[_T] = _adapter(section)
            return adapter.validate_python(data, context=self)
        except ValidationError as error:
            for inner, rejected in rejections(error):
                given = _look_up(data, inner)
                self.reject((*place, *inner), rejected, given)
            return None

    def reject(self, place: Place, rejected: Rejected, given: Any = None) -> None:
        """Note what is wrong at a place; `given` is what the check was given, if not what stands there."""
        raw = _look_up(self.data, place)
        unusable = next(
            (x for x in (given if isinstance(given, list) else [given]) if isinstance(x, Unusable)), None
        )
        found = unusable.found if unusable else rejected.found or show(raw)
        why = f" ({rejected.why})" if rejected.why else ""
        line = self._line((*place, *([rejected.key] if rejected.key is not None else [])))
        self.errors.append(
            InvalidValue(self._name, line, self._path(place), found + why, rejected.accepted or "")
        )

    def check(self) -> None:
        """Raise ConfigError if there is any error, in the order of the lines."""
        if self.errors:
            raise ConfigError(sorted(self.errors, key=lambda error: error.line or 0))

    def _line(self, place: Place) -> int | None:
        """Return the line of a place's key, or of what is nearest around it."""
        node, line = self._root, self._root.start_mark.line if self._root else None
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
        labels = (item.get(key) for key in self._labels) if isinstance(item, dict) else ()
        label = next((label for label in labels if isinstance(label, str) and label), "")
        return f" ({show_name(label)})" if label else ""


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


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
            raise NotYaml(None, "more than 4 MiB", "the path of a configuration")
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise NotYaml(line, "what is not UTF-8", "a YAML file in UTF-8") from None
    except Unreadable as error:
        raise NotYaml(None, error.why, "the path of a readable YAML file") from None
