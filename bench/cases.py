"""What is measured, and what is to be reached."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Case:
    """A list of calls behind an API, and how it is listed; None where nothing is to be reached."""

    name: str
    calls: int
    page_size: int
    concurrency: int
    latency: float
    """Seconds before each answer."""
    speed: float = 0.0
    """Of the simulated time: 0 is a list that stands still."""
    most_requests: float = 0.0
    most_of_floor: float | None = None
    most_cpu: float | None = None
    """Microseconds of CPU a call."""
    most_memory: float | None = None
    """MiB above idle."""

    @property
    def pages(self) -> int:
        """Return the pages of the list without overlap."""
        return ceil(self.calls / self.page_size)

    @property
    def floor(self) -> float:
        """Return the seconds that no listing can beat: one page, then the rest, `concurrency` at a time."""
        return self.latency * (1 + ceil((self.pages - 1) / self.concurrency))


def _still(pages: int) -> float:
    return 1.05 * pages + 2


CASES = (  # not as many as the windows of servers have: such a list that stands still is doubted
    Case("small", 200, 100, 8, 0.05, most_requests=_still(2)),
    Case("9,990 still", 9_990, 100, 16, 0.05, most_requests=_still(100), most_of_floor=1.25),
    Case("9,990 in churn", 9_990, 100, 16, 0.05, speed=2.0, most_requests=1.3 * _still(100)),
    Case(
        "99,900 still",
        99_900,
        1_000,
        32,
        0.05,
        most_requests=_still(100),
        most_of_floor=1.4,
        # 0.8 µs and 35 MiB of it are for the life of calls: each is remembered until the next listing.
        most_cpu=4.0,
        most_memory=95.0,
    ),
)
