"""What orders the rows of a list; a list whose calls change places is read twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from exporter.exotel.listing.paginator import Paginator
from exporter.exotel.listing.reading import Reading
from exporter.exotel.listing.stitching import moved

_ENOUGH = 0.25
"""The share of calls that two listings have in common, where the order of one tells of the other."""


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


def settle_order(paginator: Paginator, reading: Reading) -> Found:
    """Find out what orders the rows; read the list again, backwards, where its calls change places or may."""
    past, seams = reading.past, reading.seams
    if seams.is_one_page:
        return Found(None)
    if not seams.has_order:
        return Found(Order.NONE)
    if seams.is_by_start:
        if past.is_doubted and seams.closed:
            paginator.read_back()  # where the requests for it are left: the proof needs no second reading
        return Found(Order.START)
    has_moved = not seams.in_order
    if not seams.closed:
        return Found(Order.MOVING if past.moves or has_moved else None, has_moved=has_moved)
    places = seams.places()
    before = past.places or {}
    is_known = len(before.keys() & places.keys()) >= max(1, _ENOUGH * min(len(before), len(places)))
    has_moved |= is_known and moved(before, places) > 0
    may_be_ties = seams.start_order.is_possible and seams.start_order.has_ties
    if is_known and not (has_moved or past.moves or past.is_doubted or may_be_ties):
        return Found(Order.STABLE, places)
    return _read_twice(paginator, reading, places, has_moved=has_moved)


def _read_twice(
    paginator: Paginator, reading: Reading, places: Mapping[str, int], *, has_moved: bool
) -> Found:
    was_read = paginator.read_back()
    if was_read and not reading.seams.has_order:
        return Found(Order.NONE)
    if was_read:
        has_moved |= not reading.seams.in_order or moved(places, reading.seams.places()) > 0
    does_stand = Order.STABLE if was_read else None
    order = Order.MOVING if has_moved or reading.past.moves else does_stand
    return Found(order, places, has_moved, lacks_requests=not was_read)
