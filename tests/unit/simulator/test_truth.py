"""The ground truth of a contact centre agrees with its calls."""

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
    """Return a call that was answered as soon as it began; `changes` are of its script."""
    made = Call(sid, script(**changes), EPOCH, "+911100000001", "+912200000001")
    made.agent = Agent("agent", "Asha Rao", "sip:agent@voice.example", signed_in=True, calls=[made])
    made.status, made.answered = "in-progress", EPOCH
    return made


def truth(*calls: Call, at: float = 60.0, stream_limit: int = 100) -> Truth:
    """Return the truth about these calls, a minute after they began by default."""
    return truth_of(calls, EPOCH + at, Counters(), stream_limit)


def test_legs_are_counted() -> None:
    """By direction, status and network type, muted and on hold; and calls by number of legs."""
    silent, talk, heard = call("a", legs=1, direction="inbound"), call("b"), call("c", legs=3)
    talk.muted = talk.on_hold = True
    found = truth(silent, talk, heard)
    assert found.legs == {
        ("inbound", "answered", "pstn"): 1,
        ("outbound", "connected", "voip"): 3,
        ("outbound", "connected", "pstn"): 2,
    }
    assert (found.legs_muted, found.legs_on_hold) == (2, 1)  # a supervisor is always muted
    assert found.calls_by_legs == {"1": 1, "2": 1, "3+": 1}


def test_a_call_is_all_muted_if_each_leg_is() -> None:
    """The agent's, the customer's, and a supervisor's."""
    half, whole, alone = call("a"), call("b", legs=3), call("c", legs=1)
    half.muted = whole.muted = whole.customer_muted = alone.customer_muted = True
    assert truth(half, whole, alone).all_muted == 2


def test_bridges_are_counted_as_active_or_missing() -> None:
    """Missing if a settled call has one leg; ringing calls need none."""
    ringing = call("c")
    ringing.status, ringing.answered = "ringing", None
    calls = call("a"), call("b", legs=1), ringing
    assert truth(*calls, at=4).bridges == {}
    assert truth(*calls).bridges == {"active": 1, "none": 1}


def test_only_recordings_in_progress_are_counted() -> None:
    """By channels, from the bridge on; if the list then disagrees, that is a mismatch."""
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


def test_voice_bots_have_sessions_up_to_the_limit() -> None:
    """A call in progress with no agent has one."""
    bots = [call("a"), call("b")]
    for bot in bots:
        bot.agent = None
    assert truth(*bots, call("c")).agent_streams == 2
    assert truth(*bots, stream_limit=1).agent_streams == 1


def test_ended_calls_have_no_legs_bridges_or_recordings() -> None:
    """Even while they are listed."""
    ended = call("a")
    ended.status, ended.ended = "completed", EPOCH + 30
    found = truth(ended)
    assert found.calls == {("outbound-api", "completed"): 1}
    assert not found.legs
    assert not found.bridges
    assert not found.recordings
    assert not found.calls_by_legs
    assert found.recording_mismatch == found.agent_streams == 0


def test_the_truth_is_nested_for_json() -> None:
    """Keys that are tuples become nested objects."""
    document = truth(call("b"), call("a")).document()
    assert document["legs"] == {"outbound": {"connected": {"pstn": 2, "voip": 2}}}
    assert document["calls"] == {"outbound-api": {"in-progress": 2}}
    assert document["recordings"] == {"dual": 2}
    assert document["call_sids"] == ["a", "b"]
    assert document["answered_wait_seconds"] == 0.0


@pytest.mark.parametrize("linger", [0.0, 30.0])
def test_counters_agree_with_what_calls_did(linger: float) -> None:
    """Observed every second, starts, ends, waits and durations add up to the counters."""
    living = Centre(Settings(epoch=EPOCH, calls=100, linger=linger))
    watched = {one.sid: one for one in living.calls()}
    first = set(watched)
    for second in range(1, 1201):  # no call is shorter than a second
        living.advance(EPOCH + second)
        watched |= {one.sid: one for one in living.calls()}
    found = living.truth()
    ended = [one for one in watched.values() if one.ended is not None]
    answered = [one for one in watched.values() if one.answered is not None and one.answered > EPOCH]
    unanswered = [one for one in ended if one.answered is None]
    started = Counter(one.direction for sid, one in watched.items() if sid not in first)
    assert found.started_by_direction == started
    assert found.ended_by_direction == Counter(one.direction for one in ended)
    assert (found.started, found.ended) == (started.total(), len(ended))
    assert (found.answered, found.unanswered) == (len(answered), len(unanswered))
    waits = [one.answered - one.started for one in answered if one.answered is not None]
    assert found.answered_wait_seconds == pytest.approx(sum(waits))
    abandoned = [one.ended - one.started for one in unanswered if one.ended is not None]
    assert found.unanswered_wait_seconds == pytest.approx(sum(abandoned))
    talks = [one.ended - one.answered for one in ended if one.answered is not None and one.ended is not None]
    assert found.ended_duration_seconds == pytest.approx(sum(talks))
    assert min(found.answered_wait_seconds, found.unanswered_wait_seconds, found.ended_duration_seconds) > 0


def test_a_truth_is_immutable() -> None:
    """It stays the same while the contact centre goes on."""
    living = Centre(Settings(epoch=EPOCH, calls=100))
    living.advance(EPOCH + 60)
    found = living.truth()
    before = found.document()
    living.advance(EPOCH + 600)
    assert found.document() == before
