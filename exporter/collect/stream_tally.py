"""Tally of the details that are held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from exporter.collect.details import Details, LegKind
from exporter.collect.histogram import Histogram
from exporter.exotel.enums import BridgeStatus, Channels, LegDirection, LegStatus, NetworkType

_SETUP_BOUNDS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0, 120.0)  # seconds
_LAG_BOUNDS = (1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)  # seconds
_LEG_KINDS: list[LegKind] = [
    (direction, status, network_type)
    for direction in (LegDirection.INBOUND, LegDirection.OUTBOUND)
    for status in (LegStatus.RINGING, LegStatus.ANSWERED, LegStatus.CONNECTED, LegStatus.IN_PROGRESS)
    for network_type in (NetworkType.PSTN, NetworkType.VOIP)
]
"""What is 0 when there is none; other legs are absent then."""
_NUMBERS_OF_LEGS = ("0", "1", "2", "3+")


@dataclass(frozen=True, slots=True)
class StreamTally:
    """The details of all inspected calls together; of `pending` ones nothing is held."""

    inspected: int
    pending: int
    knows_legs: bool
    """False where there are details, and the API says in none of them which legs there are."""
    knows_recordings: bool
    """The same of recordings."""
    legs: Mapping[LegKind, int]
    muted: int
    on_hold: int
    longest_hold: float
    """How long the call that is on hold for longest has been seen so, in seconds."""
    talks_by_legs: Mapping[str, int]
    """In-progress calls by the number of their legs that are not over."""
    all_muted: int
    """In-progress calls of which every leg is muted."""
    bridges: Mapping[BridgeStatus | None, int]
    """Under None the in-progress calls that have none."""
    bridge_setup: Histogram
    recordings: Mapping[Channels, int]
    mismatches: int
    recording_lag: Histogram


def tally_streams(held: Collection[Details], pending: int, longest_hold: float) -> StreamTally:
    """Count what the held details of `held` calls say."""
    talks = [details for details in held if details.is_talk]
    legs = Counter(dict.fromkeys(_LEG_KINDS, 0))
    for details in held:
        legs.update(details.legs.kinds)
    bridges: Counter[BridgeStatus | None] = Counter({BridgeStatus.ACTIVE: 0, None: 0})
    bridges.update(details.bridge for details in held if details.bridge or details.is_talk)
    recordings = Counter({Channels.SINGLE: 0, Channels.DUAL: 0})
    recordings.update(details.recording for details in held if details.recording)
    numbers = [_NUMBERS_OF_LEGS[min(3, live)] for talk in talks if (live := talk.legs.live) is not None]
    return StreamTally(
        inspected=len(held),
        pending=pending,
        knows_legs=not held or any(details.tells_legs for details in held),
        knows_recordings=not held or any(details.tells_recording for details in held),
        legs=legs,
        muted=sum(details.legs.muted for details in held),
        on_hold=sum(details.legs.on_hold for details in held),
        longest_hold=longest_hold,
        talks_by_legs={**dict.fromkeys(_NUMBERS_OF_LEGS, 0), **Counter(numbers)},
        all_muted=sum(talk.legs.are_all_muted for talk in talks),
        bridges=bridges,
        bridge_setup=Histogram.of(
            (details.bridge_setup for details in held if details.bridge_setup is not None), _SETUP_BOUNDS
        ),
        recordings=recordings,
        mismatches=sum(details.is_mismatch for details in held),
        recording_lag=Histogram.of(
            (details.recording_lag for details in held if details.recording_lag is not None), _LAG_BOUNDS
        ),
    )
