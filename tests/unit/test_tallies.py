"""The pure functions from rows to what is true of an account."""

from __future__ import annotations

import json
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from exporter.collect.tallies import (
    AgentTally,
    CallGroup,
    Histogram,
    is_plausible,
    pair_of,
    slots_used,
    tally_agents,
    tally_calls,
)
from exporter.exotel.decode import read_page
from exporter.exotel.enums import AgentStatus, CallStatus, Direction
from exporter.exotel.models import Agent, Call, PersonalCall
from tests.rows import CALLS, PERSONAL_CALLS, ROW, agent, call

BOUNDS = (5.0, 60.0, 600.0)
SECONDS = st.floats(0, 604_800) | st.sampled_from(BOUNDS)


def group(calls: list[Call], direction: str, status: str) -> CallGroup:
    """Tally, and give one group."""
    [found] = [g for g in tally_calls(calls, BOUNDS).groups if (g.direction, g.status) == (direction, status)]
    return found


def agents(*calls: Call) -> AgentTally:
    """Tally the agents of calls that speak of agents."""
    tally = tally_agents(calls)
    assert tally is not None
    return tally


def with_agent(sid: str, user_id: str | None, agent_status: str | None, status: str = "in-progress") -> Call:
    """Return a call with an agent."""
    return call(sid, status=status, agent_details=agent(user_id, agent_status))


@pytest.mark.parametrize(
    ("written", "direction"),
    [
        ("inbound", "inbound"),
        ("Incoming", "inbound"),
        ("OUTBOUND_API", "outbound-api"),
        (" outbound-dial ", "outbound-dial"),
        ("outbound", "outbound"),
        ("sideways", "other"),
        ("other", "other"),
        ("", "unknown"),
        (" ", "unknown"),
    ],
)
def test_a_direction_is_known_however_it_is_written(written: str, direction: str) -> None:
    """Case, underscores and other names of the same direction don't matter."""
    assert Direction(written) == direction


def test_known_directions_and_statuses_are_zero_when_there_are_none() -> None:
    """An empty account has nine groups, all zero: a dashboard shows 0, not a gap."""
    tally = tally_calls([], BOUNDS)
    assert len(tally.groups) == 9
    assert {(g.calls, g.recorded, g.longest, g.durations.sum) for g in tally.groups} == {(0, 0, 0.0, 0.0)}


def test_spellings_of_one_value_are_counted_together() -> None:
    """`IN_PROGRESS` and `in-progress` are one status."""
    calls = [call("a", "inbound", "in-progress"), call("b", "incoming", "IN_PROGRESS")]
    assert group(calls, "inbound", "in-progress").calls == 2


def test_the_longest_call_of_each_bucket_is_known() -> None:
    """5 s falls into the bucket up to 5; an empty bucket has no longest call."""
    calls = [
        call(sid, "inbound", "ringing", seconds)
        for sid, seconds in [("a", 1), ("b", 5), ("c", 61), ("d", 9e3)]
    ]
    found = group(calls, "inbound", "ringing")
    assert [(b.cumulative, b.longest) for b in found.durations.buckets] == [
        (2, (5, "b")),
        (2, None),
        (3, (61, "c")),
        (4, (9e3, "d")),
    ]
    assert (found.longest, found.durations.sum) == (9e3, 9067)


@pytest.mark.parametrize("duration", [None, -1.0, math.nan, math.inf, 1e300, 604_801])
def test_a_duration_that_no_call_can_have_counts_as_unknown(duration: float | None) -> None:
    """The call is counted, its duration is not."""
    tally = tally_calls([call("a", "inbound", "ringing", duration)], BOUNDS)
    assert tally.unknown["duration"] == 1
    assert sum(g.calls for g in tally.groups) == 1
    assert sum(g.durations.buckets[-1].cumulative for g in tally.groups) == 0


def test_only_what_is_said_to_be_recorded_is_counted_as_recorded() -> None:
    """Missing is not false: it is counted as unknown."""
    calls = [
        call(sid, "inbound", "ringing", recording_enabled=said)
        for sid, said in [("a", True), ("b", False), ("c", None)]
    ]
    assert group(calls, "inbound", "ringing").recorded == 1
    assert tally_calls(calls, BOUNDS).unknown["recording_enabled"] == 1


@given(CALLS | PERSONAL_CALLS)
def test_the_groups_together_are_the_calls(calls: list[Call]) -> None:
    """Whatever the rows, each call is in exactly one group, and each group is consistent in itself."""
    tally = tally_calls(calls, BOUNDS)
    assert sum(g.calls for g in tally.groups) == len(calls)
    assert len({(g.direction, g.status) for g in tally.groups}) == len(tally.groups)
    assert sum(g.recorded or 0 for g in tally.groups) == sum(call.recording_enabled is True for call in calls)
    for g in tally.groups:
        counts = [bucket.cumulative for bucket in g.durations.buckets]
        assert counts == sorted(counts)
        assert 0 <= (g.recorded or 0) <= g.calls
        assert 0 <= g.without_agent <= g.calls
        assert (g.longest is None) == (counts[-1] == 0 < g.calls)
        assert (g.longest or 0) <= g.durations.sum
        assert g.direction in Direction
        assert g.status in CallStatus
    timed = sum(g.durations.buckets[-1].cumulative for g in tally.groups)
    assert timed + tally.unknown.get("duration", 0) == len(calls)


@given(CALLS | PERSONAL_CALLS)
def test_each_figure_is_what_a_plain_count_of_the_rows_gives(calls: list[Call]) -> None:
    """The longest call of each bucket is one of those that no other in it exceeds."""
    for found in tally_calls(calls, BOUNDS).groups:
        own = [each for each in calls if pair_of(each) == (found.direction, found.status)]
        timed = [(each.duration, each.call_sid) for each in own if is_plausible(each.duration)]
        told = [each.recording_enabled for each in own if each.recording_enabled is not None]
        assert found.calls == len(own)
        assert found.recorded == (told.count(True) if told or not own else None)
        assert found.without_agent == sum(each.agent_details is None for each in own)
        assert found.durations.sum == math.fsum(seconds for seconds, _ in timed)
        below = -1.0
        for bucket in found.durations.buckets:
            held = {sid: seconds for seconds, sid in timed if below < seconds <= bucket.bound}
            assert bucket.cumulative == sum(seconds <= bucket.bound for seconds, _ in timed)
            if bucket.longest is None:
                assert not held
            else:
                seconds, sid = bucket.longest
                assert seconds == held[sid] == max(held.values())
            below = bucket.bound


def test_of_equally_long_calls_the_last_in_the_list_is_told() -> None:
    """Or the exemplar would change its call from one scrape to the next, though nothing did."""
    calls = [call(sid, "inbound", "ringing", 7) for sid in ("a", "b", "c")]
    assert group(calls, "inbound", "ringing").durations.buckets[1].longest == (7, "c")


@given(CALLS | PERSONAL_CALLS)
def test_each_figure_of_agents_is_what_a_plain_count_of_their_calls_gives(calls: list[Call]) -> None:
    """An agent's status is the first of the known ones that any of the calls tells."""
    own: dict[str, list[tuple[AgentStatus, CallStatus | None]]] = {}
    for each in calls:
        agent = each.agent_details
        if isinstance(agent, Agent) and agent.user_id:
            told = agent.status or AgentStatus.UNKNOWN
            own.setdefault(agent.user_id, []).append((told, each.status))
    statuses = {sid: min((told for told, _ in its), key=[*AgentStatus].index) for sid, its in own.items()}
    going_on = [[status for _, status in its if not (status and status.is_over)] for its in own.values()]
    on_call = [
        sid
        for sid, its in own.items()
        if statuses[sid] is AgentStatus.ON_CALL
        or (statuses[sid] is AgentStatus.UNKNOWN and CallStatus.IN_PROGRESS in {status for _, status in its})
    ]
    found = tally_agents(calls)
    if found is None:
        assert calls
        assert all(each.agent_details is UNSET for each in calls)
        return
    assert found.on_call == len(on_call)
    assert found.by_status == Counter(statuses.values())
    assert found.on_several_calls == sum(len(statuses) > 1 for statuses in going_on)


@given(CALLS, st.randoms())
def test_the_order_of_the_list_changes_nothing_that_is_counted(calls: list[Call], random: object) -> None:
    """The API promises no order."""
    shuffled = list(calls)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types its random loosely

    def counts(rows: list[Call]) -> object:
        tally = tally_calls(rows, BOUNDS)
        figures = [
            (
                g.direction,
                g.status,
                g.calls,
                g.recorded,
                g.longest,
                *(b.cumulative for b in g.durations.buckets),
            )
            for g in tally.groups
        ]
        return figures, tally.unknown, tally_agents(rows)

    assert counts(shuffled) == counts(calls)


@given(st.lists(ROW, max_size=12))
def test_any_rows_at_all_are_read_and_tallied(rows: list[object]) -> None:
    """Whatever JSON stands where rows should be: each row is a call or unreadable, and nothing breaks."""
    body = json.dumps({"response": {"active_calls": rows, "total_active": len(rows)}}).encode()
    page = read_page(body)
    assert page.rows == len(rows)
    assert sum(g.calls for g in tally_calls(page.calls, BOUNDS).groups) == len(page.calls)
    tally_agents(page.calls)


@given(st.lists(ROW, max_size=6), st.sampled_from([Call, PersonalCall]))
def test_any_rows_at_all_are_read_alike_with_more_fields(rows: list[object], kind: type[Call]) -> None:
    """To read the start, or personal data, changes nothing of the rest, readable or not."""
    body = json.dumps({"response": {"active_calls": rows, "total_active": len(rows)}}).encode()
    plain, more = read_page(body), read_page(body, kind)
    assert (more.unreadable, more.total) == (plain.unreadable, plain.total)
    assert tally_agents(more.calls) == tally_agents(plain.calls)
    for ours, theirs in zip(plain.calls, more.calls, strict=True):
        assert type(theirs) is kind
        told = [
            (str(each.call_sid), each.direction, each.status, str(each.duration)) for each in (ours, theirs)
        ]
        assert told[0] == told[1]
        assert ours.recording_enabled is theirs.recording_enabled


@given(st.lists(SECONDS), st.lists(SECONDS))
def test_histograms_add_up(some: list[float], others: list[float]) -> None:
    """What is counted in two parts is what is counted at once."""
    whole, parts = (
        Histogram.of(some + others, BOUNDS),
        Histogram.of(some, BOUNDS).plus(others),
    )
    assert parts.buckets == whole.buckets
    assert parts.sum == pytest.approx(whole.sum)
    assert [bucket.cumulative for bucket in whole.buckets] == [
        sum(seconds <= bound for seconds in some + others) for bound in (*BOUNDS, math.inf)
    ]


def test_an_agent_is_counted_once_however_many_calls() -> None:
    """Two calls of one agent: one agent on call, one on several calls."""
    tally = agents(
        with_agent("a", "ann", "on-call"), with_agent("b", "ann", "on_call"), call("c", agent_details=None)
    )
    assert (tally.on_call, tally.on_several_calls, tally.by_status[AgentStatus.ON_CALL]) == (1, 1, 1)


SLOTS = st.dictionaries(st.sampled_from(Direction), st.integers(1, 10))


def test_a_call_takes_the_slots_of_its_direction() -> None:
    """A direction without a number of its own takes one, and so does a call that tells no direction."""
    calls = [
        call("a", "outbound-api", "in-progress"),
        call("b", "OUTBOUND_API", "in-progress"),
        call("c", "inbound", "in-progress"),
        call("d", None, "in-progress"),
        call("e", "sideways", "in-progress"),
    ]
    tally = tally_calls(calls, BOUNDS)
    assert slots_used(tally, {}) == 5
    assert slots_used(tally, {"outbound-api": 2}) == 7
    assert slots_used(tally, {"unknown": 2, "other": 3}) == 8
    assert slots_used(tally_calls([], BOUNDS), {"inbound": 2}) == 0


@pytest.mark.parametrize("status", ["queued", "ringing", "in-progress", "pondering", None])
def test_a_call_that_has_not_ended_takes_all_its_slots(status: str | None) -> None:
    """The list doesn't tell whether its second leg is there, and an alert must not be late."""
    tally = tally_calls([call("a", "outbound-api", status)], BOUNDS)
    assert slots_used(tally, {"outbound-api": 2}) == 2


@pytest.mark.parametrize("status", [status for status in CallStatus if status.is_over])
def test_a_call_that_has_ended_takes_no_slot(status: CallStatus) -> None:
    """It lingers in the list, and has made room on the line."""
    tally = tally_calls([call("a", "outbound-api", status), call("b", "inbound", "ringing")], BOUNDS)
    assert slots_used(tally, {"outbound-api": 2}) == 1


@given(CALLS | PERSONAL_CALLS, SLOTS)
def test_slots_are_the_calls_that_count_where_each_takes_one(
    calls: list[Call], slots: dict[str, int]
) -> None:
    """Ones change nothing; other numbers never make it fewer, nor more than the greatest for each call."""
    tally = tally_calls(calls, BOUNDS)
    going_on = sum(not (call.status and call.status.is_over) for call in calls)
    assert slots_used(tally, {}) == slots_used(tally, dict.fromkeys(Direction, 1)) == going_on
    assert going_on <= slots_used(tally, slots) <= going_on * max(slots.values(), default=1)


def test_an_agent_who_is_busy_is_not_on_call() -> None:
    """The status that the API gives decides, where it gives one."""
    assert agents(with_agent("a", "ann", "busy")).on_call == 0


def test_an_agent_without_status_is_on_call_when_the_call_is_in_progress() -> None:
    """Where the API gives no status, the call tells."""
    tally = agents(with_agent("a", "ann", None), with_agent("b", "ben", None, status="ringing"))
    assert (tally.on_call, tally.by_status[AgentStatus.UNKNOWN]) == (1, 2)


def test_an_agent_without_identity_is_no_agent_but_is_counted_as_unknown() -> None:
    """Nobody can be told apart who has no id."""
    tally = agents(with_agent("a", None, "on-call"))
    assert (tally.on_call, sum(tally.by_status.values()), tally.unknown["agent_id"]) == (0, 0, 1)


def test_an_api_that_says_nothing_of_agents_gives_no_tally() -> None:
    """No row has agent_details: that is not the same as no agent."""
    assert tally_agents([call("a"), call("b")]) is None
    assert agents(call("a"), call("b", agent_details=None)).unknown["agent_details"] == 1
    assert agents().on_call == 0


@given(CALLS | PERSONAL_CALLS)
def test_no_more_agents_than_there_are(calls: list[Call]) -> None:
    """Counts of agents never exceed the distinct ids in the rows."""
    tally = tally_agents(calls)
    if tally is None:
        assert all(call.agent_details is UNSET for call in calls)
        return
    ids = {
        c.agent_details.user_id
        for c in calls
        if isinstance(c.agent_details, Agent) and c.agent_details.user_id
    }
    assert sum(tally.by_status.values()) == len(ids)
    assert max(tally.on_call, tally.on_several_calls) <= len(ids)
    assert set(tally.by_status) <= set(AgentStatus)
