"""Calls that have ended and are still listed, however the API says that they have."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from exporter.collect.breakdowns import Lines, each_agent, longest_calls
from exporter.collect.tallies import tally_agents, tally_calls
from exporter.collect.waits import Outcome
from exporter.config import Line
from exporter.exotel.decode import read_page, read_stream
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Call, PersonalCall
from tests.offenders import for_each
from tests.snapshots import life
from tests.unit.test_streams_collector import Collecting

#: How v3, v2 and v1 say that a call has ended, and the status that it is shown with.
ENDED = {
    "completed": "completed",
    "from_leg_unanswered": "no-answer",
    "to_leg_unanswered": "no-answer",
    "agent_unanswered": "no-answer",
    "customer_unanswered": "no-answer",
    "TO-LEG-UNANSWERED": "no-answer",
    "no_answer": "no-answer",
    "from_leg_cancelled": "canceled",
    "to_leg_canceled": "canceled",
    "agent_canceled": "canceled",
    "cancelled": "canceled",
    "to_leg_no_dial": "failed",
    "from_leg_no_dial": "failed",
    "agent_no_dial": "failed",
    "customer_no_dial": "failed",
    "to_leg_failed": "failed",
    "failed": "failed",
    "to_leg_busy": "busy",
    "busy": "busy",
}
#: The status of a call whose state is terminal, by the status that it still has.
TERMINAL: dict[Any, str] = {
    "in-progress": "completed",
    "ringing": "no-answer",
    "queued": "no-answer",
    "pondering": "completed",
    None: "completed",
    "": "completed",
    **ENDED,
}
GOING_ON = ["queued", "ringing", "in-progress", "from_leg_ringing", "to_leg_answered", "pondering"]
KINDS: tuple[type[Call], ...] = (Call, PersonalCall)
DURATIONS = (120, "120")
"""The second has the page read value by value."""


def read(kind: type[Call] = Call, **fields: Any) -> Call:
    """Read a row of an agent's call with these fields."""
    agent = {"user_id": "ann", "status": None}
    row = {"call_sid": "a", "direction": "inbound", "duration": 120, "agent_details": agent, **fields}
    [call] = read_page(
        json.dumps({"response": {"active_calls": [row], "total_active": 1}}).encode(), kind
    ).calls
    return call


@for_each((written, written) for written in ENDED)
def test_a_final_status_of_any_edition_is_an_ended_call(written: str) -> None:
    """By why it ended: nobody answered, somebody gave up, a party could not be dialled."""
    for kind, duration in product(KINDS, DURATIONS):
        call = read(kind, status=written, duration=duration)
        assert (call.status, type(call)) == (ENDED[written], kind)
        assert call.status is not None
        assert call.status.is_over


@for_each((str(written), written) for written in TERMINAL)
def test_a_terminal_state_is_an_ended_call_whatever_its_status(written: object) -> None:
    """One that was still waiting ended unanswered; of others the API calls a terminal one completed."""
    for kind, duration, state in product(KINDS, DURATIONS, ("terminal", "Terminal")):
        call = read(kind, status=written, state=state, duration=duration)
        assert call == read(kind, status=TERMINAL[written], duration=duration)


@for_each((str(state), state) for state in ["active", "pondering", "", None, 7, ["terminal"]])
def test_any_other_state_leaves_the_status_what_it_is(state: object) -> None:
    """A call that is ongoing, or ended with its processing pending, is told by its status."""
    for written, duration in product((*GOING_ON, *ENDED), DURATIONS):
        assert read(status=written, state=state, duration=duration).status == CallStatus(written)


@for_each((written, written) for written in GOING_ON)
def test_a_status_that_says_no_end_is_none(written: str) -> None:
    """What isn't known counts as active: a call too many is seen, one too few is not."""
    assert not CallStatus(written).is_over


@pytest.mark.parametrize(
    "fields",
    [{"status": "to_leg_no_dial"}, {"status": "in-progress", "state": "terminal"}, {"state": "terminal"}],
)
def test_an_ended_call_counts_nowhere_as_one_that_goes_on(fields: dict[str, Any]) -> None:
    """Not among the active pairs, the agents on a call, the longest calls, or those that are looked at."""
    call = read(PersonalCall, **fields)
    groups = {(group.direction, group.status): group.calls for group in tally_calls([call], [60]).groups}
    assert [status for (_, status), calls in groups.items() if calls] == [call.status]
    agents = tally_agents([call, read(PersonalCall, call_sid="b", **fields)])
    assert agents is not None
    assert (agents.on_call, agents.on_several_calls) == (0, 0)
    assert each_agent([call]) == ()
    assert longest_calls([call], 5, Lines([Line("sales", ("+918012345678",))])) == ()
    asked, streams = Collecting().look(5, call)
    assert (asked, streams.inspected, streams.pending) == ([], 0, 0)


def test_a_call_that_turns_terminal_ends_its_ring() -> None:
    """In the listing that shows it, not when it leaves the list; as unanswered, unless it was answered."""
    waiting = [read(call_sid=call_sid, status="ringing") for call_sid in "ab"]
    over = [
        read(call_sid="a", status="ringing", state="terminal"),
        read(call_sid="b", status="in-progress", state="terminal"),
    ]
    counted = life([], waiting, over).counts.rings
    rings = {outcome: counted[Direction.INBOUND, outcome].buckets[-1].cumulative for outcome in Outcome}
    assert rings == {"answered": 1, "unanswered": 1}


@for_each((str(written), written) for written in TERMINAL)
def test_the_details_of_a_call_tell_its_end_alike(written: object) -> None:
    """So a call that ended since it was listed holds nothing."""
    stream = {"call_sid": "a", "status": written, "state": "terminal"}
    read = read_stream(json.dumps({"response": {"stream": stream}}).encode(), "a")
    assert read.status == TERMINAL[written]
