"""Faults are parsed, affect the requests they should, and do what they say."""

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import requests

from exporter.simulator import Fault, Settings, Simulator
from exporter.simulator.fault_kinds import KINDS
from exporter.simulator.malformed import (
    BORDERLINE_ROWS,
    INVALID_ROWS,
    MALFORMED_STREAMS,
    changed,
)
from exporter.simulator.messages import Delivery, Response
from tests.unit.simulator.ask import AUTH, calls, connect, every_row, get
from tests.waiting import GUARD, wait_until

ASK = b"GET /v3/accounts/demo/calls/active HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ZGVtbzpkZW1v\r\n\r\n"


@pytest.fixture(scope="module")
def shared() -> Iterator[Simulator]:
    """Yield one server for all tests of this file: starting it takes longest."""
    with Simulator(Settings(calls=60, speed=0)) as simulator:
        yield simulator


@pytest.fixture
def simulator(shared: Simulator) -> Iterator[Simulator]:
    """Yield a contact centre of 60 calls, with a stopped clock and no faults."""
    yield shared
    shared.clear_faults()


def read_all(simulator: Simulator) -> bytes:
    """Return all bytes of the response to a request for the list, until the connection is closed."""
    with connect(simulator) as connection:
        connection.sendall(ASK)
        read = b""
        while piece := connection.recv(65536):
            read += piece
        return read


def stream_of(simulator: Simulator) -> Any:
    """Return the stream of the first call."""
    sid = min(simulator.truth().call_sids)
    return get(simulator, f"/v3/accounts/demo/calls/{sid}/stream").json()["response"]["stream"]


# Syntax


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hang", Fault("hang")),
        ("status:503@first*2", Fault("status", "503", page="first", times=2)),
        ("calls/slow:20ms@middle", Fault("slow", "20ms", endpoint="calls", page="middle")),
        (
            "stream/status:429,retry-after=3,body=v1",
            Fault("status", "429,retry-after=3,body=v1", endpoint="stream"),
        ),
        ("status:401+30", Fault("status", "401", after=30)),
        ("calls/hang@first+2*3", Fault("hang", endpoint="calls", page="first", after=2, times=3)),
        ("total:1e+5", Fault("total", "1e+5")),
        ("redirect:http://x@y:1/z*3", Fault("redirect", "http://x@y:1/z", times=3)),
        ('total:{"a": 1}', Fault("total", '{"a": 1}')),
        ('stream/stream:{"legs":null}', Fault("stream", '{"legs":null}', endpoint="stream")),
    ],
)
def test_faults_are_parsed_and_written_in_the_same_syntax(text: str, fault: Fault) -> None:
    """Each part of it, and back."""
    assert Fault.parse(text) == fault
    assert str(fault) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "unknown fault 'nonsense'"),
        ("", "is not a fault"),
        ("status", "'' is not an HTTP status"),
        ("status:99", "'99' is not an HTTP status"),
        ("status:500,colour=red", "unknown option 'colour'"),
        ("status:500,body=pdf", "unknown body 'pdf'"),
        ("status:429,retry-after=a\nb", "can't be a header value"),
        ("hang:5", "takes no argument"),
        ("slow:5", "'5' is not a duration"),
        ("slow", "'' is not a duration"),
        ("total:many", "'many' is not JSON"),
        ("total", "'' is not JSON"),
        ("huge:0", "'0' is not a number of megabytes"),
        ("stream:[]", "is not a JSON object"),
        ("stream", "'' is not JSON"),
        ("details:1", "takes no argument"),
        ("redirect", "is not a URL to redirect to"),
        ("hang*0", "can't affect 0 requests"),
        ("stream/hang@first", "only the list of calls has pages"),
        ("hang@last", "is not a fault"),
    ],
)
def test_an_invalid_fault_is_refused_with_a_reason(text: str, says: str) -> None:
    """With one clear sentence."""
    with pytest.raises(ValueError, match=says):
        Fault.parse(text)


def test_every_kind_has_a_help_text() -> None:
    """For the help of the command."""
    assert all(kind.help for kind in KINDS.values())


# Requests that they affect


def test_a_fault_can_affect_a_number_of_requests(simulator: Simulator) -> None:
    """Then it is no longer active."""
    simulator.set_faults([Fault("status", "500", times=2)])
    assert [calls(simulator).status_code for _ in range(3)] == [500, 500, 200]


def test_a_fault_can_spare_requests_before(simulator: Simulator) -> None:
    """Of those that it would affect: credentials are revoked midway, and a while later they aren't."""
    simulator.set_faults(["calls/status:401+2*1"])
    assert get(simulator, "/v1/Accounts/demo/ActiveStreams").status_code == 200
    assert [calls(simulator).status_code for _ in range(4)] == [200, 200, 401, 200]


def test_a_fault_can_affect_some_pages(simulator: Simulator) -> None:
    """The first page, or those after it; other endpoints have no pages."""
    simulator.set_faults(["status:500@first", "status:502@middle"])
    assert [calls(simulator, offset=offset).status_code for offset in (0, 20, 40)] == [500, 502, 502]
    assert get(simulator, "/v1/Accounts/demo/ActiveStreams").status_code == 200


def test_a_fault_can_affect_one_endpoint(simulator: Simulator) -> None:
    """And no other."""
    simulator.set_faults(["agent_streams/status:500"])
    assert get(simulator, "/v1/Accounts/demo/ActiveStreams").status_code == 500
    assert calls(simulator).status_code == 200


def test_faults_are_combined(simulator: Simulator) -> None:
    """In their order; a body that a fault can't change is left alone."""
    simulator.set_faults(["total:7", "empty_page"])
    assert calls(simulator).json()["response"] == {"active_calls": [], "total_active": 7}
    simulator.set_faults(["html", "total:7", "rows"])
    assert calls(simulator).text.startswith("<!DOCTYPE html>")
    simulator.set_faults(["other_json:[1]", "total:7"])
    assert calls(simulator).json() == [1]


def test_any_two_faults_are_combined(simulator: Simulator) -> None:
    """In either order; what one has malformed the other may leave alone."""
    arguments = {
        "status": "503",
        "slow": "1ms",
        "total": "7",
        "stream": "{}",
        "huge": "1",
        "redirect": "http://x",
    }
    answers = [
        calls(simulator),
        get(simulator, f"/v3/accounts/demo/calls/{min(simulator.truth().call_sids)}/stream"),
    ]
    responses = [Response(answer.status_code, answer.content) for answer in answers]
    for first, second in itertools.permutations(KINDS, 2):
        faults = [Fault(kind, arguments.get(kind, "")) for kind in (first, second)]
        for response in responses:
            assert faults[1].apply(faults[0].apply(response)).delivery in get_args(Delivery)


# Kinds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_status(simulator: Simulator, status: int) -> None:
    """It sets the HTTP status, the same code in the body, and Retry-After on request."""
    simulator.set_faults([f"status:{status},retry-after=30"])
    answer = calls(simulator)
    assert answer.status_code == answer.json()["http_code"] == answer.json()["response"]["code"] == status
    assert answer.headers["Retry-After"] == "30"


def test_status_with_another_body(simulator: Simulator) -> None:
    """The shape of v1, an HTML page, nothing; and a status that never has a body."""
    simulator.set_faults(["status:429,body=v1"])
    assert calls(simulator).json()["RestException"]["Code"] == "RATE_LIMIT_EXCEEDED"
    simulator.set_faults(["status:502,body=html"])
    assert calls(simulator).headers["Content-Type"].startswith("text/html")
    simulator.set_faults(["status:500,body=empty"])
    assert calls(simulator).content == b""
    simulator.set_faults(["status:204"])
    assert (calls(simulator).status_code, calls(simulator).content) == (204, b"")


def test_inside(simulator: Simulator) -> None:
    """HTTP 200 with an error in the body."""
    simulator.set_faults(["inside"])
    answer = calls(simulator)
    assert (answer.status_code, answer.json()["http_code"]) == (200, 401)
    assert answer.json()["response"]["error_data"]["code"] == 1010


def test_reset(simulator: Simulator) -> None:
    """The connection ends with RST."""
    simulator.set_faults(["reset"])
    with pytest.raises(ConnectionResetError):
        read_all(simulator)


def test_close(simulator: Simulator) -> None:
    """The connection ends without a byte."""
    simulator.set_faults(["close"])
    assert read_all(simulator) == b""


def test_garbage(simulator: Simulator) -> None:
    """The response isn't HTTP."""
    simulator.set_faults(["garbage"])
    assert not read_all(simulator).startswith(b"HTTP")


def test_hang(simulator: Simulator) -> None:
    """There is no response; other clients are served meanwhile."""
    simulator.set_faults(["hang*1"])
    with connect(simulator) as hanging:
        hanging.sendall(ASK)
        wait_until(lambda: not simulator.faults(), "the request")
        assert calls(simulator).status_code == 200
        hanging.setblocking(False)  # noqa: FBT003 (as the socket has it)
        with pytest.raises(BlockingIOError):
            hanging.recv(1)


def test_drip(simulator: Simulator) -> None:
    """Headers announce the length of the body, and its first byte arrives long before the rest."""
    simulator.set_faults(["drip"])
    with connect(simulator) as connection:
        connection.sendall(ASK)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        assert b"Content-Length: " in head
        assert len(connection.recv(65536)) < 10


def test_truncate(simulator: Simulator) -> None:
    """Half of the body that Content-Length announces, then the end."""
    simulator.set_faults(["truncate"])
    head, _, body = read_all(simulator).partition(b"\r\n\r\n")
    announced = int(head.partition(b"Content-Length: ")[2].split()[0])
    assert len(body) == announced // 2


def test_bad_json(simulator: Simulator) -> None:
    """It has the type JSON and the correct length, but isn't JSON."""
    simulator.set_faults(["bad_json"])
    answer = calls(simulator)
    assert answer.headers["Content-Type"] == "application/json"
    with pytest.raises(ValueError, match=r"delimiter|Unterminated|Expecting"):
        answer.json()


def test_endings() -> None:
    """Each call has a state; ended calls have the status of v3, or still the one before."""
    with Simulator(Settings(calls=200, speed=0, linger=600)) as lingering:
        lingering.advance(120)
        lingering.set_faults(["endings"])
        rows = every_row(lingering)
        truth = Counter(
            status for (_, status), calls in lingering.truth().calls.items() for _ in range(calls)
        )
    found = Counter((row["status"], row["state"]) for row in rows)
    assert found["in-progress", "terminal"] == truth["completed"] > 0
    assert found["to_leg_unanswered", "terminal"] == truth["no-answer"] > 0
    assert found["in-progress", "active"] == truth["in-progress"] > 0
    assert found["ringing", "active"] == truth["ringing"]


def test_spoilt(simulator: Simulator) -> None:
    """Rows that strict JSON parsers refuse come before the others, even on an empty page."""
    true = calls(simulator).content.count(b"call_sid")
    spoilt = len(BORDERLINE_ROWS) + len(INVALID_ROWS) + 1  # one has its call_sid twice
    for faults, rows in (["spoilt"], true), (["empty_page", "spoilt"], 0):
        simulator.set_faults(faults)
        content = calls(simulator).content
        assert content.count(b"call_sid") == rows + spoilt
        with pytest.raises(ValueError, match="control character"):
            json.loads(content.decode(errors="replace"))


def test_html(simulator: Simulator) -> None:
    """HTTP 200 with an HTML page."""
    simulator.set_faults(["html"])
    answer = calls(simulator)
    assert (answer.status_code, answer.text[:9]) == (200, "<!DOCTYPE")


def test_other_json(simulator: Simulator) -> None:
    """JSON that isn't a list of calls, or exactly the argument."""
    simulator.set_faults(["other_json"])
    assert "response" not in calls(simulator).json()
    simulator.set_faults(["other_json:null"])
    assert calls(simulator).text == "null"


def test_empty_page(simulator: Simulator) -> None:
    """There are no rows, but the total is unchanged."""
    simulator.set_faults(["empty_page"])
    assert calls(simulator).json()["response"] == {"active_calls": [], "total_active": 60}


@pytest.mark.parametrize("total", ["0", "1000000", "-1", "null", '"60"', "60.5"])
def test_total(simulator: Simulator, total: str) -> None:
    """total_active is the argument; the rows are unchanged."""
    simulator.set_faults([f"total:{total}"])
    response = calls(simulator).json()["response"]
    assert json.dumps(response["total_active"]) == total
    assert len(response["active_calls"]) == 20


def test_rows(simulator: Simulator) -> None:
    """All original rows are there, in order, among malformed rows of every kind."""
    original = calls(simulator).json()["response"]["active_calls"]
    simulator.set_faults(["rows"])
    mixed = calls(simulator).json()["response"]["active_calls"]
    assert [row for row in mixed if row in original] == original
    malformed = [row for row in mixed if row not in original]
    assert None in malformed
    assert {} in malformed
    durations = [row["duration"] for row in malformed if isinstance(row, dict) and "duration" in row]
    assert {type(duration) for duration in durations} == {int, float, str, dict, type(None)}


def test_stream(simulator: Simulator) -> None:
    """It sets the given fields and no others; the list and an unknown call are left alone."""
    true = stream_of(simulator)
    simulator.set_faults(['stream:{"legs": null, "bridge": {"status": "active"}, "extra": 1}'])
    assert stream_of(simulator) == true | {"legs": None, "bridge": {"status": "active"}, "extra": 1}
    assert len(calls(simulator).json()["response"]["active_calls"]) == 20
    assert get(simulator, "/v3/accounts/demo/calls/nothing/stream").status_code == 404


def test_details(simulator: Simulator) -> None:
    """Each request gets the next malformed stream, and after the last one the first."""
    true = stream_of(simulator)
    simulator.set_faults(["details"])
    for malformed in (*MALFORMED_STREAMS, *MALFORMED_STREAMS[:10]):
        assert stream_of(simulator) == (
            changed(true, malformed) if isinstance(malformed, dict) else malformed
        )


def test_details_begin_anew_with_each_fault_and_skip_other_responses(simulator: Simulator) -> None:
    """A fault that is set again starts at the first; lists and errors use none up."""
    simulator.set_faults(["details"])
    first = [stream_of(simulator) for _ in range(8)]
    simulator.set_faults(["details"])
    again = []
    for _ in range(8):
        assert calls(simulator).json()["response"]["total_active"] == 60
        assert get(simulator, "/v3/accounts/demo/calls/nothing/stream").status_code == 404
        again.append(stream_of(simulator))
    assert first == again


def test_malformed_streams_are_of_every_kind() -> None:
    """Legs, bridges and recordings of all types, or missing; ten thousand legs; another call."""
    objects = [malformed for malformed in MALFORMED_STREAMS if isinstance(malformed, dict)]
    assert {type(malformed) for malformed in MALFORMED_STREAMS} == {type(None), str, int, list, dict}
    for name, types in (
        ("legs", {type(...), type(None), str, int, dict, list}),
        ("bridge", {type(...), type(None), str, dict, list}),
        ("recording", {type(...), type(None), str, bool, dict}),
        ("call_sid", {type(...), type(None), str, int, list}),
    ):
        assert {type(malformed[name]) for malformed in objects if name in malformed} == types
    assert (
        max(len(malformed["legs"]) for malformed in objects if isinstance(malformed.get("legs"), list))
        == 10_000
    )


def test_huge(simulator: Simulator) -> None:
    """That many megabytes arrive, chunked, without an announced length."""
    simulator.set_faults(["huge:2"])
    answer = calls(simulator)
    assert "Content-Length" not in answer.headers
    assert len(answer.content) > 2_000_000
    assert answer.json()["response"]["total_active"] == 60


def test_redirect(simulator: Simulator) -> None:
    """302 to the argument."""
    simulator.set_faults(["redirect:http://127.0.0.1:1/elsewhere"])
    answer = requests.get(
        simulator.url + "/v3/accounts/demo/calls/active", auth=AUTH, allow_redirects=False, timeout=GUARD
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://127.0.0.1:1/elsewhere")


def test_slow(simulator: Simulator) -> None:
    """The response is the same, but delayed by no less than the argument."""
    simulator.set_faults(["slow:20ms"])
    began = time.monotonic()
    assert calls(simulator).status_code == 200
    assert time.monotonic() - began >= 0.02
