"""Which answers with HTTP 200 tell a failure, however they tell it, and that every way of reading agrees."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exotel.decode import read_page
from exporter.exotel.errors import ApiError, Reason
from tests.offenders import for_each
from tests.rows import JSON

ROWS = [{"call_sid": "a", "status": "ringing", "duration": 1}, {"call_sid": "b", "duration": 2}]
#: The same rows, but one field makes the whole page be read value by value.
ODD_ROWS = [{"call_sid": "a", "status": "ringing", "duration": "1"}, {"call_sid": "b", "duration": 2}]


def body(rows: object, top: dict[str, Any], inside: dict[str, Any]) -> bytes:
    """Write a list of calls that has more to tell, at its top and in its response."""
    return json.dumps({**top, "response": {"active_calls": rows, "total_active": 2, **inside}}).encode()


def verdict(answer: bytes) -> object:
    """Read an answer; return its calls, or all that its error tells."""
    try:
        return [(call.call_sid, call.status, call.duration) for call in read_page(answer).calls]
    except ApiError as error:
        return error.reason, error.detail, error.status, error.code


NO_FAILURE: list[dict[str, Any]] = [
    {},
    {"status": "success"},
    {"status": "Success", "code": 200},
    {"status": "ok", "code": 0},
    {"status": 200, "code": "200"},
    {"status": "success", "code": 200, "error_data": None, "error": None, "data": None},
    {"status": "success", "error_data": {}},
    {"status": "success", "error_data": {"code": 0}},
    {"status": "success", "error_data": {"code": "0", "message": "Success"}},
    {"status": "success", "error_data": {"code": 200, "message": "OK"}},
    {"status": "success", "error_data": {"code": None, "message": "", "description": None}},
    {"error": ""},
    {"error": {}},
    {"error": False},
    {"error": []},
    {"success": True},
    {"success": "true", "errors": []},
    {"error_data": ""},
    {"RestException": None},
    {"RestException": {}},
    {"status": "partial"},
    {"status": {}},
    {"code": 7},
    {"code": 10**400},
    {"http_code": 299},
    {"http_code": "many"},
]
FAILURES: list[tuple[dict[str, Any], Reason]] = [
    ({"status": "failure"}, Reason.BAD_RESPONSE),
    ({"status": " FAILED "}, Reason.BAD_RESPONSE),
    ({"status": "error"}, Reason.BAD_RESPONSE),
    ({"status": False}, Reason.BAD_RESPONSE),
    ({"status": "error: late"}, Reason.BAD_RESPONSE),
    ({"status": "unsuccessful"}, Reason.BAD_RESPONSE),
    ({"status": "authentication_failed"}, Reason.BAD_RESPONSE),
    ({"http_code": 302}, Reason.REDIRECT),
    ({"http_code": 600}, Reason.SERVER_ERROR),
    ({"success": False}, Reason.BAD_RESPONSE),
    ({"success": "false"}, Reason.BAD_RESPONSE),
    ({"errors": [{"code": 401}]}, Reason.BAD_RESPONSE),
    ({"errors": ["late"]}, Reason.BAD_RESPONSE),
    ({"status": 503}, Reason.SERVER_ERROR),
    ({"status": "failure", "error_data": {"code": 1010}}, Reason.AUTH),
    ({"status": "success", "error_data": {"code": 1010}}, Reason.AUTH),
    ({"status": "success", "error_data": {"code": "E_LIMIT"}}, Reason.BAD_RESPONSE),
    ({"error_data": {"message": "Call detail records are late"}}, Reason.BAD_RESPONSE),
    ({"error_data": {"code": "", "description": "late"}}, Reason.BAD_RESPONSE),
    ({"error_data": "late"}, Reason.BAD_RESPONSE),
    ({"error": "unauthorized"}, Reason.BAD_RESPONSE),
    ({"error": {"code": 429, "message": "slow down"}}, Reason.RATE_LIMITED),
    ({"code": 401}, Reason.AUTH),
    ({"code": "1017"}, Reason.NOT_FOUND),
    ({"http_code": 500}, Reason.SERVER_ERROR),
    ({"http_code": "404"}, Reason.NOT_FOUND),
    ({"RestException": {"Status": 403, "Message": "no"}}, Reason.FORBIDDEN),
    ({"RestException": {"Message": "no"}}, Reason.BAD_RESPONSE),
    ({"RestException": "no"}, Reason.BAD_RESPONSE),
]


@for_each((str(told), told) for told in NO_FAILURE)
def test_what_success_says_of_itself_is_no_failure(told: dict[str, Any]) -> None:
    """Empty errors, codes of success and words that say nothing: the list is what it is."""
    for rows, (top, inside) in product(([], ROWS, ODD_ROWS), ((told, {}), ({}, told))):
        page = read_page(body(rows, top, inside))
        assert (len(page.calls), page.total) == (len(rows), 2)


@for_each((str(told), (told, reason)) for told, reason in FAILURES)
def test_a_failure_is_one_whatever_list_stands_beside_it(case: tuple[dict[str, Any], Reason]) -> None:
    """Above all an empty one: it would be 0 calls."""
    told, reason = case
    for rows, (top, inside) in product(([], ROWS, ODD_ROWS), ((told, {}), ({}, told))):
        with pytest.raises(ApiError) as caught:
            read_page(body(rows, top, inside))
        assert caught.value.reason == reason, (rows, top)


VALUES: st.SearchStrategy[object] = (
    st.sampled_from(
        [
            *(None, "", 0, 200, "200", 401, "401", 401.0, 1010, 10**30, 1e300, False, True),
            *("success", "ok", "OK", "failure", " Failed", "error", "a text", {}, []),
            *({"code": 0}, {"code": "0"}, {"message": "x"}, {"code": 10724}, {"Status": 500}),
        ]
    )
    | JSON
)
TOLD = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("http_code", "status", "success", "code", "error", "errors", "error_data", "RestException"), VALUES
    ),
)


@given(TOLD, TOLD)
def test_every_way_of_reading_gives_the_same_verdict(top: dict[str, Any], inside: dict[str, Any]) -> None:
    """Whatever is told beside the list: one odd field in a row changes nothing of what a failure is."""
    assert verdict(body(ROWS, top, inside)) == verdict(body(ODD_ROWS, top, inside))


@given(TOLD, TOLD)
def test_an_empty_list_is_a_failure_where_a_full_one_is(top: dict[str, Any], inside: dict[str, Any]) -> None:
    """The rows have no say in it."""
    empty, full = verdict(body([], top, inside)), verdict(body(ROWS, top, inside))
    assert (empty == []) == isinstance(full, list)
    assert empty in ([], full)
