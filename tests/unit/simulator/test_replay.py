"""A capture that is served again gives the answers that it holds, and fails as they did."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from exporter.archive import Capture
from exporter.config import from_file
from exporter.exotel.errors import Reason
from exporter.simulator import Replay, ServerThread
from exporter.simulator.messages import Request, Response
from exporter.simulator.replay import configuration
from tests.replaying import (
    AGENT_STREAMS,
    BEGAN,
    CALLS,
    FIRST_PAGE,
    answered,
    capture,
    collected,
    failed,
    page,
    replayed,
)
from tests.waiting import GUARD

SHORT = {"collection": {"timeout": "500ms"}}


def asked(captured: Capture, *targets: str, pace: float = 1.0, method: str = "GET") -> list[Response]:
    """Return what a replay answers to these questions, in this order."""
    replay = Replay(captured, pace)

    async def ask() -> list[Response]:
        return [await replay.answer(Request(method, target, {})) for target in targets]

    return asyncio.run(ask())


def message(response: Response) -> str:
    """Return the message of an error in v3's form."""
    document = json.loads(response.body)
    assert document["http_code"] == document["response"]["code"] == response.status
    text: str = document["response"]["error_data"]["message"]
    return text


# Which answer


def test_the_nth_time_a_question_is_asked_it_gets_the_nth_answer() -> None:
    """And then the last one, again and again."""
    captured = capture(*(answered(FIRST_PAGE, number) for number in range(3)))
    bodies = [response.body for response in asked(captured, *[FIRST_PAGE] * 5)]
    assert bodies == [b"0", b"1", b"2", b"2", b"2"]


def test_what_the_exporter_broke_off_is_no_answer() -> None:
    """Whether the replay is asked so far again is a race: the answer that came is due at the first time."""
    broken_off = failed(FIRST_PAGE, "abandoned")
    captured = capture(broken_off, answered(FIRST_PAGE, 1), broken_off, answered(FIRST_PAGE, 2))
    assert [response.body for response in asked(captured, *[FIRST_PAGE] * 3)] == [b"1", b"2", b"2"]


def test_what_was_only_ever_broken_off_is_never_answered() -> None:
    """Who asks for it breaks it off again."""
    [response] = asked(capture(failed(FIRST_PAGE, "abandoned")), FIRST_PAGE)
    assert response.delivery == "hang"


def test_questions_are_counted_apart() -> None:
    """However the requests of one collection overtake one another."""
    other = f"{CALLS}/active?limit=100&offset=96"
    captured = capture(*(answered(target, target + str(n)) for n in (1, 2) for target in (FIRST_PAGE, other)))
    bodies = [json.loads(response.body) for response in asked(captured, other, other, FIRST_PAGE)]
    assert bodies == [other + "1", other + "2", FIRST_PAGE + "1"]


@pytest.mark.parametrize(
    ("captured", "target"),
    [
        (FIRST_PAGE, f"{CALLS}/active?offset=0&limit=100"),
        (f"{CALLS}/active?direction=&limit=1", f"{CALLS}/active?limit=1&direction="),
        (f"{CALLS}/a%2Fb/stream", f"{CALLS}/a%2fb/stream"),
        (f"{CALLS}/a~b/stream", f"{CALLS}/a%7Eb/stream"),
    ],
)
def test_it_is_the_same_question_however_it_is_written(captured: str, target: str) -> None:
    """Parameters in any order; characters with or without an escape."""
    assert asked(capture(answered(captured, 1)), target)[0].body == b"1"


@pytest.mark.parametrize(
    "target",
    [f"{CALLS}/active?limit=100", f"{CALLS}/active?limit=100&offset=0&offset=0", f"{CALLS}/a/b/stream"],
)
def test_it_is_another_question_where_anything_else_differs(target: str) -> None:
    """A parameter more or less; a slash that isn't escaped."""
    captured = capture(answered(FIRST_PAGE, 1), answered(f"{CALLS}/a%2Fb/stream", 1))
    assert asked(captured, target)[0].status == 501


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (f"{CALLS}/active?limit=50&offset=7", "a page with limit=50&offset=7"),
        (f"{CALLS}/active", "a page"),
        (f"{CALLS}/c9/stream", "details of this call"),
        (AGENT_STREAMS, "AgentStream"),
        ("/_simulator/truth", "this path"),
        ("//[", "this path"),
    ],
)
def test_a_question_that_was_never_asked_is_told_so(target: str, kind: str) -> None:
    """With what it asks for, and what the capture holds; the call isn't named."""
    pages = [f"{CALLS}/active?limit=100&offset={offset}" for offset in range(0, 700, 100)]
    details = answered(f"{CALLS}/c1/stream", {}, endpoint="streams")
    captured = capture(*(answered(target, page()) for target in pages), details)
    [response] = asked(captured, target)
    assert response.status == 501
    shown = "; ".join(f"limit=100&offset={offset}" for offset in range(0, 500, 100))
    holds = f"pages with {shown}; and 2 more, details of 1 call, and no AgentStream"
    assert message(response) == f"Not captured: {kind}. This capture holds {holds}"


def test_another_method_is_told_that_only_get_was_captured() -> None:
    """The exporter sends no other."""
    [response] = asked(capture(answered(FIRST_PAGE, page())), FIRST_PAGE, method="POST")
    assert response.status == 501
    assert message(response).startswith("Not captured: any POST. This capture holds pages with limit=100")


def test_another_account_is_unknown() -> None:
    """As to the API, whose code it has; the message names the right one."""
    [response] = asked(capture(answered(FIRST_PAGE, page())), FIRST_PAGE.replace("acme1", "acme2"))
    assert (response.status, message(response)) == (404, "Unknown tenant: this is a capture of account acme1")
    assert json.loads(response.body)["response"]["error_data"]["code"] == 1017


# How it is sent


def test_an_answer_arrives_as_it_was_captured() -> None:
    """Status, headers and each byte of the body; whatever the credentials; with its own length."""
    headers = (
        ("Content-Type", "text/html"),
        ("Date", "Sat, 15 Jun 2024 10:30:00 GMT"),
        ("X-RateLimit-Remaining", "7"),
        ("Content-Length", "4"),
        ("Content-Encoding", "gzip"),
        ("Transfer-Encoding", "chunked"),
        ("X-Odd", " caf\u00e9\r\n\x00"),
    )
    exchange = replace(answered(FIRST_PAGE, "", status=503, headers=headers), body=b"\xff\x00 <html>")
    with ServerThread(Replay(capture(exchange))) as server:
        found = requests.get(server.url + FIRST_PAGE, auth=("any", "one"), timeout=GUARD)
    assert (found.status_code, found.content) == (503, b"\xff\x00 <html>")
    assert {name.lower(): value for name, value in found.headers.items()} == {
        "content-type": "text/html",
        "date": "Sat, 15 Jun 2024 10:30:00 GMT",
        "x-ratelimit-remaining": "7",
        "content-length": "9",
        "x-odd": "caf????",
    }


def test_an_answer_without_a_content_type_has_none_again() -> None:
    """What a program makes of that may be the bug."""
    with ServerThread(Replay(capture(answered(FIRST_PAGE, 1, headers=())))) as server:
        found = requests.get(server.url + FIRST_PAGE, timeout=GUARD)
    assert {name.lower() for name in found.headers} == {"content-length"}


@pytest.mark.parametrize(("pace", "delay"), [(10.0, 20.0), (1.0, 2.0), (0.5, 1.0), (0.0, 0.0)])
def test_answers_take_as_long_as_the_pace_has_it(pace: float, delay: float) -> None:
    """A pace of 0 is that of tests."""
    [response] = asked(capture(answered(FIRST_PAGE, 1, seconds=2.0)), FIRST_PAGE, pace=pace)
    assert response.delay == delay


@pytest.mark.parametrize("name", ["Retry-After", "X-RateLimit-Reset"])
def test_a_moment_without_a_date_beside_it_gets_that_of_its_answer(name: str) -> None:
    """So that it is as far ahead as it was: the exporter would measure it against today."""
    exchange = replace(answered(FIRST_PAGE, 1, headers=((name, "1718447460"),), seconds=2.0), asked_at=28.0)
    [response] = asked(capture(exchange), FIRST_PAGE)
    assert dict(response.headers)["Date"] == "Sat, 15 Jun 2024 10:30:30 GMT"
    assert BEGAN + 30 == 1718447430


def test_an_answer_without_moments_gets_no_date() -> None:
    """One that tells none is a finding."""
    assert asked(capture(answered(FIRST_PAGE, 1)), FIRST_PAGE)[0].headers == ()


# How it fails


@pytest.mark.parametrize("status", [None, 200])
@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("timeout", Reason.TIMEOUT),
        ("connection", Reason.CONNECTION),
        ("bad_response", Reason.BAD_RESPONSE),
        ("tls", Reason.CONNECTION),  # there is no TLS here to fail
        ("of_later_versions", Reason.CONNECTION),
    ],
)
def test_a_request_without_a_whole_answer_fails_again(
    failure: str, reason: Reason, status: int | None
) -> None:
    """For the same reason, before or after its headers."""
    with replayed(capture(failed(FIRST_PAGE, failure, status=status), settings=SHORT)) as account:
        snapshot = collected(account)
    assert snapshot.failure is not None
    assert snapshot.failure.reason is reason


def test_an_answer_that_came_behind_a_failure_comes_behind_it_again() -> None:
    """The exporter asks again, and gets it."""
    captured = capture(failed(FIRST_PAGE, "connection"), answered(FIRST_PAGE, page("a", "b")))
    with replayed(captured) as account:
        snapshot = collected(account)
    assert snapshot.active_calls is not None
    assert snapshot.reported == 2


def test_it_stops_while_a_client_waits_for_an_answer_that_never_comes() -> None:
    """`with` ends."""
    with (
        ServerThread(Replay(capture(failed(FIRST_PAGE, "timeout")))) as server,
        pytest.raises(requests.Timeout),
    ):
        requests.get(server.url + FIRST_PAGE, timeout=0.1)


# What to export it with


def test_its_configuration_is_that_of_the_capture(tmp_path: Path) -> None:
    """Of this account at this place; with its lines, limits and whatever decides what is asked."""
    settings = {
        "account": {"call_limit": 20, "lines": {"sales": ["+918012345678"]}},
        "collection": {"page_size": 50, "timeout": "5s", "streams": {"enabled": True}, "agent_streams": True},
        "metrics": {"per_agent": True},
    }
    file = tmp_path / "replay.yaml"
    file.write_text(configuration(capture(settings=settings), "http://127.0.0.1:9928"), encoding="utf-8")
    config = from_file(file, {})
    [account] = config.accounts
    assert (account.name, account.base_url, account.call_limit) == ("acme1", "http://127.0.0.1:9928", 20)
    assert [line.name for line in account.lines] == ["sales"]
    assert (account.collection.page_size, account.collection.timeout) == (50, 5)
    assert account.collection.streams.enabled
    assert account.collection.agent_streams
    assert config.metrics.per_agent


def test_its_configuration_leads_nowhere_else(tmp_path: Path) -> None:
    """A capture comes from a stranger: no URL, no file, no variable of the environment, no other account."""
    deep: dict[str, object] = {}
    for _ in range(50):
        deep = {"deep": [deep]}
    settings = {
        "account": {"base_url": "http://evil.example", "api_key_file": "/etc/passwd", "deep": deep},
        "collection": {"proxy_url": "http://evil.example", "tls_config": {"ca_file": "/etc/passwd"}},
        "metrics": ["x"],
        "accounts": [{"account_sid": "other"}],
        "web": {"a\nb": 1, "ok": "${HOME}"},
    }
    text = configuration(capture(settings=settings), "http://127.0.0.1:9928")
    assert not any(bad in text for bad in ("evil", "passwd", "HOME", "other", "web", "metrics"))
    assert text.count("deep") < 5
