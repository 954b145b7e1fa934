"""YAML, read strictly: no key twice, nothing bottomless, and an error that quotes no secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

_QUOTED = re.compile(r""" ['"](?!<|\\?.['"]).*""", re.DOTALL)
"""What an error of YAML quotes, beyond one character or its own `<...>`: it could be a credential."""

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


@dataclass(eq=False)
class NotYaml(Exception):
    """A text that is no YAML; `line` counts from 1, and is None where the whole text is at fault."""

    line: int | None
    found: str
    accepted: str


class StrictLoader(yaml.SafeLoader):
    """Composes and constructs one document; `duplicates` are the lines and names of repeated keys."""

    def __init__(self, text: str) -> None:
        self.duplicates: list[tuple[int, str]] = []
        self._nodes = 0
        super().__init__(text)

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Count values: PyYAML takes its time for each, and a megabyte of them is no configuration."""
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise NotYaml(None, f"more than {_MOST_NODES:,} values", "a configuration file")
        return super().compose_node(parent, index)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Notice repeated keys here, where those that `<<` merges aren't among them yet."""
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
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


def parse(text: str) -> tuple[Any, yaml.Node | None, list[tuple[int, str]]]:
    """Return what a text holds, the nodes that know its lines, and each repeated key with its line.

    Raise NotYaml.
    """
    try:
        loader = StrictLoader(text)
        root = loader.get_single_node()
        return (None if root is None else loader.construct_document(root)), root, loader.duplicates
    except yaml.YAMLError as error:
        raise _in_words(error, text) from None
    except RecursionError:
        raise NotYaml(None, "nesting that is too deep", "YAML of a few levels") from None
    except MemoryError:
        raise NotYaml(None, "more than memory holds", "a configuration file") from None


def _in_words(error: yaml.YAMLError, text: str) -> NotYaml:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", "what can't be read"))
    line = mark.line + 1 if mark else None
    if mark and _is_indented_by_a_tab(text, mark.line):
        return NotYaml(line, "a tab in the indentation", _SPACES)
    found, accepted = _PLAIN_WORDS.get(
        problem, (f"a YAML error ({_QUOTED.sub('', problem)})", "YAML, with special characters in quotes")
    )
    return NotYaml(line, found, accepted)


def _is_indented_by_a_tab(text: str, line: int) -> bool:
    lines = text.splitlines()[line : line + 1]
    return any("\t" in each[: len(each) - len(each.lstrip())] for each in lines)
