"""An account's telephone numbers, by line. No error shows a number: they never leave the process."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from pydantic import PlainValidator, WithJsonSchema

from exporter.web.config_file import (
    Place,
    Rejected,
    kind,
    may_be_a_telephone_number,
    rejection,
    show,
    show_name,
)
from exporter.web.sections import IN_QUOTES, Accepts

_THE_REST = "other"
_NAME = re.compile(r"\S(.{0,62}\S)?")
_MOST_DIGITS = 9  # of a name: with one more it could be a telephone number
_NUMBER = re.compile(r"\+[0-9 ()-]+")

_A_NAME = (
    f"1 to 64 printable characters, no space at either end, no more than {_MOST_DIGITS} digits; "
    f"not {_THE_REST}, which stands for the rest"
)
_NUMBERS = "a list of telephone numbers"
_A_NUMBER = 'a telephone number in quotes, with + and its country code, like "+91 80 1234 5678"'


@dataclass(frozen=True, slots=True)
class Line:
    """What calls are counted by: a name for one or more numbers, these in E.164, like +918012345678."""

    name: str
    numbers: tuple[str, ...] = field(repr=False)


def _lines(value: Any) -> tuple[Line, ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, dict) or not value:
        raise Rejected
    problems: list[tuple[Place, Rejected]] = []
    places: dict[str, str] = {}
    lines = []
    for name, written in value.items():
        key = name if isinstance(name, str) else show(name)
        if problem := _name_problem(name):
            problems.append(((key,), problem))
        if not isinstance(written, list) or not written:
            problems.append(((key,), Rejected(kind(written), accepted=_NUMBERS)))
            continue
        numbers = []
        for index, item in enumerate(written):
            try:
                numbers.append(_number(item, f"{show_name(key)}[{index}]", places))
            except Rejected as rejected:
                problems.append(((key, index), rejected))
        lines.append(Line(key, tuple(numbers)))
    if problems:
        raise rejection(problems)
    return tuple(lines)


def _name_problem(name: Any) -> Rejected | None:
    """Return what is wrong with a name, which becomes a label; with many digits it could be a number."""
    if not isinstance(name, str):
        return Rejected(kind(name), why=IN_QUOTES, accepted=_A_NAME)
    digits = sum(map(str.isdigit, name))
    if name != _THE_REST and name.isprintable() and _NAME.fullmatch(name) and digits <= _MOST_DIGITS:
        return None
    return Rejected(kind(name) if may_be_a_telephone_number(name) else show(name), accepted=_A_NAME)


def _number(written: Any, place: str, places: dict[str, str]) -> str:
    """Return a number in E.164, and note its place."""
    if not isinstance(written, str):
        raise Rejected(kind(written), accepted=_A_NUMBER)
    from exporter.config.telephone_numbers import e164  # noqa: PLC0415  # 2 MB; most accounts have no lines

    found = e164(written) if _NUMBER.fullmatch(written) else None
    if found is None:
        raise Rejected("a text that isn't a telephone number with a country code", accepted=_A_NUMBER)
    if (first := places.setdefault(found, place)) is not place:
        raise Rejected(f"a number that {first} already has", accepted="each number once")
    return found


_A_LIST = {"type": "array", "minItems": 1, "items": {"type": "string"}}
LINES = Accepts(
    'a mapping from names to lists of telephone numbers, like {sales: ["+91 80 1234 5678"]}',
    PlainValidator(_lines),
    WithJsonSchema({"type": "object", "minProperties": 1, "additionalProperties": _A_LIST}),
    hidden=True,
)
