"""Values of the API that become label values: whatever it writes is coerced to one of them as it is decoded.

Source: the API's page, and the values that its sister pages show. Case and `_`/`-` don't matter.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import cache, partial
from typing import Any, Self, TypeVar, cast

import msgspec

_T = TypeVar("_T")

_ENDINGS = {
    **{"unanswered": "no-answer", "no-answer": "no-answer", "no-dial": "failed", "failed": "failed"},
    **{"cancelled": "canceled", "canceled": "canceled", "busy": "busy"},
}
_ALIASES = {"incoming": "inbound", "cancelled": "canceled"} | {
    f"{party}-{ending}": status  # how v3 and v2 say which party a call ended with
    for party in ("from-leg", "to-leg", "agent", "customer")
    for ending, status in _ENDINGS.items()
}
_OVER = frozenset({"completed", "failed", "busy", "no-answer", "canceled"})


class Endpoint(StrEnum):
    """A value of the label `endpoint`, and of `collector` too: each collector asks one endpoint."""

    CALLS = "calls"
    """The list of active calls: `GET /v3/accounts/<account_sid>/calls/active`."""
    STREAMS = "streams"
    """The details of one call: `GET /v3/accounts/<account_sid>/calls/<call_sid>/stream`."""
    AGENT_STREAMS = "agent_streams"
    """Voice-bot sessions and their limit: `GET /v1/Accounts/<account_sid>/ActiveStreams`."""


class ApiEnum(StrEnum):
    """A known value of a field, or `other` for one that isn't known, or `unknown` for an empty one.

    Each subclass has OTHER and UNKNOWN among its members.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self:
        text = str(value).strip().lower().replace("_", "-")
        known = cls._value2member_map_.get(_ALIASES.get(text, text), cls["OTHER" if text else "UNKNOWN"])
        return cast(Self, known)

    @property
    def is_known(self) -> bool:
        """Return whether the API said something that is known."""
        return self.name not in {"OTHER", "UNKNOWN"}

    @property
    def is_over(self) -> bool:
        """Return whether a call has ended, and merely lingers in the list, or nobody is on a leg any more."""
        return self in _OVER


class Direction(ApiEnum):
    """Which way a call goes."""

    INBOUND = "inbound"
    OUTBOUND_API = "outbound-api"
    OUTBOUND_DIAL = "outbound-dial"
    OUTBOUND = "outbound"
    OTHER = "other"
    UNKNOWN = "unknown"


class CallStatus(ApiEnum):
    """How far a call has come."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    FAILED = "failed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"
    OTHER = "other"
    UNKNOWN = "unknown"


class CallState(ApiEnum):
    """Whether a call goes on, as v3 says it beside the status."""

    ACTIVE = "active"
    TERMINAL = "terminal"
    OTHER = "other"
    UNKNOWN = "unknown"


class AgentStatus(ApiEnum):
    """What an agent does; where an agent's calls tell different ones, the first of these counts."""

    ON_CALL = "on-call"
    BUSY = "busy"
    AFTER_CALL_WORK = "after-call-work"
    AVAILABLE = "available"
    OFFLINE = "offline"
    OTHER = "other"
    UNKNOWN = "unknown"


class LegDirection(ApiEnum):
    """Which way a leg of a call goes."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    OTHER = "other"
    UNKNOWN = "unknown"


class LegStatus(ApiEnum):
    """How far a leg has come."""

    RINGING = "ringing"
    ANSWERED = "answered"
    CONNECTED = "connected"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    FAILED = "failed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"
    OTHER = "other"
    UNKNOWN = "unknown"


class NetworkType(ApiEnum):
    """What carries a leg."""

    PSTN = "pstn"
    VOIP = "voip"
    OTHER = "other"
    UNKNOWN = "unknown"


class BridgeStatus(ApiEnum):
    """How the bridge between the legs is."""

    ACTIVE = "active"
    ENDED = "ended"
    OTHER = "other"
    UNKNOWN = "unknown"


class Channels(ApiEnum):
    """How a call is recorded: both sides as one, or each apart."""

    SINGLE = "single"
    DUAL = "dual"
    OTHER = "other"
    UNKNOWN = "unknown"


def coerce(kind: type[_T], value: object) -> _T | None:
    """Return a JSON value as a text, number, truth value or label value; None where it can't be understood.

    A text may say a number, and a number an identifier. A label value that isn't even a text is `other`.
    """
    hashable: Any = kind
    found: _T | None = coercer(hashable)(value)
    return found


@cache
def coercer(kind: type) -> Callable[[object], Any]:
    """Return what coerces values to a kind."""
    if issubclass(kind, ApiEnum):
        return partial(_label_value, kind)
    return _text if kind is str else partial(_convert, kind)


def member(value: object, name: str) -> Any:
    """Return a member of what may be an object."""
    return value.get(name) if isinstance(value, dict) else None


def _label_value(kind: type[ApiEnum], value: object) -> ApiEnum | None:
    if isinstance(value, str):
        return kind._value2member_map_.get(value) or kind(value)  # type: ignore[return-value]  # its members
    return None if value is None else kind("other")


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # JSON may hold half a surrogate pair
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _convert(kind: type, value: object) -> Any:
    try:
        return msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, UnicodeEncodeError):
        return None
