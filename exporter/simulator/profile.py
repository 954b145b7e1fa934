"""Profiles: how a server may order, count, page and refresh a list of calls, and what it has beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from exporter.simulator.filters import Filters
from exporter.simulator.orders import Row
from exporter.simulator.written import Fields

Starts = Literal["milliseconds", "seconds", "zoned", "skewed", "answer", "missing"]
Reordering = Literal["none", "shuffled", "rotated", "ties", "shards", "shard lost"]
Total = Literal[
    "rows", "calls", "active", "queued left out", "ever", "page", "so far", "pages", "estimated", "none"
]
Limits = Literal["cut", "rejected", "ignored"]
AgentStreamsFormat = Literal["json", "xml"]
Offsets = Literal["rows", "ignored", "rounded", "from one", "pages"]

_DOUBLED, _COPIED, _HIDDEN, _UNREADABLE = 7, 11, 13, 17
_PRIME = 10_007


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """How a server interprets `limit` and `offset`."""

    max_limit: int = 100
    limits: Limits = "cut"
    """What happens to a larger limit; ignored: a page always has `max_limit` rows."""
    rejection: int = 400
    """The status of a limit that is rejected."""
    offsets: Offsets = "rows"
    """Ignored: always the first page; rounded: down to a multiple of the limit; from one: the first row is
    row 1; pages: offset 2 is the third page."""
    whole: bool = False
    """Whether every page is the whole list."""
    window: int | None = None
    """The last row that is served."""
    past_window: int = 200
    """The status of a page that reaches past the window; 200 serves the rows within it."""
    past_end: int = 200
    """The status of a page that begins past the last row."""

    def cut(self, limit: int, offset: int, rows: int) -> range | int:
        """Return which of so many rows are on a page, or the status of a refusal."""
        if limit > self.max_limit and self.limits == "rejected":
            return self.rejection
        if self.whole:
            return range(rows)
        limit = self.max_limit if self.limits == "ignored" else min(limit, self.max_limit)
        first = {
            "rows": offset,
            "ignored": 0,
            "rounded": offset // limit * limit,
            "from one": max(0, offset - 1),
            "pages": offset * limit,
        }[self.offsets]
        end = first + limit
        if self.window is not None and end > self.window:
            if self.past_window != 200:
                return self.past_window
            end = self.window
        if self.past_end != 200 and first >= rows and first:
            return self.past_end
        return range(min(first, rows), min(end, rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a server has beside its list."""

    streams: int = 200
    """The status of every call's /stream; 200 serves those of active calls."""
    outbound_legs: int | None = None
    """The most legs that an outbound call shows in /stream."""
    agent_streams: AgentStreamsFormat | int | None = None
    """The format of AgentStream, or its status; None: as the settings have it."""
    rate_limit: int | None = None
    """Requests a minute, told in headers; None: as the settings have it."""
    streams_apart: bool = False
    """Whether /stream has a rate limit of its own, which is the same number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a server maintains and serves a list; times are in seconds, shares are of all calls."""

    description: str = field(kw_only=False)

    # Which rows, in which order
    order: str = "start"
    """One of ORDERS."""
    starts: Starts = "milliseconds"
    """How start times are written; skewed: by clocks up to 2 s apart; answer: reset by the answer."""
    resolution: float = 0.0
    """Start times are rounded down to a multiple of this, so that many calls share them."""
    reordering: Reordering = "none"
    """What differs between responses of the same moment: the order of all rows, where the list begins, the
    order of rows with equal start times, the order of shards, or whether one of these is missing."""
    late: float = 0.0
    """How long after a call's start its row appears, at most."""
    linger: float = 0.0
    """How long an ended call stays in the list, with its final status."""
    ghost: float = 0.0
    """How long an ended call stays in the list unchanged."""
    doubled: float = 0.0
    """The share of calls with two rows."""
    unreadable: float = 0.0
    """The share of calls whose rows have no call_sid."""
    copied: float = 0.0
    """The share of calls whose rows are repeated after the page was cut to its limit."""
    hidden: float = 0.0
    """The share of calls removed after the page was cut to its limit."""

    # As of when
    lags: tuple[float, ...] = (0.0,)
    """How far each replica is behind; each response is from a random one."""
    refresh: float = 0.0
    """The interval at which each replica rebuilds its list; `lags` are then the phases."""
    cache: float = 0.0
    """How long a response is cached, by limit and offset."""
    ages: bool = True
    """Whether a duration is as old as its row, rather than calculated for each request."""
    from_start: bool = False
    """Whether durations count from the start of a call rather than its answer."""

    # How many
    total: Total = "rows"
    total_cache: float = 0.0
    """How long a total is cached."""
    total_lag: float = 0.0
    """How far the total is behind the list."""
    total_cap: int | None = None

    pages: Pages = field(default_factory=Pages)
    filters: Filters = field(default_factory=Filters)
    fields: Fields = field(default_factory=Fields)
    beside: Beside = field(default_factory=Beside)
    clock: float = 0.0
    """How far the server's clock is ahead."""

    def appears(self, row: Row) -> float:
        """Return when a call's row appears."""
        return row.born + self.late * row.hash / 2**32

    def shows(self, row: Row) -> bool:
        """Return whether a call is ever listed with its call_sid."""
        return not (self.is_hidden(row) or self.is_unreadable(row))

    def is_doubled(self, row: Row) -> bool:
        """Return whether a call has two rows."""
        return _is_among(row, self.doubled, _DOUBLED)

    def is_copied(self, row: Row) -> bool:
        """Return whether a call's row is repeated."""
        return _is_among(row, self.copied, _COPIED)

    def is_hidden(self, row: Row) -> bool:
        """Return whether a call is removed from its page."""
        return _is_among(row, self.hidden, _HIDDEN)

    def is_unreadable(self, row: Row) -> bool:
        """Return whether a call's row has no call_sid."""
        return _is_among(row, self.unreadable, _UNREADABLE)


def _is_among(row: Row, share: float, salt: int) -> bool:
    """Return whether a call is in a share of all calls, which depends on the salt and never changes."""
    return bool(share) and row.hash * salt % _PRIME < share * _PRIME
