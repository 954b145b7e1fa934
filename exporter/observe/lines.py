"""Which of the account's lines a call is on, by its numbers, which never leave this module."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import phonenumbers

from exporter.api.rows import Call, PersonalCall
from exporter.api.vocabulary import CallStatus, Direction
from exporter.config import Line
from exporter.observe.calls import LISTED

OTHER = "other"
"""The line of a call that is on none of the account's."""

LineTally = Mapping[tuple[str, Direction, CallStatus], int]
"""Calls by line, direction and status."""

_NO_DIGIT = re.compile("[^0-9]+")


class Lines:
    """The account's lines, found by a number however the API writes it."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.names = (*(line.name for line in lines), OTHER) if lines else ()
        self._by_digits: dict[str, str] = {}
        for line in lines:
            for number in line.numbers:
                self._by_digits.update(dict.fromkeys(_spellings(number), line.name))
        for line in lines:  # the full number has the last word, should it be another's spelling
            self._by_digits.update({_digits(number): line.name for number in line.numbers})

    def line_of(self, call: Call) -> str:
        """Give the line of a call: the one it came in on, or else the one it goes out from."""
        if not isinstance(call, PersonalCall):
            return OTHER
        came_in = call.direction is Direction.INBOUND
        near, far = (call.to, call.from_) if came_in else (call.from_, call.to)
        find = self._by_digits.get
        return find(_digits(near)) or find(_digits(far)) or OTHER


def tally_lines(calls: Iterable[Call], lines: Lines) -> LineTally | None:
    """Count calls by line, direction and status; None where the account has no lines."""
    if not lines.names:
        return None
    tally = Counter({(line, *pair): 0 for line in lines.names for pair in LISTED})
    tally.update(
        (lines.line_of(call), call.direction or Direction.UNKNOWN, call.status or CallStatus.UNKNOWN)
        for call in calls
    )
    return tally


def _digits(number: str | None) -> str:
    return _NO_DIGIT.sub("", number or "")


def _spellings(number: str) -> Iterator[str]:
    """Give the digits of a number (E.164) as people and switches write it: +91…, 0091…, 091…, 0…, or bare."""
    parsed = phonenumbers.parse(number)
    country, national = parsed.country_code or 0, phonenumbers.national_significant_number(parsed)
    region = phonenumbers.region_code_for_country_code(country)
    trunk = phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) or ""
    yield from (f"{prefix}{country}{national}" for prefix in ("", "0", "00"))
    yield from (f"{country}{trunk}{national}", f"{trunk}{national}", national)
