"""What an HTTP answer of the API is read as."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace as with_fields

from exporter.exotel.decode import read_page, refuse_failure
from exporter.exotel.enums import AgentStatus
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.models import Agent, Call, NamedAgent, Page, PersonalCall
from tests.rows import agent, call

PHONE = "+919876543210"

ROW: dict[str, Any] = {
    "call_sid": "call_active_001",
    "direction": "outbound-api",
    "status": "in-progress",
    "from": PHONE,
    "to": PHONE,
    "start_time": "2024-06-15T10:30:00.000Z",
    "duration": 120,
    "agent_details": {"user_id": "agent_uuid_001", "name": "John Agent", "status": "on-call"},
    "recording_enabled": True,
}
CALL = call(
    call_sid="call_active_001",
    direction="outbound-api",
    status="in-progress",
    duration=120.0,
    agent_details=agent("agent_uuid_001", "on-call"),
    recording_enabled=True,
    start_time="2024-06-15T10:30:00.000Z",
)


def page(*rows: Any, total: Any = 1, http_code: Any = 200) -> bytes:
    """An answer in the shape of the API's page."""
    response = {"active_calls": list(rows), "total_active": total}
    body = {"request_id": "req_1", "method": "GET", "http_code": http_code, "response": response}
    return json.dumps(body).encode()


def read(status: int, body: bytes) -> Page:
    """Read an answer as the client does."""
    if status != 200:
        refuse_failure(status, body)
    return read_page(body)


def failing_page(failure: dict[str, Any], **beside: Any) -> bytes:
    """A failure beside a list that is there and empty."""
    response = {"active_calls": [], "total_active": 0, **failure}
    return json.dumps({"http_code": 200, "response": response, **beside}).encode()


def v3_error(http_code: Any, code: Any) -> bytes:
    """A failure in the v3 shape, whose texts hold a telephone number."""
    data = {"code": code, "message": f"no call from {PHONE}", "description": PHONE}
    response = {"code": http_code, "error_data": data, "status": "failure", "data": None}
    return json.dumps({"request_id": "req_9", "http_code": http_code, "response": response}).encode()


def v1_error(status: Any, code: Any) -> bytes:
    """A failure in the v1 shape, whose text holds a telephone number."""
    return json.dumps({"RestException": {"Status": status, "Message": PHONE, "Code": code}}).encode()


def test_the_example_of_the_api_page_is_read() -> None:
    """The rows come out typed, without telephone numbers or names; null says that no agent is there."""
    ringing = {
        **ROW,
        "call_sid": "call_active_002",
        "status": "ringing",
        "duration": 0,
        "agent_details": None,
    }
    read = read_page(page(ROW, ringing, total=2))
    assert read.total == 2
    assert read.unreadable == 0
    assert read.calls[0] == CALL
    assert read.calls[1].agent_details is None


def test_the_example_is_read_with_its_start() -> None:
    """As the API writes it; still without telephone numbers or names."""
    [timed] = read_page(page(ROW), Call).calls
    assert timed.start_time == "2024-06-15T10:30:00.000Z"
    assert PHONE not in repr(timed)
    assert "John" not in repr(timed)


@pytest.mark.parametrize("duration", [120, "120"])  # the second has the page read field by field
def test_the_example_is_read_with_its_personal_data(duration: object) -> None:
    """Both numbers and the agent's name, where they are asked for; either way of reading tells the same."""
    [personal] = read_page(page({**ROW, "from": "+911111111111", "duration": duration}), PersonalCall).calls
    assert personal == PersonalCall(
        CALL.call_sid,
        CALL.direction,
        CALL.status,
        CALL.duration,
        NamedAgent("agent_uuid_001", AgentStatus.ON_CALL, "John Agent"),
        recording_enabled=True,
        start_time="2024-06-15T10:30:00.000Z",
        from_="+911111111111",
        to=PHONE,
    )


@pytest.mark.parametrize("kind", [Call, PersonalCall])
@pytest.mark.parametrize(
    ("details", "expected"), [(None, None), (..., UNSET), ("John", Agent()), ({"name": "John"}, Agent())]
)
def test_no_agent_is_told_from_one_that_is_not_told(
    kind: type[Call], details: object, expected: object
) -> None:
    """For every kind of rows."""
    row = {name: value for name, value in {**ROW, "agent_details": details}.items() if value is not ...}
    for duration in (120, "120"):
        [found] = read_page(page({**row, "duration": duration}), kind).calls
        agent_details = found.agent_details
        if isinstance(agent_details, NamedAgent):
            agent_details = Agent(agent_details.user_id, agent_details.status)
        assert agent_details == expected
        assert type(found) is kind


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"from": 918000000001}, "from_", "918000000001"),
        ({"to": None}, "to", None),
        ({"to": ["+91"]}, "to", None),
        ({"from": "\ud800"}, "from_", "?"),
        ({"start_time": 1718447400}, "start_time", "1718447400"),
        ({"start_time": {}}, "start_time", None),
        ({"agent_details": {"name": 7}}, "agent_details", NamedAgent(name="7")),
        ({"agent_details": {"user_id": "a", "name": ["x"]}}, "agent_details", NamedAgent("a")),
        ({"duration": "\ud800"}, "duration", None),
    ],
)
def test_a_personal_field_of_another_type_costs_only_itself(
    change: dict[str, Any], field: str, expected: object
) -> None:
    """Here too what can be understood is kept."""
    [odd, next_] = read_page(page({**ROW, **change}, {**ROW, "call_sid": "next"}), PersonalCall).calls
    assert getattr(odd, field) == expected
    assert odd.status == next_.status == "in-progress"
    assert isinstance(next_, PersonalCall)
    assert (next_.from_, next_.to) == (PHONE, PHONE)


def test_the_slim_version_of_the_api_is_read() -> None:
    """A row without direction and agent is a call; that nothing is said of agents is told from no agent."""
    slim = {"call_sid": "c", "status": "ringing", "duration": 3, "recording_enabled": False}
    assert read_page(page(slim)).calls[0].agent_details is UNSET


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"duration": "120"}, "duration", 120.0),
        ({"duration": "120.5"}, "duration", 120.5),
        ({"duration": 120.5}, "duration", 120.5),
        ({"duration": "soon"}, "duration", None),
        ({"duration": {}}, "duration", None),
        ({"duration": "\ud83d"}, "duration", None),
        ({"call_sid": 7}, "call_sid", "7"),
        ({"call_sid": 10**40}, "call_sid", "1" + "0" * 40),
        ({"call_sid": "half \ud83d"}, "call_sid", "half ?"),
        ({"direction": 7}, "direction", "other"),
        ({"status": ["ringing"]}, "status", "other"),
        ({"recording_enabled": "true"}, "recording_enabled", True),
        ({"recording_enabled": 0}, "recording_enabled", False),
        ({"recording_enabled": "perhaps"}, "recording_enabled", None),
        ({"recording_enabled": "half \ud83d"}, "recording_enabled", None),
        ({"agent_details": "John"}, "agent_details", Agent()),
        ({"agent_details": {"user_id": 5, "status": 1}}, "agent_details", agent("5", "other")),
        ({"agent_details": {}}, "agent_details", Agent()),
    ],
)
def test_a_field_of_another_type_costs_only_itself(
    change: dict[str, Any], field: str, expected: object
) -> None:
    """What can be understood of a row is kept, and the rest of the row and of the page with it."""
    read = read_page(page({**ROW, **change}, {**ROW, "call_sid": "next"}, total=2))
    assert getattr(read.calls[0], field) == expected
    assert read.calls[0].status == ("other" if field == "status" else "in-progress")
    assert read.calls[1] == with_fields(CALL, call_sid="next")


@pytest.mark.parametrize("row", [None, 7, "row", [], {}, {**ROW, "call_sid": None}, {**ROW, "call_sid": ""}])
def test_a_row_that_names_no_call_is_counted_and_costs_only_itself(row: object) -> None:
    """Such a row is unreadable; its neighbours are read."""
    read = read_page(page(ROW, row, total=2))
    assert read.calls == (CALL,)
    assert (read.unreadable, read.rows) == (1, 2)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5000, "NaN"])
def test_a_number_that_no_type_holds_costs_only_itself(number: str) -> None:
    """JSON allows numbers that neither integers nor floats can hold."""
    odd = json.dumps({**ROW, "call_sid": "odd"}).replace("120", number)
    read = read_page(page(ROW, total=2).replace(b"}], ", f"}}, {odd}], ".encode()))
    assert [call.call_sid for call in read.calls] == ["call_active_001", "odd"]


@pytest.mark.parametrize(
    ("told", "total"),
    [
        (2, 2),
        ("2", 2),
        (None, None),
        ("many", None),
        ("\ud83d", None),
        (-1, None),
        ({}, None),
        (10**7, 10**7),
        (10**7 + 1, None),
    ],
)
def test_the_total_is_read_however_it_is_written(told: object, total: int | None) -> None:
    """A total that is no number from 0 to ten million is no total; the rows are read all the same."""
    read = read_page(page(ROW, total=told))
    assert (read.total, read.calls) == (total, (CALL,))


def test_a_byte_order_mark_is_no_reason_to_refuse_an_answer() -> None:
    """Some servers put one before their JSON."""
    assert read_page(b"\xef\xbb\xbf" + page(ROW)).calls == (CALL,)


def test_a_null_list_is_an_empty_one() -> None:
    """Some servers write a list without elements as null."""
    body = json.dumps({"http_code": 200, "response": {"active_calls": None, "total_active": 0}}).encode()
    assert read_page(body).rows == 0


FAILURES = [
    (401, v3_error(401, 1010), Reason.AUTH, "API code 1010 (authentication failed)"),
    (401, v3_error("401", "1010"), Reason.AUTH, "API code 1010"),
    (401, b"", Reason.AUTH, "HTTP 401"),
    (401, b"<html>no</html>", Reason.AUTH, "HTTP 401"),
    (402, b"", Reason.FORBIDDEN, "HTTP 402"),
    (403, v1_error(403, "SUSPENDED"), Reason.FORBIDDEN, "API code SUSPENDED"),
    (404, v3_error(404, 1017), Reason.NOT_FOUND, "unknown account"),
    (404, b"{}", Reason.NOT_FOUND, "HTTP 404"),
    (400, v3_error(400, 1), Reason.BAD_RESPONSE, "HTTP 400"),
    (409, b"", Reason.BAD_RESPONSE, "HTTP 409"),
    (202, page(ROW), Reason.BAD_RESPONSE, "HTTP 202"),
    (204, b"", Reason.BAD_RESPONSE, "HTTP 204"),
    (301, b"", Reason.REDIRECT, "HTTP 301"),
    (302, b"<html>", Reason.REDIRECT, "HTTP 302"),
    (408, b"", Reason.TIMEOUT, "HTTP 408"),
    (429, v1_error(429, "RATE_LIMIT_EXCEEDED"), Reason.RATE_LIMITED, "API code RATE_LIMIT_EXCEEDED"),
    (500, v3_error(500, 10715), Reason.SERVER_ERROR, "failed on the server's side"),
    (503, b"<xml/>", Reason.SERVER_ERROR, "HTTP 503"),
    (200, v3_error(401, 1010), Reason.AUTH, "HTTP 200, status 401 in the body, API code 1010"),
    (200, v3_error(200, 10724), Reason.RATE_LIMITED, "throttled"),
    (200, v3_error(500, "E_BUSY"), Reason.SERVER_ERROR, "API code E_BUSY"),
    (200, v1_error("429", None), Reason.RATE_LIMITED, "status 429 in the body"),
    (200, v1_error(None, None), Reason.BAD_RESPONSE, "HTTP 200"),
    (
        200,
        failing_page({"code": 401, "error_data": {"code": 1010}, "status": "failure"}),
        Reason.AUTH,
        "1010",
    ),
    (
        200,
        failing_page({"status": "failure"}),
        Reason.BAD_RESPONSE,
        "HTTP 200, a failure without a code in the body",
    ),
    (200, failing_page({}, RestException={"Status": 429}), Reason.RATE_LIMITED, "status 429 in the body"),
    (200, page(ROW, http_code=503), Reason.SERVER_ERROR, "status 503 in the body"),
    (200, b"", Reason.BAD_RESPONSE, "the answer is empty"),
    (200, b"<!DOCTYPE html><p>hello", Reason.BAD_RESPONSE, "the answer is HTML, not JSON"),
    (200, b"<?xml version='1.0'?>", Reason.BAD_RESPONSE, "the answer is XML, not JSON"),
    (200, page(ROW)[:-9], Reason.BAD_RESPONSE, "cut short"),
    (200, b"[" * 100_000, Reason.BAD_RESPONSE, "not JSON"),
    (200, b"null", Reason.BAD_RESPONSE, "not JSON"),
    (200, b"{}", Reason.BAD_RESPONSE, "no list response.active_calls"),
    (200, b"[]", Reason.BAD_RESPONSE, "JSON, but not an object"),
    (200, b'{"response": null}', Reason.BAD_RESPONSE, "no list response.active_calls"),
    (200, b'{"response": {"active_calls": {}}}', Reason.BAD_RESPONSE, "no list response.active_calls"),
]


@pytest.mark.parametrize(("status", "body", "reason", "text"), FAILURES)
def test_a_failure_is_told_by_its_reason(status: int, body: bytes, reason: Reason, text: str) -> None:
    """Whatever shape a failure has, the error names its reason, and nothing that the API wrote as prose."""
    with pytest.raises(ApiError) as caught:
        read(status, body)
    assert caught.value.reason == reason
    assert caught.value.status == status
    assert text in caught.value.detail
    assert PHONE not in repr(vars(caught.value))
    assert "\n" not in caught.value.detail


def test_the_request_id_of_a_failure_is_kept_for_the_support_ticket() -> None:
    """Exotel's support asks for it."""
    with pytest.raises(ApiError) as caught:
        read(500, v3_error(500, 10743))
    assert caught.value.request_id == "req_9"


@pytest.mark.parametrize("code", [PHONE, "call +919876543210", "9876543210", 9876543210, "a" * 65, "é"])
def test_a_code_that_is_no_code_is_not_repeated(code: object) -> None:
    """What stands where a code should be could be personal data."""
    with pytest.raises(ApiError) as caught:
        read(500, v3_error(500, code))
    assert caught.value.code is None
    assert str(code) not in caught.value.detail
