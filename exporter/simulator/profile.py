"""What a server does with a list of calls: how it orders, counts, pages and refreshes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from exporter.simulator.mixing import Mixing
from exporter.simulator.orders import Row, TableOrder
from exporter.simulator.pages import Pages

Starts = Literal["milliseconds", "seconds", "zoned", "skewed", "answer", "missing"]
Total = Literal[
    "rows", "calls", "active", "queued left out", "ever", "page", "so far", "pages", "estimated", "none"
]
_DOUBLED, _COPIED, _HIDDEN, _UNREADABLE = 7, 11, 13, 17
_PRIME = 10_007


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a server makes a list; times are in seconds, shares are of all calls."""

    told: str
    """What it does, in a line."""

    # Which rows in which order
    order: TableOrder = "start"
    starts: Starts = "milliseconds"
    """How start times are written; skewed is by clocks up to 2 s apart, answer is set anew by the answer."""
    grain: float = 0.0
    """Start times are kept in whole multiples of so many seconds, and equal for many calls."""
    mixing: Mixing = "none"
    """What differs from answer to answer: all, where the list begins, the order of those with equal start
    times, that of the shards, or whether one of these is missing."""
    late: float = 0.0
    """How long after a call began its row shows at most."""
    linger: float = 0.0
    """How long an ended call stays, with its final status."""
    ghost: float = 0.0
    """How long an ended call stays as it was."""
    doubled: float = 0.0
    """The share that has two rows."""
    unreadable: float = 0.0
    """The share whose rows name no call."""
    copied: float = 0.0
    """The share whose rows come twice, after the page was cut to its limit."""
    hidden: float = 0.0
    """The share that is taken out of each page, after it was cut to its limit."""

    # Of which moment
    lags: tuple[float, ...] = (0.0,)
    """How far each of the machines is behind; each answer is of another one."""
    refresh: float = 0.0
    """The list is made anew so often, on each machine at a moment of its own: then lags are their phases."""
    cache: float = 0.0
    """How long an answer is given again to whoever asks the same."""
    ages: bool = True
    """Whether a duration is as old as its row, or counted when it is asked for."""
    from_start: bool = False
    """Whether durations count from the start of a call, not from its answer."""

    # How many
    total: Total = "rows"
    total_cache: float = 0.0
    """How long a total is told again."""
    total_lag: float = 0.0
    """How far behind the list it is."""
    total_cap: int | None = None

    pages: Pages = field(default_factory=Pages)

    def appears(self, row: Row) -> float:
        """Return when a call's row shows."""
        return row.born + self.late * row.lot / 2**32

    def shows(self, row: Row) -> bool:
        """Return whether a call is ever shown by its name."""
        return not (self.is_hidden(row) or self.is_unreadable(row))

    def is_doubled(self, row: Row) -> bool:
        """Return whether a call has two rows."""
        return _is_among(row, self.doubled, _DOUBLED)

    def is_copied(self, row: Row) -> bool:
        """Return whether a call's row comes twice."""
        return _is_among(row, self.copied, _COPIED)

    def is_hidden(self, row: Row) -> bool:
        """Return whether a call is taken out of its page."""
        return _is_among(row, self.hidden, _HIDDEN)

    def is_unreadable(self, row: Row) -> bool:
        """Return whether a call's row doesn't name it."""
        return _is_among(row, self.unreadable, _UNREADABLE)


def _is_among(row: Row, share: float, salt: int) -> bool:
    """Return whether a call is among a share of them, always the same; each salt draws others."""
    return bool(share) and row.lot * salt % _PRIME < share * _PRIME
