"""What a listing amounts to: whether a call could be missing, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from exporter.api.errors import ApiError, Cause
from exporter.api.list_order import Found, Order
from exporter.api.paging import Ask
from exporter.api.reading import Reading

_WINDOW = 1000
"""Servers that search show so many rows, or a multiple, and no more; 1, 5 and 10 times it are common."""


def why_incomplete(reading: Reading, found: Found, needed: int) -> tuple[str | None, Cause | None]:
    """Return why a call that was alive throughout could be missing, and the cause; None where none can.

    `needed` are the requests that the listing takes.
    """
    return next(_doubts(reading, found, needed), (None, None))


def _doubts(reading: Reading, found: Found, needed: int) -> Iterator[tuple[str, Cause | None]]:
    if found.order is Order.NONE:
        yield _disorder(reading), Cause.ORDER
    if reading.refused and not reading.is_whole and (reading.edge or not reading.seams.reached_end):
        yield _refused(reading), Cause.WINDOW if reading.edge else None
    if not reading.is_closed:
        yield _open(reading), _why_open(reading)
    if not reading.adds_up:
        yield _missing(reading), Cause.TOTAL
    if found.lacks_requests:
        again = "calls change places in the list, or may: it has to be read twice"
        yield f"{again}, which takes {needed} requests, and fewer are left", Cause.ORDER
    if reading.outpaces:
        yield "calls change places in the list faster than it can be read twice", Cause.ORDER
    if _is_window(reading):
        yield f"the list ends at exactly {reading.seams.end} calls: it may be cut off there", Cause.WINDOW


def _disorder(reading: Reading) -> str:
    if reading.seams.is_by_start:
        return "calls that started at the same moment change places, and fill whole pages"
    return "the list has no stable order: two pages show the same calls in different orders"


def _refused(reading: Reading) -> str:
    [(offset, limit), error] = cast(tuple[Ask, ApiError], reading.refused)
    refused = f"the API refuses rows {offset} to {offset + limit} of its list (HTTP {error.meant})"
    calls = f"{reading.unseen} of {reading.sums.last} calls that it reports"
    return f"{refused}: {calls if reading.unseen else 'calls there'} can't be listed"


def _open(reading: Reading) -> str:
    if gaps := reading.gaps:
        return f"between {gaps} pairs of pages calls could be missing"
    return _missing(reading) if reading.missing else "no page reached the end of the list"


def _missing(reading: Reading) -> str:
    return f"{reading.missing} of {reading.sums.last} calls that the API reports were not in its list"


def _why_open(reading: Reading) -> Cause | None:
    """Give what is behind pages that don't join: a list that stands still can't be."""
    if reading.was_cut:
        return Cause.TIME
    if not reading.gaps and not reading.adds_up:
        return Cause.TOTAL
    return {True: Cause.PAGES, False: Cause.MOVING, None: None}[reading.sums.are_equal]


def fingerprint(reading: Reading) -> int | None:
    """Return what tells other calls from these, of a list that ends where servers stop counting."""
    return None if reading.seams.end % _WINDOW else hash(frozenset(reading.seams.call_sids))


def _is_window(reading: Reading) -> bool:
    """Tell whether a list ends where servers stop counting, whatever lies behind.

    It did so before, with other calls; where windows are common, it is enough that it didn't end elsewhere.
    """
    past, end, sums = reading.past, reading.seams.end, reading.sums
    if end % _WINDOW or not end or sums.are_equal is False or sums.last not in {None, end}:
        return False
    if str(end).rstrip("0") in {"1", "5"}:
        return past.end in {None, end}
    return past.end == end and past.fingerprint != fingerprint(reading)
