"""How long ended calls stay in the list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import median

from exporter.doctor.inquiry import Told
from exporter.doctor.order import start_of
from exporter.doctor.readings import Reading
from exporter.exotel.enums import CallStatus
from exporter.exotel.models import Call

_ROUNDING = 1.0  # seconds by which a duration in whole seconds is off
_FEWEST = 3  # calls that must have ended
_COUNTED = 10  # ended calls from which their number tells how long they stay
_DOUBT = 0.05  # how likely all ages may be this far below the longest one possible


@dataclass(frozen=True, slots=True)
class Stay:
    """What is known of one ended call: it stayed for `least` to `most` seconds."""

    least: float
    most: float | None


def judge_lingering(
    readings: Sequence[Reading], *, counts_from_start: bool = False
) -> Told[tuple[float, float | None] | bool]:
    """Return for how many seconds ended calls stay, at least and at most; False where none stays.

    Where durations count from the start, start time and duration tell when a call ended.
    """
    whole = [reading for reading in readings if reading.is_whole]
    stays = [*_stays(whole)]
    gone = sum(len(before.calls.keys() - after.calls.keys()) for before, after in pairwise(whole))
    if not stays:
        if gone >= _FEWEST:
            return Told(value=False, evidence=f"{gone} calls ended, and none of them was listed any more")
        return Told(None, f"{gone or 'no'} call{'s' * (gone > 1)} ended while the list was read")
    least = max(stay.least for stay in stays)
    ends = [stay.most for stay in stays if stay.most is not None]
    most = min(ends, default=None)
    if most is not None and most < least:
        least, most = most, least
    if most is None:
        least, most = _by_number(least, whole)
    if counts_from_start:
        least, most = _by_age(least, most, whole)
    if most is not None and most < least:
        most = None  # what is likely contradicts what was seen
    return Told((round(least, 1), None if most is None else round(most, 1)), f"{len(stays)} ended calls")


def is_over(call: Call) -> bool:
    """Return whether a row is that of an ended call."""
    return call.status is not None and call.status.is_over


def _stays(readings: Sequence[Reading]) -> Iterator[Stay]:
    """Yield what readings tell of each ended call that they have."""
    for call_sid in {sid for reading in readings for sid, call in reading.calls.items() if is_over(call)}:
        yield _stay(call_sid, readings)


def _stay(call_sid: str, readings: Sequence[Reading]) -> Stay:
    seen = [(reading.at, call) for reading in readings if (call := reading.calls.get(call_sid)) is not None]
    ended = [(at, call) for at, call in seen if is_over(call)]
    first, last = ended[0], ended[-1]
    earliest, latest = _ending([pair for pair in seen if pair[0] < first[0]], first)
    gone = next((reading.at for reading in readings if reading.at > last[0]), None)
    return Stay(
        max(0.0, last[0] - latest), gone - earliest if gone is not None and earliest is not None else None
    )


def _ending(before: Sequence[tuple[float, Call]], first: tuple[float, Call]) -> tuple[float | None, float]:
    """Return between which times a call ended, by when it was seen and by how its duration grew."""
    at, call = first
    if not before:
        return None, at
    then, active = before[-1]
    if active.status is not CallStatus.IN_PROGRESS or active.duration is None or call.duration is None:
        return then, at
    ended = then + call.duration - active.duration
    return max(then, ended - _ROUNDING), max(then, min(at, ended + _ROUNDING))


def _by_number(least: float, readings: Sequence[Reading]) -> tuple[float, float | None]:
    """Return the bounds by Little's law: those that stay are as many as end in that time."""
    if len(readings) < 2:
        return least, None
    ended = sum(is_over(call) for reading in readings for call in reading.calls.values()) / len(readings)
    first, last = readings[0], readings[-1]
    endings = len(
        {sid for reading in readings[1:] for sid, call in reading.calls.items() if is_over(call)}
        - {sid for sid, call in first.calls.items() if is_over(call)}
    )
    if ended < _COUNTED or endings < _COUNTED:
        return least, None
    seconds = ended * (last.at - first.at) / endings
    error = 2 * (1 / sqrt(ended) + 1 / sqrt(endings))
    return max(least, seconds * (1 - error)), seconds * (1 + error)


def _by_age(least: float, most: float | None, readings: Sequence[Reading]) -> tuple[float, float | None]:
    """Return the bounds, narrowed by how long ago the listed calls ended: any time they stay is as likely."""
    ages: dict[str, float] = {}
    for reading in readings:
        for call_sid, age in _ages(reading):
            ages[call_sid] = max(age, ages.get(call_sid, 0.0))
    oldest = max(ages.values(), default=0.0)
    ceiling = oldest * _DOUBT ** (-1 / len(ages)) + _ROUNDING if len(ages) >= _FEWEST else None
    if ceiling is None or ceiling < least:
        return least, most
    return max(least, oldest - _ROUNDING), ceiling if most is None else min(most, ceiling)


def _ages(reading: Reading) -> Iterator[tuple[str, float]]:
    """Yield ended calls and the seconds since their end, by the server's clock."""
    moments = {sid: moment for sid, call in reading.calls.items() if (moment := _moment(call)) is not None}
    active = [at for sid, at in moments.items() if reading.calls[sid].status is CallStatus.IN_PROGRESS]
    if len(active) < _FEWEST:
        return
    now = median(active)
    yield from ((sid, now - at) for sid, at in moments.items() if is_over(reading.calls[sid]))


def _moment(call: Call) -> float | None:
    """Return the moment that a call's duration reaches to, if its row tells it."""
    start = start_of(call)
    return None if start is None or call.duration is None else start + call.duration
