"""A contact centre follows its rules, and is reproducible."""

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from exporter.simulator import EXOPHONES, Settings
from exporter.simulator.centre import Centre
from exporter.simulator.settings import FLAT_DAY
from exporter.simulator.traffic import load
from tests.unit.simulator.ask import EPOCH

FICTIONAL = r"\+91(11|22|33|44)0\d{7}"
ENDED = {"completed", "failed", "busy", "no-answer", "canceled"}


def centre(**changes: Any) -> Centre:
    """Return a contact centre of 200 calls, with some changes."""
    return Centre(replace(Settings(epoch=EPOCH, calls=200), **changes))


def rows(of: Centre) -> list[bytes]:
    """Return all rows of its list."""
    return [call.row(of.now) for call in of.calls()]


def test_the_same_seed_gives_the_same_centre() -> None:
    """At the start and hours later, to the byte; another seed gives another."""
    one, same, other = centre(seed=7), centre(seed=7), centre(seed=8)
    assert rows(one) == rows(same) != rows(other)
    for each in (one, same):
        each.advance(EPOCH + 7200)
    assert rows(one) == rows(same)


def test_the_steps_in_which_time_passes_do_not_matter() -> None:
    """An hour at once or second by second gives the same calls."""
    at_once, in_steps = centre(), centre()
    at_once.advance(EPOCH + 3600)
    for second in range(3601):
        in_steps.advance(EPOCH + second)
    assert rows(at_once) == rows(in_steps)
    assert at_once.truth() == in_steps.truth()


@pytest.mark.parametrize("calls", [0, 1, 20, 1000])
def test_it_starts_with_exactly_the_calls_asked_for(calls: int) -> None:
    """Whatever the number, and in all states if there are many."""
    truth = centre(calls=calls).truth()
    assert truth.total == len(truth.call_sids) == calls
    if calls == 1000:
        assert {status for _, status in truth.calls} == {"queued", "ringing", "in-progress"}
        assert {direction for direction, _ in truth.calls} == {"inbound", "outbound-api", "outbound-dial"}


def test_it_starts_in_the_steady_state() -> None:
    """With constant load, the number of calls stays about the same."""
    steady = centre(calls=1000, agents=2000, day=FLAT_DAY)
    for minute in range(1, 61):
        steady.advance(EPOCH + 60 * minute)
        assert 850 < steady.truth().total < 1150


def test_load_follows_the_day() -> None:
    """From a busy hour through the night and back."""
    day = centre(calls=300, start_hour=11.0)
    totals = []
    for hour in range(25):
        day.advance(EPOCH + 3600 * hour)
        totals.append(day.truth().total)
    assert max(totals[14:18]) < 60  # one to five in the morning
    assert totals[24] > 200


def test_the_load_is_interpolated_between_hours_and_repeats_daily() -> None:
    """Halfway between two hours it is halfway between their loads; 23:30 leads to midnight."""
    day = (0.0,) * 23 + (1.0,)
    assert [load(day, hour) for hour in (22, 22.5, 23, 23.5, 24, 47)] == [0, 0.5, 1, 0.5, 0, 1]


def test_calls_are_neither_lost_nor_invented() -> None:
    """Started minus ended is the change; a call only moves from queued to ringing to in-progress."""
    living = centre(calls=100)
    stages = {"queued": 0, "ringing": 1, "in-progress": 2}
    before = {call.sid: call.status for call in living.calls()}
    for second in range(1, 1201):
        living.advance(EPOCH + second)
        now = {call.sid: call.status for call in living.calls()}
        for sid in before.keys() & now.keys():
            assert stages[before[sid]] <= stages[now[sid]]
        assert living.counters.started.total() - living.counters.ended.total() == len(now) - 100
        before = now
    assert living.counters.answered > 100


def test_an_agent_has_one_call_unless_second_calls_are_set() -> None:
    """Ringing or in progress; with second calls some agents have several."""
    for share in (0.0, 0.2):
        busy = centre(agents=150, second_calls=share)
        several = []
        for minute in range(1, 61):
            busy.advance(EPOCH + 60 * minute)
            agents = Counter(call.agent for call in busy.calls() if call.agent)
            several.append(sum(count > 1 for count in agents.values()))
            assert several[-1] == busy.truth().agents_with_several_calls
        assert any(several) == bool(share)


def test_without_agents_callers_wait_and_abandon() -> None:
    """Calls that need an agent never leave the queue; those for a voice bot do."""
    empty = centre(agents=0)
    empty.advance(EPOCH + 1800)
    truth = empty.truth()
    assert not truth.agents
    assert truth.calls[("inbound", "queued")] > 0
    assert truth.calls[("inbound", "ringing")] == truth.calls[("inbound", "in-progress")] == 0
    assert truth.calls[("outbound-api", "in-progress")] == empty.voice_bots > 0


@pytest.mark.parametrize("linger", [0.0, 120.0])
def test_calls_beyond_the_limit_are_refused(linger: float) -> None:
    """Those that have ended take no place, even while they are listed; a refused call is never listed."""
    tight, free = centre(call_limit=150, linger=linger, day=FLAT_DAY), centre(day=FLAT_DAY)
    seen = set[str]()
    for minute in range(120):
        tight.advance(EPOCH + 60 * minute)
        truth = tight.truth()
        assert sum(calls for (_, status), calls in truth.calls.items() if status not in ENDED) <= 150
        seen |= truth.call_sids
    free.advance(tight.now)
    arrived, would_have = truth.started + truth.refused, free.truth()
    assert 0.15 < truth.refused / arrived < 0.35
    assert arrived == pytest.approx(would_have.started, rel=0.1)
    assert len(seen) <= 150 + truth.started
    assert would_have.refused == 0


def test_ended_calls_linger_for_as_long_as_set() -> None:
    """With their final status and duration; then they are gone."""
    lingering = centre(linger=30.0)
    seen: dict[str, float] = {}
    statuses = set()
    for second in range(1, 601):
        lingering.advance(EPOCH + second)
        for call in lingering.calls():
            assert (call.status in ENDED) == (call.ended is not None)
            if call.ended is not None:
                assert lingering.now - call.ended <= 30
                assert seen.setdefault(call.sid, call.duration(lingering.now)) == call.duration(lingering.now)
                statuses.add(call.status)
    assert statuses == ENDED


def test_calls_are_listed_oldest_first() -> None:
    """All of them, and those of each direction; filters lose none."""
    living = centre()
    living.advance(EPOCH + 900)
    starts = [call.started for call in living.calls()]
    assert starts == sorted(starts)
    inbound, outbound = living.calls("inbound"), living.calls("outbound")
    assert sorted([*inbound, *outbound], key=lambda call: call.started) == living.calls()
    assert {call.direction for call in inbound} == {"inbound"}


def test_calls_are_held_muted_recorded_and_bridged() -> None:
    """Some but not all of them, after a while."""
    living = centre(calls=1000)
    living.advance(EPOCH + 300)
    talking = [call for call in living.calls() if call.status == "in-progress"]
    for some in (
        [call.on_hold for call in talking],
        [call.muted for call in talking],
        [call.customer_muted for call in talking],
        [call.script.recorded for call in talking],
        [call.bridged(living.now) is not None for call in talking],
        [call.recording(living.now) is not None for call in talking],
        [call.script.recorded for call in talking if call.script.recorder_errs],
    ):
        assert set(some) == {True, False}


def test_all_numbers_are_fictional() -> None:
    """No number can be assigned: a 0 follows the area code (11, 22, 33 or 44, which no mobile has)."""
    for call in centre().calls():
        assert re.fullmatch(FICTIONAL, call.customer)
        assert call.exophone in EXOPHONES
        if call.agent and not call.agent.contact_uri.startswith("sip:"):
            assert re.fullmatch(FICTIONAL, call.agent.contact_uri)
    assert all(re.fullmatch(FICTIONAL, number) for number in EXOPHONES)


def test_thirty_thousand_calls_fit() -> None:
    """A large contact centre has all its calls, and time passes in it; the bench runs larger ones."""
    large = centre(calls=30_000)
    large.advance(EPOCH + 1)
    assert abs(large.truth().total - 30_000) < 600
