"""How the details of a call, and the AgentStream sessions, are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from exporter.exotel.decode import read_agent_streams, read_stream
from exporter.exotel.enums import BridgeStatus, CallStatus, Channels, LegDirection, LegStatus, NetworkType
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.models import AgentStreams, Bridge, Leg, Recording, Stream
from exporter.simulator.malformed import MALFORMED_STREAMS, changed
from tests.rows import JSON, STREAM, TEXT
from tests.unit.test_decode import FAILURES, v1_error, v3_error

_T = TypeVar("_T")

SID, PHONE = "call_active_001", "+919876543210"

LEG: dict[str, Any] = {
    "leg_sid": "leg_agent_001",
    "contact_uri": PHONE,
    "direction": "outbound",
    "status": "connected",
    "network_type": "pstn",
    "audio_status": {"muted": False, "hold": False},
}
STREAM_OF_THE_PAGE: dict[str, Any] = {
    "call_sid": SID,
    "status": "in-progress",
    "duration": 180,
    "legs": [LEG, {**LEG, "leg_sid": "leg_customer_001"}],
    "bridge": {"bridge_sid": "bridge_001", "status": "active", "created_at": "2024-06-15T10:30:05.000Z"},
    "recording": {"enabled": True, "channels": "dual", "duration": 175},
}
READ_LEG = Leg(LegDirection.OUTBOUND, LegStatus.CONNECTED, NetworkType.PSTN, muted=False, on_hold=False)
READ = Stream(
    status=CallStatus.IN_PROGRESS,
    duration=180.0,
    legs=(READ_LEG, READ_LEG),
    bridge=Bridge(BridgeStatus.ACTIVE, "2024-06-15T10:30:05.000Z"),
    recording=Recording(enabled=True, channels=Channels.DUAL, duration=175.0),
)
NOTHING = Leg(None, None, None, muted=None, on_hold=None)
OTHER = Leg(LegDirection.OTHER, LegStatus.OTHER, NetworkType.OTHER, muted=None, on_hold=None)


def body(stream: object) -> bytes:
    """An answer in the shape of the API's page."""
    return json.dumps({"request_id": "req_1", "http_code": 200, "response": {"stream": stream}}).encode()


def read(**changes: object) -> Stream:
    """Read the page's example with these changes; `...` leaves a field out."""
    return read_stream(body(changed(STREAM_OF_THE_PAGE, changes)), SID)


def outcome(read: Callable[[], _T]) -> _T | Reason:
    """Return what is read, or the reason why it is refused."""
    try:
        return read()
    except ApiError as error:
        return error.reason


def leg(**changes: object) -> Leg | None:
    """Read one leg with these changes."""
    [found] = read(legs=[changed(LEG, changes)]).legs or ()
    return found


def test_the_example_of_the_api_page_is_read() -> None:
    """Typed, and without telephone numbers."""
    assert read() == READ
    assert PHONE not in repr(read())


@pytest.mark.parametrize("legs", [..., None, "two", 2, {"agent": LEG}])
def test_legs_that_are_no_list_are_not_known(legs: object) -> None:
    """None, which isn't the same as no leg."""
    assert read(legs=legs).legs is None
    assert read(legs=[]).legs == ()


def test_a_leg_that_can_not_be_read_costs_only_itself() -> None:
    """Its place is kept: there is a leg, whatever it is like."""
    legs: list[object] = [None, "a string", 42, [], LEG, {}, dict.fromkeys(LEG)]
    assert read(legs=legs).legs == (None, None, None, None, READ_LEG, NOTHING, NOTHING)


def test_ten_thousand_legs_are_read_and_no_more() -> None:
    """More than any call has; what takes seconds to read is not known."""
    assert read(legs=[LEG] * 10_000).legs == (READ_LEG,) * 10_000
    assert read(legs=[LEG] * 10_001) == replace(READ, legs=None)


@pytest.mark.parametrize(
    ("audio_status", "muted", "on_hold"),
    [
        ({"muted": True, "hold": False}, True, False),
        ({"muted": "true", "hold": 1}, True, True),
        ({"muted": "perhaps", "hold": {"since": 5}}, None, None),
        ({"muted": "\ud800", "hold": None}, None, None),
        ({}, None, None),
        ("muted", None, None),
        ([True, False], None, None),
        (None, None, None),
        (..., None, None),
    ],
)
def test_the_audio_of_a_leg_is_read_or_not_known(
    audio_status: object, muted: bool | None, on_hold: bool | None
) -> None:
    """What isn't said is neither true nor false."""
    found = leg(audio_status=audio_status)
    assert found is not None
    assert (found.muted, found.on_hold) == (muted, on_hold)
    assert found.status is LegStatus.CONNECTED


@pytest.mark.parametrize("word", ["sideways", 7, ["ringing"], {}, True, "\ud800", "x" * 10_000, "a\n\0"])
def test_a_word_that_is_not_known_is_other(word: object) -> None:
    """In every place, whatever it is written as."""
    assert leg(direction=word, status=word, network_type=word, audio_status=word) == OTHER
    assert read(status=word).status is CallStatus.OTHER
    assert read(bridge={"status": word}).bridge == Bridge(BridgeStatus.OTHER, None)
    recording = read(recording={"enabled": True, "channels": word}).recording
    assert recording == Recording(enabled=True, channels=Channels.OTHER, duration=None)


def test_words_are_known_however_they_are_written() -> None:
    """Case and `_` don't matter here either."""
    found = leg(direction="Outbound", status="In_Progress", network_type="VoIP")
    assert found == Leg(
        LegDirection.OUTBOUND, LegStatus.IN_PROGRESS, NetworkType.VOIP, muted=False, on_hold=False
    )


@pytest.mark.parametrize(
    ("bridge", "expected"),
    [
        (..., None),
        (None, None),
        ({}, Bridge(None, None)),
        ({"status": "ended", "created_at": 1718447405}, Bridge(BridgeStatus.ENDED, "1718447405")),
        ({"status": "active", "created_at": {}}, Bridge(BridgeStatus.ACTIVE, None)),
        ("bridge_hostile", Bridge(BridgeStatus.OTHER, None)),
        ([], Bridge(BridgeStatus.OTHER, None)),
        (0, Bridge(BridgeStatus.OTHER, None)),
    ],
)
def test_only_null_or_nothing_is_no_bridge(bridge: object, expected: Bridge | None) -> None:
    """What can't be understood is a bridge all the same."""
    assert read(bridge=bridge).bridge == expected


@pytest.mark.parametrize("recording", [..., None, "on", True, [], 1])
def test_a_recording_that_is_no_object_is_not_known(recording: object) -> None:
    """It is neither on nor off."""
    assert read(recording=recording).recording is None


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(180, 180.0), ("180", 180.0), (1.5, 1.5), ("5 minutes", None), (None, None), (..., None), ({}, None)],
)
def test_seconds_are_read_from_numbers_and_texts(told: object, seconds: float | None) -> None:
    """Those of the call, and those of its recording."""
    assert read(duration=told).duration == seconds
    recording = read(recording=changed({"enabled": True}, {"duration": told})).recording
    assert recording == Recording(enabled=True, channels=None, duration=seconds)


@pytest.mark.parametrize("call_sid", ["call_active_002", PHONE, "", 7, "\ud800"])
def test_the_details_of_another_call_are_refused(call_sid: object) -> None:
    """Counted, they would be counted twice; the error holds nothing of them."""
    with pytest.raises(ApiError) as caught:
        read(call_sid=call_sid)
    assert caught.value.reason == Reason.BAD_RESPONSE
    assert caught.value.status == 200
    assert caught.value.detail == "the answer is about another call"
    assert PHONE not in repr(vars(caught.value))


@pytest.mark.parametrize("call_sid", [..., None, SID])
def test_details_that_name_no_call_are_those_of_the_call_asked_for(call_sid: object) -> None:
    """The URL named it."""
    assert read(call_sid=call_sid) == READ


def test_a_call_sid_may_be_a_number() -> None:
    """The list's row was read from one as well."""
    assert read_stream(body({**STREAM_OF_THE_PAGE, "call_sid": 7}), "7") == READ


@pytest.mark.parametrize(
    "answer",
    [
        *(b"{}", b'{"response": null}', b'{"response": []}', b'{"response": {"stream": null}}'),
        *(b'{"response": {"stream": []}}', b'{"stream": {}}', b"[]", b"null", b"", b"<html>", b"\xff" * 9),
        *(body(STREAM_OF_THE_PAGE)[:-9], b"[" * 100_000),
    ],
)
def test_an_answer_that_holds_no_details_is_refused(answer: bytes) -> None:
    """By its shape, in words of our own."""
    with pytest.raises(ApiError) as caught:
        read_stream(answer, SID)
    assert caught.value.reason == Reason.BAD_RESPONSE
    assert PHONE not in caught.value.detail


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(answer, reason) for status, answer, reason, _ in FAILURES if status == 200],
)
def test_a_failure_inside_a_200_is_told_by_its_reason(answer: bytes, reason: Reason) -> None:
    """Of details and sessions as of the list."""
    for refused in (lambda: read_stream(answer, SID), lambda: read_agent_streams(answer)):
        with pytest.raises(ApiError) as caught:
            refused()
        assert caught.value.reason == reason


def test_a_call_that_has_ended_is_not_found() -> None:
    """The API's own code for it, inside a 200."""
    with pytest.raises(ApiError) as caught:
        read_stream(v3_error(200, 10744), SID)
    assert caught.value.reason == Reason.NOT_FOUND


@pytest.mark.parametrize("hostile", MALFORMED_STREAMS, ids=range(len(MALFORMED_STREAMS)))
def test_hostile_details_are_read_or_refused(hostile: object) -> None:
    """Refused is only what is no object, or names another call."""
    stream = changed(STREAM_OF_THE_PAGE, hostile) if isinstance(hostile, dict) else hostile
    is_ours = isinstance(stream, dict) and stream.get("call_sid") in (None, SID, ["hostile"])
    found = outcome(lambda: read_stream(body(stream), SID))
    assert isinstance(found, Stream) if is_ours else found is Reason.BAD_RESPONSE


@given(STREAM | st.fixed_dictionaries({}, optional={"call_sid": TEXT | JSON, "legs": JSON}))
def test_any_json_at_all_is_details_or_an_error(stream: object) -> None:
    """Whatever stands where the details should be."""
    found = outcome(lambda: read_stream(body(stream), SID))
    if not isinstance(found, Stream):
        assert found is Reason.BAD_RESPONSE
        return
    assert isinstance(stream, dict)
    legs = stream.get("legs")
    assert len(found.legs or ()) == (len(legs) if isinstance(legs, list) else 0)


@given(st.binary(max_size=60))
def test_any_bytes_at_all_are_an_error(answer: bytes) -> None:
    """So few are never a stream."""
    for refused in (lambda: read_stream(answer, SID), lambda: read_agent_streams(answer)):
        with pytest.raises(ApiError):
            refused()


# AgentStream


def sessions(**fields: object) -> AgentStreams:
    """Read an answer of `ActiveStreams`."""
    told = {"status": "success", "active_streams": 12, "max_allowed_streams": 100, "account_sid": "acme1"}
    return read_agent_streams(json.dumps(changed(told, fields)).encode())


@pytest.mark.parametrize(
    ("active", "most", "expected"),
    [
        (12, 100, AgentStreams(12, 100)),
        ("12", "100", AgentStreams(12, 100)),
        (0, 0, AgentStreams(0, 0)),
        (12.0, "100.0", AgentStreams(12, 100)),
        (12, None, AgentStreams(12, None)),
        (12, ..., AgentStreams(12, None)),
        (12, -1, AgentStreams(12, None)),
        (12, "unlimited", AgentStreams(12, None)),
        (12, {}, AgentStreams(12, None)),
        (120, 100, AgentStreams(120, 100)),
    ],
)
def test_sessions_and_their_limit_are_read(active: object, most: object, expected: AgentStreams) -> None:
    """As numbers or texts; a limit that isn't told is none."""
    assert sessions(active_streams=active, max_allowed_streams=most) == expected


@pytest.mark.parametrize("active", [..., None, -1, "-1", "many", [], {}, 1.5, "\ud800", "nan", 10**400])
def test_without_a_number_of_sessions_there_is_no_answer(active: object) -> None:
    """0 would be a lie."""
    with pytest.raises(ApiError) as caught:
        sessions(active_streams=active)
    assert caught.value.reason == Reason.BAD_RESPONSE


def test_sessions_that_are_not_enabled_are_not_found() -> None:
    """That is how the API says it, inside a 200 as well."""
    with pytest.raises(ApiError) as caught:
        read_agent_streams(v1_error(404, None))
    assert caught.value.reason == Reason.NOT_FOUND


@given(JSON, JSON)
def test_any_json_at_all_is_sessions_or_an_error(active: object, most: object) -> None:
    """And never a number below 0."""
    found = outcome(lambda: sessions(active_streams=active, max_allowed_streams=most))
    if isinstance(found, AgentStreams):
        assert found.active >= 0
        assert found.limit is None or found.limit >= 0
    else:
        assert found is Reason.BAD_RESPONSE
