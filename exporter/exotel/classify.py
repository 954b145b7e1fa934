"""From an answer that isn't what was asked for, or an exception in its stead, to the ApiError that it is.

Source: the error bodies of the API's page and its sister pages: v3 `{"http_code", "response": {"code",
"error_data": {"code"}}}`, v1 `{"RestException": {"Status", "Code"}}`, HTML, XML, or nothing; a failure may
also come inside an HTTP 200.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterable
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from itertools import chain
from typing import Any

import requests.exceptions as rq
import urllib3.exceptions as u3

from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import coerce, member
from exporter.exotel.errors import ApiError, Reason, causes, exhausted_resource
from exporter.web.files import os_message

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
FAILED = re.compile("fail|error|denied|invalid|forbidden|false|un(success|authori[sz]ed)", re.IGNORECASE)
_ERRORS = ("error_data", "error", "errors", "RestException")

_IDENTIFIER = re.compile("(?=.*[A-Za-z])[A-Za-z0-9_-]{1,64}")  # a row of digits could be personal data
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})")
_CREDENTIALS_WANTED = 407
_GATEWAY = {502, 503, 504}
_EXCEPTIONS: tuple[tuple[tuple[type[BaseException], ...], Reason, str], ...] = (
    ((rq.ProxyError, u3.ProxyError), Reason.CONNECTION, "proxy {proxy}: {why}"),
    ((rq.SSLError, u3.SSLError, ssl.SSLError), Reason.TLS, "{host}: TLS failed: {why}"),
    ((socket.gaierror, u3.NameResolutionError), Reason.CONNECTION, "{host} can't be resolved: {why}"),
    # before ConnectTimeoutError, which it inherits from for the sake of old code
    ((u3.NewConnectionError,), Reason.CONNECTION, "{host}: {why}"),
    ((u3.ConnectTimeoutError,), Reason.TIMEOUT, "{host}: no connection within {time}"),
    ((rq.Timeout, u3.TimeoutError, TimeoutError), Reason.TIMEOUT, "{host}: no complete answer within {time}"),
    ((rq.ContentDecodingError, u3.DecodeError), Reason.BAD_RESPONSE, "the body can't be decompressed"),
    ((rq.InvalidHeader, u3.InvalidHeader), Reason.BAD_RESPONSE, "the Content-Length header isn't one number"),
    ((u3.IncompleteRead, IncompleteRead), Reason.CONNECTION, "{host}: the answer was cut short"),
    ((RemoteDisconnected,), Reason.CONNECTION, "{host}: the connection was closed without an answer"),
    ((HTTPException,), Reason.CONNECTION, "{host}: the answer isn't valid HTTP"),
)


def failed_exchange(
    error: BaseException, host: str, proxy: str | None, seconds: float, deadline: Deadline
) -> ApiError:
    """Return the ApiError for an exception that came after so many seconds instead of an answer.

    No URL or header is in its text; `host` and `proxy` are told with their ports.
    """
    if lacking := exhausted_resource(error):
        return ApiError(Reason.RESOURCES, f"{host}: {lacking}")
    found = tuple(causes(error))
    facts = {"why": _why(found), "host": host, "proxy": proxy or host, "time": _time(seconds, deadline)}
    for kinds, reason, text in _EXCEPTIONS:
        if any(isinstance(cause, kinds) for cause in found):
            return ApiError(reason, text.format_map(facts))
    return ApiError(Reason.CONNECTION, f"{host}: {facts['why']}")


def timed_out(host: str, seconds: float, deadline: Deadline) -> ApiError:
    """Return the ApiError for a request that its deadline has ended after so many seconds."""
    return ApiError(Reason.TIMEOUT, f"{host}: no complete answer within {_time(seconds, deadline)}")


def failed_proxy(status: int, body: bytes, proxy: str) -> ApiError | None:
    """Return the ApiError for an answer that a proxy gave in the API's stead, None for one that is the API's.

    Over plain HTTP both look alike, but the API writes JSON.
    """
    if status != _CREDENTIALS_WANTED and (status not in _GATEWAY or body.lstrip().startswith(b"{")):
        return None
    detail = f"proxy {proxy}: answered HTTP {status}{_of_proxy(status)}"
    return ApiError(Reason.CONNECTION, detail, status=status)


def refuse(status: int, answer: object) -> None:
    """Raise the ApiError that a parsed answer stands for: its HTTP status, or a failure told inside a 200."""
    is_failure, inside, code = _told(answer)
    if status == 200 and not is_failure:
        return
    known = _APPLICATION_CODES.get(code) if isinstance(code, int) else None
    reason = known[0] if known else _reason(inside or status)
    facts = [f"HTTP {status}"]
    if status == 200 and inside is None and code is None:
        facts.append("a failure without a code in the body")
    if inside not in (None, status):
        facts.append(f"status {inside} in the body")
    if code is not None:
        facts.append(f"API code {code}" + (f" ({known[1]})" if known else ""))
    request_id = _identifier(member(answer, "request_id"))
    detail = ", ".join(facts)
    raise ApiError(reason, detail, status=status, inside=inside, code=code, request_id=request_id)


def _time(seconds: float, deadline: Deadline) -> str:
    """Return how long was waited, and of how long where some of that had gone before."""
    if seconds > 0.9 * deadline.seconds:
        return f"{seconds:.1f} s"
    return f"{seconds:.1f} s (what was left of {deadline.seconds:g} s)"


def _why(found: tuple[BaseException, ...]) -> str:
    for cause in reversed(found):
        if refusal := _TUNNEL_REFUSED.match(str(cause)):
            return f"refused the tunnel with HTTP {refusal[1]}{_of_proxy(int(refusal[1]))}"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return cause.reason.lower().replace("_", " ")
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, rq.RequestException):
            return os_message(cause)
    return type(found[-1]).__name__


def _of_proxy(status: int) -> str:
    if status == _CREDENTIALS_WANTED:
        return ": check the credentials in proxy_url"
    return ", as it can't reach the API" if status in _GATEWAY else ""


def _reason(status: int) -> Reason:
    if status in _REASONS:
        return _REASONS[status]
    if 300 <= status < 400:
        return Reason.REDIRECT
    return Reason.SERVER_ERROR if status >= 500 else Reason.BAD_RESPONSE


def _told(answer: object) -> tuple[bool, int | None, int | str | None]:
    """Return whether an answer tells a failure, at its top or in its response, with which status and code.

    This alone decides what is a failure inside an HTTP 200: a failure in words, an HTTP status from 400 on, a
    known code of the API's, or an error that isn't empty.
    """
    parts = answer, member(answer, "response")
    places = [member(part, name) for part in parts for name in _ERRORS]
    errors = [each for each in places if _is_error(each)]
    codes = [_code_of(error) for error in errors]
    statuses = [
        *(member(part, name) for part in parts for name in ("http_code", "code", "status")),
        *(member(error, "Status") for error in errors),
    ]
    numbers = [number for each in (*statuses, *codes) if (number := coerce(int, each)) is not None]
    http_codes = (coerce(int, member(part, "http_code")) or 200 for part in parts)
    failed = (number for number in numbers if 400 <= number < 600)
    unsuccessful = (code for code in http_codes if 100 <= code < 1000 and not 200 <= code < 300)
    status = next(chain(failed, unsuccessful), None)
    code = _first((*map(_short_code, codes), *(number for number in numbers if number in _APPLICATION_CODES)))
    return bool(errors or status or code or any(map(_says_failed, parts))), status, code


def _says_failed(part: object) -> bool:
    """Return whether a part of an answer says in words that it failed."""
    status = member(part, "status")
    is_failure = isinstance(status, str) and FAILED.search(status) is not None
    return is_failure or status is False or member(part, "success") in (False, "false")


def _is_error(value: object) -> bool:
    """Return whether what stands in a place for errors is one: no code of success, and not empty."""
    if not isinstance(value, dict):
        return bool(value)
    code = coerce(int, _code_of(value))
    if code is None:
        return any(value.values())
    return code != 0 and not 200 <= code < 300


def _code_of(error: object) -> Any:
    return _first((member(error, "code"), member(error, "Code")))


def _first(values: Iterable[Any]) -> Any:
    return next((value for value in values if value is not None), None)


def _short_code(value: object) -> int | str | None:
    number = coerce(int, value)
    return number if number is not None and abs(number) < 10**6 else _identifier(value)


def _identifier(value: object) -> str | None:
    """Return what can only be an identifier."""
    return value if isinstance(value, str) and _IDENTIFIER.fullmatch(value) else None
