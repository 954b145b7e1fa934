"""What one collection found of one account: a frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from exporter.collect.breakdowns import AgentCalls, LineTally, LongCall
from exporter.collect.details import StreamTally
from exporter.collect.erlang import Capacity
from exporter.collect.estimate import Estimate
from exporter.collect.scheduler import REFUSALS
from exporter.collect.tallies import AgentTally, CallTally
from exporter.exotel.enums import Direction, Endpoint
from exporter.exotel.errors import Failure
from exporter.exotel.listing.order import Order
from exporter.exotel.models import AgentStreams


@dataclass(frozen=True, slots=True)
class Result:
    """How a collector's run went, and how many seconds it took."""

    seconds: float
    failure: Failure | None = None
    """Some collectors find something all the same."""


@dataclass(frozen=True, slots=True)
class ActiveCalls:
    """The calls of an account in a listing that was complete; times in seconds."""

    window: float
    """How long the listing took, plus the age of what the API answered."""
    calls: CallTally
    slots_used: int
    """What these calls take of the limit."""
    capacity: Capacity | None
    """What the limit does to the average load; None without a limit, and until there is an average."""
    agents: AgentTally | None
    """None where the API doesn't speak of agents."""
    each_agent: tuple[AgentCalls, ...]
    """Empty unless configured, as are the names, by agent id, and the longest calls."""
    agent_names: Mapping[str, str]
    longest_calls: tuple[LongCall, ...]
    lines: LineTally | None
    """None where the account has no lines."""
    longest_rings: Mapping[Direction, float]
    """How long the call that waits longest has been seen queued or ringing."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One collection: how its collectors went, and what they found; None or empty where that isn't known."""

    ended_at: float
    """When its listing ended, complete or not, in seconds since 1970."""
    results: Mapping[Endpoint, Result | None] = field(default_factory=dict)
    """Of each collector that is on; None where it had nothing to run on, or no time, or runs still."""
    active_calls: ActiveCalls | None = None
    reported: int | None = None
    """`total_active` as the API said it, even where the listing then failed."""
    unseen: int | None = None
    """Calls reported beyond those listed."""
    seen: int | None = None
    """Distinct calls in the pages that came, complete or not; None where none came."""
    order: Order | None = None
    """What orders the list of calls; None where it doesn't show."""
    estimate: tuple[Estimate, ...] = ()
    """How many calls there likely are, where that was asked for and the listing failed."""
    streams: StreamTally | None = None
    """Of every inspected call, those of earlier collections too."""
    agent_streams: AgentStreams | None = None
    sustainable_interval: float | None = None
    """The shortest interval, in seconds, that the budget allows for a listing like the last complete one."""
    call_limit: int | None = None
    """Concurrent calls that the plan allows, where it is configured."""

    @property
    def calls(self) -> Result:
        """Return how the listing went."""
        result = self.results[Endpoint.CALLS]
        assert result is not None  # noqa: S101  # it runs in every collection
        return result

    @property
    def failure(self) -> Failure | None:
        """Return what went wrong with the listing, if anything did."""
        return self.calls.failure

    @property
    def was_refused(self) -> bool:
        """Return whether no collection is due until the credentials are others."""
        return self.failure is not None and self.failure.reason in REFUSALS

    def with_result(self, collector: Endpoint, result: Result) -> Snapshot:
        """Return it with how one more collector's run went."""
        return replace(self, results={**self.results, collector: result})

    def withdrawn(self, failure: Failure) -> Snapshot:
        """Return what is left of it when it can't be exported: why not."""
        results = {**dict.fromkeys(self.results), Endpoint.CALLS: replace(self.calls, failure=failure)}
        return Snapshot(self.ended_at, results, call_limit=self.call_limit)
