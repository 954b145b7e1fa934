"""The client's requests for the details of calls and for AgentStream sessions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
import requests
import requests_mock

from exporter.config import AccountConfig, CollectionConfig
from exporter.exotel import client as client_module
from exporter.exotel.client import Client
from exporter.exotel.deadline import Deadline
from exporter.exotel.decode import read_stream
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.models import AgentStreams, Stream
from tests.unit.test_client import BASE, TOKEN, Heard
from tests.unit.test_client import account as account_of_the_mock
from tests.unit.test_decode import v1_error, v3_error
from tests.unit.test_streams import READ, STREAM_OF_THE_PAGE, body
from tests.waiting import scaled

CALLS_URL = f"{BASE}/v3/accounts/acme1/calls"
STREAM = body(STREAM_OF_THE_PAGE)


@pytest.fixture
def api() -> Iterator[requests_mock.Mocker]:
    """Answers for every request; one that no test announced fails."""
    with requests_mock.Mocker(case_sensitive=True) as mocker:
        yield mocker


@contextmanager
def answering(seconds: dict[str, float]) -> Iterator[str]:
    """Yield a server that takes so long for each call. The mock can't."""
    over = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer when it is time."""
            call_sid = next((sid for sid in seconds if sid in self.path), "")
            over.wait(seconds[call_sid])
            self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + stream_of(call_sid, int(call_sid[5:] or 0)))

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            over.set()
            server.shutdown()
            thread.join()


def account(url: str = BASE, **collection: Any) -> AccountConfig:
    """Return an account whose API is there."""
    config = replace(account_of_the_mock(), base_url=url)
    return replace(config, collection=CollectionConfig(**collection))


def stream_of(call_sid: str, seconds: int) -> bytes:
    """The details of a call that has lasted so long."""
    return body({**STREAM_OF_THE_PAGE, "call_sid": call_sid, "duration": seconds})


def look(
    call_sids: Iterable[str], heard: Heard | None = None, seconds: float = 5, url: str = BASE
) -> dict[str, Stream | ApiError]:
    """Ask for the details of calls."""
    client = Client(account(url), heard or Heard())
    try:
        return dict(client.streams(call_sids, Deadline.after(seconds)))
    finally:
        client.close()


def durations(found: Mapping[str, Stream | ApiError]) -> dict[str, float | str | None]:
    """Return the duration of each call, or the reason why there are no details."""
    return {
        call_sid: str(each.reason) if isinstance(each, ApiError) else each.duration
        for call_sid, each in found.items()
    }


def test_details_are_asked_for_as_the_api_documents(api: requests_mock.Mocker) -> None:
    """One request a call, with its call_sid in the path; credentials in the header alone."""
    heard = Heard()
    api.get(f"{CALLS_URL}/call_active_001/stream", content=STREAM)
    assert look(["call_active_001"], heard) == {"call_active_001": READ}
    [request] = api.request_history
    assert request.url == f"{CALLS_URL}/call_active_001/stream"
    assert request.headers["Authorization"].startswith("Basic ")
    assert heard.requests == [("streams", "200")]


@pytest.mark.parametrize(
    ("call_sid", "path"),
    [
        ("a/../b", "a%2F..%2Fb"),
        ("a?limit=1#b", "a%3Flimit%3D1%23b"),
        ("a b%2F", "a%20b%252F"),
        ("é", "%C3%A9"),
        ("a\r\nHost: b", "a%0D%0AHost%3A%20b"),
    ],
)
def test_no_call_sid_leads_elsewhere(api: requests_mock.Mocker, call_sid: str, path: str) -> None:
    """Whatever it holds, it stays one part of the path."""
    api.get(requests_mock.ANY, content=body({**STREAM_OF_THE_PAGE, "call_sid": call_sid}))
    assert durations(look([call_sid])) == {call_sid: 180}
    assert [request.url for request in api.request_history] == [f"{CALLS_URL}/{path}/stream"]


def test_details_come_as_they_are_answered() -> None:
    """Each with its call, though the first is answered last."""
    with answering({"call-0": 1, "call-1": 0, "call-2": 0}) as url:
        found = look(["call-0", "call-1", "call-2"], url=url)
    assert durations(found) == {"call-0": 0, "call-1": 1, "call-2": 2}
    assert list(found)[-1] == "call-0"


def test_details_at_which_the_reader_fails_cost_no_other_call(
    api: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the exporter, told with its place."""

    def broken(answer: bytes, call_sid: str) -> Stream:
        if call_sid == "b":
            raise OverflowError
        return read_stream(answer, call_sid)

    for call_sid in "abc":
        api.get(f"{CALLS_URL}/{call_sid}/stream", content=stream_of(call_sid, 1))
    monkeypatch.setattr(client_module, "read_stream", broken)
    found = look("abc")
    assert durations(found) == {"a": 1, "b": "internal", "c": 1}
    assert isinstance(found["b"], ApiError)
    assert found["b"].detail.startswith("OverflowError at test_client_streams.py:")


def test_an_error_stands_where_its_details_would(api: requests_mock.Mocker) -> None:
    """A call that ended meanwhile, one that is mixed up: the others are told all the same."""
    heard = Heard()
    for call_sid, answer in {
        "a": {"content": stream_of("a", 1)},
        "gone": {"status_code": 404},
        "b": {"content": stream_of("b", 2)},
        "mixed-up": {"content": stream_of("b", 3)},
        "html": {"content": b"<html>"},
        "broken": {"status_code": 500},
        "reset": {"exc": ConnectionResetError(104, "Connection reset by peer")},
        "failing": {"content": v3_error(200, 10744)},
        "c": {"content": stream_of("c", 4)},
    }.items():
        api.get(f"{CALLS_URL}/{call_sid}/stream", **answer)  # type: ignore[arg-type]  # one dictionary, several types
    asked = ["a", "gone", "b", "mixed-up", "html", "broken", "reset", "failing", "c"]
    told = (1, "not_found", 2, "bad_response", "bad_response", "server_error", "connection", "not_found", 4)
    assert durations(look(asked, heard)) == dict(zip(asked, told, strict=True))
    assert len(api.request_history) == len(heard.requests) == len(asked)
    assert not heard.retries


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status_code": 500}, "server_error"),
        ({"status_code": 503}, "server_error"),
        ({"status_code": 429}, "rate_limited"),
        ({"exc": requests.ConnectionError}, "connection"),
    ],
)
def test_details_are_not_asked_for_again(
    api: requests_mock.Mocker, answer: dict[str, Any], reason: str
) -> None:
    """Even where that could help: the next collection asks again, and the request serves another call."""
    heard = Heard()
    endpoint = api.get(f"{CALLS_URL}/a/stream", **answer)
    assert durations(look(["a"], heard)) == {"a": reason}
    assert endpoint.call_count == 1
    assert not heard.retries


def test_errors_of_details_hold_nothing_of_their_answers(api: requests_mock.Mocker) -> None:
    """Neither in what they say nor in the frames they came through."""
    api.get(f"{CALLS_URL}/a/stream", content=stream_of("b", 1))
    error = look(["a"])["a"]
    assert isinstance(error, ApiError)
    assert error.detail == "the answer is about another call"
    assert (error.__traceback__, error.__context__, error.__cause__) == (None, None, None)


def test_a_call_that_never_answers_keeps_no_other_waiting() -> None:
    """All others are told before the deadline; then the time is over, for that call or for all."""
    asked = [f"call-{number}" for number in range(9)]
    found: dict[str, Stream | ApiError] = {}
    with answering({**dict.fromkeys(asked, 0), "call-0": 9}) as url:
        client, deadline = Client(account(url, concurrency=2), Heard()), Deadline.after(scaled(1))
        try:
            for call_sid, each in client.streams(asked, deadline):
                found[call_sid] = each
        except ApiError as over:
            found["call-0"] = over
        client.close()
        assert time.monotonic() < deadline.at + scaled(2)
    assert durations(found) == {"call-0": "timeout", **{f"call-{number}": number for number in range(1, 9)}}


def test_details_that_came_before_the_deadline_are_told_after_it() -> None:
    """Whoever takes them may be slow."""
    found: dict[str, Stream | ApiError] = {}
    with answering({"call-1": 0, "call-2": 9, "call-3": 0}) as url:
        client, deadline = Client(account(url), Heard()), Deadline.after(scaled(1))
        streams = client.streams(["call-1", "call-2", "call-3"], deadline)
        found.update([next(streams)])
        time.sleep(deadline.remaining())
        try:
            for call_sid, each in streams:
                found[call_sid] = each
        except ApiError as over:
            found["call-2"] = over
        client.close()
    assert durations(found) == {"call-1": 1, "call-2": "timeout", "call-3": 3}


def test_details_asked_for_after_the_deadline_ask_nothing(api: requests_mock.Mocker) -> None:
    """No request is made that nobody waits for."""
    with pytest.raises(ApiError) as caught:
        look(["a", "b"], seconds=0)
    assert caught.value.reason == Reason.TIMEOUT
    assert not api.request_history


def test_call_sids_are_taken_one_by_one_and_may_end_early(api: requests_mock.Mocker) -> None:
    """Whoever gives them can stop when an error says that the next ones won't fare better.

    No more are under way by then than may be at a time.
    """
    endpoint = api.get(requests_mock.ANY, status_code=403)
    found: dict[str, Stream | ApiError] = {}
    given: list[str] = []

    def call_sids() -> Iterator[str]:
        for number in range(1000):
            if found:
                return
            given.append(f"call-{number}")
            yield given[-1]

    client = Client(account(concurrency=2), Heard())
    for call_sid, each in client.streams(call_sids(), Deadline.after(5)):
        found[call_sid] = each
    client.close()
    assert durations(found) == dict.fromkeys(given, "forbidden")
    assert len(given) == endpoint.call_count == 2


def test_details_of_no_call_ask_nothing(api: requests_mock.Mocker) -> None:
    """Nothing to look at, nothing to wait for."""
    assert look([]) == {}
    assert not api.request_history


def test_details_cost_the_budget_of_the_account(api: requests_mock.Mocker) -> None:
    """Where it is used up within the deadline, the error says so."""
    api.get(requests_mock.ANY, status_code=404)
    client = Client(account(requests_per_minute=3), Heard())
    found = dict(client.streams("abcde", Deadline.after(scaled(1))))
    client.close()
    assert sorted(durations(found).values(), key=str) == ["budget"] * 2 + ["not_found"] * 3
    assert client.rate_limiter.remaining() == 0


def test_a_pause_that_a_call_asks_for_leaves_the_list_open(api: requests_mock.Mocker) -> None:
    """It holds for the details of all calls, and for nothing else."""
    endpoint = api.get(requests_mock.ANY, status_code=429, headers={"Retry-After": "30"})
    client = Client(account(concurrency=1), Heard())
    found = dict(client.streams("abc", Deadline.after(scaled(1))))
    client.close()
    assert durations(found) == dict.fromkeys("abc", "rate_limited")
    assert endpoint.call_count == 1
    assert client.rate_limiter.retry_after(Endpoint.STREAMS) > 0
    assert client.rate_limiter.retry_after(Endpoint.CALLS) == 0


def test_details_longer_than_any_call_has_are_refused(api: requests_mock.Mocker) -> None:
    """Up to four MiB are read."""
    api.get(f"{CALLS_URL}/long/stream", content=stream_of("long", 1).ljust(4 * 2**20))
    api.get(f"{CALLS_URL}/longer/stream", content=stream_of("longer", 1).ljust(4 * 2**20 + 1))
    found = look(["long", "longer"])
    assert durations(found) == {"long": 1, "longer": "bad_response"}
    assert str(found["longer"]).endswith("longer than 4 MiB")


# AgentStream

SESSIONS_URL = f"{BASE}/v1/Accounts/acme1/ActiveStreams"
SESSIONS = b'{"status":"success","active_streams":12,"max_allowed_streams":"100","account_sid":"acme1"}'


def sessions(heard: Heard | None = None, seconds: float = 5) -> AgentStreams:
    """Ask for the AgentStream sessions."""
    client = Client(account(), heard or Heard())
    try:
        return client.agent_streams(Deadline.after(seconds))
    finally:
        client.close()


def test_sessions_are_asked_for_as_the_api_documents(api: requests_mock.Mocker) -> None:
    """One cheap request, on the older version of the API."""
    heard = Heard()
    api.get(SESSIONS_URL, content=SESSIONS)
    assert sessions(heard) == AgentStreams(12, 100)
    assert [request.url for request in api.request_history] == [SESSIONS_URL]
    assert heard.requests == [("agent_streams", "200")]


@pytest.mark.parametrize(
    ("first", "reason"),
    [({"status_code": 500}, "server_error"), ({"exc": requests.ConnectionError}, "connection")],
)
def test_sessions_are_not_asked_for_again(
    api: requests_mock.Mocker, first: dict[str, object], reason: str
) -> None:
    """The next collection does it."""
    heard = Heard()
    api.get(SESSIONS_URL, [first, {"content": SESSIONS}])
    with pytest.raises(ApiError) as refused:
        sessions(heard)
    assert refused.value.reason == reason
    assert not heard.retries


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status_code": 404}, "not_found"),
        ({"status_code": 404, "content": v1_error(404, None)}, "not_found"),
        ({"content": v1_error(404, None)}, "not_found"),
        ({"status_code": 401}, "auth"),
        ({"content": b"{}"}, "bad_response"),
    ],
)
def test_sessions_that_are_not_told_have_a_reason(
    api: requests_mock.Mocker, answer: dict[str, Any], reason: str
) -> None:
    """Not enabled is one, and no other try can mend it."""
    endpoint = api.get(SESSIONS_URL, **answer)
    with pytest.raises(ApiError) as caught:
        sessions()
    assert caught.value.reason == reason
    assert endpoint.call_count == 1


def test_sessions_take_no_more_than_one_mib(api: requests_mock.Mocker) -> None:
    """Two numbers need no more."""
    api.get(SESSIONS_URL, [{"content": SESSIONS.ljust(2**20)}, {"content": SESSIONS.ljust(2**20 + 1)}])
    assert sessions() == AgentStreams(12, 100)
    with pytest.raises(ApiError, match="longer than 1 MiB") as caught:
        sessions()
    assert caught.value.reason == Reason.BAD_RESPONSE


def test_sessions_end_with_the_deadline() -> None:
    """An API that hangs is told by its reason."""
    with answering({"": 9}) as url:
        client, started = Client(account(url), Heard()), time.monotonic()
        with pytest.raises(ApiError) as caught:
            client.agent_streams(Deadline.after(0.3))
        client.close()
        assert time.monotonic() - started < scaled(3)
    assert caught.value.reason == Reason.TIMEOUT


@pytest.mark.parametrize(
    ("base_url", "configured", "asked"),
    [
        ("https://ccm-api.in.exotel.com", None, "https://api.in.exotel.com"),
        ("https://ccm-api.exotel.com", None, "https://api.exotel.com"),
        ("https://ccm-api.exotel.com/", None, "https://api.exotel.com"),
        ("https://api.in.exotel.com", None, "https://api.in.exotel.com"),
        ("https://exotel.test:8443", None, "https://exotel.test:8443"),
        ("http://ccm-api.exotel.com", None, "http://ccm-api.exotel.com"),
        ("https://ccm-api.exotel.com.exotel.test", None, "https://ccm-api.exotel.com.exotel.test"),
        ("https://ccm-api.exotel.com", "https://voice.exotel.test", "https://voice.exotel.test"),
    ],
)
def test_sessions_are_asked_for_on_the_voice_host(
    api: requests_mock.Mocker, base_url: str, configured: str | None, asked: str
) -> None:
    """That of a known host, or the configured one; any other base_url is asked itself. In either format."""
    api.get(f"{asked}/v1/Accounts/acme1/ActiveStreams", content=SESSIONS)
    client = Client(
        replace(account(base_url), collection=CollectionConfig(agent_streams_url=configured)), Heard()
    )
    assert client.agent_streams(Deadline.after(5)) == AgentStreams(12, 100)
    client.close()
    [request] = api.request_history
    assert request.headers["Authorization"].startswith("Basic ")
    assert request.headers["Accept"] == "application/json, */*;q=0.5"


@pytest.mark.parametrize(
    ("answer", "reason", "said"),
    [
        ({"status_code": 404}, "not_found", "(see agent_streams_url): HTTP 404"),
        ({"status_code": 301}, "redirect", "(see agent_streams_url): HTTP 301"),
        ({"status_code": 401}, "auth", "(see agent_streams_url): HTTP 401"),
        ({"content": b"<!DOCTYPE html><html>"}, "bad_response", "the answer is HTML"),
        ({"content": v1_error(404, None)}, "not_found", "status 404 in the body"),
    ],
)
def test_where_sessions_were_asked_for_is_told(
    api: requests_mock.Mocker, answer: dict[str, Any], reason: str, said: str
) -> None:
    """A wrong host, or a wrong case of the path, can be seen at once; a token can't."""
    api.get(SESSIONS_URL, **answer)
    with pytest.raises(ApiError) as caught:
        sessions()
    assert caught.value.reason == reason
    assert caught.value.detail.startswith(f"AgentStream at {SESSIONS_URL} (see agent_streams_url): ")
    assert said in caught.value.detail
    assert TOKEN not in caught.value.detail


def test_where_nothing_answered_no_answer_is_blamed(api: requests_mock.Mocker) -> None:
    """A connection that fails tells what it was about itself."""
    api.get(SESSIONS_URL, exc=requests.ConnectionError)
    with pytest.raises(ApiError) as caught:
        sessions()
    assert "AgentStream at" not in caught.value.detail
