"""What one collection found out about an account: a frozen value."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.api.errors import ApiError
from exporter.observe.agents import AgentTally
from exporter.observe.calls import CallTally
from exporter.observe.ledger import Counts


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The calls of an account in a listing that was complete."""

    ended_at: float
    """When the listing ended, in seconds since 1970."""
    window: float
    """How long the listing took, in seconds."""
    calls: CallTally
    agents: AgentTally | None
    """None where the API doesn't speak of agents."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One collection: a snapshot, or the error that there is instead of one."""

    seconds: float
    """How long the collection took."""
    reported: int | None
    """`total_active` as the API said it, even where the listing then failed."""
    unseen: int | None
    """Calls reported beyond those listed; None where there was no listing to compare."""
    budget_remaining: int
    """Requests that may be made in the current minute."""
    sustainable_interval: float | None
    """The shortest interval, in seconds, that the budget allows for a listing like the last whole one."""
    call_limit: int | None
    """Concurrent calls that the plan allows, where it is configured."""
    result: Snapshot | ApiError
    counts: Counts

    @property
    def snapshot(self) -> Snapshot | None:
        """Give the snapshot, or None where the collection failed."""
        return self.result if isinstance(self.result, Snapshot) else None

    @property
    def error(self) -> ApiError | None:
        """Give the error, or None where the collection succeeded."""
        return self.result if isinstance(self.result, ApiError) else None
