"""What a centre tells of itself is what its calls are and did."""

from collections import Counter
from typing import Any

import pytest

from exporter.simulator import Settings
from exporter.simulator.call import Agent, Call
from exporter.simulator.centre import Centre
from exporter.simulator.truth import Counters, Truth, truth_of
from tests.unit.simulator.ask import EPOCH
from tests.unit.simulator.test_call import script


def call(sid: str, **changes: Any) -> Call:
    """A call that was answered as soon as it began, but for some changes of how it goes."""
    made = Call(sid, script(**changes), EPOCH, "+911100000001", "+912200000001")
    made.agent = Agent("agent", "Asha Rao", "sip:agent@voice.example", signed_in=True, calls=[made])
    made.status, made.answered = "in-progress", EPOCH
    return made


def truth(*calls: Call, at: float = 60.0, stream_limit: int = 100) -> Truth:
    """What is true of these a minute after they began."""
    return truth_of(calls, EPOCH + at, Counters(), stream_limit)


def test_legs_are_counted() -> None:
    """By direction, status and network, muted and on hold; calls by how many they have."""
    silent, talk, heard = call("a", legs=1, direction="inbound"), call("b"), call("c", legs=3)
    talk.muted = talk.on_hold = True
    told = truth(silent, talk, heard)
    assert told.legs == {
        ("inbound", "answered", "pstn"): 1,
        ("outbound", "connected", "voip"): 3,
        ("outbound", "connected", "pstn"): 2,
    }
    assert (told.legs_muted, told.legs_on_hold) == (2, 1)  # a supervisor is always muted
    assert told.calls_by_legs == {"1": 1, "2": 1, "3+": 1}


def test_all_are_muted_when_each_is() -> None:
    """Agent and customer, and whoever else is on the line."""
    half, whole, alone = call("a"), call("b", legs=3), call("c", legs=1)
    half.muted = whole.muted = whole.customer_muted = alone.customer_muted = True
    assert truth(half, whole, alone).all_muted == 2


def test_bridges_are_there_or_not() -> None:
    """Missing with one leg, and not only since a moment; calls that ring need none."""
    ringing = call("c")
    ringing.status, ringing.answered = "ringing", None
    calls = call("a"), call("b", legs=1), ringing
    assert truth(*calls, at=4).bridges == {}
    assert truth(*calls).bridges == {"active": 1, "none": 1}


def test_recordings_are_those_under_way() -> None:
    """By channels, from the bridge on; what the list then says otherwise is a mismatch."""
    calls = (
        call("a"),
        call("b", channels="single"),
        call("c", recorder_errs=True),
        call("d", recorded=False, recorder_errs=True),
        call("e", recorded=False),
    )
    before, after = truth(*calls, at=4), truth(*calls)
    assert (before.recordings, before.recording_mismatch) == ({}, 0)
    assert (after.recordings, after.recording_mismatch) == ({"dual": 2, "single": 1}, 2)


def test_voice_bots_have_sessions_while_they_are_allowed() -> None:
    """A call in progress with no agent is one."""
    bots = [call("a"), call("b")]
    for bot in bots:
        bot.agent = None
    assert truth(*bots, call("c")).agent_streams == 2
    assert truth(*bots, stream_limit=1).agent_streams == 1


def test_ended_calls_have_no_legs_bridges_and_recordings() -> None:
    """Though they are listed for a while."""
    ended = call("a")
    ended.status, ended.ended = "completed", EPOCH + 30
    told = truth(ended)
    assert told.calls == {("outbound-api", "completed"): 1}
    assert not told.legs
    assert not told.bridges
    assert not told.recordings
    assert not told.calls_by_legs
    assert told.recording_mismatch == told.agent_streams == 0


def test_it_is_nested_for_json() -> None:
    """Tuples become levels; all figures are there."""
    document = truth(call("b"), call("a")).document()
    assert document["legs"] == {"outbound": {"connected": {"pstn": 2, "voip": 2}}}
    assert document["calls"] == {"outbound-api": {"in-progress": 2}}
    assert document["recordings"] == {"dual": 2}
    assert document["call_sids"] == ["a", "b"]
    assert document["answered_wait_seconds"] == 0.0


@pytest.mark.parametrize("linger", [0.0, 30.0])
def test_what_happened_is_what_calls_did(linger: float) -> None:
    """Watched closely, starts, ends, waits and durations add up to what the centre tells."""
    living = Centre(Settings(epoch=EPOCH, calls=100, linger=linger))
    watched = {one.sid: one for one in living.calls()}
    found = set(watched)
    for second in range(1, 1201):  # no call is shorter than a second
        living.advance(EPOCH + second)
        watched |= {one.sid: one for one in living.calls()}
    told = living.truth()
    ended = [one for one in watched.values() if one.ended is not None]
    answered = [one for one in watched.values() if one.answered is not None and one.answered > EPOCH]
    unanswered = [one for one in ended if one.answered is None]
    started = Counter(one.direction for sid, one in watched.items() if sid not in found)
    assert told.started_by_direction == started
    assert told.ended_by_direction == Counter(one.direction for one in ended)
    assert (told.started, told.ended) == (started.total(), len(ended))
    assert (told.answered, told.unanswered) == (len(answered), len(unanswered))
    waits = [one.answered - one.started for one in answered if one.answered is not None]
    assert told.answered_wait_seconds == pytest.approx(sum(waits))
    given_up = [one.ended - one.started for one in unanswered if one.ended is not None]
    assert told.unanswered_wait_seconds == pytest.approx(sum(given_up))
    talks = [one.ended - one.answered for one in ended if one.answered is not None and one.ended is not None]
    assert told.ended_duration_seconds == pytest.approx(sum(talks))
    assert min(told.answered_wait_seconds, told.unanswered_wait_seconds, told.ended_duration_seconds) > 0


def test_a_truth_does_not_change_afterwards() -> None:
    """What was told stays as it was, while the centre lives on."""
    living = Centre(Settings(epoch=EPOCH, calls=100))
    living.advance(EPOCH + 60)
    told = living.truth()
    before = told.document()
    living.advance(EPOCH + 600)
    assert told.document() == before
