"""Reads YAML as a schema declares it, and gathers the mistakes instead of stopping at the first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from exporter.config.parsing import Conflict, Parser, SeveralUnacceptable, Source, Unacceptable
from exporter.config.sections import Setting, conflicts, defaults, keys, settings, subsections
from exporter.config.shown import kind, show, show_key
from exporter.config.yamlfile import NotYaml, load

_S = TypeVar("_S")

_MOST_MISTAKES = 100  # that are told: a file of another kind may have thousands


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong: the file, the path of the key, what was found and what is accepted."""

    file: str
    path: str
    found: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.file}: {self.path}: found {self.found}; accepted: {self.accepted}"


class BadConfig(Exception):
    """The configuration can't be used; `mistakes` says why, and how many more there are than can be read."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        first, *others = mistakes
        more = len(others) + 1 - _MOST_MISTAKES
        rest = [Mistake(first.file, "the file", f"{more:,} more mistakes", "none")] if more > 0 else []
        self.mistakes = (first, *others[: _MOST_MISTAKES - 1], *rest)
        super().__init__("\n".join(map(str, self.mistakes)))


class Reader:
    """Reads the sections of one file; `mistakes` are those found so far."""

    def __init__(self, file: str, source: Source) -> None:
        self.mistakes: list[Mistake] = []
        self._file = file
        self._source = source

    def mistake(self, path: str, found: str, accepted: str) -> None:
        """Note a mistake."""
        self.mistakes.append(Mistake(self._file, path, found, accepted))

    def load(self, path: Path) -> Any:
        """Give what a YAML file holds.

        Raises BadConfig of one that is no YAML: there is nothing to go on with.
        """
        try:
            data, duplicates = load(path)
        except NotYaml as error:
            raise BadConfig([Mistake(self._file, error.place, error.found, error.accepted)]) from None
        for place, key in duplicates:
            self.mistake(place, f"the key {show_key(key)} a second time", "each key once")
        return data

    def section(self, kind: type[_S], data: Any, path: str, base: _S | None = None) -> _S | None:
        """Read one mapping; a key that is left out, or null, has its value in `base`, or else its default."""
        before = len(self.mistakes)
        values = self.values(kind, data, path, base)
        return kind(**values) if len(self.mistakes) == before else None

    def values(self, kind: type[_S], data: Any, path: str, base: _S | None = None) -> dict[str, Any]:
        """Read one mapping, and give those fields of its section that are without mistake."""
        given = self.mapping(data, path, keys(kind))
        if given is None:
            return {}
        values = defaults(kind, base)
        for name, subsection in subsections(kind).items():
            if given.get(name) is not None or values.get(name) is not None:
                part = self.section(subsection, given.get(name), _join(path, name), values.pop(name))
                values |= {name: part} if part is not None else {}
        for setting in settings(kind):
            self._setting(setting, given, path, values)
        for conflict in conflicts(kind, values):
            self.conflict(conflict, kind, given, path)
        return values

    def _setting(self, setting: Setting, given: Mapping[str, Any], path: str, values: dict[str, Any]) -> None:
        present = [key for key in setting.parsers if given.get(key) is not None]
        if present:
            values.pop(setting.name, None)
        if len(present) > 1:
            self.mistake(_join(path, present[0]), f"it and {present[1]} too", "one of the two")
        elif present:
            key = present[0]
            self._parse(setting.parsers[key], given[key], _join(path, key), setting.name, values)
        elif setting.required and setting.name not in values:
            name, *others = setting.parsers
            accepted = setting.parsers[name].accepts + "".join(f" (or {key})" for key in others)
            self.mistake(_join(path, name), "nothing", accepted)

    def _parse(self, parser: Parser, raw: Any, path: str, name: str, values: dict[str, Any]) -> None:
        """Put what the parser makes of a value among the values; what it can't accept becomes mistakes."""
        try:
            values[name] = parser.parse(self._source.expand(raw), self._source)
        except (Unacceptable, SeveralUnacceptable) as error:
            for part in error.parts if isinstance(error, SeveralUnacceptable) else (error,):
                self._unacceptable(part, parser, raw, path)

    def conflict(self, conflict: Conflict, kind: Any, given: Mapping[str, Any], path: str) -> None:
        """Note the conflict under the key that gave the setting, if one did."""
        [parsers] = (setting.parsers for setting in settings(kind) if setting.name == conflict.setting)
        key = next((key for key in parsers if given.get(key) is not None), conflict.setting)
        part = Unacceptable(why=conflict.why, accepts=conflict.accepts)
        self._unacceptable(part, parsers[key], given.get(key), _join(path, key))

    def _unacceptable(self, part: Unacceptable, parser: Parser, raw: Any, path: str) -> None:
        found = part.found or (kind(raw) if parser.hidden or raw is None else show(raw))
        why = f" ({part.why})" if part.why else ""
        self.mistake(f"{path}{part.place}", found + why, part.accepts or parser.accepts)

    def mapping(self, data: Any, path: str, known: Iterable[str]) -> dict[str, Any] | None:
        """Give a mapping without its unknown keys, each of which is a mistake; None where it is none."""
        accepted = tuple(known)
        if data is None:
            return {}
        if not isinstance(data, dict):
            self.mistake(path or "the file", kind(data), f"a mapping with the keys {', '.join(accepted)}")
            return None
        for key in (key for key in data if key not in accepted):
            near = difflib.get_close_matches(str(key), accepted, n=1) or accepted
            self.mistake(_join(path, show_key(key)), "a key that is unknown here", ", ".join(near))
        return {key: value for key, value in data.items() if key in accepted}


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
