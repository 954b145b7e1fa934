"""Rows as the API may send them, for property tests: believable ones mixed with anything JSON can hold."""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from exporter.api.rows import Agent, Call
from exporter.api.vocabulary import AgentStatus, CallStatus, Direction


def agent(user_id: str | None = None, status: str | None = None) -> Agent:
    """Give an agent whose status is written like this."""
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
    """Give a call whose direction and status are written like this."""
    return Call(
        call_sid,
        None if direction is None else Direction(direction),
        None if status is None else CallStatus(status),
        duration,
        agent_details,
        recording_enabled,
        start_time,
    )


WORDS = st.sampled_from(
    [
        *("inbound", "INBOUND", "incoming", "outbound_api", "outbound-dial", "outbound"),
        *("queued", "ringing", "In-Progress", "completed", "on_call", "busy", "available"),
        *("new-thing", "", " ", 'a "b"\\\n', "😀"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
AGENT = st.fixed_dictionaries(
    {}, optional={"user_id": st.sampled_from(["a1", "a2", "a3"]) | JSON, "status": WORDS | JSON}
)
ROW = (
    st.fixed_dictionaries(
        {},
        optional={
            "call_sid": st.text(max_size=6) | JSON,
            "direction": WORDS | JSON,
            "status": WORDS | JSON,
            "duration": st.integers(0, 20_000) | st.floats(0, 20_000) | JSON,
            "agent_details": st.none() | AGENT | JSON,
            "recording_enabled": st.booleans() | JSON,
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
