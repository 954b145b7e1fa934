"""Rows as the API may send them, for property tests: plausible ones mixed with anything JSON can hold."""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from exporter.exotel.enums import AgentStatus, CallStatus, Direction
from exporter.exotel.models import Agent, Call, NamedAgent, PersonalCall


def agent(user_id: str | None = None, status: str | None = None) -> Agent:
    """Return an agent whose status is written like this."""
    return Agent(user_id, None if status is None else AgentStatus(status))


def call(  # in the order of a row's fields
    call_sid: str,
    direction: str | None = None,
    status: str | None = None,
    duration: float | None = None,
    agent_details: Agent | UnsetType | None = UNSET,
    recording_enabled: bool | None = None,
    start_time: str | None = None,
) -> Call:
    """Return a call whose direction and status are written like this."""
    known = (
        call_sid,
        None if direction is None else Direction(direction),
        None if status is None else CallStatus(status),
        duration,
        agent_details,
        recording_enabled,
        start_time,
    )
    return Call(*known)


def personal_call(
    call_sid: str,
    direction: str | None = None,
    status: str | None = None,
    duration: float | None = None,
    agent_details: NamedAgent | UnsetType | None = UNSET,
    *,
    from_: str | None = None,
    to: str | None = None,
) -> PersonalCall:
    """Return a call with its numbers, and the agent with the name."""
    return PersonalCall(
        call_sid,
        None if direction is None else Direction(direction),
        None if status is None else CallStatus(status),
        duration,
        agent_details,
        from_=from_,
        to=to,
    )


WORDS = st.sampled_from(
    [
        *("inbound", "INBOUND", "incoming", "outbound_api", "outbound-dial", "outbound"),
        *("queued", "ringing", "In-Progress", "completed", "on_call", "busy", "available"),
        *("new-thing", "", " ", 'a "b"\\\n', "😀"),
    ]
)
TEXT = st.text(st.characters(), max_size=8)
"""Half a surrogate pair among them: JSON may hold one."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
AGENT = st.fixed_dictionaries(
    {},
    optional={
        "user_id": st.sampled_from(["a1", "a2", "a3"]) | JSON,
        "name": TEXT | JSON,
        "status": WORDS | JSON,
    },
)
ROW = (
    st.fixed_dictionaries(
        {},
        optional={
            "call_sid": TEXT | JSON,
            "direction": WORDS | JSON,
            "status": WORDS | JSON,
            "duration": st.integers(0, 20_000) | st.floats(0, 20_000) | JSON,
            "agent_details": st.none() | AGENT | JSON,
            "recording_enabled": st.booleans() | JSON,
            "start_time": TEXT | JSON,
            "from": TEXT | JSON,
            "to": TEXT | JSON,
        },
    )
    | JSON
)
CALLS = st.lists(
    st.builds(
        Call,
        call_sid=st.uuids().map(str) | st.text(min_size=1, max_size=200),
        direction=st.none() | WORDS.map(Direction),
        status=st.none() | st.sampled_from(CallStatus),
        duration=st.none() | st.floats() | st.integers(0, 20_000).map(float),
        agent_details=st.none()
        | st.builds(
            Agent,
            user_id=st.none() | st.sampled_from(["", "a", "b", "c"]),
            status=st.none() | st.sampled_from(AgentStatus),
        ),
        recording_enabled=st.none() | st.booleans(),
    ),
    max_size=40,
    unique_by=lambda each: each.call_sid,
)

HOSTILE = st.sampled_from(
    [
        *(
            'a "b"\\\n{}`,# 1',
            " # {} 1",
            "\\",
            "\n",
            '"',
            "\0",
            "\x85",
            "\u2028",
            "\ud800",
            "é",
            "😀",
            "{",
            "}",
        ),
        *("a\u200b", "a\u200c", "a\x01", "a\x02", "x" * 128 + "1", "x" * 128 + "2", "y" * 10_000),
    ]
) | st.text(st.characters(), min_size=1, max_size=8)
"""Texts that break what is badly quoted or cut, some of which differ only in what can't be printed."""
NUMBERS = (
    st.none()
    | TEXT
    | st.sampled_from(
        ["+91 80 1234 5678", "0918012345678", "8012345679", "+65 6789 0123", "0612345678", "sip:bot", ""]
    )
)
PERSONAL_CALLS = st.lists(
    st.builds(
        PersonalCall,
        call_sid=st.uuids().map(str) | HOSTILE,
        direction=st.none() | st.sampled_from(Direction),
        status=st.none() | st.sampled_from(CallStatus),
        duration=st.none() | st.floats() | st.sampled_from([0.0, 5.0, 60.0]),
        agent_details=st.sampled_from([UNSET, None])
        | st.builds(
            NamedAgent,
            user_id=st.none() | st.sampled_from(["", "a", "b"]) | HOSTILE,
            status=st.none() | st.sampled_from(AgentStatus),
            name=st.none() | st.sampled_from(["", "Ann", "Ben"]) | HOSTILE,
        ),
        recording_enabled=st.none() | st.booleans(),
        start_time=st.none() | st.just("2024-06-15T10:30:00.000Z") | TEXT,
        from_=NUMBERS,
        to=NUMBERS,
    ),
    max_size=20,
    unique_by=lambda each: each.call_sid,
)
"""Rows with personal data; those of CALLS have none."""

_FLAG = st.booleans() | JSON
LEG = (
    st.fixed_dictionaries(
        {},
        optional={
            "direction": st.sampled_from(["inbound", "Outbound"]) | JSON,
            "status": st.sampled_from(["ringing", "answered", "connected", "In_Progress", "completed"])
            | JSON,
            "network_type": st.sampled_from(["pstn", "VoIP"]) | JSON,
            "audio_status": st.fixed_dictionaries({}, optional={"muted": _FLAG, "hold": _FLAG}) | JSON,
        },
    )
    | JSON
)
STREAM = (
    st.fixed_dictionaries(
        {},
        optional={
            "status": WORDS | JSON,
            "duration": st.floats(0, 20_000) | JSON,
            "legs": st.lists(LEG, max_size=4) | JSON,
            "bridge": st.fixed_dictionaries(
                {},
                optional={
                    "status": st.sampled_from(["active", "Ended"]) | JSON,
                    "created_at": st.sampled_from(["2024-06-15T10:30:05.000Z", "0001-01-01T00:00:00Z"])
                    | JSON,
                },
            )
            | JSON,
            "recording": st.fixed_dictionaries(
                {},
                optional={
                    "enabled": _FLAG,
                    "channels": st.sampled_from(["single", "Dual"]) | JSON,
                    "duration": st.floats(0, 20_000) | JSON,
                },
            )
            | JSON,
        },
    )
    | JSON
)
"""What may stand where the details of a call should be; it names no call."""


def can_be_shown(text: str) -> bool:
    """Return whether nothing in a text is a control character; joiners are spelling."""
    return text.replace("\N{ZERO WIDTH JOINER}", "").replace("\N{ZERO WIDTH NON-JOINER}", "").isprintable()
