"""Reads a YAML file into plain values, and notices what YAML itself lets pass: a key given twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from exporter.config.textfile import Unreadable, read

_QUOTED = re.compile(r""" ['"](?!<|\\?.['"]).*""", re.DOTALL)
"""What an error of YAML quotes, beyond one character or its own `<...>`: it could be a credential."""

_LARGEST = 4 * 2**20
"""Bytes; ten thousand accounts take half of it."""

_MOST_NODES = 300_000
"""Values; ten thousand accounts have half as many, and each costs a kilobyte while it is read."""


class NotYaml(Exception):
    """A file that is no YAML: where, what was found there, and what is accepted."""

    def __init__(self, place: str, found: str, accepted: str) -> None:
        super().__init__(f"{place}: {found}")
        self.place = place
        self.found = found
        self.accepted = accepted


def load(path: Path) -> tuple[Any, list[tuple[str, str]]]:
    """Give what the file holds, and for each repeated key its place and name.

    Raises NotYaml.
    """
    try:
        content = read(path, _LARGEST)
        if len(content) > _LARGEST:
            raise NotYaml("the file", "more than 4 MiB", "the path of a configuration")
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotYaml(f"byte {error.start}", "what is not UTF-8", "a YAML file in UTF-8") from None
    except Unreadable as error:
        raise NotYaml("the file", error.why, "the path of a readable YAML file") from None
    try:
        loader = _Loader(text)
        return loader.get_single_data(), loader.duplicates
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
        problem = str(getattr(error, "problem", None) or getattr(error, "reason", "what can't be read"))
        found = f"a YAML error ({_QUOTED.sub('', problem)})"
        raise NotYaml(place, found, "YAML, with texts in quotes") from None
    except RecursionError:
        raise NotYaml("the file", "what is nested too deeply", "YAML of a few levels") from None
    except MemoryError:
        raise NotYaml("the file", "more than memory holds", "the path of a configuration") from None


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates: list[tuple[str, str]] = []
        self._nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Count values: PyYAML takes its time for each, and a megabyte of them is no configuration."""
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise NotYaml("the file", f"more than {_MOST_NODES:,} values", "the path of a configuration")
        return super().compose_node(parent, index)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Notice repeated keys here, where those that `<<` merges aren't among them yet."""
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in seen:
                    self.duplicates.append((f"line {key_node.start_mark.line + 1}", key_node.value))
                seen.add(key_node.value)
        return node

    def construct_object(self, node: yaml.Node, deep: Any = False) -> Any:  # noqa: FBT002  # PyYAML's signature
        """Give what a node stands for; of a text that its type can't hold PyYAML itself makes any error."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError):
            problem = "a value that its type can't hold"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None
