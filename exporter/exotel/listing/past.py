"""What earlier listings taught of a list and its server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.exotel.models import Call


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier listings taught of a list and its server."""

    longest_page: int = 0
    """Rows of the longest page that was seen: a shorter one was hardly cut."""
    end: int | None = None
    """Rows that the list had."""
    rows: tuple[Call, ...] = ()
    """Its calls in the order of the list, if it ended where windows end."""
    since: float = 0.0
    """Seconds since it was listed."""
    excess: int = 0
    """Rows that it had beyond its total."""
    places: Mapping[str, int] | None = None
    """The calls in the order of the list, where that isn't the order of their start times."""
    moves: bool = False
    """Whether its calls change places."""
    was_unsorted: bool = False
    """Whether its rows weren't in the order of their start times lately."""
    do_ties_move: bool = False
    """Whether calls that started at the same moment change places."""
    is_doubted: bool = False
    """Whether calls came back that were missing from a listing which was called complete."""

    def expected(self, total: int | None) -> int | None:
        """Return the rows that a list of this total is expected to have."""
        return self.end if total is None else total + self.excess
