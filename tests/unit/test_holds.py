"""How long somebody has been on hold: what is told of it, and which calls are inspected to know it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, islice
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect import streams as streams_collector
from exporter.collect.counters import Counters
from exporter.collect.holds import LONGEST_UNSEEN
from exporter.collect.streams import StreamsCollector
from exporter.config import StreamsConfig
from exporter.exotel.client import Client
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import CallStatus
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.models import Call, Leg, Stream
from tests.clock import StillClock
from tests.rows import call

MAX_AGE = 60.0
NEW, LONG = 0.0, 1200.0
"""Seconds for which a call has lasted when it is first listed."""


def legs(on_hold: Sequence[bool | None]) -> Stream:
    """Return the details of a call in progress, whose legs say whether they are on hold."""
    found = tuple(Leg(None, None, None, muted=False, on_hold=each) for each in on_hold)
    return Stream(CallStatus.IN_PROGRESS, None, found, None, None)


TALKING, HELD, SILENT = legs([False, False]), legs([False, True]), legs([False, None])
FAILED, GONE = ApiError(Reason.SERVER_ERROR, "an error"), ApiError(Reason.NOT_FOUND, "no such call")


@dataclass
class Watching:
    """A collector of streams, the calls that are listed to it, and what is answered of each."""

    clock: StillClock
    max_age: float = MAX_AGE
    answers: dict[str, Stream | ApiError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    leaves_time_for: int | None = None

    def __post_init__(self) -> None:
        config = StreamsConfig(max_per_scrape=1000, max_age=self.max_age)
        self._collector = StreamsCollector(config, cast(Client, self), Counters("acme"))

    def streams(
        self, call_sids: Iterable[str], _deadline: Deadline
    ) -> Generator[tuple[str, Stream | ApiError], None, None]:
        """Answer as the client does; a call that nothing is said of is talking."""
        for call_sid in islice(call_sids, self.leaves_time_for):
            self.asked.append(call_sid)
            yield call_sid, self.answers.get(call_sid, TALKING)

    def look(self, calls: Iterable[Call], most: int = 1000) -> float | None:
        """Collect, with so many inspections; return the longest hold that is told then."""
        self.asked.clear()
        listed = {each.call_sid: each for each in calls}
        tally, _ = self._collector.collect(listed, most, Deadline.after(1))
        return tally.longest_hold

    def after(self, seconds: float, calls: Iterable[Call], most: int = 1000) -> float | None:
        """Collect some time later."""
        self.clock.forward(seconds)
        return self.look(calls, most)


@contextmanager
def watching(max_age: float = MAX_AGE) -> Iterator[Watching]:
    """Return a collector whose clock stands still unless it is moved."""
    clock = StillClock()
    clock.forward(1_000_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams_collector, "time", clock)
        yield Watching(clock, max_age)


def talk(call_sid: str = "a", duration: float | None = NEW, status: str | None = "in-progress") -> Call:
    """Return a call, in progress unless it is said otherwise."""
    return call(call_sid, "inbound", status, duration)


# What is told


def test_a_hold_is_told_from_the_first_inspection_that_saw_it_to_the_last() -> None:
    """However long it lasts, and although it began before."""
    with watching() as watched:
        watched.answers["a"] = HELD
        told = [watched.after(40, [talk()]) for _ in range(4)]
        watched.clock.forward(10)
        assert told == [0, 40, 80, 120]
        assert watched.look([talk()], most=0) == 120


def test_the_longest_of_several_holds_is_told() -> None:
    """Not the last, and not their sum."""
    with watching() as watched:
        watched.answers["a"] = HELD
        watched.look([talk("a"), talk("b")])
        watched.answers["b"] = HELD
        assert watched.after(40, [talk("a"), talk("b")]) == 40
        assert watched.after(40, [talk("a"), talk("b")]) == 80


def test_a_hold_ends_with_the_inspection_that_sees_none() -> None:
    """And one that follows begins anew."""
    with watching() as watched:
        told = []
        for answer in (HELD, HELD, TALKING, HELD, HELD):
            watched.answers["a"] = answer
            told.append(watched.after(40, [talk()]))
        assert told == [0, 40, 0, 0, 40]


@pytest.mark.parametrize("answer", [FAILED, SILENT, legs([None]), Stream(None, None, None, None, None)])
def test_an_inspection_that_does_not_tell_ends_no_hold(answer: Stream | ApiError) -> None:
    """Whether it fails, or its answer doesn't say whether somebody is on hold."""
    with watching() as watched:
        told = []
        for each in (HELD, HELD, answer, HELD):
            watched.answers["a"] = each
            told.append(watched.after(40, [talk()]))
        assert told == [0, 40, 40, 120]


def test_a_hold_that_was_not_seen_for_max_age_is_unknown_rather_than_over() -> None:
    """Where it may be a long one; as soon as it is seen again, it has lasted all the while."""
    with watching() as watched:
        watched.answers["a"] = HELD
        watched.look([talk()])
        for _ in range(9):
            watched.after(40, [talk()])
        assert watched.after(59, [talk()], most=0) == 360
        assert watched.after(2, [talk()], most=0) is None
        assert watched.after(600, [talk()]) == 1021


@pytest.mark.parametrize("status", ["ringing", "on-hold", None])
def test_a_hold_is_forgotten_when_the_call_is_listed_with_another_status(status: str | None) -> None:
    """What was seen of it isn't true of it any more, also when the status is soon the same again."""
    with watching() as watched:
        watched.answers["a"] = HELD
        watched.look([talk()])
        assert watched.after(40, [talk()]) == 40
        assert watched.after(1, [talk(status=status)], most=0) == 0
        assert watched.after(40, [talk()]) == 0
        assert watched.after(40, [talk()]) == 40


def test_a_hold_is_forgotten_with_its_call() -> None:
    """The next listing tells no more of it."""
    with watching() as watched:
        watched.answers["a"] = HELD
        watched.look([talk("a"), talk("b")])
        assert watched.after(400, [talk("a"), talk("b")]) == 400
        assert watched.after(15, [talk("b")], most=0) == 0
        assert watched.after(15, [talk("a", LONG), talk("b")]) == 0


def test_the_hold_of_a_call_that_is_not_found_is_over_unless_it_is_seen_again() -> None:
    """The list may still have a call that has ended; and a server that lost a call may find it again."""
    with watching() as watched:
        watched.answers["a"] = HELD
        watched.look([talk("a"), talk("b")])
        assert watched.after(400, [talk("a"), talk("b")]) == 400
        watched.answers["a"] = GONE
        assert watched.after(40, [talk("a"), talk("b")]) == 0
        watched.answers["a"] = HELD
        assert watched.after(40, [talk("a"), talk("b")]) == 480


# What is unknown


def test_after_the_start_it_is_unknown_until_the_calls_that_are_long_were_inspected() -> None:
    """They come first; calls that began a moment ago can't have been on hold for long."""
    calls = [
        *(talk(f"new{number}", NEW) for number in range(40)),
        talk("long", LONG),
        talk("longer", 2 * LONG),
    ]
    with watching() as watched:
        assert watched.look(calls, most=0) is None
        assert watched.look(calls, most=2) is None
        assert watched.look(calls, most=2) == 0
        assert "longer" in watched.asked or "long" in watched.asked


def test_calls_without_a_duration_are_unknown_until_each_was_inspected() -> None:
    """When the exporter starts; later a call is no older than the listing that hadn't got it."""
    calls = [talk(name, None) for name in "abc"]
    with watching() as watched:
        assert [watched.look(calls, most=1) for _ in range(3)] == [None, None, 0]
        calls.append(talk("d", None))
        assert [watched.after(seconds, calls, most=0) for seconds in (40, 250, 20)] == [0, 0, None]


def test_a_single_call_that_is_not_inspected_makes_the_longest_hold_unknown() -> None:
    """Because it can't be inspected, perhaps: it may be the one on hold."""
    with watching() as watched:
        watched.answers["b"] = FAILED
        told = [watched.after(100, [talk("a"), talk("b")]) for _ in range(5)]
        assert told == [0, 0, 0, 0, None]


def test_details_that_do_not_say_who_is_on_hold_leave_it_unknown() -> None:
    """They say nothing at all of holds, so 0 would be a guess."""
    with watching() as watched:
        watched.answers["a"] = SILENT
        assert watched.look([talk("a", LONG)]) is None


def test_a_long_hold_that_was_seen_is_told_whatever_was_not_inspected() -> None:
    """It is a lower bound; a shorter one is no figure, since others may have waited for longer."""
    with watching() as watched:
        watched.answers |= {"a": HELD, "b": FAILED}
        calls = [talk("a"), talk("b", LONG)]
        told = [watched.after(100, calls) for _ in range(5)]
        assert told == [None, None, None, 300, 400]


def test_a_hold_that_may_have_begun_long_before_it_was_seen_is_unknown_until_it_is_long() -> None:
    """After a restart, say: it isn't told as one that has just begun."""
    with watching() as watched:
        watched.answers["a"] = HELD
        told = [watched.after(100, [talk("a", LONG)]) for _ in range(4)]
        assert told == [None, None, None, 300]


@pytest.mark.parametrize("status", ["queued", "ringing"])
def test_calls_that_wait_to_be_answered_need_not_be_inspected(status: str) -> None:
    """Nobody has put them on hold."""
    with watching() as watched:
        assert watched.look([talk("a", LONG, status)], most=0) == 0
        assert watched.look([talk("a", LONG, "completed")], most=0) == 0


def test_without_calls_nobody_is_on_hold() -> None:
    """That is known."""
    with watching() as watched:
        assert watched.look([]) == 0


# Which calls are inspected


def test_calls_on_hold_are_inspected_again_before_their_details_expire() -> None:
    """Also where others wait for longer; the longest hold first."""
    calls = [talk(f"c{number}") for number in range(200)]
    with watching() as watched:
        watched.look(calls, most=8)
        watched.answers |= {"c1": HELD}
        watched.look([talk("c1"), *calls[100:]], most=100)
        watched.answers |= {"c2": HELD}
        seen = []
        for _ in range(6):
            watched.after(15, [*calls[:2], *calls[100:]], most=8)
            seen.append("c1" in watched.asked)
        assert any(seen[:2])
        assert any(seen[2:4])
        assert any(seen[4:])


def test_many_holds_keep_no_other_call_waiting() -> None:
    """Of all calls on hold a quarter of the inspections follows the longest; the others go round."""
    calls = [talk(f"c{number}") for number in range(100)]
    with watching() as watched:
        watched.answers = {each.call_sid: HELD for each in calls}
        for _ in range(10):
            watched.after(15, calls, most=20)
        asked: set[str] = set()
        for _ in range(7):
            watched.after(30, calls, most=20)
            assert "c0" in watched.asked
            asked.update(watched.asked)
        assert len(asked) == 100
        watched.after(30, [*calls, *(talk(f"new{number}") for number in range(5))], most=20)
        assert sum(each.startswith("new") for each in watched.asked) == 5


@given(st.integers(1, 20), st.integers(1, 9), st.integers(0, 9), st.sampled_from([TALKING, HELD, FAILED]))
def test_each_call_has_its_turn_however_many_come(
    calls: int, most: int, new: int, answer: Stream | ApiError
) -> None:
    """A call is inspected again after about twice as many inspections as there are calls that stay."""
    stay, numbers = [talk(f"stay{number}") for number in range(calls)], count()
    with watching() as watched:
        watched.answers = {each.call_sid: answer for each in stay}
        rounds = -(-(2 * calls + 2 * most) // most) + 1
        watched.look(stay)
        for _ in range(3):
            asked: set[str] = set()
            for _ in range(rounds):
                watched.after(15, [*(talk(f"new{next(numbers)}") for _ in range(new)), *stay], most)
                asked.update(watched.asked)
            assert asked >= {each.call_sid for each in stay}


def test_inspections_that_are_cut_short_still_take_turns() -> None:
    """Of many that might be made, time is left for one: that isn't always for a new call."""
    stay, numbers = [talk(f"stay{number}") for number in range(5)], count()
    with watching() as watched:
        watched.look(stay)
        watched.leaves_time_for = 1
        asked: set[str] = set()
        for _ in range(12):
            watched.after(15, [*stay, *(talk(f"new{next(numbers)}") for _ in range(3))])
            asked.update(watched.asked)
        assert asked >= {each.call_sid for each in stay}
        assert any(each.startswith("new") for each in asked)


# What is always true


@dataclass(frozen=True)
class Step:
    """A collection: after how long, how many inspections it has, and how each call then is."""

    seconds: float
    most: int
    states: Sequence[str | None]
    """"on hold", "talking", "ringing", or None where it isn't listed."""
    answers: Sequence[Stream | ApiError | None]
    """In place of the true one."""


STATES = st.sampled_from(["on hold", "on hold", "on hold", "talking", "ringing", None])
STEPS = st.lists(
    st.builds(
        Step,
        seconds=st.sampled_from([1.0, 15.0, 15.0, 60.0, 200.0]),
        most=st.integers(0, 4),
        states=st.tuples(*[STATES] * 4),
        answers=st.tuples(*[st.sampled_from([None, None, None, FAILED, SILENT])] * 4),
    ),
    min_size=3,
    max_size=25,
)


@given(STEPS, st.sampled_from([5.0, 60.0, 120.0]), st.booleans())
def test_what_is_told_is_no_more_than_was_seen_and_not_much_less_than_is_true(
    steps: Sequence[Step], max_age: float, tells_duration: bool
) -> None:
    """Less than five minutes are told only where the truth is no more than five minutes longer."""
    began: dict[str, float] = {}
    held_since: dict[str, float] = {}
    seen: dict[str, list[float]] = {}
    with watching(max_age) as watched:
        for step in steps:
            watched.clock.forward(step.seconds)
            now, calls = watched.clock.monotonic(), []
            states = {f"c{number}": state for number, state in enumerate(step.states)}
            for call_sid, state in states.items():
                if state in {
                    None,
                    "ringing",
                }:  # a call is answered, or put on hold, at the earliest after this
                    began.pop(call_sid, None)
                    seen.pop(call_sid, None)
                if state != "on hold":
                    held_since.pop(call_sid, None)
                    watched.answers[call_sid] = TALKING
                else:
                    began.setdefault(call_sid, now - step.seconds)
                    held_since.setdefault(call_sid, now - step.seconds)
                    watched.answers[call_sid] = HELD
                if state:
                    duration = now - began.setdefault(call_sid, now) if tells_duration else None
                    calls.append(talk(call_sid, duration, "ringing" if state == "ringing" else "in-progress"))
            for (call_sid, _), answer in zip(states.items(), step.answers, strict=True):
                if answer is not None:
                    watched.answers[call_sid] = answer
            told = watched.look(calls, step.most)
            _note(watched, seen, now)
            lengths = [at[-1] - at[0] for at in seen.values() if at[-1] > now - max_age]
            true = max((now - since for since in held_since.values()), default=0.0)
            if told is None:
                assert max(lengths, default=0.0) < LONGEST_UNSEEN
            else:
                assert told == max(lengths, default=0.0)
                assert told >= LONGEST_UNSEEN or true <= told + LONGEST_UNSEEN


def _note(watched: Watching, seen: dict[str, list[float]], now: float) -> None:
    """Note when inspections saw a call on hold, since the last that saw otherwise."""
    for call_sid in watched.asked:
        if watched.answers[call_sid] is HELD:
            seen.setdefault(call_sid, []).append(now)
        elif watched.answers[call_sid] is TALKING:
            seen.pop(call_sid, None)
