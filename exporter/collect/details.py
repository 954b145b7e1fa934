"""What the details of calls show: of one call, and of all inspected calls together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from exporter.collect.tallies import Histogram, is_plausible
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

_E = TypeVar("_E", bound=ApiEnum)

LegKind = tuple[LegDirection, LegStatus, NetworkType]

_SETTLING = 10.0  # seconds from the answer in which a bridge and a recording come about
_LONGEST_SETUP = 86_400.0  # seconds; a bridge that comes a day after its call began has another's time
_SETUP_BOUNDS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0, 120.0)  # seconds
_LAG_BOUNDS = (1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)  # seconds
_NUMBERS_OF_LEGS = ("0", "1", "2", "3+")


@dataclass(frozen=True, slots=True)
class Legs:
    """The legs of a call."""

    kinds: Mapping[LegKind, int]
    live: int | None
    """Those that are not over; None where the API doesn't say which legs there are."""
    muted: int
    on_hold: int
    any_on_hold: bool | None
    """Whether one of them is; None where none is and the API doesn't say so of each."""

    @property
    def are_all_muted(self) -> bool:
        """Return whether nobody on the call can be heard."""
        return bool(self.live) and self.muted == self.live


@dataclass(frozen=True, slots=True)
class Details:
    """One call when it was inspected; times in seconds, None for what wasn't told, or not plausibly."""

    tells_legs: bool
    tells_recording: bool
    is_established: bool
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
    is_just_answered = is_plausible(stream.duration) and stream.duration < _SETTLING
    is_established = status is CallStatus.IN_PROGRESS and not is_just_answered
    is_recording = stream.recording.enabled if stream.recording else None
    unknown["recording"] += is_recording is None
    return Details(
        tells_legs=stream.legs is not None,
        tells_recording=is_recording is not None,
        is_established=is_established,
        legs=_legs(stream.legs, unknown),
        bridge=_counted(BridgeStatus, stream.bridge.status, "bridge_status", unknown)
        if stream.bridge
        else None,
        bridge_setup=_bridge_setup(call, stream.bridge, unknown) if stream.bridge else None,
        recording=_channels(stream.recording, unknown),
        is_mismatch=is_established
        and None not in {is_recording, call.recording_enabled}
        and is_recording is not call.recording_enabled,
        recording_lag=_recording_lag(stream, unknown) if is_established and is_recording else None,
        unknown=unknown,
    )


def _legs(legs: Sequence[Leg | None] | None, unknown: Counter[str]) -> Legs:
    readable = [leg for leg in legs or () if leg is not None]
    live = [leg for leg in readable if not (leg.status and leg.status.is_over)]
    # Where a status is left out, somebody is on the leg; one that isn't known doesn't say.
    says_status = all(leg.status is not LegStatus.OTHER for leg in live)
    is_whole = legs is not None and len(readable) == len(legs)
    on_hold = [leg.on_hold for leg in live]
    unknown["legs"] += 1 if legs is None else len(legs) - len(readable)
    unknown["audio_status"] += sum(leg.muted is None or leg.on_hold is None for leg in live)
    return Legs(
        kinds=Counter(
            (
                _counted(LegDirection, leg.direction, "leg_direction", unknown),
                _counted(LegStatus, leg.status, "leg_status", unknown),
                _counted(NetworkType, leg.network_type, "network_type", unknown),
            )
            for leg in readable
        ),
        live=len(live) if is_whole and says_status else None,
        muted=sum(leg.muted is True for leg in live),
        on_hold=on_hold.count(True),
        any_on_hold=True if True in on_hold else None if None in on_hold or not is_whole else False,
    )


def _bridge_setup(call: Call, bridge: Bridge, unknown: Counter[str]) -> float | None:
    """Return the seconds from the call's start to its bridge; both times are the API's."""
    started, created = read_time(call.start_time), read_time(bridge.created_at)
    unknown["start_time"] += started is None
    if started is None or created is None or not 0 <= created - started < _LONGEST_SETUP:
        unknown["bridge_created_at"] += started is not None
        return None
    return created - started


def _channels(recording: Recording | None, unknown: Counter[str]) -> Channels | None:
    if recording is None or not recording.enabled:
        return None
    return _counted(Channels, recording.channels, "recording_channels", unknown)


def _recording_lag(stream: Stream, unknown: Counter[str]) -> float | None:
    """Return the seconds by which the recording is shorter than the call; one that is longer isn't plausible.

    Either may be whole seconds only, so that up to one second longer is no lag.
    """
    call, recorded = stream.duration, stream.recording.duration if stream.recording else None
    if not is_plausible(call) or not is_plausible(recorded) or recorded > call + 1:
        unknown["recording_duration"] += 1
        return None
    return max(0.0, call - recorded)


def _counted(enum: type[_E], value: _E | None, field: str, unknown: Counter[str]) -> _E:
    """Return the value, or `unknown` where there is none; what isn't known is counted."""
    value = value or enum["UNKNOWN"]
    unknown[field] += not value.is_known
    return value


@dataclass(frozen=True, slots=True)
class StreamTally:
    """The details of all inspected calls together; of `pending` ones there are none."""

    inspected: int
    pending: int
    knows_legs: bool
    """False where there are details, and the API says in none of them which legs there are."""
    knows_recordings: bool
    """The same of recordings."""
    legs: Mapping[LegKind, int]
    muted: int
    on_hold: int
    longest_hold: float | None
    """How long the call that is on hold for longest has been seen so, in seconds; None if unknown."""
    talks_by_legs: Mapping[str, int]
    """In-progress calls by the number of their legs that are not over."""
    all_muted: int
    """In-progress calls of which every leg is muted."""
    bridges: Mapping[str, int]
    """By status; `none` for the in-progress calls that have none."""
    bridge_setup: Histogram
    recordings: Mapping[Channels, int]
    mismatches: int
    recording_lag: Histogram


def tally_streams(inspected: Collection[Details], pending: int, longest_hold: float | None) -> StreamTally:
    """Count what the details of the inspected calls say."""
    talks = [details for details in inspected if details.is_established]
    setups = (details.bridge_setup for details in inspected if details.bridge_setup is not None)
    lags = (details.recording_lag for details in inspected if details.recording_lag is not None)
    legs: Counter[LegKind] = Counter()
    for details in inspected:
        legs.update(details.legs.kinds)
    return StreamTally(
        inspected=len(inspected),
        pending=pending,
        knows_legs=not inspected or any(details.tells_legs for details in inspected),
        knows_recordings=not inspected or any(details.tells_recording for details in inspected),
        legs=legs,
        muted=sum(details.legs.muted for details in inspected),
        on_hold=sum(details.legs.on_hold for details in inspected),
        longest_hold=longest_hold,
        talks_by_legs=Counter(
            _NUMBERS_OF_LEGS[min(3, live)] for talk in talks if (live := talk.legs.live) is not None
        ),
        all_muted=sum(talk.legs.are_all_muted for talk in talks),
        bridges=Counter(
            details.bridge or "none" for details in inspected if details.bridge or details.is_established
        ),
        bridge_setup=Histogram.of(setups, _SETUP_BOUNDS),
        recordings=Counter(details.recording for details in inspected if details.recording),
        mismatches=sum(details.is_mismatch for details in inspected),
        recording_lag=Histogram.of(lags, _LAG_BOUNDS),
    )
