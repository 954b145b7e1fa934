"""Which calls a URL of /calls asks for."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.live import LiveCall
from exporter.exotel.enums import CallStatus, Direction
from exporter.http.live_query import WAITING, Choices, Query, Sort
from tests.live import inspection, live_calls
from tests.rows import agent, call, personal_call
from tests.snapshots import ANN, BEN, LEG, LINES

CHOICES = Choices(("acme", "beta & co"), LINES.names)
HELD = {"legs": [{**LEG, "audio_status": {"muted": False, "hold": True}}]}
NAMED = [
    personal_call("talking", "inbound", "in-progress", 42, ANN, to="08012345678"),
    personal_call("long", "outbound-api", "in-progress", 3700, BEN, from_="x"),
    personal_call("ringing", "incoming", "ringing", 0, None, to="+91 22 1234 5678"),
    personal_call("queued", "inbound", "queued"),
    personal_call("odd", "sideways"),
]
CALLS = live_calls(
    NAMED, before=[[NAMED[3]]], lines=LINES, has_names=True, inspections=[inspection(NAMED[1], HELD)]
).rows


def parse(query: str) -> Query:
    """Read what stands behind the question mark."""
    return Query.parse(parse_qsl(query, keep_blank_values=True), CHOICES)


def chosen(query: str, calls: tuple[LiveCall, ...] = CALLS) -> list[str]:
    """Return the calls that a URL asks for."""
    return [each.call_sid for each in parse(query).choose(calls)]


@pytest.mark.parametrize(
    ("query", "calls"),
    [
        ("", ["queued", "ringing", "long", "talking", "odd"]),
        ("account=acme", ["queued", "ringing", "long", "talking", "odd"]),
        ("account=beta+%26+co", []),
        ("line=sales", ["talking"]),
        ("line=other", ["queued", "long", "odd"]),
        ("direction=inbound", ["queued", "ringing", "talking"]),
        ("status=waiting", ["queued", "ringing"]),
        ("status=ringing", ["ringing"]),
        ("status=in-progress&direction=outbound-api", ["long"]),
        ("agent=ANN", ["talking"]),
        ("agent=ravi", ["long"]),
        ("agent=nobody", []),
        ("held=1", ["long"]),
        ("held=0", ["queued", "ringing", "long", "talking", "odd"]),
        ("longer_than=41s", ["long", "talking"]),
        ("longer_than=42s", ["long"]),
        ("longer_than=1h1m39s", ["long"]),
        ("longer_than=1h2m", []),
        (
            "account=&line=&direction=&status=&agent=&longer_than=",
            ["queued", "ringing", "long", "talking", "odd"],
        ),
        ("wallboard=1&_=12345", ["queued", "ringing", "long", "talking", "odd"]),
    ],
)
def test_a_filter_leaves_those_that_it_is_true_of(query: str, calls: list[str]) -> None:
    """Waiting calls come first, then those that have lasted longest."""
    asked = parse(query)
    assert not asked.rejected
    assert chosen(query) == calls


@pytest.mark.parametrize(
    ("sort", "calls"),
    [
        ("length", ["ringing", "queued", "talking", "long", "odd"]),
        ("-length", ["long", "talking", "queued", "ringing", "odd"]),
        ("-status", ["odd", "long", "talking", "ringing", "queued"]),
        ("agent", ["talking", "long", "queued", "ringing", "odd"]),
        ("hold", ["long", "talking", "queued", "ringing", "odd"]),
        ("line", ["ringing", "long", "queued", "odd", "talking"]),
        ("direction", ["talking", "queued", "ringing", "odd", "long"]),
    ],
)
def test_what_is_not_known_comes_last_in_either_direction(sort: str, calls: list[str]) -> None:
    """Among equals those come first that have lasted longest."""
    assert chosen(f"sort={sort}") == calls


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("status=gone", "status: found 'gone'; accepted: waiting, queued, ringing, in-progress, "),
        ("direction=up", "direction: found 'up'; accepted: inbound, outbound-api, "),
        ("longer_than=soon", "longer_than: found 'soon'; accepted: a duration like 90s, 5m or 1h30m"),
        ("longer_than=-5m", "longer_than: found '-5m'; accepted: a duration"),
        ("longer_than=9999999h", "longer_than: found '9999999h'; accepted: a duration"),
        ("held=perhaps", "held: found 'perhaps'; accepted: 1, 0"),
        ("sort=sid", "sort: found 'sid'; accepted: status, account, "),
        ("status=ringing&status=queued", "status: found 2 values; accepted: one"),
        ("account=gone", "account: found 'gone'; accepted: acme, beta & co"),
        ("line=gone", "line: found 'gone'; accepted: "),
        (f"agent={'x' * 129}", f"agent: found '{'x' * 60}'…; accepted: up to 128 characters of "),
        ("status=%3Cscript%3E%0A", r"status: found '<script>\n'; accepted: "),
    ],
)
def test_what_can_not_be_meant_is_told_with_what_is_accepted(query: str, told: str) -> None:
    """In one line each."""
    [rejected] = parse(query).rejected
    assert str(rejected).startswith(told)
    assert "\n" not in str(rejected)


def test_what_is_rejected_leaves_the_rest_as_it_is() -> None:
    """A filter that can't be meant chooses nothing, and doesn't keep the others from it."""
    assert chosen("status=gone&direction=outbound-api&sort=-length") == ["long"]


@pytest.mark.parametrize("query", ["account=gone", "line=gone"])
def test_an_account_or_line_that_there_is_not_has_no_calls(query: str) -> None:
    """One that a reload just removed isn't all the others."""
    assert chosen(query) == []


@pytest.mark.parametrize(
    "filtered", ["direction=inbound", "status=waiting", "agent=ann", "held=1", "longer_than=5m"]
)
def test_a_wallboard_is_of_an_account_or_a_line_alone(filtered: str) -> None:
    """Figures of some calls would be read as those of all: what else is asked is told."""
    query = parse(f"wallboard=1&account=acme&line=sales&sort=agent&{filtered}")
    [rejected] = query.rejected
    assert str(rejected).endswith("; accepted: nothing: a wallboard is of an account, a line, or all")
    assert query.has_no_calls
    assert query.scope == Query(account="acme", line="sales")
    assert not parse("wallboard=1&held=0&status=").rejected


def test_of_hundreds_of_accounts_some_are_told() -> None:
    """A page isn't made of them."""
    query = Query.parse([("account", "x")], Choices(tuple(f"account-{number}" for number in range(500))))
    [rejected] = query.rejected
    assert rejected.accepted.count("account-") == 20
    assert rejected.accepted.endswith(", …")


QUERIES = st.builds(
    Query,
    account=st.none() | st.sampled_from(CHOICES.accounts),
    line=st.none() | st.sampled_from(sorted(LINES.names)),
    direction=st.none() | st.sampled_from(Direction),
    status=st.none() | st.sampled_from([WAITING, *map(str, CallStatus)]),
    agent=st.text(st.characters(exclude_categories=["Cs"]), max_size=128).map(str.strip),
    held=st.booleans(),
    longer_than=st.none() | st.integers(0, 1_000_000).map(float),
    sort=st.sampled_from(Sort),
    descending=st.booleans(),
) | st.builds(
    Query,
    account=st.none() | st.sampled_from(CHOICES.accounts),
    line=st.none() | st.sampled_from(sorted(LINES.names)),
    wallboard=st.just(value=True),
)


@given(query=QUERIES)
def test_a_link_asks_for_what_it_was_made_of(query: Query) -> None:
    """Whatever is filtered by."""
    assert parse(query.url().removeprefix("?")) == query


@given(
    parameters=st.lists(
        st.tuples(
            st.sampled_from(
                ["account", "line", "direction", "status", "agent", "held", "longer_than", "sort"]
            )
            | st.text(),
            st.text(),
        )
    )
)
def test_any_parameters_make_a_query_that_chooses_among_the_calls(parameters: list[tuple[str, str]]) -> None:
    """Nothing that a URL can hold makes it fail; what it links to can be asked for in turn."""
    query = Query.parse(parameters, CHOICES)
    assert {each.call_sid for each in query.choose(CALLS)} <= {each.call_sid for each in CALLS}
    assert query.url(sort=Sort.LENGTH).startswith("?")
    assert all(str(each).isprintable() for each in query.rejected)


def test_an_agent_is_found_by_id_where_names_are_off() -> None:
    """And by a part of it, in any case."""
    calls = live_calls([call("a", agent_details=agent("Agent-7")), call("b", agent_details=agent())]).rows
    assert chosen("agent=agent", calls) == ["a"]
