"""The life of calls as an account observes it: compared with what happened in the simulator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from exporter.collect.account import Account
from exporter.collect.lifecycle import ObservedCounts
from exporter.exotel.errors import Reason
from exporter.simulator import Settings, Simulator
from exporter.simulator.settings import FLAT_DAY
from tests.clock import Clock, moved_clock
from tests.integration.test_account import account, observe

EVERY = 15.0  # seconds between listings
TWENTY_MINUTES = 80  # listings
LONGER_THAN_FIVE_MINUTES = 301.0  # seconds


class Watch:
    """An account of a centre, which is listed now and then."""

    def __init__(self, simulator: Simulator, made: Account, clock: Clock) -> None:
        self.simulator = simulator
        self._account = made
        self._clock = clock

    def wait(self, seconds: float = EVERY) -> None:
        """Let time pass in the centre and for the account alike."""
        self.simulator.advance(seconds)
        self._clock.forward(seconds)

    def list_calls(self) -> ObservedCounts:
        """Have the calls listed, and give what was counted so far."""
        snapshot = observe(self._account)
        assert snapshot.active_calls is not None, snapshot.failure
        return self._account.live_values().lives

    def fail(self, fault: str, reason: Reason) -> ObservedCounts:
        """Have them listed while something goes wrong, and give what was counted so far."""
        self.simulator.set_faults([fault])
        snapshot = observe(self._account)
        self.simulator.clear_faults()
        assert snapshot.failure is not None
        assert snapshot.failure.reason is reason
        return self._account.live_values().lives

    def call_sids(self) -> frozenset[str]:
        """Return which calls there truly are."""
        return self.simulator.truth().call_sids


@contextmanager
def watch() -> Iterator[Watch]:
    """Return an account of a centre with two pages of calls, where no time passes by itself."""
    settings = Settings(calls=150, speed=0, day=FLAT_DAY)
    with moved_clock() as clock, Simulator(settings) as simulator, account(simulator.url) as made:
        yield Watch(simulator, made, clock)


def test_no_call_is_observed_that_there_was_not_and_few_are_missed() -> None:
    """In twenty minutes no more calls come, go and are answered than truly did, and 80 % at least."""
    with watch() as watched:
        watched.list_calls()
        for _ in range(TWENTY_MINUTES):
            watched.wait()
            lives = watched.list_calls()
        truth = watched.simulator.truth()
    started = {str(direction): calls for direction, calls in lives.started.items()}
    ended, rings = Counter[str](), Counter[str]()
    for (direction, _), calls in lives.ended.items():
        ended[direction] += calls
    for (_, outcome), histogram in lives.rings.items():
        rings[outcome] += histogram.buckets[-1].cumulative
    assert set(started) == set(ended) == set(truth.started_by_direction)
    assert all(0.8 * true <= started[which] <= true for which, true in truth.started_by_direction.items())
    assert all(0.8 * true <= ended[which] <= true for which, true in truth.ended_by_direction.items())
    assert 0.8 * truth.answered <= rings["answered"] <= truth.answered
    assert rings.total() <= truth.answered + truth.unanswered


def test_each_call_that_is_listed_counts_once() -> None:
    """All but those of the first listing have started; all but those of the last two have ended."""
    with watch() as watched:
        listed = [watched.call_sids()]
        watched.list_calls()
        for _ in range(20):
            watched.wait()
            listed.append(watched.call_sids())
            lives = watched.list_calls()
    every = frozenset[str]().union(*listed)
    assert sum(lives.started.values()) == len(every - listed[0]) > 0
    assert sum(lives.ended.values()) == len(every - listed[-1] - listed[-2]) > 0


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("empty_page@middle", Reason.INCOMPLETE),
        ("empty_page@first", Reason.INCOMPLETE),
        ("bad_json@middle", Reason.BAD_RESPONSE),
        ("status:401", Reason.AUTH),
    ],
)
def test_a_listing_that_is_incomplete_or_fails_counts_nothing(fault: str, reason: Reason) -> None:
    """The next one is compared with the last that was complete, as if the one between had never been."""
    with watch() as watched:
        listed = [watched.call_sids()]
        watched.list_calls()
        for _ in range(4):
            watched.wait()
            listed.append(watched.call_sids())
            before = watched.list_calls()
        watched.wait()
        assert watched.fail(fault, reason) == before
        for _ in range(2):
            watched.wait(60)  # refused credentials aren't tried again sooner
            listed.append(watched.call_sids())
            lives = watched.list_calls()
    every = frozenset[str]().union(*listed)
    assert sum(lives.started.values()) == len(every - listed[0])
    assert sum(lives.ended.values()) == len(every - listed[-1] - listed[-2])


def test_calls_that_came_and_went_while_nothing_was_listed_for_long_are_counted() -> None:
    """Whether nobody asked or none was complete; but nobody knows how long they rang and lasted."""
    with watch() as watched:
        first = watched.call_sids()
        watched.list_calls()
        watched.wait()
        before, known = watched.list_calls(), watched.call_sids()
        watched.wait(LONGER_THAN_FIVE_MINUTES / 2)
        assert watched.fail("empty_page@middle", Reason.INCOMPLETE) == before
        watched.wait(LONGER_THAN_FIVE_MINUTES / 2)
        found = watched.call_sids()
        lives = watched.list_calls()
        assert lives.rings == before.rings
        assert sum(lives.started.values()) - sum(before.started.values()) == len(found - known) > 0
        watched.wait()
        last = watched.call_sids()
        lives = watched.list_calls()
    lasted = sum(histogram.buckets[-1].cumulative for histogram in lives.durations.values())
    assert lasted == len(first - known)  # who ended before the gap
    assert sum(lives.ended.values()) == len((first | known) - found - last) > 0
    assert sum(lives.started.values()) - sum(lives.ended.values()) == len(found | last) - len(first)
