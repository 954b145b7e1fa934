"""One row of the list of active calls, decoded: only the fields that are needed.

Source: the API's page "Active Stream Monitoring"; `from`, `to` and the agent's name are personal data and
are never read.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from exporter.api.vocabulary import AgentStatus, CallStatus, Direction, Word

_T = TypeVar("_T")
_W = TypeVar("_W", bound=Word)


class Agent(Struct, frozen=True, gc=False):
    """The agent on a call; each field is None where the API left it out."""

    user_id: str | None = None
    status: AgentStatus | None = None


class Call(Struct, frozen=True, gc=False):
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


def read_call(fields: object) -> Call | None:
    """Read one row whose fields may be of any type, or give None when it names no call.

    What can be understood is kept ("120" is a duration, 7 a call_sid); any other field becomes None, or
    `other` where it should be a word, and costs only itself.
    """
    if not isinstance(fields, dict) or not (call_sid := _identifier(fields.get("call_sid"))):
        return None
    return Call(
        call_sid=call_sid,
        direction=_word(Direction, fields.get("direction")),
        status=_word(CallStatus, fields.get("status")),
        duration=_lenient(fields.get("duration"), float),
        agent_details=_agent(fields),
        recording_enabled=_lenient(fields.get("recording_enabled"), bool),
    )


def _agent(row: dict[str, object]) -> Agent | UnsetType | None:
    if "agent_details" not in row:
        return UNSET
    details = row["agent_details"]
    if details is None:
        return None
    fields = details if isinstance(details, dict) else {}
    return Agent(user_id=_identifier(fields.get("user_id")), status=_word(AgentStatus, fields.get("status")))


def _identifier(value: object) -> str | None:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # JSON may hold half a surrogate pair
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _word(vocabulary: type[_W], value: object) -> _W | None:
    if value is None:
        return None
    return vocabulary(value) if isinstance(value, str) else vocabulary["OTHER"]


def _lenient(value: object, kind: type[_T]) -> _T | None:
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        return None
