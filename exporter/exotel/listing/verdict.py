"""What a listing amounts to: whether a call could be missing, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from exporter.exotel.errors import ApiError, Cause
from exporter.exotel.listing.order import Found, Order
from exporter.exotel.listing.paging import Ask
from exporter.exotel.listing.reading import Reading

_WINDOW = 1000
"""Servers that search show so many rows, or a multiple, and no more; 1, 5 and 10 times it are common."""
_EDGE = 20
"""Calls at the end of a list, which don't all end within seconds."""


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
    if reading.sums.partial():
        yield "some pages report far fewer calls than the others", Cause.TOTAL
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
    if reading.was_cut and reading.earlier:
        return "the list was to be read a second time, and the time or the requests for it ended"
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


def ends_like_a_window(reading: Reading) -> bool:
    """Tell whether a list ends where servers stop counting, by all that they told of it."""
    end, sums = reading.seams.end, reading.sums
    return end > 0 and end % _WINDOW == 0 and sums.are_equal is not False and sums.last in {None, end}


def _is_window(reading: Reading) -> bool:
    """Tell whether a list that ends where servers stop counting may go on behind.

    Where windows are common that is so as long as nothing tells. What comes and goes tells: calls that come
    into a window had begun before it was last read, or those at its end are pushed out of it.
    """
    past, end = reading.past, reading.seams.end
    if not ends_like_a_window(reading) or past.end not in {None, end}:
        return False
    before = {call.call_sid for call in past.rows}
    came = [call for call in reading.calls if call.call_sid not in before] if before else []
    if not came:
        return str(end).rstrip("0") in {"1", "5"}
    has_old = any(call.duration is not None and call.duration > past.since for call in came)
    edge = {call.call_sid for call in past.rows[-_EDGE:]}
    return has_old or not edge & reading.seams.call_sids
