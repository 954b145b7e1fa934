"""A sample of a list that can't be read whole: pages that lie evenly over it, instead of its front."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from random import Random

from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.listing.pages import Ask, FetchPages
from exporter.exotel.models import Call


@dataclass(frozen=True, slots=True)
class Sample:
    """What the pages held, in the order of the list."""

    ends: tuple[Call, ...]
    """Those of the first and the last page, which every sample has: an end is like nothing else of a list
    that is ordered by time."""
    pages: tuple[tuple[Call, ...], ...]  # those of each page in between
    total: int  # what the API reported last


def sample_pages(fetch: FetchPages, page_size: int, most_requests: int, random: Random) -> Sample | None:
    """Read the first page, the last, and as many as may be in between, from a place that chance chooses.

    The first teaches the total and the page size that the server really serves. Pages begin at its
    multiples, which a server that rounds offsets serves as well. The time, or the budget, may end before all
    are read: they are asked for in such an order that those which were lie evenly too.
    Return None where no total is told, and no pages where the list doesn't hold what it says.

    Raises ApiError when a page can't be had.
    """
    with closing(fetch([(0, page_size)])) as pages:
        first = next(pages)
    total, served = first.total, min(page_size, first.rows)
    if total is None or served == 0:
        return None
    last = max(0, total - 1) // served
    between: dict[int, tuple[Call, ...]] = {}
    ends = [*first.calls]
    numbers = [*_in_turns(_evenly(last - 1, most_requests - 2, random))]
    asked = [last] * (last > 0 and most_requests > 1) + [number + 1 for number in numbers]
    asks: list[Ask] = [(number * served, served) for number in asked]
    try:
        with closing(fetch(asks)) as pages:
            for number, page in zip(asked, pages, strict=False):
                total = page.total if page.total is not None else total
                if number == last:
                    ends += page.calls
                elif page.rows < served:
                    return Sample((), (), total)
                else:
                    between[number] = page.calls
    except ApiError as error:
        if error.reason not in {Reason.TIMEOUT, Reason.BUDGET}:
            raise
    return Sample(tuple(ends), tuple(between[number] for number in sorted(between)), total)


def _evenly(places: int, most: int, random: Random) -> list[int]:
    """Return as many of so many places as there may be, all as far apart, the first by chance."""
    number = min(places, most)
    if number < 1:
        return []
    step = places / number
    start = random.uniform(0, step)
    return [min(places - 1, int(start + step * each)) for each in range(number)]


def _in_turns(places: list[int]) -> Iterator[int]:
    """Yield the places in an order whose beginnings lie evenly too: by the mirrored bits of their index."""
    bits = max(1, len(places) - 1).bit_length()
    for index in range(2**bits):
        mirrored = int(f"{index:0{bits}b}"[::-1], 2)
        if mirrored < len(places):
            yield places[mirrored]
