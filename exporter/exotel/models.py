"""One row of the list of active calls, decoded: only the fields that are needed.

Source: the API's page "Active Stream Monitoring"; `from`, `to` and the agent's name are personal data and are
read only for what was asked for in the configuration.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from exporter.exotel.coerce import convert, identifier, member, status_of, word
from exporter.exotel.enums import AgentStatus, CallState, CallStatus, Direction, final_status


class Agent(Struct, frozen=True, gc=False):
    """The agent on a call; each field is None where the API left it out."""

    user_id: str | None = None
    status: AgentStatus | None = None


class NamedAgent(Agent, frozen=True, gc=False):
    """An agent with the name."""

    name: str | None = None


class _Stated(Struct, frozen=True, gc=False, kw_only=True):
    state: CallState | None = None


class Call(_Stated, frozen=True, gc=False):
    """An active call as the list has it; `duration` in seconds.

    None stands for what was null, missing or unreadable. `agent_details` tells null (a call with no agent)
    from UNSET (an API that doesn't speak of agents at all).
    """

    call_sid: Annotated[str, Meta(min_length=1)]
    direction: Direction | None = None
    status: CallStatus | None = None
    duration: float | None = None
    agent_details: Agent | UnsetType | None = UNSET
    recording_enabled: bool | None = None
    start_time: str | None = None
    """As the API writes it."""


class PersonalCall(Call, frozen=True, gc=False, rename={"from_": "from"}):
    """An active call with its personal data: both numbers, and the agent's name."""

    agent_details: NamedAgent | UnsetType | None = UNSET
    from_: str | None = None
    to: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.call_sid!r})"  # the rest has no place in a log


_C = TypeVar("_C", bound=Call)


def settle(call: _C) -> _C:
    """Return a call whose `state` is terminal with the status of one that has ended."""
    return replace(call, status=final_status(call.status), state=None)


def read_call(fields: object, kind: type[Call] = Call) -> Call | None:
    """Read one row whose fields may be of any type, or give None when it names no call.

    What can be understood is kept ("120" is a duration, 7 a call_sid); any other field becomes None, or
    `other` where it should be a word, and costs only itself.
    """
    if not isinstance(fields, dict) or not (call_sid := identifier(fields.get("call_sid"))):
        return None
    known = (
        call_sid,
        word(Direction, fields.get("direction")),
        status_of(fields),
        convert(fields.get("duration"), float),
        _agent(fields),
        convert(fields.get("recording_enabled"), bool),
        identifier(fields.get("start_time")),
    )
    if kind is Call:
        return Call(*known)
    agent, name = known[4], identifier(member(fields.get("agent_details"), "name"))
    named = NamedAgent(agent.user_id, agent.status, name) if isinstance(agent, Agent) else agent
    numbers = identifier(fields.get("from")), identifier(fields.get("to"))
    return PersonalCall(*known[:4], named, *known[5:], *numbers)


def _agent(row: dict[str, object]) -> Agent | UnsetType | None:
    if "agent_details" not in row:
        return UNSET
    details = row["agent_details"]
    if details is None:
        return None
    return Agent(identifier(member(details, "user_id")), word(AgentStatus, member(details, "status")))
