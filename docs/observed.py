"""Measure how much of the life of calls listings show: a simulated hour, as observed and in reality."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from exporter.collect.breakdowns import Lines, longest_calls
from exporter.collect.interval import Source
from exporter.collect.lifecycle import Lifecycle, ObservedCounts
from exporter.collect.tallies import Histogram
from exporter.collect.waits import Outcome
from exporter.config import CountsFrom
from exporter.exotel.models import Call
from exporter.simulator.centre import Centre
from exporter.simulator.settings import FLAT_DAY, Settings
from exporter.simulator.truth import Counters

CALLS = 120
"""Calls at a time."""
LONGEST_CALLS = 10

_INTERVALS = (5, 15, 60)  # seconds; all are multiples of the first
_HOUR = 3600  # seconds
_NO_LINES = Lines(())

_read_rows = msgspec.json.Decoder(list[Call]).decode


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened to calls, in reality or as observed."""

    counts: tuple[int, int, int, int]
    """Started, ended, answered rings, unanswered ones."""
    means: tuple[float, float, float]
    """Seconds of an answered ring, of an unanswered one, of a call that ended."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What truly happened in the hour, and what was observed of it."""

    true: Figures
    observed: Mapping[int, Figures]
    """By the seconds between listings."""
    exact_waits: Mapping[int, tuple[int, float]]
    """How many answered ones, and their mean in seconds, where durations count from the answer."""
    new_long_calls: int
    """Series that came to be as calls became one of the longest."""


def measure() -> Hour:
    """Simulate the hour: the same one each time."""
    centre = Centre(Settings(calls=CALLS, day=FLAT_DAY, seed=1))
    lives = {interval: Lifecycle.before((), CountsFrom.ANSWER) for interval in _INTERVALS}
    calls, series = _listed(centre), set()
    for at in range(0, _HOUR + 1, _INTERVALS[0]):
        centre.advance(centre.start + at)
        calls = _listed(centre)
        present = {call.call_sid: call for call in calls}
        for interval in (interval for interval in _INTERVALS if at % interval == 0):
            lives[interval] = lives[interval].after(present, at, api_time=centre.now)
        series |= {replace(call, duration=0) for call in longest_calls(calls, LONGEST_CALLS, _NO_LINES)}
    # Once more the same: an end is counted one listing late, and would look like one that wasn't seen.
    lives = {interval: life.after(present, _HOUR + interval) for interval, life in lives.items()}
    observed = {interval: _observed(life.counts) for interval, life in lives.items()}
    waits = {interval: _count_and_mean(_exact_waits(life.counts)) for interval, life in lives.items()}
    return Hour(_true(centre.counters), observed, waits, len(series) - LONGEST_CALLS)


def _exact_waits(counts: ObservedCounts) -> Collection[Histogram]:
    return [each for (*_, source), each in counts.waits.items() if source is Source.START_TIME]


def _listed(centre: Centre) -> Sequence[Call]:
    return _read_rows(b"[%b]" % b",".join(call.row(centre.now) for call in centre.calls()))


def _true(counters: Counters) -> Figures:
    ended = counters.ended.total()
    return Figures(
        (counters.started.total(), ended, counters.answered, counters.unanswered),
        (
            counters.answered_wait_seconds / counters.answered,
            counters.unanswered_wait_seconds / counters.unanswered,
            counters.ended_duration_seconds / ended,
        ),
    )


def _observed(counts: ObservedCounts) -> Figures:
    rings = {
        outcome: [each for (_, its_outcome), each in counts.rings.items() if its_outcome is outcome]
        for outcome in Outcome
    }
    answered, answered_ring = _count_and_mean(rings[Outcome.ANSWERED])
    unanswered, unanswered_ring = _count_and_mean(rings[Outcome.UNANSWERED])
    _, duration = _count_and_mean(counts.durations.values())
    return Figures(
        (sum(counts.started.values()), sum(counts.ended.values()), answered, unanswered),
        (answered_ring, unanswered_ring, duration),
    )


def _count_and_mean(histograms: Collection[Histogram]) -> tuple[int, float]:
    count = sum(histogram.buckets[-1].cumulative for histogram in histograms)
    return count, sum(histogram.sum for histogram in histograms) / count
