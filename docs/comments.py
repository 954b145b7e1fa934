"""What an example file says of its keys, in the comments above them."""

from __future__ import annotations

import re
from collections.abc import Container

_KEY = re.compile(r"(?P<indent> *(?:- )?)(?:# )?(?P<key>\w+):(?: .*)?")
_COMMENT = re.compile(r" *(?:- )?#(?: (?P<text>.*))?")


def meanings(example: str, keys: Container[str]) -> dict[str, str]:
    """Return the comment above each of these keys by the key's path, like `collection.timeout`.

    A key may be commented out itself. Those that follow one another share the comment above the first. Lists
    take no part in paths.
    """
    told: dict[str, str] = {}
    around: dict[int, str] = {}  # by indentation: the keys that the present line lies in
    comment: list[str] = []
    is_below_key = False
    for line in example.splitlines():
        key = _KEY.fullmatch(line)
        is_key = key is not None and key["key"] in keys
        if key and is_key:
            indent = len(key["indent"])
            around = {each: name for each, name in around.items() if each < indent} | {indent: key["key"]}
            told[".".join(around.values())] = " ".join(filter(None, comment))
        elif text := _COMMENT.fullmatch(line):
            comment = [*([] if is_below_key else comment), _inline(text["text"] or "")]
        else:
            comment = []
        is_below_key = is_key
    return told


def _inline(text: str) -> str:
    """Return a line as part of a sentence; an indented one is a command."""
    return f"`{text.strip()}`" if text.startswith("    ") else text
