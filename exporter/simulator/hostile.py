"""Rows that no client should trust: mixed into the true ones by the fault `rows`."""

from typing import Any

_TRUE: dict[str, Any] = {
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
    return _TRUE | {"call_sid": f"hostile-{number}"} | changes


HOSTILE_ROWS: tuple[object, ...] = (
    # Not rows at all
    None,
    "a string",
    42,
    [],
    {},
    # Nothing in it
    dict.fromkeys(_TRUE),
    _TRUE | {"call_sid": None},
    _TRUE | {"call_sid": ""},
    {key: value for key, value in _TRUE.items() if key != "call_sid"},
    # Other types
    _TRUE | {"call_sid": 1234567890123456789},
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
    # Text that breaks what is badly quoted
    _row(27, direction='in"bound\n', status="\\", to="{}`~"),
    _TRUE | {"call_sid": 'hostile-"quoted"\n\\\t\u2028\x00'},
    _TRUE | {"call_sid": "hostile-🎧-é-\u202e"},
    _row(
        28, agent_details={"user_id": 'agent"\n\\', "name": '"; DROP TABLE agents; --', "status": "on-call"}
    ),
    _TRUE | {"call_sid": "hostile-\ud800"},
    _row(29, status="x" * 10_000),
    # Missing and extra
    {"call_sid": "hostile-30"},
    _row(31, queue="vip", legs=[{"leg": 1}], duration_ms=1000),
    # The same call twice, with two minds
    _row(32, status="ringing", duration=0),
    _row(32, status="in-progress", duration=9),
)


def _spoilt(number: int, value: bytes) -> bytes:
    return b'{"call_sid":"spoilt-%d","direction":"inbound","status":"ringing","to":%b}' % (number, value)


_SPOILT_VALUES = (
    b'"a tab\tand a newline\n"',
    b'"half a pair \\ud83d"',
    b'"no UTF-8: \xff"',
    b"NaN",
    b"-Infinity",
    b"9" * 5_000,
    b'1,"to":2,"call_sid":"spoilt-6"',  # keys that stand twice
    b"[" * 10_000 + b"]" * 10_000,
)

SPOILT_ROWS = tuple(_spoilt(number, value) for number, value in enumerate(_SPOILT_VALUES))
"""Rows that are barely JSON, as they are sent."""
BROKEN_ROWS = (_spoilt(100, b"undefined"), _spoilt(101, b'"an escape \\x41"'))
"""Rows that are no JSON at all."""
