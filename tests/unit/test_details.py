"""What a look at the details of a call shows, and what the looks show together."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.details import Details, StreamTally, read_details, tally_streams
from exporter.exotel.decode import read_stream
from exporter.exotel.enums import BridgeStatus, Channels, LegDirection, LegStatus, NetworkType
from exporter.exotel.errors import ApiError
from exporter.exotel.models import Call, Stream
from exporter.simulator.malformed import MALFORMED_STREAMS, changed
from tests.rows import CALLS, PERSONAL_CALLS, STREAM, call
from tests.unit.test_streams import LEG, SID, STREAM_OF_THE_PAGE, body, read

START = "2024-06-15T10:30:00.000Z"
RECORDING_OFF = {"recording": {"enabled": False, "channels": "dual", "duration": 5}}
TALK = call(SID, "inbound", "in-progress", 180, recording_enabled=True, start_time=START)


def details(listed: Call = TALK, **changes: object) -> Details:
    """Look at a call whose details are the page's example with these changes; `...` leaves a field out."""
    return read_details(listed, read(**changes))


def tally(*held: Details) -> StreamTally:
    """Tally details, with no call pending."""
    return tally_streams(held, 0, 0.0)


def legs(*each: dict[str, Any]) -> list[dict[str, Any]]:
    """Return legs with these changes."""
    return [changed(LEG, changes) for changes in each]


def unknown(found: Details) -> dict[str, int]:
    """Return what was unknown, without what wasn't."""
    return {field: values for field, values in found.unknown.items() if values}


def nonzero(counts: Any) -> dict[Any, int]:
    """Return what was counted, without zeros."""
    return {kind: number for kind, number in counts.items() if number}


def test_the_example_of_the_api_page_is_a_call_in_order() -> None:
    """Two legs that are connected, a bridge after 5 s, a recording 5 s behind, nothing unknown."""
    found = details()
    assert unknown(found) == {}
    counted = tally(found)
    assert nonzero(counted.legs) == {("outbound", "connected", "pstn"): 2}
    assert (counted.muted, counted.on_hold, counted.all_muted, counted.mismatches) == (0, 0, 0, 0)
    assert nonzero(counted.talks_by_legs) == {"2": 1}
    assert nonzero(counted.bridges) == {"active": 1}
    assert nonzero(counted.recordings) == {"dual": 1}
    assert (found.bridge_setup, found.recording_lag) == (5.0, 5.0)
    assert (counted.bridge_setup.sum, counted.recording_lag.sum) == (5.0, 5.0)


def test_without_details_nothing_is_counted() -> None:
    """What is then shown as 0 is declared with the metrics."""
    found = tally_streams([], 7, 0.0)
    assert (found.inspected, found.pending, found.longest_hold) == (0, 7, 0.0)
    assert not any([found.legs, found.talks_by_legs, found.bridges, found.recordings])
    assert not any([found.bridge_setup.buckets[-1].cumulative, found.recording_lag.sum])


# Legs


@pytest.mark.parametrize(
    ("told", "by_legs", "fields"),
    [
        ([], {"0": 1}, {}),
        (legs({}), {"1": 1}, {}),
        (legs({}, {"status": "completed"}, {"status": "failed"}, {"status": "no_answer"}), {"1": 1}, {}),
        (legs({}, {"status": "busy"}, {"status": "cancelled"}), {"1": 1}, {}),
        (legs({}, {"status": "ringing"}, {"status": "answered"}), {"3+": 1}, {}),
        (legs({}, {"status": "pondering"}), {}, {"leg_status": 1}),  # it may be over or not
        (legs({}, {"status": None}), {"2": 1}, {"leg_status": 1}),
        ([LEG] * 10_000, {"3+": 1}, {}),
        (..., {}, {"legs": 1}),
        (None, {}, {"legs": 1}),
        ("two", {}, {"legs": 1}),
        ([LEG, None, 42], {}, {"legs": 2}),
    ],
)
def test_a_talk_is_counted_by_its_legs_where_they_are_known(
    told: object, by_legs: dict[str, int], fields: dict[str, int]
) -> None:
    """Legs that are over don't count; where it isn't said which there are, nothing is: it isn't 0."""
    found = details(legs=told)
    assert nonzero(tally(found).talks_by_legs) == by_legs
    assert unknown(found) == fields


def test_legs_of_a_call_that_is_not_in_progress_are_no_talk() -> None:
    """A call that rings has one leg or none by nature."""
    for status in ("ringing", "queued", "completed"):
        counted = tally(details(status=status, legs=[LEG]))
        assert nonzero(counted.talks_by_legs) == {}
        assert sum(counted.legs.values()) == 1


@pytest.mark.parametrize(
    ("word", "becomes"),
    [("sideways", "other"), (7, "other"), (None, "unknown"), ("", "unknown"), (..., "unknown")],
)
def test_a_leg_is_counted_whatever_it_says(word: object, becomes: str) -> None:
    """As `other` what isn't known, as `unknown` what isn't told; both are counted."""
    found = details(legs=legs({"direction": word, "status": word, "network_type": word}))
    assert nonzero(tally(found).legs) == {(becomes, becomes, becomes): 1}
    assert unknown(found) == {"leg_direction": 1, "leg_status": 1, "network_type": 1}


def test_ten_thousand_legs_are_counted() -> None:
    """More than any call has."""
    assert nonzero(tally(details(legs=[LEG] * 10_000)).legs) == {("outbound", "connected", "pstn"): 10_000}


@pytest.mark.parametrize(
    ("told", "is_held"),
    [
        ([], False),
        (legs({}, {}), False),
        (legs({}, {"audio_status": {"muted": False, "hold": True}}), True),
        (legs({}, {"audio_status": {"muted": False, "hold": True}, "status": "completed"}), False),
        (legs({}, {"audio_status": {"muted": False}, "status": "completed"}), False),
        (legs({}, {"audio_status": {"muted": False}}), None),
        (legs({}, {"audio_status": None}), None),
        (legs({"audio_status": None}, {"audio_status": {"hold": True}}), True),
        ([LEG, None], None),
        ([{**LEG, "audio_status": {"hold": True}}, 42], True),
        (None, None),
        (..., None),
        ("two", None),
    ],
)
def test_a_call_is_on_hold_when_one_of_its_legs_is(told: object, is_held: bool | None) -> None:
    """Where none is, it isn't known unless each of them says so."""
    assert details(legs=told).legs.any_on_hold is is_held


def test_only_legs_that_are_not_over_are_muted_or_on_hold() -> None:
    """Nobody is on the others any more."""
    silent = {"audio_status": {"muted": True, "hold": True}}
    counted = tally(details(legs=legs({}, silent, {**silent, "status": "completed"})))
    assert (counted.muted, counted.on_hold) == (1, 1)


@pytest.mark.parametrize("audio", [..., None, "muted", [True, True], {}, {"muted": "perhaps", "hold": True}])
def test_a_leg_that_does_not_say_whether_it_is_muted_is_not(audio: object) -> None:
    """It is counted as unknown, once; a leg that is over needs to say nothing."""
    found = details(legs=legs({"audio_status": audio}, {"audio_status": audio, "status": "completed"}))
    assert found.legs.muted == 0
    assert not found.legs.are_all_muted
    assert unknown(found) == {"audio_status": 1}


@pytest.mark.parametrize(
    ("muted", "is_silent"),
    [([True, True], True), ([True], True), ([True, False], False), ([True, None], False), ([], False)],
)
def test_a_call_is_silent_when_every_leg_is_muted(muted: list[bool | None], is_silent: bool) -> None:
    """Not when it has no leg, and not when one doesn't say; legs that are over don't speak."""
    told = legs(
        *({"audio_status": {"muted": each, "hold": False}} for each in muted), {"status": "completed"}
    )
    assert tally(details(legs=told)).all_muted == is_silent
    assert tally(details(legs=told, status="ringing")).all_muted == 0
    assert tally(details(legs=[*told, None])).all_muted == 0


# The bridge


@pytest.mark.parametrize("bridge", [..., None])
def test_only_a_talk_lacks_a_bridge(bridge: object) -> None:
    """A call that rings has none by nature."""
    assert nonzero(tally(details(bridge=bridge)).bridges) == {"none": 1}
    assert unknown(details(bridge=bridge)) == {}
    for status in ("ringing", "queued", "completed", "failed"):
        assert nonzero(tally(details(bridge=bridge, status=status)).bridges) == {}


@pytest.mark.parametrize(
    ("status", "becomes"),
    [("active", "active"), ("ENDED", "ended"), ("sagging", "other"), (7, "other"), (None, "unknown")],
)
def test_bridges_are_counted_by_status(status: object, becomes: str) -> None:
    """Those of calls that are not in progress too."""
    bridge = {"status": status, "created_at": "2024-06-15T10:30:05.000Z"}
    for call_status in ("in-progress", "completed"):
        found = details(bridge=bridge, status=call_status)
        assert nonzero(tally(found).bridges) == {becomes: 1}
        assert unknown(found) == ({} if becomes in {"active", "ended"} else {"bridge_status": 1})


@pytest.mark.parametrize("bridge", ["bridge_hostile", [], 7])
def test_a_bridge_that_can_not_be_read_is_not_missing(bridge: object) -> None:
    """It is `other`, and counted."""
    found = details(bridge=bridge)
    assert nonzero(tally(found).bridges) == {"other": 1}
    assert unknown(found) == {"bridge_status": 1, "bridge_created_at": 1}


@pytest.mark.parametrize(
    ("created_at", "seconds"),
    [
        ("2024-06-15T10:30:00.000Z", 0.0),
        ("2024-06-15 16:00:02.500+05:30", 2.5),
        ("2024-06-15T10:30:01.123456789Z", pytest.approx(1.123456)),
        ("2024-06-16T10:29:59Z", 86_399.0),
        ("2024-06-16T10:30:00Z", None),  # a day later
        ("2024-06-15T10:29:59Z", None),  # before the call
        ("2999-01-01T00:00:00.123456789Z", None),
        ("9999-12-31T23:59:59-23:59", None),
        ("1970-01-01 05:30:00+05:30", None),
        ("0001-01-01T00:00:00Z", None),
        ("2024-06-15T10:30:05.000", None),  # of no zone
        ("yesterday", None),
        (1718447405, None),
        (None, None),
        (..., None),
    ],
)
def test_only_a_plausible_time_of_a_bridge_is_counted(created_at: object, seconds: float | None) -> None:
    """The bridge is there all the same; its time is unknown."""
    found = details(bridge=changed({"status": "active"}, {"created_at": created_at}))
    assert found.bridge_setup == seconds
    assert found.bridge is BridgeStatus.ACTIVE
    assert unknown(found) == ({} if seconds is not None else {"bridge_created_at": 1})
    assert tally(found).bridge_setup.buckets[-1].cumulative == (seconds is not None)


@pytest.mark.parametrize("start_time", [None, "", "yesterday", "0001-01-01T00:00:00Z", "2024-06-15T10:30:00"])
def test_a_call_that_does_not_say_when_it_began_tells_no_time_of_its_bridge(start_time: str | None) -> None:
    """It is the start that is unknown, not the bridge's time."""
    found = details(call(SID, status="in-progress", recording_enabled=True, start_time=start_time))
    assert found.bridge_setup is None
    assert unknown(found) == {"start_time": 1}


def test_no_time_is_missed_where_there_is_no_bridge() -> None:
    """Neither the start nor the bridge's."""
    assert unknown(details(call(SID, status="in-progress"), bridge=None)) == {}


# The recording


@pytest.mark.parametrize(
    ("channels", "becomes"),
    [("dual", "dual"), ("Single", "single"), ("quadraphonic", "other"), (2, "other"), (None, "unknown")],
)
def test_recordings_are_counted_by_channels(channels: object, becomes: str) -> None:
    """Those under way."""
    found = details(recording={"enabled": True, "channels": channels, "duration": 175})
    assert nonzero(tally(found).recordings) == {becomes: 1}
    assert unknown(found) == ({} if becomes in {"dual", "single"} else {"recording_channels": 1})


@pytest.mark.parametrize("enabled", [False, "false", None, "perhaps", ...])
def test_a_recording_that_is_not_under_way_is_not_counted(enabled: object) -> None:
    """Whatever channels and duration it tells."""
    told = changed({"channels": "dual", "duration": 5}, {"enabled": enabled})
    found = tally(details(recording=told))
    assert nonzero(found.recordings) == {}
    assert found.recording_lag.buckets[-1].cumulative == 0


@pytest.mark.parametrize(
    ("listed", "enabled", "is_mismatch"),
    [
        (True, True, False),
        (False, False, False),
        (True, False, True),
        (False, True, True),
        (None, True, False),
        (None, False, False),
        (True, None, False),
        (False, "perhaps", False),
        (True, "false", True),
    ],
)
def test_a_mismatch_needs_both_sides_to_speak(
    listed: bool | None, enabled: object, is_mismatch: bool
) -> None:
    """What isn't said doesn't differ; and a call that isn't in progress needs no recording."""
    talk = call(SID, status="in-progress", recording_enabled=listed, start_time=START)
    recording = {"enabled": enabled, "channels": "dual", "duration": 0}
    assert tally(details(talk, recording=recording)).mismatches == is_mismatch
    for status in ("ringing", "queued", "completed"):
        assert tally(details(talk, recording=recording, status=status)).mismatches == 0


@pytest.mark.parametrize("recording", [..., None, "on", True, {}])
def test_a_missing_recording_is_unknown_and_no_mismatch(recording: object) -> None:
    """It is neither on nor off."""
    found = details(recording=recording)
    assert not found.is_mismatch
    assert found.recording is None
    assert unknown(found) == {"recording": 1}


@pytest.mark.parametrize(
    ("duration", "recorded", "lag"),
    [
        (180, 180, 0.0),
        ("180", "175.5", 4.5),
        (180, 180.5, 0.0),
        (180, 181, 0.0),  # one of them is rounded
        (180, 181.5, None),  # longer than the call
        (180, 10**30, None),
        (10**30, 5, None),
        (180, -5, None),
        (-5, -6, None),
        (180, None, None),
        (None, 5, None),
        ("soon", 5, None),
        (180, "5 minutes", None),
        (math.nan, 5, None),
    ],
)
def test_only_a_recording_that_fits_its_call_lags(
    duration: object, recorded: object, lag: float | None
) -> None:
    """Any other is unknown; the recording is under way all the same."""
    found = details(duration=duration, recording={"enabled": True, "channels": "dual", "duration": recorded})
    assert found.recording_lag == lag
    assert found.recording is Channels.DUAL
    assert unknown(found) == ({} if lag is not None else {"recording_duration": 1})


def test_a_call_that_is_not_recorded_does_not_lag() -> None:
    """Nor does one that isn't in progress: its recording may begin yet, or have ended."""
    off = {"enabled": False, "channels": None, "duration": 0}
    assert details(recording=off).recording_lag is None
    assert unknown(details(recording=off)) == {}
    assert details(status="completed").recording_lag is None


# All together


@pytest.mark.parametrize(
    ("listed", "told", "is_established"),
    [
        ("in-progress", "completed", False),
        ("ringing", "IN_PROGRESS", True),
        ("in-progress", "pondering", True),
        ("in-progress", "", True),
        ("in-progress", None, True),
        ("ringing", None, False),
        (None, None, False),
    ],
)
def test_the_look_knows_better_than_the_list_how_far_a_call_is(
    listed: str | None, told: object, is_established: bool
) -> None:
    """It came later; where it says nothing that is known, the list counts."""
    assert details(call(SID, status=listed), status=told).is_established == is_established


def test_what_none_of_the_details_speaks_of_is_not_known() -> None:
    """One that does is enough, and so is it that there are no details at all."""
    no_legs, no_recording = details(legs=...), details(recording={"enabled": "perhaps"})
    for held, knows in [
        ([], (True, True)),
        ([details(legs=[], recording={"enabled": False})], (True, True)),
        ([no_legs, no_legs], (False, True)),
        ([no_recording, no_recording], (True, False)),
        ([no_legs, no_recording], (True, True)),
        ([details(legs=None, recording=None)], (False, False)),
    ]:
        found = tally(*held)
        assert (found.knows_legs, found.knows_recordings) == knows


def test_details_of_several_calls_add_up() -> None:
    """Each figure over all of them; what was longest on hold is told from outside."""
    silent = legs({"audio_status": {"muted": True, "hold": True}})
    found = tally_streams(
        [details(), details(legs=silent, bridge=None), details(status="ringing", bridge=None, legs=[])],
        4,
        12.5,
    )
    assert (found.inspected, found.pending, found.longest_hold) == (3, 4, 12.5)
    assert nonzero(found.legs) == {("outbound", "connected", "pstn"): 3}
    assert (found.muted, found.on_hold, found.all_muted) == (1, 1, 1)
    assert nonzero(found.talks_by_legs) == {"1": 1, "2": 1}
    assert nonzero(found.bridges) == {"active": 1, "none": 1}
    assert nonzero(found.recordings) == {"dual": 3}
    assert found.recording_lag.sum == 10.0


@pytest.mark.parametrize("hostile", MALFORMED_STREAMS, ids=range(len(MALFORMED_STREAMS)))
def test_hostile_details_count_nothing_false(hostile: object) -> None:
    """Beside the calls in order they change no figure that they don't speak of."""
    try:
        found = _read(changed(STREAM_OF_THE_PAGE, hostile) if isinstance(hostile, dict) else hostile)
    except ApiError:
        return
    spoken = set(hostile) if isinstance(hostile, dict) else set()
    looked = read_details(TALK, found)
    assert looked.is_mismatch is False or hostile == RECORDING_OFF
    if "bridge" not in spoken:
        assert (looked.bridge, looked.bridge_setup) == ("active", 5.0)
    if not spoken & {"recording", "duration", "status"}:
        assert (looked.recording, looked.recording_lag) == ("dual", 5.0)
    if "legs" not in spoken:
        assert (looked.legs.live, looked.legs.muted, looked.legs.on_hold) == (2, 0, 0)
    _check([TALK], [looked])


def _read(stream: object) -> Stream:
    return read_stream(body(stream), SID)


@given(st.lists(st.tuples(CALLS | PERSONAL_CALLS, STREAM), max_size=6))
def test_any_details_at_all_add_up(looks: list[tuple[list[Call], object]]) -> None:
    """Whatever rows and details: nothing breaks, and no figure is more than what it is of."""
    listed, held = [], []
    for calls, stream in looks:
        for each in calls[:3]:
            try:
                held.append(
                    read_details(
                        each, read_stream(json.dumps({"response": {"stream": stream}}).encode(), "a")
                    )
                )
            except ApiError:
                continue
            listed.append(each)
    _check(listed, held)


def _check(listed: list[Call], held: list[Details]) -> None:
    """Check that a tally agrees with what it is of, and has no word that isn't known."""
    found = tally_streams(held, 3, 0.0)
    talks = [each for each in held if each.is_established]
    number_of_legs = sum(sum(each.legs.kinds.values()) for each in held)
    assert (found.inspected, found.pending) == (len(held), 3) == (len(listed), 3)
    assert sum(found.legs.values()) == number_of_legs
    assert max(found.muted, found.on_hold) <= number_of_legs
    assert sum(found.talks_by_legs.values()) == sum(talk.legs.live is not None for talk in talks)
    assert found.bridges["none"] == sum(talk.bridge is None for talk in talks)
    assert sum(found.bridges.values()) - found.bridges["none"] == sum(
        each.bridge is not None for each in held
    )
    assert sum(found.recordings.values()) <= len(held)
    assert max(found.mismatches, found.all_muted) <= len(talks)
    assert found.mismatches <= sum(row.recording_enabled is not None for row in listed)
    for histogram, most in [
        (found.bridge_setup, sum(found.bridges.values()) - found.bridges["none"]),
        (found.recording_lag, sum(found.recordings.values())),
    ]:
        counts = [bucket.cumulative for bucket in histogram.buckets]
        assert counts == sorted(counts)
        assert counts[-1] <= most
        assert 0 <= histogram.sum < math.inf
    for direction, status, network_type in found.legs:
        assert (direction in LegDirection, status in LegStatus, network_type in NetworkType) == (True,) * 3
    assert set(found.talks_by_legs) <= {"0", "1", "2", "3+"}
    assert set(found.bridges) <= {"none", *BridgeStatus}
    assert set(found.recordings) <= set(Channels)
    assert all(number >= 0 for each in held for number in each.unknown.values())


@pytest.mark.parametrize(("duration", "missing"), [(0, 0), (9.9, 0), (10, 1), (None, 1)])
def test_a_call_that_was_just_answered_misses_nothing(duration: float | None, missing: int) -> None:
    """Its bridge and its recording are about to come; after ten seconds they should be there."""
    found = tally(details(duration=duration, bridge=None, legs=[LEG], recording=RECORDING_OFF["recording"]))
    assert found.bridges["none"] == found.talks_by_legs["1"] == found.mismatches == missing
