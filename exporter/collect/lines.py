"""Which of the account's lines a call is on, by its numbers, which never leave this module."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import phonenumbers
from phonenumbers import PhoneNumber

from exporter.collect.tallies import LISTED
from exporter.config import Line
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Call, PersonalCall

OTHER = "other"
"""The line of a call that is on none of the account's."""

LineTally = Mapping[tuple[str, Direction, CallStatus], int]
"""Calls by line, direction and status."""

_NO_DIGIT = re.compile("[^0-9]+")
_BEHIND_A_NUMBER = re.compile("[@;]")  # in a SIP URI: the host, parameters


class Lines:
    """The account's lines, found by a number however the API writes it."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.names = (*(line.name for line in lines), OTHER) if lines else ()
        self._with_plus: dict[str, str] = {}
        spellings: defaultdict[str, set[str]] = defaultdict(set)
        for line in lines:
            for number in map(phonenumbers.parse, line.numbers):
                self._with_plus.update(dict.fromkeys(_full(number), line.name))
                for spelling in _national(number):
                    spellings[spelling].add(line.name)
        clear = {spelling: names.pop() for spelling, names in spellings.items() if len(names) == 1}
        self._without_plus = (
            clear | self._with_plus | {"00" + full: name for full, name in self._with_plus.items()}
        )

    def line_of(self, call: Call) -> str:
        """Give the line of a call: the one it came in on, or else the one it goes out from."""
        if not isinstance(call, PersonalCall):
            return OTHER
        came_in = call.direction is Direction.INBOUND
        near, far = (call.to, call.from_) if came_in else (call.from_, call.to)
        return self._find(near) or self._find(far) or OTHER

    def _find(self, number: str | None) -> str | None:
        written = _BEHIND_A_NUMBER.split(number or "", maxsplit=1)[0]
        # With a plus it is a full number: its digits may be those of another country's national one.
        names = self._with_plus if "+" in written else self._without_plus
        return names.get(_NO_DIGIT.sub("", written))


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


def _full(number: PhoneNumber) -> Iterator[str]:
    """Give the digits that may follow a plus: some leave the trunk prefix in, as in +91 (0) 80…"""
    national = phonenumbers.national_significant_number(number)
    yield from (f"{number.country_code}{national}", f"{number.country_code}{_trunk(number)}{national}")


def _national(number: PhoneNumber) -> Iterator[str]:
    """Give the digits as they are written without a plus: 080…, 091 80…, or bare."""
    national = phonenumbers.national_significant_number(number)
    yield from (national, f"{_trunk(number)}{national}", f"0{number.country_code}{national}")


def _trunk(number: PhoneNumber) -> str:
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) or ""
