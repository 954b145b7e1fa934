"""Malformed and unexpected rows and streams, which the faults `rows`, `spoilt` and `details` send."""

from typing import Any

_ROW: dict[str, Any] = {
    "call_sid": "hostile",
    "direction": "inbound",
    "status": "in-progress",
    "from": "+910000000000",
    "to": "+910800000001",
    "start_time": "2024-06-15T10:30:00.000Z",
    "duration": 1,
    "agent_details": None,
    "recording_enabled": True,
}


def _row(number: int, **changes: object) -> dict[str, Any]:
    return _ROW | {"call_sid": f"hostile-{number}"} | changes


MALFORMED_ROWS: tuple[object, ...] = (
    # Not rows
    None,
    "a string",
    42,
    [],
    {},
    # Empty
    dict.fromkeys(_ROW),
    _ROW | {"call_sid": None},
    _ROW | {"call_sid": ""},
    {key: value for key, value in _ROW.items() if key != "call_sid"},
    # Other types
    _ROW | {"call_sid": 1234567890123456789},
    _row(1, duration="120"),
    _row(2, duration=120.5),
    _row(3, duration=-5),
    _row(4, duration=10**30),
    _row(5, duration={"seconds": 1}),
    _row(6, duration=None),
    _row(7, recording_enabled="true"),
    _row(8, recording_enabled=None),
    _row(9, agent_details="agent_00001"),
    _row(10, agent_details=[]),
    _row(11, agent_details={}),
    _row(12, agent_details={"user_id": None, "name": None, "status": None}),
    _row(13, agent_details={"user_id": 7, "name": ["x"], "status": False}),
    _row(14, start_time=1718447400),
    _row(15, start_time="yesterday"),
    _row(16, start_time="0001-01-01T00:00:00Z"),
    _row(17, start_time="1970-01-01 05:30:00+05:30"),
    _row(18, start_time="2022-11-03 22:54:40+05:30"),
    _row(19, start_time="2999-01-01T00:00:00.123456789Z"),
    _row(20, **{"from": None, "to": 918000000001}),
    # Unknown values, other spellings
    _row(21, direction="sideways", status="pondering"),
    _row(22, direction="incoming", status="IN_PROGRESS"),
    _row(23, direction="outbound", status="On Hold"),
    _row(24, direction=None, status=None),
    _row(25, direction=["inbound"], status={"is": "ringing"}),
    _row(26, agent_details={"user_id": "agent_x", "name": "X", "status": "on_call", "shift": "night"}),
    # Text that needs quoting
    _row(27, direction='in"bound\n', status="\\", to="{}`~"),
    _ROW | {"call_sid": 'hostile-"quoted"\n\\\t\u2028\x00'},
    _ROW | {"call_sid": "hostile-🎧-é-\u202e"},
    _row(
        28, agent_details={"user_id": 'agent"\n\\', "name": '"; DROP TABLE agents; --', "status": "on-call"}
    ),
    _ROW | {"call_sid": "hostile-\ud800"},
    _row(29, status="x" * 10_000),
    # Missing and extra
    {"call_sid": "hostile-30"},
    _row(31, queue="vip", legs=[{"leg": 1}], duration_ms=1000),
    # The same call twice, with contradictory values
    _row(32, status="ringing", duration=0),
    _row(32, status="in-progress", duration=9),
)


def _json_row(number: int, value: bytes) -> bytes:
    return b'{"call_sid":"spoilt-%d","direction":"inbound","status":"ringing","to":%b}' % (number, value)


_BORDERLINE_VALUES = (
    b'"a tab\tand a newline\n"',
    b'"half a pair \\ud83d"',
    b'"no UTF-8: \xff"',
    b"NaN",
    b"-Infinity",
    b"9" * 5_000,
    b'1,"to":2,"call_sid":"spoilt-6"',  # duplicate keys
    b"[" * 10_000 + b"]" * 10_000,
)

BORDERLINE_ROWS = tuple(_json_row(number, value) for number, value in enumerate(_BORDERLINE_VALUES))
"""Rows that strict JSON parsers refuse, as bytes."""
INVALID_ROWS = (_json_row(100, b"undefined"), _json_row(101, b'"an escape \\x41"'))
"""Rows that aren't JSON, as bytes."""


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
_NEEDS_QUOTING = 'in"bound\n\\\t\u2028\x00{}`~'
_LONE_SURROGATE = "\ud800"


def changed(original: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return an object with some fields changed; `...` removes one."""
    return {name: value for name, value in (original | changes).items() if value is not ...}


def _legs(**changes: object) -> dict[str, Any]:
    """Return two legs, one of them changed."""
    return {"legs": [_LEG, changed(_LEG, changes)]}


def _bridge(**changes: object) -> dict[str, Any]:
    return {"bridge": changed(_BRIDGE, changes)}


def _recording(**changes: object) -> dict[str, Any]:
    return {"recording": changed(_RECORDING, changes)}


def _every_enum(value: object) -> dict[str, Any]:
    """Return changes that set every enum of a stream to one value."""
    return (
        {"status": value}
        | _legs(direction=value, status=value, network_type=value)
        | _bridge(status=value)
        | _recording(channels=value)
    )


#: An object changes fields of a stream, as `changed` does; any other value replaces it.
MALFORMED_STREAMS: tuple[object, ...] = (
    # Not a stream
    None,
    "a string",
    42,
    [],
    [{}],
    # Empty
    dict.fromkeys(_FIELDS),
    dict.fromkeys(_FIELDS, ...),
    # Of another call, or of no call
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
    _bridge(created_at="2022-11-03 22:54:40+05:30"),  # before the call
    _bridge(created_at="2999-01-01T00:00:00.123456789Z"),
    _bridge(created_at="9999-12-31T23:59:59-23:59"),  # past the last year in UTC
    # Recordings
    {"recording": ...},
    {"recording": None},
    {"recording": "on"},
    {"recording": True},
    {"recording": {}},
    _recording(enabled=None),
    _recording(enabled="true"),
    _recording(enabled="perhaps"),
    _recording(enabled=False),  # but with channels and a duration
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
    # Unknown values, other spellings and other types of enums
    {"status": "pondering"} | _legs(direction="sideways", status="pondering", network_type="carrier-pigeon"),
    _bridge(status="sagging") | _recording(channels="quadraphonic"),
    {"status": "IN_PROGRESS"} | _legs(direction="Outbound", status="In_Progress", network_type="VoIP"),
    _every_enum("On Hold"),
    _every_enum(None),
    _every_enum(7),
    _every_enum(["ringing"]),
    # Text that needs quoting
    _every_enum(_NEEDS_QUOTING),
    _every_enum(_LONE_SURROGATE),
    _every_enum("x" * 10_000),
    _legs(leg_sid=_NEEDS_QUOTING, contact_uri=_LONE_SURROGATE),
    _bridge(bridge_sid=_LONE_SURROGATE, created_at=_NEEDS_QUOTING),
    {"call_sid": _LONE_SURROGATE},
    # Undocumented fields
    {"queue": "vip", "transcript": [{"text": "hello"}]} | _legs(codec="opus", jitter={"ms": 7}),
)
