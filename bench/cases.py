"""The lists that are listed, and how."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Case:
    """A list of calls behind an API, and how it is listed."""

    name: str
    calls: int
    page_size: int
    concurrency: int
    latency: float
    """Seconds before each answer."""
    speed: float = 0.0
    """Of the simulated time: 0 is a list that stands still."""

    @property
    def pages(self) -> int:
        """Return the pages of the list without overlap."""
        return ceil(self.calls / self.page_size)

    @property
    def floor(self) -> float:
        """Return the seconds that no listing can beat: all pages, `concurrency` at a time."""
        return self.latency * ceil(self.pages / self.concurrency)


# A little less than a round number: as many as the windows of servers have, and standing still, is doubted.
CASES = (
    Case("800", 792, 100, 16, 0.05),
    Case("10,000", 9_990, 100, 16, 0.05),
    Case("moving", 9_990, 100, 16, 0.05, speed=2.0),  # 200 calls come or go in a second
    Case("100,000", 99_900, 1_000, 32, 0.05),
)

CURVE = tuple(
    Case(f"curve {calls:,}", calls, 1_000, 32, latency=0.0)
    for calls in (99, 315, 990, 3_150, 9_990, 31_500, 99_900)
)
"""Without latency: what the calls themselves take."""
