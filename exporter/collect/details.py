"""What one look at the details of a call showed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from exporter.collect.plausible import is_plausible
from exporter.exotel.enums import (
    ApiEnum,
    BridgeStatus,
    CallStatus,
    Channels,
    LegDirection,
    LegStatus,
    NetworkType,
)
from exporter.exotel.models import Bridge, Call, Leg, Recording, Stream, read_time

_W = TypeVar("_W", bound=ApiEnum)

LegKind = tuple[LegDirection, LegStatus, NetworkType]

_SETTLING = 10.0  # seconds from the answer in which a bridge and a recording come about
_LONGEST_SETUP = 86_400.0  # seconds; a bridge that comes a day after its call began has another's time


@dataclass(frozen=True, slots=True)
class Legs:
    """The legs of a call."""

    kinds: Mapping[LegKind, int]
    live: int | None
    """Those that are not over; None where the API doesn't say which legs there are."""
    muted: int
    on_hold: int

    @property
    def are_all_muted(self) -> bool:
        """Tell whether nobody on the call can be heard."""
        return bool(self.live) and self.muted == self.live


@dataclass(frozen=True, slots=True)
class Details:
    """One call at the time of the look; times in seconds, None for what wasn't told, or not believably."""

    tells_legs: bool
    tells_recording: bool
    is_talk: bool
    """It was in progress for some seconds: it means something if a leg, bridge or recording is missing."""
    legs: Legs
    bridge: BridgeStatus | None
    """None where there is no bridge."""
    bridge_setup: float | None
    recording: Channels | None
    """None where no recording is under way."""
    is_mismatch: bool
    """It is listed as recorded but isn't being recorded, or the reverse."""
    recording_lag: float | None
    unknown: Mapping[str, int]


def read_details(call: Call, stream: Stream) -> Details:
    """Read the details of a call, beside the row that listed it just before."""
    unknown: Counter[str] = Counter()
    status = stream.status if stream.status and stream.status.is_known else call.status
    is_talk = status is CallStatus.IN_PROGRESS and not _is_just_answered(stream)
    is_recording = stream.recording.enabled if stream.recording else None
    unknown["recording"] += is_recording is None
    return Details(
        tells_legs=stream.legs is not None,
        tells_recording=is_recording is not None,
        is_talk=is_talk,
        legs=_legs(stream.legs, unknown),
        bridge=_word(BridgeStatus, stream.bridge.status, "bridge_status", unknown) if stream.bridge else None,
        bridge_setup=_bridge_setup(call, stream.bridge, unknown) if stream.bridge else None,
        recording=_channels(stream.recording, unknown),
        is_mismatch=is_talk
        and None not in {is_recording, call.recording_enabled}
        and is_recording is not call.recording_enabled,
        recording_lag=_recording_lag(stream, unknown) if is_talk and is_recording else None,
        unknown=unknown,
    )


def _is_just_answered(stream: Stream) -> bool:
    return is_plausible(stream.duration) and stream.duration < _SETTLING


def _legs(legs: Sequence[Leg | None] | None, unknown: Counter[str]) -> Legs:
    readable = [leg for leg in legs or () if leg is not None]
    live = [leg for leg in readable if not (leg.status and leg.status.is_over)]
    is_whole = legs is not None and len(readable) == len(legs) and all(map(_tells_status, live))
    unknown["legs"] += 1 if legs is None else len(legs) - len(readable)
    unknown["audio_status"] += sum(leg.muted is None or leg.on_hold is None for leg in live)
    return Legs(
        kinds=Counter(
            (
                _word(LegDirection, leg.direction, "leg_direction", unknown),
                _word(LegStatus, leg.status, "leg_status", unknown),
                _word(NetworkType, leg.network_type, "network_type", unknown),
            )
            for leg in readable
        ),
        live=len(live) if is_whole else None,
        muted=sum(leg.muted is True for leg in live),
        on_hold=sum(leg.on_hold is True for leg in live),
    )


def _tells_status(leg: Leg) -> bool:
    """Tell whether a leg's status says if anybody is on it; where it is left out, somebody is."""
    return leg.status is not LegStatus.OTHER


def _bridge_setup(call: Call, bridge: Bridge, unknown: Counter[str]) -> float | None:
    """Give the seconds from the call's start to its bridge; both times are the API's."""
    started = read_time(call.start_time)
    created = read_time(bridge.created_at)
    unknown["start_time"] += started is None
    if started is None or created is None or not 0 <= created - started < _LONGEST_SETUP:
        unknown["bridge_created_at"] += started is not None
        return None
    return created - started


def _channels(recording: Recording | None, unknown: Counter[str]) -> Channels | None:
    if recording is None or not recording.enabled:
        return None
    return _word(Channels, recording.channels, "recording_channels", unknown)


def _recording_lag(stream: Stream, unknown: Counter[str]) -> float | None:
    """Give the seconds by which the recording is shorter than the call; one that is longer isn't believed.

    Either may be whole seconds only, so that up to one second longer is no lag.
    """
    call, recorded = stream.duration, stream.recording.duration if stream.recording else None
    if not is_plausible(call) or not is_plausible(recorded) or recorded > call + 1:
        unknown["recording_duration"] += 1
        return None
    return max(0.0, call - recorded)


def _word(vocabulary: type[_W], value: _W | None, field: str, unknown: Counter[str]) -> _W:
    """Give the value, or `unknown` where there is none; what isn't known is counted."""
    known = value or vocabulary["UNKNOWN"]
    unknown[field] += not known.is_known
    return known
