"""The gate that collections pass: who begins when, and who is put off. No clock decides: ticks do."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.gate import AT_ONCE, GROWTH, MOST_LAG, QUEUE, STANDING, Echo, Gate, Turn
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.worker_pool import WorkerPool
from tests.clock import StillClock
from tests.waiting import wait_until

LATE = 2 * MOST_LAG


@dataclass
class Visitors:
    """Collections at a gate, by name."""

    gate: Gate
    begun: list[str] = field(default_factory=list)
    put_off: list[str] = field(default_factory=list)
    deadlines: dict[str, Deadline] = field(default_factory=dict)

    def come(self, name: str, last: float = 0.0, *, has_stand_in: bool = True) -> None:
        """Let one want to begin, last collected then."""
        self.deadlines[name] = deadline = Deadline.after(1000)
        begin, put_off = self.begun.append, self.put_off.append
        self.gate.enter(Turn(lambda: begin(name), lambda: put_off(name), deadline, 500, last, has_stand_in))

    def come_all(self, number: int) -> None:
        """Let so many want to begin."""
        for each in range(number):
            self.come(f"{each}")


@pytest.fixture
def visitors(monkeypatch: pytest.MonkeyPatch) -> Visitors:
    """A gate that looks at the processor only when the test does."""
    monkeypatch.setattr(Gate, "_watch", lambda _: None)
    return Visitors(Gate())


def test_a_few_begin_at_once_and_the_next_waits(visitors: Visitors) -> None:
    """Accounts that are collected now and then never notice the gate."""
    visitors.come_all(AT_ONCE + 1)
    assert len(visitors.begun) == AT_ONCE
    load = visitors.gate.load
    assert (load.running, load.waiting, load.begun, load.put_off) == (AT_ONCE, 1, AT_ONCE, 0)


def test_a_processor_that_is_in_time_carries_ever_more(visitors: Visitors) -> None:
    """Hundreds that wait for an API that hangs keep nobody else waiting for long."""
    visitors.come_all(500)
    ticks = 0
    while visitors.gate.tick(0.0):
        ticks += 1
    assert len(visitors.begun) == 500
    assert ticks < 500 / AT_ONCE / 3


def test_while_the_processor_is_late_one_begins_in_a_tick(visitors: Visitors) -> None:
    """However many wait; and as soon as it isn't any more, they go on."""
    visitors.come_all(100)
    for tick in range(1, 6):
        assert visitors.gate.tick(LATE)
        assert len(visitors.begun) == AT_ONCE + tick
    visitors.gate.tick(0.0)
    assert len(visitors.begun) == 2 * AT_ONCE + 5 + (AT_ONCE + 5) // GROWTH


def test_the_few_may_be_under_way_however_late_the_processor_is(visitors: Visitors) -> None:
    """Once they have left, as many may follow."""
    visitors.come_all(10)
    for _ in range(AT_ONCE):
        visitors.gate.leave()
    visitors.gate.tick(LATE)
    assert len(visitors.begun) == 2 * AT_ONCE


def test_whoever_was_collected_longest_ago_goes_first(visitors: Visitors) -> None:
    """Under overload all are equally old; one that was never collected goes before all others."""
    visitors.come_all(AT_ONCE)
    for name, last in (("young", 30.0), ("old", 10.0), ("never", float("-inf")), ("older", 5.0)):
        visitors.come(name, last)
    while visitors.gate.tick(LATE):
        pass
    assert visitors.begun[AT_ONCE:] == ["never", "older", "old", "young"]


def test_whoever_has_waited_for_too_long_is_put_off_and_never_begins(visitors: Visitors) -> None:
    """Told at the next tick, whatever the processor is like; a deadline may also be ended early."""
    visitors.come_all(AT_ONCE + 3)
    visitors.deadlines[f"{AT_ONCE}"].end()
    visitors.gate.tick(LATE)
    assert visitors.put_off == [f"{AT_ONCE}"]
    while visitors.gate.tick(0.0):
        pass
    assert f"{AT_ONCE}" not in visitors.begun
    assert visitors.gate.load.put_off == 1


def test_where_somebody_always_waits_few_do_and_the_others_are_put_off_at_once(
    visitors: Visitors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those whose snapshots are the youngest, but none without one; a burst, for all accounts, isn't that."""
    clock = _Clock()
    monkeypatch.setattr("exporter.collect.gate.time", clock)
    visitors.come_all(AT_ONCE)
    for number in range(2 * QUEUE):
        visitors.come(f"burst {number}", last=float(number))
    assert not visitors.put_off
    clock.forward(STANDING)
    visitors.come("first time", last=float("-inf"), has_stand_in=False)
    visitors.gate.tick(LATE)
    assert set(visitors.put_off) == {f"burst {number}" for number in range(QUEUE - 1, 2 * QUEUE)}
    assert visitors.begun[-1] == "first time"
    visitors.come("young", last=1e6)
    visitors.come("youngest", last=1e7)
    visitors.come("snapshot too old", last=1e8, has_stand_in=False)
    assert visitors.put_off[-1] == "youngest"
    assert visitors.gate.load.waiting == QUEUE + 1
    while visitors.gate.tick(0.0):
        pass
    visitors.put_off.clear()
    for number in range(2 * QUEUE):
        visitors.come(f"next burst {number}")
    assert not visitors.put_off


def test_after_an_overload_nothing_is_left_of_it(visitors: Visitors) -> None:
    """As soon as nobody waits and all have left, the next few begin at once."""
    visitors.come_all(50)
    for deadline in visitors.deadlines.values():
        deadline.end()
    assert not visitors.gate.tick(LATE)
    for _ in visitors.begun:
        visitors.gate.leave()
    visitors.begun.clear()
    visitors.come_all(AT_ONCE)
    assert len(visitors.begun) == AT_ONCE


@given(st.lists(st.sampled_from(["come", "leave", "tick", "late", "end"]), max_size=60))
def test_everybody_either_begins_or_is_put_off_once(steps: list[str]) -> None:
    """Whatever happens in whichever order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gate, "_watch", lambda _: None)
        visitors = Visitors(Gate())
        for number, step in enumerate(steps):
            if step == "come":
                visitors.come(f"{number}")
            elif step == "leave" and visitors.gate.load.running:
                visitors.gate.leave()
            elif step == "end":
                for deadline in visitors.deadlines.values():
                    deadline.end()
            else:
                visitors.gate.tick(LATE if step == "late" else 0.0)
        while visitors.gate.tick(0.0):
            pass
    assert sorted(visitors.begun + visitors.put_off) == sorted(visitors.deadlines)
    load = visitors.gate.load
    assert (load.begun, load.put_off) == (len(visitors.begun), len(visitors.put_off))


def test_the_gate_watches_by_itself_while_somebody_waits() -> None:
    """All that wait begin without another word."""
    visitors = Visitors(Gate())
    visitors.come_all(10 * AT_ONCE)
    wait_until(lambda: len(visitors.begun) == 10 * AT_ONCE, "that all have begun")


def test_whatever_ends_a_watch_the_next_one_who_comes_begins_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or nobody's turn would ever come again."""
    tick, failures = Gate.tick, [MemoryError]

    def fails_once(gate: Gate, lag: float) -> bool:
        if failures:
            raise failures.pop()
        return tick(gate, lag)

    monkeypatch.setattr(Gate, "tick", fails_once)
    visitors = Visitors(Gate())
    visitors.come_all(2 * AT_ONCE)
    wait_until(lambda: not failures, "the failure")
    wait_until(lambda: not visitors.gate._is_watched, "the end of the watch")
    visitors.come("next")
    wait_until(lambda: len(visitors.begun) == 2 * AT_ONCE + 1, "that all have begun")


def test_without_a_thread_to_watch_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """They begin, and find out for themselves what there is no more of."""

    def refuse(*_: object) -> None:
        raise ApiError(Reason.RESOURCES, "no thread")

    monkeypatch.setattr(WorkerPool, "submit", refuse)
    visitors = Visitors(Gate())
    visitors.come_all(3 * AT_ONCE)
    assert len(visitors.begun) == 3 * AT_ONCE


class _Clock(StillClock):
    """Sleeps at once."""

    def sleep(self, seconds: float) -> None:
        """Pass time."""
        self.forward(seconds)


def lags(monkeypatch: pytest.MonkeyPatch, echo: Echo) -> list[float]:
    """Return how late a gate takes the processor to be, in three ticks, by an echo of answers."""
    found: list[float] = []
    clock, gate = _Clock(), Gate()

    def tick(_: Gate, lag: float) -> bool:
        found.append(lag)
        return len(found) < 3

    monkeypatch.setattr("exporter.collect.gate.time", clock)
    monkeypatch.setattr(Gate, "tick", tick)
    gate.listen(echo)
    gate._watch()
    return found


def test_collections_wait_while_answers_are_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has not come yet is as late as that, whatever the gate's own thread sees."""
    first, second, third = lags(monkeypatch, lambda _: None)
    assert first < second < third
    assert third > MOST_LAG


def test_answers_that_come_at_once_keep_no_collection_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is called for anew."""
    assert lags(monkeypatch, lambda heard: heard()) == [pytest.approx(0)] * 3
