"""Every call of the last complete listing, as /calls shows them: its fields are those of /calls.json."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from typing import Annotated

from msgspec import UNSET, Meta, Struct

from exporter.collect.breakdowns import printable
from exporter.collect.lifecycle import Lifecycle
from exporter.collect.snapshot import ActiveCalls, Snapshot
from exporter.collect.streams import Inspection
from exporter.collect.tallies import is_plausible, tally_agents
from exporter.collect.waits import WAITING
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Agent, Call, NamedAgent

_IN_PROGRESS = CallStatus.IN_PROGRESS  # looked up once: to ask an enum for each call takes long
_numbers = count()
_TELEPHONE = re.compile(r"\+\d(?:[ ().-]{0,2}\d){7,}")
"""A telephone number, with its country."""
_TELEPHONE_IN_NAME = re.compile(rf"{_TELEPHONE.pattern}|(?<![^\W_])\d(?:[ ().-]{{0,2}}\d){{9,}}(?![^\W_])")
"""Or of ten digits and more by themselves, which in an id are what tells one agent from another."""


class LiveDetails(Struct, frozen=True, gc=False):
    """What was found when the call was inspected."""

    inspected_at: datetime
    legs: Annotated[int | None, Meta(description="Legs that are not over; null if the API doesn't say.")]
    legs_muted: Annotated[int | None, Meta(description="Those of them that are muted.")]
    on_hold: Annotated[bool | None, Meta(description="Whether one of them is on hold.")]
    on_hold_seconds: Annotated[
        float | None, Meta(description="How long inspections have seen the call on hold; null unless it is.")
    ]


class LiveCall(Struct, frozen=True, gc=False):
    """An active call. Seconds are as of the listing; null is what isn't known."""

    account: str
    call_sid: str
    direction: Direction
    status: CallStatus
    line: Annotated[str | None, Meta(description="null if the account has no lines.")]
    has_agent: Annotated[bool | None, Meta(description="null if the API doesn't say.")]
    agent_id: str | None
    agent_name: Annotated[str | None, Meta(description="null unless agent_names is on.")]
    duration_seconds: Annotated[
        float | None, Meta(description="How long the call has lasted, as the API says.")
    ]
    waiting_seconds: Annotated[
        float | None, Meta(description="How long a queued or ringing call has waited; null for others.")
    ]
    waiting_seconds_at_least: Annotated[
        bool,
        Meta(description="Whether waiting_seconds is only how long listings have shown the call waiting."),
    ]
    talking_seconds: Annotated[
        float | None,
        Meta(description="How long ago an in-progress call was answered; null if that isn't known."),
    ]
    recorded: Annotated[bool | None, Meta(description="Whether recording is enabled for the call.")]
    details: Annotated[LiveDetails | None, Meta(description="null if the call isn't inspected.")]

    @property
    def is_waiting(self) -> bool:
        """Return whether it is queued or ringing."""
        return self.status in WAITING

    @property
    def is_talking(self) -> bool:
        """Return whether it is in progress."""
        return self.status is _IN_PROGRESS

    @property
    def seconds(self) -> float | None:
        """Return how long it has waited or talked; where that isn't known, how long it has lasted."""
        known = self.waiting_seconds if self.is_waiting else self.talking_seconds
        return self.duration_seconds if known is None else known

    @property
    def is_on_hold(self) -> bool:
        """Return whether its inspection saw it on hold."""
        return self.details is not None and self.details.on_hold is True


@dataclass(frozen=True, eq=False)
class LiveCalls:
    """The calls of one complete listing. Rows are made when they are first asked for, which few are."""

    account: str
    snapshot: Snapshot
    """The collection that listed them."""
    calls: Mapping[str, Call] = field(repr=False)
    """By call_sid."""
    lifecycle: Lifecycle = field(repr=False)
    """What was known after the listing."""
    inspections: Mapping[str, Inspection] = field(repr=False)
    max_age: float
    """Seconds for which an inspection counts."""
    has_lines: bool
    has_names: bool
    """Whether agents' names may be shown."""
    number: int = field(default_factory=_numbers.__next__)
    """Tells it from any other."""

    @property
    def listed_at(self) -> float:
        """Return when the listing ended, in seconds since 1970."""
        return self.snapshot.ended_at

    @property
    def active_calls(self) -> ActiveCalls:
        """Return the figures of the listing."""
        assert self.snapshot.active_calls is not None  # noqa: S101  # it was complete
        return self.snapshot.active_calls

    @cached_property
    def rows(self) -> tuple[LiveCall, ...]:
        """Return each call once."""
        return tuple(self._rows())

    def agents_on_call(self, is_counted: Callable[[LiveCall], bool]) -> int | None:
        """Return how many agents are on calls that are counted, as exotel_agents_on_call has them."""
        both = zip(self.calls.values(), self.rows, strict=True)
        tally = tally_agents([call for call, row in both if is_counted(row)])
        return tally.on_call if tally else None

    def _rows(self) -> Iterator[LiveCall]:
        for call, line in zip(self.calls.values(), self.lifecycle.listed.lines):  # noqa: B905  # may be endless
            agent = call.agent_details
            known = agent if isinstance(agent, Agent) else None
            status = call.status or CallStatus.UNKNOWN
            duration = call.duration if is_plausible(call.duration) else None
            waiting, is_least = self._waited(call) if status in WAITING else (None, False)
            yield LiveCall(
                account=self.account,
                call_sid=printable(call.call_sid),
                direction=call.direction or Direction.UNKNOWN,
                status=status,
                line=line if self.has_lines else None,
                has_agent=None if agent is UNSET else agent is not None,
                agent_id=_without(_TELEPHONE, known.user_id) if known and known.user_id else None,
                agent_name=self._name(known),
                duration_seconds=duration,
                waiting_seconds=waiting,
                waiting_seconds_at_least=is_least,
                talking_seconds=self._talked(call, duration) if status is _IN_PROGRESS else None,
                recorded=call.recording_enabled,
                details=self._details(call.call_sid),
            )

    def _name(self, agent: Agent | None) -> str | None:
        if self.has_names and isinstance(agent, NamedAgent) and agent.name:
            return _without(_TELEPHONE_IN_NAME, agent.name)
        return None

    def _waited(self, call: Call) -> tuple[float | None, bool]:
        """Return how long a call has waited, and whether that is only how long listings have shown it."""
        wait = self.lifecycle.waits.get(call.call_sid)
        if wait is None:
            return None, False
        if wait.began is None:
            return wait.seconds(self.lifecycle.at), True
        return max(0.0, self.lifecycle.at - wait.began), False

    def _talked(self, call: Call, duration: float | None) -> float | None:
        seconds = self.lifecycle.handling.seconds(call.call_sid, call.status, duration)
        return seconds if is_plausible(seconds) else None

    def _details(self, call_sid: str) -> LiveDetails | None:
        known = self.inspections.get(call_sid)
        if known is None or known.details is None:
            return None
        age = self.lifecycle.at - known.found_at  # below 0 if it was inspected after the listing
        if age >= self.max_age:
            return None
        legs, hold = known.details.legs, known.hold
        return LiveDetails(
            inspected_at=datetime.fromtimestamp(self.listed_at - age, UTC),
            legs=legs.live,
            legs_muted=legs.muted if known.details.tells_legs else None,
            on_hold=legs.any_on_hold,
            on_hold_seconds=hold.seen_at - hold.since if legs.any_on_hold else None,
        )


def _without(numbers: re.Pattern[str], text: str) -> str:
    """Return an agent's id or name to be shown: of a telephone number in it the last two digits stay."""
    return numbers.sub(lambda found: f"…{found[0][-2:]}", printable(text))
