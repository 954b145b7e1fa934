"""What one collection found out about an account: a frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from exporter.collect.agents import AgentTally
from exporter.collect.counters import Counts
from exporter.collect.each_agent import AgentCalls
from exporter.collect.estimate import Estimate
from exporter.collect.lifecycle import LifeCounts
from exporter.collect.lines import LineTally
from exporter.collect.longest import LongCall
from exporter.collect.stream_tally import StreamTally
from exporter.collect.tallies import CallTally
from exporter.exotel.enums import Direction, Endpoint
from exporter.exotel.errors import ApiError
from exporter.exotel.listing.order import Order
from exporter.exotel.models import AgentStreams

_F = TypeVar("_F")


@dataclass(frozen=True, slots=True)
class Run(Generic[_F]):
    """One run of a collector: how many seconds it took, what it found, and what went wrong."""

    seconds: float
    found: _F | None
    error: ApiError | None
    """Some collectors find something all the same."""


@dataclass(frozen=True, slots=True)
class ActiveCalls:
    """The calls of an account in a listing that was complete."""

    ended_at: float
    """When the listing ended, in seconds since 1970."""
    window: float
    """How long the listing took, plus the age of what the API answered, in seconds."""
    calls: CallTally
    agents: AgentTally | None
    """None where the API doesn't speak of agents."""
    each_agent: tuple[AgentCalls, ...]
    """Empty unless it was asked for."""
    agent_names: Mapping[str, str]
    """By agent id; empty unless it was asked for."""
    lines: LineTally | None
    """None where the account has no lines."""
    longest_calls: tuple[LongCall, ...]
    """As many as were asked for."""
    longest_rings: Mapping[Direction, float]
    """How long the call that waits longest has been seen queued or ringing, in seconds."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One collection: how its collectors' runs went, and the counters."""

    ended_at: float
    """When its listing ended, complete or not, in seconds since 1970."""
    calls: Run[ActiveCalls]
    streams: Run[StreamTally] | None
    """None where they aren't switched on, or had no listing or no time to run, or run still."""
    agent_streams: Run[AgentStreams] | None
    """None where they aren't switched on, or there was no time left to run."""
    held: StreamTally | None
    """What is held of details from earlier runs; None where they aren't switched on or the listing failed."""
    reported: int | None
    """`total_active` as the API said it, even where the listing then failed."""
    unseen: int | None
    """Calls reported beyond those listed; None where there was no listing to compare."""
    seen: int | None
    """Distinct calls in the pages that came, complete or not; None where none came."""
    order: Order | None
    """What orders the list of calls; None where it doesn't show."""
    estimate: tuple[Estimate, ...]
    """How many calls there likely are, where that was asked for and the listing failed; else empty."""
    budget_remaining: int
    """Requests that may be made in the current minute."""
    sustainable_interval: float | None
    """The shortest interval, in seconds, that the budget allows for a listing like the last whole one."""
    call_limit: int | None
    """Concurrent calls that the plan allows, where it is configured."""
    collectors: tuple[Endpoint, ...]
    """Those that are switched on."""
    counts: Counts
    lives: LifeCounts

    @property
    def runs(self) -> Mapping[Endpoint, Run[Any]]:
        """Give the runs that there were, by collector."""
        runs = {
            Endpoint.CALLS: self.calls,
            Endpoint.STREAMS: self.streams,
            Endpoint.AGENT_STREAMS: self.agent_streams,
        }
        return {collector: run for collector, run in runs.items() if run is not None}

    @property
    def details(self) -> StreamTally | None:
        """Give what is known of details: what their run found, or what is held while there is no run."""
        return self.streams.found if self.streams else self.held

    @property
    def active_calls(self) -> ActiveCalls | None:
        """Give the active_calls, or None where the listing failed."""
        return self.calls.found

    @property
    def error(self) -> ApiError | None:
        """Give what went wrong with the listing, if anything did."""
        return self.calls.error

    def withdrawn(self, error: ApiError) -> Snapshot:
        """Give what is left of it when it can't be told: why not, and the counters."""
        return replace(
            self,
            calls=replace(self.calls, found=None, error=error),
            streams=None,
            agent_streams=None,
            held=None,
            reported=None,
            unseen=None,
            seen=None,
            order=None,
            estimate=(),
            sustainable_interval=None,
        )
