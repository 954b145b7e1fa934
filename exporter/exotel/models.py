"""What the API tells, typed: only the fields that are needed.

Source: the API's page "Active Stream Monitoring", and the AgentStream guide. Only PersonalCall has personal
data, for what the configuration asks them for. A field is None where the API left it out, or wrote what can't
be understood.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from exporter.exotel.enums import (
    AgentStatus,
    BridgeStatus,
    CallState,
    CallStatus,
    Channels,
    Direction,
    LegDirection,
    LegStatus,
    NetworkType,
)

_UNSET_BEFORE = datetime(2000, 1, 1, tzinfo=UTC)


class Agent(Struct, frozen=True, gc=False):
    """The agent on a call."""

    user_id: str | None = None
    status: AgentStatus | None = None


class NamedAgent(Agent, frozen=True, gc=False):
    """An agent with the name."""

    name: str | None = None


class HasState(Struct, frozen=True, gc=False, kw_only=True):
    """What has a `state` beside its status."""

    state: CallState | None = None


class Call(HasState, frozen=True, gc=False):
    """An active call as the list has it; `duration` in seconds, `start_time` as the API writes it.

    `agent_details` tells null (a call with no agent) from UNSET (an API that doesn't speak of agents at all).
    """

    call_sid: Annotated[str, Meta(min_length=1)]
    direction: Direction | None = None
    status: CallStatus | None = None
    duration: float | None = None
    agent_details: Agent | UnsetType | None = UNSET
    recording_enabled: bool | None = None
    start_time: str | None = None


class PersonalCall(Call, frozen=True, gc=False, rename={"from_": "from"}):
    """An active call with its personal data: both numbers, and the agent's name."""

    agent_details: NamedAgent | UnsetType | None = UNSET
    from_: str | None = None
    to: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.call_sid!r})"  # the rest has no place in a log


class Leg(Struct, frozen=True, gc=False):
    """One party's connection to a call."""

    direction: LegDirection | None = None
    status: LegStatus | None = None
    network_type: NetworkType | None = None
    muted: bool | None = None
    on_hold: bool | None = None


class Bridge(Struct, frozen=True, gc=False):
    """What joins the legs; `created_at` as the API writes it."""

    status: BridgeStatus | None = None
    created_at: str | None = None


class Recording(Struct, frozen=True, gc=False):
    """The recording of a call; `duration` in seconds."""

    enabled: bool | None = None
    channels: Channels | None = None
    duration: float | None = None


class Stream(HasState, frozen=True, gc=False):
    """The details of one call; `duration` in seconds. A leg that can't be read is None; so is no bridge."""

    status: CallStatus | None = None
    duration: float | None = None
    legs: tuple[Leg | None, ...] | None = None
    bridge: Bridge | None = None
    recording: Recording | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list: its readable rows, how many could not be read, and the total the API reports."""

    calls: tuple[Call, ...]
    unreadable: int
    total: int | None

    @property
    def rows(self) -> int:
        """Return the rows that the server sent, readable or not."""
        return len(self.calls) + self.unreadable


@dataclass(frozen=True, slots=True)
class AgentStreams:
    """Sessions of voice bots, and how many are allowed, where the API says so."""

    active: int
    limit: int | None


_S = TypeVar("_S", Call, Stream)


def settle(call: _S) -> _S:
    """Return a call whose `state` is terminal with the status of one that has ended, whatever it still says.

    One last seen waiting ended without an answer; any other terminal one that says no more is completed.
    """
    status = call.status
    if status is None or not status.is_over:
        is_waiting = status in {CallStatus.QUEUED, CallStatus.RINGING}
        status = CallStatus.NO_ANSWER if is_waiting else CallStatus.COMPLETED
    return replace(call, status=status, state=None)


def read_time(text: str | None) -> float | None:
    """Return the seconds since 1970 of `2024-06-15T10:30:00.000Z` or `2022-11-03 22:54:40+05:30`, or None.

    The API writes 1970 or year 1 for a time that isn't set; one with no zone could be any of a day's.
    """
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo is not None and at >= _UNSET_BEFORE else None
