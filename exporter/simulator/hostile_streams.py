"""Details of calls that no client should trust: told in place of the true ones by the fault `details`."""

from typing import Any

_FIELDS = ("call_sid", "status", "duration", "legs", "bridge", "recording")
_LEG: dict[str, Any] = {
    "leg_sid": "leg_hostile",
    "contact_uri": "+911100000000",
    "direction": "outbound",
    "status": "connected",
    "network_type": "pstn",
    "audio_status": {"muted": False, "hold": False},
}
_BRIDGE: dict[str, Any] = {
    "bridge_sid": "bridge_hostile",
    "status": "active",
    "created_at": "2024-06-15T10:30:05.000Z",
}
_RECORDING: dict[str, Any] = {"enabled": True, "channels": "dual", "duration": 5}
_BADLY_QUOTED = 'in"bound\n\\\t\u2028\x00{}`~'
_HALF_A_PAIR = "\ud800"


def changed(true: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Change fields of an object; `...` leaves one out."""
    return {name: value for name, value in (true | changes).items() if value is not ...}


def _legs(**changes: object) -> dict[str, Any]:
    """Two legs, one of them changed."""
    return {"legs": [_LEG, changed(_LEG, changes)]}


def _bridge(**changes: object) -> dict[str, Any]:
    return {"bridge": changed(_BRIDGE, changes)}


def _recording(**changes: object) -> dict[str, Any]:
    return {"recording": changed(_RECORDING, changes)}


def _every_word(word: object) -> dict[str, Any]:
    """One value in all the places where a word is expected."""
    return (
        {"status": word}
        | _legs(direction=word, status=word, network_type=word)
        | _bridge(status=word)
        | _recording(channels=word)
    )


#: An object changes fields of the true stream, as `changed` does; all else stands in its place.
HOSTILE_STREAMS: tuple[object, ...] = (
    # Not a stream at all
    None,
    "a string",
    42,
    [],
    [{}],
    # Nothing in it
    dict.fromkeys(_FIELDS),
    dict.fromkeys(_FIELDS, ...),
    # Of another call, or of none
    {"call_sid": "hostile"},
    {"call_sid": ""},
    {"call_sid": 1234567890123456789},
    {"call_sid": ["hostile"]},
    # Legs
    {"legs": ...},
    {"legs": None},
    {"legs": "two"},
    {"legs": 2},
    {"legs": {"agent": _LEG}},
    {"legs": []},
    {"legs": [None, "a string", 42, [], _LEG]},
    {"legs": [{}, dict.fromkeys(_LEG)]},
    {"legs": [_LEG] * 10_000},
    _legs(audio_status=...),
    _legs(audio_status=None),
    _legs(audio_status="muted"),
    _legs(audio_status=[True, False]),
    _legs(audio_status={}),
    _legs(audio_status={"muted": None, "hold": None}),
    _legs(audio_status={"muted": "true", "hold": "no"}),
    _legs(audio_status={"muted": 1, "hold": 0}),
    _legs(audio_status={"muted": "perhaps", "hold": {"since": 5}}),
    # Bridges
    {"bridge": ...},
    {"bridge": None},
    {"bridge": "bridge_hostile"},
    {"bridge": []},
    {"bridge": {}},
    _bridge(status=None),
    _bridge(created_at=...),
    _bridge(created_at=None),
    _bridge(created_at=1718447405),
    _bridge(created_at="1970-01-01 05:30:00+05:30"),
    _bridge(created_at="0001-01-01T00:00:00Z"),
    _bridge(created_at="2024-06-15T10:30:05.000"),
    _bridge(created_at="yesterday"),
    _bridge(created_at="2022-11-03 22:54:40+05:30"),  # before the call began
    _bridge(created_at="2999-01-01T00:00:00.123456789Z"),
    _bridge(created_at="9999-12-31T23:59:59-23:59"),  # beyond the last year in UTC
    # Recordings
    {"recording": ...},
    {"recording": None},
    {"recording": "on"},
    {"recording": True},
    {"recording": {}},
    _recording(enabled=None),
    _recording(enabled="true"),
    _recording(enabled="perhaps"),
    _recording(enabled=False),  # channels and a duration all the same
    _recording(channels=None),
    _recording(channels=2),
    _recording(duration=10**6),  # longer than the call
    _recording(duration=10**30),
    _recording(duration=-5),
    _recording(duration="5"),
    _recording(duration="5 minutes"),
    _recording(duration=None),
    # The call itself
    {"duration": "120"},
    {"duration": -5},
    {"duration": 10**30},
    {"duration": {"seconds": 1}},
    {"status": "completed"},
    # Unknown words, other spellings, other types, in every place
    {"status": "pondering"} | _legs(direction="sideways", status="pondering", network_type="carrier-pigeon"),
    _bridge(status="sagging") | _recording(channels="quadraphonic"),
    {"status": "IN_PROGRESS"} | _legs(direction="Outbound", status="In_Progress", network_type="VoIP"),
    _every_word("On Hold"),
    _every_word(None),
    _every_word(7),
    _every_word(["ringing"]),
    # Text that breaks what is badly quoted
    _every_word(_BADLY_QUOTED),
    _every_word(_HALF_A_PAIR),
    _every_word("x" * 10_000),
    _legs(leg_sid=_BADLY_QUOTED, contact_uri=_HALF_A_PAIR),
    _bridge(bridge_sid=_HALF_A_PAIR, created_at=_BADLY_QUOTED),
    {"call_sid": _HALF_A_PAIR},
    # More than was documented
    {"queue": "vip", "transcript": [{"text": "hello"}]} | _legs(codec="opus", jitter={"ms": 7}),
)
