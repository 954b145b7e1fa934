"""The words of the API that become label values: whatever it writes becomes one of them as it is decoded.

Source: the API's page, and the values that its sister pages show. Case and `_`/`-` don't matter.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

_ENDINGS = {
    **{"unanswered": "no-answer", "no-answer": "no-answer", "no-dial": "failed", "failed": "failed"},
    **{"cancelled": "canceled", "canceled": "canceled", "busy": "busy"},
}
_ALIASES = {
    "incoming": "inbound",
    "cancelled": "canceled",
    # How v3 and v2 say which party a call ended with; no-dial: that party could not be dialled.
    **{
        f"{party}-{ending}": status
        for party in ("from-leg", "to-leg", "agent", "customer")
        for ending, status in _ENDINGS.items()
    },
}


class ApiEnum(StrEnum):
    """A known value of a field, or `other` for one that isn't known, or `unknown` for an empty one.

    Each vocabulary has OTHER and UNKNOWN among its members.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self:
        word = str(value).strip().lower().replace("_", "-")
        return cls._value2member_map_.get(_ALIASES.get(word, word), cls["OTHER" if word else "UNKNOWN"])  # type: ignore[return-value]  # the map's values are members of cls

    @property
    def is_known(self) -> bool:
        """Tell whether the API said something that is known."""
        return self.name not in {"OTHER", "UNKNOWN"}


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

    @property
    def is_over(self) -> bool:
        """Tell whether the call has ended, and merely lingers in the list."""
        return self in _OVER


_OVER = frozenset(
    {CallStatus.COMPLETED, CallStatus.FAILED, CallStatus.BUSY, CallStatus.NO_ANSWER, CallStatus.CANCELED}
)


class CallState(ApiEnum):
    """Whether a call goes on, as v3 says it beside the status."""

    ACTIVE = "active"
    TERMINAL = "terminal"
    OTHER = "other"
    UNKNOWN = "unknown"


def final_status(status: CallStatus | None) -> CallStatus:
    """Return the status of a call that has ended, whatever its status still says.

    One that was last seen waiting ended without an answer; of any other that doesn't say more, the API calls
    a terminal one completed.
    """
    if status is not None and status.is_over:
        return status
    return CallStatus.NO_ANSWER if status in {CallStatus.QUEUED, CallStatus.RINGING} else CallStatus.COMPLETED


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

    @property
    def is_over(self) -> bool:
        """Tell whether nobody is on this leg any more."""
        return self.name in {"COMPLETED", "FAILED", "BUSY", "NO_ANSWER", "CANCELED"}


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
