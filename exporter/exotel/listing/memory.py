"""What listings teach of a list and its server, for those that follow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from exporter.exotel.listing.order import Found, Order
from exporter.exotel.listing.page_reader import Reader
from exporter.exotel.listing.paging import DEFAULT_LIMIT
from exporter.exotel.listing.past import Past
from exporter.exotel.listing.verdict import ends_like_a_window
from exporter.exotel.models import Call

_OVERLAP = 0.04
"""The share of its rows that a page has in common with its neighbour, before anything is known of a list."""
_HOUR = 3600.0  # seconds in which a server is taken to be as it was
_DOUBT = 600.0  # seconds


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered, and until when, by the clock of the lister."""

    page_size: int
    rounds_offsets: bool = False
    paging_until: float = -math.inf
    longest_page: int = 0
    longest_until: float = -math.inf
    overlap: float = _OVERLAP
    end: int | None = None
    rows: tuple[Call, ...] = ()
    """Of a list that ended where windows end."""
    listed_at: float = -math.inf
    excess: int = 0
    places: Mapping[str, int] | None = None
    moving_until: float = -math.inf
    unsorted_until: float = -math.inf
    ties_until: float = -math.inf
    doubted_until: float = -math.inf

    def lately(self, now: float, page_size: int) -> Memory:
        """Return what still holds; after an hour pages are asked for as they are configured again."""
        memory = self
        if now >= self.paging_until:
            memory = replace(memory, page_size=page_size, rounds_offsets=False)
        if now >= self.longest_until:
            memory = replace(memory, longest_page=0)
        return memory

    def past(self, now: float) -> Past:
        """Return what a listing has to know that begins now."""
        return Past(
            longest_page=self.longest_page,
            end=self.end,
            rows=self.rows,
            since=now - self.listed_at,
            excess=self.excess,
            places=self.places,
            moves=now < self.moving_until,
            was_unsorted=now < self.unsorted_until,
            do_ties_move=now < self.ties_until,
            is_doubted=now < self.doubted_until,
        )

    def doubted(self, now: float) -> Memory:
        """Return it with a incomplete_reason in what a listing proved."""
        return replace(self, doubted_until=now + _DOUBT)

    def after_failure(self, reader: Reader, now: float) -> Memory:
        """Return it with what a listing taught of the server that had to be given up."""
        page_size = max(DEFAULT_LIMIT, reader.page_size)
        rounds_offsets = reader.paging.rounds_offsets
        if page_size >= self.page_size and rounds_offsets <= self.rounds_offsets:
            return self
        return replace(
            self,
            page_size=min(self.page_size, page_size),
            rounds_offsets=rounds_offsets,
            paging_until=now + _HOUR,
        )

    def after(self, reader: Reader, found: Found, now: float) -> Memory:
        """Return it with what a listing taught that came to its end."""
        reading, until = reader.reading, now + _HOUR
        seams, total = reading.seams, reading.sums.last
        memory = replace(
            self.after_failure(reader, now),
            overlap=reader.overlap,
            longest_page=reading.longest_page,
            longest_until=until if reading.longest_page > self.longest_page else self.longest_until,
            moving_until=until if found.has_moved else self.moving_until,
            unsorted_until=self.unsorted_until if seams.start_order.is_possible else until,
            ties_until=until if seams.do_ties_move and seams.is_by_start else self.ties_until,
        )
        if found.places or found.order is Order.START:
            memory = replace(memory, places=found.places)
        if reading.is_closed:
            excess = max(0, seams.end - total) if total is not None else 0
            rows = seams.in_order_of_list() if ends_like_a_window(reading) else ()
            memory = replace(memory, end=seams.end, excess=excess, rows=rows, listed_at=now)
        return memory
