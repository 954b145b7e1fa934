"""What an account has in common with others, or with itself before a reload."""

from __future__ import annotations

from dataclasses import dataclass, field

from exporter.collect.gate import Gate
from exporter.collect.history import History
from exporter.collect.runs import Outages
from exporter.exotel.rate_limiter import RateLimiter


@dataclass(frozen=True, slots=True)
class Shared:
    """What an account has in common with others; each by default its own."""

    gate: Gate = field(default_factory=Gate)
    """That of all accounts."""
    rate_limiter: RateLimiter | None = None
    """That of the same account of the API."""
    outages: Outages | None = None
    """Those of the account of this name before, where it was configured otherwise."""
    history: History | None = None
    """Its history, too."""
    keeps_live_calls: bool = False
    """Whether the calls of the last complete listing are kept for /calls."""
