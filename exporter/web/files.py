"""Files that a configuration names: read whole, as text or as strict YAML, and noticed when they change."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Fingerprint = tuple[int, ...] | None
"""What changes when a file does; None of what is no regular file, or isn't there."""

_QUOTED = re.compile(r""" ['"](?!<|\\?.['"]).*""", re.DOTALL)
"""What an error of YAML quotes, beyond one character or its own `<...>`: it could be a credential."""

_LARGEST = 4 * 2**20
"""Bytes of YAML; ten thousand accounts take half of it."""

_MOST_NODES = 300_000
"""Values; ten thousand accounts have half as many, and each costs a kilobyte while it is read."""

_SPACES = "keys of one section indented alike, with spaces"
_PLAIN_WORDS = {
    "mapping values are not allowed here": (
        "a colon where no key can stand",
        f"{_SPACES}; texts with a colon in quotes",
    ),
    "expected <block end>, but found '<block mapping start>'": ("a key that is indented wrongly", _SPACES),
    "expected <block end>, but found '<block sequence start>'": ("an item that is indented wrongly", _SPACES),
}


class Unreadable(Exception):
    """A file holds no text that can be read; `why` completes "the file (…)"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(eq=False)
class NotYaml(Exception):
    """A text that is no YAML; `line` counts from 1, and is None where the whole text is at fault."""

    line: int | None
    found: str
    accepted: str


def os_message(error: Exception) -> str:
    """Return what the system says of a failure, to stand within a sentence."""
    return str(getattr(error, "strerror", None) or type(error).__name__).lower()


def fingerprint(path: Path) -> Fingerprint:
    """Return what tells whether a file has changed since."""
    try:
        found = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read(path: Path, most: int) -> bytes:
    """Return a file's bytes: all of them, or one more than `most` of a longer file.

    A pipe is not waited for, and a device not read: neither can be read again. Raise Unreadable.
    """
    try:
        with open(path, "rb", opener=_opened) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable("not a regular file")
            return file.read(most + 1)
    except IsADirectoryError:
        raise Unreadable("a directory") from None
    except OSError as error:
        raise Unreadable(os_message(error)) from error


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def read_text(path: Path, longest: int) -> str:
    """Return a file's text of at most so many characters, without the white space around it.

    Raise Unreadable.
    """
    most = 4 * longest  # bytes that so many characters can take
    found = read(path, most)
    if len(found) <= most:
        try:
            text = found.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            raise Unreadable("not UTF-8 text") from None
        if len(text) <= longest:
            return text
    raise Unreadable(f"longer than {longest} characters")


class _StrictLoader(yaml.SafeLoader):
    """Composes and constructs one document; `duplicates` are the lines and names of repeated keys."""

    def __init__(self, text: str) -> None:
        self.duplicates: list[tuple[int, str]] = []
        self._nodes = 0
        super().__init__(text)

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES:  # PyYAML takes its time for each
            raise NotYaml(None, f"more than {_MOST_NODES:,} values", "a configuration file")
        return super().compose_node(parent, index)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Notice repeated keys here, where those that `<<` merges aren't among them yet."""
        node = super().compose_mapping_node(anchor)
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        seen = set()
        for key in keys:
            if key.value in seen:
                self.duplicates.append((key.start_mark.line + 1, key.value))
            seen.add(key.value)
        return node

    def construct_object(self, node: yaml.Node, deep: Any = False) -> Any:  # noqa: FBT002  # PyYAML's signature
        """Return what a node stands for; of a text that its type can't hold PyYAML itself makes any error."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError):
            problem = "a value that doesn't fit its type"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None


def read_yaml(path: Path) -> tuple[Any, yaml.Node | None, list[tuple[int, str]]]:
    """Return what a file holds, the nodes that know its lines, and each repeated key with its line.

    No error quotes a secret. Raise NotYaml.
    """
    text = _yaml_text(path)
    try:
        loader = _StrictLoader(text)
        root = loader.get_single_node()
        return (None if root is None else loader.construct_document(root)), root, loader.duplicates
    except yaml.YAMLError as error:
        raise _in_plain_words(error, text) from None
    except RecursionError:
        raise NotYaml(None, "nesting that is too deep", "YAML of a few levels") from None
    except MemoryError:
        raise NotYaml(None, "more than memory holds", "a configuration file") from None


def _yaml_text(path: Path) -> str:
    try:
        content = read(path, _LARGEST)
    except Unreadable as error:
        raise NotYaml(None, error.why, "the path of a readable YAML file") from None
    if len(content) > _LARGEST:
        raise NotYaml(None, "more than 4 MiB", "a configuration file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise NotYaml(line, "bytes that aren't UTF-8", "a YAML file in UTF-8") from None


def _in_plain_words(error: yaml.YAMLError, text: str) -> NotYaml:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", "what can't be read"))
    line = mark.line + 1 if mark else None
    if mark and any(re.match(r"\s*\t", each) for each in text.splitlines()[mark.line : mark.line + 1]):
        return NotYaml(line, "a tab in the indentation", _SPACES)
    found, accepted = _PLAIN_WORDS.get(
        problem, (f"a YAML error ({_QUOTED.sub('', problem)})", "YAML, with special characters in quotes")
    )
    return NotYaml(line, found, accepted)
