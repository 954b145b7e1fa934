"""Each profile of a whole server is served over HTTP, and does what its description says."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import pytest

from exporter.simulator import Settings, Simulator
from exporter.simulator.profile import Beside, Profile
from exporter.simulator.profiles import PROFILES
from exporter.simulator.random_server import random_server
from exporter.simulator.servers import SERVERS
from exporter.simulator.settings import FLAT_DAY
from exporter.simulator.traffic import seeded_random
from tests.unit.simulator.ask import EPOCH, calls, every_row, get, page

Check = Callable[[Simulator], None]
CALLS = 250
AGENT_STREAMS = "/v1/Accounts/demo/ActiveStreams"
LIMIT = "X-RateLimit-Limit"


def serving(profile: Profile) -> Simulator:
    """Return a simulator of a profile, with a stopped clock."""
    return Simulator(Settings(calls=CALLS, speed=0, epoch=EPOCH, day=FLAT_DAY, profile=profile))


def stream_of(simulator: Simulator, row: dict[str, Any]) -> Any:
    """Return the stream of a listed call."""
    return get(simulator, f"/v3/accounts/demo/calls/{row['call_sid']}/stream").json()["response"]["stream"]


def remaining(simulator: Simulator, path: str = "/v3/accounts/demo/calls/active") -> int:
    """Return how many requests an answer says remain."""
    return int(get(simulator, path).headers["X-RateLimit-Remaining"])


def agent_id_in(rows: list[dict[str, Any]]) -> object:
    """Return the first agent's user_id."""
    return next(row["agent_details"]["user_id"] for row in rows if row.get("agent_details"))


def refuses(status: int, **asked: object) -> Check:
    """Check that a request for the list gets this status, but one without parameters is served."""

    def check(simulator: Simulator) -> None:
        assert calls(simulator, **asked).status_code == status
        assert calls(simulator).status_code == 200

    return check


def ends_at_100(simulator: Simulator) -> None:
    """Check that row 100 is the last that is served, though the total tells more."""
    last = page(simulator, limit=50, offset=50)
    assert (len(last["active_calls"]), last["total_active"]) == (50, CALLS)
    beyond = calls(simulator, limit=50, offset=100)
    assert beyond.status_code == 400 or not beyond.json()["response"]["active_calls"]


def has_no_filters(simulator: Simulator) -> None:
    """Check that every row is served whatever is asked for."""
    for asked in ({"direction": "inbound"}, {"direction": "sideways"}, {"agent_id": "nobody"}):
        assert page(simulator, **asked) == page(simulator)


def refuses_filters(simulator: Simulator) -> None:
    """Check that both filters are refused."""
    refuses(400, direction="inbound")(simulator)
    refuses(400, agent_id="nobody")(simulator)


def selects(*directions: str) -> Check:
    """Check which directions `outbound` selects, and that `inbound` and agents select theirs."""

    def check(simulator: Simulator) -> None:
        rows = every_row(simulator)
        for asked, expected in (("outbound", set(directions)), ("inbound", {"inbound"})):
            selected = [row for row in rows if row["direction"] in expected]
            assert every_row(simulator, direction=asked) == selected
            assert page(simulator, direction=asked)["total_active"] == len(selected)
        agent_id = agent_id_in(rows)
        of_agent = [row for row in rows if (row["agent_details"] or {}).get("user_id") == agent_id]
        assert page(simulator, agent_id=agent_id)["active_calls"] == of_agent

    return check


def counts_all(simulator: Simulator) -> None:
    """Check that a filter leaves the total alone."""
    found = page(simulator, direction="inbound", limit=100)
    assert {row["direction"] for row in found["active_calls"]} == {"inbound"}
    assert found["total_active"] == CALLS


def lacks(*names: str) -> Check:
    """Check that no row has these fields, and that every row has the others."""

    def check(simulator: Simulator) -> None:
        with serving(Profile("")) as usual:
            expected = {*page(usual)["active_calls"][0]} - {*names}
        assert all(row.keys() == expected for row in every_row(simulator))

    return check


def writes_texts(simulator: Simulator) -> None:
    """Check the types of duration, recording_enabled and user_id."""
    rows = every_row(simulator)
    assert all(row["duration"].isdecimal() for row in rows)
    assert {row["recording_enabled"] for row in rows} == {"true", "false"}
    agent_id = agent_id_in(rows)
    assert isinstance(agent_id, int)
    selected = page(simulator, agent_id=agent_id)["active_calls"]
    assert {row["agent_details"]["user_id"] for row in selected} == {agent_id}


def has_new_values(simulator: Simulator) -> None:
    """Check which values rows have, and that they keep them; /stream shows the same status."""
    rows = every_row(simulator)
    assert {row["status"] for row in rows} == {"queued", "ringing", "in-progress", "on-hold", "transferred"}
    assert {row["direction"] for row in rows} == {"inbound", "outbound-api", "callback"}
    assert every_row(simulator) == rows
    assert all(stream_of(simulator, row)["status"] == row["status"] for row in rows[:20])
    assert every_row(simulator, direction="outbound") == [
        row for row in rows if row["direction"] == "outbound-api"
    ]


def has_extra_fields(simulator: Simulator) -> None:
    """Check that there are fields which other servers don't have."""
    with serving(Profile("")) as usual:
        [row], [plain] = (page(each, limit=1)["active_calls"] for each in (simulator, usual))
    assert row.keys() > plain.keys()
    assert plain.items() <= row.items()


def counts_from_start(simulator: Simulator) -> None:
    """Check that calls which weren't answered have durations too, and that they are those of /stream."""
    simulator.advance(30)
    waiting = [row for row in every_row(simulator) if row["status"] in {"queued", "ringing"}]
    assert sum(row["duration"] > 0 for row in waiting) > len(waiting) / 2
    assert all(stream_of(simulator, row)["duration"] == row["duration"] for row in waiting)


def refuses_streams(status: int) -> Check:
    """Check that no call has a stream."""

    def check(simulator: Simulator) -> None:
        for row in page(simulator, limit=3)["active_calls"]:
            path = f"/v3/accounts/demo/calls/{row['call_sid']}/stream"
            assert get(simulator, path).status_code == status

    return check


def shows_one_outbound_leg(simulator: Simulator) -> None:
    """Check the legs of calls in progress, most of which have two."""
    talking = [row for row in every_row(simulator) if row["status"] == "in-progress"]
    legs = [(row["direction"] == "inbound", len(stream_of(simulator, row)["legs"])) for row in talking]
    assert {count for is_inbound, count in legs if not is_inbound} == {1}
    assert max(count for is_inbound, count in legs if is_inbound) >= 2


def refuses_agent_streams(status: int) -> Check:
    """Check AgentStream's status."""

    def check(simulator: Simulator) -> None:
        assert get(simulator, AGENT_STREAMS).status_code == status

    return check


def writes_agent_streams_as_xml(simulator: Simulator) -> None:
    """Check the format and the limit, which is that of the settings."""
    assert "<ThrottleLimit>100</ThrottleLimit>" in get(simulator, AGENT_STREAMS).text


def is_limited(*, apart: bool) -> Check:
    """Check that headers tell the limit, and whether /stream takes from that of the list."""

    def check(simulator: Simulator) -> None:
        [row] = page(simulator, limit=1)["active_calls"]
        assert calls(simulator).headers[LIMIT] == "120"
        stream = f"/v3/accounts/demo/calls/{row['call_sid']}/stream"
        of_list, of_stream = remaining(simulator), remaining(simulator, stream)
        if of_stream == 119 and not apart:  # a minute has ended
            of_list, of_stream = remaining(simulator), remaining(simulator, stream)
        assert apart == (of_stream > of_list)

    return check


def is_ahead_by(seconds: float) -> Check:
    """Check the clock of answers and rows against ours."""

    def check(simulator: Simulator) -> None:
        with Simulator(Settings(calls=20, speed=0, profile=simulator.settings.profile)) as now:
            answered = calls(now)
            date = parsedate_to_datetime(answered.headers["Date"]).timestamp()
            assert seconds - 30 < date - time() <= seconds
            assert abs(now.truth().now - date) < 30

    return check


CHECKS: dict[str, Check] = {
    "limit-422": refuses(422, limit=51),
    "window-100": ends_at_100,
    "window-100-refused": ends_at_100,
    "filters-ignored": has_no_filters,
    "filters-refused": refuses_filters,
    "outbound-api": selects("outbound-api"),
    "outbound-literal": selects(),
    "filters-count-all": counts_all,
    "slim": lacks("direction", "agent_details"),
    "start-missing": lacks("start_time"),
    "recording-missing": lacks("recording_enabled"),
    "agents-missing": lacks("agent_details"),
    "texts": writes_texts,
    "new-values": has_new_values,
    "extra-fields": has_extra_fields,
    "duration-from-start": counts_from_start,
    "streams-404": refuses_streams(404),
    "streams-403": refuses_streams(403),
    "one-leg": shows_one_outbound_leg,
    "agent-streams-xml": writes_agent_streams_as_xml,
    "agent-streams-404": refuses_agent_streams(404),
    "agent-streams-403": refuses_agent_streams(403),
    "limited": is_limited(apart=False),
    "limited-apart": is_limited(apart=True),
    "clock-ahead": is_ahead_by(7),
    "clock-behind": is_ahead_by(-120),
}


def test_every_server_is_checked() -> None:
    """A new profile needs a check of its own, and a name of its own."""
    assert CHECKS.keys() == SERVERS.keys()
    assert not SERVERS.keys() & PROFILES.keys()


@pytest.mark.parametrize("name", CHECKS)
def test_a_server_does_what_it_says(name: str) -> None:
    """Over HTTP."""
    with serving(SERVERS[name]) as simulator:
        CHECKS[name](simulator)


def test_a_profile_filters_as_the_api_does() -> None:
    """Unless it says otherwise."""
    with serving(PROFILES["newest"]) as simulator:
        selects("outbound-api", "outbound-dial")(simulator)


@pytest.mark.parametrize("total", ["active", "page"])
def test_the_total_of_a_selection_is_of_the_kind_that_the_whole_list_has(total: Any) -> None:
    """Of active calls, or of this page."""
    with serving(Profile("", linger=60.0, total=total)) as simulator:
        simulator.advance(60)
        rows = every_row(simulator, direction="inbound")
        active = sum(row["status"] in {"queued", "ringing", "in-progress"} for row in rows)
        found = page(simulator, direction="inbound", limit=10)
    assert found["total_active"] == {"active": active, "page": 10}[total]
    assert active < len(rows)


def test_a_cached_page_is_not_that_of_another_filter() -> None:
    """Each selection has its own."""
    with serving(PROFILES["cache"]) as simulator:
        found = [page(simulator, direction=each)["active_calls"] for each in ("inbound", "outbound")]
    assert [{row["direction"] == "inbound" for row in rows} for rows in found] == [{True}, {False}]


def test_a_limit_of_a_profile_refuses() -> None:
    """As that of the settings does, whatever the settings say."""
    profile = Profile("", beside=Beside(rate_limit=1))
    with Simulator(Settings(calls=1, speed=0, requests_per_minute=50, profile=profile)) as simulator:
        assert 429 in {calls(simulator).status_code for _ in range(3)}  # a minute may end among them


DRAWN = [random_server(seeded_random(seed)) for seed in range(400)]

#: What random servers are to differ in, by a trait's name.
TRAITS: dict[str, Callable[[Profile], object]] = {
    "largest page": lambda drawn: drawn.pages.max_limit,
    "larger limits": lambda drawn: (drawn.pages.limits, drawn.pages.rejection),
    "whole list": lambda drawn: drawn.pages.whole,
    "window": lambda drawn: (drawn.pages.window, drawn.pages.past_window),
    "end": lambda drawn: drawn.pages.past_end,
    "offsets": lambda drawn: drawn.pages.offsets,
    "order": lambda drawn: drawn.order,
    "total": lambda drawn: (drawn.total, drawn.total_lag > 0, drawn.total_cache > 0),
    "lingering": lambda drawn: drawn.linger,
    "doubled": lambda drawn: drawn.doubled,
    "fields": lambda drawn: drawn.fields.missing,
    "texts": lambda drawn: drawn.fields.texts,
    "agents": lambda drawn: drawn.fields.numeric_agents,
    "statuses": lambda drawn: drawn.fields.statuses,
    "directions": lambda drawn: drawn.fields.directions,
    "extra fields": lambda drawn: drawn.fields.extra,
    "duration": lambda drawn: drawn.from_start,
    "direction filter": lambda drawn: drawn.filters.direction,
    "outbound": lambda drawn: drawn.filters.outbound,
    "agent filter": lambda drawn: drawn.filters.agent_id,
    "total of a filter": lambda drawn: drawn.filters.total,
    "streams": lambda drawn: drawn.beside.streams,
    "legs": lambda drawn: drawn.beside.outbound_legs,
    "AgentStream": lambda drawn: drawn.beside.agent_streams,
    "rate limit": lambda drawn: drawn.beside.rate_limit,
    "details' bucket": lambda drawn: drawn.beside.streams_apart,
    "clock": lambda drawn: drawn.clock,
}


@pytest.mark.parametrize("trait", TRAITS)
def test_random_servers_differ_in_every_trait(trait: str) -> None:
    """And by the seed alone."""
    assert len({TRAITS[trait](drawn) for drawn in DRAWN}) > 1
    assert TRAITS[trait](random_server(seeded_random(7))) == TRAITS[trait](DRAWN[7])


def test_random_servers_are_mostly_sane() -> None:
    """Most have offsets that count rows, and an order that rows show or keep."""
    assert sum(drawn.pages.offsets == "rows" for drawn in DRAWN) > 0.8 * len(DRAWN)
    assert sum(drawn.order in {"start", "newest", "sid"} for drawn in DRAWN) > 0.6 * len(DRAWN)
    assert len({drawn.description for drawn in DRAWN}) > 0.99 * len(DRAWN)


def test_a_random_server_hides_no_trait_behind_another() -> None:
    """Rows that can't all be seen don't linger, aren't doubled, and have a visible order and total."""
    partly = [drawn for drawn in DRAWN if drawn.pages.window or drawn.pages.offsets == "ignored"]
    assert partly
    for drawn in partly:
        assert (drawn.linger, drawn.doubled) == (0, 0)
        assert drawn.total in {"rows", "none"}
        assert drawn.order in {"start", "newest"}
    assert all(drawn.linger for drawn in DRAWN if drawn.total == "active")
    assert not any(drawn.from_start for drawn in DRAWN if "start_time" in drawn.fields.missing)


@pytest.mark.parametrize("seed", range(20))
def test_a_random_server_is_served(seed: int) -> None:
    """Its rows are of real calls."""
    with Simulator(Settings(calls=60, speed=0, epoch=EPOCH, profile=DRAWN[seed])) as simulator:
        simulator.advance(5)
        known = simulator.truth().call_sids
        assert {row["call_sid"] for row in page(simulator, limit=20)["active_calls"]} & known
