"""The longest calls, one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nsmallest
from typing import cast

from exporter.collect.lines import Lines
from exporter.collect.plausible import is_plausible
from exporter.collect.printable import printable
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Agent, Call

_NO_AGENT, _UNKNOWN = "none", "unknown"


@dataclass(frozen=True, slots=True)
class LongCall:
    """A call, as the labels of its series tell it, and how long it has lasted, in seconds."""

    call_sid: str
    agent_id: str
    direction: Direction
    status: CallStatus
    line: str
    duration: float


def longest_calls(calls: Iterable[Call], most: int, lines: Lines) -> tuple[LongCall, ...]:
    """Give the calls that have lasted longest; of equally long ones the first by call_sid."""
    going_on = (
        call for call in calls if is_plausible(call.duration) and not (call.status and call.status.is_over)
    )
    longest = nsmallest(most, going_on, key=lambda call: (-cast(float, call.duration), call.call_sid))
    named: dict[str, Call] = {}
    for call in longest:
        named.setdefault(printable(call.call_sid), call)  # no series twice
    return tuple(
        LongCall(
            call_sid,
            _agent_id(call),
            call.direction or Direction.UNKNOWN,
            call.status or CallStatus.UNKNOWN,
            lines.line_of(call),
            cast(float, call.duration),
        )
        for call_sid, call in named.items()
    )


def _agent_id(call: Call) -> str:
    agent = call.agent_details
    if agent is None:
        return _NO_AGENT
    return printable(agent.user_id) if isinstance(agent, Agent) and agent.user_id else _UNKNOWN
