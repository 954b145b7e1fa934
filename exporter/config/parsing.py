"""What every parser is made of: where its value comes from, and how it says that it can't accept it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exporter.config.textfile import Stamp, stamp

_VARIABLE = re.compile(r"\$?\$\{(?:([A-Za-z_][A-Za-z0-9_]*)\})?")


class Unacceptable(Exception):
    """A value that can't be accepted, or a part of it.

    `found` describes it where showing it would be wrong or no help; `why` says more of one that is shown. A
    part has its `place` in the value, like `.sales[1]`, and says itself what it `accepts`.
    """

    def __init__(
        self, found: str | None = None, *, why: str | None = None, place: str = "", accepts: str | None = None
    ) -> None:
        super().__init__(found, why, place, accepts)
        self.found = found
        self.why = why
        self.place = place
        self.accepts = accepts


class SeveralUnacceptable(Exception):
    """A value of which several parts can't be accepted."""

    def __init__(self, parts: Iterable[Unacceptable]) -> None:
        self.parts = tuple(parts)
        super().__init__(self.parts)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A setting that is good by itself, but doesn't go together with others of its section."""

    setting: str
    why: str
    accepts: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from: the folder that relative paths start from, and what `${VAR}` stands for.

    Texts are taken as they stand where there is no environment to take `${VAR}` from.
    """

    folder: Path
    environment: Mapping[str, str] | None = field(repr=False)
    stamps: dict[Path, Stamp] = field(default_factory=dict, repr=False, compare=False)
    """The files that values came from, each as it was just before it was read."""

    def path(self, text: str) -> Path:
        """Give the path of a file that a value is about to be read from."""
        path = self.folder / text
        self.stamps[path] = stamp(path)
        return path

    def expand(self, value: Any) -> Any:
        """Put the environment's values in place of each `${VAR}`, also in the items of a list.

        What stands in a mapping is expanded by its parser. Raises Unacceptable.
        """
        return list(map(self._expand_text, value)) if isinstance(value, list) else self._expand_text(value)

    def _expand_text(self, value: Any) -> Any:
        environment = self.environment
        if not isinstance(value, str) or environment is None:
            return value

        def variable(match: re.Match[str]) -> str:
            if match[0].startswith("$$"):
                return match[0][1:]
            if match[1] is None:
                raise Unacceptable("${ without a variable's name and } behind it ($${ stands for ${ itself)")
            if match[1] not in environment:
                raise Unacceptable(f"{match[0]}, which is not set in the environment")
            return environment[match[1]]

        return _VARIABLE.sub(variable, value)


@dataclass(frozen=True, slots=True)
class Parser:
    """How one setting is read: `accepts` completes the sentence "accepted: ..."."""

    accepts: str
    parse: Callable[[Any, Source], Any]
    """Takes the value, expanded, and its source; raises Unacceptable or SeveralUnacceptable."""
    hidden: bool = False
    """Never show the value, not even in an error."""
    show: Callable[[Any], Any] = str
    """How a value that was parsed is shown, in what YAML can hold."""
