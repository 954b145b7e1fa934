"""Active calls as /calls shows them, from the rows of a listing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from msgspec import UNSET, UnsetType

from exporter.collect.breakdowns import Lines
from exporter.collect.holds import Hold
from exporter.collect.live import LiveCall
from exporter.config import Line
from exporter.exotel.enums import AgentStatus, CallStatus, Direction
from exporter.exotel.models import Agent, Call, NamedAgent, PersonalCall
from tests.live import AT, inspection, live_calls
from tests.rows import PERSONAL_CALLS, agent, call, can_be_shown, personal_call
from tests.snapshots import LEG

NUMBER = "+918012345678"
SALES = Lines([Line("sales", (NUMBER,))])
ASHA = NamedAgent("ann", AgentStatus.ON_CALL, "Asha Rao")


def row(
    of: Call, before: Sequence[Sequence[Call]] = (), lines: Lines | None = None, *, has_names: bool = False
) -> LiveCall:
    """Return a call as it is shown."""
    [shown] = live_calls([of], before=before, lines=lines, has_names=has_names).rows
    return shown


# How long


def test_a_call_that_came_between_two_listings_has_waited_since_about_halfway() -> None:
    """Listings are 15 s apart: it was seen in the second, and has waited since half an interval before."""
    ringing = call("a", "inbound", "ringing", 0.0)
    shown = row(ringing, before=[[], [ringing]])
    assert shown.is_waiting
    assert (shown.waiting_seconds, shown.waiting_seconds_at_least) == (22.5, False)
    assert shown.seconds == 22.5


def test_a_call_that_waited_when_it_was_first_listed_has_waited_at_least_since_then() -> None:
    """Nobody knows since when."""
    ringing = call("a", "inbound", "queued", 0.0)
    shown = row(ringing, before=[[ringing]])
    assert (shown.waiting_seconds, shown.waiting_seconds_at_least) == (15.0, True)


@pytest.mark.parametrize(
    ("status", "duration", "seconds"),
    [("in-progress", 42.0, 42.0), ("in-progress", None, None), ("completed", 42.0, 42.0), (None, 7.0, 7.0)],
)
def test_any_other_call_has_lasted_as_long_as_the_api_says(
    status: str | None, duration: float | None, seconds: float | None
) -> None:
    """Where durations count from the answer, that is how long it has been talked on."""
    shown = row(call("a", "inbound", status, duration))
    assert shown.seconds == seconds
    assert shown.talking_seconds == (seconds if status == "in-progress" else None)
    assert shown.waiting_seconds is None


@pytest.mark.parametrize("duration", [float("nan"), float("inf"), -1.0, 1e9])
def test_a_duration_that_can_not_be_is_unknown(duration: float) -> None:
    """Not shown, and not sorted by."""
    shown = row(call("a", "inbound", "in-progress", duration))
    assert (shown.duration_seconds, shown.talking_seconds, shown.seconds) == (None, None, None)


# Who


@pytest.mark.parametrize(
    ("details", "has_agent", "agent_id"),
    [(UNSET, None, None), (None, False, None), (agent("ann"), True, "ann"), (agent(), True, None)],
)
def test_no_agent_is_told_from_one_of_whom_nothing_is_known(
    details: Agent | UnsetType | None, has_agent: bool | None, agent_id: str | None
) -> None:
    """And from an API that doesn't speak of agents."""
    shown = row(call("a", "inbound", "in-progress", 1.0, details))
    assert (shown.has_agent, shown.agent_id) == (has_agent, agent_id)


def test_an_agent_has_a_name_only_where_names_are_asked_for() -> None:
    """Rows have names for the sake of lines, too."""
    talking = personal_call("a", "inbound", "in-progress", 1.0, ASHA, to=NUMBER)
    assert row(talking, lines=SALES).agent_name is None
    assert row(talking, has_names=True).agent_name == "Asha Rao"


@pytest.mark.parametrize(
    ("told", "as_id", "as_name"),
    [
        ("+919812345678", "…78", "…78"),
        ("Ravi 9812345678", "Ravi 9812345678", "Ravi …78"),
        ("Ravi (98123 45678)", "Ravi (98123 45678)", "Ravi (…78)"),
        ("agent-123456789", "agent-123456789", "agent-123456789"),
        ("0f9812345678ab", "0f9812345678ab", "0f9812345678ab"),
        ("1718447400", "1718447400", "…00"),
        ("മലര്\u200d", "മലര്\u200d", "മലര്\u200d"),
        ("a\u202eb", "a\N{REPLACEMENT CHARACTER}b", "a\N{REPLACEMENT CHARACTER}b"),
    ],
)
def test_a_telephone_number_in_an_id_or_a_name_is_not_shown(told: str, as_id: str, as_name: str) -> None:
    """Ids of digits are, which tell agents apart; and names as they are spelt in any script."""
    of = personal_call("a", "inbound", "in-progress", 1.0, NamedAgent(told, AgentStatus.ON_CALL, told))
    found = row(of, has_names=True)
    assert (found.agent_id, found.agent_name) == (as_id, as_name)


def test_agents_on_call_are_those_of_the_metric_among_the_calls_that_count() -> None:
    """Each once; None where the API doesn't speak of agents."""
    both = [call(sid, "inbound", "in-progress", 1.0, agent("ann", "on-call")) for sid in ("a", "b")]
    calls = live_calls([*both, call("c", "outbound-api", "in-progress", 1.0, agent("ben", "on-call"))])
    assert calls.agents_on_call(lambda _: True) == 2
    assert calls.agents_on_call(lambda each: each.direction is Direction.INBOUND) == 1
    assert live_calls([call("a")]).agents_on_call(lambda _: True) is None


def test_a_call_has_a_line_where_its_account_has_lines() -> None:
    """`other` for the rest; none where there are no lines, which is not `other`."""
    assert row(personal_call("a", "inbound", to=NUMBER), lines=SALES).line == "sales"
    assert row(personal_call("a", "inbound", to="+912212345678"), lines=SALES).line == "other"
    assert row(call("a", "inbound")).line is None


@given(calls=PERSONAL_CALLS)
def test_whatever_rows_say_no_number_is_shown_and_every_text_is_bounded_and_printable(
    calls: list[PersonalCall],
) -> None:
    """Each call is there once; what is shown can be written as JSON."""
    shown = live_calls(calls, lines=SALES, has_names=True).rows
    assert len(shown) == len(calls)
    for each, of in zip(shown, calls, strict=True):
        texts = [each.call_sid, each.agent_id or "", each.agent_name or ""]
        assert all(can_be_shown(text) and len(text) <= 128 for text in texts)
        values = msgspec.to_builtins(each).values()
        known = {of.call_sid, each.agent_id, each.agent_name, each.call_sid, "acme", "sales"}
        known |= {*map(str, Direction), *map(str, CallStatus)}
        for number in (of.from_, of.to):
            assert not number or number in known or number not in values
    assert msgspec.json.decode(msgspec.json.encode(shown), type=tuple[LiveCall, ...]) == shown


# Details


def test_an_inspected_call_has_its_legs_and_its_hold() -> None:
    """How long it has been seen on hold, and when it was inspected."""
    talking = call("a", "inbound", "in-progress", 90.0)
    legs = [
        {**LEG, "audio_status": {"muted": False, "hold": True}},
        {**LEG, "audio_status": {"muted": True, "hold": False}},
        {**LEG, "status": "completed"},
    ]
    hold = Hold(0.0, since=AT - 40, seen_at=AT - 5, was_told=True)
    calls = live_calls([talking], inspections=[inspection(talking, {"legs": legs}, AT - 5, hold)])
    details = calls.rows[0].details
    assert details is not None
    assert (details.legs, details.legs_muted, details.on_hold, details.on_hold_seconds) == (2, 1, True, 35.0)
    assert details.inspected_at.timestamp() == pytest.approx(calls.listed_at - 5)
    assert calls.rows[0].is_on_hold


def test_details_that_do_not_tell_are_unknown() -> None:
    """Not 0 legs, not off hold."""
    talking = call("a", "inbound", "in-progress", 90.0)
    details = live_calls([talking], inspections=[inspection(talking, {})]).rows[0].details
    assert details is not None
    assert (details.legs, details.legs_muted, details.on_hold) == (None, None, None)


@pytest.mark.parametrize("found_at", [AT - 60, float("-inf")])
def test_details_that_are_too_old_or_were_never_found_are_none(found_at: float) -> None:
    """As in the metrics: `max_age` is 60 s."""
    talking = call("a", "inbound", "in-progress", 90.0)
    calls = live_calls([talking], inspections=[inspection(talking, {"legs": [LEG]}, found_at)])
    assert calls.rows[0].details is None
    assert not calls.rows[0].is_on_hold


def test_two_listings_are_told_apart_also_where_they_hold_the_same() -> None:
    """So that what was written of one isn't taken for the other."""
    calls = [call("a")]
    assert live_calls(calls).number != live_calls(calls).number
