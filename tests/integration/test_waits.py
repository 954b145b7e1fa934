"""Waits and handling as an account observes them: compared with what happened in the simulator."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace

import pytest

from exporter.collect.interval import Source
from exporter.collect.lifecycle import ObservedCounts
from exporter.collect.tallies import Histogram
from exporter.collect.waits import WaitOutcome
from exporter.config import CountsFrom
from exporter.simulator import Settings, Simulator
from exporter.simulator.profile import Profile
from exporter.simulator.settings import FLAT_DAY
from exporter.simulator.truth import Truth
from tests.clock import moved_clock
from tests.integration.test_account import EAGER, account, observe

HALF_AN_HOUR = 1800.0  # seconds
A_SECOND = 1.0  # a date is cut to it
Key = tuple[WaitOutcome, Source]


def watched(
    interval: float, counts_from: CountsFrom, profile: Profile | None = None
) -> tuple[ObservedCounts, Truth]:
    """Return what listings tell of half an hour, and what is true; of calls that came after the first."""
    settings = Settings(calls=150, day=FLAT_DAY, profile=profile)
    config = replace(EAGER, duration_counts_from=counts_from)
    with (
        moved_clock() as clock,
        Simulator(settings) as simulator,
        account(simulator.url, collection=config) as made,
    ):
        for number in range(int(HALF_AN_HOUR / interval) + 1):
            if number:
                simulator.advance(interval)
                clock.forward(interval)
            snapshot = observe(made)
            assert snapshot.active_calls is not None, snapshot.failure
        return made.live_values().lives, simulator.truth()


def waits(lives: ObservedCounts) -> dict[Key, tuple[int, float]]:
    """Return count and mean of waits, by how they ended and what tells them."""
    counts, seconds = Counter[Key](), defaultdict[Key, float](float)
    for (_, _, outcome, source), histogram in lives.waits.items():
        counts[outcome, source] += histogram.buckets[-1].cumulative
        seconds[outcome, source] += histogram.sum
    return {key: (count, seconds[key] / count) for key, count in counts.items() if count}


def mean(histograms: Iterable[Histogram]) -> float:
    """Return the mean of all that histograms count."""
    each = [(histogram.buckets[-1].cumulative, histogram.sum) for histogram in histograms]
    return sum(seconds for _, seconds in each) / sum(count for count, _ in each)


@pytest.mark.parametrize("interval", [5.0, 15.0, 60.0])
@pytest.mark.parametrize(
    "profile",
    [None, Profile("its clock is off", clock=-120.0), Profile("its clock is off", clock=7.0)],
    ids=["in time", "2 min behind", "7 s ahead"],
)
def test_waits_are_true_at_any_interval_and_by_any_clock_of_the_api(
    interval: float, profile: Profile | None
) -> None:
    """Of nearly all calls, whatever the interval: those that were in progress in no listing are few."""
    lives, truth = watched(interval, CountsFrom.ANSWER, profile)
    (count, seconds) = waits(lives)[WaitOutcome.ANSWERED, Source.START_TIME]
    assert (WaitOutcome.ANSWERED, Source.LISTINGS) not in waits(lives)
    assert 0.75 * truth.answered <= count <= truth.answered
    assert seconds == pytest.approx(truth.answered_wait_seconds / truth.answered, abs=A_SECOND)


@pytest.mark.parametrize("counts_from", [CountsFrom.START, CountsFrom.UNKNOWN])
def test_listings_tell_waits_about_as_they_are(counts_from: CountsFrom) -> None:
    """Those that they see; with durations from the start, about as many as there are."""
    lives, truth = watched(5.0, counts_from, Profile("", from_start=counts_from is CountsFrom.START))
    assert set(waits(lives)) == {(outcome, Source.LISTINGS) for outcome in WaitOutcome}
    count, seconds = waits(lives)[WaitOutcome.ANSWERED, Source.LISTINGS]
    assert 0.75 * truth.answered <= count <= truth.answered
    assert seconds == pytest.approx(truth.answered_wait_seconds / truth.answered, rel=0.1)


@pytest.mark.parametrize("interval", [5.0, 15.0, 60.0])
def test_no_more_callers_give_up_than_truly_do_but_for_those_answered_unseen(interval: float) -> None:
    """A call that was answered and over between two listings looks as if it had never been answered."""
    lives, truth = watched(interval, CountsFrom.ANSWER)
    answered, _ = waits(lives)[WaitOutcome.ANSWERED, Source.START_TIME]
    count, _ = waits(lives)[WaitOutcome.ABANDONED, Source.LISTINGS]
    assert count <= truth.unanswered + (truth.answered - answered)


@pytest.mark.parametrize("interval", [15.0, 60.0])
def test_calls_are_handled_for_about_as_long_as_they_truly_are(interval: float) -> None:
    """Those that were answered before the first listing are among them, as they are in truth."""
    lives, truth = watched(interval, CountsFrom.ANSWER)
    true = truth.ended_duration_seconds / (truth.ended - truth.unanswered)
    assert mean(lives.handling.values()) == pytest.approx(true, rel=0.12)
