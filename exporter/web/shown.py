"""How what was found is shown in an error: as it stands in the file, but never a secret."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from typing import Any

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
    date: "a date",
    datetime: "a date",
    bytes: "binary data",
}


def kind(value: Any) -> str:
    """Return what kind of value YAML gave."""
    if isinstance(value, bool):
        return str(value).lower()
    if value in ([], {}):
        return f"an empty {'list' if value == [] else 'mapping'}"
    return _KINDS.get(type(value), type(value).__name__)


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
    """Return a key; one that is no plain name is cut short, as it could be `api_token:` with its value.

    So is one of many digits: it could be a telephone number.
    """
    name = key if isinstance(key, str) else show(key)
    match = _PLAIN_NAME.match(name[:_LONGEST_NAME])
    plain = match[0] if match else ""
    return plain if plain == name else f"{plain}…"


def show_name(name: str) -> str:
    """Return a name that somebody chose, cut short only where it could be a telephone number."""
    is_clear = name == name.strip() and name.isprintable() and len(name) <= _LONGEST_VALUE
    return name if is_clear and not may_be_a_telephone_number(name) else show_key(name)


def may_be_a_telephone_number(text: str) -> bool:
    """Return whether a text has digits enough for one, whatever stands between them."""
    return sum(map(str.isdigit, text)) >= _FEWEST_DIGITS
