"""The longest calls, one by one."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from exporter.collect.breakdowns import Lines, LongCall, longest_calls, printable
from exporter.collect.tallies import is_plausible
from exporter.config import Line
from exporter.exotel.models import Agent, Call
from tests.rows import CALLS, PERSONAL_CALLS, agent, call, personal_call

NO_LINES = Lines(())


def sids(calls: list[Call], most: int) -> list[str]:
    """Return the call_sids of so many of the longest calls."""
    return [each.call_sid for each in longest_calls(calls, most, NO_LINES)]


def lasting(**seconds: float | None) -> list[Call]:
    """Return calls in progress that have lasted so long, by call_sid."""
    return [call(sid, "inbound", "in-progress", duration) for sid, duration in seconds.items()]


def test_the_longest_are_given_longest_first() -> None:
    """As many as are asked for, or as there are."""
    calls = lasting(a=1, b=300, c=20, d=4000)
    assert sids(calls, 2) == ["d", "b"]
    assert sids(calls, 9) == ["d", "b", "c", "a"]
    assert sids(calls, 0) == []


def test_of_equally_long_calls_the_first_by_call_sid_are_given() -> None:
    """The same ones at each scrape, so that no series comes and goes for nothing."""
    calls = lasting(d=60, b=60, a=60, c=60, e=61)
    assert sids(calls, 3) == sids(calls[::-1], 3) == ["e", "a", "b"]


@given(CALLS | PERSONAL_CALLS, st.integers(0, 30), st.randoms())
def test_the_order_of_the_list_changes_nothing(calls: list[Call], most: int, random: Random) -> None:
    """The API promises none."""
    mixed = random.sample(calls, len(calls))
    assert longest_calls(mixed, most, NO_LINES) == longest_calls(calls, most, NO_LINES)


@given(CALLS | PERSONAL_CALLS, st.integers(0, 30))
def test_no_call_that_is_left_out_has_lasted_longer(calls: list[Call], most: int) -> None:
    """Whatever the rows: so many, longest first, no series twice, and none of a call that is over."""
    found = longest_calls(calls, most, NO_LINES)
    candidates = [c for c in calls if is_plausible(c.duration) and not (c.status and c.status.is_over)]
    seconds = sorted((c.duration or 0.0 for c in candidates), reverse=True)
    assert len(found) <= most
    assert len({each.call_sid for each in found}) == len(found)
    if len({printable(c.call_sid) for c in candidates}) == len(candidates):
        assert [each.duration for each in found] == seconds[:most]
    assert [each.duration for each in found] == sorted((each.duration for each in found), reverse=True)
    assert not any(each.status.is_over for each in found)


@pytest.mark.parametrize("status", ["completed", "failed", "busy", "no-answer", "canceled", "cancelled"])
def test_a_call_that_is_over_is_none_of_them(status: str) -> None:
    """It lingers in the list, and lasts no longer."""
    assert sids([call("over", "inbound", status, 9000), *lasting(a=1)], 5) == ["a"]


@pytest.mark.parametrize("duration", [None, -1.0, math.nan, math.inf, 1e300, 604_801])
def test_a_duration_that_no_call_can_have_makes_none_of_them(duration: float | None) -> None:
    """A stuck figure of the API must not hide the longest calls."""
    assert sids(lasting(odd=duration, a=1), 5) == ["a"]


@pytest.mark.parametrize(
    ("details", "agent_id"),
    [
        (agent("ann", "on-call"), "ann"),
        (None, "none"),
        (UNSET, "unknown"),
        (Agent(), "unknown"),
        (agent("", "on-call"), "unknown"),
        (agent("a\n\0\ud800", None), "a\ufffd\ufffd\ufffd"),
    ],
)
def test_the_agent_is_told_by_id(details: Agent | UnsetType | None, agent_id: str) -> None:
    """`none` where the API says that there is none, `unknown` where it doesn't say."""
    [found] = longest_calls([call("a", duration=1, agent_details=details)], 1, NO_LINES)
    assert found.agent_id == agent_id


def test_a_call_is_told_with_all_its_labels() -> None:
    """Direction, status and line; `unknown` and `other` where there are none."""
    lines = Lines([Line("sales", ("+918012345678",))])
    calls: list[Call] = [
        personal_call("a", "incoming", "IN_PROGRESS", 9.5, None, from_="+911199999999", to="08012345678"),
        personal_call("b", duration=3),
    ]
    assert longest_calls(calls, 2, lines) == (
        LongCall("a", "none", "inbound", "in-progress", "sales", 9.5),  # type: ignore[arg-type]  # words equal their text
        LongCall("b", "unknown", "unknown", "unknown", "other", 3),  # type: ignore[arg-type]  # the same
    )


def test_calls_whose_ids_print_alike_are_one_series() -> None:
    """The longer one is shown: a series that comes twice would cost the whole scrape."""
    assert longest_calls(
        lasting(**{"a\0": 5, "a\1": 6, "x" * 128 + "1": 2, "x" * 128 + "2": 1}), 4, NO_LINES
    ) == (longest_calls(lasting(**{"a\ufffd": 6, "x" * 128: 2}), 4, NO_LINES))
