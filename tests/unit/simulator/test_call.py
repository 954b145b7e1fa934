"""Rows and streams of calls have the shapes in the API's documentation."""

import json
from typing import Any

import pytest

from exporter.simulator.call import Agent, Call, Script, timestamp
from tests.unit.simulator.ask import EPOCH

LIST_ROW = """{
"call_sid": "call_active_001",
"direction": "outbound-api",
"status": "in-progress",
"from": "+911234567890",
"to": "+919876543210",
"start_time": "2024-06-15T10:30:00.000Z",
"duration": 120,
"agent_details": {
"user_id": "agent_uuid_001",
"name": "John Agent",
"status": "on-call"
},
"recording_enabled": true
}"""

STREAM = """{
"call_sid": "call_active_001",
"status": "in-progress",
"duration": 180,
"legs": [
{
"leg_sid": "leg_agent_001",
"contact_uri": "+911234567890",
"direction": "outbound",
"status": "connected",
"network_type": "pstn",
"audio_status": {
"muted": false,
"hold": false
}
}
],
"bridge": {
"bridge_sid": "bridge_001",
"status": "active",
"created_at": "2024-06-15T10:30:05.000Z"
},
"recording": {
"enabled": true,
"channels": "dual",
"duration": 175
}
}"""

NOT_RECORDED = {"enabled": False, "channels": None, "duration": 0}


def script(**changes: Any) -> Script:
    """Return the script of the example's call, with some changes."""
    usual: dict[str, Any] = {
        "direction": "outbound-api",
        "queued": 0.0,
        "ringing": 0.0,
        "talking": 600.0,
        "outcome": "completed",
        "needs_agent": True,
        "bridging": 5.0,
        "legs": 2,
        "recorded": True,
        "channels": "dual",
        "recorder_errs": False,
    }
    return Script(**usual | changes)


def answered_call(**changes: Any) -> Call:
    """Return the example's call, answered as soon as it began."""
    call = Call("call_active_001", script(**changes), EPOCH, "+919876543210", "+911234567890")
    call.agent = Agent("agent_uuid_001", "John Agent", "+911234567890", signed_in=True, calls=[call])
    call.status, call.answered = "in-progress", EPOCH
    return call


def legs_of(call: Call, now: float) -> list[tuple[str, str, str]]:
    """Return direction, status and network type of each leg in the stream."""
    legs = call.stream(now)["legs"]
    return [(leg["direction"], leg["status"], leg["network_type"]) for leg in legs]


def test_a_row_equals_the_documented_example() -> None:
    """It has the same fields, in the same order, with the same values."""
    row = answered_call().row(EPOCH + 120)
    assert row.decode() == json.dumps(json.loads(LIST_ROW), separators=(",", ":"))


def test_a_ringing_call_has_no_duration_and_may_have_no_agent() -> None:
    """Its duration is 0, and without an agent agent_details is null."""
    call = Call("call_active_002", script(direction="inbound"), EPOCH, "+919876543211", "+911234567890")
    call.status = "ringing"
    row = json.loads(call.row(EPOCH + 300))
    assert (row["duration"], row["agent_details"]) == (0, None)
    assert (row["from"], row["to"]) == ("+919876543211", "+911234567890")


def test_a_row_reflects_changes_of_its_call() -> None:
    """The duration grows, and a change of the call or of its agent shows."""
    call = answered_call()
    call.row(EPOCH)
    assert json.loads(call.row(EPOCH + 9.9))["duration"] == 9
    call.status, call.ended = "completed", EPOCH + 20
    assert call.agent is not None
    call.agent.wrapping_up = True
    call.agent.changed()
    row = json.loads(call.row(EPOCH + 50))
    assert (row["status"], row["duration"]) == ("completed", 20)
    assert row["agent_details"]["status"] == "after-call-work"


def test_a_stream_has_the_keys_of_the_documented_example() -> None:
    """All keys in the same order at each level; bridge and recording have the same values."""
    example, stream = json.loads(STREAM), answered_call().stream(EPOCH + 180)
    assert list(stream) == list(example)
    assert [list(leg) for leg in stream["legs"]] == [list(example["legs"][0])] * 2
    assert stream["legs"][0]["audio_status"] == example["legs"][0]["audio_status"]
    assert list(stream["bridge"]) == list(example["bridge"])
    assert stream["bridge"]["created_at"] == example["bridge"]["created_at"]
    assert stream["recording"] == example["recording"]
    assert stream["duration"] == example["duration"]


def test_before_the_bridge_nothing_is_recorded() -> None:
    """Between the answer and the bridge there is neither; the recording begins with the bridge."""
    call = answered_call()
    before, after = call.stream(EPOCH + 4), call.stream(EPOCH + 5)
    assert before["bridge"] is None
    assert before["recording"] == NOT_RECORDED
    assert after["bridge"]
    assert after["recording"] == {"enabled": True, "channels": "dual", "duration": 0}


def test_a_call_that_is_never_bridged_is_never_recorded() -> None:
    """Whatever the list says: a single leg can't be bridged."""
    stream = answered_call(legs=1).stream(EPOCH + 300)
    assert stream["bridge"] is None
    assert stream["recording"] == NOT_RECORDED


def test_the_recording_of_an_ended_call_stops() -> None:
    """Its duration is from the bridge to the end."""
    call = answered_call()
    call.status, call.ended = "completed", EPOCH + 20
    assert call.stream(EPOCH + 60)["recording"] == {"enabled": True, "channels": "dual", "duration": 15}


@pytest.mark.parametrize("recorded", [True, False])
def test_a_recorder_can_fail(recorded: bool) -> None:
    """Then the list and the stream contradict each other."""
    call = answered_call(recorded=recorded, recorder_errs=True)
    assert json.loads(call.row(EPOCH + 60))["recording_enabled"] is recorded
    assert call.stream(EPOCH + 60)["recording"]["enabled"] is not recorded


def test_legs_show_who_is_on_the_line() -> None:
    """One for silence, two for a conversation, three with a supervisor; muted and on hold."""
    for legs in (1, 2, 3):
        assert len(answered_call(legs=legs).stream(EPOCH + 60)["legs"]) == legs
    call = answered_call()
    call.muted = call.on_hold = True
    agent, customer = call.stream(EPOCH + 60)["legs"]
    assert agent["audio_status"] == {"muted": True, "hold": False}
    assert customer["audio_status"] == {"muted": False, "hold": True}
    call.customer_muted = True
    assert call.stream(EPOCH + 60)["legs"][1]["audio_status"] == {"muted": True, "hold": True}


def test_legs_show_who_waits_for_whom() -> None:
    """The caller's leg is connected; the other rings, is answered, connected, and completed at the end."""
    call = Call("call_active_003", script(direction="inbound"), EPOCH, "+911100000001", "+912200000001")
    assert legs_of(call, EPOCH + 1) == [("inbound", "connected", "pstn")]
    call.status = "ringing"
    assert legs_of(call, EPOCH + 2) == [("outbound", "ringing", "voip"), ("inbound", "connected", "pstn")]
    call.status, call.answered = "in-progress", EPOCH + 10
    assert {status for _, status, _ in legs_of(call, EPOCH + 12)} == {"answered"}
    assert {status for _, status, _ in legs_of(call, EPOCH + 15)} == {"connected"}
    call.status, call.ended = "completed", EPOCH + 20
    assert {status for _, status, _ in legs_of(call, EPOCH + 25)} == {"completed"}
    outbound = Call("call_active_004", script(), EPOCH, "+911100000001", "+912200000001")
    assert legs_of(outbound, EPOCH + 1) == []
    outbound.status = "ringing"
    assert [status for _, status, _ in legs_of(outbound, EPOCH + 2)] == ["connected", "ringing"]


def test_time_stamps_have_milliseconds_and_a_zone() -> None:
    """As in the API's documentation, whatever the fraction."""
    assert timestamp(EPOCH) == "2024-06-15T10:30:00.000Z"
    assert timestamp(EPOCH + 0.25) == "2024-06-15T10:30:00.250Z"
