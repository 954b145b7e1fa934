"""What is told of each agent, and that names and numbers are read only where they are asked for."""

from __future__ import annotations

import json
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.breakdowns import AgentCalls, agent_names, each_agent
from exporter.collect.tallies import is_plausible
from exporter.exotel.decode import read_page
from exporter.exotel.models import Agent, Call, NamedAgent, PersonalCall
from tests.rows import CALLS, PERSONAL_CALLS, agent, call, can_be_shown, personal_call

NAME, NUMBER = "Asha Rao", "+911198765432"


def with_agent(call_sid: str, user_id: str | None, duration: float | None, status: str = "ringing") -> Call:
    """Return a call with an agent."""
    return call(call_sid, status=status, duration=duration, agent_details=agent(user_id))


def named(call_sid: str, user_id: str | None, name: str | None, status: str | None = None) -> Call:
    """Return a call whose agent has a name."""
    return personal_call(call_sid, status=status, agent_details=NamedAgent(user_id, name=name))


def test_calls_are_gathered_by_agent() -> None:
    """Sorted by id; how many calls, and the longest of them."""
    calls = [
        with_agent("a", "ben", 5),
        with_agent("b", "ann", 0),
        with_agent("c", "ben", 70),
        call("d", agent_details=None),
        call("e"),
        with_agent("f", None, 8),
        with_agent("g", "", 8),
    ]
    assert each_agent(calls) == (AgentCalls("ann", 1, 0), AgentCalls("ben", 2, 70))


@pytest.mark.parametrize("status", ["completed", "failed", "busy", "no-answer", "canceled"])
def test_a_call_that_is_over_is_no_call_of_the_agent(status: str) -> None:
    """It lingers in the list, and the agent with it."""
    calls = [
        with_agent("a", "ann", 9000, status),
        with_agent("b", "ann", 5),
        with_agent("c", "ben", 1, status),
    ]
    assert each_agent(calls) == (AgentCalls("ann", 1, 5),)
    over = [named("a", "1", "Ann", status), named("b", "2", "Ann", status)]
    assert agent_names([*over, named("c", "2", "Ben", "ringing")]) == {"2": "Ben"}


def test_a_call_whose_duration_is_not_told_is_counted() -> None:
    """Only where none of them is told, the longest is unknown: it isn't 0."""
    odd = [None, -1.0, math.nan, math.inf, 1e300]
    calls = [with_agent(f"{user}-{seconds}", user, seconds) for user in ("ann", "ben") for seconds in odd]
    assert each_agent([*calls, with_agent("b", "ben", 3)]) == (
        AgentCalls("ann", 5, None),
        AgentCalls("ben", 6, 3),
    )


@given(CALLS | PERSONAL_CALLS, st.randoms())
def test_every_call_with_an_agent_counts_for_one(calls: list[Call], random: Random) -> None:
    """Whatever the ids, and in whatever order: no id twice, none that can't be printed."""
    found = each_agent(calls)
    going_on = [
        c
        for c in calls
        if isinstance(c.agent_details, Agent)
        and c.agent_details.user_id
        and not (c.status and c.status.is_over)
    ]
    plausible = [c.duration for c in going_on if is_plausible(c.duration)]
    assert sum(each.calls for each in found) == len(going_on)
    assert max((each.longest or 0 for each in found), default=0) == max(plausible, default=0)
    assert len({each.agent_id for each in found}) == len(found)
    assert all(can_be_shown(each.agent_id) and 0 < len(each.agent_id) <= 128 for each in found)
    assert each_agent(random.sample(calls, len(calls))) == found


def test_names_are_told_by_id() -> None:
    """Where an agent has both; of several names the first by the alphabet, whatever the order of rows."""
    calls = [named("a", "1", "Zoe"), named("b", "1", "Ann"), named("c", "1", "Mia"), named("d", "2", "Ben")]
    calls += [
        named("e", "3", None),
        named("f", "4", ""),
        named("g", None, "Nobody"),
        named("h", "", "Nobody"),
    ]
    assert agent_names(calls) == agent_names(calls[::-1]) == {"1": "Ann", "2": "Ben"}


@given(PERSONAL_CALLS, st.randoms())
def test_every_name_is_printable_and_the_same_in_any_order(calls: list[Call], random: Random) -> None:
    """Whatever the API writes as a name."""
    names = agent_names(calls)
    assert agent_names(random.sample(calls, len(calls))) == names
    assert all(can_be_shown(text) and 0 < len(text) <= 128 for pair in names.items() for text in pair)


def test_a_name_is_bounded_and_escaped_by_no_one_but_the_exposition() -> None:
    """Quotes and backslashes stay, what no parser bears doesn't."""
    hostile = '"; DROP TABLE agents; -- \\ 😀\n\0\u2028\ud800'
    assert agent_names([named("a", "1", hostile)]) == {"1": '"; DROP TABLE agents; -- \\ 😀' + "\ufffd" * 4}
    assert agent_names([named("a", "1", "x" * 10_000)]) == {"1": "x" * 128}


def test_rows_have_no_place_for_personal_data_unless_it_is_asked_for() -> None:
    """What isn't decoded can't leak."""
    plain = (
        "call_sid",
        "direction",
        "status",
        "duration",
        "agent_details",
        "recording_enabled",
        "start_time",
    )
    assert Call.__struct_fields__ == (*plain, "state")
    assert PersonalCall.__struct_fields__ == (*plain, "from_", "to", "state")
    assert Agent.__struct_fields__ == ("user_id", "status")
    assert NamedAgent.__struct_fields__ == ("user_id", "status", "name")


def test_a_row_with_personal_data_shows_its_call_alone() -> None:
    """Wherever it is printed."""
    row = personal_call("a", "inbound", agent_details=NamedAgent("ann", name=NAME), from_=NUMBER, to=NUMBER)
    assert repr(row) == str(row) == "PersonalCall('a')"


@pytest.mark.parametrize("duration", [120, "120"])  # the second has the rows read field by field
def test_plain_rows_hold_no_name_and_no_number(duration: object) -> None:
    """Neither way of reading keeps them, and no name can be told."""
    row = {
        "call_sid": "a",
        "from": NUMBER,
        "to": NUMBER,
        "duration": duration,
        "agent_details": {"user_id": "ann", "name": NAME},
    }
    body = json.dumps({"response": {"active_calls": [row], "total_active": 1}}).encode()
    [found] = read_page(body, Call).calls
    assert isinstance(found.agent_details, Agent)
    assert found.agent_details.user_id == "ann"
    assert NAME not in repr(found)
    assert NUMBER not in repr(found)
    assert agent_names([found]) == {}
