"""From an HTTP answer to what it says, or to the error that it is.

Source: the API's page "Active Stream Monitoring", and the error bodies that its sister pages show: v3
`{"http_code", "response": {"code", "error_data": {"code"}}}`, v1 `{"RestException": {"Status", "Code"}}`,
HTML, XML, or nothing; a failure may also come inside an HTTP 200.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

from exporter.exotel.coerce import convert, count, member
from exporter.exotel.documents import is_bulk, parse
from exporter.exotel.enums import CallState
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.models import Call, PersonalCall, read_call, settle

_C = TypeVar("_C", bound=Call)

_REASONS = {
    401: Reason.AUTH,
    402: Reason.FORBIDDEN,
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    408: Reason.TIMEOUT,
    429: Reason.RATE_LIMITED,
}
_APPLICATION_CODES = {
    1010: (Reason.AUTH, "authentication failed"),
    1017: (Reason.NOT_FOUND, "unknown account"),
    10744: (Reason.NOT_FOUND, "call not found"),
    10724: (Reason.RATE_LIMITED, "throttled"),
    10715: (Reason.SERVER_ERROR, "failed on the server's side"),
    10743: (Reason.SERVER_ERROR, "failed on the server's side"),
}
_TERMINAL = CallState.TERMINAL  # looked up once: to ask an enum for each row costs a fifth of its decoding
_FAILURE = re.compile("fail|error|denied|invalid|forbidden|false|un(success|authori[sz]ed)", re.IGNORECASE)
_ERRORS = ("error_data", "error", "errors", "RestException")
_HINTS = {
    Reason.AUTH: "check api_key, api_token and the region of base_url",
    Reason.FORBIDDEN: "the account may be suspended, unpaid or without this permission",
    Reason.NOT_FOUND: "check account_sid, and whether this API is enabled for the account",
    Reason.REDIRECT: "redirects are not followed; set base_url to the API itself",
}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list: its readable rows, how many could not be read, and the total the API reports."""

    calls: tuple[Call, ...]
    unreadable: int
    total: int | None

    @property
    def rows(self) -> int:
        """Give the number of rows the server sent, readable or not."""
        return len(self.calls) + self.unreadable


class _Quiet(Struct):
    """What a page without a failure says beside its rows; of one that says anything else all is looked at."""

    http_code: Literal[200] | None = None
    status: Literal["success", "ok", 200] | None = None
    code: Literal[0, 200] | None = None
    success: bool | None = None  # msgspec knows no Literal[True]
    error: None = None
    errors: None = None
    error_data: None = None
    RestException: None = None


class _Response(_Quiet, Generic[_C], kw_only=True):
    active_calls: list[_C]
    total_active: Any = None


class _Body(_Quiet, Generic[_C], kw_only=True):
    response: _Response[_C]


_decoders: dict[type[Call], Callable[[bytes], _Body[Any]]] = {
    Call: msgspec.json.Decoder(_Body[Call]).decode,
    PersonalCall: msgspec.json.Decoder(_Body[PersonalCall]).decode,
}


def read_page(body: bytes, kind: type[Call] = Call) -> Page:
    """Read the body of a 200 to `GET /v3/accounts/<account_sid>/calls/active`; its rows are of this kind.

    Raises ApiError when it isn't a page: by a failure told inside, or by its shape.
    """
    try:
        decoded = _decoders[kind](body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_page_loosely(body, kind)  # one odd field is enough
    response = decoded.response
    if False in (decoded.success, response.success):
        return _read_page_loosely(body, kind)
    calls = [settle(call) if call.state is _TERMINAL else call for call in response.active_calls]
    return Page(tuple(calls), 0, count(response.total_active))


def read_object(body: bytes) -> dict[str, Any]:
    """Read the JSON object in the body of a 200.

    Raises ApiError when it isn't one, or tells a failure.
    """
    answer = parse(body)
    _refuse_failure(200, answer)
    if not isinstance(answer, dict):
        found = f"{_kind(body)}, not JSON" if answer is None else "JSON of another shape: no object"
        raise ApiError(Reason.BAD_RESPONSE, f"the answer is {found}", status=200)
    return answer


def refuse_failure(status: int, body: bytes) -> None:
    """Raise the ApiError that an answer other than 200 stands for."""
    _refuse_failure(status, parse(body))


def _read_page_loosely(body: bytes, kind: type[Call]) -> Page:
    if is_bulk(body):
        raise ApiError(Reason.BAD_RESPONSE, "the answer has more values than any page", status=200)
    response = read_object(body).get("response")
    rows = member(response, "active_calls")
    if not isinstance(response, dict) or "active_calls" not in response or not isinstance(rows, list | None):
        detail = "the answer is of another shape: it has no list response.active_calls"
        raise ApiError(Reason.BAD_RESPONSE, detail, status=200)
    calls = [read_call(row, kind) for row in rows or ()]
    readable = tuple(call for call in calls if call is not None)
    return Page(readable, len(calls) - len(readable), count(response.get("total_active")))


@dataclass(frozen=True, slots=True)
class _Failure:
    """What an answer tells of a failure: an HTTP status, and a code of the API's own."""

    status: int | None
    code: int | str | None


def _failure(answer: object) -> _Failure | None:
    """Return the failure that an answer tells, at its top or in its response; None where it tells none.

    This alone decides what is a failure inside an HTTP 200: a failure in words, an HTTP status from 400 on, a
    known code of the API's, or an error that isn't empty.
    """
    parts = answer, member(answer, "response")
    places = [member(part, name) for part in parts for name in _ERRORS]
    errors = [each for each in places if _is_error(each)]
    codes = [_first(member(error, "code"), member(error, "Code")) for error in errors]
    statuses = [
        *(member(part, name) for part in parts for name in ("http_code", "code", "status")),
        *(member(error, "Status") for error in errors),
    ]
    numbers = [number for each in (*statuses, *codes) if (number := convert(each, int)) is not None]
    http_codes = (convert(member(part, "http_code"), int) or 200 for part in parts)
    failed = (number for number in numbers if 400 <= number < 600)
    unsuccessful = (code for code in http_codes if 100 <= code < 1000 and not 200 <= code < 300)
    status = next(chain(failed, unsuccessful), None)
    code = _first(*map(_code, codes), *(number for number in numbers if number in _APPLICATION_CODES))
    if errors or status or code or any(map(_is_failed, parts)):
        return _Failure(status, code)
    return None


def _is_failed(part: object) -> bool:
    """Tell whether a part of an answer says in words that it failed."""
    status = member(part, "status")
    is_failure = isinstance(status, str) and _FAILURE.search(status) is not None
    return is_failure or status is False or member(part, "success") in (False, "false")


def _is_error(value: object) -> bool:
    """Tell whether what stands in a place for errors is one: no code of success, and not empty."""
    if not isinstance(value, dict):
        return bool(value)
    code = convert(_first(value.get("code"), value.get("Code")), int)
    if code is None:
        return any(value.values())
    return code != 0 and not 200 <= code < 300


def _refuse_failure(status: int, answer: object) -> None:
    """Raise the ApiError that an answer stands for: its HTTP status, or a failure told inside a 200."""
    failure = _failure(answer)
    if status == 200 and not failure:
        return
    inside, code = (failure.status, failure.code) if failure else (None, None)
    known = _APPLICATION_CODES.get(code) if isinstance(code, int) else None
    reason = known[0] if known else _reason(inside or status)
    facts = [f"HTTP {status}"]
    if status == 200 and inside is None and code is None:
        facts.append("a failure without a code inside")
    if inside not in (None, status):
        facts.append(f"status {inside} inside")
    if code is not None:
        facts.append(f"API code {code}" + (f" ({known[1]})" if known else ""))
    hint = f": {_HINTS[reason]}" if reason in _HINTS else ""
    request_id = _identifier(member(answer, "request_id"))
    raise ApiError(
        reason, ", ".join(facts) + hint, status=status, inside=inside, code=code, request_id=request_id
    )


def _reason(status: int) -> Reason:
    if status in _REASONS:
        return _REASONS[status]
    if 300 <= status < 400:
        return Reason.REDIRECT
    return Reason.SERVER_ERROR if status >= 500 else Reason.BAD_RESPONSE


def _kind(body: bytes) -> str:
    start = body.lstrip()[:15].lower()
    if not start:
        return "empty"
    if start.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    return "XML" if start.startswith(b"<") else f"{len(body)} bytes of something else or cut short"


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _code(value: object) -> int | str | None:
    number = convert(value, int)
    return number if number is not None and abs(number) < 10**6 else _identifier(value)


def _identifier(value: object) -> str | None:
    """Keep what can only be an identifier: a sentence or a row of digits could be personal data."""
    if not isinstance(value, str) or len(value) > 64 or not any(map(str.isalpha, value)):
        return None
    return value if value.replace("_", "").replace("-", "").isalnum() and value.isascii() else None
