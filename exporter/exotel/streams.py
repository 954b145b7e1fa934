"""The details of one call, and the AgentStream sessions of an account.

Both are read loosely, field by field: one odd field costs only itself. Source: the API's page "Active Stream
Monitoring", and the AgentStream guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from exporter.exotel.answers import read_object
from exporter.exotel.coerce import convert, count, identifier, member, status_of, word
from exporter.exotel.enums import BridgeStatus, CallStatus, Channels, LegDirection, LegStatus, NetworkType
from exporter.exotel.errors import ApiError, Reason

_MOST_LEGS = 10_000  # more take seconds to read, and are no call


@dataclass(frozen=True, slots=True)
class Leg:
    """One party's connection to a call; each field is None where the API left it out."""

    direction: LegDirection | None
    status: LegStatus | None
    network_type: NetworkType | None
    muted: bool | None
    on_hold: bool | None


@dataclass(frozen=True, slots=True)
class Bridge:
    """What joins the legs; `created_at` as the API writes it."""

    status: BridgeStatus | None
    created_at: str | None


@dataclass(frozen=True, slots=True)
class Recording:
    """The recording of a call; `duration` in seconds."""

    enabled: bool | None
    channels: Channels | None
    duration: float | None


@dataclass(frozen=True, slots=True)
class Stream:
    """The details of one call; `duration` in seconds. What the API left out is None."""

    status: CallStatus | None
    duration: float | None
    legs: tuple[Leg | None, ...] | None
    """A leg that could not be read is None."""
    bridge: Bridge | None
    """None also where there is none."""
    recording: Recording | None


@dataclass(frozen=True, slots=True)
class AgentStreams:
    """Sessions of voice bots, and how many are allowed, where the API says so."""

    active: int
    limit: int | None


def read_stream(body: bytes, call_sid: str) -> Stream:
    """Read the body of a 200 to `GET /v3/accounts/<account_sid>/calls/<call_sid>/stream`.

    Raises ApiError when it holds no details, or those of another call.
    """
    stream = member(read_object(body).get("response"), "stream")
    if not isinstance(stream, dict):
        detail = "the answer is of another shape: it has no object response.stream"
        raise ApiError(Reason.BAD_RESPONSE, detail, status=200)
    if identifier(stream.get("call_sid")) not in {None, call_sid}:
        raise ApiError(Reason.BAD_RESPONSE, "the answer is about another call", status=200)
    legs = stream.get("legs")
    readable_legs = legs if isinstance(legs, list) and len(legs) <= _MOST_LEGS else None
    return Stream(
        status=status_of(stream),
        duration=convert(stream.get("duration"), float),
        legs=None if readable_legs is None else tuple(map(_leg, readable_legs)),
        bridge=_bridge(stream.get("bridge")),
        recording=_recording(stream.get("recording")),
    )


def read_agent_streams(body: bytes) -> AgentStreams:
    """Read the body of a 200 to `GET /v1/Accounts/<account_sid>/ActiveStreams`, JSON or XML.

    Raises ApiError when it doesn't tell the number of sessions.
    """
    answer = read_object(body)
    stream = member(answer, "Stream")
    active = count(_either(member(stream, "ActiveStreamCount"), answer.get("active_streams")))
    if active is None:
        detail = "the answer is of another shape: it has no number active_streams or ActiveStreamCount"
        raise ApiError(Reason.BAD_RESPONSE, detail, status=200)
    limit = count(_either(member(stream, "ThrottleLimit"), answer.get("max_allowed_streams")))
    return AgentStreams(active, limit)


def _leg(leg: Any) -> Leg | None:
    if not isinstance(leg, dict):
        return None
    audio = leg.get("audio_status")
    return Leg(
        direction=word(LegDirection, leg.get("direction")),
        status=word(LegStatus, leg.get("status")),
        network_type=word(NetworkType, leg.get("network_type")),
        muted=convert(member(audio, "muted"), bool),
        on_hold=convert(member(audio, "hold"), bool),
    )


def _bridge(bridge: Any) -> Bridge | None:
    if bridge is None:
        return None
    if not isinstance(bridge, dict):
        return Bridge(BridgeStatus.OTHER, None)  # something is there
    return Bridge(word(BridgeStatus, bridge.get("status")), identifier(bridge.get("created_at")))


def _recording(recording: Any) -> Recording | None:
    if not isinstance(recording, dict):
        return None
    return Recording(
        enabled=convert(recording.get("enabled"), bool),
        channels=word(Channels, recording.get("channels")),
        duration=convert(recording.get("duration"), float),
    )


def _either(value: object, other: object) -> object:
    return other if value is None else value
