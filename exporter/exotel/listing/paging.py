"""Which pages to ask for: where they begin, how long they are, and how much they share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

DEFAULT_LIMIT = 20  # rows the API serves when it isn't asked for a number

Ask = tuple[int, int]
"""An offset and a limit."""


@dataclass(frozen=True, slots=True)
class Paging:
    """How the pages of a list are asked for."""

    limit: int
    served: int
    """Rows that the server serves with a page."""
    overlap: float
    """The share of its rows that a page has in common with its neighbour, up to a half."""
    rounds_offsets: bool
    """Whether the server begins each page at a multiple of the limit."""

    @property
    def shared(self) -> int:
        """Return the rows that a page has in common with its neighbour."""
        return max(1, min(self.half, math.ceil(self.served * self.overlap)))

    def sharing(self, rows: int) -> Paging:
        """Return it with so many rows that a page has in common with its neighbour."""
        return replace(self, overlap=rows / self.served)

    def cheapest(self, lacks: Sequence[int]) -> int:
        """Return how many rows pages best share: more cost pages, fewer a request for each that lacks some.

        `lacks` are the rows that each page would have had to share.
        """
        rows = len(lacks) * self.step
        most = max(1, self.half)
        return min(
            range(1, most + 1),
            key=lambda shared: rows / (self.served - shared) + sum(lack > shared for lack in lacks),
        )

    @property
    def step(self) -> int:
        """Return how many rows a page brings beyond those of its neighbour."""
        return max(1, self.served - self.shared)

    @property
    def half(self) -> int:
        """Return half a page."""
        return self.served // 2

    def ask(self, offset: int) -> Ask:
        """Return what to ask for the rows from an offset on: a page that begins there, or not far before.

        Of the pages that begin at a multiple of their limit it is the one that ends last.
        """
        offset = max(0, offset)
        if not self.rounds_offsets:
            return offset, self.limit
        limits = range(max(2, self.half), self.served + 1)
        return max(((offset // limit * limit, limit) for limit in limits), key=lambda ask: (sum(ask), ask[1]))

    def end(self, ask: Ask) -> int:
        """Return where a page ends that is full."""
        offset, limit = ask
        return offset + self.full(limit)

    def full(self, limit: int) -> int:
        """Return the rows of a page that is full."""
        return min(limit, self.served)

    def onwards(self, end: int) -> Iterator[Ask]:
        """Yield one page after the other, the first of which joins what ends here."""
        while self.end(ask := self.ask(end - self.shared)) > end:  # pages of very few rows can't overlap
            yield ask
            end = self.end(ask)

    def backwards(self, end: int) -> Iterator[Ask]:
        """Yield the pages from the end of the list to its start, each of which joins the one before.

        They begin elsewhere than those that are read onwards: what stands where two of these meet is in the
        middle of one of them.
        """
        offset, limit = self.ask(end - self.half)
        yield offset, limit
        while offset > 0:
            before, limit = self.ask(offset + self.shared - self.served)
            if before >= offset:
                return
            offset = before
            yield offset, limit


def round_number(above: int, below: int) -> int | None:
    """Return the roundest number between two: servers that search refuse what ends beyond one, as 10,000."""
    numbers = ((below - 1) // unit * unit for unit in (10_000, 1_000, 500))
    return next((number for number in numbers if number > above), None)
