"""The calls of an account over time: they begin, ring, are answered, held, and end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heapreplace
from itertools import takewhile
from random import Random

from exporter.simulator.call import Status
from exporter.simulator.orders import Row

EPOCH = 1_718_427_600.0
_QUEUEING, _RINGING = 0.08, 0.12  # of a life, on average
_LONGEST_QUEUE, _LONGEST_RING = 30.0, 25.0  # seconds, on average
_ANSWERED = 0.8
_HOLDS = 0.7  # for each call, on average
_LASTS_WHERE_NONE_ENDS = 200.0  # seconds
_UNANSWERED: tuple[Status, ...] = ("no-answer", "busy", "failed", "canceled")

_Span = tuple[float, float]
Change = tuple[float, Row]
"""A moment, and a row as it is from then on."""


@dataclass(frozen=True, slots=True)
class Population:
    """What becomes of all calls, in the order of time; those before `EPOCH` are found there."""

    changes: list[Change]
    births: list[Row]
    """By when they began."""
    ends: list[Row]
    """By when they ended."""


def populate(size: int, churn: float, seconds: float, seed: int, *, is_full: bool = False) -> Population:
    """Return a population that keeps its size, as chance has it, for so many seconds.

    Calls begin as a Poisson process and last exponentially, so those found will last as long as new ones.
    Where none come or go, none changes. An account that is full has always a call that waits for one to end.
    """
    random = Random(f"{size} {churn} {seed}")  # noqa: S311  # seeded: the same calls each time
    until, mean = EPOCH + seconds, 1 / churn if churn else _LASTS_WHERE_NONE_ENDS
    found = [
        (EPOCH - random.expovariate(1 / mean), EPOCH + random.expovariate(1 / mean)) for _ in range(size)
    ]
    come = _one_for_another if is_full else _by_chance
    coming = come(random, found, mean, until) if churn else ()
    changes: list[Change] = []
    for number, (born, end) in enumerate(sorted([*found, *coming])):
        life = _life(random, number, born, end, mean)
        changes += takewhile(lambda change: change[0] < (until if churn else EPOCH), life)
    changes.sort(key=lambda change: (change[0], change[1].number))
    births = [row for _, row in changes if row.updated == row.born]
    return Population(changes, births, [row for _, row in changes if row.ended is not None])


def _by_chance(random: Random, found: list[_Span], mean: float, until: float) -> Iterator[_Span]:
    """Yield when calls begin and end, as many in a second as end of those found."""
    at = EPOCH
    while (at := at + random.expovariate(len(found) / mean)) < until:
        yield at, at + random.expovariate(1 / mean)


def _one_for_another(random: Random, found: list[_Span], mean: float, until: float) -> Iterator[_Span]:
    """Yield when calls begin and end, each at the moment at which another ends."""
    ends = [end for _, end in found]
    heapify(ends)
    while (at := ends[0]) < until:
        end = at + random.expovariate(1 / mean)
        heapreplace(ends, end)
        yield at, end


def _life(random: Random, number: int, born: float, end: float, mean: float) -> Iterator[Change]:
    """Yield what becomes of a call."""
    sid, lot, inbound = f"{random.getrandbits(64):016x}", random.getrandbits(32), random.random() < 0.5
    row = Row(sid, number, lot, born, born, born, "queued", inbound, None, None)
    yield born, row
    for at, status in _steps(random, born, end, mean):
        answered = at if status == "in-progress" else row.answered
        row = row._replace(updated=at, status=status or row.status, answered=answered)
        yield at, row
    final: Status = "completed" if row.answered is not None else random.choice(_UNANSWERED)
    yield end, row._replace(updated=end, status=final, ended=end)


def _steps(random: Random, born: float, end: float, mean: float) -> Iterator[tuple[float, Status | None]]:
    """Yield when a call rings, is answered, and is held or taken back, as far as that is before its end."""
    queueing, ringing = min(_LONGEST_QUEUE, _QUEUEING * mean), min(_LONGEST_RING, _RINGING * mean)
    at = born + random.expovariate(1 / queueing)
    if at >= end:
        return
    yield at, "ringing"
    is_answered = random.random() < _ANSWERED or end > at + 2 * ringing  # nobody lets it ring for long
    at += random.expovariate(1 / ringing)
    if not is_answered or at >= end:
        return
    yield at, "in-progress"
    while (at := at + random.expovariate(2 * _HOLDS / mean)) < end:
        yield at, None
