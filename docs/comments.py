"""What an example file says of its keys, in the comments above them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import yaml

_COMMENT = re.compile(r" *(- )?# (.*)")


def meanings(example: str) -> dict[str, str]:
    """Give the comment above each key of a YAML text by the key's path, like `collection.timeout`.

    Lists take no part in paths: what their items are made of is told once.
    """
    lines = example.splitlines()
    return {path: _above(lines[:line]) for path, line in _keys(yaml.compose(example), "")}


def _keys(node: yaml.Node | None, path: str) -> Iterator[tuple[str, int]]:
    """Give the path and the line of each key."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _keys(item, path)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield path + key.value, key.start_mark.line
            yield from _keys(value, f"{path}{key.value}.")


def _above(lines: Sequence[str]) -> str:
    """Give the comment that these lines end with, as one line."""
    comment: list[str] = []
    for match in map(_COMMENT.fullmatch, reversed(lines)):
        if not match:
            break
        comment.insert(0, match[2])
        if match[1]:  # it begins beside the dash of an item
            break
    return " ".join(comment)
