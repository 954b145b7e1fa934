"""An account's telephone numbers, by line. No mistake shows a number: they never leave the process."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from exporter.config.parsing import Parser, SeveralUnacceptable, Source, Unacceptable
from exporter.config.shown import kind, may_be_a_telephone_number, show, show_key

_THE_REST = "other"
_NAME = re.compile(r"\S(.{0,62}\S)?")
_NUMBER = re.compile(r"\+[0-9 ()-]+")

_LINES = 'a mapping from names to lists of telephone numbers, like {sales: ["+91 80 1234 5678"]}'
_A_NAME = (
    "1 to 64 printable characters, no space at either end, fewer than 10 digits; "
    f"not {_THE_REST}, which stands for the rest"
)
_NUMBERS = "a list of telephone numbers"
_A_NUMBER = 'a telephone number in quotes, with + and its country code, like "+91 80 1234 5678"'


@dataclass(frozen=True, slots=True)
class Line:
    """What calls are counted by: a name for one or more numbers, these in E.164, like +918012345678."""

    name: str
    numbers: tuple[str, ...] = field(repr=False)


def telephone_lines() -> Parser:
    """Parse a mapping from the names of lines to their numbers."""

    def parse(value: Any, source: Source) -> tuple[Line, ...]:
        if not isinstance(value, dict) or not value:
            raise Unacceptable("an empty mapping" if value == {} else None)
        reader = _Reader(source)
        lines = tuple(reader.line(name, numbers) for name, numbers in value.items())
        if reader.mistakes:
            raise SeveralUnacceptable(reader.mistakes)
        return lines

    return Parser(_LINES, parse, hidden=True, show=_masked)


def _masked(lines: tuple[Line, ...]) -> dict[str, list[str]]:
    return {line.name: ["<telephone number>"] * len(line.numbers) for line in lines}


class _Reader:
    """Reads the lines of one account; gathers mistakes instead of stopping at the first."""

    def __init__(self, source: Source) -> None:
        self.mistakes: list[Unacceptable] = []
        self._source = source
        self._places: dict[str, str] = {}

    def line(self, name: Any, written: Any) -> Line:
        place = _place(name)
        if not _is_a_name(name) or name == _THE_REST:
            is_text = isinstance(name, str)
            found = show(name) if is_text and not may_be_a_telephone_number(name) else kind(name)
            why = None if is_text else "put it in quotes"
            self.mistakes.append(Unacceptable(found, why=why, place=place, accepts=_A_NAME))
        return Line(name, self._numbers(written, place))

    def _numbers(self, written: Any, place: str) -> tuple[str, ...]:
        if not isinstance(written, list) or not written:
            found = "an empty list" if written == [] else kind(written)
            self.mistakes.append(Unacceptable(found, place=place, accepts=_NUMBERS))
            return ()
        return tuple(self._number(item, f"{place}[{index}]") for index, item in enumerate(written))

    def _number(self, written: Any, place: str) -> str:
        try:
            number = _e164(written, self._source)
        except Unacceptable as error:
            self.mistakes.append(Unacceptable(error.found, place=place, accepts=_A_NUMBER))
            return ""
        if number in self._places:
            found = f"a number that {self._places[number]} has already"
            self.mistakes.append(Unacceptable(found, place=place, accepts="each number once"))
        self._places.setdefault(number, place.removeprefix("."))
        return number


def _e164(written: Any, source: Source) -> str:
    if not isinstance(written, str):
        raise Unacceptable(kind(written))
    text = source.expand(written)
    try:
        number = phonenumbers.parse(text) if _NUMBER.fullmatch(text) else None
    except NumberParseException:
        number = None
    if not number or phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        raise Unacceptable("a text that is no telephone number with country code")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _is_a_name(name: Any) -> bool:
    """Tell whether this can be a label; with 10 digits it could be a telephone number."""
    if not isinstance(name, str) or not name.isprintable() or _NAME.fullmatch(name) is None:
        return False
    return sum(map(str.isdigit, name)) < 10


def _place(name: Any) -> str:
    """Give a line's place; a name that may be a number in the name's stead is cut short."""
    is_clear = _is_a_name(name) and not may_be_a_telephone_number(name)
    return f".{name if is_clear else show_key(name)}"
