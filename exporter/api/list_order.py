"""What orders the rows of a list, and what a listing of it amounts to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from exporter.api.errors import ApiError, Cause
from exporter.api.paging import Ask
from exporter.api.seams import moved
from exporter.api.walk import Past, Walk

_WINDOW = 1000
"""Servers that search show so many rows, or a multiple, and no more; 1, 5 and 10 times it are common."""


class Order(StrEnum):
    """What orders the rows of a list: what the proof of a listing rests on."""

    START = "start"
    """By the calls' start times, which never change."""
    STABLE = "stable"
    """By something else; calls keep their places among one another."""
    MOVING = "moving"
    """Calls change their places."""
    NONE = "none"
    """Each answer has an order of its own."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a listing showed of the order of its list."""

    order: Order | None
    """None where it doesn't show."""
    places: Mapping[str, int] | None = None
    """The calls in the order of the list; None where start times prove more, or nothing is proven."""
    has_moved: bool = False
    """Whether calls were seen to change places."""
    lacks_requests: bool = False
    """Whether it should have been read twice, and the budget didn't allow that."""


def settle_order(walk: Walk, past: Past) -> Found:
    """Find out what orders the rows; read the list again, backwards, where its calls change places or may."""
    seams = walk.seams
    if seams.is_one_page:
        return Found(None)
    if not seams.has_order:
        return Found(Order.NONE)
    if seams.is_by_start:
        lacks_requests = past.is_doubted and seams.closed and not walk.read_back()
        return Found(Order.START, lacks_requests=lacks_requests)
    has_moved = not seams.in_order
    if not seams.closed:
        return Found(Order.MOVING if past.moves or has_moved else None, has_moved=has_moved)
    places = seams.places()
    has_moved |= bool(past.places and moved(past.places, places))
    if past.places and not (has_moved or past.moves or past.is_doubted):
        return Found(Order.STABLE, places)
    return _read_twice(walk, past, places, has_moved=has_moved)


def _read_twice(walk: Walk, past: Past, places: Mapping[str, int], *, has_moved: bool) -> Found:
    was_read = walk.read_back()
    if was_read and not walk.seams.has_order:
        return Found(Order.NONE)
    if was_read:
        has_moved |= not walk.seams.in_order or moved(places, walk.seams.places()) > 0
    does_stand = Order.STABLE if was_read else None
    order = Order.MOVING if has_moved or past.moves else does_stand
    return Found(order, places, has_moved, lacks_requests=not was_read)


def why_incomplete(walk: Walk, found: Found, past: Past) -> tuple[str | None, Cause | None]:
    """Return why a call that was alive throughout could be missing, and the cause; None where none can."""
    return next(_doubts(walk, found, past), (None, None))


def _doubts(walk: Walk, found: Found, past: Past) -> Iterator[tuple[str, Cause | None]]:
    if found.order is Order.NONE:
        yield _disorder(walk), Cause.ORDER
    if walk.refused and not walk.is_whole and (walk.edge or not walk.seams.reached_end):
        yield _refused(walk), Cause.WINDOW if walk.edge else None
    if not walk.is_closed:
        yield _open(walk), _why_open(walk)
    if not walk.adds_up:
        yield _missing(walk), Cause.TOTAL
    if found.lacks_requests:
        again = "calls change places in the list, or may: it has to be read twice"
        yield f"{again}, which takes {walk.needed} requests, and fewer are left", Cause.ORDER
    if walk.outpaces:
        yield "calls change places in the list faster than it can be read twice", Cause.ORDER
    if _is_window(walk, past):
        yield f"the list ends at exactly {walk.seams.end} calls: it may be cut off there", Cause.WINDOW


def _disorder(walk: Walk) -> str:
    if walk.seams.is_by_start:
        return "calls that started at the same moment change places, and fill whole pages"
    return "the list has no stable order: two pages show the same calls in different orders"


def _refused(walk: Walk) -> str:
    [(offset, limit), error] = cast(tuple[Ask, ApiError], walk.refused)
    refused = f"the API refuses rows {offset} to {offset + limit} of its list (HTTP {error.meant})"
    unseen = f"{walk.unseen} of {walk.sums.last} calls that it reports" if walk.unseen else "calls there"
    return f"{refused}: {unseen} can't be listed"


def _open(walk: Walk) -> str:
    if gaps := walk.gaps:
        return f"between {gaps} pairs of pages calls could be missing"
    return _missing(walk) if walk.missing else "no page reached the end of the list"


def _missing(walk: Walk) -> str:
    return f"{walk.missing} of {walk.sums.last} calls that the API reports were not in its list"


def _why_open(walk: Walk) -> Cause | None:
    """Give what is behind pages that don't join: a list that stands still can't be."""
    if walk.was_cut:
        return Cause.TIME
    if not walk.gaps and not walk.adds_up:
        return Cause.TOTAL
    return {True: Cause.PAGES, False: Cause.MOVING, None: None}[walk.sums.are_equal]


def fingerprint(walk: Walk) -> int | None:
    """Return what tells other calls from these, of a list that ends where servers stop counting."""
    return None if walk.seams.end % _WINDOW else hash(frozenset(walk.seams.call_sids))


def _is_window(walk: Walk, past: Past) -> bool:
    """Tell whether a list ends where servers stop counting, whatever lies behind.

    It did so before, with other calls; where windows are common, it is enough that it didn't end elsewhere.
    """
    end, sums = walk.seams.end, walk.sums
    if end % _WINDOW or not end or sums.are_equal is False or sums.last not in {None, end}:
        return False
    if str(end).rstrip("0") in {"1", "5"}:
        return past.end in {None, end}
    return past.end == end and past.fingerprint != fingerprint(walk)
