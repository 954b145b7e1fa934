"""What orders the list: judged by its rows, and by whether calls keep their places between readings."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby, pairwise
from math import factorial, prod, sqrt

from exporter.doctor.facts import Order
from exporter.doctor.inquiry import Answer, Told
from exporter.doctor.readings import Reading
from exporter.exotel.models import Call

_LEAST_STEPS = 6  # pairs of rows that are sorted by no chance
_CHANCE = 1_000  # to one
_LATE = 0.05  # of all calls may stand elsewhere in a list that is sorted otherwise
_FEWEST = 5  # calls that two readings must share
_LEAST_CHANGED = 2  # of them must have got on, or nothing shows whether calls move then


def judge_order(readings: Sequence[Reading], twins: Sequence[Answer]) -> Told[Order]:
    """Return what orders the list; `twins` are answers of the same moment to the same question."""
    lists = [[*reading.calls.values()] for reading in readings if reading.calls]
    if not lists or max(map(len, lists)) < _FEWEST:
        return Told(None, f"{max(map(len, lists), default=0)} calls are too few to tell")
    if found := _by_start(lists, tolerated=0.0):
        restarted = _count_restarted(lists)
        return Told("moving", f"start times of {restarted} calls changed") if restarted > 1 else found
    if found := _by_status(lists):
        return found
    if (differing := _difference(twins)) is not None:
        return Told("none", f"two answers of the same moment differ in {differing:.0%} of their rows")
    if found := _by_start(lists, tolerated=_LATE):
        return found
    return _by_places(lists)


def start_of(call: Call) -> float | None:
    """Return when a call started, in Unix seconds; a time without a zone is taken as UTC."""
    try:
        at = datetime.fromisoformat(call.start_time or "")
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _by_start(lists: Sequence[Sequence[Call]], tolerated: float) -> Told[Order] | None:
    """Return the direction in which start times are sorted; None where they aren't."""
    sequences = [[at for call in calls if (at := start_of(call)) is not None] for calls in lists]
    if sum(map(len, sequences)) < 0.9 * sum(map(len, lists)):
        return None
    steps = sum(before != after for starts in sequences for before, after in pairwise(starts))
    if steps < _LEAST_STEPS:
        return None
    rows = sum(map(len, sequences))
    orders: tuple[tuple[Order, int], ...] = (("oldest first", 1), ("newest first", -1))
    for order, sign in orders:
        late = sum(_count_moved([sign * at for at in starts]) for starts in sequences)
        if late <= tolerated * rows:
            beside = f", but for {late}" if late else ""
            return Told(order, f"{rows} rows of {len(lists)} readings are sorted by start_time{beside}")
    return None


def _by_status(lists: Sequence[Sequence[Call]]) -> Told[Order] | None:
    """Return whether calls of a status stand together in each reading."""
    odds = 1.0
    for calls in lists:
        statuses = [call.status for call in calls]
        groups = [(status, len([*group])) for status, group in groupby(statuses)]
        if len(groups) != len(set(statuses)):
            return None
        odds *= _arrangements([size for _, size in groups])
    if odds < _CHANCE:
        return None
    return Told("by status", f"calls of a status stand together in each of {len(lists)} readings")


def _arrangements(sizes: Sequence[int]) -> float:
    """Return how many times as many ways there are to arrange rows as such that keep groups together."""
    if sum(sizes) > 100:
        sizes = [min(size, 20) for size in sizes]
    return factorial(sum(sizes)) / prod(map(factorial, sizes)) / factorial(len(sizes))


def _difference(twins: Sequence[Answer]) -> float | None:
    """Return the share of rows in which answers of the same moment differ; None where they agree."""
    worst = 0.0
    for one, other in pairwise(answer for answer in twins if answer.is_page):
        places = {call_sid: place for place, call_sid in enumerate(one.call_sids)}
        shared = [places[sid] for sid in other.call_sids if sid in places]
        rows = max(len(places), 1)
        worst = max(worst, 1 - (len(shared) - _count_moved(shared)) / rows)
    return worst if worst > 0.2 else None


def _by_places(lists: Sequence[Sequence[Call]]) -> Told[Order]:
    """Return whether calls keep their places among one another while they get on."""
    moved = shared = changed = 0
    for before, after in _neighbours(lists):
        moved += _count_moved([place for place, _, _ in after])
        shared += len(after)
        changed += sum(then.status != now.status for _, then, now in after)
        if len(after) >= 16 and _count_moved([place for place, _, _ in after]) > len(after) - 3 * sqrt(
            len(after)
        ):
            return Told("none", f"of {len(after)} calls that two readings share none kept its place")
        del before
    evidence = f"{moved} of {shared} calls changed places between readings, {changed} their status"
    if moved:
        return Told("moving", evidence)
    if shared >= _FEWEST and changed >= _LEAST_CHANGED:
        return Told("stable", evidence)
    return Told(None, f"too little happened between readings: {evidence}")


def _neighbours(
    lists: Sequence[Sequence[Call]],
) -> Iterator[tuple[Sequence[Call], list[tuple[int, Call, Call]]]]:
    """Yield for two successive readings the calls of both: place before, the call then and now."""
    for before, after in pairwise(lists):
        places = {call.call_sid: (place, call) for place, call in enumerate(before)}
        yield before, [(*places[call.call_sid], call) for call in after if call.call_sid in places]


def _count_restarted(lists: Sequence[Sequence[Call]]) -> int:
    """Return how many calls had another start time in the next reading."""
    return sum(
        then.start_time != now.start_time for _, shared in _neighbours(lists) for _, then, now in shared
    )


def _count_moved(values: Sequence[float]) -> int:
    """Return the fewest of the values that spoil their rising order."""
    ends: list[float] = []
    for value in values:
        length = bisect_right(ends, value)
        ends[length : length + 1] = [value]
    return len(values) - len(ends)
