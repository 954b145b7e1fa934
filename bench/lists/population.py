"""The calls of an account over time: they begin, ring, are answered, held, and end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from exporter.simulator.call import Status
from exporter.simulator.table import Row

EPOCH = 1_718_427_600.0
_QUEUEING, _RINGING = 0.08, 0.12  # of a life, on average
_LONGEST_QUEUE, _LONGEST_RING = 30.0, 25.0  # seconds, on average
_ANSWERED = 0.8
_HOLDS = 0.7  # for each call, on average
_UNANSWERED: tuple[Status, ...] = ("no-answer", "busy", "failed", "canceled")

Change = tuple[float, Row]
"""A moment, and a row as it is from then on."""


@dataclass(frozen=True, slots=True)
class Population:
    """What becomes of all calls, in the order of time; those before `EPOCH` are found there."""

    size: int
    churn: float
    """The share of the calls that begin, and of those that end, in a second."""
    changes: list[Change]
    births: list[Row]
    """By when they began."""
    ends: list[Row]
    """By when they ended."""


def populate(size: int, churn: float, seconds: float, seed: int) -> Population:
    """Return a population that keeps its size, as chance has it, for so many seconds.

    Calls begin as a Poisson process and last exponentially, so that those found are as old as they will last.
    """
    random = Random(f"{size} {churn} {seed}")  # noqa: S311  # seeded: the same calls each time
    mean = 1 / churn if churn else 200.0
    born = [EPOCH - random.expovariate(1 / mean) for _ in range(size)]
    until, at = EPOCH + seconds, EPOCH
    while churn and (at := at + random.expovariate(churn * size)) < until:
        born.append(at)
    changes: list[Change] = []
    for number, begun in enumerate(sorted(born)):
        lasts = random.expovariate(1 / mean)
        if begun < EPOCH:
            lasts += EPOCH - begun
        end = begun + lasts if churn else until + 1
        changes += _life(random, number, begun, end, mean, until if churn else EPOCH)
    changes.sort(key=lambda change: (change[0], change[1].number))
    births = [row for _, row in changes if row.updated == row.born]
    return Population(size, churn, changes, births, [row for _, row in changes if row.ended is not None])


def _life(
    random: Random, number: int, born: float, end: float, mean: float, until: float
) -> Iterator[Change]:
    """Give what becomes of a call before `until`: where nothing ends, nothing changes."""
    inbound = random.random() < 0.5
    queueing = random.expovariate(1 / min(_LONGEST_QUEUE, _QUEUEING * mean))
    rings = born + queueing
    ringing = min(_LONGEST_RING, _RINGING * mean)
    answered = rings + random.expovariate(1 / ringing)
    is_answered = random.random() < _ANSWERED or end > rings + 2 * ringing  # nobody lets it ring for long
    row = Row(
        f"{random.getrandbits(64):016x}", number, random.getrandbits(32),
        born, born, born, "queued", inbound, None, None,
    )  # fmt: skip
    yield born, row
    at, status, was_answered = born, row.status, None
    for moment, then in _events(random, rings, answered, end, is_answered=is_answered, mean=mean):
        if moment >= min(until, end):
            break
        at, status = moment, then or status
        was_answered = moment if then == "in-progress" else was_answered
        row = row._replace(updated=at, status=status, answered=was_answered)
        yield at, row
    if end < until:
        final: Status = "completed" if was_answered else random.choice(_UNANSWERED)
        yield end, row._replace(updated=end, status=final, ended=end)


def _events(
    random: Random, rings: float, answered: float, end: float, *, is_answered: bool, mean: float
) -> Iterator[tuple[float, Status | None]]:
    """Give when a call's status changes, or it is held or taken back."""
    yield rings, "ringing"
    if not is_answered:
        return
    yield answered, "in-progress"
    at = answered
    while (at := at + random.expovariate(2 * _HOLDS / mean)) < end:
        yield at, None
