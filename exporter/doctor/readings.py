"""Passes over the list: all its pages at once, or as many as requests allow, some seconds apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from math import ceil

from exporter.doctor.asker import OutOfRequests
from exporter.doctor.inquiry import Answer, Inquiry
from exporter.doctor.offsets import Layout
from exporter.exotel.models import Call

_MOMENTS = (0.0, 4.0, 14.0, 27.0, 45.0)  # seconds after the first
_FEWER = {1: (0.0,), 2: (0.0, 15.0), 3: (0.0, 14.0, 40.0), 4: (0.0, 8.0, 24.0, 45.0)}


@dataclass(frozen=True)
class Reading:
    """One pass over the list: its pages in order, each with the row that it begins with."""

    pages: tuple[tuple[int, Answer], ...]
    is_whole: bool
    """Whether they are all pages of the list."""

    @cached_property
    def calls(self) -> dict[str, Call]:
        """The calls by call_sid, in the order of the list."""
        found: dict[str, Call] = {}
        for _, answer in self.pages:
            for call in answer.calls:
                found.setdefault(call.call_sid, call)
        return found

    @cached_property
    def at(self) -> float:
        """When it was read, in seconds on the monotonic clock."""
        return sum(answer.at for _, answer in self.pages) / len(self.pages)

    @property
    def rows(self) -> int:
        """Return how many rows the pages have."""
        return sum(answer.rows for _, answer in self.pages)

    @property
    def end(self) -> tuple[int, Answer] | None:
        """Return the last row's number by the last page, and that page; None where it isn't known."""
        found = [(first, answer) for first, answer in self.pages if answer.rows]
        if not self.is_whole or not found:
            return None
        first, answer = found[-1]
        return first + answer.rows, answer


@dataclass(frozen=True, slots=True)
class Plan:
    """When to read the list, in seconds after the first time, and how many pages each time."""

    moments: Sequence[float]
    pages: Sequence[int]
    whole: int
    """The pages of the whole list."""
    first: Reading | None = None
    """The one at the first moment, where it was read already."""


def pages_of(rows: int, size: int) -> int:
    """Return how many pages a list of about so many rows takes: it grows while it is read."""
    return ceil((rows + max(1, rows // 50)) / size)


def plan(rows: int, size: int, requests: int, *, is_single: bool, first: Reading | None = None) -> Plan:
    """Return the plan that tells most with so many requests, beside those that the first reading took."""
    requests = max(0, requests)
    whole = 1 if is_single else pages_of(rows, size)
    times = min(len(_MOMENTS), requests // whole + (first is not None))
    if times > 1:
        return Plan(_FEWER.get(times, _MOMENTS), [whole] * times, whole, first)
    left = requests if first else requests - whole * times  # for beginnings of the list
    beginnings = min(4 - times, left)
    pages = [whole] * times + [left // max(1, beginnings)] * beginnings
    return Plan(_FEWER.get(len(pages), ()), pages, whole, first)


def read_to_end(inquiry: Inquiry, layout: Layout, most: int) -> Reading | None:
    """Return a pass over a list of unknown length, which takes no more than so many pages."""
    return read_list(inquiry, layout, 1, max(0, most - 1))


def read_list(inquiry: Inquiry, layout: Layout, pages: int, extra: int = 2) -> Reading | None:
    """Return a pass over the list, in so many pages or a few more where it is longer; None if any failed."""
    found: list[tuple[int, Answer]] = []
    wanted, extra = pages, 0 if layout.is_single else extra
    while True:
        firsts = [layout.size * (len(found) + number) for number in range(wanted)]
        if len(firsts) > inquiry.left:
            break
        answers = inquiry.pages([layout.ask(first) for first in firsts])
        for first, answer in zip(firsts, answers, strict=True):
            if answer.is_page:
                found.append((first, answer))
            elif answer.is_refusal and found:
                return Reading(tuple(found), is_whole=True)
            else:
                return None
        if _is_end(found, layout):
            return Reading(tuple(found), is_whole=True)
        if extra == 0:
            break
        wanted, extra = 1, extra - 1
    return Reading(tuple(found), is_whole=False) if found else None


def _is_end(found: Sequence[tuple[int, Answer]], layout: Layout) -> bool:
    """Return whether the last page is shorter than it could be."""
    return bool(found) and found[-1][1].rows < layout.size


def read_repeatedly(
    inquiry: Inquiry, layout: Layout, scheme: Plan, say: Callable[[str], None]
) -> list[Reading]:
    """Return the passes over the list that succeeded."""
    first = scheme.first
    started, readings = (first.at, [first]) if first else (inquiry.now, [])
    for number, (moment, pages) in enumerate(zip(scheme.moments, scheme.pages, strict=True), 1):
        if first and number == 1:
            continue
        inquiry.wait_until(started + moment)
        say(f"reading the list, {number} of {len(scheme.moments)}")
        extra = 2 if pages >= scheme.whole else 0  # a beginning stays one
        with suppress(OutOfRequests):  # what was read before holds without this one
            if (reading := read_list(inquiry, layout, pages, extra)) is not None:
                readings.append(reading)
    return readings
